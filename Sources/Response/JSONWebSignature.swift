internal import CCurl

/// A private key that signs JSON Web Signatures: RSA of 2048 bits or more, or P-256.
///
/// Safe because the pointer does not leave it, and libcrypto lets several threads use one key.
/// Never printed.
@safe
public final class SigningKey: @unchecked Sendable, CustomStringConvertible,
    CustomReflectable
{
    /// The algorithms of RFC 7518 that a key can be for.
    public enum Algorithm: String, CaseIterable, Sendable {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        case rs256 = "RS256"
        /// ECDSA on P-256 with SHA-256.
        case es256 = "ES256"
    }

    private let handle: OpaquePointer

    /// Nil unless the text is a private key in PEM (PKCS #8, PKCS #1 or SEC 1), not encrypted, of a
    /// kind above.
    public init?(pem: String) {
        let bytes = pem.utf8.map { CChar(bitPattern: $0) }
        guard let handle = unsafe ckey_read(bytes, bytes.count) else { return nil }
        unsafe self.handle = handle
    }

    /// A new key. Takes a moment for RSA.
    public init(_ algorithm: Algorithm) throws(ResponseError) {
        guard let handle = unsafe ckey_new(algorithm == .rs256 ? CKEY_RSA : CKEY_P256) else {
            throw .system(operation: "Making a key", reason: "libcrypto could not")
        }
        unsafe self.handle = handle
    }

    deinit { unsafe ckey_free(handle) }

    public var algorithm: Algorithm {
        unsafe ckey_get_kind(handle) == CKEY_RSA ? .rs256 : .es256
    }

    /// The signature in the form of RFC 7518, 3.3 and 3.4. Nil when libcrypto fails.
    func signature(of bytes: [UInt8]) -> [UInt8]? {
        var out = [UInt8](repeating: 0, count: 1024)
        let count = unsafe ckey_sign(handle, bytes, bytes.count, &out)
        return count == 0 ? nil : Array(out[..<count])
    }

    func isSignature(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        unsafe ckey_verify(handle, bytes, bytes.count, signature, signature.count) == 1
    }

    /// The public part as a JSON Web Key (RFC 7517), for a `jwks`: its members in the order that
    /// RFC 7638 wants for the thumbprint, which is the key id when none is given.
    public func publicJWK(keyID: String? = nil) -> String {
        let members = publicMembers
        var json = JSONText()
        json.object {
            for (name, value) in members { $0.string(name, value) }
            $0.string("kid", keyID ?? thumbprint)
            $0.string("use", "sig")
            $0.string("alg", algorithm.rawValue)
        }
        return json.text
    }

    /// The RFC 7638 thumbprint by SHA-256, in base64url.
    public var thumbprint: String {
        var json = JSONText()
        json.object { for (name, value) in publicMembers { $0.string(name, value) } }
        return Digest.base64URL(Digest.sha256(Array(json.text.utf8)))
    }

    /// The members that a public key must have, by name.
    private var publicMembers: [(String, String)] {
        var first = [UInt8](repeating: 0, count: 1024)
        var second = first
        var (firstCount, secondCount) = (0, 0)
        let isRead = unsafe ckey_public(handle, &first, &firstCount, &second, &secondCount)
        precondition(isRead == 1, "a key that was read or made has its public part")
        let one = Digest.base64URL(Array(first[..<firstCount]))
        let two = Digest.base64URL(Array(second[..<secondCount]))
        return switch algorithm {
        case .rs256: [("e", two), ("kty", "RSA"), ("n", one)]
        case .es256: [("crv", "P-256"), ("kty", "EC"), ("x", one), ("y", two)]
        }
    }

    /// The private key in PKCS #8 PEM, to be kept in a file.
    public func pem() throws(ResponseError) -> String {
        var room = [CChar](repeating: 0, count: 16_384)
        let count = unsafe ckey_write(handle, &room, room.count)
        guard count > 0 else {
            throw .system(operation: "Writing a key", reason: "libcrypto could not")
        }
        return String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    public var description: String { "\(algorithm.rawValue) key ***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// JSON Web Signatures in the compact form (RFC 7515, 7.1), which JSON Web Tokens have.
public enum JSONWebSignature {
    /// `header.payload.signature`, each in base64url. Nil when libcrypto fails.
    ///
    /// - Parameters:
    ///   - payload: signed as it is; the claims' JSON for a token.
    ///   - keyID: `kid`, when the receiver chooses among keys.
    ///   - type: `typ`, as `JWT` or `secevent+jwt`.
    public static func compact(
        _ payload: String, key: SigningKey, keyID: String? = nil, type: String? = nil
    ) -> String? {
        var header = JSONText()
        header.object {
            $0.string("alg", key.algorithm.rawValue)
            if let keyID { $0.string("kid", keyID) }
            if let type { $0.string("typ", type) }
        }
        let signed =
            Digest.base64URL(Array(header.text.utf8)) + "."
            + Digest.base64URL(Array(payload.utf8))
        guard let signature = key.signature(of: Array(signed.utf8)) else { return nil }
        return signed + "." + Digest.base64URL(signature)
    }

    /// The payload, if the signature is the key's. The header's `alg` must be the key's own: a token
    /// does not choose how it is verified.
    public static func verifiedPayload(_ compact: String, key: SigningKey) -> [UInt8]? {
        let parts = compact.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Digest.bytes(base64URL: String(parts[0])),
            let payload = Digest.bytes(base64URL: String(parts[1])),
            let signature = Digest.bytes(base64URL: String(parts[2])),
            JSONValue(header)?["alg"]?.text == key.algorithm.rawValue,
            key.isSignature(signature, of: Array("\(parts[0]).\(parts[1])".utf8))
        else { return nil }
        return payload
    }
}

extension Digest {
    /// Without padding, in the alphabet for URLs and file names (RFC 4648, 5).
    static func base64URL(_ bytes: [UInt8]) -> String {
        String(
            decoding: base64(bytes).utf8.compactMap { byte -> UInt8? in
                switch byte {
                case 0x2B: 0x2D
                case 0x2F: 0x5F
                case 0x3D: nil
                default: byte
                }
            }, as: UTF8.self)
    }

    /// Nil unless the text is exactly what `base64URL` gives.
    static func bytes(base64URL text: String) -> [UInt8]? {
        var standard: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x2D: standard.append(0x2B)
            case 0x5F: standard.append(0x2F)
            case 0x2B, 0x2F, 0x3D: return nil
            default: standard.append(byte)
            }
        }
        while standard.count % 4 != 0 { standard.append(0x3D) }
        return bytes(base64: String(decoding: standard, as: UTF8.self))
    }
}
