internal import SessionModel

/// Up to eight bytes of text in lower case, the first one lowest.
struct ShortWord: Hashable, BitwiseCopyable {
    var bits: UInt64 = 0
    var count: Int = 0

    /// The bytes that count.
    var mask: UInt64 { count >= 8 ? ~0 : (1 &<< UInt64(count * 8)) - 1 }

    /// The last bytes, at most `length`.
    func suffix(_ length: Int) -> ShortWord {
        let dropped = max(count - length, 0)
        return ShortWord(
            bits: dropped == 8 ? 0 : bits >> UInt64(dropped * 8), count: count - dropped)
    }

    /// Nil when it would be longer than eight bytes.
    func appending(_ other: ShortWord) -> ShortWord? {
        guard count + other.count <= 8 else { return nil }
        return ShortWord(
            bits: count == 8 ? bits : bits | other.bits << UInt64(count * 8),
            count: count + other.count)
    }
}

/// The words without which an expression cannot match: at least one of each group must be in the
/// text, whatever its case.
///
/// The same idea as RE2's FilteredRE2, which however must compile every expression first; this
/// reads 1162 patterns in the time that RE2 compiles some twenty. It may ask for less than an
/// expression needs, never for more: what it does not understand it takes as "matches anything".
struct UserAgentLiterals {
    /// Shorter ones are in nearly every text, and the scan finds words by their first three bytes.
    static let shortest = 3
    static let groupLimit = 8

    /// At most `groupLimit`; none means that any text may match.
    private(set) var groups: [[ShortWord]]

    init(pattern: TextView) {
        var reader = LiteralReader(pattern: pattern)
        groups = reader.groups()
    }
}

/// What is known of the texts that a part of a pattern matches.
private struct Part {
    /// Every text that it can match, when these are few and short; else nil.
    var exact: [ShortWord]?
    var groups: [[ShortWord]] = []

    static let nothing = Part(exact: [ShortWord()])
    static let anything = Part(exact: nil)

    /// The groups with the exact texts as one more of them.
    var allGroups: [[ShortWord]] {
        guard let exact, Part.isUseful(exact) else { return groups }
        return groups + [exact]
    }

    /// The groups that tell most, at most `count`: none of the words that most user agents have,
    /// then the longest words, then the fewest.
    func best(_ count: Int) -> [[ShortWord]] {
        var ranked: [(group: [ShortWord], shortest: Int)] = []
        for group in allGroups {
            let isCommon = group.contains { CommonWords.all.contains($0) }
            ranked.append((group, isCommon ? 0 : group.reduce(8) { min($0, $1.count) }))
        }
        guard ranked.count > count else { return ranked.map { $0.group } }
        ranked.sort { a, b in
            a.shortest == b.shortest ? a.group.count < b.group.count : a.shortest > b.shortest
        }
        return ranked.prefix(count).map { $0.group }
    }

    static func isUseful(_ words: [ShortWord]) -> Bool {
        words.allSatisfy { $0.count >= UserAgentLiterals.shortest }
    }
}

/// Words that are in so many user agents that to ask for one says little.
private enum CommonWords {
    static let all: Set<ShortWord> = {
        let text: StaticString = """
            mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) \
            chrome/120.0.0.0 mobile safari/537.36 (linux; u; android 10; k) build/ version/4.0 \
            (iphone; cpu iphone os 17_0 like mac os x) (macintosh; intel mac os x 10_15_7) \
            gecko/20100101 firefox/120.0 (compatible; msie 9.0; windows phone; trident/5.0)
            """
        var words: Set<ShortWord> = []
        text.withUTF8Buffer { bytes in
            for start in bytes.indices {
                var word = ShortWord()
                for byte in bytes[start...].prefix(8) {
                    word = word.appending(ShortWord(bits: UInt64(byte), count: 1)) ?? word
                    if word.count >= UserAgentLiterals.shortest { words.insert(word) }
                }
            }
        }
        return words
    }()
}

/// A reader of the part of RE2's syntax that uap-core uses.
private struct LiteralReader {
    private static let exactLimit = 16
    private static let wordLimit = 400
    private static let depthLimit = 50

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var isUnknown = false

    init(pattern: TextView) { bytes = pattern.bytes }

    mutating func groups() -> [[ShortWord]] {
        let part = alternatives(depth: 0)
        guard !isUnknown, position == bytes.count else { return [] }
        return part.best(UserAgentLiterals.groupLimit)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func alternatives(depth: Int) -> Part {
        guard depth < Self.depthLimit else {
            isUnknown = true
            return .anything
        }
        var parts = [sequence(depth: depth)]
        while take(UInt8(ascii: "|")) { parts.append(sequence(depth: depth)) }
        guard parts.count > 1 else { return parts[0] }
        let exact = parts.compactMap(\.exact)
        if exact.count == parts.count {
            let all = Set(exact.joined())
            if all.count <= Self.exactLimit { return Part(exact: Array(all)) }
        }
        return Part(exact: nil, groups: either(of: parts))
    }

    /// What holds when any of the parts matches: (a and b) or c is (a or c) and (b or c). Where
    /// that would be too many groups, each part's best ones stand for it.
    private func either(of parts: [Part]) -> [[ShortWord]] {
        var all = parts.map { $0.best(2) }
        guard all.allSatisfy({ !$0.isEmpty }) else { return [] }
        let product = all.reduce(1) { min($0 * $1.count, 1000) }
        if product > 4 { all = all.map { [$0[0]] } }
        var groups: [Set<ShortWord>] = [[]]
        for part in all {
            if part.count == 1 {
                for i in groups.indices { groups[i].formUnion(part[0]) }
            } else {
                groups = groups.flatMap { group in part.map { group.union($0) } }
            }
        }
        return groups.filter { $0.count <= Self.wordLimit }.map(Array.init)
    }

    private mutating func sequence(depth: Int) -> Part {
        var groups: [[ShortWord]] = []
        // The texts that end the sequence so far; `isWhole` when they are all of it.
        var tail = [ShortWord()]
        var isWhole = true
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")"), !isUnknown {
            let part = repeated(atom(depth: depth))
            groups += part.groups
            guard let exact = part.exact else {
                if Part.isUseful(tail) { groups.append(tail) }
                tail = [ShortWord()]
                isWhole = false
                continue
            }
            if let product = Self.product(tail, exact) {
                tail = product
            } else {
                if Part.isUseful(tail) { groups.append(tail) }
                // The end of what went before goes on into the next word, which would else be
                // short.
                let ends = Array(Set(tail.map { $0.suffix(4) }))
                tail = Self.product(ends, exact) ?? exact
                isWhole = false
            }
        }
        if isWhole { return Part(exact: tail, groups: groups) }
        if Part.isUseful(tail) { groups.append(tail) }
        return Part(exact: nil, groups: groups)
    }

    /// Nil when there are too many, or one is too long.
    private static func product(_ heads: [ShortWord], _ tails: [ShortWord]) -> [ShortWord]? {
        guard heads.count * tails.count <= exactLimit else { return nil }
        var all: [ShortWord] = []
        all.reserveCapacity(heads.count * tails.count)
        for head in heads {
            for tail in tails {
                guard let word = head.appending(tail) else { return nil }
                all.append(word)
            }
        }
        return all
    }

    /// What follows an atom: `?`, `*`, `+`, `{n}`, `{n,}`, `{n,m}`, each perhaps with a lazy `?`.
    private mutating func repeated(_ part: Part) -> Part {
        var (least, most) = (1, 1)
        switch next {
        case UInt8(ascii: "?"): (least, most) = (0, 1)
        case UInt8(ascii: "*"): (least, most) = (0, .max)
        case UInt8(ascii: "+"): (least, most) = (1, .max)
        case UInt8(ascii: "{"):
            guard let bounds = bounds() else { return part }
            (least, most) = bounds
            position -= 1
        default: return part
        }
        position += 1
        _ = take(UInt8(ascii: "?"))
        // Two operators in a row are left to RE2 to refuse.
        if let byte = next, "*+?".utf8.contains(byte) { isUnknown = true }
        if least == 0 {
            guard most == 1, let exact = part.exact, exact.count < Self.exactLimit else {
                return .anything
            }
            return Part(exact: exact.contains(ShortWord()) ? exact : exact + [ShortWord()])
        }
        if most == 1 { return part }
        if least == most, let exact = part.exact, part.groups.isEmpty {
            var all = exact
            for _ in 1..<least {
                guard let longer = Self.product(all, exact) else {
                    return Part(exact: nil, groups: part.allGroups)
                }
                all = longer
            }
            return Part(exact: all)
        }
        return Part(exact: nil, groups: part.allGroups)
    }

    /// The bounds in braces, past them; nil and unmoved where the brace stands for itself.
    private mutating func bounds() -> (Int, Int)? {
        var i = position + 1
        func number() -> Int? {
            var value: Int?
            while i < bytes.count, (0x30...0x39).contains(bytes[i]), (value ?? 0) < 10_000 {
                value = (value ?? 0) * 10 + Int(bytes[i] - 0x30)
                i += 1
            }
            return value
        }
        guard let least = number() else {
            isUnknown = true
            return nil
        }
        var most = least
        if i < bytes.count, bytes[i] == UInt8(ascii: ",") {
            i += 1
            most = number() ?? .max
        }
        guard i < bytes.count, bytes[i] == UInt8(ascii: "}"), most >= least else {
            isUnknown = true
            return nil
        }
        position = i + 1
        return (least, most)
    }

    private mutating func atom(depth: Int) -> Part {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "("):
            if take(UInt8(ascii: "?")) {
                // Only `(?:`; flags, names and look-around are not needed here.
                guard take(UInt8(ascii: ":")) else {
                    isUnknown = true
                    return .anything
                }
            }
            let part = alternatives(depth: depth + 1)
            if !take(UInt8(ascii: ")")) { isUnknown = true }
            return part
        case UInt8(ascii: "["): return characterClass()
        case UInt8(ascii: "."): return .anything
        case UInt8(ascii: "^"), UInt8(ascii: "$"): return .nothing
        case UInt8(ascii: "\\"): return escape()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            isUnknown = true
            return .anything
        default: return Part(exact: [Self.word(byte)])
        }
    }

    private static func word(_ byte: UInt8) -> ShortWord {
        ShortWord(bits: UInt64(lowercased(byte)), count: 1)
    }

    private mutating func escape() -> Part {
        guard let byte = next else {
            isUnknown = true
            return .anything
        }
        position += 1
        switch byte {
        case UInt8(ascii: "b"): return .nothing
        case UInt8(ascii: "d"), UInt8(ascii: "D"), UInt8(ascii: "s"), UInt8(ascii: "S"),
            UInt8(ascii: "w"), UInt8(ascii: "W"):
            return .anything
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E:
            return Part(exact: [Self.word(byte)])
        default:
            isUnknown = true
            return .anything
        }
    }

    private mutating func characterClass() -> Part {
        var set = ByteSet()
        var isAnything = take(UInt8(ascii: "^"))
        var isFirst = true
        while let byte = next, isFirst || byte != UInt8(ascii: "]") {
            isFirst = false
            position += 1
            var low = byte
            if byte == UInt8(ascii: "[") && next == UInt8(ascii: ":") { isUnknown = true }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = next else { break }
                position += 1
                if (0x30...0x39).contains(escaped) || (0x61...0x7A).contains(escaped | 0x20) {
                    // A class such as \d, or a control character: too many, or not worth it.
                    isAnything = true
                    continue
                }
                low = escaped
            }
            var high = low
            if next == UInt8(ascii: "-"), position + 1 < bytes.count,
                bytes[position + 1] != UInt8(ascii: "]")
            {
                position += 1
                high = bytes[position]
                position += 1
                if high == UInt8(ascii: "\\") {
                    guard let escaped = next else { break }
                    position += 1
                    high = escaped
                }
            }
            guard low <= high else {
                isUnknown = true
                break
            }
            for member in low...high { set.insert(lowercased(member)) }
        }
        if !take(UInt8(ascii: "]")) { isUnknown = true }
        guard !isAnything, set.count <= 4 else { return .anything }
        return Part(exact: set.members.map(Self.word))
    }
}

/// A set of bytes.
private struct ByteSet {
    private(set) var members: [UInt8] = []
    private var bits = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))

    var count: Int { members.count }

    mutating func insert(_ byte: UInt8) {
        let bit: UInt64 = 1 << UInt64(byte & 63)
        let isNew: Bool
        switch byte >> 6 {
        case 0: (isNew, bits.0) = (bits.0 & bit == 0, bits.0 | bit)
        case 1: (isNew, bits.1) = (bits.1 & bit == 0, bits.1 | bit)
        case 2: (isNew, bits.2) = (bits.2 & bit == 0, bits.2 | bit)
        default: (isNew, bits.3) = (bits.3 & bit == 0, bits.3 | bit)
        }
        if isNew { members.append(byte) }
    }
}

/// ASCII only, as in RE2 on bytes: a user agent's letters are ASCII.
@inline(__always) func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}
