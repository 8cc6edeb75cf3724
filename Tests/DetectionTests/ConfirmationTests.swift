import SessionModel
import Testing

@testable import Detection

@Suite("Confirmed alerts")
struct ConfirmationTests {
    /// A week in Oslo, then a stranger in Singapore.
    private func alarmed(savingBetween: Bool = false) throws -> (Run, Alert) {
        let run = Run()
        for s in routine(days: 5) { try run.see(s) }
        try run.see(
            sighting("x1", hours: 130, at: .singapore, device: "d9", session: "s9"),
            savingBetween: savingBetween)
        return (run, try #require(run.judge.emitted.first))
    }

    private func confirmed(_ run: Run, _ alert: Alert) throws -> (Teaching, Alert) {
        run.judge.emitted.removeAll()
        let teaching = try #require(run.judge.confirm(alert: alert.id, &run.profile))
        let said = try #require(run.judge.emitted.first { $0.id == alert.id })
        run.judge.emitted.removeAll()
        return (teaching, said)
    }

    @Test("a confirmed alert stands, says so, and says what it taught")
    func says() throws {
        let (run, alert) = try alarmed()
        let (teaching, said) = try confirmed(run, alert)
        #expect(said.status == .confirmed && said.risk == alert.risk)
        #expect(said.summary == "Confirmed: it was an intruder. " + alert.summary)
        #expect(said.findings == alert.findings)
        #expect(teaching.devices == ["Browser d9 (d9)"])
        #expect(teaching.networks == ["121.6.10.0/24"])
        #expect(teaching.places == ["Singapore, SG", "SG"])
    }

    @Test(
        "the same device raises a certain alert wherever it comes again", arguments: [false, true],
        [1.0, 20, 500])
    func deviceAgain(savingBetween: Bool, later: Double) throws {
        let (run, alert) = try alarmed(savingBetween: savingBetween)
        _ = try confirmed(run, alert)
        if savingBetween { try run.saveAndRestore() }
        // Even from the user's own network.
        try run.see(
            sighting("x2", hours: 130 + later, at: .oslo, device: "d9", session: "s10"))
        let again = try #require(run.judge.emitted.last)
        let finding = try #require(again.findings.first { $0.rule == "unrecognized-device" })
        #expect(finding.confidence == .certain)
        #expect(again.findings.contains { $0.sentence.contains("confirmed to be an intruder's") })
        #expect([again.sessionID] + again.otherSessionIDs == ["s10", "s9"] || later > 168)
        #expect(again.status == (later < 168 ? .confirmed : .open))
    }

    @Test(
        "who had the user's own device and session is found on the network again, and not learned",
        arguments: [false, true], [false, true])
    func ownDevice(savingBetween: Bool, isLate: Bool) throws {
        let run = Run(rules: allRules)
        for s in routine(days: 5) { try run.see(s) }
        // A session that goes on from afar, minutes later, on the device's id.
        for k in 0..<3 {
            try run.see(
                sighting(
                    "x\(k)", hours: 106.2 + Double(k) / 60, at: .singapore, session: "s1-4",
                    event: .activity), savingBetween: savingBetween)
        }
        // A verdict of the next day finds the sightings settled, one of the same hour in the tail.
        if isLate { try run.see(sighting("r5", hours: 128, at: .oslo, session: "s1-5")) }
        let alert = try #require(run.standing.values.first { $0.sessionID == "s1-4" })
        let (teaching, _) = try confirmed(run, alert)
        #expect(teaching.devices.isEmpty && teaching.networks == ["121.6.10.0/24"])
        for day in 6..<14 {
            run.judge.emitted.removeAll()
            try run.see(
                sighting(
                    "y\(day)", hours: Double(day) * 24 + 9, at: .singapore, session: "t\(day)"),
                savingBetween: savingBetween)
            let said = try #require(run.judge.emitted.last, "day \(day)")
            #expect(
                said.findings.contains {
                    $0.confidence == .certain && $0.rule == "unrecognized-device"
                },
                "day \(day)")
        }
        let there = withUnsafePointer(to: sighting("n", hours: 0, at: .singapore)) {
            StoredSighting($0)
        }
        let known = run.profile.fact(there.network)
        let network = try #require(known)
        let isFamiliar = run.profile.isFamiliar(network, days: Judge.familiarDays)
        #expect(!isFamiliar)
        // The user at home is nobody else.
        run.judge.emitted.removeAll()
        try run.see(sighting("z", hours: 400, at: .oslo, session: "u1"))
        #expect(run.judge.emitted.isEmpty)
    }

    @Test("however often it is seen, it does not become the user's")
    func neverLearned() throws {
        let (run, alert) = try alarmed()
        _ = try confirmed(run, alert)
        for day in 0..<20 {
            try run.see(
                sighting(
                    "y\(day)", hours: 140 + Double(day) * 24, at: .singapore, device: "d9",
                    session: "y\(day)"))
        }
        let key = sighting("", hours: 0, at: nil, device: "d9").deviceKey
        let isFamiliar = run.profile.isRecognized(key, days: 2)
        #expect(!isFamiliar)
        let country = FactKey(.country, UInt64(CountryCode(Texts.view("SG")).rawValue))
        let isCountryKnown = run.profile.index(of: country) != nil
        #expect(!isCountryKnown)
        run.judge.emitted.removeAll()
        try run.see(
            sighting("z", hours: 2000, at: .singapore, device: "d9", session: "z"))
        #expect(run.judge.emitted.last?.findings.first?.confidence == .certain)
    }

    @Test("its network raises one for other devices, and not for the user's own")
    func networkAgain() throws {
        let (run, alert) = try alarmed()
        _ = try confirmed(run, alert)
        try run.see(sighting("o", hours: 180, at: .singapore, session: "s1-9"))
        #expect(!run.judge.emitted.flatMap(\.findings).contains { $0.confidence == .certain })
        run.judge.emitted.removeAll()
        try run.see(sighting("x2", hours: 190, at: .singapore, device: "d7", session: "s7"))
        let again = try #require(run.judge.emitted.last)
        #expect(again.findings.contains { $0.confidence == .certain })
    }

    @Test(
        "what was learned of the country is taken back: another stranger there is one in a new country"
    )
    func unlearned() throws {
        func findings(_ isConfirmed: Bool) throws -> Set<String> {
            let (run, alert) = try alarmed()
            // It has left the tail, so that its facts are settled.
            try run.see(sighting("h", hours: 150, at: .oslo, session: "s1-8"))
            if isConfirmed { _ = try confirmed(run, alert) }
            run.judge.emitted.removeAll()
            var other = Spot.singapore
            other.network = "8.8.8.0"
            try run.see(sighting("x2", hours: 400, at: other, device: "d7", session: "s7"))
            return Set(run.judge.emitted.flatMap(\.findings).map(\.rule))
        }
        #expect(try findings(true).contains("new-country"))
        #expect(try !findings(false).contains("new-country"))
    }

    @Test("a confirmed alert is neither retracted nor closed")
    func stays() throws {
        let (run, alert) = try alarmed()
        _ = try confirmed(run, alert)
        // The device was at home before, as a late record tells; and then the password is changed.
        try run.see(sighting("l", hours: 129, at: .oslo, device: "d9", session: "s8"))
        try run.see(sighting("p", hours: 160, at: .oslo, session: "s1-8", event: .passwordChange))
        try run.see(sighting("h", hours: 170, at: .oslo, session: "s1-8"))
        #expect(
            run.judge.emitted.filter { $0.id == alert.id }.allSatisfy { $0.status == .confirmed })
    }

    @Test("what was the user's own before stays so: the thief only used it")
    func ownDevice() throws {
        let run = Run()
        for s in routine() { try run.see(s) }
        // Their own laptop's id, on a new network, too fast.
        try run.see(sighting("x1", hours: 139, at: .singapore, session: "s1-5"))
        let alert = try #require(run.judge.emitted.first)
        let (teaching, _) = try confirmed(run, alert)
        #expect(teaching.devices.isEmpty && teaching.networks == ["121.6.10.0/24"])
        try run.see(sighting("h", hours: 180, at: .oslo, session: "s1-8"))
        #expect(run.judge.emitted.isEmpty, "\(run.judge.emitted.map(\.summary))")
    }

    @Test("each verdict takes the other back")
    func changedMind() throws {
        let (run, alert) = try alarmed()
        _ = try confirmed(run, alert)
        #expect(run.judge.dismiss(alert: alert.id, &run.profile) != nil)
        #expect(run.judge.emitted.last?.status == .dismissed)
        run.judge.emitted.removeAll()
        try run.see(sighting("x2", hours: 200, at: .singapore, device: "d9", session: "s10"))
        #expect(run.judge.emitted.isEmpty)
        // And back.
        #expect(run.judge.confirm(alert: alert.id, &run.profile)?.devices == ["Browser d9 (d9)"])
        run.judge.emitted.removeAll()
        try run.see(sighting("x3", hours: 300, at: .singapore, device: "d9", session: "s11"))
        #expect(run.judge.emitted.last?.findings.contains { $0.confidence == .certain } == true)
    }

    @Test("an alert that is not there changes nothing", arguments: ["a-0000000000000000", "", "x"])
    func unknown(name: String) throws {
        let (run, _) = try alarmed()
        let before = Array(run.codec.encode(&run.profile))
        run.judge.emitted.removeAll()
        #expect(run.judge.confirm(alert: name, &run.profile) == nil)
        #expect(run.judge.emitted.isEmpty)
        #expect(Array(run.codec.encode(&run.profile)) == before)
    }

    @Test("late records and saving change nothing after verdicts", arguments: 0..<60)
    func late(seed: UInt64) throws {
        func ended(_ life: [Sighting], saving: Bool) throws -> (Run, [UInt8]) {
            let run = Run(rules: allRules)
            let half = life.count / 2
            for s in life.prefix(half) { try run.see(s, savingBetween: saving) }
            for (i, id) in run.standing.keys.sorted().enumerated() {
                if i % 2 == 0 {
                    _ = run.judge.confirm(alert: id, &run.profile)
                } else {
                    _ = run.judge.dismiss(alert: id, &run.profile)
                }
            }
            if saving { try run.saveAndRestore() }
            for s in life.dropFirst(half) { try run.see(s, savingBetween: saving) }
            return (run, Array(run.codec.encode(&run.profile)))
        }
        let life = delayed(randomLife(seed: seed, count: 60), hours: 8, seed: seed)
        let (straight, bytes) = try ended(life, saving: false)
        let (saved, same) = try ended(life, saving: true)
        try expectSame(saved.judge.emitted, straight.judge.emitted, seed)
        #expect(bytes == same, "seed \(seed)")
    }
}

extension Sighting {
    fileprivate var deviceKey: FactKey { FactKey(.device, deviceHash) }
}
