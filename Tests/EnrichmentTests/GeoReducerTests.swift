import Foundation
import SessionModel
import Testing

@testable import Enrichment

struct GeoReducerTests {
    /// How well the reduced file does against places of the full one.
    struct Score: CustomStringConvertible {
        var count = 0
        var covered = 0
        var sameCountry = 0
        var radii: [Int] = []

        mutating func note(_ reduced: AddressFacts, country: CountryCode, _ point: GeoPoint) {
            count += 1
            if reduced.country == country { sameCountry += 1 }
            guard reduced.hasPlace else { return }
            radii.append(Int(reduced.radiusKilometers))
            if reduced.point.kilometers(to: point) <= Double(reduced.radiusKilometers) {
                covered += 1
            }
        }

        var coveredShare: Double { Double(covered) / Double(max(1, count)) }
        var countryShare: Double { Double(sameCountry) / Double(max(1, count)) }
        var medianRadius: Int { radii.isEmpty ? 0 : radii.sorted()[radii.count / 2] }
        var description: String {
            "\(count) addresses: covered \(coveredShare), country \(countryShare), median radius "
                + "\(medianRadius) km"
        }
    }

    /// DESIGN 11. The sample: 4 000 by IPv4 network, 4 000 by IPv4 address, 2 000 by IPv6 network,
    /// of the full file of 2023-04.
    @Test("the bundled database covers what the full one says")
    func bundledCoverage() throws {
        let sample = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/full-city-sample.csv")
        let path = try #require(BundledFiles.locate(.cityDatabase))
        let enricher = AddressEnricher(GeoDatabases([try GeoDatabase(path: path)]))
        var score = Score()
        for line in try String(contentsOf: sample, encoding: .utf8).split(separator: "\n")
            .dropFirst()
        {
            let cells = line.split(separator: ",").map(String.init)
            let point = try #require(
                GeoPoint(latitude: Double(cells[2])!, longitude: Double(cells[3])!))
            var country = cells[1]
            let code = country.withUTF8 { CountryCode(TextView($0)) }
            score.note(enricher.facts(for: address(cells[0])), country: code, point)
        }
        print("bundled database, \(score)")
        #expect(score.count == 10_000)
        #expect(score.coveredShare >= 0.98)
        #expect(score.countryShare >= 0.99)
        #expect(score.medianRadius <= 100)
    }

    @Test("the bundled database covers a fresh sample", .enabled(if: fullCityFile != nil))
    func freshCoverage() throws {
        let full = GeoDatabases([try GeoDatabase(path: fullCityFile!)])
        let truth = AddressEnricher(full)
        let path = try #require(BundledFiles.locate(.cityDatabase))
        let enricher = AddressEnricher(GeoDatabases([try GeoDatabase(path: path)]))
        let seed = UInt64.random(in: 0...UInt64.max)
        var numbers = SeededNumbers(seed: seed)
        var score = Score()
        while score.count < 10_000 {
            let v6 = IPAddress(
                high: 0x2000 << 48 | numbers.next() >> 3, low: numbers.next())
            let v4 = IPAddress(v4: UInt32.random(in: 0...UInt32.max, using: &numbers))
            let one = score.count % 5 == 4 ? v6 : v4
            let facts = truth.facts(for: one)
            guard facts.hasPlace, !facts.country.isNone else { continue }
            score.note(enricher.facts(for: one), country: facts.country, facts.point)
        }
        print("seed \(seed), \(score)")
        #expect(score.coveredShare >= 0.95, "seed \(seed)")
        #expect(score.countryShare >= 0.97, "seed \(seed)")
    }

    /// A made-up world: three countries, each with cities in blocks and some addresses astray.
    static func world(seed: UInt64, _ folder: GeoTestFolder) throws -> GeoDatabase {
        var numbers = SeededNumbers(seed: seed)
        var writer = MMDBWriter(ipVersion: 6)
        for block in 1..<128 where block != 10 && block != 127 {
            let country = ["NO", "SE", "US"][block % 3]
            for part in 0..<64 {
                let city = part % 16 == 7 ? Int.random(in: 0..<40, using: &numbers) : part / 8
                let base = (40.0 + Double(block % 3) * 10, Double(block % 3) * 60)
                let record = cityRecord(
                    country, "\(country) \(city) (east)", base.0 + Double(city) * 0.2,
                    base.1 + Double(city) * 0.3)
                writer.insert(IPAddress(v4: UInt32(block << 24 | part << 18)), length: 14, record)
                if part < 8 {
                    writer.insert(
                        IPAddress(
                            high: 0x2a00 << 48 | UInt64(block) << 40 | UInt64(part) << 34, low: 0),
                        length: 30,
                        record)
                }
            }
        }
        let bytes = writer.bytes(
            .init(databaseType: "DBIP-City-Lite", description: "", buildEpoch: 1_680_308_777))!
        return try GeoDatabase(path: try folder.write("world\(seed).mmdb", bytes))
    }

    @Test(
        "a smaller limit gives a smaller file that still covers",
        arguments: [12_000, 30_000, 60_000])
    func limits(bytes: Int) throws {
        let folder = try GeoTestFolder()
        let full = try Self.world(seed: 1, folder)
        var options = GeoReducer.Options()
        options.byteLimit = bytes
        let output = "\(folder.path)/small.mmdb"
        let summary = try GeoReducer.reduce(full.path, to: output, options: options)
        #expect(summary.bytes <= bytes && summary.nodes > 0)
        let small = try GeoDatabase(path: output)
        #expect(small.info.bytes == summary.bytes && small.info.isCoarse)
        #expect(small.info.buildTime == full.info.buildTime, "its age is the data's")
        #expect(
            small.info.description.contains("DB-IP")
                && small.info.description.contains("2023-04-01"))
        let (truth, enricher) = (
            AddressEnricher(GeoDatabases([full])), AddressEnricher(GeoDatabases([small]))
        )
        var score = Score()
        var numbers = SeededNumbers(seed: 2)
        while score.count < 4000 {
            let one = IPAddress(v4: UInt32.random(in: 0...0x7FFF_FFFF, using: &numbers))
            let facts = truth.facts(for: one)
            let reduced = enricher.facts(for: one)
            guard facts.hasPlace else {
                #expect(one.isSpecialPurpose == false || !reduced.hasPlace)
                continue
            }
            score.note(reduced, country: facts.country, facts.point)
            if !reduced.city.isEmpty { #expect(!reduced.city.string.contains("(")) }
        }
        print("\(bytes) bytes, \(score)")
        #expect(score.coveredShare >= 0.95 && score.countryShare >= 0.97)
        try small.verify()
    }

    @Test("the same input gives the same bytes")
    func deterministic() throws {
        let folder = try GeoTestFolder()
        let full = try Self.world(seed: 3, folder)
        var options = GeoReducer.Options()
        options.byteLimit = 20_000
        let first = try GeoReducer.reduce(full, options: options)
        let second = try GeoReducer.reduce(try GeoDatabase(path: full.path), options: options)
        #expect(first.bytes == second.bytes)
    }

    @Test("what cannot be reduced is refused")
    func refused() throws {
        let folder = try GeoTestFolder()
        let asn = try folder.database("GeoLite2-ASN", ["1.0.0.0/8": .map(["asn": .uint32(1)])])
        #expect(throws: GeoError.self) { try GeoReducer.reduce(asn.path, to: "\(folder.path)/o") }
        var options = GeoReducer.Options()
        options.byteLimit = 500
        let full = try Self.world(seed: 1, folder)
        #expect(throws: GeoError.self) {
            try GeoReducer.reduce(full.path, to: "\(folder.path)/o", options: options)
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/o"))
        #expect(throws: GeoError.self) {
            try GeoReducer.reduce(full.path, to: "\(folder.path)/no/o")
        }
    }
}
