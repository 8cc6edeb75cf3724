import Foundation
import SessionModel
import Settings
import Testing

@testable import Response

struct PolicyFileTests {
    static func parse(_ text: String, families: [String: String]? = nil) -> (PolicyFile, [String]) {
        let log = ProblemLog(file: "p.yaml")
        let file = PolicyFile.parse(text, path: "p.yaml", families: families, log: log)
        return (file, log.problems.map(\.description))
    }

    static func policy(_ text: String) throws -> ResponsePolicy {
        let (file, problems) = parse(text)
        try #require(problems.isEmpty, "\(problems)")
        return try file.applied(to: try ResponsePolicy(isActing: true))
    }

    /// A match; what is changed of an alert of risk 80, certain, of ann; whether it is met.
    static let matches: [(String, @Sendable (inout Alert) -> Void, Bool)] = [
        ("{}", { _ in }, true),
        ("{risk: 80}", { _ in }, true), ("{risk: 81}", { _ in }, false),
        ("{risk: 70-80}", { _ in }, true), ("{risk: 70-79}", { _ in }, false),
        ("{severity: high}", { _ in }, true), ("{severity: critical}", { _ in }, false),
        ("{confidence: certain}", { _ in }, true),
        ("{confidence: certain}", { $0.findings[0].confidence = .likely }, false),
        ("{}", { $0.findings[0].confidence = .possible }, false),
        ("{confidence: possible}", { $0.findings[0].confidence = .possible }, true),
        ("{rule: impossible-travel}", { _ in }, true),
        ("{rule: [a, impossible-*]}", { _ in }, true),
        ("{rule: new-country}", { _ in }, false), ("{family: travel}", { _ in }, true),
        ("{family: [session, device]}", { _ in }, false),
        ("{rule: impossible-travel}", { $0.findings[0].confidence = .possible }, false),
        ("{asks: log-out-session}", { $0.rung = .logOutSession }, true),
        ("{asks: log-out-session}", { $0.rung = .stepUp }, false),
        ("{user: u1}", { _ in }, true), ("{user: '*@EXAMPLE.com'}", { _ in }, true),
        ("{user: u2}", { _ in }, false), ("{tenant: acme}", { _ in }, true),
        ("{tenant: other}", { _ in }, false), ("{application: mail}", { _ in }, false),
        ("{application: mail}", { $0.application = "mail" }, true),
        ("{group: admins}", { _ in }, true), ("{group: [staff, board]}", { _ in }, false),
        ("{time: {days: sun, from: '08:00', until: '09:00'}}", { _ in }, true),
        ("{time: {days: mon-sat}}", { _ in }, false),
        ("{time: [{days: mon}, {days: fri-sun, zone: Europe/Berlin}]}", { _ in }, true),
        ("{risk: 80, user: u1, group: admins, family: travel}", { _ in }, true),
        ("{risk: 80, user: u1, group: admins, family: device}", { _ in }, false),
    ]

    @Test("each part of 'match', on both sides", arguments: matches.indices)
    func condition(index: Int) throws {
        let (match, change, isMet) = PolicyFileTests.matches[index]
        let policy = try PolicyFileTests.policy(
            "policy:\n  - name: it\n    match: \(match)\n    rung: suspend\n")
        var alert = Alert.sample(risk: 80)
        change(&alert)
        let decision = policy.decide(
            alert, families: ["impossible-travel": "travel"], groups: ["admins"])
        #expect(decision.rung == (isMet ? .suspend : .notify))
        #expect(decision.entry == (isMet ? "it" : ""))
    }

    @Test("the first match wins, and 'asked' is what the rules ask, up to 'at_most'")
    func order() throws {
        let policy = try PolicyFileTests.policy(
            """
            policy:
              - {name: a, match: {risk: 90}, rung: asked, at_most: log-out-session}
              - {name: b, match: {risk: 80}, rung: log-out-everywhere}
            default: asked
            """)
        #expect(policy.decide(.sample(risk: 95)).rung == .logOutSession)
        #expect(policy.decide(.sample(risk: 95)).isAsked)
        #expect(policy.decide(.sample(risk: 85)).entry == "b")
        #expect(policy.decide(.sample(risk: 10)).rung == .requirePasswordChange)
        #expect(policy.decide(.sample(risk: 10)).entry == "")
    }

    /// A file; where a problem is, and words of it.
    static let bad: [(String, String, String)] = [
        ("policy: []\nfoo: 1\n", "2:1", "Unknown key 'foo'"),
        ("default: notify\n", "1:1", "has no 'policy'"),
        ("policy:\n  - {rung: suspnd}\n", "2:12", "Did you mean 'suspend'"),
        ("policy:\n  - {match: {risk: 80}}\n", "2:5", "has no 'rung'"),
        ("policy:\n  - {rung: notify, match: {risk: 101}}\n", "2:34", "from 0 to 100"),
        ("policy:\n  - {rung: notify, match: {risk: 90-80}}\n", "2:34", "from 0 to 100"),
        (
            "policy:\n  - {rung: notify, match: {confidence: sure}}\n", "2:40",
            "'confidence' is 'sure'"
        ),
        (
            "policy:\n  - {rung: notify, match: {rule: imposible-travel}}\n", "2:34",
            "Did you mean 'impossible-travel'"
        ),
        (
            "policy:\n  - {rung: notify, match: {family: travels}}\n", "2:36",
            "Did you mean 'travel'"
        ),
        ("policy:\n  - {rung: notify, at_most: suspend}\n", "2:29", "belongs to 'rung: asked'"),
        (
            "policy:\n  - {name: a, rung: notify}\n  - {name: a, rung: notify}\n", "3:5",
            "two entries"
        ),
        ("policy:\n  - {rung: notify, match: {time: {days: someday}}}\n", "2:41", "Write mon"),
        ("policy:\n  - {rung: notify, match: {time: {from: '25:00'}}}\n", "2:41", "Write a time"),
        ("policy:\n  - {rung: notify, match: {time: {zone: Berlin}}}\n", "2:41", "no time zone"),
        ("policy: []\nsettings: {caps: {per_hour: -1}}\n", "2:29", "Use 0 to 100000"),
        ("policy: []\nsettings: {approvals: {notify: 1}}\n", "2:24", "Unknown key 'notify'"),
        ("policy: []\nsettings: {protected_users: ['*']}\n", "2:30", "everybody"),
        ("policy: []\nsettings: {breaker: {share_of_users: 1.5}}\n", "2:38", "Use 0 to 1"),
        ("policy: []\ntests:\n  - {rung: notify}\n", "3:5", "has no 'alert'"),
        (
            "policy: []\ntests:\n  - {alert: {risk: 5}, rung: notify, entry: x}\n", "3:45",
            "no entry 'x'"
        ),
        (
            "policy: []\ntests:\n  - {alert: {rule: newcountry}, rung: notify}\n", "3:20",
            "Did you mean 'new-country'"
        ),
        (
            "policy: []\ntests:\n  - {alert: {}, rung: notify, steps: [jump]}\n", "3:39",
            "Write a rung"
        ),
        ("policy: [\n", "", "not YAML"),
    ]

    @Test("what is wrong is named by its line and column", arguments: bad)
    func wrongFile(text: String, place: String, words: String) {
        let families = ["impossible-travel": "travel", "new-country": "travel"]
        let problems = PolicyFileTests.parse(text, families: families).1
        #expect(
            problems.contains { $0.hasPrefix("p.yaml:" + place) && $0.contains(words) },
            "\(problems)")
    }

    /// Two matches; whether the second can never be met.
    static let shadows: [(String, String, Bool)] = [
        ("{}", "{risk: 90}", true), ("{risk: 90}", "{}", false), ("{risk: 80}", "{risk: 90}", true),
        ("{risk: 80-85}", "{risk: 80-90}", false), ("{severity: high}", "{risk: 70}", true),
        ("{severity: high}", "{risk: 69}", false), ("{user: 'a*'}", "{user: [ab, 'ac*']}", true),
        ("{user: 'ab*'}", "{user: 'a*'}", false), ("{rule: a, user: b}", "{rule: a}", false),
        ("{group: x}", "{group: x, risk: 50}", true), ("{confidence: certain}", "{}", false),
        ("{confidence: possible}", "{}", true), ("{asks: suspend}", "{asks: notify}", false),
        ("{time: {days: mon-fri}}", "{time: {days: tue}}", true),
        ("{time: {days: mon-fri}}", "{time: {days: sun}}", false),
        ("{rule: z}", "{severity: critical, risk: 10-20}", true),
    ]

    @Test("entries that can never match are named, others are not", arguments: shadows)
    func unreachable(first: String, second: String, isShadowed: Bool) {
        let (file, problems) = PolicyFileTests.parse(
            """
            policy:
              - {name: first, match: \(first), rung: notify}
              - {name: second, match: \(second), rung: suspend}
            """)
        #expect(problems.isEmpty)
        #expect(file.unreachable.map(\.line) == (isShadowed ? [3] : []))
    }

    @Test("the example is the file in docs, and passes its own tests, each entry reached")
    func example() throws {
        let path = #filePath.components(separatedBy: "/Tests/")[0] + "/docs/policy.yaml"
        #expect(try String(contentsOfFile: path, encoding: .utf8) == PolicyExample.text)
        let (file, problems) = PolicyFileTests.parse(PolicyExample.text)
        #expect(problems.isEmpty)
        #expect(file.unreachable.isEmpty)
        let policy = try file.applied(to: try ResponsePolicy())
        let families = ["session-moved": "session", "new-country": "travel"]
        for test in file.tests {
            #expect(test.mismatches(with: policy, families: families) == [], "\(test.name)")
        }
        let reached = Set(file.tests.map { $0.decision(of: policy, families: families).entry })
        #expect(reached.subtracting([""]) == Set(file.entries.map(\.name)))
    }

    @Test("a test in a file can fail: by the rung, the entry and the steps")
    func failing() throws {
        let (file, _) = PolicyFileTests.parse(
            """
            policy:
              - {name: a, match: {risk: 80}, rung: log-out-session}
            tests:
              - {alert: {risk: 80}, rung: suspend}
              - {alert: {risk: 80}, rung: log-out-session, entry: default}
              - {alert: {risk: 80}, rung: log-out-session, steps: [suspend]}
              - {alert: {risk: 80, session: [a, b]}, rung: log-out-session, steps: [log-out-session]}
              - {alert: {risk: 79}, rung: notify, steps: [], entry: default}
            """)
        let policy = try file.applied(to: try ResponsePolicy())
        #expect(file.tests.map { $0.mismatches(with: policy).count } == [1, 1, 1, 1, 0])
    }

    @Test("the settings of a file, and what it leaves as it is")
    func settings() throws {
        let policy = try PolicyFileTests.policy(
            """
            settings:
              act_risk: 70
              widen: true
              protected_users: [break-glass]
              service_accounts: ['svc-*']
              protected_groups: [board]
              caps: {per_day: 7, per_application_and_hour: 3}
              cool_down_minutes: {step: 1, log-out-session: 5}
              approvals: {log-out-everywhere: 0, require-password-change: 1}
              approval_hours: 2
              maximum_age_hours: 48
              breaker: {users_per_hour: 9}
            policy: []
            """.replacing("step: 1, ", with: ""))
        #expect(policy.actRisk == 70 && policy.passwordRisk == 90 && policy.widens)
        #expect(policy.highestRung == .suspend)
        #expect(policy.caps.perDay == 7 && policy.caps.perHour == 200)
        #expect(policy.caps.perApplicationPerHour == 3)
        #expect(policy.coolDownSeconds[.logOutSession] == 300)
        #expect(policy.coolDownSeconds[.suspend] == 3600)
        #expect(policy.approvals.needed(for: .suspend) == 2)
        #expect(policy.approvals.needed(for: .logOutEverywhere) == 0)
        #expect(policy.approvals.needed(for: .requirePasswordChange) == 1)
        #expect(policy.approvals.hours == 2 && policy.breaker.usersPerHour == 9)
        #expect(
            policy.isProtected(id: "svc-x", name: "")
                && policy.isProtected(id: "", name: "break-glass"))
        #expect(!policy.isProtected(id: "u1", name: ""))
        #expect(policy.maximumAgeHours == 48)
        #expect(policy.needsGroups)
        var grouped = policy
        grouped.groups = try GroupsFileTests.parse("u1,board", "g.csv")
        #expect(grouped.isProtected(id: "u1", name: ""))
    }
}
