internal import Detection
internal import SessionModel
internal import Settings
internal import Yams

/// Reads what only a team's own rules have: `match`, and what is counted or told apart.
enum CustomRuleReader {
    /// The keys by detector, beyond those of every rule.
    static func keys(_ detector: DetectorKind) -> [String] {
        switch detector {
        case .match: ["match", "confidence", "time_zone"]
        case .threshold:
            ["match", "by", "count", "distinct", "at_least", "within", "confidence", "time_zone"]
        case .firstSeen: ["match", "value", "by", "after", "confidence", "time_zone"]
        default: []
        }
    }

    static let allKeys = [
        "match", "by", "count", "distinct", "at_least", "within", "value", "after", "confidence",
        "time_zone",
    ]

    static let longestWindow: Int64 = 30 * 86_400_000

    /// Logs the keys that are another detector's.
    static func checkKeys(_ reader: FieldReader, _ detector: DetectorKind) {
        let known = keys(detector)
        if !known.isEmpty, let node = reader.value("limits") {
            reader.log.add(
                "'limits' is not for the detector \(detector.rawValue), which has "
                    + "\(alternatives(known)).", at: node)
        }
        for key in allKeys where !known.contains(key) {
            guard let node = reader.value(key) else { continue }
            reader.log.add(
                known.isEmpty
                    ? "'\(key)' is for the detectors match, threshold and first-seen; "
                        + "\(detector.rawValue) has 'limits'."
                    : "'\(key)' is not for the detector \(detector.rawValue), which has "
                        + "\(alternatives(known)).", at: node)
        }
    }

    /// Nil after logging at least one problem.
    static func read(_ reader: FieldReader, _ detector: DetectorKind, rung: Rung?) -> CustomRule? {
        let isFirstSeen = detector == .firstSeen
        // To see a value for the first time no condition is needed, to match one is.
        var condition: Condition? = isFirstSeen ? .all([]) : nil
        if let node = reader.value("match") {
            condition = ConditionReader(log: reader.log).read(node)
        } else if !isFirstSeen {
            _ = reader.required("match", because: "what a record must be like, as 'event: login'")
        }
        let confidence: Confidence? =
            reader.value("confidence").map { node in
                reader.word(
                    "confidence", of: node, among: Confidence.allCases.map(\.name),
                    make: Confidence.init(name:))
            } ?? .likely
        let zone = readZone(reader)
        let kind: CustomRule.Kind? =
            switch detector {
            case .threshold: readThreshold(reader).map(CustomRule.Kind.threshold)
            case .firstSeen: readFirstSeen(reader).map(CustomRule.Kind.firstSeen)
            default: .match
            }
        guard let condition, let confidence, let zone, let kind else { return nil }
        let rule = CustomRule(condition: condition, kind: kind, confidence: confidence, zone: zone)
        if rule.isOfKey, let rung, rung != .notify {
            reader.log.add(
                "This rule counts by \((rule.by ?? []).first?.name ?? "nothing"), so that its alerts are "
                    + "about no one user. Write 'rung: notify', or add user.id to 'by'.",
                at: reader.place("rung"))
        }
        return rule
    }

    private static func readThreshold(_ reader: FieldReader) -> CustomRule.Threshold? {
        let by = readFields(reader, "by", absent: [])
        let within = readWindow(reader)
        var distinct: RecordField?
        var count: Double?
        let range = 2...Double(CustomRule.Threshold.most)
        if let node = reader.value("distinct") {
            distinct = readField(reader, "distinct", node)
            if let extra = reader.value("count") {
                reader.log.add(
                    "'count' counts records, and 'distinct' values with 'at_least'. Remove one.",
                    at: extra)
                return nil
            }
            guard
                let least = reader.required(
                    "at_least", because: "how many different values of the field, as 5")
            else { return nil }
            count = reader.number("at_least", of: least, in: range, unit: "", isWhole: true)
            guard distinct != nil else { return nil }
        } else {
            if let extra = reader.value("at_least") {
                reader.log.add(
                    "'at_least' goes with 'distinct'. Write 'count' for a number of records.",
                    at: extra)
                return nil
            }
            guard
                let node = reader.required(
                    "count", because: "how many records, as 10, or 'distinct' with 'at_least'")
            else { return nil }
            count = reader.number("count", of: node, in: range, unit: "", isWhole: true)
        }
        guard let by, let within, let count else { return nil }
        return CustomRule.Threshold(
            by: by, distinct: distinct, count: Int(count), withinMilliseconds: within)
    }

    private static func readFirstSeen(_ reader: FieldReader) -> CustomRule.FirstSeen? {
        let by = readFields(reader, "by", absent: [.userID])
        let value = reader.required("value", because: "the field that is told apart, as 'country'")
            .flatMap { readField(reader, "value", $0) }
        var (sightings, days): (Double?, Double?) = (1, 0)
        if let node = reader.value("after") {
            guard
                let fields = FieldReader(
                    node, name: "'after'", keys: ["sightings", "days"], log: reader.log)
            else { return nil }
            if let node = fields.value("sightings") {
                sightings = fields.number(
                    "sightings", of: node, in: 0...10_000, unit: "", isWhole: true)
            }
            if let node = fields.value("days") {
                days = fields.number("days", of: node, in: 0...365, unit: "days", isWhole: false)
            }
        }
        guard let by, let value, let sightings, let days else { return nil }
        if by.contains(value) {
            reader.log.add(
                "'\(value.name)' is both the value and the key, so that it is never new. "
                    + "Take it out of 'by'.", at: reader.place("by"))
            return nil
        }
        return CustomRule.FirstSeen(
            value: value, by: by, afterSightings: Int(sightings), afterDays: days)
    }

    // MARK: - Fields, times

    private static func readField(
        _ reader: FieldReader, _ key: String, _ node: Node
    ) -> RecordField? {
        reader.word(key, of: node, among: RecordField.allNames, make: RecordField.init(name:))
    }

    /// One field, or a list of them.
    private static func readFields(
        _ reader: FieldReader, _ key: String, absent: [RecordField]
    ) -> [RecordField]? {
        guard let node = reader.value(key) else { return absent }
        var items = [node]
        if case .sequence(let nodes) = node { items = Array(nodes) }
        if case .scalar(let scalar) = node, scalar.style == .plain,
            ["none", "null", "~", ""].contains(scalar.string)
        {
            return []
        }
        guard items.count <= CustomRule.keyFieldLimit else {
            reader.log.add(
                "'\(key)' has \(items.count) fields. Use at most \(CustomRule.keyFieldLimit).",
                at: node)
            return nil
        }
        var fields: [RecordField] = []
        for item in items {
            guard let field = readField(reader, key, item) else { return nil }
            if !fields.contains(field) { fields.append(field) }
        }
        return fields
    }

    /// Sigma's `timespan`: one number and one letter.
    private static func readWindow(_ reader: FieldReader) -> Int64? {
        guard let node = reader.required("within", because: "a time, as 30s, 10m, 1h or 7d") else {
            return nil
        }
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard case .scalar(let scalar) = node, let unit = scalar.string.last.flatMap({ units[$0] }),
            scalar.string.utf8.count <= 7,
            scalar.string.dropLast().utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int64(scalar.string.dropLast())
        else {
            reader.log.add(
                "'within' must be a number and a letter: 30s, 10m, 1h or 7d.", at: node)
            return nil
        }
        guard number > 0, number * unit <= longestWindow else {
            reader.log.add(
                "'within' is \(shown(scalar.string)). Use 1s to \(longestWindow / 86_400_000)d.",
                at: node)
            return nil
        }
        return number * unit
    }

    /// `UTC`, `local`, `+05:30`.
    private static func readZone(_ reader: FieldReader) -> ClockZone? {
        guard let node = reader.value("time_zone") else { return .utc }
        guard let text = reader.text(of: node, key: "time_zone") else { return nil }
        if text == "UTC" { return .utc }
        if text == "local" { return .local }
        let bytes = Array(text.utf8)
        if bytes.count == 6, bytes[0] == 0x2B || bytes[0] == 0x2D, bytes[3] == 0x3A,
            let hours = Int(text.dropFirst().prefix(2)), let minutes = Int(text.suffix(2)),
            hours >= 0, minutes >= 0, minutes < 60, hours * 60 + minutes <= 840
        {
            return .offset((bytes[0] == 0x2D ? -1 : 1) * (hours * 60 + minutes))
        }
        reader.log.add(
            "'time_zone' is '\(shown(text))'. Write 'UTC', 'local' for the clock of the record's place, "
                + "or what a clock is ahead of UTC, as '+01:00'.", at: node)
        return nil
    }
}

extension CustomRule {
    /// What it counts, as `rules list` shows it.
    var limits: [RuleListing.Limit] {
        func limit(
            _ name: String, _ value: Double, _ unit: String, _ range: ClosedRange<Double>,
            _ meaning: String
        ) -> RuleListing.Limit {
            RuleListing.Limit(
                name: name, value: value, unit: unit, range: range, defaultValue: value,
                meaning: meaning)
        }
        switch kind {
        case .match: return []
        case .threshold(let threshold):
            let most = 2...Double(Threshold.most)
            return [
                threshold.distinct.map {
                    limit(
                        "at_least", Double(threshold.count), "count", most,
                        "Different values of \($0.name).")
                } ?? limit("count", Double(threshold.count), "count", most, "Matching records."),
                limit(
                    "within", Double(threshold.withinMilliseconds) / 1000, "s",
                    1...Double(CustomRuleReader.longestWindow / 1000),
                    "The first and the last are no farther apart."),
            ]
        case .firstSeen(let rule):
            return [
                limit(
                    "after.sightings", Double(rule.afterSightings), "count", 0...10_000,
                    "Matching records of the key before the rule speaks."),
                limit(
                    "after.days", rule.afterDays, "days", 0...365,
                    "Since the key's first matching record."),
            ]
        }
    }
}
