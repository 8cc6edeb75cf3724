public import SessionModel

/// How many persons have to agree to a step before it is taken.
public struct ApprovalRules: Sendable, Equatable {
    /// Steps that are not named need nobody.
    public var persons: [Rung: Int]
    /// An approval that is not complete by then comes too late.
    public var hours: Int

    /// Suspending needs two persons, logging out everywhere one; 24 hours.
    public static let standard = ApprovalRules(
        persons: [.suspend: 2, .logOutEverywhere: 1], hours: 24)

    public init(persons: [Rung: Int], hours: Int) {
        (self.persons, self.hours) = (persons, hours)
    }

    func needed(for kind: Rung) -> Int { max(0, persons[kind] ?? 0) }
}

/// When so many users would be hit that a person has to look first.
public struct UserBreakerLimits: Sendable, Equatable {
    /// Users acted upon, or about to be, within 60 minutes.
    public var usersPerHour: Int
    /// The same as a share of all known users, 0 through 1.
    public var shareOfUsers: Double
    /// Up to so many users the share does not count: in a small house a few are a large share.
    public var leastUsers: Int

    public static let standard = UserBreakerLimits(
        usersPerHour: 50, shareOfUsers: 0.1, leastUsers: 10)

    public init(usersPerHour: Int, shareOfUsers: Double, leastUsers: Int) {
        self.usersPerHour = usersPerHour
        self.shareOfUsers = shareOfUsers
        self.leastUsers = leastUsers
    }

    /// The most users of an hour; `known` is nil or 0 when nobody can say how many there are.
    func limit(known: Int?) -> Int {
        guard let known, known > 0 else { return usersPerHour }
        return min(usersPerHour, max(leastUsers, Int(shareOfUsers * Double(known))))
    }
}

/// What is kept of the breaker between runs.
public struct UserBreakerState: Sendable, Equatable {
    /// Nil while it is closed.
    public var openedAt: Timestamp?
    /// How many users there were, and how many were allowed.
    public var users = 0
    public var limit = 0
    /// When a person last let it go on: what was planned by then does not count any more.
    public var resumedAt: Timestamp?

    public init() {}

    public var isOpen: Bool { openedAt != nil }

    /// For a value of `meta`.
    var text: String {
        [
            openedAt.map { String($0.milliseconds) } ?? "-", String(users), String(limit),
            resumedAt.map { String($0.milliseconds) } ?? "-",
        ].joined(separator: " ")
    }

    /// Nil for a text of something else's.
    init?(text: String) {
        let words = text.split(separator: " ")
        guard words.count == 4, let users = Int(words[1]), let limit = Int(words[2]) else {
            return nil
        }
        func time(_ word: Substring) -> Timestamp?? {
            if word == "-" { return .some(nil) }
            return Int64(word).map { Timestamp(milliseconds: $0) }
        }
        guard let opened = time(words[0]), let resumed = time(words[3]) else { return nil }
        (openedAt, self.users, self.limit, resumedAt) = (opened, users, limit, resumed)
    }
}
