import Glibc
import SessionModel
import Synchronization
import Testing

@testable import Response

/// Several connectors: who takes which step, and in which order.
struct ManyConnectorsTests {
    static func scope(
        _ name: String, _ rungs: [Rung], _ order: StepOrder = .sessionsFirst,
        applications: [String] = [], tenants: [String] = []
    ) -> ConnectorScope {
        ConnectorScope(
            name: name,
            abilities: Dictionary(uniqueKeysWithValues: rungs.map { ($0, ConnectorAbility()) }),
            order: order, applications: applications, tenants: tenants, isNamed: true)
    }

    private static func plan(
        _ scopes: [ConnectorScope], _ rung: Rung = .requirePasswordChange, widens: Bool = false,
        application: String = ""
    ) throws -> [PlannedAction] {
        var policy = try ResponsePolicy(isActing: true, highestRung: .suspend)
        policy.widens = widens
        var alert = Alert.sample(rung: rung)
        alert.application = application
        return ActionPlanner(policy: policy, connectors: scopes).plan(for: alert)
    }

    @Test("each takes what it can, credentials before or after sessions as it wants")
    func order() throws {
        let plan = try ManyConnectorsTests.plan([
            ManyConnectorsTests.scope("a", [.logOutSession, .requirePasswordChange]),
            ManyConnectorsTests.scope(
                "b", [.logOutSession, .requirePasswordChange], .credentialFirst),
            ManyConnectorsTests.scope("c", [.suspend]),
        ])
        #expect(
            plan.map { "\($0.connector) \($0.kind.name)" } == [
                "b require-password-change", "a log-out-session", "b log-out-session",
                "a require-password-change",
            ])
        #expect(Set(plan.map(\.id)).count == 4)
    }

    @Test("only those of the application and tenant")
    func routes() throws {
        let scopes = [
            ManyConnectorsTests.scope("mail", [.logOutSession], applications: ["mail"]),
            ManyConnectorsTests.scope("acme", [.logOutSession], tenants: ["acme"]),
            ManyConnectorsTests.scope("other", [.logOutSession], tenants: ["other"]),
        ]
        #expect(
            try ManyConnectorsTests.plan(scopes, .logOutSession, application: "mail").map(
                \.connector)
                == ["mail", "acme"])
        #expect(try ManyConnectorsTests.plan(scopes, .logOutSession).map(\.connector) == ["acme"])
        let none = try ManyConnectorsTests.plan([scopes[2]], .logOutSession)
        #expect(none.map(\.state) == [.notifyOnly])
    }

    @Test("one that can only end all sessions is left to a person, unless it may be widened")
    func widening() throws {
        let scopes = [ManyConnectorsTests.scope("all", [.logOutEverywhere])]
        let narrow = try ManyConnectorsTests.plan(scopes, .logOutSession)
        #expect(narrow.map(\.state) == [.notifyOnly])
        #expect(narrow[0].note.contains("widen: true"))
        let wide = try ManyConnectorsTests.plan(scopes, .logOutSession, widens: true)
        #expect(wide.map(\.kind) == [.logOutEverywhere])
        #expect(wide.map(\.state) == [.waiting])
    }

    @Test(
        "ids of a connector's steps are the same whatever others there are, and of options as ever")
    func ids() throws {
        let a = ManyConnectorsTests.scope("a", [.logOutSession])
        let b = ManyConnectorsTests.scope("b", [.logOutSession])
        let alone = try ManyConnectorsTests.plan([a], .logOutSession)
        let both = try ManyConnectorsTests.plan([b, a], .logOutSession)
        #expect(both[1].id == alone[0].id && both[0].id != both[1].id)
        let options = ActionPlanner(policy: try ResponsePolicy(isActing: true))
            .plan(for: .sample(rung: .logOutSession))
        #expect(
            options[0].id
                == PlannedAction.id(
                    alertID: "a-0123456789abcdef", kind: .logOutSession, target: "session s1"))
        #expect(options[0].id != alone[0].id)
    }

    /// Waits in each call, and knows how many there were at once.
    private final class Slow: Connector {
        let name: String
        let timeLimitSeconds = 60
        let abilities = ConnectorAbility.all
        let gate: @Sendable () -> Void
        let counts = Mutex<(now: Int, most: Int, order: [String])>((0, 0, []))

        init(_ name: String, gate: @escaping @Sendable () -> Void) {
            (self.name, self.gate) = (name, gate)
        }

        func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
            counts.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
                $0.order.append(action.sessionID)
            }
            gate()
            counts.withLock { $0.now -= 1 }
            return ConnectorAnswer(.done, detail: "")
        }
    }

    @Test("one slow target holds up no other, and its calls are bounded")
    func lanes() throws {
        let fastDone = Mutex(0)
        let fast = Slow("fast") { fastDone.withLock { $0 += 1 } }
        // The slow one answers nothing before all of the fast one are through.
        let slow = Slow("slow") {
            for _ in 0..<20_000 where fastDone.withLock({ $0 < 40 }) { usleep(1000) }
        }
        var actions: [PlannedAction] = []
        for i in 0..<40 {
            for name in ["slow", "fast"] {
                var action = PlannedAction.sample(
                    user: "u\(i)", session: "s\(i)-\(name)", connector: name)
                action.userID = "u\(i)"
                actions.append(action)
            }
        }
        let outbox = MemoryOutbox(actions)
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true), connectors: [slow, fast], width: 4)
        var random = SeededGenerator(seed: 1)
        let report = try runner.apply(outbox, clock: { epoch }, random: &random)
        #expect(report.calls == 80)
        #expect(outbox.actions.allSatisfy { $0.state == .done })
        #expect(fast.counts.withLock { $0.most } <= 4 && slow.counts.withLock { $0.most } <= 4)
        #expect(slow.counts.withLock { $0.most } > 1, "users go side by side")
    }

    @Test("a user's steps at one target go in order, many threads or not", arguments: 1...8)
    func userOrder(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let target = Slow("test") { usleep(200) }
        let actions = (0..<80).map { i in
            PlannedAction.sample(
                user: "u\(Int.random(in: 0..<9, using: &random))", session: "s\(100 + i)")
        }
        let outbox = MemoryOutbox(actions)
        let caps = try ActionCaps(perRun: 1000, perUserPerHour: 1000)
        var runner = ActionRunner(
            policy: try ResponsePolicy(isActing: true, caps: caps), connectors: [target], width: 8)
        _ = try runner.apply(outbox, clock: { epoch }, random: &random)
        let order = target.counts.withLock { $0.order }
        #expect(order.count == 80, "seed \(seed)")
        for user in Set(actions.map(\.userID)) {
            let sessions = actions.filter { $0.userID == user }.map(\.sessionID)
            #expect(order.filter { sessions.contains($0) } == sessions, "seed \(seed)")
        }
    }
}
