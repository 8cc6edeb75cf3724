import Glibc
public import Messaging
public import SessionModel
public import StateStore
import Synchronization

/// Sends messages to people beside a stream that goes on: on a thread of its own, since a mail server
/// that is slow to answer must not hold up the judging of what comes.
///
/// Looks every few seconds, as digests and the ends of quiet hours come by themselves, and when it is
/// woken. What cannot be sent stays in the outbox.
public final class Messenger: Sendable {
    private let store: StateStore
    private let sender: MessageSender
    private let clock: @Sendable () -> Timestamp
    private let report: @Sendable (SendReport) -> Void
    private let failed: @Sendable (StateError) -> Void
    /// Signalled to look now; `isStopping` says whether to end instead.
    private let bell = Bell()
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<pthread_t?>(nil)
    /// Between two looks, when nothing wakes it.
    private static let periodSeconds = 5

    /// - Parameters:
    ///   - clock: Wall time.
    ///   - report: What a look did, on the messenger's thread; looks that sent nothing too.
    ///   - failed: The outbox could not be read or written; it is tried again at the next look.
    public init(
        store: StateStore, sender: MessageSender, clock: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable (SendReport) -> Void,
        failed: @escaping @Sendable (StateError) -> Void
    ) {
        self.store = store
        self.sender = sender
        self.clock = clock
        self.report = report
        self.failed = failed
    }

    /// Begins with a look: an earlier run may have left something.
    public func start() {
        thread.withLock { thread in
            if thread == nil { thread = startThread { [self] in serve() } }
        }
    }

    /// There may be something to send.
    public func wake() { bell.ring() }

    /// Ends after the message that is under way, which takes a channel's time limit at most.
    public func stop() {
        isStopping.store(true, ordering: .releasing)
        bell.ring()
        thread.withLock { thread in
            if let running = thread { pthread_join(running, nil) }
            thread = nil
        }
    }

    private func serve() {
        var random = SystemRandomNumberGenerator()
        while !isStopping.load(ordering: .acquiring) {
            do {
                report(
                    try sender.send(store, clock: clock, random: &random) {
                        self.isStopping.load(ordering: .acquiring)
                    })
            } catch {
                failed(error)
            }
            bell.wait(seconds: Messenger.periodSeconds)
        }
    }

    /// A condition that remembers one ring.
    private final class Bell: @unchecked Sendable {
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var isRung = false

        init() {
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(changed, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            pthread_cond_destroy(changed)
            mutex.deallocate()
            changed.deallocate()
        }

        func ring() {
            pthread_mutex_lock(mutex)
            isRung = true
            pthread_cond_signal(changed)
            pthread_mutex_unlock(mutex)
        }

        func wait(seconds: Int) {
            var until = timespec()
            clock_gettime(CLOCK_REALTIME, &until)
            until.tv_sec += seconds
            pthread_mutex_lock(mutex)
            while !isRung, pthread_cond_timedwait(changed, mutex, &until) == 0 {}
            isRung = false
            pthread_mutex_unlock(mutex)
        }
    }
}
