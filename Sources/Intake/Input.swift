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
    /// The most files of one folder, and the most folders in it.
    public static let folderLimit = 10_000

    /// What the arguments stand for.
    public struct Found: Sendable, Equatable {
        public var inputs: [Input] = []
        /// Those that nobody named: they were found in a folder, and may be no records at all.
        public var unnamed: Set<Input> = []
    }

    /// A folder stands for the files in it and in the folders below, sorted by name (as bytes), those
    /// whose name begins with a dot left out; links to folders are not followed. `-` is standard
    /// input. The same input named twice is read once.
    ///
    /// Throws `badFolder` for a folder that holds no file, or more than `folderLimit`.
    public static func resolve(_ arguments: [String]) throws(IntakeError) -> Found {
        var found = Found()
        var seen: Set<Input> = []
        for argument in arguments {
            var inputs: [Input] = []
            var isFolder = false
            if argument == "-" {
                inputs = [.standardInput]
            } else {
                var information = stat()
                guard stat(argument, &information) == 0 else {
                    throw IntakeError.opening(argument, errno)
                }
                isFolder = information.st_mode & S_IFMT == S_IFDIR
                if isFolder {
                    inputs = try files(below: argument).map { .file(path: $0) }
                } else {
                    inputs = [.file(path: argument)]
                }
            }
            for input in inputs {
                if !isFolder { found.unnamed.remove(input) }
                guard seen.insert(input).inserted else { continue }
                found.inputs.append(input)
                if isFolder { found.unnamed.insert(input) }
            }
        }
        return found
    }

    private static func files(below top: String) throws(IntakeError) -> [String] {
        var found: [String] = []
        var folders = 0
        // What is still to be looked at, the next one last.
        var left: [Entry] = try entries(of: top).reversed()
        while let entry = left.popLast() {
            if entry.isFolder {
                folders += 1
                left += try entries(of: entry.path).reversed()
            } else {
                found.append(entry.path)
            }
            guard found.count <= folderLimit, folders <= folderLimit else {
                throw .badFolder(
                    path: top,
                    problem:
                        "it holds more than \(folderLimit) files or folders. Name some of them.")
            }
        }
        guard !found.isEmpty else {
            throw .badFolder(
                path: top,
                problem:
                    "there is no file in this folder (those whose names begin with a dot are left"
                    + " out). Check the path.")
        }
        return found
    }

    /// The files of one folder, sorted.
    static func files(in folder: String) throws(IntakeError) -> [String] {
        try entries(of: folder).filter { !$0.isFolder }.map(\.path)
    }

    private struct Entry {
        var path: String
        var isFolder: Bool
    }

    private static func entries(of folder: String) throws(IntakeError) -> [Entry] {
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
        var found: [Entry] = []
        for name in names {
            let path = prefix + String(decoding: name, as: UTF8.self)
            var information = stat()
            guard lstat(path, &information) == 0 else { continue }
            let isLink = information.st_mode & S_IFMT == S_IFLNK
            if isLink, stat(path, &information) != 0 { continue }
            switch information.st_mode & S_IFMT {
            case S_IFREG: found.append(Entry(path: path, isFolder: false))
            // A link may lead back to a folder above.
            case S_IFDIR where !isLink: found.append(Entry(path: path, isFolder: true))
            default: continue
            }
        }
        return found
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
