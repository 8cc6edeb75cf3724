import Glibc
import StateStore
import Testing

/// What happens to a state when its process, its disk or its bytes go bad.
@Suite(.serialized)
struct SurvivalTests {
    /// `LASTSEEN_KILL_SEEDS` asks for more.
    static let seeds: ClosedRange<UInt64> =
        1...(getenv("LASTSEEN_KILL_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 50)

    @Test("kill -9 leaves a whole commit, and none that had come back is lost")
    func kill() throws {
        let folder = Folder()
        var known: Int64 = 0
        for seed in Self.seeds {
            var random = SeededGenerator(seed: seed)
            let child = try Child(.generations, in: folder)
            let before = folder.read("ack").count
            if Bool.random(using: &random) {
                // Counted from its start, and so sometimes while it opens the state.
                usleep(.random(in: 0...120_000, using: &random))
            } else {
                while folder.read("ack").count == before, Glibc.kill(child.pid, 0) == 0 {
                    usleep(500)
                }
                usleep(.random(in: 0...30_000, using: &random))
            }
            child.kill()
            #expect(child.wait() == 128 + SIGKILL, "the child ended by itself, seed \(seed)")

            let acknowledged = folder.read("ack").suffix(8)
            // It may be killed after a commit and before it says so.
            let least = max(known, acknowledged.reversed().reduce(0) { $0 << 8 | Int64($1) })
            let store = try folder.open()
            known = try Generation.check(store)
            #expect(known == least || known == least + 1, "seed \(seed)")
            store.close()
        }
        // A rerun ends in the state of a run that was never killed.
        let killed = try folder.open()
        let last = try Generation.newest(in: killed) + 1
        try Generation.write(last, to: killed)
        let other = Folder()
        let whole = try other.open()
        for generation in 1...last { try Generation.write(generation, to: whole) }
        #expect(try Dump(killed) == Dump(whole))
    }

    @Test("kill -9 in a new state's first commit leaves all of it or nothing")
    func killFirst() throws {
        for seed in Self.seeds.prefix(20) {
            var random = SeededGenerator(seed: seed)
            let folder = Folder()
            let child = try Child(.firstCommit, in: folder)
            child.waitForWord(in: folder)
            usleep(.random(in: 0...400_000, using: &random))
            child.kill()
            child.wait()
            // A reader may not undo the half, and says so; or there is a whole one, or nothing.
            do throws(StateError) {
                _ = try folder.open(readOnly: true)
            } catch {
                #expect(error.exitCode == 73 && error.description.contains("run it again"))
            }
            let store = try folder.open()
            let newest = try Generation.check(store)
            #expect(newest == 0 || newest == 1, "seed \(seed)")
            try Generation.write(newest + 1, to: store, profiles: 20_000)
            try Generation.check(store)
        }
    }

    @Test("a log cut or changed anywhere leaves an earlier commit, whole")
    func tornLog() throws {
        let folder = Folder()
        // What is moved to the file has reached the disk in the log first: a log that lost it while
        // the file has it is nothing that happens.
        let child = try Child(.loggedGenerations, in: folder)
        while folder.read("ack").count < 40 * 8 { usleep(500) }
        child.kill()
        child.wait()
        let (database, log) = (folder.read("state.db"), folder.read("state.db-wal"))
        let newest = try Generation.check(try folder.open())
        try #require(log.count > 100_000)
        for seed in UInt64(1)...40 {
            var random = SeededGenerator(seed: seed)
            var torn = log
            switch seed % 3 {
            case 0: torn.removeLast(.random(in: 0...log.count, using: &random))
            case 1: torn[.random(in: 0..<log.count, using: &random)] ^= 0x10
            default:  // a power cut may leave any sectors behind
                let sector = Int.random(in: 0..<log.count / 512, using: &random) * 512
                for index in sector..<sector + 512 { torn[index] = 0 }
            }
            let copy = Folder()
            try copy.write(database, to: "state.db")
            try copy.write(torn, to: "state.db-wal")
            let store = try copy.open()
            let found = try Generation.check(store)
            #expect(found <= newest, "seed \(seed)")
            try Generation.write(found + 1, to: store)
            try Generation.check(store)
        }
    }

    @Test("a state with changed bytes gives an error or an answer, never a crash")
    func changedBytes() throws {
        let folder = Folder()
        let store = try folder.open()
        for generation in 1...8 { try Generation.write(Int64(generation), to: store) }
        store.close()
        let whole = folder.read("state.db")
        for seed in UInt64(1)...150 {
            var random = SeededGenerator(seed: seed)
            var bytes = whole
            for _ in 0..<Int.random(in: 1...200, using: &random) {
                // Half of them in the first pages, where the schema is.
                let range = Bool.random(using: &random) ? 16..<32_768 : 16..<bytes.count
                bytes[.random(in: range, using: &random)] = .random(in: 0...255, using: &random)
            }
            if seed % 5 == 0 { bytes.removeLast(.random(in: 1..<bytes.count, using: &random)) }
            try folder.write(bytes, to: "state.db")
            for readOnly in [true, false] {
                do throws(StateError) {
                    let store = try folder.open(readOnly: readOnly)
                    for read in Dump.reads {
                        do { _ = try read(store) } catch is StateError {} catch {
                            Issue.record("seed \(seed): \(error)")
                        }
                    }
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    @Test("SQLite's own limit reached: the commit before stays, and there is a way on")
    func full() throws {
        let folder = Folder()
        var tuning = StateTuning()
        tuning.maximumPages = 60
        let store = try StateStore(
            path: folder.state, waitSeconds: 0, holder: "a test", tuning: tuning)
        try Generation.write(1, to: store)
        #expect(throws: StateError.diskFull(path: store.path)) {
            try Generation.write(2, to: store, profiles: 5000)
        }
        #expect(try Generation.check(store) == 1)
        try Generation.write(2, to: store)
        #expect(try Generation.check(store) == 2)
    }

    @Test("a failure that the body of a commit passes over still undoes all of it")
    func ignoredFailure() throws {
        let folder = Folder()
        var tuning = StateTuning()
        tuning.maximumPages = 60
        let store = try StateStore(
            path: folder.state, waitSeconds: 0, holder: "a test", tuning: tuning)
        #expect(throws: StateError.diskFull(path: store.path)) {
            try store.commit { transaction in
                for key in UInt64(0)..<1000 {
                    try? transaction.putProfile(key, [UInt8](repeating: 1, count: 1000))
                }
            }
        }
        #expect(try store.profileCount() == 0)
    }

    @Test("a limit on file sizes is a full disk")
    func fileSizeLimit() throws {
        let folder = Folder()
        try Child(.fillToLimit, in: folder).wait()
        try checkFilled(folder)
    }

    @Test(
        "a full disk", .enabled(if: Child.canMount, "no right to mount here"),
        arguments: ["1m", "3m", "10m"])
    func fullDisk(size: String) throws {
        let folder = Folder()
        try Child(
            .fill, in: folder, after: "mount -t tmpfs -o size=\(size) none $\(Child.folderVariable)"
        ).wait()
        try checkFilled(folder)
    }

    @Test(
        "a disk too small for the first commit",
        .enabled(if: Child.canMount, "no right to mount here"))
    func fullDiskAtOnce() throws {
        let folder = Folder()
        try Child(
            .fillAtOnce, in: folder,
            after: "mount -t tmpfs -o size=3m none $\(Child.folderVariable)"
        ).wait()
        #expect(Child.said(in: folder) == ["exit 74", "newest 2"])
    }

    private func checkFilled(_ folder: Folder) throws {
        let said = Child.said(in: folder)
        try #require(said.count == 3, "\(folder.readText("child.out"))")
        let last = try #require(said[0].split(separator: " ").last)
        #expect(said == ["exit 74 after \(last)", "newest \(last)", "again \(last)"])
    }

    @Test(
        "a state on a read-only file system can be read",
        .enabled(if: Child.canMount, "no right to mount here"))
    func readOnlyFileSystem() throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store)
        store.close()
        let mount = "mount --bind $F $F && mount -o remount,ro,bind $F"
            .replacing("$F", with: "$\(Child.folderVariable)")
        try Child(.readFrozen, in: folder, after: mount).wait()
        #expect(Child.said(in: folder) == ["newest 1"])
        try Child(.openAsOther, in: folder, after: mount).wait()
        let said = try #require(Child.said(in: folder).first)
        #expect(said.hasPrefix("exit 73 ") && said.contains("--state"))
    }
}

/// All that a state holds, to compare two.
struct Dump: Equatable {
    var parts: [String]

    static let reads: [@Sendable (StateStore) throws -> String] = [
        { "\(try $0.profileCount())" },
        { store in
            let keys = (0..<Generation.profiles).map(Generation.key)
            return try store.makeProfileReader().read(keys).sorted { $0.key < $1.key }.description
        },
        { "\(try $0.checkpoints())" }, { "\(try $0.outputs())" }, { "\(try $0.alerts())" },
        { "\(try $0.revisions(afterSequence: 0, limit: .max))" },
        { "\(try $0.revisions(alertID: "a-1"))" }, { "\(try $0.alert(id: "a-1"), default: "")" },
        { "\(try $0.actions(limit: .max))" }, { "\(try $0.dueActions(dueAt: .max, limit: 9))" },
        { "\(try $0.actions(alertID: "a-1"))" }, { "\(try $0.journal())" },
        { "\(try $0.meta("generation"), default: "")" }, { "\(try $0.lastRevisionSequence())" },
    ]

    init(_ store: StateStore) throws { parts = try Self.reads.map { try $0(store) } }
}
