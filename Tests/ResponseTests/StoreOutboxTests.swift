import Foundation
import SessionModel
import StateStore
import Testing

@testable import Response

/// The outbox in a real SQLite file.
struct StoreOutboxTests {
    /// A state in a folder of its own, removed with the value.
    final class State {
        let path: String
        private let folder: String

        init() throws {
            folder = NSTemporaryDirectory() + "lastseen-outbox-" + UUID().uuidString
            path = folder + "/state.sqlite"
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func open() throws -> StateStore {
            try StateStore(path: path, waitSeconds: 5, holder: "test")
        }
    }

    static func put(
        _ actions: [PlannedAction], in store: StateStore, status: Alert.Status = .open
    ) throws {
        try store.commit { transaction in
            for action in actions {
                if try transaction.alert(id: action.alertID) == nil {
                    try transaction.putAlertRevision(
                        AlertRevision(
                            alertID: action.alertID, revision: 1, status: status.rawValue,
                            userKey: 1, tenant: "acme", userID: action.userID,
                            timeMilliseconds: 0, risk: 95, severity: 5, json: Array("{}".utf8)))
                }
                try StoreOutbox.put(action, alertRevision: 1, at: epoch, in: &transaction)
            }
        }
    }

    private static func apply(
        _ connector: ScriptedConnector, _ store: StateStore, at seconds: Int64 = 0,
        caps: ActionCaps = .standard
    ) throws -> ApplyReport {
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true, caps: caps), connectors: [connector])
        var random = SeededGenerator(seed: 3)
        return try runner.apply(
            StoreOutbox(store), clock: { epoch.adding(milliseconds: seconds * 1000) },
            random: &random)
    }

    @Test("what is put comes back as it was, whatever its texts")
    func roundTrip() throws {
        let state = try State()
        let store = try state.open()
        var action = PlannedAction.sample(user: "u:1,\"é\n", session: "s'; DROP TABLE action")
        action.userName = "5:hello,"
        action.note = "1:"
        try StoreOutboxTests.put([action, .sample(session: "s2")], in: store)
        let open = try StoreOutbox(store).openActions(limit: 10)
        #expect(open.map(\.planned) == [action, .sample(session: "s2")])
        #expect(open[0].sequence < open[1].sequence)
        #expect(open.allSatisfy { $0.attempts == 0 && $0.firstStarted == nil && $0.due == epoch })
        #expect(try StoreOutbox(store).openActions(limit: 1).count == 1)
    }

    @Test("planning again adds nothing, and a dry run gives way to what is planned in earnest")
    func again() throws {
        let state = try State()
        let store = try state.open()
        var dry = PlannedAction.sample()
        dry.state = .dryRun
        try StoreOutboxTests.put([dry], in: store)
        #expect(try StoreOutbox(store).openActions(limit: 10).isEmpty)
        try StoreOutboxTests.put([.sample()], in: store)
        try StoreOutboxTests.put([.sample(), dry], in: store)
        #expect(try StoreOutbox(store).openActions(limit: 10).map(\.state) == [.planned])
        let connector = ScriptedConnector()
        #expect(try StoreOutboxTests.apply(connector, store).calls == 1)
        try StoreOutboxTests.put([.sample()], in: store)
        #expect(try StoreOutboxTests.apply(connector, store, at: 100).calls == 0)
        #expect(try store.action(id: dry.id)?.state == "done")
    }

    @Test("a run that ends between the call and its record is gone on with by the next process")
    func killed() throws {
        let state = try State()
        let action = PlannedAction.sample()
        do {
            let store = try state.open()
            try StoreOutboxTests.put([action], in: store)
            // The state is closed under the runner while the target acts.
            let connector = ScriptedConnector { _, _ in
                store.close()
                return ConnectorAnswer(.done, detail: "")
            }
            #expect(throws: ResponseError.self) { try StoreOutboxTests.apply(connector, store) }
            #expect(connector.calls == [action.id])
        }
        let store = try state.open()
        #expect(try StoreOutbox(store).openActions(limit: 10).map(\.state) == [.started])
        let connector = ScriptedConnector { _, _ in ConnectorAnswer(.alreadySo, detail: "had it") }
        let report = try StoreOutboxTests.apply(connector, store)
        #expect(connector.calls == [action.id], "the same key")
        #expect(report.lines.map(\.action.state) == [.alreadySo])
        #expect(report.lines.map(\.attempt) == [2])
        let journal = try StoreOutbox.journal(in: store)
        #expect(journal.map(\.draft.what) == ["planned", "started", "started", "already-so"])
        try Journal.verify(journal)
    }

    @Test("caps count what an earlier process began")
    func caps() throws {
        let state = try State()
        let actions = (1...6).map { PlannedAction.sample(user: "u\($0)", session: "s\($0)") }
        let caps = try ActionCaps(perHour: 2)
        let connector = ScriptedConnector()
        // When a process runs, in seconds; how many calls are made in all by its end.
        for (seconds, calls) in [(Int64(0), 2), (3599, 2), (3600, 4), (7199, 4), (7200, 6)] {
            let store = try state.open()
            if seconds == 0 { try StoreOutboxTests.put(actions, in: store) }
            _ = try StoreOutboxTests.apply(connector, store, at: seconds, caps: caps)
            #expect(connector.calls.count == calls)
            store.close()
        }
        #expect(Set(connector.calls).count == 6)
    }

    @Test(
        "an action of an alert that is over, or of none, is not needed",
        arguments: Alert.Status.allCases.filter(\.isOver))
    func withdrawn(status: Alert.Status) throws {
        let state = try State()
        let store = try state.open()
        try StoreOutboxTests.put([.sample()], in: store, status: status)
        try store.commit { transaction in
            try StoreOutbox.put(
                .sample(session: "s2"), alertRevision: 1, at: epoch, in: &transaction)
        }
        let connector = ScriptedConnector()
        let report = try StoreOutboxTests.apply(connector, store)
        #expect(report.lines.map(\.action.state) == [.notNeeded, .notNeeded])
        #expect(connector.calls.isEmpty)
    }

    @Test(
        "an action of an alert that stands is done",
        arguments: Alert.Status.allCases.filter(\.stands))
    func standing(status: Alert.Status) throws {
        let state = try State()
        let store = try state.open()
        try StoreOutboxTests.put([.sample()], in: store, status: status)
        let connector = ScriptedConnector()
        _ = try StoreOutboxTests.apply(connector, store)
        #expect(connector.calls.count == 1)
    }

    @Test("two runs that read the same action: the second finds it taken")
    func taken() throws {
        let state = try State()
        let store = try state.open()
        try StoreOutboxTests.put([.sample()], in: store)
        let outbox = StoreOutbox(store)
        let old = try #require(try outbox.openActions(limit: 1).first)
        var new = old
        new.state = .started
        new.attempts = 1
        let draft = JournalDraft(of: new, at: epoch, text: "")
        let change = OutboxChange(new, replacing: old, journal: draft)
        #expect(try outbox.commit([change, change]) == [true, false])
        #expect(try outbox.commit([change]) == [false])
        #expect(try StoreOutbox.journal(in: store).map(\.draft.what) == ["planned", "started"])
    }

    @Test("a journal edited in the file is seen, by the entry")
    func edited() throws {
        let state = try State()
        do {
            let store = try state.open()
            try StoreOutboxTests.put(
                (1...3).map { .sample(user: "u\($0)", session: "s\($0)") }, in: store)
            _ = try StoreOutboxTests.apply(ScriptedConnector(), store)
            let status = ResponseStatus(actions: [], journal: try StoreOutbox.journal(in: store))
            #expect(status.journalFault == nil)
            #expect(status.journalEntries == 9)
            #expect(try StoreOutbox.journalSummary(in: store) == status.journal)
            #expect(
                try StoreOutbox.journalSummary(in: store, head: status.journalHead).fault == nil)
            let unknown = String(repeating: "ab", count: 32)
            #expect(try StoreOutbox.journalSummary(in: store, head: unknown).fault != nil)
            store.close()
        }
        // Over the text in the file, of the same length, as somebody with an editor would.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: state.path))
        let range = try #require(bytes.range(of: Data("session s2\",\"connector".utf8)))
        bytes.replaceSubrange(range, with: Data("session s9\",\"connector".utf8))
        try bytes.write(to: URL(fileURLWithPath: state.path))
        let store = try state.open()
        let status = ResponseStatus(actions: [], journal: try StoreOutbox.journal(in: store))
        guard case .journalBroken(let sequence, _)? = status.journalFault else {
            Issue.record("the edit was not seen")
            return
        }
        let entry = try store.journal(after: sequence - 1, limit: 1)
        #expect(String(decoding: entry[0].detail, as: UTF8.self).contains("session s9"))
    }

    @Test(
        "rows that something else wrote are refused, not acted upon",
        arguments: [
            ("state", "exploded"), ("kind", "explode"), ("payload", "x"), ("payload", "1:a,"),
            ("payload", "99999999999:a,"),
        ])
    func foreign(column: String, value: String) throws {
        let state = try State()
        let store = try state.open()
        var row = StoreOutbox.row(for: .sample(), alertRevision: 1, createdAt: epoch)
        switch column {
        case "state": row.state = value
        case "kind": row.kind = value
        default: row.payload = Array(value.utf8)
        }
        #expect(throws: ResponseError.self) { try StoreOutbox.action(row) }
        try store.commit { try $0.putAction(row) }
        if column != "state" {
            #expect(throws: ResponseError.self) {
                try StoreOutboxTests.apply(ScriptedConnector(), store)
            }
        }
    }
}
