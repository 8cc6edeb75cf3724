import SessionModel
import Testing

@testable import Detection

/// A laptop in Oslo for six days, then a stranger's browser in Singapore at a time that a flight would
/// have allowed.
private let theft =
    routine() + [sighting("x1", hours: 150, at: .singapore, device: "d9", session: "s9")]

private func run(_ life: [Sighting], rules: [DetectionRule] = defaultRules) throws -> Run {
    let run = Run(rules: rules)
    for s in life { try run.see(s) }
    return run
}

/// `d1` at home, and long enough after for a change to have had its effect.
private func home(_ id: String, _ hours: Double, event: EventKind = .activity) -> Sighting {
    sighting(id, hours: hours, at: .oslo, session: "s1-9", event: event)
}

@Suite("Alerts that close by themselves")
struct ClosingTests {
    // MARK: The password was changed

    @Test("a new password by the user, and nothing of the suspect since, closes an alert")
    func remedied() throws {
        let run = try run(theft + [home("p", 174, event: .passwordChange), home("h", 176)])
        let opened = try #require(run.judge.emitted.first)
        let closed = try #require(run.judge.emitted.last)
        #expect(opened.status == .open)
        #expect(closed.status == .closed && closed.id == opened.id && closed.isMaterial)
        #expect(closed.revision == 2)
        #expect(
            closed.summary.hasPrefix(
                "Closed: the password was changed at 2026-03-08 06:00 UTC on the user's own Browser d1"
                    + " in Oslo, NO, and session s9 was not seen since. It said: "),
            "\(closed.summary)")
        // It is still about what it was about.
        #expect(closed.findings == opened.findings && closed.risk == opened.risk)
    }

    @Test("a reset by the user does too")
    func recovered() throws {
        let run = try run(theft + [home("p", 174, event: .recovery), home("h", 176)])
        #expect(
            run.judge.emitted.last?.summary.hasPrefix("Closed: the password was reset at") == true)
    }

    @Test(
        "nothing is said before an hour of quiet",
        arguments: [(59.9, false), (60.0, true), (600.0, true)])
    func quiet(minutes: Double, isClosed: Bool) throws {
        let run = try run(
            theft + [home("p", 174, event: .passwordChange), home("h", 174 + minutes / 60)])
        #expect((run.judge.emitted.last?.status == .closed) == isClosed)
        #expect(run.judge.emitted.count == (isClosed ? 2 : 1))
    }

    /// What came after the theft, and why that is not enough.
    static let notEnough: [(why: String, after: [Sighting])] = [
        ("no change at all", [home("h", 174), home("h2", 190)]),
        (
            "a log-out of the suspect's session",
            [
                sighting(
                    "o", hours: 151, at: .singapore, device: "d9", session: "s9", event: .logout),
                home("h", 174), home("h2", 190),
            ]
        ),
        (
            "the change was the suspect's",
            [
                sighting(
                    "p", hours: 151, at: .singapore, device: "d9", session: "s9",
                    event: .passwordChange), home("h", 174),
            ]
        ),
        (
            "it was made in the suspect's session",
            [
                sighting("p", hours: 174, at: .oslo, session: "s9", event: .passwordChange),
                home("h", 176),
            ]
        ),
        (
            "from the suspect's network",
            [
                sighting("p", hours: 174, at: .singapore, session: "s1-9", event: .passwordChange),
                sighting("h", hours: 176, at: .singapore, session: "s1-9"),
            ]
        ),
        (
            "on a device that was not there before the alert",
            [
                sighting(
                    "p", hours: 174, at: .oslo, device: "d2", session: "s2", event: .passwordChange),
                home("h", 176),
            ]
        ),
        (
            "on one that nobody knows",
            [
                sighting(
                    "p", hours: 174, at: .oslo, device: nil, session: "s2", event: .passwordChange),
                home("h", 176),
            ]
        ),
        (
            "from a network where the user does not use to be",
            [
                sighting("p", hours: 174, at: .bergen, session: "s1-9", event: .passwordChange),
                home("h", 176),
            ]
        ),
        (
            "another change than the password's",
            [home("p", 174, event: .mfaChange), home("h", 176)]
        ),
        (
            "it failed",
            [
                sighting(
                    "p", hours: 174, at: .oslo, session: "s1-9", event: .passwordChange,
                    outcome: .failure), home("h", 176),
            ]
        ),
        (
            "the suspect went on within the hour",
            [
                home("p", 174, event: .passwordChange),
                sighting(
                    "x2", hours: 174.5, at: .singapore, device: "d9", session: "s9", event: .session
                ),
                home("h", 180),
            ]
        ),
        (
            "the suspect came in again with another session",
            [
                home("p", 174, event: .passwordChange),
                sighting("x2", hours: 174.5, at: .singapore, device: "d9", session: "s10"),
                home("h", 180),
            ]
        ),
    ]

    @Test("what does not close an alert", arguments: notEnough.indices)
    func stays(index: Int) throws {
        let (why, after) = Self.notEnough[index]
        let run = try run(theft + after)
        #expect(!run.judge.emitted.contains { $0.status == .closed }, "\(why)")
        #expect(!run.standing.isEmpty, "\(why)")
    }

    @Test("a stranger surely too far from the user stays, whatever is changed")
    func certainTravel() throws {
        // An hour after the user was in Oslo.
        let life =
            routine() + [
                sighting("x1", hours: 131, at: .singapore, device: "d9", session: "s9"),
                home("p", 174, event: .passwordChange), home("h", 176), home("h2", 190),
            ]
        let run = try run(life)
        #expect(run.rulesMet.contains("impossible-travel"))
        #expect(run.standing.values.allSatisfy { $0.status == .open })
    }

    @Test("nor does an alert close on somebody who changed the second factor")
    func sensitive() throws {
        let change = sighting(
            "x2", hours: 150.2, at: .singapore, device: "d9", session: "s9", event: .mfaChange)
        let life = theft + [change, home("p", 174, event: .passwordChange), home("h", 176)]
        let run = try run(life, rules: allRules)
        #expect(run.rulesMet.contains("sensitive-change"))
        #expect(!run.judge.emitted.contains { $0.status == .closed })
    }

    @Test("a closed alert whose suspect goes on is open again, under its id")
    func reopened() throws {
        let run = try run(
            theft + [
                home("p", 174, event: .passwordChange), home("h", 176),
                sighting(
                    "x2", hours: 200, at: .singapore, device: "d9", session: "s9",
                    event: .activity),
            ])
        #expect(run.judge.emitted.map(\.status) == [.open, .closed, .amended])
        let again = try #require(run.judge.emitted.last)
        #expect(again.id == run.judge.emitted.first?.id && again.isMaterial)
        #expect(
            again.summary.hasPrefix("Not over: the password was changed at 2026-03-08 06:00 UTC"))
        #expect(
            again.summary.contains("the suspect was seen at 2026-03-09 08:00 UTC all the same."))
        // A further change closes it after all.
        try run.see(home("p2", 224, event: .passwordChange))
        try run.see(home("h2", 226))
        #expect(run.judge.emitted.last?.status == .closed)
    }

    @Test("a failed sign-in of the suspect shows that the new password holds")
    func failureAfter() throws {
        let run = try run(
            theft + [
                home("p", 174, event: .passwordChange),
                sighting(
                    "x2", hours: 174.5, at: .singapore, device: "d9", outcome: .failure),
                home("h", 176),
            ])
        #expect(run.judge.emitted.last?.status == .closed)
    }

    // MARK: The journey's return

    /// `d1` in Singapore sooner than a flight allows: a wrong clock, or a record of the morning before.
    private static let trip =
        routine() + [
            sighting("t1", hours: 139, at: .singapore, session: "s1-6"),
            sighting("t2", hours: 160, at: .singapore, session: "s1-6", event: .activity),
        ]

    @Test("a device that stayed and came home explains its trip")
    func journey() throws {
        let run = try run(
            Self.trip + [sighting("h", hours: 180, at: .oslo, session: "s1-7")])
        #expect(run.judge.emitted.map(\.status) == [.open, .closed])
        let closed = try #require(run.judge.emitted.last)
        #expect(
            closed.summary.hasPrefix(
                "Closed: a journey. The user's own Browser d1 was in Singapore, SG until"
                    + " 2026-03-07 16:00 UTC and back in Oslo, NO at 2026-03-08 12:00 UTC, 10,0"),
            "\(closed.summary)")
    }

    static let noJourneys: [(why: String, after: [Sighting])] = [
        ("it is still there", [sighting("t3", hours: 180, at: .singapore, session: "s1-6")]),
        (
            "it came home faster than it can",
            [sighting("h", hours: 164, at: .oslo, session: "s1-7")]
        ),
        (
            "the user's phone was at home meanwhile",
            [
                sighting("b", hours: 150, at: .oslo, device: "d2", session: "b1"),
                sighting("h", hours: 180, at: .oslo, session: "s1-7"),
            ]
        ),
        (
            "it went on to another country",
            [sighting("h", hours: 190, at: .lagos, session: "s1-7")]
        ),
        (
            "it had been home in between",
            [
                sighting("h", hours: 145, at: .oslo, session: "s1-7"),
                sighting("h2", hours: 180, at: .oslo, session: "s1-7"),
            ]
        ),
    ]

    @Test("what is no journey", arguments: noJourneys.indices)
    func noJourney(index: Int) throws {
        let (why, after) = Self.noJourneys[index]
        let life = (Self.trip + after).sorted { $0.record.time < $1.record.time }
        let run = try run(life)
        #expect(!run.judge.emitted.contains { $0.status == .closed }, "\(why)")
        #expect(!run.standing.isEmpty, "\(why)")
    }

    @Test("a short stay is none", arguments: [(11.9, false), (12.1, true)])
    func stay(hours: Double, isClosed: Bool) throws {
        let life =
            routine() + [
                sighting("t1", hours: 139, at: .singapore, session: "s1-6"),
                sighting("t2", hours: 139 + hours, at: .singapore, session: "s1-6"),
                sighting("h", hours: 180, at: .oslo, session: "s1-7"),
            ]
        let run = try run(life)
        #expect((run.judge.emitted.last?.status == .closed) == isClosed)
    }

    @Test("the phone that is home first does not contradict the laptop's journey")
    func phoneFirst() throws {
        let run = try run(
            Self.trip + [
                sighting("b", hours: 179, at: .oslo, device: "d2", session: "b1"),
                sighting("h", hours: 180, at: .oslo, session: "s1-7"),
            ])
        #expect(run.judge.emitted.contains { $0.status == .closed })
    }

    @Test("a stranger's stay is no journey")
    func stranger() throws {
        let run = try run(
            theft + [
                sighting("x2", hours: 170, at: .singapore, device: "d9", session: "s9"),
                sighting("x3", hours: 200, at: .oslo, device: "d9", session: "s9"),
            ])
        #expect(!run.judge.emitted.contains { $0.status == .closed })
    }

    // MARK: Invariants

    /// Thefts, journeys, and changes of the password by either, at random.
    private static func life(seed: UInt64) -> [Sighting] {
        var random = Seeded(state: seed &* 77)
        var life = routine()
        var hours = 131.0
        for i in 0..<40 {
            hours += Double.random(in: 0.2..<14, using: &random)
            let isStranger = Int.random(in: 0..<4, using: &random) == 0
            let isAway = Int.random(in: 0..<3, using: &random) == 0
            life.append(
                sighting(
                    "e\(i)", hours: hours, at: isStranger || isAway ? .singapore : .oslo,
                    device: isStranger ? "d9" : "d1", session: isStranger ? "s9" : "s\(i / 6)",
                    event: [.login, .activity, .activity, .passwordChange, .recovery]
                        .randomElement(using: &random) ?? .login,
                    outcome: Int.random(in: 0..<9, using: &random) == 0 ? .failure : .success))
        }
        return life
    }

    @Test("late records end with what the sorted order gives", arguments: 0..<200)
    func late(seed: UInt64) throws {
        let life = Self.life(seed: seed)
        let sorted = try run(life)
        let late = try run(delayed(life, hours: 5.9, seed: seed))
        try expectSame(content(late), content(sorted), seed)
    }

    @Test("writing and reading back between sightings changes nothing", arguments: 0..<60)
    func saved(seed: UInt64) throws {
        let life = delayed(Self.life(seed: seed), hours: 8, seed: seed)
        let straight = try run(life)
        let saved = Run()
        for s in life { try saved.see(s, savingBetween: true) }
        try expectSame(saved.judge.emitted, straight.judge.emitted, seed)
        #expect(
            Array(saved.codec.encode(&saved.profile))
                == Array(straight.codec.encode(&straight.profile)), "seed \(seed)")
    }

    @Test("such lives do close and open alerts")
    func worthIt() throws {
        var statuses: [Alert.Status: Int] = [:]
        var openings = 0
        for seed in 0..<200 {
            for alert in try run(Self.life(seed: UInt64(seed))).judge.emitted {
                statuses[alert.status, default: 0] += 1
                if alert.summary.hasPrefix("Not over") { openings += 1 }
            }
        }
        #expect(statuses[.closed, default: 0] > 20, "\(statuses)")
        #expect(openings > 5, "\(statuses)")
    }
}
