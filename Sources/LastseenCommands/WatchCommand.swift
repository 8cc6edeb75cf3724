import ArgumentParser
import Glibc
import Intake
import Pipeline
import Publishing
import Response
import StateStore
import Synchronization

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Judge session records as they arrive.",
        discussion: """
            Follows files by their names, as 'tail -F' does, or reads standard input ('-'). What was \
            in a file before is caught up with first, from where the state says the last run left \
            it. A file that was renamed is read to its end before the new one of its name; one that \
            was cut short or written anew is read from its start; one that is not there yet is \
            waited for.

            What came is committed after 50 ms or 10 000 records, whichever comes first, and alerts \
            go out then. SIGTERM, SIGINT and SIGHUP commit and end it; 'kill -9' loses nothing either: \
            a restart goes on at the committed byte. (Standard input cannot be read again: what was \
            not committed of it is lost.)

              lastseen watch /var/log/auth.log --format sshd
              lastseen watch a.ndjson b.ndjson --output ndjson:/var/lib/lastseen/alerts.ndjson
              journalctl -f -o json -t sshd | lastseen watch -

            Output files that are renamed (logrotate) are opened anew within a second.

            Exit statuses: 0 ended by a signal or by the end of standard input, 1 a failure, 64 \
            misuse, 65 all lines of standard input refused, 66 an input that cannot be read, 73 an output cannot be made, 74 writing failed, \
            75 the state is in use by another run, 78 a bad rule or database.
            """)

    @Argument(help: "Files of records, which need not exist yet; '-' is standard input.")
    var sources: [String]

    @OptionGroup(title: "Records") var format: FormatOptions
    @OptionGroup(title: "Knowledge") var geo: GeoOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup(title: "State") var state: StateOptions
    @OptionGroup(title: "State") var history: HistoryFlags
    @OptionGroup(title: "Output") var output: FeedOptions
    @OptionGroup(title: "Running") var running: RunningOptions
    @OptionGroup(title: "Response") var response: ResponseOptions
    @OptionGroup(title: "Messages") var channels: ChannelOptions

    func run() throws {
        // Before any thread starts.
        let wake = StopSignals.catchAll()
        let book = try rules.load()
        let databases = try geo.open()
        let inputs = try WatchCommand.inputs(sources)
        let connectors = response.act ? try response.connectors() : []
        let planner = try response.planner(book)
        if let fault = planner.policy.groupsFault { complain("nothing is done: \(fault)") }
        let messages = try channels.load(rules: book)
        let store = try state.open(as: "watch")
        defer { store.close() }
        var options = try running.options(
            format: format, rules: book, databases: databases, outputs: output.targets,
            rejects: output.rejects, style: output.color.style, planner: planner)
        options.history = history.options
        options.messages = try messages?.begin(in: store)
        let watch = try Watch(options, inputs: inputs, store: store, now: wallTime)
        watch.note = { complain($0) }
        var responder: Responder?
        if response.act {
            let said = SaidOnce()
            let new = Responder(
                store: store, planner: planner, connectors: connectors, clock: { wallTime() },
                report: { said.say(ResponseText.troubles($0)) },
                failed: { said.say(["\($0)"]) })
            new.start()
            responder = new
        }
        defer { responder?.stop() }
        var messenger: Messenger?
        if let sender = try messages?.sender(databases) {
            let said = SaidOnce()
            let new = Messenger(
                store: store, sender: sender, clock: { wallTime() },
                report: { said.say(ChannelOptions.troubles($0)) },
                failed: { said.say(["\($0)"]) })
            new.start()
            messenger = new
        }
        defer { messenger?.stop() }
        watch.didAlert = {
            responder?.wake()
            messenger?.wake()
        }
        try watch.run(wakeDescriptor: wake) { StopSignals.isAsked }
        if running.verbose { complain(watch.result.summary.text()) }
        let refused = RefusalText.line(watch.result, rejectsPath: output.rejects)
        if let refused { complain(refused) }
        // A service that is stopped has not failed.
        if watch.result.hasOnlyRejects, !StopSignals.isAsked { throw ExitCode(65) }
    }

    /// A folder is refused: which files will be in it is not known yet.
    static func inputs(_ arguments: [String]) throws -> [Input] {
        var inputs: [Input] = []
        for argument in arguments {
            guard !argument.isEmpty else { throw Misuse("a source has no name") }
            var facts = stat()
            if argument != "-", unsafe stat(argument, &facts) == 0,
                facts.st_mode & S_IFMT == S_IFDIR
            {
                throw Misuse(
                    "\(argument): is a folder. Name the files in it that are to be followed.")
            }
            let input: Input = argument == "-" ? .standardInput : .file(path: argument)
            if !inputs.contains(input) { inputs.append(input) }
        }
        return inputs
    }
}

/// Complaints of a responder that looks again and again: each is made when it is new.
private final class SaidOnce: Sendable {
    private let last = Mutex<[String]>([])

    func say(_ lines: [String]) {
        last.withLock { last in
            if lines != last { for line in lines { complain(line) } }
            last = lines
        }
    }
}
