/// Writes the small JSON objects that targets receive: keys in the order given, no spaces, so that
/// the same action is always the same bytes (what is signed must not change between tries).
struct JSONText {
    private(set) var text = ""
    private var needsComma = false

    init() { text.reserveCapacity(1024) }

    mutating func object(_ key: String? = nil, _ body: (inout JSONText) -> Void) {
        begin(key)
        text += "{"
        needsComma = false
        body(&self)
        text += "}"
        needsComma = true
    }

    mutating func string(_ key: String, _ value: String) {
        begin(key)
        quote(value)
        needsComma = true
    }

    mutating func number(_ key: String, _ value: Int) {
        begin(key)
        text += String(value)
        needsComma = true
    }

    mutating func bool(_ key: String, _ value: Bool) {
        begin(key)
        text += value ? "true" : "false"
        needsComma = true
    }

    mutating func strings(_ key: String, _ values: [String]) {
        begin(key)
        text += "["
        for (index, value) in values.enumerated() {
            if index > 0 { text += "," }
            quote(value)
        }
        text += "]"
        needsComma = true
    }

    /// A value that is JSON already.
    mutating func raw(_ key: String, _ json: String) {
        begin(key)
        text += json
        needsComma = true
    }

    private mutating func begin(_ key: String?) {
        if needsComma { text += "," }
        guard let key else { return }
        quote(key)
        text += ":"
    }

    /// RFC 8259, 7. DEL, C1 and the separators U+2028 and U+2029 are escaped too, though they need
    /// not be: terminals act on the former and old JavaScript on the latter.
    private mutating func quote(_ value: String) {
        text += "\""
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
            text += value
            text += "\""
            return
        }
        for scalar in value.unicodeScalars {
            switch scalar.value {
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x09: text += "\\t"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
