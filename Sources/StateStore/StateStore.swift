internal import GRDB
internal import Synchronization

/// The state that Lastseen keeps between runs: profiles, alerts, actions and how far each source
/// and output is, in one SQLite file.
///
/// One run at a time may write (a lock beside the file says who); any number may read along, also
/// other processes, and see whole commits only. What `commit` wrote survives `kill -9`; after a
/// power cut the state is that of an earlier commit, as a whole.
///
/// All methods may be called from any thread. A read inside the body of `commit` sees the commit
/// before (with `:memory:`, and in a new state's first commit: what was written so far).
/// Other processes that read wait for a new state's first commit, up to 10 s.
public final class StateStore: @unchecked Sendable {
    /// The file, as SQLite has it open: absolute, without links; or `:memory:`.
    public let path: String
    /// Whether there was no profile when it was opened: then none has to be looked for.
    /// (As of its opening.)
    public let isEmpty: Bool

    private let writer: Session?
    /// What SQLite is told to open for reading.
    private let readingName: String
    private let tuning: StateTuning
    private let rest: Mutex<Rest>

    /// Touched inside `writer.use` only.
    private var hasCommitted = false

    private struct Rest {
        var lock: StateLock?
        /// For the reads of this class; opened at the first.
        var reader: Session?
        var isClosed = false
        /// Of a new state until its second commit: there is no log yet, and all reads of this
        /// process go through the writer, as they would wait for it in vain inside a commit.
        var isDirect = false
    }

    /// Opens a state, or makes it, with its folders (0700; the file 0600).
    ///
    /// - Parameters:
    ///   - path: A file, or `:memory:` for a state that ends with this object.
    ///   - waitSeconds: How long to wait for another run that writes to it.
    ///   - holder: What such a run is told of this one: `lastseen analyze, pid 123`.
    ///   - readOnly: Takes no lock and works while a run is on. Nothing is made: where there is no
    ///     state it throws `StateError.missing`.
    public convenience init(
        path: String, waitSeconds: Double, holder: String, readOnly: Bool = false
    ) throws(StateError) {
        try self.init(
            path: path, waitSeconds: waitSeconds, holder: holder, readOnly: readOnly,
            tuning: StateTuning())
    }

    /// Opens a state that is there for small writes beside a run that may hold it: a person's word
    /// about an action. Takes no lock; each commit waits for SQLite's own, up to 10 s.
    ///
    /// What a run keeps in memory (profiles, positions, outputs) is not to be written by it; actions
    /// and the journal are, as whoever changes them compares with what is stored, in one transaction.
    ///
    /// Throws `missing` where there is no state, and `olderVersion` for one that a run has to bring
    /// up first.
    public convenience init(besideRunAt path: String) throws(StateError) {
        // Checked as for a reader, so that nothing is made and nothing is changed.
        try StateStore(path: path, waitSeconds: 0, holder: "", readOnly: true).close()
        try self.init(
            path: path, waitSeconds: 0, holder: "", readOnly: false, tuning: StateTuning(),
            takesLock: false)
    }

    package init(
        path: String, waitSeconds: Double, holder: String, readOnly: Bool = false,
        tuning: StateTuning, takesLock: Bool = true
    ) throws(StateError) {
        self.tuning = tuning
        if path == ":memory:" {
            let session = try Session(path: path, opening: path, isReadOnly: false)
            _ = try session.makeWriter(tuning, version: 0)
            (self.path, readingName, isEmpty, writer) = (path, path, true, session)
            rest = Mutex(Rest())
        } else if readOnly {
            self.path = try StateFile.find(path)
            let (session, name) = try Self.openToRead(self.path)
            try session.makeReader(tuning)
            let version = try session.checkIdentity()
            if version == 0 { throw .missing(path: path) }
            if version < Schema.version {
                throw .olderVersion(path: path, found: version, supported: Schema.version)
            }
            (readingName, writer) = (name, nil)
            isEmpty = try session.hasNoProfile()
            rest = Mutex(Rest(reader: session))
        } else {
            self.path = try StateFile.prepare(path)
            let session = try Session(path: self.path, opening: self.path, isReadOnly: false)
            // Before the lock, so that no lock file is left beside what is not ours; and after it,
            // as another run may have brought the state up meanwhile.
            _ = try session.checkIdentity()
            let lock =
                takesLock
                ? try StateLock(statePath: self.path, waitSeconds: waitSeconds, holder: holder)
                : nil
            let isDirect = try session.makeWriter(tuning, version: try session.checkIdentity())
            (readingName, writer) = (self.path, session)
            isEmpty = try session.hasNoProfile()
            rest = Mutex(Rest(lock: lock, isDirect: isDirect))
        }
    }

    private static func openToRead(_ path: String) throws(StateError) -> (Session, String) {
        do {
            return (try Session(path: path, opening: path, isReadOnly: true), path)
        } catch {
            guard case .cannotOpen = error, StateFile.isFrozen(path) else { throw error }
            let name = StateFile.immutableURI(path)
            return (try Session(path: path, opening: name, isReadOnly: true), name)
        }
    }

    deinit { close() }

    /// Moves the log into the file, closes it and gives the lock back. Later calls throw.
    ///
    /// Never fails: what cannot be moved now, as on a full disk, stays in the log, which is part of
    /// the state. Readers made by `makeProfileReader` keep working until they go away.
    public func close() {
        // The sessions are closed outside of the mutex, which a commit of another thread wants while it
        // has the writer.
        let (isFirst, reader, isDirect) = rest.withLock { rest in
            defer { (rest.isClosed, rest.reader) = (true, nil) }
            return (!rest.isClosed, rest.reader, rest.isDirect)
        }
        guard isFirst else { return }
        reader?.close(checkpoints: false)
        writer?.close(checkpoints: path != ":memory:" && !isDirect)
        rest.withLock { $0.lock = nil }
    }

    /// Runs `body` as one transaction: all that it puts is kept, or nothing.
    ///
    /// Nothing is kept when `body` throws or any of its puts failed in SQLite, even if `body` goes
    /// on after that. An error of `body`'s own comes out as `StateError.abandoned`.
    ///
    /// - Parameters:
    ///   - isDurable: Whether it has to outlive a power cut too, as before a call that cannot be
    ///     taken back. Costs the disk's time for one flush.
    ///   - isPreparation: A small one before a run's work. In a new state it does not count as the
    ///     first, which goes straight to the file.
    @discardableResult
    public func commit<Result>(
        isDurable: Bool = false, isPreparation: Bool = false,
        _ body: (inout StateTransaction) throws -> Result
    ) throws(StateError) -> Result {
        guard let writer else {
            throw .refused(path: path, reason: "it was opened for reading only")
        }
        return try writer.use { db in
            guard !db.isInsideTransaction else {
                throw StateError.refused(path: path, reason: "a commit was begun inside another")
            }
            try endDirect(writer)
            if isDurable { try db.execute(sql: "PRAGMA synchronous = FULL") }
            defer {
                if isDurable, !sharesWriter { try? db.execute(sql: "PRAGMA synchronous = NORMAL") }
            }
            var result: Result?
            try db.inTransaction(.immediate) {
                var transaction = try StateTransaction(
                    session: writer, database: db, connection: writer.connection(db),
                    profilePut: writer.statement(.putProfile, db))
                defer { transaction.end() }
                let value = try body(&transaction)
                if let failure = transaction.failure { throw failure }
                result = value
                return .commit
            }
            guard let result else {
                throw StateError.failed(path: path, reason: "the commit did not take place")
            }
            if !isPreparation { hasCommitted = true }
            return result
        }
    }

    /// Turns to the log after a new state's first commit.
    ///
    /// That one goes straight to the file: it is often the largest of all, nobody can have anything
    /// to read yet, and by the log each page would be written twice (half the speed, measured).
    private func endDirect(_ writer: Session) throws(StateError) {
        guard hasCommitted, rest.withLock({ $0.isDirect }) else { return }
        do {
            try writer.useLog(tuning)
            rest.withLock { $0.isDirect = false }
        } catch {
            // Another process reads at this moment: next time, then.
            guard case .locked = error else { throw error }
        }
    }

    /// A reader of profiles for one thread, with a connection of its own (with `:memory:` all share
    /// one, and wait for each other and for commits).
    public func makeProfileReader() throws(StateError) -> ProfileReader {
        try checkOpen()
        if let writer, sharesWriter { return try ProfileReader(session: writer) }
        let session = try Session(path: path, opening: readingName, isReadOnly: true)
        try session.makeReader(tuning)
        return try ProfileReader(session: session)
    }

    /// The place of a profile in the file, ascending in the same order as the keys themselves:
    /// `rowOrder(a) < rowOrder(b)` when `a < b`. So keys that are put or read in ascending order,
    /// of either kind, go through the file once.
    @inlinable public static func rowOrder(_ key: UInt64) -> Int64 {
        Int64(bitPattern: key ^ 1 << 63)
    }

    // MARK: - Reading

    private var sharesWriter: Bool { path == ":memory:" || rest.withLock { $0.isDirect } }

    private func checkOpen() throws(StateError) {
        if rest.withLock({ $0.isClosed }) {
            throw .refused(path: path, reason: "it was used after it was closed")
        }
    }

    /// Runs `body` on the connection for reads.
    func read<R>(_ body: (Session, Database) throws -> R) throws(StateError) -> R {
        try checkOpen()
        let session: Session
        if let writer, sharesWriter {
            session = writer
        } else if let open = rest.withLock({ $0.reader }) {
            session = open
        } else {
            let new = try Session(path: path, opening: readingName, isReadOnly: true)
            try new.makeReader(tuning)
            // Two threads may come here at once: the first one's stays.
            session = rest.withLock { rest in
                if rest.reader == nil, !rest.isClosed { rest.reader = new }
                return rest.reader ?? new
            }
        }
        return try session.use { db in try body(session, db) }
    }
}

extension Session {
    func hasNoProfile() throws(StateError) -> Bool {
        try use { db in
            let statement = try statement(.anyProfile, db)
            defer { statement.reset() }
            return try !statement.step()
        }
    }
}
