/// A key of the Standard Webhooks scheme: `whsec_` and the base64 of 24 to 64 random bytes.
///
/// Never printed: its description, and what a debugger or `dump` shows, is masked.
public struct WebhookSecret: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// The HMAC key: what the base64 stands for.
    let key: [UInt8]
    /// As given, for the redactor.
    let text: String

    /// Nil unless it has the prefix, canonical base64 and 24 to 64 bytes.
    public init?(_ text: String) {
        guard text.hasPrefix("whsec_"),
            let key = Digest.bytes(base64: String(text.dropFirst("whsec_".count))),
            (24...64).contains(key.count)
        else { return nil }
        self.key = key
        self.text = text
    }

    public var description: String { "whsec_***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The signature of the Standard Webhooks scheme, version 1 of its specification.
///
/// **To verify**, a receiver takes the headers `webhook-id`, `webhook-timestamp` and
/// `webhook-signature` and the raw body, before any parsing, and
///
/// 1. refuses a timestamp (seconds since 1970) more than 5 minutes from its clock;
/// 2. computes base64(HMAC-SHA256(key, id + "." + timestamp + "." + body)), with the key the bytes
///    that the base64 after `whsec_` stands for;
/// 3. compares, in constant time, with each of the space-separated entries of the signature header
///    that begins with `v1,`; one that matches is enough (there are two while secrets change);
/// 4. remembers the id, and answers 2xx without acting when it has it already.
///
/// The libraries at standardwebhooks.com do 1 to 3.
public enum WebhookSignature {
    /// The value of `webhook-signature`: one `v1,` entry for each secret, in order.
    public static func header(
        id: String, timestampSeconds: Int64, body: String, secrets: [WebhookSecret]
    ) -> String {
        let signed = Array("\(id).\(timestampSeconds).\(body)".utf8)
        return secrets.map { "v1," + Digest.base64(Digest.hmacSHA256(key: $0.key, signed)) }
            .joined(separator: " ")
    }

    /// Whether one entry of `header` is right, as a receiver decides it.
    ///
    /// - Parameter toleranceSeconds: how far the timestamp may be from `nowSeconds`.
    public static func verify(
        header: String, id: String, timestampSeconds: Int64, body: String,
        secrets: [WebhookSecret], nowSeconds: Int64, toleranceSeconds: Int64 = 300
    ) -> Bool {
        let (apart, overflows) = timestampSeconds.subtractingReportingOverflow(nowSeconds)
        guard !overflows, apart.magnitude <= UInt64(max(0, toleranceSeconds)) else { return false }
        let right = WebhookSignature.header(
            id: id, timestampSeconds: timestampSeconds, body: body, secrets: secrets
        ).split(separator: " ").map { Array($0.utf8) }
        var isRight = false
        for entry in header.split(separator: " ").prefix(32) {
            let given = Array(entry.utf8)
            for expected in right where expected.count == given.count {
                var difference: UInt8 = 0
                for (a, b) in zip(expected, given) { difference |= a ^ b }
                if difference == 0 { isRight = true }
            }
        }
        return isRight
    }
}
