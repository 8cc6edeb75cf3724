import SessionModel
import Testing

@testable import Enrichment

struct AddressEnricherTests {
    static func enricher(_ folder: GeoTestFolder, lists: String = "") throws -> AddressEnricher {
        let city = try folder.database(
            "T-City",
            [
                "0.0.0.0/0": cityRecord("NO", "Everywhere", 1, 2),
                "81.0.0.0/8": cityRecord("GB", "London", 51, 0),
                "2000::/3": cityRecord("SE", "Sixth", 3, 4),
            ])
        return AddressEnricher(GeoDatabases([city], lists: try NetworkLists(text: lists)))
    }

    /// Address, city, kind.
    static let forms: [(String, String, NetworkKind)] = [
        ("81.2.69.142", "London", .unknown), ("::ffff:81.2.69.142", "London", .unknown),
        ("2002:5102:458e::1", "London", .unknown),  // 6to4
        ("64:ff9b::5102:458e", "London", .unknown),  // NAT64
        ("2001:0:4136:e378:8000:63bf:aefd:ba71", "London", .unknown),  // Teredo of 81.2.69.142
        ("2a00::1", "Sixth", .unknown), ("10.1.2.3", "", .specialPurpose),
        ("100.64.0.1", "", .specialPurpose), ("100.128.0.1", "Everywhere", .unknown),
        ("2002:0a01:0203::1", "", .specialPurpose), ("fe80::1", "", .specialPurpose),
        ("::1", "", .specialPurpose), ("192.168.1.1", "", .specialPurpose),
    ]

    @Test("all forms of an address", arguments: forms)
    func form(text: String, city: String, kind: NetworkKind) throws {
        let folder = try GeoTestFolder()
        let enricher = try Self.enricher(folder)
        for _ in 0..<2 {  // from the database, then from the cache
            let facts = enricher.facts(for: address(text))
            #expect(facts.city.string == city)
            #expect(facts.kind == kind)
            #expect(facts.hasPlace == !city.isEmpty)
        }
        #expect(enricher.hits == 1 && enricher.misses == 1)
    }

    @Test("no address is nothing at all")
    func none() throws {
        let folder = try GeoTestFolder()
        let facts = try Self.enricher(folder).facts(for: .none)
        #expect(!facts.hasPlace && facts.kind == .unknown && facts.country.isNone)
    }

    @Test("lists come before databases, also for special-purpose addresses")
    func lists() throws {
        let folder = try GeoTestFolder()
        let enricher = try Self.enricher(
            folder, lists: "81.2.0.0/16 vpn Example VPN\n10.0.0.0/8 corporate Head office\n")
        let vpn = enricher.facts(for: address("81.2.69.142"))
        #expect(vpn.kind == .vpn && vpn.organization == "Example VPN" && vpn.city == "London")
        #expect(!vpn.isLocated && vpn.hasPlace)
        let office = enricher.facts(for: address("10.1.1.1"))
        #expect(
            office.kind == .corporate && office.organization == "Head office" && !office.hasPlace)
        #expect(enricher.facts(for: address("2002:5102:458e::1")).kind == .vpn)
        #expect(enricher.facts(for: address("81.3.0.0")).kind == .unknown)
        #expect(enricher.databases.lookup(address("81.2.69.142")).isListed)
    }

    @Test("caches do not change answers, however full", arguments: [21] as [UInt64])
    func boundedCache(seed: UInt64) throws {
        let folder = try GeoTestFolder()
        var writer = MMDBWriter(ipVersion: 6)
        for k in 1..<224 where k != 10 && k != 127 {
            for m in 0..<128 {
                writer.insert(
                    IPAddress(v4: UInt32(k << 24 | m << 17)), length: 15,
                    cityRecord("NO", "c\(k)-\(m)", Double(k) / 4, Double(m)))
            }
        }
        let bytes = writer.bytes(.init(databaseType: "T-City", description: "", buildEpoch: 1))!
        let databases = GeoDatabases([try GeoDatabase(path: try folder.write("x.mmdb", bytes))])
        let enricher = AddressEnricher(databases)
        var numbers = SeededNumbers(seed: seed)
        var asked: [IPAddress] = []
        for _ in 0..<200_000 {
            let one = IPAddress(v4: UInt32.random(in: 0x0100_0000..<0xDF00_0000, using: &numbers))
            if one.isSpecialPurpose { continue }
            asked.append(one)
            _ = enricher.facts(for: one)
        }
        for one in asked.prefix(2000) + asked.suffix(2000) {
            let facts = enricher.facts(for: one)
            #expect(
                facts.city.string == "c\(one.v4 >> 24)-\(one.v4 >> 17 & 127)",
                "seed \(seed), \(one)")
        }
        #expect(enricher.misses > 100_000)
    }

    @Test("a damaged record gives nothing and is counted")
    func damagedRecord() throws {
        let folder = try GeoTestFolder()
        // Large enough that opening only samples it; then a record's bytes are spoilt.
        var writer = MMDBWriter(ipVersion: 6)
        var numbers = SeededNumbers(seed: 5)
        let record = cityRecord("NO", "Oslo", 59, 10)
        for _ in 0..<3000 {
            writer.insert(
                IPAddress(v4: UInt32.random(in: 0x1000_0000..<0x7000_0000, using: &numbers)),
                length: 32, record)
        }
        writer.insert(address("81.2.69.142"), length: 32, cityRecord("GB", "Spoilt", 51, 0))
        var bytes = writer.bytes(.init(databaseType: "T-City", description: "", buildEpoch: 1))!
        let at = try #require(
            bytes.indices.first { bytes[$0...].starts(with: Array("Spoilt".utf8)) })
        bytes[at - 1] = 0x5F  // a string of more bytes than there are
        let database = try GeoDatabase(path: try folder.write("x.mmdb", bytes))
        let enricher = AddressEnricher(GeoDatabases([database]))
        let facts = enricher.facts(for: address("81.2.69.142"))
        #expect(!facts.hasPlace && facts.country.isNone)
        #expect(enricher.damagedLookups == 1 && enricher.firstDamaged == database.path)
        #expect(
            enricher.databases.lookup(address("81.2.69.142")).sources.map(\.isDamaged) == [true])
        #expect(throws: GeoError.self) { try database.verify() }
    }

    @Test("before a chunk, files are seen to be unchanged")
    func beginChunk() throws {
        let folder = try GeoTestFolder()
        let enricher = try Self.enricher(folder)
        try enricher.beginChunk()
    }
}
