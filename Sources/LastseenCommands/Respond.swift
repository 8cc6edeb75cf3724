import ArgumentParser
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

struct Respond: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Log out suspect sessions and have passwords changed.",
        discussion: """
            Each alert asks for steps; a policy says which of them Lastseen takes itself. They wait in \
            an outbox in the state, are sent at most once in effect (each has an idempotency key), are \
            tried again with growing waits, and every step is in a journal whose entries hold the hash \
            of the one before.

              lastseen respond plan                          what would be done, and why not more
              lastseen respond apply --act --exec ./end      do it, by a program of yours
              lastseen respond apply --act --webhook URL     do it, by a signed webhook
              lastseen respond check policy.yaml             check a policy and run its tests
              lastseen respond plan --policy new.yaml --since 7d --against old.yaml
              lastseen respond approve act-0123456789abcdef  agree to a step that waits for it
              lastseen respond status                        the outbox, and whether the journal is whole

            A program gets JSON on standard input and ends with 0 (done), 75 (try again) or another \
            status (failed). A webhook gets the same JSON in a POST and answers with 2xx.
            """,
        subcommands: [
            Check.self, Plan.self, Apply.self, Approve.self, Deny.self, Retry.self, Undo.self,
            Resume.self, Status.self, Connectors.self,
        ])

    /// The alerts that stand, the riskiest first, and the steps for each.
    static func plans(
        _ store: StateStore, _ planner: ActionPlanner, since: Since?, alert id: String?
    ) throws -> [(alert: Alert, actions: [PlannedAction])] {
        var filter = AlertFilter()
        filter.statuses = Alert.Status.standing
        filter.since = since?.resolved(at: wallTime()).milliseconds
        filter.order = .riskFirst
        filter.limit = StateLimit.rows
        var plans: [(alert: Alert, actions: [PlannedAction])] = []
        let wanted = try id.map { try Alerts.find($0, in: store, statuses: filter.statuses).id }
        for row in try store.alerts(filter: filter) where wanted == nil || row.id == wanted {
            let alert = try AlertJSON.read(row.json)
            plans.append((alert, planner.plan(for: alert)))
        }
        if let wanted, plans.isEmpty {
            throw Misuse("\(wanted) is older than --since asks for", exitCode: 66)
        }
        return plans
    }

    /// What is planned for each alert, where it stands, and what holds it back.
    static func text(
        _ plans: [(alert: Alert, actions: [PlannedAction])], _ store: StateStore,
        _ style: TextStyle,
        hasConnector: Bool, rehearsed: (PlannedAction) -> String? = { _ in nil }
    ) throws -> (text: String, sendable: Int) {
        var text = ""
        var sendable = 0
        for (alert, actions) in plans where !actions.isEmpty {
            text += AlertText.line(alert, style: style)
            for action in actions {
                let row = try store.action(id: action.id)
                let known = try row.map { try StoreOutbox.action($0) }
                let state: String
                if let row, let known,
                    !StoreOutbox.givesWay(row, to: action, alertRevision: alert.revision)
                {
                    state =
                        known.state.rawValue
                        + (known.planned.note.isEmpty ? "" : ": \(known.planned.note)")
                    if known.state.isOpen { sendable += 1 }
                } else if action.state == .planned {
                    state =
                        hasConnector
                        ? "would be sent by \(action.connector)" : "could be done"
                    sendable += 1
                } else {
                    state = "left to a person: \(action.note)"
                }
                text += "    \(ResponseText.name(action)): \(SafeText.visible(state))\n"
                let isToDo = action.state == .planned || action.state == .waiting
                if isToDo, known?.firstStarted == nil, let words = rehearsed(action) {
                    text += "        \(SafeText.visible(words, limit: 250))\n"
                }
            }
        }
        return (text, sendable)
    }

    /// Actions that were refused, failed or given up, for alerts that stand.
    static func leftCount(_ store: StateStore) throws -> Int {
        let states = ResponseText.ended.map(\.rawValue).sorted()
        var count = 0
        for row in try store.actions(states: states, limit: StateLimit.rows) {
            let status = try store.alert(id: row.alertID).flatMap {
                Alert.Status(rawValue: $0.status)
            }
            if status?.isOver != true { count += 1 }
        }
        return count
    }

    /// The file's rules with their families, where a policy is read; else nothing is needed of them.
    static func families(_ rules: RuleOptions, for policy: String?) throws -> [String: String]? {
        policy == nil ? nil : try rules.load().families
    }
}
