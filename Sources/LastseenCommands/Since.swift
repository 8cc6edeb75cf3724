public import ArgumentParser
public import SessionModel

/// The earliest time of what is asked for: an age as `30m`, `12h`, `7d`, `4w`, or a time.
public enum Since: Equatable, Sendable {
    case age(milliseconds: Int64)
    case time(Timestamp)

    /// The moment that is meant, when it is `now`.
    func resolved(at now: Timestamp) -> Timestamp {
        switch self {
        case .age(let milliseconds): now.adding(milliseconds: -milliseconds)
        case .time(let time): time
        }
    }

    /// The longest age: 100 years.
    private static let longest: Int64 = 100 * 366 * 86_400_000
}

extension Since: ExpressibleByArgument {
    public var defaultValueDescription: String {
        switch self {
        case .age(let milliseconds): "\(milliseconds / 86_400_000)d"
        case .time(let time): time.rfc3339
        }
    }

    public init?(argument: String) {
        if let time = Timestamp(argument) ?? Timestamp(argument + "T00:00:00Z") {
            self = .time(time)
            return
        }
        let units: [Character: Int64] = [
            "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000,
        ]
        guard let last = argument.last, let unit = units[last],
            let number = Int64(argument.dropLast()), number >= 0, number <= Since.longest / unit
        else { return nil }
        self = .age(milliseconds: number * unit)
    }
}
