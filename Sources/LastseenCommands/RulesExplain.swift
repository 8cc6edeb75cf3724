import ArgumentParser
import Detection
import Enrichment
import Intake
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

struct RulesExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what each rule saw at an alert or a record, and why it did or did not fire.",
        discussion: """
            Of an alert: each finding with its numbers, how they combine to its risk, and which setting would \
            have silenced it. Of its newest record, and of any that --record names: what was known before \
            it, and what each rule measured against its limits, up to the one that kept it quiet. For that \
            the records up to it are judged anew, over a state in memory: those that were kept \
            (--history-for), or those of the FILEs that are named.

              lastseen rules explain a-51f4849a
              lastseen rules explain --record e4711 auth.ndjson

            Exit statuses: 0, 64 misuse, 66 no such alert or record, or none is kept, 74 reading failed, \
            78 a bad rule or database.
            """)

    @Argument(help: "An alert's id, or enough of its beginning; after --record, files of records.")
    var words: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp("A record, by its id or as alerts show it.", valueName: "id"))
    var record: String?
    @Flag(name: .shortAndLong, help: "Also the rules whose first question was answered with no.")
    var all = false
    @OptionGroup(title: "Records") var format: FormatOptions
    @OptionGroup(title: "Knowledge") var geo: GeoOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup(title: "State") var state: StateOptions
    @OptionGroup(title: "Running") var running: RunningOptions

    func validate() throws {
        if record == nil, words.isEmpty {
            throw ValidationError("Name an alert, or a record with --record.")
        }
    }

    func run() throws {
        let book = try rules.load()
        if let record {
            try put(ExplanationText.sighting(try trace(record, files: words, book), all: all))
            return
        }
        let store = try state.openForReading(as: "rules explain")
        defer { store.close() }
        let alert = try find(words[0], in: store)
        try put(ExplanationText.alert(alert, book, alertRisk: running.alertRisk))
        guard let newest = alert.findings.max(by: { $0.time < $1.time })?.records.last else {
            return
        }
        do {
            let owner = alert.userID.isEmpty ? nil : (alert.tenant, alert.userID)
            let seen = try trace(newest, of: owner, files: Array(words.dropFirst()), book)
            try put("\n" + ExplanationText.sighting(seen, all: all))
        } catch let error as HistoryError {
            complain("what the other rules saw is not known: \(error)")
        }
    }

    private func find(_ id: String, in store: StateStore) throws -> Alert {
        if let row = try store.alert(id: id) { return try AlertJSON.read(row.json) }
        let rows = try store.alerts(filter: AlertFilter(limit: StateLimit.rows))
            .filter { $0.id.hasPrefix(id) }
        guard rows.count == 1, id.utf8.count > 3 else {
            if rows.count > 1 {
                throw Misuse("\(counted(rows.count, "alert")) begin so. Give more of the id.")
            }
            throw HistoryError.unknownAlert(id: SafeText.visible(id, limit: 100))
        }
        return try AlertJSON.read(rows[0].json)
    }

    private func trace(
        _ id: String, of owner: (tenant: String, user: String)? = nil, files: [String],
        _ book: RuleBook
    ) throws -> SightingTrace {
        let databases = try geo.open()
        let options = try running.options(
            format: format, rules: book, databases: databases, outputs: [], rejects: nil,
            style: TextStyle(), planner: try ActionPlanner(policy: ResponsePolicy()))
        if files.isEmpty {
            let store = try state.openForReading(as: "rules explain")
            defer { store.close() }
            return try Explainer.explain(record: id, of: owner, options, .history(store))
        }
        let found = try InputList.resolve(files)
        return try Explainer.explain(
            record: id, of: owner, options, .files(found.inputs, unnamed: found.unnamed))
    }
}

/// Explanations as text.
enum ExplanationText {
    static func alert(_ alert: Alert, _ book: RuleBook, alertRisk: Int) -> String {
        let who = alert.userName.isEmpty ? alert.userID : alert.userName
        var out = "Alert \(alert.id), \(alert.status.rawValue), risk \(alert.risk): "
        out += SafeText.visible(alert.title)
        out += who.isEmpty ? "\n" : ", \(SafeText.visible(who, limit: 80))\n"
        out += wrapped(SafeText.visible(alert.summary), indent: 2)
        var strongest: [String: Double] = [:]
        for finding in alert.findings {
            let rule = book.rule(finding.rule)?.detection
            let weight = rule?.weights[finding.confidence] ?? 0
            strongest[finding.rule] = max(strongest[finding.rule] ?? 0, weight)
            out += "\n\(finding.rule): \(finding.confidence.name), weighs \(two(weight))"
            out +=
                rule == nil
                ? " (the rule is not there any more)\n" : ", at \(finding.time.rfc3339)\n"
            out += wrapped(SafeText.visible(finding.sentence), indent: 2)
            for evidence in finding.evidence where evidence.value != .text("") {
                out += "    \(evidence.name): \(SafeText.visible(shown(evidence.value)))\n"
            }
            // The limits as they are now, where they are not among the evidence.
            for spec in rule?.detector.parameters ?? [] {
                let now = rule?.limits[spec.name] ?? spec.defaultValue
                let then = finding.evidence.first { $0.name == spec.name }
                if then == nil || then.map({ shown($0.value) != number(now) }) == true {
                    out += "    \(spec.name), as it is now: \(number(now)) \(spec.unit)\n"
                }
            }
            if !finding.silencedBy.isEmpty {
                out += wrapped("Silenced by: \(SafeText.visible(finding.silencedBy))", indent: 2)
            }
        }
        if alert.userID.isEmpty {
            out += "\nRisk: fixed for a source, higher where somebody got in from there.\n"
            out += "  --alert-risk is \(alertRisk)"
            return out + (alert.risk < alertRisk ? ": below it, so nobody is told.\n" : ".\n")
        }
        let parts = strongest.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let base = Risk.baseOdds
        out += "\nRisk: each rule's surest finding, as independent evidence, multiplies the odds.\n"
        out += "  base odds \(Int((base * 10_000).rounded())) in 10,000\n"
        for (rule, weight) in parts {
            out += "  × \(one(Risk.factor(weight)))  \(rule), which alone would be \(two(weight))\n"
        }
        let product = parts.reduce(1.0) { $0 * Risk.factor($1.value) }
        out += "  = odds \(two(base * product)), a risk of \(Risk.percent(product))\n"
        out += "  --alert-risk is \(alertRisk)"
        out += alert.risk < alertRisk ? ": below it, so nobody is told.\n" : ".\n"
        return out
    }

    static func sighting(_ trace: SightingTrace, all: Bool) -> String {
        var out =
            "Record \(SafeText.visible(trace.record)) of \(SafeText.visible(trace.userID)), \(trace.time.rfc3339)\n"
        for (name, value) in trace.known {
            out += wrapped("\(name): \(SafeText.visible(value))", indent: 2)
        }
        if !trace.note.isEmpty { return out + "\n" + wrapped(trace.note, indent: 0) }
        let fired = trace.rules.filter { $0.confidence != nil }
        out += "\nFired: \(fired.isEmpty ? "no rule" : "\(fired.count)")\n"
        for rule in fired {
            out += "  \(rule.rule): \(rule.confidence?.name ?? ""), weighs \(two(rule.weight))\n"
            out += wrapped(SafeText.visible(rule.sentence), indent: 6)
            for seen in rule.observations { out += line(seen) }
            if !rule.silencedBy.isEmpty {
                out += wrapped("Silenced by: \(SafeText.visible(rule.silencedBy))", indent: 6)
            }
        }
        let quiet = trace.rules.filter { $0.confidence == nil }
        out += "\nQuiet: \(quiet.count)\n"
        for rule in quiet {
            out += "  \(rule.rule)\n"
            let shown = all ? rule.observations : rule.gate.map { [$0] } ?? rule.observations
            for seen in shown { out += line(seen) }
        }
        return out
    }

    private static func line(_ seen: Observation) -> String {
        var text = (seen.isMet ? "yes: " : "no: ") + seen.what
        if !seen.value.isEmpty { text += ": \(seen.value)" }
        if !seen.limit.isEmpty { text += " (\(seen.limit))" }
        return wrapped(SafeText.visible(text), indent: 6)
    }

    private static func two(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100)." + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
    }

    private static func one(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15
            ? "\(Int(value))" : "\((value * 10).rounded() / 10)"
    }

    private static func shown(_ value: Evidence.Value) -> String {
        switch value {
        case .number(let value): number(value)
        case .integer(let value): "\(value)"
        case .text(let value): value
        case .time(let value): value.rfc3339
        case .flag(let value): value ? "yes" : "no"
        }
    }
}
