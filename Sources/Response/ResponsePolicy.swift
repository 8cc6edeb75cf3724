public import SessionModel

/// How many actions may be begun, whatever the alerts say: a rule gone wrong, or an attacker who
/// makes noise on purpose, must not log out a whole company.
public struct ActionCaps: Sendable, Equatable {
    /// Calls in one run of `apply`, repetitions included. Default 100.
    public var perRun: Int
    /// Actions begun in any 60 minutes; repetitions are free. Default 200.
    public var perHour: Int
    /// Actions begun in any 60 minutes for one user. Default 6: a log-out and a password change for
    /// three alerts.
    public var perUserPerHour: Int

    /// What is above a cap waits for the next run; nothing is dropped.
    public init(
        perRun: Int = 100, perHour: Int = 200, perUserPerHour: Int = 6
    ) throws(ResponseError) {
        for (name, value) in [
            ("the cap per run", perRun), ("the cap per hour", perHour),
            ("the cap per user and hour", perUserPerHour),
        ] where !(0...100_000).contains(value) {
            throw .badSetting(name: name, value: String(value), allowed: "0 to 100000")
        }
        self.perRun = perRun
        self.perHour = perHour
        self.perUserPerHour = perUserPerHour
    }

    /// The defaults.
    public static let standard = ActionCaps()

    private init() { (perRun, perHour, perUserPerHour) = (100, 200, 6) }
}

/// Users for whom Lastseen takes no step itself: break-glass accounts, service accounts, the board.
///
/// An entry is a user id or a user name, compared without regard to ASCII case; one that ends in `*`
/// matches what begins with the rest (`svc-*`). An alert on such a user is still an alert.
public struct ProtectedUsers: Sendable, Equatable {
    private var names: Set<String> = []
    private var prefixes: [String] = []

    /// At most 100 000 entries of at most 256 bytes. Empty entries and those beginning with `#` are
    /// skipped, so that a file's lines can be given.
    public init(_ entries: some Sequence<String> = []) throws(ResponseError) {
        for entry in entries {
            let text = trimmed(entry)
            if text.isEmpty || text.hasPrefix("#") { continue }
            guard text.utf8.count <= TextLimit.userID, text != "*" else {
                throw .badSetting(
                    name: "a protected user", value: text,
                    allowed: "a user's id or name of at most \(TextLimit.userID) bytes; to protect "
                        + "everybody, do not switch acting on")
            }
            guard names.count + prefixes.count < 100_000 else {
                throw .badSetting(
                    name: "the list of protected users", value: "longer than 100000",
                    allowed: "at most 100000 entries, or prefixes ending in '*'")
            }
            if text.hasSuffix("*") {
                prefixes.append(asciiLowered(String(text.dropLast())))
            } else {
                names.insert(asciiLowered(text))
            }
        }
    }

    public static let none = ProtectedUsers()

    private init() {}

    public func contains(id: String, name: String) -> Bool {
        if names.isEmpty && prefixes.isEmpty { return false }
        for text in [asciiLowered(id), asciiLowered(name)] where !text.isEmpty {
            if names.contains(text) || prefixes.contains(where: text.hasPrefix) { return true }
        }
        return false
    }
}

/// When Lastseen acts itself, and how far.
///
/// An alert's rung is what its rules ask for; the policy decides what of it is done:
///
/// | step | asked by a rung of | and |
/// | --- | --- | --- |
/// | log out the session | log-out-session or above | risk ≥ `actRisk`, confidence ≥ `confidence` |
/// | require a password change | require-password-change or above | as above, risk ≥ `passwordRisk` |
///
/// Everything else is a note for a person. Until `isActing`, all of it is a dry run.
public struct ResponsePolicy: Sendable, Equatable {
    /// Off by default: nothing is ever sent.
    public var isActing: Bool
    /// The least risk, 0 through 100, for any step. Default 80.
    public var actRisk: Int
    /// The least risk, 0 through 100, for making a user choose a new password. Default 90.
    public var passwordRisk: Int
    /// What the surest finding must be at least. Default likely.
    public var confidence: Confidence
    /// Nothing above is done. Default require-password-change, the highest there is.
    public var highestRung: Rung
    public var protectedUsers: ProtectedUsers
    public var caps: ActionCaps
    /// Which connector carries the steps out.
    public var connector: ConnectorKind

    public init(
        isActing: Bool = false, actRisk: Int = 80, passwordRisk: Int = 90,
        confidence: Confidence = .likely, highestRung: Rung = .requirePasswordChange,
        protectedUsers: ProtectedUsers = .none, caps: ActionCaps = .standard,
        connector: ConnectorKind = .webhook
    ) throws(ResponseError) {
        for (name, value) in [("--act-risk", actRisk), ("the password risk", passwordRisk)]
        where !(0...100).contains(value) {
            throw .badSetting(name: name, value: String(value), allowed: "0 to 100")
        }
        self.isActing = isActing
        self.actRisk = actRisk
        self.passwordRisk = passwordRisk
        self.confidence = confidence
        self.highestRung = highestRung
        self.protectedUsers = protectedUsers
        self.caps = caps
        self.connector = connector
    }
}

func trimmed(_ text: String) -> String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var bytes = Substring(text).utf8
    while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
    while let last = bytes.last, isSpace(last) { bytes.removeLast() }
    return String(Substring(bytes))
}

func asciiLowered(_ text: String) -> String {
    guard text.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return text }
    return String(
        decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
}
