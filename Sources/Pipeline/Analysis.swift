public import Detection
public import Enrichment
import Glibc
public import Intake
public import Messaging
public import Publishing
public import Response
public import SessionModel
public import StateStore

/// All that a run is told.
public struct AnalysisOptions {
    public var format = FormatChoice.auto()
    public var intake: IntakeOptions
    public var rules: [DetectionRule]
    public var databases: GeoDatabases
    public var userAgents: UserAgentParser
    /// Plans what is done about alerts, under the policy.
    public var planner: ActionPlanner
    /// Who is told of alerts; nil for nobody.
    public var messages: MessagePlanner?
    public var outputs: [OutputTarget] = []
    public var rejectsPath: String?
    /// Of alerts as text.
    public var style = TextStyle()
    /// Workers, 1 through 64.
    public var threads = 1
    /// How late a record may come, ms.
    public var latenessMilliseconds: Int64 = 6 * 3_600_000
    /// Alerts of less risk are kept in the state and told to nobody. 0 through 100.
    public var alertRisk = Judge.usualAlertRisk
    /// Whether to measure what each detector costs, which makes judging slower.
    public var measuresDetectors = false
    /// How many alerts are to be told; nil for all.
    public var budget: AlertBudget?
    /// Keeps the records that are judged; nil keeps none.
    public var history: HistoryOptions?
    /// Bytes of profiles in memory before a commit lets go of them.
    public var profileBudget = 240 << 20
    /// Bytes of a source that are decoded and judged at a time.
    public var chunkBytes = 1 << 19
    /// The most records and seconds of one commit.
    public var commitRecords = 2_000_000
    public var commitSeconds = 4.0

    public init(
        intake: IntakeOptions, rules: [DetectionRule], databases: GeoDatabases,
        userAgents: UserAgentParser, policy: ResponsePolicy
    ) {
        self.intake = intake
        self.rules = rules
        self.databases = databases
        self.userAgents = userAgents
        planner = ActionPlanner(policy: policy)
    }
}

/// What a run came to.
public struct AnalysisResult: Sendable {
    public var summary = RunSummary()
    public var lines: UInt64 = 0
    public var late = 0
    public var tooLate = 0
    public var duplicates = 0
    public var times = StageTimes()
    public var profileBytes = 0
    public var profiles = 0
    /// What a person should know: which format was taken, a file that shrank, a damaged archive.
    public var notes: [String] = []
    /// What could not be read of damaged or cut off archives: never to be passed over.
    public var damage: [String] = []
    /// Alerts that went to standard output.
    public var printed = 0
    /// What each detector cost, and over how many sightings, when that was measured.
    public var detectorCosts: [DetectorKind: DetectorMeter.Cost] = [:]
    public var measuredSightings = 0
    /// The first line that was refused; nil when none was.
    public var firstReject: Reject?

    public init() {}

    /// Whether more lines were refused than a share (0 through 1) of those looked at. Below 100
    /// lines a share says nothing.
    public func hasTooManyRejects(share: Double) -> Bool {
        lines >= 100 && Double(summary.rejected) > share * Double(lines)
    }

    /// Whether there were lines to judge and each of them was refused: then nothing was looked at.
    public var hasOnlyRejects: Bool { summary.rejected > 0 && summary.records == 0 }
}

/// Runs records from sources through the engine into the state and the outputs.
public final class Analysis {
    private let options: AnalysisOptions
    private let store: StateStore
    private let engine: Engine
    private let outputs: Outputs
    private let now: () -> Timestamp
    private let clock = ContinuousClock()
    private let started: ContinuousClock.Instant
    private var lastCommit: ContinuousClock.Instant
    private var rows: [String: CheckpointRow] = [:]
    /// The key of the newest checkpoint of each path, and those that it made out of date.
    private var lastKeys: [String: String] = [:]
    private var superseded: Set<String> = []
    public private(set) var result = AnalysisResult()
    /// Called from time to time with what was read, and of how many bytes.
    public var progress: ((_ records: Int, _ bytes: UInt64, _ total: UInt64?) -> Void)?

    /// Called with a line for a person about each file that was passed over.
    public var didPassOver: ((String) -> Void)?

    /// - Parameter now: Wall time, for stamps.
    public init(
        _ options: AnalysisOptions, store: StateStore, now: @escaping () -> Timestamp
    ) throws {
        self.options = options
        self.store = store
        self.now = now
        started = clock.now
        lastCommit = started
        try WaitingVerdicts.take(
            in: store, rules: options.rules, messages: options.messages, now: now())
        engine = try Engine(store: store, options: options)
        outputs = try Outputs(
            options.outputs, rejectsPath: options.rejectsPath, store: store, style: options.style)
        result.notes += outputs.notes
    }

    // MARK: - Batch

    /// Reads the inputs to their ends, each from where the state says it was left.
    ///
    /// Several inputs are merged by time. Those of `unnamed` that fit no known format are passed over,
    /// unless all inputs would be. On an error what was committed stays, and the next run goes
    /// on from there.
    public func analyze(_ inputs: [Input], unnamed: Set<Input> = []) throws {
        let candidates = try store.checkpoints().map(\.position)
        var readers: [SourceReader] = []
        for input in inputs {
            do {
                let reader = try SourceReader(
                    input: input, format: options.format, options: options.intake,
                    resumeCandidates: candidates)
                result.notes += reader.notes
                if !reader.formatNote.isEmpty { result.notes.append(reader.formatNote) }
                if let resumed = reader.resumed {
                    lastKeys[input.name] = CheckpointRow(resumed).sourceKey
                }
                readers.append(reader)
            } catch {
                guard case .formatUnknown(let path, let known) = error, unnamed.contains(input)
                else { throw error }
                didPassOver?("\(path): passed over: its first lines fit no known format")
                if input == inputs.last, readers.isEmpty {
                    throw IntakeError.noneFits(count: inputs.count, known: known)
                }
            }
        }
        let total = readers.reduce(UInt64?(0)) { sum, reader in
            guard let sum, let bytes = reader.totalBytes else { return nil }
            return sum + bytes
        }
        var counters = IntakeCounters()
        func report() {
            progress?(
                counters.records, readers.reduce(0) { $0 + $1.consumedBytes }, total)
        }
        if readers.count == 1 {
            let source = try SingleSource(
                readers[0], options: options.intake, workers: engine.team.count,
                chunkBytes: options.chunkBytes * engine.team.count)
            while !isEnough, try source.step(engine, outputs) {
                try askOn()
                counters = source.counters
                if let position = source.position { note(position) }
                try commitIfDue()
                report()
            }
            counters = source.counters
            if let position = source.position { note(position) }
        } else {
            let merged = try MergedSources(
                readers, options: options.intake, chunkBytes: options.chunkBytes)
            while !isEnough, try merged.step(engine, outputs) {
                try askOn()
                counters = merged.counters
                if isCommitDue {
                    for position in merged.positions { note(position) }
                    try commit()
                }
                report()
            }
            counters = merged.counters
            for position in merged.positions { note(position) }
        }
        for reader in readers where reader.isDamaged {
            result.notes += reader.notes
            result.damage += reader.notes
        }
        add(counters)
        try commit()
        try finish()
    }

    /// Judges the records that a state has kept, in the order in which they were judged.
    public func replay(_ history: HistoryReader) throws {
        var records: [Record] = []
        while !isEnough, try history.next(into: &records) {
            try replay(records)
            try commitIfDue()
            progress?(result.summary.records, UInt64(history.done), UInt64(history.extent.records))
        }
        try commit()
        try finish()
    }

    private func replay(_ records: [Record]) throws {
        let count = engine.team.count
        let isCareful = result.summary.records + records.count > carefulFrom
        let step = isCareful ? 1 : max(1, records.count)
        var start = 0
        while start < records.count, !isEnough {
            let end = min(records.count, start + step)
            try records.withUnsafeBufferPointer { records in
                // The workers' parts end with this call.
                let batch = UnsafeBufferPointer(rebasing: records[start..<end])
                try engine.process { worker in
                    let range = batch.count * worker / count..<batch.count * (worker + 1) / count
                    return UnsafeBufferPointer(rebasing: batch[range])
                }
            }
            engine.didProcess(records: end - start)
            result.summary.records += end - start
            start = end
            try askOn()
        }
    }

    private func askOn() throws {
        if let didBatch, try !didBatch() { isEnough = true }
    }

    /// When kept records are replayed: from this one on each is a batch of its own.
    var carefulFrom = Int.max
    /// Called after each batch; reading ends when it says false.
    var didBatch: (() throws -> Bool)?
    private var isEnough = false

    /// What each rule saw at a record of a user, while it is in the user's tail; else nil.
    func explain(user: UInt64, record: UInt64) throws -> SightingTrace? {
        try engine.explain(user: user, record: record)
    }

    /// Called with each sighting once it was judged, in order.
    var didJudge: ((UnsafePointer<Sighting>) -> Void)? {
        get { engine.didJudge }
        set { engine.didJudge = newValue }
    }

    /// The newest hour of record time that is believed, since 1970; 0 for none.
    var hour: Int64 { engine.hour }

    private func note(_ position: SourcePosition) {
        guard position.path != "-" else { return }  // standard input cannot be gone on with
        let row = CheckpointRow(position)
        if let old = lastKeys.updateValue(row.sourceKey, forKey: row.path), old != row.sourceKey {
            superseded.insert(old)
            rows[old] = nil
        }
        rows[row.sourceKey] = row
    }

    private var isCommitDue: Bool {
        engine.isMemoryDue || engine.uncommittedRecords >= options.commitRecords
            || engine.uncommittedRecords > 0
                && seconds(clock.now - lastCommit) >= options.commitSeconds
    }

    private func commitIfDue() throws {
        if isCommitDue { try commit() }
    }

    private func commit() throws {
        try engine.commit(
            now: now(), outputs: outputs,
            checkpoints: rows.values.sorted { $0.sourceKey < $1.sourceKey },
            superseded: superseded.subtracting(rows.keys))
        rows.removeAll()
        superseded.removeAll()
        lastCommit = clock.now
    }

    private func add(_ counters: IntakeCounters) {
        result.lines = counters.lines
        result.summary.records = counters.records
        result.summary.rejected = Int(counters.rejected)
        result.firstReject = counters.firstReject
        result.summary.skipped = Int(counters.skipped)
        if counters.unfinished > 0 {
            result.notes.append(
                "A last line without its end is no record yet: the next run reads it again.")
        }
    }

    private func finish() throws {
        try outputs.finish(store)
        // Users who were let go of meanwhile may have come again: then the number is not known.
        result.summary.users = engine.hasDropped ? 0 : engine.profileCount
        (result.detectorCosts, result.measuredSightings) = engine.detectorCosts()
        result.summary.alertsOpened = engine.counters.opened
        result.summary.alertsAmended = engine.counters.amended
        result.summary.alertsRetracted = engine.counters.retracted
        result.summary.alertsSilenced = engine.counters.silenced
        result.summary.alertsClosed = engine.counters.closed
        result.summary.budget = options.budget?.description
        result.summary.bar = engine.bar
        result.summary.actionsPlanned = engine.counters.actions
        result.summary.seconds = seconds(clock.now - started)
        result.late = engine.lateCount
        result.tooLate = engine.tooLateCount
        result.duplicates = engine.duplicateCount
        result.times = engine.times
        result.profileBytes = engine.memoryBytes
        result.profiles = engine.profileCount
        result.printed = outputs.printedCount
    }
}
