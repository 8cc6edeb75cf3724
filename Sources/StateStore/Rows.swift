/// Where a source was read to: go on from here. Written in the commit of what was read.
public struct CheckpointRow: Sendable, Equatable {
    /// What makes the source the same one next time; unique.
    public var sourceKey: String
    public var path: String
    public var device: UInt64
    public var inode: UInt64
    /// In bytes of the uncompressed source, just after the last record taken.
    public var offset: UInt64
    /// Lines (or elements) taken.
    public var line: UInt64
    /// How many bytes of the source's head `headHash` covers.
    public var headLength: UInt32
    public var headHash: UInt64
    public var tailHash: UInt64
    /// Whether the source was read to its end.
    public var isComplete: Bool
    /// Bytes of the file as stored; equal to what was read when it is not compressed.
    public var compressedSize: UInt64
    /// The file's modification time, as its reader counts it.
    public var modified: Int64
    public var formatName: String
    /// Of the newest record taken, in milliseconds since 1970.
    public var lastTime: Int64

    public init(
        sourceKey: String, path: String, device: UInt64, inode: UInt64, offset: UInt64,
        line: UInt64, headLength: UInt32, headHash: UInt64, tailHash: UInt64, isComplete: Bool,
        compressedSize: UInt64, modified: Int64, formatName: String, lastTime: Int64
    ) {
        self.sourceKey = sourceKey
        self.path = path
        self.device = device
        self.inode = inode
        self.offset = offset
        self.line = line
        self.headLength = headLength
        self.headHash = headHash
        self.tailHash = tailHash
        self.isComplete = isComplete
        self.compressedSize = compressedSize
        self.modified = modified
        self.formatName = formatName
        self.lastTime = lastTime
    }
}

/// How much of an output is committed: a restart cuts a file to `committedLength` and goes on after
/// `lastSequence`.
public struct OutputRow: Sendable, Equatable {
    /// Its kind and path, as `ndjson:/var/log/alerts.ndjson`, or `stdout`; unique.
    public var name: String
    /// In bytes.
    public var committedLength: Int64
    /// The newest entry of the revision log that was written to it; 0 for none.
    public var lastSequence: Int64

    public init(name: String, committedLength: Int64, lastSequence: Int64) {
        self.name = name
        self.committedLength = committedLength
        self.lastSequence = lastSequence
    }
}

/// One revision of an alert, to be appended to the revision log.
public struct AlertRevision: Sendable, Equatable {
    public var alertID: String
    /// Above every earlier one of the same alert.
    public var revision: Int
    /// `Alert.Status`, by name.
    public var status: String
    public var userKey: UInt64
    public var tenant: String
    public var userID: String
    /// Of the newest finding, in milliseconds since 1970.
    public var timeMilliseconds: Int64
    /// 0 through 100.
    public var risk: Int
    /// `Severity`, by raw value.
    public var severity: Int
    /// The alert as outputs show it.
    public var json: [UInt8]

    public init(
        alertID: String, revision: Int, status: String, userKey: UInt64, tenant: String,
        userID: String, timeMilliseconds: Int64, risk: Int, severity: Int, json: [UInt8]
    ) {
        self.alertID = alertID
        self.revision = revision
        self.status = status
        self.userKey = userKey
        self.tenant = tenant
        self.userID = userID
        self.timeMilliseconds = timeMilliseconds
        self.risk = risk
        self.severity = severity
        self.json = json
    }
}

/// An alert as its newest revision has it.
public struct AlertRow: Sendable, Equatable {
    public var newest: AlertRevision
    /// Places in the revision log of its first and newest revision.
    public var firstSequence: Int64
    public var lastSequence: Int64

    public init(newest: AlertRevision, firstSequence: Int64, lastSequence: Int64) {
        self.newest = newest
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
    }

    public var id: String { newest.alertID }
    public var revision: Int { newest.revision }
    public var status: String { newest.status }
    public var userKey: UInt64 { newest.userKey }
    public var tenant: String { newest.tenant }
    public var userID: String { newest.userID }
    public var timeMilliseconds: Int64 { newest.timeMilliseconds }
    public var risk: Int { newest.risk }
    public var severity: Int { newest.severity }
    public var json: [UInt8] { newest.json }
}

/// Which alerts to list, and in what order. Conditions add up.
public struct AlertFilter: Sendable, Equatable {
    public enum Order: Sendable, CaseIterable {
        /// By event time. Ties are in the order in which the alerts were first raised.
        case oldestFirst, newestFirst
        /// Highest first, then newest.
        case riskFirst
        /// In the order in which they were first raised.
        case raisedFirst
    }

    /// Empty: any.
    public var statuses: [String]
    public var userKey: UInt64?
    public var tenant: String?
    public var userID: String?
    public var minimumRisk: Int
    /// From this event time on, in milliseconds since 1970.
    public var since: Int64?
    /// Before this event time.
    public var until: Int64?
    /// At most `StateLimit.rows`.
    public var limit: Int
    public var order: Order

    public init(
        statuses: [String] = [], userKey: UInt64? = nil, tenant: String? = nil,
        userID: String? = nil, minimumRisk: Int = 0, since: Int64? = nil, until: Int64? = nil,
        limit: Int = 1000, order: Order = .oldestFirst
    ) {
        self.statuses = statuses
        self.userKey = userKey
        self.tenant = tenant
        self.userID = userID
        self.minimumRisk = minimumRisk
        self.since = since
        self.until = until
        self.limit = limit
        self.order = order
    }
}

/// One entry of the revision log.
public struct RevisionRow: Sendable, Equatable {
    /// From 1, without gaps, in the order of the commits.
    public var sequence: Int64
    public var alertID: String
    public var revision: Int
    public var json: [UInt8]

    public init(sequence: Int64, alertID: String, revision: Int, json: [UInt8]) {
        self.sequence = sequence
        self.alertID = alertID
        self.revision = revision
        self.json = json
    }
}

/// A step that Lastseen takes itself: an entry of the outbox.
public struct ActionRow: Sendable, Equatable {
    /// States in which an action may still be sent. Only these are offered by `claimActions`, and
    /// they hold back the later actions for the same user. Never change one: an index knows them.
    public static let pendingStates = ["planned", "started", "retrying", "unanswered", "waiting"]

    /// Also the idempotency key.
    public var id: String
    public var alertID: String
    public var alertRevision: Int
    public var tenant: String
    public var userID: String
    public var userName: String
    public var sessionID: String
    /// Of what it is planned for, in event time; milliseconds since 1970, as all times here.
    public var timeMilliseconds: Int64
    /// A rung's name.
    public var kind: String
    public var target: String
    public var connector: String
    /// `planned`, `started`, `done`, …: Response's words; `pendingStates` mean something here.
    public var state: String
    /// Calls begun.
    public var attempts: Int
    /// When the first call began; nil before it. Wall time, as the next ones.
    public var firstStartedMilliseconds: Int64?
    /// Not to be sent before this.
    public var nextAttemptMilliseconds: Int64
    public var createdMilliseconds: Int64
    public var updatedMilliseconds: Int64
    /// For a person: why it is not sent, or what went wrong.
    public var lastError: String
    /// What the connector is given.
    public var payload: [UInt8]
    public var result: String
    /// Where the suspect was seen; empty when the records name none.
    public var application: String
    /// Its place in the order of creation, given by the store; 0 before.
    public var sequence: Int64

    public init(
        id: String, alertID: String, alertRevision: Int, tenant: String, userID: String,
        userName: String = "", sessionID: String, timeMilliseconds: Int64 = 0, kind: String,
        target: String, connector: String, state: String, attempts: Int = 0,
        firstStartedMilliseconds: Int64? = nil, nextAttemptMilliseconds: Int64 = 0,
        createdMilliseconds: Int64, updatedMilliseconds: Int64, lastError: String = "",
        payload: [UInt8] = [],
        result: String = "", application: String = "", sequence: Int64 = 0
    ) {
        self.id = id
        self.alertID = alertID
        self.alertRevision = alertRevision
        self.tenant = tenant
        self.userID = userID
        self.userName = userName
        self.sessionID = sessionID
        self.timeMilliseconds = timeMilliseconds
        self.kind = kind
        self.target = target
        self.connector = connector
        self.state = state
        self.attempts = attempts
        self.firstStartedMilliseconds = firstStartedMilliseconds
        self.nextAttemptMilliseconds = nextAttemptMilliseconds
        self.createdMilliseconds = createdMilliseconds
        self.updatedMilliseconds = updatedMilliseconds
        self.lastError = lastError
        self.payload = payload
        self.result = result
        self.application = application
        self.sequence = sequence
    }
}

/// The first call of an action, for those who count them.
public struct ActionStartRow: Sendable, Equatable {
    public var actionID: String
    public var alertID: String
    public var tenant: String
    public var userID: String
    public var kind: String
    public var connector: String
    public var application: String
    /// Milliseconds since 1970, wall time.
    public var startedMilliseconds: Int64
    public var createdMilliseconds: Int64

    public init(
        actionID: String, alertID: String, tenant: String, userID: String, kind: String,
        connector: String, application: String, startedMilliseconds: Int64,
        createdMilliseconds: Int64
    ) {
        self.actionID = actionID
        self.alertID = alertID
        self.tenant = tenant
        self.userID = userID
        self.kind = kind
        self.connector = connector
        self.application = application
        self.startedMilliseconds = startedMilliseconds
        self.createdMilliseconds = createdMilliseconds
    }
}

/// One entry of the journal of what was done, which is only ever appended to.
public struct JournalRow: Sendable, Equatable {
    /// From 1, without gaps; given by the store.
    public var sequence: Int64
    public var timeMilliseconds: Int64
    /// Who did it: a program's or a person's name.
    public var actor: String
    /// Empty when it is about none; so is `actionID`.
    public var alertID: String
    public var actionID: String
    public var what: String
    /// JSON.
    public var detail: [UInt8]
    /// The hash of the entry before; empty for the first.
    public var previousHash: [UInt8]
    public var hash: [UInt8]

    public init(
        sequence: Int64 = 0, timeMilliseconds: Int64, actor: String, alertID: String,
        actionID: String, what: String, detail: [UInt8], previousHash: [UInt8] = [],
        hash: [UInt8] = []
    ) {
        self.sequence = sequence
        self.timeMilliseconds = timeMilliseconds
        self.actor = actor
        self.alertID = alertID
        self.actionID = actionID
        self.what = what
        self.detail = detail
        self.previousHash = previousHash
        self.hash = hash
    }
}
