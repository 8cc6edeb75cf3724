internal import GRDB
internal import GRDBSQLite

/// The writes of one commit; exists inside `StateStore.commit` only.
///
/// A value above its `StateLimit` is refused and leaves the transaction as it was.
public struct StateTransaction: ~Copyable {
    let session: Session
    let database: Database
    private let connection: OpaquePointer
    private let profilePut: Statement
    /// The first failure of SQLite, which undoes the whole commit. After some, as a full disk,
    /// SQLite has left the transaction, and further writes would each be a commit of their own.
    private(set) var failure: StateError?

    init(session: Session, database: Database, connection: OpaquePointer, profilePut: Statement) {
        self.session = session
        self.database = database
        self.connection = connection
        self.profilePut = profilePut
    }

    /// Lets go of the caller's memory.
    func end() { profilePut.reset() }

    // MARK: - Profiles

    /// Writes a profile over the one of the same key, if there is one.
    ///
    /// Put keys in ascending order (see `StateStore.rowOrder`): then each page of the file is
    /// touched once. `bytes` are not copied before they are in the page, and may be gone after the
    /// call. Cost: 1 to 2 µs a kilobyte.
    public mutating func putProfile(
        key: UInt64, bytes: UnsafeRawBufferPointer
    ) throws(StateError) {
        if let failure { throw failure }
        let handle = profilePut.handle
        guard bytes.count <= StateLimit.profile else {
            throw .tooLarge(what: "a profile", bytes: bytes.count, limit: StateLimit.profile)
        }
        sqlite3_bind_int64(handle, 1, StateStore.rowOrder(key))
        if let base = bytes.baseAddress, bytes.count > 0 {
            // No destructor is SQLITE_STATIC.
            sqlite3_bind_blob(handle, 2, base, Int32(bytes.count), nil)
        } else {
            sqlite3_bind_zeroblob(handle, 2, 0)
        }
        let code = sqlite3_step(handle)
        if code != SQLITE_DONE {
            let error = SQLiteFailure(code: code, connection: connection)
            sqlite3_reset(handle)
            throw fail(error)
        }
        sqlite3_reset(handle)
    }

    // MARK: - Alerts

    /// Appends a revision to the revision log, makes it the newest of its alert, and returns its
    /// sequence.
    ///
    /// Throws `StateError.refused` when the alert already has this revision or a later one.
    @discardableResult
    public mutating func putAlertRevision(_ row: AlertRevision) throws(StateError) -> Int64 {
        try run { session, database in
            if let known = try session.alert(id: row.alertID, database),
                known.revision >= row.revision
            {
                throw StateError.refused(
                    path: session.path,
                    reason: "revision \(row.revision) of alert \(row.alertID) came after "
                        + "revision \(known.revision)")
            }
            let log = try session.statement(.putRevision, database)
            try log.bind(row.alertID, at: 1, "an alert's id")
            log.bind(row.revision, at: 2)
            try log.bind(row.json, at: 3, limit: StateLimit.document, "an alert")
            let put = try session.statement(.putAlert, database)
            try put.bind(row.alertID, at: 1, "an alert's id")
            put.bind(row.revision, at: 2)
            try put.bind(row.status, at: 3, "an alert's status")
            put.bind(row.userKey, at: 4)
            try put.bind(row.tenant, at: 5, "a tenant")
            try put.bind(row.userID, at: 6, "a user id")
            put.bind(row.timeMilliseconds, at: 7)
            put.bind(row.risk, at: 8)
            put.bind(row.severity, at: 9)
            try log.run()
            let sequence = sqlite3_last_insert_rowid(try session.connection(database))
            put.bind(sequence, at: 10)
            try put.run()
            return sequence
        }
    }

    // MARK: - All users

    /// Writes a page of what is known of all users over the one of the same number.
    public mutating func putOrganizationPage(
        part: Int, page: Int, bytes: UnsafeRawBufferPointer
    ) throws(StateError) {
        try run { session, database in
            let put = try session.statement(.putOrganizationPage, database)
            put.bind(Int64(part), at: 1)
            put.bind(Int64(page), at: 2)
            try put.bind(Array(bytes), at: 3, limit: StateLimit.document, "a page")
            try put.run()
        }
    }

    // MARK: - Positions

    /// Writes a source's position over the one of the same key.
    public mutating func putCheckpoint(_ row: CheckpointRow) throws(StateError) {
        try run { session, database in
            let put = try session.statement(.putCheckpoint, database)
            try put.bind(row.sourceKey, at: 1, "a source's key")
            try put.bind(row.path, at: 2, "a source's path")
            put.bind(row.device, at: 3)
            put.bind(row.inode, at: 4)
            put.bind(row.offset, at: 5)
            put.bind(row.line, at: 6)
            put.bind(Int64(row.headLength), at: 7)
            put.bind(row.headHash, at: 8)
            put.bind(row.tailHash, at: 9)
            put.bind(row.isComplete ? 1 : 0, at: 10)
            put.bind(row.compressedSize, at: 11)
            put.bind(row.modified, at: 12)
            try put.bind(row.formatName, at: 13, "a format's name")
            put.bind(row.lastTime, at: 14)
            try put.run()
        }
    }

    /// Forgets a source; no error when it is not known.
    public mutating func removeCheckpoint(sourceKey: String) throws(StateError) {
        try run { session, database in
            let remove = try session.statement(.removeCheckpoint, database)
            try remove.bind(sourceKey, at: 1, "a source's key")
            try remove.run()
        }
    }

    /// Writes an output's position over the one of the same name.
    public mutating func putOutput(_ row: OutputRow) throws(StateError) {
        try run { session, database in
            let put = try session.statement(.putOutput, database)
            try put.bind(row.name, at: 1, "an output's name")
            put.bind(row.committedLength, at: 2)
            put.bind(row.lastSequence, at: 3)
            try put.run()
        }
    }

    /// Forgets an output; no error when it is not known.
    public mutating func removeOutput(_ name: String) throws(StateError) {
        try run { session, database in
            let remove = try session.statement(.removeOutput, database)
            try remove.bind(name, at: 1, "an output's name")
            try remove.run()
        }
    }

    /// Writes a value of `meta`; nil removes it.
    public mutating func setMeta(key: String, value: String?) throws(StateError) {
        try run { session, database in
            let put = try session.statement(value == nil ? .removeMeta : .putMeta, database)
            try put.bind(key, at: 1, "a key of meta")
            if let value {
                try put.bind(value, at: 2, limit: StateLimit.note, "a value of meta")
            }
            try put.run()
        }
    }

    // MARK: - Actions

    /// Adds an action to the outbox; one whose id is there already is left as it is.
    ///
    /// `sequence` is given by the store. Returns whether it was added.
    @discardableResult
    public mutating func putAction(_ row: ActionRow) throws(StateError) -> Bool {
        try run { session, database in
            let put = try session.statement(.putAction, database)
            try put.bind(row.id, at: 1, "an action's id")
            try put.bind(row.alertID, at: 2, "an alert's id")
            put.bind(row.alertRevision, at: 3)
            try put.bind(row.tenant, at: 4, "a tenant")
            try put.bind(row.userID, at: 5, "a user id")
            try put.bind(row.sessionID, at: 6, "a session id")
            try put.bind(row.kind, at: 7, "an action's kind")
            try put.bind(row.target, at: 8, "an action's target")
            try put.bind(row.connector, at: 9, "a connector's name")
            try put.bind(row.state, at: 10, "an action's state")
            put.bind(row.attempts, at: 11)
            put.bind(row.nextAttemptMilliseconds, at: 12)
            put.bind(row.createdMilliseconds, at: 13)
            put.bind(row.updatedMilliseconds, at: 14)
            try put.bind(row.lastError, at: 15, limit: StateLimit.note, "an action's error")
            try put.bind(row.payload, at: 16, limit: StateLimit.document, "an action's payload")
            try put.bind(row.result, at: 17, limit: StateLimit.note, "an action's result")
            try put.bind(row.userName, at: 18, "a user's name")
            put.bind(row.timeMilliseconds, at: 19)
            put.bind(row.firstStartedMilliseconds, at: 20)
            try put.bind(row.application, at: 21, "an application's name")
            try put.run()
            return sqlite3_changes(try session.connection(database)) > 0
        }
    }

    /// Writes what changes in an action's life: state, attempts, times, error, payload, result,
    /// connector and the alert's revision, by its id. What it is and for whom never changes.
    ///
    /// Returns whether there is such an action.
    @discardableResult
    public mutating func updateAction(_ row: ActionRow) throws(StateError) -> Bool {
        try run { session, database in
            let update = try session.statement(.updateAction, database)
            try update.bind(row.id, at: 1, "an action's id")
            try update.bind(row.state, at: 2, "an action's state")
            update.bind(row.attempts, at: 3)
            update.bind(row.nextAttemptMilliseconds, at: 4)
            update.bind(row.updatedMilliseconds, at: 5)
            try update.bind(row.lastError, at: 6, limit: StateLimit.note, "an action's error")
            try update.bind(row.payload, at: 7, limit: StateLimit.document, "an action's payload")
            try update.bind(row.result, at: 8, limit: StateLimit.note, "an action's result")
            try update.bind(row.connector, at: 9, "a connector's name")
            update.bind(row.firstStartedMilliseconds, at: 10)
            update.bind(row.alertRevision, at: 11)
            try update.run()
            return sqlite3_changes(try session.connection(database)) > 0
        }
    }

    /// Takes the pending actions whose time has come, in the order of creation: of each user only
    /// the oldest that is pending, so that a user's actions happen in order.
    ///
    /// Each counts one more attempt and is due again after the lease. So when this run is killed
    /// between the call and its record, a later one finds the action and repeats it with the same
    /// id, and an action that ends the program is not tried for ever.
    public mutating func claimActions(
        dueAt now: Int64, leaseMilliseconds: Int64, limit: Int
    ) throws(StateError) -> [ActionRow] {
        try run { session, database in
            let lease = now.addingReportingOverflow(max(0, leaseMilliseconds))
            var rows = try session.dueActions(dueAt: now, limit: limit, database)
            let claim = try session.statement(.claimAction, database)
            for index in rows.indices {
                rows[index].attempts += 1
                rows[index].firstStartedMilliseconds = rows[index].firstStartedMilliseconds ?? now
                rows[index].nextAttemptMilliseconds = lease.overflow ? .max : lease.partialValue
                rows[index].updatedMilliseconds = now
                try claim.bind(rows[index].id, at: 1, "an action's id")
                claim.bind(rows[index].nextAttemptMilliseconds, at: 2)
                claim.bind(now, at: 3)
                try claim.run()
            }
            return rows
        }
    }

    /// Appends to the journal and returns the entry as it was written.
    ///
    /// - Parameters:
    ///   - row: Its `sequence`, `previousHash` and `hash` are filled in here.
    ///   - hash: Of the entry, whose `sequence` and `previousHash` are right; called once.
    @discardableResult
    public mutating func appendJournal(
        _ row: JournalRow, hash: (JournalRow) throws -> [UInt8]
    ) throws(StateError) -> JournalRow {
        try run { session, database in
            let (last, previousHash) = try session.lastJournal(database)
            var row = row
            row.sequence = last + 1
            row.previousHash = previousHash
            row.hash = try hash(row)
            let put = try session.statement(.putJournal, database)
            put.bind(row.sequence, at: 1)
            put.bind(row.timeMilliseconds, at: 2)
            try put.bind(row.actor, at: 3, "a journal entry's actor")
            try put.bind(row.alertID, at: 4, "an alert's id")
            try put.bind(row.actionID, at: 5, "an action's id")
            try put.bind(row.what, at: 6, "a journal entry's text")
            try put.bind(row.detail, at: 7, limit: StateLimit.document, "a journal entry's detail")
            try put.bind(row.previousHash, at: 8, limit: StateLimit.name, "a hash")
            try put.bind(row.hash, at: 9, limit: StateLimit.name, "a hash")
            try put.run()
            return row
        }
    }

    // MARK: - What the transaction sees, its own writes included

    /// Empty when there is no entry.
    public mutating func lastJournalHash() throws(StateError) -> [UInt8] {
        try run { session, database in try session.lastJournal(database).hash }
    }

    public mutating func alert(id: String) throws(StateError) -> AlertRow? {
        try run { session, database in try session.alert(id: id, database) }
    }

    public mutating func action(id: String) throws(StateError) -> ActionRow? {
        try run { session, database in try session.action(id: id, database) }
    }

    /// In the order of creation; at most `StateLimit.rows`.
    public mutating func actions(alertID: String) throws(StateError) -> [ActionRow] {
        try run { session, database in try session.actions(alertID: alertID, database) }
    }

    public mutating func actions(
        states: [String], limit: Int = 1000
    ) throws(StateError) -> [ActionRow] {
        try run { session, database in
            try session.actions(states: states, limit: limit, database)
        }
    }

    public mutating func meta(_ key: String) throws(StateError) -> String? {
        try run { session, database in try session.meta(key, database) }
    }

    // MARK: -

    mutating func run<R>(
        _ body: (Session, Database) throws -> R
    ) throws(StateError) -> R {
        if let failure { throw failure }
        do {
            return try body(session, database)
        } catch let error as StateError {
            throw error
        } catch {
            throw fail(error)
        }
    }

    private mutating func fail(_ error: any Error) -> StateError {
        let error = StateError(error, path: session.path)
        if failure == nil { failure = error }
        return error
    }
}
