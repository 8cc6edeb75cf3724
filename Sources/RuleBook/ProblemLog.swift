internal import Yams

/// Collects what is wrong with one file while it is read. Never leaves the read that made it.
final class ProblemLog {
    let file: String
    private(set) var problems: [RuleProblem] = []

    init(file: String) { self.file = file }

    var isClean: Bool { problems.isEmpty }

    /// What comes after the limit is dropped: the reader has enough to mend.
    func add(_ message: String, line: Int = 0, column: Int = 0) {
        guard problems.count <= RuleLimit.problems else { return }
        problems.append(RuleProblem(file: file, line: line, column: column, message: message))
    }

    func add(_ message: String, at mark: Mark?) {
        add(message, line: mark?.line ?? 0, column: mark?.column ?? 0)
    }

    func add(_ message: String, at node: Node) { add(message, at: node.mark) }
}

/// Text from a file as a message may show it: one line, printable, at most 80 characters.
///
/// Rule files may come from elsewhere, and messages end on terminals.
func shown(_ text: String) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < 80 else { return result + "…" }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator:
            result += "\u{FFFD}"
        default: result.unicodeScalars.append(scalar)
        }
        count += 1
    }
    return result
}
