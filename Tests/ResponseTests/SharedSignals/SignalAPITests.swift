import Foundation
import SessionModel
import Settings
import Testing

@testable import Response

/// The transmitter's calls, as a strict receiver makes them; over HTTP they are in `ServerTests`.
struct SignalAPITests {
    let folder: ServerFolder
    let store: SignalStore
    let signals: SharedSignalsConnector
    let api: SignalAPI
    let key = try! SigningKey(.rs256)

    init() throws { try self.init(issuer: "https://monitor.example.com") }

    init(issuer: String) throws {
        folder = try ServerFolder()
        let path = folder.path + "/streams.db"
        store = try SignalStore(path: path)
        signals = try SharedSignalsConnector(
            SharedSignalsOptions(issuer: issuer, delivery: .streams(path)))
        func hash(_ token: String) -> [UInt8] { Digest.sha256(Array(token.utf8)) }
        api = try SignalAPI(
            SignalAPIOptions(issuer: issuer, pollSeconds: 1), store: store,
            signer: SignalSigner([key], keyID: "k1"),
            receivers: SignalReceivers([
                .init(name: "mail", tokenHash: hash("mail-token"), audience: "https://mail"),
                .init(name: "chat", tokenHash: hash("chat-token"), audience: "https://chat"),
                .init(
                    name: "eyes", tokenHash: hash("eyes-token"), audience: "https://eyes",
                    mayManage: false),
            ]), clock: { epoch })
    }

    func call(
        _ method: String, _ path: String, _ body: String = "", stream: String? = nil,
        token: String? = "mail-token"
    ) -> (status: Int, json: JSONValue?) {
        let response = api.answer(
            RouteRequest(
                method: method, path: path, query: stream.map { ["stream_id": $0] } ?? [:],
                headers: token.map { ["authorization": "Bearer \($0)"] } ?? [:],
                body: Array(body.utf8)))
        return (response?.status ?? 0, response.flatMap { JSONValue(Array($0.body.utf8)) })
    }

    @Test("discovery and keys are for all, and name what there is")
    func discovery() throws {
        let found = call("GET", "/.well-known/ssf-configuration", token: nil)
        #expect(found.status == 200)
        let metadata = try #require(found.json)
        #expect(metadata["issuer"]?.text == "https://monitor.example.com")
        #expect(metadata["spec_version"]?.text == "1_0")
        #expect(
            metadata["delivery_methods_supported"]?.array?.compactMap(\.text)
                == ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"])
        #expect(metadata["default_subjects"]?.text == "ALL")
        for (name, path) in [
            ("configuration_endpoint", "/ssf/stream"), ("status_endpoint", "/ssf/status"),
            ("add_subject_endpoint", "/ssf/subjects/add"),
            ("remove_subject_endpoint", "/ssf/subjects/remove"),
            ("verification_endpoint", "/ssf/verification"), ("jwks_uri", "/ssf/jwks.json"),
        ] {
            #expect(metadata[name]?.text == "https://monitor.example.com" + path)
        }
        let keys = call("GET", "/ssf/jwks.json", token: nil).json?["keys"]?.array
        #expect(keys?.count == 1)
        #expect(keys?.first?["kid"]?.text == "k1")
        #expect(keys?.first?["d"] == nil, "the private part is nobody's")
        #expect(call("POST", "/ssf/jwks.json", token: nil).status == 405)
        #expect(api.answer(RouteRequest(method: "GET", path: "/other")) == nil)
    }

    @Test("an issuer with a path has it before each of ours, and after the well-known word")
    func issuerPath() throws {
        let tests = try SignalAPITests(issuer: "https://h.example.com/issuer1")
        let found = tests.call("GET", "/.well-known/ssf-configuration/issuer1", token: nil)
        #expect(
            found.json?["status_endpoint"]?.text == "https://h.example.com/issuer1/ssf/status")
        #expect(tests.call("GET", "/issuer1/ssf/stream").status == 200)
        #expect(tests.call("GET", "/ssf/stream").status == 0)
    }

    static let tokens: [String?] = [nil, "", "wrong", "mail-tokenx", "mail-toke", "Mail-token"]

    @Test("without a receiver's token there is nothing", arguments: tokens)
    func unauthorized(token: String?) {
        for (method, path) in [
            ("GET", "/ssf/stream"), ("POST", "/ssf/stream"), ("POST", "/ssf/poll/x"),
            ("GET", "/ssf/nothing"),
        ] {
            #expect(call(method, path, "{}", token: token).status == 401)
        }
    }

    @Test("a stream from its making to its end")
    func stream() throws {
        #expect(call("GET", "/ssf/stream").json == .array([]))
        let revoked = SecurityEventType.sessionRevoked.rawValue
        let made = call(
            "POST", "/ssf/stream",
            #"{"events_requested":["\#(revoked)","https://other/event"],"description":"x"}"#)
        #expect(made.status == 201)
        let stream = try #require(made.json)
        let id = try #require(stream["stream_id"]?.text)
        #expect(id.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        #expect(stream["iss"]?.text == "https://monitor.example.com")
        #expect(stream["aud"]?.text == "https://mail")
        #expect(stream["events_delivered"]?.array?.compactMap(\.text) == [revoked])
        #expect(stream["events_requested"]?.array?.count == 2)
        #expect(stream["delivery"]?["method"]?.text == "urn:ietf:rfc:8936")
        #expect(
            stream["delivery"]?["endpoint_url"]?.text
                == "https://monitor.example.com/ssf/poll/\(id)")
        #expect(call("POST", "/ssf/stream", "{}").status == 409)
        #expect(call("GET", "/ssf/stream", stream: id).json == stream)
        #expect(call("GET", "/ssf/stream").json == .array([stream]))

        let push = #"""
            {"stream_id":"\#(id)","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://mail.example.com/e","authorization_header":"Bearer abc"}}
            """#
        let patched = call("PATCH", "/ssf/stream", push)
        #expect(patched.status == 200)
        #expect(patched.json?["delivery"]?["endpoint_url"]?.text == "https://mail.example.com/e")
        #expect(patched.json?["delivery"]?["authorization_header"] == nil)
        #expect(patched.json?["description"]?.text == "x")
        #expect(try store.stream(id)?.authorization == "Bearer abc")
        let put = call("PUT", "/ssf/stream", #"{"stream_id":"\#(id)","aud":"https://mail"}"#)
        #expect(put.json?["description"] == nil)
        #expect(put.json?["events_delivered"]?.array?.count == SecurityEventType.offered.count)

        #expect(call("GET", "/ssf/status", stream: id).json?["status"]?.text == "enabled")
        let paused = call(
            "POST", "/ssf/status", #"{"stream_id":"\#(id)","status":"paused","reason":"y"}"#)
        #expect(paused.json?["status"]?.text == "paused")
        #expect(call("GET", "/ssf/status", stream: id).json?["reason"]?.text == "y")
        #expect(call("DELETE", "/ssf/stream", stream: id).status == 204)
        #expect(call("GET", "/ssf/stream", stream: id).status == 404)
    }

    /// Bodies that are wrong, for a stream that is there.
    static let wrong: [(String, String, String)] = [
        ("POST", "stream", "no json"), ("POST", "stream", "[]"),
        ("POST", "stream", #"{"events_requested":[]}"#),
        ("POST", "stream", #"{"events_requested":[1]}"#),
        ("POST", "stream", #"{"events_requested":["a b"]}"#),
        ("POST", "stream", #"{"delivery":{"method":"push"}}"#),
        ("POST", "stream", #"{"delivery":{"method":"urn:ietf:rfc:8935"}}"#),
        ("POST", "stream", push("http://mail.example.com/")),
        ("POST", "stream", push("https://u:p@mail.example.com/")),
        ("POST", "stream", push("file:///etc/passwd")),
        ("POST", "stream", push("https://x/", #","authorization_header":"a\r\nb: c""#)),
        ("PATCH", "stream", "{}"), ("PATCH", "stream", #"{"stream_id":"ID","aud":"https://x"}"#),
        ("PATCH", "stream", #"{"stream_id":"ID","description":7}"#),
        ("POST", "status", #"{"stream_id":"ID","status":"off"}"#),
        ("POST", "subjects/add", #"{"stream_id":"ID"}"#),
        ("POST", "subjects/remove", #"{"stream_id":"ID","subject":{"id":"x"}}"#),
        ("POST", "poll/ID", "x"), ("POST", "poll/ID", #"{"maxEvents":-1}"#),
        ("POST", "poll/ID", #"{"ack":"x"}"#), ("POST", "poll/ID", #"{"ack":[1]}"#),
        ("POST", "poll/ID", #"{"setErrs":{"x":{}}}"#),
        ("POST", "poll/ID", #"{"returnImmediately":"yes"}"#),
    ]

    private static func push(_ url: String, _ more: String = "") -> String {
        #"{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"\#(url)"\#(more)}}"#
    }

    @Test("a body that is wrong is 400, and changes nothing", arguments: wrong.indices)
    func malformed(index: Int) throws {
        let (method, route, body) = Self.wrong[index]
        let isNew = route == "stream" && method == "POST"
        let stream = SignalStream(
            id: "ID", receiver: "mail", audience: "https://mail", method: .poll)
        if !isNew { _ = try store.add(stream) }
        #expect(call(method, "/ssf/" + route, body).status == 400)
        #expect(try store.streams() == (isNew ? [] : [stream]))
    }

    @Test("another receiver's stream is none, and a reader only reads")
    func others() throws {
        let id = try #require(call("POST", "/ssf/stream", "{}").json?["stream_id"]?.text)
        let own = #"{"stream_id":"\#(id)","status":"paused"}"#
        for (method, path, body) in [
            ("PATCH", "/ssf/stream", own), ("POST", "/ssf/status", own),
            ("POST", "/ssf/verification", own), ("POST", "/ssf/poll/\(id)", "{}"),
        ] {
            #expect(call(method, path, body, token: "chat-token").status == 404)
        }
        #expect(call("GET", "/ssf/stream", stream: id, token: "chat-token").status == 404)
        #expect(call("DELETE", "/ssf/stream", stream: id, token: "chat-token").status == 404)
        #expect(call("GET", "/ssf/status", stream: id, token: "eyes-token").status == 404)
        #expect(call("POST", "/ssf/stream", "{}", token: "eyes-token").status == 403)
        #expect(call("GET", "/ssf/stream", token: "eyes-token").status == 200)
        #expect(try store.streams().count == 1)
        #expect(call("PUT", "/ssf/verification", own).status == 405)
        #expect(call("GET", "/ssf/poll/\(id)").status == 405)
    }

    @Test("polling: events come again until acknowledged; refusals are kept; a verification echoes")
    func poll() throws {
        let id = try #require(call("POST", "/ssf/stream", "{}").json?["stream_id"]?.text)
        for number in 1...3 {
            var action = PlannedAction.signal(.logOutSession)
            action.id = "act-\(number)"
            #expect(signals.carryOut(action, at: epoch).outcome == .done)
        }
        func poll(_ body: String) -> JSONValue? { call("POST", "/ssf/poll/\(id)", body).json }
        func names(_ answer: JSONValue?) -> [String] {
            if case .object(let sets) = answer?["sets"] { sets.keys.sorted() } else { [] }
        }
        let first = poll(#"{"maxEvents":2,"returnImmediately":true}"#)
        #expect(names(first) == ["act-1", "act-2"])
        #expect(first?["moreAvailable"]?.bool == true)
        let token = try #require(first?["sets"]?["act-1"]?.text)
        let payload = try #require(JSONWebSignature.verifiedPayload(token, key: key))
        #expect(JSONValue(payload)?["jti"]?.text == "act-1")
        #expect(names(poll("{}")) == ["act-1", "act-2", "act-3"])
        let acknowledged = poll(
            #"{"maxEvents":0,"ack":["act-1","x"],"setErrs":{"act-2":{"err":"invalid_key","description":"d"}}}"#
        )
        #expect(acknowledged?["sets"] == .object([:]))
        let rest = poll("{}")
        #expect(names(rest) == ["act-3"])
        #expect(rest?["moreAvailable"] == nil)
        #expect(try store.fates(ofEvent: "act-2").first?.error == "invalid_key")
        #expect(names(poll(#"{"ack":["act-3"],"returnImmediately":true}"#)) == [])

        let state = "a\"é\n"
        var body = JSONText()
        body.object {
            $0.string("stream_id", id)
            $0.string("state", state)
        }
        #expect(call("POST", "/ssf/verification", body.text).status == 204)
        #expect(call("POST", "/ssf/verification", body.text).status == 429)
        let verification = poll("{}")
        let name = try #require(names(verification).first)
        let set = try #require(verification?["sets"]?[name]?.text)
        let claims = JSONValue(JSONWebSignature.verifiedPayload(set, key: key) ?? [])
        #expect(
            claims?["events"]?[SecurityEventType.verification.rawValue]?["state"]?.text == state)
        #expect(claims?["sub_id"]?["id"]?.text == id)
    }

    @Test("users who are removed are left out until they are added again")
    func subjects() throws {
        let id = try #require(call("POST", "/ssf/stream", "{}").json?["stream_id"]?.text)
        let body = #"""
            {"stream_id":"\#(id)","subject":{"sub":"u1","format":"iss_sub","iss":"https://monitor.example.com"}}
            """#
        #expect(call("POST", "/ssf/subjects/remove", body).status == 204)
        #expect(signals.carryOut(.signal(.suspend), at: epoch).outcome == .notNeeded)
        #expect(call("POST", "/ssf/subjects/add", body).status == 200)
        #expect(signals.carryOut(.signal(.suspend), at: epoch).outcome == .done)
    }

    @Test("the receivers' file, and what is wrong with it")
    func receivers() throws {
        let hash = Digest.hex(Digest.sha256(Array("t".utf8)))
        let right = """
            receivers:
              - name: mail
                token_sha256: \(hash)
                audience: https://mail
              - name: eyes
                token_sha256: \(hash.replacing(/^../, with: "00").uppercased())
                audience: https://eyes
                may: read
            """
        let rightFile = try TemporaryFile(right)
        let found = try SignalReceivers(file: rightFile.path)
        #expect(found.receiver(authorization: "bEARER t")?.name == "mail")
        #expect(found.receiver(authorization: "Basic t") == nil)
        for (from, to) in [
            (hash, "x"), ("eyes\n", "mail\n"), ("may: read", "may: all"),
            ("audience: https://mail", ""),
            ("receivers:", "receiver:"), ("name: mail", "token: x"),
        ] {
            let file = try TemporaryFile(right.replacingOccurrences(of: from, with: to))
            #expect(throws: SettingsError.self, "\(from)") { try SignalReceivers(file: file.path) }
        }
    }
}
