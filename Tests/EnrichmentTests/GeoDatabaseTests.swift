import Foundation
import SessionModel
import Testing

@testable import Enrichment

struct GeoDatabaseTests {
    @Test("what was written is found", arguments: [4, 6], [24, 28, 32])
    func roundTrip(ipVersion: Int, recordSize: Int) throws {
        let folder = try GeoTestFolder()
        var networks: [(String, String)] = [
            ("1.0.0.0/8", "A"), ("1.2.0.0/16", "B"), ("1.2.3.4/32", "C"), ("128.0.0.0/1", "D"),
        ]
        if ipVersion == 6 {
            networks += [("2001:200::/23", "E"), ("2001:218:1:2:3:4:5:6/128", "F")]
        }
        var writer = MMDBWriter(ipVersion: ipVersion)
        for (network, city) in networks {
            let parts = network.split(separator: "/")
            writer.insert(
                address(String(parts[0])), length: Int(parts[1])!, cityRecord("NO", city, 60, 10))
        }
        let bytes = try #require(
            writer.bytes(
                .init(
                    databaseType: "Test-City", description: "d", buildEpoch: 5,
                    recordSize: recordSize)))
        let database = try GeoDatabase(path: try folder.write("x.mmdb", bytes))
        #expect(database.info.ipVersion == ipVersion)
        #expect(database.info.buildTime == Timestamp(milliseconds: 5000))
        let cases: [(String, String?, Int)] = [
            ("1.0.0.1", "A", 15), ("1.2.0.0", "B", 23), ("1.2.3.4", "C", 32), ("1.2.3.5", "B", 32),
            ("128.0.0.1", "D", 1), ("127.0.0.1", nil, 0),
            ("2001:3ff::", ipVersion == 6 ? "E" : nil, 23),
            ("2001:218:1:2:3:4:5:6", ipVersion == 6 ? "F" : nil, 128), ("2001:400::", nil, 0),
        ]
        for (text, city, length) in cases {
            switch database.find(address(text)) {
            case .hit(let hit):
                #expect(database.record(at: hit.offset).city.string == city, "\(text)")
                if text == "1.2.3.4" || text == "128.0.0.1" { #expect(hit.prefixLength == length) }
            case .nothing: #expect(city == nil, "\(text)")
            case .damaged: Issue.record("\(text) is damaged")
            }
        }
        var count = 0
        try database.forEachNetwork { network in
            count += 1
            #expect(network.prefixLength > 0)
            return true
        }
        #expect(count > networks.count)
        try database.verify()
    }

    @Test("a small file can describe a great many networks, and a walk can stop")
    func sharedSubtrees() throws {
        var writer = MMDBWriter(ipVersion: 4)
        let (a, b) = (writer.record(.string("a")), writer.record(.string("b")))
        var node = writer.join(a, b)
        for _ in 0..<9 { node = writer.join(node, writer.join(b, node)) }
        writer.root = node
        let folder = try GeoTestFolder()
        let bytes = writer.bytes(.init(databaseType: "T", description: "", buildEpoch: 1))!
        let database = try GeoDatabase(path: try folder.write("x.mmdb", bytes))
        var count = 0
        try database.forEachNetwork { _ in
            count += 1
            return count < 100
        }
        #expect(count == 100)
    }

    @Test("no file, an empty file, a folder and another format are refused")
    func notADatabase() throws {
        let folder = try GeoTestFolder()
        #expect(
            throws: GeoError.cannotRead(
                path: "\(folder.path)/none", reason: "No such file or directory")
        ) { try GeoDatabase(path: "\(folder.path)/none") }
        #expect(throws: GeoError.cannotRead(path: folder.path, reason: "not a file")) {
            try GeoDatabase(path: folder.path)
        }
        for (name, bytes) in [
            ("empty", []), ("text", Array("hello".utf8)),
            ("marker", MMDBMetadata.marker), ("zeros", [UInt8](repeating: 0, count: 100_000)),
        ] {
            let path = try folder.write(name, bytes)
            #expect(throws: GeoError.self, "\(name)") { try GeoDatabase(path: path) }
        }
    }

    @Test("each thing that is wrong with a file is named")
    func namedProblems() throws {
        let folder = try GeoTestFolder()
        func message(_ change: (inout [UInt8]) -> Void) throws -> String {
            var bytes = geoTestBytes(
                "T-City", ipVersion: 4, ["1.0.0.0/8": cityRecord("NO", "A", 1, 2)])
            change(&bytes)
            let path = try folder.write("x.mmdb", bytes)
            do {
                _ = try GeoDatabase(path: path)
                return ""
            } catch { return error.description.replacingOccurrences(of: path, with: "x") }
        }
        func replace(_ bytes: inout [UInt8], _ key: String, _ value: [UInt8]) {
            let at =
                bytes.indices.last { bytes[$0...].starts(with: Array(key.utf8)) }! + key.utf8.count
            bytes.replaceSubrange(at..<at + value.count, with: value)
        }
        #expect(try message { _ in } == "")
        #expect(
            try message { replace(&$0, "record_size", [0xA1, 25]) }.contains("record size is 25"))
        #expect(try message { replace(&$0, "ip_version", [0xA1, 5]) }.contains("IP version is 5"))
        #expect(
            try message { replace(&$0, "binary_format_major_version", [0xA1, 3]) }
                .contains("format version is 3"))
        #expect(try message { replace(&$0, "node_count", [0xC1, 200]) }.contains("200 nodes"))
        #expect(try message { replace(&$0, "node_count", [0xC1, 7]) }.contains("16 zero bytes"))
        #expect(try message { replace(&$0, "node_count", [0xC1, 0]) }.contains("node count is 0"))
        #expect(try message { $0[0] = 0xFF }.contains("points past the data"))
        #expect(try message { $0[2] = 0 }.contains("leads back to node 0"))
        #expect(try message { $0[2] = 9 }.contains("invalid record"))
    }

    /// Whatever bytes are changed, the file is refused or answers: no crash, no place off the globe.
    @Test("hostile bytes never crash", arguments: [1, 2, 3, 4] as [UInt64])
    func mutations(seed: UInt64) throws {
        let folder = try GeoTestFolder()
        var numbers = SeededNumbers(seed: seed)
        let whole = geoTestBytes(
            "T-City", recordSize: [24, 28, 32, 24][Int(seed) % 4],
            [
                "1.0.0.0/8": cityRecord("NO", "Oslo", 59.9, 10.7, radius: 5, region: "Oslo"),
                "1.2.0.0/16": .map([
                    "autonomous_system_number": .uint32(64500),
                    "traits": .map(["is_anycast": .boolean(true), "user_type": .string("hosting")]),
                ]),
                "2001:200::/23": cityRecord("JP", "Tokyo", 35.6, 139.7, zone: "Asia/Tokyo"),
            ])
        let asked = ["1.1.1.1", "1.2.3.4", "9.9.9.9", "2001:200::1", "2a00::1"].map(address)
        var refused = 0
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let at = Int.random(in: bytes.indices, using: &numbers)
                switch Int.random(in: 0..<4, using: &numbers) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &numbers)
                case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
                case 2: bytes[at] = 0xFF
                default: bytes.removeLast(Int.random(in: 0..<20, using: &numbers))
                }
            }
            // Records are damaged rather than the check at opening, too: seen by looking up directly.
            let path = try folder.write("x.mmdb", bytes)
            guard let database = try? GeoDatabase(path: path) else {
                refused += 1
                continue
            }
            let enricher = AddressEnricher(GeoDatabases([database]))
            for one in asked {
                let facts = enricher.facts(for: one)
                #expect(abs(facts.point.latitude) <= 90 && abs(facts.point.longitude) <= 180)
                _ = facts.city.string
            }
        }
        #expect(refused > 50, "seed \(seed)")
    }

    /// Large enough that opening only samples it, so that lookups meet the damage.
    @Test("a large hostile file never crashes", arguments: [41] as [UInt64])
    func largeMutations(seed: UInt64) throws {
        let folder = try GeoTestFolder()
        var numbers = SeededNumbers(seed: seed)
        var writer = MMDBWriter(ipVersion: 6)
        var asked: [IPAddress] = []
        for k in 0..<1500 {
            let one = IPAddress(v4: UInt32.random(in: 0x1000_0000..<0x7000_0000, using: &numbers))
            asked.append(one)
            writer.insert(
                one, length: 32, cityRecord("NO", "City \(k)", Double(k % 90), 10, radius: 9))
        }
        let whole = writer.bytes(.init(databaseType: "T-City", description: "", buildEpoch: 1))!
        var damaged = 0
        for _ in 0..<40 {
            var bytes = whole
            for _ in 0..<100 {
                let at = Int.random(in: 0..<bytes.count - 400, using: &numbers)
                bytes[at] = UInt8.random(in: 0...255, using: &numbers)
            }
            let path = try folder.write("x.mmdb", bytes)
            guard let database = try? GeoDatabase(path: path) else { continue }
            let enricher = AddressEnricher(GeoDatabases([database]))
            for one in asked {
                let facts = enricher.facts(for: one)
                #expect(abs(facts.point.latitude) <= 90 && abs(facts.point.longitude) <= 180)
                _ = facts.city.string
            }
            damaged += enricher.damagedLookups
        }
        #expect(whole.count > 20_000 * 6, "so that it is not checked as a whole")
        #expect(damaged > 0, "seed \(seed)")
    }

    @Test("a record of any bytes is read or refused", arguments: [11, 12] as [UInt64])
    func randomRecords(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1...60, using: &numbers)).map { _ in
                UInt8.random(in: 0...255, using: &numbers)
            }
            bytes.withUnsafeBufferPointer { buffer in
                let record = GeoRecord(base: buffer.baseAddress!, end: buffer.count, offset: 0)
                if record.isDamaged { #expect(record.point == nil) }
                var cursor = MMDBCursor(base: buffer.baseAddress!, end: buffer.count, offset: 0)
                _ = cursor.check()
            }
        }
    }

    @Test("nesting and work have limits")
    func limits() {
        func check(_ bytes: [UInt8]) -> Bool {
            bytes.withUnsafeBufferPointer {
                var cursor = MMDBCursor(base: $0.baseAddress!, end: $0.count, offset: 0)
                return cursor.check()
            }
        }
        // Arrays of one array each: 01 04 is an array (type 11) of 1.
        #expect(check([UInt8]((0..<15).flatMap { _ in [0x01, 0x04] as [UInt8] }) + [0xA0]))
        #expect(!check([UInt8]((0..<16).flatMap { _ in [0x01, 0x04] as [UInt8] }) + [0xA0]))
        // An array whose elements all point at the next such array: 28 ^ 10 values if followed.
        var bomb: [UInt8] = []
        for level in 0..<10 {
            bomb += [28, 0x04]
            let next = (level + 1) * 58
            for _ in 0..<28 { bomb += [0x20 | UInt8(next >> 8), UInt8(next & 255)] }
        }
        bomb += [0xA0]
        #expect(!check(bomb))
        // Many booleans are fine up to the limit.
        func booleans(_ n: Int) -> [UInt8] {
            [30, 0x04, UInt8((n - 285) >> 8), UInt8((n - 285) & 255)]
                + [UInt8]((0..<n).flatMap { _ in [0x01, 0x07] as [UInt8] })
        }
        #expect(check(booleans(MMDBCursor.valueLimit - 1)))
        #expect(!check(booleans(MMDBCursor.valueLimit)))
        // A pointer to a pointer, and past the end.
        #expect(!check([0x20, 0x02, 0x20, 0x00]))
        #expect(!check([0x20, 0x09]))
    }

    @Test("a file changed in place is noticed, one renamed over is not an error")
    func changedInPlace() throws {
        let folder = try GeoTestFolder()
        let database = try folder.database("T-City", ["1.0.0.0/8": cityRecord("NO", "A", 1, 2)])
        try database.checkUnchanged()
        #expect(!database.isReplaced)
        let other = try folder.write(
            "other", geoTestBytes("T-City", ["1.0.0.0/8": cityRecord("SE", "B", 3, 4)]))
        #expect(rename(other, database.path) == 0)
        try database.checkUnchanged()
        #expect(database.isReplaced)
        #expect(
            AddressEnricher(GeoDatabases([database])).facts(for: address("1.1.1.1")).city == "A")
        let fresh = try GeoDatabase(path: database.path)
        let handle = try #require(FileHandle(forWritingAtPath: database.path))
        handle.seekToEndOfFile()
        handle.write(Data([0]))
        try handle.close()
        #expect(throws: GeoError.overwritten(path: database.path)) { try fresh.checkUnchanged() }
    }

    @Test("text that is no clean UTF-8 is dropped")
    func cleanText() {
        for good in ["Oslo", "São Paulo", "東京", "😀", "\u{A0}"] {
            #expect(Array(good.utf8).withUnsafeBufferPointer { TextView($0).isCleanUTF8 })
        }
        let bad: [[UInt8]] = [
            [0x80], [0xC0, 0x80], [0xC2], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0x41, 0x1B, 0x5B], [0x0A], [0x7F], [0xC2, 0x9B],
            [0xE2, 0x82],
        ]
        for bytes in bad {
            #expect(!bytes.withUnsafeBufferPointer { TextView($0).isCleanUTF8 }, "\(bytes)")
        }
    }
}
