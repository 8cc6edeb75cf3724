internal import SessionModel
internal import Synchronization

/// Header lines that show who asks.
struct Credential: Sendable {
    var lines: [String]
    /// What tells one credential from the next, and is masked in texts from outside.
    var token: String
}

/// Where a target's credential comes from. Any number of threads ask.
protocol Authorization: Sendable {
    /// The credential for a request.
    ///
    /// - Parameter stale: one that the target refused a moment ago. When there is no other, the same
    ///   comes back.
    func credential(
        for request: HTTPRequest, _ call: APICall, unless stale: String?
    ) throws(ConnectorStop) -> Credential
    /// Whether the target says that the credential is not, or no longer, good.
    func isRefusal(_ reply: HTTPReply) -> Bool
}

extension Authorization {
    func isRefusal(_ reply: HTTPReply) -> Bool { reply.status == 401 }
}

extension APICall {
    /// A secret's text. One that cannot be read now may be read later.
    func read(_ secret: SecretValue, unless stale: String? = nil) throws(ConnectorStop) -> String {
        do throws(ResponseError) {
            let text = try secret.text(unless: stale)
            target.secrets.add(text)
            return text
        } catch {
            throw again(error.description)
        }
    }

    /// A secret that stands in a header.
    func token(_ secret: SecretValue, unless stale: String?) throws(ConnectorStop) -> String {
        let text = try read(secret, unless: stale)
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw refused("the credential holds characters that no header can have")
        }
        return text
    }
}

/// A key or token that somebody made at the target.
struct StaticToken: Authorization {
    /// `Authorization` unless the target wants another.
    var header = "authorization"
    /// As `Bearer `, `SSWS ` or nothing.
    var prefix = "Bearer "
    var secret: SecretValue

    func credential(
        for request: HTTPRequest, _ call: APICall, unless stale: String?
    ) throws(ConnectorStop) -> Credential {
        let token = try call.token(secret, unless: stale)
        return Credential(lines: ["\(header): \(prefix)\(token)"], token: token)
    }
}

/// Access tokens from an OAuth 2 token endpoint, kept until shortly before they expire.
///
/// Threads that need a new one at the same time wait for one request.
final class TokenEndpoint: Authorization {
    /// What is sent for a token.
    enum Grant: Sendable {
        /// RFC 6749, 4.4. `extra` are further fields, as `scope` or `audience`.
        case clientCredentials(id: String, secret: SecretValue, extra: [(String, String)])
        /// RFC 7523, 2.1, with a key file of Google's; `subject` is whom it acts for.
        case serviceAccount(key: SecretValue, subject: String, scope: String)
    }

    private struct Token {
        var text: String
        var expires: Timestamp
    }

    /// A token that is about to expire is not used any more.
    static let marginMilliseconds: Int64 = 60_000

    let url: String
    private let origin: String
    private let grant: Grant
    private let known = Mutex<Token?>(nil)

    /// Throws `badSetting` for a URL that cannot be used.
    init(url: String, allowsPrivate: Bool, grant: Grant) throws(ResponseError) {
        (self.url, self.grant) = (url, grant)
        origin = try APITarget.checkedOrigin(
            url, name: "the URL of the token endpoint", allowsPrivate: allowsPrivate)
    }

    func credential(
        for request: HTTPRequest, _ call: APICall, unless stale: String?
    ) throws(ConnectorStop) -> Credential {
        // A typed error cannot leave `withLock`'s closure, so it is carried out as a value.
        let result: Result<String, ConnectorStop> = known.withLock { known in
            if let token = known, token.text != stale,
                call.now.adding(milliseconds: TokenEndpoint.marginMilliseconds) < token.expires
            {
                return .success(token.text)
            }
            known = nil
            do throws(ConnectorStop) {
                let token = try fetch(call)
                known = token
                return .success(token.text)
            } catch {
                return .failure(error)
            }
        }
        let token = try result.get()
        return Credential(lines: ["authorization: Bearer \(token)"], token: token)
    }

    private func fetch(_ call: APICall) throws(ConnectorStop) -> Token {
        let (fields, secret) = try fields(call)
        let reply = try call.exchange(
            HTTPRequest(
                method: "POST", url: url,
                headers: ["content-type: application/x-www-form-urlencoded"],
                body: Array(APICall.text(of: fields).dropFirst().utf8)),
            hasEffect: false, at: origin)
        guard reply.status == 200 else {
            // A secret that was changed at its source is read again the next time.
            if let secret, reply.status == 400 || reply.status == 401 {
                let value = try call.read(secret)
                _ = try? secret.text(unless: value)
                throw call.refused(
                    "no token: \(call.said(reply, at: origin)); the client's credential is not accepted"
                )
            }
            var stop = call.stop(reply, at: origin)
            stop.answer.detail = call.target.shown("no token: \(stop.answer.detail)")
            throw stop
        }
        guard let json = JSONValue(reply.body), let text = json["access_token"]?.text,
            (1...16_384).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw call.again("the token endpoint of \(origin) gave no access token")
        }
        call.target.secrets.add(text)
        // Without a time (RFC 6749, 5.1, only recommends one) it is used for five minutes.
        let seconds = max(0, min(json["expires_in"]?.int ?? 360, 86_400))
        return Token(
            text: text, expires: call.now.adding(milliseconds: Int64(seconds) * 1000))
    }

    /// The form's fields, and the secret that they were made with.
    private func fields(
        _ call: APICall
    ) throws(ConnectorStop) -> ([(String, String)], SecretValue?) {
        switch grant {
        case .clientCredentials(let id, let secret, let extra):
            return (
                [
                    ("grant_type", "client_credentials"), ("client_id", id),
                    ("client_secret", try call.read(secret)),
                ] + extra, secret
            )
        case .serviceAccount(let key, let subject, let scope):
            let assertion = try assertion(try call.read(key), subject, scope, call)
            return (
                [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", assertion),
                ], key
            )
        }
    }

    /// A JWT as Google wants it: from the account, to the token endpoint, for an hour.
    private func assertion(
        _ file: String, _ subject: String, _ scope: String, _ call: APICall
    ) throws(ConnectorStop) -> String {
        guard let json = JSONValue(Array(file.utf8)), json["type"]?.text == "service_account",
            let account = json["client_email"]?.text, let pem = json["private_key"]?.text,
            let key = SigningKey(pem: pem), key.algorithm == .rs256
        else {
            throw call.refused(
                "'service_account' is not a key file of a Google service account (JSON)")
        }
        call.target.secrets.add(pem)
        let seconds = Int(call.now.milliseconds / 1000)
        var claims = JSONText()
        claims.object {
            $0.string("iss", account)
            $0.string("sub", subject)
            $0.string("scope", scope)
            $0.string("aud", url)
            $0.number("iat", seconds)
            $0.number("exp", seconds + 3600)
        }
        guard
            let token = JSONWebSignature.compact(
                claims.text, key: key, keyID: json["private_key_id"]?.text, type: "JWT")
        else { throw call.again("the service account's key could not sign") }
        return token
    }
}
