import SessionModel
import Testing

@testable import Enrichment

/// The field names of the makers' files, each as it is written there.
struct GeoRecordTests {
    static func facts(_ type: String, _ record: MMDBOutput) throws -> AddressFacts {
        let folder = try GeoTestFolder()
        let database = try folder.database(type, ["81.0.0.0/8": record])
        let databases = GeoDatabases([database])
        kept.append(databases)
        return AddressEnricher(databases).facts(for: address("81.2.69.142"))
    }

    /// Texts live in the databases.
    nonisolated(unsafe) static var kept: [GeoDatabases] = []

    @Test("a City record")
    func city() throws {
        let facts = try Self.facts(
            "GeoIP2-City",
            cityRecord(
                "GB", "London", 51.5, -0.25, radius: 100, zone: "Europe/London", region: "England"))
        #expect(facts.city == "London" && facts.region == "England")
        #expect(facts.timeZone == "Europe/London" && facts.country == CountryCode("GB"))
        #expect(facts.point == GeoPoint(latitude: 51.5, longitude: -0.25))
        #expect(facts.radiusKilometers == 100 && facts.isLocated && facts.kind == .unknown)
    }

    /// Record, whether there is a place, radius, country.
    static let places: [(MMDBOutput, Bool, UInt16, String)] = [
        (cityRecord("NO", "Oslo", 59.9, 10.7), true, 50, "NO"),  // no radius: a city's
        (cityRecord("NO", nil, 59.9, 10.7), true, 500, "NO"),  // no city: a country's
        (cityRecord("NO", nil, 59.9, 10.7, radius: 7), true, 7, "NO"),
        (cityRecord("NO", "Oslo", 59.9, nil), false, 0, "NO"),
        (cityRecord("NO", nil, nil, nil), false, 0, "NO"),
        (cityRecord("NO", nil, 0, 0, radius: 1), false, 0, "NO"),  // null island
        (cityRecord("GH", "Buoy", 0, 0), true, 50, "GH"),
        (cityRecord("NO", "Oslo", 90, 180), true, 50, "NO"),
        (cityRecord("NO", "Oslo", 90.001, 10), false, 0, "NO"),
        (cityRecord("NO", "Oslo", 10, -180.001), false, 0, "NO"),
        (cityRecord("NO", "Oslo", .nan, 10), false, 0, "NO"),
        (cityRecord("NO", "Oslo", .infinity, 10), false, 0, "NO"),
        (cityRecord("ZZ", nil, nil, nil), false, 0, ""),
        (cityRecord("EU", nil, nil, nil), false, 0, ""),
        (cityRecord("XK", nil, nil, nil), false, 0, "XK"),
        (cityRecord("NO", "Oslo", 1, 2, radius: 65535), true, 20038, "NO"),
        (
            .map(["country": .string("NO"), "latitude": .double(1), "longitude": .double(2)]), true,
            500, "NO"
        ),
        (.string("bare"), false, 0, ""), (.map([]), false, 0, ""),
    ]

    @Test("places and their radii", arguments: places.indices)
    func place(index: Int) throws {
        let (record, hasPlace, radius, country) = Self.places[index]
        let facts = try Self.facts("T-City", record)
        #expect(facts.hasPlace == hasPlace)
        #expect(facts.radiusKilometers == radius)
        #expect(facts.country.description == country)
        if !hasPlace { #expect(facts.point == GeoPoint(latitude: 0, longitude: 0)) }
    }

    static let kinds: [(String, MMDBOutput, NetworkKind)] = [
        ("GeoIP2-Connection-Type", .map(["connection_type": .string("Cable/DSL")]), .residential),
        ("GeoIP2-Connection-Type", .map(["connection_type": .string("Cellular")]), .mobile),
        ("GeoIP2-Connection-Type", .map(["connection_type": .string("Corporate")]), .corporate),
        ("GeoIP2-Connection-Type", .map(["connection_type": .string("Satellite")]), .satellite),
        ("GeoIP2-Connection-Type", .map(["connection_type": .string("Pigeon")]), .unknown),
        ("GeoIP2-Anonymous-IP", .map(["is_anonymous": .boolean(true)]), .proxy),
        (
            "GeoIP2-Anonymous-IP",
            .map(["is_anonymous": .boolean(true), "is_anonymous_vpn": .boolean(true)]), .vpn
        ),
        (
            "GeoIP2-Anonymous-IP",
            .map(["is_anonymous": .boolean(true), "is_hosting_provider": .boolean(true)]), .hosting
        ),
        (
            "GeoIP2-Anonymous-IP",
            .map(["is_hosting_provider": .boolean(true), "is_public_proxy": .boolean(true)]), .proxy
        ),
        ("GeoIP2-Anonymous-IP", .map(["is_residential_proxy": .boolean(true)]), .proxy),
        (
            "GeoIP2-Anonymous-IP",
            .map(["is_anonymous_vpn": .boolean(true), "is_tor_exit_node": .boolean(true)]), .tor
        ),
        ("GeoIP2-Anonymous-IP", .map(["is_anonymous_vpn": .boolean(false)]), .unknown),
        (
            "GeoIP2-Enterprise",
            .map([
                "traits": .map([
                    "user_type": .string("residential"), "connection_type": .string("Cable/DSL"),
                ])
            ]), .residential
        ),
        (
            "GeoIP2-Enterprise",
            .map(["traits": .map(["user_type": .string("consumer_privacy_network")])]), .relay
        ),
        ("GeoIP2-Enterprise", .map(["traits": .map(["user_type": .string("cellular")])]), .mobile),
        (
            "GeoIP2-Enterprise",
            .map([
                "traits": .map([
                    "user_type": .string("business"), "connection_type": .string("Cable/DSL"),
                ])
            ]), .corporate
        ),
        ("GeoIP2-Enterprise", .map(["traits": .map(["user_type": .string("cafe")])]), .unknown),
        ("ipinfo plus", .map(["is_relay": .boolean(true), "is_vpn": .boolean(false)]), .relay),
        ("ipinfo plus", .map(["is_satellite": .boolean(true)]), .satellite),
        ("ipinfo privacy", .map(["vpn": .string("true"), "tor": .string("")]), .vpn),
        ("ipinfo privacy", .map(["hosting": .boolean(true)]), .hosting),
        ("ipinfo core", .map(["as_type": .string("isp"), "is_mobile": .boolean(true)]), .mobile),
    ]

    @Test("kinds of networks", arguments: kinds.indices)
    func kind(index: Int) throws {
        let (type, record, kind) = Self.kinds[index]
        #expect(try Self.facts(type, record).kind == kind)
    }

    @Test("flat files of other makers")
    func flat() throws {
        let old = try Self.facts(
            "ipinfo standard_location",
            .map([
                "city": .string("Bergen"), "country": .string("NO"), "lat": .string("60.39299"),
                "lng": .string("-5.32415"), "region": .string("Vestland"),
                "timezone": .string("Europe/Oslo"),
            ]))
        #expect(old.city == "Bergen" && old.region == "Vestland" && old.timeZone == "Europe/Oslo")
        #expect(old.point == GeoPoint(latitude: 60.39299, longitude: -5.32415))
        let lite = try Self.facts(
            "ipinfo generic_lite",
            .map([
                "country": .string("Norway"), "country_code": .string("NO"),
                "asn": .string("AS64500"),
                "as_name": .string("Example AS"),
            ]))
        #expect(lite.country == CountryCode("NO") && !lite.hasPlace)
        #expect(lite.asn == 64500 && lite.organization == "Example AS")
        let plus = try Self.facts(
            "ipinfo plus",
            .map([
                "latitude": .double(1), "longitude": .double(2), "radius": .uint32(33),
                "city": .string("X"),
            ]))
        #expect(plus.radiusKilometers == 33)
    }

    @Test("systems and organisations")
    func systems() throws {
        let asn = try Self.facts(
            "GeoLite2-ASN",
            .map([
                "autonomous_system_number": .uint32(4_294_967_295),
                "autonomous_system_organization": .string("Example"),
            ]))
        #expect(asn.asn == 4_294_967_295 && asn.organization == "Example")
        let isp = try Self.facts(
            "GeoIP2-ISP", .map(["isp": .string("Example Line"), "organization": .string("Org")]))
        #expect(isp.organization == "Example Line")
        let anycast = try Self.facts(
            "GeoLite2-City",
            .map([
                "location": .map(["latitude": .double(1), "longitude": .double(2)]),
                "traits": .map(["is_anycast": .boolean(true)]),
            ]))
        #expect(anycast.isAnycast && anycast.hasPlace && !anycast.isLocated)
    }
}
