internal import Response
public import SessionModel

/// What an account's owner says of an alert.
public enum OwnerAnswer: String, CaseIterable, Sendable {
    /// "This was me."
    case mine
    /// "This was not me."
    case notMine = "not-mine"

    fileprivate var letter: String { self == .mine ? "m" : "n" }
}

/// The keys that sign links, newest first: the first one signs, each is accepted, so that keys can be
/// changed while links are on their way.
///
/// Never printed: its description, and what a debugger or `dump` shows, is masked.
public struct AnswerKey: Sendable, CustomStringConvertible, CustomReflectable {
    fileprivate let keys: [[UInt8]]

    /// - Parameter text: 1 to 4 keys, separated by spaces or line ends, each of at least 32 characters
    ///   (as `openssl rand -base64 32` makes them).
    public init(_ text: String) throws(MessagingError) {
        let words = text.split(whereSeparator: { $0 == " " || $0.isNewline || $0 == "\t" })
        guard (1...4).contains(words.count) else {
            throw .badKey(reason: "is \(words.isEmpty ? "empty" : "more than four")")
        }
        guard words.allSatisfy({ (32...1024).contains($0.utf8.count) }) else {
            throw .badKey(reason: "is shorter than 32 characters or longer than 1024")
        }
        keys = words.map { Array($0.utf8) }
    }

    public var description: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A link's contents: which alert, which answer, until when. Signed, so that only a message of ours
/// can carry it.
///
/// The form is `1.ALERT.REVISION.ANSWER.LANGUAGE.EXPIRY.SIGNATURE`, where the signature is the
/// base64url of HMAC-SHA256 (RFC 2104) over the netstrings of the fields before it and a word for
/// what is signed. It holds nothing secret: whoever has it may give that one answer, once.
public struct AnswerToken: Sendable, Equatable {
    public var alertID: String
    public var revision: Int
    public var answer: OwnerAnswer
    /// Of the pages that it opens.
    public var language: String
    /// Wall time.
    public var expires: Timestamp

    public init(
        alertID: String, revision: Int, answer: OwnerAnswer, language: String, expires: Timestamp
    ) {
        self.alertID = alertID
        self.revision = revision
        self.answer = answer
        self.language = language
        self.expires = expires
    }

    /// What a used link is remembered by.
    public var id: String {
        Digest.hex(Digest.sha256(Digest.canonical(["lastseen-answer-id-1"] + fields)).prefix(16))
    }

    private var fields: [String] {
        [
            "1", alertID, String(revision), answer.letter, language,
            String(expires.milliseconds / 1000),
        ]
    }

    public func text(key: AnswerKey) -> String {
        (fields + [AnswerToken.signature(of: fields, key: key.keys[0])]).joined(separator: ".")
    }

    /// Why a link is not taken.
    public enum Refusal: String, Error, Sendable {
        /// Not one of ours, or changed on the way.
        case invalid
        case expired
    }

    /// Reads and checks a link's text. Pure; takes the same time for every wrong signature.
    ///
    /// Whether it was used, and whether the alert still asks, is for the state to say.
    public static func verify(
        _ text: String, key: AnswerKey, now: Timestamp
    ) throws(Refusal) -> AnswerToken {
        guard text.utf8.count <= 512 else { throw .invalid }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 7, parts[0] == "1" else { throw .invalid }
        let fields = Array(parts.dropLast())
        var isSigned = false
        for key in key.keys {
            let right = Array(signature(of: fields, key: key).utf8)
            let given = Array(parts[6].utf8)
            guard given.count == right.count else { continue }
            var difference: UInt8 = 0
            for (a, b) in zip(right, given) { difference |= a ^ b }
            if difference == 0 { isSigned = true }
        }
        guard isSigned, let revision = Int(parts[2]), let seconds = Int64(parts[5]),
            let answer = OwnerAnswer.allCases.first(where: { $0.letter == parts[3] }),
            (0...1 << 40).contains(seconds)
        else { throw .invalid }
        let token = AnswerToken(
            alertID: parts[1], revision: revision, answer: answer, language: parts[4],
            expires: Timestamp(milliseconds: seconds * 1000))
        guard now < token.expires else { throw .expired }
        return token
    }

    private static func signature(of fields: [String], key: [UInt8]) -> String {
        let mac = Digest.hmacSHA256(
            key: key, Digest.canonical(["lastseen-answer-1"] + fields))
        return Digest.base64(mac).filter { $0 != "=" }
            .replacing("+", with: "-").replacing("/", with: "_")
    }
}
