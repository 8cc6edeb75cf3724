import SessionModel
import Testing

@testable import Detection

/// Two uses in each of so many hours on as many days, on one session; hours from 0 on.
private func habit(days: Int = 20, hour: Double = 8, session: String = "s1") -> [Sighting] {
    (0..<days).flatMap { day in
        (0..<2).map { k in
            sighting(
                "h\(day).\(k)", hours: Double(day) * 24 + hour + Double(k) / 2, at: .oslo,
                session: session, event: .activity)
        }
    }
}

/// Uses from `hours` on, so many minutes apart.
private func burst(
    _ count: Int, from hours: Double, at spot: Spot = .bergen2, device: String? = "d1",
    session: String = "s1", minutes: Double = 4
) -> [Sighting] {
    (0..<count).map {
        sighting(
            "b\(hours)-\(session).\($0)", hours: hours + Double($0) * minutes / 60, at: spot,
            device: device, session: session, event: .activity)
    }
}

extension Spot {
    /// A provider in the user's country that is not the user's.
    fileprivate static let bergen2 = Spot(
        city: "Bergen", country: "NO", latitude: 60.39, longitude: 5.32, asn: 41164,
        network: "46.9.20.0")
    fileprivate static let lagosHotel = Spot(
        city: "Lagos", country: "NG", latitude: 6.45, longitude: 3.39, asn: 36873,
        network: "41.184.10.0")
}

@Suite("Bursts of activity")
struct ActivityBurstTests {
    private static let rule = DetectionRule(
        id: "activity-burst", title: "Burst", severity: .medium, detector: .activityBurst,
        weights: .init(possible: 0.1, likely: 0.5, certain: 0.8), rung: .notify)

    /// How surely a life's bursts were found, at the most.
    private func confidence(_ life: [Sighting], savingBetween: Bool = false) throws -> Confidence? {
        let run = Run(rules: [Self.rule])
        for s in life.sorted(by: { $0.record.time < $1.record.time }) {
            try run.see(s, savingBetween: savingBetween)
        }
        var surest: Confidence?
        for k in 0..<run.profile.findings.count
        where run.profile.findings[k].detector == DetectorKind.activityBurst.code {
            let found = Confidence(rawValue: run.profile.findings[k].confidence)
            surest = [surest, found].compactMap { $0 }.max { $0.rawValue < $1.rawValue }
        }
        return surest
    }

    /// What comes beside a burst of twelve at 490.5 h, which is certain alone; what is left of it.
    private static let companies: [(String, [Sighting], Confidence?)] = [
        ("nothing", [], .certain),
        (
            "another session of old before it",
            habit(days: 1, hour: 9, session: "s2")
                + [sighting("o", hours: 490.6, at: .bergen2, session: "s2", event: .activity)], nil
        ),
        (
            "another session that is new, on the same device",
            [sighting("o", hours: 490.52, at: .bergen2, session: "s3")], nil
        ),
        (
            "another session that is new, on a new device",
            [sighting("o", hours: 490.52, at: .bergen2, device: "d9", session: "s3")], .certain
        ),
        (
            "a record without a session", [sighting("o", hours: 490.52, at: .bergen2)], .certain
        ),
    ]

    @Test("what else is seen on the new provider shows whether the user came along")
    func company() throws {
        for (name, others, expected) in Self.companies {
            for isSaved in [false, true] {
                let life = habit() + burst(12, from: 490.5) + others
                #expect(
                    try confidence(life, savingBetween: isSaved) == expected, "\(name) \(isSaved)")
            }
        }
    }

    /// Minutes between twelve uses, and whether they are within the hour.
    @Test("uses are counted through an hour", arguments: [(4.0, true), (25, false)])
    func hour(minutes: Double, isBurst: Bool) throws {
        let life = habit() + burst(12, from: 490.5, minutes: minutes)
        #expect((try confidence(life) != nil) == isBurst)
    }

    /// Hours after the first sighting on a provider, and whether it still is new.
    @Test("a provider is new for two days", arguments: [(46.0, true), (49, false)])
    func newness(hours: Double, isNew: Bool) throws {
        let life = habit() + burst(1, from: 490.5) + burst(12, from: 490.5 + hours)
        #expect((try confidence(life) != nil) == isNew)
    }

    /// Hours after the first sighting abroad, on another network of that country.
    @Test(
        "on a journey new networks are no news",
        arguments: [(20.0, true), (25, false), (500, false), (510, true)])
    func journey(hours: Double, isNews: Bool) throws {
        let life =
            habit(days: 30) + burst(1, from: 490.5, at: .lagos)
            + burst(12, from: 490.5 + hours, at: .lagosHotel)
        #expect((try confidence(life) != nil) == isNews)
    }

    /// How many devices of the user's are seen abroad before the busy session.
    @Test(
        "another device that came along shows a journey on its first day", arguments: [false, true])
    func companion(isThere: Bool) throws {
        var life = habit() + burst(12, from: 490.5, at: .lagosHotel)
        life += habit(days: 2, hour: 12, session: "p1").map {
            var s = $0
            s.record.deviceID = Texts.view("phone")
            s.computeKeys()
            return s
        }
        if isThere {
            life += burst(1, from: 490, at: .lagos, device: "phone", session: "p1")
        }
        #expect((try confidence(life) == nil) == isThere)
    }

    /// Uses at the user's own network, at which hour of the day.
    @Test("at a strange hour the own network counts too", arguments: [(3.0, true), (9.0, false)])
    func strangeHour(hour: Double, isStrange: Bool) throws {
        let life =
            habit(days: 25, hour: 8) + habit(days: 25, hour: 10, session: "s2")
            + burst(14, from: 26 * 24 + hour, at: .oslo)
        #expect((try confidence(life) != nil) == isStrange)
    }

    /// A life with busy hours on networks new and old.
    private func busyLife(seed: UInt64) -> [Sighting] {
        var random = Seeded(state: seed)
        var life = randomLife(seed: seed, count: 40) + habit(days: 12)
        for k in 0..<8 {
            var spot = Spot.all.randomElement(using: &random) ?? .oslo
            spot.asn = UInt32.random(in: 1...6, using: &random)
            life += burst(
                Int.random(in: 2..<14, using: &random),
                from: Double.random(in: 0..<320, using: &random), at: spot,
                device: ["d1", "d2", nil].randomElement(using: &random) ?? nil,
                session: ["s1", "s2", "n\(k)"].randomElement(using: &random) ?? "s1",
                minutes: Double.random(in: 0.5..<9, using: &random))
        }
        return life.sorted { $0.record.time < $1.record.time }
    }

    @Test("any order within the window, and saving between, end the same", arguments: 0..<60)
    func orders(seed: UInt64) throws {
        let life = busyLife(seed: seed)
        let sorted = Run(rules: allRules)
        let saved = Run(rules: allRules)
        let late = Run(rules: allRules)
        for s in life { try sorted.see(s) }
        for s in life { try saved.see(s, savingBetween: true) }
        for s in delayed(life, hours: 5.9, seed: seed) { try late.see(s) }
        try expectSame(content(saved), content(sorted), seed)
        try expectSame(content(late), content(sorted), seed)
        #expect(
            Array(saved.codec.encode(&saved.profile))
                == Array(sorted.codec.encode(&sorted.profile)), "seed \(seed)")
    }
}

@Suite("Risk")
struct RiskTests {
    /// Weights of findings, and the risk of an alert that has them all.
    private static let cases: [([Double], Int)] = [
        ([], 2), ([0.02], 2), ([0.01], 2), ([0], 2), ([0.4], 40), ([0.85], 85), ([1], 99),
        ([0.15, 0.02], 15), ([0.15, 0.15], 60), ([0.1, 0.1], 38), ([0.1, 0.1, 0.05], 61),
        ([0.5, 0.15], 90), ([0.9, 0.9], 99),
    ]

    @Test("each finding multiplies the odds by what it would make of them alone")
    func odds() {
        for (weights, expected) in Self.cases {
            let product = weights.reduce(1.0) { $0 * Risk.factor($1) }
            #expect(Risk.percent(product) == expected, "\(weights)")
        }
    }

    private func rules(_ country: Double, _ network: Double) -> [DetectionRule] {
        [
            DetectionRule(
                id: "new-country", title: "", severity: .low, detector: .newCountry,
                weights: .init(possible: country, likely: 0.9, certain: 0.9), rung: .notify),
            DetectionRule(
                id: "new-network", title: "", severity: .low, detector: .newNetwork,
                weights: .init(possible: network, likely: 0.9, certain: 0.9), rung: .notify),
        ]
    }

    /// The weights of two findings that are possible, and whether they are an alert together.
    private static let pairs: [(Double, Double, Bool)] = [
        (0.11, 0.1, true),  // 40
        (0.1, 0.1, false),  // 38
        (0.1, 0.02, false),
    ]

    @Test("possible findings of two rules are an alert from a risk of 40 on", arguments: pairs)
    func together(country: Double, network: Double, isAlert: Bool) throws {
        for isSaved in [false, true] {
            let run = Run(rules: rules(country, network))
            for s in routine() { try run.see(s) }
            // The own laptop in a country and on a network that are new.
            try run.see(
                sighting("x", hours: 200, at: .lagos, session: "s1-5", event: .activity),
                savingBetween: isSaved)
            #expect(!run.standing.isEmpty == isAlert)
            if let alert = run.standing.values.first {
                #expect(alert.findings.allSatisfy { $0.confidence == .possible })
                #expect(alert.sessionID == "s1-5" && alert.status == .open && alert.rung == .notify)
            }
        }
    }

    @Test("one rule's possible finding is never an alert, whatever it weighs")
    func alone() throws {
        let run = Run(rules: [rules(0.9, 0.9)[0]])
        for s in routine() { try run.see(s) }
        try run.see(sighting("x", hours: 200, at: .lagos, session: "s1-5", event: .activity))
        #expect(run.standing.isEmpty)
    }

    @Test("what made several possible findings an alert may be late: then it is retracted")
    func retracted() throws {
        let run = Run(rules: rules(0.15, 0.1))
        for s in routine() { try run.see(s) }
        try run.see(sighting("x", hours: 200, at: .lagos, session: "s1-5", event: .activity))
        #expect(run.standing.count == 1)
        // A record of an hour before shows that the network was the user's first there.
        var other = Spot.lagos
        (other.asn, other.network) = (Spot.oslo.asn, Spot.oslo.network)
        try run.see(sighting("y", hours: 199, at: other, session: "s1-5", event: .activity))
        let alert = try #require(run.judge.emitted.last)
        #expect(run.judge.emitted.count > 1)
        #expect(alert.status == .retracted || alert.findings.count > 1)
    }
}
