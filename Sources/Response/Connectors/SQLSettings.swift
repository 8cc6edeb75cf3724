internal import SessionModel
internal import Settings
internal import Yams

extension SQLConnector {
    /// ```yaml
    /// - kind: sql
    ///   connection: {file: /etc/lastseen/database}   # PostgreSQL; or file: /srv/app.db for SQLite
    ///   log_out_session: DELETE FROM sessions WHERE id = :session_id
    ///   log_out_all: DELETE FROM sessions WHERE user_id = :user_id
    ///   require_password_change: UPDATE users SET must_change = true WHERE id = :user_id
    ///   suspend: UPDATE users SET active = false WHERE id = :user_id
    ///   undo_suspend: UPDATE users SET active = true WHERE id = :user_id
    ///   count:
    ///     suspend: SELECT count(*) FROM users WHERE id = :user_id AND active
    ///   max_rows: 1000
    /// ```
    static let maker = ConnectorMaker(keys: [
        "connection", "file", "log_out_session", "log_out_all", "require_password_change",
        "suspend", "undo_suspend", "count", "max_rows",
    ]) { settings, log in
        let fields = settings.fields
        let problems = log.problems.count
        let connection = settings.secret("connection")
        let file = settings.text("file")
        var maxRows: Double? = 1000
        if let node = fields.value("max_rows") {
            maxRows = fields.number(
                "max_rows", of: node, in: 1...1_000_000, unit: "", isWhole: true)
        }
        var statements: [Rung: String] = [:]
        var counts: [Rung: String] = [:]
        let rungs = Rung.allCases.filter { SQLOptions.key($0) != nil }
        let counting = fields.value("count").flatMap {
            FieldReader($0, name: "'count'", keys: rungs.compactMap(SQLOptions.key), log: log)
        }
        for rung in rungs {
            guard let key = SQLOptions.key(rung) else { continue }
            statements[rung] = settings.text(key)
            counts[rung] = counting.flatMap { reader in
                reader.value(key).flatMap { reader.text(of: $0, key: key) }
            }
        }
        let undo = settings.text("undo_suspend")
        if (connection == nil) == (file == nil), log.problems.count == problems {
            log.add(
                "A sql connector needs either 'connection' (PostgreSQL) or 'file' (SQLite).",
                at: fields.node)
        }
        guard log.problems.count == problems, let maxRows else { return nil }
        do {
            return try SQLConnector(
                SQLOptions(
                    database: connection.map { .postgresql($0) } ?? .sqlite(file ?? ""),
                    statements: statements, undoSuspend: undo, counts: counts,
                    maxRows: Int(maxRows), totalMilliseconds: settings.timeoutSeconds * 1000),
                name: settings.name)
        } catch {
            log.add("\(error)", at: fields.node)
            return nil
        }
    }
}
