import Foundation
import SessionModel
import Testing

@testable import Enrichment

struct ZoneOffsetsTests {
    private func view(_ text: String) -> TextView {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        copy.update(from: bytes, count: bytes.count)
        return TextView(base: copy, count: bytes.count)
    }

    static let zones = [
        "Europe/Oslo", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/St_Johns",
        "Africa/Casablanca", "Asia/Tokyo", "UTC", "America/Santiago", "Europe/Dublin",
    ]

    @Test("offsets are those of Foundation, at seeded times and around changes", arguments: zones)
    func offsets(name: String) throws {
        let zone = try #require(TimeZone(identifier: name))
        let offsets = ZoneOffsets()
        var random = SystemRandomNumberGenerator()
        var times = (0..<300).map { _ in
            Int64.random(in: 946_684_800...2_114_380_800, using: &random)
        }
        var date = Date(timeIntervalSince1970: 1_577_836_800)
        for _ in 0..<20 {
            guard let next = zone.nextDaylightSavingTimeTransition(after: date) else { break }
            times += [-1, 0, 1].map { Int64(next.timeIntervalSince1970) + $0 }
            date = next.addingTimeInterval(10)
        }
        for time in times {
            let expected = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time)))
            #expect(
                offsets.offset(of: view(name), at: time * 1000) == Int32(expected),
                "\(name) \(time)")
        }
    }

    @Test("what is no zone has no offset")
    func none() {
        let offsets = ZoneOffsets()
        for name in [
            "", "Europe/Nowhere", "../../../etc/passwd", "/etc/passwd", "Europe", "a\u{0}b",
        ] {
            #expect(offsets.offset(of: view(name), at: 0) == nil, "\(name)")
        }
    }

    /// Country, place, the offset in hours of its clock on the first of March.
    static let places: [(String, Double, Double, Double?)] = [
        ("NO", 59.9, 10.7, 1), ("FR", 48.9, 2.3, 1), ("US", 40.7, -74.0, -5),
        ("US", 34.0, -118.2, -8),
        ("AU", -31.9, 115.8, 8), ("IN", 19.1, 72.9, 5.5), ("ZZ", 0, 0, nil),
    ]

    @Test("a place without a zone has the nearest of its country", arguments: places)
    func nearest(country: String, latitude: Double, longitude: Double, hours: Double?) throws {
        var place = AddressFacts()
        place.country = CountryCode(view(country))
        place.hasPlace = true
        place.point = try #require(GeoPoint(latitude: latitude, longitude: longitude))
        let offsets = ZoneOffsets()
        let march: Int64 = 1_772_323_200_000
        #expect(offsets.offset(of: place, at: march) == hours.map { Int32($0 * 3600) })
        // A zone that is named goes before.
        place.timeZone = view("Asia/Tokyo")
        #expect(offsets.offset(of: place, at: march) == Int32(32_400))
        #expect(ZoneOffsets(folder: "/nowhere").offset(of: place, at: march) == nil)
    }

    @Test("the rule at a file's end: half the world changes its clocks by one")
    func rules() throws {
        let berlin = try #require(ZoneRule("CET-1CEST,M3.5.0,M10.5.0/3"))
        #expect(berlin.standard == 3600 && berlin.summer == 7200)
        let changes = berlin.changes(after: 1_767_225_600)  // 2026
        #expect(changes[0].time == 1_774_746_000 && changes[0].offset == 7200)
        #expect(changes[1].time == 1_792_890_000 && changes[1].offset == 3600)
        let india = try #require(ZoneRule("<+0530>-5:30"))
        #expect(india.standard == 19_800 && india.changes(after: 0).isEmpty)
        #expect(ZoneRule("") == nil && ZoneRule("X1") == nil && ZoneRule("CET") == nil)
    }

    @Test("a damaged file is no zone", arguments: 0..<200)
    func damaged(seed: Int) throws {
        let url = URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Oslo")
        var bytes = Array(try Data(contentsOf: url))
        #expect(ZoneOffsets.parse(bytes[...]) != nil)
        bytes[(seed * 7919) % bytes.count] ^= UInt8(truncatingIfNeeded: seed | 1)
        _ = ZoneOffsets.parse(bytes[...])
        _ = ZoneOffsets.parse(bytes[..<(seed * bytes.count / 200)])
    }
}
