import CSystem

/// Where the blocks of profiles come from: regions of up to 4 MiB, cut into sizes, each with a
/// list of those that are free.
///
/// Profiles grow a little at a time and go all at once. A general allocator spends more time on that
/// than judging does; here a block is a few instructions and stands on a cache line of its own.
///
/// An arena serves one thread at a time: `use` makes it the calling thread's. It is never smaller than
/// it once was; its memory goes back when it does.
public final class BlockArena: @unchecked Sendable {
    /// Regions double from the first size to the largest.
    fileprivate static let firstRegionBytes = 128 << 10
    fileprivate static let largestRegionBytes = 4 << 20
    /// Larger blocks come from the C library.
    fileprivate static let largest = 64 << 10
    /// Sizes from 64 bytes on, two for each power of two.
    fileprivate static let classCount = 21

    /// What a thread has in its hands while the arena is its own: plain memory, as a block is had more
    /// quickly than a reference is counted.
    struct State {
        fileprivate var regions: [UnsafeMutableRawBufferPointer] = []
        fileprivate var next: UnsafeMutableRawPointer?
        fileprivate var left = 0
        fileprivate var heldBytes = 0
        fileprivate let free: UnsafeMutablePointer<UnsafeMutableRawPointer?>

        fileprivate init() {
            free = .allocate(capacity: BlockArena.classCount)
            free.initialize(repeating: nil, count: BlockArena.classCount)
        }
    }

    private let state: UnsafeMutablePointer<State>

    /// Bytes of the blocks that are in use.
    public var heldBytes: Int { state.pointee.heldBytes }

    public init() {
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        for region in state.pointee.regions { ls_unmap(region.baseAddress, region.count) }
        state.pointee.free.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Runs `body` with this arena as the calling thread's.
    @inline(__always)
    public func use<R>(_ body: () throws -> R) rethrows -> R {
        let before = ls_current_arena()
        ls_set_current_arena(state)
        defer { ls_set_current_arena(before) }
        return try body()
    }

    /// The calling thread's; a thread that was given none has one of its own, for good.
    static var current: UnsafeMutablePointer<State> {
        @inline(__always) get {
            ls_current_arena()?.assumingMemoryBound(to: State.self) ?? makeOwn()
        }
    }

    private static func makeOwn() -> UnsafeMutablePointer<State> {
        let arena = Unmanaged.passRetained(BlockArena()).takeUnretainedValue()
        ls_set_current_arena(arena.state)
        return arena.state
    }

    /// The class of a size and the bytes that it has: 64, 96 → 128, 192, 256, 384, 512, …
    @inline(__always)
    static func sizeClass(_ bytes: Int) -> (index: Int, bytes: Int) {
        if bytes <= 64 { return (0, 64) }
        let power = Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount  // 2^power < bytes
        let half = (1 << power) + (1 << (power - 1))
        let index = (power - 6) * 2
        return bytes <= half && power > 6 ? (index, half) : (index + 1, 2 << power)
    }

}

extension BlockArena.State {
    /// A block of at least `bytes`, on a cache line of its own, not cleared.
    mutating func take(_ bytes: Int) -> (memory: UnsafeMutableRawPointer, bytes: Int) {
        if bytes > BlockArena.largest {
            let rounded = (bytes + 4095) & ~4095
            heldBytes += rounded
            return (.allocate(byteCount: rounded, alignment: 64), rounded)
        }
        let (index, size) = BlockArena.sizeClass(bytes)
        heldBytes += size
        if let memory = free[index] {
            free[index] = memory.load(as: UnsafeMutableRawPointer?.self)
            return (memory, size)
        }
        if left < size { addRegion() }
        let memory = next.unsafelyUnwrapped
        next = memory + size
        left -= size
        return (memory, size)
    }

    /// Takes a block back; `bytes` as `take` gave them.
    mutating func give(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
        heldBytes -= bytes
        if bytes > BlockArena.largest {
            memory.deallocate()
            return
        }
        let index = BlockArena.sizeClass(bytes).index
        memory.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
        free[index] = memory
    }

    private mutating func addRegion() {
        let bytes =
            regions.last.map { min(BlockArena.largestRegionBytes, 2 * $0.count) }
            ?? BlockArena.firstRegionBytes
        guard let region = ls_map(bytes) else {
            preconditionFailure("the system has no memory left")
        }
        regions.append(UnsafeMutableRawBufferPointer(start: region, count: bytes))
        next = region
        left = bytes
    }
}
