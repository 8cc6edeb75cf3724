public import SessionModel

/// What `lastseen respond status` shows: how many actions stand where, and whether the journal is
/// whole.
public struct ResponseStatus: Sendable, Equatable {
    /// Actions by state; states without any are absent.
    public var counts: [ActionState: Int]
    /// The open action that has waited longest since it was planned; nil when none is open.
    public var oldestOpen: OutboxAction?
    /// When the next open action is due; nil when none is open.
    public var nextDue: Timestamp?
    public var journal: JournalSummary

    public var journalEntries: Int { journal.entries }
    /// To be noted elsewhere, so that a cut-off end is seen (`Journal.verify`).
    public var journalHead: String { journal.head }
    /// What is wrong with the journal; nil when it is whole.
    public var journalFault: ResponseError? { journal.fault }

    /// - Parameters:
    ///   - actions: all of them, by `sequence`.
    ///   - journal: all entries, in order.
    ///   - head: a hash noted earlier, if any.
    public init(
        actions: some Sequence<OutboxAction>, journal: some Sequence<JournalEntry>,
        head: String? = nil
    ) {
        var summary = JournalSummary(head: head)
        for entry in journal { summary.take(entry) }
        summary.end()
        self.init(actions: actions, journal: summary)
    }

    /// - Parameters:
    ///   - actions: all of them, by `sequence`.
    ///   - journal: as `StoreOutbox.journalSummary` gives it.
    public init(actions: some Sequence<OutboxAction>, journal: JournalSummary) {
        var counts: [ActionState: Int] = [:]
        var oldest: OutboxAction?
        var next: Timestamp?
        for action in actions {
            counts[action.state, default: 0] += 1
            guard action.state.isOpen else { continue }
            if oldest == nil { oldest = action }
            next = min(next ?? action.due, action.due)
        }
        self.counts = counts
        self.oldestOpen = oldest
        self.nextDue = next
        self.journal = journal
    }

    /// Whether a person should look: something was refused, failed or given up, or the journal is
    /// broken.
    public var needsAttention: Bool {
        journalFault != nil
            || [.refused, .failed, .dead, .unknown].contains { counts[$0, default: 0] > 0 }
    }
}
