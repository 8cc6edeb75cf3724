import ArgumentParser
import Enrichment
import Pipeline
import Publishing
import RuleBook
import SessionModel
import Settings

struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, check and test the rules, and try them on past records.",
        discussion: """
              lastseen rules list
              lastseen rules check --rules /etc/lastseen/rules
              lastseen rules test impossible-travel
              lastseen rules backtest --rule new-country.yaml --since 30d
              lastseen rules explain a-51f4849a
            """,
        subcommands: [
            List.self, Check.self, Test.self, RulesBacktest.self, RulesExplain.self, Pages.self,
        ])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the rules in force, with their limits.",
            discussion: "Exit statuses: 0, 66 no rules found, 78 a rule is wrong.")

        @Flag(name: .shortAndLong, help: "Also say what each limit means and may be.")
        var verbose = false
        @OptionGroup var rules: RuleOptions

        func run() throws {
            var text = ""
            for entry in RuleListing(try rules.load()).entries {
                let off = entry.isEnabled ? "" : "  (not enabled)"
                text +=
                    "\(padded(entry.id, to: 24)) \(padded(entry.severity.name, to: 9)) "
                    + "\(SafeText.visible(entry.title))\(off)\n"
                text +=
                    "    \(entry.techniques.joined(separator: ", ")); asks for \(entry.rung.name); "
                    + "\(counted(entry.testCount, "test")); \(SafeText.visible(entry.file))\n"
                for limit in entry.limits {
                    let changed = limit.isDefault ? "" : " (default \(limit.defaultValue))"
                    text += "    \(limit.name): \(limit.text)\(changed)\n"
                    if verbose {
                        text += wrapped(
                            "\(limit.meaning) From \(limit.range.lowerBound) to \(limit.range.upperBound).",
                            indent: 8)
                    }
                }
            }
            try put(text)
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a folder of rules and show everything that is wrong with it.",
            discussion: """
                A problem is a line of 'file:line:column: what', which editors can jump to.

                  lastseen rules check --strict
                  lastseen rules check --own-rules /etc/lastseen/rules

                A rule of your own has the detector match (records with given fields), threshold (so \
                many within so long) or first-seen (a value that is new for its key). \
                samples/custom-rules has one of each to begin with; the documentation's page Rules of \
                your own tells the fields and Sigma's modifiers.

                Exit statuses: 0 no problem, 78 problems, 64 misuse, 66 no rules found.
                """)

        @Flag(help: "Also ask for tests on both sides of each limit.")
        var strict = false
        @OptionGroup var rules: RuleOptions

        func run() throws {
            let check = RuleCheck(
                folder: try rules.folder(), own: rules.ownRules, isStrict: strict)
            for problem in check.problems {
                try put(SafeText.visible(problem.description, limit: 2000) + "\n")
            }
            try put(SafeText.visible(check.summary) + "\n")
            if !check.isSound { throw ExitCode(78) }
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the tests that rules carry in their files.",
            discussion: """
                Each test's records go through the whole pipeline, with all rules, on an empty state \
                and the bundled GeoIP database.

                  lastseen rules test
                  lastseen rules test new-country session-moved --verbose

                Exit statuses: 0 all passed, 1 some failed, 64 no such rule, 66 no rules found, 78 a \
                rule is wrong.
                """)

        @Argument(help: "The ids of rules. Default: all.")
        var ids: [String] = []
        @Flag(name: .shortAndLong, help: "Also name the tests that passed.")
        var verbose = false
        @OptionGroup var rules: RuleOptions

        func run() throws {
            let book = try rules.load()
            let chosen = try ids.isEmpty ? book.rules : ids.map { try rule($0, in: book) }
            guard let database = BundledFiles.locate(.cityDatabase) else {
                throw Misuse("the bundled GeoIP database is not beside the program", exitCode: 66)
            }
            let runner = try RuleTestRunner(
                book: book, userAgents: UserAgentParser.usual(), database: database)
            var (passed, failed) = (0, 0)
            for rule in chosen {
                for outcome in try runner.run(rule) {
                    let name = "\(rule.id): \(SafeText.visible(outcome.test.name))"
                    if outcome.isPassed {
                        passed += 1
                        if verbose { try put("passed  \(name)\n") }
                        continue
                    }
                    failed += 1
                    let place = "\(SafeText.visible(outcome.file)):\(outcome.test.line)"
                    var text = "FAILED  \(name)\n        \(place)\n"
                    for mismatch in outcome.mismatches {
                        text += wrapped(SafeText.visible(mismatch, limit: 2000), indent: 8)
                    }
                    try put(text)
                }
            }
            try put(
                "\(counted(passed + failed, "test")) of \(counted(chosen.count, "rule")): "
                    + (failed == 0 ? "all passed\n" : "\(failed) failed\n"))
            if failed > 0 { throw ExitCode(1) }
        }

        private func rule(_ id: String, in book: RuleBook) throws -> Rule {
            if let rule = book.rule(id) { return rule }
            let shown = SafeText.visible(id, limit: 100)
            throw Misuse(
                "no rule has the id '\(shown)'. "
                    + (book.nearestID(to: id).map { "Did you mean '\($0)'?" }
                        ?? "There are: \(book.rules.map(\.id).joined(separator: ", "))."))
        }
    }
}
