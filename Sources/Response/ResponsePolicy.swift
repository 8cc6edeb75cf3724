public import SessionModel

/// How many actions may be begun, whatever the alerts say: a rule gone wrong, or an attacker who
/// makes noise on purpose, must not log out a whole company.
public struct ActionCaps: Sendable, Equatable {
    /// Calls in one run of `apply`, repetitions included. Default 100.
    public var perRun: Int
    /// Actions begun in any 60 minutes; repetitions are free. Default 200.
    public var perHour: Int
    /// Actions begun in any 24 hours. Default 1000.
    public var perDay: Int
    /// Actions begun in any 60 minutes for one user. Default 6: a log-out and a password change for
    /// three alerts.
    public var perUserPerHour: Int
    /// Actions begun in any 60 minutes for alerts of one application. Default 200.
    public var perApplicationPerHour: Int

    /// What is above a cap waits for the next run; nothing is dropped.
    public init(
        perRun: Int = 100, perHour: Int = 200, perDay: Int = 1000, perUserPerHour: Int = 6,
        perApplicationPerHour: Int = 200
    ) throws(ResponseError) {
        for (name, value) in [
            ("the cap per run", perRun), ("the cap per hour", perHour),
            ("the cap per day", perDay), ("the cap per user and hour", perUserPerHour),
            ("the cap per application and hour", perApplicationPerHour),
        ] where !(0...100_000).contains(value) {
            throw .badSetting(name: name, value: String(value), allowed: "0 to 100000")
        }
        self.perRun = perRun
        self.perHour = perHour
        self.perDay = perDay
        self.perUserPerHour = perUserPerHour
        self.perApplicationPerHour = perApplicationPerHour
    }

    /// The defaults.
    public static let standard = ActionCaps()

    private init() {
        (perRun, perHour, perDay) = (100, 200, 1000)
        (perUserPerHour, perApplicationPerHour) = (6, 200)
    }
}

/// Users for whom Lastseen takes no step itself: break-glass accounts, service accounts, the board.
///
/// An entry is a user id or a user name, compared without regard to ASCII case; one with `*` is a
/// pattern (`svc-*`). An alert on such a user is still an alert.
public struct ProtectedUsers: Sendable, Equatable {
    private var names: Set<String> = []
    private var patterns: [NamePattern] = []

    /// At most 100 000 entries of at most 256 bytes. Empty entries and those beginning with `#` are
    /// skipped, so that a file's lines can be given.
    public init(_ entries: some Sequence<String> = []) throws(ResponseError) {
        for entry in entries {
            let text = trimmed(entry)
            if text.isEmpty || text.hasPrefix("#") { continue }
            guard text.utf8.count <= TextLimit.userID, !text.utf8.allSatisfy({ $0 == 0x2A }) else {
                throw .badSetting(
                    name: "a protected user", value: text,
                    allowed: "a user's id or name of at most \(TextLimit.userID) bytes; to protect "
                        + "everybody, do not switch acting on")
            }
            guard names.count + patterns.count < 100_000 else {
                throw .badSetting(
                    name: "the list of protected users", value: "longer than 100000",
                    allowed: "at most 100000 entries, or patterns with '*'")
            }
            if text.utf8.contains(0x2A) {
                patterns.append(NamePattern(text))
            } else {
                names.insert(asciiLowered(text))
            }
        }
    }

    public static let none = ProtectedUsers()

    private init() {}

    /// With further entries.
    public func adding(_ entries: some Sequence<String>) throws(ResponseError) -> ProtectedUsers {
        let more = try ProtectedUsers(entries)
        var all = self
        all.names.formUnion(more.names)
        all.patterns += more.patterns
        return all
    }

    public func contains(id: String, name: String) -> Bool {
        if names.isEmpty && patterns.isEmpty { return false }
        for text in [asciiLowered(id), asciiLowered(name)] where !text.isEmpty {
            if names.contains(text) || patterns.contains(where: { $0.matches(lowered: text) }) {
                return true
            }
        }
        return false
    }
}

/// When Lastseen acts itself, and how far.
///
/// The first of `entries` that an alert meets says how far to go for it; where none does,
/// `defaultRung`. Without a file there are no entries and the default is what the alert's rules ask
/// for, where each step has limits of its own:
///
/// | step | asked by a rung of | and |
/// | --- | --- | --- |
/// | any but the next | that step's rung, or above | risk ≥ `actRisk`, confidence ≥ `confidence` |
/// | require a password change, suspend | as above | risk ≥ `passwordRisk` too |
///
/// What a guard stops is left to a person. Until `isActing`, all of it is a dry run.
public struct ResponsePolicy: Sendable, Equatable {
    /// Off by default: nothing is ever sent.
    public var isActing: Bool
    /// The least risk, 0 through 100, for any step. Default 80.
    public var actRisk: Int
    /// The least risk, 0 through 100, for making a user choose a new password. Default 90.
    public var passwordRisk: Int
    /// What the surest finding must be at least. Default likely.
    public var confidence: Confidence
    /// Nothing above is done. Default require-password-change: suspending has to be allowed.
    public var highestRung: Rung
    public var protectedUsers: ProtectedUsers
    /// Groups whose members are protected.
    public var protectedGroups: [NamePattern] = []
    public var caps: ActionCaps
    /// Which connector carries the steps out where a planner is told of no others.
    public var connector: ConnectorKind
    /// First match wins.
    public var entries: [PolicyEntry] = []
    /// For alerts that meet no entry.
    public var defaultRung = PolicyRung.asked
    public var groups = UserGroups.none
    /// Why it is not known who is in which group; then nothing is done.
    public var groupsFault: String?
    /// Whether all sessions may be ended where a target cannot end one.
    public var widens = false
    public var approvals = ApprovalRules.standard
    public var breaker = UserBreakerLimits.standard
    /// Not again for the same user within so many seconds, by step; for another alert's sake.
    public var coolDownSeconds: [Rung: Int] = ResponsePolicy.standardCoolDown
    /// In which no step is begun.
    public var quiet: [TimeWindow] = []
    /// No step is begun for a suspect who was last seen longer ago: the session is gone, or the run is
    /// one over old records. Nil for no limit.
    public var maximumAgeHours: Int?

    /// Resets and blocks are for an hour: several alerts of one break-in mean one new password.
    public static let standardCoolDown: [Rung: Int] = [
        .requirePasswordChange: 3600, .suspend: 3600,
    ]

    public init(
        isActing: Bool = false, actRisk: Int = 80, passwordRisk: Int = 90,
        confidence: Confidence = .likely, highestRung: Rung = .requirePasswordChange,
        protectedUsers: ProtectedUsers = .none, caps: ActionCaps = .standard,
        connector: ConnectorKind = .webhook
    ) throws(ResponseError) {
        for (name, value) in [("--act-risk", actRisk), ("the password risk", passwordRisk)]
        where !(0...100).contains(value) {
            throw .badSetting(name: name, value: String(value), allowed: "0 to 100")
        }
        self.isActing = isActing
        self.actRisk = actRisk
        self.passwordRisk = passwordRisk
        self.confidence = confidence
        self.highestRung = highestRung
        self.protectedUsers = protectedUsers
        self.caps = caps
        self.connector = connector
    }

    /// Whether it has to be known who is in which group.
    public var needsGroups: Bool {
        !protectedGroups.isEmpty || entries.contains { !$0.condition.groups.isEmpty }
    }

    /// Whether nothing is ever done for this user.
    public func isProtected(id: String, name: String) -> Bool {
        if protectedUsers.contains(id: id, name: name) { return true }
        guard !protectedGroups.isEmpty else { return false }
        return groups.groups(ofUser: id, name: name).contains { group in
            protectedGroups.contains { $0.matches(group) }
        }
    }

    /// How far to go for an alert.
    ///
    /// - Parameters:
    ///   - families: the family of each rule's id, for entries that name some.
    ///   - groups: the user's; those of `self.groups` when nil.
    public func decide(
        _ alert: Alert, families: [String: String] = [:], groups: [String]? = nil
    ) -> PolicyDecision {
        let subject = PolicySubject(
            alert: alert, families: families,
            groups: groups ?? self.groups.groups(ofUser: alert.userID, name: alert.userName))
        for entry in entries where entry.condition.allows(subject) {
            return decision(
                entry.rung, alert, atMost: entry.atMost, widens: entry.widens ?? widens,
                name: entry.name)
        }
        return decision(defaultRung, alert, atMost: nil, widens: widens, name: "")
    }

    private func decision(
        _ rung: PolicyRung, _ alert: Alert, atMost: Rung?, widens: Bool, name: String
    ) -> PolicyDecision {
        switch rung {
        case .asked:
            PolicyDecision(
                rung: min(alert.rung, atMost ?? .suspend), isAsked: true, widens: widens,
                entry: name)
        case .rung(let rung):
            PolicyDecision(
                rung: min(rung, atMost ?? .suspend), isAsked: false, widens: widens, entry: name)
        }
    }
}

func trimmed(_ text: String) -> String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var bytes = Substring(text).utf8
    while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
    while let last = bytes.last, isSpace(last) { bytes.removeLast() }
    return String(Substring(bytes))
}

func asciiLowered(_ text: String) -> String {
    guard text.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return text }
    return String(
        decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
}
