import SessionModel
import Testing

@testable import Detection

@Suite("Dismissed alerts")
struct DismissalTests {
    private func alarmed(savingBetween: Bool) throws -> (Run, Alert) {
        let run = Run()
        for day in 0..<5 {
            try run.see(
                sighting("h\(day)", hours: Double(day * 24 + 8), at: .oslo, session: "s\(day)"))
        }
        try run.see(
            sighting("x1", hours: 105, at: .singapore, device: "d9", session: "s9"),
            savingBetween: savingBetween)
        return (run, try #require(run.judge.emitted.first))
    }

    @Test("a dismissal says what it taught")
    func saysWhat() throws {
        let (run, alert) = try alarmed(savingBetween: false)
        let teaching = try #require(run.judge.dismiss(alert: alert.id, &run.profile))
        #expect(teaching.devices == ["Browser d9 (d9)"])
        #expect(teaching.networks == ["121.6.10.0/24"])
        #expect(teaching.places == ["Singapore, SG", "SG"])
    }

    @Test("what a dismissed alert names is the user's", arguments: [false, true], [0.5, 20, 300])
    func teaches(savingBetween: Bool, later hours: Double) throws {
        let (run, alert) = try alarmed(savingBetween: savingBetween)
        // Also when the sighting has left the tail meanwhile.
        try run.see(
            sighting("h9", hours: 105 + hours, at: .oslo, session: "s10"),
            savingBetween: savingBetween)
        run.judge.emitted.removeAll()
        #expect(run.judge.dismiss(alert: alert.id, &run.profile) != nil)
        let over = try #require(run.judge.emitted.first { $0.id == alert.id })
        #expect(over.status == .dismissed)
        #expect(over.summary.hasPrefix("Dismissed: it was the user."))
        #expect(over.revision == alert.revision + 1)
        run.judge.emitted.removeAll()
        if savingBetween { try run.saveAndRestore() }
        // The same device, there again, in another session.
        try run.see(
            sighting("x2", hours: 105 + hours + 40, at: .singapore, device: "d9", session: "s11"))
        #expect(run.judge.emitted.isEmpty, "\(run.judge.emitted.map(\.summary))")
    }

    @Test("without it the same raises an alert again")
    func control() throws {
        let (run, _) = try alarmed(savingBetween: false)
        run.judge.emitted.removeAll()
        try run.see(sighting("h9", hours: 400, at: .oslo, session: "s10"))
        try run.see(sighting("x2", hours: 401, at: .singapore, device: "d9", session: "s11"))
        #expect(!run.judge.emitted.isEmpty)
    }

    @Test("an alert that is not there changes nothing", arguments: ["a-0000000000000000", "", "x"])
    func unknown(name: String) throws {
        let (run, _) = try alarmed(savingBetween: false)
        let before = Array(run.codec.encode(&run.profile))
        run.judge.emitted.removeAll()
        #expect(run.judge.dismiss(alert: name, &run.profile) == nil)
        #expect(run.judge.emitted.isEmpty)
        #expect(Array(run.codec.encode(&run.profile)) == before)
    }
}
