#pragma once
#include <stddef.h>
#include <stdint.h>

// simdjson's structural index (SIMD, chosen at run time) and a walker of our own over it that
// collects the values of a fixed set of paths from many lines in one call. Unlike simdjson's
// on-demand front end it checks the whole document, so that a bad line is refused whatever is asked
// of it, and one bad line costs one line.

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LS_ABSENT = 0,
    LS_STRING = 1,
    /// A string that had escapes: the bytes are in the arena and may hold control characters.
    LS_UNESCAPED = 2,
    LS_NUMBER = 3,
    LS_TRUE = 4,
    LS_FALSE = 5,
    LS_NULL = 6,
    LS_OBJECT = 7,
    LS_ARRAY = 8,
};

/// A value: a string's bytes without quotes, a number's or literal's text.
typedef struct {
    const uint8_t *data;
    uint32_t length;
    uint32_t kind;
} ls_field;

enum {
    LS_OK = 0,
    LS_BAD_UTF8 = 1,
    LS_UNCLOSED_STRING = 2,
    LS_CONTROL_CHARACTER = 3,
    LS_SYNTAX = 4,
    LS_INCOMPLETE = 5,
    LS_TOO_DEEP = 6,
    LS_TRAILING = 7,
    LS_BAD_ESCAPE = 8,
    /// A wanted key comes twice in one object: which one counts would be anybody's guess.
    LS_DUPLICATE = 9,
    LS_TOO_LONG = 10,
    LS_NOT_OBJECT = 11,
    LS_NO_MEMORY = 12,
};

/// One line that is not blank. Offsets are from the start of what `ls_json_begin` was given.
typedef struct {
    uint32_t start;
    /// Without the newline.
    uint32_t end;
    /// From 0, blank ones counted.
    uint32_t number;
    uint16_t status;
    uint16_t reserved;
    /// Where in the line, from 1, when the status is not LS_OK; 0 when not known.
    uint32_t column;
} ls_line;

typedef struct ls_json ls_json;

/// `slots` is the number of fields a document fills. NULL when memory is short.
ls_json *ls_json_new(uint32_t slots, uint32_t max_depth, uint32_t max_line);
void ls_json_free(ls_json *parser);

/// The trie of wanted paths; node 0 is the document. Each returns the node below `node`, made when new.
uint32_t ls_json_member(ls_json *parser, uint32_t node, const char *key, size_t length);
/// Element `index` of an array; -1 is any element, of which the first that has the value counts.
uint32_t ls_json_element(ls_json *parser, uint32_t node, int32_t index);
/// The elements of an array that are objects whose member `key` is the string `value`.
uint32_t ls_json_select(ls_json *parser, uint32_t node, const char *key, size_t key_length,
                        const char *value, size_t value_length);
/// The value at `node` goes to field `slot`. Returns the slot, or the one it went to already.
uint32_t ls_json_capture(ls_json *parser, uint32_t node, uint32_t slot);

/// Starts on a buffer of lines (at most 4 GiB), which must be readable for 64 bytes beyond `length`.
void ls_json_begin(ls_json *parser, const uint8_t *data, size_t length);
/// Decodes up to `capacity` lines; `fields` holds `slots` a line. Returns how many, 0 at the end.
size_t ls_json_next(ls_json *parser, ls_line *lines, ls_field *fields, size_t capacity);
/// Decodes one document. Returns its status; `column` counts bytes from 1.
int ls_json_document(ls_json *parser, const uint8_t *data, size_t length, ls_field *fields,
                     uint32_t *column);

/// Memory that lives until `ls_json_reset`; padded by 64 readable bytes. NULL when memory is short.
uint8_t *ls_json_reserve(ls_json *parser, size_t length);
void ls_json_reset(ls_json *parser);

/// How many bytes are newlines.
size_t ls_count_newlines(const uint8_t *data, size_t length);
/// Whether all bytes are UTF-8.
int ls_utf8_valid(const uint8_t *data, size_t length);

#ifdef __cplusplus
}
#endif
