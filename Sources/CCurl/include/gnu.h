/// Functions of GNU's C library that Swift's Glibc module leaves out (they need _GNU_SOURCE), for
/// running a program whose files, signals and process group are all its own.
#ifndef CCURL_GNU_H
#define CCURL_GNU_H

#include <sys/types.h>

/// An anonymous file in memory, closed on exec. Returns -1 with errno.
int gnu_memory_file(const char *name);

/// A pipe whose ends are closed on exec. Returns -1 with errno.
int gnu_pipe(int ends[2]);

/// Starts a program: no shell and no search path, its own process group, default signals with none
/// blocked, the directory `/`, the three files given (each 3 or above) as 0, 1 and 2, and no others.
/// Returns 0, or an error number when nothing was started.
int gnu_spawn(
    const char *program, char *const *words, char *const *variables, int input, int output,
    int errors, pid_t *child);

#endif
