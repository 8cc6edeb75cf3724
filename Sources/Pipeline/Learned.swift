public import Detection
import Publishing
import Response
public import SessionModel
public import StateStore

/// Reads what was learned of one user from the state, also while a run is on.
public enum LearnedLookup {
    /// What is known of the user with this id; nil when the state knows no such user.
    ///
    /// Costs one read of a row. Throws `StateError` when the state cannot be read, `ProfileError` when
    /// the row is damaged.
    ///
    /// - Parameter rules: Those in force: what they find in the newest records says what an alert named.
    public static func account(
        of userID: String, tenant: String = "", in store: StateStore, rules: [DetectionRule]
    ) throws -> LearnedAccount? {
        var judge = try RunSettings(of: store).judge(rules)
        var account: LearnedAccount?
        try SessionLookup.withProfile(of: userID, tenant: tenant, in: store) { _, profile in
            judge.restore(&profile)
            account = profile.learned()
        }
        return account
    }
}

/// Corrects what was learned of users, one commit each.
public enum Correcting {
    /// Has a user's profile forget one fact: the profile and the journal's entry are one commit. For
    /// whoever holds the state, and no profile in memory.
    ///
    /// - Parameters:
    ///   - id: The fact's, all of its digits.
    ///   - actor: Who says so, and `note` why, for the journal.
    /// - Returns: Nil when the state knows no such user.
    /// - Throws: `StateError` when the state is damaged or full; `ProfileError`. Nothing is changed then.
    public static func forget(
        _ id: String, of userID: String, tenant: String, by actor: String, note: String,
        in store: StateStore, rules: [DetectionRule], now: Timestamp
    ) throws -> Forgetting? {
        guard let row = try SessionLookup.row(of: userID, tenant: tenant, in: store) else {
            return nil
        }
        return try forget(id, ofRow: row, by: actor, note: note, in: store, rules: rules, now: now)
    }

    static func forget(
        _ id: String, ofRow row: UInt64, by actor: String, note: String, in store: StateStore,
        rules: [DetectionRule], now: Timestamp
    ) throws -> Forgetting? {
        var judge = try RunSettings(of: store).judge(rules)
        var result: Forgetting?
        var taken: (bytes: [UInt8], entry: JournalDraft)?
        try SessionLookup.withProfile(row: row, in: store) { profile in
            judge.restore(&profile)
            let account = profile.learned()
            let forgetting = judge.forget(id, &profile)
            result = forgetting
            guard case .forgotten(let fact) = forgetting else { return }
            var codec = ProfileCodec()
            defer { codec.free() }
            taken = (
                Array(codec.encode(&profile)),
                JournalDraft(
                    time: now, actor: actor, alertID: "", actionID: "", what: "forgotten",
                    detail: JournalDraft.forgottenDetail(
                        note: note, account: account, fact: fact, name: LearnedPage.name(fact)))
            )
        }
        if let taken {
            try store.commit(isDurable: true) { transaction in
                try taken.bytes.withUnsafeBytes {
                    try transaction.putProfile(key: row, bytes: $0)
                }
                try StoreOutbox.append(taken.entry, to: &transaction)
            }
        }
        return result
    }
}

extension RunSettings {
    fileprivate func judge(_ rules: [DetectionRule]) -> Judge {
        Judge(rules: rules, latenessMilliseconds: latenessMilliseconds, alertRisk: alertRisk)
    }
}
