public import Detection
internal import SessionModel
internal import Settings

/// A rule's page in the documentation, made from its file and its detector's doc comment, so that
/// neither can say something that the program does not do.
public enum RulePage {
    /// The page in DocC's Markdown, ending with a line end.
    ///
    /// - Parameter comment: the detector's doc comment, as `DocComment.text` gives it.
    public static func markdown(for rule: Rule, comment: String) -> String {
        let parts = DocComment.parts(of: comment)
        var page = "# \(rule.id)\n\n\(rule.title).\n\n"
        page += "| | |\n| --- | --- |\n"
        page += row("family", rule.family)
        page += row("severity", rule.severity.name)
        page += row("asks for", rule.rung.name)
        page += row("ATT&CK", rule.techniques.map(techniqueLink).joined(separator: ", "))
        page += row("weights", weights(rule.weights))
        page += "\n## What it sees\n\n" + paragraph(rule.description) + "\n\n"
        page += "## How it decides\n\n" + parts.body + "\n\n"
        if !parts.cost.isEmpty { page += "Cost: \(parts.cost)\n\n" }
        page += "## Limits\n\n" + limits(of: rule) + "\n"
        page += "## Its false positives\n\n" + list(rule.falsePositives)
        page += "## Its blind spots\n\n" + list(parts.blindSpots)
        if !rule.recommendation.isEmpty {
            page += "## What to do\n\n" + paragraph(rule.recommendation) + "\n\n"
        }
        page += "## Its tests\n\n`lastseen rules test \(rule.id)` runs them.\n\n"
        page += list(rule.tests.map(\.name))
        if !rule.references.isEmpty {
            page += "## References\n\n" + list(rule.references.map { "<\($0)>" })
        }
        return trimmed(page) + "\n"
    }

    /// The page that lists the others.
    public static func index(of rules: [Rule]) -> String {
        var page = """
            # Rules

            What each rule sees, how it decides, its limits, when it errs and what it cannot see.

            Made from the rules' files and the detectors' doc comments by `make rule-pages`.

            """
        page += "\n## Topics\n"
        var family = ""
        for rule in rules.sorted(by: { ($0.family, $0.id) < ($1.family, $1.id) }) {
            if rule.family != family {
                family = rule.family
                page += "\n### \(family.prefix(1).uppercased() + family.dropFirst())\n\n"
            }
            page += "- <doc:\(rule.id)>\n"
        }
        return page
    }

    private static func row(_ name: String, _ value: String) -> String {
        value.isEmpty ? "" : "| \(name) | \(value) |\n"
    }

    /// `T1078.004` as a link to its page at MITRE.
    private static func techniqueLink(_ technique: String) -> String {
        let path = technique.split(separator: ".").joined(separator: "/")
        return "[\(technique)](https://attack.mitre.org/techniques/\(path)/)"
    }

    private static func weights(_ weights: DetectionRule.Weights) -> String {
        "possible \(numberText(weights.possible)), likely \(numberText(weights.likely)), "
            + "certain \(numberText(weights.certain))"
    }

    private static func limits(of rule: Rule) -> String {
        let parameters = rule.detector.parameters
        guard !parameters.isEmpty else { return "It has none.\n" }
        var table = "| limit | value | unit | may be | meaning |\n| --- | --- | --- | --- | --- |\n"
        for limit in parameters {
            let value = rule.limits[limit.name] ?? limit.defaultValue
            table +=
                "| `\(limit.name)` | \(numberText(value)) | \(limit.unit) | "
                + "\(numberText(limit.range.lowerBound)) to \(numberText(limit.range.upperBound)) | "
                + "\(limit.meaning) |\n"
        }
        return table
    }

    private static func list(_ items: [String]) -> String {
        items.isEmpty
            ? "None is known.\n\n" : items.map { "- \(paragraph($0))\n" }.joined() + "\n"
    }

    /// A text of several lines as one.
    private static func paragraph(_ text: String) -> String {
        trimmed(text).split(separator: "\n").map { trimmed(String($0)) }.joined(separator: " ")
    }
}

/// A doc comment of the source, taken apart.
public enum DocComment {
    /// The comment before the declaration of `type` in a Swift source, without its slashes; nil when
    /// there is none.
    public static func text(of type: String, in source: String) -> String? {
        var lines: [Substring] = []
        for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("///") {
                lines.append(line.dropFirst(line.hasPrefix("/// ") ? 4 : 3))
            } else if !lines.isEmpty {
                let words = line.split(separator: " ")
                if words.contains("struct"), words.contains(where: { name($0) == type }) {
                    return lines.joined(separator: "\n")
                }
                lines = []
            }
        }
        return nil
    }

    private static func name(_ word: Substring) -> String {
        String(word.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }

    struct Parts {
        var body: String
        var cost = ""
        var blindSpots: [String] = []
    }

    /// The items `- Cost:` and `- Blind spot:` apart from the rest.
    static func parts(of comment: String) -> Parts {
        var body: [String] = []
        var parts = Parts(body: "")
        // Where the lines go that carry an item on, indented.
        var item: WritableKeyPath<Parts, String>?
        var spot = ""
        func end(_ parts: inout Parts) {
            if !spot.isEmpty { parts.blindSpots.append(capitalized(spot)) }
            spot = ""
        }
        for line in comment.split(separator: "\n", omittingEmptySubsequences: false) {
            let text = String(line)
            if let rest = text.after("- Cost: ") {
                end(&parts)
                (parts.cost, item) = (rest, \.cost)
            } else if let rest = text.after("- Blind spot: ") ?? text.after("- Blind spots: ") {
                end(&parts)
                (spot, item) = (rest, nil)
            } else if text.hasPrefix("  "), !spot.isEmpty {
                spot += " " + trimmed(text)
            } else if text.hasPrefix("  "), let item {
                parts[keyPath: item] += " " + trimmed(text)
            } else {
                end(&parts)
                item = nil
                body.append(text)
            }
        }
        end(&parts)
        parts.body = trimmed(body.joined(separator: "\n"))
        return parts
    }

    private static func capitalized(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst()
    }
}

extension String {
    fileprivate func after(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
