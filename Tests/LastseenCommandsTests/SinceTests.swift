import SessionModel
import Testing

@testable import LastseenCommands

struct SinceTests {
    static let ages: [(String, Int64?)] = [
        ("0s", 0), ("90s", 90_000), ("30m", 1_800_000), ("12h", 43_200_000), ("7d", 604_800_000),
        ("4w", 2_419_200_000), ("36600d", 36_600 * 86_400_000), ("36601d", nil), ("7", nil),
        ("d", nil), ("", nil), ("-1d", nil), ("1.5h", nil), ("7 d", nil), ("7y", nil),
        ("99999999999999999999d", nil), ("9223372036854775807w", nil),
    ]

    @Test("an age is a number and a unit, up to a century", arguments: ages)
    func age(text: String, milliseconds: Int64?) {
        #expect(Since(argument: text) == milliseconds.map { .age(milliseconds: $0) })
    }

    @Test(
        "a time is a date or RFC 3339",
        arguments: [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T08:15:30+01:00", "2026-03-01T07:15:30Z"),
        ])
    func time(text: String, meant: String) {
        #expect(Since(argument: text) == Timestamp(meant).map { .time($0) })
        #expect(Since(argument: "2026-02-30") == nil)
    }

    @Test("an age counts back from now")
    func resolved() {
        let now = Timestamp(milliseconds: 1_000_000)
        #expect(Since.age(milliseconds: 90_000).resolved(at: now).milliseconds == 910_000)
        #expect(Since.time(now).resolved(at: Timestamp(milliseconds: 5)) == now)
    }
}
