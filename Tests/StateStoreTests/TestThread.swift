import Glibc
import Synchronization
import Testing

/// A thread of its own: the tasks of Swift share as many threads as there are cores, and tests that
/// wait for each other there could wait for ever.
final class TestThread {
    private var thread = pthread_t()

    private final class Work: Sendable {
        let body: @Sendable () throws -> Void
        init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }
    }

    /// An error of `body` becomes an issue.
    init(_ body: @escaping @Sendable () throws -> Void) {
        // Issues belong to the test that the thread's task is of, of which a bare thread knows
        // nothing; the runner takes them all the same.
        let work = Unmanaged.passRetained(Work(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { work in
                let work = Unmanaged<Work>.fromOpaque(work!).takeRetainedValue()
                do { try work.body() } catch { Issue.record("\(error)") }
                return nil
            }, work)
    }

    func join() { pthread_join(thread, nil) }
}

/// Set by one thread and seen by others.
final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
