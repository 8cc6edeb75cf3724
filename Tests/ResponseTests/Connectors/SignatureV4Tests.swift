import SessionModel
import Testing

@testable import Response

struct SignatureV4Tests {
    struct Vector: Sendable {
        var token: String
        var body: String
        var url: String
        var isCognito: Bool
        var region: String
        var service: String
        var authorization: String
    }

    /// Computed by botocore 1.43.11, AWS's own client, at 2026-03-01T08:15:30Z.
    static let vectors = [
        Vector(
            token: "", body: #"{"UserPoolId":"eu-central-1_a","Username":"ann"}"#,
            url: "https://cognito-idp.eu-central-1.amazonaws.com/", isCognito: true,
            region: "eu-central-1", service: "cognito-idp",
            authorization: "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/"
                + "eu-central-1/cognito-idp/aws4_request, "
                + "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                + "Signature=f7e5472c2c3beec18e9b15cf2991dcee4565f6c50ae6c5cd146434651574687b"),
        Vector(
            token: "IQoJb3JpZ2luX2VjEXAMPLE==",
            body: #"{"UserPoolId":"p","Username":"ü\r\n"}"#,
            url: "https://cognito-idp.us-east-1.amazonaws.com/", isCognito: true,
            region: "us-east-1", service: "cognito-idp",
            authorization: "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/"
                + "us-east-1/cognito-idp/aws4_request, "
                + "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                + "Signature=19cb3a3f6685142f5c693ba4297ff8dd49ef3df6529fd5721237d8c62f1626bb"),
        Vector(
            token: "", body: "", url: "http://127.0.0.1:8080/", isCognito: false,
            region: "us-east-1", service: "service",
            authorization: "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/"
                + "us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
                + "Signature=0becd7222370f36d0511b6be41d1b1dd2c3f2a361b689626b371e37d94ba19d6"),
    ]

    @Test("the signature is the one that AWS's client makes", arguments: vectors)
    func vector(vector: Vector) {
        let request = HTTPRequest(
            method: "POST", url: vector.url,
            headers: vector.isCognito
                ? [
                    "x-amz-target: AWSCognitoIdentityProviderService.AdminGetUser",
                    "content-type: application/x-amz-json-1.1",
                ] : [], body: Array(vector.body.utf8))
        let lines = SignatureV4.lines(
            for: request, region: vector.region, service: vector.service,
            accessKeyID: "AKIDEXAMPLE",
            secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            sessionToken: vector.token,
            at: Timestamp(year: 2026, month: 3, day: 1, hour: 8, minute: 15, second: 30)
                .adding(milliseconds: 999))
        #expect(lines.first == "x-amz-date: 20260301T081530Z")
        #expect(lines.last == vector.authorization)
        #expect(lines.count == (vector.token.isEmpty ? 2 : 3))
    }

    @Test("an error's name, with and without a namespace")
    func errorType() {
        for (body, type) in [
            (#"{"__type":"com.amazonaws#UserNotFoundException"}"#, "UserNotFoundException"),
            (#"{"__type":"X"}"#, "X"), (#"{"__type":7}"#, ""), ("", ""), ("[]", ""),
        ] {
            #expect(SignatureV4.errorType(Array(body.utf8)) == type)
        }
    }
}
