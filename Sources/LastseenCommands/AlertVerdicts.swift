import ArgumentParser
import Detection
import Glibc
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

extension Alerts {
    /// "This was me."
    struct Dismiss: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End alerts that were the user, and learn from them.",
            discussion: """
                The device, network, place and country that an alert names are the user's from now on, \
                as if they had been there from the beginning; steps that were planned for it are not \
                taken. The user's newest records, as far back as --lateness of the newest run, are judged \
                again, which may end or raise further alerts. The verdict is in the feeds of the earlier \
                runs and, with your name, in the journal.

                  lastseen alerts dismiss a-0123456789abcdef
                  lastseen alerts dismiss --note 'new phone, he called' a-0123456789 a-fedcba9876

                Works beside a run that holds the state: 'watch' takes the verdict within a second, \
                another run when it has ended; what waits longer than --wait is taken by the next run.

                An alert that is dismissed already is left as it is. 'alerts confirm' takes it back.

                Exit statuses: 0, 64 misuse, 66 no such alert, or no state yet, 74 a feed cannot be \
                written.
                """)

        @OptionGroup var verdict: VerdictOptions

        func run() throws { try verdict.give(.dismissed, as: "alerts dismiss") }
    }

    /// "That was an intruder."
    struct Confirm: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Mark alerts that were an intruder, and learn from them.",
            discussion: """
                The device and the network that an alert names, unless they were the user's before, are \
                never taken for the user's: what is found of them from now on is certain, and they raise \
                an alert whenever they are seen. Places and countries that only they were seen in are \
                forgotten. The alert stands, whatever comes, until it is dismissed. The verdict is in the \
                feeds of the earlier runs and, with your name, in the journal.

                  lastseen alerts confirm a-0123456789abcdef
                  lastseen alerts confirm --note 'case 4711' a-0123456789 a-fedcba9876

                Works beside a run that holds the state, as 'alerts dismiss' does.

                An alert that is confirmed already is left as it is. 'alerts dismiss' takes it back.

                Exit statuses: 0, 64 misuse, 66 no such alert, or no state yet, 74 a feed cannot be \
                written.
                """)

        @OptionGroup var verdict: VerdictOptions

        func run() throws { try verdict.give(.confirmed, as: "alerts confirm") }
    }
}

/// What both verdicts are given with.
struct VerdictOptions: ParsableArguments {
    /// Bytes of a note.
    static let noteLimit = 1000

    @Argument(help: "The alerts' ids, or enough of their beginnings.")
    var ids: [String]
    @Option(name: .long, help: ArgumentHelp("Why; kept in the journal.", valueName: "text"))
    var note = ""
    @OptionGroup var rules: RuleOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var color: ColorOption

    func validate() throws {
        guard note.utf8.count <= Self.noteLimit else {
            throw ValidationError(
                "--note has \(note.utf8.count) bytes. Use \(Self.noteLimit) at most.")
        }
    }

    func give(_ verdict: Verdict, as command: String) throws {
        // What is wrong with an id shows before anything is said of another.
        var wanted: [String] = []
        let reading = try state.openForReading(as: command)
        do {
            defer { reading.close() }
            for id in ids {
                let found = try Alerts.find(id, in: reading).id
                if !wanted.contains(found) { wanted.append(found) }
            }
        }
        let rules = try rules.load().detection
        let store: StateStore
        do throws(StateError) {
            store = try state.open(as: command, waitSeconds: 0)
        } catch {
            guard case .locked = error else { throw error }
            try giveBeside(verdict, on: wanted, as: command, rules)
            return
        }
        defer { store.close() }
        var taker = try VerdictTaker(
            store: store, rules: rules, policy: ResponsePolicy(), actor: PersonOptions.login,
            now: wallTime())
        for id in wanted {
            guard let row = try store.alert(id: id) else { continue }
            let outcome = try taker.take(verdict, on: try AlertJSON.read(row.json), note: note)
            try put(text(verdict, outcome))
            for feed in outcome.missingFeeds {
                complain(
                    "\(SafeText.visible(feed, limit: 200)): not there (any more), so the verdict is not"
                        + " in that feed"
                        + (feed.hasPrefix("/")
                            ? "" : ". Its path is relative: say it from the folder of the runs"))
            }
        }
    }

    /// Has the verdicts wait for the run that holds the state, and waits until it, or this program
    /// after it, has taken them.
    private func giveBeside(
        _ verdict: Verdict, on ids: [String], as command: String, _ rules: [DetectionRule]
    ) throws {
        let beside = try StateStore(besideRunAt: state.path)
        defer { beside.close() }
        for id in ids {
            let place = try WaitingVerdicts.put(
                verdict, on: id, by: PersonOptions.login, note: note, in: beside, now: wallTime())
            guard place != nil else {
                throw Misuse("\(id): too many verdicts wait for a run", exitCode: 75)
            }
        }
        var left = ids
        for _ in 0...Int(min(state.wait, 86_400) * 10) {
            if let store = try? state.open(as: command, waitSeconds: 0) {
                defer { store.close() }
                try WaitingVerdicts.take(in: store, rules: rules, now: wallTime())
            }
            let waiting = Set(try beside.waitingVerdicts().map(\.alertID))
            for id in left where !waiting.contains(id) {
                let status = try beside.alert(id: id)?.status ?? verdict.rawValue
                try put("\(id) is \(status).\n")
            }
            left.removeAll { !waiting.contains($0) }
            if left.isEmpty { return }
            usleep(100_000)
        }
        for id in left {
            try put("\(id) will be \(verdict.rawValue) by the next run: one holds the state.\n")
        }
    }

    private func text(_ verdict: Verdict, _ outcome: VerdictOutcome) -> String {
        let id = outcome.alert.id
        if outcome.wasSo { return "\(id) is \(verdict.rawValue) already; nothing changed.\n" }
        var page = "\(id) is \(verdict.rawValue).\n"
        func line(_ text: String) { page += "  \(text)\n" }
        func names(_ texts: [String]) -> String {
            let shown = texts.map { SafeText.visible($0, limit: 100) }
            guard let last = shown.last, shown.count > 1 else { return shown.first ?? "" }
            return shown.dropLast().joined(separator: ", ") + " and " + last
        }
        let user = SafeText.visible(outcome.alert.userID, limit: 100)
        if let teaching = outcome.teaching {
            let things = teaching.devices + teaching.networks
            switch verdict {
            case .dismissed:
                let all = things + teaching.places
                line(
                    all.isEmpty
                        ? "Nothing to learn from." : "Of \(user) from now on: \(names(all)).")
            case .confirmed:
                line(
                    things.isEmpty
                        ? "Nothing to learn from: its device and network were \(user)'s before."
                        : "Never of \(user): \(names(things)).")
                if !things.isEmpty, !teaching.places.isEmpty {
                    line("Not learned from it: \(names(teaching.places)).")
                }
            }
        } else if outcome.alert.userID.isEmpty {
            line("Nothing learned: it is about a source, and of no user.")
        } else {
            line("Nothing learned: what is known of \(user) no longer has this alert.")
        }
        if !outcome.others.isEmpty {
            line("Changed by it:")
            for alert in outcome.others {
                page += "    " + AlertText.line(alert, style: color.style)
            }
        }
        if verdict == .dismissed { line("What was planned for it is not done.") }
        if outcome.planned > 0 {
            line(
                "\(outcome.planned) \(outcome.planned == 1 ? "step is" : "steps are") proposed;"
                    + " 'lastseen respond plan' shows them.")
        }
        return page
    }
}
