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
        #expect(try folder.run("respond", "plan", "--state", "s.db").output.contains("pia-x1") == false)
        let sessions = try folder.run("sessions", "pia", "--tenant", "acme", "--state", "s.db")
        #expect(!sessions.output.contains("Suspicious"))
    }
}
