import Foundation
import Testing

@Suite(.serialized)
struct ExitStatusTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var status: Int32
        var arguments: [String]
        /// Part of what is said on standard error; nothing may be said when it is empty.
        var says: String

        init(_ status: Int32, _ arguments: [String], _ says: String = "") {
            (self.status, self.arguments, self.says) = (status, arguments, says)
        }

        var testDescription: String { "\(status): \(arguments.joined(separator: " "))" }
    }

    static let quiet = Program.sample("quiet-month")
    static let trip = Program.sample("impossible-trip")

    static let cases: [Case] = [
        Case(0, ["analyze", "--state", ":memory:", quiet]),
        Case(2, ["analyze", "--state", ":memory:", trip]),
        Case(0, ["--help"]),
        Case(0, ["help", "watch"]),
        Case(0, ["--version"]),
        Case(0, ["--generate-completion-script", "bash"]),
        Case(64, ["analyse"], "analyse"),
        Case(64, ["analyze", "--frobnicate"], "--frobnicate"),
        Case(64, ["analyze", "--threads", "0", quiet], "Use 1 to 64"),
        Case(64, ["analyze", "--threads", "65", quiet], "Use 1 to 64"),
        Case(64, ["analyze", "--act-risk", "101", quiet], "Use 0 to 100"),
        Case(64, ["analyze", "--max-rejects", "-1", quiet], "max-rejects"),
        Case(64, ["analyze", "--format", "nativ", quiet], "Did you mean 'native'?"),
        Case(64, ["analyze", "--act", quiet], "--webhook URL, or --exec PROGRAM"),
        Case(64, ["analyze", "--act", "--connector", "exec", quiet], "needs --exec"),
        Case(
            64, ["analyze", "--webhook", "https://a.example", "--exec", "/bin/true", quiet],
            "--connector"),
        Case(
            78, ["analyze", "--act", "--webhook", "https://a.example", quiet],
            "LASTSEEN_WEBHOOK_SECRET"),
        Case(78, ["analyze", "--act", "--exec", "./nowhere", quiet], "No such file"),
        Case(66, ["analyze", "nowhere.ndjson"], "there is no such file"),
        Case(66, ["analyze", "--protect-file", "nowhere", quiet], "No such file"),
        Case(
            73, ["analyze", "--state", ":memory:", "--output", "text:/nowhere/x", trip],
            "Create the folder first"),
        Case(73, ["analyze", "--state", ":memory:", "--output", "ndjson:.", trip], "a folder"),
        Case(73, ["analyze", "--state", "/proc/nowhere/state.db", trip], "state"),
        Case(
            74, ["analyze", "--state", ":memory:", "--output", "ndjson:/dev/full", trip],
            "Make room"),
        Case(78, ["analyze", "--geo", "/etc/passwd", "--", quiet], "not a MaxMind DB"),
        Case(78, ["analyze", "--rules", "/nowhere", quiet], "/nowhere"),
        Case(64, ["watch", "."], "is a folder"),
        Case(64, ["watch"], "sources"),
        Case(66, ["alerts", "list"], "there is no state yet"),
        Case(66, ["sessions", "ann"], "there is no state yet"),
        Case(66, ["respond", "status"], "there is no state yet"),
        Case(66, ["respond", "apply", "--act", "--exec", "/bin/true"], "there is no state yet"),
        Case(66, ["report", "--out", "x.html"], "there is no state yet"),
        Case(64, ["report"], "--out"),
        Case(64, ["alerts", "list", "--since", "7 days"], "--since"),
        Case(64, ["alerts", "list", "--min-risk", "101"], "Use 0 to 100"),
        Case(64, ["alerts", "list", "--limit", "0"], "--limit"),
        Case(0, ["alerts", "schema"]),
        Case(0, ["rules", "check"]),
        Case(0, ["rules", "list", "--verbose"]),
        Case(0, ["rules", "test"]),
        Case(64, ["rules", "test", "imposible-travel"], "Did you mean 'impossible-travel'?"),
        Case(78, ["rules", "check", "--rules", "."]),
        Case(0, ["geo", "info"]),
        Case(0, ["geo", "lookup", "81.2.69.142", "::1", "[2001:db8::1]:443"]),
        Case(64, ["geo", "lookup", "81.2.69.999"], "not an IP address"),
        Case(0, ["format", "list"]),
        Case(0, ["format", "show", "sshd"]),
        Case(64, ["format", "show", "ssh"], "Did you mean 'sshd'?"),
        Case(65, ["format", "try", Program.sample("bad-lines")], "native"),
        Case(66, ["format", "try", "nowhere"], "there is no such file"),
    ]

    @Test("ends as documented, and says why", arguments: cases)
    func status(_ expected: Case) throws {
        let folder = try Folder()
        let result = try Program.Run(expected.arguments, input: nil, in: folder).result()
        #expect(result.status == expected.status, "\(result.errors)")
        if expected.says.isEmpty {
            #expect(result.errors.isEmpty, "\(result.errors)")
        } else {
            #expect(result.errors.contains(expected.says), "\(result.errors)")
            #expect(result.errors.hasPrefix("lastseen: "), "\(result.errors)")
        }
    }

    @Test(
        "all lines refused, or more than --max-rejects from 100 lines on, end with 65",
        arguments: [
            (99, 98, "1", Int32(0)), (99, 99, "1", 65), (1, 1, "100", 65), (3, 0, "1", 0),
            (100, 2, "1", 65), (100, 1, "1", 0), (200, 100, "50", 0),
            (200, 101, "50", 65),
        ])
    func rejects(lines: Int, bad: Int, percent: String, status: Int32) throws {
        let folder = try Folder()
        var text = ""
        for i in 0..<lines {
            text +=
                i < bad
                ? "nonsense \(i)\n"
                : #"{"time":"2026-03-01T08:\#(10 + i % 50):00Z","user":{"id":"u"},"session":{"id":"s"}}"#
                    + "\n"
        }
        try folder.write(text, to: "records.ndjson")
        let result = try folder.run(
            "analyze", "--state", ":memory:", "--format", "native", "--max-rejects", percent,
            "--rejects", "bad.ndjson", "records.ndjson")
        #expect(result.status == status, "\(result.errors)")
        #expect(folder.read("bad.ndjson").split(separator: "\n").count == bad)
        let says = "lastseen: \(bad) of \(lines) line\(lines == 1 ? "" : "s") refused"
        #expect(result.errors.hasPrefix(bad == 0 ? "" : says), "\(result.errors)")
        #expect(result.errors.contains("; the first, records.ndjson line 1: ") == (bad > 0))
        #expect(result.errors.filter { $0 == "\n" }.count == (bad == 0 ? 0 : 1))
    }

    @Test("what is found in a folder and fits no format is passed over, what is named is not")
    func passedOver() throws {
        let folder = try Folder()
        for name in ["logs", "logs/deep", "prose", "none"] {
            mkdir("\(folder.path)/\(name)", 0o700)
        }
        try folder.write(try sampleText("impossible-trip"), to: "logs/deep/a.ndjson")
        for name in ["logs/README.md", "prose/README.md"] {
            try folder.write("# Logs\n\nWhat is in here.\n", to: name)
        }
        let note = "lastseen: logs/README.md: passed over: its first lines fit no known format\n"
        let found = try folder.run("analyze", "--state", ":memory:", "logs")
        #expect(found.status == 2)
        #expect(found.errors == note)
        let named = try folder.run("analyze", "--state", ":memory:", "logs", "logs/README.md")
        #expect(named.status == 65)
        let prose = try folder.run("analyze", "--state", ":memory:", "prose")
        #expect(prose.status == 65)
        #expect(prose.errors.contains("None of the files found (1) fits a known format"))
        let none = try folder.run("analyze", "--state", ":memory:", "none")
        #expect(none.status == 66)
        #expect(none.errors.contains("there is no file in this folder"))
    }

    @Test("a state that another run holds is 75, and says who")
    func locked() throws {
        let folder = try Folder()
        try folder.write("", to: "log.ndjson")
        let holder = try folder.start("watch", "log.ndjson", "--state", "s.db")
        defer { holder.process.terminate() }
        #expect(try holder.wait { !folder.read("s.db.lock").isEmpty })
        let result = try folder.run("analyze", "--state", "s.db", "--wait", "0", Self.quiet)
        #expect(result.status == 75)
        #expect(result.errors.contains("lastseen watch, pid \(holder.process.processIdentifier)"))
        // Reading goes on all the same.
        #expect(try folder.run("alerts", "list", "--state", "s.db").status == 0)
    }

    @Test("permission denied is 66 for an input and 73 for the state", .enabled(if: getuid() != 0))
    func permissions() throws {
        let folder = try Folder()
        try folder.write("", to: "secret.ndjson")
        chmod("\(folder.path)/secret.ndjson", 0)
        #expect(try folder.run("analyze", "secret.ndjson").status == 66)
        mkdir("\(folder.path)/shut", 0o500)
        let result = try folder.run("analyze", "--state", "shut/s.db", Self.quiet)
        #expect(result.status == 73)
    }
}
