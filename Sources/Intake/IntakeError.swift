/// Why a source or a format cannot be used at all. (One bad line is a `Reject`, never one of these.)
public enum IntakeError: Error, Equatable, CustomStringConvertible {
    /// There is no such file.
    case missing(path: String)
    /// It is there and may not be read.
    case notPermitted(path: String)
    /// Neither a file that can be read nor a folder.
    case notReadable(path: String, reason: String)
    /// A folder that does not stand for files.
    case badFolder(path: String, problem: String)
    /// A read that began well failed.
    case readFailed(path: String, reason: String)
    /// `--format auto` knows no format that fits.
    case formatUnknown(path: String, known: [String])
    /// None of the files that were found in folders fits a format.
    case noneFits(count: Int, known: [String])
    /// No built-in format has this name.
    case noSuchFormat(name: String, nearest: String, known: [String])
    /// A format file is wrong.
    case badFormat(place: String, problem: String)
    /// The source's beginning cannot be read as its format.
    case badBeginning(path: String, problem: String)
    /// A system resource is short.
    case unavailable(reason: String)

    /// The exit status of sysexits that fits.
    public var exitCode: Int32 {
        switch self {
        case .missing, .notPermitted, .notReadable, .badFolder: 66
        case .readFailed: 74
        case .formatUnknown, .noneFits, .badBeginning: 65
        case .noSuchFormat: 64
        case .badFormat: 78
        case .unavailable: 75
        }
    }

    public var description: String {
        switch self {
        case .missing(let path):
            "\(path): there is no such file. Check the path."
        case .notPermitted(let path):
            "\(path): permission denied. Run as a user who may read it."
        case .notReadable(let path, let reason):
            "\(path): cannot be read: \(reason). Give a file, a folder of files, or '-'."
        case .readFailed(let path, let reason):
            "\(path): reading failed: \(reason). What was read before stays; run again."
        case .formatUnknown(let path, let known):
            "\(path): its first lines fit no known format (\(known.joined(separator: ", "))). "
                + "Name one with --format, or describe it with --format-file."
        case .badFolder(let path, let problem):
            "\(path): \(problem)"
        case .noneFits(let count, let known):
            "None of the files found (\(count)) fits a known format "
                + "(\(known.joined(separator: ", "))). "
                + "Name one with --format, or describe it with --format-file."
        case .noSuchFormat(let name, let nearest, let known):
            "'\(name)' is not a format. Did you mean '\(nearest)'? "
                + "Known: \(known.joined(separator: ", "))."
        case .badFormat(let place, let problem):
            "\(place): \(problem)"
        case .badBeginning(let path, let problem):
            "\(path): \(problem)"
        case .unavailable(let reason):
            "\(reason). Try again later."
        }
    }
}
