package import SessionModel

/// Writes JSON into bytes: no Foundation, no intermediate strings.
///
/// What is written is plain to a terminal too: beside what RFC 8259 asks to be escaped, so are DEL,
/// the C1 controls, the line separators U+2028 and U+2029, and the marks that reorder text (U+061C,
/// U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), since names and user agents are written by
/// attackers and a feed is read with `cat` one day.
extension [UInt8] {
    package mutating func append(json literal: StaticString) {
        unsafe append(
            contentsOf: UnsafeBufferPointer(
                start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// A JSON string with its quotes.
    ///
    /// - Parameter marked: writes the first character as an escape; see `AlertJSON`.
    package mutating func append(jsonString text: String, marked: Bool = false) {
        append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            var start = 0
            var i = 0
            if marked, let first = unsafe bytes.first, first < 0x80 {
                appendEscape(UInt32(first))
                (start, i) = (1, 1)
            }
            while i < bytes.count {
                let byte = unsafe bytes[i]
                guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte >= 0x7F else {
                    i += 1
                    continue
                }
                guard let (scalar, width) = unsafe escaped(bytes, at: i) else {
                    i += 1
                    continue
                }
                unsafe append(contentsOf: bytes[start..<i])
                appendEscape(scalar)
                i += width
                start = i
            }
            unsafe append(contentsOf: bytes[start..<bytes.count])
        }
        append(UInt8(ascii: "\""))
    }

    /// The scalar at `i` and its length in bytes, when it is one to be escaped.
    private func escaped(
        _ bytes: UnsafeBufferPointer<UInt8>, at i: Int
    ) -> (scalar: UInt32, width: Int)? {
        func byte(_ k: Int) -> UInt8 { unsafe i + k < bytes.count ? bytes[i + k] : 0 }
        switch byte(0) {
        case 0x00...0x1F, 0x22, 0x5C, 0x7F: return (UInt32(byte(0)), 1)
        case 0xC2 where byte(1) < 0xA0: return (UInt32(byte(1)), 2)
        case 0xD8 where byte(1) == 0x9C: return (0x061C, 2)
        case 0xE2:
            switch (byte(1), byte(2)) {
            case (0x80, 0x8E...0x8F), (0x80, 0xA8...0xAE), (0x81, 0xA6...0xA9):
                return (0x2000 | UInt32(byte(1) & 0x3F) << 6 | UInt32(byte(2) & 0x3F), 3)
            default: return nil
            }
        default: return nil
        }
    }

    private mutating func appendEscape(_ scalar: UInt32) {
        append(UInt8(ascii: "\\"))
        switch scalar {
        case 0x22: append(0x22)
        case 0x5C: append(0x5C)
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        default:
            append(UInt8(ascii: "u"))
            for shift: UInt32 in [12, 8, 4, 0] {
                let digit = UInt8(truncatingIfNeeded: scalar >> shift & 15)
                append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }

    package mutating func append(jsonInteger value: Int) {
        append(magnitude: UInt64(value.magnitude), isNegative: value < 0)
    }

    /// A number with exactly `decimals` digits after the point, rounded half away from zero, so that
    /// the same value gives the same bytes everywhere.
    ///
    /// From 10¹¹ the shortest form that reads back to the value; `null` for infinity and NaN, which
    /// JSON lacks.
    package mutating func append(jsonNumber value: Double, decimals: Int) {
        guard value.isFinite else { return append(json: "null") }
        guard value.magnitude < 1e11 else {
            append(contentsOf: "\(value)".utf8)
            return
        }
        var power: UInt64 = 1
        for _ in 0..<decimals { power *= 10 }
        let scaled = UInt64((value.magnitude * Double(power)).rounded())
        append(magnitude: scaled / power, isNegative: value < 0 && scaled > 0)
        append(UInt8(ascii: "."))
        append(digits: scaled % power, width: decimals)
    }

    /// RFC 3339 in UTC with milliseconds, with quotes.
    package mutating func append(jsonTime time: Timestamp) {
        let c = time.civil
        append(UInt8(ascii: "\""))
        // A year that has not four digits cannot come from a record; the text form pads it alike.
        append(digits: UInt64(clamping: c.year), width: 4)
        append(UInt8(ascii: "-"))
        append(digits: UInt64(c.month), width: 2)
        append(UInt8(ascii: "-"))
        append(digits: UInt64(c.day), width: 2)
        append(UInt8(ascii: "T"))
        append(digits: UInt64(c.hour), width: 2)
        append(UInt8(ascii: ":"))
        append(digits: UInt64(c.minute), width: 2)
        append(UInt8(ascii: ":"))
        append(digits: UInt64(c.second), width: 2)
        append(UInt8(ascii: "."))
        append(digits: UInt64(c.ms), width: 3)
        append(json: "Z\"")
    }

    private mutating func append(magnitude: UInt64, isNegative: Bool) {
        if isNegative { append(UInt8(ascii: "-")) }
        append(digits: magnitude, width: 1)
    }

    /// Decimal digits, with zeros in front up to `width`.
    private mutating func append(digits value: UInt64, width: Int) {
        var divisor: UInt64 = 1
        var count = 1
        while count < width || value / divisor >= 10 {
            divisor *= 10
            count += 1
            if count == 20 { break }
        }
        while divisor > 0 {
            append(0x30 + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }
}
