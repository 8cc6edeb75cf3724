import Glibc
import Publishing
public import Response
public import SessionModel
public import StateStore

/// Carries out planned actions beside a stream that goes on: on a thread of its own, since a target
/// that is slow to answer must not hold up the judging of what comes.
///
/// Looks every few seconds, and when it is woken. What cannot be done stays in the outbox.
public final class Responder: @unchecked Sendable {
    private let store: StateStore
    private let planner: ActionPlanner
    private let connectors: [any Connector]
    private let clock: @Sendable () -> Timestamp
    private let report: @Sendable (ApplyReport) -> Void
    private let failed: @Sendable (ResponseError) -> Void
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isStopping = false
    private var isWoken = false
    private var thread: pthread_t?
    /// Between two looks, when nothing wakes it.
    private static let periodSeconds = 5

    /// - Parameters:
    ///   - clock: Wall time.
    ///   - report: What a look did, on the responder's thread; looks that touched nothing too.
    ///   - failed: The outbox could not be read or written; it is tried again at the next look.
    public init(
        store: StateStore, planner: ActionPlanner, connectors: [any Connector],
        clock: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable (ApplyReport) -> Void,
        failed: @escaping @Sendable (ResponseError) -> Void
    ) {
        self.store = store
        self.planner = planner
        self.connectors = connectors
        self.clock = clock
        self.report = report
        self.failed = failed
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        stop()
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    /// Begins with a look: an earlier run may have left something.
    public func start() {
        guard thread == nil else { return }
        thread = startThread { [unowned self] in self.serve() }
    }

    /// There may be something to do.
    public func wake() {
        pthread_mutex_lock(mutex)
        isWoken = true
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Ends after the calls that are under way, which take a connector's time limit at most.
    public func stop() {
        guard let thread else { return }
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
        pthread_join(thread, nil)
        self.thread = nil
    }

    private var isAskedToStop: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return isStopping
    }

    private func serve() {
        let outbox = StoreOutbox(store, planner: planner) { try? AlertJSON.read($0) }
        // Kept from look to look: it remembers which target is down.
        var runner = ActionRunner(
            policy: planner.policy, connectors: connectors, width: ActionRunner.usualWidth)
        var random = SystemRandomNumberGenerator()
        while !isAskedToStop {
            do {
                try outbox.settle(connectors, at: clock())
                report(
                    try runner.apply(outbox, clock: clock, random: &random) { self.isAskedToStop })
            } catch {
                failed(error)
            }
            var until = timespec()
            clock_gettime(CLOCK_REALTIME, &until)
            until.tv_sec += Responder.periodSeconds
            pthread_mutex_lock(mutex)
            while !isStopping, !isWoken, pthread_cond_timedwait(changed, mutex, &until) == 0 {}
            isWoken = false
            pthread_mutex_unlock(mutex)
        }
    }
}
