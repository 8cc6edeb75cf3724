public import Detection
public import SessionModel

/// A rule as its file says it: what is looked for, how bad that is, when it errs, and what to do.
public struct Rule: Sendable, Equatable {
    /// Lower-case words joined by `-`; also the file's name.
    public var id: String
    /// A version 4 UUID in lower case: the rule's identity to other tools, kept when it is renamed.
    public var uuid: String
    /// The folder that the file lies in: `travel`.
    public var family: String
    public var title: String
    public var description: String
    public var severity: Severity
    /// As Sigma writes them: `attack.t1078`, `attack.initial-access`.
    public var tags: [String]
    /// `http` or `https` addresses.
    public var references: [String]
    public var detector: DetectorKind
    /// By parameter name; every parameter of the detector, the defaults filled in.
    public var limits: [String: Double]
    /// Of a team's own rule: what it asks of a record, and what it counts.
    public var custom: CustomRule?
    public var weights: DetectionRule.Weights
    /// What is known to set it off without an intruder.
    public var falsePositives: [String]
    /// What a person should do beyond logging out and changing the password; may be empty.
    public var recommendation: String
    /// The response that the rule asks for.
    public var rung: Rung
    /// A rule that is not enabled is checked and listed, and judges nothing.
    public var isEnabled: Bool
    public var tests: [RuleTest]
    /// The file's path, as the folder was given.
    public var file: String

    /// What Detection needs of it.
    public var detection: DetectionRule {
        DetectionRule(
            id: id, title: title, severity: severity, detector: detector, limits: limits,
            weights: weights, rung: rung, recommendation: recommendation, custom: custom)
    }

    /// The MITRE ATT&CK techniques among the tags, as ATT&CK writes them: `T1078.004`.
    public var techniques: [String] {
        tags.compactMap { tag in
            let parts = tag.split(separator: ".", maxSplits: 1)
            guard parts.count == 2, parts[0] == "attack", Tag.isTechnique(parts[1]) else {
                return nil
            }
            return parts[1].uppercased()
        }
    }
}
