import SessionModel

/// Finds the records of JSON that is not one document a line: the elements of a top-level array or of
/// an array under an envelope's key (`{"Records": […]}`), else the top-level values themselves,
/// however they are spread over lines. Several documents may follow each other.
///
/// Only strings and brackets are looked at here; the decoder judges each record. Needs no more memory
/// than one record's 1 MiB.
struct DocumentFraming {
    let envelope: [[UInt8]]

    private enum Place {
        case top
        /// Among the elements of an array; whether an envelope is around it.
        case elements(inEnvelope: Bool)
        /// After an envelope's array, at depth 1.
        case afterArray
    }

    /// A walk over one value, which may stop in the middle.
    private struct Balance {
        var depth = 0
        var inString = false
        var isEscaped = false
    }

    private var place = Place.top
    private var rest = Balance()
    /// A value that is too long is being passed over.
    private var isSkipping = false
    /// Elements so far.
    private(set) var elements: UInt64 = 0

    init(envelope: [[UInt8]]) { self.envelope = envelope }

    /// Walks on from `i` until the brackets are even again; nil when the bytes end before.
    private static func close(
        _ p: UnsafePointer<UInt8>, from start: Int, count: Int, _ state: inout Balance
    ) -> Int? {
        var i = start
        var s = state
        defer { state = s }
        while i < count {
            let c = p[i]
            i &+= 1
            if s.inString {
                if s.isEscaped {
                    s.isEscaped = false
                } else if c == 0x5C {
                    s.isEscaped = true
                } else if c == 0x22 {
                    s.inString = false
                }
                continue
            }
            switch c {
            case 0x22: s.inString = true
            case 0x7B, 0x5B: s.depth &+= 1
            case 0x7D, 0x5D:
                s.depth &-= 1
                if s.depth <= 0 { return i }
            default: break
            }
        }
        return nil
    }

    /// Where a value without brackets ends.
    private static func scalarEnd(_ p: UnsafePointer<UInt8>, from start: Int, count: Int) -> Int? {
        var i = start
        var inString = false
        while i < count {
            let c = p[i]
            if inString {
                if c == 0x5C { i += 1 }
                if c == 0x22 { inString = false }
                if c == 0x0A { return i }
            } else if c == 0x22 {
                inString = true
            } else if c == 0x2C || c == 0x5D || c == 0x7D || c == 0x0A || c == 0x7B || c == 0x5B {
                return max(i, start + 1)
            }
            i += 1
        }
        return nil
    }

    private static func isSpace(_ c: UInt8) -> Bool {
        c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09
    }

    /// What a probe of a top-level object found.
    private enum Probe {
        /// Just after the `[` of the envelope's array.
        case envelope(Int)
        case whole(Int)
        case unfinished
    }

    private func probe(_ p: UnsafePointer<UInt8>, from start: Int, count: Int) -> Probe {
        var i = start + 1
        while i < count {
            switch p[i] {
            case 0x7D: return .whole(i + 1)
            case 0x22:
                // A key at depth 1, or a string value, which no colon follows.
                var end = i + 1
                while end < count, p[end] != 0x22 { end += p[end] == 0x5C ? 2 : 1 }
                guard end < count else { return .unfinished }
                var after = end + 1
                while after < count, DocumentFraming.isSpace(p[after]) { after += 1 }
                guard after < count else { return .unfinished }
                if p[after] == 0x3A {
                    after += 1
                    while after < count, DocumentFraming.isSpace(p[after]) { after += 1 }
                    guard after < count else { return .unfinished }
                    if p[after] == 0x5B,
                        envelope.contains(where: {
                            $0.elementsEqual(
                                UnsafeBufferPointer(start: p + i + 1, count: end - i - 1))
                        })
                    {
                        return .envelope(after + 1)
                    }
                    i = after
                } else {
                    i = end + 1
                }
            case 0x7B, 0x5B:
                var state = Balance()
                guard let end = DocumentFraming.close(p, from: i, count: count, &state) else {
                    return .unfinished
                }
                i = end
            default: i += 1
            }
        }
        return .unfinished
    }

    /// Appends the whole records among the bytes. Returns how many bytes are done with. A value that
    /// is too long is passed over and told to `refuse` with its number and first bytes.
    mutating func frame(
        _ p: UnsafePointer<UInt8>, count: Int, isEnd: Bool, limit spanLimit: Int,
        into spans: inout [RecordSpan],
        refuse: (UInt64, UnsafeBufferPointer<UInt8>) -> Void
    ) -> Int {
        var at = 0
        if isSkipping {
            guard let end = DocumentFraming.close(p, from: 0, count: count, &rest) else {
                return count
            }
            isSkipping = false
            at = end
        }
        while at < count, spans.count < spanLimit {
            let c = p[at]
            if DocumentFraming.isSpace(c) || c == 0x2C {
                at += 1
                continue
            }
            if case .afterArray = place {
                guard let end = DocumentFraming.close(p, from: at, count: count, &rest) else {
                    return count
                }
                at = end
                place = .top
                continue
            }
            if c == 0x5D, case .elements(let inEnvelope) = place {
                at += 1
                place = inEnvelope ? .afterArray : .top
                rest = Balance(depth: 1)
                continue
            }
            var end: Int?
            var state = Balance()
            if case .top = place, c == 0x5B {
                place = .elements(inEnvelope: false)
                at += 1
                continue
            }
            if case .top = place, c == 0x7B, !envelope.isEmpty {
                switch probe(p, from: at, count: count) {
                case .envelope(let first):
                    place = .elements(inEnvelope: true)
                    at = first
                    continue
                case .whole(let after): end = after
                case .unfinished:
                    if count - at > TextLimit.line {
                        _ = DocumentFraming.close(p, from: at, count: count, &state)
                    }
                }
            } else if c == 0x7B || c == 0x5B {
                end = DocumentFraming.close(p, from: at, count: count, &state)
            } else {
                end = DocumentFraming.scalarEnd(p, from: at, count: count)
            }
            if let end {
                elements += 1
                var last = end
                while last > at + 1, DocumentFraming.isSpace(p[last - 1]) { last -= 1 }
                spans.append(
                    RecordSpan(
                        start: at, end: last, next: last, line: elements,
                        flaw: last - at > TextLimit.line ? .tooLong : .none))
                at = end
            } else if count - at > TextLimit.line {
                // Too long to hold: the rest of it is passed over as it comes.
                elements += 1
                refuse(elements, UnsafeBufferPointer(start: p + at, count: count - at))
                if c == 0x7B || c == 0x5B {
                    isSkipping = true
                    rest = state
                }
                return count
            } else if isEnd {
                elements += 1
                spans.append(
                    RecordSpan(
                        start: at, end: count, next: count, line: elements, flaw: .unfinished))
                return count
            } else {
                return at
            }
        }
        return at
    }
}
