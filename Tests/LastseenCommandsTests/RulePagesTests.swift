import Detection
import Foundation
import RuleBook
import Testing

@testable import LastseenCommands

/// The pages that the documentation has are those that the rules and detectors give.
struct RulePagesTests {
    static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    static let made = Result {
        try RulePageSet(
            try RuleBook.load(folder: root + "/rules"), sources: root + "/Sources/Detection"
        ).pages
    }

    @Test func eachRuleHasItsPageAndNoOther() throws {
        let pages = try Self.made.get()
        let folder = Self.root + "/Sources/LastseenCommands/Documentation.docc/Rules"
        let there = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(there == pages.keys.sorted(), "make rule-pages")
        for (name, text) in pages {
            let written = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            #expect(written == text, "\(name) is not what its rule says now: make rule-pages")
        }
    }

    @Test func eachPageSaysWhatTheIssueOfARuleIs() throws {
        for (name, text) in try Self.made.get() where name != "Rules.md" {
            for heading in [
                "What it sees", "How it decides", "Limits", "Its false positives",
                "Its blind spots", "Its tests",
            ] {
                #expect(text.contains("\n## \(heading)\n"), "\(name)")
            }
            #expect(!text.contains("None is known."), "\(name)")
        }
    }

    static let comments: [(source: String, text: String?)] = [
        ("/// One.\n/// Two.\npublic struct Thing: Sendable {", "One.\nTwo."),
        ("/// Of another.\nstruct Other {}\n\n/// Mine.\nstruct Thing {}", "Mine."),
        ("/// One.\n///\n///   - indented\nstruct Thing {}", "One.\n\n  - indented"),
        ("/// Apart.\n\nstruct Thing {}", nil),
        ("struct Thing {}", nil),
        ("/// Longer name.\nstruct Things {}", nil),
    ]

    @Test(arguments: comments)
    func aDocCommentStandsBeforeItsType(source: String, text: String?) {
        #expect(DocComment.text(of: "Thing", in: source) == text)
    }
}
