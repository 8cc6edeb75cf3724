import ArgumentParser
import Detection
import Foundation
import RuleBook

extension Rules {
    /// Writes the documentation's page of each rule; for those who build Lastseen.
    struct Pages: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a page of documentation for each rule.",
            discussion: """
                From the rule's file and the doc comment of its detector, whose sources are needed.

                Exit statuses: 0, 66 a source or folder is not there, 78 a rule is wrong.
                """,
            shouldDisplay: false)

        @Option(help: ArgumentHelp("The folder of the detectors' sources.", valueName: "folder"))
        var sources = "Sources/Detection"
        @Option(help: ArgumentHelp("The folder to write to.", valueName: "folder"))
        var output = "Sources/LastseenCommands/Documentation.docc/Rules"
        @OptionGroup var rules: RuleOptions

        func run() throws {
            let book = try rules.load()
            let pages = try RulePageSet(book, sources: sources).pages
            try FileManager.default.createDirectory(
                atPath: output, withIntermediateDirectories: true)
            for (name, text) in pages {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(output)/\(name)"))
            }
        }
    }
}

/// The pages of a rule book, by file name.
struct RulePageSet {
    var pages: [String: String] = [:]

    /// Throws `Misuse` when a detector's source, or its doc comment, is not in the folder.
    init(_ book: RuleBook, sources: String) throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: sources)
        for rule in book.rules {
            let plain = rule.detector.rawValue.replacing("-", with: "")
            guard let file = files.first(where: { $0.lowercased() == plain + ".swift" }),
                let source = try? String(
                    contentsOfFile: "\(sources)/\(file)", encoding: .utf8),
                let comment = DocComment.text(of: String(file.dropLast(6)), in: source)
            else {
                throw Misuse(
                    "\(sources): no documented source of the detector '\(rule.detector.rawValue)'",
                    exitCode: 66)
            }
            pages["\(rule.id).md"] = RulePage.markdown(for: rule, comment: comment)
        }
        pages["Rules.md"] = RulePage.index(of: book.rules)
    }
}
