/// Why a world could not be made or a truth not be used.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
    /// The GeoIP databases place too few addresses to live in.
    case noPlaces(found: Int)
    /// A line of a truth file.
    case badTruth(path: String, line: Int, problem: String)
    /// A line of an alerts file.
    case badAlert(path: String, line: Int, problem: String)
    /// It holds no line.
    case nothingToFind(path: String)
    /// How many users and days the alerts are of is nowhere said.
    case unknownSize

    public var description: String {
        switch self {
        case .noPlaces(let found):
            "the GeoIP databases place \(found) of the addresses tried, too few to live in. Name a"
                + " City database with --geo."
        case .badTruth(let path, let line, let problem), .badAlert(let path, let line, let problem):
            "\(path):\(line == 0 ? "" : "\(line):") \(problem)"
        case .nothingToFind(let path):
            "\(path): there is no line in it. Name the truth file that was written with the records."
        case .unknownSize:
            "how many users and days the records are of is not known. Give --records FILE, or"
                + " --users and --days."
        }
    }

    /// Of sysexits.h: 65 for data, 64 for misuse, 78 for a database that is of no use.
    public var exitCode: Int32 {
        switch self {
        case .badTruth, .badAlert, .nothingToFind: 65
        case .unknownSize: 64
        case .noPlaces: 78
        }
    }
}
