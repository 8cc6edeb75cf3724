/// JSON that a target answered: read, never trusted.
///
/// RFC 8259 to the letter, at most 64 levels deep and 100 000 values; of two members of one name the
/// last counts. Cost: linear in the text.
enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case array([JSONValue])
    case object([String: JSONValue])

    static let depthLimit = 64
    static let countLimit = 100_000

    /// Nil for what is not JSON, or beyond a limit.
    init?(_ bytes: [UInt8]) {
        var parser = JSONParser(bytes)
        guard let value = parser.document() else { return nil }
        self = value
    }

    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// A whole number that an Int holds exactly.
    var int: Int? {
        if case .number(let number) = self { Int(exactly: number) } else { nil }
    }

    var bool: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    var array: [JSONValue]? {
        if case .array(let array) = self { array } else { nil }
    }
}

private struct JSONParser {
    private let bytes: [UInt8]
    private var index = 0
    private var count = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// One value and nothing after it.
    mutating func document() -> JSONValue? {
        guard let value = value(depth: 1) else { return nil }
        skipSpace()
        return index == bytes.count ? value : nil
    }

    private mutating func value(depth: Int) -> JSONValue? {
        count += 1
        guard depth <= JSONValue.depthLimit, count <= JSONValue.countLimit else { return nil }
        skipSpace()
        switch peek {
        case 0x7B: return object(depth)
        case 0x5B: return array(depth)
        case 0x22: return string().map { .text($0) }
        case 0x74: return word("true", .bool(true))
        case 0x66: return word("false", .bool(false))
        case 0x6E: return word("null", .null)
        default: return number()
        }
    }

    private mutating func object(_ depth: Int) -> JSONValue? {
        var members: [String: JSONValue] = [:]
        index += 1
        skipSpace()
        if take(0x7D) { return .object(members) }
        repeat {
            skipSpace()
            guard peek == 0x22, let key = string() else { return nil }
            skipSpace()
            guard take(0x3A), let value = value(depth: depth + 1) else { return nil }
            members[key] = value
            skipSpace()
        } while take(0x2C)
        return take(0x7D) ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> JSONValue? {
        var items: [JSONValue] = []
        index += 1
        skipSpace()
        if take(0x5D) { return .array(items) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            items.append(value)
            skipSpace()
        } while take(0x2C)
        return take(0x5D) ? .array(items) : nil
    }

    private mutating func string() -> String? {
        index += 1
        var text: [UInt8] = []
        while let byte = peek {
            index += 1
            switch byte {
            case 0x22: return String(validating: text, as: UTF8.self)
            case 0x00..<0x20: return nil
            case 0x5C:
                guard let scalar = escape() else { return nil }
                text += Array(String(Character(scalar)).utf8)
            default: text.append(byte)
            }
        }
        return nil
    }

    /// After the backslash. A half of a surrogate pair alone is no text.
    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = peek else { return nil }
        index += 1
        switch byte {
        case 0x22, 0x2F, 0x5C: return Unicode.Scalar(byte)
        case 0x62: return "\u{8}"
        case 0x66: return "\u{C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75:
            guard let first = hex() else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
            guard take(0x5C), take(0x75), let second = hex(), (0xDC00..<0xE000).contains(second)
            else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        default: return nil
        }
    }

    private mutating func hex() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[index..<(index + 4)] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }

    private mutating func number() -> JSONValue? {
        let start = index
        _ = take(0x2D)
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[index - whole] != 0x30 else { return nil }
        if take(0x2E), digits() == 0 { return nil }
        if take(0x65) || take(0x45) {
            if !take(0x2B) { _ = take(0x2D) }
            if digits() == 0 { return nil }
        }
        guard index - start <= 64,
            let number = Double(String(decoding: bytes[start..<index], as: UTF8.self)),
            number.isFinite
        else { return nil }
        return .number(number)
    }

    private mutating func digits() -> Int {
        let start = index
        while let byte = peek, (0x30...0x39).contains(byte) { index += 1 }
        return index - start
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) -> JSONValue? {
        let letters = Array(word.description.utf8)
        guard bytes[index...].starts(with: letters) else { return nil }
        index += letters.count
        return value
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            index += 1
        }
    }
}
