import Foundation
import Testing

/// What was learned of one user: listed, exported, corrected.
@Suite(.serialized)
struct LearnedTests {
    private static func judged(_ sample: String = "remedied-theft") throws -> Folder {
        let folder = try Folder()
        try folder.run(
            "analyze", "--state", "s.db", "--output", "ndjson:feed.ndjson", Program.sample(sample))
        return folder
    }

    private static func learned(_ folder: Folder, _ more: String...) throws -> Program.Result {
        try Program.Run(
            ["learned", "pia", "--tenant", "acme", "--state", "s.db"] + more, input: nil, in: folder
        ).result()
    }

    private static func facts(_ folder: Folder) throws -> [[String: Any]] {
        try learned(folder, "--json").output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private static func laptop(_ folder: Folder) throws -> [String: Any]? {
        try facts(folder).first { ($0["device"] as? [String: String])?["id"] == "pia-laptop" }
    }

    /// The laptop, days later, on a network that is new.
    private static let next =
        #"{"id":"n1","time":"2026-03-12T07:30:00Z","event":"login","outcome":"success","user":{"id":"pia"},"#
        + #""session":{"id":"pia-40"},"device":{"id":"pia-laptop"},"ip":"129.240.10.5","#
        + #""auth":{"method":"password"},"tenant":"acme"}"# + "\n"

    @Test("a page says of each thing how it was learned")
    func page() throws {
        let page = try Self.learned(try Self.judged())
        #expect(page.status == 0, "\(page.errors)")
        #expect(
            page.output.hasPrefix(
                """
                Learned of pia@example.com (pia) in tenant acme
                from 21 sightings since 2026-03-02 07:07 UTC

                Devices
                  f31c61bb  Chrome on Windows (pia-laptop)
                            familiar: there from the user's first record on
                            19 sightings on 7 days, 2026-03-02 07:07 UTC to 2026-03-09 07:09 UTC
                  e8f7a6da  Firefox on Linux (pia-x)
                            stranger: named by an alert, and so not learned (a-e2299e1f70a8ddb2)
                            2 sightings on 1 day, 2026-03-07 14:12 UTC to 2026-03-07 14:31 UTC

                Networks
                """), "\(page.output)")
        for part in [
            "Networks", "Providers", "Places", "Countries", "Hours", "Warsaw, PL", "07:00 (6)",
        ] {
            #expect(page.output.contains(part), "\(part)")
        }
    }

    @Test(
        "verdicts show",
        arguments: [
            ("dismiss", "familiar: taught by dismissing an alert", "dismissed"),
            ("confirm", "stranger: confirmed to be an intruder's", "confirmed"),
        ])
    func verdicts(command: String, said: String, word: String) throws {
        let folder = try Self.judged()
        try folder.run("alerts", command, "--state", "s.db", "a-e2299e1f70a8ddb2")
        #expect(try Self.learned(folder).output.contains(said))
        let phone = try Self.facts(folder).first {
            ($0["device"] as? [String: String])?["id"] == "pia-x"
        }
        #expect(phone?["learned"] as? String == word)
        #expect(phone?["alerts"] as? [String] == ["a-e2299e1f70a8ddb2"])
        let run = try Self.learned(folder, "--forget", "e8f7a6da")
        #expect(run.status == (command == "confirm" ? 64 : 0))
        if command == "confirm" {
            #expect(run.errors.contains("lastseen alerts dismiss a-e2299e1f70a8ddb2"))
        }
    }

    @Test("JSON has an object a fact")
    func json() throws {
        let facts = try Self.facts(try Self.judged())
        #expect(facts.count == 11)
        #expect(
            Set(facts.compactMap { $0["kind"] as? String })
                == ["device", "network", "provider", "place", "country", "hours"])
        for fact in facts {
            for key in [
                "id", "tenant", "user", "kind", "learned", "standing", "first_seen", "last_seen",
                "days",
                "sightings", "alerts",
            ] { #expect(fact[key] != nil, "\(key)") }
        }
        #expect(facts.compactMap { $0["prefix"] as? String }.contains("84.208.20.0/24"))
        #expect((facts.last?["hours_utc"] as? [Int])?.count == 24)
    }

    @Test("what is forgotten is new again; without it, nothing is told", arguments: [true, false])
    func forgotten(isForgotten: Bool) throws {
        let folder = try Self.judged()
        if isForgotten {
            // Its newest sighting is in the tail: it must not come back with it.
            let run = try Self.learned(
                folder, "--forget", "F31C61BB", "--note", "sold \u{1B}[2J it")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                run.output
                    == "Forgotten of pia: Chrome on Windows (pia-laptop). It is new when it is next seen.\n"
            )
            #expect(try Self.laptop(folder) == nil)
            let journal = try folder.run("journal", "export", "--state", "s.db").output
            let entry = try #require(
                try JSONSerialization.jsonObject(with: Data(journal.utf8)) as? [String: Any])
            #expect(entry["what"] as? String == "forgotten")
            #expect(!(entry["actor"] as? String ?? "").isEmpty)
            let detail = try #require(entry["detail"] as? String)
            for part in [
                #""tenant":"acme","user":"pia""#, #""name":"Chrome on Windows (pia-laptop)""#,
                #""learned":"first""#, #""days":7"#, "sold",
            ] { #expect(detail.contains(part), "\(part) in \(detail)") }
            #expect(!journal.contains("\u{1B}"))
            #expect(try folder.run("journal", "verify", "--state", "s.db").status == 0)
            // Nothing that was told is taken back, and the same records again change nothing.
            #expect(folder.read("feed.ndjson").split(separator: "\n").count == 2)
            try folder.run("analyze", "--state", "s.db", Program.sample("remedied-theft"))
            #expect(try Self.laptop(folder) == nil)
            #expect(try Self.learned(folder, "--forget", "f31c61bb").status == 66)
        }
        try folder.write(Self.next, to: "next.ndjson")
        let run = try folder.run("analyze", "--state", "s.db", "next.ndjson")
        #expect(run.status == (isForgotten ? 2 : 0), "\(run.output)")
        #expect(run.output.contains("Unrecognized device") == isForgotten)
        #expect(try Self.laptop(folder)?["sightings"] as? Int == (isForgotten ? 1 : 20))
    }

    @Test("beside a watch, which forgets it at once")
    func besideWatch() throws {
        let folder = try Self.judged()
        try folder.write("", to: "log.ndjson")
        let watch = try folder.start(
            "watch", "log.ndjson", "--state", "s.db", "--output", "ndjson:w.ndjson", "--verbose")
        defer { watch.process.terminate() }
        // Holds the state once it has read something of its own.
        try folder.append(
            Self.next.replacing("pia", with: "ann").replacing("n1", with: "m1"), to: "log.ndjson")
        #expect(
            try watch.wait {
                try folder.run("learned", "ann", "--tenant", "acme", "--state", "s.db").status == 0
            })
        let run = try Self.learned(folder, "--forget", "f31c61bb", "--wait", "30")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("Forgotten of pia: Chrome on Windows"), "\(run.output)")
        #expect(watch.process.isRunning)
        #expect(try Self.laptop(folder) == nil)
        #expect(try folder.run("journal", "export", "--state", "s.db").output.contains("forgotten"))
        try folder.append(Self.next, to: "log.ndjson")
        #expect(try watch.wait { folder.read("w.ndjson").contains("unrecognized-device") })
        // A run that takes none in time: the next one does.
        #expect(watch.process.suspend())
        let later = try Self.learned(folder, "--forget", "c63b858c", "--wait", "0")
        #expect(later.status == 0, "\(later.errors)")
        #expect(later.output.contains("will be forgotten by the next run"), "\(later.output)")
        #expect(watch.process.resume())
        #expect(
            try watch.wait {
                try !Self.facts(folder).contains { $0["prefix"] as? String == "84.208.20.0/24" }
            })
    }

    static let misuses: [(arguments: [String], status: Int32)] = [
        (["nobody"], 66), (["pia@example.com"], 66), (["pia"], 66),
        (["pia", "--tenant", "acme", "--forget", "deadbeef"], 66),
        (["pia", "--tenant", "acme", "--forget", "dead"], 64),
        (["pia", "--tenant", "acme", "--forget", "f31c61b\u{1B}"], 64),
        (["pia", "--tenant", "acme", "--forget", String(repeating: "a", count: 17)], 64),
        (["pia", "--tenant", "acme", "--forget", "f31c61bb", "--json"], 64),
        (["pia", "--tenant", "acme", "--note", "why"], 64),
        (
            [
                "pia", "--tenant", "acme", "--forget", "f31c61bb", "--note",
                String(repeating: "x", count: 1001),
            ], 64
        ),
        (["pia", "--state", "none.db"], 66), ([], 64),
    ]

    @Test("misuse")
    func misuse() throws {
        let folder = try Self.judged()
        for (arguments, status) in Self.misuses {
            let state = arguments.contains("--state") ? [] : ["--state", "s.db"]
            let run = try Program.Run(["learned"] + arguments + state, input: nil, in: folder)
                .result()
            #expect(run.status == status, "\(arguments) \(run.errors)")
            #expect(!run.errors.contains("\u{1B}"))
        }
        let byName = try folder.run("learned", "pia@example.com", "--state", "s.db")
        #expect(byName.errors.contains("lastseen learned pia --tenant acme"))
    }

    /// Names of users, devices and agents are written by whoever signs in.
    @Test("nothing hostile reaches the terminal")
    func hostile() throws {
        let folder = try Folder()
        // Ids with control characters are refused as records; names and agents are not.
        let evil = #"\u001b]0;owned\u0007\u001b[2J\u202e\n  00000000  fake"#
        let marks = #"\u202e\u2028\u200b  00000000  fake"#
        var text = ""
        for i in 1...3 {
            text +=
                #"{"id":"e\#(i)","time":"2026-03-0\#(i)T08:00:00Z","user":{"id":"u\#(marks)","name":"ann\#(evil)"},"#
                + #""device":{"id":"d\#(marks)\#(String(repeating: "x", count: 300))"},"session":{"id":"s"},"#
                + #""ip":"81.2.69.142","user_agent":"Mozilla \#(evil)"}"# + "\n"
        }
        try folder.write(text, to: "log.ndjson")
        try folder.run("analyze", "--state", "s.db", "log.ndjson")
        let user = "u\u{202E}\u{2028}\u{200B}  00000000  fake"
        let page = try folder.run("learned", user, "--state", "s.db")
        #expect(page.status == 0, "\(page.errors)")
        let json = try folder.run("learned", user, "--state", "s.db", "--json")
        let first = try #require(json.output.split(separator: "\n").first)
        let fact = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
        #expect((fact?["user"] as? [String: String])?["id"] == user)
        let id = try #require(fact?["id"] as? String)
        let pages = [
            page, json, try folder.run("learned", user, "--state", "s.db", "--forget", id),
            try folder.run("learned", user, "--state", "s.db", "--forget", id),
            try folder.run("learned", user + "\u{1B}[2J", "--state", "s.db"),
            try folder.run("journal", "export", "--state", "s.db"),
        ]
        #expect(pages.map(\.status) == [0, 0, 0, 66, 66, 0])
        for page in pages {
            for text in [page.output, page.errors] {
                #expect(
                    !text.contains("\u{1B}") && !text.contains("\u{202E}"),
                    "\(text.debugDescription)")
                #expect(!text.contains("\n  00000000"))
            }
        }
    }
}
