public import SessionModel

/// A planned action as the outbox keeps it.
public struct OutboxAction: Sendable, Equatable {
    /// The order in which actions were planned.
    public var sequence: Int64
    public var planned: PlannedAction
    /// Tries begun, the one under way included.
    public var attempts: Int
    /// When the first try began; nil before it.
    public var firstStarted: Timestamp?
    /// Not to be sent before this wall time.
    public var due: Timestamp

    public init(
        sequence: Int64, planned: PlannedAction, attempts: Int = 0, firstStarted: Timestamp? = nil,
        due: Timestamp
    ) {
        self.sequence = sequence
        self.planned = planned
        self.attempts = attempts
        self.firstStarted = firstStarted
        self.due = due
    }

    public var state: ActionState {
        get { planned.state }
        set { planned.state = newValue }
    }

    var user: ActionUser { ActionUser(tenant: planned.tenant, id: planned.userID) }
}

/// Whose order and cap an action counts to.
public struct ActionUser: Hashable, Sendable {
    public var tenant: String
    public var id: String

    public init(tenant: String, id: String) { (self.tenant, self.id) = (tenant, id) }
}

/// Whether what an action was planned for still holds.
public enum AlertStanding: Sendable, Equatable {
    case stands
    /// Retracted by a late record, or dismissed by a person; the reason is for the journal.
    case withdrawn(reason: String)
}

/// Where planned actions and the journal are kept: the state database.
///
/// Every method is one transaction. Methods throw `ResponseError.outbox` when storage fails, and the
/// run of `apply` then ends; what was committed stays.
public protocol ActionOutbox {
    /// Whether no other process can send from this outbox while we do. Then an action found in
    /// `started` is a killed run's and sent again at once; otherwise its time is waited out first.
    var isExclusive: Bool { get }

    /// The actions that may still be sent (`ActionState.isOpen`), by `sequence`, at most `limit`.
    func openActions(limit: Int) throws(ResponseError) -> [OutboxAction]

    /// How many actions have `firstStarted` at or after `time`; of one user when given.
    func startedCount(since time: Timestamp, user: ActionUser?) throws(ResponseError) -> Int

    /// Whether the alert still asks for its actions.
    func standing(ofAlert id: String) throws(ResponseError) -> AlertStanding

    /// Puts `new` in the place of `old` and appends the journal entry (`draft.chained(after:)` the
    /// newest), together and durably before it returns. Returns false, changing nothing, when what is
    /// stored no longer has `old`'s state and attempts: somebody else was quicker.
    func commit(
        _ new: OutboxAction, replacing old: OutboxAction, journal draft: JournalDraft
    ) throws(ResponseError) -> Bool
}
