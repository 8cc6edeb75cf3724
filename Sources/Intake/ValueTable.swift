import SessionModel

/// The native record's words for what has a fixed vocabulary.
enum EventWords {
    static let names = EventKind.allCases.map(\.name)
    static func value(_ name: String) -> UInt8 {
        EventKind.allCases.first { $0.name == name }?.rawValue ?? 0
    }
}

enum OutcomeWords {
    static let names = Outcome.allCases.map(\.name)
    static func value(_ name: String) -> UInt8 {
        Outcome.allCases.first { $0.name == name }?.rawValue ?? 0
    }
}

enum AuthWords {
    static let names = AuthMethod.allCases.map(\.name)
    static func value(_ name: String) -> UInt8 {
        AuthMethod.allCases.first { $0.name == name }?.rawValue ?? 0
    }
}

/// ASCII letters in lower case; other bytes as they are.
@inline(__always)
func lowered(_ c: UInt8) -> UInt8 { c &- 0x41 < 26 ? c | 0x20 : c }

/// Words kept together in memory of their own, for comparing without strings.
final class WordList {
    let words: UnsafeMutablePointer<TextView>
    let count: Int
    private let bytes: UnsafeMutablePointer<UInt8>
    /// Bit n: some word has n bytes (63: or more).
    let lengths: UInt64

    init(_ list: [String]) {
        let utf8 = list.map { Array($0.utf8) }
        bytes = .allocate(capacity: max(1, utf8.reduce(0) { $0 + $1.count }))
        words = .allocate(capacity: max(1, list.count))
        count = list.count
        var at = 0
        var lengths: UInt64 = 0
        for (i, word) in utf8.enumerated() {
            for (k, byte) in word.enumerated() { bytes[at + k] = byte }
            (words + i).initialize(to: TextView(base: bytes + at, count: word.count))
            at += word.count
            lengths |= 1 << UInt64(min(word.count, 63))
        }
        self.lengths = lengths
    }

    deinit {
        bytes.deallocate()
        words.deallocate()
    }

    @inline(__always)
    func mayHave(length: Int) -> Bool { lengths &>> UInt64(min(length, 63)) & 1 != 0 }

    static func sameIgnoringCase(_ a: TextView, _ b: TextView) -> Bool {
        guard a.count == b.count, let p = a.base, let q = b.base else { return a.count == b.count }
        for i in 0..<a.count where lowered(p[i]) != lowered(q[i]) { return false }
        return true
    }

    /// The index of the word that is the same but for ASCII case; -1 for none.
    func index(ignoringCase text: TextView) -> Int {
        guard mayHave(length: text.count) else { return -1 }
        for i in 0..<count where WordList.sameIgnoringCase(words[i], text) { return i }
        return -1
    }
}

/// Words that stand for nothing, such as "-" or "unknown"; so does white space alone.
final class NothingWords {
    private let list: WordList

    init(_ words: [String]) { list = WordList(words) }

    @inline(__always)
    func has(_ text: TextView) -> Bool {
        guard text.count > 0, let p = text.base else { return true }
        if p[0] <= 0x20 || p[text.count - 1] <= 0x20 { return hasTrimmed(text) }
        guard list.mayHave(length: text.count) else { return false }
        return list.index(ignoringCase: text) >= 0
    }

    private func hasTrimmed(_ text: TextView) -> Bool {
        guard var p = text.base else { return true }
        var n = text.count
        while n > 0, p[0] <= 0x20 { (p, n) = (p + 1, n - 1) }
        while n > 0, p[n - 1] <= 0x20 { n -= 1 }
        return n == 0 || list.index(ignoringCase: TextView(base: p, count: n)) >= 0
    }
}

/// A source's words for an event, outcome or method.
final class ValueTable {
    private let list: WordList
    private let values: [UInt8]
    private let otherwise: Int
    /// The word that was met last: most records of a source say the same.
    private var last = 0

    init(_ words: [(String, UInt8)], otherwise: UInt8?) {
        list = WordList(words.map(\.0))
        values = words.map(\.1)
        self.otherwise = otherwise.map(Int.init) ?? -1
    }

    /// -1 when no word fits.
    @inline(__always)
    func value(_ text: TextView) -> Int {
        if list.count > 0, list.words[last] == text { return Int(values[last]) }
        return search(text)
    }

    private func search(_ text: TextView) -> Int {
        let found = list.index(ignoringCase: text)
        guard found >= 0 else { return otherwise }
        last = found
        return Int(values[found])
    }
}
