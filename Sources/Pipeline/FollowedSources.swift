import Intake
import SessionModel

/// Sources that grow, as one: what has come of each by now, merged by time.
///
/// One source alone is decoded by all workers. Of several, the earliest head goes first, as in
/// `MergedSources`, so that logs with a past are caught up with in the order of that past; a source
/// that has nothing now holds up nobody, and what it brings later is late for its user at most.
final class FollowedSources {
    private final class Source {
        let reader: FollowReader
        /// Made when the first chunk tells the format.
        var lanes: [Lane] = []
        var chunk: Chunk?
        var cursor = 0
        var newest = Int64.min
        var order = Int64.max
        var rejects: ArraySlice<Reject> = []

        init(_ reader: FollowReader) { self.reader = reader }

        /// When there are several sources.
        var decoded: DecodedRecords? { lanes.first?.decoded }
        var hasHead: Bool { cursor < (decoded?.records.count ?? 0) }

        func record(_ i: Int) -> Record { lanes[0].decoded.records[i] }

        func noteHead() {
            order = hasHead ? max(record(cursor).time.milliseconds, newest) : .max
        }
    }

    /// Records of one batch at most.
    private static let batch = 8192
    let readers: [FollowReader]
    private let sources: [Source]
    private let options: IntakeOptions
    private let chunkBytes: Int
    private let merged = UnsafeMutablePointer<Record>.allocate(capacity: 2 * FollowedSources.batch)
    private(set) var counters = IntakeCounters()
    /// Where each source goes on, since `takePositions`.
    private var positions: [SourcePosition] = []

    init(_ readers: [FollowReader], options: IntakeOptions, chunkBytes: Int) {
        self.readers = readers
        self.options = options
        self.chunkBytes = chunkBytes
        sources = readers.map(Source.init)
    }

    deinit { merged.deallocate() }

    /// Whether nothing will come any more: all were standard input, and that was closed.
    var areEnded: Bool {
        // One alone is judged a chunk at a time, and leaves nothing.
        sources.allSatisfy { $0.reader.isEnded && (sources.count == 1 || !$0.hasHead) }
    }

    func takePositions() -> [SourcePosition] {
        defer { positions.removeAll(keepingCapacity: true) }
        return positions
    }

    /// Takes what has come, up to a batch, through the engine; false when nothing has.
    func step(_ engine: Engine, _ outputs: Outputs) throws -> Bool {
        if sources.count == 1 { return try stepAlone(sources[0], engine, outputs) }
        var isAnyNew = false
        for source in sources where !source.hasHead {
            if try refill(source, outputs) { isAnyNew = true }
            source.noteHead()
        }
        let (count, touched) = merge()
        guard count > 0 else { return isAnyNew }
        let workers = engine.team.count
        let records = UnsafeBufferPointer(start: merged, count: count)
        try engine.process { worker in
            UnsafeBufferPointer(
                rebasing: records[(count * worker / workers)..<(count * (worker + 1) / workers)])
        }
        engine.didProcess(records: count)
        counters.records += count
        for i in touched.sorted() { try settle(sources[i], outputs) }
        return true
    }

    private func stepAlone(
        _ source: Source, _ engine: Engine, _ outputs: Outputs
    ) throws -> Bool {
        guard let chunk = try source.reader.nextChunk(maximumBytes: chunkBytes) else {
            return false
        }
        try makeLanes(source, engine.team.count)
        positions.append(
            try LaneBatch.process(chunk, source.lanes, engine, outputs, &counters))
        return true
    }

    private func makeLanes(_ source: Source, _ count: Int) throws {
        guard source.lanes.isEmpty, let format = source.reader.format else { return }
        source.lanes = try (0..<count).map { _ in try Lane(format, options) }
    }

    /// The next records of all sources in order, and which sources they are of.
    private func merge() -> (count: Int, touched: Set<Int>) {
        var count = 0
        var touched: Set<Int> = []
        while count < FollowedSources.batch {
            var next = -1
            var least = Int64.max
            for i in sources.indices where sources[i].order < least {
                (next, least) = (i, sources[i].order)
            }
            guard next >= 0 else { break }
            let source = sources[next]
            touched.insert(next)
            // Records of one line stay together: a checkpoint stands between lines.
            repeat {
                let record = source.record(source.cursor)
                merged[count] = record
                count += 1
                source.cursor += 1
                source.newest = max(source.newest, record.time.milliseconds)
            } while count < 2 * FollowedSources.batch && source.hasHead
                && source.record(source.cursor).endOffset == merged[count - 1].endOffset
            source.noteHead()
            // There may be more of it, whose place in the order is not known yet.
            if !source.hasHead { break }
        }
        return (count, touched)
    }

    /// Notes where a source goes on, and writes the rejects up to there.
    private func settle(_ source: Source, _ outputs: Outputs) throws {
        guard let chunk = source.chunk else { return }
        if !source.hasHead {
            try write(source, upTo: .max, outputs)
            positions.append(chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine))
        } else if source.cursor > 0 {
            let last = source.record(source.cursor - 1)
            try write(source, upTo: last.line, outputs)
            positions.append(chunk.position(afterOffset: last.endOffset, line: last.line))
        }
    }

    private func write(_ source: Source, upTo line: UInt64, _ outputs: Outputs) throws {
        while let reject = source.rejects.first, reject.line <= line {
            try outputs.reject(reject)
            counters.note(reject)
            source.rejects.removeFirst()
        }
    }

    /// Reads on until there is a record or nothing more now; true when anything came.
    private func refill(_ source: Source, _ outputs: Outputs) throws -> Bool {
        var isAnyNew = false
        while !source.hasHead {
            for lane in source.lanes { lane.clear() }
            source.cursor = 0
            source.chunk = nil
            guard let chunk = try source.reader.nextChunk(maximumBytes: chunkBytes) else { break }
            isAnyNew = true
            try makeLanes(source, 1)
            source.chunk = chunk
            let lane = source.lanes[0]
            for slice in chunk.slices(1) { lane.decoder.decode(slice, into: &lane.decoded) }
            counters.lines += lane.decoded.lines
            counters.skipped += lane.decoded.skipped
            source.rejects = lane.decoded.rejects[...]
            if !source.hasHead { try settle(source, outputs) }
        }
        return isAnyNew
    }
}
