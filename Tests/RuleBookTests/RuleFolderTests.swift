import Foundation
import RuleBook
import Testing

struct RuleFolderTests {
    static let cases: [(String, [String: String], [String])] = [
        ("/usr/local/bin/lastseen", [:], ["/usr/local/share/lastseen/rules"]),
        ("/bin/lastseen", [:], ["/share/lastseen/rules"]),
        ("/lastseen", [:], ["/share/lastseen/rules"]),
        (
            "/home/a/lastseen/.build/x86_64-unknown-linux-gnu/release/lastseen", [:],
            [
                "/home/a/lastseen/.build/x86_64-unknown-linux-gnu/share/lastseen/rules",
                "/home/a/lastseen/rules",
            ]
        ),
        ("/usr/bin/lastseen", ["LASTSEEN_RULES": "/etc/lastseen/rules"], ["/etc/lastseen/rules"]),
        ("/usr/bin/lastseen", ["LASTSEEN_RULES": ""], ["/usr/share/lastseen/rules"]),
        ("lastseen", [:], []),
        ("", [:], []),
    ]

    @Test("rules are looked for beside the program, never in the working folder", arguments: cases)
    func candidates(executable: String, environment: [String: String], expected: [String]) {
        #expect(
            RuleFolder.candidates(executable: executable, environment: environment) == expected)
    }

    @Test("the first folder that exists is taken")
    func find() throws {
        let sample = try RuleSample(["share/lastseen/rules/" + RuleSample.path: RuleSample.text])
        let found = RuleFolder.find(executable: sample.folder + "/bin/lastseen", environment: [:])
        #expect(found == sample.folder + "/share/lastseen/rules")
        #expect(RuleFolder.find(executable: "/nowhere/bin/lastseen", environment: [:]) == nil)
    }
}
