import Glibc

/// Why an output could not be opened or written.
public enum OutputError: Error, Equatable, CustomStringConvertible {
    /// It cannot be created or opened; `code` is the system's errno.
    case cannotOpen(path: String, code: Int32)
    /// It was open and a write failed; `code` is the system's errno.
    case cannotWrite(path: String, code: Int32)
    /// A folder, a socket or a block device: nothing that output goes to.
    case notAFile(path: String, kind: String)
    /// The program that read from the pipe has gone.
    case readerIsGone(path: String)

    /// Of sysexits.h: 73 when it cannot be created, 74 when writing failed.
    public var exitCode: Int32 {
        switch self {
        case .cannotOpen, .notAFile: 73
        case .cannotWrite, .readerIsGone: 74
        }
    }

    public var description: String {
        switch self {
        case .cannotOpen(let path, let code):
            "\(SafeText.visible(path)): cannot be opened for writing: \(Self.text(code)). "
                + Self.advice(code)
        case .cannotWrite(let path, let code):
            "\(SafeText.visible(path)): writing failed: \(Self.text(code)). " + Self.advice(code)
        case .notAFile(let path, let kind):
            "\(SafeText.visible(path)): is \(kind). Name a file, a named pipe or '-'."
        case .readerIsGone(let path):
            "\(SafeText.visible(path)): the program that read from it has gone. Start it again."
        }
    }

    private static func text(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "Make room and run again: nothing is lost."
        case EACCES, EPERM: "Give this user the right to write there, or name another file."
        case ENOENT, ENOTDIR: "Create the folder first."
        case EROFS: "The file system is read-only; name another place."
        case ENXIO: "Start the program that reads from the pipe first."
        case EFBIG: "Raise the limit on file sizes (ulimit -f), or rotate the file."
        default: "Look at the file and its file system, then run again."
        }
    }
}
