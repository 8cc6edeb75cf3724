internal import Glibc

/// The right to write to a state: a lock on the file `<state>.lock`, which the system takes back
/// when the process ends, however it ends. The file stays; it says who holds the lock.
final class StateLock: @unchecked Sendable {
    private let descriptor: Int32

    /// How long to sleep between two tries.
    private static let pauseNanoseconds = 20_000_000

    /// - Parameter waitSeconds: how long to try; 0 or less (or NaN) is one try, and a year the
    ///   most.
    init(statePath: String, waitSeconds: Double, holder: String) throws(StateError) {
        let path = statePath + ".lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { throw StateFile.cannotOpen(path) }
        let deadline = Self.now() + (waitSeconds > 0 ? min(waitSeconds, 366 * 86_400) : 0)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == EWOULDBLOCK else {
                close(descriptor)
                throw .cannotOpen(path: path, reason: "it cannot be locked: \(systemReason(code))")
            }
            guard Self.now() < deadline else {
                let holder = Self.read(descriptor)
                close(descriptor)
                throw .locked(path: statePath, holder: holder)
            }
            var pause = timespec(tv_sec: 0, tv_nsec: Self.pauseNanoseconds)
            nanosleep(&pause, nil)
        }
        write(holder)
    }

    /// What the holder of a state's lock wrote of itself; empty when there is none.
    static func holder(ofStateAt statePath: String) -> String {
        let descriptor = open(statePath + ".lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        return read(descriptor)
    }

    deinit {
        // Not unlinked: a run that waits has the file open, and would hold a lock that no later run
        // can see.
        ftruncate(descriptor, 0)
        // Closing alone is not enough while a child that is being started still shares the file.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// For people only, so a failure (as on a full disk) does no harm.
    private func write(_ holder: String) {
        ftruncate(descriptor, 0)
        let bytes = Array(holder.utf8.prefix(StateLimit.holder))
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    private static func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: StateLimit.holder)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return "" }
        return printable(
            String(decoding: bytes[..<count].prefix { $0 != 0x0A }, as: UTF8.self))
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
