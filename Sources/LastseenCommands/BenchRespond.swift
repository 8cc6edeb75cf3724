import ArgumentParser
import Glibc
import Publishing
import Response
import SessionModel
import StateStore
import Synchronization

/// `lastseen bench respond`: how fast planned actions get to a target.
struct BenchRespond: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "respond",
        abstract: "Measure carrying out actions against a target on this machine.",
        discussion: """
            Plans actions of made-up alerts in a state on disk and sends them by the webhook \
            connector, signed, to a small HTTP server in this process, on 127.0.0.1.

              lastseen bench respond --actions 10000 --delay 5
            """)

    @Option(name: .long, help: "Actions.") var actions = 10_000
    @Option(name: .long, help: "Users.") var users = 5_000
    @Option(name: .long, help: "Milliseconds that the target takes for each.") var delay = 0
    @Option(name: .long, help: "Connectors, each with the same target.") var connectors = 1
    @Option(name: .long, help: "Calls to one connector at a time.") var width = ActionRunner
        .usualWidth
    @Option(name: .long, help: "Where the state is made; removed afterwards.")
    var folder: String = "/tmp/lastseen-bench-respond"

    func validate() throws {
        guard (1...ActionRunner.openLimit).contains(actions), users >= 1,
            (0...60_000).contains(delay),
            (1...16).contains(connectors), (1...64).contains(width)
        else {
            throw ValidationError(
                "--actions 1 to \(ActionRunner.openLimit), --connectors 1 to 16, --width 1 to 64")
        }
    }

    func run() throws {
        let names = ["state.db", "state.db-wal", "state.db-shm", "state.db.lock"]
        func clear() { for name in names { unlink("\(folder)/\(name)") } }
        unsafe mkdir(folder, 0o700)
        clear()
        defer {
            clear()
            rmdir(folder)
        }
        let target = try BenchTarget(delayMilliseconds: delay)
        guard let secret = WebhookSecret("whsec_" + String(repeating: "A", count: 42) + "E=") else {
            throw Misuse("the bench's own secret is none", exitCode: 70)
        }
        var sending: [any Connector] = []
        for number in 0..<connectors {
            let options = WebhookOptions(
                url: "http://127.0.0.1:\(target.port)/", secrets: [secret],
                allowsPrivate: true)
            sending.append(
                TimedConnector(try WebhookConnector(options, name: "target\(number + 1)")))
        }
        let store = try StateStore(
            path: "\(folder)/state.db", waitSeconds: 1, holder: "lastseen bench respond")
        defer { store.close() }
        let clock = ContinuousClock()
        var policy = try ResponsePolicy(
            isActing: true,
            caps: try ActionCaps(
                perRun: 100_000, perHour: 100_000, perDay: 100_000, perUserPerHour: 100_000,
                perApplicationPerHour: 100_000))
        policy.breaker = UserBreakerLimits(
            usersPerHour: 1_000_000, shareOfUsers: 1, leastUsers: 1_000_000)
        let planning = clock.now
        let planner = ActionPlanner(
            policy: policy,
            connectors: sending.map {
                ConnectorScope(name: $0.name, abilities: $0.abilities, isNamed: true)
            })
        try plan(planner, into: store)
        let planned = clock.now
        var runner = ActionRunner(policy: policy, connectors: sending, width: width)
        var random = SystemRandomNumberGenerator()
        // As runs do it: each step is asked of the policy once more before it is begun.
        let outbox = StoreOutbox(store, planner: planner) { try? AlertJSON.read($0) }
        let report = try runner.apply(outbox, clock: wallTime, random: &random)
        let elapsed = seconds(clock.now - planned)
        let done = report.lines.count { $0.action.state == .done }
        let times = sending.compactMap { ($0 as? TimedConnector)?.times }.flatMap { $0 }.sorted()
        func share(_ part: Double) -> String {
            times.isEmpty
                ? "-" : rounded(times[min(times.count - 1, Int(part * Double(times.count)))])
        }
        let got = target.got
        target.stop()
        try put(
            """
            planned \(report.lines.count) actions in \(rounded(seconds(planned - planning) * 1000)) ms
            \(done) of \(report.lines.count) done in \(rounded(elapsed)) s: \
            \(Int(Double(done) / elapsed)) actions/s
            a call takes \(share(0.5)) ms (p50), \(share(0.99)) ms (p99), \(share(1)) ms at most
            the target got \(got.requests) requests for \(got.keys) keys
            peak memory \(Bench.peakMegabytes()) MB

            """)
        if done != report.lines.count || got.keys != done { throw ExitCode(1) }
    }

    private func plan(_ planner: ActionPlanner, into store: StateStore) throws {
        let now = wallTime()
        try store.commit { transaction in
            for number in 0..<(actions / connectors) {
                let user = "user-\(number % users)"
                var alert = Alert(
                    id: "a-\(number)", revision: 1, status: .open, time: now, tenant: "bench",
                    userID: user, userName: "\(user)@example.com", sessionID: "session-\(number)",
                    deviceID: "", deviceLabel: "Chrome on Windows",
                    place: Place(city: "Oslo", country: "NO"),
                    network: Network(address: "192.0.2.1"), risk: 95, severity: .critical,
                    title: "Impossible travel", summary: "Too far.", rung: .logOutSession,
                    findings: [
                        Finding(
                            rule: "impossible-travel", severity: .critical, confidence: .certain,
                            time: now, records: [], evidence: [], silencedBy: "", sentence: "")
                    ])
                alert.summary = "Too far."
                try transaction.putAlertRevision(
                    AlertRevision(
                        alertID: alert.id, revision: 1, status: alert.status.rawValue,
                        userKey: UInt64(number % users), tenant: alert.tenant, userID: user,
                        timeMilliseconds: now.milliseconds, risk: alert.risk,
                        severity: Int(alert.severity.rawValue), json: AlertJSON.bytes(alert)))
                for action in planner.plan(for: alert) {
                    try StoreOutbox.put(action, alertRevision: 1, at: now, in: &transaction)
                }
            }
        }
    }

    private func rounded(_ value: Double) -> String {
        let hundredths = Int64((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    private func seconds(_ duration: Duration) -> Double {
        let (whole, atto) = duration.components
        return Double(whole) + Double(atto) * 1e-18
    }
}

/// Notes how long each call took.
private final class TimedConnector: Connector {
    let inner: any Connector
    private let taken = Mutex<[Double]>([])

    init(_ inner: any Connector) { self.inner = inner }

    var name: String { inner.name }
    var timeLimitSeconds: Int { inner.timeLimitSeconds }
    var abilities: [Rung: ConnectorAbility] { inner.abilities }
    /// In milliseconds.
    var times: [Double] { taken.withLock { $0 } }

    func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        let clock = ContinuousClock()
        let start = clock.now
        let answer = inner.carryOut(action, at: now)
        let (whole, atto) = (clock.now - start).components
        taken.withLock { $0.append(Double(whole) * 1000 + Double(atto) * 1e-15) }
        return answer
    }
}

/// A small HTTP server on the loopback interface that acts once for each `webhook-id`. One thread a
/// connection; for the bench only.
private final class BenchTarget: Sendable {
    let port: UInt16
    private let socket: Int32
    private let delay: UInt32
    private let seen = Mutex<[String: Int]>([:])

    init(delayMilliseconds: Int) throws {
        delay = UInt32(delayMilliseconds) * 1000
        socket = Glibc.socket(
            AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let file = socket
        let isBound = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0
            }
        }
        guard isBound, listen(socket, 64) == 0 else {
            throw Misuse("cannot listen on 127.0.0.1", exitCode: 71)
        }
        port = UInt16(bigEndian: address.sin_port)
        begin { target in target.accept() }
    }

    /// What came, and for how many keys: it acts at the first of each.
    var got: (requests: Int, keys: Int) {
        seen.withLock { ($0.values.reduce(0, +), $0.count) }
    }

    func stop() { shutdown(socket, Int32(SHUT_RDWR)) }

    private final class Work {
        let target: BenchTarget
        let body: (BenchTarget) -> Void
        init(_ target: BenchTarget, _ body: @escaping (BenchTarget) -> Void) {
            (self.target, self.body) = (target, body)
        }
    }

    private func begin(_ body: @escaping (BenchTarget) -> Void) {
        var thread = pthread_t()
        let work = unsafe Unmanaged.passRetained(Work(self, body))
        let status = unsafe pthread_create(
            &thread, nil,
            { context in
                if let context = unsafe context {
                    let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                    work.body(work.target)
                }
                return nil
            }, work.toOpaque())
        if status == 0 { pthread_detach(thread) } else { unsafe work.release() }
    }

    private func accept() {
        while true {
            let connection = unsafe Glibc.accept(socket, nil, nil)
            if connection < 0 { return }
            begin { $0.serve(connection) }
        }
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var buffer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        let count = part.count
        while true {
            // A request is complete with the body that its head announces.
            while true {
                guard let (head, length) = BenchTarget.head(buffer), buffer.count >= head + length
                else { break }
                let key = BenchTarget.value("webhook-id", in: buffer[..<head])
                if delay > 0 { usleep(delay) }
                seen.withLock { $0[key, default: 0] += 1 }
                let answer = Array("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".utf8)
                guard unsafe write(connection, answer, answer.count) == answer.count else { return }
                buffer.removeFirst(head + length)
            }
            let read = unsafe Glibc.read(connection, &part, count)
            if read <= 0 || buffer.count > 1 << 20 { return }
            buffer += part[..<read]
        }
    }

    /// The bytes of the head, and of the body after it.
    private static func head(_ bytes: [UInt8]) -> (head: Int, body: Int)? {
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard bytes.count >= 4,
            let at = (0...(bytes.count - 4)).first(where: { bytes[$0...].starts(with: end) })
        else { return nil }
        return (at + 4, Int(value("content-length", in: bytes[..<at])) ?? 0)
    }

    private static func value(_ name: String, in head: ArraySlice<UInt8>) -> String {
        for line in head.split(separator: 0x0A) {
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            let key = String(decoding: line[line.startIndex..<colon], as: UTF8.self).lowercased()
            guard key == name else { continue }
            let value = line[(colon + 1)...].filter { $0 != 0x20 && $0 != 0x0D }
            return String(decoding: value, as: UTF8.self)
        }
        return ""
    }
}
