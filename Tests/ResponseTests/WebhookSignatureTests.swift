import Testing

@testable import Response

struct WebhookSignatureTests {
    /// Secret, id, timestamp, body, signature. The first is of Standard Webhooks' Go library, the
    /// second was computed apart from this code.
    static let vectors: [(String, String, Int64, String, String)] = [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330, #"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        ),
        (
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "msg_01JD0000000000000000000001", 1_795_456_800,
            #"{"type":"session.flagged","timestamp":"2026-11-23T18:00:00Z","data":{"id":"f-1"}}"#,
            "v1,Y/9SSKQKU51BjQlJfJ2BERD0nQrWw+YHBU7nLSBWbmQ="
        ),
    ]

    @Test("the known signatures come out", arguments: vectors)
    func vector(secret: String, id: String, time: Int64, body: String, signature: String) throws {
        let secret = try #require(WebhookSecret(secret))
        #expect(
            WebhookSignature.header(
                id: id, timestampSeconds: time, body: body, secrets: [secret]) == signature)
        #expect(
            WebhookSignature.verify(
                header: signature, id: id, timestampSeconds: time, body: body, secrets: [secret],
                nowSeconds: time))
    }

    @Test("with two secrets both sign, and either one verifies")
    func rotation() throws {
        let secrets = try WebhookSignatureTests.vectors.map { try #require(WebhookSecret($0.0)) }
        let header = WebhookSignature.header(
            id: "act-1", timestampSeconds: 1000, body: "{}", secrets: secrets)
        #expect(header.split(separator: " ").count == 2)
        for secret in secrets {
            #expect(
                WebhookSignature.verify(
                    header: header, id: "act-1", timestampSeconds: 1000, body: "{}",
                    secrets: [secret], nowSeconds: 1000))
        }
    }

    /// What differs from the signed message; the clock; whether it is taken.
    static let changes: [(String, String, Int64, String, Int64, Bool)] = [
        ("", "act-1", 1000, "{}", 1000, true),
        ("", "act-2", 1000, "{}", 1000, false),
        ("", "act-1", 1001, "{}", 1000, false),
        ("", "act-1", 1000, "{ }", 1000, false),
        ("x", "act-1", 1000, "{}", 1000, false),
        ("", "act-1", 1000, "{}", 1300, true),
        ("", "act-1", 1000, "{}", 1301, false),
        ("", "act-1", 1000, "{}", 700, true),
        ("", "act-1", 1000, "{}", 699, false),
        ("", "act-1", 1000, "{}", .min, false),
    ]

    @Test("any change and an old timestamp are refused", arguments: changes)
    func changed(
        suffix: String, id: String, time: Int64, body: String, now: Int64, isRight: Bool
    ) throws {
        let secret = try #require(WebhookSecret(WebhookSignatureTests.vectors[0].0))
        let header = WebhookSignature.header(
            id: "act-1", timestampSeconds: 1000, body: "{}", secrets: [secret])
        #expect(
            WebhookSignature.verify(
                header: header + suffix, id: id, timestampSeconds: time, body: body,
                secrets: [secret], nowSeconds: now) == isRight)
    }

    /// A text; whether it is a secret.
    static let secrets: [(String, Bool)] = [
        ("whsec_" + Digest.base64([UInt8](repeating: 7, count: 23)), false),
        ("whsec_" + Digest.base64([UInt8](repeating: 7, count: 24)), true),
        ("whsec_" + Digest.base64([UInt8](repeating: 7, count: 64)), true),
        ("whsec_" + Digest.base64([UInt8](repeating: 7, count: 65)), false),
        (Digest.base64([UInt8](repeating: 7, count: 32)), false),
        ("whsec_", false),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", false),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", false),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd_-8=", false),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX GBkaGxwdHh8=", false),
        ("whsec_========", false),
    ]

    @Test("a secret has the prefix and 24 to 64 bytes of canonical base64", arguments: secrets)
    func secret(text: String, isSecret: Bool) {
        #expect((WebhookSecret(text) != nil) == isSecret)
    }

    @Test("a secret does not show itself")
    func masked() throws {
        let text = WebhookSignatureTests.vectors[0].0
        let secret = try #require(WebhookSecret(text))
        var dumped = ""
        dump(secret, to: &dumped)
        let key = String(text.dropFirst(6))
        for shown in ["\(secret)", String(reflecting: secret), dumped, "\([secret])"] {
            #expect(!shown.contains(key))
        }
        let options = WebhookOptions(url: "https://h.example/", secrets: [secret])
        #expect(!"\(options)".contains(key))
    }
}
