internal import Foundation
public import SessionModel

/// Hours of certain days, on the clocks of a time zone.
public struct TimeWindow: Sendable, Equatable {
    /// 1 is Monday, 7 Sunday (ISO 8601). All seven when nothing is said.
    public var days: Set<Int>
    /// Minutes since midnight. Where `until` is not after `from` the window goes on into the next day,
    /// and belongs to the day on which it begins.
    public var from: Int
    /// Not part of it any more.
    public var until: Int
    /// The IANA zone's name.
    public let zone: String
    private let timeZone: TimeZone

    /// Nil when the system does not know the zone.
    public init?(
        days: Set<Int> = Set(1...7), from: Int = 0, until: Int = 24 * 60, zone: String = "UTC"
    ) {
        guard let timeZone = TimeZone(identifier: zone) else { return nil }
        (self.days, self.from, self.until) = (days, from, until)
        (self.zone, self.timeZone) = (zone, timeZone)
    }

    /// Whether the moment is in it, summer time considered.
    public func contains(_ time: Timestamp) -> Bool {
        let date = Date(timeIntervalSince1970: Double(time.milliseconds) / 1000)
        let seconds =
            floorDivide(time.milliseconds, 1000) + Int64(timeZone.secondsFromGMT(for: date))
        let day = floorDivide(seconds, 86_400)
        let minute = Int((seconds - day * 86_400) / 60)
        // 1970-01-01 was a Thursday.
        let weekday = Int((day + 3) - floorDivide(day + 3, 7) * 7) + 1
        if from < until { return days.contains(weekday) && minute >= from && minute < until }
        let yesterday = weekday == 1 ? 7 : weekday - 1
        return minute >= from && days.contains(weekday)
            || minute < until && days.contains(yesterday)
    }

    /// Whether it surely holds all of `other`.
    func covers(_ other: TimeWindow) -> Bool {
        if self == other { return true }
        if days.count == 7, isWholeDay { return true }
        guard zone == other.zone, days.isSuperset(of: other.days) else { return false }
        if from < until {
            return other.from < other.until && from <= other.from && until >= other.until
        }
        if other.from < other.until { return from <= other.from }
        return from <= other.from && until >= other.until
    }

    private var isWholeDay: Bool { from == 0 && until == 24 * 60 }

    private func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        a >= 0 ? a / b : -((b - 1 - a) / b)
    }
}
