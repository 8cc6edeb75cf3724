import Foundation
import Testing

/// Owners' links, from the message to the verdict, by the programs as they are run.
@Suite(.serialized)
struct AnswerTests {
    /// A folder with the alert of a stolen token, and channels for its owner.
    private static func alarmed(_ body: (Folder) throws -> Void = { _ in }) throws -> Folder {
        let folder = try Folder()
        try folder.write("0123456789abcdef0123456789abcdef0123456789abcdef\n", to: "key")
        chmod("\(folder.path)/key", 0o600)
        try folder.write("user,mail,language\nfay,fay@home.example,en\n", to: "people.csv")
        try folder.write(
            """
            links: {url: "https://lastseen.example.com/x", key: {file: key}}
            directory: people.csv
            channels:
              - {name: owners, kind: mail, audience: owner, from: s@example.com,
                 sendmail: \(folder.path)/sendmail, maximum_age_days: 3000}

            """, to: "channels.yaml")
        try folder.write("#!/bin/sh\ncat >> \(folder.path)/mail.eml\n", to: "sendmail")
        chmod("\(folder.path)/sendmail", 0o700)
        try folder.write(try sampleText("stolen-token"), to: "log.ndjson")
        try body(folder)
        return folder
    }

    private static func analyzed() throws -> Folder {
        try alarmed { folder in
            let result = try folder.run(
                "analyze", "--state", "s.db", "--channels", "channels.yaml", "--output",
                "ndjson:feed.ndjson", "log.ndjson")
            #expect(result.status == 2 || result.status == 0, "\(result.errors)")
        }
    }

    /// The token of a link in the owner's message.
    private static func token(_ letter: String, in folder: Folder) throws -> String {
        let alert = try #require(try AlertLifeTests.list(folder, "--all").first).dropFirst(7)
            .prefix(18)
        let preview = try folder.run(
            "notify", "preview", String(alert), "--channel", "owners", "--channels",
            "channels.yaml",
            "--state", "s.db")
        // Lines are folded as mail is.
        let text = preview.output.replacing("=\n", with: "").replacing("=\r\n", with: "")
        let match = try #require(
            text.firstMatch(
                of: /answer\/(1\.a-[0-9a-f]+\.\d+\.([mn])\.en\.\d+\.[A-Za-z0-9_-]{43})/),
            "\(preview.output) \(preview.errors)")
        for found in text.matches(
            of: /answer\/(1\.a-[0-9a-f]+\.\d+\.([mn])\.en\.\d+\.[A-Za-z0-9_-]{43})/)
        where found.2 == letter { return String(found.1) }
        Issue.record("no link '\(letter)' in \(match.0)")
        return ""
    }

    /// The server, listening on a port of its own.
    private final class Server {
        let process = Process()
        let port: Int

        init(in folder: Folder) throws {
            process.executableURL = URL(fileURLWithPath: Program.path + "-server")
            process.arguments = [
                "--state", "\(folder.path)/s.db", "--link-key", "\(folder.path)/key", "--listen",
                "127.0.0.1:0",
            ]
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            var said = ""
            while !said.contains("\n") {
                let more = errors.fileHandleForReading.availableData
                if more.isEmpty { break }
                said += String(decoding: more, as: UTF8.self)
            }
            port = said.firstMatch(of: /port (\d+)/).flatMap { Int($0.1) } ?? 0
            #expect(port > 0, "\(said)")
        }

        deinit {
            process.terminate()
            process.waitUntilExit()
        }

        /// The status of the answer.
        func send(_ method: String, _ token: String, form: Bool = false) throws -> String {
            let curl = Process()
            curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
            curl.arguments =
                ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "60"]
                + (method == "HEAD" ? ["-I"] : ["-X", method])
                + (form ? ["--data", "token=\(token)"] : [])
                + ["http://127.0.0.1:\(port)/x/answer/\(token)"]
            let output = Pipe()
            curl.standardOutput = output
            try curl.run()
            let data = try output.fileHandleForReading.readToEnd() ?? Data()
            curl.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }
    }

    private static let hasCurl = FileManager.default.isExecutableFile(atPath: "/usr/bin/curl")

    /// The button, what the alert becomes, what is left to plan for.
    static let answers = [("n", "confirmed"), ("m", "dismissed")]

    @Test(
        "a link opened by scanners does nothing; its button answers once, and the next run takes it",
        .enabled(if: hasCurl), arguments: answers)
    func answered(letter: String, becomes status: String) throws {
        let folder = try Self.analyzed()
        let token = try Self.token(letter, in: folder)
        let server = try Server(in: folder)
        for method in ["GET", "HEAD", "GET"] { #expect(try server.send(method, token) == "200") }
        let before = try folder.run("journal", "export", "--state", "s.db").output
        #expect(!before.contains(#""actor":"owner""#))
        #expect(try server.send("POST", token) == "404")
        #expect(try server.send("POST", token, form: true) == "200")
        #expect(try server.send("POST", token, form: true) == "410")
        let send = try folder.run(
            "notify", "send", "--channels", "channels.yaml", "--state", "s.db")
        #expect(send.status == 0, "\(send.errors)")
        let list = try AlertLifeTests.list(folder, "--all")
        #expect(list.count == 1)
        #expect(list[0].contains(#""status":"\#(status)""#))
        #expect(folder.read("feed.ndjson").split(separator: "\n").last?.contains(status) == true)
        let journal = try folder.run("journal", "export", "--state", "s.db").output
        #expect(journal.contains(#""actor":"owner""#) && journal.contains("answered-"))
        #expect(try server.send("POST", token, form: true) == "410")
        let verify = try folder.run("journal", "verify", "--state", "s.db")
        #expect(verify.status == 0)
    }

    @Test(
        "a watch that holds the state takes answers and verdicts, and goes on",
        .enabled(if: hasCurl))
    func watched() throws {
        let folder = try Self.alarmed()
        let lines = try sampleText("stolen-token").split(separator: "\n").map { "\($0)\n" }
        try folder.write(lines.dropLast(2).joined(), to: "log.ndjson")
        let watch = try folder.start(
            "watch", "log.ndjson", "--state", "s.db", "--channels", "channels.yaml", "--output",
            "ndjson:feed.ndjson", "--verbose")
        defer { watch.process.terminate() }
        #expect(try watch.wait { folder.read("mail.eml").contains("/answer/") })
        let server = try Server(in: folder)
        #expect(try server.send("POST", try Self.token("n", in: folder), form: true) == "200")
        #expect(try watch.wait { folder.read("feed.ndjson").contains(#""status":"confirmed""#) })
        #expect(try watch.wait { watch.errors.contains("was confirmed: it was an intruder") })
        // What comes after it is judged as ever.
        try folder.append(lines.suffix(2).joined(), to: "log.ndjson")
        let id = String(try #require(try AlertLifeTests.list(folder).first).dropFirst(7).prefix(18))
        let said = try folder.run(
            "alerts", "dismiss", id, "--note", "called him", "--state", "s.db", "--wait", "60")
        #expect(said.status == 0 && said.output.contains("\(id) is dismissed"), "\(said.errors)")
        #expect(try watch.wait { folder.read("feed.ndjson").contains(#""status":"dismissed""#) })
        watch.process.terminate()
        let result = try watch.result()
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("\(lines.count) records"), "\(result.errors)")
        let journal = try folder.run("journal", "export", "--state", "s.db").output
        #expect(journal.contains("called him"))
        // No run holds the state now.
        let again = try folder.run("alerts", "confirm", id, "--state", "s.db")
        #expect(again.status == 0 && again.output.contains("\(id) is confirmed"))
    }

    @Test("a verdict that no run takes in time waits for the next one")
    func waits() throws {
        let folder = try Self.analyzed()
        let id = String(try #require(try AlertLifeTests.list(folder).first).dropFirst(7).prefix(18))
        // Held by a run that never looks: it waits for input that does not come.
        let holder = try folder.start("watch", "--state", "s.db", "not-there.ndjson")
        #expect(try holder.wait { holder.errors.contains("waiting for it") })
        kill(holder.process.processIdentifier, SIGSTOP)
        let said = try folder.run("alerts", "dismiss", id, "--state", "s.db", "--wait", "0.3")
        #expect(said.status == 0, "\(said.errors)")
        #expect(said.output == "\(id) will be dismissed by the next run: one holds the state.\n")
        // So does an owner's answer on the command line, once.
        let token = try Self.token("m", in: folder)
        for (status, words) in [(Int32(0), "Thank you"), (1, "used already")] {
            let answer = try folder.run(
                "answer", token, "--channels", "channels.yaml", "--state", "s.db")
            #expect(answer.status == status && answer.output.contains(words), "\(answer.output)")
        }
        kill(holder.process.processIdentifier, SIGKILL)
        holder.process.waitUntilExit()
        #expect(try AlertLifeTests.list(folder).count == 1)
        let next = try folder.run("analyze", "--state", "s.db", "log.ndjson")
        #expect(next.status == 0, "\(next.errors)")
        #expect(try AlertLifeTests.list(folder).isEmpty)
        #expect(try AlertLifeTests.list(folder, "--all").first?.contains("dismissed") == true)
    }

    /// Arguments of the server, its status, words.
    static let misuses: [([String], Int32, String)] = [
        ([], 64, "Say --state to serve owners' links, --issuer to serve signals."),
        (["--link-key", "key"], 64, "Say --state"),
        (["--issuer", "https://m.example.com"], 64, "--streams is missing"),
        (["--state", "s.db", "--streams", "x.db"], 64, "need --issuer"),
        (["--state", "s.db"], 78, "LASTSEEN_LINK_KEY"),
        (["--state", "s.db", "--link-key", "short"], 78, "shorter than 32"),
        (["--state", "s.db", "--link-key", "none"], 78, "none"),
    ]

    @Test("what the server cannot begin with is said", arguments: misuses.indices)
    func misuse(index: Int) throws {
        let (arguments, status, words) = Self.misuses[index]
        let folder = try Folder()
        try folder.write("abc", to: "short")
        chmod("\(folder.path)/short", 0o600)
        let result = try Program.Run(["serve"] + arguments, input: nil, in: folder).result()
        #expect(result.status == status, "\(result.errors)")
        #expect(result.errors.contains(words), "\(result.errors)")
    }
}
