internal import SessionModel

/// The first tries of the last day or so, counted by user and application.
///
/// Each list is by time, so that a count is a search; a clock that was set back makes later tries
/// count on, which errs towards doing less.
struct StartLog {
    private var all: [Int64] = []
    private var byUser: [ActionUser: [Int64]] = [:]
    private var byApplication: [String: [Int64]] = [:]
    /// For the cool-down, of each user's kind the newest few.
    private var newest: [Key: [ActionStart]] = [:]

    private struct Key: Hashable {
        var user: ActionUser
        var kind: Rung
    }

    init(_ starts: [ActionStart]) {
        for start in starts { add(start) }
    }

    mutating func add(_ start: ActionStart) {
        StartLog.insert(start.time.milliseconds, into: &all)
        StartLog.insert(start.time.milliseconds, into: &byUser[start.user, default: []])
        if !start.application.isEmpty {
            StartLog.insert(
                start.time.milliseconds, into: &byApplication[start.application, default: []])
        }
        let key = Key(user: start.user, kind: start.kind)
        newest[key, default: []].append(start)
    }

    func count(since time: Timestamp) -> Int { StartLog.count(all, since: time) }

    func count(since time: Timestamp, of user: ActionUser) -> Int {
        StartLog.count(byUser[user] ?? [], since: time)
    }

    func count(since time: Timestamp, in application: String) -> Int {
        StartLog.count(byApplication[application] ?? [], since: time)
    }

    /// The newest of the same kind, for the same user by the same connector, for another alert.
    func last(like action: OutboxAction, since time: Timestamp) -> ActionStart? {
        newest[Key(user: action.user, kind: action.planned.kind)]?.last {
            $0.time >= time && $0.alertID != action.planned.alertID
                && $0.connector == action.planned.connector
        }
    }

    /// Those acted upon, as far as a person has not let it go on since.
    func users(since time: Timestamp, plannedAfter resumed: Timestamp?) -> Set<ActionUser> {
        var users: Set<ActionUser> = []
        for starts in newest.values {
            for start in starts where start.time >= time && start.created > resumed ?? .distantPast
            {
                users.insert(start.user)
            }
        }
        return users
    }

    private static func insert(_ time: Int64, into times: inout [Int64]) {
        if (times.last ?? time) <= time {
            times.append(time)
        } else {
            times.insert(time, at: firstIndex(times, from: time))
        }
    }

    private static func count(_ times: [Int64], since time: Timestamp) -> Int {
        times.count - firstIndex(times, from: time.milliseconds)
    }

    /// The first that is not before `time`.
    private static func firstIndex(_ times: [Int64], from time: Int64) -> Int {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
