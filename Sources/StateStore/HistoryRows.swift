internal import GRDB
internal import GRDBSQLite

/// A block of the records that were judged, kept so that rules can be tried on them.
public struct HistoryBlock: Sendable, Equatable {
    /// The number of its first record, counted from 0 over all that were kept; unique.
    public var number: Int64
    public var records: Int
    /// Of its records, in milliseconds since 1970.
    public var firstMilliseconds: Int64
    public var lastMilliseconds: Int64
    /// How often it was put together from smaller ones; `sealed` for one that stays as it is.
    public var level: Int
    /// Before compression.
    public var rawBytes: Int
    public var data: [UInt8]

    public static let sealed = 255

    public init(
        number: Int64, records: Int, firstMilliseconds: Int64, lastMilliseconds: Int64, level: Int,
        rawBytes: Int, data: [UInt8]
    ) {
        self.number = number
        self.records = records
        self.firstMilliseconds = firstMilliseconds
        self.lastMilliseconds = lastMilliseconds
        self.level = level
        self.rawBytes = rawBytes
        self.data = data
    }

    /// The number of the first record after it.
    public var next: Int64 { number + Int64(records) }
}

/// What the history holds, all blocks together.
public struct HistoryExtent: Sendable, Equatable {
    public var blocks = 0
    public var records = 0
    /// As stored.
    public var bytes = 0
    /// Of the oldest and the newest record; meaningful only when there are records.
    public var firstMilliseconds: Int64 = 0
    public var lastMilliseconds: Int64 = 0
    /// The number of the next record.
    public var next: Int64 = 0
}

extension StateStore {
    /// Reads an index: some 30 bytes a block.
    public func historyExtent() throws(StateError) -> HistoryExtent {
        try read { session, db in
            try session.rows(of: session.statement(.readHistoryExtent, db)) {
                HistoryExtent(
                    blocks: Int($0.integer(0)), records: Int($0.integer(1)),
                    bytes: Int($0.integer(2)), firstMilliseconds: $0.integer(3),
                    lastMilliseconds: $0.integer(4), next: $0.integer(5))
            }.first ?? HistoryExtent()
        }
    }

    /// The block that has the record of this number, else the next one; nil after the last.
    ///
    /// Blocks may be put together meanwhile, so the block may begin before `number`.
    public func historyBlock(at number: Int64) throws(StateError) -> HistoryBlock? {
        try read { session, db in
            let statement = try session.statement(.readHistoryBlock, db)
            statement.bind(number, at: 1)
            return try session.rows(of: statement) { $0.historyBlock }.first
        }
    }

    /// The blocks after the last sealed one, in order, without their data.
    public func openHistoryBlocks() throws(StateError) -> [HistoryBlock] {
        try read { session, db in
            try session.rows(of: session.statement(.readOpenHistoryBlocks, db)) {
                var block = $0.historyBlock
                block.data = []
                return block
            }
        }
    }
}

extension StateTransaction {
    /// Writes a block over the one of the same number.
    public mutating func putHistoryBlock(_ block: HistoryBlock) throws(StateError) {
        try run { session, database in
            let put = try session.statement(.putHistoryBlock, database)
            put.bind(block.number, at: 1)
            put.bind(block.records, at: 2)
            put.bind(block.firstMilliseconds, at: 3)
            put.bind(block.lastMilliseconds, at: 4)
            put.bind(block.level, at: 5)
            put.bind(block.rawBytes, at: 6)
            put.bind(block.data.count, at: 7)
            try put.bind(block.data, at: 8, limit: StateLimit.historyBlock, "a block of history")
            try put.run()
        }
    }

    public mutating func historyBlock(at number: Int64) throws(StateError) -> HistoryBlock? {
        try run { session, database in
            let statement = try session.statement(.readHistoryBlock, database)
            statement.bind(number, at: 1)
            return try session.rows(of: statement) { $0.historyBlock }.first
        }
    }

    public mutating func removeHistoryBlock(_ number: Int64) throws(StateError) {
        try run { session, database in
            let remove = try session.statement(.removeHistoryBlock, database)
            remove.bind(number, at: 1)
            try remove.run()
        }
    }

    /// Drops the blocks of which all records are older than this time; returns the bytes that it freed.
    public mutating func removeHistory(before milliseconds: Int64) throws(StateError) -> Int {
        try run { session, database in
            let sum = try session.statement(.sumOldHistory, database)
            sum.bind(milliseconds, at: 1)
            let bytes = try session.rows(of: sum) { Int($0.integer(0)) }.first ?? 0
            guard bytes > 0 else { return 0 }
            let remove = try session.statement(.removeOldHistory, database)
            remove.bind(milliseconds, at: 1)
            try remove.run()
            return bytes
        }
    }

    /// Drops the first block and returns its number and the bytes that it freed; nil when there is none.
    public mutating func removeFirstHistoryBlock() throws(StateError) -> (
        number: Int64, bytes: Int
    )? {
        try run { session, database in
            let first = try session.rows(of: session.statement(.readFirstHistoryBlock, database)) {
                (number: $0.integer(0), bytes: Int($0.integer(1)))
            }.first
            guard let first else { return nil }
            let remove = try session.statement(.removeHistoryBlock, database)
            remove.bind(first.number, at: 1)
            try remove.run()
            return first
        }
    }
}

extension Statement {
    fileprivate var historyBlock: HistoryBlock {
        HistoryBlock(
            number: integer(0), records: Int(integer(1)), firstMilliseconds: integer(2),
            lastMilliseconds: integer(3), level: Int(integer(4)), rawBytes: Int(integer(5)),
            data: bytes(6))
    }
}
