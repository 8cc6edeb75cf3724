#pragma once
#include <stddef.h>
#include <stdint.h>

// RE2 (linear time, whatever the pattern and the text) behind a C interface.

#ifdef __cplusplus
extern "C" {
#endif

/// A part of the matched text; data is NULL for a group that did not take part.
typedef struct {
    const char *data;
    size_t length;
} ls_span;

typedef struct ls_re2 ls_re2;

/// Compiles a pattern. Returns NULL and writes the reason (NUL-terminated, cut to fit) on error.
ls_re2 *ls_re2_new(const char *pattern, size_t length, int case_insensitive, int64_t memory_bytes,
                   char *error, size_t error_capacity);
void ls_re2_free(ls_re2 *expression);
/// Number of capturing groups, the whole match not counted.
int ls_re2_group_count(const ls_re2 *expression);
/// Name of group `index` (1 ...), or NULL when it has none. Lives as long as the expression.
const char *ls_re2_group_name(const ls_re2 *expression, int index);
/// Searches anywhere in the text. Returns 1 and fills `groups` (0 is the whole match) or returns 0.
/// Safe from several threads at once.
int ls_re2_match(const ls_re2 *expression, const char *text, size_t length, ls_span *groups,
                 int group_capacity);

#ifdef __cplusplus
}
#endif
