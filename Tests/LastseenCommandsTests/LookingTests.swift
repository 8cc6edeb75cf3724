import Foundation
import Testing

/// Commands that only look.
@Suite(.serialized)
struct LookingTests {
    @Test("alerts are filtered by user, risk, time and status")
    func list() throws {
        let folder = try Folder()
        for name in ["impossible-trip", "stolen-token", "late-record"] {
            try folder.run("analyze", "--state", "s.db", Program.sample(name))
        }
        func count(_ arguments: String...) throws -> Int {
            let all = ["alerts", "list", "--state", "s.db", "--json"] + arguments
            return try Program.Run(all, input: nil, in: folder).result()
                .output.split(separator: "\n").count
        }
        #expect(try count() == 2)
        #expect(try count("--status", "all") == 3)
        #expect(try count("--status", "retracted") == 1)
        #expect(try count("--user", "gus") == 1)
        #expect(try count("--user", "gus@example.com") == 1)
        #expect(try count("--user", "nobody") == 0)
        #expect(try count("--min-risk", "99") == 2)
        #expect(try count("--min-risk", "100") == 0)
        #expect(try count("--since", "2026-03-12T09:00:00Z") == 1)
        #expect(try count("--since", "2199-01-01") == 0)
        #expect(try count("--limit", "1") == 1)
        let schema = try folder.run("alerts", "schema").output
        #expect(try JSONSerialization.jsonObject(with: Data(schema.utf8)) is [String: Any])
    }

    @Test("an alert is shown by the beginning of its id, with its history")
    func show() throws {
        let folder = try Folder()
        try folder.run("analyze", "--state", "s.db", Program.sample("late-record"))
        let list = try folder.run("alerts", "list", "--state", "s.db", "--json", "--status", "all")
        let id = String(list.output.dropFirst(7).prefix(18))
        let history = try folder.run(
            "alerts", "show", String(id.prefix(8)), "--state", "s.db", "--history", "--json")
        let revisions = history.output.split(separator: "\n")
        #expect(revisions.count == 2)
        #expect(revisions.last?.contains(#""status":"retracted""#) == true)
        #expect(
            try folder.run("alerts", "show", "a-ffffffffffffffff", "--state", "s.db").status == 66)
    }

    @Test("sessions of an account, and help for who gives its name")
    func sessions() throws {
        let folder = try Folder()
        try folder.run("analyze", "--state", "s.db", Program.sample("stolen-token"))
        let page = try folder.run("sessions", "fay", "--tenant", "acme", "--state", "s.db")
        #expect(page.status == 0)
        #expect(page.output.contains("Most recent session\n  Chrome on macOS · Hamburg, DE"))
        #expect(page.output.contains("Suspicious: Session moved to other hands"))
        let json = try folder.run(
            "sessions", "fay", "--tenant", "acme", "--state", "s.db", "--json")
        #expect(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) is [String: Any])
        let byName = try folder.run("sessions", "fay@example.com", "--state", "s.db")
        #expect(byName.status == 66)
        #expect(byName.errors.contains("lastseen sessions fay --tenant acme"))
    }

    @Test("a report is one page with the alert in it")
    func report() throws {
        let folder = try Folder()
        try folder.run("analyze", "--state", "s.db", Program.sample("impossible-trip"))
        #expect(try folder.run("report", "--state", "s.db", "--out", "r.html").status == 0)
        let page = folder.read("r.html")
        #expect(page.hasPrefix("<!DOCTYPE html>") || page.hasPrefix("<!doctype html>"))
        #expect(page.contains("gus-x1"))
        #expect(try folder.run("report", "--state", "s.db", "--out", "-").output.contains("gus-x1"))
        #expect(
            try folder.run("report", "--state", "s.db", "--out", "/nowhere/r.html").status == 73)
    }

    /// What an attacker writes into a user agent, a name or a file's name must not steer a terminal.
    @Test("nothing hostile reaches the terminal")
    func hostile() throws {
        let folder = try Folder()
        let evil = #"\u001b]0;owned\u0007\u001b[2J\u202e"#
        var text = ""
        for (i, place) in ["81.2.69.142", "81.2.69.142", "177.71.128.1"].enumerated() {
            text +=
                #"{"id":"e\#(i)\#(i == 2 ? "" : "x")","time":"2026-03-0\#(i == 2 ? 2 : i + 1)T08:0\#(i):00Z","#
                + #""user":{"id":"u1","name":"ann\#(evil)"},"session":{"id":"s\#(i)"},"ip":"\#(place)","#
                + #""user_agent":"Mozilla \#(evil) \#(i)"}"# + "\n"
        }
        try folder.write(text, to: "\u{1B}[31mlog.ndjson")
        let result = try folder.run(
            "analyze", "--state", "s.db", "--verbose", "\u{1B}[31mlog.ndjson", "--color", "never")
        let pages = [
            result, try folder.run("sessions", "u1", "--state", "s.db"),
            try folder.run("alerts", "list", "--state", "s.db", "--status", "all"),
            try folder.run("format", "try", "\u{1B}[31mlog.ndjson"),
            try folder.run("analyze", "\u{1B}[31mnowhere"),
            try folder.run("sessions", "\u{1B}[31mnobody", "--state", "s.db"),
            try folder.run("rules", "test", "\u{1B}[31mnone"),
            try folder.run("alerts", "show", "\u{1B}[31mnone", "--state", "s.db"),
            try folder.run("\u{1B}[31mnone"), try folder.run("analyze", "--\u{1B}[31mnone"),
        ]
        for page in pages {
            for text in [page.output, page.errors] {
                #expect(
                    !text.contains("\u{1B}") && !text.contains("\u{202E}"),
                    "\(text.debugDescription)")
            }
        }
        #expect(result.status == 0 || result.status == 2)
    }
}
