public import ArgumentParser
public import Detection
import Enrichment
import Glibc
public import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel

extension OutputTarget: ExpressibleByArgument {
    public init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts[0])) else { return nil }
        let path = parts.count > 1 ? String(parts[1]) : "-"
        guard !path.isEmpty else { return nil }
        self.init(kind: kind, path: path)
    }
}

extension AlertBudget: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// Where alerts and rejects go.
struct FeedOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where alerts go: 'text', 'ndjson', or one with ':PATH' for a file that is added to. May be repeated. Default: text.",
            valueName: "kind[:path]"))
    var output: [OutputTarget] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where refused lines go, with source, line number and reason, as NDJSON.",
            valueName: "file"))
    var rejects: String?

    @OptionGroup var color: ColorOption

    var targets: [OutputTarget] {
        output.isEmpty ? [OutputTarget(kind: .text, path: "-")] : output
    }
}

/// What a run that comes to an end has besides.
struct ClosingOptions: ParsableArguments {
    @Flag(name: .long, help: "Show progress on standard error. Default: when it is a terminal.")
    var progress = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write one self-contained HTML page about the alerts in the state.", valueName: "file"))
    var report: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The share of refused lines, in percent, above which the run ends with status 65 (from 100 lines on).",
            valueName: "percent"))
    var maxRejects: Double = 1

    var rejectShare: Double { maxRejects / 100 }

    func validate() throws {
        guard (0...100).contains(maxRejects) else {
            throw ValidationError("--max-rejects is \(maxRejects). Use 0 to 100.")
        }
    }
}

/// Whether text is coloured.
struct ColorOption: ParsableArguments {
    @Option(name: .long, help: "Colour in text: auto (on a terminal), always or never.")
    var color: Choice = .auto

    enum Choice: String, CaseIterable, ExpressibleByArgument {
        case auto, always, never
    }

    var style: TextStyle {
        switch color {
        case .always: TextStyle(color: true)
        case .never: TextStyle(color: false)
        case .auto: TextStyle(color: mayColor(STDOUT_FILENO))
        }
    }
}

/// How a run uses the machine.
struct RunningOptions: ParsableArguments {
    @Option(name: .long, help: "Worker threads. Default: one for each core.")
    var threads: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How late a record may come and still be judged as if in order, in minutes.",
            valueName: "minutes"))
    var lateness: Double = 360

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The least risk of an alert, 0 to 100. What is below is kept ('lastseen alerts list --silenced') and told to nobody.",
            valueName: "risk"))
    var alertRisk = Judge.usualAlertRisk

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Alerts that can be looked at: '5/1000users/day' or '20/day'. Raises the bar by risk when there are more; what is below it is kept, silenced. From risk 90 up all is told.",
            valueName: "count/day"))
    var budget: AlertBudget?

    @Option(
        name: .long,
        help: ArgumentHelp("Records of one commit at most.", valueName: "count"))
    var batch: Int?

    @Flag(name: [.short, .long], help: "Say on standard error what was read and how.")
    var verbose = false

    func validate() throws {
        guard (1...64).contains(threads ?? 1) else {
            throw ValidationError("--threads is \(threads ?? 0). Use 1 to 64.")
        }
        guard (0...10_080).contains(lateness) else {
            throw ValidationError("--lateness is \(lateness). Use 0 to 10080 minutes (a week).")
        }
        guard (0...100).contains(alertRisk) else {
            throw ValidationError("--alert-risk is \(alertRisk). Use 0 to 100.")
        }
        guard (batch ?? 1) >= 1 else {
            throw ValidationError("--batch is \(batch ?? 0). Use 1 or more.")
        }
    }

    func options(
        format: FormatOptions, rules: RuleBook, databases: GeoDatabases, outputs: [OutputTarget],
        rejects: String?, style: TextStyle, planner: ActionPlanner
    ) throws -> AnalysisOptions {
        var options = AnalysisOptions(
            intake: try format.intake(), rules: rules.detection, databases: databases,
            userAgents: try UserAgentParser.usual(), policy: planner.policy)
        options.planner = planner
        options.format = try format.choice()
        options.outputs = outputs
        options.rejectsPath = rejects
        options.style = style
        options.threads = threads ?? coreCount()
        options.alertRisk = alertRisk
        options.budget = budget
        options.latenessMilliseconds = Int64(lateness * 60_000)
        if let batch {
            options.commitRecords = batch
            // Some 100 bytes are the shortest record, so that batches do not grow past the wish.
            options.chunkBytes = max(4096, min(options.chunkBytes, batch * 100))
        }
        return options
    }
}
