#define _GNU_SOURCE
#include "gnu.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

int gnu_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int gnu_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int gnu_spawn(
    const char *program, char *const *words, char *const *variables, int input, int output,
    int errors, pid_t *child) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int code = posix_spawn_file_actions_init(&files);
    if (code != 0) return code;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&files);
        return code;
    }
    if ((code = posix_spawn_file_actions_adddup2(&files, input, 0)) == 0
        && (code = posix_spawn_file_actions_adddup2(&files, output, 1)) == 0
        && (code = posix_spawn_file_actions_adddup2(&files, errors, 2)) == 0
        && (code = posix_spawn_file_actions_addclosefrom_np(&files, 3)) == 0
        && (code = posix_spawn_file_actions_addchdir_np(&files, "/")) == 0
        && (code = posix_spawnattr_setpgroup(&attributes, 0)) == 0
        && (code = posix_spawnattr_setsigdefault(&attributes, &all)) == 0
        && (code = posix_spawnattr_setsigmask(&attributes, &none)) == 0
        && (code = posix_spawnattr_setflags(
                &attributes,
                POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
               == 0) {
        code = posix_spawn(child, program, &files, &attributes, words, variables);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return code;
}
