/// Why bytes are not the JSON that was expected.
public enum AlertJSONError: Error, Equatable, CustomStringConvertible {
    /// Not JSON: what is wrong, at which byte from 0.
    case malformed(String, offset: Int)
    /// JSON, but not an alert: where, as `findings[0].severity`, and what was expected.
    case mismatch(path: String, expected: String)

    public var description: String {
        switch self {
        case .malformed(let problem, let offset):
            "alert JSON, byte \(offset): \(problem). The line was cut or edited; write it anew."
        case .mismatch(let path, let expected):
            "alert JSON, \(path): expected \(expected). See the alert schema."
        }
    }
}

/// A JSON value that keeps the order of keys and tells `1` from `1.0`, which Foundation's readers do
/// not and reading an alert back exactly asks for.
package indirect enum JSONValue: Equatable {
    case null
    case flag(Bool)
    case integer(Int)
    case number(Double)
    /// `isMarked`: the first character was an escape `\u00…` that it did not need.
    case text(String, isMarked: Bool)
    case array([JSONValue])
    /// In the order of the text.
    case object([(key: String, value: JSONValue)])

    package static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.flag(let x), .flag(let y)): x == y
        case (.integer(let x), .integer(let y)): x == y
        case (.number(let x), .number(let y)): x == y
        case (.text(let x, _), .text(let y, _)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.object(let x), .object(let y)):
            x.count == y.count && zip(x, y).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }

    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// Reads one value and nothing after it. Nesting to 32, which is five times what an alert has.
    package init(parsing bytes: some Collection<UInt8>) throws(AlertJSONError) {
        var parser = JSONParser(bytes: Array(bytes))
        self = try parser.document()
    }
}

/// A recursive-descent reader of RFC 8259.
private struct JSONParser {
    static let nestingLimit = 32

    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(AlertJSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw error("text after the value") }
        return value
    }

    private func error(_ problem: String) -> AlertJSONError {
        .malformed(problem, offset: offset)
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            offset += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(AlertJSONError) -> JSONValue {
        guard depth < Self.nestingLimit else { throw error("nested deeper than 32") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"):
            offset += 1
            return .object(try members(depth: depth))
        case UInt8(ascii: "["):
            offset += 1
            return .array(try elements(depth: depth))
        case UInt8(ascii: "\""):
            let (text, isMarked) = try string()
            return .text(text, isMarked: isMarked)
        case UInt8(ascii: "t"):
            try word("true")
            return .flag(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .flag(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString) throws(AlertJSONError) {
        let expected = Array("\(text)".utf8)
        guard bytes[offset...].starts(with: expected) else { throw error("not a JSON value") }
        offset += expected.count
    }

    private mutating func members(
        depth: Int
    ) throws(AlertJSONError) -> [(key: String, value: JSONValue)] {
        var members: [(key: String, value: JSONValue)] = []
        var keys: Set<String> = []
        if take(UInt8(ascii: "}")) { return members }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a key was expected") }
            let (key, _) = try string()
            guard keys.insert(key).inserted else { throw error("a key twice") }
            guard take(UInt8(ascii: ":")) else { throw error("':' was expected") }
            members.append((key, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw error("',' or '}' was expected") }
        return members
    }

    private mutating func elements(depth: Int) throws(AlertJSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return elements }
        repeat { elements.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw error("',' or ']' was expected") }
        return elements
    }

    private mutating func string() throws(AlertJSONError) -> (text: String, isMarked: Bool) {
        offset += 1
        var text: [UInt8] = []
        var isMarked = false
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("a string that is not UTF-8")
                }
                return (string, isMarked)
            case UInt8(ascii: "\\"):
                let isFirst = text.isEmpty
                let scalar = try escape()
                if isFirst, scalar.value > 0x20, scalar.value < 0x7F, scalar != "\"", scalar != "\\"
                {
                    isMarked = true
                }
                text.append(contentsOf: UTF8.encode(scalar)!)
            case 0x00...0x1F: throw error("a control character in a string")
            default: text.append(byte)
            }
        }
        throw error("a string that does not end")
    }

    private mutating func escape() throws(AlertJSONError) -> Unicode.Scalar {
        guard let byte = next else { throw error("a string that does not end") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard first < 0xDC00, next == UInt8(ascii: "\\") else {
                throw error("half a surrogate")
            }
            offset += 1
            guard next == UInt8(ascii: "u") else { throw error("half a surrogate") }
            offset += 1
            let second = try hexadecimal()
            guard second >= 0xDC00, second < 0xE000,
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw error("half a surrogate") }
            return scalar
        default: throw error("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(AlertJSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("four hexadecimal digits were expected")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private mutating func number() throws(AlertJSONError) -> JSONValue {
        let start = offset
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
        var isWhole = true
        if next == UInt8(ascii: "-") { offset += 1 }
        let first = next
        guard isDigit(first) else { throw error("not a JSON value") }
        while isDigit(next) { offset += 1 }
        if first == UInt8(ascii: "0"), offset - start > (bytes[start] == 0x2D ? 2 : 1) {
            throw error("a number with a zero in front")
        }
        if next == UInt8(ascii: ".") {
            isWhole = false
            offset += 1
            guard isDigit(next) else { throw error("a digit after the point was expected") }
            while isDigit(next) { offset += 1 }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            guard isDigit(next) else { throw error("a digit in the exponent was expected") }
            while isDigit(next) { offset += 1 }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("a number too large") }
        return .number(value)
    }
}
