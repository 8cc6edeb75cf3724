import CSimdJSON
import SessionModel

/// What the first bytes of a source say about it.
struct Probe {
    /// Which formats were asked, the best fit and how well.
    struct Finding {
        var format: Format
        var matched: Int
        var seen: Int
    }

    let bytes: [UInt8]
    /// After a byte order mark.
    let start: Int
    /// Whether `bytes` is all there is.
    let isWhole: Bool

    /// How much is looked at: the header of a CSV file must fit.
    static let size = 64 << 10
    private static let samples = 20

    init(_ bytes: [UInt8], isWhole: Bool) {
        self.bytes = bytes
        self.isWhole = isWhole
        start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    var isUTF16: Bool { bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) }

    var firstByte: UInt8? { bytes[start...].first { $0 > 0x20 } }

    /// Whole lines, blank ones left out.
    private var lines: [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        var at = start
        while at < bytes.count, found.count < Probe.samples {
            let end = bytes[at...].firstIndex(of: 0x0A) ?? bytes.count
            if end == bytes.count, !isWhole, !found.isEmpty { break }
            let line = bytes[at..<end]
            if line.contains(where: { $0 > 0x20 }) { found.append(line) }
            at = end + 1
        }
        return found
    }

    // MARK: - Framing

    /// How records of a format are told apart in this source.
    func framing(for format: Format) -> Framing {
        switch format.decoder {
        case .text: return .lines
        case .csv: return .csv
        case .json:
            guard let first = firstByte else { return .lines }
            if first == 0x5B { return .document }
            if !format.cell.isEmpty, first != 0x7B { return .csv }
            // An object: one a line when some line is an object by itself with no envelope in it.
            guard let check = JSONCheck(lists: [format.envelope]) else { return .lines }
            var isAnyWhole = false
            for line in lines {
                switch check.look(line) {
                case .object(let lists):
                    if lists.contains(.array) { return .document }
                    isAnyWhole = true
                case .notObject: continue
                }
            }
            if isAnyWhole { return .lines }
            // Nothing whole: a pretty-printed object begins with a line that is only its start.
            return lines.count > 1 || !isWhole ? .document : .lines
        }
    }

    /// The header's columns and where it ends.
    func header(_ format: Format) -> (columns: [String], end: Int, lines: Int)? {
        var at = start
        var blank = 0
        while at < bytes.count, bytes[at] == 0x0A || bytes[at] == 0x0D {
            if bytes[at] == 0x0A { blank += 1 }
            at += 1
        }
        return bytes.withUnsafeBufferPointer {
            buffer -> (columns: [String], end: Int, lines: Int)? in
            guard let p = buffer.baseAddress else { return nil }
            let framing = CSVFraming(delimiter: format.delimiter)
            let end: Int
            let next: Int
            var newlines = 0
            switch framing.record(p, from: at, count: buffer.count) {
            case .record(let e, let n, let count): (end, next, newlines) = (e, n, count)
            case .open(inQuotes: false) where isWhole: (end, next) = (buffer.count, buffer.count)
            default: return nil
            }
            var columns: [String] = []
            var i = at
            while columns.count < 4096 {
                var value: [UInt8] = []
                if i < end, p[i] == 0x22 {
                    i += 1
                    while i < end {
                        if p[i] == 0x22 {
                            if i + 1 < end, p[i + 1] == 0x22 { i += 1 } else { break }
                        }
                        value.append(p[i])
                        i += 1
                    }
                    i += 1
                } else {
                    while i < end, p[i] != format.delimiter {
                        value.append(p[i])
                        i += 1
                    }
                }
                columns.append(String(decoding: value, as: UTF8.self))
                guard i < end else { break }
                i += 1
            }
            return (columns, next, newlines + blank)
        }
    }

    // MARK: - Format

    /// The format that most of the first records fit; the first of those that fit alike.
    func format(among formats: [Format]) -> Finding? {
        var best: Finding?
        for format in formats {
            guard let found = fit(format), found.matched > 0 else { continue }
            if best == nil || found.matched * best!.seen > best!.matched * found.seen {
                best = found
            }
        }
        return best
    }

    private func fit(_ format: Format) -> Finding? {
        switch format.decoder {
        case .json:
            if firstByte != 0x7B, firstByte != 0x5B {
                guard !format.cell.isEmpty, let header = header(format),
                    header.columns.contains(format.cell)
                else { return nil }
                return Finding(format: format, matched: 1, seen: 1)
            }
            return fitJSON(format)
        case .csv:
            guard let header = header(format),
                format.detect.contains(where: { $0.allSatisfy(header.columns.contains) })
            else { return nil }
            return Finding(format: format, matched: 1, seen: 1)
        case .text: return fitText(format)
        }
    }

    private func fitJSON(_ format: Format) -> Finding? {
        guard let check = JSONCheck(lists: format.detect) else { return nil }
        var finding = Finding(format: format, matched: 0, seen: 0)
        func take(_ record: ArraySlice<UInt8>) {
            finding.seen += 1
            if case .object(let lists) = check.look(record), lists.contains(.all) {
                finding.matched += 1
            }
        }
        if framing(for: format) == .lines {
            lines.forEach(take)
        } else {
            var framing = DocumentFraming(envelope: format.envelope.map { Array($0.utf8) })
            var spans: [RecordSpan] = []
            bytes[start...].withUnsafeBufferPointer { buffer in
                guard let p = buffer.baseAddress else { return }
                _ = framing.frame(
                    p, count: buffer.count, isEnd: isWhole, limit: Probe.samples, into: &spans
                ) { _, _ in }
            }
            for span in spans { take(bytes[(start + span.start)..<(start + span.end)]) }
        }
        return finding
    }

    private func fitText(_ format: Format) -> Finding? {
        guard let plan = try? FormatPlan(format) else { return nil }
        let check = JSONCheck(lists: [Array(format.journal.values)])
        var fields = [ls_field](repeating: ls_field(), count: max(1, plan.slotCount))
        var finding = Finding(format: format, matched: 0, seen: 0)
        for line in lines {
            finding.seen += 1
            if line.first == 0x7B, let check, !format.journal.isEmpty {
                if case .object(let lists) = check.look(line), lists.contains(.all) {
                    finding.matched += 1
                }
                continue
            }
            let isMatch = line.withUnsafeBufferPointer { buffer in
                let text = TextView(
                    base: buffer.baseAddress,
                    count: buffer.last == 0x0D ? buffer.count - 1 : buffer.count)
                return ls_utf8_valid(text.base, text.count) != 0
                    && fields.withUnsafeMutableBufferPointer { fields in
                        plan.headers.contains { $0.match(text, fields.baseAddress!) }
                    }
            }
            if isMatch { finding.matched += 1 }
        }
        return finding
    }
}

/// Which of some lists of paths a JSON document has.
private final class JSONCheck {
    enum Presence { case all, array, none }
    enum Look {
        case object([Presence])
        case notObject
    }

    private let parser: OpaquePointer
    private var slots: [[Int]] = []
    private var count = 0

    init?(lists: [[String]]) {
        var paths: [JSONPath] = []
        for list in lists {
            var own: [Int] = []
            for text in list {
                guard let path = JSONPath(text) else { return nil }
                own.append(paths.count)
                paths.append(path)
            }
            slots.append(own)
        }
        count = paths.count
        guard
            let parser = ls_json_new(
                UInt32(paths.count), UInt32(TextLimit.depth), UInt32(TextLimit.line))
        else { return nil }
        self.parser = parser
        var moved: [Int] = []
        for (i, path) in paths.enumerated() {
            moved.append(Int(path.add(to: parser, slot: UInt32(i))))
        }
        slots = slots.map { $0.map { moved[$0] } }
    }

    deinit { ls_json_free(parser) }

    func look(_ document: ArraySlice<UInt8>) -> Look {
        ls_json_reset(parser)
        // The walker reads keys eight bytes at a time.
        let padded = Array(document) + [UInt8](repeating: 0x20, count: Chunk.padding)
        var fields = [ls_field](repeating: ls_field(), count: max(1, count))
        var column: UInt32 = 0
        let status = ls_json_document(parser, padded, document.count, &fields, &column)
        guard status == LS_OK else { return .notObject }
        return .object(
            slots.map { own in
                if own.contains(where: { fields[$0].kind == LS_ARRAY }) { return .array }
                return !own.isEmpty && own.allSatisfy { fields[$0].kind != LS_ABSENT }
                    ? .all : .none
            })
    }
}
