import SessionModel

@testable import Response

/// Okta's management API as its OpenAPI description (2026.06.3) has it.
final class OktaDouble: StrictDouble, @unchecked Sendable {
    override var kind: ConnectorKind { .okta }
    override var settings: [String] { ["token: {file: \(tokenFile.path)}"] }
    override func isAuthorized(_ call: Call) -> Bool {
        call.headers["authorization"] == "SSWS \(token)"
    }
    override var unauthorized: Reply {
        Reply(
            status: 401, body: #"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#)
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .stepUp: user.isRisky
        case .logOutSession: sessions.map(\.id) == ["s-2", "s-9"]
        case .logOutEverywhere: sessions.map(\.id) == ["s-9"]
        case .requirePasswordChange: user.mustChange
        case .suspend: !user.isEnabled
        default: false
        }
    }

    private func json(_ user: User) -> String {
        let status = !user.isEnabled ? "SUSPENDED" : user.mustChange ? "PASSWORD_EXPIRED" : "ACTIVE"
        return jsonObject {
            $0.string("id", user.id)
            $0.string("status", status)
            $0.object("profile") {
                $0.string("login", user.name)
                $0.string("email", user.email)
            }
        }
    }

    override func respond(to call: Call) -> Reply {
        guard call.path.starts(with: ["api", "v1"]) else { return strange(call, "no such path") }
        let path = Array(call.path.dropFirst(2))
        switch (call.method, path.count, path.first) {
        case ("GET", 2, "sessions"):
            guard let session = sessions.first(where: { $0.id == path[1] }) else {
                return .notFound
            }
            return .ok(
                jsonObject {
                    $0.string("id", session.id)
                    $0.string("userId", session.user)
                    $0.string("status", "ACTIVE")
                })
        case ("DELETE", 2, "sessions"):
            sessions.removeAll { $0.id == path[1] }
            return .noContent
        case ("GET", 1, "users"):
            if call.query == ["limit": "1"] { return .ok("[\(json(user))]") }
            guard call.query["limit"] == "3", let search = call.query["search"] else {
                return strange(call, "the query")
            }
            let found = users.filter { search == "profile.email eq \"\($0.email)\"" }
            return .ok("[" + found.map(json).joined(separator: ",") + "]")
        case (_, 2..., "users"):
            // The path takes a login too.
            guard let index = users.firstIndex(where: { $0.id == path[1] || $0.name == path[1] })
            else { return .notFound }
            return onUser(index, Array(path.dropFirst(2)), call)
        default: return strange(call, "no such call")
        }
    }

    private func onUser(_ index: Int, _ rest: [String], _ call: Call) -> Reply {
        switch (call.method, rest) {
        case ("GET", []): return .ok(json(users[index]))
        case ("DELETE", ["sessions"]):
            guard call.query == ["oauthTokens": "true", "forgetDevices": "true"] else {
                return strange(call, "the query")
            }
            let id = users[index].id
            sessions.removeAll { $0.user == id }
            return .noContent
        case ("POST", ["lifecycle", "expire_password"]): users[index].mustChange = true
        case ("POST", ["lifecycle", "suspend"]), ("POST", ["lifecycle", "unsuspend"]):
            let isEnabled = rest[1] == "unsuspend"
            guard users[index].isEnabled != isEnabled else {
                return Reply(status: 400, body: #"{"errorCode":"E0000001"}"#)
            }
            users[index].isEnabled = isEnabled
            return .ok("{}")
        case ("PUT", ["risk"]):
            guard has(call, "riskLevel", "riskReason"), call.members["riskLevel"]?.text == "HIGH"
            else { return strange(call, "the body \(call.body)") }
            users[index].isRisky = true
            return Reply(status: 201, body: "{}")
        default: return strange(call, "no such call on a user")
        }
        return .ok(json(users[index]))
    }
}
