import CMaxMindDB
import Glibc
public import SessionModel

/// An open GeoIP database: any City, Country, ASN, ISP, Connection-Type, Anonymous-IP, Enterprise or
/// flat file in the MaxMind DB format, closed when the last user lets go of it.
///
/// - Opening maps the file and checks its metadata, the end of its tree and some records, or all of
///   a small file: well under a millisecond however large it is. `verify()` checks everything.
/// - Lookups change nothing, so any number of threads may read at once.
/// - The file is mapped, not copied, so that a run over ten records does not read 100 MB. So it must
///   be replaced by renaming a new file over it, as geoipupdate does: cutting it short while it is
///   mapped would end the process (SIGBUS). `checkUnchanged()` notices before harm is done in all but
///   that very instant.
public final class GeoDatabase: @unchecked Sendable {
    public let path: String
    let metadata: MMDBMetadata
    /// What its records hold, as far as those looked at when it was opened tell.
    let contents: GeoContents

    /// On the heap, because its address must not change; only read after `init`.
    private let handle: UnsafeMutablePointer<MMDB_s>
    private let data: UnsafePointer<UInt8>
    private let dataCount: Int
    private let identity: FileIdentity

    /// Files of more than this many bytes are refused; the largest sold is about 2 GB.
    static let sizeLimit = 4 << 30
    /// Trees of up to this many nodes are checked as a whole when opened.
    private static let smallTree = 20_000

    public init(path: String) throws(GeoError) {
        let (metadata, identity) = try Self.inspect(path)
        let handle = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        handle.initialize(to: MMDB_s())
        let status = MMDB_open(path, UInt32(MMDB_MODE_MMAP), handle)
        guard status == MMDB_SUCCESS else {
            handle.deallocate()
            throw .notADatabase(path: path, reason: String(cString: MMDB_strerror(status)))
        }
        guard handle.pointee.file_size == identity.size,
            Int(handle.pointee.metadata.node_count) == metadata.nodeCount,
            Int(handle.pointee.metadata.record_size) == metadata.recordSize
        else {
            MMDB_close(handle)
            handle.deallocate()
            throw .overwritten(path: path)
        }
        self.path = path
        self.metadata = metadata
        self.identity = identity
        self.handle = handle
        data = handle.pointee.file_content + metadata.dataStart
        dataCount = metadata.dataEnd - metadata.dataStart
        let tree = MMDBTree(
            base: handle.pointee.file_content, nodeCount: metadata.nodeCount,
            recordSize: metadata.recordSize)
        do {
            contents =
                metadata.nodeCount <= Self.smallTree
                ? try Self.checkAll(tree, metadata, data, dataCount, path)
                : try Self.checkSome(tree, metadata, data, dataCount, path)
        } catch {
            MMDB_close(handle)
            handle.deallocate()
            throw error
        }
    }

    deinit {
        MMDB_close(handle)
        handle.deallocate()
    }

    /// Checks the whole file: each node, each data record, and that no path leads in a circle.
    /// Reads all of it: about a second for each 100 MB.
    public func verify() throws(GeoError) {
        _ = try Self.checkAll(tree, metadata, data, dataCount, path)
    }

    /// Throws when the file at the path is still the one that was mapped, but no longer of the same
    /// size and time of change. A file that was replaced by renaming is fine: the old one stays
    /// readable. One `stat`, about a microsecond.
    public func checkUnchanged() throws(GeoError) {
        guard let now = FileIdentity(path: path) else { return }
        if now.isSameFile(as: identity), now != identity { throw .overwritten(path: path) }
    }

    /// In bytes.
    var fileSize: Int { identity.size }

    /// Whether another file is at the path by now, so that opening it anew gives newer answers.
    public var isReplaced: Bool {
        guard let now = FileIdentity(path: path) else { return false }
        return !now.isSameFile(as: identity)
    }

    // MARK: Lookups

    /// Where an address's record is, and how long the network's prefix is.
    struct Hit {
        /// In the data section.
        var offset: UInt32
        /// For IPv4 of 32 bits, else of 128.
        var prefixLength: Int
    }

    enum LookupResult {
        case hit(Hit)
        case nothing
        /// The tree is damaged there.
        case damaged
    }

    /// Walks the tree by libmaxminddb: one visit a bit at most. `address` must not be 6to4.
    func find(_ address: IPAddress) -> LookupResult {
        var status: Int32 = 0
        let result: MMDB_lookup_result_s
        let isV4 = address.isV4
        if isV4 {
            var socket = sockaddr_in()
            socket.sin_family = sa_family_t(AF_INET)
            socket.sin_addr.s_addr = address.v4.bigEndian
            result = withUnsafeBytes(of: &socket) {
                MMDB_lookup_sockaddr(
                    handle, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &status)
            }
        } else {
            guard metadata.ipVersion == 6 else { return .nothing }
            var socket = sockaddr_in6()
            socket.sin6_family = sa_family_t(AF_INET6)
            withUnsafeMutableBytes(of: &socket.sin6_addr) {
                $0.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                $0.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            result = withUnsafeBytes(of: &socket) {
                MMDB_lookup_sockaddr(
                    handle, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &status)
            }
        }
        guard status == MMDB_SUCCESS else { return .damaged }
        guard result.found_entry else { return .nothing }
        guard Int(result.entry.offset) < dataCount else { return .damaged }
        let bits = Int(result.netmask)
        let isInV6Tree = isV4 && metadata.ipVersion == 6
        return .hit(
            Hit(offset: result.entry.offset, prefixLength: isInV6Tree ? max(0, bits - 96) : bits))
    }

    /// Reads a record in place; one that breaks the format is `isDamaged` and otherwise empty.
    func record(at offset: UInt32) -> GeoRecord {
        GeoRecord(base: data, end: dataCount, offset: Int(offset))
    }

    // MARK: Walking

    var tree: MMDBTree {
        MMDBTree(
            base: handle.pointee.file_content, nodeCount: metadata.nodeCount,
            recordSize: metadata.recordSize)
    }

    /// Calls `body` with each network that has data, IPv4 ones first where the tree is IPv6, until
    /// it returns false. IPv4 aliases (`::ffff:0:0/96`, `2002::/16`) are left out.
    public func forEachNetwork(_ body: (_ network: GeoNetwork) -> Bool) throws(GeoError) {
        var walk = MMDBWalk(tree: tree, ipVersion: metadata.ipVersion)
        guard walk.run(body) else {
            throw .damaged(
                path: path, reason: "its search tree leads in circles or out of the file")
        }
    }

    // MARK: Checks

    /// Maps the file for a moment to check what libmaxminddb takes on trust.
    private static func inspect(_ path: String) throws(GeoError) -> (MMDBMetadata, FileIdentity) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        guard let identity = FileIdentity(descriptor: descriptor), identity.isRegular else {
            throw .cannotRead(path: path, reason: "not a file")
        }
        guard identity.size > 0, identity.size <= sizeLimit else {
            throw .notADatabase(path: path, reason: "it has \(identity.size) bytes")
        }
        guard let map = mmap(nil, identity.size, PROT_READ, MAP_SHARED, descriptor, 0),
            map != MAP_FAILED
        else {
            throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
        }
        defer { munmap(map, identity.size) }
        let metadata = try MMDBMetadata(
            bytes: UnsafePointer(map.assumingMemoryBound(to: UInt8.self)), count: identity.size,
            path: path)
        return (metadata, identity)
    }

    private static func checkAll(
        _ tree: MMDBTree, _ metadata: MMDBMetadata, _ data: UnsafePointer<UInt8>, _ dataCount: Int,
        _ path: String
    ) throws(GeoError) -> GeoContents {
        if let problem = tree.firstProblem(dataCount: dataCount, ipVersion: metadata.ipVersion) {
            throw .damaged(path: path, reason: problem)
        }
        var contents = GeoContents()
        var seen: Set<UInt32> = []
        for node in 0..<UInt32(tree.nodeCount) {
            for side in 0...1 {
                guard let offset = tree.dataOffset(tree.record(node, side)),
                    seen.insert(offset).inserted
                else { continue }
                try check(offset, data, dataCount, path, &contents)
            }
        }
        return contents
    }

    private static func checkSome(
        _ tree: MMDBTree, _ metadata: MMDBMetadata, _ data: UnsafePointer<UInt8>, _ dataCount: Int,
        _ path: String
    ) throws(GeoError) -> GeoContents {
        // Spread over the address space, the same in each run. Where a path ends empty, the next
        // bit's other side is tried, so that sparse databases are sampled too.
        var contents = GeoContents()
        for k in 0..<16 {
            let bits = mix(UInt64(k), 0x67656f)
            switch tree.someRecord(steeredBy: bits, ipVersion: metadata.ipVersion, isV4: k % 4 != 3)
            {
            case .data(let offset):
                guard Int(offset) < dataCount else {
                    throw .damaged(path: path, reason: "its tree points past the data")
                }
                try check(offset, data, dataCount, path, &contents)
            case .empty: continue
            case .invalid, .node:
                throw .damaged(path: path, reason: "its tree has an invalid record")
            }
        }
        return contents
    }

    private static func check(
        _ offset: UInt32, _ data: UnsafePointer<UInt8>, _ dataCount: Int, _ path: String,
        _ contents: inout GeoContents
    ) throws(GeoError) {
        var cursor = MMDBCursor(base: data, end: dataCount, offset: Int(offset))
        let record = GeoRecord(base: data, end: dataCount, offset: Int(offset))
        guard cursor.check(), !record.isDamaged else {
            throw .damaged(path: path, reason: "the data record at offset \(offset) is malformed")
        }
        contents.note(record)
    }
}

/// A network of a database.
public struct GeoNetwork: Sendable {
    /// The first address.
    public var address: IPAddress
    /// Of 32 bits when the address is IPv4, else of 128.
    public var prefixLength: Int
    /// Where its record is; networks with the same record share it.
    public var recordOffset: UInt32
}

/// Which file it was, and in which state.
private struct FileIdentity: Equatable {
    var device: UInt64
    var inode: UInt64
    var size: Int
    var changedSeconds: Int
    var changedNanoseconds: Int
    var isRegular: Bool

    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        changedSeconds = status.st_mtim.tv_sec
        changedNanoseconds = status.st_mtim.tv_nsec
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }

    func isSameFile(as other: FileIdentity) -> Bool {
        device == other.device && inode == other.inode
    }
}
