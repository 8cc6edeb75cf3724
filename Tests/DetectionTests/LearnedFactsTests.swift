import SessionModel
import Testing

@testable import Detection

@Suite("What was learned of a user")
struct LearnedFactsTests {
    /// Home and office on one laptop, then a stranger's phone in Singapore.
    private static func alarmed() throws -> (Run, Alert) {
        let run = Run()
        for s in routine() { try run.see(s) }
        try run.see(sighting("x1", hours: 140, at: .singapore, device: "d9", session: "s9"))
        return (run, try #require(run.judge.emitted.first))
    }

    private static func fact(_ run: Run, _ kind: LearnedFact.Kind, _ name: String) -> LearnedFact? {
        run.profile.learned().facts.first { $0.kind == kind && "\($0.subject)".contains(name) }
    }

    @Test("what is there, since when, and how it came")
    func listing() throws {
        let (run, alert) = try Self.alarmed()
        let account = run.profile.learned()
        #expect(account.userID == "u1" && account.sightings == 13)
        #expect(
            account.facts.map { "\($0.kind) \($0.source) \($0.standing.map { "\($0)" } ?? "-")" }
                == [
                    "device alert stranger", "device first familiar", "network alert stranger",
                    "network days familiar", "network first familiar", "provider alert stranger",
                    "provider days familiar", "provider first familiar", "place alert stranger",
                    "place days familiar", "place first familiar", "country sighting new",
                    "country first familiar", "hours counted -",
                ])
        let stranger = try #require(account.facts.first)
        #expect(stranger.subject == .device(label: "Browser d9", id: "d9"))
        #expect(stranger.alertIDs == [alert.id])
        #expect(stranger.days == 1 && stranger.sightings == 1)
        let own = account.facts[1]
        #expect(own.subject == .device(label: "Browser d1", id: "d1"))
        #expect(own.days == 6 && own.sightings == 12 && own.alertIDs.isEmpty)
        #expect(own.firstSeen.rfc3339 == "2026-03-01T08:00:00.000Z")
        #expect(own.lastSeen.rfc3339 == "2026-03-06T10:00:00.000Z")
        guard case .network(let prefix, let network) = account.facts[2].subject else {
            Issue.record("no network")
            return
        }
        #expect(prefix == "121.6.10.0/24" && network.organization == "AS9506")
        guard case .hours(let hours) = account.facts.last?.subject else {
            Issue.record("no hours")
            return
        }
        #expect(hours[8] == 6 && hours[10] == 6 && hours[20] == 1 && hours.reduce(0, +) == 13)
        // An id is of one thing only, and stays.
        #expect(Set(account.facts.map { $0.id.prefix(8) }).count == account.facts.count)
        try run.saveAndRestore()
        #expect(run.profile.learned() == account)
    }

    @Test("what a person said of it", arguments: [true, false])
    func verdicts(isDismissed: Bool) throws {
        let (run, alert) = try Self.alarmed()
        _ =
            isDismissed
            ? run.judge.dismiss(alert: alert.id, &run.profile)
            : run.judge.confirm(alert: alert.id, &run.profile)
        let device = try #require(Self.fact(run, .device, "d9"))
        #expect(device.source == (isDismissed ? .dismissed : .confirmed))
        #expect(device.standing == (isDismissed ? .familiar : .stranger))
        #expect(device.alertIDs == [alert.id])
        let before = Array(run.codec.encode(&run.profile))
        let forgetting = run.judge.forget(device.id, &run.profile)
        if isDismissed {
            #expect(forgetting == .forgotten(device))
            #expect(Self.fact(run, .device, "d9") == nil)
        } else {
            #expect(forgetting == .isIntruders(device))
            #expect(Array(run.codec.encode(&run.profile)) == before)
        }
    }

    /// Hours after the laptop's last sighting at which it is forgotten, of something else at least.
    @Test(
        "a device that was forgotten is new, in the tail and out of it",
        arguments: [0.0, 3, 5.9, 6.1, 200], [false, true])
    func isNew(after hours: Double, isForgotten: Bool) throws {
        let run = Run()
        for s in routine() { try run.see(s) }
        try run.see(sighting("t1", hours: 128, at: .oslo, device: "tablet", session: "s7"))
        try run.see(sighting("d1", hours: 130, at: .oslo, session: "s8"))
        if hours > 0 {
            try run.see(
                sighting("t2", hours: 130 + hours, at: .oslo, device: "tablet", session: "s7"))
        }
        run.judge.emitted.removeAll()
        let device = try #require(Self.fact(run, .device, "Browser d1"))
        if isForgotten {
            #expect(run.judge.forget(device.id, &run.profile) == .forgotten(device))
            #expect(run.judge.forget(device.id, &run.profile) == .unknown)
        }
        func isThere() -> Bool { Self.fact(run, .device, "Browser d1") != nil }
        #expect(isThere() != isForgotten)
        try run.saveAndRestore()
        #expect(isThere() != isForgotten, "read back")
        // The same record again; one that comes late; one after it in the tail; one that is too late.
        if hours < 6 { try run.see(sighting("d1", hours: 130, at: .oslo, session: "s8")) }
        try run.see(sighting("t0", hours: 129.5, at: .oslo, device: "tablet", session: "s7"))
        try run.see(
            sighting("t3", hours: 130 + hours + 0.5, at: .oslo, device: "tablet", session: "s7"))
        try run.see(sighting("t9", hours: 100, at: .oslo, device: "tablet", session: "s7"))
        #expect(isThere() != isForgotten, "after more")
        #expect(run.judge.emitted.isEmpty, "what was seen stays judged as it was")
        try run.saveAndRestore()
        let there = sighting("n1", hours: 400, at: .bergen, session: "s11")
        try run.see(there)
        #expect(run.rulesMet.contains("unrecognized-device") == isForgotten)
        #expect(Self.fact(run, .device, "Browser d1")?.sightings == (isForgotten ? 1 : 14))
    }

    @Test("whatever is forgotten is gone, and nothing else", arguments: [0.5, 30])
    func each(hoursLater: Double) throws {
        let (one, _) = try Self.alarmed()
        try one.see(
            sighting("z", hours: 140 + hoursLater, at: .oslo, session: "s12", event: .logout))
        let bytes = Array(one.codec.encode(&one.profile))
        let ids = one.profile.learned().facts.map(\.id)
        // A provider has its name of the networks that are known.
        func counts(_ run: Run, without id: String = "") -> [String] {
            run.profile.learned().facts.filter { $0.id != id }.map {
                "\($0.id) \($0.source) \($0.standing.map { "\($0)" } ?? "-") \($0.firstSeen)"
                    + " \($0.lastSeen) \($0.days) \($0.sightings) \($0.alertIDs)"
            }
        }
        for id in ids {
            let run = Run()
            run.profile.free()
            run.profile = try decoded(bytes)
            run.judge.restore(&run.profile)
            let rest = counts(run, without: id)
            guard case .forgotten = run.judge.forget(id, &run.profile) else {
                Issue.record("\(id) is not forgotten")
                continue
            }
            #expect(counts(run) == rest)
            try run.saveAndRestore()
            #expect(counts(run) == rest)
            run.profile.free()
        }
    }

    @Test("a verdict after it holds")
    func dismissedAfter() throws {
        let (run, first) = try Self.alarmed()
        let device = try #require(Self.fact(run, .device, "d9"))
        #expect(run.judge.forget(device.id, &run.profile) == .forgotten(device))
        try run.see(sighting("x2", hours: 141, at: .singapore, device: "d9", session: "s9"))
        _ = run.judge.dismiss(alert: first.id, &run.profile)
        try run.saveAndRestore()
        #expect(Self.fact(run, .device, "d9")?.source == .dismissed)
        run.judge.emitted.removeAll()
        try run.see(sighting("x3", hours: 300, at: .singapore, device: "d9", session: "s10"))
        #expect(run.judge.emitted.isEmpty)
    }

    @Test("an id that is none changes nothing", arguments: ["", "0000000000000000", "é", "../.."])
    func unknown(id: String) throws {
        let (run, _) = try Self.alarmed()
        let before = Array(run.codec.encode(&run.profile))
        #expect(run.judge.forget(id, &run.profile) == .unknown)
        #expect(Array(run.codec.encode(&run.profile)) == before)
    }

    /// The steps of the tail are undone and taken again at every turn, facts removed in between.
    @Test(
        "writing and reading back between changes nothing, whatever is forgotten",
        arguments: 0..<100)
    func savedOften(seed: UInt64) throws {
        let life = delayed(randomLife(seed: seed, count: 80), hours: 8, seed: seed)
        func run(saving: Bool) throws -> (Run, [String]) {
            var random = Seeded(state: seed &+ 5)
            let run = Run(rules: allRules)
            var forgotten: [String] = []
            for s in life {
                try run.see(s, savingBetween: saving)
                for _ in 0..<Int.random(in: 0..<3, using: &random) {
                    guard let fact = run.profile.learned().facts.randomElement(using: &random)
                    else {
                        continue
                    }
                    let rest = run.profile.learned().facts.filter { $0.id != fact.id }.map(\.id)
                    #expect(
                        run.judge.forget(fact.id, &run.profile) == .forgotten(fact), "seed \(seed)")
                    #expect(run.profile.learned().facts.map(\.id) == rest, "seed \(seed)")
                    forgotten.append("\(fact.subject)")
                    if saving { try run.saveAndRestore() }
                }
            }
            return (run, forgotten)
        }
        let (straight, saved) = (try run(saving: false), try run(saving: true))
        #expect(!straight.1.isEmpty)
        #expect(straight.1 == saved.1, "seed \(seed)")
        try expectSame(saved.0.judge.emitted, straight.0.judge.emitted, seed)
        #expect(straight.0.profile.learned() == saved.0.profile.learned(), "seed \(seed)")
        #expect(
            Array(straight.0.codec.encode(&straight.0.profile))
                == Array(saved.0.codec.encode(&saved.0.profile)), "seed \(seed)")
    }
}
