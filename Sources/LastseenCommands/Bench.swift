import ArgumentParser
import Detection
import Enrichment
import Glibc
import Intake
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the real pipeline on made-up records.",
        discussion: """
            Generates native records and runs them through everything: all rules, a state file on \
            disk, alerts written to a file. Figures of one sitting on one machine compare; others \
            do not.
            """,
        shouldDisplay: false, subcommands: [BenchRespond.self])

    @Option(name: .long, help: "Records.") var records = 1_000_000
    @Option(name: .long, help: "Users.") var users = 50_000
    @Option(name: .long, help: "Days that the records span.") var days = 30
    @Option(name: .long, help: "Share of records that an intruder made, in percent.") var odd = 0.3
    @Option(name: .long, help: "Seed of the generator.") var seed: UInt64 = 7
    @Option(name: .long, help: "Worker threads. Default: one for each core.") var threads: Int?
    @Option(name: .long, help: "Runs; each begins with no state.") var runs = 3
    @Option(name: .long, help: "A file of native records to run instead of made-up ones.")
    var input: String?
    @Option(name: .long, help: "Where files are made; removed afterwards unless --keep.")
    var folder: String = "/tmp/lastseen-bench"
    @Option(name: .long, help: "Records of a second, short run on the state of the first.")
    var then: Int = 10_000
    @Flag(name: .long, help: "Also show what each detector costs; the measuring slows judging.")
    var profile = false
    @Flag(name: .long, help: "Leave the files.") var keep = false
    @Flag(name: .long, help: "Also keep the records, as --history-for does.") var history = false
    @OptionGroup var geo: GeoOptions
    @OptionGroup var rules: RuleOptions

    func validate() throws {
        guard records >= 1, users >= 1, days >= 1, runs >= 1, (0...100).contains(odd) else {
            throw ValidationError("counts need to be 1 or more, --odd 0 to 100")
        }
    }

    func run() throws {
        mkdir(folder, 0o700)
        let databases = try geo.open()
        let file = input ?? "\(folder)/records.ndjson"
        if input == nil {
            var workload = BenchWorkload()
            workload.records = records
            workload.users = users
            workload.days = days
            workload.oddShare = odd / 100
            workload.seed = seed
            try workload.write(to: file, databases: databases)
        }
        let book = try rules.load()
        for run in 1...runs {
            for name in ["state.db", "state.db-wal", "state.db-shm", "alerts.ndjson"] {
                unlink("\(folder)/\(name)")
            }
            print("run \(run):")
            try measure(file, book, databases)
        }
        if then > 0 {
            var workload = BenchWorkload()
            workload.records = then
            workload.users = users
            workload.days = 1
            workload.seed = seed
            workload.firstDay = days
            let more = "\(folder)/more.ndjson"
            try workload.write(to: more, databases: databases)
            print("\(then) more records on that state:")
            try measure(more, book, databases)
        }
        print("peak memory \(Bench.peakMegabytes()) MB")
        if !keep {
            for name in [
                "state.db", "state.db-wal", "state.db-shm", "state.db.lock", "alerts.ndjson",
                "records.ndjson", "more.ndjson",
            ] {
                unlink("\(folder)/\(name)")
            }
            rmdir(folder)
        }
    }

    private func measure(_ file: String, _ book: RuleBook, _ databases: GeoDatabases) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let store = try StateStore(
            path: "\(folder)/state.db", waitSeconds: 1, holder: "lastseen bench, pid \(getpid())")
        var options = AnalysisOptions(
            intake: IntakeOptions(now: wallTime()), rules: book.detection, databases: databases,
            userAgents: try UserAgentParser.usual(), policy: try ResponsePolicy())
        options.threads = threads ?? coreCount()
        options.measuresDetectors = profile
        options.outputs = [OutputTarget(kind: .ndjson, path: "\(folder)/alerts.ndjson")]
        if history { options.history = HistoryOptions(retentionMilliseconds: .max / 4) }
        let analysis = try Analysis(options, store: store, now: wallTime)
        let cpu = cpuSeconds()
        try analysis.analyze([.file(path: file)])
        store.close()
        let elapsed = clock.now - start
        let counted = try StateStore(
            path: "\(folder)/state.db", waitSeconds: 1, holder: "lastseen bench", readOnly: true)
        let rows = try counted.profileCount()
        let kept = try counted.historyExtent()
        counted.close()
        let (whole, atto) = elapsed.components
        let seconds = Double(whole) + Double(atto) * 1e-18
        let result = analysis.result
        let times = result.times
        func share(_ value: Double) -> String { "\(Int((100 * value / seconds).rounded())) %" }
        print(
            "  \(result.summary.records) records in \(rounded(seconds, 3)) s:"
                + " \(Int(Double(result.summary.records) / seconds)) records/s,"
                + " \(rounded(cpuSeconds() - cpu, 2)) s of CPU")
        print(
            "  decoding and enrichment \(share(times.intake)), judging \(share(times.judging)),"
                + " commits \(share(times.commit)), waiting for input \(share(times.reading))")
        print(
            "  alerts \(result.summary.alertsOpened) opened, \(result.summary.alertsAmended) amended,"
                + " \(result.summary.alertsRetracted) retracted; \(result.late) late records")
        let size = fileSize("\(folder)/state.db") + fileSize("\(folder)/state.db-wal")
        print(
            "  \(result.profiles) profiles in memory at \(result.profileBytes / max(1, result.profiles))"
                + " bytes; \(rows) on disk at \((size - kept.bytes) / max(1, rows)) bytes")
        if kept.records > 0 {
            print(
                "  \(kept.records) records kept in \(kept.blocks) blocks at"
                    + " \(rounded(Double(kept.bytes) / Double(kept.records), 1)) bytes")
        }
        if profile { showCosts(result) }
    }

    /// The dearest detector first. Shares are of the processor time of judging, which is its wall time
    /// on every thread.
    private func showCosts(_ result: AnalysisResult) {
        let judging = result.times.judging * Double(threads ?? coreCount()) * 1e9
        let sightings = Double(max(1, result.measuredSightings))
        print("  detector                  asked of   ns a call   ns a record   share of judging")
        var all = DetectorMeter.Cost()
        func line(_ name: String, _ cost: DetectorMeter.Cost, asked: String, each: String) {
            print(
                "  \(padded(name, to: 24)) \(right(asked, 9)) \(right(each, 11))"
                    + " \(right(String(rounded(cost.nanoseconds / sightings, 2)), 13))"
                    + " \(right("\(rounded(100 * cost.nanoseconds / judging, 2)) %", 18))")
        }
        let byCost = result.detectorCosts.sorted {
            ($1.value.nanoseconds, $0.key.rawValue) < ($0.value.nanoseconds, $1.key.rawValue)
        }
        for (kind, cost) in byCost {
            all = all + cost
            line(
                kind.rawValue, cost,
                asked: "\(rounded(100 * Double(cost.calls) / sightings, 2)) %",
                each: rounded(cost.nanoseconds / Double(cost.calls), 1))
        }
        line("all", all, asked: "", each: "")
    }

    private func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private func rounded(_ value: Double, _ digits: Int) -> String {
        let scale = pow(10.0, Double(digits))
        return "\((value * scale).rounded() / scale)"
    }

    private func fileSize(_ path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private func cpuSeconds() -> Double {
        var usage = rusage()
        unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    static func peakMegabytes() -> Int {
        var usage = rusage()
        unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss / 1024
    }
}
