internal import Response

/// Why messages could not be set up. What a channel answers is never one of these: that is a
/// `DeliveryAnswer`.
public enum MessagingError: Error, Equatable, CustomStringConvertible {
    /// A file of phrases, a template or a directory that cannot be used.
    case badFile(path: String, reason: String, remedy: String)
    /// A setting of a channel that cannot be used; `allowed` says what would be.
    case badSetting(channel: String, name: String, reason: String, allowed: String)
    case unknownChannel(String, known: [String])
    /// A link's key that is none. The key itself is never shown.
    case badKey(reason: String)

    public var description: String {
        switch self {
        case .badFile(let path, let reason, let remedy):
            "\(plain(path, limit: 400)): \(reason). \(remedy)"
        case .badSetting(let channel, let name, let reason, let allowed):
            "Channel '\(plain(channel, limit: 60))': \(name) \(reason). Use \(allowed)."
        case .unknownChannel(let name, let known):
            "There is no channel '\(plain(name, limit: 60))'. "
                + (known.isEmpty
                    ? "The file has none." : "The file has \(known.joined(separator: ", ")).")
        case .badKey(let reason):
            "The key that signs links \(reason). Make one with: openssl rand -base64 32"
        }
    }
}
