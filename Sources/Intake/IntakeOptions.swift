public import SessionModel

/// What decoding depends on besides the bytes; the same options give the same records.
public struct IntakeOptions: Sendable, Equatable {
    /// The year of a source's first line where its times carry none; nil takes the newest year with
    /// which no line lies more than a day after the file was last changed.
    public var year: Int?
    /// Wall time: a record more than 24 h later is refused, and standard input without years is taken
    /// to end here.
    public var now: Timestamp
    /// Minutes east of UTC of times that carry no zone, -840 through 840.
    public var zoneOffsetMinutes: Int

    public init(now: Timestamp, year: Int? = nil, zoneOffsetMinutes: Int = 0) {
        self.now = now
        self.year = year
        self.zoneOffsetMinutes = max(-840, min(840, zoneOffsetMinutes))
    }

    /// How far after `now` a time may lie, for clocks that are ahead and zones that are not said.
    public static let futureMilliseconds: Int64 = 86_400_000
}

/// `--format`.
public enum FormatChoice: Sendable {
    /// By the first lines, among the built-in ones and those given.
    case auto(also: [Format] = [])
    case fixed(Format)
}

/// Where reading goes on. Found again by content, so that a renamed, copied, rotated or compressed file
/// continues and a replaced or truncated one starts anew; device and inode are hints for a person.
public struct SourcePosition: Sendable, Equatable {
    public var path: String
    public var device: UInt64
    public var inode: UInt64
    /// In the uncompressed bytes, just after the last record that was consumed.
    public var offset: UInt64
    /// Lines (elements of a JSON array) up to `offset`: the next one is `line + 1`.
    public var line: UInt64
    /// min(4096, offset): what both hashes are of.
    public var headLength: UInt32
    /// SipHash of the first `headLength` uncompressed bytes.
    public var headHash: UInt64
    /// SipHash of the `headLength` uncompressed bytes that end at `offset`.
    public var tailHash: UInt64
    /// Whether a compressed file was read to its end: nothing can be added to it any more.
    public var isComplete: Bool
    /// In the file system; 0 for standard input.
    public var compressedSize: UInt64
    /// When the file was last changed, in nanoseconds since 1970.
    public var modified: Int64
    public var formatName: String
    /// The newest time without a year before `offset`, with the year it was given, in milliseconds
    /// since 1970; 0 when unused.
    public var lastTime: Int64

    public init(
        path: String, device: UInt64, inode: UInt64, offset: UInt64, line: UInt64,
        headLength: UInt32, headHash: UInt64, tailHash: UInt64, isComplete: Bool,
        compressedSize: UInt64, modified: Int64, formatName: String, lastTime: Int64
    ) {
        self.path = path
        self.device = device
        self.inode = inode
        self.offset = offset
        self.line = line
        self.headLength = headLength
        self.headHash = headHash
        self.tailHash = tailHash
        self.isComplete = isComplete
        self.compressedSize = compressedSize
        self.modified = modified
        self.formatName = formatName
        self.lastTime = lastTime
    }

    /// How much of a file's beginning and of what was read last tells it from another.
    static let window = 4096
}
