import Foundation
import SessionModel

@testable import Enrichment

/// A folder for one test's databases, removed with the value. Databases are written by our own
/// writer, so that the tests need nobody's data.
final class GeoTestFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "lastseen-geo-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    func write(_ name: String, _ text: String) throws -> String {
        try write(name, Array(text.utf8))
    }

    /// Writes and opens a database.
    func database(
        _ type: String, ipVersion: Int = 6, recordSize: Int = 24, build: UInt64 = 1_700_000_000,
        name: String? = nil, _ networks: KeyValuePairs<String, MMDBOutput>
    ) throws -> GeoDatabase {
        let bytes = geoTestBytes(
            type, ipVersion: ipVersion, recordSize: recordSize, build: build, networks)
        return try GeoDatabase(path: try write(name ?? "\(type).mmdb", bytes))
    }
}

func geoTestBytes(
    _ type: String, ipVersion: Int = 6, recordSize: Int = 24, build: UInt64 = 1_700_000_000,
    _ networks: KeyValuePairs<String, MMDBOutput>
) -> [UInt8] {
    var writer = MMDBWriter(ipVersion: ipVersion)
    for (network, value) in networks {
        let parts = network.split(separator: "/")
        writer.insert(IPAddress(String(parts[0]))!, length: Int(parts[1])!, value)
    }
    return writer.bytes(
        MMDBWriter.Metadata(
            databaseType: type, description: "test", buildEpoch: build, recordSize: recordSize))!
}

/// A City record as MaxMind writes it.
func cityRecord(
    _ country: String?, _ city: String?, _ latitude: Double?, _ longitude: Double?,
    radius: UInt16? = nil, zone: String? = nil, region: String? = nil
) -> MMDBOutput {
    var pairs: [MMDBOutput.Pair] = []
    if let city {
        pairs.append(
            .init(
                key: "city",
                value: .map(["names": .map(["de": .string("x"), "en": .string(city)])])))
    }
    if let country {
        pairs.append(.init(key: "country", value: .map(["iso_code": .string(country)])))
    }
    var location: [MMDBOutput.Pair] = []
    if let radius { location.append(.init(key: "accuracy_radius", value: .uint16(radius))) }
    if let latitude { location.append(.init(key: "latitude", value: .double(latitude))) }
    if let longitude { location.append(.init(key: "longitude", value: .double(longitude))) }
    if let zone { location.append(.init(key: "time_zone", value: .string(zone))) }
    if !location.isEmpty { pairs.append(.init(key: "location", value: .map(location))) }
    if let region {
        pairs.append(
            .init(
                key: "subdivisions",
                value: .array([
                    .map(["iso_code": .string("XX"), "names": .map(["en": .string(region)])]),
                    .map(["names": .map(["en": .string("smaller")])]),
                ])))
    }
    return .map(pairs)
}

func address(_ text: String) -> IPAddress { IPAddress(text)! }

/// SplitMix64: the same numbers on every machine.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

let extraGeoData = ProcessInfo.processInfo.environment["LASTSEEN_EXTRA_DATA"].map { "\($0)/geoip" }
let fullCityFile = ProcessInfo.processInfo.environment["LASTSEEN_FULL_CITY"]
