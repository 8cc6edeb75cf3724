import Glibc
import Synchronization

/// Threads that do one thing together, again and again: `run` gives each its number and returns when
/// all are done. The caller is worker 0.
///
/// Plain threads rather than tasks: the phases are a few milliseconds of pure computing over memory
/// that each worker keeps, and what one phase wrote the next one reads, which the barrier orders.
final class WorkerTeam: @unchecked Sendable {
    let count: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let started = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var generation = 0
    private var running = 0
    private var isStopping = false
    private var work: ((Int) -> Void)?
    private var threads: [pthread_t] = []

    /// - Parameter count: 1 through 64.
    init(count: Int) {
        self.count = max(1, min(64, count))
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(started, nil)
        pthread_cond_init(finished, nil)
        for worker in 1..<max(2, self.count) where worker < self.count {
            threads.append(
                startThread { [unowned self] in self.serve(worker) })
        }
    }

    deinit {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_broadcast(started)
        pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(started)
        pthread_cond_destroy(finished)
        mutex.deallocate()
        started.deallocate()
        finished.deallocate()
    }

    /// Runs `body` once on every worker and waits for all.
    func run(_ body: @escaping (Int) -> Void) {
        if count == 1 {
            body(0)
            return
        }
        pthread_mutex_lock(mutex)
        work = body
        running = count - 1
        generation &+= 1
        pthread_cond_broadcast(started)
        pthread_mutex_unlock(mutex)
        body(0)
        pthread_mutex_lock(mutex)
        while running > 0 { pthread_cond_wait(finished, mutex) }
        work = nil
        pthread_mutex_unlock(mutex)
    }

    private func serve(_ worker: Int) {
        var seen = 0
        while true {
            pthread_mutex_lock(mutex)
            while generation == seen, !isStopping { pthread_cond_wait(started, mutex) }
            if isStopping {
                pthread_mutex_unlock(mutex)
                return
            }
            seen = generation
            let body = work
            pthread_mutex_unlock(mutex)
            body?(worker)
            pthread_mutex_lock(mutex)
            running -= 1
            if running == 0 { pthread_cond_signal(finished) }
            pthread_mutex_unlock(mutex)
        }
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
    let code = pthread_create(&thread, nil, { raw in
        guard let raw else { return nil }
        Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
        return nil
    }, box.toOpaque())
    pthread_sigmask(SIG_SETMASK, &old, nil)
    precondition(code == 0, "the system gives no thread")
    return thread
}
