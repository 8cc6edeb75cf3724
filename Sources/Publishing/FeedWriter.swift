import Glibc

/// Appends to an output file whose committed length is kept elsewhere (in the state database), so
/// that a run killed at any point leaves nothing twice and nothing torn.
///
/// The order of a commit: `append` what the commit says, `flush`, then store `length` in the same
/// transaction as the rest. On the next start the file is cut to the length stored: whatever a
/// killed run wrote beyond it is gone, and the rerun writes it again.
///
/// A pipe, a terminal or standard output cannot be cut; there it just writes. A reader of standard
/// output that goes away (`| head`) is no error: what follows is dropped, and `isReaderGone` says so.
/// One thread at a time may use a writer.
public final class FeedWriter {
    /// Held back before the writer hands bytes to the system on its own: it bounds memory and costs
    /// nothing, as what is beyond the committed length counts for nothing yet.
    public static let bufferLimit = 1 << 20

    public let path: String
    /// Bytes of a regular file up to here are complete; for other outputs, bytes written so far.
    public private(set) var length: UInt64
    /// Whether the file was shorter than the committed length when it was opened: it was rotated,
    /// emptied or removed since, and the writer started behind what was there.
    public private(set) var wasReplaced = false
    /// Whether standard output's reader has gone.
    public private(set) var isReaderGone = false

    private var descriptor: Int32
    private let isRegular: Bool
    private let isStandardOutput: Bool
    private var buffer: [UInt8] = []

    /// Opens for appending behind `committedLength` bytes; `-` is standard output.
    ///
    /// A new file gets mode 0600, as alerts name people. A link is followed, a named pipe needs a
    /// reader already there (else this would wait for one for ever), a folder is refused.
    public init(path: String, committedLength: UInt64 = 0) throws(OutputError) {
        self.path = path
        isStandardOutput = path == "-"
        if isStandardOutput {
            // Never cut, even when it is a file: the shell's `>>` means to append.
            (descriptor, isRegular, length) = (STDOUT_FILENO, false, 0)
            return
        }
        let opened = try openForWriting(path)
        guard opened.isRegular else {
            (descriptor, isRegular, length) = (opened.descriptor, false, 0)
            return
        }
        (descriptor, isRegular, length) = (opened.descriptor, true, committedLength)
        if opened.size < committedLength {
            wasReplaced = true
            length = endOfLastLine(opened.descriptor, size: opened.size)
        }
        try cut()
    }

    deinit {
        if !isStandardOutput { close(descriptor) }
    }

    /// Takes bytes; they reach the file at the next `flush`, or sooner when there are many.
    public func append(_ bytes: some Sequence<UInt8>) throws(OutputError) {
        guard !isReaderGone else { return }
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferLimit { try writeOut() }
    }

    /// Writes all that was appended and returns the new length to commit.
    ///
    /// When it fails, the file is cut back to its last good length and the bytes are kept, so that a
    /// caller may try again.
    ///
    /// - Parameter sync: also waits until the disk has it (a few milliseconds), for outputs that must
    ///   survive a loss of power together with the database.
    @discardableResult
    public func flush(sync: Bool = false) throws(OutputError) -> UInt64 {
        try writeOut()
        if sync, isRegular, fdatasync(descriptor) != 0 {
            throw .cannotWrite(path: path, code: errno)
        }
        return length
    }

    /// Follows a rotation: when the path no longer names the open file, opens it anew and returns
    /// true. What was appended before goes to the old file.
    public func reopenIfMoved() throws(OutputError) -> Bool {
        guard isRegular else { return false }
        var (open, named) = (stat(), stat())
        guard unsafe fstat(descriptor, &open) == 0 else {
            throw .cannotWrite(path: path, code: errno)
        }
        let isThere = unsafe stat(path, &named) == 0
        if isThere, open.st_dev == named.st_dev, open.st_ino == named.st_ino { return false }
        try writeOut()
        let opened = try openForWriting(path)
        guard opened.isRegular else {
            close(opened.descriptor)
            throw .notAFile(path: path, kind: "no longer a file")
        }
        close(descriptor)
        descriptor = opened.descriptor
        length = endOfLastLine(descriptor, size: opened.size)
        try cut()
        return true
    }

    private func writeOut() throws(OutputError) {
        guard !isReaderGone, !buffer.isEmpty else { return }
        let problem = writeFully(descriptor, buffer, maySignal: !isRegular)
        switch problem {
        case 0:
            length += UInt64(buffer.count)
            buffer.removeAll(keepingCapacity: true)
        case EPIPE where isStandardOutput:
            isReaderGone = true
            buffer = []
        case EPIPE: throw .readerIsGone(path: path)
        default:
            // Best effort: the committed length cuts it on the next start in any case.
            try? cut()
            throw .cannotWrite(path: path, code: problem)
        }
    }

    /// Brings the file to `length` and the position to its end.
    private func cut() throws(OutputError) {
        guard isRegular else { return }
        guard ftruncate(descriptor, off_t(length)) == 0,
            lseek(descriptor, off_t(length), SEEK_SET) >= 0
        else { throw .cannotWrite(path: path, code: errno) }
    }
}

/// Opens or creates (mode 0600) an output and says what it is.
func openForWriting(
    _ path: String
) throws(OutputError) -> (descriptor: Int32, isRegular: Bool, size: UInt64) {
    // Without O_NONBLOCK, a named pipe that nobody reads would hold the program up here.
    let descriptor = unsafe open(
        path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else {
        let code = errno
        if code == EISDIR { throw .notAFile(path: path, kind: "a folder") }
        throw .cannotOpen(path: path, code: code)
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
        let code = errno
        close(descriptor)
        throw .cannotOpen(path: path, code: code)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return (descriptor, true, UInt64(max(0, status.st_size)))
    case S_IFIFO, S_IFCHR:
        // From here on waiting is right: a slow reader slows the writer.
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) == 0 else {
            let code = errno
            close(descriptor)
            throw .cannotOpen(path: path, code: code)
        }
        return (descriptor, false, 0)
    case S_IFBLK:
        close(descriptor)
        throw .notAFile(path: path, kind: "a block device")
    default:
        close(descriptor)
        throw .notAFile(path: path, kind: "no file")
    }
}

/// Writes all bytes; returns 0 or the errno. `maySignal`: the output may be a pipe, whose SIGPIPE is
/// kept from this process.
func writeFully(_ descriptor: Int32, _ bytes: [UInt8], maySignal: Bool) -> Int32 {
    var mask = sigset_t()
    var before = sigset_t()
    if maySignal {
        // Blocked for this thread and, when it comes, taken off again: a library must not change how
        // the whole program handles a signal.
        _ = unsafe sigemptyset(&mask)
        _ = unsafe sigaddset(&mask, SIGPIPE)
        _ = unsafe pthread_sigmask(SIG_BLOCK, &mask, &before)
    }
    var problem: Int32 = 0
    unsafe bytes.withUnsafeBytes { raw in
        var done = 0
        while done < raw.count {
            let written = unsafe write(descriptor, raw.baseAddress! + done, raw.count - done)
            if written > 0 {
                done += written
            } else if written == 0 {
                problem = ENOSPC
                return
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                // Standard output that somebody else made non-blocking: wait for room.
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wait, 1, -1)
            } else if errno != EINTR {
                problem = errno
                return
            }
        }
    }
    if maySignal {
        if problem == EPIPE {
            var now = timespec()
            while unsafe sigtimedwait(&mask, nil, &now) < 0, errno == EINTR {}
        }
        _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    }
    return problem
}

/// Bytes up to and with the last newline within the final MiB of a file; `size` when there is none.
private func endOfLastLine(_ descriptor: Int32, size: UInt64) -> UInt64 {
    guard size > 0 else { return 0 }
    // The output is open for writing only; the same file is opened once more to look at its end.
    let reader = unsafe open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
    guard reader >= 0 else { return size }
    defer { close(reader) }
    let count = Int(min(size, 1 << 20))
    var tail = [UInt8](repeating: 0, count: count)
    let start = size - UInt64(count)
    let got = unsafe tail.withUnsafeMutableBytes { raw in
        unsafe pread(reader, raw.baseAddress, count, off_t(start))
    }
    guard got == count else { return size }
    guard let newline = tail.lastIndex(of: 0x0A) else { return size }
    return start + UInt64(newline) + 1
}
