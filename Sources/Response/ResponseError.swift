/// Why a response could not be set up, or had to stop. What a target answers is never one of these:
/// that is a `ConnectorAnswer`.
public enum ResponseError: Error, Equatable, CustomStringConvertible {
    /// A setting that cannot be used; `allowed` says what would be.
    case badSetting(name: String, value: String, allowed: String)
    /// A file of secrets, certificates or a program that cannot be used.
    case badFile(path: String, reason: String, remedy: String)
    /// A secret that is none. The text itself is never shown.
    case badSecret(origin: String, number: Int, reason: String)
    case unknownConnector(String)
    /// The outbox's storage failed; nothing was sent that is not recorded as started.
    case outbox(reason: String)
    case journalBroken(sequence: Int64, reason: String)
    /// A system call or library that should not fail did.
    case system(operation: String, reason: String)

    public var description: String {
        switch self {
        case .badSetting(let name, let value, let allowed):
            "\(name) is '\(plain(value, limit: 120))'. Use \(allowed)."
        case .badFile(let path, let reason, let remedy):
            "\(plain(path, limit: 400)): \(reason). \(remedy)"
        case .badSecret(let origin, let number, let reason):
            "\(plain(origin, limit: 400)): secret \(number) \(reason). Make one with: "
                + "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""
        case .unknownConnector(let name):
            "There is no connector '\(plain(name, limit: 60))'. Use "
                + ConnectorKind.allCases.map(\.rawValue).joined(separator: " or ") + "."
        case .outbox(let reason):
            "The state of planned actions could not be read or written: \(reason). Nothing is lost: "
                + "run 'lastseen respond apply' again when that is put right."
        case .journalBroken(let sequence, let reason):
            "Journal entry \(sequence) \(reason). The journal was changed by something other than "
                + "Lastseen: keep the file, and compare with a backup."
        case .system(let operation, let reason):
            "\(operation) failed: \(reason)."
        }
    }
}
