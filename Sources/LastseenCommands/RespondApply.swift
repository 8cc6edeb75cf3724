import ArgumentParser
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

extension Respond {
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
        @OptionGroup var rules: RuleOptions
        @OptionGroup var state: StateOptions
        @OptionGroup var color: ColorOption

        func run() throws {
            let families = try Respond.families(rules, for: response.policies.policy)
            let policy = try response.policy(isActing: true, families: families)
            let planner = ActionPlanner(
                policy: policy, connectors: try response.policies.scopes(),
                families: families ?? [:])
            if let fault = policy.groupsFault { complain("nothing is done: \(fault)") }
            guard response.act else {
                let store = try state.openForReading(as: "respond apply")
                defer { store.close() }
                let plans = try Respond.plans(store, planner, since: since, alert: alert)
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
            // "This was me" may wait, and then nothing is to be done.
            if try WaitingVerdicts.areThere(in: store) {
                try WaitingVerdicts.take(
                    in: store, rules: try rules.load().detection, now: wallTime())
            }
            let plans = try Respond.plans(store, planner, since: since, alert: alert)
            let now = wallTime()
            try store.commit { transaction in
                for (alert, actions) in plans {
                    for action in actions {
                        try StoreOutbox.put(
                            action, alertRevision: alert.revision, at: now, in: &transaction)
                    }
                }
            }
            var runner = ActionRunner(
                policy: policy, connectors: connectors, width: ActionRunner.usualWidth)
            var random = SystemRandomNumberGenerator()
            let outbox = StoreOutbox(store, planner: planner) { try? AlertJSON.read($0) }
            try outbox.settle(connectors, at: wallTime())
            let report = try runner.apply(
                outbox, clock: wallTime, random: &random,
                shouldStop: { StopSignals.isAsked })
            if !report.stop.isEmpty { complain(report.stop) }
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
}
