import Detection
import Enrichment
import Messaging
import Publishing
import Response
import SessionModel
import StateStore
import Synchronization

/// Share of a run's time by stage, in seconds of the slowest worker.
public struct StageTimes: Sendable, Equatable {
    /// Decoding, GeoIP and device recognition.
    public var intake = 0.0
    /// Loading profiles, judging, learning.
    public var judging = 0.0
    /// Alerts into words, profiles into rows, the transaction.
    public var commit = 0.0
    /// Waiting for the next chunk to be read.
    public var reading = 0.0
    public init() {}

    static func += (sum: inout StageTimes, more: StageTimes) {
        sum.intake += more.intake
        sum.judging += more.judging
        sum.commit += more.commit
        sum.reading += more.reading
    }
}

/// Takes batches of records through enrichment and judgement, and commits what came of them.
///
/// Users are spread over shards by their key. In a batch each shard is one worker's, so that each
/// user's records are judged in their order by one thread, however many there are.
final class Engine {
    struct Counters {
        var records = 0
        var opened = 0
        var amended = 0
        var retracted = 0
        var silenced = 0
        var closed = 0
        var actions = 0

        /// Revisions that a reader is told of.
        var told: Int { opened + amended + retracted + closed }

        static func += (sum: inout Counters, more: Counters) {
            sum.records += more.records
            sum.opened += more.opened
            sum.amended += more.amended
            sum.retracted += more.retracted
            sum.silenced += more.silenced
            sum.closed += more.closed
            sum.actions += more.actions
        }
    }

    let store: StateStore
    let team: WorkerTeam
    private let shards: [ProfileShard]
    private let workers: [Worker]
    private let planner: ActionPlanner
    /// Plans messages to people; nil when nobody is to be told.
    private let messages: MessagePlanner?
    private let organization = Organization()
    /// A team's own rules; nil when there are none.
    private let matcher: RecordMatcher?
    private let profileBudget: Int
    /// Nil when no records are kept.
    private let keeper: HistoryKeeper?
    /// Nil without a budget.
    private let gate: BudgetGate?
    /// Alerts that the budget was asked about, and wait for a commit; and what was said of each.
    private var gated: [ProfileShard.Emitted] = []
    private var priors: [String: BudgetGate.Prior] = [:]
    /// Called with each sighting after its batch was judged, in order; for whoever looks on.
    var didJudge: ((UnsafePointer<Sighting>) -> Void)?
    private let settings: RunSettings
    private let sprayRules: (prefix: DetectionRule?, provider: DetectionRule?)
    private let alertRisk: Int
    /// Of sprays, for the next commit.
    private var sprays: [ProfileShard.Emitted] = []
    private var hasPutSettings = false
    private var batchNumber: UInt64 = 0
    private(set) var counters = Counters()
    private(set) var times = StageTimes()
    /// Records since the last commit.
    private(set) var uncommittedRecords = 0
    private let clock = ContinuousClock()

    /// What one worker has of its own.
    private final class Worker {
        let addresses: AddressEnricher
        let clients: ClientRecognizer
        var sightings: UnsafeMutablePointer<Sighting>
        var capacity = 4096
        /// Sightings of the batch.
        var count = 0
        /// By shard, each with room for `capacity`: the sightings of that shard's users, in order.
        let lists: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<Sighting>>>
        let counts: UnsafeMutablePointer<Int>
        let shards: Int
        var failure: (any Error)?
        /// For rules that count by another key than the user.
        let keySightings: KeySightings
        let zones = ZoneOffsets()

        init(_ databases: GeoDatabases, _ parser: UserAgentParser, shards: Int) {
            addresses = AddressEnricher(databases)
            clients = ClientRecognizer(parser: parser)
            sightings = .allocate(capacity: capacity)
            lists = .allocate(capacity: shards)
            counts = .allocate(capacity: shards)
            self.shards = shards
            keySightings = KeySightings(shards: shards)
            for shard in 0..<shards { lists[shard] = .allocate(capacity: capacity) }
        }

        deinit {
            sightings.deallocate()
            for shard in 0..<shards { lists[shard].deallocate() }
            lists.deallocate()
            counts.deallocate()
        }

        func reserve(_ count: Int) {
            guard count > capacity else { return }
            capacity = count + count / 2
            sightings.deallocate()
            sightings = .allocate(capacity: capacity)
            for shard in 0..<shards {
                lists[shard].deallocate()
                lists[shard] = .allocate(capacity: capacity)
            }
        }
    }

    /// - Parameter isContinuing: Whether this process has committed to the state before, so that what
    ///   the state was when it was opened says nothing.
    init(store: StateStore, options: AnalysisOptions, isContinuing: Bool = false) throws {
        self.store = store
        planner = options.planner
        messages = options.messages
        profileBudget = options.profileBudget
        matcher = RecordMatcher(options.rules)
        settings = RunSettings(
            latenessMilliseconds: options.latenessMilliseconds, alertRisk: options.alertRisk)
        MemoryTuning.apply()
        let threads = max(1, min(64, options.threads))
        let shardCount = threads == 1 ? 1 : 4 * threads
        team = WorkerTeam(count: threads)
        let isEmpty = store.isEmpty && !isContinuing
        var shards: [ProfileShard] = []
        for _ in 0..<shardCount {
            var judge = Judge(
                rules: options.rules, latenessMilliseconds: options.latenessMilliseconds,
                alertRisk: options.alertRisk)
            if options.measuresDetectors { judge.meter = DetectorMeter() }
            shards.append(
                ProfileShard(
                    judge: judge,
                    reader: isEmpty ? nil : try store.makeProfileReader()))
        }
        self.shards = shards
        gate = options.budget.map {
            BudgetGate($0, rules: options.rules, alertRisk: options.alertRisk)
        }
        func rule(_ kind: DetectorKind) -> DetectionRule? {
            options.rules.first { $0.detector == kind }
        }
        sprayRules = (rule(.passwordSpray), rule(.credentialStuffing))
        alertRisk = options.alertRisk
        organization.tellSprays(
            prefixUsers: sprayRules.prefix.map { Int($0.limit("user_count")) },
            providerUsers: sprayRules.provider.map { Int($0.limit("user_count")) })
        try organization.restore(from: store, gate: gate)
        workers = (0..<threads).map { _ in
            Worker(options.databases, options.userAgents, shards: shardCount)
        }
        keeper = try options.history.map {
            try HistoryKeeper($0, workers: threads, store: store)
        }
    }

    /// What each detector cost, and over how many sightings; empty unless they are measured.
    func detectorCosts() -> (costs: [DetectorKind: DetectorMeter.Cost], sightings: Int) {
        var all: [DetectorKind: DetectorMeter.Cost] = [:]
        var sightings = 0
        for meter in shards.compactMap(\.meter) {
            all.merge(meter.costs(), uniquingKeysWith: +)
            sightings += meter.sightings
        }
        return (all, sightings)
    }

    // MARK: - A batch

    /// Takes one batch through. `produce` is called on every worker and gives that worker's part of
    /// the batch, in order; the parts together are the batch, by number of worker. The records need
    /// to stay valid until this returns.
    func process(_ produce: @escaping (Int) -> UnsafeBufferPointer<Record>) throws {
        batchNumber += 1
        let start = clock.now
        team.run { [self] worker in enrich(workers[worker], number: worker, produce(worker)) }
        for worker in workers {
            if let failure = worker.failure { throw failure }
        }
        learnTogether()
        let corrections = correctionsByShard()
        let middle = clock.now
        // The one with most to do first, so that the workers end together.
        let sizes = shards.indices.map { shard in workers.reduce(0) { $0 + $1.counts[shard] } }
        let order = shards.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
        forEachShard(in: order) { [workers, matcher] shard, number in
            shard.judge(
                workers.map {
                    UnsafeBufferPointer(start: $0.lists[number], count: $0.counts[number])
                }, ofKeys: matcher == nil ? [] : workers.flatMap { $0.keySightings.lists[number] },
                corrections: corrections.isEmpty ? [] : corrections[number])
        }
        for shard in shards {
            if let failure = shard.failure { throw failure }
        }
        try takeSprays()
        keeper?.collect()
        if let gate { try askBudget(gate) }
        if let didJudge {
            for worker in workers {
                for i in 0..<worker.count { didJudge(worker.sightings + i) }
            }
        }
        times.intake += seconds(middle - start)
        times.judging += seconds(clock.now - middle)
    }

    /// Puts what became known of sprays into alerts, with the names of those who got in.
    private func takeSprays() throws {
        for report in organization.takeSprays() {
            guard let rule = report.isProvider ? sprayRules.provider : sprayRules.prefix else {
                continue
            }
            let names = try report.passers.compactMap { passer in
                try shards[Int(passer.user % UInt64(shards.count))].userID(of: passer.user)
            }
            sprays.append(
                ProfileShard.Emitted(
                    sequence: report.sequence,
                    alert: report.alert(rule, users: names, alertRisk: alertRisk)))
        }
    }

    /// Takes the batch's records and alerts through the budget, in the order of arrival.
    private func askBudget(_ gate: BudgetGate) throws {
        var alerts = shards.flatMap { $0.takeEmitted() }
        alerts.sort(by: Engine.isBefore)
        var next = 0
        for worker in workers {
            for i in 0..<worker.count {
                let sighting = worker.sightings + i
                gate.take(sighting)
                while next < alerts.count, alerts[next].sequence <= sighting.pointee.sequence {
                    let id = alerts[next].alert.id
                    let prior = try priors[id] ?? storedPrior(alerts[next].alert, gate)
                    gate.decide(
                        &alerts[next].alert, prior: prior, broughtBy: sighting.pointee.record.time)
                    priors[id] = BudgetGate.Prior(alerts[next].alert, gate)
                    next += 1
                }
            }
        }
        gated += alerts
    }

    /// What the state says of an alert that is not the first of its name.
    private func storedPrior(_ alert: Alert, _ gate: BudgetGate) throws -> BudgetGate.Prior? {
        // A crowded profile has forgotten how many there were.
        guard alert.revision != 1, let row = try store.alert(id: alert.id) else { return nil }
        return BudgetGate.Prior(try AlertJSON.read(row.json), gate)
    }

    private static func isBefore(_ a: ProfileShard.Emitted, _ b: ProfileShard.Emitted) -> Bool {
        (a.sequence, a.alert.id, a.alert.revision) < (b.sequence, b.alert.id, b.alert.revision)
    }

    /// Takes the batch through what is known of all users, each part of it by one worker.
    private func learnTogether() {
        let next = Counter()
        team.run { [organization, workers] _ in
            while let part = next.take(below: Organization.partCount) {
                for worker in workers {
                    organization.take(
                        UnsafeMutableBufferPointer(start: worker.sightings, count: worker.count),
                        part: part)
                }
            }
        }
    }

    /// What became known of earlier sightings, for the shards of their users; mostly empty.
    private func correctionsByShard() -> [[Correction]] {
        let all = organization.takeCorrections()
        if all.isEmpty { return [] }
        var byShard: [[Correction]] = Array(repeating: [], count: shards.count)
        for correction in all {
            byShard[Int(correction.userKey % UInt64(shards.count))].append(correction)
        }
        return byShard
    }

    private func enrich(_ worker: Worker, number: Int, _ records: UnsafeBufferPointer<Record>) {
        for shard in 0..<worker.shards { worker.counts[shard] = 0 }
        worker.count = 0
        do {
            try worker.addresses.beginChunk()
        } catch {
            worker.failure = error
            return
        }
        worker.clients.beginChunk()
        worker.reserve(records.count)
        worker.count = records.count
        let base = batchNumber << 40 | UInt64(number) << 32
        let shardCount = UInt64(shards.count)
        let addresses = worker.addresses
        let clients = worker.clients
        let lists = worker.lists
        let counts = worker.counts
        for i in 0..<records.count {
            // Plain memory, each field of which is set.
            let sighting = worker.sightings + i
            if i &+ 8 < records.count { addresses.prefetchTags(records[i &+ 8].address) }
            if i &+ 4 < records.count { addresses.prefetchFacts(records[i &+ 4].address) }
            sighting.pointee.record = records[i]
            sighting.pointee.place = addresses.facts(for: records[i].address)
            sighting.pointee.client = clients.facts(userAgent: records[i].userAgent)
            sighting.pointee.source = SourceFacts()
            sighting.pointee.matched = 0
            sighting.pointee.keyRule = 0
            sighting.pointee.computeKeys()
            sighting.pointee.sequence = base | UInt64(i)
            let shard = Int(sighting.pointee.userKey % shardCount)
            lists[shard][counts[shard]] = sighting
            counts[shard] &+= 1
        }
        if let matcher { match(worker, matcher) }
        keeper?.pack(number, records)
    }

    /// Holds a worker's sightings against a team's own rules.
    private func match(_ worker: Worker, _ matcher: RecordMatcher) {
        worker.keySightings.begin()
        for i in 0..<worker.count {
            let sighting = worker.sightings + i
            if matcher.needsLocalTime {
                sighting.pointee.utcOffsetSeconds =
                    worker.zones.offset(
                        of: sighting.pointee.place,
                        at: sighting.pointee.record.time.milliseconds) ?? Sighting.unknownOffset
            }
            let matched = matcher.match(sighting)
            if matched == 0 { continue }
            sighting.pointee.matched = matched
            if matcher.hasKeyRules {
                matcher.forEachKey(of: sighting, matched: matched) { slot, key, check in
                    worker.keySightings.add(sighting, rule: slot, key: key, check: check)
                }
            }
            sighting.pointee.matched = matcher.userRules(matched)
        }
    }

    /// Runs `body` on every shard, each on whichever worker is free: some users are far busier than
    /// others, and with them their shard.
    private func forEachShard(
        in order: [Int]? = nil, _ body: @escaping (ProfileShard, Int) -> Void
    ) {
        let next = Counter()
        let order = order ?? Array(shards.indices)
        team.run { [shards] _ in
            while let turn = next.take(below: order.count) {
                body(shards[order[turn]], order[turn])
            }
        }
    }

    /// Numbers for whoever asks, each once.
    private final class Counter: Sendable {
        private let next = Atomic<Int>(0)
        func take(below end: Int) -> Int? {
            let number = next.add(1, ordering: .relaxed).oldValue
            return number < end ? number : nil
        }
    }

    /// What each rule saw at a record of a user, while it is in the user's tail; else nil.
    func explain(user: UInt64, record: UInt64) throws -> SightingTrace? {
        try shards[Int(user % UInt64(shards.count))].explain(user: user, record: record)
    }

    func didProcess(records: Int) {
        counters.records += records
        uncommittedRecords += records
    }

    func didWait(_ duration: Duration) { times.reading += seconds(duration) }

    /// Alerts that wait for a commit at most; each is some 30 kB until it is stored.
    private static let pendingAlertLimit = 4000

    /// Bytes of packed records that wait for a commit at most.
    private static let pendingHistoryLimit = 32 << 20

    /// Whether memory asks for a commit, after which profiles can be let go.
    var isMemoryDue: Bool {
        shards.reduce(0) { $0 + $1.memoryBytes } > profileBudget
            || shards.reduce(gated.count) { $0 + $1.emitted.count } > Engine.pendingAlertLimit
            || (keeper?.pendingBytes ?? 0) > Engine.pendingHistoryLimit
    }

    /// The newest hour of record time that is believed, since 1970; 0 for none.
    var hour: Int64 { organization.hour }
    /// The budget's bar in the newest hour; nil without one.
    var bar: Int? { gate?.newestBar }
    var memoryBytes: Int { shards.reduce(0) { $0 + $1.memoryBytes } }
    var hasDropped: Bool { shards.contains { $0.hasDropped } }
    /// Of users, not of what a team's own rules count by.
    var profileCount: Int { shards.reduce(0) { $0 + $1.count - $1.keyCount } }
    var lateCount: Int { shards.reduce(0) { $0 + $1.lateCount } }
    var tooLateCount: Int { shards.reduce(0) { $0 + $1.tooLateCount } }
    var duplicateCount: Int { shards.reduce(0) { $0 + $1.duplicateCount } }
    var hasUncommitted: Bool { uncommittedRecords > 0 || shards.contains { $0.dirtyCount > 0 } }

    // MARK: - A commit

    /// Commits everything since the last commit in one transaction: profiles, alerts, actions, the
    /// positions in the sources, and how far the outputs go.
    ///
    /// - Parameters:
    ///   - now: Wall time, for stamps only.
    ///   - outputs: Take the alerts before the transaction; their new lengths go into it.
    ///   - checkpoints: Where each source goes on.
    func commit(
        now: Timestamp, outputs: Outputs, checkpoints: [CheckpointRow],
        superseded: Set<String> = []
    ) throws {
        let start = clock.now
        var alerts = gated + sprays + shards.flatMap { $0.takeEmitted() }
        gated.removeAll()
        sprays.removeAll()
        // Alerts of one record may be of several users, where it corrected what was known of others.
        alerts.sort(by: Engine.isBefore)
        forEachShard { shard, _ in shard.sortDirty() }
        try numberRevisions(&alerts)
        let finished = finish(alerts)
        try outputs.take(finished.filter(\.isTold).map(\.published))
        try store.commit { transaction in
            var sequence = outputs.lastSequence
            try putProfiles(&transaction) { transaction in
                for alert in finished { sequence = try alert.put(at: now, in: &transaction) }
                if !hasPutSettings { try settings.put(&transaction) }
            }
            // After the revisions, which it reads back: messages wait from the same commit on.
            if let messages, !finished.isEmpty { try messages.plan(at: now, in: &transaction) }
            try organization.eachDirtyPage { part, page, bytes in
                try transaction.putOrganizationPage(part: part, page: page, bytes: bytes)
            }
            try gate?.eachDirtyPage { part, page, bytes in
                try transaction.putOrganizationPage(part: part, page: page, bytes: bytes)
            }
            try keeper?.store(&transaction, hour: organization.hour)
            for key in superseded { try transaction.removeCheckpoint(sourceKey: key) }
            for checkpoint in checkpoints { try transaction.putCheckpoint(checkpoint) }
            try outputs.store(&transaction, sequence: sequence)
        }
        organization.stored()
        gate?.stored()
        priors.removeAll(keepingCapacity: true)
        keeper?.committed()
        hasPutSettings = true
        try outputs.committed()
        for alert in finished {
            switch alert.published.alert.status {
            case .open: counters.opened += 1
            case .amended: counters.amended += alert.published.alert.isMaterial ? 1 : 0
            case .retracted: counters.retracted += 1
            case .silenced: counters.silenced += alert.row.revision == 1 ? 1 : 0
            case .closed: counters.closed += 1
            // A person's word; what is said of such an alert afterwards is an amendment.
            case .confirmed, .dismissed:
                counters.amended += alert.published.alert.isMaterial ? 1 : 0
            }
            counters.actions += alert.actions.count
        }
        uncommittedRecords = 0
        for shard in shards {
            try shard.committed(budget: profileBudget / shards.count) {
                try store.makeProfileReader()
            }
        }
        times.commit += seconds(clock.now - start)
    }

    /// Numbers the revisions that a crowded profile has forgotten the count of, and those of alerts that
    /// a person spoke about meanwhile: what was confirmed stays so.
    private func numberRevisions(_ alerts: inout [ProfileShard.Emitted]) throws {
        var last: [String: (revision: Int, verdict: Alert.Status?)] = [:]
        for i in alerts.indices {
            let id = alerts[i].alert.id
            let isUnknown = alerts[i].alert.revision == Judge.unknownRevision
            var verdict: Alert.Status? = alerts[i].alert.status == .confirmed ? .confirmed : nil
            if isUnknown || alerts[i].alert.revision > 1 {
                var known = last[id]
                if known == nil, let row = try store.alert(id: id) {
                    let status = Alert.Status(rawValue: row.status)
                    known = (
                        row.revision, [.confirmed, .dismissed].contains(status) ? status : nil
                    )
                }
                let number = known?.revision ?? 0
                if isUnknown || number >= alerts[i].alert.revision {
                    alerts[i].alert.revision = number + 1
                }
                if number > 0, isUnknown, alerts[i].alert.status == .open {
                    alerts[i].alert.status = .amended
                }
                // A dismissed one of a user is open again by what is found since; that of a source is
                // what was dismissed.
                if let said = known?.verdict, said == .confirmed || alerts[i].alert.isAboutKey {
                    verdict = said
                    alerts[i].alert.status = said
                }
            }
            last[id] = (alerts[i].alert.revision, verdict)
        }
    }

    /// Puts alerts into words, on all workers.
    private func finish(_ alerts: [ProfileShard.Emitted]) -> [FinishedAlert] {
        if alerts.count < 16 { return alerts.map { FinishedAlert($0.alert, planner) } }
        let parts = Parts(count: team.count)
        team.run { [planner, team] worker in
            let range =
                alerts.count * worker / team.count..<alerts.count * (worker + 1) / team.count
            parts.set(worker, alerts[range].map { FinishedAlert($0.alert, planner) })
        }
        return parts.all
    }

    /// What each worker made, side by side.
    private final class Parts: @unchecked Sendable {
        private let parts: UnsafeMutableBufferPointer<[FinishedAlert]>

        init(count: Int) {
            parts = .allocate(capacity: count)
            parts.initialize(repeating: [])
        }

        deinit {
            parts.deinitialize()
            parts.deallocate()
        }

        func set(_ worker: Int, _ part: [FinishedAlert]) { parts[worker] = part }

        var all: [FinishedAlert] { parts.flatMap { $0 } }
    }

    /// Puts the shards' rows in the order of their keys, so that each page is touched once. They are
    /// turned into bytes by the other workers one part of the keys ahead, which takes little memory.
    /// Meanwhile `first` is done.
    private func putProfiles(
        _ transaction: inout StateTransaction, after first: (inout StateTransaction) throws -> Void
    ) throws {
        let count = shards.reduce(0) { $0 + $1.dirtyCount }
        let parts = UInt64(max(1, min(64, count / 1000)))
        // The last key of a part: keys are spread evenly, being hashes.
        func bound(_ part: UInt64) -> UInt64 {
            part + 1 == parts ? .max : UInt64.max / parts * (part + 1)
        }
        func encode(_ part: UInt64) -> () -> Void {
            guard part < parts else { return {} }
            let (last, parity) = (bound(part), Int(part & 1))
            let next = Counter()
            return { [shards] in
                while let number = next.take(below: shards.count) {
                    shards[number].encode(upTo: last, parity: parity)
                }
            }
        }
        var encodeNext = encode(0)
        try team.run(beside: encodeNext) { try first(&transaction) }
        for part in 0..<parts {
            encodeNext = encode(part + 1)
            try team.run(beside: encodeNext) { try put(Int(part & 1), &transaction) }
        }
    }

    private func put(_ parity: Int, _ transaction: inout StateTransaction) throws {
        let rows = shards.map { $0.encodedRows[parity] }
        var cursors = Array(repeating: 0, count: rows.count)
        while true {
            var next = -1
            var least = UInt64.max
            for s in rows.indices where cursors[s] < rows[s].keys.count {
                let key = rows[s].keys[cursors[s]]
                if next < 0 || key < least { (next, least) = (s, key) }
            }
            guard next >= 0 else { return }
            try transaction.putProfile(key: least, bytes: rows[next].row(cursors[next]))
            cursors[next] += 1
        }
    }
}

func seconds(_ duration: Duration) -> Double {
    let (whole, atto) = duration.components
    return Double(whole) + Double(atto) * 1e-18
}
