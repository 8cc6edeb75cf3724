import ArgumentParser
import Enrichment
import Evaluation
import Glibc
import Intake
import Publishing
import SessionModel

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score alerts against the truth: what was caught, what was false.",
        discussion: """
            The alerts are what 'lastseen analyze --output ndjson:FILE' wrote: the last revision of \
            each counts, retracted ones do not. The truth is a file of JSON lines, as 'simulate' \
            writes it or your own; needed are record, label (attack or benign), attack and kind. What \
            else it leaves out is taken from --records.

              lastseen evaluate --truth truth.ndjson --alerts alerts.ndjson
              lastseen evaluate --truth labels.ndjson --alerts alerts.ndjson --records log.ndjson.gz \
            --report curve.html

            Exit statuses: 0, 64 misuse, 65 a bad line of truth or alerts, 66 no such input, 73 the \
            report cannot be made, 74 writing failed.
            """)

    enum Form: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(name: .long, help: ArgumentHelp("What really happened.", valueName: "file"))
    var truth: String
    @Option(name: .long, help: ArgumentHelp("Alerts as NDJSON.", valueName: "file"))
    var alerts: String
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The records that the alerts are of; may be repeated.", valueName: "file"))
    var records: [String] = []
    @OptionGroup(title: "Records") var format: FormatOptions
    @Option(name: .long, help: "How many users there are. Default: from the records or the truth.")
    var users: Int?
    @Option(name: .long, help: "How many days the records span. Default: as for users.")
    var days: Double?
    @Option(name: .long, help: ArgumentHelp("How it is printed.", valueName: "form"))
    var output = Form.text
    @Option(
        name: .long, help: ArgumentHelp("Also write a page with the curves.", valueName: "file"))
    var report: String?

    func validate() throws {
        guard users.map({ $0 > 0 }) ?? true, days.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--users and --days are more than 0")
        }
    }

    func run() throws {
        for file in [truth, alerts] where file != "-" {
            guard unsafe access(file, R_OK) != 0 else { continue }
            throw Misuse(
                "\(file): \(errno == EACCES ? "this user may not read it" : "no such file")",
                exitCode: 66)
        }
        var evaluation = try Scorer(truth: truth, alerts: alerts)
        var (seenUsers, seenDays): (Int?, Double?) = (nil, nil)
        if !records.isEmpty { (seenUsers, seenDays) = try readRecords(into: &evaluation) }
        if evaluation.needsRecords, records.isEmpty {
            complain(
                "the truth leaves out users, sessions, times or outcomes: with --records they are"
                    + " taken from the records; without, such attacks may count as missed")
        }
        let score = try evaluation.score(
            users: users ?? evaluation.worldUsers ?? seenUsers ?? 0,
            days: days ?? evaluation.worldDays ?? seenDays ?? 0)
        if let report {
            let page = score.page(
                title: "Proof of judgement", generatedAt: wallTime(),
                producer: "Lastseen \(LastseenCommand.version)")
            try OutputFile.replace(report, with: page)
        }
        switch output {
        case .text: try put(score.text())
        case .json: try OutputFile.replace("-", with: score.json())
        }
    }

    /// How many users the records are of and the days they span, at least one.
    private func readRecords(into evaluation: inout Scorer) throws -> (Int, Double) {
        var users: Set<UInt64> = []
        var (first, last) = (Int64.max, Int64.min)
        let options = try format.intake()
        for input in try InputList.resolve(records).inputs {
            let reader = try SourceReader(
                input: input, format: try format.choice(), options: options, resumeCandidates: [])
            let decoder = try RecordDecoder(format: reader.format, options: options)
            var out = DecodedRecords()
            while let chunk = try reader.nextChunk() {
                for slice in chunk.slices(1) {
                    out.removeAll()
                    decoder.reset()
                    decoder.decode(slice, into: &out)
                    for index in 0..<out.records.count {
                        let record = out.records[index]
                        users.insert(
                            Sighting.userKey(tenant: record.tenant, user: record.userID))
                        first = min(first, record.time.milliseconds)
                        last = max(last, record.time.milliseconds)
                        if evaluation.needsRecords {
                            evaluation.learn(
                                id: record.id.string, user: record.userID.string,
                                session: record.sessionID.string, time: record.time,
                                outcome: record.outcome)
                        }
                    }
                }
            }
        }
        return (users.count, max(1, Double(last &- first) / 86_400_000))
    }
}
