public import Settings
internal import Yams

/// Who may have a stream, and by which token.
///
/// ```yaml
/// receivers:
///   - name: mail
///     token_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
///     audience: https://mail.example.com/caep
///     may: manage        # or read: everything but setting streams up
/// ```
///
/// Tokens themselves are not in it: `printf %s "$token" | sha256sum` gives what is. Make one of at
/// least 128 random bits (`openssl rand -hex 32`), which no list of common words will find.
public struct SignalReceivers: Sendable {
    public struct Receiver: Sendable, Equatable {
        public var name: String
        /// 32 bytes.
        public var tokenHash: [UInt8]
        /// `aud` of its stream.
        public var audience: String
        /// Whether it may set its stream up, or only read it.
        public var mayManage: Bool

        public init(name: String, tokenHash: [UInt8], audience: String, mayManage: Bool = true) {
            self.name = name
            self.tokenHash = tokenHash
            self.audience = audience
            self.mayManage = mayManage
        }
    }

    public static let limit = 1_000

    private let receivers: [Receiver]

    public init(_ receivers: [Receiver]) { self.receivers = receivers }

    /// Throws everything that is wrong with the file.
    public init(file path: String) throws(SettingsError) {
        let log = ProblemLog(file: path)
        var found: [Receiver] = []
        if let text = SettingsFile.text(of: path, log: log),
            let root = YAMLDocument.root(of: text, content: "'receivers:'", log: log),
            let fields = FieldReader(root, name: "the file", keys: ["receivers"], log: log),
            let list = fields.required("receivers", because: "a list of who may have a stream"),
            let items = fields.items(of: list, key: "receivers", limit: SignalReceivers.limit)
        {
            for item in items {
                guard let one = SignalReceivers.receiver(item, log: log) else { continue }
                if found.contains(where: { $0.name == one.name || $0.tokenHash == one.tokenHash }) {
                    log.add("Its name or token is another receiver's already.", at: item)
                }
                found.append(one)
            }
            if items.isEmpty { log.add("'receivers' is empty. Write one.", at: list) }
        }
        guard log.isClean else { throw SettingsError(log.problems) }
        receivers = found
    }

    private static func receiver(_ item: Node, log: ProblemLog) -> Receiver? {
        guard
            let fields = FieldReader(
                item, name: "the receiver", keys: ["name", "token_sha256", "audience", "may"],
                log: log)
        else { return nil }
        let name = fields.text("name", limit: 64, because: "what messages call it")
        let audience = fields.text(
            "audience", limit: 512, because: "'aud' of its events, as its URL")
        var may: String? = "manage"
        if let node = fields.value("may") {
            may = fields.word("may", of: node, among: ["manage", "read"]) {
                ["manage", "read"].contains($0) ? $0 : nil
            }
        }
        guard
            let hash = fields.text(
                "token_sha256", because: "the SHA-256 of its token, in hexadecimal digits")
        else { return nil }
        guard let bytes = hexBytes(hash), bytes.count == 32 else {
            log.add(
                "'token_sha256' must be 64 hexadecimal digits: printf %s \"$token\" | sha256sum",
                at: fields.place("token_sha256"))
            return nil
        }
        guard let name, let audience, let may else { return nil }
        return Receiver(
            name: name, tokenHash: bytes, audience: audience, mayManage: may == "manage")
    }

    /// The receiver whose token the header `authorization` bears; nil for none.
    ///
    /// Hashes are compared whole, and every receiver's, so that the time tells nothing of how much
    /// was right.
    func receiver(authorization: String?) -> Receiver? {
        guard let authorization, authorization.utf8.count <= 4096 else { return nil }
        let words = authorization.split(separator: " ", maxSplits: 1)
        guard words.count == 2, asciiLowered(String(words[0])) == "bearer" else { return nil }
        let hash = Digest.sha256(Array(words[1].utf8))
        var found: Receiver?
        for receiver in receivers {
            var difference: UInt8 = 0
            for (a, b) in zip(hash, receiver.tokenHash) { difference |= a ^ b }
            if difference == 0 { found = receiver }
        }
        return found
    }

    private static func hexBytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { byte -> UInt8? in
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46: byte - 0x37
            case 0x61...0x66: byte - 0x57
            default: nil
            }
        }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
