internal import GRDB
internal import GRDBSQLite

/// What SQLite answered instead of success.
struct SQLiteFailure: Error {
    /// Extended.
    let code: Int32
    let message: String
    /// `errno` of the call that failed, or 0.
    let systemError: Int32

    init(code: Int32, connection: OpaquePointer?) {
        self.code = code
        message = String(cString: sqlite3_errmsg(connection))
        systemError = sqlite3_system_errno(connection)
    }
}

/// A prepared statement, used in steps: bind, step, read columns, reset.
///
/// Rows go through SQLite's own calls rather than GRDB's rows: a profile's bytes are bound where
/// they lie, and the columns of a damaged file are converted, never trusted (GRDB ends the program
/// at a value of another type).
struct Statement {
    let handle: OpaquePointer

    init(_ sql: String, on connection: OpaquePointer, isKept: Bool = true) throws(SQLiteFailure) {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v3(
            connection, sql, -1, isKept ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0, &handle, nil)
        guard code == SQLITE_OK, let handle else {
            throw SQLiteFailure(code: code, connection: connection)
        }
        self.handle = handle
    }

    // MARK: Binding. A failure (memory) shows at the step, as the column is then NULL.

    func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(handle, index, value) }
    func bind(_ value: Int, at index: Int32) { sqlite3_bind_int64(handle, index, Int64(value)) }
    func bind(_ value: UInt64, at index: Int32) {
        sqlite3_bind_int64(handle, index, Int64(bitPattern: value))
    }

    /// After `reset` a parameter is NULL until it is bound.
    func bind(_ value: Int64?, at index: Int32) { if let value { bind(value, at: index) } }

    /// Refuses a text above `limit` bytes.
    func bind(
        _ value: String, at index: Int32, limit: Int = StateLimit.name, _ what: StaticString
    ) throws(StateError) {
        var value = value
        let count = value.utf8.count
        guard count <= limit else {
            throw .tooLarge(what: "\(what)", bytes: count, limit: limit)
        }
        value.withUTF8 { bytes in
            // An empty buffer may have no address, which would bind NULL.
            guard let base = bytes.baseAddress, count > 0 else {
                sqlite3_bind_text(handle, index, "", 0, nil)
                return
            }
            base.withMemoryRebound(to: CChar.self, capacity: count) {
                _ = sqlite3_bind_text(handle, index, $0, Int32(count), copied)
            }
        }
    }

    func bind(
        _ value: [UInt8], at index: Int32, limit: Int, _ what: StaticString
    ) throws(StateError) {
        guard value.count <= limit else {
            throw .tooLarge(what: "\(what)", bytes: value.count, limit: limit)
        }
        _ = value.withUnsafeBytes { bytes in
            if bytes.isEmpty {
                sqlite3_bind_zeroblob(handle, index, 0)
            } else {
                sqlite3_bind_blob(handle, index, bytes.baseAddress, Int32(bytes.count), copied)
            }
        }
    }

    /// SQLITE_TRANSIENT: SQLite takes a copy.
    private var copied: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    // MARK: Stepping

    /// Whether there is a row.
    func step() throws(SQLiteFailure) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let failure = SQLiteFailure(code: code, connection: sqlite3_db_handle(handle))
            reset()
            throw failure
        }
    }

    /// Runs a statement without rows and makes it ready for the next time.
    func run() throws(SQLiteFailure) {
        _ = try step()
        reset()
    }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    func finalize() { sqlite3_finalize(handle) }

    /// Calls `body` at each row and makes the statement ready for the next time, whatever happens.
    func forEachRow(_ body: () throws -> Void) throws {
        defer { reset() }
        while try step() { try body() }
    }

    // MARK: Columns

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func unsigned(_ column: Int32) -> UInt64 { UInt64(bitPattern: integer(column)) }
    func text(_ column: Int32) -> String {
        guard let base = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
    }
    func bytes(_ column: Int32) -> [UInt8] {
        guard let base = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](
            UnsafeRawBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
