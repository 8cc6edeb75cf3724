import SessionModel

@testable import Response

/// authentik's API as `authenticated_sessions.py` and its API reference describe it.
final class AuthentikDouble: StrictDouble, @unchecked Sendable {
    init() throws { try super.init(userID: "17", otherID: "18") }

    override var kind: ConnectorKind { .authentik }
    override var settings: [String] {
        ["token: {file: \(tokenFile.path)}", "set_random_password: true", "user_by: id"]
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutSession: sessions.map(\.id) == ["s-2", "s-9"]
        case .logOutEverywhere: sessions.map(\.id) == ["s-9"]
        case .requirePasswordChange: user.password != "old"
        case .suspend: !user.isEnabled
        default: false
        }
    }

    private func json(_ user: User) -> String {
        #"{"pk":\#(user.id),"username":"\#(user.name)","email":"\#(user.email)","is_active":\#(user.isEnabled)}"#
    }

    override func respond(to call: Call) -> Reply {
        // Each path ends with a slash.
        guard call.path.starts(with: ["api", "v3", "core"]), call.path.last == "" else {
            return strange(call, "no such path")
        }
        let path = Array(call.path.dropFirst(3).dropLast())
        switch (call.method, path.count, path.first) {
        case ("GET", 2, "authenticated_sessions"):
            guard let session = sessions.first(where: { $0.id == path[1] }) else {
                return .notFound
            }
            return .ok(#"{"uuid":"\#(session.id)","current":false,"user":\#(session.user)}"#)
        case ("DELETE", 2, "authenticated_sessions"):
            sessions.removeAll { $0.id == path[1] }
            return .noContent
        case ("POST", 2, "authenticated_sessions"):
            guard path[1] == "bulk_delete", has(call, "user_pks"),
                let keys = call.members["user_pks"]?.array?.compactMap(\.int), keys.count == 1
            else { return strange(call, "the call \(call.body)") }
            let count = sessions.count
            sessions.removeAll { $0.user == String(keys[0]) }
            return .ok(#"{"deleted":\#(count - sessions.count)}"#)
        case ("GET", 2, "users") where path[1] == "me": return .ok(#"{"user":{"pk":1}}"#)
        case ("GET", 1, "users"):
            guard call.query["page_size"] == "3", call.query.count == 2 else {
                return strange(call, "the query")
            }
            let found = users.filter {
                $0.name == call.query["username"] || $0.email == call.query["email"]
            }
            return .ok(#"{"results":["# + found.map(json).joined(separator: ",") + "]}")
        case (_, 2..., "users"):
            guard let index = index(path[1]) else { return .notFound }
            switch (call.method, Array(path.dropFirst(2))) {
            case ("GET", []): return .ok(json(users[index]))
            case ("PATCH", []):
                guard has(call, "is_active"), let value = call.members["is_active"]?.bool else {
                    return strange(call, "the body \(call.body)")
                }
                users[index].isEnabled = value
                return .ok(json(users[index]))
            case ("POST", ["set_password"]):
                guard has(call, "password"), let text = call.members["password"]?.text,
                    text.utf8.count >= 40
                else { return strange(call, "the body") }
                users[index].password = text
                return .noContent
            default: return strange(call, "no such call on a user")
            }
        default: return strange(call, "no such call")
        }
    }
}
