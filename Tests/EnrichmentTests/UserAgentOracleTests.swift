import SessionModel
import Testing

@testable import Enrichment

/// uap-core's own cases, from Debian's package: all of them, none let off.
@Suite(.enabled(if: UserAgentOracle.isInstalled, "install the package uap-core to run these"))
struct UserAgentOracleTests {
    static let parser = Result { try UserAgentParser.usual() }

    @Test(
        "agents are told as uap-core's cases say",
        arguments: [
            "tests/test_ua.yaml", "test_resources/firefox_user_agent_strings.yaml",
            "test_resources/opera_mini_user_agent_strings.yaml",
            "test_resources/pgts_browser_list.yaml",
            "test_resources/podcasting_user_agent_strings.yaml",
        ])
    func agents(file: String) throws {
        try UserAgentOracle.check(file, parser: try Self.parser.get()) { parse in
            [
                "family": parse.agent.family, "major": parse.agent.major,
                "minor": parse.agent.minor, "patch": parse.agent.patch,
            ]
        }
    }

    @Test(
        "systems are told as uap-core's cases say",
        arguments: [
            "tests/test_os.yaml", "test_resources/additional_os_tests.yaml",
        ])
    func systems(file: String) throws {
        try UserAgentOracle.check(file, parser: try Self.parser.get()) { parse in
            [
                "family": parse.system.family, "major": parse.system.major,
                "minor": parse.system.minor, "patch": parse.system.patch,
                "patch_minor": parse.system.patchMinor,
            ]
        }
    }

    @Test("devices are told as uap-core's cases say", arguments: ["tests/test_device.yaml"])
    func devices(file: String) throws {
        try UserAgentOracle.check(file, parser: try Self.parser.get()) { parse in
            [
                "family": parse.device.family, "brand": parse.device.brand,
                "model": parse.device.model,
            ]
        }
    }

    @Test("RE2 can express every expression")
    func inexpressible() throws {
        #expect(try Self.parser.get().inexpressible() == [])
    }

    @Test("the file as installed has the regular shape, and Yams reads the same from it")
    func bothReaders() throws {
        let path = try #require(
            UserAgentParser.usualPaths.first { UserAgentFile.exists(at: $0) })
        let bytes = try UserAgentFile.bytes(at: path)
        let regular = try #require(
            bytes.withUnsafeBufferPointer { UserAgentFile.regularRules(in: $0) })
        let any = try UserAgentFile.anyRules(in: bytes, path: path)
        #expect(regular.ranges == any.ranges)
        #expect(regular.rules.count > 1000)
        for (a, b) in zip(regular.rules, any.rules) {
            #expect(a.pattern == b.pattern)
            #expect(a.ignoresCase == b.ignoresCase)
            for slot in 0..<5 {
                #expect(a[slot] == b[slot])
                #expect((a[slot].base == nil) == (b[slot].base == nil))
            }
        }
    }

    @Test("an expression that matches is always among the prefilter's candidates")
    func prefilterIsSound() throws {
        let parser = try Self.parser.get()
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        var random = SplitMix(state: seed)
        let texts =
            try UserAgentOracle.cases(in: "tests/test_device.yaml").map(\.text)
            + UserAgentOracle.cases(in: "tests/test_ua.yaml").map(\.text)
        for _ in 0..<150 {
            var text = texts[Int(random.next() % UInt64(texts.count))]
            let missed = text.withUTF8 { parser.missedByPrefilter(TextView($0)) }
            #expect(missed.isEmpty, "seed \(seed): \(missed) in \(text)")
        }
    }
}

/// The case files of uap-core.
enum UserAgentOracle {
    static let folder = "/usr/share/uap-core/"
    static let isInstalled = UserAgentFile.exists(at: folder + "tests/test_ua.yaml")

    struct Case {
        var text: String
        var expected: [String: String]
    }

    /// Line by line, since the files are regular and long.
    static func cases(in file: String) throws -> [Case] {
        let bytes = try UserAgentFile.bytes(at: folder + file)
        var cases: [Case] = []
        for line in bytes.split(separator: 0x0A) {
            let text = String(decoding: line, as: UTF8.self)
            let body = text.drop { $0 == " " || $0 == "-" }
            if body.isEmpty || body.first == "#" || body.hasPrefix("test_cases:") { continue }
            let colon = try #require(body.firstIndex(of: ":"), "\(file): \(text)")
            let key = String(body[..<colon])
            let value = try scalar(body[body.index(after: colon)...].drop { $0 == " " })
            if key == "user_agent_string" {
                cases.append(Case(text: value ?? "", expected: [:]))
            } else {
                cases[cases.count - 1].expected[key] = value ?? ""
            }
        }
        return cases
    }

    /// A scalar of YAML on one line, in the forms that these files use.
    private static func scalar(_ text: Substring) throws -> String? {
        var text = text
        while text.last == " " || text.last == "\r" { text.removeLast() }
        guard let quote = text.first, quote == "'" || quote == "\"" else {
            return text.isEmpty || text == "null" || text == "~" ? nil : String(text)
        }
        var value = ""
        var rest = text.dropFirst()
        while let next = rest.popFirst() {
            if next == "\\", quote == "\"" {
                let popped = rest.popFirst()
                let escaped = try #require(popped)
                try #require("\"\\/ ".contains(escaped), "an escape not known here: \(text)")
                value.append(escaped)
            } else if next != quote {
                value.append(next)
            } else if quote == "'", rest.first == "'" {
                value.append("'")
                rest.removeFirst()
            } else {
                try #require(rest.drop { $0 == " " }.first.map { $0 == "#" } ?? true, "\(text)")
                return value
            }
        }
        throw UserAgentError.malformed(path: folder, line: 0, problem: "no closing quote: \(text)")
    }

    /// Compares every case and reports the first twenty that fail, and how many did.
    static func check(
        _ file: String, parser: UserAgentParser,
        answer: (UserAgentParse) -> [String: String?]
    ) throws {
        let cases = try cases(in: file)
        #expect(cases.count > 15)
        var failed = 0
        for one in cases {
            let got = answer(parser.parse(one.text))
            // Every value that we give is compared, but for what no case of the file speaks of.
            let wrong = got.filter { key, value in
                one.expected[key].map { $0 != value ?? "" } ?? false
            }
            #expect(one.expected.keys.contains("family"), "\(file): '\(one.text)'")
            #expect(one.expected.keys.filter { got[$0] != nil }.count >= 3, "'\(one.text)'")
            guard !wrong.isEmpty else { continue }
            failed += 1
            if failed <= 20 {
                Issue.record("\(file): '\(one.text)': got \(wrong), expected \(one.expected)")
            }
        }
        print("\(file): \(cases.count - failed) of \(cases.count) cases pass")
        #expect(failed == 0)
    }
}

extension UserAgentParser {
    /// Patterns of the rules that match the text though the prefilter ruled them out.
    func missedByPrefilter(_ text: TextView) -> [String] {
        let scratch = UserAgentPrefilter.Scratch(for: filter)
        filter.scan(text, scratch)
        return rules.rules.indices.filter { index in
            scratch.candidates[index >> 6] >> UInt64(index & 63) & 1 == 0
                && matches(rule: index, text)
        }.map { rules.rules[$0].pattern.string }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return mix(state, 1)
    }
}
