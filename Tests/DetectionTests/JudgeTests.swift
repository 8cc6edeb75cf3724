import SessionModel
import Testing

@testable import Detection

struct JudgeTests {
    @Test("a routine is quiet")
    func quiet() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        #expect(run.judge.emitted.isEmpty)
    }

    @Test("one login on a new device in a new country too far away is one alert with three reasons")
    func oneAlert() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        try run.see(
            sighting("x1", hours: 5 * 24 + 11, at: .singapore, device: "d9", session: "s9"))
        let alert = try #require(run.judge.emitted.first)
        #expect(run.judge.emitted.count == 1)
        #expect(
            Set(alert.findings.map(\.rule))
                == ["impossible-travel", "unrecognized-device", "new-country"])
        #expect(alert.sessionID == "s9")
        #expect(alert.deviceID == "d9")
        #expect(alert.deviceLabel == "Browser d9")
        #expect(alert.place.label == "Singapore, SG")
        #expect(alert.severity == .critical)
        let travel = try #require(alert.findings.first { $0.rule == "impossible-travel" })
        #expect(travel.records == ["r5a", "x1"])  // the office says little of where one is
        #expect(travel.confidence == .certain)
    }

    @Test("a stranger who came first is named when the owner turns up")
    func strangerFirst() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        // At home in the morning, by night in Lagos on a device never seen, home in the next hour.
        try run.see(sighting("x1", hours: 6 * 24, at: .lagos, device: "d9", session: "s9"))
        try run.see(sighting("x2", hours: 6 * 24 + 1, at: .oslo, device: "d1", session: "s10"))
        let alerts = run.standing.values
        #expect(alerts.count == 1, "the device's alert, with the trip home added")
        let alert = try #require(alerts.first)
        #expect(alert.sessionID == "s9")
        #expect(alert.findings.contains { $0.rule == "impossible-travel" })
    }

    @Test("a long-haul trip with the same laptop is quiet")
    func longHaul() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        try run.see(sighting("x1", hours: 6 * 24 + 8, at: .oslo, session: "s7"))
        try run.see(sighting("x2", hours: 6 * 24 + 22, at: .singapore, session: "s8"))
        #expect(run.judge.emitted.isEmpty)
    }

    @Test("a VPN is no trip, and not the place before the next one")
    func vpn() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        try run.see(sighting("x1", hours: 6 * 24 + 8, at: .oslo, session: "s7"))
        try run.see(sighting("x2", hours: 6 * 24 + 8.2, at: .vpn, session: "s7", event: .activity))
        try run.see(sighting("x3", hours: 6 * 24 + 8.3, at: .oslo, session: "s7", event: .activity))
        #expect(run.judge.emitted.isEmpty)
    }

    @Test("two recognized devices where they use to be are two devices, not a trip")
    func twoDevices() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        for day in 0..<7 {
            let hours = Double(day + 6) * 24
            // The tablet is first a stranger; seen day after day it becomes the user's.
            try run.see(sighting("t\(day)", hours: hours + 20, at: .lagos, device: "tablet"))
            run.judge.emitted.removeAll()
            try run.see(sighting("l\(day)", hours: hours + 8 + 24, at: .oslo))
        }
        run.judge.emitted.removeAll()
        try run.see(sighting("y1", hours: 15 * 24 + 8, at: .oslo))
        try run.see(sighting("y2", hours: 15 * 24 + 8.5, at: .lagos, device: "tablet"))
        #expect(run.judge.emitted.map(\.summary) == [])
    }

    @Test("a session that goes on from another device alarms from the second sighting")
    func sessionMoved() throws {
        var run = Run()
        try run.see(sighting("e1", hours: 1, at: .oslo, device: "d1", session: "s1"))
        try run.see(
            sighting("e2", hours: 1.5, at: .oslo, device: "d2", session: "s1", event: .activity))
        let alert = try #require(run.judge.emitted.first)
        #expect(alert.findings.map(\.rule) == ["session-moved"])
        #expect(alert.findings[0].confidence == .certain)
        #expect(alert.sessionID == "s1")
    }

    /// Failures before the success, minutes between the last and the success, whether it is flagged.
    static let guesses = [(4, 1.0, false), (5, 1.0, true), (5, 15.0, true), (5, 15.1, false)]

    @Test("a success after failures from a strange network", arguments: guesses)
    func failuresThenSuccess(count: Int, minutes: Double, isFlagged: Bool) throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        for i in 0..<count {
            try run.see(
                sighting(
                    "f\(i)", hours: 7 * 24 + Double(i) / 60, at: .lagos, device: nil,
                    outcome: .failure))
        }
        try run.see(
            sighting(
                "ok", hours: 7 * 24 + (Double(count - 1) + minutes) / 60, at: .lagos, device: nil))
        #expect(run.rulesMet.contains("failures-then-success") == isFlagged)
    }

    /// Kilometres between two points with no radius, hours, the confidence.
    static let legs: [(Double, Double, Confidence?)] = [
        (99, 0.0, nil), (101, 0.0, .certain),  // the least distance
        (400, 400.0 / 900 - 1.0 / 60 + 0.001, nil), (400, 400.0 / 900 - 1.0 / 60 - 0.001, .certain),
        (900, 1.0 + 0.25 - 1.0 / 60 + 0.001, nil), (900, 1.0 + 0.25 - 1.0 / 60 - 0.001, .certain),
    ]

    @Test("travel is too fast only above the limit, with ground time and slack", arguments: legs)
    func travelLimit(distance: Double, hours: Double, expected: Confidence?) {
        let travel = ImpossibleTravel(defaultRules[0])
        let found = travel.confidence(
            distance: distance, radii: 0, elapsedMilliseconds: Int64(hours * 3_600_000))
        #expect(found == expected)
    }

    /// Radii that make the same leg certain, likely, possible, nothing.
    static let radii: [(Double, Confidence?)] = [
        (0, .certain), (200, .certain), (220, .likely), (430, .likely), (445, .possible),
    ]

    @Test("the wider the radii the less sure", arguments: radii)
    func travelRadii(radii: Double, expected: Confidence?) {
        let travel = ImpossibleTravel(defaultRules[0])
        // 480 km in 2 minutes and the slack of one: 45 km are believable.
        #expect(
            travel.confidence(distance: 480, radii: radii, elapsedMilliseconds: 120_000)
                == expected)
    }

    @Test("a late record that explains an alert retracts it under its own id")
    func retracts() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        // A sign-in with the known device from the office network of another city …
        try run.see(sighting("x1", hours: 6 * 24 + 8, at: .oslo, device: "d1", session: "s7"))
        try run.see(sighting("x2", hours: 6 * 24 + 12, at: .bergen, device: "d2", session: "s8"))
        let opened = try #require(run.judge.emitted.first)
        #expect(opened.status == .open)
        // … and late: the new device was first used at home, beside the known one.
        try run.see(sighting("x0", hours: 6 * 24 + 9, at: .oslo, device: "d2", session: "s8"))
        let last = try #require(run.judge.emitted.last)
        #expect(run.verdicts.last == .late)
        #expect(last.id == opened.id)
        #expect(last.status == .retracted)
        #expect(last.revision == 2)
        #expect(run.standing.isEmpty)
    }

    @Test("the same record twice changes nothing")
    func duplicate() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        let x = sighting("x1", hours: 5 * 24 + 11, at: .singapore, device: "d9", session: "s9")
        try run.see(x)
        let count = run.judge.emitted.count
        try run.see(x)
        #expect(run.verdicts.last == .duplicate)
        #expect(run.judge.emitted.count == count)
    }

    @Test("what comes after the window teaches and alarms nobody")
    func tooLate() throws {
        var run = Run()
        for s in routine() { try run.see(s) }
        try run.see(sighting("z1", hours: 24 + 11, at: .singapore, device: "d9", session: "s9"))
        #expect(run.verdicts.last == .tooLate)
        #expect(run.judge.emitted.isEmpty)
        try run.see(sighting("z2", hours: 6 * 24 + 8, at: .oslo, device: "d9"))
        #expect(run.judge.emitted.isEmpty, "the device is known by now")
    }
}
