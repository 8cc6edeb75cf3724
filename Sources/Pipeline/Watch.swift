import Detection
import Enrichment
public import Intake
import Publishing
import Response
public import SessionModel
public import StateStore

/// Runs records through the engine as they come: files that grow, standard input.
///
/// The same pipeline as `Analysis` with another source and smaller commits: every
/// `commitMilliseconds` or `commitRecords`, whichever comes first, and only when there is something.
/// A restart goes on at the committed byte of each file.
public final class Watch {
    /// What came is committed after so long at most.
    public static let commitMilliseconds = 50
    /// And after so many records.
    public static let commitRecords = 10_000

    private let options: AnalysisOptions
    private let store: StateStore
    private var engine: Engine
    private var outputs: Outputs
    /// Of engines before this one.
    private var past = Past()
    private let sources: FollowedSources
    private let now: () -> Timestamp
    private let clock = ContinuousClock()
    private let started: ContinuousClock.Instant
    /// When the oldest thing that is not committed came; nil when all is.
    private var pendingSince: ContinuousClock.Instant?
    private var lastLook: ContinuousClock.Instant
    /// Up to where the state says that alerts were printed; nil: not known.
    private var notedSequence: Int64?
    private var rows: [String: CheckpointRow] = [:]
    private var hasSaidReplaced = false
    public private(set) var result = AnalysisResult()
    /// Called with what a person should know, as it happens: a format that was taken, a rotation, a
    /// file that is waited for.
    public var note: ((String) -> Void)?
    /// Called after each commit that raised, amended, closed or retracted an alert.
    public var didAlert: (() -> Void)?

    /// - Parameters:
    ///   - inputs: Files, which need not exist yet, and standard input.
    ///   - now: Wall time, for stamps.
    public init(
        _ options: AnalysisOptions, inputs: [Input], store: StateStore,
        now: @escaping () -> Timestamp
    ) throws {
        self.options = options
        self.store = store
        self.now = now
        started = clock.now
        lastLook = started
        try WaitingVerdicts.take(
            in: store, rules: options.rules, messages: options.messages, now: now())
        engine = try Engine(store: store, options: options)
        outputs = try Outputs(
            options.outputs, rejectsPath: options.rejectsPath, store: store, style: options.style)
        // A log that was rotated has a position for each of its files: the newest is the one to go
        // on from.
        let candidates = try store.checkpoints().map(\.position)
            .sorted { ($1.modified, $1.offset) < ($0.modified, $0.offset) }
        sources = FollowedSources(
            inputs.map {
                FollowReader(
                    input: $0, format: options.format, options: options.intake,
                    resumeCandidates: candidates)
            }, options: options.intake, chunkBytes: min(options.chunkBytes, 1 << 20))
    }

    /// What engines came to that were given up for the verdicts that waited.
    private struct Past {
        var counters = Engine.Counters()
        var late = 0
        var tooLate = 0
        var duplicates = 0
        var printed = 0
        var times = StageTimes()
    }

    /// Takes what comes until `shouldStop`, or until standard input, when it is the only input, was
    /// closed. Then everything that came is committed.
    ///
    /// - Parameters:
    ///   - wakeDescriptor: Becomes readable when `shouldStop` is to be asked at once; -1 for none.
    ///   - shouldStop: Asked before each batch.
    public func run(wakeDescriptor: Int32 = -1, shouldStop: () -> Bool) throws {
        for text in outputs.notes { note?(text) }
        let follower = Follower(readers: sources.readers, wakeDescriptor: wakeDescriptor)
        do {
            while !shouldStop() {
                let isAnyNew = try sources.step(engine, outputs)
                sayNotes()
                if isAnyNew {
                    for position in sources.takePositions() { keep(position) }
                    if pendingSince == nil { pendingSince = clock.now }
                }
                try commitIfDue()
                try lookAround()
                if isAnyNew { continue }
                if sources.areEnded { break }
                _ = follower.wait(timeoutMilliseconds: waitMilliseconds)
            }
        } catch let error as IntakeError {
            // What came before a source failed is sound: it is kept, and a restart goes on after it.
            // (After any other failure nothing is: the last commit stands, and what came after it is
            // judged again.)
            for position in sources.takePositions() { keep(position) }
            try commit()
            throw error
        }
        try commit()
        try finish()
    }

    private func keep(_ position: SourcePosition) {
        guard position.path != "-" else { return }  // standard input cannot be gone on with
        let row = CheckpointRow(position)
        rows[row.sourceKey] = row
    }

    private func sayNotes() {
        for reader in sources.readers {
            for text in reader.takeNotes() { note?(text) }
        }
    }

    /// Until the next commit is due; a second when nothing waits for one.
    private var waitMilliseconds: Int {
        guard let pendingSince else { return 1000 }
        let waited = Int(seconds(clock.now - pendingSince) * 1000)
        return max(1, Watch.commitMilliseconds - waited)
    }

    private func commitIfDue() throws {
        guard let pendingSince else { return }
        if engine.isMemoryDue
            || engine.uncommittedRecords >= min(Watch.commitRecords, options.commitRecords)
            || clock.now - pendingSince >= .milliseconds(Watch.commitMilliseconds)
        {
            try commit()
        }
    }

    private func commit() throws {
        guard pendingSince != nil else { return }
        let before = engine.counters.told
        try engine.commit(
            now: now(), outputs: outputs,
            checkpoints: rows.values.sorted { $0.sourceKey < $1.sourceKey })
        rows.removeAll()
        pendingSince = nil
        if engine.counters.told > before { didAlert?() }
        if let gone = outputs.readerIsGone { throw gone }
    }

    /// Once a second between commits: outputs that were rotated are opened anew, verdicts that wait
    /// are taken, and a newer database is told of.
    private func lookAround() throws {
        guard pendingSince == nil, clock.now - lastLook >= .seconds(1) else { return }
        lastLook = clock.now
        let rotated = try outputs.followRotation()
        for text in rotated { note?(text) }
        if !rotated.isEmpty {
            // Who else writes to the feeds looks for them as long as the state says they are.
            try store.commit { transaction in
                try outputs.store(&transaction, sequence: outputs.lastSequence)
            }
        }
        try notePrinted()
        try takeVerdicts()
        if !hasSaidReplaced, options.databases.areReplaced {
            hasSaidReplaced = true
            note?("A newer GeoIP database is there: restart to use it.")
        }
    }

    /// What was printed after a commit is noted a second later, so that nobody prints it again: neither the
    /// outputs that are made anew after a verdict, nor a run after a kill.
    private func notePrinted() throws {
        guard outputs.printedSequence != notedSequence else { return }
        try store.commit { transaction in
            try outputs.store(&transaction, sequence: outputs.lastSequence)
        }
        notedSequence = outputs.printedSequence
    }

    /// Verdicts that were given while this run holds the state. They are judged by the profiles of the
    /// state, so it goes on after them as it would after a restart: from the last commit.
    private func takeVerdicts() throws {
        guard try WaitingVerdicts.areThere(in: store) else { return }
        let changed = try WaitingVerdicts.take(
            in: store, rules: options.rules, messages: options.messages, now: now())
        past.counters += engine.counters
        past.late += engine.lateCount
        past.tooLate += engine.tooLateCount
        past.duplicates += engine.duplicateCount
        past.printed += outputs.printedCount
        past.times += engine.times
        engine = try Engine(store: store, options: options, isContinuing: true)
        outputs = try Outputs(
            options.outputs, rejectsPath: options.rejectsPath, store: store, style: options.style)
        for alert in changed {
            switch alert.status {
            case .confirmed: note?("\(alert.id) was confirmed: it was an intruder.")
            case .dismissed: note?("\(alert.id) was dismissed: it was the user.")
            default: note?("\(alert.id) is \(alert.status.rawValue) now.")
            }
        }
        if !changed.isEmpty { didAlert?() }
    }

    private func finish() throws {
        try outputs.finish(store)
        var counters = past.counters
        counters += engine.counters
        var times = past.times
        times += engine.times
        result.lines = sources.counters.lines
        result.summary.records = sources.counters.records
        result.summary.rejected = Int(sources.counters.rejected)
        result.firstReject = sources.counters.firstReject
        result.summary.skipped = Int(sources.counters.skipped)
        result.summary.users = engine.profileCount
        result.summary.alertsOpened = counters.opened
        result.summary.alertsAmended = counters.amended
        result.summary.alertsRetracted = counters.retracted
        result.summary.alertsSilenced = counters.silenced
        result.summary.alertsClosed = counters.closed
        result.summary.budget = options.budget?.description
        result.summary.bar = engine.bar
        result.summary.actionsPlanned = counters.actions
        result.summary.seconds = seconds(clock.now - started)
        result.late = past.late + engine.lateCount
        result.tooLate = past.tooLate + engine.tooLateCount
        result.duplicates = past.duplicates + engine.duplicateCount
        result.times = times
        result.profileBytes = engine.memoryBytes
        result.profiles = engine.profileCount
        result.printed = past.printed + outputs.printedCount
    }
}
