import Foundation
import SessionModel
import Synchronization
import Testing

@testable import Response

/// A vendor and how its double is made.
struct VendorCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable () throws -> StrictDouble
    /// What the connector can do with the double's settings.
    let rungs: [Rung]

    static let all = [
        VendorCase(
            "keycloak", [.logOutSession, .logOutEverywhere, .requirePasswordChange, .suspend]
        ) {
            try KeycloakDouble()
        },
        VendorCase(
            "okta",
            [.stepUp, .logOutSession, .logOutEverywhere, .requirePasswordChange, .suspend]
        ) { try OktaDouble() },
        VendorCase("entra", [.logOutEverywhere, .requirePasswordChange, .suspend]) {
            try EntraDouble()
        },
        VendorCase("google", [.logOutEverywhere, .requirePasswordChange, .suspend]) {
            try GoogleDouble()
        },
        VendorCase("auth0", [.logOutSession, .logOutEverywhere, .requirePasswordChange, .suspend]) {
            try Auth0Double()
        },
        VendorCase(
            "authentik", [.logOutSession, .logOutEverywhere, .requirePasswordChange, .suspend]
        ) { try AuthentikDouble() },
        VendorCase("cognito", [.logOutEverywhere, .requirePasswordChange, .suspend]) {
            try CognitoDouble()
        },
        VendorCase("github", [.logOutEverywhere, .suspend]) { try GitHubDouble() },
        VendorCase("session-api", [.logOutSession, .logOutEverywhere]) { try SessionAPIDouble() },
    ]

    init(_ name: String, _ rungs: [Rung], _ make: @escaping @Sendable () throws -> StrictDouble) {
        (testDescription, self.rungs, self.make) = (name, rungs, make)
    }
}

/// What every connector to a vendor's HTTP API does, whoever the vendor is: each against a strict
/// local double made from the vendor's published description.
struct ConformanceTests {
    @Test("its abilities are those that are documented", arguments: VendorCase.all)
    func abilities(vendor: VendorCase) throws {
        let connector = try vendor.make().connector()
        #expect(connector.abilities.keys.sorted() == vendor.rungs)
        #expect(!connector.permissions.isEmpty)
        #expect(connector.timeLimitSeconds == 31)
        #expect(
            connector.abilities.filter { $0.value.isUndoable }.keys.allSatisfy { $0 == .suspend })
        if connector.abilities[.requirePasswordChange] != nil {
            #expect(connector.order == .credentialFirst)
        }
    }

    @Test(
        "success has its effect, is confirmed, and repeated changes nothing",
        arguments: VendorCase.all)
    func success(vendor: VendorCase) throws {
        for rung in vendor.rungs {
            let double = try vendor.make()
            let connector = try double.connector()
            let action = double.action(rung)
            if let before = connector.check(action, at: epoch) {
                #expect(before.outcome == .retry, "\(rung): \(before)")
            }
            #expect(!double.isSo(rung))
            let answer = connector.carryOut(action, at: epoch)
            #expect(answer.outcome == .done, "\(rung): \(answer)")
            #expect(double.isSo(rung), "\(rung)")
            if let after = connector.check(action, at: epoch) {
                #expect(after.outcome == .done, "\(rung): \(after)")
            }
            let again = connector.carryOut(action, at: epoch)
            #expect(again.outcome == .alreadySo || again.outcome == .done, "\(rung): \(again)")
            #expect(double.users[1].isEnabled && !double.users[1].mustChange)
            if connector.abilities[rung]?.isUndoable == true {
                let undone = connector.undo(action, at: epoch)
                #expect(undone?.outcome == .done, "\(rung): \(String(describing: undone))")
                #expect(!double.isSo(rung))
                #expect(connector.undo(action, at: epoch)?.outcome == .alreadySo)
            } else {
                #expect(connector.undo(action, at: epoch) == nil)
            }
            #expect(double.unexpected.isEmpty, "\(double.unexpected)")
        }
    }

    @Test("a probe calls the target and changes nothing", arguments: VendorCase.all)
    func probe(vendor: VendorCase) throws {
        let double = try vendor.make()
        let connector = try double.connector()
        let answer = try #require(connector.probe(at: epoch))
        #expect(answer.outcome == .done, "\(answer)")
        #expect(vendor.rungs.allSatisfy { !double.isSo($0) })
        #expect(!double.calls.isEmpty || double.tokensMade == 1)
        #expect(double.unexpected.isEmpty, "\(double.unexpected)")
    }

    @Test("a session that is gone is already so", arguments: VendorCase.all)
    func gone(vendor: VendorCase) throws {
        guard vendor.rungs.contains(.logOutSession) else { return }
        let double = try vendor.make()
        let answer = try double.connector().carryOut(
            double.action(.logOutSession, session: "s-77"), at: epoch)
        #expect(answer.outcome == .alreadySo, "\(answer)")
        #expect(double.sessions.contains { $0.id == "s-1" })
        #expect(double.unexpected.isEmpty, "\(double.unexpected)")
    }

    @Test(
        "another user's session is not ended, whatever the records say", arguments: VendorCase.all)
    func others(vendor: VendorCase) throws {
        guard vendor.rungs.contains(.logOutSession) else { return }
        let double = try vendor.make()
        let answer = try double.connector().carryOut(
            double.action(.logOutSession, session: "s-9"), at: epoch)
        #expect([.refused, .alreadySo].contains(answer.outcome), "\(answer)")
        let isThere = double.sessions.contains { $0.id == "s-9" }
        #expect(isThere || vendor.testDescription == "session-api")
    }

    @Test("an unknown user is refused in clear words", arguments: VendorCase.all)
    func unknown(vendor: VendorCase) throws {
        for rung in vendor.rungs {
            let double = try vendor.make()
            let answer = try double.connector().carryOut(
                double.action(rung, user: "424242"), at: epoch)
            // Where the session is asked for first, its owner is another.
            #expect(answer.outcome == .refused, "\(rung): \(answer)")
            #expect(
                ["knows no user", "another user's", "the alert on another", "identity provider"]
                    .contains {
                        answer.detail.contains($0)
                    }, "\(rung): \(answer)")
            #expect(vendor.rungs.allSatisfy { !double.isSo($0) })
            #expect(double.unexpected.isEmpty, "\(double.unexpected)")
        }
    }

    /// A fault on every call; the outcome, seconds to wait, whether the target's others wait, words.
    static let faults: [(String, ConnectorAnswer.Outcome, Int?, Bool, String)] = [
        ("403 Forbidden\r\n", .refused, nil, false, "lacks a permission"),
        ("429 Too Many\r\nretry-after: 120\r\n", .retry, 120, true, "answered 429"),
        ("429 Too Many\r\nx-rate-limit-reset: 1800000033\r\n", .retry, 33, true, "answered 429"),
        ("429 Too Many\r\nx-ratelimit-reset: 99999999999\r\n", .retry, nil, true, "answered 429"),
        ("500 Error\r\n", .retry, nil, false, "answered 500"),
        ("503 Unavailable\r\nretry-after: 30\r\n", .retry, 30, false, "answered 503"),
        ("409 Conflict\r\n", .retry, nil, false, "answered 409"),
        ("418 Teapot\r\n", .refused, nil, false, "answered 418"),
    ]

    @Test(
        "what a target answers instead has its outcome", arguments: VendorCase.all, faults.indices)
    func fault(vendor: VendorCase, index: Int) throws {
        let (head, outcome, wait, pauses, words) = ConformanceTests.faults[index]
        for rung in vendor.rungs {
            let double = try vendor.make()
            double.fault = { _ in .bytes("HTTP/1.1 \(head)content-length: 2\r\n\r\n{}") }
            let answer = try double.connector().carryOut(double.action(rung), at: epoch)
            #expect(answer.outcome == outcome, "\(rung): \(answer)")
            #expect(answer.retryAfterSeconds == wait, "\(rung): \(answer)")
            #expect(answer.pausesConnector == pauses, "\(rung): \(answer)")
            #expect(answer.detail.contains(words), "\(rung): \(answer)")
            #expect(!answer.detail.contains(double.token))
        }
    }

    /// What happens to the first call that may change something.
    static let interruptions: [HTTPServer.Answer] = [
        .bytes("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"),
        .bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
        .hangUp,
        .stall("HTTP/1.1 200 OK\r\ncontent-len"),
    ]

    @Test(
        "a change without a whole answer may have happened, and is made good by a repetition",
        arguments: VendorCase.all, interruptions.indices)
    func interrupted(vendor: VendorCase, index: Int) throws {
        // Waiting takes its time: once a vendor will do, where the calls before it are few.
        let stalls = index == 3
        for rung in stalls ? [.logOutEverywhere] : vendor.rungs {
            let double = try vendor.make()
            let isOver = Atomic(false)
            double.fault = { call in
                guard !call.isRead, !isOver.exchange(true, ordering: .relaxed) else { return nil }
                return ConformanceTests.interruptions[index]
            }
            let connector = try double.connector(timeoutSeconds: stalls ? 3 : 30)
            let answer = connector.carryOut(double.action(rung), at: epoch)
            #expect(answer.outcome == .retry, "\(rung): \(answer)")
            #expect(answer.mayHaveHappened, "\(rung): \(answer)")
            let patient = try double.connector(timeoutSeconds: 30)
            #expect(patient.carryOut(double.action(rung), at: epoch).outcome == .done)
            #expect(double.isSo(rung), "\(rung)")
            #expect(double.unexpected.isEmpty, "\(double.unexpected)")
        }
    }

    @Test("a redirect is not followed", arguments: VendorCase.all)
    func redirect(vendor: VendorCase) throws {
        let elsewhere = try HTTPServer { _, _ in .hangUp }
        defer { elsewhere.stop() }
        let double = try vendor.make()
        let location = elsewhere.url("/")
        double.fault = { _ in
            .bytes("HTTP/1.1 307 Moved\r\nlocation: \(location)\r\ncontent-length: 0\r\n\r\n")
        }
        let answer = try double.connector().carryOut(double.action(vendor.rungs[0]), at: epoch)
        #expect(answer.outcome == .retry, "\(answer)")
        #expect(!answer.mayHaveHappened)
        #expect(answer.detail.contains("redirects are not followed"))
        #expect(elsewhere.requests.isEmpty)
    }

    @Test("nothing listening: surely nothing happened", arguments: VendorCase.all)
    func unreachable(vendor: VendorCase) throws {
        let double = try vendor.make()
        let closed = try HTTPServer { _, _ in .hangUp }
        closed.stop()
        usleep(50_000)
        let answer = try double.connector(url: closed.url("")).carryOut(
            double.action(vendor.rungs[0]), at: epoch)
        #expect(answer.outcome == .retry, "\(answer)")
        #expect(!answer.mayHaveHappened)
        #expect(answer.detail.contains("cannot be reached"), "\(answer)")
    }

    @Test(
        "a private address needs allow_private, and http: is for private ones",
        arguments: VendorCase.all)
    func guarded(vendor: VendorCase) throws {
        let double = try vendor.make()
        for (url, words) in [("http://127.0.0.1:\(double.server.port)", "https://"), ("", "")] {
            guard !url.isEmpty else { continue }
            let file = try TemporaryFile(
                double.yaml(url: url).replacingOccurrences(
                    of: "allow_private: true", with: "allow_private: false"))
            #expect {
                try ConnectorFile.read(file.path)
            } throws: { "\($0)".contains(words) }
        }
        #expect(double.calls.isEmpty)
    }

    @Test("an expired credential is renewed once and the call repeated", arguments: VendorCase.all)
    func renewed(vendor: VendorCase) throws {
        for rung in vendor.rungs {
            let double = try vendor.make()
            let connector = try double.connector()
            #expect(connector.probe(at: epoch)?.outcome == .done)
            try double.renew()
            let answer = connector.carryOut(double.action(rung), at: epoch)
            #expect(answer.outcome == .done, "\(rung): \(answer)")
            #expect(double.isSo(rung))
            #expect(double.tokensMade == (double.tokenPath == nil ? 0 : 2))
            #expect(double.unexpected.isEmpty, "\(double.unexpected)")
        }
    }

    @Test(
        "a credential that is never accepted is refused, after two calls", arguments: VendorCase.all
    )
    func neverAccepted(vendor: VendorCase) throws {
        let double = try vendor.make()
        let count = Atomic(0)
        let body = double.unauthorized.body
        let status = double.unauthorized.status
        double.fault = { call in
            count.add(1, ordering: .relaxed)
            let echo = body + (call.headers["authorization"] ?? "")
            return .bytes(
                "HTTP/1.1 \(status) No\r\ncontent-length: \(echo.utf8.count)\r\n\r\n\(echo)")
        }
        let answer = try double.connector().carryOut(double.action(vendor.rungs[0]), at: epoch)
        // The echo made Cognito's body no JSON, so that it is an error like others.
        #expect(answer.outcome == .refused, "\(answer)")
        #expect(!answer.mayHaveHappened)
        #expect(count.load(ordering: .relaxed) <= 2)
        #expect(!answer.detail.contains(double.token), "\(answer)")
    }

    @Test("a token endpoint that fails or refuses: nothing happened", arguments: VendorCase.all)
    func tokenEndpoint(vendor: VendorCase) throws {
        guard try vendor.make().tokenPath != nil else { return }
        for (status, outcome) in [
            ("401 No", ConnectorAnswer.Outcome.refused), ("400 Bad", .refused), ("500 No", .retry),
            ("429 No", .retry), ("302 Moved", .retry), ("200 OK", .retry),
        ] {
            let double = try vendor.make()
            let other = try HTTPServer { _, _ in
                .bytes("HTTP/1.1 \(status)\r\ncontent-length: 2\r\n\r\n{}")
            }
            defer { other.stop() }
            let text = double.yaml().replacingOccurrences(
                of: "token_url: \(double.url)", with: "token_url: \(other.url(""))")
            let file = try TemporaryFile(
                text.contains("token_url") ? text : text + "    token_url: \(other.url("/token"))\n"
            )
            let answer = try ConnectorFile.read(file.path)[0].connector.carryOut(
                double.action(vendor.rungs[0]), at: epoch)
            #expect(answer.outcome == outcome, "\(status): \(answer)")
            #expect(!answer.mayHaveHappened)
            #expect(!answer.detail.contains("s3cret"))
            #expect(double.calls.isEmpty)
        }
    }

    /// Ids as an attacker would write them into a log.
    static let hostile = [
        "", ".", "..", "../", "../../admin", "a/../../b", "..\\..", "u-1/../u-2", "u-1?x=1",
        "u-1#x",
        "u-1%2e%2e%2f", "%2e%2e", "a\r\nx-evil: 1", "a\nb", "a\u{0}b", "ü/∂", "\u{202E}gnp",
        "' or 1=1",
        "u-1;x", "u-1&max=1", "me", "*", "\"", "\\\" or id pr", "{}", "auth0|../x", "17/../18",
        "-1",
        "99999999999999999999", String(repeating: "x", count: 600),
    ]

    @Test("a hostile id changes neither the path nor anybody's state", arguments: VendorCase.all)
    func hostileIDs(vendor: VendorCase) throws {
        let double = try vendor.make()
        let connector = try double.connector()
        for id in ConformanceTests.hostile {
            for rung in vendor.rungs {
                var actions = [double.action(rung, user: id)]
                actions[0].userName = id
                if rung == .logOutSession { actions.append(double.action(rung, session: id)) }
                for action in actions {
                    let answer = connector.carryOut(action, at: epoch)
                    #expect(
                        [.refused, .alreadySo].contains(answer.outcome),
                        "\(rung) '\(id)': \(answer)")
                    #expect(!answer.mayHaveHappened)
                    #expect(!answer.detail.contains("\n"))
                    #expect(answer.detail.count <= 200)
                }
            }
        }
        #expect(double.unexpected.isEmpty, "\(double.unexpected)")
        #expect(vendor.rungs.allSatisfy { !double.isSo($0) })
        #expect(double.users.map(\.isEnabled) == [true, true])
        #expect(double.sessions.contains { $0.id == "s-1" })
    }

    /// Bodies of 200 that are not what was asked for.
    static let bodies = [
        "", "x", "null", "[]", "{}", "[[]]", "1e999", #"{"id":[],"user":{},"pk":"x","value":7}"#,
        #"[{"id":7},null,{"id":"s-1","userId":null}]"#, #"{"results":null,"user_sessions":{}}"#,
        String(repeating: "[", count: 60_000),
        "[" + String(repeating: "{},", count: 20_000) + "{}]",
        #"{"requiredActions":[1],"user_id":1,"user":1.5,"deleted":-1,"items":[{"clientId":".."}]}"#,
        "\u{FEFF}{}", #"{"a":"\ud800"}"#,
    ]

    @Test("an answer of another form is no ground to act upon", arguments: VendorCase.all)
    func nonsense(vendor: VendorCase) throws {
        for body in ConformanceTests.bodies {
            for rung in vendor.rungs {
                let double = try vendor.make()
                double.fault = { call in
                    guard call.isRead else { return nil }
                    return .bytes(
                        "HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
                }
                let connector = try double.connector()
                let answer = connector.carryOut(double.action(rung), at: epoch)
                _ = connector.check(double.action(rung), at: epoch)
                #expect(
                    double.unexpected.isEmpty, "\(rung) \(body.prefix(40)): \(double.unexpected)")
                #expect(double.users[1].isEnabled && double.sessions.last?.id != "s-1")
                #expect(answer.detail.count <= 200)
            }
        }
    }

    @Test("steps for many users at once", arguments: VendorCase.all)
    func parallel(vendor: VendorCase) throws {
        let double = try vendor.make()
        let connector = try double.connector()
        let rung = vendor.rungs.contains(.suspend) ? Rung.suspend : .logOutEverywhere
        let users = double.users.map(\.id)
        let action = users.map { double.action(rung, user: $0) }
        let outcomes = Mutex<[ConnectorAnswer.Outcome]>([])
        DispatchQueue.concurrentPerform(iterations: 24) { index in
            let answer = connector.carryOut(action[index % 2], at: epoch)
            outcomes.withLock { $0.append(answer.outcome) }
        }
        let isOwn = vendor.testDescription == "session-api"
        #expect(
            outcomes.withLock { $0.count { $0 == .done || $0 == .alreadySo } } == (isOwn ? 12 : 24))
        #expect(double.tokensMade <= 1)
        #expect(double.unexpected.isEmpty, "\(double.unexpected)")
    }

    @Test(
        "a certificate that is not the target's: nothing is sent",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")),
        arguments: VendorCase.all)
    func certificate(vendor: VendorCase) throws {
        let server = try TLSServer(name: "DNS:other.example")
        defer { server.stop() }
        let double = try vendor.make()
        let connector = try double.connector(
            url: "https://127.0.0.1:\(server.port)", extra: ["ca_file: \(server.certificate)"])
        var answer = connector.carryOut(double.action(vendor.rungs[0]), at: epoch)
        for _ in 0..<200 where answer.detail.contains("cannot be reached") {
            usleep(25_000)  // it is still starting
            answer = connector.carryOut(double.action(vendor.rungs[0]), at: epoch)
        }
        #expect(answer.outcome == .retry)
        #expect(answer.detail.contains("no valid certificate"), "\(answer)")
        #expect(!answer.mayHaveHappened)
        #expect(double.calls.isEmpty)
    }
}
