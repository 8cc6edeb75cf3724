public import SessionModel
public import StateStore

/// Reads the records that a state has kept, in the order in which they were judged; also while a run
/// keeps more.
public final class HistoryReader {
    private let store: StateStore
    /// What was kept when it was opened: no more is read.
    public let extent: HistoryExtent
    private var number: Int64 = 0
    /// The block that the records point into.
    private var memory: UnsafeMutableRawBufferPointer?
    /// Records that were handed out.
    public private(set) var done = 0

    /// - Throws: `HistoryError.nothingKept`; `StateError` when the state cannot be read.
    public init(_ store: StateStore) throws {
        self.store = store
        extent = try store.historyExtent()
        guard extent.records > 0 else { throw HistoryError.nothingKept(path: store.path) }
    }

    deinit { memory?.deallocate() }

    /// Hands out the next block's records, which are valid until the next call; false after the last.
    public func next(into records: inout [Record]) throws -> Bool {
        records.removeAll(keepingCapacity: true)
        while number < extent.next, let block = try store.historyBlock(at: number) {
            let bytes = try Compressor.decompress(block)
            memory?.deallocate()
            // Readable beyond its end, as read buffers are.
            let copy = UnsafeMutableRawBufferPointer.allocate(
                byteCount: bytes.count + 64, alignment: 16)
            copy.copyBytes(from: bytes)
            memory = copy
            let isSound = RecordUnpacker.unpack(
                UnsafeRawBufferPointer(rebasing: copy[..<bytes.count]), into: &records)
            guard isSound, records.count == block.records else {
                throw HistoryError.damaged(block: block.number)
            }
            // It may have been put together since the last one was read.
            if block.number < number { records.removeFirst(Int(number - block.number)) }
            number = block.next
            if records.isEmpty { continue }
            done += records.count
            return true
        }
        return false
    }
}
