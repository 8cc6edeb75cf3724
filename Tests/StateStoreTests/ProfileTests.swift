import StateStore
import Testing

struct ProfileTests {
    @Test("ascending keys are ascending rows")
    func order() {
        let keys: [UInt64] = [0, 1, .max / 2, .max / 2 + 1, .max - 1, .max]
        let rows = keys.map(StateStore.rowOrder)
        #expect(rows == rows.sorted())
        #expect(rows.first == .min && rows.last == .max)
    }

    @Test("profiles come back as they were put", arguments: [":memory:", "file"])
    func roundTrip(place: String) throws {
        let folder = Folder()
        let store =
            place == "file"
            ? try folder.open() : try StateStore(path: place, waitSeconds: 0, holder: "")
        let profiles: [UInt64: [UInt8]] = [
            0: [], 1: [0], 2: Array(0...255), .max / 2: [1], .max / 2 + 1: [2], .max: [3],
            1 << 40: [4], 77: [UInt8](repeating: 9, count: StateLimit.profile),
        ]
        try store.commit { transaction in
            for (key, bytes) in profiles { try transaction.putProfile(key, bytes) }
        }
        let reader = try store.makeProfileReader()
        // Twice the same, and some that are not there.
        let keys = Array(profiles.keys) + [3, 77, 1 << 62, 0]
        let found = try reader.read(keys)
        for (index, key) in keys.enumerated() { #expect(found[index] == profiles[key]) }
        #expect(try reader.read([]).isEmpty)
        #expect(try store.profileCount() == profiles.count)

        try store.commit { transaction in
            try transaction.putProfile(77, [1, 2])
            try transaction.putProfile(77, [1, 2, 3])
        }
        #expect(try store.profile(77) == [1, 2, 3], "the reader sees the newest commit")
        #expect(try reader.read([77])[0] == [1, 2, 3])
        #expect(try store.profileCount() == profiles.count)
    }

    @Test("the largest profile is taken, a larger one leaves the commit as it was")
    func limit() throws {
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        try store.commit { transaction in
            try transaction.putProfile(1, [UInt8](repeating: 1, count: StateLimit.profile))
            do {
                try transaction.putProfile(1, [UInt8](repeating: 2, count: StateLimit.profile + 1))
                Issue.record("it was taken")
            } catch {
                #expect(
                    error as? StateError
                        == .tooLarge(
                            what: "a profile", bytes: StateLimit.profile + 1,
                            limit: StateLimit.profile))
            }
        }
        #expect(try store.profile(1)?.last == 1)
    }

    @Test("an error in the middle of reading ends it, and the next read is right")
    func readerError() throws {
        let folder = Folder()
        let store = try folder.open()
        try Generation.write(1, to: store)
        let reader = try store.makeProfileReader()
        let keys = (0..<10).map(Generation.key)
        var calls = 0
        #expect(throws: StateError.abandoned(path: store.path, reason: "Stop()")) {
            try keys.withUnsafeBufferPointer { keys in
                try reader.read(keys: keys) { _, _ in
                    calls += 1
                    if calls == 3 { throw StateStoreTests.Stop() }
                }
            }
        }
        #expect(calls == 3)
        try Generation.write(2, to: store)
        #expect(try reader.read(keys)[9] == Generation.bytes(2, 9))
    }

    @Test("random puts and reads agree with a dictionary, over restarts", arguments: UInt64(1)...6)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let folder = Folder()
        var known: [UInt64: [UInt8]] = [:]
        for _ in 0..<8 {
            let store = try folder.open()
            #expect(store.isEmpty == known.isEmpty)
            for _ in 0..<4 {
                let isKept = UInt8.random(in: 0..<4, using: &random) > 0
                let keys = (0..<200).map { _ in random.next() % 2000 &* 0x0020_0000_0000_0001 }
                let batch = Dictionary(
                    keys.map { key in
                        let count = Int.random(in: 0...3000, using: &random)
                        let byte = UInt8.random(in: 0...255, using: &random)
                        return (key, [UInt8](repeating: byte, count: count))
                    }, uniquingKeysWith: { $1 })
                try? store.commit { transaction in
                    for key in batch.keys.sorted() { try transaction.putProfile(key, batch[key]!) }
                    if !isKept { throw StateStoreTests.Stop() }
                }
                if isKept { known.merge(batch) { $1 } }
            }
            let keys = known.keys.sorted() + (0..<100).map { _ in random.next() }
            let found = try store.makeProfileReader().read(keys)
            for (index, key) in keys.enumerated() where found[index] != known[key] {
                Issue.record("key \(key), seed \(seed)")
            }
            store.close()
        }
    }

    @Test("readers beside a writer see whole commits, of other threads and other opens")
    func readersBesideWriter() throws {
        let folder = Folder()
        var tuning = StateTuning()
        tuning.checkpointBytes = 128 << 10
        let store = try StateStore(
            path: folder.state, waitSeconds: 0, holder: "a test", tuning: tuning)
        try Generation.write(1, to: store)
        let last: Int64 = 120
        let isDone = Flag()
        let keys = (0..<Generation.profiles).map(Generation.key)
        let readers = (0..<3).map { number in
            TestThread {
                let other = number == 2 ? try folder.open(readOnly: true) : store
                let reader = try other.makeProfileReader()
                var newest: UInt8 = 0
                while !isDone.isSet {
                    let found = try reader.read(keys)
                    let first = try #require(found[0]?.first)
                    #expect(found.count == keys.count)
                    #expect(found.values.allSatisfy { Set($0) == [first] })
                    #expect(first >= newest)
                    newest = first
                    _ = try other.outputs()
                }
            }
        }
        defer {
            isDone.set()
            for reader in readers { reader.join() }
        }
        for next in 2...last { try Generation.write(next, to: store) }
        #expect(try Generation.check(store) == last)
    }
}
