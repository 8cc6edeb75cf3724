import Glibc
import Intake
import Pipeline
import Publishing
import SessionModel
import StateStore
import Testing

extension Cutting {
    /// Batches of 1, 7, 1000 and all records, on one, two and three threads.
    static let all: [Cutting] = [
        Cutting(name: "all on 2 threads", threads: 2),
        Cutting(name: "all on 3 threads", threads: 3),
        Cutting(name: "1000 on 1 thread", threads: 1, batch: 1000),
        Cutting(name: "1000 on 2 threads", threads: 2, batch: 1000),
        Cutting(name: "1000 on 3 threads, forgetting", threads: 3, batch: 1000, forgets: true),
        Cutting(name: "7 on 1 thread", threads: 1, batch: 7),
        Cutting(name: "7 on 2 threads", threads: 2, batch: 7),
        Cutting(name: "7 on 2 threads, forgetting", threads: 2, batch: 7, forgets: true),
        Cutting(name: "1 on 1 thread", threads: 1, batch: 1),
        Cutting(name: "1 on 2 threads", threads: 2, batch: 1),
        Cutting(name: "1 on 2 threads, forgetting", threads: 2, batch: 1, forgets: true),
    ]
}

/// One workload and what a run over it at once on one thread comes to.
private struct Reference {
    let workload: Workload
    let folder = Folder()
    /// Of the workload and the samples.
    let users: [Workload.User]
    let outcome: Outcome

    /// What must be the same however a run is cut.
    struct Outcome {
        var feed: [UInt8]
        var rejects: [UInt8]
        var state: StateDump

        init(_ folder: Folder, _ store: StateStore, _ users: [Workload.User]) throws {
            feed = folder.read("alerts.ndjson")
            rejects = folder.read("rejects.ndjson")
            state = try StateDump(store, users: users, withPositions: false)
        }

        /// Nil when both are the same.
        func difference(from other: Outcome, withRejects: Bool = true) -> String? {
            if feed != other.feed { return "feed " + firstDifference(feed, other.feed) }
            if withRejects, rejects != other.rejects {
                return "rejects " + firstDifference(rejects, other.rejects)
            }
            return state.difference(from: other.state)
        }
    }

    /// The samples, all their records in the order of time, and a workload of 20 000 more.
    static let large = Result { try Reference(records: 20_000, users: 300) }
    /// The same with 4000, for runs that commit each record.
    static let small = Result { try Reference(records: 4000, users: 60) }

    var networks: String { folder.file("networks.txt") }
    /// All records, in the order in which they come.
    var source: String { folder.file("records.ndjson") }

    init(records: Int, users count: Int) throws {
        workload = Workload(seed: 20260302, records: records, users: count)
        let samples = try Self.sampleLines()
        let bytes = Workload.bytes(
            (workload.lines + samples).enumerated().sorted {
                ($0.element.arrival, $0.offset) < ($1.element.arrival, $1.offset)
            }.map(\.element))
        try folder.write(bytes, to: "records.ndjson")
        let lists = Files.read(Sample(name: "vpn-user").networks ?? "")
        try folder.write(Array(Workload.networks.utf8) + lists, to: "networks.txt")
        let store = try folder.open()
        try Run(
            networks: folder.file("networks.txt"), feed: folder.file("alerts.ndjson"),
            rejects: folder.file("rejects.ndjson"))([folder.file("records.ndjson")], in: store)
        users = workload.users + Set(samples.compactMap(Self.user))
        outcome = try Outcome(folder, store, users)
    }

    private static func user(_ line: Workload.Line) -> Workload.User? {
        func value(_ prefix: String) -> String? {
            line.text.firstRange(of: prefix).map {
                String(line.text[$0.upperBound...].prefix { $0 != "\"" })
            }
        }
        guard let id = value("\"user\":{\"id\":\"") else { return nil }
        return Workload.User(tenant: value("\"tenant\":\"") ?? "", id: id)
    }

    /// The samples' lines that are records, merged by time; one that is late stays behind the line
    /// that it came after.
    private static func sampleLines() throws -> [Workload.Line] {
        var lines: [Workload.Line] = []
        for sample in Sample.all where sample.format == "native" {
            var newest = Int64.min
            for text in Files.lines(Files.read(sample.records)) {
                guard let from = text.firstRange(of: "\"time\":\"")?.upperBound,
                    let time = Timestamp(String(text[from...].prefix { $0 != "\"" }))
                else { continue }
                newest = max(newest, time.milliseconds)
                let line = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
                lines.append(.init(text: line, time: time.milliseconds, arrival: newest))
            }
        }
        return lines
    }
}

/// Invariant 1: for one order of records, the same alerts, byte for byte, and the same state.
@Suite(.serialized)
struct SameAnswerTests {
    private let reference: Reference
    private let folder = Folder()

    init() throws { reference = try Reference.large.get() }

    private func run(_ cutting: Cutting = Cutting(name: "at once")) -> Run {
        Run(
            cutting: cutting, networks: reference.networks, feed: folder.file("alerts.ndjson"),
            rejects: folder.file("rejects.ndjson"))
    }

    @Test("the workload is worth it: it has all that is hard")
    func workload() throws {
        let result = try run()([reference.source], in: folder.open())
        #expect(result.summary.records > 20_000)
        #expect(result.summary.rejected > 20)
        #expect(result.late > 200)
        #expect(result.tooLate > 20)
        #expect(result.duplicates > 20)
        #expect(result.summary.alertsOpened > 100)
        #expect(result.summary.alertsAmended > 20)
        #expect(result.summary.alertsRetracted > 0)
        #expect(result.summary.actionsPlanned > 20)
        // The busy user has more alerts than a profile remembers the revisions of.
        let busy = StateDump.key(reference.workload.users[0])
        #expect(try folder.open().alerts(filter: AlertFilter(userKey: busy)).count > 16)
    }

    @Test("batches, threads and profiles let go of change nothing", arguments: Cutting.all)
    func cuts(cutting: Cutting) throws {
        let isSlow = cutting.batch == 1 || cutting.batch == 7 && cutting.forgets
        let reference = try isSlow ? Reference.small.get() : self.reference
        // Small commits are on a disk what takes the time.
        let store = try folder.open(at: cutting.batch ?? .max < 100 ? ":memory:" : folder.state)
        try run(cutting)([reference.source], in: store)
        let outcome = try Reference.Outcome(folder, store, reference.users)
        // The rejects name their file, which is the same.
        let difference = outcome.difference(from: reference.outcome)
        #expect(difference == nil)
    }

    /// Seeds of the places where the file ends at each of twenty runs.
    @Test("twenty runs over a growing file are as one", arguments: [1, 2, 5] as [UInt64])
    func growth(seed: UInt64) throws {
        let all = Files.read(reference.source)
        var random = SeededGenerator(seed: seed)
        let cuts = (0..<19).map { i in
            let cut = 1 + random.below(all.count - 1)
            // A third ends in the middle of a line, a third after a newline, a third before it.
            guard i % 3 > 0, let newline = all[cut...].firstIndex(of: 0x0A) else { return cut }
            return i % 3 == 1 ? newline + 1 : newline
        }
        let cutting = Cutting(name: "", threads: 2, batch: seed % 3 == 2 ? 300 : nil)
        for cut in cuts.sorted() + [all.count] {
            // Its content tells the file from another: a copy in its place is the same file.
            try folder.write(all[..<cut], to: "records.ndjson")
            let store = try folder.open()
            try run(cutting)([folder.file("records.ndjson")], in: store)
            store.close()
        }
        let outcome = try Reference.Outcome(folder, folder.open(), reference.users)
        let difference = outcome.difference(from: reference.outcome, withRejects: false)
        #expect(difference == nil, "seed \(seed)")
        expectSame(rejects(outcome), rejects(reference.outcome), "seed \(seed)")
    }

    /// Without the names of the files.
    private func rejects(_ outcome: Reference.Outcome) -> [UInt8] {
        Files.lines(outcome.rejects).flatMap { line in
            let start = line.firstRange(of: "\"line\":")?.lowerBound ?? line.startIndex
            return line[start...].utf8 + [0x0A]
        }
    }

    @Test("a compressed file is the same file", arguments: ["gzip", "zstd"])
    func compressed(kind: String) throws {
        let all = Files.read(reference.source)
        let path = folder.file("records.\(kind)")
        if kind == "gzip" {
            try Files.writeGzip(all, to: path)
        } else {
            try Files.writeZstd(all, to: path)
        }
        let store = try folder.open()
        try run(Cutting(name: "", threads: 2, batch: 1000))([path], in: store)
        let outcome = try Reference.Outcome(folder, store, reference.users)
        let difference = outcome.difference(from: reference.outcome, withRejects: false)
        #expect(difference == nil)
        expectSame(rejects(outcome), rejects(reference.outcome))
        // Once more, and nothing happens.
        let result = try run()([path], in: store)
        #expect(result.summary.records == 0)
        #expect(
            try Reference.Outcome(folder, store, reference.users).difference(from: outcome) == nil)
        // Nor with the file that was compressed.
        #expect(try run()([reference.source], in: store).summary.records == 0)
    }

    /// Three files with every third line, as three hosts would write them, and their merged order:
    /// the earliest head first, each counted as no earlier than what its file had before.
    private func split(
        _ workload: Workload
    ) throws -> (paths: [String], merged: [UInt8]) {
        var parts: [[Workload.Line]] = [[], [], []]
        for (i, line) in workload.lines.filter({ $0.time != nil }).enumerated() {
            parts[(i / 3) % 3].append(line)
        }
        let paths = try parts.enumerated().map {
            try folder.write(Workload.bytes($1), to: "host\($0).ndjson")
        }
        var next = [0, 0, 0]
        var newest = [Int64.min, .min, .min]
        var merged: [Workload.Line] = []
        while true {
            var best: (order: Int64, part: Int)?
            for p in 0..<3 where next[p] < parts[p].count {
                let order = max(newest[p], parts[p][next[p]].time ?? 0)
                if best == nil || order < best!.order { best = (order, p) }
            }
            guard let best else { break }
            let line = parts[best.part][next[best.part]]
            merged.append(line)
            next[best.part] += 1
            newest[best.part] = max(newest[best.part], line.time ?? 0)
        }
        return (paths, Workload.bytes(merged))
    }

    @Test("several files are merged by time, whatever the batches")
    func merged() throws {
        let reference = try Reference.small.get()
        let (paths, merged) = try split(reference.workload)
        try folder.write(merged, to: "merged.ndjson")
        let one = try folder.open()
        try run()([folder.file("merged.ndjson")], in: one)
        let expected = try Reference.Outcome(folder, one, reference.users)
        for cutting in [Cutting(name: "at once")] + Cutting.all {
            let folder = Folder()
            let store = try folder.open(at: ":memory:")
            try Run(
                cutting: cutting, networks: reference.networks,
                feed: folder.file("alerts.ndjson"), rejects: folder.file("rejects.ndjson"))(
                    paths, in: store)
            let outcome = try Reference.Outcome(folder, store, reference.users)
            let difference = outcome.difference(from: expected)
            #expect(difference == nil, "\(cutting)")
            #expect(try Run()(paths, in: store).summary.records == 0, "\(cutting)")
        }
    }
}
