internal import Glibc
internal import GRDB
internal import GRDBSQLite

/// What of SQLite was chosen by measurement; tests and benchmarks try others.
package struct StateTuning: Sendable {
    /// In bytes; of a new state only.
    package var pageSize = 8192
    /// Of the writing connection, in KiB.
    package var writerCache = 8 << 10
    /// Of each reading connection, in KiB.
    package var readerCache = 4 << 10
    /// When the log is this long, a commit moves it into the database, in bytes.
    package var checkpointBytes = 64 << 20
    /// Whether a new state's first commit goes straight to the file, without the log.
    package var isFirstCommitDirect = true
    /// Above this many pages a write finds the disk full; 0 for no such limit.
    package var maximumPages = 0

    package init() {}
}

/// One SQLite connection with its prepared statements, used by one thread at a time.
final class Session: @unchecked Sendable {
    /// As people are shown it.
    let path: String
    private let queue: DatabaseQueue
    /// By `Query.rawValue`; touched inside `use` only, as is `isClosed`.
    private var statements = [Statement?](repeating: nil, count: Query.allCases.count)
    private var isClosed = false

    /// How long SQLite waits for its own short locks (recovery of a log, a last checkpoint).
    private static let busySeconds = 10.0

    init(path: String, opening name: String, isReadOnly: Bool) throws(StateError) {
        self.path = path
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.busyMode = .timeout(Self.busySeconds)
        configuration.label = "state"
        // A read inside a commit is let through, and `commit` itself sees to its end.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in
            // Views and triggers of a state that someone else made may call no functions with
            // effects.
            try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY")
        }
        do {
            queue = try DatabaseQueue(path: name, configuration: configuration)
        } catch {
            throw StateError(error, path: path)
        }
    }

    /// Runs `body` with the connection to itself. May be called inside itself.
    func use<R>(_ body: (Database) throws -> R) throws(StateError) -> R {
        do {
            return try queue.unsafeReentrantWrite { db in
                guard !isClosed else {
                    throw StateError.refused(path: path, reason: "it was used after it was closed")
                }
                do {
                    return try body(db)
                } catch let error as DatabaseError {
                    // Here, as the connection knows which system call failed.
                    throw StateError(
                        code: error.extendedResultCode.rawValue, message: error.message ?? "",
                        systemError: sqlite3_system_errno(db.sqliteConnection), path: path)
                }
            }
        } catch {
            throw StateError(error, path: path)
        }
    }

    /// Only inside `use`.
    func statement(_ query: Query, _ db: Database) throws -> Statement {
        if let known = statements[query.rawValue] { return known }
        let new = try Statement(query.sql, on: connection(db))
        statements[query.rawValue] = new
        return new
    }

    /// Only inside `use`.
    func connection(_ db: Database) throws -> OpaquePointer {
        guard let connection = db.sqliteConnection else {
            throw StateError.refused(path: path, reason: "it was used after it was closed")
        }
        return connection
    }

    /// - Parameter checkpoints: whether to move the log into the database first, so that what is
    ///   left is one file. A reader in the middle of a read, or a full disk, leaves the log for
    ///   later.
    func close(checkpoints: Bool) {
        queue.unsafeReentrantWrite { db in
            guard !isClosed else { return }
            isClosed = true
            for statement in statements { sqlite3_finalize(statement?.handle) }
            statements = []
            if checkpoints {
                sqlite3_busy_timeout(db.sqliteConnection, 100)
                _ = try? db.checkpoint(.truncate)
            }
        }
        try? queue.close()
    }

    deinit { close(checkpoints: false) }
}

extension Session {
    func makeReader(_ tuning: StateTuning) throws(StateError) {
        try use { db in
            try db.execute(
                sql: "PRAGMA query_only = ON; PRAGMA cache_size = -\(tuning.readerCache)")
        }
    }

    /// Refuses what is not a state or is of another version, and returns the version: 0 for a file
    /// without anything in it.
    func checkIdentity() throws(StateError) -> Int {
        try use { db in
            let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            if application == 0 {
                // A first run that was killed early leaves the empty list of migrations, as GRDB makes
                // it in a transaction of its own.
                let others = try Int.fetchOne(
                    db,
                    sql: "SELECT count(*) FROM sqlite_master WHERE tbl_name <> 'grdb_migrations'")
                var isNew = version == 0 && others == 0
                if isNew, try db.tableExists("grdb_migrations") {
                    let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM grdb_migrations")
                    isNew = count == 0
                }
                guard isNew else {
                    throw StateError.foreign(
                        path: path, reason: "it is an SQLite database of another program")
                }
                return 0
            }
            guard application == Schema.applicationID else {
                throw StateError.foreign(
                    path: path, reason: "it is an SQLite database of another program")
            }
            guard version <= Schema.version else {
                throw StateError.newerVersion(
                    path: path, found: version, supported: Schema.version)
            }
            return version
        }
    }

    /// Makes the connection a writer: the cache and the tables of this version; and the log, unless
    /// the state is new.
    ///
    /// Returns whether it is new, and so writes its first commit without a log.
    func makeWriter(_ tuning: StateTuning, version: Int) throws(StateError) -> Bool {
        let isDirect = version == 0 && tuning.isFirstCommitDirect
        do {
            try use { db in
                if version == 0 {
                    try db.execute(sql: "PRAGMA page_size = \(tuning.pageSize)")
                }
                // FAST overwrites what was deleted, as far as that costs no further write.
                try db.execute(
                    sql: """
                        PRAGMA secure_delete = FAST;
                        PRAGMA cache_size = -\(tuning.writerCache);
                        PRAGMA synchronous = FULL;
                        """)
                if tuning.maximumPages > 0 {
                    try db.execute(sql: "PRAGMA max_page_count = \(tuning.maximumPages)")
                }
            }
            if !isDirect { try useLog(tuning) }
            if version < Schema.version { try Schema.migrator.migrate(queue) }
            return isDirect
        } catch {
            throw StateError(error, path: path)
        }
    }

    /// From now on commits go to SQLite's log first, so that reads go on beside them.
    func useLog(_ tuning: StateTuning) throws(StateError) {
        try use { db in
            let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? tuning.pageSize
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") ?? ""
            guard mode == "wal" || mode == "memory" else {
                throw StateError.cannotOpen(
                    path: path,
                    reason: "its file system has no shared memory for SQLite's log; "
                        + "name a file on a local disk with --state")
            }
            // NORMAL: kill -9 loses nothing; a power cut may lose the last commits, whole.
            try db.execute(
                sql: """
                    PRAGMA synchronous = NORMAL;
                    PRAGMA wal_autocheckpoint = \(max(1, tuning.checkpointBytes / pageSize));
                    PRAGMA journal_size_limit = \(tuning.checkpointBytes * 2);
                    """)
        }
    }
}

extension StateError {
    /// Any error of the layers below, in our words.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StateError: self = error
        case let error as SQLiteFailure:
            self.init(
                code: error.code, message: error.message, systemError: error.systemError, path: path
            )
        case let error as DatabaseError:
            self.init(
                code: error.extendedResultCode.rawValue, message: error.message ?? "",
                systemError: 0, path: path)
        default: self = .abandoned(path: path, reason: "\(error)")
        }
    }

    init(code: Int32, message: String, systemError: Int32, path: String) {
        let primary = code & 0xFF
        var reason = "\(message) (SQLite \(code)"
        if systemError != 0 { reason += ", \(systemReason(systemError))" }
        reason += ")"
        switch primary {
        case SQLITE_FULL: self = .diskFull(path: path)
        case SQLITE_IOERR where [ENOSPC, EDQUOT, EFBIG].contains(systemError):
            self = .diskFull(path: path)
        case SQLITE_BUSY, SQLITE_LOCKED:
            self = .locked(path: path, holder: StateLock.holder(ofStateAt: path))
        case SQLITE_NOTADB: self = .foreign(path: path, reason: reason)
        case SQLITE_CORRUPT: self = .damaged(path: path, reason: reason)
        case SQLITE_READONLY where code == readOnlyRollback:
            self = .cannotOpen(
                path: path, reason: "its first run was stopped in the middle; run it again")
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
            self = .cannotOpen(path: path, reason: reason)
        default: self = .failed(path: path, reason: reason)
        }
    }
}

/// SQLITE_READONLY_ROLLBACK, a macro that Swift does not see: there is a half commit to undo, which
/// a reader may not.
private let readOnlyRollback = SQLITE_READONLY | 3 << 8
