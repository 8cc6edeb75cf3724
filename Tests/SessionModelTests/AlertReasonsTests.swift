import Testing

@testable import SessionModel

@Suite("Reasons of an alert")
struct AlertReasonsTests {
    private static func finding(_ rule: String, _ session: String, _ sentence: String) -> Finding {
        Finding(
            rule: rule, severity: .low, confidence: .possible, time: Timestamp(milliseconds: 0),
            records: [],
            evidence: [Evidence("uses", .integer(3))]
                + (session.isEmpty ? [] : [Evidence("session", .text(session))]),
            silencedBy: "", sentence: sentence)
    }

    /// Findings as rule, session and sentence, the weightiest first; the sentences that are told.
    private static let cases: [([(String, String, String)], [String])] = [
        ([], []),
        ([("a", "s1", "9 uses"), ("a", "s1", "6 uses"), ("b", "s1", "new")], ["9 uses", "new"]),
        ([("a", "s1", "one"), ("a", "s2", "two"), ("a", "s1", "three")], ["one", "two"]),
        ([("a", "", "one"), ("a", "s1", "two"), ("a", "", "three")], ["one", "two"]),
        ([("a", "s1", "one"), ("b", "s1", "one")], ["one", "one"]),
    ]

    @Test("what a rule says less surely of the same session is left out")
    func reasons() {
        for (findings, told) in Self.cases {
            let alert = Alert(
                id: "a-1", revision: 1, status: .open, time: Timestamp(milliseconds: 0), tenant: "",
                userID: "u", userName: "", sessionID: "s1", deviceID: "", deviceLabel: "",
                place: Place(),
                network: Network(address: "", asn: 0, organization: "", kind: .unknown),
                risk: 50, severity: .medium, title: "", summary: "", rung: .notify,
                findings: findings.map { Self.finding($0.0, $0.1, $0.2) })
            #expect(alert.reasons.map(\.sentence) == told)
        }
    }
}
