/// How bad a finding or alert is; words of OCSF and Sigma. Ordered.
public enum Severity: UInt8, Codable, Comparable, CaseIterable, Sendable {
    case informational = 1
    case low = 2
    case medium = 3
    case high = 4
    case critical = 5

    public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }

    public var name: String {
        switch self {
        case .informational: "informational"
        case .low: "low"
        case .medium: "medium"
        case .high: "high"
        case .critical: "critical"
        }
    }

    public init?(name: String) {
        guard let found = Severity.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// The severity of a risk of 0 through 100: from 90 critical, 70 high, 40 medium, 20 low.
    public init(risk: Int) {
        self =
            switch risk {
            case 90...: .critical
            case 70...: .high
            case 40...: .medium
            case 20...: .low
            default: .informational
            }
    }

    public init(from decoder: any Decoder) throws {
        self = try decodeNamed(decoder, Severity.init(name:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// How sure a finding is. `possible` never raises an alert alone. The raw values are stored.
public enum Confidence: UInt8, Codable, Comparable, CaseIterable, Sendable {
    case possible = 1
    case likely = 2
    case certain = 3

    public static func < (a: Confidence, b: Confidence) -> Bool { a.rawValue < b.rawValue }

    public var name: String {
        switch self {
        case .possible: "possible"
        case .likely: "likely"
        case .certain: "certain"
        }
    }

    public init?(name: String) {
        guard let found = Confidence.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    public init(from decoder: any Decoder) throws {
        self = try decodeNamed(decoder, Confidence.init(name:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

private func decodeNamed<T>(_ decoder: any Decoder, _ make: (String) -> T?) throws -> T {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let value = make(name) else {
        throw DecodingError.dataCorruptedError(
            in: container, debugDescription: "'\(name)' is not a \(T.self)")
    }
    return value
}

/// A rung of the ladder of responses, mildest first.
public enum Rung: UInt8, Codable, Comparable, CaseIterable, Sendable {
    case notify = 1
    case stepUp = 2
    case logOutSession = 3
    case logOutOthers = 4
    case logOutEverywhere = 5
    case requirePasswordChange = 6
    case suspend = 7

    public static func < (a: Rung, b: Rung) -> Bool { a.rawValue < b.rawValue }

    public var name: String {
        switch self {
        case .notify: "notify"
        case .stepUp: "require-step-up"
        case .logOutSession: "log-out-session"
        case .logOutOthers: "log-out-other-sessions"
        case .logOutEverywhere: "log-out-everywhere"
        case .requirePasswordChange: "require-password-change"
        case .suspend: "suspend"
        }
    }

    public init?(name: String) {
        guard let found = Rung.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    public init(from decoder: any Decoder) throws {
        self = try decodeNamed(decoder, Rung.init(name:))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// One number or word that made a finding. The unit is in the name: `distance_km`, `elapsed_s`.
public struct Evidence: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
        /// Written with at most one digit after the point.
        case number(Double)
        case integer(Int)
        case text(String)
        case time(Timestamp)
        case flag(Bool)
    }

    public var name: String
    public var value: Value

    public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }
}

/// One rule met by one sighting.
public struct Finding: Sendable, Equatable {
    /// The rule's id, as `impossible-travel`.
    public var rule: String
    public var severity: Severity
    public var confidence: Confidence
    public var time: Timestamp
    /// The records that made it, the deciding one last.
    public var records: [String]
    /// In the order a person wants to read it; names are unique.
    public var evidence: [Evidence]
    /// Which setting would have silenced it, with the value that would: `speed_limit_kmh >= 5400`.
    public var silencedBy: String
    /// One sentence for a person.
    public var sentence: String

    public init(
        rule: String, severity: Severity, confidence: Confidence, time: Timestamp,
        records: [String], evidence: [Evidence], silencedBy: String, sentence: String
    ) {
        self.rule = rule
        self.severity = severity
        self.confidence = confidence
        self.time = time
        self.records = records
        self.evidence = evidence
        self.silencedBy = silencedBy
        self.sentence = sentence
    }
}

/// A place as alerts and session lists show it.
public struct Place: Sendable, Equatable {
    /// Empty when unknown.
    public var city: String
    public var region: String
    /// ISO 3166-1 alpha-2; empty when unknown.
    public var country: String
    /// Nil when there are no coordinates.
    public var latitude: Double?
    public var longitude: Double?
    public var radiusKilometers: Int?

    public init(
        city: String = "", region: String = "", country: String = "", latitude: Double? = nil,
        longitude: Double? = nil, radiusKilometers: Int? = nil
    ) {
        self.city = city
        self.region = region
        self.country = country
        self.latitude = latitude
        self.longitude = longitude
        self.radiusKilometers = radiusKilometers
    }

    /// `Oslo, NO`; `NO`; `Unknown`.
    public var label: String {
        switch (city.isEmpty, country.isEmpty) {
        case (false, false): "\(city), \(country)"
        case (false, true): city
        case (true, false): region.isEmpty ? country : "\(region), \(country)"
        case (true, true): "Unknown"
        }
    }
}

/// A network as alerts and session lists show it.
public struct Network: Sendable, Equatable {
    /// Empty when the record had none.
    public var address: String
    /// 0 when unknown.
    public var asn: UInt32
    public var organization: String
    public var kind: NetworkKind

    public init(
        address: String = "", asn: UInt32 = 0, organization: String = "",
        kind: NetworkKind = .unknown
    ) {
        self.address = address
        self.asn = asn
        self.organization = organization
        self.kind = kind
    }
}

/// A step for a person, in order.
public struct Recommendation: Sendable, Equatable {
    /// From 1.
    public var step: Int
    public var text: String
    public var reason: String

    public init(step: Int, text: String, reason: String) {
        (self.step, self.text, self.reason) = (step, text, reason)
    }
}

/// What Lastseen itself plans to do or did, as an alert shows it.
public struct ActionSummary: Sendable, Equatable {
    /// Also the idempotency key.
    public var id: String
    /// A rung's name.
    public var kind: String
    /// What it is done to: `session s1`, `user u1`.
    public var target: String
    /// `dry-run`, `planned`, …: see Response.
    public var state: String
    /// Where it is done, by the connector's name; empty where that is not said.
    public var connector: String

    public init(id: String, kind: String, target: String, state: String, connector: String = "") {
        (self.id, self.kind, self.target, self.state) = (id, kind, target, state)
        self.connector = connector
    }
}

/// The findings on one suspect session (or device) of one user, as one thing to look at.
public struct Alert: Sendable, Equatable {
    public enum Status: String, Sendable, CaseIterable {
        case open, amended, retracted
        /// Kept and counted, but told to nobody: its risk is below the bar that was set.
        case silenced
        /// What came later explained it, or the steps that it asked for were taken. It was right to
        /// be raised, and there is nothing left to do.
        case closed
        /// A person said that it was an intruder.
        case confirmed
        /// A person said that it was the user.
        case dismissed

        /// Whether there is something to look at or to do.
        public var stands: Bool {
            switch self {
            case .open, .amended, .confirmed: true
            case .retracted, .silenced, .closed, .dismissed: false
            }
        }

        /// Whether readers were told of it and need do nothing any more.
        public var isOver: Bool {
            switch self {
            case .retracted, .closed, .dismissed: true
            case .open, .amended, .confirmed, .silenced: false
            }
        }

        /// The names of those that stand, for filters.
        public static let standing = allCases.filter(\.stands).map(\.rawValue)
    }

    /// Stable for the life of the alert: 16 hexadecimal digits after `a-`.
    public var id: String
    /// From 1; each change that matters to a reader adds one.
    public var revision: Int
    public var status: Status
    /// Of the newest finding, in event time.
    public var time: Timestamp
    public var tenant: String
    public var userID: String
    public var userName: String
    /// Where the suspect was seen, as the records name it; empty when they do not.
    public var application = ""
    /// The suspect's session; empty when its records name none.
    public var sessionID: String
    /// Further sessions of the same suspect, at most 8.
    public var otherSessionIDs: [String]
    public var deviceID: String
    /// `Chrome on Windows`, or `Unknown`.
    public var deviceLabel: String
    public var place: Place
    public var network: Network
    /// 0 through 100.
    public var risk: Int
    public var severity: Severity
    public var title: String
    /// One or two sentences for a person.
    public var summary: String
    /// The highest rung that the rules behind it ask for.
    public var rung: Rung
    /// Whether it was settled before the lateness window was over, since the user was too busy: a
    /// late record can no longer amend it.
    public var isSettledEarly: Bool
    /// Whether this revision changes what a reader would do; when not (a count in the evidence after
    /// a late record), a person need not be told. Not part of the JSON.
    public var isMaterial = true
    /// Whether it is about what a team's own rule counts by, as an address, instead of about its user: no
    /// step against that user is due. Not part of the JSON.
    public var isAboutKey = false
    public var findings: [Finding]
    public var recommendations: [Recommendation]
    public var actions: [ActionSummary]

    public init(
        id: String, revision: Int, status: Status, time: Timestamp, tenant: String,
        userID: String, userName: String, sessionID: String, otherSessionIDs: [String] = [],
        deviceID: String, deviceLabel: String, place: Place, network: Network, risk: Int,
        severity: Severity, title: String, summary: String, rung: Rung,
        isSettledEarly: Bool = false, findings: [Finding],
        recommendations: [Recommendation] = [], actions: [ActionSummary] = []
    ) {
        self.id = id
        self.revision = revision
        self.status = status
        self.time = time
        self.tenant = tenant
        self.userID = userID
        self.userName = userName
        self.sessionID = sessionID
        self.otherSessionIDs = otherSessionIDs
        self.deviceID = deviceID
        self.deviceLabel = deviceLabel
        self.place = place
        self.network = network
        self.risk = risk
        self.severity = severity
        self.title = title
        self.summary = summary
        self.rung = rung
        self.isSettledEarly = isSettledEarly
        self.findings = findings
        self.recommendations = recommendations
        self.actions = actions
    }
}

extension Alert {
    /// The findings that say something new to a person who reads them in their order, the weightiest
    /// first: the same rule, less surely, of the same session, is left out.
    public var reasons: [Finding] {
        var told: [(rule: String, session: Evidence?)] = []
        return findings.filter { finding in
            let session = finding.evidence.last { $0.name == "session" }
            if told.contains(where: { $0 == finding.rule && $1 == session }) { return false }
            told.append((finding.rule, session))
            return true
        }
    }
}

/// One session of an account as its Sessions page shows it.
public struct SessionSummary: Sendable, Equatable {
    public enum State: String, Sendable {
        case active, ended
    }

    public var id: String
    public var state: State
    /// The newest session of the account.
    public var isCurrent: Bool
    public var deviceID: String
    /// `Unknown` when it is.
    public var deviceLabel: String
    public var place: Place
    public var network: Network
    public var firstSeen: Timestamp
    public var lastActive: Timestamp
    /// Ids of open alerts on it.
    public var alertIDs: [String]

    public init(
        id: String, state: State, isCurrent: Bool, deviceID: String, deviceLabel: String,
        place: Place, network: Network, firstSeen: Timestamp, lastActive: Timestamp,
        alertIDs: [String] = []
    ) {
        self.id = id
        self.state = state
        self.isCurrent = isCurrent
        self.deviceID = deviceID
        self.deviceLabel = deviceLabel
        self.place = place
        self.network = network
        self.firstSeen = firstSeen
        self.lastActive = lastActive
        self.alertIDs = alertIDs
    }
}
