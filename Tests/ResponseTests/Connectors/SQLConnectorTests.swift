import Foundation
import GRDB
import SessionModel
import Testing

@testable import Response

/// The same steps against both databases, each a real one.
struct SQLConnectorTests {
    enum Kind: String, CaseIterable, Sendable { case sqlite, postgresql }

    /// The databases that there are; the others' absence is told by `postgreSQLIsThere`.
    static let kinds = Kind.allCases.filter { $0 == .sqlite || PostgreSQLServer.isInstalled }

    @Test(
        "PostgreSQL is there to test with",
        .enabled(if: PostgreSQLServer.isInstalled, "PostgreSQL is not installed"))
    func postgreSQLIsThere() throws {
        #expect(try PostgreSQLServer.shared.get().sql("SELECT 1") == "1")
    }

    /// Tables of an application: sessions `s1`, `s2` of `u1`, `s3` of `u2`. In PostgreSQL in a schema
    /// of its own.
    final class Application {
        let kind: Kind
        let folder: ServerFolder
        private let schema =
            "t" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        var file: String { folder.path + "/app.db" }

        init(_ kind: Kind) throws {
            self.kind = kind
            folder = try ServerFolder()
            let tables = """
                CREATE TABLE sessions(id text PRIMARY KEY, user_id text NOT NULL);
                CREATE TABLE users(
                    id text PRIMARY KEY, name text, active integer NOT NULL DEFAULT 1,
                    must_change integer NOT NULL DEFAULT 0 CHECK (must_change < 2));
                CREATE TABLE numbered(id integer PRIMARY KEY);
                INSERT INTO sessions VALUES ('s1', 'u1'), ('s2', 'u1'), ('s3', 'u2');
                INSERT INTO users(id, name) VALUES ('u1', 'ann'), ('u2', 'bob');
                INSERT INTO numbered VALUES (7);
                """
            if kind == .postgresql {
                try PostgreSQLServer.shared.get().sql("CREATE SCHEMA \(schema)")
            }
            try run(tables)
        }

        func run(_ sql: String) throws {
            switch kind {
            case .sqlite: try DatabaseQueue(path: file).write { try $0.execute(sql: sql) }
            case .postgresql:
                try PostgreSQLServer.shared.get().sql("SET search_path = \(schema); \(sql)")
            }
        }

        /// The first value.
        func value(_ sql: String) throws -> String {
            switch kind {
            case .sqlite:
                try DatabaseQueue(path: file).read { try String.fetchOne($0, sql: sql) ?? "" }
            case .postgresql:
                try PostgreSQLServer.shared.get().sql("SET search_path = \(schema); \(sql)")
            }
        }

        func database(
            user: String = "boss", password: String = "super-secret", through: String? = nil
        ) throws -> SQLOptions.Database {
            guard kind == .postgresql else { return .sqlite(file) }
            let text =
                try PostgreSQLServer.shared.get().connection(
                    user: user, password: password, through: through)
                + " options=-csearch_path=\(schema)"
            return .postgresql(
                try SecretValue(.environment("C"), label: "connection") { _ in text })
        }

        func connector(
            _ statements: [Rung: String] = SQLConnectorTests.statements, undo: String? = nil,
            counts: [Rung: String] = [:], maxRows: Int = 1000, milliseconds: Int = 5000,
            through: String? = nil
        ) throws -> SQLConnector {
            try SQLConnector(
                SQLOptions(
                    database: try database(through: through), statements: statements,
                    undoSuspend: undo, counts: counts, maxRows: maxRows,
                    totalMilliseconds: milliseconds))
        }
    }

    static let statements: [Rung: String] = [
        .logOutSession: "DELETE FROM sessions WHERE id = :session_id",
        .logOutEverywhere: "DELETE FROM sessions WHERE user_id = :user_id",
        .requirePasswordChange: "UPDATE users SET must_change = 1 WHERE id = :user_id",
        .suspend: "UPDATE users SET active = 0 WHERE id = :user_id;",
    ]

    @Test("each step touches its rows and no others, and then there are none", arguments: kinds)
    func steps(kind: Kind) throws {
        let app = try Application(kind)
        let sql = try app.connector(
            undo: "UPDATE users SET active = 1 WHERE id = :user_id")
        let one = PlannedAction.step(.logOutSession, session: "s1")
        #expect(sql.probe(at: epoch)?.outcome == .done)
        #expect(sql.rehearse(one, at: epoch)?.hasSuffix("would touch 1 row") == true)
        #expect(sql.check(one, at: epoch)?.outcome == .retry)
        #expect(try app.value("SELECT count(*) FROM sessions") == "3", "a rehearsal keeps nothing")
        #expect(sql.carryOut(one, at: epoch).outcome == .done)
        #expect(sql.carryOut(one, at: epoch).outcome == .alreadySo)
        #expect(sql.check(one, at: epoch)?.outcome == .alreadySo)
        #expect(try app.value("SELECT count(*) FROM sessions") == "2")

        let all = PlannedAction.step(.logOutEverywhere)
        #expect(sql.carryOut(all, at: epoch).detail.hasSuffix("1 row"))
        #expect(try app.value("SELECT max(id) FROM sessions") == "s3")
        let nobody = PlannedAction.step(.logOutEverywhere, user: "nobody")
        #expect(sql.carryOut(nobody, at: epoch).outcome == .alreadySo)

        #expect(sql.carryOut(.step(.requirePasswordChange), at: epoch).outcome == .done)
        #expect(try app.value("SELECT sum(must_change) FROM users") == "1")
        #expect(
            sql.check(.step(.requirePasswordChange), at: epoch) == nil,
            "an UPDATE finds its row before and after")

        let suspend = PlannedAction.step(.suspend)
        #expect(sql.carryOut(suspend, at: epoch).outcome == .done)
        #expect(try app.value("SELECT active FROM users WHERE id = 'u1'") == "0")
        #expect(sql.undo(suspend, at: epoch)?.outcome == .done)
        #expect(try app.value("SELECT sum(active) FROM users") == "2")
        #expect(sql.undo(one, at: epoch) == nil)
        #expect(sql.abilities[.suspend]?.isUndoable == true)
        #expect(sql.abilities[.logOutOthers] == nil)
    }

    @Test("one row more than max_rows is rolled back", arguments: kinds, [2, 1])
    func limit(kind: Kind, maxRows: Int) throws {
        let app = try Application(kind)
        let answer = try app.connector(maxRows: maxRows)
            .carryOut(.step(.logOutEverywhere), at: epoch)
        #expect(answer.outcome == (maxRows == 2 ? .done : .refused))
        #expect(try app.value("SELECT count(*) FROM sessions") == (maxRows == 2 ? "1" : "3"))
    }

    @Test("a count of the user's own tells whether it was done", arguments: kinds)
    func counts(kind: Kind) throws {
        let app = try Application(kind)
        let sql = try app.connector(counts: [
            .suspend: "SELECT count(*) FROM users WHERE id = :user_id AND active = 1",
            .logOutSession: "SELECT 'many' WHERE :session_id <> ''",
        ])
        #expect(sql.check(.step(.suspend), at: epoch)?.outcome == .retry)
        #expect(sql.rehearse(.step(.suspend), at: epoch)?.hasSuffix("1 row") == true)
        _ = sql.carryOut(.step(.suspend), at: epoch)
        #expect(sql.check(.step(.suspend), at: epoch)?.outcome == .alreadySo)
        #expect(sql.check(.step(.logOutSession, session: "s1"), at: epoch)?.outcome == .refused)
    }

    static let hostile = [
        "' OR '1'='1", "s1'; DROP TABLE sessions; --", "\\'; DELETE FROM sessions", "%", "_", "$1",
        ":user_id", "?", "s1\u{202E}", "é🜁", "s1 ", "NULL", "\"", "$$",
        String(repeating: "x", count: 8192),
    ]

    @Test("an id is nothing but itself", arguments: kinds, hostile)
    func hostileIDs(kind: Kind, id: String) throws {
        let app = try Application(kind)
        let sql = try app.connector()
        let action = PlannedAction.step(.logOutSession, session: id)
        #expect(sql.carryOut(action, at: epoch).outcome == .alreadySo)
        #expect(try app.value("SELECT count(*) FROM sessions") == "3")
    }

    @Test("an action that lacks a value, or holds a zero byte, runs nothing", arguments: kinds)
    func lacking(kind: Kind) throws {
        let app = try Application(kind)
        let sql = try app.connector()
        for action in [
            PlannedAction.step(.logOutSession), .step(.logOutEverywhere, user: ""),
            .step(.logOutSession, session: "s1\u{0}"), .step(.stepUp),
            .step(.logOutSession, session: String(repeating: "x", count: 8193)),
        ] {
            #expect(sql.carryOut(action, at: epoch).outcome == .refused)
        }
        #expect(try app.value("SELECT count(*) FROM sessions") == "3")
    }

    /// What the database itself refuses.
    static let refused = [
        "DELETE FROM no_such_table WHERE id = :user_id",
        "DELETE sessions WHERE id = :user_id",
        "UPDATE users SET must_change = 7 WHERE id = :user_id",
    ]

    @Test("what the database refuses is refused, and nothing is kept", arguments: kinds, refused)
    func refusals(kind: Kind, statement: String) throws {
        let app = try Application(kind)
        let answer = try app.connector([.suspend: statement]).carryOut(.step(.suspend), at: epoch)
        #expect(answer.outcome == .refused)
        #expect(try app.value("SELECT sum(must_change) FROM users") == "0")
    }

    @Test("a parameter takes the column's type", arguments: kinds)
    func types(kind: Kind) throws {
        let app = try Application(kind)
        let sql = try app.connector([.logOutSession: "DELETE FROM numbered WHERE id = :session_id"])
        let wrong = sql.carryOut(.step(.logOutSession, session: "seven"), at: epoch).outcome
        #expect(wrong == (kind == .postgresql ? .refused : .alreadySo))
        #expect(sql.carryOut(.step(.logOutSession, session: "7"), at: epoch).outcome == .done)
    }

    @Test("a row that another has locked: tried again, and nothing happened", arguments: kinds)
    func locked(kind: Kind) throws {
        let app = try Application(kind)
        let sql = try app.connector(milliseconds: 400)
        let action = PlannedAction.step(.logOutSession, session: "s1")
        let answer: ConnectorAnswer
        switch kind {
        case .sqlite:
            answer = try DatabaseQueue(path: app.file).write { _ in
                sql.carryOut(action, at: epoch)
            }
        case .postgresql:
            // A statement that waits is the same to the server as one that is locked.
            answer = try app.connector(
                [.logOutSession: "SELECT pg_sleep(9) WHERE :session_id <> ''"], milliseconds: 400
            ).carryOut(action, at: epoch)
        }
        #expect(answer.outcome == .retry)
        #expect(!answer.mayHaveHappened)
        #expect(sql.carryOut(action, at: epoch).outcome == .done)
    }

    @Test(
        "a wrong password and a missing right are refused, and no password is shown",
        .enabled(if: PostgreSQLServer.isInstalled, "PostgreSQL is not installed"))
    func credentials() throws {
        let app = try Application(.postgresql)
        for (user, password) in [("boss", "wr0ng-password"), ("nobody-here", "super-secret")] {
            let options = SQLOptions(
                database: try app.database(user: user, password: password),
                statements: Self.statements)
            let answer = try SQLConnector(options).carryOut(.step(.suspend), at: epoch)
            #expect(answer.outcome == .refused, "\(answer)")
            #expect(!answer.detail.contains(password))
        }
        let broken = SQLOptions(
            database: .postgresql(
                try SecretValue(.environment("C"), label: "connection") { _ in
                    "postgresql://ann:hunter2@[::1/db"
                }), statements: Self.statements)
        let answer = try SQLConnector(broken).carryOut(.step(.suspend), at: epoch)
        #expect(answer.outcome == .refused)
        #expect(!answer.detail.contains("hunter2"))
        let nowhere = try app.connector(through: "/nonexistent")
            .carryOut(.step(.suspend), at: epoch)
        #expect(nowhere.outcome == .retry)
        #expect(!nowhere.mayHaveHappened)
    }

    static let faults: [(String, FaultyRelay.Fault, mayHaveHappened: Bool, isGone: Bool)] = [
        ("DELETE", .cutBefore, false, false), ("DELETE", .cutAfter, false, false),
        ("DELETE", .stall, false, false), ("COMMIT", .cutBefore, true, false),
        ("COMMIT", .cutAfter, true, true), ("COMMIT", .halfAnswer, true, true),
        ("COMMIT", .stall, true, false), ("BEGIN", .halfAnswer, false, false),
    ]

    @Test(
        "a connection that is cut or silent, before COMMIT and during it",
        .enabled(if: PostgreSQLServer.isInstalled, "PostgreSQL is not installed"),
        arguments: faults.indices)
    func cut(index: Int) throws {
        let (needle, fault, mayHaveHappened, isGone) = Self.faults[index]
        let app = try Application(.postgresql)
        let server = try PostgreSQLServer.shared.get()
        let relay = try FaultyRelay(
            at: app.folder.path + "/.s.PGSQL.5432", to: server.folder.path + "/.s.PGSQL.5432",
            when: needle, fault)
        defer { relay.stop() }
        let action = PlannedAction.step(.logOutSession, session: "s1")
        let answer = try app.connector(milliseconds: 1500, through: app.folder.path)
            .carryOut(action, at: epoch)
        #expect(answer.outcome == .retry)
        #expect(answer.mayHaveHappened == mayHaveHappened)
        let next = try app.connector().carryOut(action, at: epoch)
        #expect(next.outcome == (isGone ? .alreadySo : .done))
    }
}

struct SQLStatementTests {
    /// A text, and what PostgreSQL gets.
    static let right = [
        ("DELETE FROM s WHERE id = :user_id", "DELETE FROM s WHERE id = $1"),
        (
            "delete from s where id=:user_id or n=:user_name or id=:user_id;  ",
            "delete from s where id=$1 or n=$2 or id=$1"
        ),
        (
            "UPDATE u SET a = ':user_id' WHERE id = :user_id",
            "UPDATE u SET a = ':user_id' WHERE id = $1"
        ),
        (
            "UPDATE u SET a = 'it''s; :x' WHERE id = :user_id",
            "UPDATE u SET a = 'it''s; :x' WHERE id = $1"
        ),
        (
            "UPDATE u SET a = E'\\'; :x' WHERE id = :user_id",
            "UPDATE u SET a = E'\\'; :x' WHERE id = $1"
        ),
        (
            "UPDATE u SET \":x\" = $$;:x$$ WHERE id = :user_id::uuid",
            "UPDATE u SET \":x\" = $$;:x$$ WHERE id = $1::uuid"
        ),
        ("DELETE FROM s -- :x ;\nWHERE id = :user_id", "DELETE FROM s  \nWHERE id = $1"),
        ("DELETE /* /* ; */ :x */ FROM s WHERE id = :user_id", "DELETE   FROM s WHERE id = $1"),
        (
            "UPDATE u SET a = $t$ $x$ :y $t$ WHERE id = :user_id",
            "UPDATE u SET a = $t$ $x$ :y $t$ WHERE id = $1"
        ),
        (
            "WITH gone AS (DELETE FROM s WHERE id = :user_id RETURNING 1) SELECT * FROM gone",
            "WITH gone AS (DELETE FROM s WHERE id = $1 RETURNING 1) SELECT * FROM gone"
        ),
    ]

    @Test("parameters are found where they are, and only there", arguments: right.indices)
    func found(index: Int) throws {
        let (text, numbered) = Self.right[index]
        let statement = try SQLStatement(text, key: "suspend", needs: [.userID])
        #expect(statement.numbered == numbered)
        #expect(statement.parameters.first == .userID)
    }

    static let wrong = [
        "DELETE FROM s", "DELETE FROM s WHERE id = ':user_id'", "DELETE FROM s -- :user_id",
        "DELETE FROM s WHERE id = :user", "DELETE FROM s WHERE id = $1",
        "DELETE FROM s WHERE id = ?", "DELETE FROM s WHERE id = @user_id", "",
        "DELETE FROM s WHERE id = :user_id; DELETE FROM t",
        "DELETE FROM s WHERE id = :user_id;;x", "DROP TABLE s; -- :user_id",
        "DELETE FROM s WHERE id = :user_id AND a = 'open", "DELETE FROM s WHERE id = :user_id /* x",
        "UPDATE s SET a = $$ WHERE id = :user_id", "COMMIT AND :user_id", "(SELECT :user_id)",
        "ATTACH :user_id AS x", "PRAGMA x = :user_id", "BEGIN", "COPY s FROM :user_id",
        "DELETE FROM s WHERE tenant = :tenant", "DELETE FROM s WHERE id = :user_id \u{0}",
    ]

    @Test("what could be about everybody, or more than one statement, is refused", arguments: wrong)
    func rejected(text: String) {
        #expect(throws: ResponseError.self) {
            try SQLStatement(text, key: "suspend", needs: [.userID, .userName])
        }
    }

    @Test("the file's keys become a connector, and what is wrong is said")
    func file() throws {
        let database = try TemporaryFile("")
        let found = try ConnectorFileTests.read(
            """
            connectors:
              - kind: sql
                file: \(database.path)
                log_out_session: DELETE FROM sessions WHERE id = :session_id
                suspend: UPDATE users SET active = 0 WHERE id = :user_id
                undo_suspend: UPDATE users SET active = 1 WHERE id = :user_id
                count:
                  suspend: SELECT count(*) FROM users WHERE id = :user_id AND active = 1
                max_rows: 5
            """)
        #expect(found.first?.connector is SQLConnector)
        #expect(found.first?.abilities.keys.sorted() == [.logOutSession, .suspend])
        for problem in [
            "file: \(database.path)\n    log_out_all: DELETE FROM s", "log_out_all: DELETE FROM s",
            "file: /nonexistent.db\n    suspend: DELETE FROM s WHERE id = :user_id",
            "file: \(database.path)",
            "file: \(database.path)\n    count: {suspend: SELECT :user_id}",
            "file: \(database.path)\n    undo_suspend: DELETE FROM s WHERE id = :user_id",
            "connection: postgres://u:p@h/d\n    suspend: DELETE FROM s WHERE id = :user_id",
        ] {
            let said = ConnectorFileTests.problems(
                "connectors:\n  - kind: sql\n    " + problem)
            #expect(said.count == 1, "\(problem): \(said)")
        }
    }
}
