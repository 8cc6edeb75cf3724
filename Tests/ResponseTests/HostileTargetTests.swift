import SessionModel
import StateStore
import Testing

@testable import Response

/// A target that fails in every way, and runs that are killed between any two commits: what it did
/// for each key is counted.
struct HostileTargetTests {
    /// A receiver that keeps the keys, as it must; otherwise it does what it likes.
    private final class Target {
        var effects: [String: Int] = [:]
        private var keys: Set<String> = []
        private var random: SeededGenerator

        init(seed: UInt64) { random = SeededGenerator(seed: seed) }

        func receive(_ action: PlannedAction) -> ConnectorAnswer {
            let dice = Int.random(in: 0..<10, using: &random)
            if dice < 2 { return ConnectorAnswer(.retry, detail: "down") }
            if dice == 2 {
                return ConnectorAnswer(
                    .retry, detail: "429",
                    retryAfterSeconds: Int.random(in: 0..<400, using: &random),
                    pausesConnector: true)
            }
            let isNew = keys.insert(action.id).inserted
            if isNew { effects[action.id, default: 0] += 1 }
            // It acted, but the answer is lost.
            if dice < 5 { return ConnectorAnswer(.retry, detail: "", mayHaveHappened: true) }
            return ConnectorAnswer(isNew ? .done : .alreadySo, detail: "")
        }
    }

    @Test(
        "each action happens exactly once in effect, in its user's order, and none is forgotten",
        arguments: 1...60 as ClosedRange<UInt64>)
    func once(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...30, using: &random)
        let users = Int.random(in: 1...8, using: &random)
        let outbox = MemoryOutbox(
            (0..<count).map {
                .sample(user: "u\(Int.random(in: 0..<users, using: &random))", session: "s\($0)")
            })
        outbox.isExclusive = Bool.random(using: &random)
        var faults = SeededGenerator(seed: seed &* 31)
        outbox.commitFault = { _ in
            switch Int.random(in: 0..<12, using: &faults) {
            case 0: .before
            case 1: .after
            default: nil
            }
        }
        let target = Target(seed: seed &* 17)
        // Tries enough that none is given up: giving up has its own test.
        let schedule = RetrySchedule(
            waitsSeconds: Array(repeating: 60, count: 200), jitter: 0.5)
        let connector = ScriptedConnector { action, _ in target.receive(action) }
        let policy = try ResponsePolicy(
            isActing: true, caps: try ActionCaps(perRun: 20, perHour: 50, perUserPerHour: 10))
        var now = epoch
        var runs = 0
        var runner: ActionRunner?
        while outbox.actions.contains(where: \.state.isOpen), runs < 5000 {
            runs += 1
            var process =
                runner
                ?? ActionRunner(policy: policy, connectors: [connector], schedule: schedule)
            do {
                _ = try process.apply(outbox, clock: { now }, random: &random)
                runner = process
            } catch {
                runner = nil  // killed: only what was committed is left
            }
            now = now.adding(milliseconds: Int64.random(in: 0...120_000, using: &random))
        }
        #expect(
            outbox.actions.allSatisfy { [.done, .alreadySo].contains($0.state) }, "seed \(seed)")
        #expect(target.effects.count == count, "seed \(seed): none forgotten")
        #expect(target.effects.values.allSatisfy { $0 == 1 }, "seed \(seed): none twice")
        try Journal.verify(outbox.journal)
        for action in outbox.actions {
            let steps = outbox.journal.filter { $0.draft.actionID == action.planned.id }
            #expect(steps.count { $0.draft.what == "started" } == action.attempts, "seed \(seed)")
            #expect(steps.last?.draft.what == action.state.rawValue, "seed \(seed)")
        }
    }

    @Test(
        "the same in SQLite, by processes that die while the target acts",
        arguments: 1...10 as ClosedRange<UInt64>)
    func onceInSQLite(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let state = try StoreOutboxTests.State()
        let target = Target(seed: seed &* 17)
        let schedule = RetrySchedule(waitsSeconds: Array(repeating: 60, count: 200), jitter: 0.5)
        let policy = try ResponsePolicy(isActing: true)
        let actions = (0..<12).map { PlannedAction.sample(user: "u\($0 % 4)", session: "s\($0)") }
        var now = epoch
        var isOver = false
        for process in 0..<2000 where !isOver {
            let store = try state.open()
            // Every process plans the same, as reruns do.
            try StoreOutboxTests.put(actions, in: store)
            var deaths = SeededGenerator(seed: seed &* 7 &+ UInt64(process))
            let connector = ScriptedConnector { action, _ in
                let answer = target.receive(action)
                if Int.random(in: 0..<5, using: &deaths) == 0 { store.close() }
                return answer
            }
            var runner = ActionRunner(
                policy: policy, connectors: [connector], schedule: schedule)
            _ = try? runner.apply(StoreOutbox(store), clock: { now }, random: &random)
            store.close()
            now = now.adding(milliseconds: Int64.random(in: 0...1_200_000, using: &random))
            let after = try state.open()
            isOver = try StoreOutbox(after).openActions(limit: 100).isEmpty
            after.close()
        }
        #expect(isOver, "seed \(seed): none forgotten")
        #expect(target.effects.count == actions.count, "seed \(seed)")
        #expect(target.effects.values.allSatisfy { $0 == 1 }, "seed \(seed): none twice")
        let store = try state.open()
        try Journal.verify(try StoreOutbox.journal(in: store))
    }
}
