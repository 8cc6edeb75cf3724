import SessionModel
import StateStore
import Testing

@testable import Response

/// What keeps an action from being begun.
struct GuardTests {
    static func runner(
        _ connector: ScriptedConnector, _ change: (inout ResponsePolicy) throws -> Void
    ) throws -> ActionRunner {
        var policy = try ResponsePolicy(isActing: true)
        try change(&policy)
        return ActionRunner(policy: policy, connectors: [connector])
    }

    static func action(
        _ user: String, _ session: String, kind: Rung = .logOutSession, application: String = ""
    ) -> PlannedAction {
        var action = PlannedAction.sample(user: user, session: session)
        action.kind = kind
        action.application = application
        return action
    }

    @Test("caps per day and per application, on both sides")
    func caps() throws {
        let connector = ScriptedConnector()
        let outbox = MemoryOutbox(
            (1...5).map { GuardTests.action("u\($0)", "s\($0)", application: "mail") })
        var runner = try GuardTests.runner(connector) {
            $0.caps = try ActionCaps(perDay: 3, perApplicationPerHour: 2)
        }
        #expect(try ActionRunnerTests.apply(&runner, outbox).waiting == [.applicationCap: 3])
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 3599).calls == 0)
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 3600).waiting == [.dayCap: 2])
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 86_399).calls == 0)
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 86_400).calls == 2)
    }

    @Test("a suspect last seen too long ago is left to a person, and counts for no breaker")
    func age() throws {
        let last = PlannedAction.sample().time
        for (milliseconds, state) in [(Int64(0), ActionState.done), (1, .expired)] {
            let connector = ScriptedConnector()
            let outbox = MemoryOutbox((1...4).map { GuardTests.action("u\($0)", "s\($0)") })
            var runner = try GuardTests.runner(connector) {
                $0.maximumAgeHours = 72
                $0.breaker = UserBreakerLimits(usersPerHour: 4, shareOfUsers: 1, leastUsers: 3)
            }
            outbox.users = 3  // four of three would open it
            if state == .done { outbox.users = 100 }
            var random = SeededGenerator(seed: 1)
            let now = last.adding(milliseconds: 72 * 3_600_000 + milliseconds)
            for index in outbox.actions.indices { outbox.actions[index].due = now }
            let report = try runner.apply(outbox, clock: { now }, random: &random)
            #expect(report.stop.isEmpty)
            #expect(
                outbox.actions.allSatisfy { $0.state == state }, "\(outbox.actions[0].planned.note)"
            )
            #expect(connector.calls.count == (state == .done ? 4 : 0))
        }
    }

    @Test(
        "the same for a user again within the cool-down is not needed, for another kind or user it is"
    )
    func coolDown() throws {
        let connector = ScriptedConnector()
        let kinds: [(String, String, Rung)] = [
            ("u1", "s1", .requirePasswordChange), ("u1", "s2", .requirePasswordChange),
            ("u1", "s3", .logOutSession), ("u2", "s4", .requirePasswordChange),
        ]
        let outbox = MemoryOutbox(kinds.map { GuardTests.action($0.0, $0.1, kind: $0.2) })
        var runner = try GuardTests.runner(connector) { _ in }
        try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.actions.map(\.state) == [.done, .notNeeded, .done, .done])
        #expect(outbox.actions[1].planned.note.contains("0 min ago"))
        for (seconds, state) in [(Int64(3599), ActionState.notNeeded), (3600, .done)] {
            let later = MemoryOutbox([GuardTests.action("u1", "s1", kind: .suspend)])
            try ActionRunnerTests.apply(&runner, later)
            later.actions.append(
                OutboxAction(
                    sequence: 2, planned: GuardTests.action("u1", "s9", kind: .suspend), due: epoch)
            )
            try ActionRunnerTests.apply(&runner, later, at: seconds)
            #expect(later.actions[1].state == state)
        }
    }

    /// Users at once, known users; whether the breaker opens (50 an hour; a tenth above 10).
    static let breakers: [(Int, Int?, Bool)] = [
        (50, nil, false), (51, nil, true), (50, 1_000_000, false), (51, 1_000_000, true),
        (10, 20, false), (11, 20, true), (20, 200, false), (21, 200, true), (11, 0, false),
    ]

    @Test("too many users stop all acting before the first is touched", arguments: breakers)
    func breaker(users: Int, known: Int?, opens: Bool) throws {
        let connector = ScriptedConnector()
        let outbox = MemoryOutbox((0..<users).map { GuardTests.action("u\($0)", "s\($0)") })
        outbox.users = known
        var runner = try GuardTests.runner(connector) { _ in }
        let report = try ActionRunnerTests.apply(&runner, outbox)
        #expect(connector.calls.count == (opens ? 0 : users))
        #expect(outbox.breakerState.isOpen == opens)
        #expect(report.stop.isEmpty != opens)
        #expect(report.waiting == (opens ? [.breakerOpen: users] : [:]))
        #expect((outbox.journal.first?.draft.what == "breaker-opened") == opens)
    }

    @Test("the breaker stays open until a person resumes, and what was planned by then goes on")
    func resume() throws {
        let connector = ScriptedConnector()
        let outbox = MemoryOutbox((0..<60).map { GuardTests.action("u\($0)", "s\($0)") })
        var runner = try GuardTests.runner(connector) { _ in }
        for hours in [Int64(0), 2, 100] {
            try ActionRunnerTests.apply(&runner, outbox, at: hours * 3600)
        }
        #expect(connector.calls.isEmpty)
        #expect(outbox.journal.count == 1, "it opens once")
        outbox.breakerState.openedAt = nil
        outbox.breakerState.resumedAt = epoch.adding(milliseconds: 100 * 3_600_000)
        try ActionRunnerTests.apply(&runner, outbox, at: 100 * 3600 + 1)
        #expect(connector.calls.count == 60)
        // New ones count anew.
        let later = epoch.adding(milliseconds: 101 * 3_600_000)
        for i in 0..<51 {
            outbox.actions.append(
                OutboxAction(
                    sequence: Int64(100 + i), planned: GuardTests.action("v\(i)", "t\(i)"),
                    due: later))
        }
        try ActionRunnerTests.apply(&runner, outbox, at: 101 * 3600)
        #expect(connector.calls.count == 60)
        #expect(outbox.breakerState.isOpen)
    }

    @Test("users hit over several runs of one hour count together")
    func slowly() throws {
        let connector = ScriptedConnector()
        let outbox = MemoryOutbox([])
        var runner = try GuardTests.runner(connector) {
            $0.breaker = UserBreakerLimits(usersPerHour: 5, shareOfUsers: 1, leastUsers: 10)
        }
        for i in 0..<8 {
            outbox.actions.append(
                OutboxAction(
                    sequence: Int64(i + 1), planned: GuardTests.action("u\(i)", "s\(i)"), due: epoch
                ))
            try ActionRunnerTests.apply(&runner, outbox, at: Int64(i) * 60)
        }
        #expect(connector.calls.count == 5)
        #expect(outbox.breakerState.users == 6)
    }

    @Test("the breaker's state is kept as a text, and one of something else's is refused")
    func breakerText() {
        var state = UserBreakerState()
        #expect(UserBreakerState(text: state.text) == state)
        (state.openedAt, state.users, state.limit) = (epoch, 7, 6)
        state.resumedAt = epoch.adding(milliseconds: -1)
        #expect(UserBreakerState(text: state.text) == state)
        for text in ["", "1 2 3", "x 1 2 -", "- a 1 -", "- 1 1 - 1"] {
            #expect(UserBreakerState(text: text) == nil)
        }
    }

    @Test("quiet hours and unknown groups put everything off")
    func quiet() throws {
        let connector = ScriptedConnector()
        let outbox = MemoryOutbox([.sample()])
        // `epoch` is a Friday, 2027-01-15, at 08:00.
        let window = try #require(TimeWindow(days: [5], from: 480, until: 540))
        var runner = try GuardTests.runner(connector) { $0.quiet = [window] }
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 3599).waiting == [.quiet: 1])
        #expect(try ActionRunnerTests.apply(&runner, outbox, at: 3600).calls == 1)
        let other = MemoryOutbox([.sample()])
        var blind = try GuardTests.runner(connector) { $0.groupsFault = "g.csv: gone" }
        let report = try ActionRunnerTests.apply(&blind, other)
        #expect(report.waiting == [.groupsUnreadable: 1] && report.stop.contains("g.csv: gone"))
        #expect(connector.calls.count == 1)
    }

    @Test("an approval that does not come in time is too late")
    func expiry() throws {
        var planned = PlannedAction.sample()
        planned.state = .waiting
        let outbox = MemoryOutbox([planned], at: epoch.adding(milliseconds: 1000))
        let connector = ScriptedConnector()
        var runner = try GuardTests.runner(connector) { _ in }
        try ActionRunnerTests.apply(&runner, outbox)
        #expect(outbox.state("s1") == .waiting)
        let report = try ActionRunnerTests.apply(&runner, outbox, at: 1)
        #expect(report.lines.map(\.action.state) == [.expired])
        #expect(outbox.journal.map(\.draft.what) == ["expired"])
        #expect(connector.calls.isEmpty)
    }

    @Test("a clock that was set back by more than any wait holds nothing up")
    func clock() throws {
        let outbox = MemoryOutbox([.sample()], at: epoch.adding(milliseconds: 30 * 86_400_000))
        var runner = try GuardTests.runner(ScriptedConnector()) { _ in }
        #expect(try ActionRunnerTests.apply(&runner, outbox).calls == 1)
        let soon = MemoryOutbox([.sample()], at: epoch.adding(milliseconds: 86_400_000))
        #expect(try ActionRunnerTests.apply(&runner, soon).waiting == [.notDue: 1])
    }
}

/// What the target says when it is asked whether an earlier try took effect.
struct CheckTests {
    final class Asked: Connector, @unchecked Sendable {
        let name = "test"
        let timeLimitSeconds = 5
        let abilities = ConnectorAbility.all
        var says: ConnectorAnswer?
        var calls = 0
        var checks = 0

        init(_ says: ConnectorAnswer?) { self.says = says }

        func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
            calls += 1
            return ConnectorAnswer(.done, detail: "now")
        }

        func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
            checks += 1
            return says
        }
    }

    /// What it says; whether the action is sent again; what it comes to.
    static let answers: [(ConnectorAnswer?, Bool)] = [
        (ConnectorAnswer(.done, detail: "was done"), false),
        (ConnectorAnswer(.alreadySo, detail: ""), false),
        (ConnectorAnswer(.retry, detail: "did not happen"), true),
        (ConnectorAnswer(.refused, detail: "may not look"), true), (nil, true),
    ]

    @Test(
        "what a killed run or a lost answer left is asked for before it is sent again",
        arguments: answers.indices, [ActionState.started, .unanswered])
    func first(index: Int, state: ActionState) throws {
        let (says, isSent) = CheckTests.answers[index]
        let outbox = MemoryOutbox([.sample()])
        outbox.actions[0].state = state
        outbox.actions[0].attempts = 1
        outbox.actions[0].firstStarted = epoch
        let connector = Asked(says)
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [connector])
        try ActionRunnerTests.apply(&runner, outbox)
        #expect(connector.checks == 1 && connector.calls == (isSent ? 1 : 0))
        #expect([.done, .alreadySo].contains(outbox.actions[0].state))
    }

    /// What it says; what becomes of an action that was given up as unknown.
    static let unknown: [(ConnectorAnswer?, ActionState)] = [
        (ConnectorAnswer(.done, detail: ""), .done), (ConnectorAnswer(.retry, detail: ""), .dead),
        (ConnectorAnswer(.retry, detail: "", mayHaveHappened: true), .unknown), (nil, .unknown),
        (ConnectorAnswer(.refused, detail: ""), .unknown),
    ]

    @Test("what is not known is asked for again, and never assumed", arguments: unknown.indices)
    func askedAgain(index: Int) throws {
        let (says, state) = CheckTests.unknown[index]
        let outbox = MemoryOutbox([.sample()])
        outbox.actions[0].state = .unknown
        outbox.actions[0].attempts = 10
        outbox.actions[0].firstStarted = epoch
        let connector = Asked(says)
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [connector])
        try ActionRunnerTests.apply(&runner, outbox, at: 10)
        #expect(outbox.actions[0].state == state)
        #expect(connector.checks == 1 && connector.calls == 0)
        guard state == .unknown, says != nil else { return }
        try ActionRunnerTests.apply(&runner, outbox, at: 3000)
        #expect(connector.checks == 1, "not at once again")
        try ActionRunnerTests.apply(&runner, outbox, at: 3700)
        #expect(connector.checks == 2)
        try ActionRunnerTests.apply(&runner, outbox, at: 8 * 86_400)
        #expect(connector.checks == 2, "after a week it stays as it is")
    }
}
