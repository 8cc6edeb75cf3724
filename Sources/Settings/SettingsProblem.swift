/// One thing that is wrong with a file of settings: where, what, and what would be right.
public struct SettingsProblem: Sendable, Hashable, CustomStringConvertible {
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

extension SettingsProblem: Comparable {
    public static func < (a: SettingsProblem, b: SettingsProblem) -> Bool {
        (a.file, a.line, a.column, a.message) < (b.file, b.line, b.column, b.message)
    }
}

/// Why a file of settings was refused: everything that is wrong with it, not only the first.
public struct SettingsError: Error, Equatable, CustomStringConvertible {
    /// In the order of files, lines and columns; never empty, at most `SettingsLimit.problems`.
    public let problems: [SettingsProblem]

    package init(_ problems: [SettingsProblem]) { self.problems = problems.sorted() }

    /// One problem a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// How much a file of settings may hold. Files are written by people; anything larger is a mistake
/// or an attack.
public enum SettingsLimit {
    public static let fileBytes = 256 << 10
    /// Levels of YAML; a rule needs seven.
    public static let depth = 16
    /// Entries of a list, where nothing else is said.
    public static let listEntries = 100
    /// Bytes of a text, where nothing else is said.
    public static let textBytes = 4096
    /// Problems reported at once; one more says that there are others.
    public static let problems = 200
}
