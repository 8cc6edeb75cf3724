import SessionModel
import StateStore
import Testing

/// All that a state holds, without what may differ between two runs that did the same: wall times, and
/// where files lie.
struct StateDump {
    private var entries: [(name: String, bytes: [UInt8])] = []
    private(set) var profiles = 0
    private(set) var revisions = 0

    /// - Parameters:
    ///   - users: whose profiles there can be; more than those in the state are a failure.
    ///   - withPositions: also how far sources and outputs are.
    init(_ store: StateStore, users: [Workload.User], withPositions: Bool = true) throws {
        let keys = Set(users.map(StateDump.key)).sorted()
        var stored: [(String, [UInt8])] = []
        let reader = try store.makeProfileReader()
        try keys.withUnsafeBufferPointer { keys in
            try reader.read(keys: keys) { i, bytes in
                stored.append(("profile \(keys[i])", Array(bytes)))
            }
        }
        try #require(try store.profileCount() == stored.count, "there are profiles of others")
        profiles = stored.count
        entries = stored
        let count = Int(try store.lastRevisionSequence())
        let log = try store.revisions(afterSequence: 0, limit: count + 1)
        revisions = log.count
        for row in log {
            add("revision \(row.sequence): \(row.alertID) \(row.revision)", row.json)
        }
        for alert in try store.alerts(filter: AlertFilter(limit: count + 1, order: .raisedFirst)) {
            add("alert \(alert.id)", "\(alert.newest)")
        }
        for var action in try store.actions(limit: 10 * count + 1) {
            (action.createdMilliseconds, action.updatedMilliseconds) = (0, 0)
            action.nextAttemptMilliseconds = 0
            add("action \(action.id)", "\(action)")
        }
        for entry in try store.journal() { add("journal \(entry.sequence)", "\(entry.what)") }
        guard withPositions else { return }
        for p in try store.checkpoints() {
            add(
                "position",
                "\(p.offset) \(p.line) \(p.headHash) \(p.tailHash) \(p.isComplete) \(p.lastTime)")
        }
        for output in try store.outputs() {
            let kind = output.name.prefix { $0 != ":" }
            add("output \(kind)", "\(output.committedLength) \(output.lastSequence)")
        }
    }

    private mutating func add(_ name: String, _ bytes: [UInt8]) { entries.append((name, bytes)) }
    private mutating func add(_ name: String, _ text: String) { add(name, Array(text.utf8)) }

    static func key(_ user: Workload.User) -> UInt64 {
        var (tenant, id) = (user.tenant, user.id)
        return tenant.withUTF8 { tenant in
            id.withUTF8 { Sighting.userKey(tenant: TextView(tenant), user: TextView($0)) }
        }
    }

    /// The first entry that the other has not, or has otherwise; nil when both are the same.
    func difference(from other: StateDump) -> String? {
        for (mine, theirs) in zip(entries, other.entries) {
            if mine.name != theirs.name { return "\(mine.name) against \(theirs.name)" }
            if mine.bytes != theirs.bytes {
                return "\(mine.name): " + firstDifference(mine.bytes, theirs.bytes)
            }
        }
        if entries.count == other.entries.count { return nil }
        let (more, side) =
            entries.count > other.entries.count
            ? (entries[other.entries.count], "only here")
            : (other.entries[entries.count], "missing")
        return "\(more.name) is \(side)"
    }
}

/// Records an issue that shows where two outputs begin to differ. (`#expect` would take minutes to
/// work out all differences.)
func expectSame(
    _ a: [UInt8], _ b: [UInt8], _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if a != b {
        Issue.record("\(comment) \(firstDifference(a, b))", sourceLocation: sourceLocation)
    }
}

/// Where two outputs begin to differ, with what stands there; for a test's comment.
func firstDifference(_ a: [UInt8], _ b: [UInt8]) -> String {
    let at = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
    if at == a.count, at == b.count { return "the same" }
    func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes[max(0, at - 60)..<min(bytes.count, at + 100)], as: UTF8.self)
    }
    let line = a[..<at].count { $0 == 0x0A } + 1
    return
        "at byte \(at) of \(a.count) and \(b.count), line \(line): '\(text(a))' against '\(text(b))'"
}
