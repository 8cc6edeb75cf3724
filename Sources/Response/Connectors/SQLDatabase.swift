/// What came of one statement in a transaction of its own.
enum SQLAnswer: Sendable, Equatable {
    /// Rows changed (or given, by SELECT), and the first value when it is a whole number.
    case rows(Int, number: Int?, isKept: Bool)
    /// The database will not do it: no right, no such table, a broken constraint.
    case refused(String)
    /// To be tried again. `mayHaveHappened` when the connection broke during COMMIT.
    case again(String, mayHaveHappened: Bool)
}

/// Where statements run.
protocol SQLDatabase: Sendable {
    /// For a person, without secrets: `PostgreSQL` or a file's path.
    var place: String { get }

    /// Runs one statement in a transaction and keeps what it did only when `keeps` says so of its
    /// rows; otherwise it is rolled back.
    func run(
        _ statement: SQLStatement, _ values: [String], milliseconds: Int, keeps: (Int) -> Bool
    ) -> SQLAnswer
}
