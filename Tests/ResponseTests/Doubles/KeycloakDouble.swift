import SessionModel

@testable import Response

/// Keycloak's Admin REST API as `RealmResource` and `UserResource` of its client describe it.
final class KeycloakDouble: StrictDouble, @unchecked Sendable {
    override var kind: ConnectorKind { .keycloak }
    override var settings: [String] {
        [
            "realm: a realm", "client_id: lastseen",
            "client_secret: {command: [/bin/echo, 's3cret/+&=?']}",
        ]
    }
    override var tokenPath: [String]? {
        ["realms", "a realm", "protocol", "openid-connect", "token"]
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutSession: sessions.map(\.id) == ["s-2", "s-9"]
        case .logOutEverywhere: sessions.map(\.id) == ["s-9"]
        case .requirePasswordChange: user.requiredActions == ["VERIFY_EMAIL", "UPDATE_PASSWORD"]
        case .suspend: !user.isEnabled
        default: false
        }
    }

    private func json(_ user: User) -> String {
        jsonObject {
            $0.string("id", user.id)
            $0.string("username", user.name)
            $0.string("email", user.email)
            $0.bool("enabled", user.isEnabled)
            $0.strings("requiredActions", user.requiredActions)
        }
    }

    override func respond(to call: Call) -> Reply {
        guard call.path.starts(with: ["admin", "realms", "a realm"]) else {
            return strange(call, "not the realm's")
        }
        let path = Array(call.path.dropFirst(3))
        switch (call.method, path.count, path.first) {
        case ("GET", 1, "users"):
            if call.query == ["max": "1"] { return .ok("[\(json(user))]") }
            guard call.query["exact"] == "true", call.query["max"] == "3", call.query.count == 3
            else {
                return strange(call, "the query")
            }
            // As Keycloak, it finds more than was asked for: what comes has to be compared.
            let (name, email) = (call.query["username"], call.query["email"]?.lowercased())
            let found = users.filter { user in
                name.map(user.name.hasPrefix) ?? email.map(user.email.hasPrefix) ?? false
            }
            return .ok("[" + found.map(json).joined(separator: ",") + "]")
        case (_, 2..., "users"):
            guard let index = index(path[1]) else { return .notFound }
            return onUser(index, Array(path.dropFirst(2)), call)
        case ("DELETE", 2, "sessions"):
            let count = sessions.count
            sessions.removeAll { $0.id == path[1] }
            return sessions.count < count ? .noContent : .notFound
        default: return strange(call, "no such call")
        }
    }

    private func onUser(_ index: Int, _ rest: [String], _ call: Call) -> Reply {
        switch (call.method, rest) {
        case ("GET", []): return .ok(json(users[index]))
        case ("GET", ["sessions"]):
            let open = sessions.filter { $0.user == users[index].id }
            return .ok(
                "["
                    + open.map { #"{"id":\#(quoted($0.id)),"userId":"\#($0.user)","start":1}"# }
                    .joined(separator: ",") + "]")
        case ("POST", ["logout"]):
            guard call.body.isEmpty else { return strange(call, "a body") }
            let id = users[index].id
            sessions.removeAll { $0.user == id }
            return .noContent
        case ("PUT", []):
            if has(call, "requiredActions"), let list = call.members["requiredActions"]?.array {
                users[index].requiredActions = list.compactMap(\.text)
            } else if has(call, "enabled"), let isEnabled = call.members["enabled"]?.bool {
                users[index].isEnabled = isEnabled
            } else {
                return strange(call, "the body \(call.body)")
            }
            return .noContent
        default: return strange(call, "no such call on a user")
        }
    }
}
