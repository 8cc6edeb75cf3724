public import SessionModel

/// Statements of the user's, by the step that they carry out.
public struct SQLOptions: Sendable {
    public enum Database: Sendable {
        /// A file's absolute path.
        case sqlite(String)
        /// A connection URI or `key=value` string of libpq's.
        case postgresql(SecretValue)
    }

    public var database: Database
    /// For `.logOutSession`, `.logOutEverywhere`, `.requirePasswordChange` and `.suspend`.
    public var statements: [Rung: String]
    /// Takes `.suspend` back.
    public var undoSuspend: String?
    /// A SELECT for a step whose first value is how many rows it is still to touch. Without one the
    /// step is done and taken back to count.
    public var counts: [Rung: String]
    /// A statement that touches more rows is rolled back and refused.
    public var maxRows: Int
    /// For the connection and the transaction together.
    public var totalMilliseconds: Int

    public init(
        database: Database, statements: [Rung: String], undoSuspend: String? = nil,
        counts: [Rung: String] = [:], maxRows: Int = 1000, totalMilliseconds: Int = 20_000
    ) {
        self.database = database
        self.statements = statements
        self.undoSuspend = undoSuspend
        self.counts = counts
        self.maxRows = maxRows
        self.totalMilliseconds = totalMilliseconds
    }

    /// The key of the file for a step; nil for one that has none.
    static func key(_ rung: Rung) -> String? {
        switch rung {
        case .logOutSession: "log_out_session"
        case .logOutEverywhere: "log_out_all"
        case .requirePasswordChange: "require_password_change"
        case .suspend: "suspend"
        case .notify, .stepUp, .logOutOthers: nil
        }
    }
}

/// Runs a statement of the user's in the application's own database, with what the action names as
/// bound parameters: `DELETE FROM sessions WHERE id = :session_id`.
///
/// Each step is one statement in a transaction of its own, over a connection of its own.
///
/// | what comes | outcome |
/// | --- | --- |
/// | rows touched | done |
/// | no row | already so |
/// | more rows than `max_rows` | refused, rolled back |
/// | no connection, a time-out, a deadlock, a shutdown | tried again |
/// | the connection broke during COMMIT | tried again; it may have happened |
/// | no right, no such table, a broken constraint, a value of the wrong type | refused |
///
/// The same statement may run twice (after a crash, or a lost COMMIT), so write one whose repetition
/// changes nothing: `DELETE`, or an `UPDATE` to a fixed value.
public final class SQLConnector: Connector {
    public let name: String

    private let options: SQLOptions
    private let database: any SQLDatabase
    private let statements: [Rung: SQLStatement]
    private let counts: [Rung: SQLStatement]
    private let undoSuspend: SQLStatement?

    /// Throws for a statement, file or limit that cannot be used. Runs nothing.
    public init(_ options: SQLOptions, name: String = "sql") throws(ResponseError) {
        self.name = name
        self.options = options
        switch options.database {
        case .sqlite(let path): database = try SQLiteDatabase(path: path)
        case .postgresql(let connection): database = PostgreSQLDatabase(connection: connection)
        }
        var statements: [Rung: SQLStatement] = [:]
        var counts: [Rung: SQLStatement] = [:]
        for rung in Rung.allCases {
            guard let key = SQLOptions.key(rung) else { continue }
            let needed: [SQLStatement.Parameter] =
                rung == .logOutSession ? [.sessionID] : [.userID, .userName]
            if let text = options.statements[rung] {
                statements[rung] = try SQLStatement(text, key: key, needs: needed)
            }
            if let text = options.counts[rung] {
                let count = try SQLStatement(text, key: "count: \(key)", needs: needed)
                guard count.verb == "SELECT", statements[rung] != nil else {
                    throw .badSetting(
                        name: "'count: \(key)'", value: text,
                        allowed: "a SELECT, for a step that has a statement")
                }
                counts[rung] = count
            }
        }
        guard !statements.isEmpty else {
            throw .badSetting(
                name: "the list of statements", value: "",
                allowed: "at least one of log_out_session, log_out_all, require_password_change "
                    + "and suspend")
        }
        for (name, value, range) in [
            ("'max_rows'", options.maxRows, 1...1_000_000),
            ("sql's time limit in ms", options.totalMilliseconds, 1...300_000),
        ] where !range.contains(value) {
            throw .badSetting(
                name: name, value: String(value),
                allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        if let text = options.undoSuspend {
            guard statements[.suspend] != nil else {
                throw .badSetting(
                    name: "'undo_suspend'", value: text, allowed: "'suspend' with it")
            }
            undoSuspend = try SQLStatement(
                text, key: "undo_suspend", needs: [.userID, .userName])
        } else {
            undoSuspend = nil
        }
        (self.statements, self.counts) = (statements, counts)
    }

    public var timeLimitSeconds: Int { (options.totalMilliseconds + 999) / 1000 + 1 }

    public var abilities: [Rung: ConnectorAbility] {
        var abilities: [Rung: ConnectorAbility] = [:]
        for rung in statements.keys {
            abilities[rung] = ConnectorAbility(isUndoable: rung == .suspend && undoSuspend != nil)
        }
        return abilities
    }

    public var permissions: [String] { ["to run the statements given, and nothing more"] }

    public func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        run(statements[action.kind], action)
    }

    public func undo(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        guard action.kind == .suspend, let undoSuspend else { return nil }
        return run(undoSuspend, action)
    }

    public func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        // Of an UPDATE the rows that it finds do not tell whether it was done before.
        guard counts[action.kind] != nil || statements[action.kind]?.verb == "DELETE" else {
            return nil
        }
        switch count(action) {
        case .success(0):
            return ConnectorAnswer(.alreadySo, detail: "\(database.place): no row is left")
        case .success(let rows):
            return ConnectorAnswer(.retry, detail: "\(database.place): \(counted(rows)) left")
        case .failure(let trouble):
            return trouble.answer
        case nil:
            return nil
        }
    }

    public func rehearse(_ action: PlannedAction, at now: Timestamp) -> String? {
        switch count(action) {
        case .success(let rows): "\(database.place): would touch \(counted(rows))"
        case .failure(let trouble): trouble.answer.detail
        case nil: nil
        }
    }

    public func probe(at now: Timestamp) -> ConnectorAnswer? {
        let answer = database.run(
            SQLConnector.ping, ["nobody"], milliseconds: options.totalMilliseconds,
            keeps: { _ in false })
        if case .rows = answer {
            return ConnectorAnswer(.done, detail: "\(database.place) answers")
        }
        return trouble(answer)
    }

    private static let ping = try! SQLStatement(
        "SELECT count(*) WHERE :user_id = ''", key: "probe", needs: [.userID])

    // MARK: -

    private struct Trouble: Error { let answer: ConnectorAnswer }

    private func run(_ statement: SQLStatement?, _ action: PlannedAction) -> ConnectorAnswer {
        guard let statement else {
            return ConnectorAnswer(.refused, detail: "\(action.kind.name) has no statement")
        }
        let values: [String]
        switch statement.values(for: action) {
        case .success(let found): values = found
        case .failure(let missing): return ConnectorAnswer(.refused, detail: missing.what)
        }
        let limit = options.maxRows
        let answer = database.run(
            statement, values, milliseconds: options.totalMilliseconds, keeps: { $0 <= limit })
        switch answer {
        case .rows(0, _, _):
            return ConnectorAnswer(.alreadySo, detail: "\(database.place): no row")
        case .rows(let rows, _, true):
            return ConnectorAnswer(.done, detail: "\(database.place): \(counted(rows))")
        case .rows(let rows, _, false):
            return ConnectorAnswer(
                .refused,
                detail: "\(database.place): \(counted(rows)), more than \(limit) ('max_rows'): "
                    + "rolled back")
        case .refused, .again:
            return trouble(answer)
        }
    }

    /// How many rows the step is still to touch; nil when nothing can tell.
    private func count(_ action: PlannedAction) -> Result<Int, Trouble>? {
        guard let step = statements[action.kind] else { return nil }
        let statement = counts[action.kind] ?? step
        // A function that SELECT calls may do what no rollback takes back.
        guard counts[action.kind] != nil || SQLStatement.changing.contains(step.verb) else {
            return nil
        }
        let values: [String]
        switch statement.values(for: action) {
        case .success(let found): values = found
        case .failure(let missing):
            return .failure(Trouble(answer: ConnectorAnswer(.refused, detail: missing.what)))
        }
        let answer = database.run(
            statement, values, milliseconds: options.totalMilliseconds, keeps: { _ in false })
        guard case .rows(let rows, let number, _) = answer else {
            return .failure(Trouble(answer: trouble(answer)))
        }
        guard counts[action.kind] != nil else { return .success(rows) }
        guard let number else {
            let what = "the count of \(action.kind.name) is no number"
            return .failure(Trouble(answer: ConnectorAnswer(.refused, detail: what)))
        }
        return .success(number)
    }

    private func trouble(_ answer: SQLAnswer) -> ConnectorAnswer {
        switch answer {
        case .again(let words, let mayHaveHappened):
            ConnectorAnswer(
                .retry, detail: plain("\(database.place): \(words)", limit: 199),
                mayHaveHappened: mayHaveHappened)
        case .refused(let words):
            ConnectorAnswer(.refused, detail: plain("\(database.place): \(words)", limit: 199))
        case .rows:
            ConnectorAnswer(.refused, detail: "\(database.place): rows where none were asked for")
        }
    }
}

private func counted(_ rows: Int) -> String { rows == 1 ? "1 row" : "\(rows) rows" }
