internal import CCurl
internal import Glibc

/// Runs a program to its end: no shell, its own process group, a time limit.
///
/// Blocks the calling thread.
struct ChildProcess {
    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)
        /// Ended by us, at the time limit.
        case timedOut
    }

    struct Result: Sendable, Equatable {
        var ending: Ending
        /// The first `outputKept` bytes of each; the rest is read and dropped.
        var output: [UInt8]
        var errors: [UInt8]
    }

    static let outputKept = 4096

    var program: String
    var arguments: [String]
    /// All of the environment, as `NAME=value`.
    var environment: [String]
    var limitMilliseconds: Int
    /// From SIGTERM to SIGKILL.
    var graceMilliseconds: Int

    /// Runs it with `input` as standard input. Throws when it could not be started, and so surely did
    /// nothing.
    func run(input: String) throws(ResponseError) -> Result {
        let standardInput = try ChildProcess.file(holding: Array(input.utf8))
        defer { _ = close(standardInput) }
        let output = try Pipe()
        let errors = try Pipe()
        let child = try spawn(input: standardInput, output: output.write, errors: errors.write)
        output.closeWrite()
        errors.closeWrite()
        return wait(for: child, output: output.read, errors: errors.read)
    }

    /// The input as a file in memory: a program that does not read it, or closes it, can neither
    /// block us nor raise SIGPIPE.
    private static func file(holding bytes: [UInt8]) throws(ResponseError) -> Int32 {
        let file = aboveStandard(unsafe gnu_memory_file("lastseen-action"))
        guard file >= 0 else {
            throw .system(operation: "memfd_create", reason: errorText(errno))
        }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes {
                unsafe write(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = errorText(errno)
                _ = close(file)
                throw .system(operation: "Writing a program's input", reason: reason)
            }
            written += count
        }
        _ = lseek(file, 0, SEEK_SET)
        return file
    }

    /// A descriptor that is none of 0, 1 and 2, even when our own are closed: otherwise putting one
    /// in its place in the child could close another.
    fileprivate static func aboveStandard(_ file: Int32) -> Int32 {
        guard (0...2).contains(file) else { return file }
        let higher = fcntl(file, F_DUPFD_CLOEXEC, 3)
        let code = errno
        _ = close(file)
        errno = code
        return higher
    }

    private func spawn(input: Int32, output: Int32, errors: Int32) throws(ResponseError) -> pid_t {
        let words = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            unsafe words.forEach { unsafe free($0) }
            unsafe variables.forEach { unsafe free($0) }
        }
        var child: pid_t = 0
        var code: Int32 = 0
        // The program may be open for writing for a moment: it is being replaced, or a process that
        // another thread is starting has yet to close what it inherited.
        for _ in 0..<20 {
            code = unsafe gnu_spawn(
                program, words, variables, input, output, errors, &child)
            guard code == ETXTBSY else { break }
            usleep(10_000)
        }
        guard code == 0 else {
            throw .badFile(
                path: program,
                reason: code == ENOEXEC ? "it is not a program" : errorText(code),
                remedy: code == ENOEXEC
                    ? "A script needs a first line such as '#!/bin/sh'."
                    : "Give the path of a program that this user can run.")
        }
        return child
    }

    /// Reads both outputs until the program has ended or its time is over.
    ///
    /// What it left running may hold the outputs open: its end is what counts.
    private func wait(for child: pid_t, output: Int32, errors: Int32) -> Result {
        let start = ChildProcess.milliseconds()
        var result = Result(ending: .timedOut, output: [], errors: [])
        var sources = [
            pollfd(fd: output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
        ]
        var pause: Int32 = 1
        var terminated: Int64?
        while !ChildProcess.hasEnded(child) {
            let elapsed = ChildProcess.milliseconds() - start
            if terminated == nil, elapsed >= limitMilliseconds {
                terminated = elapsed
                kill(-child, SIGTERM)
                pause = 1
            } else if let terminated, elapsed - terminated >= graceMilliseconds {
                kill(-child, SIGKILL)
            }
            _ = unsafe poll(&sources, nfds_t(sources.count), pause)
            pause = min(pause * 2, 20)
            ChildProcess.drain(&sources, into: &result)
        }
        ChildProcess.drain(&sources, into: &result)
        // Not reaped yet, so its number cannot be another group's.
        if terminated != nil { kill(-child, SIGKILL) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        if terminated != nil { return result }
        let signal = status & 0x7F
        result.ending = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
        return result
    }

    private static func hasEnded(_ child: pid_t) -> Bool {
        var information = unsafe siginfo_t()
        let code = unsafe waitid(
            P_PID, id_t(child), &information, WEXITED | WNOHANG | WNOWAIT)
        if code != 0 { return errno != EINTR }
        return unsafe information.si_signo == SIGCHLD
    }

    /// Reads what is there, at most 1 MiB at a time, so that endless output cannot hide the end of
    /// the time limit.
    private static func drain(_ sources: inout [pollfd], into result: inout Result) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for index in sources.indices where sources[index].fd >= 0 {
            for _ in 0..<16 {
                let count = unsafe read(sources[index].fd, &buffer, buffer.count)
                if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) {
                    sources[index].fd = -1  // closed by the program; poll skips it
                }
                guard count > 0 else { break }
                if index == 0 {
                    result.output += buffer[..<min(count, outputKept - result.output.count)]
                } else {
                    result.errors += buffer[..<min(count, outputKept - result.errors.count)]
                }
            }
        }
    }

    /// Of the monotonic clock: a time limit must not move with the wall's.
    private static func milliseconds() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// A pipe whose ends are closed when the value goes away. Its reading end does not block.
private struct Pipe: ~Copyable {
    let read: Int32
    let write: Int32
    private let isWriteOpen = Flag()

    init() throws(ResponseError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe gnu_pipe(&ends) == 0 else {
            throw .system(operation: "pipe", reason: errorText(errno))
        }
        read = ChildProcess.aboveStandard(ends[0])
        write = ChildProcess.aboveStandard(ends[1])
        _ = fcntl(read, F_SETFL, fcntl(read, F_GETFL) | O_NONBLOCK)
    }

    func closeWrite() {
        if isWriteOpen.take() { _ = close(write) }
    }

    deinit {
        _ = close(read)
        if isWriteOpen.take() { _ = close(write) }
    }

    /// Whether something is still to be done; once.
    private final class Flag {
        private var isSet = true
        func take() -> Bool {
            defer { isSet = false }
            return isSet
        }
    }
}
