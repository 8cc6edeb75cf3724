import ArgumentParser
import Enrichment
import Glibc
import Intake
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

struct RulesBacktest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backtest",
        abstract: "Say what a rule, or a change of a limit, would have raised in the past.",
        discussion: """
            Judges past records anew, by the real pipeline over a state in memory: nothing of your \
            state, and nothing outside, is touched. The records are those that 'analyze' or 'watch' kept \
            in the state (--history-for), or those of the FILEs that are named here. They are placed by \
            the GeoIP databases of today.

              lastseen rules backtest --since 30d                         the rules in force
              lastseen rules backtest --rule new-country.yaml --since 30d     a rule being worked on
              lastseen rules backtest --rule stricter.yaml --against looser.yaml
              lastseen rules backtest --rules new-rules/ --against /etc/lastseen/rules --json
              lastseen rules backtest --rule new-country.yaml auth-*.ndjson.zst

            --rule takes the place of the rule with its id in --rules. Without --against it is compared \
            with --rules as they are. Ages are told from the newest record; what comes before --since is \
            judged too, so that users and devices are known, and not counted.

            Exit statuses: 0, 64 misuse, 66 no records are kept, or no such input, 74 reading failed, \
            78 a bad rule or database.
            """)

    @Argument(help: "Files or folders of records instead of those that the state has kept.")
    var inputs: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A rule's file that is tried instead of the one in force.", valueName: "file"))
    var rule: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "What to compare with: another file of the rule, or a folder of rules.",
            valueName: "path"))
    var against: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Count from then on: an age (12h, 30d, 4w) before the newest record, or a time.",
            valueName: "when"))
    var since: Since = .age(milliseconds: 30 * 86_400_000)
    @Option(name: .long, help: ArgumentHelp("Examples of each kind.", valueName: "count"))
    var examples = 5
    @Flag(name: .long, help: "As one JSON object.")
    var json = false
    @OptionGroup(title: "Records") var format: FormatOptions
    @OptionGroup(title: "Knowledge") var geo: GeoOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup(title: "State") var state: StateOptions
    @OptionGroup(title: "Running") var running: RunningOptions
    @Flag(name: .long, help: "Show progress on standard error. Default: when it is a terminal.")
    var progress = false

    func validate() throws {
        guard (0...100).contains(examples) else {
            throw ValidationError("--examples is \(examples). Use 0 to 100.")
        }
    }

    /// The rules of one side, and what people call them.
    private struct Version {
        var name: String
        var book: RuleBook
    }

    func run() throws {
        let base = try rules.load()
        var new = Version(name: rules.rules.map(named) ?? "the rules in force", book: base)
        var old: Version?
        var watched: String?
        if let rule {
            let (book, found) = try base.replacing(withFile: rule)
            new = Version(name: named(rule), book: book)
            old = Version(name: rules.rules.map(named) ?? "the rules in force", book: base)
            watched = found.id
        }
        if let against {
            if isFolder(against) {
                old = Version(name: named(against), book: try RuleBook.load(folder: against))
            } else {
                let (book, found) = try base.replacing(withFile: against)
                old = Version(name: named(against), book: book)
                watched = watched ?? found.id
            }
        }
        let databases = try geo.open()
        let store = inputs.isEmpty ? try state.openForReading(as: "rules backtest") : nil
        defer { store?.close() }
        let after = try run(new, databases, store)
        let before = try old.map { try run($0, databases, store) }
        var report = BacktestReport(newName: new.name, new: after, rule: watched)
        if let old, let before { (report.oldName, report.old) = (old.name, before) }
        report.examples = examples
        if json {
            try OutputFile.replace("-", with: report.json)
        } else {
            try put(report.text)
        }
    }

    private func run(
        _ version: Version, _ databases: GeoDatabases, _ store: StateStore?
    ) throws -> Backtest.Run {
        let options = try running.options(
            format: format, rules: version.book, databases: databases, outputs: [], rejects: nil,
            style: TextStyle(), planner: ActionPlanner(policy: try ResponsePolicy()))
        let meter = ProgressMeter(isOn: progress)
        defer { meter.clear() }
        let source: Backtest.Source
        if let store {
            source = .history(store)
        } else {
            let found = try InputList.resolve(inputs)
            if found.inputs.contains(.standardInput) {
                throw Misuse("standard input cannot be read twice. Name files.")
            }
            source = .files(found.inputs, unnamed: found.unnamed)
        }
        let start: Backtest.Start =
            switch since {
            case .age(let age): .age(milliseconds: age)
            case .time(let time): .time(time)
            }
        return try Backtest.run(
            options, source, since: start, progress: meter.isOn ? meter.show : nil)
    }

    private func named(_ path: String) -> String { SafeText.visible(path, limit: 200) }

    private func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
