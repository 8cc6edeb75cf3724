import CSimdJSON
import Glibc
import SessionModel

/// Cuts CSV into records by RFC 4180: a field is quoted when its first byte is a quote; then it ends at
/// the next single quote, which a delimiter or the line's end must follow; a quote anywhere else is
/// an error.
///
/// A record with bad quotes, one that never closes or one longer than 1 MiB costs its first line:
/// reading goes on at the line after it, so that one stray quote does not swallow the file. Being
/// strict about quotes keeps this linear: a line that leaves a quote open is closed by the next such
/// line, so no line is looked at more than twice.
struct CSVFraming {
    let delimiter: UInt8

    enum Outcome {
        /// `next` is after the newline, `newlines` how many were passed.
        case record(end: Int, next: Int, newlines: Int)
        case bad
        /// The bytes end inside a quote, or outside of one.
        case open(inQuotes: Bool)
    }

    func record(_ p: UnsafePointer<UInt8>, from start: Int, count: Int) -> Outcome {
        var i = start
        var newlines = 0
        while true {
            // At the start of a field.
            if i < count, p[i] == 0x22 {
                i += 1
                while true {
                    guard let quote = memchr(p + i, 0x22, count - i) else {
                        return .open(inQuotes: true)
                    }
                    let at =
                        quote.assumingMemoryBound(to: UInt8.self)
                        - UnsafeMutablePointer(mutating: p)
                    newlines += CSVFraming.newlines(p + i, at - i)
                    i = at + 1
                    guard i < count else { return .open(inQuotes: false) }
                    if p[i] != 0x22 { break }
                    i += 1
                }
                if p[i] == 0x0D, i + 1 < count, p[i + 1] == 0x0A { i += 1 }
                if p[i] == 0x0D, i + 1 == count { return .open(inQuotes: false) }
                guard p[i] == delimiter || p[i] == 0x0A else { return .bad }
            } else {
                while i < count, p[i] != delimiter, p[i] != 0x0A {
                    if p[i] == 0x22 { return .bad }
                    i += 1
                }
                guard i < count else { return .open(inQuotes: false) }
            }
            if p[i] == 0x0A {
                let end = i > start && p[i - 1] == 0x0D ? i - 1 : i
                return .record(end: end, next: i + 1, newlines: newlines + 1)
            }
            i += 1
        }
    }

    static func newlines(_ p: UnsafePointer<UInt8>, _ count: Int) -> Int {
        ls_count_newlines(p, count)
    }

    /// Appends the whole records among the bytes. Returns how many bytes they take; `line` becomes the
    /// number of the line after them. `isEnd` makes a record of what is left.
    func frame(
        _ p: UnsafePointer<UInt8>, count: Int, isEnd: Bool, line: inout UInt64,
        limit spanLimit: Int,
        into spans: inout [RecordSpan]
    ) -> Int {
        var at = 0
        while at < count, spans.count < spanLimit {
            // Blank lines are passed over.
            if p[at] == 0x0A || p[at] == 0x0D && at + 1 < count && p[at + 1] == 0x0A {
                at += p[at] == 0x0A ? 1 : 2
                line += 1
                continue
            }
            var flaw = RecordSpan.Flaw.none
            switch record(p, from: at, count: count) {
            case .record(let end, let next, let newlines):
                if end - at <= TextLimit.line {
                    spans.append(RecordSpan(start: at, end: end, next: next, line: line))
                    at = next
                    line += UInt64(newlines)
                    continue
                }
                flaw = .tooLong
            case .bad:
                flaw = .badQuotes
            case .open(let inQuotes):
                if count - at <= TextLimit.line {
                    guard isEnd else { return at }
                    if !inQuotes {
                        let end = p[count - 1] == 0x0D ? count - 1 : count
                        spans.append(RecordSpan(start: at, end: end, next: count, line: line))
                        return count
                    }
                    flaw = .badQuotes
                } else {
                    flaw = .tooLong
                }
            }
            // The first line of what cannot be a record.
            guard let newline = memchr(p + at, 0x0A, count - at) else {
                guard isEnd else { return at }
                spans.append(
                    RecordSpan(start: at, end: count, next: count, line: line, flaw: flaw))
                return count
            }
            let end =
                newline.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: p)
            if end - at > TextLimit.line { flaw = .tooLong }
            spans.append(RecordSpan(start: at, end: end, next: end + 1, line: line, flaw: flaw))
            at = end + 1
            line += 1
        }
        return at
    }
}
