public import Detection
public import Messaging
import Publishing
import Response
public import SessionModel
public import StateStore

/// Takes the verdicts that were given while another run held the state: by owners' links, which
/// `lastseen-server` receives, and by `alerts dismiss` and `alerts confirm` beside a `watch`; and what
/// `learned --forget` would have forgotten.
public enum WaitingVerdicts {
    /// Whether there are any. One small read.
    public static func areThere(in store: StateStore) throws(StateError) -> Bool {
        try !store.waitingVerdicts(limit: 1).isEmpty
    }

    /// Has a person's verdict wait. Returns its place; nil when too many wait.
    public static func put(
        _ verdict: Verdict, on alertID: String, by actor: String, note: String,
        in store: StateStore,
        now: Timestamp
    ) throws(StateError) -> Int64? {
        try store.commit(isDurable: true) { transaction in
            try transaction.putWaitingVerdict(
                WaitingVerdictRow(
                    verdict: verdict.rawValue, alertID: alertID, actor: actor, note: note,
                    givenMilliseconds: now.milliseconds))
        }
    }

    /// The word of a correction, among those of verdicts.
    static let forgotten = "forgotten"

    /// Has a person's correction wait: one fact of a user's is to be forgotten. Returns its place;
    /// nil when too many wait, or when the state knows no such user.
    public static func put(
        forgetting factID: String, of userID: String, tenant: String, by actor: String,
        note: String, in store: StateStore, now: Timestamp
    ) throws -> Int64? {
        guard let row = try SessionLookup.row(of: userID, tenant: tenant, in: store) else {
            return nil
        }
        return try store.commit(isDurable: true) { transaction in
            try transaction.putWaitingVerdict(
                WaitingVerdictRow(
                    verdict: forgotten, alertID: String(row, radix: 16) + "/" + factID,
                    actor: actor, note: note, givenMilliseconds: now.milliseconds))
        }
    }

    /// Takes them all, in the order in which they came, each with the journal entries that it has
    /// when it is given to a free state. For whoever holds the state, and no profile in memory.
    ///
    /// Killed in between, the rest waits on; what was taken is not taken twice.
    ///
    /// - Parameter messages: Plans what people are told of it; nil when nobody is to be told.
    /// - Returns: The alerts that are changed by them.
    @discardableResult
    public static func take(
        in store: StateStore, rules: [DetectionRule], messages: MessagePlanner? = nil,
        now: Timestamp
    ) throws -> [Alert] {
        let waiting = try store.waitingVerdicts()
        if waiting.isEmpty { return [] }
        var changed: [Alert] = []
        for row in waiting {
            if let answer = OwnerAnswer(rawValue: row.verdict), !row.link.isEmpty {
                let (outcome, alerts) = try OwnerAnswering.take(
                    OwnerAnswering.Given(
                        answer: answer, alertID: row.alertID, link: row.link,
                        revision: row.revision,
                        expires: Timestamp(milliseconds: row.expiresMilliseconds),
                        place: row.sequence),
                    rules: rules, in: store, now: now)
                changed += alerts
                // What could not be used any more has left nothing, and its place is still taken.
                if [.invalid, .used, .answered].contains(outcome) { try remove(row, store) }
                continue
            }
            if row.verdict == forgotten {
                let parts = row.alertID.split(separator: "/")
                if parts.count == 2, let key = UInt64(parts[0], radix: 16) {
                    _ = try Correcting.forget(
                        String(parts[1]), ofRow: key, by: row.actor, note: row.note, in: store,
                        rules: rules, now: now)
                }
            }
            if let verdict = Verdict(rawValue: row.verdict),
                let alert = try store.alert(id: row.alertID).map({ try AlertJSON.read($0.json) })
            {
                var taker = try VerdictTaker(
                    store: store, rules: rules, policy: ResponsePolicy(), actor: row.actor, now: now
                )
                let outcome = try taker.take(verdict, on: alert, note: row.note)
                if !outcome.wasSo { changed += [outcome.alert] + outcome.others }
            }
            try remove(row, store)
        }
        if let messages {
            try store.commit { transaction in _ = try messages.plan(at: now, in: &transaction) }
        }
        return changed
    }

    private static func remove(_ row: WaitingVerdictRow, _ store: StateStore) throws(StateError) {
        try store.commit { transaction in
            try transaction.removeWaitingVerdict(sequence: row.sequence)
        }
    }
}
