import ArgumentParser
import Detection
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

struct Alerts: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at the alerts in the state, and say what they were.",
        discussion: """
            Looking reads along while a run is on.

              lastseen alerts list --since 7d --min-risk 70
              lastseen alerts show a-0123456789abcdef
              lastseen alerts list --json --status all | jq .summary
              lastseen alerts confirm a-0123456789abcdef --note 'case 4711'
              lastseen alerts dismiss a-0123456789abcdef
              lastseen alerts schema > alert.schema.json
            """,
        subcommands: [List.self, Show.self, Confirm.self, Dismiss.self, Schema.self])

    /// One alert a row or as a line of JSON.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List alerts, newest first.",
            discussion: """
                Without --status those that stand: open, amended and confirmed. Times are those of the records.

                  lastseen alerts list --user ann@example.com
                  lastseen alerts list --since 2026-03-01 --json

                Exit statuses: 0 also when there is none, 64 misuse, 66 no state yet.
                """)

        enum Status: String, CaseIterable, ExpressibleByArgument {
            case open, amended, retracted, closed, confirmed, dismissed, silenced, all
        }

        @Option(name: .long, help: "Only of this user, by id or name.")
        var user: String?
        @Option(name: .long, help: "Only of this tenant.")
        var tenant: String?
        @Option(
            name: .long,
            help: ArgumentHelp("Only of this risk and above, 0 to 100.", valueName: "risk"))
        var minRisk = 0
        @Option(
            name: .long,
            help: ArgumentHelp(
                "Only from then on: an age (30m, 12h, 7d, 4w) or a time (2026-03-01, 2026-03-01T08:00:00Z).",
                valueName: "when"))
        var since: Since?
        @Option(
            name: .long,
            help:
                "Only with this status: open, amended, retracted, closed, confirmed, dismissed, silenced or all. May be repeated."
        )
        var status: [Status] = []
        @Flag(
            name: .long,
            help:
                "Those that nobody was told of, as their risk is below --alert-risk or the bar of --budget."
        )
        var silenced = false
        @Flag(
            name: .long,
            help: "Those that were explained or remedied by what came later, or dismissed.")
        var closed = false
        @Flag(name: .long, help: "All of them, whatever their status.")
        var all = false
        @Option(name: .long, help: ArgumentHelp("The most alerts to list.", valueName: "count"))
        var limit = 100
        @Flag(name: .long, help: "As NDJSON; 'lastseen alerts schema' describes it.")
        var json = false
        @OptionGroup var state: StateOptions
        @OptionGroup var color: ColorOption

        func validate() throws {
            guard (0...100).contains(minRisk) else {
                throw ValidationError("--min-risk is \(minRisk). Use 0 to 100.")
            }
            guard (1...StateLimit.rows).contains(limit) else {
                throw ValidationError("--limit is \(limit). Use 1 to \(StateLimit.rows).")
            }
        }

        func run() throws {
            let store = try state.openForReading(as: "alerts list")
            defer { store.close() }
            var filter = AlertFilter()
            filter.statuses = statuses
            filter.tenant = tenant
            filter.minimumRisk = minRisk
            filter.since = since?.resolved(at: wallTime()).milliseconds
            filter.order = .newestFirst
            // One more tells whether there are more. By name the state cannot search.
            filter.limit = user == nil ? limit + 1 : StateLimit.rows
            var found: [Alert] = []
            for row in try store.alerts(filter: filter) {
                let alert = try AlertJSON.read(row.json)
                if let user, alert.userID != user, alert.userName != user { continue }
                found.append(alert)
                if found.count > limit { break }
            }
            var text = ""
            for alert in found.prefix(limit) {
                text +=
                    json
                    ? Alerts.jsonLine(alert)
                    : AlertText.line(alert, style: color.style)
            }
            try put(text)
            if found.count > limit {
                complain("only the newest \(limit) are shown; there are more: raise --limit")
            } else if found.isEmpty, !json {
                complain("no alert")
            }
        }

        private var statuses: [String] {
            if all || status.contains(.all) { return [] }
            var names = status.map(\.rawValue)
            if silenced { names.append(Alert.Status.silenced.rawValue) }
            if closed {
                names += [Alert.Status.closed, .dismissed].map(\.rawValue)
            }
            return names.isEmpty ? Alert.Status.standing : names
        }
    }

    /// One alert in full.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one alert in full: reasons, what to do, what was done.",
            discussion: """
                  lastseen alerts show a-0123456789abcdef
                  lastseen alerts show --history --json a-0123456789abcdef

                Exit statuses: 0, 64 misuse, 66 no such alert, or no state yet.
                """)

        @Argument(help: "The alert's id, or enough of its beginning.")
        var id: String
        @Flag(name: .long, help: "All of its revisions, the first one first.")
        var history = false
        @Flag(name: .long, help: "As JSON, a line each.")
        var json = false
        @OptionGroup var state: StateOptions
        @OptionGroup var color: ColorOption

        func run() throws {
            let store = try state.openForReading(as: "alerts show")
            defer { store.close() }
            let row = try Alerts.find(id, in: store)
            var alerts: [Alert] = []
            if history {
                for revision in try store.revisions(alertID: row.id) {
                    alerts.append(try AlertJSON.read(revision.json))
                }
            } else {
                alerts = [try AlertJSON.read(row.json)]
            }
            // The alert says what was planned; the outbox knows what came of it.
            if var last = alerts.popLast() {
                last.actions = try Alerts.actions(of: last, in: store)
                alerts.append(last)
            }
            var text = ""
            for (i, alert) in alerts.enumerated() {
                if json {
                    text += Alerts.jsonLine(alert)
                } else {
                    text += (i == 0 ? "" : "\n") + AlertText.render(alert, style: color.style)
                }
            }
            try put(text)
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the JSON Schema of an alert.")

        func run() throws {
            try put(AlertSchema.text.hasSuffix("\n") ? AlertSchema.text : AlertSchema.text + "\n")
        }
    }

    /// The alert with this id, or the only one whose id begins so. `statuses`: among these; all when
    /// empty.
    static func find(
        _ id: String, in store: StateStore, statuses: [String] = []
    ) throws -> AlertRow {
        if let row = try store.alert(id: id), statuses.isEmpty || statuses.contains(row.status) {
            return row
        }
        let word = id.hasPrefix("a-") ? id : "a-" + id
        var matches: [AlertRow] = []
        if word.utf8.count >= 6 {
            var filter = AlertFilter()
            filter.statuses = statuses
            filter.limit = StateLimit.rows
            matches = try store.alerts(filter: filter).filter { $0.id.hasPrefix(word) }
        }
        switch matches.count {
        case 1: return matches[0]
        case 0 where word.utf8.count < 6:
            throw Misuse(
                "'\(id)' is too short for the beginning of an alert's id: give four digits at least",
                exitCode: 66)
        case 0:
            throw Misuse(
                "there is no alert '\(id)'\(statuses.isEmpty ? "" : " that stands")."
                    + " 'lastseen alerts list --status all' has them.", exitCode: 66)
        default:
            throw Misuse(
                "'\(id)' is the beginning of \(matches.count) alerts, \(matches[0].id) and"
                    + " \(matches[1].id) among them: give more of it")
        }
    }

    static func jsonLine(_ alert: Alert) -> String {
        String(decoding: AlertJSON.bytes(alert), as: UTF8.self) + "\n"
    }

    /// An alert's actions as they stand now.
    static func actions(of alert: Alert, in store: StateStore) throws -> [ActionSummary] {
        var actions = alert.actions
        for row in try store.actions(alertID: alert.id) {
            if let i = actions.firstIndex(where: { $0.id == row.id }) {
                actions[i].state = row.state
            } else {
                actions.append(
                    ActionSummary(
                        id: row.id, kind: row.kind, target: row.target, state: row.state,
                        connector: row.state == ActionState.dryRun.rawValue ? "" : row.connector))
            }
        }
        return actions
    }
}
