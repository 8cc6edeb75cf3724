public import SessionModel

/// What a policy would have done about alerts that are on record, as if acting had been switched on.
public struct PolicyReview: Sendable {
    /// Alerts by the rung that was decided.
    public private(set) var alerts: [Rung: Int] = [:]
    /// Steps that would have been taken, by kind; those that wait for approval among them.
    public private(set) var steps: [Rung: Int] = [:]
    /// Users who would have been hit, by the kind of the step.
    public private(set) var users: [Rung: Set<ActionUser>] = [:]
    /// Steps that need approval, by kind.
    public private(set) var approvals: [Rung: Int] = [:]
    /// Steps that guards would have left to a person or put off, by the reason.
    public private(set) var stopped: [String: Int] = [:]
    /// Where users within 60 minutes would have opened the breaker: when first, and how many they
    /// were at most. Nil when it would have stayed closed.
    public private(set) var breaker: (first: Timestamp, users: Int)?
    /// Of each alert, by its id: the rung and what decided.
    public private(set) var decisions: [String: PolicyDecision] = [:]
    public private(set) var alertCount = 0

    /// - Parameter alerts: in any order; those that are over count as if they stood, as they did once.
    ///   Times are the alerts'.
    public init(_ alerts: [Alert], planner: ActionPlanner, knownUsers: Int?) {
        var planner = planner
        planner.policy.isActing = true
        var window = Window(policy: planner.policy)
        let breakerLimit = planner.policy.breaker.limit(known: knownUsers)
        for var alert in alerts.sorted(by: { ($0.time, $0.id) < ($1.time, $1.id) }) {
            if alert.status.isOver { alert.status = .amended }
            alertCount += 1
            let decision = planner.policy.decide(alert, families: planner.families)
            decisions[alert.id] = decision
            self.alerts[decision.rung, default: 0] += 1
            for action in planner.plan(for: alert, decision: decision) {
                switch action.state {
                case .planned, .waiting:
                    let user = ActionUser(tenant: alert.tenant, id: alert.userID)
                    steps[action.kind, default: 0] += 1
                    users[action.kind, default: []].insert(user)
                    if action.state == .waiting { approvals[action.kind, default: 0] += 1 }
                    if let cap = window.add(action, user: user, at: alert.time) {
                        stopped[cap, default: 0] += 1
                    }
                    let count = window.userCount
                    if count > breakerLimit {
                        breaker = (breaker?.first ?? alert.time, max(breaker?.users ?? 0, count))
                    }
                default: stopped[action.note, default: 0] += 1
                }
            }
        }
    }

    /// The last hour's and day's steps, in the alerts' time.
    private struct Window {
        let policy: ResponsePolicy
        private var hour: [(time: Timestamp, user: ActionUser, application: String)] = []
        private var start = 0
        private var day: [Timestamp] = []
        private var dayStart = 0
        private var byUser: [ActionUser: Int] = [:]
        private var byApplication: [String: Int] = [:]
        private var last: [String: Timestamp] = [:]

        init(policy: ResponsePolicy) { self.policy = policy }

        var userCount: Int { byUser.count }

        /// The guard that would have put it off; nil when none would.
        mutating func add(
            _ action: PlannedAction, user: ActionUser, at time: Timestamp
        ) -> String? {
            while start < hour.count, time.since(hour[start].time) >= 3_600_000 {
                let gone = hour[start]
                byUser[gone.user, default: 1] -= 1
                if byUser[gone.user] == 0 { byUser[gone.user] = nil }
                byApplication[gone.application, default: 1] -= 1
                start += 1
            }
            while dayStart < day.count, time.since(day[dayStart]) >= 86_400_000 { dayStart += 1 }
            let caps = policy.caps
            let key =
                "\(user.tenant)\u{0}\(user.id)\u{0}\(action.kind.rawValue)\u{0}\(action.connector)"
            let coolDown = Int64(policy.coolDownSeconds[action.kind] ?? 0) * 1000
            if let before = last[key], time.since(before) < coolDown, coolDown > 0 {
                return "the cool-down of \(action.kind.name)"
            }
            if policy.quiet.contains(where: { $0.contains(time) }) { return "quiet hours" }
            if hour.count - start >= caps.perHour { return "the cap per hour" }
            if day.count - dayStart >= caps.perDay { return "the cap per day" }
            if byUser[user, default: 0] >= caps.perUserPerHour {
                return "the cap per user and hour"
            }
            if !action.application.isEmpty,
                byApplication[action.application, default: 0] >= caps.perApplicationPerHour
            {
                return "the cap per application and hour"
            }
            last[key] = time
            hour.append((time, user, action.application))
            day.append(time)
            byUser[user, default: 0] += 1
            byApplication[action.application, default: 0] += 1
            return nil
        }
    }
}
