import SessionModel

/// Reads times in a format's ways of writing them. No allocation.
struct TimeReader {
    let formats: [TimeFormat]
    let zoneOffset: Int64
    private let isPlain: Bool

    init(_ formats: [TimeFormat], zoneOffsetMinutes: Int) {
        self.formats = formats
        zoneOffset = Int64(zoneOffsetMinutes) * 60_000
        isPlain = formats == [.rfc3339] && zoneOffsetMinutes == 0
    }

    /// `year` is for times that carry none. Nil when no way of writing fits.
    @inline(__always)
    func read(_ text: TextView, year: Int) -> Timestamp? {
        isPlain ? Timestamp(rfc3339: text) : readAny(text, year)
    }

    private func readAny(_ text: TextView, _ year: Int) -> Timestamp? {
        for format in formats {
            if let time = one(text, format, year) { return time }
        }
        return nil
    }

    private func one(_ text: TextView, _ format: TimeFormat, _ year: Int) -> Timestamp? {
        switch format {
        case .rfc3339:
            guard let time = Timestamp(rfc3339: text) else { return nil }
            guard zoneOffset != 0, let p = text.base else { return time }
            for i in 19..<text.count {
                switch p[i] {
                case 0x5A, 0x7A, 0x2B, 0x2D: return time
                default: continue
                }
            }
            return time.adding(milliseconds: -zoneOffset)
        case .unixSeconds: return unix(text, digitsPerSecond: 0)
        case .unixMilliseconds: return unix(text, digitsPerSecond: 3)
        case .unixMicroseconds: return unix(text, digitsPerSecond: 6)
        case .unixNanoseconds: return unix(text, digitsPerSecond: 9)
        case .monthDayYear: return monthDayYear(text)?.adding(milliseconds: -zoneOffset)
        case .syslog: return syslog(text, year)?.adding(milliseconds: -zoneOffset)
        }
    }

    private func unix(_ text: TextView, digitsPerSecond: Int) -> Timestamp? {
        guard let p = text.base, text.count <= 32 else { return nil }
        var value: Int64 = 0
        var i = 0
        while i < text.count, p[i] &- 0x30 <= 9 {
            guard i < 19, value <= 900_000_000_000_000_000 else { return nil }
            value = value * 10 + Int64(p[i] - 0x30)
            i += 1
        }
        guard i > 0 else { return nil }
        var fraction: Int64 = 0
        if i < text.count {
            guard p[i] == 0x2E, i + 1 < text.count else { return nil }
            var scale: Int64 = 100
            i += 1
            while i < text.count {
                guard p[i] &- 0x30 <= 9 else { return nil }
                fraction += Int64(p[i] - 0x30) * scale
                scale /= 10
                i += 1
            }
        }
        switch digitsPerSecond {
        case 0:
            guard value <= 9_000_000_000_000 else { return nil }
            return Timestamp(milliseconds: value * 1000 + fraction)
        case 3: return Timestamp(milliseconds: value)
        case 6: return Timestamp(milliseconds: value / 1000)
        default: return Timestamp(milliseconds: value / 1_000_000)
        }
    }

    /// `3/24/2021 2:39:56 AM`.
    private func monthDayYear(_ text: TextView) -> Timestamp? {
        guard let p = text.base, text.count <= 32 else { return nil }
        var i = 0
        func number(_ most: Int, then end: UInt8) -> Int? {
            var value = 0
            let start = i
            while i < text.count, i - start < most, p[i] &- 0x30 <= 9 {
                value = value * 10 + Int(p[i] - 0x30)
                i += 1
            }
            guard i > start, i < text.count, p[i] == end else { return nil }
            i += 1
            return value
        }
        guard let month = number(2, then: 0x2F), let day = number(2, then: 0x2F),
            let year = number(4, then: 0x20), let hour = number(2, then: 0x3A),
            let minute = number(2, then: 0x3A), let second = number(2, then: 0x20),
            i + 2 == text.count, p[i + 1] | 0x20 == 0x6D,
            (1...12).contains(month), day >= 1, year >= 1000,
            day <= Timestamp.daysIn(month: month, year: year), (1...12).contains(hour),
            minute <= 59, second <= 59
        else { return nil }
        let isMorning = p[i] | 0x20 == 0x61
        guard isMorning || p[i] | 0x20 == 0x70 else { return nil }
        return Timestamp(
            year: year, month: month, day: day, hour: hour % 12 + (isMorning ? 0 : 12),
            minute: minute, second: second)
    }

    /// `Dec 10 06:55:46`.
    private func syslog(_ text: TextView, _ year: Int) -> Timestamp? {
        guard let p = text.base, text.count == 15, year > 0,
            let (month, day) = YearRule.date(p, text.count),
            day <= Timestamp.daysIn(month: month, year: year)
        else { return nil }
        func two(_ i: Int) -> Int {
            guard p[i] &- 0x30 <= 9, p[i + 1] &- 0x30 <= 9 else { return 99 }
            return Int(p[i] - 0x30) * 10 + Int(p[i + 1] - 0x30)
        }
        let (hour, minute, second) = (two(7), two(10), two(13))
        guard hour <= 23, minute <= 59, second <= 60 else { return nil }
        return Timestamp(
            year: year, month: month, day: day, hour: hour, minute: minute, second: min(second, 59))
    }
}
