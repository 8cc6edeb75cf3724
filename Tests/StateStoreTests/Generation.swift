import StateStore
import Testing

/// A commit that writes its number everywhere, so that a mixture of two commits shows.
enum Generation {
    static let profiles = 64

    static func key(_ index: Int) -> UInt64 { UInt64(index) &* 0x9E37_79B9_7F4A_7C15 }

    /// As long as a profile may be in practice, and of another length each time.
    static func bytes(_ generation: Int64, _ index: Int) -> [UInt8] {
        let count = 200 + Int(generation &* 37 &+ Int64(index) &* 101) % 2000
        return [UInt8](repeating: UInt8(truncatingIfNeeded: generation), count: count)
    }

    static func write(
        _ generation: Int64, to store: StateStore, profiles: Int = profiles
    ) throws(StateError) {
        try store.commit { transaction in
            let order = (0..<profiles).sorted { key($0) < key($1) }
            for index in order {
                try transaction.putProfile(key(index), bytes(generation, index))
            }
            try transaction.setMeta(key: "generation", value: "\(generation)")
            try transaction.setMeta(key: "profiles", value: "\(profiles)")
            try transaction.putOutput(
                OutputRow(name: "out", committedLength: generation, lastSequence: generation))
            try transaction.putCheckpoint(.sample("source", offset: UInt64(generation)))
            try transaction.putAlertRevision(.sample("a-1", revision: Int(generation)))
            try transaction.putAction(.sample("action \(generation)"))
            try transaction.appendJournal(.sample("did \(generation)")) { $0.testHash }
        }
    }

    static func newest(in store: StateStore) throws -> Int64 {
        try store.meta("generation").flatMap { Int64($0) } ?? 0
    }

    /// Checks that the state is that of one commit as a whole, and returns its number.
    @discardableResult
    static func check(_ store: StateStore) throws -> Int64 {
        let newest = try newest(in: store)
        let profiles = Int(try store.meta("profiles") ?? "0") ?? -1
        #expect(try store.profileCount() == profiles)
        let found = try store.makeProfileReader().read((0..<profiles).map(key))
        #expect(found.count == profiles)
        for (index, data) in found where data != bytes(newest, index) {
            Issue.record("profile \(index) is not that of generation \(newest)")
        }
        guard newest > 0 else { return 0 }
        #expect(try store.outputs().map(\.committedLength) == [newest])
        #expect(try store.checkpoints().map(\.offset) == [UInt64(newest)])
        #expect(try store.alert(id: "a-1")?.revision == Int(newest))
        #expect(
            try store.revisions(afterSequence: 0, limit: .max).map(\.sequence)
                == Array(1...newest))
        #expect(try store.actions(limit: .max).map(\.sequence) == Array(1...newest))
        let journal = try store.journal()
        #expect(journal.map(\.sequence) == Array(1...newest))
        var previous: [UInt8] = []
        for entry in journal {
            #expect(entry.previousHash == previous && entry.hash == entry.testHash)
            previous = entry.hash
        }
        return newest
    }
}

extension CheckpointRow {
    static func sample(_ key: String, offset: UInt64) -> CheckpointRow {
        CheckpointRow(
            sourceKey: key, path: "/var/log/\(key)", device: 1, inode: 2, offset: offset, line: 3,
            headLength: 4, headHash: 5, tailHash: 6, isComplete: false, compressedSize: 7,
            modified: 8, formatName: "native", lastTime: 9)
    }
}

extension AlertRevision {
    static func sample(
        _ id: String, revision: Int, status: String = "open", user: String = "u1",
        time: Int64 = 1_772_000_000_000, risk: Int = 80
    ) -> AlertRevision {
        AlertRevision(
            alertID: id, revision: revision, status: status,
            userKey: UInt64.max - UInt64(user.utf8.count), tenant: "acme", userID: user,
            timeMilliseconds: time, risk: risk, severity: 4, json: Array("{\"id\":\"\(id)\"}".utf8))
    }
}

extension ActionRow {
    static func sample(
        _ id: String, user: String = "u1", state: String = "planned", next: Int64 = 0
    ) -> ActionRow {
        ActionRow(
            id: id, alertID: "a-1", alertRevision: 1, tenant: "acme", userID: user,
            sessionID: "s1", kind: "log-out-session", target: "session s1", connector: "webhook",
            state: state, nextAttemptMilliseconds: next, createdMilliseconds: 1,
            updatedMilliseconds: 2, payload: Array("{}".utf8))
    }
}

extension JournalRow {
    static func sample(_ what: String) -> JournalRow {
        JournalRow(
            timeMilliseconds: 1, actor: "test", alertID: "a-1", actionID: "", what: what,
            detail: Array("{}".utf8))
    }

    /// FNV-1a: enough to tell entries apart.
    var testHash: [UInt8] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in previousHash + Array("\(sequence) \(what)".utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return withUnsafeBytes(of: hash) { Array($0) }
    }
}
