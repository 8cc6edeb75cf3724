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

struct Analyze: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge session records and report the sessions that are not their users'.",
        discussion: """
            Reads files, folders and standard input ('-'), plain, gzip or zstd, several at once \
            (merged by time). Goes on where the state says the last run left each file, also when it \
            was renamed or rotated since; a file that was replaced is read from its start. Folders are \
            searched with those below them; what is found there and fits no format is passed over.

            For cron: silent with status 0 when there is nothing; alerts as text on standard output \
            and status 2 when there is; a line on standard error when lines were refused. Running it \
            twice over the same file changes nothing.

              lastseen analyze auth.ndjson
              lastseen analyze --format sshd --year 2026 /var/log/auth.log*
              zcat export.csv.gz | lastseen analyze --state :memory: -
              lastseen analyze logs/ --output ndjson:alerts.ndjson --report report.html
              lastseen analyze auth.ndjson --act --exec /usr/local/bin/end-session

            Exit statuses: 0 nothing found, 2 alerts, 1 a failure, 64 misuse, 65 all lines refused, or \
            more than --max-rejects, 66 an input that cannot be read, 73 an output cannot be made, 74 \
            reading or writing failed, 75 the state is in use by another run, 78 a bad rule or database.
            """)

    @Argument(help: "Files or folders of records; '-' is standard input.")
    var inputs: [String] = ["-"]

    @OptionGroup(title: "Records") var format: FormatOptions
    @OptionGroup(title: "Knowledge") var geo: GeoOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup(title: "State") var state: StateOptions
    @OptionGroup(title: "State") var history: HistoryFlags
    @OptionGroup(title: "Output") var output: FeedOptions
    @OptionGroup var closing: ClosingOptions
    @OptionGroup(title: "Running") var running: RunningOptions
    @OptionGroup(title: "Response") var response: ResponseOptions
    @OptionGroup(title: "Messages") var channels: ChannelOptions

    func run() throws {
        let book = try rules.load()
        let databases = try geo.open()
        let inputs = try InputList.resolve(inputs)
        if inputs.inputs.count > 100 { raiseFileLimit() }
        // What is wrong with them shows before anything is judged.
        let connectors = response.act ? try response.connectors() : []
        let planner = try response.planner(book)
        if let fault = planner.policy.groupsFault { complain("nothing is done: \(fault)") }
        let messages = try channels.load(rules: book)
        let store = try state.open(as: "analyze")
        defer { store.close() }
        var options = try running.options(
            format: format, rules: book, databases: databases, outputs: output.targets,
            rejects: output.rejects, style: output.color.style, planner: planner)
        options.history = history.options
        if !databases.info.contains(where: \.isUsed) {
            complain(
                "no GeoIP database: places are unknown, so travel is not judged; see 'lastseen geo info'"
            )
        }
        options.messages = try messages?.begin(in: store)
        let analysis = try Analysis(options, store: store, now: wallTime)
        let meter = ProgressMeter(isOn: closing.progress)
        if meter.isOn { analysis.progress = meter.show }
        analysis.didPassOver = { complain($0) }
        try analysis.analyze(inputs.inputs, unnamed: inputs.unnamed)
        meter.clear()
        let result = analysis.result
        if running.verbose {
            for note in result.notes { complain(note) }
            complain(result.summary.text())
        }
        if let path = closing.report {
            try ReportWriter.write(path, store: store, databases: databases, now: wallTime())
        }
        if response.act { response.apply(store, connectors, planner) }
        // After the steps, so that people are told what was done.
        if let sender = try messages?.sender(databases) { ChannelOptions.send(store, by: sender) }
        let isTooMany = result.hasTooManyRejects(share: closing.rejectShare)
        let refused = RefusalText.line(
            result, rejectsPath: output.rejects, isTooMany: isTooMany)
        if let refused { complain(refused) }
        if !running.verbose { for damage in result.damage { complain(damage) } }
        if isTooMany || result.hasOnlyRejects { throw ExitCode(65) }
        if !result.damage.isEmpty { throw ExitCode(74) }
        if result.summary.alertsOpened + result.summary.alertsAmended
            + result.summary.alertsRetracted + result.printed > 0
        {
            throw ExitCode(2)
        }
    }
}
