import Glibc
import Synchronization

/// SIGTERM, SIGINT and SIGHUP as a wish to end in good order.
///
/// The first is a wish; the same one again ends the program at once, as nothing is lost by that
/// either. One that was ignored when the program started (`nohup`) stays so.
enum StopSignals {
    private static let reading = Atomic<Int32>(-1)
    private static let writing = Atomic<Int32>(-1)

    /// Installs the handlers; call it once, before any thread is started. Returns a descriptor that
    /// becomes readable at the first signal.
    static func catchAll() -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return -1 }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        reading.store(ends[0], ordering: .sequentiallyConsistent)
        writing.store(ends[1], ordering: .sequentiallyConsistent)
        // Whoever started the program may have left them blocked.
        var wanted = sigset_t()
        unsafe sigemptyset(&wanted)
        for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&wanted, number) }
        defer { unsafe pthread_sigmask(SIG_UNBLOCK, &wanted, nil) }
        for number in [SIGTERM, SIGINT, SIGHUP] {
            var before = sigaction()
            guard unsafe sigaction(number, nil, &before) == 0 else { continue }
            if number != SIGTERM, isIgnored(before) { continue }
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = { _ in StopSignals.note() }
            action.sa_flags = SA_RESTART | Int32(bitPattern: UInt32(SA_RESETHAND))
            unsafe sigaction(number, &action, nil)
        }
        return ends[0]
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        // SIG_IGN is the address 1, which Swift cannot compare as a function.
        unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// In the handler: only what is async-signal-safe.
    private static func note() {
        var byte: UInt8 = 1
        _ = unsafe write(writing.load(ordering: .sequentiallyConsistent), &byte, 1)
    }

    /// Whether a signal came.
    static var isAsked: Bool {
        let descriptor = reading.load(ordering: .sequentiallyConsistent)
        guard descriptor >= 0 else { return false }
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, 0) > 0
    }
}
