public import SessionModel

/// How many alerts people can look at: so many a day, or so many for 1000 users and day.
public struct AlertBudget: Sendable, Equatable, CustomStringConvertible {
    public var count: Double
    public var isPer1000Users: Bool
    /// As it was written.
    public let description: String

    /// Reads `5/1000users/day`, `0.5/1000users/day` and `20/day`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let count = parts.first.flatMap({ Double($0) }), count > 0, count <= 1e6,
            parts.last == "day"
        else { return nil }
        switch parts.count {
        case 2: isPer1000Users = false
        case 3 where parts[1] == "1000users": isPer1000Users = true
        default: return nil
        }
        (self.count, description) = (count, text)
    }

    /// Alerts of this risk are told whatever the budget says.
    public static let alwaysTold = 90
}

/// Raises the bar by risk so that no more alerts are told than a budget allows.
///
/// The bar of an hour of record time is the least risk at which the alerts raised in the day, and in the
/// week, before it were no more than the budget for them; the higher one of both: the week keeps it from
/// swinging, the day has it rise soon when something breaks loose. Day and week end seven hours before:
/// by then nothing more can come (see `Census`), so that the bar does not depend on the order of arrival.
/// What was silenced counts as raised, as the bar would fall otherwise. A whole day is watched before
/// there is a bar.
///
/// Takes records and alerts in the order of arrival, one by one, and so gives the same answer however they
/// are cut into batches. Users are counted by a sketch for each hour.
/// - Memory: 370 KiB. Cost: some 10 ns a record.
public final class BudgetGate {
    /// What was last said of an alert.
    public struct Prior: Sendable, Equatable {
        public var isTold: Bool
        /// Nil when nothing of it is counted.
        var raised: Raised?

        public init(_ alert: Alert, _ gate: BudgetGate) {
            isTold = alert.status != .silenced
            raised = alert.status == .retracted ? nil : gate.raised(alert)
        }
    }

    /// In which hour an alert was raised, and with which risk.
    struct Raised: Sendable, Equatable {
        var hour: Int64
        var risk: Int
    }

    public let budget: AlertBudget
    private let alertRisk: Int
    /// By rule.
    private let weights: [String: DetectionRule.Weights]

    private static let hours: Int64 = 256
    static let lag: Int64 = 7
    private static let lateHours: Int64 = 6
    private static let week: Int64 = 168
    private static let risks = 104
    /// As the census has it: a leap in time is believed when twenty records in a row agree.
    private static let leap: Int64 = 48
    private static let witnesses: Int64 = 20

    private let users = CellTable<UInt8>(count: Int(hours) * UserSketch.registers)
    private let counts = CellTable<UInt32>(count: Int(hours) * risks)
    /// The newest hour, witnesses of a leap, the first hour that was watched; hours counted from 1.
    private let head = CellTable<Int64>(count: 8)
    private var knownBars: [Int64: Int?] = [:]

    public init(_ budget: AlertBudget, rules: [DetectionRule], alertRisk: Int) {
        self.budget = budget
        self.alertRisk = alertRisk
        weights = Dictionary(rules.map { ($0.id, $0.weights) }, uniquingKeysWith: { a, _ in a })
    }

    // MARK: Records

    private var newest: Int64 { max(0, min(SharedEgress.latestHour, head[0].pointee)) }
    private var firstWatched: Int64 { max(0, min(SharedEgress.latestHour, head[2].pointee)) }

    static func hour(_ milliseconds: Int64) -> Int64 { milliseconds / 3_600_000 + 1 }

    /// Counts a record's user, and goes on with time.
    @inline(__always)
    public func take(_ s: UnsafePointer<Sighting>) {
        let hour = BudgetGate.hour(s.pointee.record.time.milliseconds)
        if hour != newest || head[1].pointee != 0 {
            guard advance(to: hour) else { return }
        }
        let (register, value) = UserSketch.place(s.pointee.userKey)
        let cell = Int(hour % Self.hours) * UserSketch.registers + register
        if users[cell].pointee < value { users.change(cell).pointee = value }
    }

    /// Whether a record of this hour counts.
    private func advance(to hour: Int64) -> Bool {
        guard hour > 0, hour < SharedEgress.latestHour else { return false }
        let now = newest
        if hour > now {
            if now > 0, hour - now > Self.leap {
                head.change(1).pointee = max(0, min(Self.witnesses, head[1].pointee)) + 1
                if head[1].pointee < Self.witnesses { return false }
            }
            for step in 0..<min(hour - now, Self.hours) { clear(hour - step) }
            head.change(0).pointee = hour
            if now == 0 { head.change(2).pointee = hour }
            knownBars.removeAll(keepingCapacity: true)
        }
        if head[1].pointee != 0 { head.change(1).pointee = 0 }
        return newest - hour <= Self.lateHours
    }

    private func clear(_ hour: Int64) {
        let place = Int(hour % Self.hours)
        for i in place * UserSketch.registers..<(place + 1) * UserSketch.registers
        where users[i].pointee != 0 { users.change(i).pointee = 0 }
        for i in place * Self.risks..<(place + 1) * Self.risks where counts[i].pointee != 0 {
            counts.change(i).pointee = 0
        }
    }

    // MARK: The bar

    /// The least risk that is told of in the hour of this time; nil while there is no bar, as too little
    /// was seen, or the time is too long ago.
    public func bar(at time: Timestamp) -> Int? { bar(BudgetGate.hour(time.milliseconds)) }

    /// Of the newest hour.
    public var newestBar: Int? { bar(newest) }

    private func bar(_ hour: Int64) -> Int? {
        if let known = knownBars[hour] { return known }
        let last = hour - Self.lag
        // All of the week has to be in the ring still, or never have been watched.
        let oldest = max(last - Self.week + 1, firstWatched)
        guard firstWatched > 0, hour <= newest, oldest > newest - Self.hours,
            last - firstWatched + 1 >= 24
        else {
            return nil
        }
        let bar = max(bar(of: 24, upTo: last), bar(of: Self.week, upTo: last))
        knownBars[hour] = bar
        return bar
    }

    private func bar(of length: Int64, upTo last: Int64) -> Int {
        let first = max(last - length + 1, firstWatched)
        var seen = UserSketch()
        var byRisk = InlineArray<104, UInt64>(repeating: 0)
        var hour = first
        while hour <= last {
            let place = Int(hour % Self.hours)
            if budget.isPer1000Users { seen.add(users[place * UserSketch.registers]) }
            for risk in 0...100 {
                byRisk[risk] += UInt64(counts[place * Self.risks + risk].pointee)
            }
            hour += 1
        }
        let days = Double(last - first + 1) / 24
        let allowed = budget.count * days * (budget.isPer1000Users ? seen.count / 1000 : 1)
        var above: UInt64 = 0
        var bar = 101
        // From the gravest down, while there is room.
        while bar > alertRisk, Double(above + byRisk[bar - 1]) <= allowed {
            bar -= 1
            above += byRisk[bar]
        }
        return max(alertRisk, min(AlertBudget.alwaysTold, bar))
    }

    // MARK: Alerts

    /// Decides on an alert that judgement let through: silences it, or opens one that was silenced.
    ///
    /// - Parameters:
    ///   - prior: What was last said of it; nil when it is new.
    ///   - time: Of the record that brought it.
    public func decide(_ alert: inout Alert, prior: Prior?, broughtBy time: Timestamp) {
        let now = alert.status == .retracted ? nil : raised(alert)
        if now != prior?.raised {
            // What a correction brings to hours that are past for good is not counted any more.
            let earliest = BudgetGate.hour(time.milliseconds)
            if let old = prior?.raised, old.hour >= earliest { count(old, -1) }
            if let now, now.hour >= earliest { count(now, 1) }
        }
        switch alert.status {
        case .silenced: return
        case .retracted, .closed, .confirmed, .dismissed:
            // Nobody was told of it, or would have been: so nobody need be told that it is over.
            if let prior {
                if !prior.isTold { alert.status = .silenced }
            } else if barInTheWay(of: alert) != nil {
                alert.status = .silenced
            }
        case .open, .amended:
            if prior?.isTold == true { return }
            if let (bar, hour) = barInTheWay(of: alert) {
                alert.status = .silenced
                let shown = Timestamp(milliseconds: (hour - 1) * 3_600_000).rfc3339
                alert.summary =
                    "Below the bar of \(bar) that --budget \(budget) set for"
                    + " \(shown.prefix(10)) \(shown.dropFirst(11).prefix(5)) UTC. " + alert.summary
            } else if prior != nil {
                alert.status = .open
                alert.isMaterial = true
            }
        }
    }

    /// The bar that an alert stays below, and its hour; nil when it is told.
    private func barInTheWay(of alert: Alert) -> (bar: Int, hour: Int64)? {
        if alert.risk >= AlertBudget.alwaysTold { return nil }
        var highest: (bar: Int, hour: Int64)?
        for (hour, risk) in risks(alert) where risk >= alertRisk {
            // Its findings come one after another: it is told once the risk so far is enough.
            guard let bar = bar(hour), risk < bar else { return nil }
            highest = (bar, hour)
        }
        return highest
    }

    private func count(_ raised: Raised, _ change: Int64) {
        guard raised.hour <= newest, raised.hour > newest - Self.hours else { return }
        let cell = counts.change(
            Int(raised.hour % Self.hours) * Self.risks + max(0, min(100, raised.risk)))
        cell.pointee = UInt32(clamping: Int64(cell.pointee) + change)
        knownBars.removeAll(keepingCapacity: true)
    }

    /// The first hour in which an alert's findings were enough for one.
    func raised(_ alert: Alert) -> Raised? {
        for (hour, risk) in risks(alert) where risk >= alertRisk {
            return Raised(hour: hour, risk: risk)
        }
        return nil
    }

    /// The risk of an alert's findings up to the end of each hour that has one, from the first that is
    /// likely on: `Judge.risk`, as it was.
    private func risks(_ alert: Alert) -> [(hour: Int64, risk: Int)] {
        let findings = alert.findings.sorted { $0.time < $1.time }
        var strongest: [String: Double] = [:]
        var isLikely = false
        var found: [(hour: Int64, risk: Int)] = []
        for (i, finding) in findings.enumerated() {
            let weight = weights[finding.rule]?[finding.confidence] ?? 0
            strongest[finding.rule] = max(strongest[finding.rule] ?? 0, weight)
            if finding.confidence >= .likely { isLikely = true }
            let hour = BudgetGate.hour(finding.time.milliseconds)
            let isLastOfHour =
                i + 1 == findings.count
                || BudgetGate.hour(findings[i + 1].time.milliseconds) != hour
            guard isLikely, isLastOfHour else { continue }
            // In one order, as sums of floating point depend on it.
            let innocent = strongest.values.sorted().reduce(1.0) { $0 * (1 - $1) }
            found.append((hour, Int((100 * (1 - innocent)).rounded())))
        }
        return found
    }

    // MARK: Storing

    /// Its pages are numbered from here on, behind those of `Organization`.
    public static let firstPart = 1000
    private var tables: [any OrganizationTable] { [users, counts, head] }

    public func eachDirtyPage(
        _ body: (_ part: Int, _ page: Int, UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        for (number, table) in tables.enumerated() {
            try table.eachDirtyPage { try body(BudgetGate.firstPart + number, $0, $1) }
        }
    }

    /// After a commit: nothing has changed.
    public func stored() { for table in tables { table.stored() } }

    /// Takes on a stored page. False when there is no such page.
    public func restore(part: Int, page: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let number = part - BudgetGate.firstPart
        guard tables.indices.contains(number), (0..<tables[number].pageCount).contains(page),
            bytes.count == OrganizationPage.bytes
        else { return false }
        tables[number].page(page).copyMemory(from: bytes)
        return true
    }
}
