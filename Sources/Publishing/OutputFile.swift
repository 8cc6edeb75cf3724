import Glibc

/// Writes a whole file at once: a report is there complete, or the old one still is.
public enum OutputFile {
    /// Puts `bytes` at `path` (mode 0600 when new; an existing file keeps its mode), `-` is standard
    /// output.
    ///
    /// They go to a file beside it first, which then takes its name. A named pipe or a device is
    /// written to directly. A link's target is replaced, not the link.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(OutputError) {
        if path == "-" {
            let problem = writeFully(STDOUT_FILENO, bytes, maySignal: true)
            guard problem == 0 || problem == EPIPE else {
                throw .cannotWrite(path: path, code: problem)
            }
            return
        }
        var status = stat()
        let isThere = unsafe stat(path, &status) == 0
        let kind = status.st_mode & S_IFMT
        if isThere, kind == S_IFDIR { throw .notAFile(path: path, kind: "a folder") }
        if isThere, kind != S_IFREG {
            let opened = try openForWriting(path)
            defer { close(opened.descriptor) }
            let problem = writeFully(opened.descriptor, bytes, maySignal: true)
            guard problem == 0 else {
                throw problem == EPIPE
                    ? .readerIsGone(path: path) : .cannotWrite(path: path, code: problem)
            }
            return
        }
        let target = isThere ? resolved(path) : path
        let mode = isThere ? status.st_mode & 0o777 : 0o600
        try writeBeside(target, bytes, mode: mode)
    }

    private static func writeBeside(
        _ path: String, _ bytes: [UInt8], mode: mode_t
    ) throws(OutputError) {
        var name = Array("\(path).XXXXXX".utf8CString)
        let descriptor = unsafe name.withUnsafeMutableBufferPointer {
            unsafe mkstemp($0.baseAddress!)
        }
        guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
        // Not inherited by connectors that run programs.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var problem = fchmod(descriptor, mode) == 0 ? 0 : errno
        if problem == 0 { problem = writeFully(descriptor, bytes, maySignal: false) }
        // Before the rename, or a loss of power could leave an empty file under the good name.
        if problem == 0, fsync(descriptor) != 0 { problem = errno }
        if close(descriptor) != 0, problem == 0 { problem = errno }
        let temporary = name.dropLast().map { UInt8(bitPattern: $0) }
        let beside = String(decoding: temporary, as: UTF8.self)
        if problem == 0, unsafe rename(beside, path) != 0 { problem = errno }
        guard problem == 0 else {
            unsafe unlink(beside)
            throw .cannotWrite(path: path, code: problem)
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}
