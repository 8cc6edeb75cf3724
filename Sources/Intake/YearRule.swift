import SessionModel

/// The year of times that carry none, as syslog's `Dec 31 23:59:59`.
///
/// Lines are taken in their order. A step back by six months or more is the turn of a year; a late line
/// of the last three days of December among the first three of January belongs to the year before. Any
/// other step back is a late line of the same year. The first line's year is `--year`, else the newest
/// with which the last line lies no more than a day after the file was last changed (a day, since
/// such times carry no zone either). So each part of a log gives the answer that the whole gives.
struct YearRule {
    /// Of the newest line.
    private(set) var year: Int
    private(set) var month: Int
    private(set) var day: Int

    init(year: Int) { (self.year, month, day) = (year, 0, 0) }

    /// Goes on after a line at `time`.
    init(after time: Int64) {
        let civil = Timestamp(milliseconds: time).civil
        (year, month, day) = (civil.year, civil.month, civil.day)
    }

    /// Takes the next line's date and returns its year.
    mutating func take(month: Int, day: Int) -> Int {
        if self.month == 1, self.day <= 3, month == 12, day >= 29 {
            year -= 1  // late over New Year; the next line of January turns the year again
        } else if self.month != 0, month - self.month <= -6 {
            year += 1
        }
        (self.month, self.day) = (month, day)
        return year
    }

    /// The month and day that a line begins with: `Dec 10 06:55:46`, `Dec  1 …`. Nil for another line.
    @inline(__always)
    static func date(_ p: UnsafePointer<UInt8>, _ count: Int) -> (month: Int, day: Int)? {
        guard count >= 15, p[3] == 0x20, p[6] == 0x20, p[9] == 0x3A, p[12] == 0x3A,
            let month = month(p)
        else { return nil }
        let tens = p[4] == 0x20 ? 0 : Int(p[4]) - 48
        let ones = Int(p[5]) - 48
        guard (0...3).contains(tens), (0...9).contains(ones) else { return nil }
        let day = tens * 10 + ones
        guard day >= 1, day <= 31 else { return nil }
        return (month, day)
    }

    /// An English month's three letters.
    @inline(__always)
    static func month(_ p: UnsafePointer<UInt8>) -> Int? {
        let key = UInt32(p[0] | 0x20) << 16 | UInt32(p[1] | 0x20) << 8 | UInt32(p[2] | 0x20)
        switch key {
        case 0x6A616E: return 1
        case 0x666562: return 2
        case 0x6D6172: return 3
        case 0x617072: return 4
        case 0x6D6179: return 5
        case 0x6A756E: return 6
        case 0x6A756C: return 7
        case 0x617567: return 8
        case 0x736570: return 9
        case 0x6F6374: return 10
        case 0x6E6F76: return 11
        case 0x646563: return 12
        default: return nil
        }
    }

    /// For going on later: midnight of the newest line's day, in the year it was given.
    var time: Int64 {
        month == 0 ? 0 : Timestamp(year: year, month: month, day: day).milliseconds
    }

    /// The year of the first line such that the last line lies no more than a day after `end`.
    ///
    /// `self` has taken all lines from year 0 on.
    func firstYear(endingBefore end: Timestamp, hour: Int, minute: Int) -> Int {
        guard month != 0 else { return end.civil.year }
        let limit = end.milliseconds + 86_400_000
        let last = Timestamp(milliseconds: limit).civil.year
        for candidate in stride(from: last, to: last - 2, by: -1) {
            let time = Timestamp(
                year: candidate, month: month, day: day, hour: hour, minute: minute)
            if time.milliseconds <= limit { return candidate - year }
        }
        return last - 1 - year
    }
}
