/// A growable run of plain values outside of Swift's reference counting.
///
/// Profiles live by the hundred thousand and are touched once a record, so they own their memory
/// directly, from the thread's `BlockArena`: no retain, no uniqueness check, no hidden copy. Copying a
/// block copies the handle; its owner (`Profile`) frees it once.
struct Block<Element: BitwiseCopyable> {
    /// The first element.
    var base: UnsafeMutablePointer<Element>?
    var used: UInt32 = 0
    /// From `base` on.
    var capacity: UInt32 = 0
    /// Elements that were dropped before `base`; their room is used again when the block is full.
    private var dropped: UInt32 = 0
    /// Bytes as the arena gave them.
    private var held: UInt32 = 0

    init() {}

    var count: Int { Int(used) }

    subscript(index: Int) -> Element {
        @inline(__always) get { base.unsafelyUnwrapped[index] }
        @inline(__always) nonmutating _modify { yield &base.unsafelyUnwrapped[index] }
    }

    mutating func append(_ element: Element) {
        if used == capacity { grow(to: used + 1) }
        base.unsafelyUnwrapped[Int(used)] = element
        used &+= 1
    }

    /// Opens a gap of one at `index`, which may be `count`.
    mutating func insert(_ element: Element, at index: Int) {
        if used == capacity { grow(to: used + 1) }
        let p = base.unsafelyUnwrapped + index
        (p + 1).update(from: p, count: Int(used) - index)
        p.pointee = element
        used &+= 1
    }

    /// Constant time.
    mutating func removeFirst(_ n: Int) {
        guard n > 0, let p = base else { return }
        base = p + n
        used &-= UInt32(n)
        capacity &-= UInt32(n)
        dropped &+= UInt32(n)
    }

    mutating func truncate(to count: Int) { used = UInt32(count) }

    mutating func reserve(_ count: Int) {
        if count > Int(capacity) { grow(to: UInt32(count)) }
    }

    mutating func grow(to least: UInt32) {
        if let base, dropped > used, capacity + dropped >= least {
            let origin = base - Int(dropped)
            origin.update(from: base, count: Int(used))
            self.base = origin
            capacity += dropped
            dropped = 0
            return
        }
        let stride = MemoryLayout<Element>.stride
        let arena = BlockArena.current
        let (memory, bytes) = arena.pointee.take(max(Int(least), Int(capacity) + 1) * stride)
        let bigger = memory.bindMemory(to: Element.self, capacity: bytes / stride)
        if let base {
            bigger.update(from: base, count: Int(used))
            arena.pointee.give(UnsafeMutableRawPointer(base - Int(dropped)), Int(held))
        }
        base = bigger
        capacity = UInt32(bytes / stride)
        held = UInt32(bytes)
        dropped = 0
    }

    /// Gives the memory back; the block is empty afterwards.
    mutating func free() {
        if let base {
            BlockArena.current.pointee.give(UnsafeMutableRawPointer(base - Int(dropped)), Int(held))
        }
        base = nil
        (used, capacity, dropped, held) = (0, 0, 0, 0)
    }

    /// What it holds of the machine's memory.
    var bytes: Int { Int(held) }
}

extension Block where Element == UInt8 {
    /// Appends the bytes of a plain value, unaligned.
    mutating func push<T: BitwiseCopyable>(_ value: T) {
        let size = MemoryLayout<T>.size
        if Int(capacity) - Int(used) < size { grow(to: used + UInt32(size)) }
        UnsafeMutableRawPointer(base.unsafelyUnwrapped + Int(used)).storeBytes(
            of: value, as: T.self)
        used &+= UInt32(size)
    }

    /// Takes back the last value that was pushed.
    mutating func pop<T: BitwiseCopyable>(_ type: T.Type) -> T {
        used &-= UInt32(MemoryLayout<T>.size)
        return UnsafeRawPointer(base.unsafelyUnwrapped + Int(used)).loadUnaligned(as: T.self)
    }
}
