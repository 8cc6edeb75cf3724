#pragma once
#include <malloc.h>
#include <sys/mman.h>

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
