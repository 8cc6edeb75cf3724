import SessionModel
import StateStore
import Testing

@testable import Response

/// What persons decide, in a real SQLite file.
struct PersonsWordTests {
    static func waiting(_ session: String = "s1", needs: Int = 2) -> PlannedAction {
        var action = PlannedAction.sample(session: session)
        action.state = .waiting
        action.approvalsNeeded = needs
        action.approvalSeconds = 3600
        return action
    }

    private static func state(_ result: PersonsWord.Result) -> ActionState? {
        if case .taken(let action) = result { action.state } else { nil }
    }

    @Test("two different persons have to agree, beside a run that holds the state")
    func approve() throws {
        let state = try StoreOutboxTests.State()
        let holder = try state.open()
        let action = PersonsWordTests.waiting()
        try StoreOutboxTests.put([action], in: holder)
        let store = try StateStore(besideRunAt: state.path)
        func approve(_ person: Person, at seconds: Int64 = 0) throws -> ActionState? {
            PersonsWordTests.state(
                try PersonsWord.approve(
                    action.id, by: person, at: epoch.adding(milliseconds: seconds * 1000), in: store
                ))
        }
        #expect(try approve(Person(login: "ann")) == .waiting)
        #expect(try approve(Person(login: "ann")) == nil, "one person counts once")
        #expect(
            try approve(Person(login: "ann", stated: "bob")) == nil, "a stated name is nobody else")
        #expect(try approve(Person(login: "bob"), at: 3600) == nil, "too late")
        #expect(try approve(Person(login: "bob", stated: "boss"), at: 3599) == .planned)
        #expect(try approve(Person(login: "cid")) == nil, "it is planned already")
        let connector = ScriptedConnector()
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [connector])
        var random = SeededGenerator(seed: 1)
        _ = try runner.apply(
            StoreOutbox(holder), clock: { epoch.adding(milliseconds: 3_600_000) }, random: &random)
        #expect(connector.calls == [action.id])
        let journal = try StoreOutbox.journal(in: holder)
        #expect(
            journal.map(\.draft.what)
                == ["waiting", "approved", "approved", "started", "done"])
        #expect(journal.map(\.draft.actor) == ["lastseen", "ann", "bob", "lastseen", "lastseen"])
        #expect(journal[2].draft.detail.contains(#""stated_name":"boss""#))
        try Journal.verify(journal)
    }

    @Test("what is denied is not planned again; what is done cannot be denied")
    func deny() throws {
        let state = try StoreOutboxTests.State()
        let store = try state.open()
        let action = PersonsWordTests.waiting()
        try StoreOutboxTests.put([action, .sample(session: "s2")], in: store)
        let person = Person(login: "ann")
        #expect(
            PersonsWordTests.state(
                try PersonsWord.deny(action.id, by: person, at: epoch, in: store)) == .denied)
        #expect(
            PersonsWordTests.state(
                try PersonsWord.approve(action.id, by: person, at: epoch, in: store)) == nil)
        try StoreOutboxTests.put([action], in: store)
        var planned = action
        planned.state = .planned
        try StoreOutboxTests.put([planned], in: store)
        #expect(try store.action(id: action.id)?.state == "denied")
        let connector = ScriptedConnector()
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [connector])
        var random = SeededGenerator(seed: 1)
        _ = try runner.apply(StoreOutbox(store), clock: { epoch }, random: &random)
        #expect(connector.calls.count == 1)
        #expect(
            PersonsWordTests.state(
                try PersonsWord.deny(connector.calls[0], by: person, at: epoch, in: store)) == nil)
        #expect(
            try PersonsWord.deny("act-x", by: person, at: epoch, in: store)
                == .refused("there is no such action"))
    }

    @Test("what was given up is tried again under its key")
    func retry() throws {
        let state = try StoreOutboxTests.State()
        let store = try state.open()
        try StoreOutboxTests.put([.sample()], in: store)
        let connector = ScriptedConnector { _, call in
            ConnectorAnswer(call == 1 ? .refused : .done, detail: "")
        }
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [connector])
        var random = SeededGenerator(seed: 1)
        for _ in 0..<2 {
            _ = try runner.apply(StoreOutbox(store), clock: { epoch }, random: &random)
        }
        #expect(connector.calls.count == 1)
        let id = connector.calls[0]
        #expect(
            PersonsWordTests.state(
                try PersonsWord.retry(id, by: Person(login: "ann"), at: epoch, in: store))
                == .retrying)
        _ = try runner.apply(StoreOutbox(store), clock: { epoch }, random: &random)
        #expect(connector.calls == [id, id])
        #expect(try store.action(id: id)?.state == "done")
        #expect(
            PersonsWordTests.state(
                try PersonsWord.retry(id, by: Person(login: "ann"), at: epoch, in: store)) == nil)
    }

    private final class Undoable: Connector, @unchecked Sendable {
        let name = "test"
        let timeLimitSeconds = 5
        let abilities: [Rung: ConnectorAbility] = [.suspend: ConnectorAbility(isUndoable: true)]
        var answers: [ConnectorAnswer] = [
            ConnectorAnswer(.failed, detail: "no"), ConnectorAnswer(.done, detail: "let in again"),
        ]

        func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
            ConnectorAnswer(.done, detail: "")
        }

        func undo(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
            answers.isEmpty ? nil : answers.removeFirst()
        }
    }

    @Test("what was done is taken back where the target can, and reported so")
    func undo() throws {
        let state = try StoreOutboxTests.State()
        let store = try state.open()
        let action = PlannedAction.sample()
        try StoreOutboxTests.put([action], in: store)
        let connector = Undoable()
        func undo(_ connectors: [any Connector]) throws -> PersonsWord.Result {
            try PersonsWord.undo(
                action.id, with: connectors, by: Person(login: "ann"), at: epoch, in: store)
        }
        #expect(PersonsWordTests.state(try undo([connector])) == nil, "it is not done yet")
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [connector])
        var random = SeededGenerator(seed: 1)
        _ = try runner.apply(StoreOutbox(store), clock: { epoch }, random: &random)
        #expect(PersonsWordTests.state(try undo([])) == nil, "its connector is not there")
        #expect(PersonsWordTests.state(try undo([connector])) == nil, "the target refuses")
        #expect(PersonsWordTests.state(try undo([connector])) == .undone)
        #expect(PersonsWordTests.state(try undo([connector])) == nil)
        let journal = try StoreOutbox.journal(in: store)
        #expect(
            journal.map(\.draft.what) == ["planned", "started", "done", "undo-failed", "undone"])
    }

    @Test("resuming closes the breaker once, and says who it was")
    func resume() throws {
        let state = try StoreOutboxTests.State()
        let store = try state.open()
        var open = UserBreakerState()
        (open.openedAt, open.users, open.limit) = (epoch, 60, 50)
        try StoreOutbox(store).setBreaker(
            open, journal: JournalDraft(ofBreaker: open, actor: "lastseen", at: epoch))
        let person = Person(login: "ann")
        #expect(try PersonsWord.resume(by: person, at: epoch, in: store) == open)
        #expect(try StoreOutbox.breaker(in: store).resumedAt == epoch)
        #expect(try !PersonsWord.resume(by: person, at: epoch, in: store).isOpen)
        let journal = try StoreOutbox.journal(in: store)
        #expect(journal.map(\.draft.what) == ["breaker-opened", "breaker-resumed"])
        #expect(journal[1].draft.actor == "ann")
    }

    /// What an alert was amended to; whether its action is still done.
    static let amendments: [(Int, Rung, ActionState)] = [
        (95, .requirePasswordChange, .done), (80, .logOutSession, .done),
        (79, .logOutSession, .notNeeded), (95, .notify, .notNeeded),
    ]

    @Test("nothing is done on an alert that was amended below the rung", arguments: amendments)
    func amended(risk: Int, rung: Rung, end: ActionState) throws {
        let state = try StoreOutboxTests.State()
        let store = try state.open()
        let planner = ActionPlanner(
            policy: try ResponsePolicy(isActing: true),
            connectors: [ConnectorScope(name: "test", abilities: ConnectorAbility.all)])
        let alert = Alert.sample(rung: .logOutSession)
        let plan = planner.plan(for: alert)
        try StoreOutboxTests.put(plan, in: store)
        try store.commit { transaction in
            try transaction.putAlertRevision(
                AlertRevision(
                    alertID: alert.id, revision: 2, status: "amended", userKey: 1, tenant: "acme",
                    userID: "u1", timeMilliseconds: 0, risk: risk, severity: 1,
                    json: Array("{}".utf8)))
        }
        let connector = ScriptedConnector()
        var runner = ActionRunner(policy: planner.policy, connectors: [connector])
        var random = SeededGenerator(seed: 1)
        let outbox = StoreOutbox(store, planner: planner) { _ in .sample(risk: risk, rung: rung) }
        let report = try runner.apply(outbox, clock: { epoch }, random: &random)
        #expect(report.lines.map(\.action.state) == [end])
        #expect(connector.calls.isEmpty == (end == .notNeeded))
    }
}
