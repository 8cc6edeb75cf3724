#pragma once
#include <cstddef>
#include <cstdint>

// The text of JSON strings and numbers.

/// Reads four hexadecimal digits; -1 when they are not.
inline int32_t hex4(const uint8_t *p) {
    int32_t value = 0;
    for (int i = 0; i < 4; ++i) {
        const uint8_t c = p[i];
        int digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - 'a' + 10;
        } else {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/// Undoes the escapes of RFC 8259, section 7; half a surrogate pair is refused, since it has no
/// UTF-8 form. Writes at most `length` bytes (nothing when `out` is null). Returns -1 on error.
inline ptrdiff_t unescape(const uint8_t *p, size_t length, uint8_t *out) {
    const uint8_t *end = p + length;
    uint8_t scratch[4];
    size_t n = 0;
    while (p < end) {
        if (*p != '\\') {
            if (out != nullptr) out[n] = *p;
            ++n;
            ++p;
            continue;
        }
        if (end - p < 2) return -1;
        uint8_t *to = out != nullptr ? out + n : scratch;
        const uint8_t c = p[1];
        p += 2;
        switch (c) {
            case '"': case '\\': case '/': *to = c; ++n; continue;
            case 'b': *to = '\b'; ++n; continue;
            case 'f': *to = '\f'; ++n; continue;
            case 'n': *to = '\n'; ++n; continue;
            case 'r': *to = '\r'; ++n; continue;
            case 't': *to = '\t'; ++n; continue;
            case 'u': break;
            default: return -1;
        }
        if (end - p < 4) return -1;
        int32_t code = hex4(p);
        if (code < 0) return -1;
        p += 4;
        if (code >= 0xDC00 && code <= 0xDFFF) return -1;
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
            const int32_t low = hex4(p + 2);
            if (low < 0xDC00 || low > 0xDFFF) return -1;
            p += 6;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        if (code < 0x80) {
            to[0] = uint8_t(code);
            n += 1;
        } else if (code < 0x800) {
            to[0] = uint8_t(0xC0 | code >> 6);
            to[1] = uint8_t(0x80 | (code & 0x3F));
            n += 2;
        } else if (code < 0x10000) {
            to[0] = uint8_t(0xE0 | code >> 12);
            to[1] = uint8_t(0x80 | (code >> 6 & 0x3F));
            to[2] = uint8_t(0x80 | (code & 0x3F));
            n += 3;
        } else {
            to[0] = uint8_t(0xF0 | code >> 18);
            to[1] = uint8_t(0x80 | (code >> 12 & 0x3F));
            to[2] = uint8_t(0x80 | (code >> 6 & 0x3F));
            to[3] = uint8_t(0x80 | (code & 0x3F));
            n += 4;
        }
    }
    return ptrdiff_t(n);
}

/// The number grammar of RFC 8259, section 6.
inline bool is_number(const uint8_t *p, size_t length) {
    const uint8_t *end = p + length;
    auto digits = [&] {
        const uint8_t *start = p;
        while (p < end && *p >= '0' && *p <= '9') ++p;
        return p > start;
    };
    if (p < end && *p == '-') ++p;
    if (p < end && *p == '0') {
        ++p;
    } else if (!digits()) {
        return false;
    }
    if (p < end && *p == '.') {
        ++p;
        if (!digits()) return false;
    }
    if (p < end && (*p | 0x20) == 'e') {
        ++p;
        if (p < end && (*p == '+' || *p == '-')) ++p;
        if (!digits()) return false;
    }
    return p == end;
}
