internal import GRDB

extension StateStore {
    /// Cost: reads every page of profiles, about 0.15 s for a million of 1 KB; see `isEmpty`.
    public func profileCount() throws(StateError) -> Int {
        try read { session, db in
            let statement = try session.statement(.countProfiles, db)
            defer { statement.reset() }
            return try statement.step() ? Int(statement.integer(0)) : 0
        }
    }

    /// The pages of what is known of all users, in no order.
    public func organizationPages() throws(StateError) -> [(part: Int, page: Int, bytes: [UInt8])] {
        try read { session, db in
            try session.rows(of: session.statement(.readOrganizationPages, db)) {
                (Int($0.integer(0)), Int($0.integer(1)), $0.bytes(2))
            }
        }
    }

    /// By source key.
    public func checkpoints() throws(StateError) -> [CheckpointRow] {
        try read { session, db in
            try session.rows(of: session.statement(.readCheckpoints, db)) { $0.checkpoint }
        }
    }

    public func checkpoint(sourceKey: String) throws(StateError) -> CheckpointRow? {
        try read { session, db in
            let statement = try session.statement(.readCheckpoint, db)
            try statement.bind(sourceKey, at: 1, "a source's key")
            return try session.rows(of: statement) { $0.checkpoint }.first
        }
    }

    /// By name.
    public func outputs() throws(StateError) -> [OutputRow] {
        try read { session, db in
            try session.rows(of: session.statement(.readOutputs, db)) {
                OutputRow(
                    name: $0.text(0), committedLength: $0.integer(1), lastSequence: $0.integer(2))
            }
        }
    }

    public func meta(_ key: String) throws(StateError) -> String? {
        try read { session, db in try session.meta(key, db) }
    }

    /// Nil when there is none of this id.
    public func alert(id: String) throws(StateError) -> AlertRow? {
        try read { session, db in try session.alert(id: id, db) }
    }

    public func alerts(filter: AlertFilter = AlertFilter()) throws(StateError) -> [AlertRow] {
        try read { session, db in try session.alerts(filter, db) }
    }

    /// The revision log after a sequence (0 for all), in its order.
    public func revisions(afterSequence: Int64, limit: Int) throws(StateError) -> [RevisionRow] {
        try read { session, db in
            let statement = try session.statement(.readRevisions, db)
            statement.bind(afterSequence, at: 1)
            statement.bind(Session.clamp(limit), at: 2)
            return try session.rows(of: statement) { $0.revision }
        }
    }

    /// All revisions of one alert, the first one first; at most `StateLimit.rows`.
    public func revisions(alertID: String) throws(StateError) -> [RevisionRow] {
        try read { session, db in
            let statement = try session.statement(.readRevisionsOfAlert, db)
            try statement.bind(alertID, at: 1, "an alert's id")
            statement.bind(StateLimit.rows, at: 2)
            return try session.rows(of: statement) { $0.revision }
        }
    }

    /// The newest sequence of the revision log; 0 when it is empty.
    public func lastRevisionSequence() throws(StateError) -> Int64 {
        try read { session, db in
            let statement = try session.statement(.lastSequence, db)
            defer { statement.reset() }
            return try statement.step() ? statement.integer(0) : 0
        }
    }

    public func action(id: String) throws(StateError) -> ActionRow? {
        try read { session, db in try session.action(id: id, db) }
    }

    /// In the order of creation; at most `StateLimit.rows`.
    public func actions(alertID: String) throws(StateError) -> [ActionRow] {
        try read { session, db in try session.actions(alertID: alertID, db) }
    }

    /// Those in one of `states` (empty: in any), in the order of creation.
    public func actions(
        states: [String] = [], limit: Int = 1000
    ) throws(StateError) -> [ActionRow] {
        try read { session, db in try session.actions(states: states, limit: limit, db) }
    }

    /// What `StateTransaction.claimActions` would take.
    public func dueActions(dueAt now: Int64, limit: Int) throws(StateError) -> [ActionRow] {
        try read { session, db in try session.dueActions(dueAt: now, limit: limit, db) }
    }

    /// How many actions had their first call at or after a wall time; of one user when given.
    public func startedActionCount(
        since milliseconds: Int64, ofUser user: (tenant: String, userID: String)? = nil
    ) throws(StateError) -> Int {
        try read { session, db in
            let statement = try session.statement(
                user == nil ? .countStarted : .countStartedOfUser, db)
            defer { statement.reset() }
            statement.bind(milliseconds, at: 1)
            if let user {
                try statement.bind(user.tenant, at: 2, "a tenant")
                try statement.bind(user.userID, at: 3, "a user id")
            }
            return try statement.step() ? Int(statement.integer(0)) : 0
        }
    }

    /// The actions whose first call was at or after a wall time, in the order of those calls.
    public func startedActions(
        since milliseconds: Int64, limit: Int = StateLimit.rows
    ) throws(StateError) -> [ActionStartRow] {
        try read { session, db in
            let statement = try session.statement(.readStarted, db)
            statement.bind(milliseconds, at: 1)
            statement.bind(Session.clamp(limit), at: 2)
            return try session.rows(of: statement) {
                ActionStartRow(
                    actionID: $0.text(0), alertID: $0.text(1), tenant: $0.text(2),
                    userID: $0.text(3), kind: $0.text(4), connector: $0.text(5),
                    application: $0.text(6), startedMilliseconds: $0.integer(7),
                    createdMilliseconds: $0.integer(8))
            }
        }
    }

    /// The journal after a sequence (0 for all), in its order.
    public func journal(
        after sequence: Int64 = 0, limit: Int = StateLimit.rows
    ) throws(StateError) -> [JournalRow] {
        try read { session, db in
            let statement = try session.statement(.readJournal, db)
            statement.bind(sequence, at: 1)
            statement.bind(Session.clamp(limit), at: 2)
            return try session.rows(of: statement) { $0.journal }
        }
    }
}

/// Reads that commits need too. Only inside `use`.
extension Session {
    static func clamp(_ limit: Int) -> Int { max(0, min(limit, StateLimit.rows)) }

    func rows<R>(of statement: Statement, _ make: (Statement) -> R) throws -> [R] {
        var rows: [R] = []
        try statement.forEachRow { rows.append(make(statement)) }
        return rows
    }

    func meta(_ key: String, _ db: Database) throws -> String? {
        let statement = try statement(.readMeta, db)
        try statement.bind(key, at: 1, "a key of meta")
        return try rows(of: statement) { $0.text(0) }.first
    }

    func alert(id: String, _ db: Database) throws -> AlertRow? {
        let statement = try statement(.readAlert, db)
        try statement.bind(id, at: 1, "an alert's id")
        return try rows(of: statement) { $0.alert }.first
    }

    func action(id: String, _ db: Database) throws -> ActionRow? {
        let statement = try statement(.readAction, db)
        try statement.bind(id, at: 1, "an action's id")
        return try rows(of: statement) { $0.action }.first
    }

    func actions(alertID: String, _ db: Database) throws -> [ActionRow] {
        let statement = try statement(.readActionsOfAlert, db)
        try statement.bind(alertID, at: 1, "an alert's id")
        statement.bind(StateLimit.rows, at: 2)
        return try rows(of: statement) { $0.action }
    }

    func dueActions(dueAt now: Int64, limit: Int, _ db: Database) throws -> [ActionRow] {
        let statement = try statement(.dueActions, db)
        statement.bind(now, at: 1)
        statement.bind(Self.clamp(limit), at: 2)
        return try rows(of: statement) { $0.action }
    }

    /// Sequence 0 and no hash when there is no entry.
    func lastJournal(_ db: Database) throws -> (sequence: Int64, hash: [UInt8]) {
        try rows(of: statement(.lastJournal, db)) { ($0.integer(0), $0.bytes(1)) }.first ?? (0, [])
    }

    func actions(states: [String], limit: Int, _ db: Database) throws -> [ActionRow] {
        var sql = "SELECT \(Query.actionColumns) FROM action"
        if !states.isEmpty { sql += " WHERE state IN (\(Self.places(states.count)))" }
        sql += " ORDER BY sequence LIMIT \(Self.clamp(limit))"
        return try once(sql, db) { statement in
            for (index, state) in states.enumerated() {
                try statement.bind(state, at: Int32(index + 1), "an action's state")
            }
            return try rows(of: statement) { $0.action }
        }
    }

    func alerts(_ filter: AlertFilter, _ db: Database) throws -> [AlertRow] {
        var conditions: [String] = []
        var binds: [(Statement, Int32) throws -> Void] = []
        func add(_ condition: String, _ bind: @escaping (Statement, Int32) throws -> Void) {
            conditions.append(condition)
            binds.append(bind)
        }
        if let key = filter.userKey { add("a.user_key = ?") { $0.bind(key, at: $1) } }
        if let user = filter.userID {
            add("a.user_id = ?") { try $0.bind(user, at: $1, "a user id") }
        }
        if let tenant = filter.tenant {
            add("a.tenant = ?") { try $0.bind(tenant, at: $1, "a tenant") }
        }
        if let since = filter.since { add("a.time_ms >= ?") { $0.bind(since, at: $1) } }
        if let until = filter.until { add("a.time_ms < ?") { $0.bind(until, at: $1) } }
        if filter.minimumRisk > 0 {
            add("a.risk >= ?") { $0.bind(filter.minimumRisk, at: $1) }
        }
        if !filter.statuses.isEmpty {
            conditions.append("a.status IN (\(Self.places(filter.statuses.count)))")
            for status in filter.statuses {
                binds.append { try $0.bind(status, at: $1, "an alert's status") }
            }
        }
        var sql = "SELECT \(Query.alertColumns) FROM \(Query.alertTables)"
        if !conditions.isEmpty { sql += " WHERE " + conditions.joined(separator: " AND ") }
        sql += " ORDER BY "
        switch filter.order {
        case .oldestFirst: sql += "a.time_ms, a.first_sequence"
        case .newestFirst: sql += "a.time_ms DESC, a.first_sequence"
        case .riskFirst: sql += "a.risk DESC, a.time_ms DESC, a.first_sequence"
        case .raisedFirst: sql += "a.first_sequence"
        }
        sql += " LIMIT \(Self.clamp(filter.limit))"
        return try once(sql, db) { statement in
            for (index, bind) in binds.enumerated() { try bind(statement, Int32(index + 1)) }
            return try rows(of: statement) { $0.alert }
        }
    }

    static func places(_ count: Int) -> String {
        Array(repeating: "?", count: count).joined(separator: ", ")
    }

    /// For a statement whose text depends on what is asked.
    func once<R>(
        _ sql: String, _ db: Database, _ body: (Statement) throws -> R
    ) throws -> R {
        let statement = try Statement(sql, on: connection(db), isKept: false)
        defer { statement.finalize() }
        return try body(statement)
    }
}

/// Rows by the column lists of `Query`.
extension Statement {
    var checkpoint: CheckpointRow {
        CheckpointRow(
            sourceKey: text(0), path: text(1), device: unsigned(2), inode: unsigned(3),
            offset: unsigned(4), line: unsigned(5),
            headLength: UInt32(truncatingIfNeeded: integer(6)), headHash: unsigned(7),
            tailHash: unsigned(8), isComplete: integer(9) != 0, compressedSize: unsigned(10),
            modified: integer(11), formatName: text(12), lastTime: integer(13))
    }

    var alert: AlertRow {
        AlertRow(
            newest: AlertRevision(
                alertID: text(0), revision: Int(integer(1)), status: text(2), userKey: unsigned(3),
                tenant: text(4), userID: text(5), timeMilliseconds: integer(6),
                risk: Int(integer(7)), severity: Int(integer(8)), json: bytes(9)),
            firstSequence: integer(10), lastSequence: integer(11))
    }

    var revision: RevisionRow {
        RevisionRow(
            sequence: integer(0), alertID: text(1), revision: Int(integer(2)), json: bytes(3))
    }

    var action: ActionRow {
        ActionRow(
            id: text(0), alertID: text(1), alertRevision: Int(integer(2)), tenant: text(3),
            userID: text(4), userName: text(17), sessionID: text(5), timeMilliseconds: integer(18),
            kind: text(6), target: text(7), connector: text(8), state: text(9),
            attempts: Int(integer(10)), firstStartedMilliseconds: isNull(19) ? nil : integer(19),
            nextAttemptMilliseconds: integer(11),
            createdMilliseconds: integer(12), updatedMilliseconds: integer(13),
            lastError: text(14), payload: bytes(15), result: text(16), application: text(20),
            sequence: integer(21))
    }

    var journal: JournalRow {
        JournalRow(
            sequence: integer(0), timeMilliseconds: integer(1), actor: text(2), alertID: text(3),
            actionID: text(4), what: text(5), detail: bytes(6), previousHash: bytes(7),
            hash: bytes(8))
    }
}
