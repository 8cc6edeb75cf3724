public import SessionModel

/// What a team's own rule adds to what every rule has: what it asks of a record, and what it counts.
public struct CustomRule: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// Each record that fits.
        case match
        case threshold(Threshold)
        case firstSeen(FirstSeen)
    }

    /// So many within so long.
    public struct Threshold: Sendable, Equatable {
        /// What is counted apart; empty: all records together.
        public var by: [RecordField]
        /// Nil counts records; else different values of the field.
        public var distinct: RecordField?
        /// 2 through `Threshold.most`.
        public var count: Int
        /// The first and the last no farther apart than this.
        public var withinMilliseconds: Int64

        /// What a profile has room to count.
        public static let most = 200

        public init(
            by: [RecordField], distinct: RecordField? = nil, count: Int, withinMilliseconds: Int64
        ) {
            self.by = by
            self.distinct = distinct
            self.count = count
            self.withinMilliseconds = withinMilliseconds
        }
    }

    /// A value that was never there for its key.
    public struct FirstSeen: Sendable, Equatable {
        public var value: RecordField
        public var by: [RecordField]
        /// It is silent until its key was there this often …
        public var afterSightings: Int
        /// … and for so long since its first.
        public var afterDays: Double

        public init(value: RecordField, by: [RecordField], afterSightings: Int, afterDays: Double) {
            self.value = value
            self.by = by
            self.afterSightings = afterSightings
            self.afterDays = afterDays
        }
    }

    public var condition: Condition
    public var kind: Kind
    public var confidence: Confidence
    public var zone: ClockZone

    /// Rules of this kind in force together: a bit of a word each.
    public static let limit = 64
    /// Of these, rules that count by another key than the user: each takes a copy of what fits it.
    public static let keyRuleLimit = 16
    /// Fields that a key is made of.
    public static let keyFieldLimit = 4

    public init(
        condition: Condition, kind: Kind, confidence: Confidence = .likely, zone: ClockZone = .utc
    ) {
        self.condition = condition
        self.kind = kind
        self.confidence = confidence
        self.zone = zone
    }

    /// The fields that its state is kept by; nil for one that keeps none.
    public var by: [RecordField]? {
        switch kind {
        case .match: nil
        case .threshold(let threshold): threshold.by
        case .firstSeen(let first): first.by
        }
    }

    /// Whether what it counts is not of one user, so that it is kept in a profile of the key's own.
    public var isOfKey: Bool { by.map { !$0.contains(.userID) } ?? false }

    /// Whether it needs the place's clock.
    public var needsLocalTime: Bool {
        guard zone == .local else { return false }
        return shownFields.contains(where: \.isOfClock)
            || by?.contains(where: \.isOfClock) == true
    }

    /// The value that is told apart: distinct, or seen for the first time.
    var value: RecordField? {
        switch kind {
        case .match: nil
        case .threshold(let threshold): threshold.distinct
        case .firstSeen(let first): first.value
        }
    }

    /// What a finding shows of its record, each once: what is asked for, the value, the key.
    var shownFields: [RecordField] {
        var fields: [RecordField] = []
        for field in (by ?? []) + (value.map { [$0] } ?? []) + condition.tests.map(\.field)
        where !fields.contains(field) && fields.count < 12 {
            fields.append(field)
        }
        return fields
    }
}

extension DetectorKind {
    /// Whether rules name it as they like: a team's own.
    public var isCustom: Bool {
        switch self {
        case .match, .threshold, .firstSeen: true
        default: false
        }
    }

    /// Those that come with a rule of their own.
    public static let builtIn: [DetectorKind] = allCases.filter { !$0.isCustom }
}

extension DetectionRule {
    /// What findings of a team's own rule are told by: of its id, never 0.
    public var customHash: UInt32 {
        var id = id
        let hash = id.withUTF8 { TextView($0).hash(domain: HashDomain.text) }
        return UInt32(truncatingIfNeeded: hash &>> 16) | 1
    }
}
