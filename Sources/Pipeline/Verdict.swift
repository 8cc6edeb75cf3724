public import Detection
import Glibc
import Publishing
public import Response
public import SessionModel
public import StateStore

/// What a person says of an alert, taken into the state: "this was me", or "that was an intruder".
public enum Verdict: String, Sendable {
    case dismissed, confirmed

    var status: Alert.Status { self == .dismissed ? .dismissed : .confirmed }
}

/// What came of a verdict.
public struct VerdictOutcome: Sendable {
    /// The alert had this verdict before, and nothing was changed.
    public var wasSo = false
    /// What the user's profile learned; nil when it no longer knows the alert.
    public var teaching: Teaching?
    /// The alert as it is now.
    public var alert: Alert
    /// Others of the user that are new, changed or over because of it.
    public var others: [Alert] = []
    /// Actions that were planned.
    public var planned = 0
    /// Feeds that the state knows and that are not where they were: nothing was added to them.
    public var missingFeeds: [String] = []
}

/// Takes verdicts, one commit each.
public struct VerdictTaker {
    let store: StateStore
    let planner: ActionPlanner
    /// Who says so, for the journal.
    let actor: String
    let now: Timestamp
    private var judge: Judge

    /// - Parameters:
    ///   - rules: Those that are in force, as the user's newest sightings are judged again. How late
    ///     records may come, and the bar for alerts, are those of the newest run.
    ///   - policy: What is planned for alerts that are raised by it.
    public init(
        store: StateStore, rules: [DetectionRule], policy: ResponsePolicy, actor: String,
        now: Timestamp
    ) throws {
        self.store = store
        planner = ActionPlanner(policy: policy)
        self.actor = actor
        self.now = now
        let settings = try RunSettings(of: store)
        judge = Judge(
            rules: rules, latenessMilliseconds: settings.latenessMilliseconds,
            alertRisk: settings.alertRisk)
    }

    /// - Parameter note: Why, for the journal.
    /// - Throws: `StateError` when the state is damaged or full; `ProfileError`; `OutputError` for a feed
    ///   that cannot be written. Nothing is changed then.
    public mutating func take(
        _ verdict: Verdict, on alert: Alert, note: String
    ) throws -> VerdictOutcome {
        var outcome = VerdictOutcome(alert: alert)
        if alert.status == verdict.status {
            outcome.wasSo = true
            return outcome
        }
        var changed: [Alert] = []
        var row: (key: UInt64, bytes: [UInt8])?
        // A source has no profile that could learn.
        if !alert.userID.isEmpty {
            try SessionLookup.withProfile(of: alert.userID, tenant: alert.tenant, in: store) {
                key, profile in
                judge.restore(&profile)
                judge.emitted.removeAll()
                outcome.teaching =
                    verdict == .dismissed
                    ? judge.dismiss(alert: alert.id, &profile)
                    : judge.confirm(alert: alert.id, &profile)
                changed = judge.emitted
                judge.emitted.removeAll()
                if !changed.contains(where: { $0.id == alert.id }) {
                    changed.append(said(verdict, alert))
                }
                for i in changed.indices {
                    // The state numbers them: the profile may have forgotten, or never have been told.
                    let known = try store.alert(id: changed[i].id)?.revision ?? 0
                    changed[i].revision = known + 1 + changed[..<i].count { $0.id == changed[i].id }
                    profile.noteTold(
                        changed[i].id, revision: changed[i].revision,
                        isConfirmed: changed[i].id == alert.id ? verdict == .confirmed : nil)
                }
                var codec = ProfileCodec()
                row = (key, Array(codec.encode(&profile)))
                codec.free()
            }
        }
        if changed.isEmpty {  // the state knows no such user
            var over = said(verdict, alert)
            over.revision = (try store.alert(id: alert.id)?.revision ?? 0) + 1
            changed = [over]
        }
        let finished = changed.map { FinishedAlert($0, planner) }
        try commit(verdict, finished, row, alert, note, &outcome)
        for alert in finished {
            outcome.planned += alert.actions.count
            if alert.published.alert.id == outcome.alert.id {
                outcome.alert = alert.published.alert
            } else {
                outcome.others.append(alert.published.alert)
            }
        }
        return outcome
    }

    /// The alert itself with the verdict, where the profile has nothing to add.
    private func said(_ verdict: Verdict, _ alert: Alert) -> Alert {
        var said = alert
        said.status = verdict.status
        said.isMaterial = true
        let isAboutSource = alert.userID.isEmpty
        let confirmed = isAboutSource ? "Confirmed. " : "Confirmed: it was an intruder. "
        let dismissed =
            isAboutSource ? "Dismissed. It said: " : "Dismissed: it was the user. It said: "
        // What was said before gives way.
        var summary = alert.summary[...]
        for old in [confirmed, dismissed] where summary.hasPrefix(old) {
            summary = summary.dropFirst(old.count)
        }
        said.summary = (verdict == .confirmed ? confirmed : dismissed) + summary
        said.isAboutKey = isAboutSource
        if verdict == .dismissed || !isAboutSource { said.recommendations = [] }
        said.actions = []
        return said
    }

    private func commit(
        _ verdict: Verdict, _ finished: [FinishedAlert], _ row: (key: UInt64, bytes: [UInt8])?,
        _ alert: Alert, _ note: String, _ outcome: inout VerdictOutcome
    ) throws {
        let (targets, missing) = try Outputs.known(to: store)
        outcome.missingFeeds = missing
        let outputs = try Outputs(targets, rejectsPath: nil, store: store, style: TextStyle())
        try outputs.take(finished.filter(\.isTold).map(\.published))
        let entry = JournalDraft(
            time: now, actor: actor, alertID: alert.id, actionID: "", what: verdict.rawValue,
            detail: JournalDraft.verdictDetail(
                note: note, devices: outcome.teaching?.devices ?? [],
                networks: outcome.teaching?.networks ?? [],
                places: outcome.teaching?.places ?? []))
        try store.commit(isDurable: true) { transaction in
            if let row {
                try row.bytes.withUnsafeBytes {
                    try transaction.putProfile(key: row.key, bytes: $0)
                }
            }
            var sequence = outputs.lastSequence
            for alert in finished { sequence = try alert.put(at: now, in: &transaction) }
            try StoreOutbox.append(entry, to: &transaction)
            try outputs.store(&transaction, sequence: sequence)
        }
        try outputs.committed()
    }
}

extension Outputs {
    /// The feeds that earlier runs wrote, as far as they are where they were.
    static func known(to store: StateStore) throws -> (targets: [OutputTarget], missing: [String]) {
        var targets: [OutputTarget] = []
        var missing: [String] = []
        for row in try store.outputs() {
            let parts = row.name.split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let kind = OutputTarget.Kind(rawValue: String(parts[0])) else {
                continue
            }
            let path = String(parts[1])
            var status = stat()
            // A relative path means another file from another folder: one that is shorter is not it.
            if stat(path, &status) == 0, Int64(status.st_size) >= row.committedLength {
                targets.append(OutputTarget(kind: kind, path: path))
            } else {
                missing.append(path)
            }
        }
        return (targets, missing)
    }
}
