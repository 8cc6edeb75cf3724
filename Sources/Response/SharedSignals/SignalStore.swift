internal import GRDB
public import SessionModel

/// A receiver's stream (SSF 1.0, 8.1.1).
public struct SignalStream: Sendable, Equatable {
    public enum Method: String, Sendable {
        case push = "urn:ietf:rfc:8935"
        case poll = "urn:ietf:rfc:8936"
    }

    public enum Status: String, CaseIterable, Sendable {
        /// Events are sent.
        case enabled
        /// Events wait.
        case paused
        /// Events are dropped.
        case disabled
    }

    /// Of RFC 3986's unreserved characters.
    public var id: String
    /// The name of whose stream it is.
    public var receiver: String
    public var audience: String
    public var method: Method
    /// Where to push; empty for poll.
    public var endpoint: String
    /// What a push has as its header `authorization`; nil for none.
    public var authorization: String?
    /// What was asked for, known here or not; nil for all.
    public var requested: [String]?
    public var description: String?
    public var status: Status
    public var reason: String?

    public init(
        id: String, receiver: String, audience: String, method: Method, endpoint: String = "",
        authorization: String? = nil, requested: [String]? = nil, description: String? = nil,
        status: Status = .enabled, reason: String? = nil
    ) {
        self.id = id
        self.receiver = receiver
        self.audience = audience
        self.method = method
        self.endpoint = endpoint
        self.authorization = authorization
        self.requested = requested
        self.description = description
        self.status = status
        self.reason = reason
    }

    /// What is asked for and offered.
    public var delivered: [String] {
        SecurityEventType.offered.map(\.rawValue).filter { requested?.contains($0) ?? true }
    }
}

/// What became of one event in one stream.
public struct SignalFate: Sendable, Equatable {
    public enum State: String, Sendable { case waiting, acknowledged, refused }

    public var stream: String
    public var receiver: String
    /// `jti`.
    public var event: String
    public var state: State
    /// The receiver's `err` and `description`.
    public var error: String
    public var description: String
}

/// An event that waits in a stream.
public struct WaitingSignal: Sendable, Equatable {
    /// `jti`.
    public var event: String
    public var claims: String
    /// Pushes that failed.
    public var attempts: Int
    /// Not to be pushed before this wall time.
    public var due: Timestamp
}

/// The streams, and the events that wait in them, in a SQLite file of its own.
///
/// Not in the state, because that has one writer at a time, which `lastseen watch` is as long as it
/// runs, while here the program that acts and the server both write. An event is put in once for each
/// stream (`jti` is the action's id), stays until its receiver acknowledged or refused it, and is
/// remembered for a week after that, so that a repetition after a crash is not sent anew.
///
/// For any number of threads and processes; each call is one transaction, and waits up to 5 s for
/// another.
public final class SignalStore: Sendable {
    /// Events that may wait in one stream.
    public static let waitingLimit = 10_000
    public static let streamLimit = 1_000
    /// Subjects that may be left out of one stream.
    public static let subjectLimit = 10_000
    /// How long acknowledged events are remembered.
    static let memoryMilliseconds: Int64 = 7 * 86_400_000

    private let queue: DatabaseQueue

    /// Opens the file, or makes it (0600).
    public init(path: String) throws(ResponseError) {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw .badSetting(name: "'streams'", value: path, allowed: "an absolute path")
        }
        do {
            try PrivateFile.make(path)
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.label = "lastseen streams"
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            try SignalStore.migrator.migrate(queue)
        } catch let error as ResponseError {
            throw error
        } catch {
            throw .badFile(
                path: path, reason: "\(error)", remedy: "Give a file of streams, or a new name.")
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 streams, subjects, events") { db in
            try db.execute(
                sql: """
                    CREATE TABLE stream(
                        id TEXT PRIMARY KEY, receiver TEXT NOT NULL UNIQUE,
                        audience TEXT NOT NULL, method TEXT NOT NULL, endpoint TEXT NOT NULL,
                        authorization TEXT, requested TEXT, description TEXT,
                        status TEXT NOT NULL, reason TEXT, verified_ms INTEGER NOT NULL DEFAULT 0
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE removed_subject(
                        stream TEXT NOT NULL REFERENCES stream(id) ON DELETE CASCADE,
                        subject TEXT NOT NULL, PRIMARY KEY(stream, subject)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE event(
                        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                        stream TEXT NOT NULL REFERENCES stream(id) ON DELETE CASCADE,
                        jti TEXT NOT NULL, claims TEXT NOT NULL, state TEXT NOT NULL,
                        error TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
                        attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL,
                        changed_ms INTEGER NOT NULL, is_settled INTEGER NOT NULL DEFAULT 0,
                        UNIQUE(stream, jti)
                    ) STRICT;
                    CREATE INDEX event_waiting ON event(stream, sequence) WHERE state = 'waiting';
                    CREATE INDEX event_of_jti ON event(jti);
                    CREATE INDEX event_unsettled ON event(sequence)
                        WHERE state = 'refused' AND is_settled = 0;
                    """)
        }
        return migrator
    }

    func reading<R>(_ body: (Database) throws -> R) throws(ResponseError) -> R {
        do { return try queue.read(body) } catch { throw SignalStore.trouble(error) }
    }

    func writing<R>(_ body: (Database) throws -> R) throws(ResponseError) -> R {
        do { return try queue.write(body) } catch { throw SignalStore.trouble(error) }
    }

    private static func trouble(_ error: any Error) -> ResponseError {
        error as? ResponseError ?? .outbox(reason: "the file of streams: \(error)")
    }

    // MARK: - Streams

    public func streams(of receiver: String? = nil) throws(ResponseError) -> [SignalStream] {
        try reading { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM stream WHERE ?1 IS NULL OR receiver = ?1 ORDER BY id",
                arguments: [receiver]
            ).map(SignalStore.stream)
        }
    }

    public func stream(_ id: String) throws(ResponseError) -> SignalStream? {
        try reading { db in
            try Row.fetchOne(db, sql: "SELECT * FROM stream WHERE id = ?", arguments: [id])
                .map(SignalStore.stream)
        }
    }

    /// Puts a new stream in. False when its receiver has one, or there are too many.
    public func add(_ stream: SignalStream) throws(ResponseError) -> Bool {
        try writing { db in
            let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM stream") ?? 0
            guard count < SignalStore.streamLimit else { return false }
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO stream(id, receiver, audience, method, endpoint,
                        authorization, requested, description, status, reason)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """, arguments: SignalStore.values(stream))
            return db.changesCount == 1
        }
    }

    /// Replaces what a stream is set to. What waits in a stream that is disabled is dropped.
    public func update(_ stream: SignalStream) throws(ResponseError) {
        try writing { db in
            var values = SignalStore.values(stream)
            values += [stream.id]
            try db.execute(
                sql: """
                    UPDATE stream SET id = ?, receiver = ?, audience = ?, method = ?, endpoint = ?,
                        authorization = ?, requested = ?, description = ?, status = ?, reason = ?
                    WHERE id = ?
                    """, arguments: values)
            if stream.status == .disabled {
                try db.execute(
                    sql: "DELETE FROM event WHERE stream = ? AND state = 'waiting'",
                    arguments: [stream.id])
            }
        }
    }

    /// With all that waits in it. False when there is none.
    public func delete(_ id: String) throws(ResponseError) -> Bool {
        try writing { db in
            try db.execute(sql: "DELETE FROM stream WHERE id = ?", arguments: [id])
            return db.changesCount == 1
        }
    }

    private static func values(_ stream: SignalStream) -> StatementArguments {
        [
            stream.id, stream.receiver, stream.audience, stream.method.rawValue, stream.endpoint,
            stream.authorization, stream.requested.map { $0.joined(separator: "\n") },
            stream.description, stream.status.rawValue, stream.reason,
        ]
    }

    private static func stream(_ row: Row) -> SignalStream {
        let requested: String? = row["requested"]
        return SignalStream(
            id: row["id"], receiver: row["receiver"], audience: row["audience"],
            method: SignalStream.Method(rawValue: row["method"]) ?? .poll,
            endpoint: row["endpoint"], authorization: row["authorization"],
            requested: requested.map { $0.split(separator: "\n").map(String.init) },
            description: row["description"],
            status: SignalStream.Status(rawValue: row["status"]) ?? .disabled,
            reason: row["reason"])
    }

    // MARK: - Subjects

    /// Leaves a subject (a JSON object) out of a stream. False when there are too many.
    public func remove(subject: String, from stream: String) throws(ResponseError) -> Bool {
        try writing { db in
            let count =
                try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM removed_subject WHERE stream = ?",
                    arguments: [stream]) ?? 0
            guard count < SignalStore.subjectLimit else { return false }
            try db.execute(
                sql: "INSERT OR IGNORE INTO removed_subject(stream, subject) VALUES (?, ?)",
                arguments: [stream, subject])
            return true
        }
    }

    /// Takes every subject that is the same back in.
    public func add(subject: String, to stream: String) throws(ResponseError) {
        try writing { db in
            let wanted = JSONValue(Array(subject.utf8))
            for known in try SignalStore.removed(from: stream, db)
            where JSONValue(Array(known.utf8)) == wanted {
                try db.execute(
                    sql: "DELETE FROM removed_subject WHERE stream = ? AND subject = ?",
                    arguments: [stream, known])
            }
        }
    }

    static func removed(from stream: String, _ db: Database) throws -> [String] {
        try String.fetchAll(
            db, sql: "SELECT subject FROM removed_subject WHERE stream = ?", arguments: [stream])
    }

    // MARK: - Events

    /// The streams that are to get an event.
    func streams(wanting event: SecurityEvent) throws(ResponseError) -> [SignalStream] {
        try reading { db in try SignalStore.streams(wanting: event, db) }
    }

    private static func streams(
        wanting event: SecurityEvent, _ db: Database
    ) throws -> [SignalStream] {
        let subject = JSONValue(Array(event.subject.utf8))
        return try Row.fetchAll(
            db, sql: "SELECT * FROM stream WHERE status <> 'disabled' ORDER BY id"
        ).map(stream).filter { stream in
            guard stream.delivered.contains(event.type.rawValue), let subject else { return false }
            return try !removed(from: stream.id, db).contains {
                JSONValue(Array($0.utf8)).map { SignalSubject.matches($0, subject) } ?? false
            }
        }
    }

    /// Puts an event into every stream that is to get it, where it is not there yet.
    func enqueue(
        _ event: SecurityEvent, issuer: String, at now: Timestamp
    ) throws(ResponseError) -> ConnectorAnswer {
        try writing { db in
            try db.execute(
                sql: "DELETE FROM event WHERE state <> 'waiting' AND changed_ms < ?",
                arguments: [now.milliseconds - SignalStore.memoryMilliseconds])
            var (added, known) = (0, 0)
            for stream in try SignalStore.streams(wanting: event, db) {
                let isKnown =
                    try Bool.fetchOne(
                        db, sql: "SELECT 1 FROM event WHERE stream = ? AND jti = ?",
                        arguments: [stream.id, event.id]) ?? false
                if isKnown {
                    known += 1
                    continue
                }
                let waiting = try SignalStore.waitingCount(stream.id, db)
                guard waiting < SignalStore.waitingLimit else {
                    throw ResponseError.outbox(
                        reason: "\(waiting) events wait for \(stream.receiver), which does not "
                            + "fetch them")
                }
                let claims = event.claims(issuer: issuer, audience: [stream.audience], at: now)
                try SignalStore.insert(event.id, claims, into: stream.id, at: now, db)
                added += 1
            }
            func streams(_ count: Int) -> String { count == 1 ? "1 stream" : "\(count) streams" }
            if added > 0 {
                return ConnectorAnswer(
                    .done, detail: "waits in \(streams(added)) for the receiver")
            }
            return known > 0
                ? ConnectorAnswer(.done, detail: "is in \(streams(known))")
                : ConnectorAnswer(.notNeeded, detail: "no stream asks for such an event")
        }
    }

    static func insert(
        _ jti: String, _ claims: String, into stream: String, at now: Timestamp, _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO event(stream, jti, claims, state, due_ms, changed_ms)
                VALUES (?, ?, ?, 'waiting', ?, ?)
                """, arguments: [stream, jti, claims, now.milliseconds, now.milliseconds])
    }

    static func waitingCount(_ stream: String, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT count(*) FROM event WHERE stream = ? AND state = 'waiting'",
            arguments: [stream]) ?? 0
    }
}
