internal import SessionModel

/// AWS Signature Version 4 (AWS Identity and Access Management User Guide, "Create a signed AWS API
/// request"), for requests with a body and without a query.
struct SignatureV4: Authorization {
    var region: String
    /// As `cognito-idp`.
    var service: String
    var accessKeyID: SecretValue
    var secretAccessKey: SecretValue
    /// For temporary credentials.
    var sessionToken: SecretValue?

    /// AWS answers 400 to what other APIs answer 401 to.
    func isRefusal(_ reply: HTTPReply) -> Bool {
        guard reply.status == 400 || reply.status == 403 else { return false }
        let type = SignatureV4.errorType(reply.body)
        return type == "ExpiredTokenException" || type == "ExpiredToken"
            || type == "UnrecognizedClientException" || type == "InvalidSignatureException"
    }

    /// The name of an AWS JSON 1.1 error, without its namespace.
    static func errorType(_ body: [UInt8]) -> String {
        let text = JSONValue(body)?["__type"]?.text ?? ""
        return text.split(separator: "#").last.map(String.init) ?? ""
    }

    func credential(
        for request: HTTPRequest, _ call: APICall, unless stale: String?
    ) throws(ConnectorStop) -> Credential {
        // All parts are renewed together: the old session token is what tells them apart.
        let old = stale?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let id = try call.token(accessKeyID, unless: old?.first)
        let key = try call.token(secretAccessKey, unless: old?.dropFirst().first)
        var session = ""
        if let sessionToken { session = try call.token(sessionToken, unless: old?.last) }
        let lines = SignatureV4.lines(
            for: request, region: region, service: service, accessKeyID: id, secretAccessKey: key,
            sessionToken: session, at: call.now)
        return Credential(lines: lines, token: "\(id)\n\(key)\n\(session)")
    }

    /// The lines to add: `x-amz-date`, the session token when there is one, and `authorization`.
    static func lines(
        for request: HTTPRequest, region: String, service: String, accessKeyID: String,
        secretAccessKey: String, sessionToken: String, at now: Timestamp
    ) -> [String] {
        let time = basicTime(now)
        let day = String(time.prefix(8))
        let (host, path) = parts(of: request.url)
        var added = ["x-amz-date: \(time)"]
        if !sessionToken.isEmpty { added.append("x-amz-security-token: \(sessionToken)") }
        var headers: [(name: String, value: String)] = [("host", host)]
        for line in request.headers + added {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers.append(
                (
                    asciiLowered(String(line[..<colon])),
                    trimmed(String(line[line.index(after: colon)...]))
                ))
        }
        headers.sort { $0.name < $1.name }
        let names = headers.map(\.name).joined(separator: ";")
        let canonical =
            [request.method, path, ""].joined(separator: "\n") + "\n"
            + headers.map { "\($0.name):\($0.value)\n" }.joined() + "\n" + names + "\n"
            + Digest.hex(Digest.sha256(request.body ?? []))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n"
            + Digest.hex(Digest.sha256(Array(canonical.utf8)))
        var key = Array("AWS4\(secretAccessKey)".utf8)
        for part in [day, region, service, "aws4_request"] {
            key = Digest.hmacSHA256(key: key, Array(part.utf8))
        }
        let signature = Digest.hex(Digest.hmacSHA256(key: key, Array(text.utf8)))
        return added + [
            "authorization: AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope), "
                + "SignedHeaders=\(names), Signature=\(signature)"
        ]
    }

    /// `20260301T081530Z`.
    private static func basicTime(_ now: Timestamp) -> String {
        let seconds = Timestamp(milliseconds: now.milliseconds / 1000 * 1000).rfc3339
        return String(
            decoding: seconds.utf8.prefix(19).filter { $0 != 0x2D && $0 != 0x3A } + [0x5A],
            as: UTF8.self)
    }

    /// The host with a port that is not the scheme's, and the path.
    private static func parts(of url: String) -> (host: String, path: String) {
        let rest = Substring(url.utf8.drop { $0 != 0x2F }.dropFirst(2))
        let host = rest.utf8.prefix { $0 != 0x2F }
        let path = rest.utf8.dropFirst(host.count)
        return (String(Substring(host)), path.isEmpty ? "/" : String(Substring(path)))
    }
}
