import Glibc
import SessionModel

/// What a MaxMind DB says of itself, checked against the file's size before libmaxminddb sees it:
/// releases up to 1.7 read past the end of some hostile metadata.
struct MMDBMetadata {
    var nodeCount = 0
    var recordSize = 0
    var ipVersion = 0
    var databaseType = ""
    /// The English text, else empty.
    var description = ""
    /// Nil when absent or past the year 9999.
    var buildTime: Timestamp?
    /// Bytes of the search tree.
    var treeSize = 0
    /// File offset behind the data section, where the metadata's marker begins.
    var dataEnd = 0

    /// File offset of the data section.
    var dataStart: Int { treeSize + 16 }

    static let marker: [UInt8] = [0xAB, 0xCD, 0xEF] + Array("MaxMind.com".utf8)
    /// Where the format says that the marker must be.
    static let tailLimit = 128 * 1024
    private static let lastSecond: UInt64 = 253_402_300_799

    init(bytes: UnsafePointer<UInt8>, count: Int, path: String) throws(GeoError) {
        func refuse(_ reason: String) -> GeoError { .notADatabase(path: path, reason: reason) }
        guard let start = Self.findMetadata(bytes, count) else {
            throw refuse("there is no metadata marker in its last 128 KiB")
        }
        dataEnd = start - Self.marker.count
        var checker = MMDBCursor(base: bytes + start, end: count - start, offset: 0)
        guard checker.check() else { throw refuse("its metadata cannot be read") }
        var cursor = MMDBCursor(base: bytes + start, end: count - start, offset: 0)
        guard let top = cursor.next(), top.type == MMDBType.map else {
            throw refuse("its metadata is not a map")
        }
        var major: UInt64?
        var seen: Set<String> = []
        // The library reads these as it expects them to be, so their types must be right.
        var wrong: String?
        let isWhole = cursor.eachPair(of: top) { key, cursor in
            let name = key.prefix(64).string
            guard seen.insert(name).inserted else {
                return cursor.skip(depth: MMDBCursor.depthLimit)
            }
            guard let value = cursor.next() else { return false }
            let number = cursor.unsigned(value)
            func expect(_ isRight: Bool) { if !isRight, wrong == nil { wrong = name } }
            switch name {
            case "node_count":
                expect(number != nil)
                nodeCount = Int(number ?? 0)
            case "record_size":
                expect(number != nil)
                recordSize = Int(number ?? 0)
            case "ip_version":
                expect(number != nil)
                ipVersion = Int(number ?? 0)
            case "binary_format_major_version":
                expect(number != nil)
                major = number
            case "binary_format_minor_version":
                expect(number != nil)
            case "build_epoch":
                expect(number != nil)
                if let number, number <= Self.lastSecond {
                    buildTime = Timestamp(milliseconds: Int64(number) * 1000)
                }
            case "database_type":
                expect(value.type == MMDBType.string)
                databaseType = cursor.text(value).prefix(128).string
            case "description":
                guard value.type == MMDBType.map else {
                    expect(false)
                    break
                }
                return cursor.eachPair(of: value) { language, cursor in
                    guard let text = cursor.next() else { return false }
                    guard text.type == MMDBType.string else {
                        expect(false)
                        return false
                    }
                    if language == "en" { description = cursor.text(text).prefix(512).string }
                    return true
                }
            case "languages":
                guard value.type == MMDBType.array else {
                    expect(false)
                    break
                }
                let behind = cursor.offset
                if value.isIndirect { cursor.offset = value.start }
                for _ in 0..<value.size {
                    guard let text = cursor.next() else { return false }
                    expect(text.type == MMDBType.string)
                }
                if value.isIndirect { cursor.offset = behind }
                return true
            default: break
            }
            guard value.isContainer, !value.isIndirect else { return true }
            for _ in 0..<(value.type == MMDBType.map ? value.size * 2 : value.size) {
                guard cursor.skip(depth: MMDBCursor.depthLimit) else { return false }
            }
            return true
        }
        if let wrong { throw refuse("'\(wrong)' in its metadata has the wrong type") }
        guard isWhole else { throw refuse("its metadata cannot be read") }
        for name in ["node_count", "record_size", "ip_version", "database_type"]
        where !seen.contains(name) {
            throw refuse("its metadata lacks '\(name)'")
        }
        guard major == 2 else {
            throw refuse("its format version is \(major.map(String.init) ?? "missing"), not 2")
        }
        guard [24, 28, 32].contains(recordSize) else {
            throw refuse("its record size is \(recordSize), not 24, 28 or 32 bits")
        }
        guard ipVersion == 4 || ipVersion == 6 else {
            throw refuse("its IP version is \(ipVersion), not 4 or 6")
        }
        guard nodeCount > 0, nodeCount <= Int(UInt32.max) else {
            throw refuse("its node count is \(nodeCount)")
        }
        treeSize = nodeCount * recordSize / 4
        guard treeSize + 16 <= dataEnd else {
            throw .damaged(
                path: path,
                reason: "\(nodeCount) nodes need \(treeSize) bytes, but the metadata begin at "
                    + "\(dataEnd)")
        }
        for k in 0..<16 where bytes[treeSize + k] != 0 {
            throw .damaged(
                path: path,
                reason: "the 16 zero bytes behind a tree of \(nodeCount) nodes are not there")
        }
    }

    /// The offset behind the last marker.
    private static func findMetadata(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        let n = marker.count
        guard count > n else { return nil }
        var at = count - n
        let first = max(0, count - tailLimit - n)
        while at >= first {
            if bytes[at] == marker[0], memcmp(bytes + at, marker, n) == 0 { return at + n }
            at -= 1
        }
        return nil
    }
}
