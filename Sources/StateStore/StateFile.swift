internal import Glibc

/// The state's file before SQLite opens it: found, or made with safe rights.
///
/// An existing file is looked at but never opened here: closing it would take away the locks that
/// SQLite has on it in this process (sqlite.org/howtocorrupt.html, 2.2).
enum StateFile {
    /// Makes the folders (0700) and the file (0600) where they are missing and returns the file's
    /// one true path, so that two names of one file share a lock.
    static func prepare(_ path: String) throws(StateError) -> String {
        try checkName(path)
        try makeFolders(of: path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0o600)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            throw cannotOpen(path)
        } else {
            _ = try size(path)
        }
        let resolved = try resolve(path)
        // The log, its index and the lock are beside the file that is meant.
        for name in [resolved, folder(of: resolved)] where !isWritable(name) {
            throw cannotOpen(name)
        }
        return resolved
    }

    /// The true path of a state that is there to be read.
    static func find(_ path: String) throws(StateError) -> String {
        try checkName(path)
        if try size(path) == 0 { throw .missing(path: path) }
        return try resolve(path)
    }

    /// Whether nobody can write to the state now: its folder is not writable for us and there is no
    /// log to read beside it. SQLite cannot read along then, as it needs a shared index file.
    static func isFrozen(_ path: String) -> Bool {
        let folder = folder(of: path)
        guard !isWritable(folder) else { return false }
        var information = stat()
        return stat(path + "-wal", &information) != 0 || information.st_size == 0
    }

    /// A URI by which SQLite reads a file that does not change (sqlite.org/uri.html).
    static func immutableURI(_ path: String) -> String {
        var uri = "file:"
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "."):
                uri.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                uri += digits.utf8.count < 2 ? "%0" + digits : "%" + digits
            }
        }
        return uri + "?immutable=1"
    }

    // MARK: -

    private static func isWritable(_ path: String) -> Bool {
        faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0
    }

    private static func checkName(_ path: String) throws(StateError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .cannotOpen(path: path, reason: "its name is empty or has a zero byte")
        }
    }

    private static func size(_ path: String) throws(StateError) -> Int {
        var information = stat()
        guard stat(path, &information) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .missing(path: path) }
            throw cannotOpen(path)
        }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw .foreign(path: path, reason: "it is a folder, a device or a pipe, not a file")
        }
        return Int(information.st_size)
    }

    private static func makeFolders(of path: String) throws(StateError) {
        let folder = folder(of: path)
        var information = stat()
        if stat(folder, &information) == 0 { return }
        guard errno == ENOENT, folder != "/", folder != "." else { throw cannotOpen(folder) }
        try makeFolders(of: folder)
        // Another run may make it at the same moment.
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw cannotOpen(folder) }
    }

    private static func folder(of path: String) -> String {
        var bytes = Array(path.utf8)
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    private static func resolve(_ path: String) throws(StateError) -> String {
        guard let resolved = realpath(path, nil) else { throw cannotOpen(path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    static func cannotOpen(_ path: String) -> StateError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .diskFull(path: path) }
        if code == EISDIR { return .foreign(path: path, reason: "it is a folder, not a file") }
        return .cannotOpen(path: path, reason: systemReason(code))
    }
}

/// The system's words for an `errno`, with what to do where that is known.
func systemReason(_ code: Int32) -> String {
    let words = String(cString: strerror(code))
    switch code {
    case EACCES, EPERM: return words + "; run as its owner, or name another file with --state"
    case EROFS: return words + "; name a file elsewhere with --state"
    default: return words
    }
}
