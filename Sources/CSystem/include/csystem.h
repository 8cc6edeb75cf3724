#pragma once
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

// What Swift has no word for.

/// Asks for the cache line at an address ahead of its use. Any address is allowed.
static inline void ls_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

/// Tells the processor that the thread is waiting in a loop.
static inline void ls_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/// A count of time, of a fixed rate on each machine: the time-stamp counter where there is one.
static inline uint64_t ls_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

/// Where the calling thread's blocks of memory come from. NULL until it has one.
extern _Thread_local void *ls_arena;
static inline void *ls_current_arena(void) { return ls_arena; }
static inline void ls_set_current_arena(void *arena) { ls_arena = arena; }

/// Cleared memory of the system's, with its pages there at once rather than one by one as they are
/// touched; NULL when there is none.
static inline void *ls_map(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                        -1, 0);
    if (memory == MAP_FAILED) return NULL;
    return memory;
}
static inline void ls_unmap(void *memory, size_t bytes) { munmap(memory, bytes); }

/// One bit for each of up to 128 keys.
typedef struct {
    uint64_t low, high;
} ls_mask;

/// How many facts a sighting may meet.
#define LS_FACTS 9

/// What to look for, and where each was found (-1: nowhere).
typedef struct {
    uint64_t key[LS_FACTS];
} ls_keys;
typedef struct {
    int32_t at[LS_FACTS];
} ls_places;

// Searches among `count` keys, at most 128, each there once at most. They read on to the next multiple
// of eight keys, which has to be memory of the caller's, of whatever content.

/// Looks for all of them at once.
void ls_find_facts(const uint64_t *keys, size_t count, const ls_keys *wanted, ls_places *places);
/// Where a key stands, or -1.
int32_t ls_find(const uint64_t *keys, size_t count, uint64_t wanted);
/// Which keys have this top byte.
ls_mask ls_of_kind(const uint64_t *keys, size_t count, uint8_t kind);
