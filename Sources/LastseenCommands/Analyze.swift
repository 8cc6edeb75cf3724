import ArgumentParser
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
            was renamed or rotated since; a file that was replaced is read from its start.

            For cron: silent with status 0 when there is nothing; alerts as text on standard output \
            and status 2 when there is.

              lastseen analyze auth.ndjson
              lastseen analyze --format sshd --year 2026 /var/log/auth.log*
              zcat export.csv.gz | lastseen analyze --state :memory: -
              lastseen analyze logs/ --output ndjson:alerts.ndjson --report report.html
            """)

    @Argument(help: "Files or folders of records; '-' is standard input.")
    var inputs: [String] = ["-"]

    @OptionGroup(title: "Records") var format: FormatOptions
    @OptionGroup(title: "Knowledge") var geo: GeoOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup(title: "State") var state: StateOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Running") var running: RunningOptions
    @OptionGroup(title: "Response") var response: ResponseOptions

    func run() throws {
        let book = try rules.load()
        let databases = try geo.open()
        let inputs = try InputList.resolve(inputs)
        let store = try state.open(as: "analyze")
        defer { store.close() }
        let options = try running.options(
            format: format, rules: book, databases: databases, output: output,
            policy: try response.policy())
        let analysis = try Analysis(options, store: store, now: wallTime)
        let meter = ProgressMeter(isOn: running.progress)
        if meter.isOn { analysis.progress = meter.show }
        try analysis.analyze(inputs)
        meter.clear()
        let result = analysis.result
        if running.verbose {
            for note in result.notes { complain(note) }
            complain(result.summary.text())
        }
        if let path = output.report {
            try ReportWriter.write(path, store: store, databases: databases, now: wallTime())
        }
        if response.act { try response.apply(store) }
        if result.hasTooManyRejects(share: output.rejectShare) {
            complain(
                "\(result.summary.rejected) of \(result.lines) lines were refused, more than"
                    + " --max-rejects allows. "
                    + (output.rejects.map { "They are in \($0)." } ?? "See them with --rejects FILE."))
            throw ExitCode(65)
        }
        if result.summary.alertsOpened + result.summary.alertsAmended
            + result.summary.alertsRetracted + result.printed > 0
        {
            throw ExitCode(2)
        }
    }
}
