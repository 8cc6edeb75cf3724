internal import Foundation
public import SessionModel

/// A time zone of the IANA database, as `Europe/Berlin`.
public struct Zone: Sendable, Hashable {
    public let name: String
    private let zone: TimeZone

    /// Nil for a name that the database does not have.
    public init?(_ name: String) {
        guard name == "UTC" || name.utf8.contains(0x2F), name.utf8.count <= 64,
            let zone = TimeZone(identifier: name)
        else { return nil }
        (self.name, self.zone) = (name, zone)
    }

    public static let utc = Zone("UTC")!

    public static func == (a: Zone, b: Zone) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// Milliseconds that the zone is ahead of UTC.
    func offset(at time: Timestamp) -> Int64 {
        let date = Date(timeIntervalSince1970: Double(time.milliseconds) / 1000)
        return Int64(zone.secondsFromGMT(for: date)) * 1000
    }

    /// What calendars and clocks there show, as if it were UTC.
    func local(_ time: Timestamp) -> Timestamp { time.adding(milliseconds: offset(at: time)) }

    /// Minutes since midnight, 0 through 1439.
    func minuteOfDay(_ time: Timestamp) -> Int {
        let civil = local(time).civil
        return civil.hour * 60 + civil.minute
    }

    /// The first moment at which clocks show `local`; where they leap over it in spring, what it would
    /// be by the time before (RFC 5545, 3.3.5).
    func moment(showing local: Timestamp) -> Timestamp {
        let before = offset(at: local.adding(milliseconds: -86_400_000))
        let after = offset(at: local.adding(milliseconds: 86_400_000))
        let first = local.adding(milliseconds: -before)
        if offset(at: first) == before { return first }
        let second = local.adding(milliseconds: -after)
        return offset(at: second) == after ? second : first
    }
}

/// Hours in which a channel is left alone, by the clocks of a zone.
public struct QuietHours: Sendable, Equatable {
    /// Minutes since midnight. When `from` is the later one they span midnight.
    public var from: Int
    public var to: Int
    public var zone: Zone

    public init(from: Int, to: Int, zone: Zone) {
        (self.from, self.to, self.zone) = (from, to, zone)
    }

    public func contains(_ time: Timestamp) -> Bool {
        let minute = zone.minuteOfDay(time)
        return from <= to ? minute >= from && minute < to : minute >= from || minute < to
    }

    /// The first whole minute from `time` on that is outside; `time` itself when it is.
    public func end(from time: Timestamp) -> Timestamp {
        guard contains(time) else { return time }
        let minute: Int64 = 60_000
        var last = Timestamp(milliseconds: time.milliseconds / minute * minute)
        // Clocks change on a whole quarter of an hour, so that steps of one miss no end.
        for _ in 0..<(4 * 26) {
            let next = last.adding(milliseconds: 15 * minute)
            if !contains(next) { break }
            last = next
        }
        for _ in 0..<16 {
            last = last.adding(milliseconds: minute)
            if !contains(last) { return last }
        }
        return last
    }
}

/// When a channel's messages are gathered into one.
public enum DigestSchedule: Sendable, Equatable {
    /// At each multiple of so many minutes since midnight UTC.
    case every(minutes: Int)
    /// Once a day, at a minute since midnight by a zone's clocks.
    case daily(minute: Int, zone: Zone)

    /// The first time after `time`.
    public func next(after time: Timestamp) -> Timestamp {
        switch self {
        case .every(let minutes):
            let period = Int64(minutes) * 60_000
            return Timestamp(milliseconds: (time.milliseconds / period + 1) * period)
        case .daily(let minute, let zone):
            let day = Int64(zone.local(time).day)
            for later in Int64(0)...3 {
                let shown = Timestamp(
                    milliseconds: (day + later) * 86_400_000 + Int64(minute) * 60_000)
                let moment = zone.moment(showing: shown)
                if moment > time { return moment }
            }
            return time.adding(milliseconds: 86_400_000)
        }
    }
}
