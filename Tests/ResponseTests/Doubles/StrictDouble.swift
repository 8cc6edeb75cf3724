import Foundation
import SessionModel
import Synchronization

@testable import Response

/// A stand-in for one vendor's API on 127.0.0.1, made from its published description: it takes only
/// the calls that are described, in the form that is described, and notes anything else.
///
/// It is not the vendor's software. Subclasses are one vendor each.
class StrictDouble: @unchecked Sendable {
    /// One request, read as the description has it.
    struct Call {
        var method: String
        /// Split at the slashes of the request line, and only then decoded.
        var path: [String]
        var query: [String: String]
        var headers: [String: String]
        var body: String

        var json: JSONValue? { JSONValue(Array(body.utf8)) }
        /// The body's members, if it is an object.
        var members: [String: JSONValue] {
            if case .object(let members)? = json { members } else { [:] }
        }
        /// Whether it may change something, for a fault that is to hit such a call.
        var isRead = false
    }

    struct Reply {
        var status: Int
        var body = ""
        var headers = ""

        static func ok(_ body: String) -> Reply { Reply(status: 200, body: body) }
        static let noContent = Reply(status: 204)
        static let notFound = Reply(status: 404, body: #"{"error":"not found"}"#)
    }

    /// A user of every double.
    struct User {
        var id: String
        var name: String
        var email: String
        var isEnabled = true
        var mustChange = false
        var isRisky = false
        var password = "old"
        var requiredActions: [String] = ["VERIFY_EMAIL"]
    }

    let lock = NSRecursiveLock()
    var users: [User]
    /// Session ids with whose they are.
    var sessions: [(id: String, user: String)]
    /// What no description allows.
    private(set) var unexpected: [String] = []
    /// Calls that were answered by the double itself, as `GET /path`.
    private(set) var calls: [String] = []
    /// The secret that is good now, and how often a token was made of it.
    var token = "tok-0123456789-1"
    private(set) var tokensMade = 0
    /// Answers in place of the double; nil to let it answer.
    var fault: (Call) -> HTTPServer.Answer? = { _ in nil }
    private(set) var server: HTTPServer!
    let tokenFile: TemporaryFile

    init(userID: String = "u-1", otherID: String = "u-2") throws {
        users = [
            User(id: userID, name: "ann", email: "ann@example.com"),
            User(id: otherID, name: "bob", email: "bob@example.com"),
        ]
        sessions = [
            ("s-1", userID), ("s-2", userID), ("s-9", otherID),
        ]
        tokenFile = try TemporaryFile(token)
        server = try HTTPServer { [unowned self] request, _ in self.answer(request) }
    }

    deinit { server?.stop() }

    var url: String { publicURL ?? server.url("") }
    /// Where its users reach it, when a proxy stands before it.
    var publicURL: String?

    // MARK: - What a vendor's double says of itself

    var kind: ConnectorKind { fatalError("each double says which") }
    /// The lines of `connectors.yaml` besides the usual ones.
    var settings: [String] { [] }
    /// The path of the token endpoint, if there is one.
    var tokenPath: [String]? { nil }
    func respond(to call: Call) -> Reply { strange(call, "no such call") }
    /// Whether a step has had its effect on the first user.
    func isSo(_ rung: Rung) -> Bool { false }
    /// Whether the request carries the credential that is good now.
    func isAuthorized(_ call: Call) -> Bool {
        call.headers["authorization"] == "Bearer \(token)"
    }
    var unauthorized: Reply { Reply(status: 401, body: #"{"error":"invalid token"}"#) }
    /// Whether a call only reads, where the method does not say it.
    func isRead(_ call: Call) -> Bool { call.method == "GET" }
    /// Makes the credential in use worthless, and another good.
    func renew() throws {
        lock.withLock { token = "tok-0123456789-renewed" }
        if tokenPath == nil {
            try Data(token.utf8).write(to: URL(fileURLWithPath: tokenFile.path))
        }
    }

    // MARK: - For tests

    var user: User {
        get { users[0] }
        set { users[0] = newValue }
    }

    func yaml(timeoutSeconds: Int = 30, url: String? = nil, extra: [String] = []) -> String {
        let lines = [
            "kind: \(kind.rawValue)", "url: \(url ?? self.url)", "allow_private: true",
            "timeout_seconds: \(timeoutSeconds)",
        ]
        return "connectors:\n  - " + (lines + settings + extra).joined(separator: "\n    ") + "\n"
    }

    func connector(
        timeoutSeconds: Int = 30, url: String? = nil, extra: [String] = []
    ) throws -> any Connector {
        let file = try TemporaryFile(
            yaml(timeoutSeconds: timeoutSeconds, url: url, extra: extra))
        return try ConnectorFile.read(file.path)[0].connector
    }

    func action(_ kind: Rung, user: String? = nil, session: String = "s-1") -> PlannedAction {
        var action = PlannedAction.sample(
            user: user ?? users[0].id, session: kind == .logOutSession ? session : "")
        action.kind = kind
        return action
    }

    // MARK: - For subclasses

    func strange(_ call: Call, _ why: String) -> Reply {
        unexpected.append(
            "\(call.method) /\(call.path.joined(separator: "/")) \(call.query): \(why)")
        return Reply(status: 400, body: #"{"error":"not described"}"#)
    }

    /// The body's members have to be exactly these.
    func has(_ call: Call, _ keys: String...) -> Bool {
        Set(call.members.keys) == Set(keys)
            && call.headers["content-type"] == "application/json"
    }

    func index(_ id: String) -> Int? { users.firstIndex { $0.id == id } }

    func quoted(_ text: String) -> String { jsonObject { $0.string("x", text) }.dropping(5, 1) }

    // MARK: - The server

    private func answer(_ request: HTTPServer.Request) -> HTTPServer.Answer {
        lock.withLock {
            guard var call = StrictDouble.read(request) else {
                unexpected.append("not a request: \(request.line)")
                return .hangUp
            }
            call.isRead = isRead(call)
            if request.headers["expect"] != nil || request.headers["user-agent"] != "lastseen" {
                unexpected.append("\(request.line): headers \(request.headers)")
            }
            if let tokenPath, call.path == tokenPath { return http(makeToken(call)) }
            if let answer = fault(call) { return answer }
            guard isAuthorized(call) else { return http(unauthorized) }
            calls.append("\(call.method) /\(call.path.joined(separator: "/"))")
            return http(respond(to: call))
        }
    }

    private func http(_ reply: Reply) -> HTTPServer.Answer {
        .bytes(
            "HTTP/1.1 \(reply.status) X\r\n\(reply.headers)content-length: \(reply.body.utf8.count)"
                + "\r\n\r\n\(reply.body)")
    }

    /// RFC 6749, 4.4 and RFC 7523.
    private func makeToken(_ call: Call) -> Reply {
        guard call.method == "POST",
            call.headers["content-type"] == "application/x-www-form-urlencoded"
        else { return strange(call, "not a token request") }
        let fields = StrictDouble.pairs(call.body)
        if let problem = tokenProblem(fields) {
            return Reply(status: 401, body: #"{"error":"\#(problem)"}"#)
        }
        tokensMade += 1
        return .ok(
            #"{"access_token":"\#(token)","token_type":"Bearer","expires_in":300}"#)
    }

    /// What is wrong with a token request; nil when it is right.
    func tokenProblem(_ fields: [String: String]) -> String? {
        fields["grant_type"] == "client_credentials" && fields["client_id"] == "lastseen"
            && fields["client_secret"] == "s3cret/+&=?"
            ? nil : "invalid_client"
    }

    static func read(_ request: HTTPServer.Request) -> Call? {
        let words = request.line.split(separator: " ")
        guard words.count == 3, words[1].hasPrefix("/") else { return nil }
        let parts = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let decoded = path.map { $0.removingPercentEncoding }
        guard decoded.allSatisfy({ $0 != nil }) else { return nil }
        return Call(
            method: String(words[0]), path: decoded.compactMap { $0 },
            query: parts.count == 2 ? pairs(String(parts[1])) : [:], headers: request.headers,
            body: request.body)
    }

    static func pairs(_ text: String) -> [String: String] {
        var result: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[sides[0].removingPercentEncoding ?? "?"] =
                sides.count == 2 ? sides[1].removingPercentEncoding ?? "?" : ""
        }
        return result
    }
}

extension String {
    fileprivate func dropping(_ first: Int, _ last: Int) -> String {
        String(dropFirst(first).dropLast(last))
    }
}
