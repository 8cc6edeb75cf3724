public import SessionModel
public import StateStore

/// The outbox and the journal in the state database.
///
/// The store is open for writing, and so by this process alone: nobody else sends from it. One thread
/// at a time may use an outbox; the store itself may be used by others meanwhile.
public final class StoreOutbox: ActionOutbox {
    public let isExclusive = true
    private let store: StateStore
    /// Actions begun in the last hour or so, in order; nil until it was asked for.
    private var begun: [(time: Timestamp, user: ActionUser)]?

    public init(_ store: StateStore) { self.store = store }

    public func openActions(limit: Int) throws(ResponseError) -> [OutboxAction] {
        let states = ActionState.allCases.filter(\.isOpen).map(\.rawValue)
        return try StoreOutbox.reading { () throws in
            try store.actions(states: states, limit: limit).map(StoreOutbox.action)
        }
    }

    public func startedCount(
        since time: Timestamp, user: ActionUser?
    ) throws(ResponseError) -> Int {
        let all: [(time: Timestamp, user: ActionUser)]
        if let begun {
            all = begun
        } else {
            all = try StoreOutbox.reading { () throws in try journalled(since: time) }
            begun = all
        }
        return all.count { $0.time >= time && (user == nil || $0.user == user) }
    }

    public func standing(ofAlert id: String) throws(ResponseError) -> AlertStanding {
        let row = try StoreOutbox.reading { () throws in try store.alert(id: id) }
        guard let row else { return .withdrawn(reason: "its alert is not in the state") }
        switch Alert.Status(rawValue: row.status) {
        case .retracted: return .withdrawn(reason: "the alert was retracted")
        case .closed: return .withdrawn(reason: "the alert is closed")
        case .dismissed: return .withdrawn(reason: "the alert was dismissed")
        case .open, .amended, .confirmed, .silenced, nil: return .stands
        }
    }

    public func commit(
        _ new: OutboxAction, replacing old: OutboxAction, journal draft: JournalDraft
    ) throws(ResponseError) -> Bool {
        let isTaken = try StoreOutbox.reading { () throws in
            try store.commit { transaction in
                guard var row = try transaction.action(id: old.planned.id),
                    row.state == old.state.rawValue, row.attempts == old.attempts
                else { return false }
                StoreOutbox.fill(&row, from: new, at: draft.time)
                try transaction.updateAction(row)
                try StoreOutbox.append(draft, to: &transaction)
                return true
            }
        }
        if isTaken, old.firstStarted == nil, let first = new.firstStarted, begun != nil {
            // Only the last hour is ever asked for.
            let horizon = first.adding(milliseconds: -7_200_000)
            begun?.removeAll { $0.time < horizon }
            begun?.append((first, new.user))
        }
        return isTaken
    }

    /// What was begun since `time`, by the journal, whose times only grow (as far as the clock does).
    private func journalled(
        since time: Timestamp
    ) throws -> [(time: Timestamp, user: ActionUser)] {
        // The first entry not before `time`, by bisection: sequences have no gaps.
        var low: Int64 = 0
        var high: Int64 = 1
        while let entry = try store.journal(after: high - 1, limit: 1).first,
            entry.timeMilliseconds < time.milliseconds
        {
            low = high
            high *= 2
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2
            let entry = try store.journal(after: middle - 1, limit: 1).first
            if let entry, entry.timeMilliseconds < time.milliseconds {
                low = middle
            } else {
                high = middle
            }
        }
        var found: [(time: Timestamp, user: ActionUser)] = []
        var seen: Set<String> = []
        while true {
            let page = try store.journal(after: low, limit: 1000)
            for row in page where row.what == ActionState.started.rawValue {
                guard seen.insert(row.actionID).inserted,
                    let action = try store.action(id: row.actionID).map(StoreOutbox.action),
                    let first = action.firstStarted, first >= time
                else { continue }
                found.append((first, action.user))
            }
            guard let last = page.last else { return found }
            low = last.sequence
        }
    }

    // MARK: - Planning

    /// Puts a planned action into the outbox. One that is there already stays, unless it is a dry run
    /// or a note for a person that gives way to what is planned now (`ActionState.givesWay`).
    ///
    /// Returns whether anything changed.
    @discardableResult
    public static func put(
        _ action: PlannedAction, alertRevision: Int, at now: Timestamp,
        in transaction: inout StateTransaction
    ) throws(StateError) -> Bool {
        let row = row(for: action, alertRevision: alertRevision, createdAt: now)
        if try transaction.putAction(row) {
            try journalPlan(of: action, at: now, in: &transaction)
            return true
        }
        guard var known = try transaction.action(id: action.id),
            let state = ActionState(rawValue: known.state), state.givesWay(to: action.state)
        else { return false }
        known.state = row.state
        known.connector = row.connector
        known.payload = row.payload
        known.result = row.result
        known.updatedMilliseconds = now.milliseconds
        known.nextAttemptMilliseconds = row.nextAttemptMilliseconds
        try journalPlan(of: action, at: now, in: &transaction)
        return try transaction.updateAction(known)
    }

    /// What will be sent begins its story in the journal; dry runs and notes have none.
    private static func journalPlan(
        of action: PlannedAction, at now: Timestamp, in transaction: inout StateTransaction
    ) throws(StateError) {
        guard action.state.isOpen else { return }
        let planned = OutboxAction(sequence: 0, planned: action, due: now)
        try append(JournalDraft(of: planned, at: now, text: ""), to: &transaction)
    }

    /// Appends to the journal's chain: also what people decide about alerts belongs there.
    public static func append(
        _ draft: JournalDraft, to transaction: inout StateTransaction
    ) throws(StateError) {
        try transaction.appendJournal(journalRow(draft)) { row in
            Array(entry(row, hash: nil).hash.utf8)
        }
    }

    /// A planned action as a new row, due at once.
    public static func row(
        for action: PlannedAction, alertRevision: Int, createdAt now: Timestamp
    ) -> ActionRow {
        var row = ActionRow(
            id: action.id, alertID: action.alertID, alertRevision: alertRevision,
            tenant: action.tenant, userID: action.userID, sessionID: action.sessionID,
            kind: action.kind.name, target: action.target, connector: action.connector,
            state: action.state.rawValue, createdMilliseconds: now.milliseconds,
            updatedMilliseconds: now.milliseconds)
        fill(&row, from: OutboxAction(sequence: 0, planned: action, due: now), at: now)
        return row
    }

    // MARK: - Rows

    /// An action as its row has it.
    ///
    /// Throws `ResponseError.outbox` for a row that a newer program, or something else, wrote.
    public static func action(_ row: ActionRow) throws(ResponseError) -> OutboxAction {
        func odd(_ what: String) -> ResponseError {
            .outbox(reason: "action \(row.id) has \(what) that this program does not know")
        }
        guard let kind = Rung(name: row.kind) else { throw odd("a kind") }
        guard let state = ActionState(rawValue: row.state) else { throw odd("a state") }
        guard let fields = Netstrings.read(row.payload), fields.count == 6, fields[0] == version,
            let time = Int64(fields[2])
        else { throw odd("contents") }
        return OutboxAction(
            sequence: row.sequence,
            planned: PlannedAction(
                id: row.id, alertID: row.alertID, kind: kind, tenant: row.tenant,
                userID: row.userID, userName: fields[1], sessionID: row.sessionID,
                time: Timestamp(milliseconds: time), connector: row.connector, state: state,
                note: fields[4], data: fields[5]),
            attempts: row.attempts,
            firstStarted: Int64(fields[3]).map { Timestamp(milliseconds: $0) },
            due: Timestamp(milliseconds: row.nextAttemptMilliseconds))
    }

    /// Of the payload's form.
    private static let version = "lastseen-action-1"

    private static func fill(_ row: inout ActionRow, from action: OutboxAction, at now: Timestamp) {
        row.state = action.state.rawValue
        row.connector = action.planned.connector
        row.attempts = action.attempts
        row.nextAttemptMilliseconds = action.due.milliseconds
        row.updatedMilliseconds = now.milliseconds
        // For who looks at the table; the payload is what is read back.
        let isGood = [.done, .alreadySo, .notNeeded].contains(action.state)
        row.result = isGood ? action.planned.note : ""
        row.lastError = isGood ? "" : action.planned.note
        row.payload = Array(
            Digest.canonical([
                version, action.planned.userName, String(action.planned.time.milliseconds),
                action.firstStarted.map { String($0.milliseconds) } ?? "", action.planned.note,
                action.planned.data,
            ]))
    }

    private static func journalRow(_ draft: JournalDraft) -> JournalRow {
        JournalRow(
            timeMilliseconds: draft.time.milliseconds, actor: draft.actor, alertID: draft.alertID,
            actionID: draft.actionID, what: draft.what, detail: Array(draft.detail.utf8))
    }

    /// A journal entry; without a hash given, with the one that belongs to it.
    private static func entry(_ row: JournalRow, hash: String?) -> JournalEntry {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        let draft = JournalDraft(
            time: Timestamp(milliseconds: row.timeMilliseconds), actor: row.actor,
            alertID: row.alertID, actionID: row.actionID, what: row.what, detail: text(row.detail))
        let previous = text(row.previousHash)
        guard let hash else {
            return JournalEntry(sequence: row.sequence, draft: draft, previousHash: previous)
        }
        return JournalEntry(
            sequence: row.sequence, draft: draft, previousHash: previous, hash: hash)
    }

    // MARK: - For `respond status`

    /// All entries of the journal, in order. For a journal of any length see `journalSummary`.
    public static func journal(in store: StateStore) throws(ResponseError) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        try eachEntry(in: store) { entries.append($0) }
        return entries
    }

    /// Verifies the journal a page at a time, in fixed memory.
    ///
    /// - Parameter head: a hash noted earlier, if any.
    public static func journalSummary(
        in store: StateStore, head: String? = nil
    ) throws(ResponseError) -> JournalSummary {
        var summary = JournalSummary(head: head)
        try eachEntry(in: store) { summary.take($0) }
        summary.end()
        return summary
    }

    private static func eachEntry(
        in store: StateStore, _ body: (JournalEntry) -> Void
    ) throws(ResponseError) {
        var last: Int64 = 0
        while true {
            let page = try reading { () throws in try store.journal(after: last, limit: 1000) }
            guard let newest = page.last else { return }
            for row in page { body(entry(row, hash: String(decoding: row.hash, as: UTF8.self))) }
            last = newest.sequence
        }
    }

    private static func reading<R>(_ body: () throws -> R) throws(ResponseError) -> R {
        do {
            return try body()
        } catch let error as ResponseError {
            throw error
        } catch {
            throw .outbox(reason: "\(error)")
        }
    }
}

/// Texts one after the other, as `Digest.canonical` writes them: `5:hello,0:,`.
enum Netstrings {
    /// Nil when it is not that.
    static func read(_ bytes: [UInt8]) -> [String]? {
        var texts: [String] = []
        var at = 0
        while at < bytes.count {
            var count = 0
            let start = at
            while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39, at - start < 9 {
                count = count * 10 + Int(bytes[at] - 0x30)
                at += 1
            }
            guard at > start, at < bytes.count, bytes[at] == 0x3A, bytes.count - at - 1 > count,
                bytes[at + 1 + count] == 0x2C
            else { return nil }
            texts.append(String(decoding: bytes[(at + 1)..<(at + 1 + count)], as: UTF8.self))
            at += count + 2
        }
        return texts
    }
}
