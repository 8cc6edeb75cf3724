import GRDBSQLite
import Glibc
import StateStore
import Testing

/// Opening, closing, locking, committing.
struct StateStoreTests {
    @Test("folders and the file are made, for the owner only")
    func creation() throws {
        let folder = Folder()
        let path = folder.path + "/one/two/state.db"
        let store = try StateStore(path: path, waitSeconds: 0, holder: "a test")
        #expect(store.isEmpty)
        #expect(store.path == path)
        try Generation.write(1, to: store)
        #expect(store.isEmpty, "that is how it was when opened")
        // The first commit needs no log.
        #expect(access(path + "-wal", F_OK) != 0)
        #expect(try Generation.check(store) == 1)
        try Generation.write(2, to: store)
        for (name, mode) in [
            ("one", 0o700), ("one/two", 0o700), ("one/two/state.db", 0o600),
            ("one/two/state.db-wal", 0o600), ("one/two/state.db.lock", 0o600),
        ] {
            var information = stat()
            #expect(stat(folder.path + "/" + name, &information) == 0)
            #expect(information.st_mode & 0o777 == mode, "\(name)")
        }
        store.close()
        #expect(access(path + "-wal", F_OK) != 0, "what a closed state leaves is one file")
        let again = try StateStore(path: path, waitSeconds: 0, holder: "a test")
        #expect(!again.isEmpty)
        #expect(try Generation.check(again) == 2)
    }

    @Test("a durable commit is one like the others", arguments: [":memory:", "file"])
    func durable(place: String) throws {
        let folder = Folder()
        let path = place == "file" ? folder.state : place
        let store = try StateStore(path: path, waitSeconds: 0, holder: "")
        for value in ["1", "2", "3"] {
            try store.commit(isDurable: true) { try $0.setMeta(key: "a", value: value) }
            try store.commit { try $0.setMeta(key: "b", value: value) }
        }
        #expect(try store.meta("a") == "3" && store.meta("b") == "3")
    }

    @Test("reads go on in and beside a new state's first commit, and readers outlive it")
    func firstCommit() throws {
        let folder = Folder()
        let store = try folder.open()
        let early = try store.makeProfileReader()
        #expect(try early.read([Generation.key(0)]).isEmpty)
        let other = try folder.open(readOnly: true)
        #expect(other.isEmpty)
        try store.commit { transaction in
            // More than the cache holds, so that it is on its way into the file.
            for key in UInt64(0)..<40_000 {
                try transaction.putProfile(key, [UInt8](repeating: 1, count: 500))
            }
            #expect(try store.profileCount() == 40_000)
            #expect(try early.read([5]).count == 1)
        }
        #expect(try other.profileCount() == 40_000)
        for value in 1...3 {
            try store.commit { transaction in
                try transaction.putProfile(5, [UInt8(value)])
                #expect(try store.profileCount() == 40_000)
            }
            #expect(try early.read([5])[0] == [UInt8(value)])
            #expect(try other.profile(5) == [UInt8(value)])
        }
    }

    @Test("a relative path is one from the current folder")
    func relativePath() throws {
        let folder = Folder()
        let name = "lastseen-relative-\(getpid()).db"
        let store = try StateStore(path: name, waitSeconds: 0, holder: "a test")
        defer { for end in ["", "-wal", "-shm", ".lock"] { unlink(name + end) } }
        #expect(store.path.hasPrefix("/") && store.path.hasSuffix("/" + name))
        store.close()
        _ = folder
    }

    @Test(":memory: has all but the file, and each is another")
    func memory() throws {
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        let other = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        try Generation.write(1, to: store)
        #expect(try Generation.check(store) == 1)
        #expect(try Generation.check(other) == 0)
        #expect(throws: StateError.abandoned(path: ":memory:", reason: "Stop()")) {
            try store.commit { transaction in
                try transaction.putProfile(1, [1])
                throw Stop()
            }
        }
        #expect(try store.profile(1) == nil)
    }

    // MARK: What is refused

    @Test("what is not a state is refused, and left as it is")
    func foreign() throws {
        let folder = Folder()
        let text = Array("user,time\nann,2026-03-01\n".utf8)
        try folder.write(text, to: "state.db")
        for readOnly in [false, true] {
            let error = #expect(throws: StateError.self) { try folder.open(readOnly: readOnly) }
            guard case .foreign = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(error?.exitCode == 78)
        }
        #expect(folder.read("state.db") == text)
        #expect(access(folder.state + ".lock", F_OK) != 0)

        try folder.write(Array(text.prefix(3)), to: "state.db")
        #expect(throws: StateError.self) { try folder.open() }
        #expect(folder.read("state.db") == Array(text.prefix(3)))
    }

    @Test("a first run that was killed before it made its tables is gone on with")
    func killedEarly() throws {
        // As GRDB makes it, in a transaction before that of the first migration.
        let list = "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);"
        let cases = [
            (list, true), (list + "INSERT INTO grdb_migrations VALUES ('theirs')", false),
            (list + "CREATE TABLE theirs (id)", false), (list + "PRAGMA user_version = 1", false),
        ]
        for (sql, isOurs) in cases {
            let folder = Folder()
            var database: OpaquePointer?
            try #require(sqlite3_open(folder.state, &database) == SQLITE_OK)
            try #require(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK)
            sqlite3_close(database)
            if isOurs {
                let store = try folder.open()
                try Generation.write(1, to: store)
                #expect(try Generation.check(store) == 1)
            } else {
                #expect(throws: StateError.self) { try folder.open() }
            }
        }
    }

    /// Offset in the header (sqlite.org/fileformat2.html, 1.3), the new value, and the words for
    /// it.
    static let headers: [(offset: Int, value: [UInt8], word: String)] = [
        (60, [0, 0, 0, 99], "newer Lastseen (state version 99"),
        (60, [0x7F, 0xFF, 0xFF, 0xFF], "newer Lastseen (state version 2147483647"),
        (68, [0, 0, 0, 1], "another program"),
        (68, [0, 0, 0, 0], "another program"),
    ]

    @Test("a newer version and another program's database are refused", arguments: headers)
    func header(offset: Int, value: [UInt8], word: String) throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store)
        store.close()
        var bytes = folder.read("state.db")
        bytes.replaceSubrange(offset..<offset + 4, with: value)
        try folder.write(bytes, to: "state.db")
        unlink(folder.state + ".lock")
        for readOnly in [false, true] {
            let error = #expect(throws: StateError.self) { try folder.open(readOnly: readOnly) }
            #expect(error?.exitCode == 78)
            #expect(error?.description.contains(word) == true, "\(String(describing: error))")
        }
        #expect(folder.read("state.db") == bytes)
        #expect(access(folder.state + ".lock", F_OK) != 0)
    }

    @Test("an older version is brought up by a writer, and a reader says so")
    func olderVersion() throws {
        let folder = Folder()
        try folder.open().close()
        var bytes = folder.read("state.db")
        bytes.replaceSubrange(60..<64, with: [0, 0, 0, 0])
        try folder.write(bytes, to: "state.db")
        // Version 0 with our mark is what a run leaves that was killed before its first table.
        #expect(throws: StateError.missing(path: folder.state)) {
            try folder.open(readOnly: true)
        }
    }

    @Test("half of a file is damaged, not a crash", arguments: [0.1, 0.5, 0.9])
    func truncated(part: Double) throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store, profiles: 1000)
        store.close()
        let bytes = folder.read("state.db")
        try folder.write(Array(bytes.prefix(Int(Double(bytes.count) * part))), to: "state.db")
        for readOnly in [false, true] {
            let error = #expect(throws: StateError.self) { try folder.open(readOnly: readOnly) }
            guard case .damaged = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(error?.exitCode == 74)
        }
    }

    @Test("a folder, a pipe, a place that cannot be, an empty name")
    func impossiblePaths() throws {
        let folder = Folder()
        mkfifo(folder.path + "/pipe", 0o600)
        let cases: [(String, Int32)] = [
            (folder.path, 78), (folder.path + "/", 78), (folder.path + "/pipe", 78),
            ("/dev/null", 78), ("/proc/lastseen/state.db", 73), ("/dev/null/state.db", 73),
            ("", 73), ("a\0b", 73), (folder.path + "/" + String(repeating: "n", count: 300), 73),
        ]
        for (path, exitCode) in cases {
            let error = #expect(throws: StateError.self) {
                try StateStore(path: path, waitSeconds: 0, holder: "a test")
            }
            #expect(error?.exitCode == exitCode, "\(path): \(String(describing: error))")
        }
    }

    @Test("another user's state", .enabled(if: geteuid() == 0, "only root can be two users"))
    func permission() throws {
        let folder = Folder()
        try folder.open().close()
        try Child(.openAsOther, in: folder).wait()
        let said = try #require(Child.said(in: folder).first)
        #expect(said.hasPrefix("exit 73 ") && said.contains("Permission denied"))
    }

    @Test("there is nothing to read where no run wrote")
    func missing() throws {
        let folder = Folder()
        #expect(throws: StateError.missing(path: folder.state)) {
            try folder.open(readOnly: true)
        }
        #expect(access(folder.state, F_OK) != 0)
        try folder.write([], to: "state.db")
        #expect(throws: StateError.missing(path: folder.state)) {
            try folder.open(readOnly: true)
        }
        #expect(try folder.open().isEmpty, "an empty file becomes a state")
    }

    // MARK: Locking

    @Test("a second run hears who holds the state; reading goes on; a killed run holds nothing")
    func lockedByProcess() throws {
        let folder = Folder()
        let child = try Child(.hold, in: folder)
        child.waitForWord(in: folder)
        let error = #expect(throws: StateError.self) { try folder.open() }
        #expect(
            error == .locked(path: folder.state, holder: "lastseen test, pid 7\\u{1b}[31m"))
        #expect(error?.exitCode == 75)
        #expect(try folder.open(readOnly: true).isEmpty)
        child.kill()
        child.wait()
        try folder.open().close()
    }

    @Test("one process may not write twice either, by whatever name; waiting ends when it closes")
    func lockedByThread() throws {
        let folder = Folder()
        let store = try folder.open()
        symlink(folder.state, folder.path + "/link.db")
        #expect(throws: StateError.locked(path: folder.state, holder: "a test")) {
            try StateStore(path: folder.path + "/link.db", waitSeconds: 0.05, holder: "b")
        }
        try Generation.write(1, to: store)
        let waiting = TestThread {
            let second = try StateStore(path: folder.state, waitSeconds: 60, holder: "b")
            #expect(!second.isEmpty)
        }
        usleep(50_000)
        store.close()
        waiting.join()
    }

    @Test("a holder's text is cut and stays on its line")
    func holderText() throws {
        let folder = Folder()
        let long = String(repeating: "x", count: 5000)
        let store = try StateStore(path: folder.state, waitSeconds: 0, holder: long)
        #expect(
            throws: StateError.locked(
                path: folder.state, holder: String(repeating: "x", count: StateLimit.holder))
        ) { try folder.open() }
        store.close()
        _ = try StateStore(path: folder.state, waitSeconds: -1, holder: "one\ntwo")
        let again = try StateStore(path: folder.state, waitSeconds: .nan, holder: "one\ntwo")
        #expect(throws: StateError.locked(path: folder.state, holder: "one")) {
            try folder.open()
        }
        again.close()
    }

    // MARK: Commits

    struct Stop: Error {}

    @Test("nothing is kept of a body that throws")
    func rollback() throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store)
        #expect(throws: StateError.abandoned(path: store.path, reason: "Stop()")) {
            try store.commit { transaction in
                try transaction.putProfile(Generation.key(0), [1])
                try transaction.putProfile(Generation.key(1000), [1])
                try transaction.putAlertRevision(.sample("a-1", revision: 2))
                throw Stop()
            }
        }
        #expect(try Generation.check(store) == 1)
        try Generation.write(2, to: store)
        #expect(try Generation.check(store) == 2)
    }

    @Test("a commit gives back what its body returns")
    func result() throws {
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        let sequence = try store.commit { try $0.putAlertRevision(.sample("a-1", revision: 1)) }
        #expect(sequence == 1)
    }

    @Test("a commit in a commit, a commit to a reader, and use after the end are refused")
    func misuse() throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store)
        let refusal = #expect(throws: StateError.self) {
            try store.commit { transaction in
                try transaction.putProfile(5, [5])
                try store.commit { _ in }
            }
        }
        #expect(refusal?.exitCode == 70)
        #expect(try store.profile(5) == nil)
        let reader = try folder.open(readOnly: true)
        #expect(throws: StateError.self) { try reader.commit { _ in } }

        let profiles = try store.makeProfileReader()
        store.close()
        store.close()
        #expect(throws: StateError.self) { try store.commit { _ in } }
        #expect(throws: StateError.self) { try store.checkpoints() }
        #expect(throws: StateError.self) { try store.makeProfileReader() }
        #expect(try profiles.read([Generation.key(1)]).count == 1, "a reader outlives its store")
        reader.close()
        #expect(throws: StateError.self) { try reader.outputs() }
    }

    @Test("a read in a commit sees the commit before; the transaction sees itself")
    func readInsideCommit() throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store)
        try store.commit { transaction in
            try transaction.setMeta(key: "generation", value: "2")
            try transaction.putAlertRevision(.sample("a-1", revision: 2))
            #expect(try store.meta("generation") == "1")
            #expect(try store.alert(id: "a-1")?.revision == 1)
            #expect(try transaction.meta("generation") == "2")
            #expect(try transaction.alert(id: "a-1")?.revision == 2)
        }
        #expect(try store.meta("generation") == "2")
        let memory = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        try memory.commit { transaction in
            try transaction.putProfile(1, [7])
            #expect(try memory.profile(1) == [7])
        }
        #expect(try memory.profile(1) == [7])
    }

    @Test("errors say where, what and what to do, and obey no terminal codes")
    func descriptions() {
        let path = "/tmp/\u{1B}]0;x\u{7}\n"
        let errors: [StateError] = [
            .locked(path: path, holder: ""), .locked(path: path, holder: path),
            .diskFull(path: path), .missing(path: path), .cannotOpen(path: path, reason: path),
            .foreign(path: path, reason: path), .newerVersion(path: path, found: 2, supported: 1),
            .olderVersion(path: path, found: 1, supported: 2), .damaged(path: path, reason: path),
            .failed(path: path, reason: path), .refused(path: path, reason: path),
            .abandoned(path: path, reason: path), .tooLarge(what: "x", bytes: 2, limit: 1),
        ]
        for error in errors {
            #expect(error.description.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
            #expect([66, 70, 73, 74, 75, 78].contains(error.exitCode))
        }
    }
}
