import SessionModel

@testable import Response

/// The calls on a user's own sessions as an unofficial description (discord-userdoccers) has them.
final class SessionAPIDouble: StrictDouble, @unchecked Sendable {
    /// Whether a second factor is asked for.
    var asksForSecondFactor = true
    private(set) var largestCall = 0

    override init(userID: String = "u-1", otherID: String = "u-2") throws {
        try super.init(userID: userID, otherID: otherID)
        sessions.removeAll { $0.user != userID }
    }

    override var kind: ConnectorKind { .sessionAPI }
    override var settings: [String] {
        [
            "user: u-1", "token: {file: \(tokenFile.path)}",
            "second_factor: {command: [/bin/echo, mfa-proof-123]}",
            "second_factor_header: x-test-mfa-authorization",
        ]
    }
    override func isAuthorized(_ call: Call) -> Bool { call.headers["authorization"] == token }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutSession: sessions.map(\.id) == ["s-2"]
        case .logOutEverywhere: sessions.isEmpty
        default: false
        }
    }

    override func respond(to call: Call) -> Reply {
        switch (call.method, call.path) {
        case ("GET", ["auth", "sessions"]):
            return .ok(
                #"{"user_sessions":["#
                    + sessions.map { #"{"id_hash":"\#($0.id)","client_info":{}}"# }
                    .joined(separator: ",") + "]}")
        case ("POST", ["auth", "sessions", "logout"]):
            guard has(call, "session_id_hashes"),
                let hashes = call.members["session_id_hashes"]?.array?.compactMap(\.text),
                (1...64).contains(hashes.count)
            else { return strange(call, "the body \(call.body)") }
            if asksForSecondFactor, call.headers["x-test-mfa-authorization"] != "mfa-proof-123" {
                return Reply(
                    status: 401, body: #"{"code":60003,"message":"Two factor is required"}"#)
            }
            largestCall = max(largestCall, hashes.count)
            sessions.removeAll { hashes.contains($0.id) }
            return .noContent
        default: return strange(call, "no such call")
        }
    }
}
