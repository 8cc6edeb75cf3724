import CZstd
import SessionModel
import StateStore

/// How much of the judged records is kept.
public struct HistoryOptions: Sendable, Equatable {
    /// Blocks whose records are all older than this are dropped, ms of record time.
    public var retentionMilliseconds: Int64
    /// Above this, what came first goes; as stored, in bytes.
    public var limitBytes: Int

    public init(retentionMilliseconds: Int64, limitBytes: Int = 4 << 30) {
        self.retentionMilliseconds = retentionMilliseconds
        self.limitBytes = limitBytes
    }
}

/// Keeps the records that are judged, as compressed blocks in the state: in the transaction of the
/// profiles that they taught, so that after any end of the program both know the same records.
///
/// A worker packs what it enriched; a batch of some thousand records is a block. Smaller ones, as a watch
/// makes twenty of a second, are put together by sixteen, these by sixteen again, until they are as
/// large: each record is written three times at most.
final class HistoryKeeper {
    private let options: HistoryOptions
    private let lanes: [Lane]
    /// Blocks since the last commit, in order.
    private var pending: [HistoryBlock] = []
    /// Of small batches that are not a block yet.
    private var open = Packed()
    private(set) var pendingBytes = 0

    /// The stored blocks that may still be put together, in order.
    private var trailing: [HistoryBlock] = []
    private var next: Int64 = 0
    private var storedBytes = 0
    /// The hour of record time that old blocks were last looked for.
    private var prunedHour: Int64 = 0

    /// Segments as they were packed.
    private struct Packed {
        var bytes: [UInt8] = []
        var records = 0
        var first = Int64.max
        var last = Int64.min

        mutating func add(_ other: Packed) {
            bytes += other.bytes
            records += other.records
            first = min(first, other.first)
            last = max(last, other.last)
        }
    }

    /// What one worker has of its own.
    private final class Lane: @unchecked Sendable {
        var packer = RecordPacker()
        let compressor = Compressor()
        var packed = Packed()
        /// Of `packed`; nil when it is small.
        var compressed: [UInt8]?
    }

    /// A block is worth being one from here on, in bytes before compression.
    private static let blockBytes = 48 << 10
    /// Blocks that are put together are as large as this, at least.
    private static let sealedBytes = 256 << 10
    private static let fanOut = 16

    init(_ options: HistoryOptions, workers: Int, store: StateStore) throws {
        self.options = options
        lanes = (0..<workers).map { _ in Lane() }
        let extent = try store.historyExtent()
        (next, storedBytes) = (extent.next, extent.bytes)
        trailing = try store.openHistoryBlocks()
    }

    /// Packs one worker's part of a batch; on that worker's thread.
    func pack(_ worker: Int, _ records: UnsafeBufferPointer<Record>) {
        let lane = lanes[worker]
        lane.compressed = nil
        lane.packed.bytes.removeAll(keepingCapacity: true)
        lane.packed.records = 0
        guard let base = records.baseAddress, records.count > 0 else { return }
        for i in 0..<records.count { lane.packer.add(base + i) }
        (lane.packed.first, lane.packed.last) = (lane.packer.first, lane.packer.last)
        lane.packed.records = records.count
        lane.packer.take(into: &lane.packed.bytes)
        if lane.packed.bytes.count >= Self.blockBytes {
            lane.compressed = lane.compressor.compress(lane.packed.bytes)
        }
    }

    /// After a batch: takes what the workers packed, in their order.
    func collect() {
        for lane in lanes where lane.packed.records > 0 {
            if let data = lane.compressed {
                closeOpen()
                append(lane.packed, data)
            } else {
                open.add(lane.packed)
                if open.bytes.count >= Self.blockBytes { closeOpen() }
            }
            lane.compressed = nil
            lane.packed.records = 0
        }
    }

    private func closeOpen() {
        guard open.records > 0 else { return }
        append(open, lanes[0].compressor.compress(open.bytes))
        open.bytes.removeAll(keepingCapacity: true)
        (open.records, open.first, open.last) = (0, .max, .min)
    }

    private func append(_ packed: Packed, _ data: [UInt8]) {
        let isSmall = packed.bytes.count < Self.blockBytes
        pending.append(
            HistoryBlock(
                number: 0, records: packed.records, firstMilliseconds: packed.first,
                lastMilliseconds: packed.last, level: isSmall ? 0 : HistoryBlock.sealed,
                rawBytes: packed.bytes.count, data: data))
        pendingBytes += data.count
    }

    /// Puts what is new into the transaction, and drops what is too old.
    ///
    /// - Parameter hour: of record time, the newest that is believed, since 1970; 0 for none.
    func store(_ transaction: inout StateTransaction, hour: Int64) throws {
        closeOpen()
        for var block in pending {
            block.number = next
            next = block.next
            try transaction.putHistoryBlock(block)
            storedBytes += block.data.count
            block.data = []
            if block.level == HistoryBlock.sealed {
                trailing.removeAll()
            } else {
                trailing.append(block)
                try putTogether(&transaction)
            }
        }
        if hour > prunedHour {
            prunedHour = hour
            let oldest = hour * 3_600_000 - options.retentionMilliseconds
            storedBytes -= try transaction.removeHistory(before: oldest)
            trailing.removeAll { $0.lastMilliseconds < oldest }
        }
        while storedBytes > options.limitBytes,
            let gone = try transaction.removeFirstHistoryBlock()
        {
            storedBytes -= gone.bytes
            trailing.removeAll { $0.number == gone.number }
        }
    }

    /// Sixteen blocks of one level in a row become one of the next.
    private func putTogether(_ transaction: inout StateTransaction) throws {
        while let level = trailing.last?.level {
            let run = trailing.reversed().prefix { $0.level == level }.count
            guard run >= Self.fanOut else { return }
            var raw: [UInt8] = []
            let parts = trailing.suffix(run)
            for part in parts {
                guard let block = try transaction.historyBlock(at: part.number),
                    block.number == part.number
                else { throw HistoryError.damaged(block: part.number) }
                raw += try Compressor.decompress(block)
                storedBytes -= block.data.count
                try transaction.removeHistoryBlock(part.number)
            }
            let data = lanes[0].compressor.compress(raw)
            var merged = HistoryBlock(
                number: parts.first?.number ?? next, records: parts.reduce(0) { $0 + $1.records },
                firstMilliseconds: parts.map(\.firstMilliseconds).min() ?? 0,
                lastMilliseconds: parts.map(\.lastMilliseconds).max() ?? 0,
                level: raw.count >= Self.sealedBytes ? HistoryBlock.sealed : level + 1,
                rawBytes: raw.count, data: data)
            try transaction.putHistoryBlock(merged)
            storedBytes += data.count
            merged.data = []
            if merged.level == HistoryBlock.sealed {
                trailing.removeAll()
            } else {
                trailing.removeLast(run)
                trailing.append(merged)
            }
        }
    }

    /// After the transaction.
    func committed() {
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
    }
}

/// zstd at its quickest level but one: what is packed is small already.
final class Compressor: @unchecked Sendable {
    private let context = ZSTD_createCCtx()
    private static let level: Int32 = 1
    /// A block is never larger, whatever a damaged one says of itself.
    static let largestBytes = 1 << 30

    deinit { ZSTD_freeCCtx(context) }

    func compress(_ bytes: [UInt8]) -> [UInt8] {
        let bound = ZSTD_compressBound(bytes.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            let size = ZSTD_compressCCtx(
                context, buffer.baseAddress, bound, bytes, bytes.count, Compressor.level)
            // There is room for any result, so only want of memory can fail it.
            precondition(ZSTD_isError(size) == 0, "no memory to compress with")
            count = size
        }
    }

    static func decompress(_ block: HistoryBlock) throws(HistoryError) -> [UInt8] {
        let size = block.rawBytes
        guard size >= 0, size <= largestBytes else { throw .damaged(block: block.number) }
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let result = ZSTD_decompress(
                buffer.baseAddress, size, block.data, block.data.count)
            count = ZSTD_isError(result) == 0 ? result : 0
        }
        guard bytes.count == size else { throw .damaged(block: block.number) }
        return bytes
    }
}

/// Why the kept records cannot be used.
public enum HistoryError: Error, Equatable, Sendable, CustomStringConvertible {
    case nothingKept(path: String)
    case damaged(block: Int64)
    case unknownRecord(id: String)
    case unknownAlert(id: String)
    case notJudged(id: String)

    public var description: String {
        switch self {
        case .nothingKept(let path):
            "\(path): no records are kept in this state. Run 'lastseen analyze' or 'lastseen watch'"
                + " with --history-for 90d to keep those to come, or name files of records here."
        case .damaged(let block):
            "the block of kept records that begins with number \(block) is damaged. What was kept is"
                + " lost from there; the rest of the state is not touched by it."
        case .unknownRecord(let id):
            "no record with the id '\(id)' is among those that were read. Give the id as its source"
                + " wrote it, or as alerts show it ('#' and 16 digits where it has none)."
        case .notJudged(let id):
            "the record '\(id)' came later than --lateness allows: it teaches, and no rule is asked of it."
        case .unknownAlert(let id):
            "no alert has the id '\(id)'. 'lastseen alerts list --status all' has them."
        }
    }

    public var exitCode: Int32 {
        switch self {
        case .nothingKept, .unknownRecord, .unknownAlert, .notJudged: 66
        case .damaged: 74
        }
    }
}
