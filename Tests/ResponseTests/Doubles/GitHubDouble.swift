import SessionModel

@testable import Response

/// GitHub's REST API as its reference describes credential authorizations and suspensions.
final class GitHubDouble: StrictDouble, @unchecked Sendable {
    var credentials = [(id: 1, login: "ann"), (id: 2, login: "ann"), (id: 3, login: "bob")]

    init() throws { try super.init(userID: "ann", otherID: "bob") }

    override var kind: ConnectorKind { .github }
    override var settings: [String] {
        ["token: {file: \(tokenFile.path)}", "organization: acme", "enterprise_server: true"]
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutEverywhere: credentials.map(\.id) == [3]
        case .suspend: !user.isEnabled
        default: false
        }
    }

    override func respond(to call: Call) -> Reply {
        switch (call.method, call.path.count, call.path.first) {
        case ("GET", 3, "orgs") where call.path[1...] == ["acme", "credential-authorizations"]:
            // The filter is not applied: the connector has to compare.
            return .ok(
                "["
                    + credentials.map { #"{"login":"\#($0.login)","credential_id":\#($0.id)}"# }
                    .joined(separator: ",") + "]")
        case ("DELETE", 4, "orgs") where call.path[1...2] == ["acme", "credential-authorizations"]:
            credentials.removeAll { String($0.id) == call.path[3] }
            return .noContent
        case ("GET", 2, "users"):
            guard let index = index(call.path[1]) else { return .notFound }
            let time = users[index].isEnabled ? "null" : #""2026-01-01T00:00:00Z""#
            return .ok(#"{"login":"\#(users[index].id)","id":5,"suspended_at":\#(time)}"#)
        case ("PUT", 3, "users") where call.path[2] == "suspended",
            ("DELETE", 3, "users") where call.path[2] == "suspended":
            guard let index = index(call.path[1]) else { return .notFound }
            users[index].isEnabled = call.method == "DELETE"
            return .noContent
        default: return strange(call, "no such call")
        }
    }
}
