public import SessionModel

/// A test in the policy's own file: an alert in a few words, and what the policy has to say about it.
public struct PolicyTest: Sendable, Equatable {
    /// An alert, as far as a policy asks about it.
    public struct Sketch: Sendable, Equatable {
        public var rules = ["impossible-travel"]
        /// Of the rules; empty: as they lie in their folders.
        public var family = ""
        public var risk = 50
        public var confidence = Confidence.likely
        public var asks = Rung.logOutSession
        public var user = "u1"
        public var userName = ""
        /// In place of what the file of groups says.
        public var groups: [String] = []
        public var application = ""
        public var tenant = ""
        public var sessions = ["s1"]
        /// A Sunday morning when nothing is said.
        public var time = Timestamp(year: 2026, month: 3, day: 1, hour: 8)

        public init() {}

        func alert() -> Alert {
            var alert = Alert(
                id: "a-0000000000000000", revision: 1, status: .open, time: time, tenant: tenant,
                userID: user, userName: userName, sessionID: sessions.first ?? "",
                otherSessionIDs: Array(sessions.dropFirst()), deviceID: "", deviceLabel: "",
                place: Place(), network: Network(), risk: risk, severity: Severity(risk: risk),
                title: "", summary: "", rung: asks,
                findings: rules.map {
                    Finding(
                        rule: $0, severity: Severity(risk: risk), confidence: confidence,
                        time: time,
                        records: [], evidence: [], silencedBy: "", sentence: "")
                })
            alert.application = application
            return alert
        }
    }

    /// A step that is expected, and what becomes of it; nil: anything but left to a person.
    public struct Step: Sendable, Equatable, CustomStringConvertible {
        public var kind: Rung
        public var state: ActionState?

        /// `suspend`, `suspend: waiting`.
        init?(_ text: String) {
            let parts = text.split(separator: ":").map { trimmed(String($0)) }
            guard (1...2).contains(parts.count), let kind = Rung(name: parts[0]) else { return nil }
            self.kind = kind
            if parts.count == 2 {
                guard let state = ActionState(rawValue: parts[1]),
                    [.planned, .waiting, .notifyOnly].contains(state)
                else { return nil }
                self.state = state
            }
        }

        init(_ action: PlannedAction) { (kind, state) = (action.kind, action.state) }

        public var description: String { kind.name + (state.map { ": \($0.rawValue)" } ?? "") }

        func isMet(by action: PlannedAction) -> Bool {
            kind == action.kind
                && (state.map { $0 == action.state } ?? (action.state != .notifyOnly))
        }
    }

    public var name: String
    /// In the file.
    public var line: Int
    public var sketch: Sketch
    public var rung: Rung
    /// The entry that has to decide; `default` for none. Nil: any.
    public var entry: String?
    /// All steps, in order; nil when the test does not ask.
    public var steps: [Step]?

    public init(name: String, line: Int = 0, sketch: Sketch, rung: Rung) {
        self.name = name
        self.line = line
        self.sketch = sketch
        self.rung = rung
    }

    /// What the policy says about the sketch.
    public func decision(
        of policy: ResponsePolicy, families: [String: String] = [:]
    ) -> PolicyDecision {
        var families = families
        if !sketch.family.isEmpty {
            for rule in sketch.rules { families[rule] = sketch.family }
        }
        return policy.decide(sketch.alert(), families: families, groups: sketch.groups)
    }

    /// What is different from what the test expects, a sentence each; empty when it passes.
    public func mismatches(with policy: ResponsePolicy, families: [String: String] = [:])
        -> [String]
    {
        var acting = policy
        acting.isActing = true
        acting.groupsFault = nil
        let alert = sketch.alert()
        let decision = decision(of: acting, families: families)
        let decided = decision.entry.isEmpty ? "default" : decision.entry
        var found: [String] = []
        if decision.rung != rung {
            found.append(
                "The rung is \(decision.rung.name), by \(decision.reason); expected is \(rung.name)."
            )
        }
        if let entry, entry != decided {
            found.append("'\(decided)' decides; expected is '\(entry)'.")
        }
        if let steps {
            // Whoever is in a protected group by the sketch is protected.
            if acting.protectedGroups.contains(where: { pattern in
                sketch.groups.contains { pattern.matches($0) }
            }), let users = try? acting.protectedUsers.adding([sketch.user]) {
                acting.protectedUsers = users
            }
            let actions = ActionPlanner(policy: acting, families: families)
                .plan(for: alert, decision: decision)
            let isMet =
                actions.count == steps.count
                && zip(steps, actions).allSatisfy { $0.isMet(by: $1) }
            if !isMet {
                let got = actions.map { Step($0).description }.joined(separator: ", ")
                let wanted = steps.map(\.description).joined(separator: ", ")
                found.append(
                    "The steps are [\(got)]; expected are [\(wanted)].")
            }
        }
        return found
    }
}
