public import SessionModel

/// How far an entry of the policy goes.
public enum PolicyRung: Sendable, Equatable {
    /// As far as the rules behind the alert ask, within the limits of risk and confidence.
    case asked
    case rung(Rung)

    /// The word for what the rules ask.
    static let askedWord = "asked"
    static let words = [askedWord] + Rung.allCases.map(\.name)

    public init?(name: String) {
        if name == PolicyRung.askedWord {
            self = .asked
        } else if let rung = Rung(name: name) {
            self = .rung(rung)
        } else {
            return nil
        }
    }

    public var name: String {
        switch self {
        case .asked: PolicyRung.askedWord
        case .rung(let rung): rung.name
        }
    }
}

/// Which alerts an entry is about. All that is said has to hold; what is not said always does.
public struct PolicyCondition: Sendable, Equatable {
    /// Ids of rules; one of them has a finding that is at least as sure as `confidence`.
    public var rules: [NamePattern] = []
    /// Families of rules (the folders they lie in), of which one has such a finding.
    public var families: [NamePattern] = []
    /// At least so severe.
    public var severity: Severity?
    /// The surest finding, or that of `rules` or `families`, is at least so sure. Likely when nothing
    /// is said: what is merely possible never acts.
    public var confidence: Confidence?
    /// 0 through 100.
    public var risk: ClosedRange<Int>?
    /// The rules ask for at least this rung.
    public var asks: Rung?
    /// Ids or names.
    public var users: [NamePattern] = []
    public var groups: [NamePattern] = []
    public var applications: [NamePattern] = []
    public var tenants: [NamePattern] = []
    /// The alert's event time is in one of them.
    public var times: [TimeWindow] = []

    public init() {}

    func allows(_ subject: PolicySubject) -> Bool {
        let alert = subject.alert
        if let severity, alert.severity < severity { return false }
        if let risk, !risk.contains(alert.risk) { return false }
        if let asks, alert.rung < asks { return false }
        let least = confidence ?? .likely
        let isMet = alert.findings.contains { finding in
            finding.confidence >= least && rules.allow(finding.rule)
                && (families.isEmpty || families.allow(subject.families[finding.rule] ?? ""))
        }
        guard isMet, users.allow([alert.userID, alert.userName]),
            applications.allow(alert.application), tenants.allow(alert.tenant)
        else { return false }
        if !groups.isEmpty, !groups.allow(subject.groups) { return false }
        return times.isEmpty || times.contains { $0.contains(alert.time) }
    }

    /// Whether all that `other` lets through is surely let through here.
    func covers(_ other: PolicyCondition) -> Bool {
        func least<T: Comparable>(_ mine: T?, _ theirs: T?) -> Bool {
            guard let mine else { return true }
            return theirs.map { $0 >= mine } ?? false
        }
        // A severity is a span of the risk.
        let theirSeverity = other.severity ?? other.risk.map { Severity(risk: $0.lowerBound) }
        let mine = risk ?? 0...100
        let theirs = other.risk ?? 0...100
        return least(severity, theirSeverity) && least(asks, other.asks)
            && (confidence ?? .likely) <= (other.confidence ?? .likely)
            && mine.lowerBound <= theirs.lowerBound && mine.upperBound >= theirs.upperBound
            && rules.covers(other.rules) && families.covers(other.families)
            && users.covers(other.users) && groups.covers(other.groups)
            && applications.covers(other.applications) && tenants.covers(other.tenants)
            && (times.isEmpty
                || !other.times.isEmpty
                    && other.times.allSatisfy { theirs in times.contains { $0.covers(theirs) } })
    }

    /// Why no alert can ever meet it; nil when one can.
    var contradiction: String? {
        guard let severity, let risk, Severity(risk: risk.upperBound) < severity else { return nil }
        return "a risk of at most \(risk.upperBound) is never \(severity.name)"
    }
}

/// One line of the policy: which alerts, and how far to go for them.
public struct PolicyEntry: Sendable, Equatable {
    public var name: String
    /// In the file, from 1; 0 when it is of no file.
    public var line: Int
    public var column: Int
    public var condition: PolicyCondition
    public var rung: PolicyRung
    /// No further than this, where the rules ask for more.
    public var atMost: Rung?
    /// Whether all sessions may be ended where a target cannot end one; nil: as the settings say.
    public var widens: Bool?

    public init(
        name: String, line: Int = 0, column: Int = 0, condition: PolicyCondition, rung: PolicyRung,
        atMost: Rung? = nil, widens: Bool? = nil
    ) {
        self.name = name
        self.line = line
        self.column = column
        self.condition = condition
        self.rung = rung
        self.atMost = atMost
        self.widens = widens
    }
}

/// An alert with what else the policy asks about.
struct PolicySubject {
    var alert: Alert
    /// The family of a rule's id.
    var families: [String: String]
    /// Of the user.
    var groups: [String]
}

/// What the policy says about one alert.
public struct PolicyDecision: Sendable, Equatable {
    public var rung: Rung
    /// Whether the limits of risk and confidence hold for each step.
    public var isAsked: Bool
    public var widens: Bool
    /// The entry's name; empty for the default.
    public var entry: String

    /// For the journal: `entry 'admins'`.
    public var reason: String {
        (entry.isEmpty ? "the default" : "entry '\(plain(entry, limit: 100))'")
            + (isAsked ? ", as the rules ask" : "")
    }
}
