public import SessionModel

/// The ways to carry out an action, by the names that options use.
public enum ConnectorKind: String, CaseIterable, Sendable {
    /// A signed POST to a URL: `WebhookConnector`.
    case webhook
    /// A program of the user's: `ExecConnector`.
    case exec

    public init(name: String) throws(ResponseError) {
        guard let kind = ConnectorKind(rawValue: name) else { throw .unknownConnector(name) }
        self = kind
    }
}

/// What came of one try.
public struct ConnectorAnswer: Sendable, Equatable {
    public enum Outcome: String, CaseIterable, Sendable {
        case done
        case alreadySo = "already-so"
        case notNeeded = "not-needed"
        /// The target will not do it; a repetition would not help.
        case refused
        /// The attempt failed and must not be repeated.
        case failed
        /// To be tried again.
        case retry
    }

    public var outcome: Outcome
    /// For a person: masked, one line, at most 200 characters.
    public var detail: String
    /// How long the target asks to wait.
    public var retryAfterSeconds: Int?
    /// For `retry`: whether the target may have acted without our learning of it.
    public var mayHaveHappened: Bool
    /// Whether the target asks for quiet (429) or is gone (410), so that its other actions wait.
    public var pausesConnector: Bool

    public init(
        _ outcome: Outcome, detail: String, retryAfterSeconds: Int? = nil,
        mayHaveHappened: Bool = false, pausesConnector: Bool = false
    ) {
        self.outcome = outcome
        self.detail = detail
        self.retryAfterSeconds = retryAfterSeconds
        self.mayHaveHappened = mayHaveHappened
        self.pausesConnector = pausesConnector
    }
}

/// Carries out actions on one target.
public protocol Connector: Sendable {
    var name: String { get }
    /// The longest that `carryOut` takes.
    var timeLimitSeconds: Int { get }
    /// Tries once, and waits for the answer. Never throws: whatever goes wrong is an answer.
    ///
    /// The action's id is the idempotency key. The same action may come again after a crash, so the
    /// target has to act at most once for a key.
    ///
    /// - Parameter now: wall time of this try.
    func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer
}
