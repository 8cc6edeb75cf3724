internal import Detection
internal import SessionModel
internal import Yams
internal import Settings

/// What `rules check --strict` asks for beyond soundness: two tests for each limit, named after it,
/// that expect different things. So a changed limit, or a detector that no longer minds it, fails a
/// test.
enum StrictCheck {
    /// What a test expects of its own rule: none, or the highest confidence.
    private enum Side: Hashable {
        case none
        case confidence(Confidence)

        var name: String {
            switch self {
            case .none: "none"
            case .confidence(let confidence): confidence.name
            }
        }
    }

    static func check(_ result: RuleReader.Result, log: ProblemLog) {
        let rule = result.rule
        if rule.detector.isCustom { checkCustom(rule, result.detectorNode, log) }
        for spec in rule.detector.parameters {
            let node = result.limitNodes[spec.name] ?? result.detectorNode
            let tests = rule.tests.filter { isNamed($0.name, after: spec.name) }
            let sides = Set(tests.map { side(of: $0, rule: rule.id) })
            if tests.isEmpty {
                log.add(
                    "No test is named after '\(spec.name)'. Add two whose names begin with it, one "
                        + "on each side of the limit, that expect different things.", at: node)
            } else if sides.count == 1, let only = sides.first {
                log.add(
                    "'\(spec.name)' is tested on one side only: \(only.name). Add a test whose name "
                        + "begins with it, on the other side of the limit.", at: node)
            }
        }
    }

    /// A team's own rule: a test that it fires and one that it does not; one pair for each number.
    private static func checkCustom(_ rule: Rule, _ node: Node, _ log: ProblemLog) {
        var names: [String] = []
        switch rule.custom?.kind {
        case .threshold(let threshold):
            names = [threshold.distinct == nil ? "count" : "at_least", "within"]
        case .firstSeen: names = ["after"]
        case .match, nil: break
        }
        let sides = Set(rule.tests.map { side(of: $0, rule: rule.id) == .none })
        if sides.count < 2 {
            log.add(
                "The rule needs a test of records that it must find, and one of records that it must "
                    + "leave alone.", at: node)
        }
        for name in names {
            let tests = rule.tests.filter { isNamed($0.name, after: name) }
            if Set(tests.map { side(of: $0, rule: rule.id) }).count < 2 {
                log.add(
                    "Two tests have to be named after '\(name)', one on each side of it, that expect "
                        + "different things.", at: node)
            }
        }
    }

    /// `failure_count, five failures …` is named after `failure_count`, not after `failure`.
    private static func isNamed(_ name: String, after limit: String) -> Bool {
        guard name.hasPrefix(limit) else { return false }
        guard let next = name.utf8.dropFirst(limit.utf8.count).first else { return true }
        return !(97...122).contains(next) && !(48...57).contains(next) && next != 0x5F
    }

    /// An expectation that leaves the confidence open is one of an alert, so at least likely.
    private static func side(of test: RuleTest, rule: String) -> Side {
        let own = test.expectations.filter { $0.rule == rule }.map { $0.confidence ?? .likely }
        return own.max().map(Side.confidence) ?? .none
    }
}
