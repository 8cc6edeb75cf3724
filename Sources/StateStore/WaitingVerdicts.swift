internal import GRDB
internal import GRDBSQLite

/// A verdict on an alert that was given beside a run that holds the state, and that the run, or the
/// next one, takes: judging a user again is for who has the profiles.
public struct WaitingVerdictRow: Sendable, Equatable {
    /// In the order of coming; given by the store.
    public var sequence: Int64
    /// Pipeline's word.
    public var verdict: String
    /// Of a correction of what was learned: the profile's row and the fact, as Pipeline writes them.
    public var alertID: String
    /// Who gave it: a login, or `owner`.
    public var actor: String
    public var note: String
    /// Of an owner's answer: what its link is remembered by; else empty.
    public var link: String
    /// Of an owner's answer: the alert's revision that the message told of.
    public var revision: Int
    /// Wall times, in milliseconds since 1970.
    public var givenMilliseconds: Int64
    /// Of an owner's answer: when its link ends.
    public var expiresMilliseconds: Int64

    public init(
        sequence: Int64 = 0, verdict: String, alertID: String, actor: String, note: String = "",
        link: String = "", revision: Int = 0, givenMilliseconds: Int64,
        expiresMilliseconds: Int64 = 0
    ) {
        self.sequence = sequence
        self.verdict = verdict
        self.alertID = alertID
        self.actor = actor
        self.note = note
        self.link = link
        self.revision = revision
        self.givenMilliseconds = givenMilliseconds
        self.expiresMilliseconds = expiresMilliseconds
    }

    /// More than that do not wait: a run takes them within seconds, or nobody runs at all.
    public static let limit = 10_000
}

extension StateTransaction {
    /// Has a verdict wait. Returns its place; nil, changing nothing, when its link has one waiting
    /// already, or when too many wait.
    public mutating func putWaitingVerdict(_ row: WaitingVerdictRow) throws(StateError) -> Int64? {
        try run { session, database in
            try session.once(
                """
                INSERT INTO waiting_verdict(verdict, alert_id, actor, note, link, revision, given_ms,
                    expires_ms)
                SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
                WHERE (SELECT count(*) FROM waiting_verdict) < \(WaitingVerdictRow.limit)
                ON CONFLICT DO NOTHING
                """, database
            ) { put in
                try put.bind(row.verdict, at: 1, "a verdict")
                try put.bind(row.alertID, at: 2, "an alert's id")
                try put.bind(row.actor, at: 3, "a person's name")
                try put.bind(row.note, at: 4, limit: StateLimit.note, "a verdict's note")
                try put.bind(row.link, at: 5, "a link's id")
                put.bind(row.revision, at: 6)
                put.bind(row.givenMilliseconds, at: 7)
                put.bind(row.expiresMilliseconds, at: 8)
                try put.run()
            }
            let connection = try session.connection(database)
            return sqlite3_changes(connection) > 0 ? sqlite3_last_insert_rowid(connection) : nil
        }
    }

    public mutating func removeWaitingVerdict(sequence: Int64) throws(StateError) {
        try run { session, database in
            try session.once("DELETE FROM waiting_verdict WHERE sequence = ?1", database) {
                $0.bind(sequence, at: 1)
                try $0.run()
            }
        }
    }
}

extension StateStore {
    /// In the order of coming; those on one alert when it is given.
    public func waitingVerdicts(
        alertID: String? = nil, limit: Int = WaitingVerdictRow.limit
    ) throws(StateError) -> [WaitingVerdictRow] {
        try read { session, db in
            try session.once(
                "SELECT sequence, verdict, alert_id, actor, note, link, revision, given_ms, expires_ms"
                    + " FROM waiting_verdict" + (alertID == nil ? "" : " WHERE alert_id = ?1")
                    + " ORDER BY sequence LIMIT \(Session.clamp(limit))", db
            ) { statement in
                if let alertID { try statement.bind(alertID, at: 1, "an alert's id") }
                return try session.rows(of: statement) {
                    WaitingVerdictRow(
                        sequence: $0.integer(0), verdict: $0.text(1), alertID: $0.text(2),
                        actor: $0.text(3), note: $0.text(4), link: $0.text(5),
                        revision: Int($0.integer(6)), givenMilliseconds: $0.integer(7),
                        expiresMilliseconds: $0.integer(8))
                }
            }
        }
    }
}
