#include "csimdjson.h"

#include "arena.hpp"
#include "json_text.hpp"

#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

constexpr uint32_t kNone = UINT32_MAX;
/// Lines are indexed together up to this many bytes, which keeps the index in the cache.
constexpr size_t kBlock = 96 << 10;

inline uint64_t load8(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, 8);
    return value;
}

inline bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct Child {
    std::string key;
    uint64_t head = 0;
    uint64_t mask = 0;
    uint32_t node = 0;
};

struct Selector {
    std::string key;
    std::string value;
    uint32_t node = 0;
};

struct Indexed {
    int32_t index;
    uint32_t node;
};

struct Node {
    std::vector<Child> children;
    std::vector<Selector> selectors;
    std::vector<Indexed> indexed;
    uint32_t any = kNone;
    uint32_t slot = kNone;
    /// Below an element of "any", or a selected one: the first value counts, a second is no error.
    bool repeats = false;
    /// The child that was met last: keys come in the same order in most documents.
    uint32_t hint = 0;

    bool wanted() const {
        return !children.empty() || !selectors.empty() || !indexed.empty() || any != kNone;
    }
};

}  // namespace

struct ls_json {
    std::vector<Node> nodes;
    uint32_t slots;
    uint32_t max_depth;
    uint32_t max_line;
    std::unique_ptr<simdjson::internal::dom_parser_implementation> index;
    Arena arena;

    // Where `next` is.
    const uint8_t *data = nullptr;
    size_t length = 0;
    size_t at = 0;
    uint32_t line_number = 0;
    size_t block_end = 0;
    bool block_indexed = false;
    size_t block_start = 0;

    // The document being walked. `it` and `stop` are relative to `base`.
    const uint8_t *base = nullptr;
    const uint32_t *it = nullptr;
    uint32_t stop = 0;
    ls_field *fields = nullptr;
    uint32_t failed_at = 0;
    /// Whether what the index is of has a backslash at all: most logs' lines have none, and then no
    /// string needs to be searched for one.
    bool has_escapes = false;

    int make_index(const uint8_t *p, size_t n) {
        if (n > index->capacity()) {
            const size_t wanted = n < kBlock ? kBlock : n + n / 2;
            if (index->set_capacity(wanted) != simdjson::SUCCESS) return LS_NO_MEMORY;
        }
        has_escapes = memchr(p, '\\', n) != nullptr;
        switch (index->stage1(p, n, simdjson::stage1_mode::regular)) {
            case simdjson::SUCCESS: return LS_OK;
            case simdjson::UTF8_ERROR: return LS_BAD_UTF8;
            case simdjson::UNCLOSED_STRING: return LS_UNCLOSED_STRING;
            case simdjson::UNESCAPED_CHARS: return LS_CONTROL_CHARACTER;
            case simdjson::EMPTY: return LS_INCOMPLETE;
            default: return LS_SYNTAX;
        }
    }

    int fail(int status, uint32_t position) {
        failed_at = position;
        return status;
    }

    /// End of the token that starts at `start`, the next structural being `it`.
    uint32_t token_end() const {
        uint32_t end = *it < stop ? *it : stop;
        while (is_space(base[end - 1])) --end;
        return end;
    }

    int capture(const Node &node, const uint8_t *p, size_t n, uint32_t kind, uint32_t position) {
        ls_field &field = fields[node.slot];
        if (field.kind != LS_ABSENT) {
            if (node.repeats) return LS_OK;
            return fail(LS_DUPLICATE, position);
        }
        field = {p, uint32_t(n), kind};
        return LS_OK;
    }

    int string(uint32_t node, uint32_t start) {
        ++it;
        const uint32_t end = token_end();
        const uint8_t *p = base + start + 1;
        if (end < start + 2 || base[end - 1] != '"') return fail(LS_SYNTAX, start);
        const size_t n = end - start - 2;
        const bool escaped = has_escapes && memchr(p, '\\', n) != nullptr;
        const bool wanted = node != kNone && nodes[node].slot != kNone;
        if (!escaped) return wanted ? capture(nodes[node], p, n, LS_STRING, start) : LS_OK;
        if (!wanted) {
            return unescape(p, n, nullptr) < 0 ? fail(LS_BAD_ESCAPE, start) : LS_OK;
        }
        uint8_t *copy = arena.reserve(n);
        if (copy == nullptr) return fail(LS_NO_MEMORY, start);
        const ptrdiff_t count = unescape(p, n, copy);
        if (count < 0) return fail(LS_BAD_ESCAPE, start);
        arena.give_back(n, size_t(count));
        return capture(nodes[node], copy, size_t(count), LS_UNESCAPED, start);
    }

    int scalar(uint32_t node, uint32_t start) {
        ++it;
        const uint8_t *p = base + start;
        const size_t n = token_end() - start;
        uint32_t kind;
        if (n == 4 && memcmp(p, "true", 4) == 0) {
            kind = LS_TRUE;
        } else if (n == 5 && memcmp(p, "false", 5) == 0) {
            kind = LS_FALSE;
        } else if (n == 4 && memcmp(p, "null", 4) == 0) {
            kind = LS_NULL;
        } else if (is_number(p, n)) {
            kind = LS_NUMBER;
        } else {
            return fail(LS_SYNTAX, start);
        }
        if (node == kNone || nodes[node].slot == kNone) return LS_OK;
        return capture(nodes[node], p, n, kind, start);
    }

    uint32_t child_named(Node &node, const uint8_t *key, size_t n) {
        const uint32_t count = uint32_t(node.children.size());
        const uint64_t head = load8(key);
        uint32_t i = node.hint;
        for (uint32_t k = 0; k < count; ++k) {
            if (i >= count) i = 0;
            const Child &child = node.children[i];
            if (child.key.size() == n && (head & child.mask) == child.head &&
                (n <= 8 || memcmp(key + 8, child.key.data() + 8, n - 8) == 0)) {
                node.hint = i + 1;
                return child.node;
            }
            ++i;
        }
        return kNone;
    }

    /// The key at `it`, which moves to the value. `key` may come to lie in the arena.
    int read_key(const uint8_t *&key, size_t &n, bool plain) {
        const uint32_t start = *it;
        if (start >= stop) return fail(LS_INCOMPLETE, stop);
        if (base[start] != '"') return fail(LS_SYNTAX, start);
        ++it;
        const uint32_t colon = *it;
        if (colon >= stop) return fail(LS_INCOMPLETE, stop);
        if (base[colon] != ':') return fail(LS_SYNTAX, colon);
        const uint32_t end = token_end();
        key = base + start + 1;
        n = end - start - 2;
        ++it;
        if (!has_escapes || memchr(key, '\\', n) == nullptr) return LS_OK;
        if (!plain) return unescape(key, n, nullptr) < 0 ? fail(LS_BAD_ESCAPE, start) : LS_OK;
        uint8_t *copy = arena.reserve(n);
        if (copy == nullptr) return fail(LS_NO_MEMORY, start);
        const ptrdiff_t count = unescape(key, n, copy);
        if (count < 0) return fail(LS_BAD_ESCAPE, start);
        key = copy;
        n = size_t(count);
        return LS_OK;
    }

    int object(uint32_t node, uint32_t depth) {
        const uint32_t open = *it;
        if (depth >= max_depth) return fail(LS_TOO_DEEP, open);
        ++it;
        uint32_t p = *it;
        if (p < stop && base[p] == '}') {
            ++it;
            return LS_OK;
        }
        const bool wanted = node != kNone && !nodes[node].children.empty();
        for (;;) {
            const uint8_t *key;
            size_t n;
            if (int status = read_key(key, n, wanted)) return status;
            const uint32_t child = wanted ? child_named(nodes[node], key, n) : kNone;
            if (int status = value(child, depth + 1)) return status;
            p = *it;
            if (p >= stop) return fail(LS_INCOMPLETE, stop);
            ++it;
            if (base[p] == '}') return LS_OK;
            if (base[p] != ',') return fail(LS_SYNTAX, p);
        }
    }

    /// Which selector fits the object at `it`, walking over it; kNone for none.
    int select(const Node &node, uint32_t depth, uint32_t &chosen) {
        chosen = kNone;
        const uint32_t open = *it;
        if (depth >= max_depth) return fail(LS_TOO_DEEP, open);
        ++it;
        uint32_t p = *it;
        if (p < stop && base[p] == '}') {
            ++it;
            return LS_OK;
        }
        for (;;) {
            const uint8_t *key;
            size_t n;
            if (int status = read_key(key, n, true)) return status;
            const uint32_t start = *it;
            const bool text = start < stop && base[start] == '"';
            if (int status = value(kNone, depth + 1)) return status;
            if (text && chosen == kNone) {
                uint32_t end = *it < stop ? *it : stop;
                while (is_space(base[end - 1])) --end;
                const uint8_t *found = base + start + 1;
                const size_t count = end - start - 2;
                for (const Selector &selector : node.selectors) {
                    if (selector.key.size() == n && memcmp(selector.key.data(), key, n) == 0 &&
                        selector.value.size() == count &&
                        memcmp(selector.value.data(), found, count) == 0) {
                        chosen = selector.node;
                        break;
                    }
                }
            }
            p = *it;
            if (p >= stop) return fail(LS_INCOMPLETE, stop);
            ++it;
            if (base[p] == '}') return LS_OK;
            if (base[p] != ',') return fail(LS_SYNTAX, p);
        }
    }

    int array(uint32_t node, uint32_t depth) {
        const uint32_t open = *it;
        if (depth >= max_depth) return fail(LS_TOO_DEEP, open);
        ++it;
        uint32_t p = *it;
        if (p < stop && base[p] == ']') {
            ++it;
            return LS_OK;
        }
        const bool wanted = node != kNone && nodes[node].wanted();
        for (int32_t k = 0;; ++k) {
            uint32_t child = kNone;
            if (wanted) {
                const Node &here = nodes[node];
                for (const Indexed &entry : here.indexed) {
                    if (entry.index == k) child = entry.node;
                }
                if (child == kNone) child = here.any;
                p = *it;
                if (child == kNone && !here.selectors.empty() && p < stop && base[p] == '{') {
                    const uint32_t *saved = it;
                    if (int status = select(here, depth + 1, child)) return status;
                    if (child == kNone) goto walked;
                    it = saved;
                }
            }
            if (int status = value(child, depth + 1)) return status;
        walked:
            p = *it;
            if (p >= stop) return fail(LS_INCOMPLETE, stop);
            ++it;
            if (base[p] == ']') return LS_OK;
            if (base[p] != ',') return fail(LS_SYNTAX, p);
        }
    }

    int value(uint32_t node, uint32_t depth) {
        const uint32_t p = *it;
        if (p >= stop) return fail(LS_INCOMPLETE, stop);
        switch (base[p]) {
            case '"': return string(node, p);
            case '{':
            case '[': {
                const bool list = base[p] == '[';
                if (node != kNone && nodes[node].slot != kNone) {
                    if (int status = capture(nodes[node], base + p, 1, list ? LS_ARRAY : LS_OBJECT, p))
                        return status;
                }
                return list ? array(node, depth) : object(node, depth);
            }
            case '}': case ']': case ':': case ',': return fail(LS_SYNTAX, p);
            default: return scalar(node, p);
        }
    }

    /// Walks the document whose first structural is `it`; the index covers `base`.
    int document() {
        memset(fields, 0, slots * sizeof(ls_field));
        nodes[0].hint = 0;
        const uint32_t p = *it;
        if (p >= stop) return fail(LS_INCOMPLETE, stop);
        if (base[p] != '{') {
            // Something that is not even JSON is said to be that.
            const int status = value(kNone, 0);
            return status != LS_OK ? status : fail(LS_NOT_OBJECT, p);
        }
        if (int status = object(0, 0)) return status;
        return *it < stop ? fail(LS_TRAILING, *it) : LS_OK;
    }

    /// Indexes and walks one document by itself.
    int alone(const uint8_t *p, size_t n) {
        failed_at = 0;
        if (int status = make_index(p, n)) {
            memset(fields, 0, slots * sizeof(ls_field));
            failed_at = UINT32_MAX;
            return status;
        }
        base = p;
        stop = uint32_t(n);
        it = index->structural_indexes.get();
        return document();
    }
};

extern "C" ls_json *ls_json_new(uint32_t slots, uint32_t max_depth, uint32_t max_line) {
    auto *parser = new (std::nothrow) ls_json;
    if (parser == nullptr) return nullptr;
    parser->slots = slots;
    parser->max_depth = max_depth;
    parser->max_line = max_line;
    parser->nodes.emplace_back();
    auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        kBlock, 1, parser->index);
    if (error != simdjson::SUCCESS) {
        delete parser;
        return nullptr;
    }
    return parser;
}

extern "C" void ls_json_free(ls_json *parser) { delete parser; }

static uint32_t add_node(ls_json *parser, bool repeats) {
    parser->nodes.emplace_back();
    parser->nodes.back().repeats = repeats;
    return uint32_t(parser->nodes.size() - 1);
}

extern "C" uint32_t ls_json_member(ls_json *parser, uint32_t node, const char *key, size_t length) {
    for (const Child &child : parser->nodes[node].children) {
        if (child.key.size() == length && memcmp(child.key.data(), key, length) == 0) {
            return child.node;
        }
    }
    Child child;
    child.key.assign(key, length);
    child.mask = length >= 8 ? UINT64_MAX : (uint64_t(1) << (length * 8)) - 1;
    uint8_t head[8] = {};
    memcpy(head, key, length < 8 ? length : 8);
    child.head = load8(head);
    child.node = add_node(parser, parser->nodes[node].repeats);
    const uint32_t made = child.node;
    parser->nodes[node].children.push_back(std::move(child));
    return made;
}

extern "C" uint32_t ls_json_element(ls_json *parser, uint32_t node, int32_t index) {
    if (index < 0) {
        if (parser->nodes[node].any == kNone) {
            const uint32_t made = add_node(parser, true);
            parser->nodes[node].any = made;
        }
        return parser->nodes[node].any;
    }
    for (const Indexed &entry : parser->nodes[node].indexed) {
        if (entry.index == index) return entry.node;
    }
    const uint32_t made = add_node(parser, parser->nodes[node].repeats);
    parser->nodes[node].indexed.push_back({index, made});
    return made;
}

extern "C" uint32_t ls_json_select(ls_json *parser, uint32_t node, const char *key,
                                   size_t key_length, const char *value, size_t value_length) {
    std::string k(key, key_length), v(value, value_length);
    for (const Selector &selector : parser->nodes[node].selectors) {
        if (selector.key == k && selector.value == v) return selector.node;
    }
    const uint32_t made = add_node(parser, true);
    parser->nodes[node].selectors.push_back({std::move(k), std::move(v), made});
    return made;
}

extern "C" uint32_t ls_json_capture(ls_json *parser, uint32_t node, uint32_t slot) {
    if (parser->nodes[node].slot == kNone) parser->nodes[node].slot = slot;
    return parser->nodes[node].slot;
}

extern "C" void ls_json_begin(ls_json *parser, const uint8_t *data, size_t length) {
    parser->data = data;
    parser->length = length;
    parser->at = 0;
    parser->line_number = 0;
    parser->block_end = 0;
    parser->block_indexed = false;
}

extern "C" size_t ls_json_next(ls_json *parser, ls_line *lines, ls_field *fields, size_t capacity) {
    size_t count = 0;
    const uint8_t *data = parser->data;
    while (count < capacity && parser->at < parser->length) {
        if (parser->at >= parser->block_end) {
            // The next block: whole lines, one at the least.
            size_t end = parser->at + kBlock;
            if (end >= parser->length) {
                end = parser->length;
            } else {
                const void *newline = memrchr(data + parser->at, '\n', kBlock);
                if (newline == nullptr) newline = memchr(data + end, '\n', parser->length - end);
                end = newline == nullptr
                          ? parser->length
                          : size_t(static_cast<const uint8_t *>(newline) - data) + 1;
            }
            parser->block_start = parser->at;
            parser->block_end = end;
            // When the index of all fails, each line is indexed by itself. As no string can hold a
            // raw newline, an index of all is never another than those of its lines.
            parser->block_indexed =
                end - parser->at <= 2 * kBlock &&
                parser->make_index(data + parser->at, end - parser->at) == LS_OK;
            parser->it = parser->index->structural_indexes.get();
        }
        const uint8_t *start = data + parser->at;
        const void *newline = memchr(start, '\n', parser->block_end - parser->at);
        const size_t n = newline == nullptr
                             ? parser->block_end - parser->at
                             : size_t(static_cast<const uint8_t *>(newline) - start);
        const size_t next = parser->at + n + (newline == nullptr ? 0 : 1);
        ls_line line = {};
        line.start = uint32_t(parser->at);
        line.end = uint32_t(parser->at + n);
        line.number = parser->line_number++;
        parser->at = next;
        parser->fields = fields + count * parser->slots;
        int status;
        if (parser->block_indexed) {
            parser->base = data + parser->block_start;
            parser->stop = uint32_t(line.end - parser->block_start);
            const uint32_t first = *parser->it;
            if (first >= parser->stop) continue;  // blank
            if (n > parser->max_line) {
                status = LS_TOO_LONG;
                memset(parser->fields, 0, parser->slots * sizeof(ls_field));
                parser->failed_at = UINT32_MAX;
            } else {
                status = parser->document();
            }
            if (status != LS_OK) {
                while (*parser->it < parser->stop) ++parser->it;
                if (parser->failed_at != UINT32_MAX) {
                    line.column = uint32_t(parser->failed_at + parser->block_start - line.start + 1);
                }
            }
        } else {
            size_t k = 0;
            while (k < n && is_space(start[k])) ++k;
            if (k == n) continue;  // blank
            if (n > parser->max_line) {
                status = LS_TOO_LONG;
                memset(parser->fields, 0, parser->slots * sizeof(ls_field));
                parser->failed_at = UINT32_MAX;
            } else {
                status = parser->alone(start, n);
            }
            if (status != LS_OK && parser->failed_at != UINT32_MAX) {
                line.column = parser->failed_at + 1;
            }
        }
        line.status = uint16_t(status);
        lines[count++] = line;
    }
    return count;
}

extern "C" int ls_json_document(ls_json *parser, const uint8_t *data, size_t length,
                                ls_field *fields, uint32_t *column) {
    parser->fields = fields;
    *column = 0;
    if (length > parser->max_line) {
        memset(fields, 0, parser->slots * sizeof(ls_field));
        return LS_TOO_LONG;
    }
    const int status = parser->alone(data, length);
    if (status != LS_OK && parser->failed_at != UINT32_MAX) *column = parser->failed_at + 1;
    return status;
}

extern "C" uint8_t *ls_json_reserve(ls_json *parser, size_t length) {
    return parser->arena.reserve(length);
}

extern "C" void ls_json_reset(ls_json *parser) { parser->arena.reset(); }

extern "C" size_t ls_count_newlines(const uint8_t *data, size_t length) {
    // Sums of bytes, which compilers turn into vector code, taken together before they overflow.
    constexpr size_t lanes = 64;
    size_t total = 0;
    while (length >= lanes) {
        uint8_t sums[lanes] = {};
        size_t rows = length / lanes;
        if (rows > 255) rows = 255;
        for (size_t row = 0; row < rows; ++row) {
            for (size_t k = 0; k < lanes; ++k) sums[k] += data[row * lanes + k] == '\n';
        }
        for (size_t k = 0; k < lanes; ++k) total += sums[k];
        data += rows * lanes;
        length -= rows * lanes;
    }
    for (size_t k = 0; k < length; ++k) total += data[k] == '\n';
    return total;
}

extern "C" int ls_utf8_valid(const uint8_t *data, size_t length) {
    return simdjson::validate_utf8(reinterpret_cast<const char *>(data), length) ? 1 : 0;
}
