public import SessionModel

/// One thing that a rule looked at: a number against its limit, or a condition.
public struct Observation: Sendable, Equatable {
    /// What was measured: `distance`, `device is not known`.
    public var what: String
    /// The value with its unit; empty for a plain condition.
    public var value: String
    /// The rule's limit with its name and unit; empty where there is none.
    public var limit: String
    /// Whether the rule can still fire with it.
    public var isMet: Bool

    public init(_ what: String, _ value: String = "", limit: String = "", isMet: Bool) {
        (self.what, self.value, self.limit, self.isMet) = (what, value, limit, isMet)
    }
}

/// What one rule made of one sighting.
public struct RuleTrace: Sendable, Equatable {
    public var rule: String
    public var detector: DetectorKind
    /// Nil when it stayed quiet.
    public var confidence: Confidence?
    /// How much its finding weighs, 0 through 1; 0 when quiet.
    public var weight: Double
    /// A sentence about the finding; empty when quiet.
    public var sentence: String
    public var silencedBy: String
    /// In the order in which the rule asks; up to the first that is not met.
    public var observations: [Observation]

    /// The gate that kept it quiet; nil when it fired.
    public var gate: Observation? {
        confidence == nil ? observations.first { !$0.isMet } : nil
    }
}

/// What was known of a sighting and its user, and what each rule made of it.
public struct SightingTrace: Sendable, Equatable {
    public var time: Timestamp
    public var userID: String
    public var record: String
    /// Name and value, for a person.
    public var known: [(name: String, value: String)] = []
    public var rules: [RuleTrace]
    /// What the sighting was, when no rule is asked of it; else empty.
    public var note = ""

    public static func == (a: SightingTrace, b: SightingTrace) -> Bool {
        a.time == b.time && a.record == b.record && a.rules == b.rules && a.note == b.note
            && a.known.map { "\($0)" } == b.known.map { "\($0)" }
    }
}

extension Judge {
    /// What each rule sees at a sighting that is still in its user's tail, by what was known before it.
    ///
    /// The profile is as it was afterwards. The findings are those of `Detectors.examine` itself; what was
    /// measured is told beside it.
    /// - Parameter record: The record's key; see `Sighting.recordKey`.
    /// - Returns: Nil when the sighting is settled, or was never seen.
    public mutating func explain(record: UInt64, _ profile: inout Profile) -> SightingTrace? {
        var place: Int?
        for i in 0..<profile.tail.count where profile.tail[i].recordKey == record { place = i }
        guard let place else { return nil }
        var trace: SightingTrace?
        let (detectors, rules) = (detectors, rules)
        rejudge(from: place, &profile, isSilent: true) { profile in
            let x = profile.tail[place]
            trace = SightingTracer(x, profile, detectors, rules).trace(profile)
        }
        return trace
    }
}

/// Tells what was known and asks each rule.
struct SightingTracer {
    let x: StoredSighting
    let context: Context
    let detectors: Detectors
    let rules: [DetectionRule]
    let text: FindingText

    init(
        _ x: StoredSighting, _ profile: borrowing Profile, _ detectors: Detectors,
        _ rules: [DetectionRule]
    ) {
        self.x = x
        context = Context(x, in: profile)
        self.detectors = detectors
        self.rules = rules
        text = FindingText(heap: profile.heap)
    }

    func trace(_ profile: borrowing Profile) -> SightingTrace {
        var trace = SightingTrace(
            time: Timestamp(milliseconds: x.time), userID: profile.userID.string,
            record: text.string(x.recordText), rules: [])
        trace.known = known(profile)
        if !x.isUse {
            trace.note =
                "It failed: it counts towards failures in a row, and no rule is asked of it."
            return trace
        }
        if x.event == .logout {
            trace.note = "It is a log-out: it ends its session, and no rule is asked of it."
            return trace
        }
        var found: [StoredFinding] = []
        var watch = Unwatched()
        detectors.examine(
            x, context, profile, isLearning: profile.tally.sightings < Judge.learningSightings,
            into: &found, watch: &watch)
        for rule in rules {
            let finding = found.first { $0.detector == rule.detector.code }
            let confidence = finding.flatMap { Confidence(rawValue: $0.confidence) }
            let words = finding.flatMap { detectors.describe($0, text) }
            var seen = observations(of: rule, profile)
            if let first = seen.firstIndex(where: { !$0.isMet }) {
                seen.removeSubrange((first + 1)...)
            }
            trace.rules.append(
                RuleTrace(
                    rule: rule.id, detector: rule.detector, confidence: confidence,
                    weight: confidence.map { rule.weights[$0] } ?? 0,
                    sentence: words?.sentence ?? "", silencedBy: words?.silencedBy ?? "",
                    observations: seen))
        }
        return trace
    }

    // MARK: What was known

    private func known(_ profile: borrowing Profile) -> [(name: String, value: String)] {
        let end = profile.end(x)
        let source = x.source
        func share(_ rarity: UInt8) -> String {
            rarity == 0
                ? "not known"
                : rarity == 15 ? "1 in 32768 or fewer" : "about 1 in \(1 << Int(rarity))"
        }
        return [
            ("event", "\(x.event.name), outcome \(x.outcome.name)"),
            (
                "seen before",
                text.count(Int(profile.tally.sightings), "sighting")
                    + (profile.tally.sightings == 0
                        ? ""
                        : ", the first \(text.duration(x.time &- profile.tally.firstUse)) before")
            ),
            ("device", "\(text.device(end)): \(familiarity(context.device, x.device, profile))"),
            (
                "network",
                "\(text.address(end)), \(x.networkKind.name): \(familiarity(context.network, x.network, profile))"
            ),
            (
                "provider",
                (x.asn != 0
                    ? "AS\(x.asn)"
                    : "not told, so \(x.address.providerPrefixDescription) stands for it")
                    + ": \(familiarity(context.provider, x.provider, profile))"
            ),
            (
                "place",
                "\(text.place(end)), radius \(x.radius) km: \(familiarity(context.place, x.place, profile))"
            ),
            ("country", "\(x.countryCode): \(familiarity(context.country, x.country, profile))"),
            (
                "session",
                "\(text.string(x.sessionText)): \(familiarity(context.session, x.session, profile))"
            ),
            (
                "of all sightings, as of seven hours before",
                "this provider \(share(source.providerRarity)), country \(share(source.countryRarity)),"
                    + " client \(share(source.clientRarity)), kind of network \(share(source.kindRarity))"
            ),
            (
                "other users who failed here within hours",
                "\(source.prefixFailures) from the network, \(source.providerFailures) from the provider"
            ),
            ("other users on the device", "\(source.deviceUsers)"),
            ("network shared by many users", source.isShared != 0 ? "yes" : "no"),
        ]
    }

    /// `known since 2026-03-01, 12 days, 40 sightings`.
    func familiarity(_ fact: Int, _ key: FactKey, _ profile: borrowing Profile) -> String {
        if key.isNone { return "the record does not tell" }
        guard fact >= 0 else { return "never seen for this user" }
        let known = profile.facts[fact]
        var words = "seen since \(date(known.first)) on \(text.count(Int(known.days), "day"))"
        if known.flags.contains(.founding) { words += ", the user's first" }
        if known.flags.contains(.suspect) { words += ", named by an alert" }
        return words
    }

    func date(_ time: Int64) -> String {
        String(Timestamp(milliseconds: time).rfc3339.prefix(10))
    }
}
