internal import GRDB
internal import Glibc
public import SessionModel

/// Comparing subjects (SSF 1.0, 8.1.3.1).
enum SignalSubject {
    /// Two simple subjects match when they are the same; of two complex ones each member has to be
    /// the same or absent on one side. A simple one also stands for every complex one whose `user`
    /// it is, so that who leaves a user out gets none of the user's sessions either.
    static func matches(_ one: JSONValue, _ other: JSONValue) -> Bool {
        if one == other { return true }
        guard case .object(let a) = one, case .object(let b) = other else { return false }
        let isComplex = (a["format"]?.text == "complex", b["format"]?.text == "complex")
        switch isComplex {
        case (true, true):
            return a.allSatisfy { key, value in b[key] == nil || b[key] == value }
        case (false, true): return b["user"] == one
        case (true, false): return a["user"] == other
        case (false, false): return false
        }
    }
}

/// What a receiver said of an event that it will not take.
public struct SignalError: Sendable, Equatable {
    public var code: String
    public var description: String

    public init(code: String, description: String) {
        (self.code, self.description) = (code, description)
    }
}

extension SignalStore {
    /// The oldest events that wait in a stream, and whether there are more. Empty unless the stream is
    /// enabled.
    public func waiting(
        in stream: String, limit: Int
    ) throws(ResponseError) -> (events: [WaitingSignal], hasMore: Bool) {
        try reading { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT jti, claims, attempts, due_ms FROM event
                    WHERE stream = ?1 AND state = 'waiting'
                        AND EXISTS (SELECT 1 FROM stream WHERE id = ?1 AND status = 'enabled')
                    ORDER BY sequence LIMIT ?2
                    """, arguments: [stream, limit + 1])
            return (
                rows.prefix(limit).map {
                    WaitingSignal(
                        event: $0["jti"], claims: $0["claims"], attempts: $0["attempts"],
                        due: Timestamp(milliseconds: $0["due_ms"]))
                }, rows.count > limit
            )
        }
    }

    /// Takes events out of a stream: the receiver keeps the first and will not take the others.
    /// What is not there, or was taken out before, is passed over.
    public func close(
        in stream: String, acknowledged: [String], refused: [String: SignalError] = [:],
        at now: Timestamp
    ) throws(ResponseError) {
        guard !acknowledged.isEmpty || !refused.isEmpty else { return }
        try writing { db in
            for jti in acknowledged {
                try db.execute(
                    sql: """
                        UPDATE event SET state = 'acknowledged', claims = '', changed_ms = ?
                        WHERE stream = ? AND jti = ? AND state = 'waiting'
                        """, arguments: [now.milliseconds, stream, jti])
            }
            for (jti, error) in refused {
                try db.execute(
                    sql: """
                        UPDATE event SET state = 'refused', claims = '', changed_ms = ?, error = ?,
                            description = ?
                        WHERE stream = ? AND jti = ? AND state = 'waiting'
                        """,
                    arguments: [
                        now.milliseconds, plain(error.code, limit: 60),
                        plain(error.description, limit: 200), stream, jti,
                    ])
            }
        }
    }

    /// Counts a push that failed, to be repeated at `due`.
    func postpone(
        _ jti: String, in stream: String, to due: Timestamp
    ) throws(ResponseError) {
        try writing { db in
            try db.execute(
                sql: """
                    UPDATE event SET attempts = attempts + 1, due_ms = ?
                    WHERE stream = ? AND jti = ? AND state = 'waiting'
                    """, arguments: [due.milliseconds, stream, jti])
        }
    }

    /// What became of an event, in each stream that it was put into.
    public func fates(ofEvent jti: String) throws(ResponseError) -> [SignalFate] {
        try fates(where: "jti = ?", [jti])
    }

    /// Events that a receiver refused and that no journal knows yet.
    func unsettledRefusals(limit: Int) throws(ResponseError) -> [SignalFate] {
        try fates(where: "state = 'refused' AND is_settled = 0 LIMIT ?", [limit])
    }

    func settle(_ fate: SignalFate) throws(ResponseError) {
        try writing { db in
            try db.execute(
                sql: "UPDATE event SET is_settled = 1 WHERE stream = ? AND jti = ?",
                arguments: [fate.stream, fate.event])
        }
    }

    private func fates(
        where condition: String, _ arguments: StatementArguments
    ) throws(ResponseError) -> [SignalFate] {
        try reading { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT event.*, (SELECT receiver FROM stream WHERE id = event.stream) AS receiver
                    FROM event WHERE \(condition)
                    """, arguments: arguments
            ).map {
                SignalFate(
                    stream: $0["stream"], receiver: $0["receiver"] ?? "", event: $0["jti"],
                    state: SignalFate.State(rawValue: $0["state"]) ?? .waiting,
                    error: $0["error"], description: $0["description"])
            }
        }
    }

    /// Puts a verification event (SSF 1.0, 8.1.4) into a stream. False when the last was less than
    /// `intervalSeconds` ago, or the stream is full.
    public func verify(
        _ stream: SignalStream, state: String?, issuer: String, intervalSeconds: Int,
        jti: String, at now: Timestamp
    ) throws(ResponseError) -> Bool {
        var subject = JSONText()
        subject.object {
            $0.string("format", "opaque")
            $0.string("id", stream.id)
        }
        var members = JSONText()
        members.object { if let state { $0.string("state", state) } }
        let claims = SecurityEvent(
            id: jti, type: .verification, subject: subject.text, transaction: "",
            members: members.text
        ).claims(issuer: issuer, audience: [stream.audience], at: now)
        return try writing { db in
            try db.execute(
                sql: "UPDATE stream SET verified_ms = ?1 WHERE id = ?2 AND verified_ms <= ?3",
                arguments: [
                    now.milliseconds, stream.id,
                    now.milliseconds - Int64(intervalSeconds) * 1000,
                ])
            guard db.changesCount == 1,
                try SignalStore.waitingCount(stream.id, db) < SignalStore.waitingLimit
            else { return false }
            try SignalStore.insert(jti, claims, into: stream.id, at: now, db)
            return true
        }
    }
}

extension StoreOutbox {
    /// Makes an action refused that was done as far as we knew, with an entry in the journal. False
    /// when there is no such action, or it is not done.
    func refuse(
        _ actionID: String, _ why: String, at now: Timestamp
    ) throws(ResponseError) -> Bool {
        guard let old = try action(actionID), old.state == .done else { return false }
        var new = old
        new.state = .refused
        new.planned.note = why
        let draft = JournalDraft(of: new, at: now, text: why)
        return try commit([OutboxChange(new, replacing: old, journal: draft)]) == [true]
    }

    /// Records what receivers of Shared Signals said of events since they took them: to be called
    /// before each run of `apply`.
    public func settle(_ connectors: [any Connector], at now: Timestamp) throws(ResponseError) {
        for connector in connectors {
            if let signals = connector as? SharedSignalsConnector {
                try signals.settle(self, at: now)
            }
        }
    }
}

/// A file that only its owner can read.
enum PrivateFile {
    /// Makes it (0600) when it is not there.
    static func make(_ path: String) throws(ResponseError) {
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o600)
        guard file >= 0 else {
            throw .badFile(
                path: path, reason: errorText(errno),
                remedy: "Give a file in a folder that this user can write to.")
        }
        _ = close(file)
    }
}
