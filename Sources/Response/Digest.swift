internal import CCurl

/// SHA-256 and HMAC-SHA-256 by libcrypto, and the encodings of their results.
package enum Digest {
    /// 32 bytes.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        let isDone = unsafe ccurl_sha256(bytes, bytes.count, &out)
        precondition(isDone == 1, "libcrypto offers SHA-256 in every build")
        return out
    }

    /// 32 bytes (RFC 2104 with SHA-256).
    package static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        let isDone = unsafe ccurl_hmac_sha256(key, key.count, bytes, bytes.count, &out)
        precondition(isDone == 1, "libcrypto offers HMAC-SHA-256 in every build")
        return out
    }

    package static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// With padding, in the standard alphabet (RFC 4648, 4).
    package static func base64(_ bytes: [UInt8]) -> String {
        var out = [CChar](repeating: 0, count: 4 * ((bytes.count + 2) / 3) + 1)
        let count = unsafe ccurl_base64_encode(bytes, bytes.count, &out)
        return String(decoding: out[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Nil unless the text is exactly what `base64` gives: no spaces, no missing padding.
    package static func bytes(base64 text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        var out = [UInt8](repeating: 0, count: 3 * (characters.count / 4))
        let count = unsafe characters.withUnsafeBytes { raw in
            unsafe ccurl_base64_decode(
                raw.bindMemory(to: CChar.self).baseAddress, raw.count, &out)
        }
        guard count >= 0 else { return nil }
        return Array(out[..<count])
    }

    /// The fields as netstrings (`5:hello,`), so that no two lists of fields are the same bytes.
    package static func canonical(_ fields: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in fields {
            bytes += String(field.utf8.count).utf8
            bytes.append(0x3A)
            bytes += field.utf8
            bytes.append(0x2C)
        }
        return bytes
    }
}
