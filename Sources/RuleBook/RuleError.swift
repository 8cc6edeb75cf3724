public import Settings

public typealias RuleProblem = SettingsProblem

/// Why a folder of rules was refused: everything that is wrong with it, not only the first.
public struct RuleError: Error, Equatable, CustomStringConvertible {
    /// In the order of files, lines and columns; never empty, at most `RuleLimit.problems`.
    public let problems: [RuleProblem]

    init(_ problems: [RuleProblem]) { self.problems = problems }

    /// One problem a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// How much a rule book may hold. Files are written by people; anything larger is a mistake or
/// an attack.
public enum RuleLimit {
    public static let fileBytes = SettingsLimit.fileBytes
    public static let rules = 1000
    /// Levels of YAML; a rule needs seven.
    public static let depth = SettingsLimit.depth
    public static let testsPerRule = 200
    public static let recordsPerTest = 1000
    public static let networksPerTest = 100
    /// Entries of any other list.
    public static let listEntries = SettingsLimit.listEntries
    public static let idBytes = 64
    public static let titleBytes = 256
    /// Of any other text.
    public static let textBytes = SettingsLimit.textBytes
    /// Reported at once; one more says that there are others.
    public static let problems = SettingsLimit.problems
}
