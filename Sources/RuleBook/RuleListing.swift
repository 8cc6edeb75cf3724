public import SessionModel
internal import Detection
internal import Settings

/// What `rules list` shows, as plain values.
public struct RuleListing: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var id: String
        public var uuid: String
        public var family: String
        public var title: String
        public var severity: Severity
        public var detector: String
        /// In the detector's order: `speed_limit_kmh 900 km/h`.
        public var limits: [Limit]
        /// MITRE ATT&CK techniques: `T1078`.
        public var techniques: [String]
        public var rung: Rung
        public var isEnabled: Bool
        public var testCount: Int
        public var file: String
    }

    /// A limit in force.
    public struct Limit: Sendable, Equatable {
        public var name: String
        public var value: Double
        public var unit: String
        public var range: ClosedRange<Double>
        public var defaultValue: Double
        public var meaning: String

        public var isDefault: Bool { value == defaultValue }
        /// `900 km/h`, `5`.
        public var text: String {
            numberText(value) + (unit.isEmpty || unit == "count" ? "" : " " + unit)
        }
    }

    /// By family, then id.
    public var entries: [Entry]

    public init(_ book: RuleBook) {
        entries = book.rules.map { rule in
            Entry(
                id: rule.id, uuid: rule.uuid, family: rule.family, title: rule.title,
                severity: rule.severity, detector: rule.detector.rawValue,
                limits: rule.detector.parameters.map { spec in
                    Limit(
                        name: spec.name, value: rule.limits[spec.name] ?? spec.defaultValue,
                        unit: spec.unit, range: spec.range, defaultValue: spec.defaultValue,
                        meaning: spec.meaning)
                } + (rule.custom?.limits ?? []),
                techniques: rule.techniques, rung: rule.rung, isEnabled: rule.isEnabled,
                testCount: rule.tests.count, file: rule.file)
        }
        .sorted { ($0.family, $0.id) < ($1.family, $1.id) }
    }
}
