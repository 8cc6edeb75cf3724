/// The rule at the end of a zone's file, in the form of POSIX's TZ: `CET-1CEST,M3.5.0,M10.5.0/3`.
///
/// Days of the form `Mm.w.d` are read, as all zones of today have; a zone with others keeps its
/// standard time.
struct ZoneRule: Equatable {
    /// Seconds east of Greenwich.
    var standard: Int32
    var summer: Int32
    private var from: Day?
    private var to: Day?

    private struct Day: Equatable {
        var month: Int
        var week: Int
        var weekday: Int
        /// Seconds after midnight of the clock before the change; may be below 0.
        var seconds: Int
    }

    /// Nil for what is no rule.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard Self.takeName(&rest), let west = Self.takeTime(&rest) else { return nil }
        standard = Int32(-west)
        summer = standard
        guard Self.takeName(&rest) else { return }
        summer = standard + 3600
        if rest.first != 0x2C, let west = Self.takeTime(&rest) { summer = Int32(-west) }
        from = Self.takeDay(&rest)
        to = Self.takeDay(&rest)
        if from == nil || to == nil { summer = standard }
    }

    /// From the last change that a file lists to the year 2100.
    func changes(after last: Int64) -> [(time: Int64, offset: Int32)] {
        guard let from, let to, summer != standard else { return [] }
        var all: [(time: Int64, offset: Int32)] = []
        for year in 1970...2100 {
            all.append((Self.time(from, year) - Int64(standard), summer))
            all.append((Self.time(to, year) - Int64(summer), standard))
        }
        return all.filter { $0.time > last }.sorted { $0.time < $1.time }
    }

    /// Of the clock before the change, as if it were UTC.
    private static func time(_ day: Day, _ year: Int) -> Int64 {
        // Days from 1970 to the first of the month (Hinnant, days_from_civil).
        func days(_ year: Int, _ month: Int) -> Int {
            let y = month <= 2 ? year - 1 : year
            let era = y / 400
            let ofEra = y - era * 400
            let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
            return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
        }
        let first = days(year, day.month)
        let next = day.month == 12 ? days(year + 1, 1) : days(year, day.month + 1)
        let weekday = ((first + 4) % 7 + 7) % 7  // from Sunday, 0
        var date = first + (day.weekday - weekday + 7) % 7 + 7 * (day.week - 1)
        while date >= next { date -= 7 }
        return Int64(date) * 86_400 + Int64(day.seconds)
    }

    /// `CET`, `<+0330>`.
    private static func takeName(_ rest: inout ArraySlice<UInt8>) -> Bool {
        if rest.first == 0x3C {
            guard let end = rest.firstIndex(of: 0x3E) else { return false }
            rest = rest[(end + 1)...]
            return true
        }
        let name = rest.prefix { (65...90).contains($0) || (97...122).contains($0) }
        rest = rest.dropFirst(name.count)
        return name.count >= 3
    }

    /// `-1`, `5:30`, `+3:00:00`, in seconds.
    private static func takeTime(_ rest: inout ArraySlice<UInt8>) -> Int? {
        var sign = 1
        if rest.first == 0x2D || rest.first == 0x2B {
            sign = rest.removeFirst() == 0x2D ? -1 : 1
        }
        var parts: [Int] = []
        while parts.count < 3, let part = takeNumber(&rest) {
            parts.append(part)
            guard rest.first == 0x3A else { break }
            rest.removeFirst()
        }
        guard let hours = parts.first, hours <= 167 else { return nil }
        let minutes = parts.count > 1 ? parts[1] : 0
        return sign * (hours * 3600 + minutes * 60 + (parts.count > 2 ? parts[2] : 0))
    }

    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard !digits.isEmpty, digits.count <= 3 else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    /// `,M10.5.0/3`.
    private static func takeDay(_ rest: inout ArraySlice<UInt8>) -> Day? {
        guard rest.first == 0x2C, rest.dropFirst().first == 0x4D else { return nil }
        rest = rest.dropFirst(2)
        guard let month = takeNumber(&rest), (1...12).contains(month), rest.popFirst() == 0x2E,
            let week = takeNumber(&rest), (1...5).contains(week), rest.popFirst() == 0x2E,
            let weekday = takeNumber(&rest), weekday <= 6
        else { return nil }
        var seconds = 7200
        if rest.first == 0x2F {
            rest.removeFirst()
            guard let given = takeTime(&rest) else { return nil }
            seconds = given
        }
        return Day(month: month, week: week, weekday: weekday, seconds: seconds)
    }
}
