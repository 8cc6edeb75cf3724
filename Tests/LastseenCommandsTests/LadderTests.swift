import Foundation
import Testing

/// The ladder as a team uses it, by the program: policy, approvals, guards, undo, retry, journal.
@Suite(.serialized)
struct LadderTests {
    private static let policy = """
        settings:
          protected_groups: [board]
          approvals: {suspend: 2}
        policy:
          - name: administrators
            match: {group: admins, risk: 60}
            rung: suspend
          - name: the rest
            match: {risk: 80}
            rung: asked
        default: notify
        tests:
          - name: an administrator
            alert: {rule: session-moved, risk: 95, group: admins}
            rung: suspend
            entry: administrators
            steps: [log-out-session, require-password-change, 'suspend: waiting']
          - name: anybody
            alert: {rule: session-moved, risk: 95}
            rung: log-out-session
            entry: the rest

        """

    private static let connectors = """
        connectors:
          - kind: sql
            name: shop
            file: FOLDER/app.db
            log_out_session: DELETE FROM sessions WHERE id = :session_id
            require_password_change: UPDATE users SET must_change = 1 WHERE id = :user_id AND NOT must_change
            suspend: UPDATE users SET active = 0 WHERE id = :user_id AND active
            undo_suspend: UPDATE users SET active = 1 WHERE id = :user_id AND NOT active

        """

    private static let options = [
        "--policy", "policy.yaml", "--groups", "groups.csv", "--connectors", "connectors.yaml",
    ]
    private static let sqlite = "/usr/bin/sqlite3"
    private static let hasSQLite = FileManager.default.isExecutableFile(atPath: sqlite)

    /// A folder with a policy, an application's database and, unless `analyzes` is false, a state with
    /// the alert of a stolen token, planned for as if acting were on.
    private static func desk(group: String = "admins", analyzes: Bool = true) throws -> Folder {
        let folder = try Folder()
        try folder.write(policy, to: "policy.yaml")
        try folder.write("user,group\nfay,\(group)\n", to: "groups.csv")
        try folder.write(connectors.replacing("FOLDER", with: folder.path), to: "connectors.yaml")
        try sql(
            """
            CREATE TABLE sessions(id TEXT, user TEXT);
            CREATE TABLE users(id TEXT, active INTEGER, must_change INTEGER);
            INSERT INTO sessions VALUES('fay-10', 'fay'), ('bo-1', 'bo');
            INSERT INTO users VALUES('fay', 1, 0), ('bo', 1, 0);
            """, in: folder)
        if analyzes {
            let result = try folder.run(
                "analyze", "--state", "s.db", Program.sample("stolen-token"))
            #expect(result.status == 2, "\(result.errors)")
        }
        return folder
    }

    @discardableResult
    private static func sql(_ text: String, in folder: Folder) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: sqlite)
        process.arguments = ["\(folder.path)/app.db", text]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    private static func respond(_ words: [String], in folder: Folder) throws -> Program.Result {
        try Program.Run(["respond"] + words + ["--state", "s.db"], input: nil, in: folder).result()
    }

    private static func apply(in folder: Folder, _ more: [String] = options) throws
        -> Program.Result
    {
        try respond(["apply", "--act"] + more, in: folder)
    }

    private static func action(_ kind: String, in folder: Folder) throws -> String {
        let text = try respond(["status", "--verbose"], in: folder).output
        let line = try #require(
            text.split(separator: "\n").first { $0.contains(" \(kind): ") }, "\(text)")
        return String(try #require(line.firstMatch(of: /act-[0-9a-f]{16}/)).0)
    }

    @Test("a policy is checked with its tests, each mistake by its line")
    func check() throws {
        let folder = try Self.desk(analyzes: false)
        let good = try folder.run(
            "respond", "check", "policy.yaml", "--strict", "--groups", "groups.csv", "-v")
        #expect(good.status == 0, "\(good.output) \(good.errors)")
        #expect(good.output.contains("passed  an administrator"))
        #expect(good.output.hasSuffix("2 entries, 2 tests: all well\n"))
        try folder.write(
            Self.policy.replacing("rung: log-out-session", with: "rung: suspend"), to: "p2.yaml")
        let failed = try folder.run("respond", "check", "p2.yaml")
        #expect(failed.status == 1 && failed.output.contains("FAILED  anybody"), "\(failed.output)")
        try folder.write(
            Self.policy.replacing("group: admins, risk: 60", with: "grup: admins, risk: 160"),
            to: "p3.yaml")
        let bad = try folder.run("respond", "check", "p3.yaml")
        #expect(bad.status == 78)
        #expect(bad.output.contains("p3.yaml:6:"), "\(bad.output)")
        #expect(bad.output.contains("'grup'") && bad.output.contains("0 to 100"), "\(bad.output)")
        let example = try folder.run("respond", "check", "--example")
        try folder.write(example.output, to: "example.yaml")
        #expect(try folder.run("respond", "check", "example.yaml", "--strict").status == 0)
        #expect(
            example.output
                == (try String(
                    contentsOfFile: "\(Program.checkout)/docs/policy.yaml", encoding: .utf8)))
    }

    @Test("a new policy is tried on what is on record, and compared", .enabled(if: hasSQLite))
    func plan() throws {
        let folder = try Self.desk()
        let plan = try Self.respond(["plan", "--since", "3650d"] + Self.options, in: folder)
        #expect(plan.output.contains("1 alert on record, by rung:\n    suspend "), "\(plan.output)")
        #expect(plan.output.contains("1 of them after approval"))
        #expect(plan.output.contains("suspend, by entry 'administrators'"))
        let against = try Self.respond(["plan", "--against", "builtin"] + Self.options, in: folder)
        #expect(against.output.contains("1 alert of 1 would be treated otherwise."))
        #expect(against.output.contains("log-out-session -> suspend, by entry 'administrators'"))
        // A directory that changed is another answer, with the same policy.
        try folder.write("user,group\nfay,sales\n", to: "groups.csv")
        let others = try Self.respond(["plan"] + Self.options, in: folder)
        #expect(others.output.contains("log-out-session, by entry 'the rest'"), "\(others.output)")
    }

    @Test("a rehearsal counts at the target and changes nothing", .enabled(if: hasSQLite))
    func rehearsal() throws {
        let folder = try Self.desk()
        let plan = try Self.respond(["plan", "--rehearse"] + Self.options, in: folder)
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(plan.output.matches(of: /would touch 1 row/).count == 3, "\(plan.output)")
        #expect(
            try Self.sql("SELECT count(*), sum(active) FROM sessions, users", in: folder) == "4|4")
        try Self.sql("DELETE FROM sessions WHERE id = 'fay-10'", in: folder)
        let again = try Self.respond(["plan", "--rehearse"] + Self.options, in: folder)
        #expect(again.output.contains("would touch 0 rows"), "\(again.output)")
        let without = try Self.respond(["plan", "--rehearse"], in: folder)
        #expect(without.status == 64 && without.errors.contains("--rehearse needs --connectors"))
        let test = try folder.run(
            "respond", "connectors", "--connectors", "connectors.yaml", "--test")
        #expect(test.status == 0 && test.output.contains("app.db answers"), "\(test.output)")
    }

    @Test(
        "approval: what waits, a second person, expiry by denial; undo; the journal tells all",
        .enabled(if: hasSQLite))
    func approval() throws {
        let folder = try Self.desk()
        let first = try Self.apply(in: folder)
        #expect(first.status == 0, "\(first.output) \(first.errors)")
        #expect(try Self.sql("SELECT group_concat(id) FROM sessions", in: folder) == "bo-1")
        #expect(try Self.sql("SELECT active, must_change FROM users", in: folder) == "1|1\n1|0")
        let waiting = try Self.respond(["status", "--waiting"], in: folder)
        #expect(waiting.output.contains("waits for the approval of 2 persons"), "\(waiting.output)")
        let id = try Self.action("suspend", in: folder)
        let show = try folder.run(
            "alerts", "show",
            String(try #require(try AlertLifeTests.list(folder).first).dropFirst(7).prefix(18)),
            "--state", "s.db")
        #expect(show.output.contains("log out the session: session fay-10 at shop (done)"))
        let agrees = show.output.replacing("\n    ", with: " ")
        #expect(
            agrees.contains("(waiting: 'lastseen respond approve \(id)' agrees to it)"), "\(agrees)"
        )
        let one = try Self.respond(["approve", id], in: folder)
        #expect(one.status == 0 && one.output.contains("waits for 1 more"), "\(one.output)")
        // The same person, under whatever name, is no second one.
        for words in [["approve", id], ["approve", id, "--as", "somebody-else"]] {
            let again = try Self.respond(words, in: folder)
            #expect(again.status == 1 && again.errors.contains("another person has to"))
        }
        #expect(try Self.apply(in: folder).status == 0)
        #expect(try Self.sql("SELECT active FROM users WHERE id = 'fay'", in: folder) == "1")
        let deny = try Self.respond(["deny", id, "--as", "bo"], in: folder)
        #expect(deny.status == 0 && deny.output.contains("now denied"), "\(deny.output)")
        #expect(try Self.respond(["approve", id], in: folder).status == 1)
        #expect(try Self.apply(in: folder).status == 0)
        #expect(try Self.sql("SELECT active FROM users WHERE id = 'fay'", in: folder) == "1")
        let entries = try folder.run("journal", "export", "--state", "s.db").output
            .split(separator: "\n").map(String.init)
        #expect(entries.filter { $0.contains("stated_name\\\":\\\"bo") }.count == 1)
        #expect(entries.contains { $0.contains(#""what":"approved""#) })
        #expect(entries.first?.contains(#"\"rung\":\"suspend\""#) == true)
        #expect(entries.first?.contains("entry 'administrators'") == true)
        #expect(try folder.run("journal", "verify", "--state", "s.db").status == 0)
    }

    @Test(
        "a policy without approvals suspends, and undo lets the user in again",
        .enabled(if: hasSQLite))
    func undo() throws {
        let folder = try Self.desk()
        try folder.write(
            Self.policy.replacing("approvals: {suspend: 2}", with: "approvals: {suspend: 0}")
                .replacing("'suspend: waiting'", with: "suspend"), to: "policy.yaml")
        #expect(try Self.apply(in: folder).status == 0)
        #expect(try Self.sql("SELECT active FROM users WHERE id = 'fay'", in: folder) == "0")
        let id = try Self.action("suspend", in: folder)
        let undone = try Self.respond(["undo", id, "--connectors", "connectors.yaml"], in: folder)
        #expect(undone.status == 0, "\(undone.errors)")
        #expect(try Self.sql("SELECT active FROM users WHERE id = 'fay'", in: folder) == "1")
        // It is not done again by itself.
        #expect(try Self.apply(in: folder).status == 0)
        #expect(try Self.sql("SELECT active FROM users WHERE id = 'fay'", in: folder) == "1")
        let session = try Self.action("log-out-session", in: folder)
        let cannot = try Self.respond(
            ["undo", session, "--connectors", "connectors.yaml"], in: folder)
        #expect(cannot.status == 1 && cannot.errors.contains("cannot take back log-out-session"))
        #expect(
            try folder.run("journal", "export", "--state", "s.db").output.contains(
                #""what":"undone""#))
    }

    @Test(
        "what was refused is in the list of the dead, and retry has it done",
        .enabled(if: hasSQLite))
    func retry() throws {
        let folder = try Self.desk(group: "sales")
        try Self.sql("ALTER TABLE sessions RENAME TO gone", in: folder)
        let refused = try Self.apply(in: folder)
        #expect(refused.status == 1 && refused.output.contains("refused"), "\(refused.output)")
        let dead = try Self.respond(["status", "--dead"], in: folder)
        #expect(dead.output.contains("no such table"), "\(dead.output)")
        try Self.sql("ALTER TABLE gone RENAME TO sessions", in: folder)
        #expect(try Self.apply(in: folder).status == 1, "nothing by itself, and it is still said")
        #expect(try Self.sql("SELECT count(*) FROM sessions", in: folder) == "2")
        let retry = try Self.respond(["retry", "--all"], in: folder)
        #expect(retry.status == 0 && retry.output.hasPrefix("Will try act-"), "\(retry.output)")
        #expect(try Self.apply(in: folder).status == 0)
        #expect(try Self.sql("SELECT group_concat(id) FROM sessions", in: folder) == "bo-1")
        #expect(
            try Self.respond(["retry", "--all"], in: folder).output
                == "There is nothing to try again.\n")
    }

    @Test(
        "the board is alerted on and never acted on; without the groups nothing is done",
        .enabled(if: hasSQLite))
    func guarded() throws {
        let board = try Self.desk(group: "board")
        #expect(try Self.apply(in: board).status == 0)
        #expect(try Self.sql("SELECT count(*) FROM sessions", in: board) == "2")
        let lost = try Self.desk()
        try FileManager.default.removeItem(atPath: "\(lost.path)/groups.csv")
        let stopped = try Self.apply(in: lost)
        #expect(stopped.errors.contains("nothing is done: "), "\(stopped.errors)")
        #expect(try Self.sql("SELECT count(*) FROM sessions", in: lost) == "2")
        let run = try lost.run(
            "analyze", "--state", "other.db", "--act", "--policy", "policy.yaml", "--groups",
            "groups.csv",
            "--connectors", "connectors.yaml", Program.sample("stolen-token"))
        #expect(run.status == 2, "the analysis goes on")
        #expect(try Self.sql("SELECT count(*) FROM sessions", in: lost) == "2")
    }

    @Test("too many users: nothing is done until a person has looked", .enabled(if: hasSQLite))
    func breaker() throws {
        let folder = try Self.desk()
        try folder.write(
            Self.policy.replacing(
                "approvals: {suspend: 2}",
                with: "approvals: {suspend: 2}\n  breaker: {users_per_hour: 0, least_users: 0}"),
            to: "policy.yaml")
        for _ in 0..<2 {
            let stopped = try Self.apply(in: folder)
            #expect(stopped.status == 1, "\(stopped.output)")
            #expect(stopped.errors.contains("1 users would be hit within an hour, 0 are allowed"))
            #expect(try Self.sql("SELECT count(*) FROM sessions", in: folder) == "2")
        }
        let resumed = try Self.respond(["resume", "--as", "ann"], in: folder)
        #expect(resumed.status == 0 && resumed.output.hasPrefix("Acting goes on."))
        #expect(try Self.apply(in: folder).status == 0)
        #expect(try Self.sql("SELECT count(*) FROM sessions", in: folder) == "1")
        let journal = try folder.run("journal", "export", "--state", "s.db").output
        #expect(journal.contains("breaker-opened") && journal.contains("breaker-resumed"))
    }

    /// What is done to the journal's table; words of the verdict.
    static let touches: [(String, String)] = [
        ("UPDATE journal SET actor = 'eve' WHERE sequence = 3", "entry 3 "),
        ("UPDATE journal SET time_ms = time_ms + 1 WHERE sequence = 1", "entry 1 "),
        ("DELETE FROM journal WHERE sequence = 2", "entry 2 "),
        ("UPDATE journal SET detail = CAST('{}' AS BLOB) WHERE sequence = 4", "entry 4 "),
        ("UPDATE journal SET sequence = 99 WHERE sequence = 4", "entry 4 "),
        ("DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)", "noted hash"),
    ]

    @Test(
        "a journal that was touched is found out, by the first entry", .enabled(if: hasSQLite),
        arguments: touches)
    func journal(sql text: String, words: String) throws {
        let folder = try Self.desk(group: "sales")
        #expect(try Self.apply(in: folder).status == 0)
        try folder.run(
            "alerts", "confirm",
            String(
                try #require(try AlertLifeTests.list(folder).first).dropFirst(7).prefix(18)),
            "--state", "s.db")
        let whole = try folder.run("journal", "verify", "--state", "s.db")
        #expect(whole.status == 0 && whole.output.hasPrefix("4 entries, whole"), "\(whole.output)")
        let head = try #require(whole.output.firstMatch(of: /[0-9a-f]{64}/)).0
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.sqlite)
        process.arguments = [
            "\(folder.path)/s.db",
            "DROP TRIGGER journal_is_not_changed; DROP TRIGGER journal_is_not_cut; \(text)",
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let touched = try folder.run("journal", "verify", "--state", "s.db", "--head", String(head))
        #expect(touched.status == 1)
        #expect(
            (touched.output + touched.errors).contains(words), "\(touched.output) \(touched.errors)"
        )
    }

    @Test(
        "nothing of a secret is in the outbox, the journal or what is printed",
        .enabled(if: hasSQLite))
    func secrets() throws {
        let folder = try Self.desk(group: "sales")
        try folder.write("hunter2-secret-token", to: "token")
        chmod("\(folder.path)/token", 0o600)
        try folder.write(
            """
            connectors:
              - {kind: okta, url: "http://127.0.0.1:9", allow_private: true, token: {file: \(folder.path)/token},
                 timeout_seconds: 3}

            """, to: "connectors.yaml")
        let apply = try Self.apply(in: folder)
        #expect(apply.status == 75, "\(apply.output) \(apply.errors)")
        let status = try Self.respond(["status", "--verbose"], in: folder)
        let journal = try folder.run("journal", "export", "--state", "s.db")
        for text in [apply.output, apply.errors, status.output, journal.output] {
            #expect(!text.contains("hunter2"))
        }
        let state = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/s.db"))
        #expect(state.range(of: Data("hunter2".utf8)) == nil)
    }
}
