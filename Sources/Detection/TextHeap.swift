import SessionModel

/// Where a text stands in a profile's heap; 0 is the empty text.
struct TextRef: Hashable, Sendable, BitwiseCopyable {
    let offset: UInt32
    init(_ offset: UInt32) { self.offset = offset }
    static let empty = TextRef(0)
}

extension Block where Element == UInt8 {
    /// Adds a text, at most 65 534 bytes: two bytes of length, then the bytes.
    mutating func addText(_ text: TextView) -> TextRef {
        guard let source = text.base, text.count > 0 else { return .empty }
        if used == 0 { push(UInt8(0)) }  // so that no text stands at 0
        let length = min(text.count, 65_534)
        reserve(Int(used) + 2 + length)
        let reference = TextRef(used)
        push(UInt16(length))
        (base.unsafelyUnwrapped + Int(used)).update(from: source, count: length)
        used &+= UInt32(length)
        return reference
    }

    /// A view that is valid until the heap changes.
    func text(_ reference: TextRef) -> TextView {
        guard reference.offset != 0, let base else { return TextView() }
        let p = base + Int(reference.offset)
        let length = UnsafeRawPointer(p).loadUnaligned(as: UInt16.self)
        return TextView(base: UnsafePointer(p + 2), count: Int(length))
    }
}
