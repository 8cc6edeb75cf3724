public import SessionModel

/// Where an action stands. The raw values are stored and shown.
public enum ActionState: String, CaseIterable, Codable, Sendable {
    /// Would be sent if acting were switched on. Never sent.
    case dryRun = "dry-run"
    /// For a person: a rung that Lastseen does not take itself, or a guard that stopped it. Never
    /// sent; the note says why.
    case notifyOnly = "notify-only"
    /// To be sent once enough persons have approved it.
    case waiting
    /// To be sent.
    case planned
    /// A call is under way, or was when the run was killed: sent again with the same key.
    case started
    /// Every try so far failed, surely without effect; sent again when due.
    case retrying
    /// A try gave no answer, so the target may have acted; sent again when due.
    case unanswered
    /// The target did it.
    case done
    /// The target says that it was so already.
    case alreadySo = "already-so"
    /// The alert was retracted or dismissed before the action was sent, or the target says that
    /// there is nothing to do.
    case notNeeded = "not-needed"
    /// The target will not do it, and a repetition would not change that.
    case refused
    /// The program of the user's failed and did not ask for a repetition.
    case failed
    /// Every try failed, surely without effect.
    case dead
    /// Given up, and whether the target acted at some try is not known.
    case unknown
    /// A person said that it is not to be done.
    case denied
    /// Nobody, or too few, approved it in time, or the suspect was last seen too long ago.
    case expired
    /// Was done, and was taken back by a person.
    case undone

    /// Whether it may still be sent.
    public var isOpen: Bool {
        self == .planned || self == .started || self == .retrying || self == .unanswered
    }

    /// Whether the target may have acted without our having its word.
    public var mayHaveHappened: Bool {
        self == .started || self == .unanswered || self == .unknown
    }

    /// Whether planning the same action anew may put `next` in place of this state: a dry run or a
    /// note gives way to what a changed policy plans, and what waits for approval to what needs none;
    /// nothing else does.
    public func givesWay(to next: ActionState) -> Bool {
        switch self {
        case .dryRun, .notifyOnly: next != self
        // A policy that needs nobody's approval any more.
        case .waiting: next == .planned
        default: false
        }
    }
}

/// A step that Lastseen takes, or would take, itself.
public struct PlannedAction: Sendable, Equatable {
    /// `act-` and 16 hexadecimal digits of a hash (`id(alertID:kind:target:connector:)`). Also the
    /// idempotency key: the same in every run, on every try.
    public var id: String
    public var alertID: String
    public var kind: Rung
    public var tenant: String
    public var userID: String
    public var userName: String
    /// Empty when the action is on the user.
    public var sessionID: String
    /// The suspect's last sighting, in event time.
    public var time: Timestamp
    /// The connector's name; empty when it is never sent.
    public var connector: String
    public var state: ActionState
    /// For a person: why it is not sent, or what became of it.
    public var note: String
    /// A JSON object, `data` of the message. Fixed when planned, so that every try is the same.
    public var data: String
    /// Where the suspect was seen; empty when the records name none.
    public var application = ""
    /// What of the intruder's outlives the step, for a person; empty when nothing does.
    public var survives = ""
    /// How many persons have to approve it.
    public var approvalsNeeded = 0
    /// An approval that is not complete within so many seconds comes too late.
    public var approvalSeconds = 86_400
    /// What decided that it is to be done, for the journal: `entry 'admins'`.
    public var decidedBy = ""
    /// What the decision asks for, of which this step is a part.
    public var rung: Rung?

    public init(
        id: String, alertID: String, kind: Rung, tenant: String, userID: String, userName: String,
        sessionID: String, time: Timestamp, connector: String, state: ActionState, note: String,
        data: String
    ) {
        self.id = id
        self.alertID = alertID
        self.kind = kind
        self.tenant = tenant
        self.userID = userID
        self.userName = userName
        self.sessionID = sessionID
        self.time = time
        self.connector = connector
        self.state = state
        self.note = note
        self.data = data
    }

    /// `session s1` or `user u1`.
    public var target: String { sessionID.isEmpty ? "user \(userID)" : "session \(sessionID)" }

    /// As an alert shows it.
    public var summary: ActionSummary {
        ActionSummary(
            id: id, kind: kind.name, target: target, state: state.rawValue,
            // A dry run may be by a connector that is not set up at all.
            connector: state == .dryRun ? "" : connector)
    }

    /// The id for (alert, kind, target), and for the connector where a file names it. 64 bits of
    /// SHA-256 over their netstrings: two of a million actions share one with a chance of 3 in 10⁸.
    ///
    /// Of the connectors that options set up there is one, whichever it is, so a step of it needs no
    /// name: its id is the same as ever, also when `--exec` takes the place of `--webhook`. Those of a
    /// file may be many, come and go, and each takes the step; an id that holds the name is the same
    /// whatever others there are, so that adding one repeats nothing at those that were there.
    public static func id(
        alertID: String, kind: Rung, target: String, connector: String = ""
    ) -> String {
        let fields =
            connector.isEmpty
            ? ["lastseen-action-1", alertID, kind.name, target]
            : ["lastseen-action-2", alertID, kind.name, target, connector]
        return "act-" + Digest.hex(Digest.sha256(Digest.canonical(fields)).prefix(8))
    }
}
