import SessionModel
import Testing

@testable import Messaging

/// Berlin's clocks leap from 02:00 to 03:00 on 2026-03-29 (01:00 UTC) and back from 03:00 to 02:00 on
/// 2026-10-25 (01:00 UTC).
struct ZoneTests {
    static let berlin = Zone("Europe/Berlin")!

    static let nights = QuietHours(from: 22 * 60, to: 7 * 60, zone: berlin)
    static let moments: [(time: String, isQuiet: Bool, end: String)] = [
        ("2026-01-15T20:59:59Z", false, "2026-01-15T20:59:59Z"),
        ("2026-01-15T21:00:00Z", true, "2026-01-16T06:00:00Z"),
        ("2026-01-16T05:59:59Z", true, "2026-01-16T06:00:00Z"),
        ("2026-01-16T06:00:00Z", false, "2026-01-16T06:00:00Z"),
        ("2026-07-15T19:59:00Z", false, "2026-07-15T19:59:00Z"),
        ("2026-07-15T20:00:00Z", true, "2026-07-16T05:00:00Z"),
        // Across both changes: seven o'clock is another time in UTC than the evening before says.
        ("2026-03-28T22:30:00Z", true, "2026-03-29T05:00:00Z"),
        ("2026-10-24T21:30:00Z", true, "2026-10-25T06:00:00Z"),
    ]

    @Test("quiet hours end by the clocks of their zone", arguments: moments)
    func quiet(time: String, isQuiet: Bool, end: String) {
        #expect(Self.nights.contains(.at(time)) == isQuiet)
        #expect(Self.nights.end(from: .at(time)) == .at(end))
    }

    @Test("an end that clocks leap over is the leap; one that comes twice is the first")
    func changes() {
        let early = QuietHours(from: 22 * 60, to: 2 * 60 + 30, zone: Self.berlin)
        #expect(early.end(from: .at("2026-03-29T00:59:00Z")) == .at("2026-03-29T01:00:00Z"))
        #expect(early.end(from: .at("2026-10-24T23:00:00Z")) == .at("2026-10-25T00:30:00Z"))
        // Between the two, clocks show 02:00 to 02:30 once more, and it is quiet once more.
        #expect(early.contains(.at("2026-10-25T01:10:00Z")))
        #expect(early.end(from: .at("2026-10-25T01:10:00Z")) == .at("2026-10-25T01:30:00Z"))
    }

    @Test("hours within a day are half open")
    func day() {
        let noon = QuietHours(from: 12 * 60, to: 13 * 60, zone: .utc)
        #expect(!noon.contains(.at("2026-01-01T11:59:59Z")))
        #expect(noon.contains(.at("2026-01-01T12:00:00Z")))
        #expect(!noon.contains(.at("2026-01-01T13:00:00Z")))
    }

    static let digests: [(minute: Int, now: String, next: String)] = [
        (480, "2026-01-15T06:59:59Z", "2026-01-15T07:00:00Z"),
        (480, "2026-01-15T07:00:00Z", "2026-01-16T07:00:00Z"),
        (480, "2026-03-28T12:00:00Z", "2026-03-29T06:00:00Z"),
        (480, "2026-10-24T12:00:00Z", "2026-10-25T07:00:00Z"),
        // 02:30 is not there on the one day, and twice on the other.
        (150, "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
        (150, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        (150, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
    ]

    @Test("a daily digest comes once a day, also when clocks change", arguments: digests)
    func daily(minute: Int, now: String, next: String) {
        let digest = DigestSchedule.daily(minute: minute, zone: Self.berlin)
        #expect(digest.next(after: .at(now)) == .at(next))
    }

    @Test("a digest every hour comes on the hour")
    func hourly() {
        let digest = DigestSchedule.every(minutes: 60)
        #expect(digest.next(after: .at("2026-01-15T06:59:59Z")) == .at("2026-01-15T07:00:00Z"))
        #expect(digest.next(after: .at("2026-01-15T07:00:00Z")) == .at("2026-01-15T08:00:00Z"))
    }

    @Test("critical alerts pass quiet hours and digests; high ones do not")
    func critical() {
        let channel = Channel(
            name: "c", kind: .mail, digest: .every(minutes: 60), quiet: Self.nights,
            delivery: .mail(
                MailDelivery(transport: .sendmail("/bin/false"), from: .sender)))
        let night = Timestamp.at("2026-01-15T22:00:00Z")
        #expect(channel.due(severity: .critical, at: night) == night)
        #expect(channel.due(severity: .high, at: night) == .at("2026-01-16T06:00:00Z"))
        let day = Timestamp.at("2026-01-15T12:10:00Z")
        #expect(channel.due(severity: .high, at: day) == .at("2026-01-15T13:00:00Z"))
    }

    static let names = ["Europe/Berlin", "America/Toronto", "UTC"]

    @Test("zones of the database are known", arguments: names)
    func known(name: String) { #expect(Zone(name) != nil) }

    @Test(
        "others are not", arguments: ["", "Europe/Atlantis", "CET+1", "../../etc/passwd", "Berlin"])
    func unknown(name: String) { #expect(Zone(name) == nil) }

    @Test("the time is the reader's, or UTC and the place's")
    func words() throws {
        let naming = Naming(phrases: try PhraseBook.shipped().phrases("en"))
        let time = Timestamp.at("2026-03-12T10:14:37Z")
        #expect(
            naming.when(time, reader: Self.berlin, place: nil)
                == "12 March 2026 at 11:14 (Europe/Berlin)")
        #expect(
            naming.when(time, reader: nil, place: Zone("America/Toronto"))
                == "12 March 2026 at 10:14 UTC · 12 March 2026 at 06:14 there")
        #expect(naming.when(time, reader: nil, place: nil) == "12 March 2026 at 10:14 UTC")
        let german = Naming(phrases: try PhraseBook.shipped().phrases("de"))
        #expect(german.place(Place(city: "Toronto", country: "CA")) == "Toronto, Kanada")
        #expect(german.device("Chrome on Windows") == "Chrome unter Windows")
    }
}
