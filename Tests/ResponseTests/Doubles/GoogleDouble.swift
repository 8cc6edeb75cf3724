import Foundation
import SessionModel

@testable import Response

/// The Directory API as its reference describes users, tokens and app passwords.
final class GoogleDouble: StrictDouble, @unchecked Sendable {
    /// The file that Google gives for a service account.
    private let keyFile: TemporaryFile
    private let key: SigningKey
    var tokens = ["app-1", "app-2"]
    var appPasswords = [7]

    init() throws {
        guard let key = SigningKey(pem: PublishedKeys.rsa) else { throw POSIXError(.EINVAL) }
        self.key = key
        keyFile = try TemporaryFile(
            jsonObject {
                $0.string("type", "service_account")
                $0.string("client_email", "lastseen@project.iam.gserviceaccount.com")
                $0.string("private_key_id", "key-1")
                $0.string("private_key", PublishedKeys.rsa)
            })
        try super.init(userID: "1001", otherID: "1002")
    }

    override var kind: ConnectorKind { .google }
    override var settings: [String] {
        [
            "service_account: {file: \(keyFile.path)}", "subject: admin@example.com",
            "token_url: \(url)/token", "user_by: id", "revoke_tokens: true",
        ]
    }
    override var tokenPath: [String]? { ["token"] }

    /// Verified as Google does: the signature, whom it is from and for, and the times.
    override func tokenProblem(_ fields: [String: String]) -> String? {
        guard fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer",
            let payload = JSONWebSignature.verifiedPayload(fields["assertion"] ?? "", key: key),
            let claims = JSONValue(payload),
            claims["iss"]?.text == "lastseen@project.iam.gserviceaccount.com",
            claims["sub"]?.text == "admin@example.com", claims["aud"]?.text == "\(url)/token",
            claims["scope"]?.text == GoogleWorkspace.scope,
            let issued = claims["iat"]?.int, claims["exp"]?.int == issued + 3600,
            issued == Int(epoch.milliseconds / 1000)
        else { return "invalid_grant" }
        return nil
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutEverywhere:
            sessions.map(\.id) == ["s-9"] && tokens.isEmpty && appPasswords.isEmpty
        case .requirePasswordChange: user.mustChange
        case .suspend: !user.isEnabled
        default: false
        }
    }

    override func respond(to call: Call) -> Reply {
        guard call.path.starts(with: ["admin", "directory", "v1", "users"]) else {
            return strange(call, "no such path")
        }
        let path = Array(call.path.dropFirst(4))
        if call.method == "GET", path.isEmpty {
            return call.query == ["customer": "my_customer", "maxResults": "1"]
                ? .ok(#"{"users":[]}"#) : strange(call, "the query")
        }
        guard
            let index = users.firstIndex(where: { $0.id == path[0] || $0.email == path[0] })
        else { return .notFound }
        switch (call.method, path.count, Array(path.dropFirst().prefix(1))) {
        case ("GET", 1, []):
            let user = users[index]
            return .ok(
                jsonObject {
                    $0.string("id", user.id)
                    $0.string("primaryEmail", user.email)
                    $0.bool("suspended", !user.isEnabled)
                    $0.bool("changePasswordAtNextLogin", user.mustChange)
                })
        case ("PATCH", 1, []):
            if has(call, "suspended"), let value = call.members["suspended"]?.bool {
                users[index].isEnabled = !value
            } else if has(call, "changePasswordAtNextLogin") {
                users[index].mustChange = call.members["changePasswordAtNextLogin"]?.bool == true
            } else {
                return strange(call, "the body \(call.body)")
            }
            return .ok("{}")
        case ("POST", 2, ["signOut"]):
            let id = users[index].id
            sessions.removeAll { $0.user == id }
            return .noContent
        case ("GET", 2, ["tokens"]):
            return .ok(
                #"{"items":["# + tokens.map { #"{"clientId":"\#($0)"}"# }.joined(separator: ",")
                    + "]}")
        case ("GET", 2, ["asps"]):
            return .ok(
                appPasswords.isEmpty
                    ? "{}"
                    : #"{"items":["#
                        + appPasswords.map { #"{"codeId":\#($0)}"# }.joined(separator: ",") + "]}")
        case ("DELETE", 3, ["tokens"]):
            tokens.removeAll { $0 == path[2] }
            return .noContent
        case ("DELETE", 3, ["asps"]):
            appPasswords.removeAll { String($0) == path[2] }
            return .noContent
        default: return strange(call, "no such call on a user")
        }
    }
}
