import SessionModel
import Testing

@testable import Response

struct JournalTests {
    static func chain(_ count: Int) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        for index in 0..<count {
            let draft = JournalDraft(
                time: Timestamp(milliseconds: Int64(index)), actor: "lastseen",
                alertID: "a-\(index)", actionID: "act-\(index)", what: "started", detail: "{}")
            entries.append(draft.chained(after: entries.last))
        }
        return entries
    }

    @Test("a whole chain is taken, also the empty one")
    func whole() throws {
        try Journal.verify(JournalTests.chain(0))
        let chain = JournalTests.chain(5)
        try Journal.verify(chain)
        try Journal.verify(chain, head: chain[2].hash)
        #expect(chain[0].previousHash == Journal.firstHash)
    }

    /// A change to entry 3 of 5, by hand and by someone who mends that entry's hash; the entry named.
    static let edits: [@Sendable (inout JournalEntry) -> Void] = [
        { $0.draft.time.milliseconds += 1 }, { $0.draft.actor = "" }, { $0.draft.alertID = "" },
        { $0.draft.actionID += "x" }, { $0.draft.what = "done" }, { $0.draft.detail = "" },
    ]

    @Test("any changed field is named by its entry", arguments: edits.indices)
    func edited(index: Int) {
        var chain = JournalTests.chain(5)
        JournalTests.edits[index](&chain[2])
        #expect(JournalTests.broken(chain) == 3)
        chain[2].hash = chain[2].computedHash
        #expect(JournalTests.broken(chain) == 4, "the next entry holds the old hash")
    }

    @Test("removed, moved, doubled and cut-off entries are seen")
    func structure() {
        let chain = JournalTests.chain(5)
        var removed = chain
        removed.remove(at: 2)
        #expect(JournalTests.broken(removed) == 3)
        var moved = chain
        moved.swapAt(1, 2)
        #expect(JournalTests.broken(moved) == 2)
        #expect(JournalTests.broken(chain + [chain[4]]) == 6)
        #expect(JournalTests.broken(Array(chain.dropFirst())) == 1)
        #expect(JournalTests.broken(Array(chain.dropLast())) == nil, "a chain alone cannot see it")
        #expect(JournalTests.broken(Array(chain.dropLast()), head: chain[4].hash) == 5)
    }

    @Test("fields do not run into each other")
    func canonical() {
        #expect(Digest.canonical(["ab", "c"]) != Digest.canonical(["a", "bc"]))
        #expect(Digest.canonical(["a,1:b"]) != Digest.canonical(["a", "b"]))
    }

    @Test("SHA-256 of 'abc' (FIPS 180-2, B.1)")
    func sha256() {
        #expect(
            Digest.hex(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    private static func broken(_ entries: [JournalEntry], head: String? = nil) -> Int64? {
        do throws(ResponseError) {
            try Journal.verify(entries, head: head)
            return nil
        } catch {
            guard case .journalBroken(let sequence, _) = error else { return -1 }
            return sequence
        }
    }
}
