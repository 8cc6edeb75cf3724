import SessionModel

/// How good alerts are, in numbers.
public struct Score: Sendable, Equatable {
    /// Takeovers of one kind, or of all.
    public struct Recall: Sendable, Equatable {
        public var kind: String
        public var takeovers = 0
        public var caught = 0
        /// Caught ones that have a session to end.
        public var withSession = 0
        /// Of these, where an alert names it as the session to end.
        public var rightSession = 0
        /// The same, when it is named at all, also among the further sessions.
        public var namedSession = 0
        /// From an attack's first record to the first revision that has it, in seconds; nil when
        /// none was caught.
        public var medianSeconds: Double?
        public var ninetiethSeconds: Double?

        /// 0 through 1; nil when there is none to catch.
        public var share: Double? { takeovers == 0 ? nil : Double(caught) / Double(takeovers) }
    }

    public struct FalseAlerts: Sendable, Equatable {
        public var scenario: String
        public var count: Int
        /// Of all users, a day.
        public var per1000UsersAndDay: Double
    }

    /// What would be if only alerts of at least this risk were shown.
    public struct Step: Sendable, Equatable {
        public var risk: Int
        public var recall: Double
        public var rightSession: Double?
        public var falsePer1000UsersAndDay: Double
        public var precision: Double?
    }

    public var users: Int
    public var days: Double
    public var all: Recall
    /// By name.
    public var kinds: [Recall]
    /// Attacks that got nowhere, by attack and user.
    public var attempts: Int
    public var standingAlerts: Int
    /// Those about attempts, or about attacks on others.
    public var attemptAlerts: Int
    public var falseAlerts: Int
    public var falsePer1000UsersAndDay: Double
    /// Most first.
    public var scenarios: [FalseAlerts]
    /// The share of standing alerts that are not false; nil when there are none.
    public var precision: Double?
    /// Risk 0, 5, … 100.
    public var curve: [Step]

    init(
        users: Int, days: Double, incidents: [Truth.Incident], catches: [[Scorer.Catch]],
        falseAlerts falls: [(risk: Int, scenario: String)], attemptAlerts: Int, standing: [Int]
    ) {
        let rate = 1000 / (Double(users) * days)
        self.users = users
        self.days = days
        all = Recall(kind: "all")
        var byKind: [String: Recall] = [:]
        var delays: [String: [Double]] = [:]
        var attempts = 0
        for (place, incident) in incidents.enumerated() {
            guard incident.isTakeover != false else {
                attempts += 1
                continue
            }
            var one = Recall(kind: incident.kind)
            one.takeovers = 1
            if !catches[place].isEmpty {
                one.caught = 1
                if !incident.sessions.isEmpty {
                    one.withSession = 1
                    one.rightSession = catches[place].contains(where: \.isRightSession) ? 1 : 0
                    one.namedSession = catches[place].contains(where: \.namesSession) ? 1 : 0
                }
                if let first = incident.first, let time = catches[place].map(\.time).min() {
                    delays[incident.kind, default: []].append(
                        max(0, Double(time.since(first)) / 1000))
                }
            }
            byKind[incident.kind, default: Recall(kind: incident.kind)].add(one)
            all.add(one)
        }
        kinds = byKind.values.sorted { $0.kind < $1.kind }
        for index in kinds.indices { kinds[index].take(delays: delays[kinds[index].kind] ?? []) }
        all.take(delays: delays.values.flatMap { $0 })
        self.attempts = attempts
        self.attemptAlerts = attemptAlerts
        standingAlerts = standing.count
        falseAlerts = falls.count
        falsePer1000UsersAndDay = Double(falls.count) * rate
        scenarios = Dictionary(grouping: falls, by: \.scenario).map {
            FalseAlerts(
                scenario: $0.key, count: $0.value.count,
                per1000UsersAndDay: Double($0.value.count) * rate)
        }.sorted { ($1.count, $0.scenario) < ($0.count, $1.scenario) }
        precision =
            standing.isEmpty ? nil : 1 - Double(falls.count) / Double(standing.count)
        let takeovers = all.takeovers
        curve = stride(from: 0, through: 100, by: 5).map { risk in
            var caught = 0
            var right = 0
            var withSession = 0
            for (place, incident) in incidents.enumerated() where incident.isTakeover != false {
                let left = catches[place].filter { $0.risk >= risk }
                guard !left.isEmpty else { continue }
                caught += 1
                guard !incident.sessions.isEmpty else { continue }
                withSession += 1
                if left.contains(where: \.isRightSession) { right += 1 }
            }
            let shown = standing.count { $0 >= risk }
            let wrong = falls.count { $0.risk >= risk }
            return Step(
                risk: risk, recall: takeovers == 0 ? 0 : Double(caught) / Double(takeovers),
                rightSession: withSession == 0 ? nil : Double(right) / Double(withSession),
                falsePer1000UsersAndDay: Double(wrong) * rate,
                precision: shown == 0 ? nil : 1 - Double(wrong) / Double(shown))
        }
    }
}

extension Score.Recall {
    fileprivate init(kind: String) { self.init(kind: kind, takeovers: 0) }

    fileprivate mutating func add(_ other: Score.Recall) {
        takeovers += other.takeovers
        caught += other.caught
        withSession += other.withSession
        rightSession += other.rightSession
        namedSession += other.namedSession
    }

    fileprivate mutating func take(delays: [Double]) {
        guard !delays.isEmpty else { return }
        let sorted = delays.sorted()
        // The nearest-rank percentile.
        func rank(_ share: Double) -> Double {
            sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
        }
        medianSeconds = rank(0.5)
        ninetiethSeconds = rank(0.9)
    }
}
