import SessionModel
import Testing

@testable import Detection

/// Every way to compare, with a record that fits and one that does not.
struct ConditionTests {
    private static func record() -> Sighting {
        var s = sighting("e1", hours: 32.25, at: .oslo, device: "d1", session: "S-17", user: "Zoë")
        s.record.userName = Texts.view("Adm-Kim@Example.com")
        s.record.userAgent = Texts.view("Mozilla/5.0 (X11; Linux x86_64) Firefox/147.0")
        s.record.application = Texts.view("mail")
        s.record.auth = .password
        s.record.tenant = Texts.view("acme")
        s.client.label = Texts.view("Firefox on Linux")
        s.client.form = .desktop
        s.place.region = Texts.view("Oslo")
        s.place.timeZone = Texts.view("Europe/Oslo")
        s.utcOffsetSeconds = 3600
        return s
    }

    private func fits(_ condition: Condition, zone: ClockZone = .utc) -> Bool {
        let program = ConditionProgram(condition, zone: zone)
        return withUnsafePointer(to: Self.record()) { program.fits($0) }
    }

    /// A field, how it is compared, a value that fits, one that does not.
    static let cases: [(RecordField, FieldTest.Comparison, String, String)] = [
        // Texts: capitals do not matter, wildcards do.
        (.userName, .equals, "adm-kim@example.COM", "adm-kim"),
        (.userName, .equals, "adm-*", "*-adm"),
        (.userName, .equals, "adm?kim@*.com", "adm?im@*.com"),
        (.userName, .equals, "*", "?"),
        (.userName, .equals, "*kim*example*", "*kim*exampel*"),
        (.userName, .contains, "KIM@", "kim."),
        (.userName, .contains, "d*k", "k*d"),
        (.userName, .startsWith, "ADM", "kim"),
        (.userName, .startsWith, "a?m", "a?k"),
        (.userName, .endsWith, ".com", "adm"),
        (.userName, .endsWith, "@*.com", "@*.org"),
        (.userName, .regularExpression, "^Adm-[A-Z]im@", "^adm-"),
        (.userName, .regularExpression, "(?i)^adm-", "^$"),
        (.userID, .equals, "zoË", "zoe"),
        (.userID, .equals, "Z?ë", "Z?"),
        (.userID, .startsWith, "ZOË", "oË"),
        (.userID, .endsWith, "OË", "ZO"),
        (.userID, .contains, "Ë", "É"),
        (.sessionID, .equals, "s-17", "s-1"),
        (.deviceID, .equals, "d1", "d11"),
        (.userAgent, .contains, "firefox/", "chrome/"),
        (.userAgent, .contains, "147.0", "147.0 "),
        (.application, .equals, "MAIL", "mai"),
        (.tenant, .equals, "Acme", "acmee"),
        (.country, .equals, "no", "NL"),
        (.country, .startsWith, "N", "O"),
        (.region, .equals, "oslo", "viken"),
        (.city, .contains, "sl", "ls"),
        (.timeZone, .startsWith, "Europe/", "America/"),
        (.organization, .equals, "as2119", "as2118"),
        (.client, .equals, "firefox on linux", "firefox"),
        (.clientFamily, .equals, "firefox", "linux"),
        (.clientSystem, .equals, "linux", "firefox"),
        (.recordID, .equals, "E1", "e"),
        // Words.
        (.event, .equals, "login", "logout"),
        (.event, .startsWith, "log", "out"),
        (.event, .regularExpression, "^lo", "^act"),
        (.outcome, .equals, "success", "failure"),
        (.authMethod, .equals, "password", "token"),
        (.networkKind, .equals, "residential", "vpn"),
        (.clientForm, .equals, "desktop", "phone"),
        (.weekday, .equals, "monday", "tuesday"),
        // Numbers: 2026-03-02T08:15Z.
        (.asn, .equals, "2119", "2118"),
        (.asn, .greater, "2118", "2119"),
        (.asn, .greaterOrEqual, "2119", "2120"),
        (.asn, .less, "2120", "2119"),
        (.asn, .lessOrEqual, "2119", "2118"),
        (.hour, .equals, "8", "9"),
        (.minute, .equals, "15", "16"),
        (.day, .equals, "2", "1"),
        (.month, .equals, "3", "2"),
        (.year, .equals, "2026", "2025"),
        (.week, .equals, "10", "9"),
        (.latitude, .greater, "59", "60"),
        (.longitude, .less, "11", "10"),
        (.radius, .lessOrEqual, "20", "19"),
        (.timeOfDay, .equals, "08:15-08:16", "08:16-09:00"),
        (.timeOfDay, .equals, "22:00-09:00", "22:00-08:15"),
        (.timeOfDay, .equals, "00:00-24:00", "24:00-08:00"),
        // Addresses.
        (.address, .inNetwork, "84.208.20.0/24", "84.208.21.0/24"),
        (.address, .inNetwork, "84.208.20.0", "84.208.20.1"),
        (.address, .inNetwork, "0.0.0.0/0", "2a02::/16"),
    ]

    @Test("each comparison has two sides", arguments: cases)
    func sides(field: RecordField, comparison: FieldTest.Comparison, fit: String, other: String) {
        #expect(fits(.test(FieldTest(field, comparison, [fit]))), "\(fit)")
        #expect(!fits(.test(FieldTest(field, comparison, [other]))), "\(other)")
        // One of several is enough.
        #expect(fits(.test(FieldTest(field, comparison, [other, fit]))))
        #expect(!fits(.not(.test(FieldTest(field, comparison, [fit])))))
    }

    @Test("capitals matter where the rule says so")
    func cased() {
        func holds(_ comparison: FieldTest.Comparison, _ value: String) -> Bool {
            fits(.test(FieldTest(.userName, comparison, [value], isCased: true)))
        }
        #expect(holds(.equals, "Adm-Kim@Example.com"))
        #expect(!holds(.equals, "adm-kim@example.com"))
        #expect(holds(.startsWith, "Adm-") && !holds(.startsWith, "adm-"))
        #expect(holds(.equals, "Adm-*") && !holds(.equals, "adm-*"))
        #expect(fits(.test(FieldTest(.userID, .equals, ["Zoë"], isCased: true))))
        #expect(!fits(.test(FieldTest(.userID, .equals, ["ZoË"], isCased: true))))
    }

    @Test("an escaped wildcard is a character")
    func escapes() {
        var s = Self.record()
        s.record.application = Texts.view(#"a*b?c\d"#)
        func holds(_ value: String) -> Bool {
            let program = ConditionProgram(
                .test(FieldTest(.application, .equals, [value])), zone: .utc)
            return withUnsafePointer(to: s) { program.fits($0) }
        }
        #expect(holds(#"A\*B\?C\D"#) && holds(#"a\*b\?c\\d"#) && holds(#"a\**"#))
        #expect(!holds(#"a\*c"#) && !holds(#"ax\*b*"#))
        #expect(TextPattern.quoted(#"a\*b.c"#, isGlob: true) == #"a\*b\.c"#)
    }

    @Test("what is not there fits nothing, and is found missing")
    func absence() {
        let nothing = Sighting()
        func holds(_ condition: Condition) -> Bool {
            let program = ConditionProgram(condition, zone: .local)
            return withUnsafePointer(to: nothing) { program.fits($0) }
        }
        for field in RecordField.allCases where field != .event {
            let isThere = Condition.test(FieldTest(field, .exists))
            #expect(!holds(isThere), "\(field)")
            #expect(holds(.not(isThere)), "\(field)")
        }
        #expect(!holds(.test(FieldTest(.userName, .equals, ["*"]))))
        #expect(!holds(.test(FieldTest(.userName, .regularExpression, [".*"]))))
        #expect(!holds(.test(FieldTest(.address, .inNetwork, ["::/0"]))))
        #expect(!holds(.test(FieldTest(.hour, .greaterOrEqual, ["0"]))))
        #expect(!holds(.test(FieldTest(.userName, .sameAs(.userID)))))
        #expect(fits(.all([])) && !fits(.any([])))
    }

    @Test("one text is another")
    func reference() {
        #expect(fits(.test(FieldTest(.city, .sameAs(.region)))))
        #expect(!fits(.test(FieldTest(.city, .sameAs(.country)))))
    }

    @Test("hours are of the clock that the rule names")
    func zones() {
        let eight = Condition.test(FieldTest(.hour, .equals, ["8"]))
        let nine = Condition.test(FieldTest(.hour, .equals, ["9"]))
        #expect(fits(eight) && !fits(eight, zone: .local) && fits(nine, zone: .local))
        #expect(fits(nine, zone: .offset(60)) && fits(eight, zone: .offset(44)))
        #expect(fits(.test(FieldTest(.weekday, .equals, ["sunday"])), zone: .offset(-9 * 60)))
        #expect(fits(.test(FieldTest(.day, .equals, ["1"])), zone: .offset(-9 * 60)))
    }

    /// Milliseconds since 1970; year, month, day, hour, weekday from Monday, ISO week.
    static let times: [(Int64, [Int])] = [
        (0, [1970, 1, 1, 0, 3, 1]), (-1, [1969, 12, 31, 23, 2, 1]),
        (951_782_400_000, [2000, 2, 29, 0, 1, 9]), (1_230_768_000_000, [2009, 1, 1, 0, 3, 1]),
        (1_262_304_000_000, [2010, 1, 1, 0, 4, 53]), (1_767_225_599_000, [2025, 12, 31, 23, 2, 1]),
    ]

    @Test("dates are the calendar's", arguments: times)
    func dates(milliseconds: Int64, expected: [Int]) {
        let time = CivilTime(milliseconds: milliseconds, offsetSeconds: 0)
        let date = time.date
        #expect(
            [date.year, date.month, date.day, time.hour, time.weekday, time.week] == expected)
    }

    /// By truth tables over all conditions of three tests that a seed makes.
    @Test("and, or and not are what they are, in whatever order they are tried", arguments: 1...200)
    func logic(seed: UInt64) {
        var random = Numbers(seed: seed)
        let yes = FieldTest(.event, .equals, ["login"])
        let no = FieldTest(.userName, .equals, ["nobody"])
        func make(_ depth: Int) -> (Condition, Bool) {
            switch depth == 0 ? random.below(2) : random.below(5) {
            case 0: return (.test(yes), true)
            case 1: return (.test(no), false)
            case 2:
                let (part, holds) = make(depth - 1)
                return (.not(part), !holds)
            case 3:
                let parts = (0..<random.below(4)).map { _ in make(depth - 1) }
                return (.all(parts.map(\.0)), parts.allSatisfy(\.1))
            default:
                let parts = (0..<random.below(4)).map { _ in make(depth - 1) }
                return (.any(parts.map(\.0)), parts.contains(where: \.1))
            }
        }
        let (condition, expected) = make(4)
        #expect(fits(condition) == expected, "seed \(seed): \(condition)")
    }

    @Test("a hostile text costs no more than its length times the pattern's")
    func hostile() {
        var s = Sighting()
        s.record.userAgent = Texts.view(String(repeating: "a", count: 2048))
        let values = [String(repeating: "a*", count: 40) + "b", "(a*)*b", "(a|a)*b"]
        for (i, value) in values.enumerated() {
            let program = ConditionProgram(
                .test(FieldTest(.userAgent, i == 0 ? .equals : .regularExpression, [value])),
                zone: .utc)
            #expect(!withUnsafePointer(to: s) { program.fits($0) })
        }
    }

    @Test("what is no regular expression is refused with a reason")
    func expressions() {
        for pattern in ["(", "a{1001}", #"(?<=x)y"#, #"(a)\1"#, "((a{100}){100}){100}"] {
            guard case .failure(let error) = RegularExpression.make(pattern) else {
                Issue.record("\(pattern) was taken")
                continue
            }
            #expect(!error.reason.isEmpty)
        }
        if case .failure = RegularExpression.make("^(adm|root)$") { Issue.record("it is sound") }
    }
}

/// A generator that a seed repeats (SplitMix64).
struct Numbers {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mix(state, 1)
    }
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
