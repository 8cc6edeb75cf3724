import ArgumentParser
import Publishing
import Response
import SessionModel
import StateStore

extension Respond {
    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the outbox by state, and check the journal.",
            discussion: """
                Keep the journal's newest hash elsewhere and give it back with --head: then also a \
                journal that was cut off, or written anew, is seen.

                  lastseen respond status --waiting      what waits for approval, with ids
                  lastseen respond status --dead         what was refused, failed or given up

                Exit statuses: 0, 1 something was refused, failed or given up, acting is stopped, or the \
                journal is broken, 64 misuse, 66 no state yet.
                """)

        @Option(
            name: .long,
            help: ArgumentHelp("A hash of the journal that was noted earlier.", valueName: "hash"))
        var head: String?
        @Flag(name: .shortAndLong, help: "List each action that is not a dry run or a note.")
        var verbose = false
        @Flag(name: .long, help: "List the actions that were refused, failed or given up.")
        var dead = false
        @Flag(name: .long, help: "List the actions that wait for approval.")
        var waiting = false
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
                actions: actions,
                journal: try StoreOutbox.journalSummary(in: store, head: head))
            let breaker = try StoreOutbox.breaker(in: store)
            var text = actions.isEmpty ? "The outbox is empty.\n" : ""
            for state in ActionState.allCases {
                if let count = status.counts[state] {
                    text += "\(padded(state.rawValue, to: 12)) \(count)\n"
                }
            }
            for action in actions where isListed(action.state) { text += line(action) }
            if let opened = breaker.openedAt {
                text +=
                    "Acting is STOPPED since \(opened.humanReadable): \(breaker.users) users would be hit"
                    + " within an hour, \(breaker.limit) are allowed. 'lastseen respond resume' goes on.\n"
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
            if status.needsAttention || breaker.isOpen { throw ExitCode(1) }
        }

        private func isListed(_ state: ActionState) -> Bool {
            verbose && ![.dryRun, .notifyOnly].contains(state)
                || dead && PersonsWord.retryable.contains(state) || waiting && state == .waiting
        }

        private func line(_ action: OutboxAction) -> String {
            let note =
                action.planned.note.isEmpty ? "" : ": \(SafeText.visible(action.planned.note))"
            let tries =
                action.state == .waiting
                ? "until \(action.due.humanReadable)"
                : "after \(action.attempts == 1 ? "1 try" : "\(action.attempts) tries")"
            return "    \(action.planned.id) \(ResponseText.name(action.planned)): "
                + "\(action.state.rawValue) \(tries)\(note)\n"
        }
    }
}
