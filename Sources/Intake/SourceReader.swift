import Glibc
import SessionModel

/// One input, read from its start or on from a position. One thread at a time.
///
/// Memory: the chunks that are held, 1 MiB for a line that is not whole yet, and what a decompressor
/// needs; nothing grows with the input.
public final class SourceReader: @unchecked Sendable {
    /// Given, or taken by `auto` from the first records.
    public let format: Format
    /// What `auto` took and why; empty when the format was given.
    public let formatNote: String
    /// The position that reading went on from.
    public internal(set) var resumed: SourcePosition?
    /// For a person: why reading started anew, which years were taken, what is damaged.
    public internal(set) var notes: [String] = []
    /// Whether compressed data is cut or broken; the notes say how. What came before was given out.
    public private(set) var isDamaged = false
    let options: IntakeOptions
    let source: ByteSource
    /// Whether more may come after the end.
    let isFollowing: Bool
    let framing: Framing
    private let csv: CSVFraming
    private var document: DocumentFraming
    private let pool = BufferPool()
    let facts: SourceFacts
    /// The first 4 KiB of the source.
    private(set) var head: [UInt8] = []
    /// The 4 KiB before `offset`.
    var history: [UInt8] = []
    /// Read, and not yet in a chunk.
    var carry: [UInt8] = []
    /// Of the first byte of `carry`.
    var offset: UInt64 = 0
    /// The number of the line that begins there.
    var line: UInt64 = 1
    /// Records before this were consumed in another run.
    var dropUntil: UInt64 = 0
    var isSkippingLine = false
    private var leading: [Reject] = []
    var isFinished = false
    var years: YearRule?
    private(set) var newest: Chunk?
    /// Most lines of a chunk, so that neither its records nor its rejects can be too many.
    private static let lineLimit = 65_536
    private static let cutSpacing = 64 << 10

    /// Opens the input, takes its format and finds where to go on: at the candidate that lies
    /// farthest among those whose beginning and whose bytes before the offset are this input's.
    ///
    /// Compressed input and JSON arrays are read again up to there (not decoded). Standard input
    /// always starts anew.
    public convenience init(
        input: Input, format: FormatChoice, options: IntakeOptions,
        resumeCandidates: [SourcePosition]
    ) throws(IntakeError) {
        try self.init(
            source: try ByteSource(input, isStreaming: false), format: format, options: options,
            resumeCandidates: resumeCandidates, isFollowing: false)
    }

    /// `yearsAfter`: another file of the same log ended then. `path`: what positions are named by, when
    /// that is another file's name (`auth.log`, read as `auth.log.1`).
    init(
        source: ByteSource, format choice: FormatChoice, options: IntakeOptions,
        resumeCandidates: [SourcePosition], isFollowing: Bool, yearsAfter: Int64 = 0,
        positionPath: String? = nil
    ) throws(IntakeError) {
        self.options = options
        self.isFollowing = isFollowing
        self.source = source
        let (first, isWhole) = try SourceReader.read(source, upTo: Probe.size)
        let probe = Probe(first, isWhole: isWhole)
        if probe.isUTF16 {
            throw IntakeError.badBeginning(
                path: source.name, problem: "it is UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.")
        }
        (format, formatNote) = try SourceReader.choose(choice, probe, source.name)
        framing = probe.framing(for: format)
        csv = CSVFraming(delimiter: format.delimiter)
        document = DocumentFraming(envelope: format.envelope.map { Array($0.utf8) })
        var columns: [String] = []
        var begin = probe.start
        if framing == .csv, !first.isEmpty {
            guard let header = probe.header(format) else {
                throw IntakeError.badBeginning(
                    path: source.name,
                    problem: "it begins with no CSV header of at most 64 KiB. Is it CSV?")
            }
            let wanted = format.cell.isEmpty ? [] : [format.cell]
            for column in wanted where !header.columns.contains(column) {
                throw IntakeError.badBeginning(
                    path: source.name,
                    problem: "its header has no column '\(column)', which \(format.name) needs.")
            }
            columns = header.columns
            begin = header.end
            line += UInt64(header.lines)
        }
        facts = SourceFacts(
            path: source.name, positionPath: positionPath ?? source.name,
            device: UInt64(source.information.st_dev),
            inode: UInt64(source.information.st_ino), formatName: format.name,
            columns: columns, framing: framing)
        head = Array(first.prefix(SourcePosition.window))
        history = Array(first[..<min(begin, first.count)].suffix(SourcePosition.window))
        carry = Array(first[min(begin, first.count)...])
        offset = UInt64(begin)
        try resume(resumeCandidates)
        if format.hasYearlessTimes { try startYears(yearsAfter) }
    }

    static func read(
        _ source: ByteSource, upTo limit: Int
    ) throws(IntakeError) -> (bytes: [UInt8], isWhole: Bool) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: limit, alignment: 16)
        defer { buffer.deallocate() }
        var count = 0
        while count < limit {
            let n = try source.read(into: buffer + count, count: limit - count)
            if n == 0 { break }
            count += n
        }
        return (
            Array(UnsafeRawBufferPointer(start: buffer, count: count)), count < limit
        )
    }

    private static func choose(
        _ choice: FormatChoice, _ probe: Probe, _ name: String
    ) throws(IntakeError) -> (Format, String) {
        switch choice {
        case .fixed(let format): return (format, "")
        case .auto(let also):
            let known = also + FormatCatalog.builtIn
            if probe.firstByte == nil {
                return (known[0], "\(name): nothing in it yet, taken as \(known[0].name)")
            }
            guard let found = probe.format(among: known) else {
                throw IntakeError.formatUnknown(path: name, known: known.map(\.name))
            }
            let share =
                found.seen > 1 ? " (\(found.matched) of its first \(found.seen) records fit)" : ""
            return (found.format, "\(name): taken as \(found.format.name)\(share)")
        }
    }

    // MARK: - Reading

    /// The file's size, compressed or not; nil when there is no such thing.
    public var totalBytes: UInt64? {
        source.isRegularFile ? UInt64(max(0, source.information.st_size)) : nil
    }

    /// How much of `totalBytes` was read.
    public var consumedBytes: UInt64 { source.consumed }

    /// The state that another file of the same log goes on from.
    var yearsTime: Int64 { years?.time ?? 0 }

    /// A checkpoint; `offset` lies in the newest chunk. For older ones ask the chunk itself.
    public func position(afterOffset offset: UInt64, line: UInt64) -> SourcePosition {
        if let newest { return newest.position(afterOffset: offset, line: line) }
        if let resumed { return resumed }
        return SourcePosition(
            path: facts.positionPath, device: facts.device, inode: facts.inode, offset: 0, line: 0,
            headLength: 0, headHash: 0, tailHash: 0, isComplete: false,
            compressedSize: totalBytes ?? 0, modified: source.modifiedNanoseconds,
            formatName: format.name, lastTime: 0)
    }

    /// Whole records, of about `maximumBytes`; nil at the end (when following: nothing more now).
    ///
    /// A last line without a newline comes in a chunk of its own. The rest of a damaged file that is
    /// not a whole record does not come at all.
    public func nextChunk(maximumBytes: Int = 4 << 20) throws(IntakeError) -> Chunk? {
        try nextChunk(maximumBytes: maximumBytes, isFinal: !isFollowing)
    }

    func nextChunk(maximumBytes: Int, isFinal: Bool) throws(IntakeError) -> Chunk? {
        guard !isFinished else { return nil }
        let target = max(1, maximumBytes)
        let capacity = max(target, TextLimit.line + 2, carry.count) + SourceReader.cutSpacing
        let buffer = pool.take(SourcePosition.window + capacity + Chunk.padding)
        var isGiven = false
        defer { if !isGiven { pool.give(buffer) } }
        let start = buffer.baseAddress! + SourcePosition.window
        let data = start.assumingMemoryBound(to: UInt8.self)
        var count = carry.count
        carry.withUnsafeBytes {
            if count > 0 { start.copyMemory(from: $0.baseAddress!, byteCount: count) }
        }
        carry.removeAll(keepingCapacity: true)
        var hasEnded = false
        var wanted = target
        while true {
            while count < wanted {
                let n = try source.read(into: start + count, count: wanted - count)
                if n == 0 {
                    hasEnded = true
                    break
                }
                count += n
            }
            if head.count < SourcePosition.window,
                offset == UInt64(head.count) || offset < UInt64(head.count)
            {
                growHead(data, count)
            }
            if isSkippingLine {
                let passed = passLine(data, &count, start)
                if !passed, !hasEnded {
                    wanted = target
                    continue
                }
            }
            let isLast = hasEnded && isFinal && (source.hasEnded || source.damage != nil)
            if hasEnded { noteDamage() }
            var frame = Frame()
            cut(data, count, isLast: isLast && !isDamaged, &frame)
            if frame.consumed > 0 || !leading.isEmpty {
                isGiven = true
                return chunk(buffer, data, count, frame, isLast: isLast)
            }
            if hasEnded {
                if isLast { isFinished = true }
                carry.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
                return nil
            }
            if count > TextLimit.line, framing == .lines {
                refuseLine(data, &count)
                wanted = target
                continue
            }
            wanted = min(capacity, max(wanted, count) + (256 << 10))
        }
    }

    private func growHead(_ data: UnsafePointer<UInt8>, _ count: Int) {
        // `data` begins at `offset`, which is inside the head or at its end.
        let skip = head.count - Int(offset)
        guard skip >= 0, skip < count else { return }
        let more = min(SourcePosition.window - head.count, count - skip)
        head += UnsafeBufferPointer(start: data + skip, count: more)
    }

    private func noteDamage() {
        if let damage = source.damage, !isDamaged {
            isDamaged = true
            notes.append(damage)
        }
        if let note = source.note, !notes.contains(note) { notes.append(note) }
    }

    // MARK: - Lines that are too long

    /// Refuses the line that the data is the beginning of; the rest of it is passed over as it comes.
    private func refuseLine(_ data: UnsafePointer<UInt8>, _ count: inout Int) {
        let text = TextView(base: data, count: count).prefix(RecordDecoder.shown)
        leading.append(
            Reject(
                source: source.name, line: line, reason: RecordDecoder.tooLong, text: text.string))
        isSkippingLine = true
        remember(data, count)
        offset += UInt64(count)
        count = 0
    }

    /// Drops bytes up to a newline. True when it was found.
    private func passLine(
        _ data: UnsafeMutablePointer<UInt8>, _ count: inout Int, _ start: UnsafeMutableRawPointer
    ) -> Bool {
        let found = memchr(start, 0x0A, count)
        let dropped =
            found.map { $0.assumingMemoryBound(to: UInt8.self) - data + 1 } ?? count
        remember(data, dropped)
        offset += UInt64(dropped)
        count -= dropped
        if count > 0 { memmove(start, start + dropped, count) }
        guard found != nil else { return false }
        isSkippingLine = false
        line += 1
        return true
    }

    /// Keeps the last 4 KiB of what goes by.
    private func remember(_ data: UnsafePointer<UInt8>, _ count: Int) {
        let window = SourcePosition.window
        if count >= window {
            history = Array(UnsafeBufferPointer(start: data + count - window, count: window))
        } else {
            history += UnsafeBufferPointer(start: data, count: count)
            if history.count > window { history.removeFirst(history.count - window) }
        }
    }

    // MARK: - Cutting

    /// Whole records found in the data.
    private struct Frame {
        var consumed = 0
        var cuts: [LineCut] = []
        var spans: [RecordSpan] = []
        var nextLine: UInt64 = 0
        var isUnterminated = false
    }

    private func cut(
        _ data: UnsafePointer<UInt8>, _ count: Int, isLast: Bool, _ frame: inout Frame
    ) {
        frame.nextLine = line
        switch framing {
        case .lines:
            cutLines(data, count, isLast, &frame)
        case .csv:
            frame.consumed = csv.frame(
                data, count: count, isEnd: isLast, line: &frame.nextLine,
                limit: SourceReader.lineLimit, into: &frame.spans)
            frame.isUnterminated =
                isLast && frame.consumed == count && count > 0 && data[count - 1] != 0x0A
            if frame.isUnterminated, frame.spans.count > 1 {
                let last = frame.spans.removeLast()
                (frame.consumed, frame.nextLine) = (last.start, last.line)
                frame.isUnterminated = false
            }
        case .document:
            frame.consumed = document.frame(
                data, count: count, isEnd: isLast, limit: SourceReader.lineLimit, into: &frame.spans
            ) { number, bytes in
                leading.append(
                    Reject(
                        source: source.name, line: number, reason: RecordDecoder.tooLong,
                        text: TextView(bytes).prefix(RecordDecoder.shown).string))
            }
            if dropUntil > offset {
                let before = Int(min(dropUntil - offset, UInt64(Int.max)))
                frame.spans.removeAll { $0.next <= before }
            }
            frame.nextLine = document.elements + 1
        }
    }

    private func cutLines(
        _ data: UnsafePointer<UInt8>, _ count: Int, _ isLast: Bool, _ frame: inout Frame
    ) {
        var at = 0
        var lines: UInt64 = 0
        while at < count, lines < SourceReader.lineLimit {
            var end = min(at + SourceReader.cutSpacing, count)
            if end < count {
                // Without one, the last line begins before here and is not whole.
                let newline = memchr(data + end - 1, 0x0A, count - end + 1)
                end =
                    newline.map {
                        $0.assumingMemoryBound(to: UInt8.self)
                            - UnsafeMutablePointer(mutating: data) + 1
                    } ?? count
            }
            if end == count {
                guard let last = SourceReader.lastNewline(data, from: at, to: count) else { break }
                end = last + 1
            }
            lines += UInt64(CSVFraming.newlines(data + at, end - at))
            at = end
            frame.cuts.append(LineCut(offset: at, line: line + lines))
        }
        if at == 0, isLast, count > 0 {
            at = count
            lines = 1
            frame.isUnterminated = true
        }
        frame.consumed = at
        frame.nextLine = line + lines
    }

    private static func lastNewline(_ p: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int?
    {
        var i = end
        while i > start {
            i -= 1
            if p[i] == 0x0A { return i }
        }
        return nil
    }

    // MARK: - Chunks

    private func chunk(
        _ buffer: UnsafeMutableRawBufferPointer, _ data: UnsafeMutablePointer<UInt8>, _ count: Int,
        _ frame: Frame, isLast: Bool
    ) -> Chunk {
        let kept = history.count
        history.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress { (data - kept).update(from: base, count: kept) }
        }
        carry.append(
            contentsOf: UnsafeBufferPointer(
                start: data + frame.consumed, count: count - frame.consumed))
        let before = years?.time ?? 0
        var runs: [YearRun] = []
        if years != nil { runs = takeYears(data, frame.consumed) }
        source.refresh()
        let isComplete = source.compression != .none && isLast && carry.isEmpty && !isDamaged
        let made = Chunk(
            buffer: buffer, pool: pool, historyCount: kept, count: frame.consumed, facts: facts,
            head: head, cuts: frame.cuts, spans: frame.spans, years: runs, leading: leading,
            compressedSize: totalBytes ?? 0, modified: source.modifiedNanoseconds,
            isComplete: isComplete, lastTime: before, startOffset: offset,
            firstLine: framing == .document ? frame.spans.first?.line ?? frame.nextLine : line,
            lastLine: frame.nextLine - 1, isUnterminated: frame.isUnterminated)
        remember(data, frame.consumed)
        // What simdjson may look at beyond the end is not of the next line.
        leading = []
        offset += UInt64(frame.consumed)
        line = frame.nextLine
        newest = made
        return made
    }
}
