/// What a record says happened. The raw values are stored: never change one.
@frozen public enum EventKind: UInt8, CaseIterable, Sendable {
    case login = 0
    case activity = 1
    case logout = 2
    /// A row of a list of live sessions: still open, last used at the record's time.
    case session = 3
    case mfa = 4
    case passwordChange = 5
    case recovery = 6
    case mfaChange = 7

    /// The word in the native record.
    public var name: String {
        switch self {
        case .login: "login"
        case .activity: "activity"
        case .logout: "logout"
        case .session: "session"
        case .mfa: "mfa"
        case .passwordChange: "password_change"
        case .recovery: "recovery"
        case .mfaChange: "mfa_change"
        }
    }
}

/// How it ended. The raw values are stored.
@frozen public enum Outcome: UInt8, CaseIterable, Sendable {
    /// The record does not say; judged as a success, since only sign-ins that worked leave sessions.
    case unknown = 0
    case success = 1
    case failure = 2

    public var name: String {
        switch self {
        case .unknown: "unknown"
        case .success: "success"
        case .failure: "failure"
        }
    }
}

/// How the user proved who they are. The raw values are stored.
@frozen public enum AuthMethod: UInt8, CaseIterable, Sendable {
    case unknown = 0
    case password = 1
    case token = 2
    case mfa = 3
    case passkey = 4
    case sso = 5

    public var name: String {
        switch self {
        case .unknown: "unknown"
        case .password: "password"
        case .token: "token"
        case .mfa: "mfa"
        case .passkey: "passkey"
        case .sso: "sso"
        }
    }
}

/// One record as decoded. Its texts are views into the chunk it came from (or the decoder's arena)
/// and die with it.
@frozen public struct Record: BitwiseCopyable, @unchecked Sendable {
    public var time = Timestamp(milliseconds: 0)
    public var address = IPAddress.none
    /// The source's own id of the record; empty when it has none.
    public var id = TextView()
    public var tenant = TextView()
    public var userID = TextView()
    public var userName = TextView()
    public var sessionID = TextView()
    public var deviceID = TextView()
    public var userAgent = TextView()
    public var application = TextView()
    public var event = EventKind.activity
    public var outcome = Outcome.unknown
    public var auth = AuthMethod.unknown
    /// The line in its source, from 1 (an element's number in a JSON array).
    public var line: UInt64 = 0
    /// The position in the uncompressed source just after the record: where to go on from.
    public var endOffset: UInt64 = 0
    /// SipHash of the record's raw bytes: its identity where `id` is empty.
    public var contentHash: UInt64 = 0

    @inlinable public init() {}
}

/// A line that was refused.
public struct Reject: Sendable, Equatable {
    /// The file's path, or `-`.
    public var source: String
    /// From 1.
    public var line: UInt64
    /// What is wrong and what would be right, for a person.
    public var reason: String
    /// The raw line, cut to 4096 bytes.
    public var text: String

    public init(source: String, line: UInt64, reason: String, text: String) {
        (self.source, self.line, self.reason, self.text) = (source, line, reason, text)
    }
}

/// The longest accepted texts, in bytes. A record with a longer identity is refused, since cutting it
/// could make two users, sessions or devices one; descriptive texts are cut.
public enum TextLimit {
    public static let line = 1 << 20
    public static let userID = 256
    public static let sessionID = 512
    public static let deviceID = 512
    public static let recordID = 256
    public static let tenant = 128
    /// Cut, not refused.
    public static let userName = 256
    public static let userAgent = 2048
    public static let application = 128
    /// Nesting of JSON.
    public static let depth = 64
}
