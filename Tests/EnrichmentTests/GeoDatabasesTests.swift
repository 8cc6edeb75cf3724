import Foundation
import SessionModel
import Testing

@testable import Enrichment

struct GeoDatabasesTests {
    @Test("several files make one answer, and it is known which gave what")
    func merging() throws {
        let folder = try GeoTestFolder()
        let databases = GeoDatabases([
            try folder.database(
                "GeoLite2-Country", ["81.0.0.0/8": cityRecord("GB", nil, nil, nil)]),
            try folder.database(
                "GeoLite2-ASN",
                [
                    "81.0.0.0/8": .map([
                        "autonomous_system_number": .uint32(7),
                        "autonomous_system_organization": .string("Seven"),
                    ])
                ]),
            try folder.database(
                "GeoLite2-City", ["81.2.0.0/16": cityRecord("GB", "London", 51.5, -0.1, radius: 10)]
            ),
            try folder.database(
                "GeoIP2-Anonymous-IP", ipVersion: 4,
                ["81.2.69.0/24": .map(["is_anonymous_vpn": .boolean(true)])]),
        ])
        let answer = databases.lookup(address("81.2.69.142"))
        #expect(answer.place.label == "London, GB")
        #expect(answer.network.asn == 7 && answer.network.organization == "Seven")
        #expect(answer.network.kind == .vpn && !answer.isLocated)
        #expect(
            answer.sources.map { "\($0.type) \($0.network) \($0.gave.joined(separator: "+"))" } == [
                "GeoLite2-City 81.2.0.0/16 place+country",
                "GeoLite2-ASN 81.0.0.0/8 autonomous system",
                "GeoLite2-Country 81.0.0.0/8 ", "GeoIP2-Anonymous-IP 81.2.69.0/24 network kind",
            ])
        let elsewhere = databases.lookup(address("81.3.0.1"))
        #expect(elsewhere.place.country == "GB" && elsewhere.place.latitude == nil)
        #expect(databases.lookup(address("9.9.9.9")).sources.isEmpty)
        #expect(databases.attributions.count == 2)
    }

    @Test("a place never comes from a database that contradicts a better one's country")
    func contradiction() throws {
        let folder = try GeoTestFolder()
        let enterprise = try folder.database(
            "GeoIP2-Enterprise", ["81.0.0.0/8": cityRecord("SE", nil, nil, nil)])
        let city = try folder.database(
            "X-City", ["81.0.0.0/8": cityRecord("GB", "London", 51.5, -0.1)])
        let facts = AddressEnricher(GeoDatabases([city, enterprise])).facts(
            for: address("81.1.1.1"))
        #expect(facts.country == CountryCode("SE") && !facts.hasPlace && facts.city.isEmpty)
    }

    @Test("the newest of a kind is asked, and the others are named")
    func newest() throws {
        let folder = try GeoTestFolder()
        for (name, build, city) in [
            ("a.mmdb", 100, "old"), ("b.mmdb", 300, "new"), ("c.mmdb", 200, "mid"),
        ] {
            _ = try folder.database(
                "GeoLite2-City", build: UInt64(build), name: name,
                ["1.0.0.0/8": cityRecord("NO", city, 1, 2)])
        }
        _ = try folder.write("notes.txt", "not a database")
        let databases = try GeoDatabases(paths: [folder.path])
        #expect(databases.lookup(address("1.1.1.1")).place.city == "new")
        #expect(databases.info.filter(\.isUsed).map(\.path) == ["\(folder.path)/b.mmdb"])
        #expect(
            databases.info.filter { !$0.isUsed }.allSatisfy {
                $0.reason.contains("b.mmdb is newer")
            })
        #expect(databases.info.count == 3)
    }

    @Test("the bundled database joins when no other tells places")
    func bundled() throws {
        let folder = try GeoTestFolder()
        let bundled = try folder.write(
            "lite",
            geoTestBytes(
                GeoReducer.databaseType, ["1.0.0.0/8": cityRecord("NO", "Lite", 1, 2, radius: 300)])
        )
        let asn = try folder.database(
            "GeoLite2-ASN", ["1.0.0.0/8": .map(["autonomous_system_number": .uint32(7)])])
        let city = try folder.database(
            "T-City", build: 1, ["1.0.0.0/8": cityRecord("NO", "Full", 1, 2)])
        let both = try GeoDatabases(paths: [asn.path], bundled: bundled)
        #expect(both.isCoarse && both.lookup(address("1.1.1.1")).place.city == "Lite")
        #expect(both.info.map(\.isBundled) == [false, true])
        #expect(
            both.info[1].advice(at: Timestamp(milliseconds: 0))?.contains("geoipupdate") == true)
        let full = try GeoDatabases(paths: [asn.path, city.path], bundled: bundled)
        #expect(!full.isCoarse && full.lookup(address("1.1.1.1")).place.city == "Full")
        #expect(
            try GeoDatabases(paths: [asn.path], bundled: nil).lookup(address("1.1.1.1")).place
                .latitude == nil)
    }

    @Test("age is counted and old data are pointed out")
    func age() throws {
        let folder = try GeoTestFolder()
        let build = Timestamp(milliseconds: 1_700_000_000_000)
        let info = try folder.database("GeoLite2-City", ["1.0.0.0/8": cityRecord("NO", "A", 1, 2)])
            .info
        #expect(info.ageInDays(at: build) == 0)
        #expect(info.ageInDays(at: build.adding(milliseconds: -86_400_000)) == 0)
        #expect(info.advice(at: build.adding(milliseconds: 30 * 86_400_000)) == nil)
        #expect(
            info.advice(at: build.adding(milliseconds: 31 * 86_400_000))?.contains("31 days")
                == true)
        #expect(info.attribution.contains("GeoLite2 data created by MaxMind"))
    }

    @Test("paths that are wrong stop the run")
    func wrongPaths() throws {
        let folder = try GeoTestFolder()
        #expect(throws: GeoError.badFolder(path: folder.path, reason: "no .mmdb file in it")) {
            try GeoDatabases(paths: [folder.path])
        }
        #expect(throws: GeoError.self) { try GeoDatabases(paths: ["\(folder.path)/none.mmdb"]) }
        let domain = try folder.database(
            "GeoIP2-Domain", ["1.0.0.0/8": .map(["domain": .string("x.example")])])
        #expect(throws: GeoError.notOfUse(path: domain.path, type: "GeoIP2-Domain")) {
            try GeoDatabases(paths: [domain.path])
        }
        _ = try folder.write("broken.mmdb", "broken")
        #expect(throws: GeoError.self) { try GeoDatabases(paths: [folder.path]) }
    }

    static let kinds: [(String, MMDBOutput, GeoDatabaseKind)] = [
        ("GeoIP2-City", .map([]), .city), ("DBIP-City-Lite", .map([]), .city),
        ("GeoIP2-City-Europe", .map([]), .city), ("GeoLite2-Country", .map([]), .country),
        ("GeoLite2-ASN", .map([]), .asn), ("GeoIP2-ISP", .map([]), .isp),
        ("GeoIP2-Connection-Type", .map([]), .connectionType),
        ("GeoIP-Anonymous-Plus", .map([]), .anonymousIP),
        ("GeoIP2-Anonymous-IP", .map([]), .anonymousIP),
        ("GeoIP2-Enterprise", .map([]), .enterprise), ("GeoIP2-Domain", .map([]), .other),
        ("ipinfo lite", .map(["country_code": .string("NO"), "asn": .string("AS1")]), .mixed),
        ("homemade", .map(["latitude": .double(1), "longitude": .double(2)]), .city),
        ("homemade", .map(["country_code": .string("NO")]), .country),
        ("homemade", .map(["asn": .uint32(1)]), .asn),
        ("homemade", .map(["is_tor": .boolean(true)]), .anonymousIP),
        ("homemade", .map(["asn": .uint32(1), "country_code": .string("NO")]), .mixed),
    ]

    @Test("kinds are known by the name, else by what is in it", arguments: kinds.indices)
    func kind(index: Int) throws {
        let (type, record, kind) = Self.kinds[index]
        let folder = try GeoTestFolder()
        #expect(try folder.database(type, ["1.0.0.0/8": record]).info.kind == kind)
    }
}
