import Glibc
import Intake
import Pipeline
import Publishing
import SessionModel
import StateStore
import Testing

/// What is refused, where it goes, and when there is too much of it.
struct RejectTests {
    private let folder = Folder()

    private static let good =
        #"{"time":"2026-03-02T08:00:00Z","user":{"id":"ann"},"ip":"89.9.17.23"}"#

    /// Lines in all, bad ones among them, and whether that is too many at 1 %.
    static let shares: [(lines: Int, bad: Int, isTooMany: Bool)] = [
        (100, 1, false), (100, 2, true), (99, 99, false), (99, 2, false), (200, 2, false),
        (200, 3, true), (1000, 10, false), (1000, 11, true),
    ]

    private func write(_ lines: Int, _ bad: Int) throws -> String {
        let all = (0..<lines).map { $0 < bad ? "bad \($0)" : Self.good }
        return try folder.write(Array((all.joined(separator: "\n") + "\n").utf8), to: "a.ndjson")
    }

    @Test("more than 1 % of at least 100 lines is too many", arguments: shares)
    func share(lines: Int, bad: Int, isTooMany: Bool) throws {
        let result = try Run()([write(lines, bad)], in: folder.open(at: ":memory:"))
        #expect(result.lines == UInt64(lines))
        #expect(result.summary.rejected == bad)
        #expect(result.hasTooManyRejects(share: 0.01) == isTooMany)
        #expect(!result.hasTooManyRejects(share: 1))
    }

    @Test("the program ends with 65 then, and says where to look", arguments: shares.prefix(3))
    func status(lines: Int, bad: Int, isTooMany: Bool) throws {
        let source = try write(lines, bad)
        let rejects = folder.file("rejects.ndjson")
        let usual = ["analyze", source, "--state", ":memory:"] + Program.usual
        let ended = try Program.run(usual + ["--rejects", rejects], in: folder)
        let isAll = bad == lines
        #expect(ended.status == (isTooMany || isAll ? 65 : 0))
        #expect(ended.output.isEmpty)
        #expect(ended.complaints.contains("\(bad) of \(lines) lines refused"))
        #expect(ended.complaints.contains("more than --max-rejects") == isTooMany)
        #expect(ended.complaints.contains(rejects))
        #expect(Files.lines(folder.read("rejects.ndjson")).count == bad)
        let allowed = try Program.run(usual + ["--max-rejects", "100"], in: folder)
        #expect(allowed.status == (isAll ? 65 : 0))
        #expect(allowed.complaints.contains("--rejects FILE keeps them."))
    }

    @Test("a refused line is a line of JSON with its source, line, reason and text")
    func content() throws {
        let lines = [
            Self.good, #"bad "quoted" \ and tab\#t"#, "", Self.good,
            #"{"time":"2026-03-02T08:00:00Z","user":{"id":"ann"}}"#, "bell \u{07} \u{1B}[31m",
        ]
        let source = try folder.write(
            Array((lines.joined(separator: "\n") + "\n").utf8), to: "a \"b\".ndjson")
        let result = try Run(rejects: folder.file("r"))([source], in: folder.open())
        #expect(result.summary.records == 2)
        #expect(result.summary.rejected == 3)
        let rejects = Files.lines(folder.read("r"))
        let prefix = #"{"source":"\#(folder.path)/a \"b\".ndjson","line":"#
        let numbers = [2, 5, 6]
        try #require(rejects.count == numbers.count)
        for (line, number) in zip(rejects, numbers) {
            #expect(line.hasPrefix(prefix + "\(number),\"reason\":\""), "\(line)")
            // What is not printable comes escaped, as the file may be looked at on a terminal.
            #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        }
        #expect(
            rejects[0].hasSuffix(#","text":"bad \"quoted\" \\ and tab\u0009"}"#), "\(rejects[0])")
        #expect(rejects[2].hasSuffix(#""text":"bell \u0007 \u001b[31m"}"#), "\(rejects[2])")
    }

    @Test("records of other kinds are skipped and counted, not refused")
    func skipped() throws {
        let log = """
            2026-03-02T08:00:00+00:00 host cron[3]: (root) CMD (true)
            2026-03-02T08:00:01+00:00 host sshd[7]: Accepted password for ann from 89.9.17.23 port 4711 ssh2
            2026-03-02T08:00:02+00:00 host sshd[7]: pam_unix(sshd:session): session opened for user ann

            """
        let source = try folder.write(Array(log.utf8), to: "auth.log")
        let result = try Run(
            format: .fixed(FormatCatalog.named("sshd")), rejects: folder.file("r"))(
                [source], in: folder.open())
        #expect(result.summary.records == 1)
        #expect(result.summary.skipped == 2)
        #expect(result.summary.rejected == 0)
        #expect(folder.read("r").isEmpty)
    }

    @Test("rejects of several files are each in the order of their lines")
    func several() throws {
        var paths: [String] = []
        for name in ["a", "b"] {
            let all = (0..<400).map { $0 % 7 == 3 ? "bad \(name)\($0)" : Self.good }
            paths.append(
                try folder.write(Array((all.joined(separator: "\n") + "\n").utf8), to: name))
        }
        let result = try Run(
            cutting: Cutting(name: "", threads: 2, batch: 30), rejects: folder.file("r"))(
                paths, in: folder.open())
        let rejects = Files.lines(folder.read("r"))
        #expect(result.summary.rejected == rejects.count)
        for name in ["a", "b"] {
            let texts = rejects.compactMap { line in
                line.firstRange(of: "bad \(name)").map {
                    String(line[$0.lowerBound...].dropLast(2))
                }
            }
            #expect(texts == (0..<400).filter { $0 % 7 == 3 }.map { "bad \(name)\($0)" })
        }
    }
}
