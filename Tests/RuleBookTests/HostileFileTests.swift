import Foundation
import RuleBook
import Settings
import Testing

/// Files that no person writes: each costs a problem, never a crash or a wait.
struct HostileFileTests {
    private func problems(_ text: String) throws -> [String] {
        try RuleSample([RuleSample.path: text]).problems
    }

    /// Doubling aliases `levels` times, used as a key, which a parser hashes.
    private static func bomb(_ levels: Int) -> String {
        var text = "a0: &a0 [x, x]\n"
        for i in 1...levels { text += "a\(i): &a\(i) [*a\(i - 1), *a\(i - 1)]\n" }
        return text + "? *a\(levels)\n: x\n"
    }

    @Test("a bomb of aliases is refused before it is composed")
    func aliases() throws {
        #expect(
            try problems(Self.bomb(60)) == [
                RuleSample.path
                    + ":2:10: YAML anchors and aliases are not taken here ('&a0', '*a0'). "
                    + "Write the value out."
            ])
    }

    @Test("an anchor alone is refused, and words with the same signs are not")
    func anchor() throws {
        #expect(
            try RuleSample.problems(replacing: "title: First", with: "title: &t First") == [
                RuleSample.path + ":3:8: YAML anchors are not taken here ('&t'). Remove it."
            ])
        #expect(
            try RuleSample.problems(
                replacing: "Ask the user.", with: "'Ask R&D, *.example.com, and *the* user.'") == []
        )
    }

    @Test(
        "deep nesting is refused", arguments: ["[", "{a: ", "- ", "? "], [17, 900, 5000, 80_000])
    func deep(opening: String, levels: Int) throws {
        let found = try problems(String(repeating: opening, count: levels) + "x")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(RuleSample.path) == true)
    }

    @Test("sixteen levels are taken as YAML, seventeen are not")
    func depth() throws {
        func nested(_ levels: Int) throws -> String {
            let lists = levels - 2  // the mapping and the innermost scalar
            return try problems(
                "a: " + String(repeating: "[", count: lists) + "x"
                    + String(repeating: "]", count: lists)
            ).joined()
        }
        #expect(try nested(16).contains("Unknown key"))
        #expect(try nested(17).contains("Nested deeper than 16 levels"))
    }

    @Test("a file of 256 KiB is read, one of a byte more is not")
    func size() throws {
        let padding = RuleLimit.fileBytes - RuleSample.text.utf8.count
        let full = RuleSample.text + "#" + String(repeating: "x", count: padding - 1)
        #expect(try problems(full) == [])
        #expect(
            try problems(full + "x") == [
                RuleSample.path + ": The file is larger than 256 KiB. Shorten it."
            ])
    }

    @Test("bytes that are not UTF-8 are told")
    func notUTF8() throws {
        let sample = try RuleSample([:])
        try sample.write(Data([0x69, 0x64, 0x3A, 0x20, 0xFF, 0xFE]), to: RuleSample.path)
        #expect(sample.problems == [RuleSample.path + ": The file is not UTF-8. Save it as UTF-8."])
    }

    static let broken = [
        ("", ": The file is empty. Write a rule, or remove the file."),
        ("id: \"x", "This is not YAML"),
        ("id: a\nid: b\n", "The same key twice in one mapping: 'id'. Keep one."),
        ("id: \u{7}x\n", ":1:5: A character that YAML does not allow"),
        (RuleSample.text + "---\nid: x\n", "but found another document"),
        ("- id\n", ":1:1: The rule must be a mapping of 'key: value' lines."),
    ]

    @Test("what is no rule's YAML is told", arguments: broken)
    func notYAML(text: String, problem: String) throws {
        let found = try problems(text)
        #expect(found.count == 1)
        #expect(found.first?.contains(problem) == true, "\(found)")
    }

    @Test("a byte order mark and CR LF are taken")
    func windows() throws {
        #expect(try problems("\u{FEFF}" + RuleSample.text) == [])
        #expect(try problems(RuleSample.text.replacingOccurrences(of: "\n", with: "\r\n")) == [])
    }

    @Test("a pipe is not waited for")
    func pipe() throws {
        let sample = try RuleSample(["travel/.keep": ""])
        #expect(mkfifo(sample.folder + "/travel/x.yaml", 0o600) == 0)
        #expect(
            sample.problems == ["travel/x.yaml: This is no regular file. Replace or remove it."])
    }

    @Test("a folder that is missing or empty is told")
    func folders() throws {
        let sample = try RuleSample([:])
        #expect(
            sample.problems == [
                "<folder>: The folder has no rules. They lie in <family>/<id>.yaml within it."
            ])
        #expect(
            RuleCheck(folder: sample.folder + "/nowhere").problems.map(\.message) == [
                "There is no such folder of rules. Name one with --rules."
            ])
    }

    @Test("no more than 200 problems are told, and that there are more")
    func many() throws {
        let keys = (0..<400).map { "wrong-key-\($0): x\n" }.joined()
        let check = try RuleSample([RuleSample.path: keys]).check()
        #expect(check.problems.count == 201)
        #expect(check.problems.last?.message == "There are more problems. Mend these first.")
    }

    @Test("no more than 1000 rules are read")
    func tooManyRules() throws {
        var files: [String: String] = [:]
        for i in 0...RuleLimit.rules { files["travel/rule-\(i).yaml"] = "x" }
        let check = try RuleSample(files).check()
        #expect(
            check.problems.contains { $0.message == "The folder has 1001 rules. Use at most 1000." }
        )
    }

    @Test("what a file writes cannot steer a terminal")
    func terminal() throws {
        let found = try problems("\"\\e[2Jx\\u202e\": y\n")
        #expect(found.allSatisfy { !$0.unicodeScalars.contains("\u{1B}") })
        #expect(found.allSatisfy { !$0.unicodeScalars.contains("\u{202E}") })
    }

    @Test("cut and changed files never crash", arguments: 0..<4)
    func random(round: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func next(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        let sound = Array(RuleSample.text.utf8)
        let sample = try RuleSample([:])
        for step in 0..<100 {
            var bytes = sound
            for _ in 0...next(6) {
                let i = next(bytes.count)
                switch next(4) {
                case 0: bytes[i] = UInt8(next(256))
                case 1: bytes.removeSubrange(i..<min(bytes.count, i + next(40)))
                case 2:
                    bytes.insert(contentsOf: sound[next(sound.count)...].prefix(next(60)), at: i)
                default: bytes.insert(Array("[]{}&*!|>'\"%@`?:-,#".utf8)[next(19)], at: i)
                }
                if bytes.isEmpty { bytes = [0x3A] }
            }
            try sample.write(Data(bytes), to: RuleSample.path)
            let check = sample.check()
            #expect(check.fileCount == 1, "seed \(seed), step \(step)")
        }
    }
}
