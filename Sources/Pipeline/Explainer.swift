public import Detection
public import Intake
public import SessionModel
public import StateStore

/// Judges past records anew up to one of them, and tells what each rule saw there.
public enum Explainer {
    /// How long after a record what others told of it may still change, ms: two pieces of a spray.
    private static let settling: Int64 = 12 * 3_600_000

    /// - Parameters:
    ///   - id: As the record's source wrote it, or as alerts show it (`#` and 16 digits where it has none).
    ///   - owner: Whose record it is, where that is known: sources may use one id for several.
    ///   - options: With the rules in force. Outputs, responses and history are left out.
    /// - Returns: What was found when the record was last judged: when it left the lateness window, or the
    ///   records ended.
    /// - Throws: `HistoryError.unknownRecord`; what reading and judging throw.
    /// - Cost: one pass that only looks for the record, one that judges up to a day after it.
    public static func explain(
        record id: String, of owner: (tenant: String, user: String)? = nil,
        _ options: AnalysisOptions, _ source: Backtest.Source
    ) throws -> SightingTrace {
        let wanted = Wanted(id, of: owner)
        var options = options
        (options.outputs, options.rejectsPath, options.history) = ([], nil, nil)
        switch source {
        case .history(let kept): return try explain(wanted, id, options, kept)
        case .files(let inputs, let unnamed):
            // Kept first, in the order in which they are judged: then both ways are one.
            let kept = try StateStore(path: ":memory:", waitSeconds: 0, holder: "rules explain")
            defer { kept.close() }
            var reading = options
            (reading.rules, reading.budget) = ([], nil)
            reading.history = HistoryOptions(retentionMilliseconds: .max / 4, limitBytes: .max)
            try Analysis(reading, store: kept) { Timestamp(milliseconds: 0) }
                .analyze(inputs, unnamed: unnamed)
            return try explain(wanted, id, options, kept)
        }
    }

    private static func explain(
        _ wanted: Wanted, _ id: String, _ options: AnalysisOptions, _ kept: StateStore
    ) throws -> SightingTrace {
        guard let number = try wanted.number(in: HistoryReader(kept)) else {
            throw HistoryError.unknownRecord(id: id)
        }
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "rules explain")
        defer { store.close() }
        let analysis = try Analysis(options, store: store) { Timestamp(milliseconds: 0) }
        var found: (user: UInt64, record: UInt64, time: Int64)?
        var newest = Int64.min
        var trace: SightingTrace?
        // One record at a time from there on, so that it is asked before it has settled.
        analysis.carefulFrom = number
        analysis.didJudge = { sighting in
            let (record, time) = (sighting.pointee.recordKey, sighting.pointee.record.time)
            if found == nil, wanted.isKey(record), wanted.isOwner(sighting.pointee.userKey) {
                found = (sighting.pointee.userKey, record, time.milliseconds)
            }
            if found != nil { newest = max(newest, time.milliseconds) }
        }
        analysis.didBatch = {
            guard let found else { return true }
            trace = try analysis.explain(user: found.user, record: found.record) ?? trace
            // On, until nothing can change what was found.
            return newest < found.time + options.latenessMilliseconds + settling
        }
        try analysis.replay(HistoryReader(kept))
        // What came after the lateness window was never judged.
        guard let trace else { throw HistoryError.notJudged(id: id) }
        return trace
    }

    /// A record's id, and what it is told by.
    private struct Wanted {
        private let id: [UInt8]
        private let key: UInt64
        /// Of a record without an id, by its content.
        private let content: UInt64?
        /// Where the profile of its user is; nil for any user.
        private let owner: UInt64?

        init(_ id: String, of owner: (tenant: String, user: String)?) {
            self.id = Array(id.utf8)
            self.owner = owner.map { owner in
                Array(owner.tenant.utf8).withUnsafeBufferPointer { tenant in
                    Array(owner.user.utf8).withUnsafeBufferPointer { user in
                        Sighting.userKey(tenant: TextView(tenant), user: TextView(user))
                    }
                }
            }
            key = self.id.withUnsafeBufferPointer { TextView($0).hash(domain: HashDomain.record) }
            content =
                id.hasPrefix("#") && id.utf8.count == 17 ? UInt64(id.dropFirst(), radix: 16) : nil
        }

        func isKey(_ record: UInt64) -> Bool { record == key || record == content }

        func isOwner(_ user: UInt64) -> Bool { owner == nil || owner == user }

        /// How many records come before it.
        func number(in history: HistoryReader) throws -> Int? {
            var records: [Record] = []
            var before = 0
            while try history.next(into: &records) {
                let place = records.firstIndex { record in
                    guard
                        owner == nil
                            || isOwner(Sighting.userKey(tenant: record.tenant, user: record.userID))
                    else { return false }
                    return record.id.isEmpty
                        ? record.contentHash == content
                        : id.withUnsafeBufferPointer { record.id == TextView($0) }
                }
                if let place { return before + place }
                before += records.count
            }
            return nil
        }
    }
}
