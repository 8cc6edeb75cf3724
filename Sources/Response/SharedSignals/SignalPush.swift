internal import SessionModel

/// What becomes of one token that was pushed (RFC 8935).
///
/// | answer | outcome |
/// | --- | --- |
/// | 202, or another 2xx | done |
/// | 400 with `err` | refused, with its description |
/// | the rest | as for a webhook |
enum SignalPush {
    /// What is kept of an answer.
    private static let bodyKept = 4096

    static func send(
        _ token: String, to url: String, origin: String, authorization: String?,
        client: HTTPClient, limits: HTTPLimits
    ) -> (answer: ConnectorAnswer, isUnauthorized: Bool) {
        var headers = [
            "content-type: application/secevent+jwt", "accept: application/json",
            "user-agent: lastseen", "expect:",
        ]
        if let authorization { headers.append("authorization: \(authorization)") }
        let reply = client.send(
            HTTPRequest(
                method: "POST", url: url, headers: headers, body: Array(token.utf8),
                bodyKept: bodyKept), limits)
        var secrets = [token]
        if let authorization {
            secrets.append(authorization)
            secrets += authorization.split(separator: " ").dropFirst().map(String.init)
        }
        let redactor = Redactor(secrets)
        if reply.result == .addressRefused {
            let answer = ConnectorAnswer(
                .retry,
                detail: "\(origin) is at a private, local or metadata address, which is refused "
                    + "(see allow_private)")
            return (answer, false)
        }
        if reply.result == .answered, reply.status == 400,
            let said = JSONValue(reply.body), let code = said["err"]?.text
        {
            let words = said["description"]?.text ?? ""
            let answer = ConnectorAnswer(
                .refused,
                detail: redactor.shown(
                    "\(origin) refused the event: \(code)" + (words.isEmpty ? "" : ": \(words)")))
            return (answer, code == "authentication_failed")
        }
        return (
            WebhookVerdict.answer(to: reply, origin: origin, redactor: redactor),
            reply.result == .answered && reply.status == 401
        )
    }

    static func origin(
        of url: String, allowsPrivate: Bool
    ) throws(ResponseError) -> (origin: String, isTLS: Bool) {
        try HTTPOrigin.checked(
            url, name: "the receiver's URL", allowsPrivate: allowsPrivate,
            remedies: HTTPOrigin.Remedies(
                credentials: "'authorization' has them", privacy: "allow_private",
                example: "https://receiver.example.com/events"))
    }
}
