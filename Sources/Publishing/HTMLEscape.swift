/// HTML written piece by piece: what is ours as literals, what is anybody else's only through
/// `text`.
package struct HTMLWriter {
    package private(set) var bytes: [UInt8] = []

    package init() { bytes.reserveCapacity(1 << 18) }

    /// Markup of ours. A literal only, so that text from outside cannot get in by mistake.
    package mutating func markup(_ literal: StaticString) { bytes.append(json: literal) }

    /// Numbers and names that this module makes itself, from letters, digits, `.`, `-`, `#`, `%`,
    /// `,`, blanks and the like; whatever else is in them is escaped all the same.
    package mutating func value(_ value: String) { escape(value) }

    package mutating func value(_ value: Int) { bytes.append(jsonInteger: value) }

    /// A coordinate on a drawing, one decimal.
    package mutating func value(_ value: Double) {
        bytes.append(jsonNumber: value.isFinite ? value : 0, decimals: 1)
    }

    /// Text from outside, fit for element content and for attributes in double quotes: steering and
    /// hidden characters made visible, cut at `limit`, and the five characters of markup escaped.
    package mutating func text(_ text: String, limit: Int = SafeText.limit) {
        escape(SafeText.visible(text, limit: limit))
    }

    private mutating func escape(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): bytes.append(json: "&amp;")
            case UInt8(ascii: "<"): bytes.append(json: "&lt;")
            case UInt8(ascii: ">"): bytes.append(json: "&gt;")
            case UInt8(ascii: "\""): bytes.append(json: "&quot;")
            case UInt8(ascii: "'"): bytes.append(json: "&#39;")
            default: bytes.append(byte)
            }
        }
    }
}
