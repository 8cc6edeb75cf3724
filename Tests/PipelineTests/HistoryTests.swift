import Detection
import Glibc
import Intake
import RuleBook
import SessionModel
import StateStore
import Testing

@testable import Pipeline

/// The records that are kept: the same as were judged, once each, whatever happens.
@Suite(.serialized)
struct HistoryTests {
    private static let year = HistoryOptions(retentionMilliseconds: 366 * 86_400_000)

    /// What a record says, apart from where it stood.
    private struct Kept: Equatable {
        var time: Int64
        var address: IPAddress
        var texts: [String]
        var kinds: [UInt8]
        var hash: UInt64

        init(_ r: Record) {
            time = r.time.milliseconds
            address = r.address
            texts = [
                r.id, r.tenant, r.userID, r.userName, r.sessionID, r.deviceID, r.userAgent,
                r.application,
            ].map(\.string)
            kinds = [r.event.rawValue, r.outcome.rawValue, r.auth.rawValue]
            // Only what has no id is known by its content.
            hash = r.id.isEmpty ? r.contentHash : 0
        }
    }

    private func kept(_ store: StateStore) throws -> [Kept] {
        let reader = try HistoryReader(store)
        var records: [Record] = []
        var all: [Kept] = []
        while try reader.next(into: &records) { all += records.map(Kept.init) }
        #expect(all.count == reader.extent.records && reader.done == all.count)
        return all
    }

    /// What the file holds, as intake reads it.
    private func read(_ path: String) throws -> [Kept] {
        let options = IntakeOptions(now: House.now)
        let reader = try SourceReader(
            input: .file(path: path), format: .fixed(FormatCatalog.named("native")),
            options: options, resumeCandidates: [])
        let decoder = try RecordDecoder(format: reader.format, options: options)
        var all: [Kept] = []
        var out = DecodedRecords()
        while let chunk = try reader.nextChunk(maximumBytes: 1 << 20) {
            for slice in chunk.slices(1) { decoder.decode(slice, into: &out) }
            all += out.records.records.map(Kept.init)
            out.removeAll()
            decoder.reset()
        }
        return all
    }

    @Test("what is kept is what was judged, in its order, and judged again gives the same alerts")
    func replay() throws {
        let folder = Folder()
        let workload = Workload(seed: 21, records: 6000, users: 60)
        let source = try folder.write(workload.bytes, to: "r.ndjson")
        let wanted = try read(source)
        for cutting in [
            Cutting(name: "all on 1 thread"), Cutting(name: "all on 3 threads", threads: 3),
            Cutting(name: "700 on 2 threads", threads: 2, batch: 700),
            Cutting(name: "3 on 2 threads", threads: 2, batch: 3),
        ] {
            let state = folder.file("\(cutting.name).db")
            let store = try folder.open(at: state)
            defer { store.close() }
            var run = Run(cutting: cutting)
            run.history = Self.year
            run.feed = folder.file("\(cutting.name).ndjson")
            try run([source], in: store)
            #expect(try kept(store) == wanted, "\(cutting)")
            let again = try folder.open(at: folder.file("\(cutting.name)-again.db"))
            defer { again.close() }
            var second = Run(cutting: Cutting(name: "as it comes", threads: 2))
            second.feed = folder.file("again-\(cutting.name).ndjson")
            try second.replay(store, in: again)
            expectSame(
                folder.read("again-\(cutting.name).ndjson"), folder.read("\(cutting.name).ndjson"),
                "\(cutting)")
        }
        #expect(!folder.read("all on 1 thread.ndjson").isEmpty)
    }

    @Test("many small commits come to few blocks; each record stays where it was")
    func small() throws {
        let folder = Folder()
        let source = try folder.write(
            Workload(seed: 5, records: 3000, users: 30).bytes, to: "r.ndjson")
        let store = try folder.open()
        defer { store.close() }
        var run = Run(cutting: Cutting(name: "2", threads: 1, batch: 2))
        run.history = Self.year
        try run([source], in: store)
        #expect(try kept(store) == read(source))
        let extent = try store.historyExtent()
        #expect(extent.blocks < 80, "\(extent)")
        #expect(extent.bytes < 60 * extent.records, "\(extent)")
    }

    @Test("kill -9 at any moment: every record is kept once")
    func kill() throws {
        let base = Folder()
        let workload = Workload(seed: 9, records: 1500, users: 40)
        let source = try base.write(workload.bytes, to: "records.ndjson")
        let wanted = try read(source)
        func arguments(_ folder: Folder, batch: Int) -> [String] {
            [
                "analyze", source, "--state", folder.state, "--batch", "\(batch)", "--threads", "2",
                "--output", "ndjson:" + folder.file("alerts.ndjson"), "--max-rejects", "100",
                "--history-for", "365d",
            ] + Program.usual
        }
        var killed = 0
        for seed in UInt64(1)...10 {
            var random = SeededGenerator(seed: seed)
            let folder = Folder()
            for _ in 0...random.below(3) {
                let program = try Program(
                    arguments(folder, batch: [5, 20, 200][random.below(3)]),
                    output: folder.file("program"))
                // Half of them once it writes.
                for _ in 0..<4000 where seed % 2 == 0 && !Files.exists(folder.state + "-wal") {
                    if program.hasEnded { break }
                    usleep(500)
                }
                usleep(UInt32(random.below(300_000)))
                program.kill()
                if program.wait().status == 128 + SIGKILL { killed += 1 }
            }
            let rerun = try Program.run(arguments(folder, batch: 50), in: folder)
            #expect([0, 2].contains(rerun.status), "seed \(seed): \(rerun.complaints)")
            let store = try folder.open()
            defer { store.close() }
            #expect(try kept(store) == wanted, "seed \(seed)")
        }
        #expect(killed > 4, "they ended before they could be killed")
    }

    @Test("old blocks go by record time: at the limit they stay, beyond it they go")
    func retention() throws {
        // A block a day of 2026-03-02 to -10, each of its own commit.
        func file(_ folder: Folder, _ days: ClosedRange<Int>) throws -> [String] {
            try days.map { day in
                let text =
                    "{\"id\":\"e\(day)\",\"time\":\"2026-03-\(day < 10 ? "0" : "")\(day)T00:30:00Z\","
                    + "\"user\":{\"id\":\"u\"},\"ip\":\"81.2.69.142\"}\n"
                return try folder.write(Array(text.utf8), to: "\(day).ndjson")
            }
        }
        for (hours, first) in [(24 * 5, 5), (24 * 5 - 1, 6), (24 * 5 + 1, 5), (1, 10)] {
            let folder = Folder()
            let store = try folder.open()
            defer { store.close() }
            var run = Run()
            run.history = HistoryOptions(retentionMilliseconds: Int64(hours) * 3_600_000)
            for path in try file(folder, 2...10) { try run([path], in: store) }
            // At 2026-03-10 00:00 (whole hours) five days before is 03-05 00:00.
            #expect(try kept(store).first?.texts.first == "e\(first)", "\(hours) h")
        }
    }

    @Test("one clock that is wrong drops nothing; a limit of bytes drops the oldest")
    func limits() throws {
        let folder = Folder()
        var paths: [String] = []
        for part in 0..<12 {
            var text = ""
            for i in 0..<50 {
                text +=
                    "{\"id\":\"e\(part)-\(i)\",\"time\":\"2026-03-02T\(10 + part):\(10 + i):00Z\","
                    + "\"user\":{\"id\":\"u\(i)\"},\"ip\":\"81.2.\(i).9\"}\n"
            }
            paths.append(try folder.write(Array(text.utf8), to: "\(part).ndjson"))
        }
        let wrong =
            "{\"id\":\"wrong\",\"time\":\"2026-05-31T10:00:00Z\",\"user\":{\"id\":\"w\"},\"ip\":\"81.2.69.1\"}\n"
        paths.append(try folder.write(Array(wrong.utf8), to: "wrong.ndjson"))
        let store = try folder.open()
        var run = Run()
        run.history = HistoryOptions(retentionMilliseconds: 86_400_000)
        for path in paths { try run([path], in: store) }
        #expect(try kept(store).count == 601)
        let whole = try store.historyExtent()
        #expect(whole.blocks == 13)
        store.close()

        // At its size it stays; a byte less and the first block goes.
        for (limit, first) in [(whole.bytes, "e0-0"), (whole.bytes - 1, "e1-0")] {
            let other = try folder.open(at: folder.file("\(limit).db"))
            defer { other.close() }
            run.history = HistoryOptions(retentionMilliseconds: 86_400_000, limitBytes: limit)
            for path in paths { try run([path], in: other) }
            let left = try kept(other)
            #expect(left.first?.texts.first == first && left.last?.texts.first == "wrong")
            #expect(try other.historyExtent().bytes <= limit)
        }
    }

    @Test("without the option nothing is kept, and a backtest says how to")
    func off() throws {
        let folder = Folder()
        let path = try folder.write(
            Workload(seed: 1, records: 50, users: 3).bytes, to: "r.ndjson")
        let store = try folder.open()
        defer { store.close() }
        try Run()([path], in: store)
        #expect(try store.historyExtent().blocks == 0)
        #expect(throws: HistoryError.nothingKept(path: store.path)) { try HistoryReader(store) }
        #expect("\(HistoryError.nothingKept(path: "s.db"))".contains("--history-for 90d"))
    }

    @Test("damaged blocks are an error, never a crash and never other records")
    func damage() throws {
        var random = SeededGenerator(seed: 77)
        var packer = RecordPacker()
        var texts: [[UInt8]] = []
        for i in 0..<200 {
            texts.append(Array("text \(i % 17) \(String(repeating: "x", count: i))".utf8))
        }
        for i in 0..<200 {
            texts[i].withUnsafeBufferPointer { own in
                texts[i * 7 % 200].withUnsafeBufferPointer { other in
                    var record = Record()
                    record.time = Timestamp(
                        milliseconds: Int64.random(in: -4...9_000_000_000, using: &random))
                    record.userID = TextView(own)
                    record.userAgent = TextView(other)
                    record.contentHash = random.next()
                    if i % 3 == 0 { record.id = TextView(other) }
                    if i % 2 == 0 { record.address = IPAddress(high: random.next(), low: 7) }
                    record.event = EventKind.allCases[i % EventKind.allCases.count]
                    withUnsafePointer(to: record) { packer.add($0) }
                }
            }
        }
        var bytes: [UInt8] = []
        packer.take(into: &bytes)
        func unpack(_ bytes: [UInt8]) -> (isSound: Bool, count: Int) {
            bytes.withUnsafeBytes { raw in
                var records: [Record] = []
                let isSound = RecordUnpacker.unpack(raw, into: &records)
                // Every view has to be readable.
                return (isSound, records.reduce(0) { $0 + (Kept($1).texts.isEmpty ? 0 : 1) })
            }
        }
        #expect(unpack(bytes) == (true, 200))
        for end in stride(from: 1, to: bytes.count, by: 37) {
            #expect(!unpack(Array(bytes[..<end])).isSound, "cut at \(end)")
        }
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0...random.below(3) {
                damaged[random.below(damaged.count)] = UInt8(random.below(256))
            }
            _ = unpack(damaged)
        }
        let block = HistoryBlock(
            number: 4, records: 1, firstMilliseconds: 0, lastMilliseconds: 0, level: 0,
            rawBytes: 12,
            data: [1, 2, 3])
        #expect(throws: HistoryError.damaged(block: 4)) { try Compressor.decompress(block) }
    }
}

/// Rules tried on the past.
struct BacktestTests {
    private func options(_ rules: [DetectionRule]? = nil) throws -> AnalysisOptions {
        var run = Run()
        run.rules = rules
        return try run.options()
    }

    @Test("a backtest of kept records raises what the run raised, and touches nothing")
    func same() throws {
        let folder = Folder()
        let path = try folder.write(
            Workload(seed: 31, records: 5000, users: 50).bytes, to: "r.ndjson")
        let store = try folder.open()
        var run = Run()
        run.history = HistoryOptions(retentionMilliseconds: .max / 4)
        try run([path], in: store)
        let standing = Set(
            try store.alerts().filter { ["open", "amended"].contains($0.status) }.map(\.id))
        store.close()
        let before = folder.read("state.db")
        let reading = try StateStore(path: folder.state, waitSeconds: 0, holder: "", readOnly: true)
        defer { reading.close() }
        let kept = try Backtest.run(options(), .history(reading), since: .beginning)
        let filed = try Backtest.run(
            options(), .files([.file(path: path)], unnamed: []), since: .beginning)
        #expect(Set(kept.alerts.map(\.id)) == standing && kept.alerts.count == standing.count)
        #expect(kept.alerts == filed.alerts && kept.records == filed.records)
        #expect(abs(kept.users - 50) < 3)
        expectSame(folder.read("state.db"), before)
        #expect(standing.count > 10)

        // In the time that counts, and not before it.
        let time = kept.alerts[kept.alerts.count / 2].time
        let at = try Backtest.run(options(), .history(reading), since: .time(time))
        #expect(at.alerts == kept.alerts.filter { $0.time >= time })
        let after = try Backtest.run(
            options(), .history(reading), since: .time(time.adding(milliseconds: 1)))
        #expect(after.alerts == kept.alerts.filter { $0.time > time })
        #expect(after.warmUpDays > 0 && after.users <= kept.users + 1)
        let age = try Backtest.run(
            options(), .history(reading),
            since: .age(milliseconds: kept.until.milliseconds - time.milliseconds))
        #expect(age.alerts == at.alerts)
    }

    @Test("two versions differ by what a limit lets through")
    func difference() throws {
        let folder = Folder()
        let path = try folder.write(
            Workload(seed: 32, records: 4000, users: 40).bytes, to: "r.ndjson")
        let all = try House.book.get().detection
        func run(_ rules: [DetectionRule]) throws -> [Backtest.Raised] {
            try Backtest.run(
                options(rules), .files([.file(path: path)], unnamed: []), since: .beginning
            ).alerts
        }
        let full = try run(all)
        let fewer = try run(all.filter { $0.detector != .unrecognizedDevice })
        let same = BacktestDifference(old: full, new: full)
        #expect(same.inBoth == full.count && same.changed.isEmpty)
        #expect(same.onlyInNew.isEmpty && same.onlyInOld.isEmpty)
        let less = BacktestDifference(old: full, new: fewer)
        #expect(!less.onlyInOld.isEmpty || !less.changed.isEmpty)
        #expect(less.onlyInOld.count + less.inBoth == full.count)
        #expect(less.onlyInNew.count + less.inBoth == fewer.count)
        #expect(full.contains { $0.has(rule: "unrecognized-device") })
        #expect(!fewer.contains { $0.has(rule: "unrecognized-device") })
    }
}
