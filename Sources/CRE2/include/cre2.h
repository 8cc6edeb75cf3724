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

// Many expressions of which a run needs few: each is compiled when it is first tried.

/// An ordered list of expressions. Patterns and texts are bytes (Latin-1): `.` is one byte, also
/// where a text is not valid UTF-8.
typedef struct ls_re2_list ls_re2_list;

/// `memory_bytes` is the most that one expression may take, program and automata together. One
/// whose program does not fit gets 4 and then 16 times as much.
ls_re2_list *ls_re2_list_new(size_t capacity, int64_t memory_bytes);
void ls_re2_list_free(ls_re2_list *list);
/// Adds without compiling. The pattern's bytes must live as long as the list. Returns the index,
/// or -1 when the list is full. Not while other threads use the list.
int ls_re2_list_add(ls_re2_list *list, const char *pattern, size_t length, int case_insensitive);
/// As `ls_re2_match`, for the expression at `index`; returns -1 when RE2 cannot express it. Groups
/// above `group_capacity` are not reported. Safe from several threads at once.
int ls_re2_list_match(ls_re2_list *list, size_t index, const char *text, size_t length,
                      ls_span *groups, int group_capacity);
/// Compiles and writes the reason (NUL-terminated, cut to fit) when that fails. Returns 1 or 0.
int ls_re2_list_check(const ls_re2_list *list, size_t index, char *error, size_t error_capacity);
/// How many are compiled at this moment.
size_t ls_re2_list_compiled(const ls_re2_list *list);

#ifdef __cplusplus
}
#endif
