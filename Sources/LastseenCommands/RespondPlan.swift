import ArgumentParser
import Publishing
import Response
import SessionModel
import StateStore

extension Respond {
    struct Plan: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what would be done for the alerts that stand. Does nothing.",
            discussion: """
                With --policy: what that policy would have done about all alerts on record, those that \
                are closed too: how many by rung and by step, how many users it would have hit, what \
                guards would have stopped, and examples. With --against: what is different from \
                another policy.

                With --rehearse each target is asked what the steps would touch there (rows, keys, \
                streams, whether it is so already), by calls that change nothing.

                  lastseen respond plan
                  lastseen respond plan --rehearse --connectors connectors.yaml
                  lastseen respond plan --since 1d --act-risk 90 --protect 'svc-*'
                  lastseen respond plan --policy new.yaml --since 7d
                  lastseen respond plan --policy new.yaml --against old.yaml --groups groups.csv

                Exit statuses: 0, 64 misuse, 66 no such alert, or no state yet, 78 a bad policy.
                """)

        @Argument(help: "Only for the alert with this id, or with this beginning.") var alert:
            String?
        @Option(
            name: .long,
            help: ArgumentHelp(
                "Only for alerts from then on: an age (12h, 7d) or a time.", valueName: "when"))
        var since: Since?
        @Option(
            name: .long,
            help: ArgumentHelp(
                "Show what another policy would have done otherwise; 'builtin' is the one without a file.",
                valueName: "file"))
        var against: String?
        @Option(
            name: .long,
            help: ArgumentHelp("The most examples to show.", valueName: "count"))
        var examples = 10
        @Flag(
            name: .long,
            help:
                "Ask the targets of --connectors what the steps would touch there; changes nothing."
        )
        var rehearse = false
        @OptionGroup var policy: PolicyOptions
        @OptionGroup var rules: RuleOptions
        @OptionGroup var state: StateOptions
        @OptionGroup var color: ColorOption

        func validate() throws {
            guard (0...10_000).contains(examples) else {
                throw ValidationError("--examples is \(examples). Use 0 to 10000.")
            }
            if against != nil, alert != nil {
                throw ValidationError("--against compares all alerts: leave out the alert.")
            }
            if rehearse, policy.connectors == nil || against != nil {
                throw ValidationError("--rehearse needs --connectors, and no --against.")
            }
        }

        func run() throws {
            // As if acting were switched on: what a dry run is for.
            let planner = try planner(policy)
            if let fault = planner.policy.groupsFault { complain(fault) }
            let store = try state.openForReading(as: "respond plan")
            defer { store.close() }
            if alert == nil, !rehearse, policy.policy != nil || against != nil {
                try review(planner, store)
                return
            }
            let plans = try Respond.plans(store, planner, since: since, alert: alert)
            let targets = rehearse ? try ConnectorFile.read(policy.connectors ?? "") : []
            let (text, sendable) = try Respond.text(
                plans, store, color.style, hasConnector: policy.hasConnector
            ) { action in
                targets.first { $0.connector.name == action.connector }
                    .map { Plan.rehearsed(action, by: $0.connector) }
            }
            try put(text)
            try put(
                sendable == 0
                    ? "Nothing would be sent.\n"
                    : policy.hasConnector
                        ? "\(counted(sendable, "step")) would be sent."
                            + " 'lastseen respond apply --act' does it, with the same options.\n"
                        : "\(counted(sendable, "step")) could be done, once you say how:"
                            + " lastseen respond apply --act --exec PROGRAM (or --webhook URL).\n")
        }

        /// What a target says that a step would touch.
        private static func rehearsed(_ action: PlannedAction, by connector: any Connector)
            -> String
        {
            let now = wallTime()
            if let words = connector.rehearse(action, at: now) { return words }
            guard let answer = connector.check(action, at: now) else {
                return "\(connector.name) cannot say"
            }
            let isSo = [.done, .alreadySo, .notNeeded].contains(answer.outcome)
            return isSo ? "it is so already: \(answer.detail)" : answer.detail
        }

        private func planner(_ options: PolicyOptions) throws -> ActionPlanner {
            let families = try Respond.families(rules, for: options.policy)
            return ActionPlanner(
                policy: try options.policy(isActing: true, families: families),
                connectors: try options.scopes(), families: families ?? [:])
        }

        private func review(_ planner: ActionPlanner, _ store: StateStore) throws {
            var filter = AlertFilter()
            filter.statuses = Alert.Status.standing + [Alert.Status.closed.rawValue]
            filter.since = since?.resolved(at: wallTime()).milliseconds
            filter.order = .riskFirst
            filter.limit = StateLimit.rows
            let alerts = try store.alerts(filter: filter).map { try AlertJSON.read($0.json) }
            let users = try store.profileCount()
            let review = PolicyReview(alerts, planner: planner, knownUsers: users)
            guard let against else {
                try put(ReviewText.summary(review, users: users, policy: planner.policy))
                try put(ReviewText.examples(review, alerts, limit: examples, color.style))
                return
            }
            var options = policy
            options.policy = against == "builtin" ? nil : against
            let old = PolicyReview(
                alerts, planner: try self.planner(options), knownUsers: users)
            try put(
                ReviewText.difference(from: old, to: review, alerts, limit: examples, color.style))
        }
    }
}

/// What a policy would have done, in words.
enum ReviewText {
    static func summary(_ review: PolicyReview, users: Int, policy: ResponsePolicy) -> String {
        var text = "\(counted(review.alertCount, "alert")) on record, by rung:\n"
        for rung in Rung.allCases {
            guard let count = review.alerts[rung] else { continue }
            text += "    \(padded(rung.name, to: 24)) \(count)\n"
        }
        if review.steps.isEmpty {
            text += "No step would have been taken.\n"
        } else {
            text += "Steps, and the users they would have hit:\n"
            for rung in Rung.allCases {
                guard let count = review.steps[rung] else { continue }
                let hit = review.users[rung]?.count ?? 0
                let share = users > 0 ? " (\(percent(hit, of: users)) of \(users) known)" : ""
                let waiting = review.approvals[rung].map { ", \($0) of them after approval" } ?? ""
                text +=
                    "    \(padded(rung.name, to: 24)) \(counted(count, "step")), "
                    + "\(counted(hit, "user"))\(share)\(waiting)\n"
            }
        }
        if !review.stopped.isEmpty {
            text += "Stopped or put off by guards:\n"
            for (reason, count) in review.stopped.sorted(by: {
                ($1.value, $0.key) < ($0.value, $1.key)
            })
            .prefix(20) {
                text +=
                    "    \(padded(String(count), to: 6)) \(SafeText.visible(reason, limit: 200))\n"
            }
        }
        if let breaker = review.breaker {
            text +=
                "The breaker would have opened at \(breaker.first.humanReadable):"
                + " \(breaker.users) users within an hour at most.\n"
        }
        return text
    }

    static func examples(
        _ review: PolicyReview, _ alerts: [Alert], limit: Int, _ style: TextStyle
    ) -> String {
        var text = ""
        let chosen = alerts.filter { (review.decisions[$0.id]?.rung ?? .notify) > .notify }.prefix(
            limit)
        for alert in chosen {
            guard let decision = review.decisions[alert.id] else { continue }
            text += AlertText.line(alert, style: style)
            text += "    \(decision.rung.name), by \(SafeText.visible(decision.reason))\n"
        }
        return text.isEmpty ? "" : "Examples, the riskiest first:\n" + text
    }

    static func difference(
        from old: PolicyReview, to new: PolicyReview, _ alerts: [Alert], limit: Int,
        _ style: TextStyle
    ) -> String {
        let changed = alerts.filter { old.decisions[$0.id]?.rung != new.decisions[$0.id]?.rung }
        var text =
            "\(counted(changed.count, "alert")) of \(alerts.count) would be treated otherwise.\n"
        func table(_ title: String, _ a: (Rung) -> Int, _ b: (Rung) -> Int) {
            var rows = ""
            for rung in Rung.allCases where a(rung) != b(rung) {
                rows += "    \(padded(rung.name, to: 24)) \(a(rung)) -> \(b(rung))\n"
            }
            if !rows.isEmpty { text += title + rows }
        }
        table("Alerts by rung:\n", { old.alerts[$0] ?? 0 }, { new.alerts[$0] ?? 0 })
        table("Steps:\n", { old.steps[$0] ?? 0 }, { new.steps[$0] ?? 0 })
        table("Users hit:\n", { old.users[$0]?.count ?? 0 }, { new.users[$0]?.count ?? 0 })
        for alert in changed.prefix(limit) {
            guard let before = old.decisions[alert.id], let after = new.decisions[alert.id] else {
                continue
            }
            text += AlertText.line(alert, style: style)
            text +=
                "    \(before.rung.name) -> \(after.rung.name), by "
                + "\(SafeText.visible(after.reason))\n"
        }
        if changed.count > limit { text += "and \(changed.count - limit) more: raise --examples\n" }
        return text
    }

    /// `0.4 %`
    private static func percent(_ count: Int, of all: Int) -> String {
        let tenths = (count * 1000 + all / 2) / max(1, all)
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
