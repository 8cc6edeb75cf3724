internal import Synchronization

/// Signs Security Event Tokens with one key and publishes it with others, so that receivers know the
/// next key before it signs, and the last one until nothing that it signed is under way.
public final class SignalSigner: Sendable {
    /// `kid` and key; the first signs.
    private let keys: [(id: String, key: SigningKey)]

    /// - Parameter keyID: of the first key; the RFC 7638 thumbprint when nil, as for the others.
    public init(_ keys: [SigningKey], keyID: String? = nil) {
        precondition(!keys.isEmpty, "there is a key to sign with")
        self.keys = keys.enumerated().map { index, key in
            (index == 0 ? keyID ?? key.thumbprint : key.thumbprint, key)
        }
    }

    /// Throws `badSecret` unless the text is a private key that can sign.
    public static func key(pem: String, origin: String) throws(ResponseError) -> SigningKey {
        guard let key = SigningKey(pem: pem) else {
            throw .badFile(
                path: origin, reason: "it is no private key in PEM of RSA 2048 or P-256",
                remedy:
                    "Make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")
        }
        return key
    }

    /// A compact JWS with `typ: secevent+jwt`. Nil when libcrypto fails.
    public func token(_ claims: String) -> String? {
        JSONWebSignature.compact(
            claims, key: keys[0].key, keyID: keys[0].id, type: "secevent+jwt")
    }

    /// The JSON Web Key Set (RFC 7517) to be served at `jwks_uri`.
    public var jwks: String {
        #"{"keys":["#
            + keys.map { $0.key.publicJWK(keyID: $0.id) }.joined(separator: ",") + "]}"
    }
}

/// A signer whose key is read when it is first needed.
final class LazySigner: Sendable {
    private let secret: SecretValue
    private let keyID: String?
    private let known = Mutex<SignalSigner?>(nil)

    init(_ secret: SecretValue, keyID: String?) { (self.secret, self.keyID) = (secret, keyID) }

    func signer() throws(ResponseError) -> SignalSigner {
        if let signer = known.withLock({ $0 }) { return signer }
        let key = try SignalSigner.key(pem: try secret.text(), origin: "signing_key")
        let signer = SignalSigner([key], keyID: keyID)
        known.withLock { $0 = signer }
        return signer
    }
}
