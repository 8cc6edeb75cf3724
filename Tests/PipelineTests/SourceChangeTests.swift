import Enrichment
import Glibc
import Intake
import Pipeline
import Publishing
import SessionModel
import StateStore
import Testing

/// What happens to files between two runs.
struct SourceChangeTests {
    private let folder = Folder()

    private func lines(_ range: Range<Int>, user: String = "ann") -> [UInt8] {
        let start = Timestamp(year: 2026, month: 3, day: 2, hour: 8)
        return range.reduce(into: []) { bytes, i in
            let time = start.adding(milliseconds: Int64(i) * 60_000).rfc3339
            bytes += Array(
                #"{"id":"e\#(i)","time":"\#(time)","user":{"id":"\#(user)"},"ip":"89.9.17.\#(i % 5)"}"#
                    .utf8)
            bytes.append(0x0A)
        }
    }

    /// Runs over the file and returns how many records it took.
    private func run(_ name: String = "a.ndjson", format: String = "native") throws
        -> AnalysisResult
    {
        let store = try folder.open()
        defer { store.close() }
        return try Run(
            format: .fixed(FormatCatalog.named(format)), rejects: folder.file("rejects.ndjson"))(
                [folder.file(name)], in: store)
    }

    @Test("a file that grows is read on from where it was left")
    func grows() throws {
        try folder.write(lines(0..<300), to: "a.ndjson")
        #expect(try run().summary.records == 300)
        #expect(try run().summary.records == 0)
        try folder.write(lines(0..<310), to: "a.ndjson")
        #expect(try run().summary.records == 10)
    }

    @Test("a file that shrank, or that another took the place of, is read from its start")
    func shrinks() throws {
        try folder.write(lines(0..<300), to: "a.ndjson")
        #expect(try run().summary.records == 300)
        // Emptied by copy-truncate, and written to since.
        try folder.write(lines(300..<320), to: "a.ndjson")
        let shrunk = try run()
        #expect(shrunk.summary.records == 20)
        #expect(shrunk.notes.contains { $0.contains("shrank") }, "\(shrunk.notes)")
        // Another file, and a larger one, under the same name.
        unlink(folder.file("a.ndjson"))
        try folder.write(lines(1000..<1400, user: "ben"), to: "a.ndjson")
        let replaced = try run()
        #expect(replaced.summary.records == 400)
        #expect(replaced.notes.contains { $0.contains("other content") }, "\(replaced.notes)")
        #expect(try run().summary.records == 0)
    }

    @Test("what is cut back to a part of itself was read: its records count once")
    func cutBack() throws {
        try folder.write(lines(0..<300), to: "a.ndjson")
        #expect(try run().summary.records == 300)
        try folder.write(lines(0..<100), to: "a.ndjson")
        let result = try run()
        // Read again, and each is known by its bytes and time.
        #expect(result.summary.records == 100)
        #expect(result.duplicates + result.tooLate == 100)
    }

    @Test("a log that was rotated is read on under its new name, and the new one from its start")
    func rotates() throws {
        try folder.write(lines(0..<300), to: "a.ndjson")
        #expect(try run().summary.records == 300)
        // Ten lines more before it was renamed.
        try folder.write(lines(0..<310), to: "a.ndjson")
        rename(folder.file("a.ndjson"), folder.file("a.ndjson.1"))
        try folder.write(lines(310..<330), to: "a.ndjson")
        let store = try folder.open()
        let result = try Run()(
            [folder.file("a.ndjson"), folder.file("a.ndjson.1")], in: store)
        store.close()
        #expect(result.summary.records == 30)
        // Later it is compressed.
        try Files.writeGzip(lines(0..<310), to: folder.file("a.ndjson.1.gz"))
        unlink(folder.file("a.ndjson.1"))
        #expect(try run("a.ndjson.1.gz").summary.records == 0)
    }

    /// A line that is not whole when a run comes by: half a record, and half a line of another kind,
    /// which must not be taken for done.
    static let halves: [(format: String, first: String, second: String)] = [
        (
            "native", #"{"time":"2026-03-02T08:00:00Z","user":{"id":"ann"},"ip":"1.2"#,
            #".3.4"}"#
        ),
        ("native", #"{"time":"2026-03-02T08:00:00Z","user":{"id":"ann"},"ip":"1.2.3.4"}"#, ""),
        (
            "sshd", "2026-03-02T08:00:00+00:00 host sshd[7]: Accepted pass",
            "word for ann from 89.9.17.23 port 4711 ssh2"
        ),
        (
            "sshd", "2026-03-02T08:00:00+00:00 host ss",
            "hd[7]: Accepted password for ann from 89.9.17.23 port 4711 ssh2"
        ),
    ]

    @Test("half a last line is read when it is whole", arguments: halves)
    func half(format: String, first: String, second: String) throws {
        try folder.write(Array(first.utf8), to: "a.ndjson")
        let early = try run(format: format)
        #expect(early.summary.rejected == 0)
        #expect(early.notes.contains { $0.contains("next run") } == !second.isEmpty)
        try folder.write(Array((first + second + "\n").utf8), to: "a.ndjson")
        let late = try run(format: format)
        #expect(early.summary.records + late.summary.records == 1)
        #expect(late.summary.rejected == 0)
        #expect(try run(format: format).lines == 0)
    }

    /// Every kind of line and of end.
    private static let mixed = [
        #"{"time":"2026-03-02T08:00:00Z","user":{"id":"a"},"ip":"1.2.3.4"}"# + "\n", "\n", "bad\n",
        #"{"time":"2026-03-02T08:00:01Z","user":{"id":"a"},"ip":"1.2.3.4"}"# + "\r\n", "\r\n",
        "bad again\r\n", "  \n",
        #" {"time":"2026-03-02T08:00:02Z","user":{"id":"a"},"ip":"1.2.3.4"} "# + "\n",
        "{\"half\":\n",
        #"{"time":"2026-03-02T08:00:03Z","user":{"id":"a"},"ip":"1.2.3.4"}"# + "\n",
    ].joined()

    @Test(
        "wherever a file ends at one or two runs before, nothing is lost, twice or misnumbered",
        arguments: [0, 1, 2, 40])
    func everyCut(step: Int) throws {
        let all = Array(Self.mixed.utf8)
        func outcome(_ cut: Int) throws -> [String] {
            let folder = Folder()
            let store = try folder.open(at: ":memory:")
            var counts = (records: 0, rejected: 0)
            for end in [cut, min(cut + step, all.count), all.count] {
                try folder.write(all[..<end], to: "a")
                let done = try Run(rejects: folder.file("r"))([folder.file("a")], in: store)
                counts.records += done.summary.records - done.duplicates
                counts.rejected += done.summary.rejected
            }
            let rejects = Files.lines(folder.read("r")).map { line in
                line.firstRange(of: "\"line\":").map { String(line[$0.lowerBound...]) } ?? line
            }
            return ["\(counts)"] + rejects
        }
        let expected = try outcome(all.count)
        #expect(expected.count == 4)
        for cut in 0..<all.count {
            let found = try outcome(cut)
            #expect(found == expected, "cut at \(cut)")
        }
    }

    @Test("half a last line of an archive is refused, as it cannot grow")
    func halfArchive() throws {
        try Files.writeGzip(lines(0..<5) + Array("{\"time\":".utf8), to: folder.file("a.gz"))
        let result = try run("a.gz")
        #expect(result.summary.records == 5)
        #expect(result.summary.rejected == 1)
        #expect(folder.text("rejects.ndjson").contains("\"line\":6,"))
        #expect(try run("a.gz").lines == 0)
    }
}
