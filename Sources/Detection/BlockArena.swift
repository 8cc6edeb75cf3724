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
    private static let firstRegionBytes = 128 << 10
    private static let largestRegionBytes = 4 << 20
    /// Larger blocks come from the C library.
    private static let largest = 64 << 10
    /// Sizes from 64 bytes on, two for each power of two.
    private static let classCount = 21

    private var regions: [UnsafeMutableRawBufferPointer] = []
    private var next: UnsafeMutableRawPointer?
    private var left = 0
    private let free: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    /// Bytes of the blocks that are in use.
    public private(set) var heldBytes = 0

    public init() {
        free = .allocate(capacity: BlockArena.classCount)
        free.initialize(repeating: nil, count: BlockArena.classCount)
    }

    deinit {
        for region in regions { ls_unmap(region.baseAddress, region.count) }
        free.deallocate()
    }

    /// Runs `body` with this arena as the calling thread's.
    @inline(__always)
    public func use<R>(_ body: () throws -> R) rethrows -> R {
        let before = ls_current_arena()
        ls_set_current_arena(Unmanaged.passUnretained(self).toOpaque())
        defer { ls_set_current_arena(before) }
        return try body()
    }

    /// The calling thread's; a thread that was given none has one of its own, for good.
    static var current: BlockArena {
        @inline(__always) get {
            if let arena = ls_current_arena() {
                return Unmanaged<BlockArena>.fromOpaque(arena).takeUnretainedValue()
            }
            return makeOwn()
        }
    }

    private static func makeOwn() -> BlockArena {
        let arena = Unmanaged.passRetained(BlockArena())
        ls_set_current_arena(arena.toOpaque())
        return arena.takeUnretainedValue()
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

    /// A block of at least `bytes`, on a cache line of its own, not cleared.
    func take(_ bytes: Int) -> (memory: UnsafeMutableRawPointer, bytes: Int) {
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
    func give(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
        heldBytes -= bytes
        if bytes > BlockArena.largest {
            memory.deallocate()
            return
        }
        let index = BlockArena.sizeClass(bytes).index
        memory.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
        free[index] = memory
    }

    private func addRegion() {
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
