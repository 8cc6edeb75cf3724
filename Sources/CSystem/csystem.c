#include "csystem.h"

_Thread_local void *ls_arena;
