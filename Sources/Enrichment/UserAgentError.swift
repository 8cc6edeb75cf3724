/// Why the expressions that recognise user agents could not be read.
public enum UserAgentError: Error, Equatable, CustomStringConvertible {
    case notFound(paths: [String])
    case cannotRead(path: String, reason: String)
    case tooLarge(path: String, bytes: Int, limit: Int)
    /// `line` is from 1, and 0 when it is not known.
    case malformed(path: String, line: Int, problem: String)

    public var description: String {
        switch self {
        case .notFound(let paths):
            "no expressions to recognise user agents with: looked for "
                + paths.joined(separator: ", ")
                + ". Install the package uap-core, or name a regexes.yaml of uap-core."
        case .cannotRead(let path, let reason):
            "\(path): cannot be read: \(reason). It should be a regexes.yaml of uap-core."
        case .tooLarge(let path, let bytes, let limit):
            "\(path): is \(bytes) bytes long, more than the \(limit) that are accepted. "
                + "uap-core's regexes.yaml has about 200 000."
        case .malformed(let path, let line, let problem):
            "\(path)\(line > 0 ? ":\(line)" : ""): \(problem). "
                + "It should be a regexes.yaml of uap-core."
        }
    }
}
