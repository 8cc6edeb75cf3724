import StateStore
import Testing

/// Every kind of row comes back as it was put, at the ends of its ranges too.
struct RowTests {
    /// What a text may be at its worst: empty, zero bytes, quotes, beyond the first plane, forms
    /// that compare equal as text and are other bytes, the longest.
    static let texts = [
        "", "a", "\0", "a\0b", "'; DROP TABLE profile; --", "\u{10FFFF}🧭", "é", "e\u{301}", "%s%n",
        "\u{1B}[31m\r\n", String(repeating: "x", count: StateLimit.name),
    ]
    static let numbers: [UInt64] = [
        0, 1, .max, .max - 1, 1 << 63, 1 << 63 - 1, UInt64(UInt32.max),
    ]

    private func memory() throws -> StateStore {
        try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
    }

    @Test func checkpoints() throws {
        let store = try memory()
        var rows: [CheckpointRow] = []
        for (index, text) in Self.texts.enumerated() {
            let number = Self.numbers[index % Self.numbers.count]
            rows.append(
                CheckpointRow(
                    sourceKey: text, path: text, device: number, inode: ~number, offset: number,
                    line: number, headLength: UInt32(truncatingIfNeeded: number),
                    headHash: number, tailHash: ~number, isComplete: index % 2 == 0,
                    compressedSize: number, modified: Int64(bitPattern: number), formatName: text,
                    lastTime: ~Int64(bitPattern: number)))
        }
        try store.commit { for row in rows { try $0.putCheckpoint(row) } }
        let found = try store.checkpoints()
        #expect(found.count == rows.count)
        for row in rows {
            #expect(found.contains { same($0, row) })
            let one = try store.checkpoint(sourceKey: row.sourceKey)
            #expect(one.map { same($0, row) } == true)
        }
        #expect(try store.checkpoint(sourceKey: "none") == nil)
        rows[1].offset = 5
        try store.commit { try $0.putCheckpoint(rows[1]) }
        #expect(try store.checkpoint(sourceKey: "a")?.offset == 5)
        try store.commit { transaction in
            try transaction.removeCheckpoint(sourceKey: "a")
            try transaction.removeCheckpoint(sourceKey: "none")
        }
        #expect(try store.checkpoint(sourceKey: "a") == nil)
    }

    /// Swift's `==` takes é and e + accent for the same; a file's name is its bytes.
    private func same(_ a: CheckpointRow, _ b: CheckpointRow) -> Bool {
        a == b && a.sourceKey.utf8.elementsEqual(b.sourceKey.utf8)
    }

    @Test func outputsAndMeta() throws {
        let store = try memory()
        let rows = [
            OutputRow(name: "ndjson:/x", committedLength: .max, lastSequence: .min),
            OutputRow(name: "stdout", committedLength: 0, lastSequence: 0),
        ]
        try store.commit { for row in rows.reversed() { try $0.putOutput(row) } }
        #expect(try store.outputs() == rows)
        try store.commit { try $0.removeOutput("stdout") }
        #expect(try store.outputs() == [rows[0]])

        for text in Self.texts {
            try store.commit { try $0.setMeta(key: text, value: text) }
            #expect(try store.meta(text).map { Array($0.utf8) } == Array(text.utf8))
        }
        try store.commit { transaction in
            try transaction.setMeta(key: "a", value: nil)
            try transaction.setMeta(key: "none", value: nil)
        }
        #expect(try store.meta("a") == nil)
        #expect(try store.meta("none") == nil)
    }

    @Test("an alert is its newest revision; the log keeps them all")
    func alerts() throws {
        let store = try memory()
        var extreme = AlertRevision.sample("a-2", revision: .max, status: "retracted")
        extreme.userKey = 1 << 63
        (extreme.timeMilliseconds, extreme.risk, extreme.severity) = (.min, .min, .max)
        extreme.json = []
        let first = AlertRevision.sample("a-1", revision: 1)
        var second = AlertRevision.sample("a-1", revision: 3, status: "amended", user: "u22")
        (second.risk, second.severity, second.tenant, second.json) = (7, 1, "other", [0, 1])
        let sequences = try store.commit { transaction in
            try [first, extreme, second].map { try transaction.putAlertRevision($0) }
        }
        #expect(sequences == [1, 2, 3])
        #expect(
            try store.alert(id: "a-1")
                == AlertRow(newest: second, firstSequence: 1, lastSequence: 3))
        #expect(
            try store.alert(id: "a-2")
                == AlertRow(newest: extreme, firstSequence: 2, lastSequence: 2))
        #expect(try store.alert(id: "a-3") == nil)
        #expect(try store.lastRevisionSequence() == 3)
        let log = try store.revisions(afterSequence: 0, limit: 100)
        #expect(log.map(\.sequence) == [1, 2, 3])
        #expect(log.map(\.alertID) == ["a-1", "a-2", "a-1"])
        #expect(log.map(\.revision) == [1, .max, 3])
        #expect(log.map(\.json) == [first.json, [], [0, 1]])
        #expect(try store.revisions(afterSequence: 1, limit: 1) == [log[1]])
        #expect(try store.revisions(afterSequence: 3, limit: 1).isEmpty)
        #expect(try store.revisions(afterSequence: .min, limit: 0).isEmpty)
        #expect(try store.revisions(afterSequence: 0, limit: -5).isEmpty)
        #expect(try store.revisions(alertID: "a-1") == [log[0], log[2]])

        for revision in [3, 2, 0, -1] {
            #expect(throws: StateError.self) {
                try store.commit {
                    try $0.putAlertRevision(.sample("a-1", revision: revision))
                }
            }
        }
        // What is refused takes no sequence.
        try store.commit { try $0.putAlertRevision(.sample("a-1", revision: 4)) }
        #expect(try store.lastRevisionSequence() == 4)
    }

    static let filters: [(AlertFilter, [String])] = [
        (AlertFilter(), ["a-3", "a-1", "a-2", "a-4"]),
        (AlertFilter(order: .newestFirst), ["a-4", "a-1", "a-2", "a-3"]),
        (AlertFilter(order: .riskFirst), ["a-2", "a-4", "a-1", "a-3"]),
        (AlertFilter(order: .raisedFirst), ["a-1", "a-2", "a-3", "a-4"]),
        (AlertFilter(limit: 2), ["a-3", "a-1"]),
        (AlertFilter(limit: 0), []), (AlertFilter(limit: -1), []),
        (AlertFilter(statuses: ["open"]), ["a-3", "a-1"]),
        (AlertFilter(statuses: ["open", "amended"]), ["a-3", "a-1", "a-2"]),
        (AlertFilter(statuses: ["' OR 1=1 --"]), []),
        (AlertFilter(minimumRisk: 70), ["a-2", "a-4"]),
        (AlertFilter(minimumRisk: 71), ["a-2"]),
        (AlertFilter(since: 200), ["a-1", "a-2", "a-4"]),
        (AlertFilter(since: 201), ["a-4"]),
        (AlertFilter(until: 200), ["a-3"]),
        (AlertFilter(since: 100, until: 300), ["a-3", "a-1", "a-2"]),
        (AlertFilter(userID: "ann"), ["a-3", "a-1"]),
        (AlertFilter(userKey: .max - 3), ["a-3", "a-1", "a-2"]),
        (AlertFilter(tenant: "acme", userID: "bob"), ["a-2"]),
        (AlertFilter(tenant: "none"), []),
        (AlertFilter(statuses: ["open"], userID: "ann", minimumRisk: 1, since: 101), ["a-1"]),
    ]

    @Test("alerts are listed by filter and order", arguments: filters)
    func filter(filter: AlertFilter, ids: [String]) throws {
        let store = try memory()
        try store.commit { transaction in
            for row in [
                AlertRevision.sample("a-1", revision: 1, user: "ann", time: 200, risk: 10),
                .sample("a-2", revision: 1, status: "amended", user: "bob", time: 200, risk: 90),
                .sample("a-3", revision: 1, user: "ann", time: 100, risk: 10),
                .sample("a-4", revision: 1, status: "retracted", user: "carl", time: 300, risk: 70),
            ] { try transaction.putAlertRevision(row) }
        }
        #expect(try store.alerts(filter: filter).map(\.id) == ids)
    }

    @Test("an action is added once; its life is written to it")
    func actions() throws {
        let store = try memory()
        var row = ActionRow(
            id: Self.texts[4], alertID: "a-1", alertRevision: .max, tenant: "", userID: "\0",
            userName: "n", sessionID: "🧭", timeMilliseconds: .min, kind: "k", target: "t",
            connector: "c", state: "planned",
            attempts: .max, firstStartedMilliseconds: .max, nextAttemptMilliseconds: .min,
            createdMilliseconds: .max,
            updatedMilliseconds: -1, lastError: "e", payload: Array(0...255), result: "r")
        #expect(try store.commit { try $0.putAction(row) })
        row.sequence = 1
        #expect(try store.action(id: row.id) == row)
        var other = row
        other.kind = "other"
        #expect(try store.commit { try $0.putAction(other) } == false)
        #expect(try store.action(id: row.id) == row)

        row.state = "done"
        (row.attempts, row.nextAttemptMilliseconds, row.updatedMilliseconds) = (2, 5, 6)
        (row.lastError, row.result, row.payload, row.connector) = ("", "ok", [], "exec")
        row.firstStartedMilliseconds = nil
        #expect(try store.commit { try $0.updateAction(row) })
        #expect(try store.action(id: row.id) == row)
        #expect(try store.commit { try $0.updateAction(.sample("none")) } == false)
        #expect(try store.action(id: "none") == nil)

        try store.commit { transaction in
            for (index, state) in ["dry-run", "waiting", "dead"].enumerated() {
                try transaction.putAction(.sample("x\(index)", state: state))
            }
            #expect(try transaction.action(id: "x1")?.state == "waiting")
            #expect(try transaction.actions(alertID: "a-1").count == 4)
            #expect(try transaction.actions(states: ["dead"]).map(\.id) == ["x2"])
        }
        #expect(try store.actions(states: ["dead", "waiting"]).map(\.id) == ["x1", "x2"])
        #expect(try store.actions().map(\.id) == [row.id, "x0", "x1", "x2"])
        #expect(try store.actions(limit: 2).count == 2)
        #expect(try store.actions(alertID: "a-1").count == 4)
        #expect(try store.actions(alertID: "a-2").isEmpty)
    }

    @Test("due actions: in order, one a user, and none again before its lease is over")
    func claims() throws {
        let store = try memory()
        try store.commit { transaction in
            for row in [
                ActionRow.sample("done", user: "ann", state: "done"),
                .sample("ann 1", user: "ann", state: "retrying", next: 100),
                .sample("ann 2", user: "ann", next: 0),
                .sample("bob 1", user: "bob", next: 50),
                .sample("carl 1", user: "carl", state: "dry-run"),
                .sample("dora 1", user: "dora", next: 101),
            ] { try transaction.putAction(row) }
        }
        #expect(try store.dueActions(dueAt: 99, limit: 9).map(\.id) == ["bob 1"])
        #expect(try store.dueActions(dueAt: 100, limit: 9).map(\.id) == ["ann 1", "bob 1"])
        #expect(try store.dueActions(dueAt: 101, limit: 2).map(\.id) == ["ann 1", "bob 1"])
        var claimed = try store.commit {
            try $0.claimActions(dueAt: 100, leaseMilliseconds: 10, limit: 9)
        }
        #expect(claimed.map(\.id) == ["ann 1", "bob 1"])
        #expect(claimed.map(\.attempts) == [1, 1])
        #expect(claimed.map(\.firstStartedMilliseconds) == [100, 100])
        #expect(try store.action(id: "ann 1") == claimed[0])
        #expect(try store.startedActionCount(since: 100) == 2)
        #expect(try store.startedActionCount(since: 101) == 0)
        #expect(try store.startedActionCount(since: 0, ofUser: ("acme", "ann")) == 1)
        #expect(try store.startedActionCount(since: 0, ofUser: ("acme", "carl")) == 0)
        #expect(try store.startedActionCount(since: 0, ofUser: ("other", "ann")) == 0)
        #expect(try store.dueActions(dueAt: 109, limit: 9).map(\.id) == ["dora 1"])
        #expect(
            try store.dueActions(dueAt: 110, limit: 9).map(\.id) == ["ann 1", "bob 1", "dora 1"])
        claimed[0].state = "done"
        try store.commit { try $0.updateAction(claimed[0]) }
        #expect(try store.dueActions(dueAt: 105, limit: 9).map(\.id) == ["ann 2", "dora 1"])
        let forever = try store.commit {
            try $0.claimActions(dueAt: .max, leaseMilliseconds: .max, limit: 9)
        }
        #expect(forever.allSatisfy { $0.nextAttemptMilliseconds == .max })
        #expect(forever.map(\.id) == ["ann 2", "bob 1", "dora 1"])
        #expect(forever.map(\.firstStartedMilliseconds) == [.max, 100, .max])
    }

    @Test("each journal entry holds the hash of the one before")
    func journal() throws {
        let store = try memory()
        var rows: [JournalRow] = []
        for text in Self.texts {
            let row = JournalRow(
                timeMilliseconds: .min, actor: text, alertID: text, actionID: text, what: text,
                detail: Array(text.utf8), previousHash: [9], hash: [9])
            rows.append(
                try store.commit { transaction in
                    #expect(try transaction.lastJournalHash() == rows.last?.hash ?? [])
                    let written = try transaction.appendJournal(row) { $0.testHash }
                    #expect(try transaction.lastJournalHash() == written.hash)
                    return written
                })
        }
        let found = try store.journal()
        #expect(found == rows)
        #expect(found.map(\.sequence) == Array(1...Int64(rows.count)))
        #expect(found[0].previousHash.isEmpty)
        for (before, after) in zip(found, found.dropFirst()) {
            #expect(after.previousHash == before.hash)
        }
        #expect(try store.journal(after: 9) == Array(rows[9...]))
        #expect(try store.journal(after: 2, limit: 3) == Array(rows[2..<5]))
        #expect(throws: StateError.self) {
            try store.commit { transaction in
                try transaction.appendJournal(.sample("x")) { _ in throw StateStoreTests.Stop() }
            }
        }
        #expect(try store.journal().count == rows.count)
    }

    @Test("a value above its limit is refused, one at it is taken")
    func limits() throws {
        let store = try memory()
        let document = [UInt8](repeating: 0, count: StateLimit.document)
        let note = String(repeating: "n", count: StateLimit.note)
        let name = String(repeating: "n", count: StateLimit.name)
        var alert = AlertRevision.sample(name, revision: 1)
        alert.json = document
        var action = ActionRow.sample(name)
        (action.payload, action.lastError, action.result) = (document, note, note)
        let journal = JournalRow(
            timeMilliseconds: 0, actor: name, alertID: name, actionID: name, what: name,
            detail: document)
        try store.commit { transaction in
            try transaction.putAlertRevision(alert)
            try transaction.putAction(action)
            try transaction.updateAction(action)
            try transaction.appendJournal(journal) { _ in document.prefix(64) + [] }
            try transaction.setMeta(key: name, value: note)
        }
        #expect(try store.alert(id: name)?.json.count == StateLimit.document)

        func refused(_ body: (inout StateTransaction) throws -> Void) {
            let error = #expect(throws: StateError.self) { try store.commit(body) }
            guard case .tooLarge(_, let bytes, let limit) = error, bytes == limit + 1 else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        refused { transaction in
            alert.revision = 2
            alert.json.append(0)
            try transaction.putAlertRevision(alert)
        }
        refused { try $0.putAlertRevision(.sample(name + "n", revision: 1)) }
        refused { try $0.setMeta(key: name, value: note + "n") }
        refused { try $0.setMeta(key: name + "n", value: "") }
        refused {
            try $0.putOutput(OutputRow(name: name + "n", committedLength: 0, lastSequence: 0))
        }
        refused { try $0.putCheckpoint(.sample(name + "n", offset: 0)) }
        refused { transaction in
            action.result += "n"
            try transaction.updateAction(action)
        }
        refused { transaction in
            try transaction.appendJournal(.sample(name + "n")) { _ in [] }
        }
        #expect(try store.alert(id: name)?.revision == 1)
    }
}
