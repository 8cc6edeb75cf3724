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
        copyShort(base.unsafelyUnwrapped + Int(used), source, length)
        used &+= UInt32(length)
        return reference
    }

    /// Most texts are ids of some 20 bytes, for which a call costs more than the copy: whole words, the
    /// last one over the one before.
    @inline(__always)
    private func copyShort(
        _ to: UnsafeMutablePointer<UInt8>, _ from: UnsafePointer<UInt8>, _ count: Int
    ) {
        guard count >= 8, count <= 32 else {
            to.update(from: from, count: count)
            return
        }
        let (target, source) = (UnsafeMutableRawPointer(to), UnsafeRawPointer(from))
        var done = 0
        while done &+ 8 <= count {
            target.storeBytes(
                of: source.loadUnaligned(fromByteOffset: done, as: UInt64.self),
                toByteOffset: done, as: UInt64.self)
            done &+= 8
        }
        target.storeBytes(
            of: source.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self),
            toByteOffset: count &- 8, as: UInt64.self)
    }

    /// A view that is valid until the heap changes.
    func text(_ reference: TextRef) -> TextView {
        guard reference.offset != 0, let base else { return TextView() }
        let p = base + Int(reference.offset)
        let length = UnsafeRawPointer(p).loadUnaligned(as: UInt16.self)
        return TextView(base: UnsafePointer(p + 2), count: Int(length))
    }
}
