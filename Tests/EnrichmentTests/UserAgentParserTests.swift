import SessionModel
import Testing

@testable import Enrichment

/// uap-core's rules of interpretation, on small files of our own.
struct UserAgentParserTests {
    static let file = """
        # a comment
        user_agent_parsers:
          - regex: '(Foo|Bar)Browser/(\\d+)\\.(\\d+)(?:\\.(\\d+)|)'
          - regex: '(It)''s/(\\d+)'
            family_replacement: ' $1 is $2 $3 '
            v1_replacement: '7'

          # first match wins
          - regex: 'Browser'
            family_replacement: 'Generic'
          - regex: '(Never)(?=Ahead)'
        os_parsers:
          - regex: '(Sys)/(\\d+)\\.(\\d+)\\.(\\d+)\\.(\\d+)'
          - regex: 'Beos(\\d)'
            os_replacement: 'BeOS'
            os_v1_replacement: 'R$1'
        device_parsers:
          - regex: 'phone ([a-z]+) ([a-z]*)'
            regex_flag: 'i'
            device_replacement: '$2 $1'
            brand_replacement: 'Made by $1'
            model_replacement: '$2'
          - regex: '(Plain)'
        """

    static func parser(_ file: String = file) throws -> UserAgentParser {
        try UserAgentParser(yaml: Array(file.utf8), path: "test.yaml")
    }

    @Test(
        "groups stand for what no replacement names; the first match wins",
        arguments: [
            ("FooBrowser/1.2.3", ["Foo", "1", "2", "3"]),
            ("x BarBrowser/1.2 y", ["Bar", "1", "2", nil]),
            ("FooBrowser/1", ["Generic", nil, nil, nil]),
            ("It's/5", ["It is 5", "7", nil, nil]),
            ("It''s/5", ["Other", nil, nil, nil]),
            ("foobrowser/1.2", ["Other", nil, nil, nil]),
            ("NeverAhead", ["Other", nil, nil, nil]),
            ("", ["Other", nil, nil, nil]),
        ])
    func agents(text: String, expected: [String?]) throws {
        let agent = try Self.parser().parse(text).agent
        #expect([agent.family, agent.major, agent.minor, agent.patch] == expected)
    }

    @Test(
        "systems have four parts of a version",
        arguments: [
            ("Sys/1.2.3.4", ["Sys", "1", "2", "3", "4"]), ("Beos5", ["BeOS", "R5", nil, nil, nil]),
        ])
    func systems(text: String, expected: [String?]) throws {
        let system = try Self.parser().parse(text).system
        #expect(
            [system.family, system.major, system.minor, system.patch, system.patchMinor]
                == expected)
    }

    @Test(
        "devices may ignore case, and have a brand only where a rule says so",
        arguments: [
            ("PHONE abc def", ["def abc", "Made by abc", "def"]),
            ("phone ABC ", ["ABC", "Made by ABC", nil]),
            ("Plain", ["Plain", nil, "Plain"]), ("plain", ["Other", nil, nil]),
        ])
    func devices(text: String, expected: [String?]) throws {
        let device = try Self.parser().parse(text).device
        #expect([device.family, device.brand, device.model] == expected)
    }

    @Test("what RE2 cannot express is listed and never matches")
    func inexpressible() throws {
        let parser = try Self.parser()
        #expect(parser.inexpressible().count == 1)
        #expect(parser.inexpressible().first?.hasPrefix("line 11: (Never)(?=Ahead): ") == true)
    }

    @Test("only expressions that may match are compiled")
    func lazy() throws {
        let parser = try Self.parser()
        #expect(parser.expressionCount == 8)
        _ = parser.parse("nothing of interest")
        // Look-around is beyond the reader of literals, so that expression is always tried.
        #expect(parser.compiledCount == 1)
        _ = parser.parse("Beos5")
        #expect(parser.compiledCount == 2)
    }

    @Test("a text is matched up to 1024 bytes")
    func limit() throws {
        let parser = try Self.parser()
        for (padding, family) in [(1024 - 5, "BeOS"), (1024 - 4, "Other")] {
            #expect(
                parser.parse(String(repeating: "x", count: padding) + "Beos5").system.family
                    == family)
        }
    }

    @Test(
        "a file of another shape is read by Yams, to the same end",
        arguments: [
            (
                "  - regex: 'Browser'",
                "  - {regex: Browser, family_replacement: Generic}\n  - regex: 'x'"
            ),
            ("'BeOS'", "BeOS"), ("# a comment", "---"), ("os_parsers:", "os_parsers:   # systems"),
        ])
    func otherShape(line: String, instead: String) throws {
        let file = Self.file.replacing(line, with: instead)
        let bytes = Array(file.utf8)
        #expect(bytes.withUnsafeBufferPointer { UserAgentFile.regularRules(in: $0) } == nil)
        let parser = try Self.parser(file)
        #expect(parser.parse("FooBrowser/1").agent.family == "Generic")
        #expect(parser.parse("Beos5").system == (try Self.parser().parse("Beos5").system))
    }

    @Test(
        "a wrong file is refused, with what is wrong",
        arguments: [
            ("- 1", "mapping"), ("user_agent_parsers: []", "has no list 'os_parsers'"),
            (file.replacing("os_v1_rep", with: "os_v1_ref"), "'os_v1_reflacement'"),
            (file.replacing("regex_flag: 'i'", with: "regex_flag: 'x'"), "'regex_flag'"),
            (file.replacing("- regex: '(Plain)'", with: "- model_replacement: 'x'"), "'regex'"),
            (file.replacing("'(Plain)'", with: "'(Plain)"), "not YAML"), ("\u{0}", ""),
            ("", "mapping"),
        ])
    func wrongFile(file: String, problem: String) {
        let error = #expect(throws: UserAgentError.self) { try Self.parser(file) }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix("test.yaml") == true)
    }

    @Test("a file that is not there is named")
    func missing() {
        let error = #expect(throws: UserAgentError.self) {
            try UserAgentParser(path: "/nonexistent/regexes.yaml")
        }
        #expect(error?.description.contains("/nonexistent/regexes.yaml: cannot be read") == true)
        #expect(
            UserAgentError.notFound(paths: ["a", "b"]).description.contains("looked for a, b"))
    }
}

/// What a pattern needs, as words that must be there.
struct UserAgentLiteralsTests {
    static func words(_ pattern: String) -> Set<Set<String>> {
        var pattern = pattern
        return pattern.withUTF8 { bytes in
            Set(
                UserAgentLiterals(pattern: TextView(bytes)).groups.map { group in
                    Set(
                        group.map { word in
                            String(
                                decoding: (0..<word.count).map {
                                    UInt8(truncatingIfNeeded: word.bits >> UInt64($0 * 8))
                                }, as: UTF8.self)
                        })
                })
        }
    }

    @Test(
        "literals are found, in lower case",
        arguments: [
            ("Foo", [["foo"]]), ("Fo", []), ("Foo.Bar", [["foo"], ["bar"]]),
            ("(Foo|Bar)/", [["foo/", "bar/"]]), ("(?:Foo|)Bar", [["foobar", "bar"]]),
            ("Foo?Bar", [["foobar", "fobar"]]), ("Foo*Bar", [["bar"]]),
            ("(Foo)+Bar", [["foo"], ["bar"]]),
            ("(?:ab){2}", [["abab"]]), ("(?:ab){0,2}x", []), ("Foo{2,3}", []),
            ("[Ff]oo[/ ]", [["foo/", "foo "]]), ("[a-z]oo", []), ("[^a]foo", [["foo"]]),
            ("foo\\.bar", [["foo.bar"]]), ("foo\\dbar", [["foo"], ["bar"]]), ("^foo$", [["foo"]]),
            ("\\bfoo\\b", [["foo"]]), ("foo|ba", []),
            ("a(foo.*bar|quux)", [["foo", "quux"], ["bar", "quux"]]),
            ("abcdefghij", [["abcdefgh"], ["efghij"]]),
            ("foo(?=bar)", []), ("(?i)foo", []), ("foo\\1", []), ("(foo", []), ("foo)", []),
            ("foo**", []),
            ("[foo", []), ("foo{", []), ("\\x41foo", []),
        ] as [(String, [Set<String>])])
    func literals(pattern: String, expected: [Set<String>]) {
        #expect(Self.words(pattern) == Set(expected))
    }

    @Test("deep nesting and many alternatives end, without a filter")
    func bounds() {
        let deep = String(repeating: "(", count: 5000) + "foo" + String(repeating: ")", count: 5000)
        #expect(Self.words(deep) == [])
        let wide = (0..<1000).map { "word\($0)" }.joined(separator: "|")
        #expect(Self.words(wide) == [])
        #expect(Self.words(String(repeating: "foo.", count: 1000)).count == 1)
    }
}
