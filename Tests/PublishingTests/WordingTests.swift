import SessionModel
import Testing

@testable import Publishing

struct WordingTests {
    static let minute: Int64 = 60_000
    static let hour: Int64 = 60 * minute
    static let day: Int64 = 24 * hour

    static let ages: [(Int64, String)] = [
        (-5 * day, "less than an hour ago"), (0, "less than an hour ago"),
        (hour - 1, "less than an hour ago"), (hour, "1 hour ago"), (2 * hour - 1, "1 hour ago"),
        (3 * hour, "3 hours ago"), (day - 1, "23 hours ago"), (day, "1 day ago"),
        (5 * day, "5 days ago"), (60 * day - 1, "59 days ago"), (60 * day, "2 months ago"),
        (729 * day, "24 months ago"), (730 * day, "2 years ago"), (4000 * day, "10 years ago"),
    ]

    @Test("how long ago in words", arguments: ages)
    func ago(milliseconds: Int64, expected: String) {
        let now = SampleAlerts.time("2026-03-14T06:00:00.000Z")
        #expect(Wording.ago(now.adding(milliseconds: -milliseconds), now: now) == expected)
    }

    static let durations: [(Double, String)] = [
        (0, "0 s"), (0.83, "0.8 s"), (119, "119 s"), (120, "2 min"), (7170, "2 h"),
        (7140, "119 min"),
        (5040, "84 min"), (8640, "2 h 24 min"), (86_400, "24 h"), (172_800, "2 days"),
        (200_000, "2 days 8 h"), (-120, "-2 min"), (.nan, "– s"), (1e300, "1e+300 s"),
    ]

    @Test("durations", arguments: durations)
    func duration(seconds: Double, expected: String) {
        #expect(Wording.duration(seconds: seconds) == expected)
    }

    static let counts = [
        (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"),
        (Int.min, "-9,223,372,036,854,775,808"),
    ]

    @Test("thousands", arguments: counts)
    func count(value: Int, expected: String) {
        #expect(Wording.count(value) == expected)
    }

    static let numbers: [(Double, String)] = [
        (0, "0"), (0.05, "0.1"), (-0.5, "-0.5"), (99.94, "99.9"), (99.96, "100"), (100.4, "100"),
        (5421.35, "5,421"), (.infinity, "–"), (1e16, "1e+16"),
    ]

    @Test("numbers", arguments: numbers)
    func number(value: Double, expected: String) {
        #expect(Wording.number(value) == expected)
    }

    static let pieces: [(Evidence, String, String)] = [
        (Evidence("distance_km", .number(5421.3)), "distance", "5,421 km"),
        (Evidence("elapsed_s", .integer(2520)), "elapsed", "42 min"),
        (Evidence("ground_minutes", .number(15)), "ground", "15 min"),
        (Evidence("move_window_hours", .number(72)), "move window", "3 days"),
        (Evidence("speed_kmh", .number(.infinity)), "speed", "–"),
        (Evidence("familiar_days", .integer(1)), "familiar", "1 day"),
        (Evidence("familiar_days", .integer(2)), "familiar", "2 days"),
        (Evidence("from_asn", .integer(14061)), "from asn", "AS14061"),
        (Evidence("failure_count", .integer(5000)), "failure count", "5,000"),
        (Evidence("to_lat", .number(-33.8688)), "to", "-33.8688°"),
        (Evidence("known_s", .text("x")), "known s", "x"), (Evidence("_s", .integer(1)), " s", "1"),
        (Evidence("first_visit", .flag(false)), "first visit", "no"),
        (Evidence("place", .text("")), "place", "none"),
    ]

    @Test("evidence with its unit from its name", arguments: pieces)
    func evidence(_ piece: Evidence, label: String, value: String) {
        #expect(Wording.evidence(piece) == (label, value))
    }

    @Test("pairs are one row, coordinates none")
    func rows() {
        let time = SampleAlerts.time("2026-03-11T23:50:00.000Z")
        let rows = Wording.rows([
            Evidence("from_place", .text("Oslo, NO")), Evidence("from_lat", .number(59.9)),
            Evidence("from_time", .time(time)), Evidence("from_ip", .text("192.0.2.1")),
            Evidence("to_place", .text("Lagos, NG")), Evidence("to_lat", .number(6.4)),
            Evidence("to_time", .time(time.adding(milliseconds: 9 * 60_000))),
            Evidence("from_asn", .integer(7)), Evidence("to_asn", .integer(7)),
            Evidence("to_device", .text("Firefox")), Evidence("stranger", .text("to")),
        ])
        #expect(
            rows.map { "\($0.label): \($0.value)" } == [
                "place: Oslo, NO → Lagos, NG", "time: 2026-03-11 23:50 → 23:59 UTC",
                "from ip: 192.0.2.1", "asn: AS7, both", "to device: Firefox",
                "suspicious end: Lagos, NG",
            ])
        let nextDay = Wording.rows([
            Evidence("from_time", .time(time)),
            Evidence("to_time", .time(time.adding(milliseconds: 11 * 60_000))),
        ])
        #expect(nextDay[0].value == "2026-03-11 23:50 UTC → 2026-03-12 00:01 UTC")
    }
}

struct SafeTextTests {
    static let cases: [(String, String)] = [
        ("Ann Åkesson", "Ann Åkesson"), ("日本 😀", "日本 😀"), ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
        ("a\nb\tc\r\u{0}", "a\\u{a}b\\u{9}c\\u{d}\\u{0}"), ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
        ("\u{9b}2J", "\\u{9b}2J"), ("a\u{200b}b", "a\\u{200b}b"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("\u{FEFF}", "\\u{feff}"), ("e\u{301}", "e\u{301}"), ("\u{E0041}", "\\u{e0041}"),
        (
            "a" + String(repeating: "\u{300}", count: 6),
            "a" + String(repeating: "\u{300}", count: 4) + "\\u{300}\\u{300}"
        ),
    ]

    @Test("what steers or hides is made visible", arguments: cases)
    func visible(text: String, expected: String) {
        #expect(SafeText.visible(text) == expected)
    }

    @Test("long text is cut at the limit, both sides of it")
    func limit() {
        #expect(SafeText.visible("abcde", limit: 5) == "abcde")
        #expect(SafeText.visible("abcdef", limit: 5) == "abcde…")
        #expect(SafeText.visible("ååååå", limit: 5) == "ååååå")
        #expect(SafeText.visible("åååååå", limit: 5) == "ååååå…")
        let huge = String(repeating: "\u{1b}", count: 1_000_000)
        #expect(SafeText.visible(huge).utf8.count == SafeText.limit * 6 + 3)
    }
}
