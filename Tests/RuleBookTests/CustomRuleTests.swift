import Detection
import Foundation
import RuleBook
import SessionModel
import Settings
import Testing

/// Files of rules of a team's own: what they mean, and every way to get one wrong.
struct CustomRuleTests {
    private static let path = "custom/own-rule.yaml"
    /// Up to the line before `detector`.
    private static let head = """
        id: own-rule
        uuid: 0b7c3326-c22f-4a65-873e-3510761421c0
        title: A rule of our own
        description: It is looked at.
        severity: medium
        tags: [attack.t1078]
        weights: {possible: 0.1, likely: 0.5, certain: 0.6}
        false_positives: [A test.]
        rung: notify

        """

    private func problems(_ body: String) throws -> [String] {
        try RuleSample([Self.path: Self.head + body + "\n"]).problems.map {
            $0.replacingOccurrences(of: "custom/own-rule.yaml", with: "")
        }
    }

    private func custom(_ body: String) throws -> CustomRule {
        let sample = try RuleSample([Self.path: Self.head + body + "\n"])
        return try #require(sample.load().rule("own-rule")?.custom)
    }

    private func condition(_ match: String) throws -> Condition {
        try custom("detector: match\nmatch:\n" + match).condition
    }

    private static func test(
        _ field: RecordField, _ comparison: FieldTest.Comparison, _ values: String...,
        isCased: Bool = false
    ) -> Condition {
        .test(FieldTest(field, comparison, values, isCased: isCased))
    }

    // MARK: - Meaning

    @Test("fields are all, values are one of, modifiers are Sigma's")
    func selections() throws {
        typealias T = CustomRuleTests
        let one = try condition(
            """
                user.name|startswith: adm
                source.ip|cidr: [10.0.0.0/8, '2001:db8::/32']
                asn|gte: 100
                user_agent|contains|all: [curl, linux]
                application|re|i: ^mail
                weekday: [sat, Sunday]
                time|month: 12
                city|cased: Oslo
                country|neq: [DE, NL]
                region: null
                device.id|exists: false
                user.id|fieldref: user.name
            """)
        #expect(
            one
                == .all([
                    T.test(.userName, .startsWith, "adm"),
                    T.test(.address, .inNetwork, "10.0.0.0/8", "2001:db8::/32"),
                    T.test(.asn, .greaterOrEqual, "100"),
                    .all([
                        T.test(.userAgent, .contains, "curl"),
                        T.test(.userAgent, .contains, "linux"),
                    ]),
                    T.test(.application, .regularExpression, "(?i)^mail"),
                    T.test(.weekday, .equals, "saturday", "sunday"),
                    T.test(.month, .equals, "12"),
                    T.test(.city, .equals, "Oslo", isCased: true),
                    .not(T.test(.country, .equals, "DE", "NL")),
                    .not(T.test(.region, .exists)), .not(T.test(.deviceID, .exists)),
                    T.test(.userID, .sameAs(.userName)),
                ]))
        let either = try condition("    - {event: login}\n    - {not: {outcome: failure}}")
        #expect(
            either
                == .any([
                    T.test(.event, .equals, "login"), .not(T.test(.outcome, .equals, "failure")),
                ]))
    }

    /// A condition over the selections a, b, c_1, c_2 and _d, and what it means.
    static let grammar: [(String, Condition)] = {
        func s(_ word: String) -> Condition { test(.application, .equals, word) }
        let (a, b, c1, c2) = (s("a"), s("b"), s("c1"), s("c2"))
        let rest = " or a or b or 1 of c_* or _d"
        let tail: [Condition] = [a, b, .any([c1, c2]), s("d")]
        return [
            ("a and b" + rest, .any([.all([a, b])] + tail)),
            ("a and not b" + rest, .any([.all([a, .not(b)])] + tail)),
            ("not a and b" + rest, .any([.all([.not(a), b])] + tail)),
            ("a and (b or c_1)" + rest, .any([.all([a, .any([b, c1])])] + tail)),
            ("not not a" + rest, .any([.not(.not(a))] + tail)),
            ("not (a or b)" + rest, .any([.not(.any([a, b]))] + tail)),
            ("all of c_*" + rest, .any([.all([c1, c2])] + tail)),
            ("1 of them" + rest, .any([.any([a, b, c1, c2])] + tail)),
            (
                "ALL OF them AND NOT _d" + rest,
                .any([.all([.all([a, b, c1, c2]), .not(s("d"))])] + tail)
            ),
            ("any of *_1" + rest, .any([.any([c1])] + tail)),
        ]
    }()

    @Test("a condition means what Sigma's does", arguments: grammar)
    func conditions(text: String, expected: Condition) throws {
        let found = try condition(
            """
                a: {application: a}
                b: {application: b}
                c_1: {application: c1}
                c_2: {application: c2}
                _d: {application: d}
                condition: '\(text)'
            """)
        #expect(found == expected)
    }

    @Test("what is counted and told apart")
    func kinds() throws {
        let burst = try custom(
            "detector: threshold\nmatch: {event: login}\nby: [ip, application]\ncount: 10\nwithin: 90m"
        )
        #expect(
            burst.kind
                == .threshold(
                    .init(by: [.address, .application], count: 10, withinMilliseconds: 5_400_000)))
        #expect(burst.isOfKey && burst.confidence == .likely && burst.zone == .utc)
        let spread = try custom(
            """
            detector: threshold
            match: {event: login}
            by: user.id
            distinct: country
            at_least: 2
            within: 30d
            confidence: certain
            time_zone: '-03:30'
            """)
        #expect(!spread.isOfKey && spread.confidence == .certain && spread.zone == .offset(-210))
        let new = try custom("detector: first-seen\nvalue: country\nafter: {days: 0.5}")
        #expect(
            new.kind
                == .firstSeen(
                    .init(value: .country, by: [.userID], afterSightings: 1, afterDays: 0.5)))
        #expect(new.condition == .all([]))
        let all = try custom("detector: first-seen\nvalue: asn\nby: none\ntime_zone: local")
        #expect(all.isOfKey && all.by == [] && all.zone == .local)
    }

    @Test("several rules of one detector are in force together, and one of each other")
    func several() throws {
        let body = Self.head + "detector: match\nmatch: {event: login}\n"
        let second = body.replacingOccurrences(of: "own-rule", with: "second")
            .replacingOccurrences(of: "0b7c", with: "1b7c")
        let sample = try RuleSample([Self.path: body, "custom/second.yaml": second])
        #expect(sample.problems.isEmpty)
        let book = try RuleBook.load(folder: checkout + "/rules", own: [sample.folder])
        #expect(book.detection.filter { $0.custom != nil }.map(\.id) == ["own-rule", "second"])
        // The same folder twice is the same rules twice.
        let twice = RuleCheck(folder: sample.folder, own: [sample.folder])
        #expect(twice.problems.contains { $0.message.contains("is already in") })
    }

    @Test("no more rules than a sighting has bits for")
    func many() throws {
        var files: [String: String] = [:]
        for i in 0...CustomRule.limit {
            let digits = String(100 + i)
            files["custom/own-\(digits).yaml"] =
                Self.head
                .replacingOccurrences(of: "own-rule", with: "own-\(digits)")
                .replacingOccurrences(of: "uuid: 0b7c3", with: "uuid: 0b\(digits)")
                + "detector: match\nmatch: {event: login}\n"
        }
        let problems = try RuleSample(files).problems
        #expect(problems.count == 1 && problems[0].contains("more than 64 rules"))
        files["custom/own-100.yaml"]! += "enabled: false\n"
        #expect(try RuleSample(files).problems.isEmpty)
    }

    @Test("no more rules by keys than a batch has room for copies")
    func manyKeys() throws {
        var files: [String: String] = [:]
        for i in 0...CustomRule.keyRuleLimit {
            let digits = String(100 + i)
            files["custom/own-\(digits).yaml"] =
                Self.head
                .replacingOccurrences(of: "own-rule", with: "own-\(digits)")
                .replacingOccurrences(of: "uuid: 0b7c3", with: "uuid: 0b\(digits)")
                + "detector: threshold\nmatch: {event: login}\nby: ip\ncount: 9\nwithin: 1h\n"
        }
        let problems = try RuleSample(files).problems
        #expect(problems.count == 1 && problems[0].contains("more than 16 rules that count"))
        files["custom/own-100.yaml"] = nil
        #expect(try RuleSample(files).problems.isEmpty)
    }

    // MARK: - Mistakes

    /// What follows the head, and the one problem with it: `detector` is in line 10.
    static let mistakes: [(String, String)] = [
        (
            "detector: match\nmatch: {user.nmae: root}",
            ":11:9: Unknown field 'user.nmae'. Did you mean 'user.name'?"
        ),
        (
            "detector: match\nmatch:\n    contry: NO",
            ":12:5: Unknown field 'contry'. Did you mean 'country'?"
        ),
        (
            "detector: match\nmatch: {user.name|startwith: adm}",
            ":11:9: Unknown modifier '|startwith'. Did you mean 'startswith'?"
        ),
        (
            "detector: match\nmatch: {user.name|base64: x}",
            ":11:9: Sigma's '|base64' is not understood here: records of sessions are plain text. "
                + "Remove it."
        ),
        (
            "detector: match\nmatch: {outcome: fail}",
            ":11:18: 'outcome' is never 'fail'. Did you mean 'failure'?"
        ),
        (
            "detector: match\nmatch: {event: [login, logon]}",
            ":11:24: 'event' is never 'logon'. Did you mean 'login'?"
        ),
        (
            "detector: match\nmatch: {ip: 10.0.0.1/8}",
            ":11:13: '10.0.0.1/8' is no address or network, as '192.0.2.0/24' with zeros behind its "
                + "prefix."
        ),
        (
            "detector: match\nmatch: {ip|contains: '10.'}",
            ":11:9: 'ip' is an address, which cannot be searched. Use '|cidr'."
        ),
        (
            "detector: match\nmatch: {city|cidr: 10.0.0.0/8}",
            ":11:9: '|cidr' is for addresses: 'ip'."
        ),
        (
            "detector: match\nmatch: {city|gt: 3}",
            ":11:9: 'city' is a text, which is neither more nor less."
        ),
        ("detector: match\nmatch: {hour: 24}", ":11:15: 'hour' is never 24: it is 0 to 23."),
        (
            "detector: match\nmatch: {asn: AS64500}",
            ":11:14: 'asn' is a number, and 'AS64500' is none."
        ),
        (
            "detector: match\nmatch: {time_of_day: 22-6}",
            ":11:22: '22-6' is no time of the day. Write it as '22:00-06:00'."
        ),
        (
            "detector: match\nmatch: {time: 22:00}",
            ":11:9: 'time' is asked for in parts: 'hour', 'weekday', 'time_of_day', or 'time|month'."
        ),
        (
            "detector: match\nmatch: {user.name|re: '(a'}",
            ":11:23: '(a' is no regular expression that RE2 takes: missing ): (a."
        ),
        (
            "detector: match\nmatch: {user.name|contains|re: a}",
            ":11:9: 'user.name' can be compared in one way only: '|re' is a second."
        ),
        (
            "detector: match\nmatch: {user.name|contains|all: a}",
            ":11:33: '|all' needs a list of two values or more."
        ),
        (
            "detector: match\nmatch: {city|exists: maybe}",
            ":11:22: '|exists' must be true or false."
        ),
        (
            "detector: match\nmatch: {network.prefix: 10.0.0.0}",
            ":11:9: 'network.prefix' is only for 'by', 'value' and 'distinct'. Compare 'ip|cidr' instead."
        ),
        (
            "detector: match\nmatch: {user.id|fieldref: user.nam}",
            ":11:27: Unknown field 'user.nam'. Did you mean 'user.name'?"
        ),
        (
            "detector: match\nmatch: [curl]",
            ":11:9: 'match' must be a mapping of fields to values, or a list of such. Search words "
                + "without a field are not understood."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    condition: a and b",
            ":13:16: No selection is called 'b'. Use a."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    filter: {city: Y}\n    condition: a",
            ":13:5: 'condition' does not name the selection 'filter'. Name it, or remove it."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    condition: (a",
            ":13:16: 'condition' has a '(' that is not closed."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    condition: a a",
            ":13:16: 'condition' has 'a' where 'and', 'or' or its end should be."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    condition: a and",
            ":13:16: 'condition' ends where a selection's name should be."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    condition: 2 of a*",
            ":13:16: '2 of' is not known. Write '1 of' or 'all of'."
        ),
        (
            "detector: match\nmatch:\n    a: {city: X}\n    condition: 1 of x_*",
            ":13:16: No selection's name fits 'x_*'. Use a."
        ),
        (
            "detector: match",
            ":1:1: The rule has no 'match'. Add it: what a record must be like, as 'event: login'."
        ),
        (
            "detector: match\nmatch: {event: login}\ncount: 3",
            ":12:8: 'count' is not for the detector match, which has match, confidence or time_zone."
        ),
        (
            "detector: new-country\nmatch: {event: login}",
            ":11:8: 'match' is for the detectors match, threshold and first-seen; new-country has "
                + "'limits'."
        ),
        (
            "detector: threshold\nmatch: {event: login}\ncount: 3\nwithin: 10",
            ":13:9: 'within' must be a number and a letter: 30s, 10m, 1h or 7d."
        ),
        (
            "detector: threshold\nmatch: {event: login}\ncount: 3\nwithin: 31d",
            ":13:9: 'within' is 31d. Use 1s to 30d."
        ),
        (
            "detector: threshold\nmatch: {event: login}\ncount: 1\nwithin: 1h",
            ":12:8: 'count' is 1. Use 2 to 200."
        ),
        (
            "detector: threshold\nmatch: {event: login}\ncount: 201\nwithin: 1h",
            ":12:8: 'count' is 201. Use 2 to 200."
        ),
        (
            "detector: threshold\nmatch: {event: login}\nat_least: 3\nwithin: 1h",
            ":12:11: 'at_least' goes with 'distinct'. Write 'count' for a number of records."
        ),
        (
            "detector: threshold\nmatch: {event: login}\ndistinct: ip\ncount: 3\nwithin: 1h",
            ":13:8: 'count' counts records, and 'distinct' values with 'at_least'. Remove one."
        ),
        (
            "detector: threshold\nmatch: {event: login}\nby: usr.id\ncount: 3\nwithin: 1h",
            ":12:5: 'by' is 'usr.id'. Did you mean 'user.id'?"
        ),
        (
            "detector: first-seen",
            ":1:1: The rule has no 'value'. Add it: the field that is told apart, as 'country'."
        ),
        (
            "detector: first-seen\nvalue: user.id",
            ":1:1: 'user.id' is both the value and the key, so that it is never new. "
                + "Take it out of 'by'."
        ),
        (
            "detector: first-seen\nvalue: city\nafter: {hours: 3}",
            ":12:9: Unknown key 'hours' in 'after'. Use sightings or days."
        ),
        (
            "detector: match\nmatch: {event: login}\nconfidence: sure",
            ":12:13: 'confidence' is 'sure'. Use possible, likely or certain."
        ),
        (
            "detector: match\nmatch: {event: login}\ntime_zone: Oslo",
            ":12:12: 'time_zone' is 'Oslo'. Write 'UTC', 'local' for the clock of the record's place, "
                + "or what a clock is ahead of UTC, as '+01:00'."
        ),
        (
            "detector: match\nmatch: {event: login}\nlimits: {count: 3}",
            ":12:9: 'limits' is not for the detector match, which has match, confidence or time_zone."
        ),
    ]

    @Test("a mistake is told with its place and what would be right", arguments: mistakes)
    func mistake(body: String, expected: String) throws {
        #expect(try problems(body) == [expected])
    }

    @Test("a rule about a key asks for nothing against a user")
    func rung() throws {
        let head = Self.head.replacingOccurrences(of: "rung: notify", with: "rung: suspend")
        let body = "detector: threshold\nmatch: {event: login}\nby: ip\ncount: 3\nwithin: 1h\n"
        let problems = try RuleSample([Self.path: head + body]).problems
        #expect(problems.count == 1 && problems[0].contains("Write 'rung: notify'"))
        let own = body.replacingOccurrences(of: "by: ip", with: "by: [ip, user.id]")
        #expect(try RuleSample([Self.path: head + own]).problems.isEmpty)
    }

    @Test("hostile conditions are refused, and none takes long")
    func hostile() throws {
        func named(_ condition: String, _ selection: String = "a: {city: X}") throws -> [String] {
            try problems("detector: match\nmatch:\n    \(selection)\n    condition: '\(condition)'")
        }
        let deep = { (n: Int) in
            String(repeating: "(", count: n) + "a" + String(repeating: ")", count: n)
        }
        #expect(try named(deep(16)).isEmpty)
        #expect(try named(deep(17)).first?.contains("deeper than 16") == true)
        #expect(try named(String(repeating: "not ", count: 16) + "a").isEmpty)
        #expect(
            try named(String(repeating: "not ", count: 200) + "a").first?.contains("deeper") == true
        )
        #expect(try named(String(repeating: "a or ", count: 63) + "a").isEmpty)
        #expect(
            try named(String(repeating: "a or ", count: 64) + "a").first?.contains("64 tests")
                == true)
        #expect(
            try named(String(repeating: "a or ", count: 300) + "a").first?.contains("1024") == true)
        #expect(try named("a", "a: {user.name|re: '((a{100}){100}){100}'}").count == 1)
        #expect(
            try named("a", "a: {not: {not: {not: {not: {not: {city: X}}}}}}").first?.contains(
                "deep") == true)
        let wide = (0..<70).map { "{city: X\($0)}" }.joined(separator: ", ")
        #expect(
            try problems("detector: match\nmatch: {not: [\(wide)]}").first?.contains("70 tests")
                == true)
        let values = (0..<501).map(String.init).joined(separator: ", ")
        #expect(
            try problems("detector: match\nmatch: {city: [\(values)]}").first?.contains("500")
                == true)
    }

    @Test("strict: a rule needs tests of both kinds, and of each number")
    func strict() throws {
        let body = Self.head + "detector: threshold\nmatch: {event: login}\ncount: 3\nwithin: 1h\n"
        let sample = try RuleSample([Self.path: body])
        let messages = RuleCheck(folder: sample.folder, isStrict: true).problems.map { $0.message }
        #expect(messages.count == 3)
        #expect(messages.contains { $0.contains("named after 'count'") })
        #expect(messages.contains { $0.contains("named after 'within'") })
        let listing = RuleListing(try sample.load()).entries[0]
        #expect(listing.limits.map(\.text) == ["3", "3600 s"])
    }
}
