import Testing

@testable import Response

/// The examples of RFC 7515, appendices A.2 (RS256) and A.3 (ES256), with their keys.
enum PublishedKeys {
    static let rsa = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO
        jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL
        aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn
        juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5
        ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf
        toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg
        VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW
        PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G
        O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj
        kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6
        XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB
        4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K
        pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr
        0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE
        lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6
        kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP
        rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw
        kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp
        5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2
        9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/
        evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG
        yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj
        OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2
        tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3
        ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56
        03k2+ZQwVK0JKSHuLFkuQ3U=
        -----END PRIVATE KEY-----
        """
    static let ec = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
        AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b
        focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
        -----END EC PRIVATE KEY-----
        """
}

struct JSONWebSignatureTests {
    static let payload =
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
    static let encodedPayload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
        + "nVlfQ"
    static let rs256 =
        "eyJhbGciOiJSUzI1NiJ9." + encodedPayload
        + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O"
        + "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN"
        + "PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1"
        + "phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    static let es256 =
        "eyJhbGciOiJFUzI1NiJ9." + encodedPayload
        + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

    @Test("RFC 7515, A.2: the same key and payload give the same bytes")
    func rs256Vector() throws {
        let key = try #require(SigningKey(pem: PublishedKeys.rsa))
        #expect(key.algorithm == .rs256)
        #expect(
            JSONWebSignature.compact(JSONWebSignatureTests.payload, key: key)
                == JSONWebSignatureTests.rs256)
        #expect(
            JSONWebSignature.verifiedPayload(JSONWebSignatureTests.rs256, key: key)
                == Array(JSONWebSignatureTests.payload.utf8))
    }

    @Test("RFC 7515, A.3: the published signature verifies, and so does each new one")
    func es256Vector() throws {
        let key = try #require(SigningKey(pem: PublishedKeys.ec))
        #expect(key.algorithm == .es256)
        #expect(
            JSONWebSignature.verifiedPayload(JSONWebSignatureTests.es256, key: key)
                == Array(JSONWebSignatureTests.payload.utf8))
        // r and s are shorter than 32 bytes once in 128 signatures, where padding is easily lost.
        for number in 0..<300 {
            let token = try #require(JSONWebSignature.compact("\(number)", key: key))
            #expect(
                JSONWebSignature.verifiedPayload(token, key: key) == Array("\(number)".utf8),
                "\(token)")
        }
    }

    @Test("a change of any character of a token is seen")
    func tampered() throws {
        for (pem, token) in [
            (PublishedKeys.rsa, JSONWebSignatureTests.rs256),
            (PublishedKeys.ec, JSONWebSignatureTests.es256),
        ] {
            let key = try #require(SigningKey(pem: pem))
            let bytes = Array(token.utf8)
            for index in bytes.indices {
                var changed = bytes
                changed[index] = bytes[index] == 0x41 ? 0x42 : 0x41
                let text = String(decoding: changed, as: UTF8.self)
                #expect(JSONWebSignature.verifiedPayload(text, key: key) == nil, "\(index)")
            }
            #expect(JSONWebSignature.verifiedPayload(token + ".", key: key) == nil)
        }
        // A token of another algorithm, or of none, is not the key's.
        let rsa = try #require(SigningKey(pem: PublishedKeys.rsa))
        #expect(JSONWebSignature.verifiedPayload(JSONWebSignatureTests.es256, key: rsa) == nil)
        let unsigned = "eyJhbGciOiJub25lIn0." + JSONWebSignatureTests.encodedPayload + "."
        #expect(JSONWebSignature.verifiedPayload(unsigned, key: rsa) == nil)
    }

    @Test("the header says the key and the type")
    func header() throws {
        let key = try #require(SigningKey(pem: PublishedKeys.ec))
        let token = try #require(
            JSONWebSignature.compact("{}", key: key, keyID: "k\"1", type: "secevent+jwt"))
        let header = try #require(Digest.bytes(base64URL: String(token.prefix { $0 != "." })))
        #expect(
            String(decoding: header, as: UTF8.self)
                == #"{"alg":"ES256","kid":"k\"1","typ":"secevent+jwt"}"#)
    }

    @Test("the public part is the published one")
    func publicPart() throws {
        let rsa = try #require(SigningKey(pem: PublishedKeys.rsa)).publicJWK(keyID: "r")
        #expect(rsa.hasPrefix(#"{"e":"AQAB","kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"#))
        #expect(rsa.hasSuffix(#"54h4FRWyuXpoQ","kid":"r","use":"sig","alg":"RS256"}"#))
        let ec = try #require(SigningKey(pem: PublishedKeys.ec)).publicJWK(keyID: "e")
        #expect(
            ec == #"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
                + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"e","use":"sig","#
                + #""alg":"ES256"}"#)
    }

    @Test("a new key is read again from its PEM", arguments: SigningKey.Algorithm.allCases)
    func newKey(algorithm: SigningKey.Algorithm) throws {
        let key = try SigningKey(algorithm)
        let again = try #require(SigningKey(pem: try key.pem()))
        #expect(again.algorithm == algorithm)
        #expect(again.publicJWK() == key.publicJWK())
        let token = try #require(JSONWebSignature.compact("x", key: key))
        #expect(JSONWebSignature.verifiedPayload(token, key: again) == [0x78])
        #expect(!"\(key)".contains("BEGIN"))
        #expect(key.thumbprint.utf8.count == 43)
    }

    @Test(
        "what is no key of the two kinds is refused",
        arguments: [
            "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            String(repeating: "-", count: 70_000),
            // P-384, made for this test.
            """
            -----BEGIN EC PRIVATE KEY-----
            MIGkAgEBBDD/P8GrN1iCrhNuk5dXJbLnHZ6ozESCmdDIpBUwVCkfxrN/uTRxsafH
            rX0kNpRrp8+gBwYFK4EEACKhZANiAASLnH6ciAc8le66hBxfEXDWHnqYZNEeFK2Q
            NH4UJor4J25Ln9VnjVOaL/X7snt8Kz+yLTReg0qMOPw9Ood5kaSOx4zAA2WXAzq/
            U6vNhUtSEcZmoKEE+0y+SAkeADi763U=
            -----END EC PRIVATE KEY-----
            """,
        ])
    func noKey(text: String) { #expect(SigningKey(pem: text) == nil) }
}
