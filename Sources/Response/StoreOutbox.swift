public import SessionModel
public import StateStore

/// The outbox and the journal in the state database.
///
/// The store is open for writing, and so by this process alone: nobody else sends from it. One thread
/// at a time may use an outbox; the store itself may be used by others meanwhile.
public final class StoreOutbox: ActionOutbox {
    public let isExclusive = true
    private let store: StateStore
    private let planner: ActionPlanner?
    private let readAlert: @Sendable ([UInt8]) -> Alert?

    /// - Parameters:
    ///   - planner: what an alert that was amended since is planned with again, to see whether it
    ///     still asks for an action; nil to leave that out.
    ///   - readAlert: an alert's JSON; nil when it cannot be read.
    public init(
        _ store: StateStore, planner: ActionPlanner? = nil,
        readAlert: @escaping @Sendable ([UInt8]) -> Alert? = { _ in nil }
    ) {
        self.store = store
        self.planner = planner
        self.readAlert = readAlert
    }

    public func openActions(limit: Int) throws(ResponseError) -> [OutboxAction] {
        try actions(in: ActionState.allCases.filter(\.isOpen), limit: limit)
    }

    public func actions(
        in states: [ActionState], limit: Int
    ) throws(ResponseError) -> [OutboxAction] {
        try StoreOutbox.reading { () throws in
            try store.actions(states: states.map(\.rawValue), limit: limit).map(StoreOutbox.action)
        }
    }

    /// An action in any state; nil when there is none.
    func action(_ id: String) throws(ResponseError) -> OutboxAction? {
        try StoreOutbox.reading { () throws in try store.action(id: id).map(StoreOutbox.action) }
    }

    public func starts(since time: Timestamp) throws(ResponseError) -> [ActionStart] {
        try StoreOutbox.reading { () throws in
            try store.startedActions(since: time.milliseconds).compactMap { row in
                Rung(name: row.kind).map { kind in
                    ActionStart(
                        time: Timestamp(milliseconds: row.startedMilliseconds),
                        created: Timestamp(milliseconds: row.createdMilliseconds),
                        user: ActionUser(tenant: row.tenant, id: row.userID),
                        application: row.application, kind: kind, alertID: row.alertID,
                        connector: row.connector)
                }
            }
        }
    }

    public func standing(of action: OutboxAction) throws(ResponseError) -> AlertStanding {
        let id = action.planned.alertID
        let row = try StoreOutbox.reading { () throws in try store.alert(id: id) }
        guard let row else { return .withdrawn(reason: "its alert is not in the state") }
        switch Alert.Status(rawValue: row.status) {
        case .retracted: return .withdrawn(reason: "the alert was retracted")
        case .closed: return .withdrawn(reason: "the alert is closed")
        case .dismissed: return .withdrawn(reason: "the alert was dismissed")
        case .open, .amended, .confirmed, .silenced, nil: break
        }
        // What was begun is gone on with unless the alert changed; what was not is asked of the policy
        // of now, which may be another one than it was planned by.
        let isAmended = row.revision > action.alertRevision
        guard isAmended || action.firstStarted == nil, let planner,
            // Of a connector that is not set up in this run nothing can be planned: it waits.
            planner.connectors.contains(where: { $0.name == action.planned.connector }),
            let alert = readAlert(row.json)
        else { return .stands }
        let step = planner.plan(for: alert).first { $0.id == action.planned.id }
        guard let step else {
            return .withdrawn(
                reason: isAmended
                    ? "the alert was amended, and no longer asks for it: risk \(alert.risk)"
                    : "the policy does not ask for it any more")
        }
        switch step.state {
        // Whether it may be acted upon now is the runner's to say; what a person has to do is not.
        case .notifyOnly:
            return .withdrawn(
                reason: isAmended
                    ? "the alert was amended: \(step.note)"
                    : "the policy leaves it to a person: \(step.note)")
        case .waiting
        where action.firstStarted == nil && action.approvals.count < step.approvalsNeeded:
            return .needsApproval(persons: step.approvalsNeeded, seconds: step.approvalSeconds)
        default: return .stands
        }
    }

    public func commit(_ changes: [OutboxChange]) throws(ResponseError) -> [Bool] {
        try StoreOutbox.reading { () throws in
            try store.commit { transaction in
                var isTaken: [Bool] = []
                for change in changes {
                    guard var row = try transaction.action(id: change.old.planned.id),
                        row.state == change.old.state.rawValue,
                        row.attempts == change.old.attempts
                    else {
                        isTaken.append(false)
                        continue
                    }
                    StoreOutbox.fill(&row, from: change.new, at: change.draft.time)
                    try transaction.updateAction(row)
                    try StoreOutbox.append(change.draft, to: &transaction)
                    isTaken.append(true)
                }
                return isTaken
            }
        }
    }

    // MARK: - The breaker

    private static let breakerKey = "response_breaker"

    public func breaker() throws(ResponseError) -> UserBreakerState {
        try StoreOutbox.breaker(in: store)
    }

    /// Throws for a value that this program does not know: then nobody can say that it is closed.
    public static func breaker(in store: StateStore) throws(ResponseError) -> UserBreakerState {
        guard let text = try reading({ () throws in try store.meta(breakerKey) }) else {
            return UserBreakerState()
        }
        guard let state = UserBreakerState(text: text) else {
            throw .outbox(reason: "how the breaker stands is written in an unknown form")
        }
        return state
    }

    public func setBreaker(
        _ state: UserBreakerState, journal draft: JournalDraft
    ) throws(ResponseError) {
        try StoreOutbox.setBreaker(state, journal: draft, in: store)
    }

    public static func setBreaker(
        _ state: UserBreakerState, journal draft: JournalDraft, in store: StateStore
    ) throws(ResponseError) {
        try reading { () throws in
            _ = try store.commit { transaction in
                try transaction.setMeta(key: breakerKey, value: state.text)
                try append(draft, to: &transaction)
            }
        }
    }

    public func knownUsers() throws(ResponseError) -> Int? {
        try StoreOutbox.reading { () throws in try store.profileCount() }
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
            try journalPlan(of: action, alertRevision, at: now, in: &transaction)
            return true
        }
        guard var known = try transaction.action(id: action.id),
            let state = ActionState(rawValue: known.state)
        else { return false }
        guard givesWay(known, to: action, alertRevision: alertRevision) else {
            // The amended alert still asks for it.
            let isAsked = action.state != .notifyOnly && (state.isOpen || state == .waiting)
            guard isAsked, alertRevision > known.alertRevision else { return false }
            known.alertRevision = alertRevision
            try transaction.updateAction(known)
            return false
        }
        known.state = row.state
        known.alertRevision = alertRevision
        (known.attempts, known.firstStartedMilliseconds) = (0, nil)
        known.connector = row.connector
        known.payload = row.payload
        known.result = row.result
        known.updatedMilliseconds = now.milliseconds
        known.nextAttemptMilliseconds = row.nextAttemptMilliseconds
        try journalPlan(of: action, alertRevision, at: now, in: &transaction)
        return try transaction.updateAction(known)
    }

    /// Whether planning an action anew puts it in the place of what is known of it: by its state
    /// (`ActionState.givesWay`), or as it was withdrawn, surely without effect, and an alert that was
    /// opened again, or a policy that was changed back, asks for it now. One that nobody approved in
    /// time is asked for again when the alert was amended since. What the target said, a person denied
    /// or a cool-down left out stays so.
    public static func givesWay(
        _ known: ActionRow, to action: PlannedAction, alertRevision: Int
    ) -> Bool {
        guard let state = ActionState(rawValue: known.state) else { return false }
        if state.givesWay(to: action.state) { return true }
        guard action.state == .planned || action.state == .waiting else { return false }
        switch state {
        case .notNeeded: return known.result.hasPrefix(ActionPlanner.withdrawnNote)
        case .expired: return alertRevision > known.alertRevision
        default: return false
        }
    }

    /// What will be sent begins its story in the journal; dry runs and notes have none.
    private static func journalPlan(
        of action: PlannedAction, _ alertRevision: Int, at now: Timestamp,
        in transaction: inout StateTransaction
    ) throws(StateError) {
        guard action.state.isOpen || action.state == .waiting else { return }
        let planned = OutboxAction(
            sequence: 0, planned: action, due: now, alertRevision: alertRevision)
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
        // What waits for approval is due when that comes too late.
        let wait = action.state == .waiting ? Int64(action.approvalSeconds) * 1000 : 0
        let planned = OutboxAction(
            sequence: 0, planned: action, due: now.adding(milliseconds: wait), created: now,
            alertRevision: alertRevision)
        fill(&row, from: planned, at: now)
        row.application = action.application
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
        guard let fields = Netstrings.read(row.payload),
            fields.first == firstVersion && fields.count == 6
                || fields.first == version && fields.count >= 11,
            let time = Int64(fields[2])
        else { throw odd("contents") }
        var planned = PlannedAction(
            id: row.id, alertID: row.alertID, kind: kind, tenant: row.tenant,
            userID: row.userID, userName: fields[1], sessionID: row.sessionID,
            time: Timestamp(milliseconds: time), connector: row.connector, state: state,
            note: fields[4], data: fields[5])
        planned.application = row.application
        if fields[0] == version {
            guard let needed = Int(fields[7]), let seconds = Int(fields[8]) else {
                throw odd("contents")
            }
            planned.survives = fields[6]
            (planned.approvalsNeeded, planned.approvalSeconds) = (needed, seconds)
            planned.decidedBy = fields[9]
            planned.rung = Rung(name: fields[10])
        }
        return OutboxAction(
            sequence: row.sequence, planned: planned, attempts: row.attempts,
            firstStarted: Int64(fields[3]).map { Timestamp(milliseconds: $0) },
            due: Timestamp(milliseconds: row.nextAttemptMilliseconds),
            created: Timestamp(milliseconds: row.createdMilliseconds),
            alertRevision: row.alertRevision, approvals: Array(fields.dropFirst(11)))
    }

    /// Of the payload's form; the first one had six fields.
    private static let firstVersion = "lastseen-action-1"
    private static let version = "lastseen-action-2"

    static func fill(_ row: inout ActionRow, from action: OutboxAction, at now: Timestamp) {
        row.state = action.state.rawValue
        row.connector = action.planned.connector
        row.attempts = action.attempts
        row.firstStartedMilliseconds = action.firstStarted?.milliseconds
        row.nextAttemptMilliseconds = action.due.milliseconds
        row.updatedMilliseconds = now.milliseconds
        // For who looks at the table; the payload is what is read back.
        let isGood = [.done, .alreadySo, .notNeeded].contains(action.state)
        row.result = isGood ? action.planned.note : ""
        row.lastError = isGood ? "" : action.planned.note
        let planned = action.planned
        let fields = [
            version, planned.userName, String(planned.time.milliseconds),
            action.firstStarted.map { String($0.milliseconds) } ?? "", planned.note, planned.data,
            planned.survives, String(planned.approvalsNeeded), String(planned.approvalSeconds),
            planned.decidedBy, planned.rung?.name ?? "",
        ]
        row.payload = Digest.canonical(fields + action.approvals)
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

    /// Goes through the journal a page at a time, in order.
    public static func eachEntry(
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

    static func reading<R>(_ body: () throws -> R) throws(ResponseError) -> R {
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
