import Foundation
import SessionModel
import Testing

@testable import Response

struct ExecConnectorTests {
    /// A folder with programs of the test's, removed with the value.
    final class Programs {
        let folder: String

        init() throws {
            folder = NSTemporaryDirectory() + "lastseen-exec-" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func write(_ text: String, mode: Int = 0o755, name: String = "program") throws -> String {
            let path = folder + "/" + name
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            return path
        }

        func read(_ name: String) -> String? {
            try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        }
    }

    private static func run(
        _ program: String, _ arguments: [String] = [], variables: [String] = [],
        limit: Int = 20_000, grace: Int = 200, environment: [String: String] = [:],
        action: PlannedAction = .sample()
    ) throws -> ConnectorAnswer {
        let connector = try ExecConnector(
            ExecOptions(
                program: program, arguments: arguments, variables: variables,
                limitMilliseconds: limit, graceMilliseconds: grace),
            environment: { environment[$0] })
        return connector.carryOut(action, at: epoch)
    }

    /// The program's text; what it means. Standard input is read by none of them.
    static let endings: [(String, ConnectorAnswer.Outcome, Bool)] = [
        ("exit 0", .done, false),
        ("echo already-so", .alreadySo, false),
        ("echo; echo already-so", .done, false),
        ("printf not-needed", .notNeeded, false),
        ("echo already-so; exit 1", .failed, false),
        ("exit 75", .retry, false),
        ("exit 1", .failed, false),
        ("exit 74", .failed, false),
        ("exit 76", .failed, false),
        ("exit 255", .failed, false),
        ("kill -9 $$", .retry, true),
        ("exec 0<&- 1>&- 2>&-; exit 0", .done, false),
        ("exec 1>&- 2>&-; sleep 0.1; exit 75", .retry, false),
    ]

    @Test("the exit status decides", arguments: endings)
    func ending(script: String, outcome: ConnectorAnswer.Outcome, mayHaveHappened: Bool) throws {
        let programs = try Programs()
        let answer = try ExecConnectorTests.run(programs.write("#!/bin/sh\n\(script)\n"))
        #expect(answer.outcome == outcome)
        #expect(answer.mayHaveHappened == mayHaveHappened)
    }

    @Test("the program reads the message on standard input, to its end")
    func input() throws {
        let action = PlannedAction.sample()
        let answer = try ExecConnectorTests.run("/bin/cat", action: action)
        #expect(answer.outcome == .done)
        #expect(answer.detail.contains(#"{"type":"session.logout_requested""#))
        let programs = try Programs()
        let path = try programs.write("#!/bin/sh\ncat > \"$0.in\"\n")
        _ = try ExecConnectorTests.run(path, action: action)
        #expect(programs.read("program.in") == ActionMessage.body(of: action) + "\n")
    }

    @Test("arguments are fixed and reach no shell")
    func arguments() throws {
        let arguments = ["$(id)", "; rm -rf /", "a b", "*", "", "--"]
        let programs = try Programs()
        let path = try programs.write("#!/bin/sh\nprintf '%s|' \"$@\" > \"$0.args\"\n")
        _ = try ExecConnectorTests.run(path, arguments)
        #expect(programs.read("program.args") == arguments.map { $0 + "|" }.joined())
    }

    @Test("the environment is small: ours and what is named, nothing else")
    func environment() throws {
        let programs = try Programs()
        let action = PlannedAction.sample()
        let dump = try programs.write(
            "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ > \"$0.env\"; pwd > \"$0.pwd\"\n")
        _ = try ExecConnectorTests.run(
            dump, variables: ["API_KEY"], environment: ["API_KEY": "k-12345", "OTHER": "x"],
            action: action)
        #expect(
            programs.read("program.env")?.split(separator: "\n").sorted() == [
                "API_KEY=k-12345", "LANG=C.UTF-8", "LASTSEEN_ACTION_ID=\(action.id)",
                "LASTSEEN_ACTION_KIND=log-out-session", "PATH=/usr/local/bin:/usr/bin:/bin",
            ])
        #expect(programs.read("program.pwd") == "/\n")
    }

    @Test("no file of ours is open in the program")
    func files() throws {
        let secret = open("/dev/null", O_RDONLY)  // not closed on exec
        defer { close(secret) }
        let programs = try Programs()
        let path = try programs.write("#!/bin/sh\nls /proc/self/fd > \"$0.fds\"\n")
        _ = try ExecConnectorTests.run(path)
        // 3 is the folder that ls itself reads.
        #expect(
            programs.read("program.fds")?.split(separator: "\n").sorted() == ["0", "1", "2", "3"])
    }

    @Test("at the limit the program and what it started are ended, SIGTERM first")
    func limit() throws {
        let programs = try Programs()
        let path = try programs.write(
            """
            #!/bin/sh
            trap 'echo term > "$0.term"; exit 0' TERM
            sleep 600 & echo $! > "$0.child"
            while :; do sleep 0.05; done
            """)
        let answer = try ExecConnectorTests.run(path, limit: 300, grace: 5_000)
        #expect(answer.outcome == .retry)
        #expect(answer.mayHaveHappened)
        #expect(programs.read("program.term") == "term\n", "it could tidy up")
        let child = try #require(
            programs.read("program.child").flatMap { Int32(trimmed($0)) })
        #expect(isGone(child))
    }

    @Test("a program that ignores SIGTERM is killed")
    func stubborn() throws {
        let programs = try Programs()
        let path = try programs.write(
            "#!/bin/sh\ntrap '' TERM\necho $$ > \"$0.pid\"\nwhile :; do sleep 0.05; done\n")
        let answer = try ExecConnectorTests.run(path, limit: 200, grace: 100)
        #expect(answer.outcome == .retry)
        let process = try #require(programs.read("program.pid").flatMap { Int32(trimmed($0)) })
        #expect(isGone(process))
        #expect(try ExecConnectorTests.run("/bin/sleep", ["600"], limit: 100).mayHaveHappened)
    }

    /// Whether no such process runs (a zombie that init has yet to take does not).
    private func isGone(_ process: Int32) -> Bool {
        for _ in 0..<200 {
            guard
                let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let state = stat.split(separator: ")").last?.split(separator: " ").first
            else { return true }
            if state == "Z" { return true }
            usleep(10_000)
        }
        return false
    }

    @Test("endless output neither fills memory nor stops the time limit")
    func endlessOutput() throws {
        let answer = try ExecConnectorTests.run("/usr/bin/yes", ["x"], limit: 300)
        #expect(answer.outcome == .retry)
        #expect(answer.detail.count <= 200)
    }

    @Test("much output is read to the end, and little of it kept")
    func muchOutput() throws {
        let programs = try Programs()
        let path = try programs.write(
            "#!/bin/sh\nhead -c 5000000 /dev/zero | tr '\\0' x\necho end >&2\nexit 0\n")
        let answer = try ExecConnectorTests.run(path)
        #expect(answer.outcome == .done)
        #expect(answer.detail == "the program ended with 0: end")
    }

    @Test("what it leaves running with the output open does not hold us up")
    func leftBehind() throws {
        let programs = try Programs()
        let path = try programs.write("#!/bin/sh\nsleep 5 &\necho $! > \"$0.child\"\nexit 0\n")
        let answer = try ExecConnectorTests.run(path, limit: 4_000)
        #expect(answer.outcome == .done, "its own end counts, not that of its output")
        if let child = programs.read("program.child").flatMap({ Int32(trimmed($0)) }) {
            kill(child, SIGKILL)
        }
    }

    @Test("secrets and control characters of its output do not reach the journal")
    func masked() throws {
        let programs = try Programs()
        let path = try programs.write(
            "#!/bin/sh\nprintf 'key %s\\033[2J\\nline 2' \"$API_KEY\" >&2\nexit 1\n")
        let answer = try ExecConnectorTests.run(
            path, variables: ["API_KEY"], environment: ["API_KEY": "k-12345"])
        #expect(
            answer.detail == "the program ended with 1: key ***\u{FFFD}[2J\u{FFFD}line 2")
    }

    @Test("a program that cannot run is refused at once, or tried again when it breaks later")
    func unusable() throws {
        let programs = try Programs()
        for path in [
            "cat", "", "/no/such/program", programs.folder,
            try programs.write("#!/bin/sh\n", mode: 0o644, name: "no-x"), "/bin/c\u{0}at",
        ] {
            #expect(throws: ResponseError.self) { try ExecConnectorTests.run(path) }
        }
        let noInterpreter = try programs.write("#!/no/such/sh\n", name: "no-interpreter")
        #expect(try ExecConnectorTests.run(noInterpreter).outcome == .retry)
        let noFirstLine = try programs.write("exit 0\n", name: "no-first-line")
        let answer = try ExecConnectorTests.run(noFirstLine)
        #expect(answer.outcome == .retry)
        #expect(answer.detail.contains("#!/bin/sh"))
    }

    @Test("settings out of range are refused")
    func settings() throws {
        #expect(throws: ResponseError.self) { try ExecConnectorTests.run("/bin/cat", limit: 0) }
        #expect(throws: ResponseError.self) {
            try ExecConnectorTests.run("/bin/cat", limit: 300_001)
        }
        #expect(throws: ResponseError.self) {
            try ExecConnectorTests.run("/bin/cat", Array(repeating: "x", count: 65))
        }
        #expect(throws: ResponseError.self) {
            try ExecConnectorTests.run("/bin/cat", variables: ["NOT_SET"])
        }
        #expect(throws: ResponseError.self) {
            try ExecConnectorTests.run(
                "/bin/cat", variables: ["A=B"], environment: ["A=B": "x"])
        }
    }
}
