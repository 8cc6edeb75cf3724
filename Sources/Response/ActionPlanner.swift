public import SessionModel

/// Turns an alert into the steps that Lastseen takes itself, under a policy.
///
/// Pure: the same alert and policy give the same actions with the same ids, so that planning again
/// (a rerun after a crash, an amended alert) adds nothing that is there already.
public struct ActionPlanner: Sendable {
    public var policy: ResponsePolicy

    public init(policy: ResponsePolicy) { self.policy = policy }

    /// The steps in the order they are to be taken: sessions are ended before the password is
    /// changed. Empty for an alert that is over, and for one whose rules ask only to notify.
    ///
    /// Only the suspect's sessions are named, never another of the user's: the alert holds those of
    /// the stranger, and no rung that is done here reaches further.
    public func plan(for alert: Alert) -> [PlannedAction] {
        guard !alert.status.isOver, alert.rung > .notify else { return [] }
        var plan = Plan(alert: alert, policy: policy)
        if alert.rung >= .logOutSession {
            var seen: Set<String> = []
            let sessions = ([alert.sessionID] + alert.otherSessionIDs.prefix(8))
                .filter { !$0.isEmpty && seen.insert($0).inserted }
            if sessions.isEmpty {
                plan.note(
                    .logOutSession,
                    "the records name no session: log out of it by its device and "
                        + "address")
            }
            for session in sessions {
                plan.step(.logOutSession, session: session, risk: policy.actRisk)
            }
        }
        if alert.rung >= .requirePasswordChange {
            plan.step(
                .requirePasswordChange, session: "", risk: max(policy.actRisk, policy.passwordRisk))
        }
        switch alert.rung {
        case .stepUp, .logOutOthers, .logOutEverywhere, .suspend:
            plan.note(alert.rung, "the rule asks for this, which Lastseen does not do itself")
        case .notify, .logOutSession, .requirePasswordChange:
            break
        }
        return plan.actions
    }

    /// A plan as it grows.
    private struct Plan {
        let alert: Alert
        let policy: ResponsePolicy
        var actions: [PlannedAction] = []

        mutating func note(_ kind: Rung, _ why: String) {
            add(kind, session: "", state: .notifyOnly, note: why)
        }

        mutating func step(_ kind: Rung, session: String, risk: Int) {
            if let obstacle = obstacle(kind, risk: risk) {
                add(kind, session: session, state: .notifyOnly, note: obstacle)
            } else if !policy.isActing {
                add(
                    kind, session: session, state: .dryRun,
                    note: "acting is not switched on (--act)")
            } else {
                add(kind, session: session, state: .planned, note: "")
            }
        }

        /// Why a person has to do it; nil when nothing is in the way.
        private func obstacle(_ kind: Rung, risk: Int) -> String? {
            let confidence = alert.findings.map(\.confidence).max() ?? .possible
            if alert.userID.isEmpty { return "the alert names no user" }
            if policy.protectedUsers.contains(id: alert.userID, name: alert.userName) {
                return "the user is protected"
            }
            if kind > policy.highestRung { return "the policy ends at \(policy.highestRung.name)" }
            if alert.risk < risk { return "risk \(alert.risk) is below \(risk)" }
            if confidence < policy.confidence {
                return
                    "the finding is \(confidence.name), the policy wants \(policy.confidence.name)"
            }
            return nil
        }

        private mutating func add(
            _ kind: Rung, session: String, state: ActionState, note: String
        ) {
            let target = session.isEmpty ? "user \(alert.userID)" : "session \(session)"
            let id = PlannedAction.id(alertID: alert.id, kind: kind, target: target)
            actions.append(
                PlannedAction(
                    id: id, alertID: alert.id, kind: kind, tenant: alert.tenant,
                    userID: alert.userID, userName: alert.userName, sessionID: session,
                    time: alert.time,
                    connector: state == .notifyOnly ? "" : policy.connector.rawValue, state: state,
                    note: note,
                    data: ActionMessage.data(
                        id: id, kind: kind, sessionID: session, alert: alert)))
        }
    }
}
