/// A moment in milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
///
/// Event time everywhere: it comes from records, never from a clock.
@frozen public struct Timestamp: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var milliseconds: Int64

    @inlinable public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    @inlinable public static func < (a: Timestamp, b: Timestamp) -> Bool {
        a.milliseconds < b.milliseconds
    }

    /// Earlier than every record that is accepted.
    public static let distantPast = Timestamp(milliseconds: Int64.min / 4)

    /// 2000-01-01T00:00:00Z: records before it are refused, as no session log is that old and a
    /// clock that was never set is near 1970 or 1980.
    public static let earliest = Timestamp(milliseconds: 946_684_800_000)

    /// Days since 1970-01-01 (UTC), rounded down.
    @inlinable public var day: Int32 {
        Int32(truncatingIfNeeded: floorDivide(milliseconds, 86_400_000))
    }

    @inlinable public func adding(milliseconds delta: Int64) -> Timestamp {
        Timestamp(milliseconds: milliseconds &+ delta)
    }

    /// Milliseconds from `other` to this moment; negative when `other` is later.
    @inlinable public func since(_ other: Timestamp) -> Int64 {
        milliseconds &- other.milliseconds
    }
}

@inlinable func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    let q = a / b
    return a % b < 0 ? q - 1 : q
}

// MARK: - Text

extension Timestamp {
    /// Reads RFC 3339 / ISO 8601: `2026-03-01T08:15:30.120Z`, `…+01:00`, `2026-03-01 08:15:30`
    /// (no zone means UTC), a fraction of any length (cut to milliseconds), `T`, `t` or a space.
    ///
    /// Returns nil for anything else, a date that is not in the calendar, and a leap second's
    /// `:60` is taken as `:59.999`. Constant time, no allocation.
    public init?(rfc3339 text: TextView) {
        let n = text.count
        guard n >= 19, let p = text.base else { return nil }
        @inline(__always) func digit(_ i: Int) -> Int { Int(p[i]) &- 48 }
        var bad = 0
        @inline(__always) func two(_ i: Int) -> Int {
            let a = digit(i)
            let b = digit(i &+ 1)
            bad |= (a | (9 &- a)) | (b | (9 &- b))  // negative when either is not a digit
            return a &* 10 &+ b
        }
        let year = two(0) &* 100 &+ two(2)
        let month = two(5)
        let day = two(8)
        let hour = two(11)
        let minute = two(14)
        var second = two(17)
        guard bad >= 0, p[4] == 0x2D, p[7] == 0x2D, p[13] == 0x3A, p[16] == 0x3A,
            p[10] == 0x54 || p[10] == 0x20 || p[10] == 0x74,
            month >= 1, month <= 12, day >= 1, day <= Timestamp.daysIn(month: month, year: year),
            hour <= 23, minute <= 59, second <= 60
        else { return nil }
        var i = 19
        var fraction = 0
        if i < n, p[i] == 0x2E || p[i] == 0x2C {
            i += 1
            var scale = 100
            let start = i
            while i < n, digit(i) >= 0, digit(i) <= 9 {
                fraction += digit(i) * scale
                scale /= 10
                i += 1
            }
            guard i > start else { return nil }
        }
        if second == 60 { (second, fraction) = (59, 999) }
        var offset = 0
        if i < n {
            switch p[i] {
            case 0x5A, 0x7A:
                i += 1
            case 0x2B, 0x2D:
                let sign = p[i] == 0x2B ? 1 : -1
                guard n - i >= 5 else { return nil }
                let hours = two(i + 1)
                let colon = p[i + 3] == 0x3A
                guard n - i == (colon ? 6 : 5) else { return nil }
                let minutes = two(i + (colon ? 4 : 3))
                guard bad >= 0, hours <= 23, minutes <= 59 else { return nil }
                offset = sign * (hours * 60 + minutes)
                i = n
            default: return nil
            }
        }
        guard i == n else { return nil }
        self.init(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second,
            millisecond: fraction)
        milliseconds -= Int64(offset) * 60_000
    }

    /// A civil date and time in UTC (Howard Hinnant's days-from-civil). Ranges are the caller's duty.
    public init(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0,
        millisecond: Int = 0
    ) {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
        self.init(milliseconds: Int64(seconds) * 1000 + Int64(millisecond))
    }

    /// Days of a month, 1 through 12, in the Gregorian calendar.
    public static func daysIn(month: Int, year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The parts of the civil date in UTC.
    public var civil:
        (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, ms: Int)
    {
        let days = Int(floorDivide(milliseconds, 86_400_000))
        let rest = Int(milliseconds - Int64(days) * 86_400_000)
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let mp = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * mp + 2) / 5 + 1
        let month = mp < 10 ? mp + 3 : mp - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (
            year, month, day, rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000
        )
    }

    /// RFC 3339 in UTC with milliseconds: `2026-03-01T08:15:30.120Z`.
    public var rfc3339: String {
        let c = civil
        return "\(pad(c.year, 4))-\(pad(c.month, 2))-\(pad(c.day, 2))T"
            + "\(pad(c.hour, 2)):\(pad(c.minute, 2)):\(pad(c.second, 2)).\(pad(c.ms, 3))Z"
    }

    /// For a person: `2026-03-01 08:15 UTC`.
    public var humanReadable: String {
        let c = civil
        return "\(pad(c.year, 4))-\(pad(c.month, 2))-\(pad(c.day, 2)) "
            + "\(pad(c.hour, 2)):\(pad(c.minute, 2)) UTC"
    }
}

private func pad(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return digits.count >= width
        ? digits : String(repeating: "0", count: width - digits.count) + digits
}

extension Timestamp: CustomStringConvertible {
    public var description: String { rfc3339 }
}

extension Timestamp: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is not an RFC 3339 time")
        }
        self = time
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rfc3339)
    }

    /// As `init(rfc3339:)`, from a string.
    public init?(_ text: String) {
        var text = text
        let parsed = text.withUTF8 { Timestamp(rfc3339: TextView($0)) }
        guard let parsed else { return nil }
        self = parsed
    }
}
