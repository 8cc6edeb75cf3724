/// A name, or a pattern of names: `*` stands for any characters, also none, and `?` for one. Compared
/// without regard to ASCII case.
public struct NamePattern: Sendable, Hashable {
    /// As it was written, in lower case.
    public let text: String
    private let bytes: [UInt8]
    private let isLiteral: Bool

    public init(_ text: String) {
        self.text = asciiLowered(text)
        bytes = Array(self.text.utf8)
        isLiteral = !bytes.contains { $0 == 0x2A || $0 == 0x3F }
    }

    /// At most the product of the lengths, without recursion: names come from attackers.
    public func matches(_ name: String) -> Bool { matches(lowered: asciiLowered(name)) }

    func matches(lowered name: String) -> Bool {
        if isLiteral { return name == text }
        let name = Array(name.utf8)
        var (at, place) = (0, 0)
        // Where to go on when what follows the newest star does not fit.
        var star: (pattern: Int, name: Int)?
        while at < name.count {
            if place < bytes.count, bytes[place] == 0x2A {
                star = (place + 1, at)
                place += 1
            } else if place < bytes.count, bytes[place] == 0x3F || bytes[place] == name[at] {
                at += 1
                place += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                (place, at) = (last.pattern, last.name + 1)
            } else {
                return false
            }
        }
        return bytes[place...].allSatisfy { $0 == 0x2A }
    }

    /// Whether it surely matches all that `other` does. False also where that is not easily seen.
    func covers(_ other: NamePattern) -> Bool {
        if self == other || text == "*" { return true }
        // A star of the other's is one character to a question mark, and any to a star.
        if bytes.contains(0x3F), !other.isLiteral { return false }
        return matches(lowered: other.text)
    }
}

extension [NamePattern] {
    /// Whether one of them matches one of the names. An empty list matches everything.
    func allow(_ names: some Sequence<String>) -> Bool {
        if isEmpty { return true }
        for name in names where !name.isEmpty {
            let lowered = asciiLowered(name)
            if contains(where: { $0.matches(lowered: lowered) }) { return true }
        }
        return false
    }

    func allow(_ name: String) -> Bool { allow(CollectionOfOne(name)) }

    /// Whether all that `other` lets through is let through here.
    func covers(_ other: [NamePattern]) -> Bool {
        if isEmpty { return true }
        if other.isEmpty { return contains { $0.text == "*" } }
        return other.allSatisfy { pattern in contains { $0.covers(pattern) } }
    }
}
