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

/// Whether what was planned earlier is still asked for, by a real planner over real alerts.
struct StandingTests {
    private static let connector = "exec"

    private static func planner(
        _ rung: Rung, approvals: [Rung: Int] = [:], connectors: [String] = [connector]
    ) throws -> ActionPlanner {
        var policy = try ResponsePolicy(isActing: true, highestRung: .suspend)
        policy.defaultRung = .rung(rung)
        policy.approvals = ApprovalRules(persons: approvals, hours: 2)
        return ActionPlanner(
            policy: policy,
            connectors: connectors.map {
                ConnectorScope(name: $0, abilities: ConnectorAbility.all, isNamed: true)
            })
    }

    /// A state with one alert, and what `planner` plans for it in the outbox.
    private struct Desk {
        let state: StoreOutboxTests.State
        let store: StateStore
        var alert = Alert.sample(userID: "u1", sessionID: "s1")

        init(_ planner: ActionPlanner) throws {
            state = try StoreOutboxTests.State()
            store = try state.open()
            try tell(.open, planner)
        }

        /// A further revision of the alert, planned for.
        mutating func amend(_ status: Alert.Status, _ planner: ActionPlanner?) throws {
            alert.revision += 1
            try tell(status, planner)
        }

        private func tell(_ status: Alert.Status, _ planner: ActionPlanner?) throws {
            var told = alert
            told.status = status
            try store.commit { transaction in
                try transaction.putAlertRevision(
                    AlertRevision(
                        alertID: told.id, revision: told.revision, status: status.rawValue,
                        userKey: 1, tenant: told.tenant, userID: told.userID, timeMilliseconds: 0,
                        risk: told.risk, severity: 5, json: Array("{}".utf8)))
                for action in planner?.plan(for: told) ?? [] {
                    try StoreOutbox.put(
                        action, alertRevision: told.revision, at: epoch, in: &transaction)
                }
            }
        }

        func plan(_ planner: ActionPlanner, at seconds: Int64 = 0) throws {
            try store.commit { transaction in
                for action in planner.plan(for: alert) {
                    try StoreOutbox.put(
                        action, alertRevision: alert.revision,
                        at: epoch.adding(milliseconds: seconds * 1000), in: &transaction)
                }
            }
        }

        @discardableResult
        func apply(
            _ connector: ScriptedConnector, _ planner: ActionPlanner, at seconds: Int64 = 0
        ) throws -> ApplyReport {
            var runner = ActionRunner(policy: planner.policy, connectors: [connector])
            var random = SeededGenerator(seed: 3)
            let alert = alert
            return try runner.apply(
                StoreOutbox(store, planner: planner) { _ in alert },
                clock: { epoch.adding(milliseconds: seconds * 1000) }, random: &random)
        }

        func states() throws -> [Rung: String] {
            var states: [Rung: String] = [:]
            for row in try store.actions(states: ActionState.allCases.map(\.rawValue), limit: 100) {
                states[try #require(Rung(name: row.kind))] = row.state
            }
            return states
        }
    }

    @Test("what is not begun is done only if the policy of now asks for it")
    func stricter() throws {
        let desk = try Desk(try Self.planner(.requirePasswordChange))
        let connector = ScriptedConnector(name: Self.connector)
        let report = try desk.apply(connector, try Self.planner(.logOutSession))
        #expect(connector.calls.count == 1)
        #expect(
            try desk.states() == [.logOutSession: "done", .requirePasswordChange: "not-needed"])
        #expect(
            report.lines.map(\.detail).contains(
                "withdrawn: the policy does not ask for it any more"))
        // Changed back, it is asked for again, and what was done is not.
        let before = try Self.planner(.requirePasswordChange)
        try desk.plan(before)
        try desk.apply(connector, before, at: 10)
        #expect(connector.calls.count == 2)
        #expect(try desk.states() == [.logOutSession: "done", .requirePasswordChange: "done"])
    }

    @Test("what was begun is gone on with under another policy, and not when the alert changed")
    func begun() throws {
        for isAmended in [false, true] {
            var desk = try Desk(try Self.planner(.logOutSession))
            let down = ScriptedConnector(name: Self.connector) { _, _ in
                ConnectorAnswer(.retry, detail: "down")
            }
            try desk.apply(down, try Self.planner(.logOutSession))
            #expect(try desk.states() == [.logOutSession: "retrying"])
            let milder = try Self.planner(.notify)
            if isAmended { try desk.amend(.amended, milder) }
            try desk.apply(ScriptedConnector(name: Self.connector), milder, at: 600)
            #expect(try desk.states() == [.logOutSession: isAmended ? "not-needed" : "done"])
        }
    }

    @Test("a policy that wants it approved has what is planned wait for that")
    func approval() throws {
        let desk = try Desk(try Self.planner(.suspend))
        let stricter = try Self.planner(.suspend, approvals: [.suspend: 2])
        let connector = ScriptedConnector(name: Self.connector)
        try desk.apply(connector, stricter)
        #expect(try desk.states()[.suspend] == "waiting")
        #expect(connector.calls.count == 2)
        let row = try #require(try desk.store.actions(states: ["waiting"], limit: 1).first)
        #expect(row.nextAttemptMilliseconds == epoch.milliseconds + 7_200_000)
        for (name, state) in [("ann", "waiting"), ("bob", "planned")] {
            _ = try PersonsWord.approve(row.id, by: Person(login: name), at: epoch, in: desk.store)
            #expect(try desk.store.action(id: row.id)?.state == state)
        }
        // A third is wanted by now: those two count.
        try desk.apply(connector, try Self.planner(.suspend, approvals: [.suspend: 3]), at: 60)
        let waiting = try #require(try desk.store.action(id: row.id))
        #expect(
            waiting.state == "waiting" && waiting.lastError == "waits for the approval of a person")
        _ = try PersonsWord.approve(row.id, by: Person(login: "cyd"), at: epoch, in: desk.store)
        try desk.apply(connector, try Self.planner(.suspend, approvals: [.suspend: 3]), at: 120)
        #expect(try desk.states()[.suspend] == "done")
        try Journal.verify(try StoreOutbox.journal(in: desk.store))
    }

    @Test(
        "an action of a connector that is not set up now waits for it, also when the alert changed")
    func connectorGone() throws {
        let both = try Self.planner(.logOutSession, connectors: ["exec", "okta"])
        var desk = try Desk(both)
        try desk.amend(.amended, nil)
        let only = try Self.planner(.logOutSession)
        let report = try desk.apply(ScriptedConnector(name: Self.connector), only)
        #expect(report.waiting == [.noConnector: 1])
        #expect(report.lines.map(\.action.state) == [.done])
        let okta = ScriptedConnector(name: "okta")
        #expect(try desk.apply(okta, both, at: 5).lines.map(\.action.state) == [.done])
    }

    @Test("an alert that is opened again asks again for what was not begun, and only for that")
    func reopened() throws {
        let planner = try Self.planner(.suspend, approvals: [.suspend: 1])
        var desk = try Desk(planner)
        let connector = ScriptedConnector(name: Self.connector)
        // The log-out is done; the password's change fails; then the alert closes.
        try desk.apply(
            ScriptedConnector(name: Self.connector) { action, _ in
                action.kind == .logOutSession
                    ? ConnectorAnswer(.done, detail: "") : ConnectorAnswer(.refused, detail: "no")
            }, planner)
        try desk.amend(.closed, nil)
        let waiting = try #require(try desk.store.actions(states: ["waiting"], limit: 1).first)
        _ = try PersonsWord.approve(waiting.id, by: Person(login: "ann"), at: epoch, in: desk.store)
        try desk.apply(connector, planner, at: 10)
        #expect(connector.calls.isEmpty)
        #expect(try desk.states()[.suspend] == "not-needed")
        try desk.amend(.amended, planner)
        #expect(
            try desk.states() == [
                .logOutSession: "done", .requirePasswordChange: "refused", .suspend: "waiting",
            ])
        let row = try #require(try desk.store.action(id: waiting.id))
        #expect(try StoreOutbox.action(row).approvals.isEmpty, "the earlier approval was for then")
    }

    @Test(
        "what nobody approved in time is asked for again when the alert was amended; a denial stays"
    )
    func expired() throws {
        let planner = try Self.planner(.suspend, approvals: [.suspend: 1])
        for isDenied in [false, true] {
            var desk = try Desk(planner)
            let row = try #require(try desk.store.actions(states: ["waiting"], limit: 1).first)
            if isDenied {
                _ = try PersonsWord.deny(
                    row.id, by: Person(login: "ann"), at: epoch, in: desk.store)
            }
            let connector = ScriptedConnector(name: Self.connector)
            try desk.apply(connector, planner, at: 7_200)
            let ended = isDenied ? "denied" : "expired"
            #expect(try desk.states()[.suspend] == ended)
            try desk.plan(planner, at: 7_300)
            #expect(try desk.states()[.suspend] == ended)
            try desk.amend(.amended, planner)
            #expect(try desk.states()[.suspend] == (isDenied ? "denied" : "waiting"))
        }
    }
}
