package import Yams

/// Collects what is wrong with one file while it is read. Never leaves the read that made it.
package final class ProblemLog {
    package let file: String
    package private(set) var problems: [SettingsProblem] = []

    package init(file: String) { self.file = file }

    package var isClean: Bool { problems.isEmpty }

    /// What comes after the limit is dropped: the reader has enough to mend.
    package func add(_ message: String, line: Int = 0, column: Int = 0) {
        guard problems.count <= SettingsLimit.problems else { return }
        problems.append(SettingsProblem(file: file, line: line, column: column, message: message))
    }

    package func add(_ message: String, at mark: Mark?) {
        add(message, line: mark?.line ?? 0, column: mark?.column ?? 0)
    }

    package func add(_ message: String, at node: Node) { add(message, at: node.mark) }
}

/// Text from a file as a message may show it: one line, printable, at most 80 characters.
///
/// Files may come from elsewhere, and messages end on terminals.
package func shown(_ text: String) -> String {
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
