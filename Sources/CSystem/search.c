#include "csystem.h"

#include <string.h>

// Keys are compared eight at a time, without a branch: which of a profile's facts a record meets can
// not be foretold, and a wrong guess of the processor's costs as much as the whole search.

#if defined(__x86_64__)
#define WITH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WITH_CLONES
#endif

typedef uint64_t lanes __attribute__((vector_size(64)));
typedef _Bool lane_bits __attribute__((ext_vector_type(8)));

/// The lanes that are equal, a bit each. A macro, as a function would have to be of one processor.
#define EQUAL(a, b) \
    ({ \
        lane_bits bits = __builtin_convertvector((a) == (b), lane_bits); \
        uint8_t byte; \
        memcpy(&byte, &bits, 1); \
        (uint64_t)byte; \
    })

/// The numbers of eight keys from `at` on, counted from 1; 0 for those that are not there.
#define NUMBERS(at, count) \
    ({ \
        lanes number = (lanes){1, 2, 3, 4, 5, 6, 7, 8} + (uint64_t)(at); \
        number & (lanes)(number <= (uint64_t)(count)); \
    })

WITH_CLONES void ls_find_facts(const uint64_t *keys, size_t count, const ls_keys *wanted,
                               ls_places *places) {
    // The number of the key that is equal, in whichever lane; there is one at most.
    lanes found[LS_FACTS] = {{0}};
    for (size_t at = 0; at < count; at += 8) {
        lanes lane, numbers = NUMBERS(at, count);
        memcpy(&lane, keys + at, sizeof lane);
#pragma clang loop unroll(full)
        for (int i = 0; i < LS_FACTS; i++) found[i] |= (lanes)(lane == wanted->key[i]) & numbers;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < LS_FACTS; i++) places->at[i] = (int32_t)__builtin_reduce_or(found[i]) - 1;
}

WITH_CLONES int32_t ls_find(const uint64_t *keys, size_t count, uint64_t wanted) {
    lanes found = {0};
    for (size_t at = 0; at < count; at += 8) {
        lanes lane;
        memcpy(&lane, keys + at, sizeof lane);
        found |= (lanes)(lane == wanted) & NUMBERS(at, count);
    }
    return (int32_t)__builtin_reduce_or(found) - 1;
}

WITH_CLONES ls_mask ls_of_kind(const uint64_t *keys, size_t count, uint8_t kind) {
    ls_mask mask = {0, 0};
    for (size_t at = 0; at < count && at < 128; at += 8) {
        lanes lane;
        memcpy(&lane, keys + at, sizeof lane);
        uint64_t bits = EQUAL(lane >> 56, (lanes){0} + kind);
        if (count - at < 8) bits &= (1u << (count - at)) - 1;
        if (at < 64)
            mask.low |= bits << at;
        else
            mask.high |= bits << (at - 64);
    }
    return mask;
}
