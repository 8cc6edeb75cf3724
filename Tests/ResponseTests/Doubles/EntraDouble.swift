import SessionModel

@testable import Response

/// Microsoft Graph 1.0 as its reference describes these calls.
final class EntraDouble: StrictDouble, @unchecked Sendable {
    override var kind: ConnectorKind { .entra }
    override var settings: [String] {
        [
            "tenant_id: acme.example", "client_id: lastseen",
            "client_secret: {command: [/bin/echo, 's3cret/+&=?']}",
            "token_url: \(url)/acme.example/oauth2/v2.0/token",
        ]
    }
    override var tokenPath: [String]? { ["acme.example", "oauth2", "v2.0", "token"] }
    override func tokenProblem(_ fields: [String: String]) -> String? {
        fields["scope"] == "https://graph.microsoft.com/.default"
            ? super.tokenProblem(fields) : "invalid_scope"
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutEverywhere: sessions.map(\.id) == ["s-9"]
        case .requirePasswordChange: user.mustChange
        case .suspend: !user.isEnabled
        default: false
        }
    }

    override func respond(to call: Call) -> Reply {
        guard call.path.starts(with: ["v1.0", "users"]) else {
            return strange(call, "no such path")
        }
        let path = Array(call.path.dropFirst(2))
        if call.method == "GET", path.isEmpty {
            guard call.query["$select"] == "id,mail", let filter = call.query["$filter"] else {
                return strange(call, "the query")
            }
            let found = users.filter { filter == "mail eq '\($0.email)'" }
            return .ok(
                #"{"value":["#
                    + found.map { #"{"id":"\#($0.id)","mail":"\#($0.email)"}"# }
                    .joined(separator: ",") + "]}")
        }
        // The path takes a user principal name too.
        guard let index = users.firstIndex(where: { $0.id == path[0] || $0.name == path[0] })
        else { return .notFound }
        switch (call.method, Array(path.dropFirst())) {
        case ("GET", []):
            let user = users[index]
            switch call.query["$select"] {
            case "id,accountEnabled":
                return .ok(#"{"id":"\#(user.id)","accountEnabled":\#(user.isEnabled)}"#)
            case "id,userPrincipalName":
                return .ok(#"{"id":"\#(user.id)","userPrincipalName":"\#(user.name)"}"#)
            default: return strange(call, "the query")
            }
        case ("POST", ["revokeSignInSessions"]):
            guard call.body.isEmpty, call.headers["content-length"] == "0" else {
                return strange(call, "a body")
            }
            let id = users[index].id
            sessions.removeAll { $0.user == id }
            return .ok(#"{"@odata.context":"x","value":true}"#)
        case ("PATCH", []):
            if has(call, "accountEnabled"), let value = call.members["accountEnabled"]?.bool {
                users[index].isEnabled = value
            } else if has(call, "passwordProfile"),
                call.json?["passwordProfile"]
                    == .object(["forceChangePasswordNextSignIn": .bool(true)])
            {
                users[index].mustChange = true
            } else {
                return strange(call, "the body \(call.body)")
            }
            return .noContent
        default: return strange(call, "no such call on a user")
        }
    }
}
