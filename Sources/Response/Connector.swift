public import SessionModel

/// The ways to carry out an action, by the names that options and `connectors.yaml` use.
public enum ConnectorKind: String, CaseIterable, Sendable {
    /// A signed POST to a URL: `WebhookConnector`.
    case webhook
    /// A program of the user's: `ExecConnector`.
    case exec
    /// Keys of a web application's session store: `RedisConnector`.
    case redis
    /// Statements of the user's, in PostgreSQL or SQLite: `SQLConnector`.
    case sql
    /// The Admin REST API of Keycloak.
    case keycloak
    case okta
    /// Microsoft Entra ID, by Microsoft Graph.
    case entra
    /// Google Workspace, by the Directory API.
    case google
    case auth0
    case authentik
    /// A user pool of Amazon Cognito.
    case cognito
    /// GitHub, with SAML single sign-on or as an Enterprise Server.
    case github
    /// A service that lists a user's sessions and ends them by their hashes.
    case sessionAPI = "session-api"
    /// Security Event Tokens, pushed or put into streams: `SharedSignalsConnector`.
    case sharedSignals = "shared-signals"

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

/// What a connector can do about one rung.
public struct ConnectorAbility: Sendable, Equatable {
    /// What of the intruder's outlives the step, for a person: `access tokens, until they expire`.
    /// Empty when nothing does. The alert says it.
    public var survives: String
    /// Whether `undo` can take it back.
    public var isUndoable: Bool

    public init(survives: String = "", isUndoable: Bool = false) {
        self.survives = survives
        self.isUndoable = isUndoable
    }

    /// Of what hands each step on to something of the user's, which knows what it can do.
    public static let all = Dictionary(
        uniqueKeysWithValues: Rung.allCases.filter { $0 != .notify }.map {
            ($0, ConnectorAbility())
        })
}

/// Which of the steps of one alert goes first, so that the intruder is left no gap.
public enum StepOrder: Sendable, Equatable {
    /// End the sessions, then change the credential: what a person is told.
    case sessionsFirst
    /// Expire the credential (or block the account), then end sessions and tokens: the other way
    /// round, who has the password signs in again between the two calls.
    case credentialFirst
}

/// Carries out actions on one target.
///
/// Calls come from several threads at once, for different users; what must not overlap is the
/// connector's own care.
public protocol Connector: Sendable {
    /// The name that the configuration gives it; the kind's, where it gives none. Shown, stored with
    /// each action, and unique among the connectors of a run.
    var name: String { get }
    /// The longest that `carryOut`, `check` or `undo` takes.
    var timeLimitSeconds: Int { get }
    /// The rungs that it can do something about; a step on another is never given to it.
    var abilities: [Rung: ConnectorAbility] { get }
    var order: StepOrder { get }
    /// What the credential has to be allowed at the target: one entry a permission, in the target's
    /// words.
    var permissions: [String] { get }
    /// Tries once, and waits for the answer. Never throws: whatever goes wrong is an answer.
    ///
    /// The action's id is the idempotency key. The same action may come again after a crash, so the
    /// target has to act at most once for a key, or the step must be one whose repetition changes
    /// nothing.
    ///
    /// - Parameter now: wall time of this try.
    func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer
    /// Asks the target whether the action took effect: `done`, `alreadySo`, or `retry` when it did
    /// not. Nil when the target cannot say.
    func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer?
    /// Takes a step back that was done. Nil when the step has no inverse.
    func undo(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer?
    /// What carrying the action out would touch, asked of the target without changing anything (as
    /// the number of rows), in a few words. Nil when the target cannot say.
    func rehearse(_ action: PlannedAction, at now: Timestamp) -> String?
    /// Makes a call that needs the credential and changes nothing, to see whether the settings are
    /// right. Nil when the target has none.
    func probe(at now: Timestamp) -> ConnectorAnswer?
}

extension Connector {
    public var order: StepOrder { .sessionsFirst }
    public var permissions: [String] { [] }
    public func probe(at now: Timestamp) -> ConnectorAnswer? { nil }
    public func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? { nil }
    public func undo(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? { nil }
    public func rehearse(_ action: PlannedAction, at now: Timestamp) -> String? { nil }
}
