import Foundation
import SessionModel
import StateStore
import Testing

@testable import Response

struct SharedSignalsConnectorTests {
    let key = try! SigningKey(.es256)
    static let authorization = "Bearer receiver-token"

    func connector(
        url: String, milliseconds: Int = 2000, format: UserSubjectFormat = .issuerAndSubject
    ) throws -> SharedSignalsConnector {
        let pem = try key.pem()
        return try SharedSignalsConnector(
            SharedSignalsOptions(
                issuer: "https://monitor.example.com", userFormat: format,
                delivery: .push(
                    SignalReceiver(
                        url: url, audience: ["https://sp.example.com"],
                        signingKey: try SecretValue(.environment("K"), label: "k") { _ in pem },
                        authorization: try SecretValue(.environment("A"), label: "a") { _ in
                            Self.authorization
                        }, allowsPrivate: true)),
                totalMilliseconds: milliseconds))
    }

    @Test("a push is RFC 8935's request, with a token that the key signed")
    func push() throws {
        let receiver = try HTTPServer { _, _ in .bytes("HTTP/1.1 202 Accepted\r\n\r\n") }
        defer { receiver.stop() }
        let signals = try connector(url: receiver.url("/events"))
        #expect(signals.carryOut(.signal(.logOutSession), at: epoch).outcome == .done)
        #expect(signals.undo(.signal(.suspend), at: epoch)?.outcome == .done)
        #expect(signals.undo(.signal(.logOutSession), at: epoch) == nil)
        let first = try #require(receiver.requests.first)
        #expect(first.line.hasPrefix("POST /events "))
        #expect(first.headers["content-type"] == "application/secevent+jwt")
        #expect(first.headers["accept"] == "application/json")
        #expect(first.headers["authorization"] == Self.authorization)
        let payload = try #require(JSONWebSignature.verifiedPayload(first.body, key: key))
        let claims = try #require(JSONValue(payload))
        #expect(claims["jti"]?.text == "act-0123456789abcdef")
        #expect(claims["aud"]?.text == "https://sp.example.com")
        #expect(receiver.requests.count == 2)
    }

    typealias Answer = (String, ConnectorAnswer.Outcome, mayHaveHappened: Bool, seconds: Int?)
    static let answers: [Answer] = [
        ("HTTP/1.1 202 Accepted\r\n\r\n", .done, false, nil),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .done, false, nil),
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n"
                + #"{"err":"invalid_key","description":"unknown kid Bearer receiver-token"}"#,
            .refused, false, nil
        ),
        ("HTTP/1.1 400 Bad Request\r\n\r\nno json", .refused, false, nil),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", .refused, false, nil),
        ("HTTP/1.1 404 Not Found\r\n\r\n", .refused, false, nil),
        ("HTTP/1.1 429 Slow\r\nRetry-After: 77\r\n\r\n", .retry, false, 77),
        ("HTTP/1.1 503 Later\r\nRetry-After: 9\r\n\r\n", .retry, true, 9),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", .retry, false, nil),
        ("HTTP/1.1 202 Acc", .retry, true, nil),
        ("", .retry, true, nil),
    ]

    @Test("what the receiver answers", arguments: answers.indices)
    func answered(index: Int) throws {
        let (bytes, outcome, mayHaveHappened, seconds) = Self.answers[index]
        let receiver = try HTTPServer { _, _ in bytes.isEmpty ? .hangUp : .bytes(bytes) }
        defer { receiver.stop() }
        let answer = try connector(url: receiver.url()).carryOut(.signal(.suspend), at: epoch)
        // The status line that is cut still counts as an answer to libcurl, as 202.
        if bytes != "HTTP/1.1 202 Acc" {
            #expect(answer.outcome == outcome)
            #expect(answer.mayHaveHappened == mayHaveHappened)
        }
        #expect(answer.retryAfterSeconds == seconds)
        #expect(!answer.detail.contains("receiver-token"))
        if bytes.contains("invalid_key") { #expect(answer.detail.contains("invalid_key: unknown")) }
    }

    /// How the receiver says that it does not know the header.
    static let unknown = [
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n"
            + #"{"err":"authentication_failed","description":"expired"}"#,
    ]

    @Test(
        "an authorization that expired is read again, once, and the push repeated",
        arguments: unknown)
    func renewed(refusal: String) throws {
        let receiver = try HTTPServer { request, _ in
            .bytes(
                request.headers["authorization"] == "Bearer new-token"
                    ? "HTTP/1.1 202 Accepted\r\n\r\n" : refusal)
        }
        defer { receiver.stop() }
        let secret = try TemporaryFile("Bearer old-token")
        let pem = try key.pem()
        let signals = try SharedSignalsConnector(
            SharedSignalsOptions(
                issuer: "https://monitor.example.com", userFormat: .issuerAndSubject,
                delivery: .push(
                    SignalReceiver(
                        url: receiver.url("/events"), audience: ["https://sp.example.com"],
                        signingKey: try SecretValue(.environment("K"), label: "k") { _ in pem },
                        authorization: try SecretValue(.file(secret.path), label: "a"),
                        allowsPrivate: true)), totalMilliseconds: 20_000))
        // Still the old one: refused after one call, and it is not shown.
        let refused = signals.carryOut(.signal(.logOutSession), at: epoch)
        #expect(refused.outcome == .refused && receiver.requests.count == 1)
        #expect(!refused.detail.contains("old-token"))
        try Data("Bearer new-token\n".utf8).write(to: URL(fileURLWithPath: secret.path))
        #expect(signals.carryOut(.signal(.logOutSession), at: epoch).outcome == .done)
        #expect(receiver.requests.count == 3)
        #expect(signals.carryOut(.signal(.logOutSession), at: epoch).outcome == .done)
        #expect(receiver.requests.count == 4, "the new one is kept")
    }

    @Test("a receiver that is silent or not there is tried again")
    func silent() throws {
        let receiver = try HTTPServer { _, _ in .stall("HTTP/1.1 ") }
        defer { receiver.stop() }
        let answer = try connector(url: receiver.url(), milliseconds: 300)
            .carryOut(.signal(.suspend), at: epoch)
        #expect(answer.outcome == .retry)
        #expect(answer.mayHaveHappened)
        let nobody = try connector(url: "http://127.0.0.1:1/").carryOut(
            .signal(.suspend), at: epoch)
        #expect(nobody.outcome == .retry)
        #expect(!nobody.mayHaveHappened)
        let nameless = try connector(url: receiver.url(), format: .email)
            .carryOut(.signal(.suspend, name: "ann"), at: epoch)
        #expect(nameless.outcome == .refused)
    }

    @Test("the file's keys become a connector, and what is wrong is said")
    func file() throws {
        let key = try TemporaryFile(try self.key.pem())
        let folder = try ServerFolder()
        let push = """
            connectors:
              - kind: shared-signals
                issuer: https://monitor.example.com
                url: https://sp.example.com/events
                audience: https://sp.example.com
                signing_key: {file: \(key.path)}

            """
        let found = try ConnectorFileTests.read(push)
        #expect(found.first?.connector is SharedSignalsConnector)
        #expect(found.first?.abilities[.suspend]?.isUndoable == true)
        #expect(found.first?.abilities[.logOutOthers] == nil)
        let streams = """
            connectors:
              - kind: shared-signals
                issuer: https://monitor.example.com
                subject: email
                streams: \(folder.path)/streams.db
            """
        #expect(try ConnectorFileTests.read(streams).count == 1)
        for (from, to) in [
            ("issuer: https://monitor", "issuer: http://monitor"),
            ("https://monitor.example.com", "https://monitor.example.com?x"),
            ("audience: https://sp.example.com", "description: x"),
            ("url: https://sp", "url: http://sp"), ("{file: \(key.path)}", "{env: HOOK}"),
            ("    url: https://sp.example.com/events\n", "    streams: \(folder.path)/b.db\n"),
            ("audience: https", "subject: user\n    audience: https"),
        ] {
            let text = push.replacingOccurrences(of: from, with: to)
            #expect(!ConnectorFileTests.problems(text).isEmpty, "\(from) → \(to)")
        }
    }
}

/// Streams in a real file.
struct SignalStoreTests {
    let folder: ServerFolder
    let store: SignalStore
    let signals: SharedSignalsConnector

    init() throws {
        folder = try ServerFolder()
        store = try SignalStore(path: folder.path + "/streams.db")
        signals = try SharedSignalsConnector(
            SharedSignalsOptions(
                issuer: "https://monitor.example.com",
                delivery: .streams(folder.path + "/streams.db")))
    }

    func stream(_ name: String, requested: [SecurityEventType]? = nil) throws -> SignalStream {
        let stream = SignalStream(
            id: "id-\(name)", receiver: name, audience: "https://\(name).example.com",
            method: .poll, requested: requested?.map(\.rawValue))
        #expect(try store.add(stream))
        return stream
    }

    @Test(
        "an event goes once into each stream that asks for it, and comes until it is acknowledged")
    func once() throws {
        #expect(signals.carryOut(.signal(.suspend), at: epoch).outcome == .notNeeded)
        let mail = try stream("mail")
        let chat = try stream("chat", requested: [.sessionRevoked])
        #expect(signals.rehearse(.signal(.suspend), at: epoch)?.hasSuffix("1 stream") == true)
        for _ in 0..<2 {
            #expect(signals.carryOut(.signal(.suspend), at: epoch).outcome == .done)
        }
        #expect(try store.waiting(in: chat.id, limit: 9).events.isEmpty)
        for _ in 0..<2 {
            let waiting = try store.waiting(in: mail.id, limit: 9)
            #expect(waiting.events.map(\.event) == ["act-0123456789abcdef"])
            #expect(waiting.events[0].claims.contains(#""aud":"https://mail.example.com""#))
        }
        try store.close(in: mail.id, acknowledged: ["act-0123456789abcdef", "unknown"], at: epoch)
        #expect(try store.waiting(in: mail.id, limit: 9).events.isEmpty)
        #expect(signals.check(.signal(.suspend), at: epoch)?.outcome == .done)
        // A run that was killed before it noted the answer sends it again: it is remembered.
        #expect(signals.carryOut(.signal(.suspend), at: epoch).outcome == .done)
        #expect(try store.waiting(in: mail.id, limit: 9).events.isEmpty)
        let mode =
            try FileManager.default.attributesOfItem(
                atPath: folder.path + "/streams.db")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("paused streams hold, disabled ones drop, users who are left out are left out")
    func statusAndSubjects() throws {
        var mail = try stream("mail")
        mail.status = .paused
        try store.update(mail)
        _ = signals.carryOut(.signal(.suspend), at: epoch)
        #expect(try store.waiting(in: mail.id, limit: 9).events.isEmpty)
        mail.status = .enabled
        try store.update(mail)
        #expect(try store.waiting(in: mail.id, limit: 9).events.count == 1)
        mail.status = .disabled
        try store.update(mail)
        mail.status = .enabled
        try store.update(mail)
        #expect(try store.waiting(in: mail.id, limit: 9).events.isEmpty)

        let user = #"{"format":"iss_sub","iss":"https://monitor.example.com","sub":"u1"}"#
        #expect(try store.remove(subject: user, from: mail.id))
        #expect(signals.carryOut(.signal(.logOutSession), at: epoch).outcome == .notNeeded)
        #expect(signals.carryOut(.signal(.suspend, user: "u2"), at: epoch).outcome == .done)
        try store.add(
            subject: #"{"sub":"u1","format":"iss_sub","iss":"https://monitor.example.com"}"#,
            to: mail.id)
        var action = PlannedAction.signal(.logOutSession)
        action.id = "act-2"
        #expect(signals.carryOut(action, at: epoch).outcome == .done)
        #expect(try store.delete(mail.id))
        #expect(try store.waiting(in: mail.id, limit: 9).events.isEmpty)
    }

    @Test("a refusal that comes later makes the action refused, with an entry in the journal")
    func settled() throws {
        let mail = try stream("mail")
        let state = try StateStore(path: folder.path + "/state.db", waitSeconds: 0, holder: "test")
        var action = PlannedAction.signal(.suspend)
        action.state = .done
        _ = try state.commit { try StoreOutbox.put(action, alertRevision: 1, at: epoch, in: &$0) }
        _ = signals.carryOut(action, at: epoch)
        try store.close(
            in: mail.id, acknowledged: [],
            refused: [action.id: SignalError(code: "invalid_audience", description: "not us\n")],
            at: epoch)
        #expect(signals.check(action, at: epoch)?.outcome == .refused)
        let outbox = StoreOutbox(state)
        #expect(try signals.settle(outbox, at: epoch) == 1)
        #expect(try signals.settle(outbox, at: epoch) == 0)
        #expect(try outbox.action(action.id)?.state == .refused)
        let entry = try #require(try StoreOutbox.journal(in: state).last)
        #expect(entry.draft.what == "refused")
        #expect(entry.draft.detail.contains("mail refused the event: invalid_audience: not us"))
    }

    @Test("a full stream is told, and other streams are not half done")
    func full() throws {
        let mail = try stream("mail")
        try store.writing { db in
            for number in 0..<SignalStore.waitingLimit {
                try SignalStore.insert("e\(number)", "{}", into: mail.id, at: epoch, db)
            }
        }
        _ = try stream("chat")
        let answer = signals.carryOut(.signal(.suspend), at: epoch)
        #expect(answer.outcome == .retry)
        #expect(answer.detail.contains("wait for mail"))
        #expect(try store.waiting(in: "id-chat", limit: 9).events.isEmpty)
        let page = try store.waiting(in: mail.id, limit: 3)
        #expect(page.events.map(\.event) == ["e0", "e1", "e2"])
        #expect(page.hasMore)
    }

    @Test("streams with push are pushed in order; what fails waits, what is refused is noted")
    func pusher() throws {
        let key = try SigningKey(.es256)
        let receiver = try HTTPServer { request, number in
            let payload = JSONWebSignature.verifiedPayload(request.body, key: key)
            let jti = payload.flatMap { JSONValue($0)?["jti"]?.text }
            if number == 1 { return .bytes("HTTP/1.1 503 Later\r\n\r\n") }
            if jti == "act-2" {
                return .bytes("HTTP/1.1 400 No\r\n\r\n" + #"{"err":"invalid_request"}"#)
            }
            return .bytes("HTTP/1.1 202 Accepted\r\n\r\n")
        }
        defer { receiver.stop() }
        var mail = try stream("mail")
        (mail.method, mail.endpoint) = (.push, receiver.url())
        mail.authorization = "Bearer x"
        try store.update(mail)
        for id in ["act-1", "act-2", "act-3"] {
            var action = PlannedAction.signal(.suspend)
            action.id = id
            _ = signals.carryOut(action, at: epoch)
        }
        let pusher = try SignalPusher(
            store: store, signer: SignalSigner([key]), allowsPrivate: true)
        #expect(try pusher.run { epoch } == 0, "the first answer is 503")
        #expect(try pusher.run { epoch } == 0, "not due yet, and nothing overtakes")
        #expect(receiver.requests.count == 1)
        #expect(try pusher.run { epoch.adding(milliseconds: 60_000) } == 3)
        #expect(try store.fates(ofEvent: "act-1").map(\.state) == [.acknowledged])
        #expect(try store.fates(ofEvent: "act-2").map(\.state) == [.refused])
        #expect(try store.fates(ofEvent: "act-3").map(\.state) == [.acknowledged])
        #expect(receiver.requests.last?.headers["authorization"] == "Bearer x")
        let closed = try SignalPusher(store: store, signer: SignalSigner([key]))
        #expect(throws: ResponseError.self) { try closed.run { epoch } }
    }
}
