import ArgumentParser
import Publishing
import Response
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
              lastseen respond status                        the outbox, and whether the journal is whole

            A program gets JSON on standard input and ends with 0 (done), 75 (try again) or another \
            status (failed). A webhook gets the same JSON in a POST and answers with 2xx.
            """,
        subcommands: [Plan.self, Apply.self, Status.self, Connectors.self])

    /// The alerts that stand, the riskiest first, and the steps for each.
    private static func plans(
        _ store: StateStore, _ policy: ResponsePolicy, since: Since?, alert id: String?
    ) throws -> [(alert: Alert, actions: [PlannedAction])] {
        var filter = AlertFilter()
        filter.statuses = Alert.Status.standing
        filter.since = since?.resolved(at: wallTime()).milliseconds
        filter.order = .riskFirst
        filter.limit = StateLimit.rows
        let planner = ActionPlanner(policy: policy)
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
    private static func text(
        _ plans: [(alert: Alert, actions: [PlannedAction])], _ store: StateStore,
        _ style: TextStyle,
        hasConnector: Bool
    ) throws -> (text: String, sendable: Int) {
        var text = ""
        var sendable = 0
        for (alert, actions) in plans where !actions.isEmpty {
            text += AlertText.line(alert, style: style)
            for action in actions {
                let known = try store.action(id: action.id).map { try StoreOutbox.action($0) }
                let state: String
                if let known, !known.state.givesWay(to: action.state) {
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
            }
        }
        return (text, sendable)
    }

    /// Actions that were refused, failed or given up, for alerts that stand.
    private static func leftCount(_ store: StateStore) throws -> Int {
        let states = ResponseText.ended.map(\.rawValue).sorted()
        var count = 0
        for row in try store.actions(states: states, limit: StateLimit.rows)
        {
            let status = try store.alert(id: row.alertID).flatMap { Alert.Status(rawValue: $0.status) }
            if status?.isOver != true { count += 1 }
        }
        return count
    }

    struct Plan: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what would be done for the alerts that stand. Does nothing.",
            discussion: """
                  lastseen respond plan
                  lastseen respond plan --since 1d --act-risk 90 --protect 'svc-*'

                Exit statuses: 0, 64 misuse, 66 no such alert, or no state yet.
                """)

        @Argument(help: "Only for the alert with this id, or with this beginning.") var alert:
            String?
        @Option(
            name: .long,
            help: ArgumentHelp(
                "Only for alerts from then on: an age (12h, 7d) or a time.", valueName: "when"))
        var since: Since?
        @OptionGroup var policy: PolicyOptions
        @OptionGroup var state: StateOptions
        @OptionGroup var color: ColorOption

        func run() throws {
            // As if acting were switched on: what a dry run is for.
            let hasConnector = policy.hasConnector
            let policy = try policy.policy(isActing: true)
            let store = try state.openForReading(as: "respond plan")
            defer { store.close() }
            let plans = try Respond.plans(store, policy, since: since, alert: alert)
            let (text, sendable) = try Respond.text(
                plans, store, color.style, hasConnector: hasConnector)
            try put(text)
            try put(
                sendable == 0
                    ? "Nothing would be sent.\n"
                    : hasConnector
                        ? "\(counted(sendable, "step")) would be sent."
                            + " 'lastseen respond apply --act' does it, with the same options.\n"
                        : "\(counted(sendable, "step")) could be done, once you say how:"
                            + " lastseen respond apply --act --exec PROGRAM (or --webhook URL).\n")
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Carry out what is planned for the alerts that stand.",
            discussion: """
                Without --act the same as 'plan'. With it, steps that were only dry runs so far are \
                planned in earnest, then what is due is sent, within the caps; the rest waits.

                  export LASTSEEN_WEBHOOK_SECRET=whsec_…
                  lastseen respond apply --act --webhook https://hooks.example.com/lastseen
                  lastseen respond apply --act --exec /usr/local/bin/end-session --exec-timeout 5

                Exit statuses: 0 all done, 1 something was refused, failed or given up, 75 something \
                waits to be tried again, 64 misuse, 66 no state yet, 78 a secret or program that cannot \
                be used.
                """)

        @Argument(help: "Plan only for the alert with this id, or with this beginning.") var alert:
            String?
        @Option(
            name: .long,
            help: ArgumentHelp(
                "Plan only for alerts from then on: an age (12h, 7d) or a time.", valueName: "when")
        )
        var since: Since?
        @OptionGroup var response: ResponseOptions
        @OptionGroup var state: StateOptions
        @OptionGroup var color: ColorOption

        func run() throws {
            let policy = try response.policy(isActing: true)
            guard response.act else {
                let store = try state.openForReading(as: "respond apply")
                defer { store.close() }
                let plans = try Respond.plans(store, policy, since: since, alert: alert)
                try put(
                    try Respond.text(
                        plans, store, color.style, hasConnector: response.policies.hasConnector
                    ).text)
                try put("A dry run: nothing was sent. Add --act to carry it out.\n")
                return
            }
            // The signals' wish is heard between two actions.
            _ = StopSignals.catchAll()
            let connectors = try response.connectors()
            // Opening for writing would make a state where there is none.
            try state.openForReading(as: "respond apply").close()
            let store = try state.open(as: "respond apply")
            defer { store.close() }
            let plans = try Respond.plans(store, policy, since: since, alert: alert)
            let now = wallTime()
            try store.commit { transaction in
                for (alert, actions) in plans {
                    for action in actions {
                        try StoreOutbox.put(
                            action, alertRevision: alert.revision, at: now, in: &transaction)
                    }
                }
            }
            var runner = ActionRunner(policy: policy, connectors: connectors)
            var random = SystemRandomNumberGenerator()
            let report = try runner.apply(
                StoreOutbox(store), clock: wallTime, random: &random,
                shouldStop: { StopSignals.isAsked })
            for line in report.lines { try put(ResponseText.line(line) + "\n") }
            for line in ResponseText.waiting(report) { try put(line + "\n") }
            if report.lines.isEmpty, report.waiting.isEmpty {
                let left = try Respond.leftCount(store)
                guard left == 0 else {
                    try put(
                        "Nothing new is to be done, but \(counted(left, "earlier action")) FAILED and"
                            + " \(left == 1 ? "needs" : "need") a person:"
                            + " 'lastseen respond status --verbose' has them.\n")
                    throw ExitCode(1)
                }
                try put("Nothing is to be done.\n")
            }
            if report.needsAttention { throw ExitCode(1) }
            if !report.waiting.isEmpty || report.lines.contains(where: { $0.action.state.isOpen }) {
                throw ExitCode(75)
            }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the outbox by state, and check the journal.",
            discussion: """
                Keep the journal's newest hash elsewhere and give it back with --head: then also a \
                journal that was cut off, or written anew, is seen.

                Exit statuses: 0, 1 something was refused, failed or given up, or the journal is \
                broken, 64 misuse, 66 no state yet.
                """)

        @Option(
            name: .long,
            help: ArgumentHelp("A hash of the journal that was noted earlier.", valueName: "hash"))
        var head: String?
        @Flag(name: .shortAndLong, help: "List each action that is not a dry run or a note.")
        var verbose = false
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try state.openForReading(as: "respond status")
            defer { store.close() }
            var actions: [OutboxAction] = []
            // By state, so that many that are done do not hide those that wait.
            for state in ActionState.allCases {
                for row in try store.actions(states: [state.rawValue], limit: StateLimit.rows) {
                    actions.append(try StoreOutbox.action(row))
                }
            }
            actions.sort { $0.sequence < $1.sequence }
            let status = ResponseStatus(
                actions: actions, journal: try StoreOutbox.journal(in: store), head: head)
            var text = actions.isEmpty ? "The outbox is empty.\n" : ""
            for state in ActionState.allCases {
                if let count = status.counts[state] {
                    text += "\(padded(state.rawValue, to: 12)) \(count)\n"
                }
            }
            if verbose {
                for action in actions where ![.dryRun, .notifyOnly].contains(action.state) {
                    let note =
                        action.planned.note.isEmpty
                        ? "" : ": \(SafeText.visible(action.planned.note))"
                    text +=
                        "    \(ResponseText.name(action.planned)): \(action.state.rawValue) after "
                        + "\(action.attempts == 1 ? "1 try" : "\(action.attempts) tries")\(note)\n"
                }
            }
            if let oldest = status.oldestOpen {
                text +=
                    "Waiting longest: \(ResponseText.name(oldest.planned)), \(oldest.state.rawValue)\n"
            }
            if let next = status.nextDue { text += "Next try: \(next.humanReadable)\n" }
            if let fault = status.journalFault {
                text += "Journal: BROKEN. \(SafeText.visible(fault.description))\n"
            } else {
                text += "Journal: \(counted(status.journalEntries, "step")), whole"
                text += status.journalEntries == 0 ? ".\n" : ", head \(status.journalHead)\n"
            }
            try put(text)
            if status.needsAttention { throw ExitCode(1) }
        }
    }
}
