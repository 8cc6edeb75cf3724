import SessionModel

@testable import Response

/// Auth0's Management API v2 as the types of its own Node client describe it.
final class Auth0Double: StrictDouble, @unchecked Sendable {
    init() throws { try super.init(userID: "auth0|6543", otherID: "auth0|9") }

    override var kind: ConnectorKind { .auth0 }
    override var settings: [String] {
        [
            "client_id: lastseen", "client_secret: {command: [/bin/echo, 's3cret/+&=?']}",
            "set_random_password: true",
        ]
    }
    override var tokenPath: [String]? { ["oauth", "token"] }
    override func tokenProblem(_ fields: [String: String]) -> String? {
        fields["audience"] == "\(url)/api/v2/" ? super.tokenProblem(fields) : "access_denied"
    }

    var hasRefreshTokens = true

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutSession: sessions.map(\.id) == ["s-2", "s-9"]
        case .logOutEverywhere: sessions.map(\.id) == ["s-9"] && !hasRefreshTokens
        case .requirePasswordChange: user.password != "old"
        case .suspend: !user.isEnabled
        default: false
        }
    }

    override func respond(to call: Call) -> Reply {
        guard call.path.starts(with: ["api", "v2"]) else { return strange(call, "no such path") }
        let path = Array(call.path.dropFirst(2))
        switch (call.method, path.count, path.first) {
        case ("GET", 1, "users"):
            return call.query == ["per_page": "1", "fields": "user_id"]
                ? .ok("[]") : strange(call, "the query")
        case ("GET", 1, "users-by-email"):
            guard call.query["fields"] == "user_id,email" else { return strange(call, "the query") }
            let found = users.filter { $0.email == call.query["email"] }
            return .ok(
                "["
                    + found.map { #"{"user_id":"\#($0.id)","email":"\#($0.email)"}"# }
                    .joined(separator: ",") + "]")
        case ("GET", 2, "sessions"):
            guard let session = sessions.first(where: { $0.id == path[1] }) else {
                return .notFound
            }
            return .ok(#"{"id":"\#(session.id)","user_id":"\#(session.user)"}"#)
        case ("POST", 3, "sessions"):
            guard path[2] == "revoke", call.body.isEmpty else { return strange(call, "the call") }
            sessions.removeAll { $0.id == path[1] }
            return Reply(status: 202)
        case (_, 2..., "users"):
            guard let index = index(path[1]) else { return .notFound }
            return onUser(index, Array(path.dropFirst(2)), call)
        default: return strange(call, "no such call")
        }
    }

    private func onUser(_ index: Int, _ rest: [String], _ call: Call) -> Reply {
        let id = users[index].id
        switch (call.method, rest) {
        case ("GET", []):
            guard call.query == ["fields": "user_id,blocked", "include_fields": "true"] else {
                return strange(call, "the query")
            }
            return .ok(
                #"{"user_id":"\#(id)""# + (users[index].isEnabled ? "}" : #","blocked":true}"#))
        case ("DELETE", ["sessions"]):
            sessions.removeAll { $0.user == id }
            return Reply(status: 202)
        case ("DELETE", ["refresh-tokens"]):
            hasRefreshTokens = false
            return Reply(status: 202)
        case ("PATCH", []):
            if has(call, "blocked"), let value = call.members["blocked"]?.bool {
                users[index].isEnabled = !value
            } else if has(call, "password", "connection"),
                call.members["connection"]?.text == "Username-Password-Authentication",
                let password = call.members["password"]?.text, password.utf8.count >= 40
            {
                users[index].password = password
            } else {
                return strange(call, "the body \(call.body)")
            }
            return .ok("{}")
        default: return strange(call, "no such call on a user")
        }
    }
}
