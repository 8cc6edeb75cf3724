internal import GRDB
internal import GRDBSQLite

/// Reads profiles, many at a time, beside commits.
public final class ProfileReader: @unchecked Sendable {
    private let session: Session

    init(session: Session) throws(StateError) {
        self.session = session
        try session.use { db in _ = try session.statement(.readProfile, db) }
    }

    /// Reads the profiles of `keys` as they were in one commit, the newest when the call begins.
    ///
    /// For each that exists, `found` is called with its index in `keys` and its bytes, which are
    /// valid during that call only. Keys in ascending order are read fastest; a key may come twice.
    ///
    /// Cost: about 3 µs a key when the system has the file in memory. Takes no memory but a cache
    /// of fixed size. An error that `found` throws comes out as `StateError.abandoned` (a
    /// `StateError` as it is).
    public func read(
        keys: UnsafeBufferPointer<UInt64>,
        found: (Int, UnsafeRawBufferPointer) throws -> Void
    ) throws(StateError) {
        if keys.isEmpty { return }
        try session.use { db in
            // One transaction for all keys; alone, each would lock and look at the log again.
            let begins = !db.isInsideTransaction
            if begins { try session.statement(.begin, db).run() }
            defer {
                if begins { try? session.statement(.commit, db).run() }
            }
            let statement = try session.statement(.readProfile, db)
            let handle = statement.handle
            for index in keys.indices {
                sqlite3_bind_int64(handle, 1, StateStore.rowOrder(keys[index]))
                let code = sqlite3_step(handle)
                if code == SQLITE_ROW {
                    // An empty one has no address.
                    let base = sqlite3_column_blob(handle, 0)
                    let count = base == nil ? 0 : Int(sqlite3_column_bytes(handle, 0))
                    defer { sqlite3_reset(handle) }
                    try found(index, UnsafeRawBufferPointer(start: base, count: count))
                } else if code == SQLITE_DONE {
                    sqlite3_reset(handle)
                } else {
                    let failure = SQLiteFailure(code: code, connection: sqlite3_db_handle(handle))
                    sqlite3_reset(handle)
                    throw failure
                }
            }
        }
    }
}
