internal import CPostgres
internal import Glibc

/// A PostgreSQL database, with a connection for each statement.
struct PostgreSQLDatabase: SQLDatabase {
    let connection: SecretValue
    var place: String { "PostgreSQL" }

    func run(
        _ statement: SQLStatement, _ values: [String], milliseconds: Int, keeps: (Int) -> Bool
    ) -> SQLAnswer {
        let text: String
        do throws(ResponseError) { text = try connection.text() } catch {
            return .again("\(error)", mayHaveHappened: false)
        }
        var masks = [text]
        var isCommitting = false
        do throws(PostgreSQLTrouble) {
            masks.append(try PostgreSQLLink.password(in: text))
            let link = try PostgreSQLLink(text, milliseconds: milliseconds)
            try link.run("BEGIN")
            // The server gives up by itself, so that nothing goes on when we have gone away.
            try link.run("SET LOCAL statement_timeout = \(milliseconds)")
            try link.run("SET LOCAL lock_timeout = \(max(1, milliseconds / 2))")
            let (rows, number) = try link.run(statement.numbered, values)
            guard rows >= 0 else {
                throw PostgreSQLTrouble(
                    status: CPOSTGRES_ERROR, sqlstate: "42601", message: "it tells no rows")
            }
            let isKept = keeps(rows)
            isCommitting = isKept
            try link.run(isKept ? "COMMIT" : "ROLLBACK")
            return .rows(rows, number: number, isKept: isKept)
        } catch {
            if error.isPasswordWrong { _ = try? connection.text(unless: text) }
            return error.answer(isCommitting: isCommitting, Redactor(masks))
        }
    }
}

/// Why an exchange with PostgreSQL did not come to its end.
private struct PostgreSQLTrouble: Error {
    let status: cpostgres_status
    let sqlstate: String
    let message: String

    var isPasswordWrong: Bool { sqlstate == "28P01" || sqlstate == "28000" }

    func answer(isCommitting: Bool, _ redactor: Redactor) -> SQLAnswer {
        // Only the first line is the error; the others are its place in the server's source.
        let line = String(message.prefix { $0 != "\n" })
        let words = redactor.shown(sqlstate.isEmpty ? line : "\(line) (SQLSTATE \(sqlstate))")
        switch status {
        case CPOSTGRES_NO_LIBRARY:
            return .again(
                "libpq is missing (Debian: libpq5): \(words)", mayHaveHappened: false)
        case CPOSTGRES_BAD_STRING:
            return .refused("the connection string is none that libpq can read")
        case CPOSTGRES_ERROR:
            return PostgreSQLTrouble.passes(sqlstate)
                ? .again(words, mayHaveHappened: isCommitting && sqlstate.hasPrefix("08"))
                : .refused(words)
        default:
            return .again(words, mayHaveHappened: isCommitting)
        }
    }

    /// Whether a repetition may go better (PostgreSQL's Appendix A): connection, resources, operator
    /// intervention (shutdown, a statement's time-out), system errors, and what other transactions
    /// were in the way of.
    private static func passes(_ sqlstate: String) -> Bool {
        ["08", "53", "57", "58"].contains(sqlstate.prefix(2))
            || ["40001", "40P01", "55P03", "25006"].contains(sqlstate)
    }
}

/// One connection, closed when it goes away; the server then rolls an open transaction back.
@safe private final class PostgreSQLLink {
    private let handle: OpaquePointer

    /// The password in a connection string; empty when it has none.
    static func password(in text: String) throws(PostgreSQLTrouble) -> String {
        var result = cpostgres_result()
        var room = [CChar](repeating: 0, count: 1024)
        unsafe cpostgres_check_string(text, &result, &room, room.count)
        guard result.status == CPOSTGRES_OK else { throw trouble(result) }
        return String(
            decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    init(_ text: String, milliseconds: Int) throws(PostgreSQLTrouble) {
        var result = cpostgres_result()
        guard let handle = unsafe cpostgres_open(text, milliseconds, &result) else {
            throw PostgreSQLLink.trouble(result)
        }
        unsafe self.handle = handle
    }

    deinit { unsafe cpostgres_close(handle) }

    /// Rows, or -1; and the first value when it is a whole number.
    @discardableResult
    func run(
        _ sql: String, _ values: [String] = []
    ) throws(PostgreSQLTrouble) -> (rows: Int, number: Int?) {
        let copies = unsafe values.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        var result = cpostgres_result()
        unsafe copies.map { unsafe UnsafePointer($0) }.withUnsafeBufferPointer { pointers in
            unsafe cpostgres_run(
                handle, sql, pointers.baseAddress, Int32(pointers.count), &result)
        }
        guard result.status == CPOSTGRES_OK else { throw PostgreSQLLink.trouble(result) }
        return (Int(result.rows), result.number < 0 ? nil : Int(result.number))
    }

    private static func trouble(_ result: cpostgres_result) -> PostgreSQLTrouble {
        func text<T>(_ tuple: T) -> String {
            unsafe withUnsafeBytes(of: tuple) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        return PostgreSQLTrouble(
            status: result.status, sqlstate: text(result.sqlstate), message: text(result.message))
    }
}
