import SessionModel
import StateStore
import Synchronization
import Testing

@testable import Response

/// Any history at all: alerts that come, change, close and open again, persons who agree, deny and
/// retry, clocks that jump both ways, runs that die, and a target that fails as it likes. In SQLite, by
/// the real planner.
struct HistoryTests {
    /// Acts at most once for a key, as a receiver has to, and otherwise does what it likes.
    private final class Target: Connector, Sendable {
        struct Known {
            var effects: [String: Int] = [:]
            var calls = 0
            /// What should never have been asked for, with why.
            var wrong: [String] = []
            var random: SeededGenerator
            var isHostile = true
            var dies = false
        }
        let known: Mutex<Known>
        let isAllowed: @Sendable (PlannedAction) -> String?
        let die: @Sendable () -> Void

        init(
            seed: UInt64, isAllowed: @escaping @Sendable (PlannedAction) -> String?,
            die: @escaping @Sendable () -> Void
        ) {
            known = Mutex(Known(random: SeededGenerator(seed: seed)))
            (self.isAllowed, self.die) = (isAllowed, die)
        }

        let name = "exec"
        let timeLimitSeconds = 20
        var abilities: [Rung: ConnectorAbility] { ConnectorAbility.all }

        func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
            let (answer, dies) = known.withLock { known -> (ConnectorAnswer, Bool) in
                known.calls += 1
                let dice = known.isHostile ? Int.random(in: 0..<12, using: &known.random) : 11
                let dies = known.dies && Int.random(in: 0..<4, using: &known.random) == 0
                if dice < 2 { return (ConnectorAnswer(.retry, detail: "down"), dies) }
                if dice == 2 { return (ConnectorAnswer(.refused, detail: "no"), dies) }
                if dice == 3 {
                    let wait = Int.random(in: 0..<400, using: &known.random)
                    return (
                        ConnectorAnswer(
                            .retry, detail: "429", retryAfterSeconds: wait, pausesConnector: true),
                        dies
                    )
                }
                let isNew = known.effects[action.id] == nil
                if isNew {
                    known.effects[action.id] = 1
                    if let why = isAllowed(action) { known.wrong.append("\(action.id): \(why)") }
                }
                // It acted, and the answer is lost.
                if dice < 6 {
                    return (ConnectorAnswer(.retry, detail: "", mayHaveHappened: true), dies)
                }
                return (ConnectorAnswer(isNew ? .done : .alreadySo, detail: ""), dies)
            }
            if dies { die() }
            return answer
        }
    }

    /// What the history has told of alerts and persons, for the target to judge by.
    private final class Truth: Sendable {
        struct Known {
            var standing: Set<String> = []
            var approvals: [String: Set<String>] = [:]
            var denied: Set<String> = []
            var store: StateStore?
        }
        let known = Mutex(Known())
    }

    private static let needed = 2

    private static func policy(_ rung: Rung) throws -> ResponsePolicy {
        var policy = try ResponsePolicy(
            isActing: true, highestRung: .suspend,
            caps: ActionCaps(
                perRun: 40, perHour: 10_000, perDay: 100_000, perUserPerHour: 1000,
                perApplicationPerHour: 10_000))
        policy.defaultRung = .rung(rung)
        policy.approvals = ApprovalRules(persons: [.suspend: needed], hours: 24)
        policy.breaker = UserBreakerLimits(
            usersPerHour: 1_000_000, shareOfUsers: 1, leastUsers: 1_000_000)
        policy.coolDownSeconds = [:]
        return policy
    }

    @Test(
        "after any history each step took effect at most once, allowed when it did, and none is forgotten",
        arguments: 1...40 as ClosedRange<UInt64>)
    func anything(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &* 0x9E37)
        let state = try StoreOutboxTests.State()
        let truth = Truth()
        var alerts = (1...5).map { number in
            Alert.sample(
                id: "a-\(number)", userID: "u\(number % 3)", sessionID: "s\(number)")
        }
        let target = Target(seed: seed) { action in
            truth.known.withLock { known in
                if !known.standing.contains(action.alertID) { return "its alert does not stand" }
                if known.denied.contains(action.id) { return "it was denied" }
                let count = known.approvals[action.id]?.count ?? 0
                return action.kind == .suspend && count < HistoryTests.needed
                    ? "approved by \(count)" : nil
            }
        } die: {
            truth.known.withLock { $0.store?.close() }
        }
        let scope = [ConnectorScope(name: "exec", abilities: ConnectorAbility.all, isNamed: true)]
        var rung = Rung.suspend
        var now = epoch

        func tell(_ index: Int, _ status: Alert.Status, in store: StateStore) throws {
            alerts[index].revision += 1
            alerts[index].status = status
            let alert = alerts[index]
            let planner = ActionPlanner(policy: try Self.policy(rung), connectors: scope)
            _ = truth.known.withLock {
                alert.status.isOver
                    ? $0.standing.remove(alert.id) : $0.standing.insert(alert.id).memberAfterInsert
            }
            try store.commit { transaction in
                try transaction.putAlertRevision(
                    AlertRevision(
                        alertID: alert.id, revision: alert.revision, status: status.rawValue,
                        userKey: 1, tenant: alert.tenant, userID: alert.userID, timeMilliseconds: 0,
                        risk: alert.risk, severity: 5, json: Array(alert.id.utf8)))
                for action in planner.plan(for: alert) {
                    // What is planned anew after an expiry or a withdrawal has nobody's approval yet.
                    if try StoreOutbox.put(
                        action, alertRevision: alert.revision, at: now, in: &transaction)
                    {
                        truth.known.withLock { $0.approvals[action.id] = nil }
                    }
                }
            }
        }

        func apply(_ store: StateStore, width: Int) throws {
            truth.known.withLock { $0.store = store }
            let planner = ActionPlanner(policy: try Self.policy(rung), connectors: scope)
            let byID = Dictionary(uniqueKeysWithValues: alerts.map { ($0.id, $0) })
            var runner = ActionRunner(
                policy: planner.policy, connectors: [target],
                schedule: RetrySchedule(waitsSeconds: Array(repeating: 60, count: 6), jitter: 0.3),
                width: width)
            let outbox = StoreOutbox(store, planner: planner) {
                byID[String(decoding: $0, as: UTF8.self)]
            }
            _ = try? runner.apply(outbox, clock: { now }, random: &random)
        }

        func person(_ store: StateStore) throws {
            let rows = try store.actions(
                states: ActionState.allCases.map(\.rawValue), limit: 1000)
            guard let row = rows.randomElement(using: &random) else { return }
            let who = ["ann", "bob", "cyd"].randomElement(using: &random)!
            switch Int.random(in: 0..<8, using: &random) {
            case 0:
                if case .taken = try PersonsWord.deny(
                    row.id, by: Person(login: who), at: now, in: store)
                {
                    truth.known.withLock { _ = $0.denied.insert(row.id) }
                }
            case 1...2:
                _ = try PersonsWord.retry(row.id, by: Person(login: who), at: now, in: store)
            default:
                for row in rows where row.state == "waiting" {
                    if case .taken = try PersonsWord.approve(
                        row.id, by: Person(login: who), at: now, in: store)
                    {
                        truth.known.withLock { _ = $0.approvals[row.id, default: []].insert(who) }
                    }
                }
            }
        }

        for step in 0..<60 {
            let store = try state.open()
            if step == 0 { for index in alerts.indices { try tell(index, .open, in: store) } }
            target.known.withLock { $0.dies = Bool.random(using: &random) }
            switch Int.random(in: 0..<10, using: &random) {
            case 0: rung = [.logOutSession, .suspend, .suspend].randomElement(using: &random)!
            case 1...2:
                let status = [Alert.Status.closed, .retracted, .dismissed, .amended, .amended]
                    .randomElement(using: &random)!
                try tell(alerts.indices.randomElement(using: &random)!, status, in: store)
            case 3...5: try person(store)
            default: try apply(store, width: [1, 4].randomElement(using: &random)!)
            }
            store.close()
            // Mostly on, sometimes hours back or days ahead.
            let jump =
                switch Int.random(in: 0..<12, using: &random) {
                case 0: Int64.random(in: -7_200...0, using: &random)
                case 1: Int64.random(in: 0...200_000, using: &random)
                default: Int64.random(in: 0...90, using: &random)
                }
            now = now.adding(milliseconds: jump * 1000)
        }

        // At the end all goes well: alerts stand, the policy asks for all, and the target answers.
        target.known.withLock { ($0.isHostile, $0.dies) = (false, false) }
        rung = .suspend
        // Past whatever was put off before the clock was set back.
        now = now.adding(milliseconds: 3 * 86_400_000)
        for round in 0..<30 {
            let store = try state.open()
            // The second time for what expired by the first look.
            if round < 2 { for index in alerts.indices { try tell(index, .amended, in: store) } }
            try apply(store, width: 2)
            for row in try store.actions(states: ["waiting"], limit: 100) {
                for who in ["ann", "bob", "cyd"] {
                    if case .taken = try PersonsWord.approve(
                        row.id, by: Person(login: who), at: now, in: store)
                    {
                        truth.known.withLock { _ = $0.approvals[row.id, default: []].insert(who) }
                    }
                }
            }
            let ended = [ActionState.dead, .refused, .unknown].map(\.rawValue)
            for row in try store.actions(states: ended, limit: 100) {
                _ = try PersonsWord.retry(row.id, by: Person(login: "ann"), at: now, in: store)
            }
            store.close()
            now = now.adding(milliseconds: 500_000)
        }
        let store = try state.open()
        let (effects, wrong) = target.known.withLock { ($0.effects, $0.wrong) }
        #expect(wrong.isEmpty, "seed \(seed): \(wrong)")
        #expect(effects.values.allSatisfy { $0 == 1 })
        let rows = try store.actions(states: ActionState.allCases.map(\.rawValue), limit: 1000)
        #expect(rows.count == alerts.count * 3, "a log-out, a password and a suspension each")
        for row in rows {
            switch ActionState(rawValue: row.state) {
            case .done, .alreadySo: #expect(effects[row.id] == 1, "seed \(seed): \(row.id)")
            case .denied:
                #expect(truth.known.withLock { $0.denied.contains(row.id) }, "seed \(seed)")
            default:
                Issue.record(
                    "seed \(seed): \(row.id) \(row.kind) is \(row.state): \(row.lastError)")
            }
        }
        try Journal.verify(try StoreOutbox.journal(in: store))
    }
}
