import Foundation
import RuleBook
import SessionModel
import Testing

struct RuleTestTests {
    private func alert(
        _ id: String, session: String = "s2", status: Alert.Status = .open,
        findings: [(String, Confidence, String)], severity: Severity = .high
    ) -> Alert {
        Alert(
            id: id, revision: 1, status: status, time: Timestamp(milliseconds: 0), tenant: "",
            userID: "ann", userName: "", sessionID: session, deviceID: "x9", deviceLabel: "Unknown",
            place: Place(), network: Network(), risk: 80, severity: severity, title: "",
            summary: "",
            rung: .logOutSession,
            findings: findings.map { rule, confidence, record in
                Finding(
                    rule: rule, severity: severity, confidence: confidence,
                    time: Timestamp(milliseconds: 0), records: ["e1", record], evidence: [],
                    silencedBy: "", sentence: "")
            })
    }

    private func test(_ expectations: [RuleTest.Expectation]) -> RuleTest {
        RuleTest(rule: "travel", name: "t", lines: [], expectations: expectations)
    }

    private var certain: RuleTest.Expectation {
        .init(
            rule: "travel", confidence: .certain, session: "s2", device: "x9", at: "e3",
            severity: .high)
    }

    @Test("an alert as expected passes, also with other reasons in it")
    func passes() {
        let made = alert("a-1", findings: [("device", .likely, "e3"), ("travel", .certain, "e3")])
        #expect(test([certain]).check(alerts: [made]) == [])
    }

    @Test("what differs is named")
    func differs() {
        let made = alert(
            "a-1", session: "s1", findings: [("travel", .likely, "e2")], severity: .low)
        #expect(
            test([certain]).check(alerts: [made]) == [
                "Expected an alert: travel, confidence certain, session 's2', device 'x9', at e3, "
                    + "severity high. There is alert a-1 on session 's1' (travel likely at e2), "
                    + "which differs in confidence and session and at and severity.",
                "Expected no further alert, but there is alert a-1 on session 's1' "
                    + "(travel likely at e2).",
            ])
        #expect(test([certain]).check(alerts: []).count == 1)
    }

    @Test("none means none of this rule that is at least likely and stands")
    func none() {
        let likely = alert("a-1", findings: [("travel", .likely, "e2")])
        #expect(
            test([]).check(alerts: [likely]) == [
                "Expected no alert, but there is alert a-1 on session 's2' (travel likely at e2)."
            ])
        var retracted = likely
        retracted.status = .retracted
        #expect(test([]).check(alerts: [retracted]) == [])
        let others = alert(
            "a-2", findings: [("travel", .possible, "e2"), ("device", .certain, "e2")])
        #expect(test([]).check(alerts: [others]) == [])
    }

    @Test("silent means no finding of this rule at all, also in others' alerts")
    func silent() {
        var silent = test([])
        silent.isSilent = true
        let others = alert(
            "a-2", findings: [("travel", .possible, "e2"), ("device", .certain, "e2")])
        #expect(
            silent.check(alerts: [others]) == [
                "Expected that the rule finds nothing, but there is alert a-2 on session 's2' "
                    + "(travel possible at e2, device certain at e2)."
            ])
        #expect(silent.check(alerts: [alert("a-3", findings: [("device", .certain, "e2")])]) == [])
    }

    @Test("each expectation needs an alert of its own")
    func pairing() {
        let strict = certain
        let loose = RuleTest.Expectation(rule: "travel")
        let first = alert("a-1", findings: [("travel", .certain, "e3")])
        let second = alert("a-2", session: "s9", findings: [("travel", .likely, "e5")])
        #expect(test([loose, strict]).check(alerts: [first, second]) == [])
        #expect(test([loose, strict]).check(alerts: [first]).count == 1)
        #expect(test([loose]).check(alerts: [first, second]).count == 1)
    }

    @Test("common values fill what a record leaves out, and texts are escaped")
    func rendering() throws {
        let text = RuleSample.text.replacingOccurrences(
            of: "common: {user: {id: ben}}",
            with: #"common: {user: {id: "b\"\\\t", name: Ben}, user_agent: "é", ip: 1.2.3.4}"#)
        let book = try RuleSample([RuleSample.path: text]).load()
        let line = try #require(book.rules.first?.tests.first?.lines.first)
        // A tab is a control character, which a text of a rule has none of.
        #expect(line.contains(#""user":{"id":"b\"\\","name":"Ben"}"#))
        #expect(line.contains(#""ip":"82.248.10.20","user_agent":"é""#))
    }
}
