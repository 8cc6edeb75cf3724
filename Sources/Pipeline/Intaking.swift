import Glibc
import Intake
import SessionModel
import StateStore

/// What intake has done so far, for the closing line and the limit on refused lines.
struct IntakeCounters {
    var records = 0
    var lines: UInt64 = 0
    var skipped: UInt64 = 0
    var rejected: UInt64 = 0
    /// Of those, the first.
    private(set) var firstReject: Reject?
    /// Last lines that the next run reads again.
    var unfinished = 0

    mutating func note(_ reject: Reject) {
        rejected += 1
        if firstReject == nil { firstReject = reject }
    }
}

extension Chunk {
    /// Whether this is a last line without its newline, no record so far, in a file that may still
    /// grow: its writer may be at it, so that the next run has to read it whole.
    func isUnfinished(records: Int) -> Bool {
        guard isUnterminated, records == 0 else { return false }
        let end = position(afterOffset: endOffset, line: lastLine)
        return !end.isComplete && end.path != "-"
    }
}

/// A decoder and what it gave, for one worker or one source.
final class Lane: @unchecked Sendable {
    let decoder: RecordDecoder
    var decoded = DecodedRecords()

    init(_ format: Format, _ options: IntakeOptions) throws {
        decoder = try RecordDecoder(format: format, options: options)
    }

    func decode(_ slice: ChunkSlice) -> UnsafeBufferPointer<Record> {
        clear()
        decoder.decode(slice, into: &decoded)
        return decoded.records.records
    }

    func clear() {
        decoder.reset()
        decoded.removeAll()
    }
}

extension CheckpointRow {
    /// A source's row: its file at this place in the file system. The content decides on resumption.
    init(_ p: SourcePosition) {
        self.init(
            // With its content, as a new file may get the path and the inode of one that went.
            sourceKey: "\(p.device):\(p.inode):\(p.headHash):\(p.path)", path: p.path,
            device: p.device,
            inode: p.inode, offset: p.offset, line: p.line, headLength: p.headLength,
            headHash: p.headHash, tailHash: p.tailHash, isComplete: p.isComplete,
            compressedSize: p.compressedSize, modified: p.modified, formatName: p.formatName,
            lastTime: p.lastTime)
    }

    var position: SourcePosition {
        SourcePosition(
            path: path, device: device, inode: inode, offset: offset, line: line,
            headLength: headLength, headHash: headHash, tailHash: tailHash,
            isComplete: isComplete, compressedSize: compressedSize, modified: modified,
            formatName: formatName, lastTime: lastTime)
    }
}

// MARK: - One source

/// Reads the next chunk while the last one is worked on.
private final class Prefetcher {
    private let shelf: Shelf
    private let thread: pthread_t

    /// What the reading thread shares with the one that takes. The thread holds this and not the
    /// prefetcher, so that this one goes away when its owner lets go of it.
    private final class Shelf: @unchecked Sendable {
        private let reader: SourceReader
        private let chunkBytes: Int
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var ready: [Result<Chunk?, any Error>] = []
        private var isStopping = false
        /// Chunks ahead; each is a few MB.
        private static let depth = 2

        init(_ reader: SourceReader, chunkBytes: Int) {
            self.reader = reader
            self.chunkBytes = chunkBytes
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(changed, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            pthread_cond_destroy(changed)
            mutex.deallocate()
            changed.deallocate()
        }

        /// Reads until the end, an error, or `stop`.
        func fill() {
            while true {
                let result = Result<Chunk?, any Error> {
                    try reader.nextChunk(maximumBytes: chunkBytes)
                }
                let isLast: Bool
                switch result {
                case .success(nil), .failure: isLast = true
                case .success: isLast = false
                }
                pthread_mutex_lock(mutex)
                while ready.count >= Shelf.depth, !isStopping {
                    pthread_cond_wait(changed, mutex)
                }
                let stops = isStopping
                ready.append(result)
                pthread_cond_broadcast(changed)
                pthread_mutex_unlock(mutex)
                if isLast || stops { return }
            }
        }

        func take() throws -> Chunk? {
            pthread_mutex_lock(mutex)
            while ready.isEmpty { pthread_cond_wait(changed, mutex) }
            let result = ready.removeFirst()
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
            return try result.get()
        }

        func stop() {
            pthread_mutex_lock(mutex)
            isStopping = true
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
    }

    init(_ reader: SourceReader, chunkBytes: Int) {
        let shelf = Shelf(reader, chunkBytes: chunkBytes)
        self.shelf = shelf
        thread = startThread { shelf.fill() }
    }

    deinit {
        shelf.stop()
        pthread_join(thread, nil)
    }

    /// The next chunk; nil at the end. Not to be called again after nil or an error.
    func next() throws -> Chunk? { try shelf.take() }
}

/// One source, each chunk decoded by all workers at once.
final class SingleSource {
    private let reader: SourceReader
    private let prefetcher: Prefetcher
    private let lanes: [Lane]
    private let clock = ContinuousClock()
    private(set) var counters = IntakeCounters()
    private(set) var position: SourcePosition?

    init(_ reader: SourceReader, options: IntakeOptions, workers: Int, chunkBytes: Int) throws {
        self.reader = reader
        lanes = try (0..<workers).map { _ in try Lane(reader.format, options) }
        prefetcher = Prefetcher(reader, chunkBytes: chunkBytes)
    }

    /// Takes one chunk through the engine; false at the end.
    func step(_ engine: Engine, _ outputs: Outputs) throws -> Bool {
        let start = clock.now
        guard let chunk = try prefetcher.next() else { return false }
        engine.didWait(clock.now - start)
        position = try LaneBatch.process(chunk, lanes, engine, outputs, &counters)
        return true
    }
}

enum LaneBatch {
    /// Decodes a chunk on all workers, judges it, and returns where its source goes on.
    static func process(
        _ chunk: Chunk, _ lanes: [Lane], _ engine: Engine, _ outputs: Outputs,
        _ counters: inout IntakeCounters
    ) throws -> SourcePosition {
        let slices = chunk.slices(lanes.count)
        try engine.process { worker in
            if worker < slices.count { return lanes[worker].decode(slices[worker]) }
            lanes[worker].clear()
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        let records = lanes.reduce(0) { $0 + $1.decoded.records.count }
        engine.didProcess(records: records)
        if chunk.isUnfinished(records: records) {
            counters.unfinished += 1
            // What was refused before that line is done with.
            for lane in lanes {
                for reject in lane.decoded.rejects where reject.line < chunk.firstLine {
                    counters.note(reject)
                    try outputs.reject(reject)
                }
            }
            return chunk.startPosition
        }
        for lane in lanes {
            counters.lines += lane.decoded.lines
            counters.skipped += lane.decoded.skipped
            for reject in lane.decoded.rejects {
                counters.note(reject)
                try outputs.reject(reject)
            }
        }
        counters.records += records
        return chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine)
    }
}

// MARK: - Several sources

/// Several sources as one, merged by time: logs of many hosts, a folder of rotated files.
///
/// Each source keeps its own order. Among their heads the earliest goes first (of equal times the
/// source that was named first), by the newest time that the source has had so far, so that one late
/// record does not hold its source back. Which makes the merged order the same however often a run
/// was stopped in between.
final class MergedSources {
    private final class Source {
        let reader: SourceReader
        let lane: Lane
        var chunk: Chunk?
        var cursor = 0
        /// Its newest record so far.
        var newest = Int64.min
        /// Where its head stands in the merged order; the largest number when it has none.
        var order = Int64.max
        var isAtEnd = false
        /// Where it goes on after what was judged.
        var position: SourcePosition?
        /// Of the chunk, not written yet.
        var rejects: ArraySlice<Reject> = []

        init(_ reader: SourceReader, _ options: IntakeOptions) throws {
            self.reader = reader
            lane = try Lane(reader.format, options)
        }

        var hasHead: Bool { cursor < lane.decoded.records.count }

        func noteHead() {
            order =
                hasHead
                ? max(lane.decoded.records.base[cursor].time.milliseconds, newest) : .max
        }
    }

    /// Records of one batch at most.
    private static let batch = 16_384
    private let sources: [Source]
    private let merged = UnsafeMutablePointer<Record>.allocate(capacity: 2 * MergedSources.batch)
    private let chunkBytes: Int
    private(set) var counters = IntakeCounters()

    init(
        _ readers: [SourceReader], options: IntakeOptions, chunkBytes: Int
    ) throws {
        self.chunkBytes = chunkBytes
        sources = try readers.map { try Source($0, options) }
    }

    deinit { merged.deallocate() }

    var positions: [SourcePosition] { sources.compactMap(\.position) }

    /// Takes one batch through the engine; false at the end.
    func step(_ engine: Engine, _ outputs: Outputs) throws -> Bool {
        for source in sources where !source.isAtEnd && !source.hasHead {
            try refill(source, outputs)
            source.noteHead()
        }
        var count = 0
        var touched: Set<Int> = []
        merging: while count < MergedSources.batch {
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
                let record = source.lane.decoded.records.base[source.cursor]
                merged[count] = record
                count += 1
                source.cursor += 1
                source.newest = max(source.newest, record.time.milliseconds)
            } while count < 2 * MergedSources.batch && source.hasHead
                && source.lane.decoded.records.base[source.cursor].endOffset
                    == merged[count - 1].endOffset
            source.noteHead()
            // Without its head the source's place in the order is not known.
            if !source.hasHead, !source.isAtEnd { break merging }
        }
        if count == 0 { return sources.contains { !$0.isAtEnd } }
        let workers = engine.team.count
        let records = UnsafeBufferPointer(start: merged, count: count)
        try engine.process { worker in
            let from = count * worker / workers
            let to = count * (worker + 1) / workers
            return UnsafeBufferPointer(rebasing: records[from..<to])
        }
        engine.didProcess(records: count)
        counters.records += count
        for i in touched.sorted() { try settle(sources[i], outputs) }
        return true
    }

    /// Notes where a source goes on, and writes the rejects up to there.
    private func settle(_ source: Source, _ outputs: Outputs) throws {
        guard let chunk = source.chunk else { return }
        if !source.hasHead {
            try write(source, upTo: .max, outputs)
            source.position = chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine)
        } else if source.cursor > 0 {
            let last = source.lane.decoded.records[source.cursor - 1]
            try write(source, upTo: last.line, outputs)
            source.position = chunk.position(afterOffset: last.endOffset, line: last.line)
        }
    }

    private func write(_ source: Source, upTo line: UInt64, _ outputs: Outputs) throws {
        while let reject = source.rejects.first, reject.line <= line {
            try outputs.reject(reject)
            counters.note(reject)
            source.rejects.removeFirst()
        }
    }

    /// Reads on until there is a record or the end.
    private func refill(_ source: Source, _ outputs: Outputs) throws {
        while !source.hasHead {
            // The first chunk only tells when a source begins, and many are open at once.
            let bytes = source.chunk == nil ? min(chunkBytes, 64 << 10) : chunkBytes
            guard let chunk = try source.reader.nextChunk(maximumBytes: bytes) else {
                source.isAtEnd = true
                source.lane.clear()
                source.chunk = nil
                source.cursor = 0
                return
            }
            source.chunk = chunk
            source.cursor = 0
            source.lane.clear()
            for slice in chunk.slices(1) {
                source.lane.decoder.decode(slice, into: &source.lane.decoded)
            }
            source.rejects = source.lane.decoded.rejects[...]
            if chunk.isUnfinished(records: source.lane.decoded.records.count) {
                counters.unfinished += 1
                try write(source, upTo: chunk.firstLine - 1, outputs)
                source.rejects = []
                continue
            }
            counters.lines += source.lane.decoded.lines
            counters.skipped += source.lane.decoded.skipped
            if !source.hasHead { try settle(source, outputs) }
        }
    }
}
