import SessionModel
import Synchronization

/// How the records of a source are told apart.
enum Framing: Sendable {
    /// One a line.
    case lines
    /// Elements of a JSON array or envelope, or JSON values over several lines.
    case document
    /// RFC 4180: a quoted field may hold newlines.
    case csv
}

/// A record that the framing found.
struct RecordSpan {
    /// In the chunk.
    var start: Int
    var end: Int
    /// Where the next record may start: after the newline.
    var next: Int
    var line: UInt64
    var flaw = Flaw.none

    /// Why the framing could not make a record of it.
    enum Flaw {
        case none
        case tooLong
        case badQuotes
        case notJSON
        case unfinished
    }
}

/// A place where lines may be cut apart.
struct LineCut {
    var offset: Int
    /// The number of the line that starts here.
    var line: UInt64
}

/// Lines from here on lie in this year, where times carry none.
struct YearRun {
    var offset: Int
    var year: Int
    /// The newest time so far, for going on later.
    var time: Int64
}

/// What all chunks of one source share.
final class SourceFacts: Sendable {
    let path: String
    let positionPath: String
    let device: UInt64
    let inode: UInt64
    let formatName: String
    let columns: [String]
    let framing: Framing

    init(
        path: String, positionPath: String, device: UInt64, inode: UInt64, formatName: String,
        columns: [String], framing: Framing
    ) {
        self.path = path
        self.positionPath = positionPath
        self.device = device
        self.inode = inode
        self.formatName = formatName
        self.columns = columns
        self.framing = framing
    }
}

/// Read buffers that are used again, so that each chunk does not cost the kernel's zeroed pages.
final class BufferPool: Sendable {
    private struct Free: @unchecked Sendable {
        var buffers: [UnsafeMutableRawBufferPointer] = []
    }
    private let free = Mutex(Free())
    private static let kept = 16

    func take(_ size: Int) -> UnsafeMutableRawBufferPointer {
        let found = free.withLock { (free) -> Free in
            guard let i = free.buffers.lastIndex(where: { $0.count >= size }) else { return Free() }
            return Free(buffers: [free.buffers.remove(at: i)])
        }
        return found.buffers.first ?? .allocate(byteCount: size, alignment: 64)
    }

    func give(_ buffer: UnsafeMutableRawBufferPointer) {
        let box = Free(buffers: [buffer])
        let isKept = free.withLock { (free) -> Bool in
            guard free.buffers.count < BufferPool.kept else { return false }
            free.buffers += box.buffers
            return true
        }
        if !isKept { buffer.deallocate() }
    }

    deinit { free.withLock { for buffer in $0.buffers { buffer.deallocate() } } }
}

/// A buffer of whole records, readable for 64 bytes beyond its end.
///
/// It may go to other threads; its bytes do not change. When the last reference goes, the buffer
/// is used again, so a record's views are valid as long as its chunk is held.
public final class Chunk: @unchecked Sendable {
    /// What simdjson may read beyond a text.
    static let padding = 64
    private let buffer: UnsafeMutableRawBufferPointer
    private let pool: BufferPool
    /// The first byte of the records; up to 4 KiB before it are what came just before.
    let base: UnsafePointer<UInt8>
    let historyCount: Int
    let count: Int
    let facts: SourceFacts
    let head: [UInt8]
    let cuts: [LineCut]
    let spans: [RecordSpan]
    let years: [YearRun]
    /// Refused by the framing before the chunk's first record, as too long.
    let leading: [Reject]
    private let compressedSize: UInt64
    private let modified: Int64
    private let isComplete: Bool
    private let lastTime: Int64
    /// The position of the first byte in the uncompressed source.
    public let startOffset: UInt64
    /// The position just after the last byte: what to commit when all of the chunk is done.
    public let endOffset: UInt64
    /// The number of the first line (or element), from 1.
    public let firstLine: UInt64
    /// Lines up to the chunk's end.
    public let lastLine: UInt64
    /// A last line without its newline, alone in its chunk. Where its decoding is refused, do not
    /// commit `endOffset`: the writer may still be at it, and the next run reads it whole.
    public let isUnterminated: Bool

    init(
        buffer: UnsafeMutableRawBufferPointer, pool: BufferPool, historyCount: Int, count: Int,
        facts: SourceFacts, head: [UInt8], cuts: [LineCut], spans: [RecordSpan],
        years: [YearRun], leading: [Reject], compressedSize: UInt64, modified: Int64,
        isComplete: Bool, lastTime: Int64, startOffset: UInt64, firstLine: UInt64,
        lastLine: UInt64, isUnterminated: Bool
    ) {
        self.buffer = buffer
        self.pool = pool
        base = UnsafePointer(
            (buffer.baseAddress! + SourcePosition.window).assumingMemoryBound(to: UInt8.self))
        self.historyCount = historyCount
        self.count = count
        self.facts = facts
        self.head = head
        self.cuts = cuts
        self.spans = spans
        self.years = years
        self.leading = leading
        self.compressedSize = compressedSize
        self.modified = modified
        self.isComplete = isComplete
        self.lastTime = lastTime
        self.startOffset = startOffset
        endOffset = startOffset + UInt64(count)
        self.firstLine = firstLine
        self.lastLine = lastLine
        self.isUnterminated = isUnterminated
    }

    deinit { pool.give(buffer) }

    /// Cuts the chunk at record boundaries into at most `count` parts, in order. At least one, which
    /// may be empty (it then only brings what the framing refused).
    public func slices(_ count: Int) -> [ChunkSlice] {
        let wanted = max(1, count)
        var slices: [ChunkSlice] = []
        if facts.framing == .lines {
            var from = LineCut(offset: 0, line: firstLine)
            for k in 1..<max(2, wanted + 1) where k < wanted {
                let ideal = self.count * k / wanted
                guard let cut = cuts.first(where: { $0.offset >= ideal }), cut.offset > from.offset
                else { continue }
                slices.append(
                    ChunkSlice(
                        chunk: self, start: from.offset, end: cut.offset, line: from.line,
                        spans: 0..<0))
                from = cut
            }
            slices.append(
                ChunkSlice(
                    chunk: self, start: from.offset, end: self.count, line: from.line, spans: 0..<0)
            )
        } else {
            var from = 0
            for k in 1...wanted {
                let to = spans.count * k / wanted
                guard to > from || k == wanted else { continue }
                slices.append(
                    ChunkSlice(chunk: self, start: 0, end: 0, line: firstLine, spans: from..<to))
                from = to
            }
        }
        slices[0].isFirst = true
        return slices
    }

    /// One slice a line or record, for showing what becomes of each.
    func slicePerRecord() -> [ChunkSlice] {
        var slices: [ChunkSlice] = []
        if facts.framing == .lines {
            var start = 0
            var line = firstLine
            while start < count {
                var end = start
                while end < count, base[end] != 0x0A { end += 1 }
                end = min(end + 1, count)
                slices.append(
                    ChunkSlice(chunk: self, start: start, end: end, line: line, spans: 0..<0))
                line += 1
                start = end
            }
        } else {
            slices = spans.indices.map {
                ChunkSlice(
                    chunk: self, start: 0, end: 0, line: spans[$0].line, spans: $0..<($0 + 1))
            }
        }
        if slices.isEmpty, !leading.isEmpty {
            slices = [ChunkSlice(chunk: self, start: 0, end: 0, line: firstLine, spans: 0..<0)]
        }
        if !slices.isEmpty { slices[0].isFirst = true }
        return slices
    }

    /// A checkpoint just after the record (or chunk) that ends at `offset`, where `line` lines are done.
    /// The offset lies in this chunk, its start and end included. About 5 µs.
    public func position(afterOffset offset: UInt64, line: UInt64) -> SourcePosition {
        let offset = min(max(offset, startOffset), endOffset)
        let at = Int(offset - startOffset)
        let window = min(SourcePosition.window, Int(min(offset, UInt64(SourcePosition.window))))
        let have = min(window, at + historyCount)
        let tail = TextView(base: base + at - have, count: have)
        let first = min(window, head.count)
        let headHash = head.withUnsafeBufferPointer {
            TextView(base: $0.baseAddress, count: first).hash(domain: HashDomain.text)
        }
        var time = lastTime
        for run in years where run.offset < at { time = run.time }
        return SourcePosition(
            path: facts.positionPath, device: facts.device, inode: facts.inode, offset: offset,
            line: line,
            headLength: UInt32(window), headHash: headHash,
            tailHash: tail.hash(domain: HashDomain.text),
            isComplete: isComplete && offset == endOffset, compressedSize: compressedSize,
            modified: modified, formatName: facts.formatName, lastTime: time)
    }

    /// Where to go on when nothing of this chunk was taken.
    public var startPosition: SourcePosition {
        // After a line without its newline, what comes is still of that line.
        let isInLine = facts.framing == .lines && historyCount > 0 && base[-1] != 0x0A
        return position(afterOffset: startOffset, line: isInLine ? firstLine : firstLine - 1)
    }

    /// The year of the line at `offset`, where its time carries none.
    func year(at offset: Int) -> Int {
        var low = 0
        var high = years.count
        while low < high {
            let middle = (low + high) / 2
            if years[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? years[low - 1].year : 0
    }
}

/// A part of a chunk, of whole records. Holds the chunk.
public struct ChunkSlice: Sendable {
    public let chunk: Chunk
    let start: Int
    let end: Int
    let line: UInt64
    let spans: Range<Int>
    var isFirst = false

    init(chunk: Chunk, start: Int, end: Int, line: UInt64, spans: Range<Int>) {
        self.chunk = chunk
        self.start = start
        self.end = end
        self.line = line
        self.spans = spans
    }
}
