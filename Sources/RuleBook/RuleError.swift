/// One thing that is wrong with a rule file: where, what, and what would be right.
public struct RuleProblem: Sendable, Hashable, CustomStringConvertible {
    /// The file's or folder's path, as it was given.
    public let file: String
    /// From 1; 0 when the problem is the file as a whole.
    public let line: Int
    /// From 1, in Unicode scalars; 0 when the problem is the file as a whole.
    public let column: Int
    /// A sentence or two for a person.
    public let message: String

    public init(file: String, line: Int = 0, column: Int = 0, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// `rules/travel/new-country.yaml:12:5: …`, the form that editors can jump to.
    public var description: String {
        line == 0 ? "\(file): \(message)" : "\(file):\(line):\(column): \(message)"
    }
}

extension RuleProblem: Comparable {
    public static func < (a: RuleProblem, b: RuleProblem) -> Bool {
        (a.file, a.line, a.column, a.message) < (b.file, b.line, b.column, b.message)
    }
}

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
    public static let fileBytes = 256 << 10
    public static let rules = 1000
    /// Levels of YAML; a rule needs seven.
    public static let depth = 16
    public static let testsPerRule = 200
    public static let recordsPerTest = 1000
    public static let networksPerTest = 100
    /// Entries of any other list.
    public static let listEntries = 100
    public static let idBytes = 64
    public static let titleBytes = 256
    /// Of any other text.
    public static let textBytes = 4096
    /// Reported at once; one more says that there are others.
    public static let problems = 200
}
