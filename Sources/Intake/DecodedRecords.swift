public import SessionModel

/// Records one after another in memory that is used again.
public final class RecordBuffer: @unchecked Sendable {
    /// Valid up to `count`; moves when the buffer grows.
    public private(set) var base: UnsafeMutablePointer<Record>
    public internal(set) var count = 0
    private var capacity: Int

    public init(capacity: Int = 4096) {
        self.capacity = max(capacity, 16)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    public subscript(index: Int) -> Record {
        precondition(index >= 0 && index < count, "no such record")
        return base[index]
    }

    public var records: UnsafeBufferPointer<Record> {
        UnsafeBufferPointer(start: base, count: count)
    }

    /// Room for one more record, which counts once `count` says so.
    @inline(__always)
    func next() -> UnsafeMutablePointer<Record> {
        if count == capacity { grow() }
        return base + count
    }

    private func grow() {
        let larger = UnsafeMutablePointer<Record>.allocate(capacity: capacity * 2)
        larger.update(from: base, count: count)
        base.deallocate()
        (base, capacity) = (larger, capacity * 2)
    }
}

/// What came of slices, added up until `removeAll()`.
///
/// Records of one line (syslog's "message repeated") share `line` and `endOffset`: a commit must not
/// part them. They differ in `contentHash`.
public struct DecodedRecords: Sendable {
    /// In the source's order. Their texts live as long as the chunk and until `RecordDecoder.reset()`.
    public let records: RecordBuffer
    /// In the source's order.
    public var rejects: [Reject] = []
    /// Sound lines that the format does not want.
    public var skipped: UInt64 = 0
    /// Lines, CSV records or elements that were looked at; blank ones are not among them.
    public var lines: UInt64 = 0

    public init() { records = RecordBuffer() }

    /// Keeps the memory.
    public mutating func removeAll() {
        records.count = 0
        rejects.removeAll(keepingCapacity: rejects.count <= 4096)
        skipped = 0
        lines = 0
    }
}
