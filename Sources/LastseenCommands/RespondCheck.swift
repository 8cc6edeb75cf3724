import ArgumentParser
import Publishing
import Response
import RuleBook
import Settings

extension Respond {
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Check a policy, a file of groups and a file of connectors; run the policy's tests.",
            discussion: """
                A problem is a line of 'file:line:column: what', which editors can jump to. The tests \
                are in the policy's own file: an alert in a few words, and the rung or the steps that \
                are expected. 'lastseen respond check --example' prints an annotated policy to begin with.

                  lastseen respond check --policy policy.yaml
                  lastseen respond check policy.yaml --strict --groups groups.ldif

                Exit statuses: 0, 1 a test failed, 78 problems, 64 misuse.
                """)

        @Argument(help: "The policy. The same as --policy.") var file: String?
        @Flag(help: "Also ask for entries that can match, and for a test of each.") var strict =
            false
        @Flag(help: "Print an annotated policy, and do nothing else.") var example = false
        @Flag(name: .shortAndLong, help: "Also name the tests that passed.") var verbose = false
        @OptionGroup var options: PolicyOptions
        @OptionGroup var rules: RuleOptions

        func validate() throws {
            if example { return }
            guard file == nil || options.policy == nil else {
                throw ValidationError("A policy and --policy are both given. Use one.")
            }
            guard file != nil || options.policy != nil else {
                throw ValidationError("Name a policy: lastseen respond check FILE")
            }
        }

        func run() throws {
            if example {
                try put(PolicyExample.text)
                return
            }
            let path = file ?? options.policy ?? ""
            let families = try rules.load().families
            let policyFile: PolicyFile
            do {
                policyFile = try PolicyFile.read(path, families: families)
            } catch {
                for problem in error.problems {
                    try put(SafeText.visible(problem.description, limit: 2000) + "\n")
                }
                try put("\(counted(error.problems.count, "problem"))\n")
                throw ExitCode(78)
            }
            var settings = options
            settings.policy = path
            let policy = try settings.policy(
                isActing: true, families: families, mayLackGroups: true)
            var problems: [String] = []
            if let fault = policy.groupsFault { problems.append(fault) }
            _ = try options.scopes()
            if strict {
                problems += policyFile.unreachable.map(\.description)
                let tested = Set(
                    policyFile.tests.map { $0.decision(of: policy, families: families).entry })
                for entry in policyFile.entries where !tested.contains(entry.name) {
                    problems.append(
                        "\(path):\(entry.line): no test reaches the entry '\(entry.name)'")
                }
            }
            for problem in problems { try put(SafeText.visible(problem, limit: 2000) + "\n") }
            var failed = 0
            for test in policyFile.tests {
                let mismatches = test.mismatches(with: policy, families: families)
                let name = SafeText.visible(test.name)
                if mismatches.isEmpty {
                    if verbose { try put("passed  \(name)\n") }
                    continue
                }
                failed += 1
                var text = "FAILED  \(name)\n        \(SafeText.visible(path)):\(test.line)\n"
                for mismatch in mismatches {
                    text += wrapped(SafeText.visible(mismatch, limit: 2000), indent: 8)
                }
                try put(text)
            }
            let entries = policyFile.entries.count
            try put(
                "\(entries == 1 ? "1 entry" : "\(entries) entries"), "
                    + "\(counted(policyFile.tests.count, "test")): "
                    + (failed > 0
                        ? "\(failed) failed\n"
                        : problems.isEmpty
                            ? "all well\n" : "\(counted(problems.count, "problem"))\n"))
            if !problems.isEmpty { throw ExitCode(78) }
            if failed > 0 { throw ExitCode(1) }
        }
    }
}
