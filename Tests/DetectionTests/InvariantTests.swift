import SessionModel
import Testing

@testable import Detection

/// A small seeded generator (SplitMix64), so that a failing case can be had again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return mix(state, state >> 7)
    }
}

/// Random lives: several devices, sessions, places, failures, log-outs, equal times.
func randomLife(seed: UInt64, count: Int) -> [Sighting] {
    var random = Seeded(state: seed)
    var hours = 0.0
    var life: [Sighting] = []
    let events: [EventKind] = [
        .login, .login, .login, .activity, .activity, .activity, .logout, .mfa, .mfa,
        .passwordChange, .recovery, .mfaChange,
    ]
    for i in 0..<count {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: break  // the same moment
        case 1...5: hours += Double.random(in: 0.01..<1, using: &random)
        case 6...8: hours += Double.random(in: 1..<8, using: &random)
        default: hours += Double.random(in: 8..<40, using: &random)
        }
        let strange = Int.random(in: 0..<12, using: &random) == 0
        let spot =
            strange
            ? Spot.all.randomElement(using: &random)
            : [.oslo, .osloOffice].randomElement(using: &random)
        life.append(
            sighting(
                "e\(i)", hours: hours, at: Int.random(in: 0..<20, using: &random) == 0 ? nil : spot,
                device: strange
                    ? ["d7", "d8", nil].randomElement(using: &random) ?? nil
                    : ["d1", "d2"].randomElement(using: &random),
                session: ["s1", "s2", "s3", "s\(i)", nil].randomElement(using: &random) ?? nil,
                event: events.randomElement(using: &random) ?? .login,
                outcome: Int.random(in: 0..<6, using: &random) == 0 ? .failure : .success))
        if strange {
            life[i].source.prefixFailures = UInt8.random(in: 0..<20, using: &random)
            life[i].source.providerFailures = UInt8.random(in: 0..<70, using: &random)
            life[i].source.deviceUsers = UInt8.random(in: 0..<6, using: &random)
            life[i].source.providerRarity = UInt8.random(in: 0..<16, using: &random)
        }
    }
    return life
}

/// An order in which nothing comes more than `hours` behind what came before it.
func delayed(_ life: [Sighting], hours: Double, seed: UInt64) -> [Sighting] {
    var random = Seeded(state: seed &+ 99)
    return life.map { s in
        (
            s,
            s.record.time.milliseconds
                + Int64.random(in: 0...Int64(hours * 3_600_000), using: &random)
        )
    }.sorted { ($0.1, $0.0.record.time) < ($1.1, $1.0.record.time) }.map(\.0)
}

/// What stands at the end, without what the order of arrival may change (revision, status).
func content(_ run: Run) -> [Alert] {
    run.standing.values.map {
        var alert = $0
        alert.revision = 0
        if alert.status != .closed { alert.status = .open }
        alert.isMaterial = true
        return alert
    }.sorted { $0.id < $1.id }
}

/// Names the first difference only, since whole alerts are long.
func expectSame(_ a: [Alert], _ b: [Alert], _ seed: UInt64) throws {
    #expect(a.map { "\($0.id) \($0.status)" } == b.map { "\($0.id) \($0.status)" }, "seed \(seed)")
    for (x, y) in zip(a, b) where x != y {
        let pairs = zip(x.findings, y.findings).filter { $0 != $1 }
        var report = "seed \(seed) \(x.id) findings \(x.findings.count) and \(y.findings.count)"
        if let (f, g) = pairs.first {
            report += "; \(f.rule) \(f.time) and \(g.rule) \(g.time)"
            report += "; \(zip(f.evidence, g.evidence).first { $0 != $1 }.map { "\($0)" } ?? "")"
        }
        report += x.summary == y.summary ? "" : "; \(x.summary) and \(y.summary)"
        report += x.records == y.records ? "" : "; \(x.records) and \(y.records)"
        Issue.record("\(report)")
        return
    }
}

extension Alert {
    fileprivate var records: [String] { findings.flatMap(\.records) }
}

struct InvariantTests {
    @Test("any order within the window ends with what the sorted order gives", arguments: 0..<300)
    func lateIsNotWrong(seed: UInt64) throws {
        let life = randomLife(seed: seed, count: 60)
        var sorted = Run(rules: allRules)
        for s in life { try sorted.see(s) }
        var late = Run(rules: allRules)
        for s in delayed(life, hours: 5.9, seed: seed) { try late.see(s) }
        try expectSame(content(late), content(sorted), seed)
        #expect(!late.verdicts.contains(.tooLate), "seed \(seed)")
    }

    @Test("writing and reading back between sightings changes nothing", arguments: 0..<200)
    func savedOften(seed: UInt64) throws {
        let life = delayed(randomLife(seed: seed, count: 60), hours: 8, seed: seed)
        var straight = Run(rules: allRules)
        for s in life { try straight.see(s) }
        var saved = Run(rules: allRules)
        for s in life { try saved.see(s, savingBetween: true) }
        try expectSame(saved.judge.emitted, straight.judge.emitted, seed)
        #expect(
            Array(saved.codec.encode(&saved.profile))
                == Array(straight.codec.encode(&straight.profile)), "seed \(seed)")
    }

    @Test("a profile is bounded, whatever comes", arguments: 0..<4)
    func bounded(seed: UInt64) throws {
        var random = Seeded(state: seed)
        var run = Run(rules: allRules)
        var most = 0
        for i in 0..<20_000 {
            let spot = Spot(
                city: "City \(i)",
                country: "N\(["A", "B", "C", "D"].randomElement(using: &random)!)",
                latitude: Double.random(in: -80..<80, using: &random),
                longitude: Double.random(in: -180..<180, using: &random),
                asn: UInt32.random(in: 1..<60_000, using: &random),
                network: "\(Int.random(in: 1..<200, using: &random)).\(i % 250).\(i / 250).9")
            try run.see(
                sighting(
                    "e\(i)", hours: Double(i) / 50, at: spot, device: "d\(i)", session: "s\(i)"))
            run.judge.emitted.removeAll()
            most = max(most, run.profile.memoryBytes)
        }
        #expect(most < 220_000, "seed \(seed)")
        #expect(run.codec.encode(&run.profile).count < 60_000, "seed \(seed)")
    }

    @Test("damaged rows give an error, never a crash", arguments: 0..<40)
    func damaged(seed: UInt64) throws {
        var run = Run(rules: allRules)
        for s in randomLife(seed: seed, count: 40) { try run.see(s) }
        let sound = Array(run.codec.encode(&run.profile))
        var random = Seeded(state: seed)
        for _ in 0..<400 {
            var bytes = sound
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            case 1: bytes.append(UInt8.random(in: 0...255, using: &random))
            default:
                for _ in 0..<3 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                        UInt8.random(in: 0...255, using: &random)
                }
            }
            // Either it is refused or what is read can be worked with.
            do {
                var profile = try decoded(bytes)
                var judge = Judge(rules: allRules)
                judge.restore(&profile)
                _ = withUnsafePointer(to: sighting("x", hours: 2000, at: .oslo)) {
                    judge.observe($0, &profile)
                }
                profile.free()
            } catch let error as ProfileError {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test("a user too busy for the tail settles early, and the alert says so")
    func busy() throws {
        var run = Run(rules: allRules)
        for s in routine() { try run.see(s) }
        for i in 0..<100 {
            try run.see(
                sighting("b\(i)", hours: 7 * 24 + Double(i) / 100, at: .oslo, session: "s1"))
        }
        try run.see(sighting("x", hours: 7 * 24 + 1.1, at: .singapore, device: "d9", session: "s9"))
        let alert = try #require(run.judge.emitted.last)
        #expect(alert.isSettledEarly)
    }
}
