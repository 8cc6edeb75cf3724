internal import GRDBSQLite

/// A SQLite file, opened for each statement.
struct SQLiteDatabase: SQLDatabase {
    let path: String
    var place: String { path }

    /// Throws `badFile` unless the file is there: none is made.
    init(path: String) throws(ResponseError) {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw .badSetting(name: "'file'", value: path, allowed: "an absolute path")
        }
        try requireReadable(path)
        self.path = path
    }

    func run(
        _ statement: SQLStatement, _ values: [String], milliseconds: Int, keeps: (Int) -> Bool
    ) -> SQLAnswer {
        let session: SQLiteSession
        do throws(SQLiteTrouble) {
            session = try SQLiteSession(path: path, milliseconds: milliseconds)
            try session.execute("BEGIN IMMEDIATE")
            let (rows, number) = try session.execute(statement.marked, values)
            let isKept = keeps(rows)
            try session.execute(isKept ? "COMMIT" : "ROLLBACK")
            return .rows(rows, number: number, isKept: isKept)
        } catch {
            return error.answer
        }
    }
}

/// What SQLite answered instead of success.
private struct SQLiteTrouble: Error {
    let code: Int32
    let message: String

    /// A commit is there as a whole or not at all, and its failure says that it is not.
    var answer: SQLAnswer {
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_INTERRUPT, SQLITE_NOMEM, SQLITE_IOERR, SQLITE_FULL,
            SQLITE_CANTOPEN, SQLITE_PROTOCOL:
            .again(message, mayHaveHappened: false)
        default: .refused(message)
        }
    }
}

/// One connection, closed when it goes away; an open transaction is then rolled back.
@safe private final class SQLiteSession {
    private let handle: OpaquePointer
    private let deadline: UnsafeMutablePointer<ContinuousClock.Instant>

    init(path: String, milliseconds: Int) throws(SQLiteTrouble) {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            let message = unsafe handle.map { unsafe String(cString: sqlite3_errmsg($0)) }
            unsafe sqlite3_close_v2(handle)
            throw SQLiteTrouble(code: code, message: message ?? "out of memory")
        }
        unsafe self.handle = handle
        unsafe deadline = .allocate(capacity: 1)
        unsafe deadline.initialize(to: .now + .milliseconds(milliseconds))
        unsafe sqlite3_busy_timeout(handle, Int32(clamping: milliseconds))
        // A file made by somebody else must not run code of its own making.
        unsafe sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
        unsafe sqlite3_progress_handler(
            handle, 1000,
            { context in
                let deadline = unsafe context!.assumingMemoryBound(
                    to: ContinuousClock.Instant.self)
                return unsafe .now > deadline.pointee ? 1 : 0
            }, deadline)
    }

    deinit {
        unsafe sqlite3_close_v2(handle)
        unsafe deadline.deallocate()
    }

    /// Rows changed or given, and the first value when it is a whole number.
    @discardableResult
    func execute(
        _ sql: String, _ values: [String] = []
    ) throws(SQLiteTrouble) -> (rows: Int, number: Int?) {
        var statement: OpaquePointer?
        var rest: UnsafePointer<CChar>?
        var code = SQLITE_OK
        var isOne = true
        var copy = sql
        copy.withUTF8 { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                code = unsafe sqlite3_prepare_v2(
                    handle, text.baseAddress, Int32(text.count), &statement, &rest)
                if let rest = unsafe rest, let base = text.baseAddress {
                    let used = unsafe rest - base
                    isOne = unsafe text[used...].allSatisfy { $0 == 0x20 || (9...13).contains($0) }
                }
            }
        }
        defer { unsafe sqlite3_finalize(statement) }
        guard code == SQLITE_OK, let statement = unsafe statement else { throw trouble(code) }
        guard isOne else {
            throw SQLiteTrouble(code: SQLITE_ERROR, message: "there is more than one statement")
        }
        for (index, value) in values.enumerated() {
            // SQLITE_TRANSIENT: SQLite takes a copy.
            let copied = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            let code = unsafe sqlite3_bind_text(
                statement, Int32(index + 1), value, Int32(value.utf8.count), copied)
            guard code == SQLITE_OK else { throw trouble(code) }
        }
        let before = unsafe sqlite3_total_changes64(handle)
        var given = 0
        var number: Int?
        while true {
            let code = unsafe sqlite3_step(statement)
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else { throw trouble(code) }
            if given == 0, unsafe sqlite3_column_type(statement, 0) == SQLITE_INTEGER {
                number = Int(unsafe sqlite3_column_int64(statement, 0))
            }
            given += 1
        }
        // What triggers and cascades change is not counted: it is the application's own doing.
        let isReader = unsafe sqlite3_stmt_readonly(statement) != 0
        let didChange = unsafe sqlite3_total_changes64(handle) != before
        let changed = didChange ? Int(unsafe sqlite3_changes64(handle)) : 0
        return (isReader ? given : changed, number)
    }

    private func trouble(_ code: Int32) -> SQLiteTrouble {
        SQLiteTrouble(code: code, message: unsafe String(cString: sqlite3_errmsg(handle)))
    }
}
