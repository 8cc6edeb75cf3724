import Foundation
import SessionModel
import Testing

@testable import Evaluation

private let world = #"{"world":{"users":100,"days":10,"seed":"1"}}"#

private func attack(
    _ record: String, _ attack: String = "a1", kind: String = "phished-password",
    user: String = "u1", session: String = "s1", takeover: Bool = true,
    time: String = "2026-03-01T08:00:00Z"
) -> String {
    #"{"record":"\#(record)","label":"attack","attack":"\#(attack)","kind":"\#(kind)","user":"\#(user)","session":"\#(session)","takeover":\#(takeover),"time":"\#(time)"}"#
}

private func alert(
    _ id: String, user: String = "u1", risk: Int = 80, records: [String] = [],
    session: String = "", others: [String] = [], status: String = "open", revision: Int = 1,
    time: String = "2026-03-01T08:05:00.000Z"
) -> String {
    func list(_ texts: [String]) -> String { texts.map { "\"\($0)\"" }.joined(separator: ",") }
    return
        #"{"id":"\#(id)","revision":\#(revision),"status":"\#(status)","time":"\#(time)","user":{"id":"\#(user)","name":""},"session":{"id":"\#(session)","others":[\#(list(others))]},"risk":\#(risk),"findings":[{"rule":"r","records":[\#(list(records))]}]}"#
}

private func scored(_ truth: [String], _ alerts: [String]) throws -> Score {
    let folder = try Folder()
    let scorer = try Scorer(
        truth: try folder.write("t", truth.joined(separator: "\n")),
        alerts: try folder.write("a", alerts.joined(separator: "\n")))
    return try scorer.score(users: scorer.worldUsers ?? 100, days: scorer.worldDays ?? 10)
}

struct ScorerTests {
    /// An alert, whether it catches attack `a1` on `u1` (record e1, session s1), whether it is false.
    static let matching: [(String, String, caught: Bool, isFalse: Bool)] = [
        ("a record of it", alert("x", records: ["e0", "e1"]), true, false),
        ("its session", alert("x", session: "s1"), true, false),
        ("its session among others", alert("x", session: "s9", others: ["s1"]), true, false),
        ("another record and session", alert("x", records: ["e2"], session: "s2"), false, true),
        ("its record, another user", alert("x", user: "u2", records: ["e1"]), false, false),
        ("its session's id, another user", alert("x", user: "u2", session: "s1"), false, true),
        ("retracted", alert("x", records: ["e1"], status: "retracted"), false, false),
        ("silenced", alert("x", records: ["e1"], status: "silenced"), false, false),
        ("false, and retracted", alert("x", records: ["e5"], status: "retracted"), false, false),
        (
            "its session a moment before",
            alert("x", session: "s1", time: "2026-03-01T07:59:59.999Z"),
            false, true
        ),
        (
            "its session at that moment", alert("x", session: "s1", time: "2026-03-01T08:00:00Z"),
            true, false
        ),
        ("nothing", alert("x"), false, true),
    ]

    @Test("an alert catches by user and record or session", arguments: matching)
    func match(_ name: String, line: String, caught: Bool, isFalse: Bool) throws {
        let score = try scored([world, attack("e1")], [line])
        #expect(score.all.caught == (caught ? 1 : 0), "\(name)")
        #expect(score.falseAlerts == (isFalse ? 1 : 0), "\(name)")
    }

    @Test("numbers add up")
    func numbers() throws {
        let truth = [
            world, #"{"user":"u7","scenario":"habitual-vpn"}"#, "",
            attack("e1"), attack("e2", time: "2026-03-01T08:10:00Z"),
            attack("e3", "a2", kind: "stolen-token", user: "u2", session: "s2"),
            attack("e4", "a3", kind: "stolen-token", user: "u3", session: "s3"),
            attack("e5", "a4", kind: "password-guessing", user: "u4", session: "", takeover: false),
            #"{"record":"e8","label":"benign","scenario":"lost-cookie"}"#,
        ]
        let alerts = [
            alert("x1", risk: 90, records: ["e9"], time: "2026-03-01T07:00:00Z"),
            alert("x1", risk: 85, records: ["e9", "e1"], session: "s1", revision: 2),
            alert(
                "x2", user: "u2", risk: 40, records: ["e3"], session: "other",
                time: "2026-03-01T09:00:00Z"),
            alert("x3", user: "u7", risk: 30, records: ["e7"]),
            alert("x4", user: "u8", risk: 60, records: ["e8", "e9"]),
            alert("x5", user: "u4", risk: 70, records: ["e5"]),
        ]
        let score = try scored(truth, alerts)
        #expect(score.all.takeovers == 3 && score.all.caught == 2 && score.attempts == 1)
        #expect(score.kinds.map(\.kind) == ["phished-password", "stolen-token"])
        #expect(score.kinds.map(\.caught) == [1, 1])
        #expect(score.all.withSession == 2 && score.all.rightSession == 1)
        // Five minutes, by the second revision, and an hour.
        #expect(score.all.medianSeconds == 300 && score.all.ninetiethSeconds == 3600)
        #expect(score.standingAlerts == 5 && score.attemptAlerts == 1 && score.falseAlerts == 2)
        #expect(score.falsePer1000UsersAndDay == 2)
        #expect(score.scenarios.map(\.scenario) == ["habitual-vpn", "lost-cookie"])
        #expect(score.precision == 0.6)
        #expect(score.curve.count == 21)
        func step(_ risk: Int) -> Score.Step { score.curve[risk / 5] }
        #expect(abs(step(40).recall - 2.0 / 3) < 1e-9 && step(40).falsePer1000UsersAndDay == 1)
        #expect(abs(step(45).recall - 1.0 / 3) < 1e-9 && step(85).rightSession == 1)
        #expect(step(90).recall == 0 && step(90).precision == nil && step(90).rightSession == nil)
    }

    @Test("what a truth leaves out is taken from the records")
    func minimal() throws {
        let folder = try Folder()
        let truth = ["e1", "e2", "e3"].map {
            #"{"record":"\#($0)","label":"attack","attack":"a","kind":"spray"}"#
        }
        var scorer = try Scorer(
            truth: try folder.write("t", truth.joined(separator: "\n")),
            alerts: try folder.write("a", alert("x", user: "u2", session: "s2")))
        #expect(scorer.needsRecords)
        let time = try #require(Timestamp("2026-03-01T08:00:00Z"))
        for (id, user, session, outcome) in [
            ("e1", "u1", "", Outcome.failure), ("e2", "u2", "", .failure),
            ("e3", "u2", "s2", .success), ("e4", "u3", "s3", .success),
        ] {
            scorer.learn(id: id, user: user, session: session, time: time, outcome: outcome)
        }
        let score = try scorer.score(users: 10, days: 1)
        #expect(score.all.takeovers == 1, "one user's tries all failed")
        #expect(score.attempts == 1 && score.all.caught == 1 && score.all.rightSession == 1)
    }

    static let broken: [(String, String)] = [
        ("{", "no JSON"),
        ("[]", "not a JSON object"),
        ("{}", "'record' is missing"),
        (#"{"record":"e1"}"#, "'label' is missing"),
        (#"{"record":"e1","label":"evil"}"#, "'label' is 'evil'"),
        (#"{"record":"e1","label":"attack","kind":"k"}"#, "without 'attack'"),
        (#"{"record":"e1","label":"attack","attack":"a"}"#, "without 'kind'"),
        (attack("e0"), "labelled twice"),
    ]

    @Test("a broken truth line is refused with file, line and what to do", arguments: broken)
    func brokenTruth(line: String, problem: String) throws {
        let error = #expect(throws: EvaluationError.self) {
            _ = try scored([world, attack("e0"), "", line], [])
        }
        let text = try #require(error?.description)
        #expect(text.contains("/t:4: ") && text.contains(problem), "\(text)")
        #expect(error?.exitCode == 65)
    }

    static let brokenAlerts: [(String, String)] = [
        ("x", "no JSON"), (#"{"id":""}"#, "without 'id'"),
        (#"{"id":"a","time":"yesterday","risk":1}"#, "'time'"),
        (#"{"id":"a","time":"2026-03-01T08:00:00Z"}"#, "'risk'"),
        (#"{"id":"a","time":"2026-03-01T08:00:00Z","risk":101}"#, "'risk'"),
    ]

    @Test("so is a broken alert", arguments: brokenAlerts)
    func brokenAlert(line: String, problem: String) throws {
        let error = #expect(throws: EvaluationError.self) { _ = try scored([world], [line]) }
        #expect(error?.description.contains("/a:1: ") == true)
        #expect(error?.description.contains(problem) == true)
    }

    @Test("an empty truth and an unknown size are errors, a truth without attacks is none")
    func nothing() throws {
        #expect(throws: EvaluationError.self) { _ = try scored([], []) }
        let score = try scored([world], [alert("x")])
        #expect(score.all.takeovers == 0 && score.all.share == nil && score.falseAlerts == 1)
        let folder = try Folder()
        let scorer = try Scorer(
            truth: try folder.write("t", attack("e1")), alerts: try folder.write("a", ""))
        #expect(throws: EvaluationError.unknownSize) { _ = try scorer.score(users: 0, days: 3) }
    }

    @Test("names from outside cannot get into a page or steer a terminal")
    func escaped() throws {
        let score = try scored(
            [world, attack("e1", kind: #"<script>\u001b[2J"#), #"{"user":"u9","scenario":"<b>"}"#],
            [alert("x", user: "u9")])
        let time = try #require(Timestamp("2026-03-01T08:00:00Z"))
        let page = String(
            decoding: score.page(title: "<i>", generatedAt: time, producer: "Lastseen"),
            as: UTF8.self)
        #expect(page.contains("&lt;script&gt;") && !page.contains("<script"))
        #expect(!page.contains("<i>") && !page.contains("<b>u") && page.contains("<svg"))
        let body = try #require(page.components(separatedBy: "</style>").last)
        #expect(!body.contains("\"\""), "attributes are closed once")
        #expect(page.components(separatedBy: "\"").count % 2 == 1)
        #expect(!score.text().contains("\u{1b}"))
        let json = try JSONSerialization.jsonObject(with: Data(score.json())) as? [String: Any]
        #expect(json?["users"] as? Int == 100)
        #expect((json?["curve"] as? [Any])?.count == 21)
    }

    @Test("the same score is the same bytes")
    func stable() throws {
        let lines = (0..<40).map { attack("e\($0)", "a\($0 % 7)", user: "u\($0 % 5)") }
        let alerts = (0..<20).map { alert("x\($0)", user: "u\($0 % 6)", records: ["e\($0 * 2)"]) }
        let first = try scored([world] + lines, alerts)
        #expect(try scored([world] + lines.reversed(), alerts.reversed()).json() == first.json())
    }
}
