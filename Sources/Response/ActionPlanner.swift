public import SessionModel

/// Turns an alert into the steps that Lastseen takes itself, under a policy.
///
/// Pure: the same alert and policy give the same actions with the same ids, so that planning again
/// (a rerun after a crash, an amended alert) adds nothing that is there already.
public struct ActionPlanner: Sendable {
    public var policy: ResponsePolicy
    /// Each takes every step that it can and is there for.
    public var connectors: [ConnectorScope]
    /// The family of each rule's id, for entries that name some.
    public var families: [String: String]

    /// How the note of a step begins that is not needed as nothing asks for it any more; no target's
    /// word begins so.
    static let withdrawnNote = "withdrawn: "

    /// - Parameter connectors: those that are set up; when empty, as if `policy.connector` were and
    ///   could do everything, to show what would be done.
    public init(
        policy: ResponsePolicy, connectors: [ConnectorScope] = [], families: [String: String] = [:]
    ) {
        self.policy = policy
        self.connectors =
            connectors.isEmpty
            ? [ConnectorScope(name: policy.connector.rawValue, abilities: ConnectorAbility.all)]
            : connectors
        self.families = families
    }

    /// The steps in the order they are to be taken. Empty for an alert that is over, and for one for
    /// which the policy only notifies.
    ///
    /// | rung | steps |
    /// | --- | --- |
    /// | `require-step-up` | that |
    /// | `log-out-session` | the suspect's sessions |
    /// | `log-out-other-sessions`, `log-out-everywhere` | the suspect's sessions, then that |
    /// | `require-password-change` | the suspect's sessions, then that |
    /// | `suspend` | the suspect's sessions, a new password, and that |
    ///
    /// Only the suspect's sessions are named, never another of the user's: the alert holds those of
    /// the stranger. A connector that has to expire the credential first (`StepOrder`) does so.
    public func plan(for alert: Alert) -> [PlannedAction] {
        plan(for: alert, decision: policy.decide(alert, families: families))
    }

    func plan(for alert: Alert, decision: PolicyDecision) -> [PlannedAction] {
        guard !alert.status.isOver, decision.rung > .notify else { return [] }
        var plan = Plan(alert: alert, policy: policy, decision: decision)
        let routed = connectors.filter { $0.isFor(alert) }
        var sessions: [String] = []
        var seen: Set<String> = []
        for id in [alert.sessionID] + alert.otherSessionIDs.prefix(8)
        where !id.isEmpty && seen.insert(id).inserted { sessions.append(id) }

        var wanted: [(kind: Rung, session: String)] = []
        if decision.rung >= .logOutSession {
            wanted += sessions.map { (.logOutSession, $0) }
            if sessions.isEmpty {
                plan.note(
                    .logOutSession,
                    "the records name no session: log out of it by its device and address")
            }
        }
        if decision.rung >= .requirePasswordChange { wanted.append((.requirePasswordChange, "")) }
        switch decision.rung {
        case .stepUp, .logOutOthers, .logOutEverywhere, .suspend: wanted.append((decision.rung, ""))
        case .notify, .logOutSession, .requirePasswordChange: break
        }

        var steps: [(phase: Int, kind: Rung, session: String, connector: ConnectorScope)] = []
        for (kind, session) in wanted {
            var isTaken = false
            for connector in routed {
                if connector.abilities[kind] != nil {
                    isTaken = true
                    steps.append((phase(of: kind, connector), kind, session, connector))
                } else if kind == .logOutSession || kind == .logOutOthers,
                    connector.abilities[.logOutEverywhere] != nil
                {
                    isTaken = true
                    if decision.widens {
                        let isThere = steps.contains {
                            $0.kind == .logOutEverywhere && $0.connector.name == connector.name
                        }
                        if !isThere {
                            steps.append(
                                (
                                    phase(of: .logOutEverywhere, connector), .logOutEverywhere, "",
                                    connector
                                ))
                        }
                    } else {
                        plan.note(
                            kind,
                            "\(connector.name) can only log out everywhere, and the policy does "
                                + "not say 'widen: true'", session: session,
                            connector: connector.isNamed ? connector.name : "")
                    }
                }
            }
            if !isTaken {
                plan.note(
                    kind,
                    routed.isEmpty
                        ? "no connector is for this application and tenant"
                        : "no connector can do this", session: session)
            }
        }
        for step in steps.enumerated().sorted(by: {
            ($0.element.phase, $0.offset) < ($1.element.phase, $1.offset)
        }) {
            plan.step(step.element.kind, session: step.element.session, step.element.connector)
        }
        return plan.actions
    }

    /// Credentials before sessions where the connector wants it so, else after them.
    private func phase(of kind: Rung, _ connector: ConnectorScope) -> Int {
        guard kind == .requirePasswordChange || kind == .suspend else { return 1 }
        return connector.order == .credentialFirst ? 0 : 2
    }

    /// A plan as it grows.
    private struct Plan {
        let alert: Alert
        let policy: ResponsePolicy
        let decision: PolicyDecision
        var actions: [PlannedAction] = []

        mutating func note(
            _ kind: Rung, _ why: String, session: String = "", connector: String = ""
        ) {
            add(kind, session: session, state: .notifyOnly, note: why, idName: connector, nil)
        }

        mutating func step(_ kind: Rung, session: String, _ connector: ConnectorScope) {
            let state: ActionState
            var note = ""
            if let obstacle = obstacle(kind) {
                (state, note) = (.notifyOnly, obstacle)
            } else if let fault = policy.groupsFault {
                (state, note) = (.dryRun, "who is in which group is not known: \(fault)")
            } else if !policy.isActing {
                (state, note) = (.dryRun, "acting is not switched on (--act)")
            } else if policy.approvals.needed(for: kind) > 0 {
                let count = policy.approvals.needed(for: kind)
                (state, note) = (
                    .waiting,
                    "waits for the approval of \(count == 1 ? "a person" : "\(count) persons")"
                )
            } else {
                state = .planned
            }
            add(
                kind, session: session, state: state, note: note,
                idName: connector.isNamed ? connector.name : "", connector)
        }

        /// Why a person has to do it; nil when nothing is in the way.
        private func obstacle(_ kind: Rung) -> String? {
            if alert.userID.isEmpty { return "the alert names no user" }
            if policy.isProtected(id: alert.userID, name: alert.userName) {
                return "the user is protected"
            }
            if kind > policy.highestRung { return "the policy ends at \(policy.highestRung.name)" }
            // An entry that names a rung has said by its conditions when.
            guard decision.isAsked else { return nil }
            let isCredential = kind == .requirePasswordChange || kind == .suspend
            let least = isCredential ? max(policy.actRisk, policy.passwordRisk) : policy.actRisk
            if alert.risk < least { return "risk \(alert.risk) is below \(least)" }
            let confidence = alert.findings.map(\.confidence).max() ?? .possible
            if confidence < policy.confidence {
                return
                    "the finding is \(confidence.name), the policy wants \(policy.confidence.name)"
            }
            return nil
        }

        private mutating func add(
            _ kind: Rung, session: String, state: ActionState, note: String, idName: String,
            _ connector: ConnectorScope?
        ) {
            let target = session.isEmpty ? "user \(alert.userID)" : "session \(session)"
            let id = PlannedAction.id(
                alertID: alert.id, kind: kind, target: target, connector: idName)
            guard !actions.contains(where: { $0.id == id }) else { return }
            var action = PlannedAction(
                id: id, alertID: alert.id, kind: kind, tenant: alert.tenant, userID: alert.userID,
                userName: alert.userName, sessionID: session, time: alert.time,
                connector: state == .notifyOnly ? "" : connector?.name ?? "", state: state,
                note: note,
                data: ActionMessage.data(id: id, kind: kind, sessionID: session, alert: alert))
            action.application = alert.application
            action.survives = connector?.abilities[kind]?.survives ?? ""
            action.approvalsNeeded = policy.approvals.needed(for: kind)
            action.approvalSeconds = policy.approvals.hours * 3600
            action.decidedBy = decision.reason
            action.rung = decision.rung
            actions.append(action)
        }
    }
}
