import CSystem
import Glibc
import Synchronization

/// Threads that do one thing together, again and again: `run` gives each its number and returns when
/// all are done. The caller is worker 0.
///
/// Plain threads rather than tasks: the phases are a few milliseconds of pure computing over memory
/// that each worker keeps, and what one phase wrote the next one reads, which the barrier orders.
final class WorkerTeam: @unchecked Sendable {
    let count: Int
    private let floor = Floor()
    private var threads: [pthread_t] = []

    /// What the threads share. They hold this and not the team, so that the team goes away when its
    /// owner lets go of it, also before a thread has begun.
    private final class Floor: @unchecked Sendable {
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        let started = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        /// Changed under the lock only; looked at without it while spinning.
        let generation = Atomic<Int>(0)
        let running = Atomic<Int>(0)
        var isStopping = false
        var work: ((Int) -> Void)?

        init() {
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(started, nil)
            pthread_cond_init(finished, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            pthread_cond_destroy(started)
            pthread_cond_destroy(finished)
            mutex.deallocate()
            started.deallocate()
            finished.deallocate()
        }

        func serve(_ worker: Int) {
            var seen = 0
            while waitForWork(&seen) {
                doWork(worker)
                pthread_mutex_lock(mutex)
                let left = running.subtract(1, ordering: .releasing).newValue
                if left == 0 { pthread_cond_signal(finished) }
                pthread_mutex_unlock(mutex)
            }
        }

        /// Waits a little without sleeping: phases follow one another within microseconds, and waking
        /// a thread takes longer than that.
        func spin(while isEarly: () -> Bool) {
            var turns = 0
            while turns < 8000, isEarly() {
                ls_pause()
                turns += 1
            }
        }

        /// False when there will be none.
        private func waitForWork(_ seen: inout Int) -> Bool {
            let last = seen
            spin { generation.load(ordering: .acquiring) == last }
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            while generation.load(ordering: .relaxed) == seen, !isStopping {
                pthread_cond_wait(started, mutex)
            }
            seen = generation.load(ordering: .relaxed)
            return !isStopping
        }

        /// The work is let go of before it is said to be done: it may hold the last reference to what
        /// owns the team, which has to go away on its owner's thread.
        private func doWork(_ worker: Int) {
            pthread_mutex_lock(mutex)
            let body = work
            pthread_mutex_unlock(mutex)
            body?(worker)
        }
    }

    /// - Parameter count: 1 through 64.
    init(count: Int) {
        self.count = max(1, min(64, count))
        for worker in 1..<max(2, self.count) where worker < self.count {
            threads.append(startThread { [floor] in floor.serve(worker) })
        }
    }

    deinit {
        pthread_mutex_lock(floor.mutex)
        floor.isStopping = true
        pthread_cond_broadcast(floor.started)
        pthread_mutex_unlock(floor.mutex)
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Runs `body` once on every worker and waits for all.
    func run(_ body: @escaping (Int) -> Void) {
        begin(body)
        body(0)
        finish()
    }

    /// Runs `main` on the caller while the others run `work`, which the caller joins when it is done.
    func run<R>(beside work: @escaping () -> Void, _ main: () throws -> R) rethrows -> R {
        begin { _ in work() }
        defer {
            work()
            finish()
        }
        return try main()
    }

    private func begin(_ body: @escaping (Int) -> Void) {
        if count == 1 { return }
        pthread_mutex_lock(floor.mutex)
        floor.work = body
        floor.running.store(count - 1, ordering: .relaxed)
        floor.generation.add(1, ordering: .releasing)
        pthread_cond_broadcast(floor.started)
        pthread_mutex_unlock(floor.mutex)
    }

    private func finish() {
        if count == 1 { return }
        floor.spin { floor.running.load(ordering: .acquiring) > 0 }
        pthread_mutex_lock(floor.mutex)
        while floor.running.load(ordering: .relaxed) > 0 {
            pthread_cond_wait(floor.finished, floor.mutex)
        }
        floor.work = nil
        pthread_mutex_unlock(floor.mutex)
    }
}

/// Starts a thread with signals blocked, so that they reach the main thread.
func startThread(_ body: @escaping () -> Void) -> pthread_t {
    final class Box {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    var all = sigset_t()
    var old = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &old)
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, nil,
        { raw in
            guard let raw else { return nil }
            Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    pthread_sigmask(SIG_SETMASK, &old, nil)
    precondition(code == 0, "the system gives no thread")
    return thread
}
