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
    public private(set) var resumed: SourcePosition?
    /// For a person: why reading started anew, which years were taken, what is damaged.
    public private(set) var notes: [String] = []
    /// Whether compressed data is cut or broken; the notes say how. What came before was given out.
    public private(set) var isDamaged = false
    let options: IntakeOptions
    let source: ByteSource
    /// Whether more may come after the end.
    let isFollowing: Bool
    private let framing: Framing
    private let csv: CSVFraming
    private var document: DocumentFraming
    private let pool = BufferPool()
    private let facts: SourceFacts
    /// The first 4 KiB of the source.
    private(set) var head: [UInt8] = []
    /// The 4 KiB before `offset`.
    private var history: [UInt8] = []
    /// Read, and not yet in a chunk.
    private var carry: [UInt8] = []
    /// Of the first byte of `carry`.
    private(set) var offset: UInt64 = 0
    /// The number of the line that begins there.
    private var line: UInt64 = 1
    /// Records before this were consumed in another run.
    private var dropUntil: UInt64 = 0
    private var isSkippingLine = false
    private var leading: [Reject] = []
    private var isFinished = false
    private var years: YearRule?
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

    private static func read(
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
            let share = found.seen > 1 ? " (\(found.matched) of its first \(found.seen) records fit)" : ""
            return (found.format, "\(name): taken as \(found.format.name)\(share)")
        }
    }

    // MARK: - Going on

    private func resume(_ candidates: [SourcePosition]) throws(IntakeError) {
        guard source.isRegularFile else { return }
        let own = candidates.first { $0.path == facts.positionPath && $0.offset > 0 }
        let usable = candidates.filter { candidate in
            candidate.offset > 0 && Int(candidate.headLength) <= head.count
                && SourceReader.hash(head.prefix(Int(candidate.headLength))) == candidate.headHash
        }
        let found = source.isPlainFile ? resumePlain(usable) : try resumeCompressed(usable)
        if let found {
            resumed = found
            // What comes after a line without a newline is still of that line.
            let isInLine = framing == .lines && dropUntil == 0 && history.last != 0x0A
            line = isInLine ? max(1, found.line) : found.line + 1
        } else if let own {
            source.refresh()
            let size = UInt64(max(0, source.information.st_size))
            notes.append(
                source.isPlainFile && size < own.offset
                    ? "\(source.name) shrank from at least \(own.offset) to \(size) bytes: read from the start."
                    : "\(source.name) has other content than before: read from the start.")
        }
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBufferPointer { TextView($0).hash(domain: HashDomain.text) }
    }

    private func resumePlain(_ candidates: [SourcePosition]) -> SourcePosition? {
        source.refresh()
        let size = UInt64(max(0, source.information.st_size))
        for candidate in candidates.sorted(by: { $0.offset > $1.offset }) {
            let window = Int(min(candidate.offset, UInt64(SourcePosition.window)))
            guard candidate.offset <= size else { continue }
            let tail = source.bytes(at: candidate.offset - UInt64(window), count: window)
            guard tail.count == window, SourceReader.hash(tail[...]) == candidate.tailHash else { continue }
            if framing == .document {
                dropUntil = candidate.offset
                return candidate
            }
            source.seek(to: candidate.offset)
            carry = []
            offset = candidate.offset
            history = tail
            passRestOfLine(source.bytes(at: candidate.offset, count: 2))
            return candidate
        }
        return nil
    }

    /// A last line without a newline was taken as it was. Did it go on since?
    private func passRestOfLine(_ next: [UInt8]) {
        guard framing == .lines, history.last != 0x0A, let byte = next.first, byte != 0x0A,
            !(byte == 0x0D && next.count > 1 && next[1] == 0x0A), byte != 0x0D || next.count > 1
        else { return }
        notes.append(
            "\(source.name): the last line was taken before it was whole; its rest is passed over.")
        isSkippingLine = true
    }

    /// Reads on to each candidate's offset in turn; when the last one that fits was passed, again.
    private func resumeCompressed(_ candidates: [SourcePosition]) throws(IntakeError) -> SourcePosition? {
        let sorted = candidates.sorted { $0.offset < $1.offset }
        guard !sorted.isEmpty else { return nil }
        let start = (carry: carry, offset: offset, history: history)
        var best: SourcePosition?
        for candidate in sorted where candidate.offset >= offset {
            guard try advance(to: candidate.offset) else { break }
            let window = Int(min(candidate.offset, UInt64(SourcePosition.window)))
            if SourceReader.hash(history.suffix(window)) == candidate.tailHash { best = candidate }
        }
        if let best, offset == best.offset, framing != .document {
            passRestOfLine(Array(carry.prefix(2)))
            return best
        }
        // Back to the start, and to the best.
        try source.rewind()
        let (first, _) = try SourceReader.read(source, upTo: Probe.size)
        (carry, offset, history) = start
        carry = Array(first[min(Int(start.offset), first.count)...])
        guard let best else { return nil }
        if framing == .document {
            dropUntil = best.offset
        } else {
            _ = try advance(to: best.offset)
            passRestOfLine(Array(carry.prefix(2)))
        }
        return best
    }

    /// Passes over bytes up to `target`; false when the source ends before.
    private func advance(to target: UInt64) throws(IntakeError) -> Bool {
        while offset < target {
            if carry.isEmpty {
                let (more, _) = try SourceReader.read(source, upTo: 1 << 20)
                if more.isEmpty { return false }
                carry = more
            }
            let step = Int(min(UInt64(carry.count), target - offset))
            history = Array((history.suffix(SourcePosition.window) + carry[..<step]).suffix(SourcePosition.window))
            carry.removeFirst(step)
            offset += UInt64(step)
        }
        if carry.isEmpty { carry = try SourceReader.read(source, upTo: Probe.size).bytes }
        return true
    }

    // MARK: - Years

    private func startYears(_ yearsAfter: Int64) throws(IntakeError) {
        if let resumed, resumed.lastTime != 0 {
            years = YearRule(after: resumed.lastTime)
            return
        }
        if yearsAfter != 0 {
            years = YearRule(after: yearsAfter)
            return
        }
        if let year = options.year {
            years = YearRule(year: year)
            return
        }
        let end = source.isRegularFile
            ? Timestamp(milliseconds: source.modifiedNanoseconds / 1_000_000) : options.now
        var rule = YearRule(year: 0)
        var last = (hour: 0, minute: 0)
        if source.isRegularFile {
            try scanYears(&rule, &last)
        } else {
            // Only the beginning can be seen before it is needed.
            carry.withUnsafeBufferPointer { SourceReader.takeDates($0, &rule, &last, 1) }
        }
        let year = rule.firstYear(endingBefore: end, hour: last.hour, minute: last.minute)
        years = YearRule(year: year)
        if rule.month != 0 {
            notes.append(
                "\(source.name): its times carry no year; the first is taken to be in \(year), since "
                    + (source.isRegularFile ? "the file was last changed" : "it is now")
                    + " \(end.humanReadable). Use --year when that is wrong.")
        }
    }

    /// Looks through the whole file once for the turns of years.
    private func scanYears(
        _ rule: inout YearRule, _ last: inout (hour: Int, minute: Int)
    ) throws(IntakeError) {
        let other = try ByteSource(.file(path: source.name), isStreaming: false)
        // Another file may have taken the name since.
        guard other.information.st_ino == source.information.st_ino else { return }
        var rest: [UInt8] = []
        while true {
            var (bytes, isWhole) = try SourceReader.read(other, upTo: 1 << 20)
            if bytes.isEmpty { break }
            if !rest.isEmpty { bytes = rest + bytes }
            let end = isWhole ? bytes.count : (bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count)
            bytes[..<end].withUnsafeBufferPointer {
                SourceReader.takeDates($0, &rule, &last, .max)
            }
            rest = Array(bytes[end...])
            if isWhole { break }
        }
    }

    private static func takeDates(
        _ bytes: UnsafeBufferPointer<UInt8>, _ rule: inout YearRule,
        _ last: inout (hour: Int, minute: Int), _ most: Int
    ) {
        guard let p = bytes.baseAddress else { return }
        var at = 0
        var taken = 0
        while at < bytes.count, taken < most {
            if let (month, day) = YearRule.date(p + at, bytes.count - at) {
                _ = rule.take(month: month, day: day)
                last = (
                    Int(p[at + 7] &- 48) * 10 + Int(p[at + 8] &- 48),
                    Int(p[at + 10] &- 48) * 10 + Int(p[at + 11] &- 48)
                )
                taken += 1
            }
            guard let newline = memchr(p + at, 0x0A, bytes.count - at) else { break }
            at = newline.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: p) + 1
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
        carry.withUnsafeBytes { if count > 0 { start.copyMemory(from: $0.baseAddress!, byteCount: count) } }
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
            if head.count < SourcePosition.window, offset == UInt64(head.count) || offset < UInt64(head.count) {
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
            Reject(source: source.name, line: line, reason: RecordDecoder.tooLong, text: text.string))
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
                guard let newline = memchr(data + end - 1, 0x0A, count - end + 1) else { break }
                end =
                    newline.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: data) + 1
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

    private static func lastNewline(_ p: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int? {
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
        carry.append(contentsOf: UnsafeBufferPointer(start: data + frame.consumed, count: count - frame.consumed))
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

    /// Gives each line its year: a run for each day.
    private func takeYears(_ data: UnsafePointer<UInt8>, _ count: Int) -> [YearRun] {
        guard var rule = years else { return [] }
        var runs: [YearRun] = [YearRun(offset: 0, year: rule.year, time: rule.time)]
        var seen = (rule.year, rule.month, rule.day)
        var at = 0
        while at < count {
            if let (month, day) = YearRule.date(data + at, count - at) {
                let year = rule.take(month: month, day: day)
                if (year, month, day) != seen {
                    seen = (year, month, day)
                    runs.append(YearRun(offset: at, year: year, time: rule.time))
                }
            }
            guard let newline = memchr(data + at, 0x0A, count - at) else { break }
            at = newline.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: data) + 1
        }
        years = rule
        return runs
    }
}
