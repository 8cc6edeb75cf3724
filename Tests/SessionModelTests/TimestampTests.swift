import SessionModel
import Testing

struct TimestampTests {
    static let good: [(String, Int64)] = [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-03-01T08:15:30.120Z", 1_772_352_930_120),
        ("2026-03-01T09:15:30.120+01:00", 1_772_352_930_120),
        ("2026-03-01T03:15:30.120-0500", 1_772_352_930_120),
        ("2026-03-01 08:15:30,12", 1_772_352_930_120),
        ("2026-03-01T08:15:30.1209999Z", 1_772_352_930_120),
        ("2024-02-29T23:59:59Z", 1_709_251_199_000),
        ("2016-12-31T23:59:60Z", 1_483_228_799_999),
        ("1969-12-31T23:59:59Z", -1000),
        ("2000-03-01t00:00:00z", 951_868_800_000),
    ]

    @Test("RFC 3339 and its relatives", arguments: good)
    func reads(text: String, milliseconds: Int64) {
        #expect(Timestamp(text)?.milliseconds == milliseconds)
    }

    static let bad = [
        "", "2026-03-01", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T08:60:00Z", "2026-03-01T08:15:61Z", "2026-03-01T08:15:30.Z",
        "2026-03-01T08:15:30+24:00", "2026-03-01T08:15:30Zx", "2026/03/01T08:15:30Z",
        "x026-03-01T08:15:30Z", "2026-03-01T08:15:30+1:00",
    ]

    @Test("anything else is refused", arguments: bad)
    func refuses(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test("what is written is read back", arguments: 0..<200)
    func roundTrip(seed: UInt64) {
        let time = Timestamp(
            milliseconds: Int64(truncatingIfNeeded: mix(seed, 1)) % 4_102_444_800_000)
        #expect(Timestamp(time.rfc3339) == time, "seed \(seed)")
    }

    static let days: [(Int64, Int32)] = [(0, 0), (86_399_999, 0), (86_400_000, 1), (-1, -1)]

    @Test("days begin at midnight UTC, also before 1970", arguments: days)
    func day(milliseconds: Int64, day: Int32) {
        #expect(Timestamp(milliseconds: milliseconds).day == day)
    }
}
