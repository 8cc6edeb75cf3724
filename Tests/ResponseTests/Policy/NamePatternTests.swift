import SessionModel
import Testing

@testable import Response

struct NamePatternTests {
    static let cases: [(String, String, Bool)] = [
        ("ann", "ANN", true), ("ann", "anna", false), ("ann*", "anna", true), ("ann*", "ann", true),
        ("*", "", true), ("*@example.com", "ann@example.com", true),
        ("*@example.com", "ann", false),
        ("a*c", "abc", true), ("a*c", "abcd", false), ("a*c*", "abcd", true), ("a?c", "abc", true),
        ("a?c", "ac", false), ("**b", "aab", true), ("*a*b*", "xxaxxbxx", true), ("", "", true),
        ("", "a", false), ("a.c", "abc", false),
    ]

    @Test("stars and question marks, without regard to case", arguments: cases)
    func matching(pattern: String, name: String, isMatch: Bool) {
        #expect(NamePattern(pattern).matches(name) == isMatch)
    }

    @Test("a pattern of stars on a long name ends")
    func hostile() {
        let pattern = NamePattern(String(repeating: "*a", count: 128) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 4096)))
    }

    static let covers: [(String, String, Bool)] = [
        ("*", "a*", true), ("a*", "ab*", true), ("ab*", "a*", false), ("a*", "a", true),
        ("a?", "ab", true), ("a?", "a*", false), ("a", "a", true), ("a", "b", false),
    ]

    @Test("covering errs towards no", arguments: covers)
    func isCovering(pattern: String, other: String, isCovered: Bool) {
        #expect(NamePattern(pattern).covers(NamePattern(other)) == isCovered)
    }
}

struct TimeWindowTests {
    /// Days, from, until, zone; a moment; whether it is in it. 2026-03-02 is a Monday.
    static let cases: [(Set<Int>, Int, Int, String, String, Bool)] = [
        ([1], 0, 1440, "UTC", "2026-03-02T00:00:00Z", true),
        ([1], 0, 1440, "UTC", "2026-03-01T23:59:59Z", false),
        ([1], 0, 1440, "UTC", "2026-03-02T23:59:59Z", true),
        ([1], 0, 1440, "UTC", "2026-03-03T00:00:00Z", false),
        ([1], 480, 540, "UTC", "2026-03-02T08:00:00Z", true),
        ([1], 480, 540, "UTC", "2026-03-02T09:00:00Z", false),
        // Over midnight: the window is of the day on which it begins.
        ([1], 1320, 360, "UTC", "2026-03-02T22:00:00Z", true),
        ([1], 1320, 360, "UTC", "2026-03-03T05:59:00Z", true),
        ([1], 1320, 360, "UTC", "2026-03-03T06:00:00Z", false),
        ([1], 1320, 360, "UTC", "2026-03-02T05:00:00Z", false),
        ([7], 1320, 360, "UTC", "2026-03-02T05:00:00Z", true),
        // Berlin is an hour ahead in winter and two in summer (from 2026-03-29 on).
        ([1], 480, 540, "Europe/Berlin", "2026-03-02T07:00:00Z", true),
        ([1], 480, 540, "Europe/Berlin", "2026-03-30T07:00:00Z", false),
        ([1], 480, 540, "Europe/Berlin", "2026-03-30T06:00:00Z", true),
        ([3], 0, 1440, "UTC", "1969-12-31T12:00:00Z", true),
    ]

    @Test("days, hours, midnight, zones and summer time", arguments: cases.indices)
    func isInside(index: Int) throws {
        let (days, from, until, zone, time, isIn) = TimeWindowTests.cases[index]
        let window = try #require(TimeWindow(days: days, from: from, until: until, zone: zone))
        #expect(window.contains(try #require(Timestamp(time))) == isIn)
    }

    @Test("an unknown zone is refused")
    func zone() { #expect(TimeWindow(zone: "Mars/Olympus") == nil) }
}
