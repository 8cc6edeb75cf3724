import Foundation
import Testing

/// What becomes of an alert after it was told.
@Suite(.serialized)
struct AlertLifeTests {
    /// A sample's records up to and with line `count`, and the rest, in two files.
    static func halves(_ sample: String, after count: Int, in folder: Folder) throws {
        let lines = try String(contentsOfFile: Program.sample(sample), encoding: .utf8)
            .split(separator: "\n")
        try folder.write(lines.prefix(count).joined(separator: "\n") + "\n", to: "1.ndjson")
        try folder.write(lines.dropFirst(count).joined(separator: "\n") + "\n", to: "2.ndjson")
    }

    static func list(_ folder: Folder, _ arguments: String...) throws -> [String] {
        try Program.Run(
            ["alerts", "list", "--state", "s.db", "--json"] + arguments, input: nil, in: folder
        ).result().output.split(separator: "\n").map(String.init)
    }

    @Test("an alert that closes is told once more, and is no reason to wake anybody")
    func closed() throws {
        let folder = try Folder()
        try Self.halves("remedied-theft", after: 17, in: folder)
        let first = try folder.run("analyze", "--state", "s.db", "1.ndjson")
        #expect(first.status == 2)
        #expect(try Self.list(folder).count == 1)
        #expect(try Self.list(folder, "--closed").isEmpty)
        let second = try folder.run(
            "analyze", "--state", "s.db", "--report", "r.html", "--output", "text", "--output",
            "ndjson:feed.ndjson", "-v", "2.ndjson")
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.output.hasPrefix("CLOSED"))
        #expect(second.output.contains("Closed: the password was changed at 2026-03-08 10:12 UTC"))
        #expect(!second.output.contains("What to do"))
        #expect(second.errors.contains("1 closed"))
        #expect(try Self.list(folder).isEmpty)
        let closed = try Self.list(folder, "--closed")
        #expect(closed.count == 1)
        #expect(closed.first?.contains(#""status":"closed""#) == true)
        #expect(folder.read("feed.ndjson").contains(#""status":"closed""#))
        #expect(try Self.list(folder, "--all").count == 1)
        #expect(folder.read("r.html").contains("Closed: explained, remedied or dismissed"))
        // Nothing is left to be done for it.
        #expect(
            try folder.run("respond", "plan", "--state", "s.db").output.contains("pia-x1") == false)
        let sessions = try folder.run("sessions", "pia", "--tenant", "acme", "--state", "s.db")
        #expect(!sessions.output.contains("Suspicious"))
    }
}

/// What people say of alerts.
@Suite(.serialized)
struct VerdictTests {
    private static func alarmed() throws -> (Folder, id: String) {
        let folder = try Folder()
        try AlertLifeTests.halves("remedied-theft", after: 17, in: folder)
        try folder.run(
            "analyze", "--state", "s.db", "--output", "ndjson:feed.ndjson", "--output",
            "text:feed.txt", "--lateness", "120", "1.ndjson")
        let id = try #require(try AlertLifeTests.list(folder).first).dropFirst(7).prefix(18)
        return (folder, String(id))
    }

    @Test(
        "a verdict says what it taught, and is in the feeds and the journal",
        arguments: [
            ("confirm", "confirmed", "Never of pia: Firefox on Linux (pia-x) and 178.180.22.0/24."),
            (
                "dismiss", "dismissed",
                "Of pia from now on: Firefox on Linux (pia-x), 178.180.22.0/24, Warsaw, PL and PL."
            ),
        ])
    func said(command: String, status: String, taught: String) throws {
        let (folder, id) = try Self.alarmed()
        let run = try folder.run(
            "alerts", command, "--state", "s.db", "--note", "called \u{1B}[2J him",
            String(id.prefix(9)))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("\(id) is \(status).\n  \(taught)\n"), "\(run.output)")
        let feed = folder.read("feed.ndjson").split(separator: "\n")
        #expect(feed.count == 2)
        #expect(feed.last?.contains(#""revision":2,"status":"\#(status)""#) == true)
        #expect(folder.read("feed.txt").contains(status.uppercased()))
        #expect(try AlertLifeTests.list(folder).count == (command == "confirm" ? 1 : 0))
        #expect(try AlertLifeTests.list(folder, "--status", status).count == 1)
        let journal = try folder.run("respond", "status", "--state", "s.db")
        #expect(journal.status == 0, "\(journal.errors)")
        // The same again changes nothing.
        let state = try folder.bytes()
        let again = try folder.run("alerts", command, "--state", "s.db", id)
        #expect(again.status == 0)
        #expect(again.output == "\(id) is \(status) already; nothing changed.\n")
        #expect(folder.read("feed.ndjson").split(separator: "\n").count == 2)
        #expect(try folder.bytes() == state)
        // A later run goes on with the feed, and does not say it again.
        let rest = try folder.run(
            "analyze", "--state", "s.db", "--output", "ndjson:feed.ndjson", "2.ndjson")
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(folder.read("feed.ndjson").split(separator: "\n").count == 2)
    }

    @Test("a verdict on a source leaves what to do about it, and says nothing of a user")
    func source() throws {
        let folder = try Folder()
        try folder.run("analyze", "--state", "s.db", Program.sample("password-spray"))
        let line = try #require(
            try AlertLifeTests.list(folder, "--status", "all").first {
                $0.contains("Passwords sprayed from a network")
            })
        let id = String(line.dropFirst(7).prefix(18))
        let confirmed = try folder.run("alerts", "confirm", "--state", "s.db", id)
        #expect(confirmed.status == 0 && confirmed.output.contains("it is about a source"))
        let page = try folder.run("alerts", "show", "--state", "s.db", id).output
        #expect(
            page.contains("Block 89.59.40.0/24") && page.contains("Check these users first: lena"))
        #expect(!page.contains("Log out of the session of"))
        try folder.run("alerts", "dismiss", "--state", "s.db", id)
        let over = try folder.run("alerts", "show", "--state", "s.db", id).output
        #expect(over.contains("Dismissed. It said: Sign-ins of"), "\(over)")
        #expect(!over.contains("Confirmed"))
    }

    @Test("several at once, each once; one that is not there stops all of them")
    func several() throws {
        let folder = try Folder()
        for sample in ["impossible-trip", "stolen-token"] {
            try folder.run("analyze", "--state", "s.db", Program.sample(sample))
        }
        let ids = try AlertLifeTests.list(folder).map { String($0.dropFirst(7).prefix(18)) }
        try #require(ids.count == 2)
        let wrong = try Program.Run(
            ["alerts", "dismiss", "--state", "s.db"] + ids + ["a-ffffffffffffffff"], input: nil,
            in: folder
        ).result()
        #expect(wrong.status == 66)
        #expect(try AlertLifeTests.list(folder).count == 2)
        let both = try Program.Run(
            ["alerts", "dismiss", "--state", "s.db"] + ids + [ids[0]], input: nil, in: folder
        ).result()
        #expect(both.status == 0)
        #expect(both.output.split(separator: "\n").count { $0.hasPrefix("a-") } == 2)
        #expect(try AlertLifeTests.list(folder).isEmpty)
        #expect(try AlertLifeTests.list(folder, "--closed").count == 2)
    }

    @Test(
        "what was dismissed stays quiet; without it the same raises an alert",
        arguments: [true, false])
    func taught(isDismissed: Bool) throws {
        let (folder, id) = try Self.alarmed()
        if isDismissed { try folder.run("alerts", "dismiss", "--state", "s.db", id) }
        let line = try String(contentsOfFile: Program.sample("remedied-theft"), encoding: .utf8)
            .split(separator: "\n")[15]
        let again = line.replacing("2026-03-07T", with: "2026-03-27T")
            .replacing(#""e16""#, with: #""e99""#).replacing("pia-x1", with: "pia-x9")
        try folder.write(again + "\n", to: "3.ndjson")
        let run = try folder.run("analyze", "--state", "s.db", "3.ndjson")
        // Known by now from a first sighting, so that only the dismissed is surely quiet.
        if isDismissed { #expect(run.status == 0, "\(run.output)") }
        try folder.run("alerts", "confirm", "--state", "s.db", id)
        try folder.write(
            again.replacing("2026-03-27T", with: "2026-03-29T").replacing("e99", with: "e98")
                + "\n",
            to: "4.ndjson")
        let after = try folder.run("analyze", "--state", "s.db", "4.ndjson")
        #expect(after.status == 2)
        #expect(after.output.contains("confirmed to be an intruder's"))
    }

    @Test("a feed that is gone is named, and the verdict holds")
    func feedGone() throws {
        let (folder, id) = try Self.alarmed()
        try FileManager.default.removeItem(atPath: folder.path + "/feed.ndjson")
        let run = try folder.run("alerts", "dismiss", "--state", "s.db", id)
        #expect(run.status == 0)
        #expect(run.errors.contains("feed.ndjson"))
        #expect(try AlertLifeTests.list(folder).isEmpty)
    }

    static let misuses: [(arguments: [String], status: Int32)] = [
        (["alerts", "confirm", "--state", "s.db"], 64),
        (
            [
                "alerts", "confirm", "--state", "s.db", "--note",
                String(repeating: "x", count: 1001), "a-1",
            ], 64
        ),
        (["alerts", "dismiss", "--state", "none.db", "a-1"], 66),
    ]

    @Test("misuse", arguments: misuses)
    func misuse(arguments: [String], status: Int32) throws {
        let (folder, _) = try Self.alarmed()
        #expect(try Program.Run(arguments, input: nil, in: folder).result().status == status)
    }
}

extension Folder {
    /// The state, without what SQLite has beside it.
    fileprivate func bytes() throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path + "/s.db"))
    }
}
