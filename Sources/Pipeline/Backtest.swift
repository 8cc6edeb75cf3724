public import Detection
public import Intake
import Publishing
public import SessionModel
public import StateStore

/// Tries rules on records of the past: the real pipeline over a state in memory, so that nothing of the
/// real state is touched.
public enum Backtest {
    public enum Source {
        /// What a state has kept.
        case history(StateStore)
        case files([Input], unnamed: Set<Input>)
    }

    /// From when on alerts count. What comes before teaches.
    public enum Start: Sendable, Equatable {
        case time(Timestamp)
        /// Before the newest record.
        case age(milliseconds: Int64)
        case beginning
    }

    /// What one version of the rules raised.
    public struct Run: Sendable {
        public var records = 0
        public var rejected = 0
        /// In the time that counts, an estimate exact to some 3 %.
        public var users = 0.0
        /// Of the first record that was read.
        public var first = Timestamp(milliseconds: 0)
        /// Where the time that counts begins and ends.
        public var from = Timestamp(milliseconds: 0)
        public var until = Timestamp(milliseconds: 0)
        /// By the time at which they were raised.
        public var alerts: [Raised] = []
        /// Alerts below the bar, which nobody would be told of.
        public var silenced = 0

        /// At least a day, so that an hour's alerts are not taken for the habit of a day.
        public var days: Double {
            max(1, Double(until.milliseconds - from.milliseconds) / 86_400_000)
        }
        /// Days before, of which only was learned.
        public var warmUpDays: Double {
            max(0, Double(from.milliseconds - first.milliseconds) / 86_400_000)
        }
        public func per1000UsersAndDay(_ count: Int) -> Double {
            users < 0.5 ? 0 : Double(count) * 1000 / (users * days)
        }
    }

    /// An alert that was told and not taken back.
    public struct Raised: Sendable, Equatable {
        public var id: String
        /// Of the first finding that is at least likely.
        public var time: Timestamp
        public var userID: String
        public var userName: String
        public var risk: Int
        public var title: String
        public var rules: [String]
        /// The weightiest finding's.
        public var sentence: String

        public func has(rule: String) -> Bool { rules.contains(rule) }
    }

    /// - Parameter options: With the rules to try. Outputs, responses and history are left out.
    /// - Throws: `HistoryError` when nothing is kept or it is damaged; what reading and judging throw.
    public static func run(
        _ options: AnalysisOptions, _ source: Source, since start: Start,
        progress: ((_ records: Int, _ done: UInt64, _ total: UInt64?) -> Void)? = nil
    ) throws -> Run {
        var options = options
        (options.outputs, options.rejectsPath, options.history) = ([], nil, nil)
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "rules backtest")
        defer { store.close() }
        let analysis = try Analysis(options, store: store) { Timestamp(milliseconds: 0) }
        analysis.progress = progress
        let calendar = Calendar()
        analysis.didJudge = { calendar.note($0) }
        switch source {
        case .history(let kept): try analysis.replay(HistoryReader(kept))
        case .files(let inputs, let unnamed): try analysis.analyze(inputs, unnamed: unnamed)
        }
        var run = Run()
        run.records = analysis.result.summary.records
        run.rejected = analysis.result.summary.rejected
        run.first = Timestamp(milliseconds: calendar.first)
        // A single clock that leaps is no end of time.
        let end = analysis.hour > 0 ? (analysis.hour + 1) * 3_600_000 : calendar.last
        run.until = Timestamp(milliseconds: min(calendar.last, end))
        run.from =
            switch start {
            case .time(let time): max(time, run.first)
            case .age(let age): max(run.until.adding(milliseconds: -age), run.first)
            case .beginning: run.first
            }
        run.users = calendar.users(from: run.from, until: run.until)
        try collect(into: &run, store)
        return run
    }

    private static func collect(into run: inout Run, _ store: StateStore) throws {
        // A day at a time, as a read has its limit.
        var day: Int64? = run.from.milliseconds
        while let start = day {
            let end = start + 86_400_000
            // What has a later time still has a clock that is wrong.
            day = end > run.until.milliseconds ? nil : end
            var filter = AlertFilter()
            (filter.since, filter.until) = (start, day)
            filter.limit = StateLimit.rows
            for row in try store.alerts(filter: filter) {
                let alert = try AlertJSON.read(row.json)
                let likely = alert.findings.filter { $0.confidence >= .likely }
                let time = likely.map(\.time).min() ?? alert.time
                guard time >= run.from else { continue }
                if alert.status == .silenced { run.silenced += 1 }
                guard alert.status != .silenced, alert.status != .retracted else { continue }
                run.alerts.append(
                    Raised(
                        id: alert.id, time: time, userID: alert.userID, userName: alert.userName,
                        risk: alert.risk, title: alert.title, rules: alert.findings.map(\.rule),
                        sentence: alert.findings.first?.sentence ?? alert.summary))
            }
        }
        run.alerts.sort { ($0.time, $0.id) < ($1.time, $1.id) }
    }

    /// Which users were seen on which days.
    private final class Calendar {
        private var days: [Int32: UserSketch] = [:]
        private(set) var first = Int64.max
        private(set) var last = Int64.min
        /// More days than that are clocks gone wrong.
        private static let limit = 4000

        func note(_ sighting: UnsafePointer<Sighting>) {
            let time = sighting.pointee.record.time
            first = min(first, time.milliseconds)
            last = max(last, time.milliseconds)
            if days[time.day] == nil, days.count >= Calendar.limit { return }
            days[time.day, default: UserSketch()].add(sighting.pointee.userKey)
        }

        func users(from: Timestamp, until: Timestamp) -> Double {
            var all = UserSketch()
            for (day, users) in days where day >= from.day && day <= until.day { all.add(users) }
            return all.count
        }
    }
}

/// How two versions of the rules differ in what they raise.
public struct BacktestDifference: Sendable {
    public var onlyInOld: [Backtest.Raised] = []
    public var onlyInNew: [Backtest.Raised] = []
    public var inBoth = 0
    /// Of those, with another risk.
    public var changed: [(old: Backtest.Raised, new: Backtest.Raised)] = []

    /// Alerts are the same when they have the same id: of the same user, about the same device or
    /// session, begun on the same day.
    public init(old: [Backtest.Raised], new: [Backtest.Raised]) {
        var known: [String: Backtest.Raised] = [:]
        for alert in old { known[alert.id] = alert }
        for alert in new {
            guard let before = known.removeValue(forKey: alert.id) else {
                onlyInNew.append(alert)
                continue
            }
            inBoth += 1
            if before.risk != alert.risk { changed.append((before, alert)) }
        }
        onlyInOld = old.filter { known[$0.id] != nil }
    }
}
