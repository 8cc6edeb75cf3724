import Foundation
import SessionModel
import Testing

@testable import Response

struct WebhookConnectorTests {
    static let secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static let otherSecretText = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    static func connector(
        _ url: String, secrets: [String] = [secretText], caFile: String? = nil,
        allowsPrivate: Bool = true, connect: Int = 2_000, total: Int = 10_000
    ) throws -> WebhookConnector {
        try WebhookConnector(
            WebhookOptions(
                url: url, secrets: secrets.map { try #require(WebhookSecret($0)) }, caFile: caFile,
                allowsPrivate: allowsPrivate, connectMilliseconds: connect,
                totalMilliseconds: total))
    }

    /// One call to a server that answers so.
    private static func call(
        _ answer: HTTPServer.Answer, path: String = "/hook", total: Int = 10_000
    ) throws -> (ConnectorAnswer, HTTPServer) {
        let server = try HTTPServer { _, _ in answer }
        defer { server.stop() }
        let connector = try connector(server.url(path), total: total)
        return (connector.carryOut(.sample(), at: epoch), server)
    }

    private static func http(_ status: String, _ headers: String = "", body: String = "")
        -> HTTPServer.Answer
    {
        .bytes("HTTP/1.1 \(status)\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    @Test("the receiver gets a POST that a receiver's code can verify, with every secret")
    func request() throws {
        let server = try HTTPServer { _, _ in WebhookConnectorTests.http("204 No Content") }
        defer { server.stop() }
        let secrets = [WebhookConnectorTests.secretText, WebhookConnectorTests.otherSecretText]
        let connector = try WebhookConnectorTests.connector(
            server.url("/hook?a=b"), secrets: secrets)
        let action = PlannedAction.sample()
        #expect(connector.carryOut(action, at: epoch).outcome == .done)
        #expect(connector.carryOut(action, at: epoch.adding(milliseconds: 7_999)).outcome == .done)
        try #require(server.requests.count == 2)
        for (request, seconds) in zip(server.requests, [Int64(1_800_000_000), 1_800_000_007]) {
            #expect(request.line == "POST /hook?a=b HTTP/1.1")
            #expect(request.headers["content-type"] == "application/json")
            #expect(request.headers["webhook-id"] == action.id)
            #expect(request.headers["webhook-timestamp"] == String(seconds))
            #expect(request.headers["expect"] == nil)
            #expect(request.body == ActionMessage.body(of: action))
            for secret in secrets {
                #expect(
                    WebhookSignature.verify(
                        header: request.headers["webhook-signature"] ?? "", id: action.id,
                        timestampSeconds: seconds, body: request.body,
                        secrets: [try #require(WebhookSecret(secret))], nowSeconds: seconds))
            }
        }
    }

    /// Status and headers; outcome, seconds to wait, whether it may have happened, whether the others
    /// wait.
    static let statuses: [(String, String, ConnectorAnswer.Outcome, Int?, Bool, Bool)] = [
        ("200 OK", "", .done, nil, false, false),
        ("200 OK", "Lastseen-Outcome:  already-so \r\n", .alreadySo, nil, false, false),
        ("202 Accepted", "lastseen-outcome: NOT-NEEDED\r\n", .notNeeded, nil, false, false),
        ("200 OK", "lastseen-outcome: refused\r\n", .done, nil, false, false),
        ("299 Fine", "", .done, nil, false, false),
        ("300 Many", "", .retry, nil, false, false),
        ("302 Found", "location: http://127.0.0.1:1/\r\n", .retry, nil, false, false),
        ("400 Bad Request", "", .refused, nil, false, false),
        ("401 Unauthorized", "lastseen-outcome: already-so\r\n", .refused, nil, false, false),
        ("404 Not Found", "retry-after: 9\r\n", .refused, nil, false, false),
        ("408 Request Timeout", "", .retry, nil, false, false),
        ("409 Conflict", "", .refused, nil, false, false),
        ("410 Gone", "", .refused, 86_400, false, true),
        ("425 Too Early", "retry-after: 9\r\n", .retry, 9, false, false),
        ("429 Too Many Requests", "", .retry, nil, false, true),
        ("429 Too Many Requests", "Retry-After: 120\r\n", .retry, 120, false, true),
        ("500 Error", "", .retry, nil, true, false),
        ("503 Unavailable", "retry-after: 30\r\n", .retry, 30, true, false),
        ("503 Unavailable", "retry-after: soon\r\n", .retry, nil, true, false),
        ("599 Odd", "", .retry, nil, true, false),
        ("999 Odd", "", .retry, nil, true, false),
    ]

    @Test("each status has its outcome", arguments: statuses)
    func status(
        status: String, headers: String, outcome: ConnectorAnswer.Outcome, wait: Int?,
        mayHaveHappened: Bool, pauses: Bool
    ) throws {
        let (answer, server) = try WebhookConnectorTests.call(
            WebhookConnectorTests.http(status, headers, body: "x"))
        #expect(answer.outcome == outcome)
        #expect(answer.retryAfterSeconds == wait)
        #expect(answer.mayHaveHappened == mayHaveHappened)
        #expect(answer.pausesConnector == pauses)
        #expect(server.requests.count == 1, "no redirect, no repetition of its own")
    }

    @Test("Retry-After as a date is seconds from now")
    func retryDate() throws {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let date = format.string(from: Date(timeIntervalSinceNow: 600))
        let (answer, _) = try WebhookConnectorTests.call(
            WebhookConnectorTests.http("503 Unavailable", "retry-after: \(date)\r\n"))
        #expect((500...601).contains(try #require(answer.retryAfterSeconds)))
    }

    /// What a broken receiver does; whether it may have acted.
    static let halfAnswers: [(HTTPServer.Answer, Bool)] = [
        (.hangUp, true),
        (.bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"), true),
        (.bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"), true),
        (.bytes("SSH-2.0-OpenSSH_9.2\r\n"), true),
        (.bytes("\u{0}\u{1}\u{2}"), true),
        (.stall(""), true),
        (.stall("HTTP/1.1 200 OK\r\ncontent-len"), true),
        (.stall("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"), true),
    ]

    @Test("an answer that is not whole is no answer", arguments: halfAnswers.indices)
    func broken(index: Int) throws {
        let (behaviour, mayHaveHappened) = WebhookConnectorTests.halfAnswers[index]
        let (answer, _) = try WebhookConnectorTests.call(behaviour, total: 400)
        #expect(answer.outcome == .retry)
        #expect(answer.mayHaveHappened == mayHaveHappened)
    }

    @Test("an endless body is cut off, and its status stands")
    func endless() throws {
        let (answer, _) = try WebhookConnectorTests.call(
            .endless("HTTP/1.1 200 OK\r\n\r\n"), total: 60_000)
        #expect(answer.outcome == .done)
        #expect(answer.detail.count <= 200)
    }

    @Test("endless headers are no answer")
    func endlessHeaders() throws {
        let (answer, _) = try WebhookConnectorTests.call(.endless("HTTP/1.1 200 OK\r\na: "))
        #expect(answer.outcome == .retry)
    }

    @Test("nothing listening: surely nothing happened")
    func unreachable() throws {
        let server = try HTTPServer { _, _ in .hangUp }
        server.stop()
        usleep(50_000)
        for url in [server.url(), "http://no-such-host.invalid/"] {
            let answer = try WebhookConnectorTests.connector(url).carryOut(.sample(), at: epoch)
            #expect(answer.outcome == .retry)
            #expect(!answer.mayHaveHappened)
            #expect(answer.detail.contains("cannot be reached"))
        }
    }

    @Test(
        "private addresses are refused after resolution, whatever form they have",
        arguments: [
            "https://127.0.0.1:{}/", "https://localhost:{}/", "https://[::1]:{}/",
            "https://2130706433:{}/", "https://0x7f.1:{}/", "https://[::ffff:127.0.0.1]:{}/",
            "https://0.0.0.0:{}/",
        ])
    func guarded(url: String) throws {
        let server = try HTTPServer { _, _ in WebhookConnectorTests.http("200 OK") }
        defer { server.stop() }
        let connector = try WebhookConnectorTests.connector(
            url.replacingOccurrences(of: "{}", with: String(server.port)), allowsPrivate: false)
        let answer = connector.carryOut(.sample(), at: epoch)
        #expect(answer.outcome == .retry)
        #expect(!answer.mayHaveHappened)
        #expect(answer.detail.contains("--webhook-allow-private"))
        #expect(server.requests.isEmpty)
    }

    @Test("cloud metadata is refused even where private addresses are allowed")
    func metadata() throws {
        let answer = try WebhookConnectorTests.connector("http://169.254.169.254/latest/")
            .carryOut(.sample(), at: epoch)
        #expect(answer.detail.contains("metadata"))
        #expect(!answer.mayHaveHappened)
    }

    @Test("a proxy of the environment is not used")
    func proxy() throws {
        let proxy = try HTTPServer { _, _ in WebhookConnectorTests.http("200 OK") }
        let server = try HTTPServer { _, _ in WebhookConnectorTests.http("204 No Content") }
        defer {
            proxy.stop()
            server.stop()
            unsetenv("http_proxy")
        }
        setenv("http_proxy", proxy.url(""), 1)
        let answer = try WebhookConnectorTests.connector(server.url()).carryOut(
            .sample(), at: epoch)
        #expect(answer.outcome == .done)
        #expect(proxy.requests.isEmpty)
    }

    @Test("a receiver that echoes what it got cannot put secrets into the journal")
    func masked() throws {
        let token = "T0KEN-in-path-1234"
        let server = try HTTPServer { request, _ in
            WebhookConnectorTests.http(
                "500 Error",
                body: "\(request.line) \(WebhookConnectorTests.secretText)\u{1B}[2J\r\n"
                    + String(WebhookConnectorTests.secretText.dropFirst(6)))
        }
        defer { server.stop() }
        let connector = try WebhookConnectorTests.connector(server.url("/\(token)?key=abcdefgh1"))
        let detail = connector.carryOut(.sample(), at: epoch).detail
        #expect(detail.contains("answered 500"))
        #expect(!detail.contains(token))
        #expect(!detail.contains("abcdefgh1"))
        #expect(!detail.contains("MfKQ9r8"))
        #expect(!detail.contains("\u{1B}"))
        #expect(!connector.origin.contains("/hook"))
    }

    /// A URL; whether it is taken where private addresses are allowed, and where they are not.
    static let urls: [(String, Bool, Bool)] = [
        ("https://hooks.example.com/x", true, true),
        ("HTTPS://hooks.example.com", true, true),
        ("http://hooks.example.com/x", true, false),
        ("ftp://hooks.example.com/x", false, false),
        ("file:///etc/passwd", false, false),
        ("gopher://x/", false, false),
        ("https://user:pw@hooks.example.com/", false, false),
        ("https://user@hooks.example.com/", false, false),
        ("https://", false, false),
        ("hooks.example.com", false, false),
        ("", false, false),
        ("https://a b/", false, false),
        ("https://a\r\nx: y/", false, false),
        ("https://a:99999/", false, false),
        ("https://a/" + String(repeating: "x", count: 2038), true, true),
        ("https://a/" + String(repeating: "x", count: 2039), false, false),
    ]

    @Test("URLs", arguments: urls)
    func url(text: String, withPrivate: Bool, without: Bool) {
        for (allowsPrivate, isRight) in [(true, withPrivate), (false, without)] {
            let connector = try? WebhookConnectorTests.connector(text, allowsPrivate: allowsPrivate)
            #expect((connector != nil) == isRight)
        }
    }

    @Test("an error about a URL does not show it")
    func urlNotShown() {
        #expect {
            try WebhookConnectorTests.connector("https://user:pw-123456@hooks.example.com/")
        } throws: { error in
            !"\(error)".contains("pw-123456") && error is ResponseError
        }
    }

    @Test("no secret, bad limits and a missing CA file are refused")
    func settings() {
        let url = "https://hooks.example.com/"
        #expect(throws: ResponseError.self) {
            try WebhookConnectorTests.connector(url, secrets: [])
        }
        #expect(throws: ResponseError.self) { try WebhookConnectorTests.connector(url, connect: 0) }
        #expect(throws: ResponseError.self) {
            try WebhookConnectorTests.connector(url, total: 300_001)
        }
        #expect(throws: ResponseError.self) {
            try WebhookConnectorTests.connector(url, caFile: "/no/such/file.pem")
        }
    }
}

/// TLS by `openssl s_server`, with certificates made for the test.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
struct WebhookTLSTests {
    /// What the certificate is for, whether we trust it; the outcome.
    static let certificates: [(String, Bool, ConnectorAnswer.Outcome, String)] = [
        ("IP:127.0.0.1", true, .done, "answered 200"),
        ("IP:127.0.0.1", false, .retry, "no valid certificate"),
        ("DNS:other.example", true, .retry, "no valid certificate"),
    ]

    @Test("only a certificate of a trusted CA for that name is taken", arguments: certificates)
    func certificate(
        name: String, isTrusted: Bool, outcome: ConnectorAnswer.Outcome, words: String
    ) throws {
        let server = try TLSServer(name: name)
        defer { server.stop() }
        let connector = try WebhookConnectorTests.connector(
            "https://127.0.0.1:\(server.port)/hook",
            caFile: isTrusted ? server.certificate : nil)
        var answer = connector.carryOut(.sample(), at: epoch)
        for _ in 0..<200 where answer.detail.contains("cannot be reached") {
            usleep(25_000)  // it is still starting
            answer = connector.carryOut(.sample(), at: epoch)
        }
        #expect(answer.outcome == outcome)
        #expect(answer.detail.contains(words), "\(answer.detail)")
        #expect(!answer.mayHaveHappened)
    }
}
