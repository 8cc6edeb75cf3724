import CSimdJSON
import Glibc
import SessionModel

/// Turns slices into records. One a thread; not to be used by two at once.
///
/// What comes out depends on the bytes alone, not on how they were cut.
public final class RecordDecoder: @unchecked Sendable {
    public let format: Format
    private let plan: FormatPlan
    private let mapper: RecordMapper
    private let parser: OpaquePointer
    /// A second parser, for text lines that are JSON: its slots are filled by other paths.
    private var journal: OpaquePointer?
    private let slotCount: Int
    private let fields: UnsafeMutablePointer<ls_field>
    private let lines: UnsafeMutablePointer<ls_line>
    private static let batch = 128
    /// Which source the column numbers are of.
    private var facts: SourceFacts?
    private var columnSlots: [Int] = []
    private var cellColumn = -1
    /// Most records that one line may stand for.
    static let repeatLimit = 100

    public init(format: Format, options: IntakeOptions) throws(IntakeError) {
        self.format = format
        do {
            plan = try FormatPlan(format)
        } catch {
            throw IntakeError.badFormat(place: format.name, problem: error.problem)
        }
        slotCount = plan.slotCount
        func parser(_ count: Int) throws(IntakeError) -> OpaquePointer {
            guard
                let made = ls_json_new(
                    UInt32(count), UInt32(TextLimit.depth), UInt32(TextLimit.line))
            else { throw IntakeError.unavailable(reason: "There is no memory for a decoder") }
            return made
        }
        self.parser = try parser(slotCount)
        for (slot, path) in plan.paths.enumerated() {
            // Two spellings of one path share a slot; the plan knows each text once, so this is rare.
            _ = path.add(to: self.parser, slot: UInt32(slot))
        }
        if !plan.journal.isEmpty {
            let made = try parser(slotCount)
            for (slot, path) in plan.journal { _ = path.add(to: made, slot: UInt32(slot)) }
            journal = made
        }
        mapper = RecordMapper(plan, options, parser: self.parser)
        fields = .allocate(capacity: max(1, slotCount) * RecordDecoder.batch)
        fields.initialize(repeating: ls_field(), count: max(1, slotCount) * RecordDecoder.batch)
        lines = .allocate(capacity: RecordDecoder.batch)
        lines.initialize(repeating: ls_line(), count: RecordDecoder.batch)
    }

    deinit {
        ls_json_free(parser)
        if let journal { ls_json_free(journal) }
        fields.deallocate()
        lines.deallocate()
    }

    /// Forgets unescaped texts: records decoded before lose theirs.
    public func reset() {
        ls_json_reset(parser)
        if let journal { ls_json_reset(journal) }
    }

    /// Adds what the slice holds to `out`.
    public func decode(_ slice: ChunkSlice, into out: inout DecodedRecords) {
        if slice.isFirst, !slice.chunk.leading.isEmpty {
            out.rejects += slice.chunk.leading
            out.lines += UInt64(slice.chunk.leading.count)
        }
        switch (slice.chunk.facts.framing, format.decoder) {
        case (.lines, .text): decodeText(slice, &out)
        case (.lines, _): decodeLines(slice, &out)
        case (.document, _): decodeDocument(slice, &out)
        case (.csv, _): decodeCSV(slice, &out)
        }
    }

    // MARK: - Shared

    private func refuse(
        _ chunk: Chunk, _ line: UInt64, _ reason: String, _ raw: TextView,
        _ out: inout DecodedRecords
    ) {
        out.rejects.append(
            Reject(
                source: chunk.facts.path, line: line, reason: reason,
                text: raw.prefix(RecordDecoder.shown).string))
    }

    /// Of a refused line.
    static let shown = 4096

    /// Maps filled fields to a record.
    @inline(__always)
    private func finish(
        _ fields: UnsafeMutablePointer<ls_field>, _ raw: TextView, line: UInt64, end: UInt64,
        _ chunk: Chunk, _ out: inout DecodedRecords
    ) {
        let target = out.records.next()
        let verdict = mapper.map(fields, target)
        if verdict.kind == .record {
            target.pointee.line = line
            target.pointee.endOffset = end
            if target.pointee.id.isEmpty {
                target.pointee.contentHash = raw.hash(domain: HashDomain.record)
            }
            out.records.count += 1
        } else if verdict.kind == .skipped {
            out.skipped += 1
        } else {
            refuse(chunk, line, verdict.reason, raw, &out)
        }
    }

    private static func explain(_ status: Int, _ column: UInt32) -> String {
        let place = column > 0 ? " at byte \(column)" : ""
        switch status {
        case LS_BAD_UTF8: return "not UTF-8\(place): write the log as UTF-8."
        case LS_UNCLOSED_STRING: return "a JSON string is not closed: is the line cut?"
        case LS_CONTROL_CHARACTER:
            return "a control character in a JSON string: write it as an escape."
        case LS_INCOMPLETE: return "the JSON ends early\(place): is the line cut?"
        case LS_TOO_DEEP: return "nested deeper than \(TextLimit.depth)\(place)."
        case LS_TRAILING: return "something follows the JSON object\(place): one object a line."
        case LS_BAD_ESCAPE:
            return "a JSON string\(place) has a wrong escape or half a surrogate pair."
        case LS_DUPLICATE: return "a key comes twice\(place): which one counts?"
        case LS_TOO_LONG: return RecordDecoder.tooLong
        case LS_NOT_OBJECT: return "not a JSON object\(place)."
        case LS_NO_MEMORY: return "there was no memory for it."
        default: return "not JSON\(place)."
        }
    }

    static let tooLong = "longer than 1 MiB: no session record is."

    private static func explain(_ flaw: RecordSpan.Flaw) -> String {
        switch flaw {
        case .none: ""
        case .tooLong: tooLong
        case .badQuotes: "a CSV quote is stray or never closed: quote as RFC 4180 says."
        case .notJSON: "not JSON."
        case .unfinished: "the JSON ends early: is the file cut?"
        }
    }

    // MARK: - JSON, one document a line

    private func decodeLines(_ slice: ChunkSlice, _ out: inout DecodedRecords) {
        let chunk = slice.chunk
        let start = chunk.base + slice.start
        let offset = chunk.startOffset + UInt64(slice.start)
        let length = slice.end - slice.start
        ls_json_begin(parser, start, length)
        while true {
            let count = ls_json_next(parser, lines, fields, RecordDecoder.batch)
            if count == 0 { break }
            out.lines += UInt64(count)
            for i in 0..<count {
                let line = lines[i]
                let number = slice.line + UInt64(line.number)
                let end = Int(line.end)
                let at = fields + i * slotCount
                let raw = rawLine(start, Int(line.start), end)
                guard line.status == LS_OK else {
                    refuse(
                        chunk, number, RecordDecoder.explain(Int(line.status), line.column), raw,
                        &out)
                    continue
                }
                guard mapper.isWanted(at) else {
                    out.skipped += 1
                    continue
                }
                finish(
                    at, raw, line: number, end: offset + UInt64(min(end + 1, length)), chunk, &out)
            }
        }
    }

    @inline(__always)
    private func rawLine(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> TextView {
        let last = end > start && base[end - 1] == 0x0D ? end - 1 : end
        return TextView(base: base + start, count: last - start)
    }

    // MARK: - JSON, elements of arrays

    private func decodeDocument(_ slice: ChunkSlice, _ out: inout DecodedRecords) {
        let chunk = slice.chunk
        for i in slice.spans {
            let span = chunk.spans[i]
            out.lines += 1
            let raw = TextView(base: chunk.base + span.start, count: span.end - span.start)
            guard span.flaw == .none else {
                refuse(chunk, span.line, RecordDecoder.explain(span.flaw), raw, &out)
                continue
            }
            decodeJSON(raw, raw, span.line, chunk.startOffset + UInt64(span.next), chunk, &out)
        }
    }

    /// One document, readable for 8 bytes beyond its end.
    private func decodeJSON(
        _ document: TextView, _ raw: TextView, _ line: UInt64, _ end: UInt64, _ chunk: Chunk,
        _ out: inout DecodedRecords
    ) {
        var column: UInt32 = 0
        let status = ls_json_document(parser, document.base, document.count, fields, &column)
        guard status == LS_OK else {
            refuse(chunk, line, RecordDecoder.explain(Int(status), column), raw, &out)
            return
        }
        guard mapper.isWanted(fields) else {
            out.skipped += 1
            return
        }
        finish(fields, raw, line: line, end: end, chunk, &out)
    }

    // MARK: - CSV

    private func learn(_ facts: SourceFacts) {
        guard self.facts !== facts else { return }
        self.facts = facts
        columnSlots = facts.columns.map { column in
            format.cell.isEmpty ? plan.sources.firstIndex(of: column) ?? -1 : -1
        }
        for (i, slot) in columnSlots.enumerated() where columnSlots[..<i].contains(slot) {
            columnSlots[i] = -1  // the first column of a name counts
        }
        cellColumn = format.cell.isEmpty ? -1 : facts.columns.firstIndex(of: format.cell) ?? -1
    }

    private func decodeCSV(_ slice: ChunkSlice, _ out: inout DecodedRecords) {
        let chunk = slice.chunk
        learn(chunk.facts)
        for i in slice.spans {
            let span = chunk.spans[i]
            out.lines += 1
            let raw = TextView(base: chunk.base + span.start, count: span.end - span.start)
            let end = chunk.startOffset + UInt64(span.next)
            guard span.flaw == .none else {
                refuse(chunk, span.line, RecordDecoder.explain(span.flaw), raw, &out)
                continue
            }
            guard ls_utf8_valid(raw.base, raw.count) != 0 else {
                refuse(chunk, span.line, RecordDecoder.explain(LS_BAD_UTF8, 0), raw, &out)
                continue
            }
            var cell = TextView()
            let columns = readColumns(raw, &cell)
            guard columns == chunk.facts.columns.count else {
                let reason =
                    "has \(columns) columns, the header \(chunk.facts.columns.count): is the line cut?"
                refuse(chunk, span.line, reason, raw, &out)
                continue
            }
            if cellColumn >= 0 {
                decodeJSON(cell, raw, span.line, end, chunk, &out)
                continue
            }
            guard mapper.isWanted(fields) else {
                out.skipped += 1
                continue
            }
            finish(fields, raw, line: span.line, end: end, chunk, &out)
        }
    }

    /// Fills the fields from a record whose quotes are known to be right. Returns its columns.
    private func readColumns(_ raw: TextView, _ cell: inout TextView) -> Int {
        for slot in 0..<slotCount { fields[slot] = ls_field() }
        guard let p = raw.base else { return 0 }
        let n = raw.count
        var column = 0
        var i = 0
        while true {
            var value: TextView
            if i < n, p[i] == 0x22 {
                let start = i + 1
                var doubled = 0
                i = start
                while true {
                    guard let quote = memchr(p + i, 0x22, n - i) else {
                        i = n
                        break
                    }
                    i =
                        quote.assumingMemoryBound(to: UInt8.self)
                        - UnsafeMutablePointer(mutating: p)
                    if i + 1 < n, p[i + 1] == 0x22 {
                        doubled += 1
                        i += 2
                    } else {
                        break
                    }
                }
                value = TextView(base: p + start, count: i - start)
                if doubled > 0 { value = undoubled(value, doubled) }
                i += 1
            } else {
                let start = i
                while i < n, p[i] != format.delimiter { i += 1 }
                value = TextView(base: p + start, count: i - start)
            }
            if column == cellColumn { cell = value }
            if column < columnSlots.count, columnSlots[column] >= 0 {
                fields[columnSlots[column]] = ls_field(
                    data: value.base, length: UInt32(value.count), kind: UInt32(LS_UNESCAPED))
            }
            column += 1
            guard i < n else { return column }
            i += 1
        }
    }

    private func undoubled(_ text: TextView, _ doubled: Int) -> TextView {
        guard let from = text.base, let copy = ls_json_reserve(parser, text.count - doubled) else {
            return TextView()
        }
        var n = 0
        var i = 0
        while i < text.count {
            copy[n] = from[i]
            n += 1
            i += from[i] == 0x22 ? 2 : 1
        }
        return TextView(base: copy, count: n)
    }

    // MARK: - Text

    private func decodeText(_ slice: ChunkSlice, _ out: inout DecodedRecords) {
        let chunk = slice.chunk
        let isValid = ls_utf8_valid(chunk.base + slice.start, slice.end - slice.start) != 0
        var at = slice.start
        var number = slice.line
        while at < slice.end {
            let start = at
            let end: Int
            if let newline = memchr(chunk.base + start, 0x0A, slice.end - start) {
                end =
                    newline.assumingMemoryBound(to: UInt8.self)
                    - UnsafeMutablePointer(mutating: chunk.base)
                at = end + 1
            } else {
                end = slice.end
                at = end
            }
            let line = number
            number += 1
            let raw = rawLine(chunk.base, start, end)
            var first = 0
            while first < raw.count, chunk.base[start + first] <= 0x20 { first += 1 }
            if first == raw.count { continue }
            out.lines += 1
            if end - start > TextLimit.line {
                refuse(chunk, line, RecordDecoder.tooLong, raw, &out)
                continue
            }
            if !isValid, ls_utf8_valid(raw.base, raw.count) == 0 {
                refuse(chunk, line, RecordDecoder.explain(LS_BAD_UTF8, 0), raw, &out)
                continue
            }
            mapper.year = chunk.year(at: start)
            decodeTextLine(raw, line, chunk.startOffset + UInt64(at), chunk, &out)
        }
    }

    private func decodeTextLine(
        _ raw: TextView, _ line: UInt64, _ end: UInt64, _ chunk: Chunk, _ out: inout DecodedRecords
    ) {
        for slot in 0..<slotCount { fields[slot] = ls_field() }
        if let journal, raw.base?.pointee == 0x7B {
            var column: UInt32 = 0
            let status = ls_json_document(journal, raw.base, raw.count, fields, &column)
            guard status == LS_OK else {
                refuse(chunk, line, RecordDecoder.explain(Int(status), column), raw, &out)
                return
            }
        } else if !plan.headers.contains(where: { $0.match(raw, fields) }) {
            refuse(chunk, line, "does not begin as a line of \(format.name) does.", raw, &out)
            return
        }
        guard mapper.isWanted(fields) else {
            out.skipped += 1
            return
        }
        var copies = 1
        (mapper.setEvent, mapper.setOutcome, mapper.setAuth) = (-1, -1, -1)
        if !plan.messages.isEmpty {
            // "message repeated" holds the message that is meant: one step in, not more.
            guard matchMessage(depth: 0, &copies) else {
                out.skipped += 1
                return
            }
        }
        let before = out.records.count
        finish(fields, raw, line: line, end: end, chunk, &out)
        guard copies > 1, out.records.count > before else { return }
        let record = out.records.base[before]
        for copy in 1..<copies {
            let target = out.records.next()
            target.pointee = record
            target.pointee.contentHash = mix(record.contentHash, UInt64(copy))
            out.records.count += 1
        }
    }

    private func matchMessage(depth: Int, _ copies: inout Int) -> Bool {
        let field = fields[plan.messageSlot]
        guard field.length > 0, Int(field.kind) == LS_STRING || Int(field.kind) == LS_UNESCAPED
        else {
            return false
        }
        let text = TextView(base: field.data, count: Int(field.length))
        fields[plan.messageSlot] = ls_field()
        for (pattern, set) in plan.messages where pattern.match(text, fields) {
            for (name, word) in set {
                switch name {
                case .event: mapper.setEvent = Int(EventWords.value(word))
                case .outcome: mapper.setOutcome = Int(OutcomeWords.value(word))
                default: mapper.setAuth = Int(AuthWords.value(word))
                }
            }
            let count = fields[plan.repeatSlot]
            if count.length > 0, count.length <= 9, let p = count.data {
                var value = 0
                for i in 0..<Int(count.length) { value = value * 10 + Int(p[i] &- 0x30) }
                copies = max(1, min(value, RecordDecoder.repeatLimit))
            } else if count.length > 9 {
                copies = RecordDecoder.repeatLimit
            }
            if fields[plan.messageSlot].length > 0 {
                return depth == 0 && matchMessage(depth: 1, &copies)
            }
            return true
        }
        return false
    }
}
