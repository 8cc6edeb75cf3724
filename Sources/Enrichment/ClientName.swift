internal import SessionModel

/// Names of clients taken from the text of a user agent, which anybody can write.
enum ClientName {
    /// In bytes of UTF-8. With " on " and the longest system a label stays within 64 bytes.
    static let limit = 40

    /// Whether a text stands for no user agent at all.
    static func isPlaceholder(_ text: TextView) -> Bool {
        guard text.count <= 16 else { return false }
        let words: [StaticString] = [
            "", "-", "--", "null", "(null)", "nil", "none", "undefined", "n/a", "na", "unknown",
            "not available", "<null>", "nan",
        ]
        return words.contains { word in
            word.utf8CodeUnitCount == text.count
                && (0..<text.count).allSatisfy { lowercased(text.bytes[$0]) == word.utf8Start[$0] }
        }
    }

    /// The product that a user agent names, for one that no expression knows: `MyApp/2.1 (…)` is
    /// MyApp. Nil when there is none.
    static func product(in text: TextView) -> String? {
        let bytes = text.bytes
        if starts(bytes, with: "Mozilla/") { return productBehindMozilla(bytes) }
        let opening = bytes.prefix { " [(\"'<{".utf8.contains($0) }.count
        let rest = UnsafeBufferPointer(rebasing: bytes[opening...])
        let end = rest.firstIndex { "/();,[]{}\"<>|\\".utf8.contains($0) } ?? rest.count
        return stable(UnsafeBufferPointer(rebasing: rest[..<end]))
    }

    /// After "Mozilla/5.0" stand a comment, the engine's products and then what is of interest, or
    /// "compatible; Name" within the comment.
    private static func productBehindMozilla(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let common: Set = [
            "applewebkit", "chrome", "gecko", "khtml", "like", "mobile", "mozilla", "safari",
            "version",
        ]
        var depth = 0
        var comment: Range<Int>?
        var start = 0
        var i = 0
        while i <= bytes.count {
            let byte = i < bytes.count ? bytes[i] : 0x20
            switch byte {
            case UInt8(ascii: "("):
                if depth == 0 {
                    start = i + 1
                    if comment == nil { comment = start..<bytes.count }
                }
                depth += 1
            case UInt8(ascii: ")") where depth > 0:
                depth -= 1
                if depth == 0 {
                    if let open = comment, open.upperBound == bytes.count, open.lowerBound == start
                    {
                        comment = start..<i
                    }
                    start = i + 1
                }
            case 0x20 where depth == 0:
                let word = UnsafeBufferPointer(rebasing: bytes[min(start, i)..<i])
                if let slash = word.firstIndex(of: UInt8(ascii: "/")), slash > 0,
                    let name = stable(UnsafeBufferPointer(rebasing: word[..<slash])),
                    !common.contains(name.lowercased())
                {
                    return name
                }
                start = i + 1
            default: break
            }
            i += 1
        }
        guard let comment else { return nil }
        let inner = UnsafeBufferPointer(rebasing: bytes[comment])
        guard starts(inner, with: "compatible;") else { return nil }
        let rest = UnsafeBufferPointer(rebasing: inner[11...])
        let end = rest.firstIndex { ";/,".utf8.contains($0) } ?? rest.count
        return stable(UnsafeBufferPointer(rebasing: rest[..<end]))
    }

    private static func starts(
        _ bytes: UnsafeBufferPointer<UInt8>, with prefix: StaticString
    ) -> Bool {
        bytes.count >= prefix.utf8CodeUnitCount
            && (0..<prefix.utf8CodeUnitCount).allSatisfy {
                lowercased(bytes[$0]) == lowercased(prefix.utf8Start[$0])
            }
    }

    /// A name that stays when its bearer is updated, at most `limit` bytes and fit to be shown; nil
    /// when nothing is left.
    ///
    /// `%20` and its like are decoded. Words are taken up to the first that looks like a version or
    /// an identifier: `foo-v2.1-beta` is foo, `red-team_01190e38-873e-4cc4` is red-team. The first
    /// word is kept whatever it looks like.
    static func stable(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let name = visible(decoded(bytes.prefix(512)))
        var kept: Substring.UnicodeScalarView = name.unicodeScalars[...]
        var isFirst = true
        var start = name.unicodeScalars.startIndex
        let scalars = name.unicodeScalars
        while start < scalars.endIndex {
            let end =
                scalars[start...].firstIndex { " -_.+".unicodeScalars.contains($0) }
                ?? scalars.endIndex
            if !isFirst, end > start, isVersionOrID(scalars[start..<end]) {
                kept = scalars[..<start]
                break
            }
            if end > start { isFirst = false }
            start = end == scalars.endIndex ? end : scalars.index(after: end)
        }
        while let last = kept.last, " -_.+:;,".unicodeScalars.contains(last) { kept.removeLast() }
        while let first = kept.first, " -_.+".unicodeScalars.contains(first) { kept.removeFirst() }
        guard !kept.isEmpty else { return nil }
        var text = String(Substring(kept))
        if text.utf8.count > limit {
            text = text.withUTF8 { TextView($0).prefix(limit).string }
            while text.last == " " { text.removeLast() }
        }
        return text
    }

    private static func isVersionOrID(_ word: Substring.UnicodeScalarView) -> Bool {
        func isDigit(_ scalar: Unicode.Scalar) -> Bool { (0x30...0x39).contains(scalar.value) }
        guard let first = word.first else { return false }
        if isDigit(first) { return true }
        if first == "v" || first == "V", let second = word.dropFirst().first, isDigit(second) {
            return true
        }
        let digits = word.reduce(0) { $0 + (isDigit($1) ? 1 : 0) }
        if digits >= 4 { return true }
        let isHex = word.allSatisfy {
            isDigit($0) || (0x61...0x66).contains($0.value | 0x20)
        }
        return isHex && digits > 0 && word.count >= 4
    }

    /// Percent escapes undone, where they are whole.
    private static func decoded(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46: byte - 0x41 + 10
            case 0x61...0x66: byte - 0x61 + 10
            default: nil
            }
        }
        var made: [UInt8] = []
        made.reserveCapacity(bytes.count)
        var i = bytes.startIndex
        while i < bytes.endIndex {
            if bytes[i] == UInt8(ascii: "%"), i + 2 < bytes.endIndex,
                let high = digit(bytes[i + 1]), let low = digit(bytes[i + 2])
            {
                made.append(high << 4 | low)
                i += 3
            } else {
                made.append(bytes[i])
                i += 1
            }
        }
        return String(decoding: made, as: UTF8.self)
    }

    /// Without what cannot be seen or moves other text: controls, bidirectional controls,
    /// zero-width and format characters, private use, what was not UTF-8. Runs of spaces become
    /// one.
    ///
    /// The ranges are written out, not asked of the standard library, because names go into stored
    /// keys and a newer Unicode must not change them.
    static func visible(_ text: String) -> String {
        var made = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0...0x20, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
                if let last = made.last, last != " " { made.append(" ") }
            case 0x7F...0x9F, 0xAD, 0x34F, 0x600...0x605, 0x61C, 0x6DD, 0x70F, 0x890...0x891,
                0x8E2, 0x115F...0x1160, 0x17B4...0x17B5, 0x180B...0x180F, 0x200B...0x200F,
                0x202A...0x202E, 0x2060...0x206F, 0x3164, 0xE000...0xF8FF, 0xFE00...0xFE0F, 0xFEFF,
                0xFFA0, 0xFFF0...0xFFFF, 0x110BD, 0x110CD, 0x13430...0x1343F, 0x1BCA0...0x1BCA3,
                0x1D173...0x1D17A, 0xE0000...0x10FFFF:
                continue
            default: made.append(scalar)
            }
        }
        while made.last == " " { made.removeLast() }
        return String(made)
    }
}
