import SessionModel
import Testing

@testable import Response

struct ActionRunnerTests {
    /// Runs once at a moment, with seeded jitter.
    @discardableResult
    static func apply(
        _ runner: inout ActionRunner, _ outbox: MemoryOutbox, at seconds: Int64 = 0
    ) throws -> ApplyReport {
        var random = SeededGenerator(seed: 7)
        return try runner.apply(
            outbox, clock: { epoch.adding(milliseconds: seconds * 1000) }, random: &random)
    }

    static func runner(
        _ connector: ScriptedConnector, caps: ActionCaps = .standard, breakerLimit: Int = 5
    ) throws -> ActionRunner {
        ActionRunner(
            policy: try ResponsePolicy(isActing: true, caps: caps), connectors: [connector],
            breakerLimit: breakerLimit)
    }

    @Test("a due action is started, sent, recorded and journalled")
    func done() throws {
        let outbox = MemoryOutbox([.sample()])
        let connector = ScriptedConnector()
        var runner = try ActionRunnerTests.runner(connector)
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(report.calls == 1)
        #expect(report.lines.map(\.action.state) == [.done])
        #expect(!report.needsAttention)
        #expect(outbox.state("s1") == .done)
        #expect(outbox.journal.map(\.draft.what) == ["started", "done"])
        try Journal.verify(outbox.journal)
        try ActionRunnerTests.apply(&runner, outbox, at: 10)
        #expect(connector.calls.count == 1)
    }

    @Test("a dry run sends nothing")
    func dryRun() throws {
        let outbox = MemoryOutbox([.sample()])
        let connector = ScriptedConnector()
        var runner = ActionRunner(policy: try ResponsePolicy(), connectors: [connector])
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(report.waiting == [.dryRun: 1])
        #expect(connector.calls.isEmpty)
        #expect(outbox.journal.isEmpty)
    }

    /// What the target says once; what the action comes to.
    static let outcomes: [(ConnectorAnswer, ActionState)] = [
        (ConnectorAnswer(.done, detail: ""), .done),
        (ConnectorAnswer(.alreadySo, detail: ""), .alreadySo),
        (ConnectorAnswer(.notNeeded, detail: ""), .notNeeded),
        (ConnectorAnswer(.refused, detail: ""), .refused),
        (ConnectorAnswer(.failed, detail: ""), .failed),
        (ConnectorAnswer(.retry, detail: ""), .retrying),
        (ConnectorAnswer(.retry, detail: "", mayHaveHappened: true), .unanswered),
    ]

    @Test("each answer has its state", arguments: outcomes)
    func outcome(answer: ConnectorAnswer, state: ActionState) throws {
        let outbox = MemoryOutbox([.sample()])
        var runner = try ActionRunnerTests.runner(ScriptedConnector { _, _ in answer })
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.state("s1") == state)
        #expect((report.lines.first?.nextTry != nil) == state.isOpen)
    }

    @Test("a target that stays down is tried by the schedule, then the action is given up")
    func givenUp() throws {
        for (mayHaveHappened, end) in [(false, ActionState.dead), (true, .unknown)] {
            let outbox = MemoryOutbox([.sample()])
            // Only the third try leaves it open whether the target acted.
            let connector = ScriptedConnector { _, call in
                ConnectorAnswer(
                    .retry, detail: "down", mayHaveHappened: mayHaveHappened && call == 3)
            }
            var runner = try ActionRunnerTests.runner(connector, breakerLimit: 100)
            var now: Int64 = 0
            for wait in RetrySchedule.standard.waitsSeconds {
                try ActionRunnerTests.apply(&runner, outbox, at: now)
                let calls = connector.calls.count
                try ActionRunnerTests.apply(&runner, outbox, at: now + Int64(wait) - 1)
                #expect(connector.calls.count == calls, "not before its time")
                now += Int64(wait) * 11 / 10 + 1
            }
            try ActionRunnerTests.apply(&runner, outbox, at: now)
            #expect(connector.calls.count == 10)
            #expect(outbox.state("s1") == end)
            try ActionRunnerTests.apply(&runner, outbox, at: now * 2)
            #expect(connector.calls.count == 10)
            #expect(Set(connector.calls).count == 1, "one idempotency key")
        }
    }

    @Test("a user's actions go in order, and others' are not held up")
    func order() throws {
        let outbox = MemoryOutbox([
            .sample(user: "u1", session: "s1"), .sample(user: "u1", session: "s2"),
            .sample(user: "u2", session: "s3"),
        ])
        let connector = ScriptedConnector { action, call in
            action.sessionID == "s1" && call < 5
                ? ConnectorAnswer(.retry, detail: "") : ConnectorAnswer(.done, detail: "")
        }
        var runner = try ActionRunnerTests.runner(connector)
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(report.waiting == [.order: 1])
        #expect(outbox.state("s2") == .planned)
        #expect(outbox.state("s3") == .done)
        try ActionRunnerTests.apply(&runner, outbox, at: 10)
        #expect(outbox.state("s2") == .planned, "two failures still hold back")
        try ActionRunnerTests.apply(&runner, outbox, at: 1000)
        #expect(outbox.state("s1") == .retrying)
        #expect(outbox.state("s2") == .done, "three failures no longer do")
    }

    @Test("caps per run, per hour and per user, on both sides")
    func caps() throws {
        let actions = (1...6).map { PlannedAction.sample(user: "u\($0 % 2)", session: "s\($0)") }
        let connector = ScriptedConnector()
        let outbox = MemoryOutbox(actions)
        var runner = try ActionRunnerTests.runner(
            connector, caps: try ActionCaps(perRun: 4, perHour: 5, perUserPerHour: 3))
        var report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(report.calls == 4)
        #expect(report.waiting[.runCap, default: 0] + report.waiting[.order, default: 0] == 2)
        report = try ActionRunnerTests.apply(&runner, outbox, at: 3599)
        #expect(report.calls == 1)
        #expect(report.waiting == [.hourCap: 1])
        report = try ActionRunnerTests.apply(&runner, outbox, at: 3600)
        #expect(report.calls == 1)
        #expect(outbox.actions.allSatisfy { $0.state == .done })
    }

    @Test("one user cannot use up more than their share")
    func userCap() throws {
        let actions = (1...4).map { PlannedAction.sample(user: "u1", session: "s\($0)") }
        let outbox = MemoryOutbox(actions + [.sample(user: "u2", session: "s9")])
        var runner = try ActionRunnerTests.runner(
            ScriptedConnector(), caps: try ActionCaps(perUserPerHour: 2))
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(report.calls == 3)
        #expect(report.waiting[.userCap] == 1)
        #expect(report.waiting[.order] == 1)
        #expect(outbox.state("s9") == .done)
    }

    @Test("a cap of nothing sends nothing")
    func noCap() throws {
        let outbox = MemoryOutbox([.sample()])
        let connector = ScriptedConnector()
        var runner = try ActionRunnerTests.runner(connector, caps: try ActionCaps(perHour: 0))
        #expect(try ActionRunnerTests.apply(&runner, outbox).waiting == [.hourCap: 1])
        #expect(throws: ResponseError.self) { try ActionCaps(perRun: -1) }
    }

    @Test("after failures in a row the rest waits, untouched, and one probes later")
    func breaker() throws {
        let outbox = MemoryOutbox((1...10).map { .sample(user: "u\($0)", session: "s\($0)") })
        let connector = ScriptedConnector { _, call in
            call <= 4 ? ConnectorAnswer(.retry, detail: "down") : ConnectorAnswer(.done, detail: "")
        }
        var runner = try ActionRunnerTests.runner(connector, breakerLimit: 3)
        var report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(report.calls == 3)
        #expect(report.waiting == [.targetDown: 7])
        #expect(outbox.actions.filter { $0.attempts == 0 }.count == 7)
        report = try ActionRunnerTests.apply(&runner, outbox, at: 59)
        #expect(report.calls == 0)
        report = try ActionRunnerTests.apply(&runner, outbox, at: 61)
        #expect(report.calls == 1, "one probe, which fails")
        report = try ActionRunnerTests.apply(&runner, outbox, at: 600)
        #expect(outbox.actions.filter { $0.state == .done }.count >= 9)
        try ActionRunnerTests.apply(&runner, outbox, at: 4000)
        #expect(outbox.actions.allSatisfy { $0.state == .done }, "nothing lost")
    }

    @Test("a wrong key does not use up the outbox: refusals open the breaker too")
    func refusals() throws {
        let outbox = MemoryOutbox((1...10).map { .sample(user: "u\($0)", session: "s\($0)") })
        var runner = try ActionRunnerTests.runner(
            ScriptedConnector { _, _ in ConnectorAnswer(.refused, detail: "401") }, breakerLimit: 2)
        try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.actions.filter { $0.state == .refused }.count == 2)
        #expect(outbox.actions.filter { $0.state == .planned }.count == 8)
    }

    @Test("a target that asks for quiet gets it, for all actions")
    func quiet() throws {
        let outbox = MemoryOutbox((1...3).map { .sample(user: "u\($0)", session: "s\($0)") })
        let connector = ScriptedConnector { _, call in
            call == 1
                ? ConnectorAnswer(
                    .retry, detail: "429", retryAfterSeconds: 100, pausesConnector: true)
                : ConnectorAnswer(.done, detail: "")
        }
        var runner = try ActionRunnerTests.runner(connector)
        #expect(try ActionRunnerTests.apply(&runner, outbox).waiting == [.targetDown: 2])
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 99).calls == 0)
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 111).calls == 3)
    }

    @Test("an alert withdrawn before its action is sent makes it unneeded")
    func withdrawn() throws {
        let outbox = MemoryOutbox([.sample()])
        outbox.withdrawn[outbox.actions[0].planned.alertID] = "the alert was dismissed"
        let connector = ScriptedConnector()
        var runner = try ActionRunnerTests.runner(connector)
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.state("s1") == .notNeeded)
        #expect(report.lines.first?.detail == "withdrawn: the alert was dismissed")
        #expect(connector.calls.isEmpty)
    }

    /// What a first try came to; what the action is when the alert is withdrawn after it.
    @Test(
        "withdrawn after a try without an answer, nobody knows",
        arguments: [(false, ActionState.notNeeded), (true, .unknown)])
    func withdrawnLate(mayHaveHappened: Bool, state: ActionState) throws {
        let outbox = MemoryOutbox([.sample()])
        let connector = ScriptedConnector { _, _ in
            ConnectorAnswer(.retry, detail: "", mayHaveHappened: mayHaveHappened)
        }
        var runner = try ActionRunnerTests.runner(connector)
        try ActionRunnerTests.apply(&runner, outbox)
        outbox.withdrawn[outbox.actions[0].planned.alertID] = "retracted"
        try ActionRunnerTests.apply(&runner, outbox, at: 100)
        #expect(outbox.state("s1") == state)
        #expect(connector.calls.count == 1)
    }

    @Test("a user protected after planning is left to a person")
    func protectedLater() throws {
        let outbox = MemoryOutbox([.sample()])
        let connector = ScriptedConnector()
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true, protectedUsers: ProtectedUsers(["u1"])),
            connectors: [connector])
        try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.state("s1") == .notifyOnly)
        #expect(connector.calls.isEmpty)
    }

    @Test("an action for a connector that is not set up waits")
    func noConnector() throws {
        let outbox = MemoryOutbox([.sample(connector: "other")])
        var runner = try ActionRunnerTests.runner(ScriptedConnector())
        #expect(try ActionRunnerTests.apply(&runner, outbox).waiting == [.noConnector: 1])
        #expect(outbox.state("s1") == .planned)
    }

    @Test("a killed run's action is sent again with the same key")
    func killed() throws {
        let outbox = MemoryOutbox([.sample()])
        outbox.commitFault = { $0 == 2 ? .before : nil }
        let connector = ScriptedConnector()
        var first = try ActionRunnerTests.runner(connector)
        #expect(throws: ResponseError.self) { try ActionRunnerTests.apply(&first, outbox) }
        #expect(outbox.state("s1") == .started)
        outbox.commitFault = { _ in nil }
        var second = try ActionRunnerTests.runner(connector)
        try ActionRunnerTests.apply(&second, outbox)
        #expect(outbox.state("s1") == .done)
        #expect(outbox.actions[0].attempts == 2)
        #expect(connector.calls.count == 2)
        #expect(Set(connector.calls).count == 1)
        #expect(outbox.journal[1].draft.detail.contains("an earlier run ended"))
        try Journal.verify(outbox.journal)
    }

    @Test("without a lock of its own a run leaves another's action alone until its time is over")
    func lease() throws {
        let outbox = MemoryOutbox([.sample()])
        outbox.isExclusive = false
        outbox.commitFault = { $0 == 2 ? .before : nil }
        let connector = ScriptedConnector()
        var runner = try ActionRunnerTests.runner(connector)
        #expect(throws: ResponseError.self) { try ActionRunnerTests.apply(&runner, outbox) }
        outbox.commitFault = { _ in nil }
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 29).waiting == [.notDue: 1])
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 30).calls == 1)
    }

    @Test("a crash at every try ends too")
    func crashLoop() throws {
        let outbox = MemoryOutbox([.sample()])
        outbox.commitFault = { $0 % 2 == 0 ? .before : nil }
        let connector = ScriptedConnector()
        for _ in 0..<10 {
            var runner = try ActionRunnerTests.runner(connector)
            #expect(throws: ResponseError.self) { try ActionRunnerTests.apply(&runner, outbox) }
        }
        var runner = try ActionRunnerTests.runner(connector)
        try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.state("s1") == .unknown)
        #expect(connector.calls.count == 10)
    }

    @Test("a run that is asked to stop leaves the rest")
    func stopped() throws {
        let outbox = MemoryOutbox((1...3).map { .sample(user: "u\($0)", session: "s\($0)") })
        let connector = ScriptedConnector()
        var runner = try ActionRunnerTests.runner(connector)
        var random = SeededGenerator(seed: 1)
        let report = try runner.apply(
            outbox, clock: { epoch }, random: &random, shouldStop: { connector.calls.count == 1 })
        #expect(report.calls == 1)
        #expect(report.waiting == [.stopped: 2])
    }

    @Test("the status counts, finds the oldest, and judges the journal")
    func status() throws {
        let outbox = MemoryOutbox((1...3).map { .sample(user: "u\($0)", session: "s\($0)") })
        var runner = try ActionRunnerTests.runner(
            ScriptedConnector { action, _ in
                switch action.sessionID {
                case "s1": ConnectorAnswer(.done, detail: "")
                case "s2": ConnectorAnswer(.retry, detail: "")
                default: ConnectorAnswer(.refused, detail: "")
                }
            })
        try ActionRunnerTests.apply(&runner, outbox)
        let status = ResponseStatus(actions: outbox.actions, journal: outbox.journal)
        #expect(status.counts == [.done: 1, .retrying: 1, .refused: 1])
        #expect(status.oldestOpen?.planned.sessionID == "s2")
        #expect(status.nextDue == outbox.actions[1].due)
        #expect(status.journalHead == outbox.journal.last?.hash)
        #expect(status.journalFault == nil)
        #expect(status.needsAttention)
        outbox.journal[0].draft.what = "done"
        let broken = ResponseStatus(actions: outbox.actions, journal: outbox.journal)
        #expect(broken.journalFault != nil)
    }
}
