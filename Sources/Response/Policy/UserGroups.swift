/// Which users are in which groups, as a file says it.
///
/// A member is a user id or name, compared without regard to ASCII case; one with `*` is a pattern.
/// What is on record for a user by id counts, and by name.
public struct UserGroups: Sendable, Equatable {
    private var members: [String: Set<String>] = [:]
    private var patterns: [(pattern: NamePattern, group: String)] = []
    private var names: Set<String> = []
    public private(set) var memberCount = 0

    public static let none = UserGroups()

    /// The most memberships that a file may list.
    public static let memberLimit = 1_000_000
    public static let groupLimit = 10_000

    public init() {}

    public var isEmpty: Bool { memberCount == 0 }

    /// All groups, for messages.
    public var groupNames: [String] { names.sorted() }

    /// Returns false, changing nothing, when that would be one too many.
    @discardableResult
    mutating func add(_ user: String, to group: String) -> Bool {
        guard memberCount < UserGroups.memberLimit,
            names.contains(group) || names.count < UserGroups.groupLimit
        else { return false }
        names.insert(group)
        memberCount += 1
        let user = asciiLowered(user)
        if user.utf8.contains(0x2A) || user.utf8.contains(0x3F) {
            guard patterns.count < 10_000 else { return false }
            patterns.append((NamePattern(user), group))
        } else {
            members[user, default: []].insert(group)
        }
        return true
    }

    /// In the order of their names.
    public func groups(ofUser id: String, name: String) -> [String] {
        if memberCount == 0 { return [] }
        var found: Set<String> = []
        for text in [asciiLowered(id), asciiLowered(name)] where !text.isEmpty {
            found.formUnion(members[text] ?? [])
            for (pattern, group) in patterns where pattern.matches(lowered: text) {
                found.insert(group)
            }
        }
        return found.sorted()
    }

    public static func == (a: UserGroups, b: UserGroups) -> Bool {
        a.members == b.members && a.names == b.names
            && a.patterns.elementsEqual(b.patterns) {
                $0.pattern == $1.pattern && $0.group == $1.group
            }
    }
}
