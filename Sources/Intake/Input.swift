import Glibc

/// What is to be read.
public enum Input: Sendable, Hashable {
    case file(path: String)
    case standardInput

    /// The path, or `-`: how rejects and checkpoints name it.
    public var name: String {
        switch self {
        case .file(let path): path
        case .standardInput: "-"
        }
    }
}

/// Turns the command line's arguments into inputs.
public enum InputList {
    /// A folder stands for its files, sorted by name (as bytes), those whose name begins with a dot
    /// left out; folders in it are not entered. `-` is standard input. The same input named twice is
    /// read once.
    public static func resolve(_ arguments: [String]) throws(IntakeError) -> [Input] {
        var found: [Input] = []
        var seen: Set<Input> = []
        for argument in arguments {
            var inputs: [Input] = []
            if argument == "-" {
                inputs = [.standardInput]
            } else {
                var information = stat()
                guard stat(argument, &information) == 0 else {
                    throw IntakeError.opening(argument, errno)
                }
                if information.st_mode & S_IFMT == S_IFDIR {
                    inputs = try files(of: argument).map { .file(path: $0) }
                } else {
                    inputs = [.file(path: argument)]
                }
            }
            for input in inputs where seen.insert(input).inserted { found.append(input) }
        }
        return found
    }

    private static func files(of folder: String) throws(IntakeError) -> [String] {
        guard let directory = opendir(folder) else { throw IntakeError.opening(folder, errno) }
        defer { closedir(directory) }
        var names: [[UInt8]] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                Array(bytes.prefix { $0 != 0 })
            }
            if name.first != 0x2E { names.append(name) }
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return names.map { prefix + String(decoding: $0, as: UTF8.self) }.filter { path in
            var information = stat()
            return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
        }
    }
}

extension IntakeError {
    /// What `open` or `stat` said.
    static func opening(_ path: String, _ code: Int32) -> IntakeError {
        switch code {
        case ENOENT, ENOTDIR: .missing(path: path)
        case EACCES, EPERM: .notPermitted(path: path)
        default: .notReadable(path: path, reason: String(cString: strerror(code)))
        }
    }
}
