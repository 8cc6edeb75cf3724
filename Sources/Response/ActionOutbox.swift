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
    /// Not to be sent before this wall time; for one that waits for approval, when it comes too late.
    public var due: Timestamp
    /// When it was planned, wall time.
    public var created: Timestamp
    /// Of the alert, that it was last planned for.
    public var alertRevision: Int
    /// Who approved it, in order; each once.
    public var approvals: [String]

    public init(
        sequence: Int64, planned: PlannedAction, attempts: Int = 0, firstStarted: Timestamp? = nil,
        due: Timestamp, created: Timestamp? = nil, alertRevision: Int = 0, approvals: [String] = []
    ) {
        self.sequence = sequence
        self.planned = planned
        self.attempts = attempts
        self.firstStarted = firstStarted
        self.due = due
        self.created = created ?? due
        self.alertRevision = alertRevision
        self.approvals = approvals
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

/// The first try of an action, for caps, the cool-down and the breaker.
public struct ActionStart: Sendable, Equatable {
    public var time: Timestamp
    /// When the action was planned.
    public var created: Timestamp
    public var user: ActionUser
    public var application: String
    public var kind: Rung
    public var alertID: String
    public var connector: String

    public init(
        time: Timestamp, created: Timestamp, user: ActionUser, application: String, kind: Rung,
        alertID: String, connector: String
    ) {
        self.time = time
        self.created = created
        self.user = user
        self.application = application
        self.kind = kind
        self.alertID = alertID
        self.connector = connector
    }

    /// Nil for an action that was never tried.
    public init?(_ action: OutboxAction) {
        guard let time = action.firstStarted else { return nil }
        let planned = action.planned
        self.init(
            time: time, created: action.created, user: action.user,
            application: planned.application, kind: planned.kind, alertID: planned.alertID,
            connector: planned.connector)
    }
}

/// Whether what an action was planned for still holds.
public enum AlertStanding: Sendable, Equatable {
    case stands
    /// Retracted by a late record, closed, dismissed by a person, or asked for no more: it was amended,
    /// or the policy is another one now. The reason is for the journal.
    case withdrawn(reason: String)
    /// The policy of now wants so many persons to approve it, within so many seconds.
    case needsApproval(persons: Int, seconds: Int)
}

/// One change of an action, with its entry in the journal.
public struct OutboxChange: Sendable {
    public var new: OutboxAction
    public var old: OutboxAction
    public var draft: JournalDraft

    public init(_ new: OutboxAction, replacing old: OutboxAction, journal draft: JournalDraft) {
        self.new = new
        self.old = old
        self.draft = draft
    }
}

/// Where planned actions and the journal are kept: the state database.
///
/// Every method is one transaction. Methods throw `ResponseError.outbox` when storage fails, and the
/// run of `apply` then ends; what was committed stays. One thread uses an outbox.
public protocol ActionOutbox {
    /// Whether no other process can send from this outbox while we do. Then an action found in
    /// `started` is a killed run's and sent again at once; otherwise its time is waited out first.
    var isExclusive: Bool { get }

    /// The actions that may still be sent (`ActionState.isOpen`), by `sequence`, at most `limit`.
    func openActions(limit: Int) throws(ResponseError) -> [OutboxAction]

    /// The actions in one of the states, by `sequence`, at most `limit`.
    func actions(in states: [ActionState], limit: Int) throws(ResponseError) -> [OutboxAction]

    /// The first tries at or after `time`, by time.
    func starts(since time: Timestamp) throws(ResponseError) -> [ActionStart]

    /// Whether the action's alert still asks for it.
    func standing(of action: OutboxAction) throws(ResponseError) -> AlertStanding

    /// Makes the changes and appends their journal entries in this order, together and durably before
    /// it returns. A change whose action no longer has `old`'s state and attempts, since somebody else
    /// was quicker, is left out, and the answer at its place is false.
    func commit(_ changes: [OutboxChange]) throws(ResponseError) -> [Bool]

    /// How the breaker stands.
    func breaker() throws(ResponseError) -> UserBreakerState

    func setBreaker(
        _ state: UserBreakerState, journal draft: JournalDraft
    ) throws(ResponseError)

    /// How many users there are profiles of; nil when nobody can say.
    func knownUsers() throws(ResponseError) -> Int?
}
