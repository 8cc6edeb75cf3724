import Foundation
import SessionModel
import Testing

@testable import Enrichment

/// MaxMind's own test files, which are not part of this repository.
@Suite(.enabled(if: extraGeoData != nil, "set LASTSEEN_EXTRA_DATA to the folder with geoip/ in it"))
struct GeoExtraDataTests {
    var folder: String { extraGeoData! }

    /// Files that are sound although their names sound otherwise: only their metadata are unusual.
    static let sound: Set = [
        "libmaxminddb-empty-array-last-in-metadata.mmdb",
        "libmaxminddb-empty-map-last-in-metadata.mmdb",
        "libmaxminddb-uint64-max-epoch.mmdb",
    ]

    @Test("every bad file is refused, none crashes")
    func bad() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/bad").sorted()
        #expect(names.count >= 21)
        for name in names {
            do {
                let database = try GeoDatabase(path: "\(folder)/bad/\(name)")
                #expect(Self.sound.contains(name), "\(name) was opened")
                _ = GeoDatabases([database]).lookup(address("1.1.1.1"))
            } catch { #expect(!Self.sound.contains(name), "\(error)") }
        }
    }

    @Test(
        "broken files are refused",
        arguments: [
            ("GeoIP2-City-Test-Broken-Double-Format", "malformed"),
            ("GeoIP2-City-Test-Invalid-Node-Count", "nodes need"),
            ("MaxMind-DB-test-broken-pointers-24", "points past the data"),
            ("MaxMind-DB-test-broken-search-tree-24", "leads back"),
        ])
    func broken(name: String, message: String) {
        do {
            _ = try GeoDatabase(path: "\(folder)/\(name).mmdb")
            Issue.record("opened")
        } catch { #expect(error.description.contains(message), "\(error)") }
    }

    /// Each network of the source, looked up by its first address.
    func eachSource(
        _ name: String, _ body: (IPAddress, [String: Any], AddressFacts) throws -> Void
    ) throws -> Int {
        let database = try GeoDatabase(path: "\(folder)/\(name).mmdb")
        try database.verify()
        let enricher = AddressEnricher(GeoDatabases([database]))
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).source.json"))
        let list = try #require(
            try JSONSerialization.jsonObject(with: data) as? [[String: [String: Any]]])
        // A later network in the list may lie inside an earlier one.
        var count = 0
        for entry in list {
            for (network, record) in entry {
                let text = network.split(separator: "/")[0]
                // The sources write IPv4 as ::a.b.c.d.
                let one = address(
                    text.contains(".") ? String(text.drop(while: { $0 == ":" })) : String(text))
                guard !one.effective.isSpecialPurpose, one.effective == one else { continue }
                try body(one, record, enricher.facts(for: one))
                count += 1
            }
        }
        return count
    }

    @Test("City answers are the source's")
    func city() throws {
        let count = try eachSource("GeoIP2-City-Test") { one, record, facts in
            let country = record["country"] as? [String: Any]
            #expect(facts.country.description == (country?["iso_code"] as? String ?? ""), "\(one)")
            let location = record["location"] as? [String: Any]
            let names = (record["city"] as? [String: Any])?["names"] as? [String: Any]
            if let latitude = location?["latitude"] as? Double {
                #expect(facts.hasPlace, "\(one)")
                #expect(abs(Double(facts.point.latitude) - latitude) < 1e-4)
                #expect(facts.city.string == (names?["en"] as? String ?? ""), "\(one)")
                #expect(facts.timeZone.string == (location?["time_zone"] as? String ?? ""))
                if let radius = location?["accuracy_radius"] as? Int {
                    #expect(Int(facts.radiusKilometers) == radius)
                }
            } else {
                #expect(!facts.hasPlace, "\(one)")
            }
        }
        #expect(count > 100)
    }

    @Test("ASN answers are the source's")
    func asn() throws {
        let count = try eachSource("GeoLite2-ASN-Test") { one, record, facts in
            #expect(Int(facts.asn) == record["autonomous_system_number"] as? Int ?? 0, "\(one)")
            #expect(
                facts.organization.string == record["autonomous_system_organization"] as? String
                    ?? "")
        }
        #expect(count > 100)
    }

    @Test("Anonymous-IP answers are the source's")
    func anonymous() throws {
        let count = try eachSource("GeoIP2-Anonymous-IP-Test") { one, record, facts in
            let expected: NetworkKind =
                record["is_tor_exit_node"] != nil
                ? .tor
                : record["is_anonymous_vpn"] != nil
                    ? .vpn
                    : record["is_public_proxy"] != nil || record["is_residential_proxy"] != nil
                        ? .proxy : record["is_hosting_provider"] != nil ? .hosting : .unknown
            #expect(facts.kind == expected, "\(one)")
        }
        #expect(count > 5)
    }

    @Test("the files of all makers' kinds open and are known")
    func kinds() throws {
        let expected: [(String, GeoDatabaseKind)] = [
            ("GeoIP2-Anonymous-IP-Test", .anonymousIP), ("GeoIP2-City-Test", .city),
            ("GeoIP2-Connection-Type-Test", .connectionType), ("GeoIP2-Country-Test", .country),
            ("GeoIP2-Enterprise-Test", .enterprise), ("GeoIP2-ISP-Test", .isp),
            ("GeoLite2-ASN-Test", .asn), ("GeoLite2-City-Test", .city),
        ]
        for (name, kind) in expected {
            #expect(try GeoDatabase(path: "\(folder)/\(name).mmdb").info.kind == kind, "\(name)")
        }
    }
}
