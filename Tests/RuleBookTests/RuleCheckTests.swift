import Detection
import Foundation
import RuleBook
import SessionModel
import Testing

struct RuleCheckTests {
    @Test("a sound rule is read as it is written")
    func sound() throws {
        let sample = try RuleSample([RuleSample.path: RuleSample.text])
        let book = try sample.load()
        let rule = try #require(book.rule("new-country"))
        #expect(rule.family == "travel")
        #expect(rule.severity == .medium)
        #expect(rule.techniques == ["T1078.004"])
        #expect(rule.limits == ["learning_sightings": 3])
        #expect(rule.weights[.likely] == 0.35)
        #expect(rule.rung == .notify)
        #expect(rule.isEnabled)
        #expect(book.detection == [rule.detection])
        let test = try #require(rule.tests.first)
        #expect(
            test.lines == [
                #"{"id":"e1","time":"2026-03-02T08:00:00Z","user":{"id":"ben"},"session":{"id":"s1"},"#
                    + #""ip":"82.248.10.20"}"#,
                #"{"id":"e2","time":"2026-03-03T08:00:00Z","user":{"id":"ben"},"session":{"id":"s2"},"#
                    + #""ip":"99.224.30.7"}"#,
            ])
        #expect(
            test.expectations == [
                RuleTest.Expectation(
                    rule: "new-country", confidence: .likely, session: "s2", at: "e2")
            ])
        #expect(test.line == 21)
        #expect(sample.check().summary.hasPrefix("1 rule with 1 test in "))
    }

    /// What is replaced in the sound rule, by what, and the one problem that this makes.
    static let cases: [(String, String, String)] = [
        // Keys.
        (
            "severity:", "severty:",
            ":5:1: Unknown key 'severty' in the rule. Did you mean 'severity'?"
        ),
        (
            "false_positives:", "falsepositives:",
            ":16:1: Unknown key 'falsepositives' in the rule. Did you mean 'false_positives'?"
        ),
        (
            "    likely: 0.35", "    probable: 0.35",
            ":14:5: Unknown key 'probable' in 'weights'. Use possible, likely or certain."
        ),
        (
            "learning_sightings: 3", "learning_sighting: 3",
            ":11:5: Unknown key 'learning_sighting' in the limits of new-country. "
                + "Did you mean 'learning_sightings'?"
        ),
        (
            "learning_sightings: 3", "speed_limit_kmh: 3",
            ":11:5: Unknown key 'speed_limit_kmh' in the limits of new-country. "
                + "Use learning_sightings."
        ),
        (
            "rung: notify\n", "",
            ":1:1: The rule has no 'rung'. Add it: notify, require-step-up, "
                + "log-out-session, log-out-other-sessions, log-out-everywhere, "
                + "require-password-change or suspend."
        ),
        // Words.
        ("severity: medium", "severity: hihg", ":5:11: 'severity' is 'hihg'. Did you mean 'high'?"),
        (
            "rung: notify", "rung: logout-session",
            ":19:7: 'rung' is 'logout-session'. Did you mean 'log-out-session'?"
        ),
        (
            "detector: new-country", "detector: new_country",
            ":9:11: 'detector' is 'new_country'. Did you mean 'new-country'?"
        ),
        (
            "- attack.initial", "- atack.initial",
            ":7:7: Unknown tag namespace 'atack'. Did you mean 'attack'?"
        ),
        (
            "attack.initial-access", "attack.inital-access",
            ":7:7: Unknown ATT&CK tactic 'inital-access'. Did you mean 'initial-access'?"
        ),
        (
            "attack.t1078.004", "attack.t1078.4",
            ":8:7: 't1078.4' is not a technique's id. Write it as 't1078' or 't1078.004'."
        ),
        (
            "attack.t1078.004", "Attack.T1078",
            ":8:7: The tag 'Attack.T1078' is not of the form 'namespace.value' in lower case, "
                + "as 'attack.t1078'."
        ),
        (
            "rung: notify", "rung: notify\nenabled: maybe",
            ":20:10: 'enabled' must be true or false."
        ),
        // Identity.
        (
            "id: new-country\nuuid", "id: new-land\nuuid",
            ":1:5: The id 'new-land' is not the file's name. Name the file 'new-land.yaml' or "
                + "write 'id: new-country'."
        ),
        (
            "b7c33260-c22f-4a65", "b7c33260-c22f-1a65",
            ":2:7: 'uuid' is 'b7c33260-c22f-1a65-873e-3510761421c0', which is no version 4 UUID in "
                + "lower case, as /proc/sys/kernel/random/uuid gives."
        ),
        // Numbers and their units.
        (
            "learning_sightings: 3", "learning_sightings: 0",
            ":11:25: 'learning_sightings' is 0. Use 1 to 1000."
        ),
        (
            "learning_sightings: 3", "learning_sightings: 1001",
            ":11:25: 'learning_sightings' is 1001. Use 1 to 1000."
        ),
        (
            "learning_sightings: 3", "learning_sightings: 2.5",
            ":11:25: 'learning_sightings' is 2.5. Use a whole number."
        ),
        (
            "learning_sightings: 3", "learning_sightings: 3 times",
            ":11:25: 'learning_sightings' is '3 times'. Write a plain number, as 3."
        ),
        (
            "learning_sightings: 3", "learning_sightings: '3'",
            ":11:25: 'learning_sightings' is '3'. Write a plain number, as 3."
        ),
        (
            "learning_sightings: 3", "learning_sightings: .inf",
            ":11:25: 'learning_sightings' is '.inf'. Write a plain number."
        ),
        (
            "learning_sightings: 3", "learning_sightings: 0x10",
            ":11:25: 'learning_sightings' is '0x10'. Write a plain number, as 0."
        ),
        ("likely: 0.35", "likely: 1.35", ":14:13: 'likely' is 1.35. Use 0 to 1."),
        (
            "likely: 0.35", "likely: 0.05",
            ":13:5: The weights must not fall from possible over likely to certain."
        ),
        // Texts.
        (
            "title: First sighting in a country", "title:",
            ":3:7: 'title' is empty. Write it, or remove the key if it may be absent."
        ),
        (
            "title: First", #"title: "\e[31mFirst""# + " #",
            ":3:8: 'title' holds the control character U+1B. Remove it."
        ),
        (
            "title: First", #"title: "\u202eFirst""# + " #",
            ":3:8: 'title' holds the control character U+202E. Remove it."
        ),
        (
            "- A journey.", "[]",
            ":17:5: 'false_positives' is empty. Say what sets the rule off without an intruder."
        ),
        (
            "rung: notify", "rung: notify\nreferences: ['file:///etc/passwd']",
            ":20:13: The reference 'file:///etc/passwd' must be an address that begins with "
                + "'https://'."
        ),
        // Tests.
        (
            "name: abroad", "nmae: abroad",
            ":21:7: Unknown key 'nmae' in the test. Did you mean 'name'?"
        ),
        (
            "ip: 82.248.10.20", "ip: 82.248.10.256",
            ":24:46: 'ip' is '82.248.10.256', which is no address."
        ),
        (
            "2026-03-02T08:00:00Z", "2026-02-30T08:00:00Z",
            ":24:20: 'time' is '2026-02-30T08:00:00Z'. Write a time from 2000 on, as "
                + "2026-03-02T08:00:00Z."
        ),
        (
            "ip: 82.248.10.20", "ip: 82.248.10.20, useragent: x",
            ":24:60: Unknown key 'useragent' in the record. Did you mean 'user_agent'?"
        ),
        (
            "ip: 82.248.10.20", "event: log_in",
            ":24:49: 'event' is 'log_in'. Did you mean 'login'?"
        ),
        (
            "common: {user: {id: ben}}", "common: {user: {name: ben}}",
            ":24:13: The record has no 'user' with an 'id'. Add it, here or in 'common'."
        ),
        ("at: e2", "at: e3", ":27:51: No record of the test has the id 'e3'. Did you mean 'e1'?"),
        (
            "session: s2, at", "session: s20, at",
            ":27:43: No record of the test has the session 's20'. Did you mean 's2'?"
        ),
        (
            "confidence: likely", "confidence: likley",
            ":27:26: 'confidence' is 'likley'. Did you mean 'likely'?"
        ),
        (
            "confidence: likely", "rule: impossible-travel",
            ":27:20: No rule has the id 'impossible-travel'. Use new-country."
        ),
        (
            "common:", "networks: [203.0.113.0/33 vpn]\n      common:",
            ":22:18: '203.0.113.0/33 vpn' is not a network and its kind, as '203.0.113.0/24 vpn'."
        ),
        (
            "common:", "networks: [203.0.113.7/24 vpn]\n      common:",
            ":22:18: '203.0.113.7/24 vpn' is not a network and its kind, as '203.0.113.0/24 vpn'."
        ),
        (
            "common:",
            "networks: ['2001:db8::/32 vpn', '2001:db8::1/64 vpn', 192.0.2.7/32 tor]\n      common:",
            ":22:39: '2001:db8::1/64 vpn' is not a network and its kind, as '203.0.113.0/24 vpn'."
        ),
        (
            "common:", "networks: [203.0.113.0/24 vnp]\n      common:",
            ":22:18: Unknown kind of network 'vnp'. Did you mean 'vpn'?"
        ),
        (
            "common:", "networks: [203.0.113.0/24 vpn 64500]\n      common:",
            ":22:18: '64500' is no autonomous system, as 'AS64500'. Write it behind the network and its "
                + "kind, and its name behind that."
        ),
        (
            "common:", "networks: [203.0.113.0/24 AS0 Nobody]\n      common:",
            ":22:18: Unknown kind of network 'AS0'. Use unknown, residential, mobile, corporate, "
                + "hosting, vpn, tor, proxy, relay, satellite, shared_egress or special_purpose."
        ),
        (
            "common:", "networks: [203.0.113.0/24]\n      common:",
            ":22:18: '203.0.113.0/24' is not a network and its kind, as '203.0.113.0/24 vpn'."
        ),
        (
            "ip: 82.248.10.20", "ip: 82.248.10.20, repeat: 1001",
            ":24:68: 'repeat' is 1001. Use 1 to 1000."
        ),
        (
            "ip: 82.248.10.20", "ip: 82.248.10.20, repeat: 1000",
            ":25:13: With what is repeated the test has more than 1000 records. Repeat less."
        ),
        (
            "ip: 82.248.10.20", "ip: 82.248.10.20, repeat: 2, every: -1",
            ":24:78: 'every' is -1 s. Use 0 to 31536000 s."
        ),
        (
            "expect:\n          - {confidence: likely, session: s2, at: e2}", "expect: nothing",
            ":26:15: 'expect' is 'nothing'. Write 'none', 'silent' or a list."
        ),
    ]

    @Test("each mistake is named with its place and the nearest right word", arguments: cases)
    func mistake(old: String, new: String, problem: String) throws {
        let problems = try RuleSample.problems(replacing: old, with: new)
        if problem.contains("Unknown key") || problem.contains("no 'user'") {
            // A mistyped key is also a missing one.
            #expect(problems.contains(RuleSample.path + problem), "\(problems)")
        } else {
            #expect(problems == [RuleSample.path + problem])
        }
    }

    @Test("all problems of all files are told at once, in order")
    func several() throws {
        let other = RuleSample.text.replacingOccurrences(
            of: "severity: medium", with: "severity: bad")
        let sample = try RuleSample([
            RuleSample.path: RuleSample.text.replacingOccurrences(
                of: "rung: notify", with: "rung: x"
            )
            .replacingOccurrences(of: "likely: 0.35", with: "likely: 2"),
            "device/new-country.yaml": other, "travel/notes.txt": "", "loose.yaml": "",
            "travel/a.yml": "", "README.md": "", ".hidden": "",
        ])
        #expect(
            sample.problems.map { $0.split(separator: " ").prefix(4).joined(separator: " ") } == [
                "device/new-country.yaml:5:11: 'severity' is 'bad'.",
                "loose.yaml: A rule lies",
                "travel/a.yml: A rule's file",
                "travel/new-country.yaml:14:13: 'likely' is 2.",
                "travel/new-country.yaml:19:7: 'rung' is 'x'.",
                "travel/notes.txt: This is no",
            ])
        #expect(throws: RuleError.self) { try sample.load() }
    }

    @Test("an id, a uuid and a detector belong to one rule")
    func twice() throws {
        let sample = try RuleSample([
            RuleSample.path: RuleSample.text, "other/new-country.yaml": RuleSample.text,
        ])
        let first = sample.folder + "/other/new-country.yaml"
        #expect(
            sample.check().problems.map(\.message) == [
                "The id 'new-country' is already in \(first). Give one of them another.",
                "The uuid 'b7c33260-c22f-4a65-873e-3510761421c0' is already in \(first). "
                    + "A copied rule needs one of its own.",
                "The detector 'new-country' is already in \(first). "
                    + "One rule sets the limits of a detector; remove one.",
            ])
    }

    @Test("a rule that is not enabled is listed and judges nothing")
    func disabled() throws {
        let sample = try RuleSample([RuleSample.path: RuleSample.text + "enabled: false\n"])
        let book = try sample.load()
        #expect(book.detection.isEmpty)
        #expect(RuleListing(book).entries.map(\.isEnabled) == [false])
    }

    @Test("limits that a file does not set take their defaults")
    func defaults() throws {
        let text = RuleSample.text.replacingOccurrences(
            of: "limits:\n    learning_sightings: 3\n", with: "")
        let book = try RuleSample([RuleSample.path: text]).load()
        #expect(book.rules.first?.limits == ["learning_sightings": 3])
    }

    @Test("a record that is repeated is many, in the order of time")
    func repeated() throws {
        let text = RuleSample.text.replacingOccurrences(
            of: "ip: 82.248.10.20, session: {id: s1}}",
            with: "ip: 82.248.10.20, session: {id: s-#-#}, repeat: 3, every: 72000.5}")
        let book = try RuleSample([RuleSample.path: text]).load()
        let test = try #require(book.rules.first?.tests.first)
        #expect(
            test.lines == [
                #"{"id":"e1","time":"2026-03-02T08:00:00Z","user":{"id":"ben"},"#
                    + #""session":{"id":"s-1-1"},"ip":"82.248.10.20"}"#,
                #"{"id":"e1.2","time":"2026-03-03T04:00:00.500Z","user":{"id":"ben"},"#
                    + #""session":{"id":"s-2-2"},"ip":"82.248.10.20"}"#,
                #"{"id":"e2","time":"2026-03-03T08:00:00Z","user":{"id":"ben"},"#
                    + #""session":{"id":"s2"},"ip":"99.224.30.7"}"#,
                #"{"id":"e1.3","time":"2026-03-04T00:00:01.000Z","user":{"id":"ben"},"#
                    + #""session":{"id":"s-3-3"},"ip":"82.248.10.20"}"#,
            ])
    }

    @Test("where nothing is repeated records keep their order, and # is just that")
    func written() throws {
        let text = RuleSample.text.replacingOccurrences(of: "2026-03-03T", with: "2026-03-01T")
            .replacingOccurrences(of: "session: {id: s1}", with: "session: {id: s#1}, repeat: 1")
        let book = try RuleSample([RuleSample.path: text]).load()
        let lines = try #require(book.rules.first?.tests.first?.lines)
        #expect(lines.count == 2)
        #expect(lines[0].contains("2026-03-02") && lines[0].contains(#""s#1""#))
        #expect(lines[1].contains("2026-03-01"))
    }

    @Test("networks have a kind, a provider, or both")
    func networks() throws {
        let text = RuleSample.text.replacingOccurrences(
            of: "common:",
            with: """
                networks:
                          - 203.0.113.0/24 vpn
                          - 198.51.100.0/24 AS64500 Example Telecom, Ltd
                          - 2001:db8::/32 hosting AS4200000000
                      common:
                """)
        let test = try #require(
            try RuleSample([RuleSample.path: text]).load().rules.first?.tests.first)
        #expect(test.networks == ["203.0.113.0/24 vpn", "2001:db8::/32 hosting"])
        let telecom = try #require(IPAddress("198.51.100.0"))
        let hosting = try #require(IPAddress("2001:db8::"))
        #expect(
            test.providers == [
                .init(
                    network: telecom, length: 24, asn: 64500, organization: "Example Telecom, Ltd"),
                .init(network: hosting, length: 32, asn: 4_200_000_000, organization: ""),
            ])
    }
}
