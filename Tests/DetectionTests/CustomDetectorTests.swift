import SessionModel
import Testing

@testable import Detection

/// A team's own rules over one profile: a user's, or a key's.
struct CustomDetectorTests {
    static let failed = Condition.test(FieldTest(.outcome, .equals, ["failure"]))
    static let always = Condition.all([])

    static func rule(
        _ id: String, _ condition: Condition, _ kind: CustomRule.Kind,
        confidence: Confidence = .likely
    ) -> DetectionRule {
        let detector: DetectorKind =
            switch kind {
            case .match: .match
            case .threshold: .threshold
            case .firstSeen: .firstSeen
            }
        return DetectionRule(
            id: id, title: "Own: \(id)", severity: .medium, detector: detector,
            weights: .init(possible: 0.1, likely: 0.5, certain: 0.7), rung: .notify,
            custom: CustomRule(condition: condition, kind: kind, confidence: confidence))
    }

    static func burst(_ count: Int, minutes: Int64, distinct: RecordField? = nil) -> DetectionRule {
        rule(
            "burst", failed,
            .threshold(
                .init(
                    by: [.userID], distinct: distinct, count: count,
                    withinMilliseconds: minutes * 60_000)))
    }

    static func newCity(sightings: Int, days: Double = 0) -> DetectionRule {
        rule(
            "new-city", .test(FieldTest(.outcome, .equals, ["success"])),
            .firstSeen(
                .init(value: .city, by: [.userID], afterSightings: sightings, afterDays: days)))
    }

    /// A user's life by the rules given, and no others.
    final class Life {
        let run: Run
        let matcher: RecordMatcher?
        private let isOfKey: Bool

        init(_ rules: [DetectionRule], isOfKey: Bool = false) {
            run = Run(rules: rules)
            run.profile.isOfKey = isOfKey
            self.isOfKey = isOfKey
            matcher = RecordMatcher(rules)
        }

        func see(_ s: Sighting, saving: Bool = false) throws {
            var s = s
            s.matched = withUnsafePointer(to: s) { matcher?.match($0) ?? 0 }
            s.keyRule = isOfKey ? 1 : 0
            // The engine makes no copy of what fits no rule.
            if isOfKey, s.matched == 0 { return }
            try run.see(s, savingBetween: saving)
        }

        /// `rule record` of each finding that stands, by time.
        var findings: [String] {
            run.standing.values.flatMap(\.findings)
                .sorted { ($0.time, $0.rule) < ($1.time, $1.rule) }
                .map { "\($0.rule) \($0.records.last ?? "")" }
        }
    }

    private func failure(_ id: String, minutes: Double, at spot: Spot = .lagos) -> Sighting {
        sighting(
            id, hours: minutes / 60, at: spot, device: nil, event: .login, outcome: .failure)
    }

    /// Minutes of the failures; the record that the rule of five in ten minutes fires at.
    static let bursts: [([Double], String?)] = [
        ([0, 1, 2, 3], nil), ([0, 1, 2, 3, 4], "e5"), ([0, 1, 2, 3, 10], "e5"),
        ([0, 1, 2, 3, 10.001], nil), ([0, 1, 2, 3, 10.001, 10.5], "e6"),
        ([0, 20, 21, 22, 23, 24], "e6"), ([0, 0, 0, 0, 0], "e5"),
    ]

    @Test("a threshold fires at its number within its window", arguments: bursts)
    func threshold(minutes: [Double], expected: String?) throws {
        for saving in [false, true] {
            let life = Life([Self.burst(5, minutes: 10)])
            for (i, minute) in minutes.enumerated() {
                try life.see(failure("e\(i + 1)", minutes: minute), saving: saving)
            }
            #expect(life.findings == (expected.map { ["burst \($0)"] } ?? []))
        }
    }

    @Test("different values are counted once each, by their newest")
    func distinct() throws {
        for (spots, isMet) in [
            ([Spot.oslo, .lagos, .oslo, .lagos, .oslo], false),
            ([Spot.oslo, .lagos, .oslo, .singapore], true),
        ] {
            let life = Life([Self.burst(3, minutes: 10, distinct: .country)])
            for (i, spot) in spots.enumerated() {
                try life.see(failure("e\(i)", minutes: Double(i), at: spot))
            }
            #expect(life.findings.isEmpty != isMet)
        }
    }

    @Test("what goes on is said once a window, and is one alert on one network")
    func once() throws {
        let life = Life([Self.burst(3, minutes: 10)])
        for i in 0..<60 { try life.see(failure("e\(i)", minutes: Double(i) / 2)) }
        #expect(life.findings == ["burst e2"])
        #expect(life.run.judge.emitted.count == 1)
    }

    /// How many rules of one kind find a record possible, what each weighs, and whether that is an alert.
    @Test(
        "possible findings of a team's own rules are an alert together as of different rules",
        arguments: [(2, 0.15, true), (2, 0.1, false), (1, 0.9, false), (2, 0.02, false)])
    func together(count: Int, weight: Double, isAlert: Bool) throws {
        let rules = (0..<count).map {
            var rule = Self.rule("own-\($0)", Self.always, .match, confidence: .possible)
            rule.weights.possible = weight
            return rule
        }
        for isSaved in [false, true] {
            let life = Life(rules)
            try life.see(sighting("x", hours: 1, at: .oslo, session: "s1"), saving: isSaved)
            #expect(life.findings == (isAlert ? ["own-0 x", "own-1 x"] : []))
        }
    }

    @Test("a value is new once its key is known")
    func firstSeen() throws {
        for (before, after, isNew) in [(2, 3, false), (3, 3, true), (0, 0, true)] {
            let life = Life([Self.newCity(sightings: after)])
            for i in 0..<before {
                try life.see(sighting("h\(i)", hours: Double(i), at: .oslo), saving: true)
            }
            try life.see(sighting("x", hours: 30, at: .lagos, session: "sx"))
            try life.see(sighting("y", hours: 31, at: .lagos, session: "sy"))
            #expect(life.findings == (isNew ? ["new-city x"] : []), "\(before) \(after)")
        }
    }

    @Test("a key is known for long enough to the millisecond")
    func days() throws {
        for (hours, isNew) in [(48.0, true), (47.9999, false)] {
            let life = Life([Self.newCity(sightings: 1, days: 2)])
            try life.see(sighting("h", hours: 0, at: .oslo))
            try life.see(sighting("x", hours: hours, at: .lagos))
            #expect(life.findings.isEmpty != isNew)
        }
    }

    @Test("what came after the window teaches, and alarms nobody")
    func tooLate() throws {
        let life = Life([Self.newCity(sightings: 1)])
        try life.see(sighting("h0", hours: 0, at: .oslo))
        try life.see(sighting("h1", hours: 10, at: .oslo))
        try life.see(sighting("h2", hours: 20, at: .oslo))
        try life.see(sighting("late", hours: 5, at: .lagos))
        try life.see(sighting("x", hours: 21, at: .lagos))
        #expect(life.findings.isEmpty)
        try life.see(sighting("y", hours: 22, at: .singapore))
        #expect(life.findings == ["new-city y"])
    }

    @Test("where more values are seen than remembered, what is new is only possible")
    func full() throws {
        let rule = Self.rule(
            "new-app", Self.always,
            .firstSeen(.init(value: .application, by: [.userID], afterSightings: 1, afterDays: 0)))
        let life = Life([rule])
        for i in 0..<200 {
            var s = sighting("e\(i)", hours: Double(i), at: .oslo)
            s.record.application = Texts.view("app \(i)")
            try life.see(s)
        }
        let alert = try #require(life.run.standing.values.first)
        #expect(alert.findings.contains { $0.confidence == .likely })
        var cells = 0
        for i in 0..<life.run.profile.cells.count
        where life.run.profile.cells[i].kind == CustomCell.Class.seen.rawValue {
            cells += 1
        }
        #expect(cells == 128)
        #expect(
            life.run.judge.emitted.flatMap(\.findings).contains { $0.confidence == .possible }
                || life.run.profile.cells.count <= Profile.mostCells)
    }

    /// Failures, successes and log-outs of a seed, in order and as they come with delays.
    static func days(seed: UInt64) -> (sorted: [Sighting], shuffled: [Sighting]) {
        var random = Numbers(seed: seed)
        var all: [(time: Double, arrival: Double, sighting: Sighting)] = []
        for i in 0..<90 {
            let hours = Double(random.below(40_000)) / 1000
            let spot = Spot.all[random.below(Spot.all.count)]
            let isFailure = random.below(3) > 0
            let s = sighting(
                "e\(i)", hours: hours, at: spot, device: "d\(random.below(3))",
                session: isFailure ? nil : "s\(random.below(4))",
                event: random.below(6) == 0 ? .logout : .login,
                outcome: isFailure ? .failure : .success)
            all.append((hours, hours + Double(random.below(5900)) / 1000, s))
        }
        return (
            all.sorted { ($0.time, $0.sighting.recordKey) < ($1.time, $1.sighting.recordKey) }
                .map(\.sighting),
            all.sorted { ($0.arrival, $0.sighting.recordKey) < ($1.arrival, $1.sighting.recordKey) }
                .map(\.sighting)
        )
    }

    static let several = [
        rule("out", .test(FieldTest(.event, .equals, ["logout"])), .match, confidence: .certain),
        burst(4, minutes: 120), newCity(sightings: 3),
        rule(
            "hop", failed,
            .threshold(
                .init(
                    by: [.userID, .deviceID], distinct: .country, count: 3,
                    withinMilliseconds: 3 * 3_600_000))),
    ]

    @Test("late records end where the sorted order ends", arguments: 1...60)
    func late(seed: UInt64) throws {
        let (sorted, shuffled) = Self.days(seed: seed)
        for isOfKey in [false, true] {
            let rules = isOfKey ? [Self.several[Int(seed % 4)]] : Self.several
            let (one, other) = (Life(rules, isOfKey: isOfKey), Life(rules, isOfKey: isOfKey))
            for s in sorted { try one.see(s) }
            for (i, s) in shuffled.enumerated() { try other.see(s, saving: i % 7 == 0) }
            func said(_ life: Life) -> [String] {
                life.run.standing.values.flatMap { alert in
                    alert.findings.map {
                        "\(alert.id) \(alert.risk) \($0.rule) \($0.confidence) \($0.records) \($0.evidence)"
                    }
                }.sorted()
            }
            #expect(said(one) == said(other), "seed \(seed)")
        }
    }

    @Test("a profile stays bounded whatever is counted")
    func bounded() throws {
        let rules = Self.several
        let life = Life(rules)
        for i in 0..<20_000 {
            var s = sighting(
                "e\(i)", hours: Double(i) / 600, at: Spot.all[i % Spot.all.count],
                device: "d\(i % 500)", outcome: i % 3 == 0 ? .success : .failure)
            s.place.city = Texts.view("city \(i % 3000)")
            try life.see(s)
        }
        #expect(life.run.profile.cells.count <= 256 + 128 + 64 + 64)
        #expect(life.run.profile.memoryBytes < 1 << 20)
        #expect(life.run.codec.encode(&life.run.profile).count < 200_000)
    }

    @Test("an alert about a key names the record's user, and asks for nothing against them")
    func ofKey() throws {
        let rule = Self.rule(
            "many", Self.failed,
            .threshold(
                .init(by: [.address], distinct: .userID, count: 3, withinMilliseconds: 600_000)))
        let life = Life([rule], isOfKey: true)
        for i in 0..<3 {
            var s = failure("e\(i)", minutes: Double(i))
            s.record.userID = Texts.view("u\(i)")
            s.record.userName = Texts.view("User \(i)")
            try life.see(s, saving: true)
        }
        let alert = try #require(life.run.standing.values.first)
        #expect(alert.userID == "u2" && alert.userName == "User 2" && alert.isAboutKey)
        #expect(alert.sessionID.isEmpty && alert.recommendations.count == 1)
        #expect(
            alert.summary
                == "Rule 'many': 3 different values of user.id within 2 min where ip is 105.112.30.0"
                + " (rule wants 3 within 10 min); in the last outcome is failure.")
    }

    @Test("a sentence says what was there and what the rule wants")
    func sentence() throws {
        let condition = Condition.all([
            .test(FieldTest(.userID, .equals, ["u1", "root"])),
            .not(.test(FieldTest(.country, .equals, ["DE", "NL"]))),
            .not(.test(FieldTest(.application, .exists))),
        ])
        let life = Life([Self.rule("own", condition, .match, confidence: .certain)])
        try life.see(sighting("e1", hours: 1, at: .lagos, session: "s1"))
        let finding = try #require(life.run.standing.values.first?.findings.first)
        #expect(
            finding.sentence
                == "Rule 'own' matched: user.id is u1, country is NG, there is no application (rule"
                + " wants user.id in u1, root; country not in DE, NL; application not present).")
        #expect(finding.evidence.first == Evidence("user.id", .text("u1")))
    }

    @Test("damaged evidence is no more than no evidence", arguments: 1...300)
    func damaged(seed: UInt64) {
        var random = Numbers(seed: seed)
        let bytes = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
        bytes.withUnsafeBufferPointer { buffer in
            CustomEvidence.forEach(TextView(buffer)) { _ in }
            let fields = CustomEvidence.fields(of: 1, in: TextView(buffer))
            #expect(fields.count <= 100)
        }
    }
}
