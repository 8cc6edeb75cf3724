internal import Glibc
internal import SessionModel

/// What a connector is to do with an action.
struct ActionJob: Sendable {
    enum Task: Sendable {
        case carryOut
        /// An earlier try may have acted: the target is asked first, where it can say.
        case checkFirst
        case checkOnly
    }

    /// Its number among those of the run.
    var index: Int
    /// As it is committed.
    var action: OutboxAction
    var task: Task
    var connector: any Connector
    /// Wall time of the try.
    var time: Timestamp

    /// What the target says; nil when it was only to be asked and cannot say.
    func perform() -> ConnectorAnswer? {
        if task != .carryOut, let answer = connector.check(action.planned, at: time) {
            switch answer.outcome {
            case .done, .alreadySo, .notNeeded: return answer
            case .refused, .failed, .retry: if task == .checkOnly { return answer }
            }
        }
        return task == .checkOnly ? nil : connector.carryOut(action.planned, at: time)
    }
}

/// Makes the calls of a run: on threads of each connector's own, so that one slow target never holds
/// up another, or on the caller's when there is to be one call at a time.
///
/// Threads begin with the first jobs of their connector, at most `width` of each.
@safe final class ActionLanes: @unchecked Sendable {
    typealias Answer = (job: ActionJob, answer: ConnectorAnswer?)

    /// Calls to one connector at a time.
    let width: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// Something is to be done, or it is over.
    private let given = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let answered = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [String: [ActionJob]] = [:]
    private var threadCount: [String: Int] = [:]
    private var idleCount: [String: Int] = [:]
    private var threads: [pthread_t] = []
    private var answers: [Answer] = []
    private var isOver = false

    init(width: Int) {
        self.width = width
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(given, nil)
        unsafe pthread_cond_init(answered, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(given)
        unsafe pthread_cond_destroy(answered)
        unsafe mutex.deallocate()
        unsafe given.deallocate()
        unsafe answered.deallocate()
    }

    /// Hands jobs over. With a width of 1 they are done before it returns.
    func give(_ new: [ActionJob]) {
        if width == 1 {
            for job in new { answers.append((job, job.perform())) }
            return
        }
        if new.isEmpty { return }
        unsafe pthread_mutex_lock(mutex)
        for job in new {
            let name = job.connector.name
            jobs[name, default: []].append(job)
            if jobs[name]!.count > idleCount[name, default: 0],
                threadCount[name, default: 0] < width
            {
                begin(name)
            }
        }
        unsafe pthread_cond_broadcast(given)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// The answers that came; waits for one when there is none yet and `waits`.
    func take(waits: Bool) -> [Answer] {
        if width == 1 {
            defer { answers.removeAll() }
            return answers
        }
        unsafe pthread_mutex_lock(mutex)
        while waits, answers.isEmpty { unsafe pthread_cond_wait(answered, mutex) }
        let taken = answers
        answers.removeAll(keepingCapacity: true)
        unsafe pthread_mutex_unlock(mutex)
        return taken
    }

    /// Ends after the calls that are under way; jobs that were not begun are dropped.
    func end() {
        unsafe pthread_mutex_lock(mutex)
        isOver = true
        jobs.removeAll()
        unsafe pthread_cond_broadcast(given)
        unsafe pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads.removeAll()
    }

    private final class Start {
        let lanes: ActionLanes
        let name: String
        init(_ lanes: ActionLanes, _ name: String) { (self.lanes, self.name) = (lanes, name) }
    }

    /// With the mutex held. Where the system has no more threads, those there are do the work; where
    /// there is none, the caller does.
    private func begin(_ name: String) {
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(self, name))
        let status = unsafe pthread_create(
            &thread, nil,
            { context in
                if let context = unsafe context {
                    let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                    start.lanes.serve(start.name)
                }
                return nil
            }, start.toOpaque())
        if status == 0 {
            threads.append(thread)
            threadCount[name, default: 0] += 1
        } else {
            unsafe start.release()
            if threadCount[name, default: 0] == 0 {
                for job in jobs.removeValue(forKey: name) ?? [] {
                    answers.append((job, job.perform()))
                }
            }
        }
    }

    private func serve(_ name: String) {
        unsafe pthread_mutex_lock(mutex)
        while !isOver {
            guard jobs[name]?.isEmpty == false, let job = jobs[name]?.removeFirst() else {
                idleCount[name, default: 0] += 1
                unsafe pthread_cond_wait(given, mutex)
                idleCount[name, default: 0] -= 1
                continue
            }
            unsafe pthread_mutex_unlock(mutex)
            let answer = job.perform()
            unsafe pthread_mutex_lock(mutex)
            answers.append((job, answer))
            unsafe pthread_cond_signal(answered)
        }
        unsafe pthread_mutex_unlock(mutex)
    }
}
