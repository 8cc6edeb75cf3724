internal import GRDB
internal import GRDBSQLite

/// A message to people about one revision of an alert on one channel: an entry of the outbox.
public struct MessageRow: Sendable, Equatable {
    /// States in which it may still be sent. Never change one: an index knows them.
    public static let openStates = ["planned", "started", "retrying"]

    /// In the order of planning; given by the store.
    public var sequence: Int64
    /// The channel's name in the channels' file.
    public var channel: String
    public var alertID: String
    public var alertRevision: Int
    /// Of what a reader is told: a later revision with the same one is no news.
    public var fingerprint: String
    /// `Severity`, by raw value.
    public var severity: Int
    /// Messaging's words; `openStates` mean something here.
    public var state: String
    /// Tries begun.
    public var attempts: Int
    /// Not to be sent before this wall time, in milliseconds since 1970, as all times here.
    public var nextAttemptMilliseconds: Int64
    public var createdMilliseconds: Int64
    public var updatedMilliseconds: Int64
    /// When the channel took it; nil before.
    public var sentMilliseconds: Int64?
    /// What messages that went out as one have in common; empty for one on its own.
    public var batch: String
    /// What the channel calls it, to amend it later; empty where it has no name.
    public var remoteID: String
    /// For a person: why it is not sent, or what went wrong.
    public var note: String

    public init(
        sequence: Int64 = 0, channel: String, alertID: String, alertRevision: Int,
        fingerprint: String, severity: Int, state: String, attempts: Int = 0,
        nextAttemptMilliseconds: Int64, createdMilliseconds: Int64, updatedMilliseconds: Int64,
        sentMilliseconds: Int64? = nil, batch: String = "", remoteID: String = "",
        note: String = ""
    ) {
        self.sequence = sequence
        self.channel = channel
        self.alertID = alertID
        self.alertRevision = alertRevision
        self.fingerprint = fingerprint
        self.severity = severity
        self.state = state
        self.attempts = attempts
        self.nextAttemptMilliseconds = nextAttemptMilliseconds
        self.createdMilliseconds = createdMilliseconds
        self.updatedMilliseconds = updatedMilliseconds
        self.sentMilliseconds = sentMilliseconds
        self.batch = batch
        self.remoteID = remoteID
        self.note = note
    }
}

/// An answer that an account's owner gave by a link, kept so that the link works once.
public struct UsedAnswerRow: Sendable, Equatable {
    /// Of the link; unique.
    public var id: String
    public var alertID: String
    public var answer: String
    public var usedMilliseconds: Int64
    /// From then on the link is refused anyway, and the row may go.
    public var expiresMilliseconds: Int64

    public init(
        id: String, alertID: String, answer: String, usedMilliseconds: Int64,
        expiresMilliseconds: Int64
    ) {
        self.id = id
        self.alertID = alertID
        self.answer = answer
        self.usedMilliseconds = usedMilliseconds
        self.expiresMilliseconds = expiresMilliseconds
    }
}

extension StateTransaction {
    /// Adds a message to the outbox. One of the same channel, alert and revision stays as it is.
    ///
    /// Returns whether it was added.
    @discardableResult
    public mutating func putMessage(_ row: MessageRow) throws(StateError) -> Bool {
        try run { session, database in
            try session.once(
                """
                INSERT INTO message(channel, alert_id, alert_revision, fingerprint, severity, state,
                    attempts, next_attempt_ms, created_ms, updated_ms, sent_ms, batch, remote_id, note)
                VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                ON CONFLICT DO NOTHING
                """, database
            ) { put in
                try put.bind(row.channel, at: 1, "a channel's name")
                try put.bind(row.alertID, at: 2, "an alert's id")
                put.bind(row.alertRevision, at: 3)
                try put.bind(row.fingerprint, at: 4, "a fingerprint")
                put.bind(row.severity, at: 5)
                try put.bindLife(of: row, from: 6)
                try put.run()
            }
            return sqlite3_changes(try session.connection(database)) > 0
        }
    }

    /// Writes what changes in a message's life, if it is still as `old` has it.
    ///
    /// Returns false, changing nothing, when its state or tries are others: somebody was quicker.
    @discardableResult
    public mutating func updateMessage(
        _ row: MessageRow, replacing old: MessageRow
    ) throws(StateError) -> Bool {
        try run { session, database in
            try session.once(
                """
                UPDATE message SET state = ?6, attempts = ?7, next_attempt_ms = ?8,
                    created_ms = ?9, updated_ms = ?10, sent_ms = ?11, batch = ?12, remote_id = ?13,
                    note = ?14
                WHERE sequence = ?1 AND state = ?2 AND attempts = ?3
                """, database
            ) { update in
                update.bind(row.sequence, at: 1)
                try update.bind(old.state, at: 2, "a message's state")
                update.bind(old.attempts, at: 3)
                try update.bindLife(of: row, from: 6)
                try update.run()
            }
            return sqlite3_changes(try session.connection(database)) > 0
        }
    }

    /// All messages about one alert, the first one first.
    public mutating func messages(alertID: String) throws(StateError) -> [MessageRow] {
        try run { session, database in try session.messages(alertID: alertID, database) }
    }

    /// The revision log after a sequence, this transaction's entries included.
    public mutating func revisions(
        afterSequence: Int64, limit: Int
    ) throws(StateError) -> [RevisionRow] {
        try run { session, database in
            let statement = try session.statement(.readRevisions, database)
            statement.bind(afterSequence, at: 1)
            statement.bind(Session.clamp(limit), at: 2)
            return try session.rows(of: statement) { $0.revision }
        }
    }

    /// Notes that a link was used, and forgets those that have expired.
    ///
    /// Returns false, changing nothing, when it was used before.
    @discardableResult
    public mutating func useAnswer(_ row: UsedAnswerRow) throws(StateError) -> Bool {
        try run { session, database in
            try session.once("DELETE FROM used_answer WHERE expires_ms < ?1", database) {
                $0.bind(row.usedMilliseconds, at: 1)
                try $0.run()
            }
            try session.once(
                "INSERT INTO used_answer VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                database
            ) { put in
                try put.bind(row.id, at: 1, "a link's id")
                try put.bind(row.alertID, at: 2, "an alert's id")
                try put.bind(row.answer, at: 3, "an answer")
                put.bind(row.usedMilliseconds, at: 4)
                put.bind(row.expiresMilliseconds, at: 5)
                try put.run()
            }
            return sqlite3_changes(try session.connection(database)) > 0
        }
    }
}

extension StateStore {
    /// Those in one of `states` (empty: in any), of one channel when given, in the order of planning.
    public func messages(
        channel: String? = nil, states: [String] = [], limit: Int = 1000
    ) throws(StateError) -> [MessageRow] {
        try read { session, db in
            var conditions: [String] = []
            if channel != nil { conditions.append("channel = ?1") }
            if !states.isEmpty {
                let places = states.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
                conditions.append("state IN (\(places))")
            }
            let condition =
                conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
            return try session.once(
                "SELECT \(messageColumns) FROM message\(condition) ORDER BY sequence"
                    + " LIMIT \(Session.clamp(limit))", db
            ) { statement in
                if let channel { try statement.bind(channel, at: 1, "a channel's name") }
                for (index, state) in states.enumerated() {
                    try statement.bind(state, at: Int32(index + 2), "a message's state")
                }
                return try session.rows(of: statement) { $0.message }
            }
        }
    }

    /// All messages about one alert, the first one first.
    public func messages(alertID: String) throws(StateError) -> [MessageRow] {
        try read { session, db in try session.messages(alertID: alertID, db) }
    }

    /// How many messages a channel took at or after a wall time; those that went as one count once.
    public func sentMessageCount(channel: String, since: Int64) throws(StateError) -> Int {
        try read { session, db in
            try session.once(
                """
                SELECT count(DISTINCT CASE WHEN batch = '' THEN 'm' || sequence ELSE batch END)
                FROM message WHERE channel = ?1 AND sent_ms >= ?2
                """, db
            ) { statement in
                try statement.bind(channel, at: 1, "a channel's name")
                statement.bind(since, at: 2)
                return try session.rows(of: statement) { Int($0.integer(0)) }.first ?? 0
            }
        }
    }

    /// How many messages of each channel are in each state.
    public func messageCounts() throws(StateError) -> [(channel: String, state: String, count: Int)]
    {
        try read { session, db in
            try session.once(
                "SELECT channel, state, count(*) FROM message GROUP BY 1, 2 ORDER BY 1, 2", db
            ) { statement in
                try session.rows(of: statement) { ($0.text(0), $0.text(1), Int($0.integer(2))) }
            }
        }
    }

    /// The answers that owners gave about an alert, the first one first.
    public func usedAnswers(alertID: String) throws(StateError) -> [UsedAnswerRow] {
        try read { session, db in
            try session.once(
                "SELECT id, alert_id, answer, used_ms, expires_ms FROM used_answer"
                    + " WHERE alert_id = ?1 ORDER BY used_ms, id", db
            ) { statement in
                try statement.bind(alertID, at: 1, "an alert's id")
                return try session.rows(of: statement) {
                    UsedAnswerRow(
                        id: $0.text(0), alertID: $0.text(1), answer: $0.text(2),
                        usedMilliseconds: $0.integer(3), expiresMilliseconds: $0.integer(4))
                }
            }
        }
    }
}

private let messageColumns = """
    sequence, channel, alert_id, alert_revision, fingerprint, severity, state, attempts, \
    next_attempt_ms, created_ms, updated_ms, sent_ms, batch, remote_id, note
    """

extension Session {
    func messages(alertID: String, _ db: Database) throws -> [MessageRow] {
        try once(
            "SELECT \(messageColumns) FROM message WHERE alert_id = ?1 ORDER BY sequence"
                + " LIMIT \(StateLimit.rows)", db
        ) { statement in
            try statement.bind(alertID, at: 1, "an alert's id")
            return try rows(of: statement) { $0.message }
        }
    }
}

extension Statement {
    var message: MessageRow {
        MessageRow(
            sequence: integer(0), channel: text(1), alertID: text(2),
            alertRevision: Int(integer(3)), fingerprint: text(4), severity: Int(integer(5)),
            state: text(6), attempts: Int(integer(7)), nextAttemptMilliseconds: integer(8),
            createdMilliseconds: integer(9), updatedMilliseconds: integer(10),
            sentMilliseconds: isNull(11) ? nil : integer(11), batch: text(12),
            remoteID: text(13), note: text(14))
    }

    /// What changes in a message's life, in the order of the columns from `state` on.
    fileprivate func bindLife(of row: MessageRow, from first: Int32) throws(StateError) {
        try bind(row.state, at: first, "a message's state")
        bind(row.attempts, at: first + 1)
        bind(row.nextAttemptMilliseconds, at: first + 2)
        bind(row.createdMilliseconds, at: first + 3)
        bind(row.updatedMilliseconds, at: first + 4)
        bind(row.sentMilliseconds, at: first + 5)
        try bind(row.batch, at: first + 6, "a batch")
        try bind(row.remoteID, at: first + 7, "a channel's name for a message")
        try bind(row.note, at: first + 8, limit: StateLimit.note, "a message's note")
    }
}
