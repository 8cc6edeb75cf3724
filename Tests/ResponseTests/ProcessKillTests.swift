import Foundation
import SessionModel
import StateStore
import Testing

@testable import Response

/// Real processes that carry out actions and are killed (`kill -9`) at any moment, against a target
/// that fails in every way, with clocks that jump, while persons approve and alerts are retracted.
@Suite(.serialized)
struct ProcessKillTests {
    private static let folderVariable = "LASTSEEN_RESPONSE_CHILD_FOLDER"
    private static let seedVariable = "LASTSEEN_RESPONSE_CHILD_SEED"
    private static let offsetVariable = "LASTSEEN_RESPONSE_CHILD_OFFSET"
    private static let users = 6
    private static let count = 60

    /// The same in every process. Each fifth waits for an approval.
    private static var actions: [PlannedAction] {
        (0..<count).map { i in
            var action = PlannedAction.sample(
                user: "u\(i % users)", session: "s\(i)", connector: i % 3 == 0 ? "slow" : "fast")
            if i % 5 == 4 {
                action.state = .waiting
                action.approvalsNeeded = 1
                action.approvalSeconds = 400 * 86_400
            }
            return action
        }
    }

    /// Keeps its keys as files, and so across processes; what it did, in order, in another.
    private final class Target: Connector, @unchecked Sendable {
        let name: String
        let timeLimitSeconds = 1
        let abilities = ConnectorAbility.all
        private let folder: String
        private let lock = NSLock()
        private var random: SeededGenerator

        init(_ name: String, _ folder: String, seed: UInt64) {
            (self.name, self.folder, random) = (name, folder, SeededGenerator(seed: seed))
        }

        func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
            let dice = lock.withLock { Int.random(in: 0..<20, using: &random) }
            usleep(UInt32(dice) * (name == "slow" ? 400 : 40))
            if dice == 0 { return ConnectorAnswer(.retry, detail: "down") }
            let key = open("\(folder)/key-\(action.id)", O_WRONLY | O_CREAT | O_EXCL, 0o600)
            if key >= 0 {
                close(key)
                // A kill in between leaves an effect without its line: the key is what counts.
                let log = open("\(folder)/effects", O_WRONLY | O_CREAT | O_APPEND, 0o600)
                let line = Array("\(action.id)\n".utf8)
                _ = write(log, line, line.count)
                close(log)
            }
            if dice == 1 { return ConnectorAnswer(.retry, detail: "", mayHaveHappened: true) }
            return ConnectorAnswer(key >= 0 ? .done : .alreadySo, detail: "")
        }

        func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
            // It can say for some, and is not always right in time.
            guard name == "fast" else { return nil }
            return access("\(folder)/key-\(action.id)", F_OK) == 0
                ? ConnectorAnswer(.alreadySo, detail: "was there")
                : ConnectorAnswer(.retry, detail: "")
        }
    }

    private static func apply(_ folder: String, seed: UInt64, offsetHours: Int64) throws {
        let store = try StateStore(path: folder + "/state.db", waitSeconds: 10, holder: "child")
        defer { store.close() }
        try StoreOutboxTests.put(actions, in: store)
        var policy = try ResponsePolicy(
            isActing: true,
            caps: try ActionCaps(
                perRun: 10_000, perHour: 10_000, perDay: 10_000, perUserPerHour: 10_000))
        policy.coolDownSeconds = [:]
        let schedule = RetrySchedule(waitsSeconds: Array(repeating: 0, count: 500), jitter: 0)
        var runner = ActionRunner(
            policy: policy,
            connectors: [
                Target("slow", folder, seed: seed), Target("fast", folder, seed: seed &+ 1),
            ], schedule: schedule, breakerLimit: 1000, width: 4)
        var random = SeededGenerator(seed: seed)
        let now = epoch.adding(milliseconds: offsetHours * 3_600_000)
        for _ in 0..<40 {
            _ = try runner.apply(StoreOutbox(store), clock: { now }, random: &random)
        }
    }

    /// Not a test: what the children run.
    @Test(.enabled(if: getenv(folderVariable) != nil, "runs in child processes only"))
    func responseChildJob() throws {
        let environment = ProcessInfo.processInfo.environment
        let folder = try #require(environment[ProcessKillTests.folderVariable])
        let seed = try #require(environment[ProcessKillTests.seedVariable].flatMap(UInt64.init))
        let offset = try #require(environment[ProcessKillTests.offsetVariable].flatMap(Int64.init))
        FileManager.default.createFile(atPath: folder + "/begun", contents: nil)
        try ProcessKillTests.apply(folder, seed: seed, offsetHours: offset)
    }

    /// This test program once more, told by its environment. (Foundation's `Process` waits by a run
    /// loop, which test threads do not turn.)
    private static func child(_ folder: String, seed: UInt64, offsetHours: Int64) throws -> pid_t {
        let arguments = [
            "/proc/self/exe", "--testing-library", "swift-testing", "--filter", "responseChildJob",
        ]
        let environment = ProcessInfo.processInfo.environment.merging([
            folderVariable: folder, seedVariable: String(seed), offsetVariable: String(offsetHours),
        ]) { $1 }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(
            &actions, 1, folder + "/child.out", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pid: pid_t = 0
        let path = try #require(realpath("/proc/self/exe", nil).map { String(cString: $0) })
        try #require(posix_spawn(&pid, path, &actions, nil, &argv, &envp) == 0)
        return pid
    }

    /// The exit status, or 128 and the signal's number.
    private static func wait(for pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
    }

    @Test(
        "after any kills each step is done at most once, in its user's order, and none is forgotten",
        .enabled(if: getenv(folderVariable) == nil), arguments: 1...3 as ClosedRange<UInt64>)
    func kills(seed: UInt64) throws {
        let folder = NSTemporaryDirectory() + "lastseen-kill-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var random = SeededGenerator(seed: seed)
        let actions = ProcessKillTests.actions
        var denied: Set<String> = []
        var retracted: Set<String> = []
        // So that the children find a state.
        let first = try StateStore(path: folder + "/state.db", waitSeconds: 10, holder: "parent")
        try StoreOutboxTests.put(actions, in: first)
        first.close()
        for run in 0..<6 as Range<UInt64> {
            let offset = Int64.random(in: -30...30, using: &random)
            unlink(folder + "/begun")
            let child = try ProcessKillTests.child(
                folder, seed: seed &* 100 &+ run, offsetHours: offset)
            for _ in 0..<30_000 where access(folder + "/begun", F_OK) != 0 { usleep(1000) }
            // Persons and late records have their say meanwhile.
            let waiting = actions.filter { $0.state == .waiting }
            let store = try StateStore(besideRunAt: folder + "/state.db")
            for action in waiting where Int.random(in: 0..<4, using: &random) == 0 {
                let person = Person(login: "ann")
                let now = epoch.adding(milliseconds: offset * 3_600_000)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    if case .taken = try PersonsWord.deny(action.id, by: person, at: now, in: store)
                    {
                        denied.insert(action.id)
                    }
                } else {
                    _ = try PersonsWord.approve(action.id, by: person, at: now, in: store)
                }
            }
            if run == 2 {
                let alert = actions[Int.random(in: 0..<ProcessKillTests.count, using: &random)]
                    .alertID
                try store.commit { transaction in
                    try transaction.putAlertRevision(
                        AlertRevision(
                            alertID: alert, revision: 2, status: "retracted", userKey: 1,
                            tenant: "acme", userID: "u", timeMilliseconds: 0, risk: 0, severity: 1,
                            json: Array("{}".utf8)))
                }
                retracted.insert(alert)
            }
            store.close()
            usleep(UInt32.random(in: 0...60_000, using: &random))
            kill(child, SIGKILL)
            _ = ProcessKillTests.wait(for: child)
        }
        // What still waits is approved, and a last process is left to end.
        let store = try StateStore(besideRunAt: folder + "/state.db")
        for action in actions where action.state == .waiting {
            _ = try PersonsWord.approve(
                action.id, by: Person(login: "bob"), at: epoch.adding(milliseconds: 3_600_000_000),
                in: store)
        }
        store.close()
        let last = try ProcessKillTests.child(folder, seed: seed, offsetHours: 1000)
        #expect(ProcessKillTests.wait(for: last) == 0, "seed \(seed)")
        try check(folder, actions, denied: denied, retracted: retracted, seed: seed)
    }

    private func check(
        _ folder: String, _ actions: [PlannedAction], denied: Set<String>, retracted: Set<String>,
        seed: UInt64
    ) throws {
        let store = try StateStore(path: folder + "/state.db", waitSeconds: 10, holder: "parent")
        defer { store.close() }
        let effects = ((try? String(contentsOfFile: folder + "/effects", encoding: .utf8)) ?? "")
            .split(separator: "\n").map(String.init)
        #expect(Set(effects).count == effects.count, "seed \(seed): none twice")
        var rows: [String: OutboxAction] = [:]
        for action in actions {
            let row = try StoreOutbox.action(try #require(try store.action(id: action.id)))
            rows[action.id] = row
            if denied.contains(action.id) {
                #expect(row.state == .denied && !effects.contains(action.id), "seed \(seed)")
            } else if retracted.contains(action.alertID) {
                let isOver: Set<ActionState> = [.notNeeded, .done, .alreadySo, .unknown]
                #expect(isOver.contains(row.state), "seed \(seed): \(row.state)")
            } else {
                #expect([.done, .alreadySo].contains(row.state), "seed \(seed): \(row.state)")
                #expect(
                    access("\(folder)/key-\(action.id)", F_OK) == 0, "seed \(seed): none forgotten")
            }
        }
        // Of one user at one target in order, where the earlier did not have its chances, and did not
        // wait for a person.
        for (i, earlier) in actions.enumerated() where earlier.state == .planned {
            guard (rows[earlier.id]?.attempts ?? 9) < ActionRunner.orderHold,
                let at = effects.firstIndex(of: earlier.id)
            else { continue }
            for later in actions[(i + 1)...]
            where later.userID == earlier.userID && later.connector == earlier.connector {
                if let place = effects.firstIndex(of: later.id) {
                    #expect(place > at, "seed \(seed)")
                }
            }
        }
        try Journal.verify(try StoreOutbox.journal(in: store))
    }
}
