import Foundation
import SessionModel
import Testing

@testable import Response

/// What one vendor has and the others do not.
struct VendorTests {
    /// A double, the key to look users up by, what the records say.
    static let lookups: [(@Sendable () throws -> StrictDouble, String, String)] = [
        ({ try KeycloakDouble() }, "name", "ann"),
        ({ try KeycloakDouble() }, "email", "Ann@example.com"),
        ({ try OktaDouble() }, "name", "ann"),
        ({ try OktaDouble() }, "email", "ann@example.com"),
        ({ try EntraDouble() }, "name", "ann"),
        ({ try EntraDouble() }, "email", "ann@example.com"),
        ({ try GoogleDouble() }, "email", "ann@example.com"),
        ({ try Auth0Double() }, "email", "ann@example.com"),
        ({ try AuthentikDouble() }, "name", "ann"),
        ({ try AuthentikDouble() }, "email", "ann@example.com"),
        ({ try CognitoDouble() }, "email", "ann@example.com"),
    ]

    /// With the key in place of the double's own.
    private static func connector(_ double: StrictDouble, by key: String) throws -> any Connector {
        let lines = double.yaml().split(separator: "\n").filter { !$0.contains("user_by") }
        let file = try TemporaryFile(lines.joined(separator: "\n") + "\n    user_by: \(key)\n")
        return try ConnectorFile.read(file.path)[0].connector
    }

    @Test(
        "users are found by name and by address, and only by the whole of it",
        arguments: lookups.indices)
    func lookup(index: Int) throws {
        let (make, key, value) = VendorTests.lookups[index]
        for (name, outcome) in [
            (value, ConnectorAnswer.Outcome.done), (String(value.dropLast()), .refused),
            (value + "x", .refused), ("", .refused),
        ] {
            let double = try make()
            var action = double.action(.suspend, user: "records-own-id")
            action.userName = name
            if name.isEmpty { action.userID = "" }
            let answer = try VendorTests.connector(double, by: key).carryOut(action, at: epoch)
            #expect(answer.outcome == outcome, "'\(name)': \(answer)")
            #expect(double.isSo(.suspend) == (outcome == .done))
            #expect(double.unexpected.isEmpty, "\(double.unexpected)")
        }
    }

    @Test("two users of one address: neither is acted upon")
    func twoUsers() throws {
        for make in [{ try KeycloakDouble() }, { try OktaDouble() }] as [() throws -> StrictDouble]
        {
            let double = try make()
            double.users[1].email = double.users[0].email
            var action = double.action(.suspend)
            action.userName = "ann@example.com"
            let answer = try VendorTests.connector(double, by: "email").carryOut(action, at: epoch)
            #expect(answer.outcome == .refused)
            #expect(answer.detail.contains("2 users"), "\(answer)")
            #expect(!double.users.contains { !$0.isEnabled })
        }
    }

    @Test("Keycloak: the other required actions are kept, and nothing is sent twice")
    func keycloakActions() throws {
        let double = try KeycloakDouble()
        double.user.requiredActions = ["CONFIGURE_TOTP", "terms_and_conditions"]
        let connector = try double.connector()
        let action = double.action(.requirePasswordChange)
        #expect(connector.carryOut(action, at: epoch).outcome == .done)
        #expect(
            double.user.requiredActions
                == ["CONFIGURE_TOTP", "terms_and_conditions", "UPDATE_PASSWORD"])
        #expect(connector.carryOut(action, at: epoch).outcome == .alreadySo)
        #expect(double.user.requiredActions.count == 3)
    }

    @Test("one access token serves until a minute before its end")
    func tokenLife() throws {
        let double = try KeycloakDouble()
        let connector = try double.connector()
        // Tokens of the double live for 300 s.
        for (seconds, tokens) in [(0, 1), (1, 1), (239, 1), (240, 2), (479, 2), (480, 3)] {
            let now = epoch.adding(milliseconds: Int64(seconds) * 1000)
            #expect(connector.probe(at: now)?.outcome == .done)
            #expect(double.tokensMade == tokens, "after \(seconds) s")
        }
    }

    @Test(
        "session-api: at most 64 hashes in a call, all of them in the end",
        arguments: [1, 64, 65, 200])
    func hashes(count: Int) throws {
        let double = try SessionAPIDouble()
        double.sessions = (1...count).map { ("hash-\($0)", "u-1") }
        let answer = try double.connector().carryOut(double.action(.logOutEverywhere), at: epoch)
        #expect(answer.outcome == .done, "\(answer)")
        #expect(double.sessions.isEmpty)
        #expect(double.largestCall == min(64, count))
    }

    @Test("session-api: a second factor is sent only where it is asked for")
    func secondFactor() throws {
        let double = try SessionAPIDouble()
        let lines = double.yaml().split(separator: "\n").filter { !$0.contains("second_factor") }
        let file = try TemporaryFile(lines.joined(separator: "\n"))
        let without = try ConnectorFile.read(file.path)[0].connector
        let refused = without.carryOut(double.action(.logOutSession), at: epoch)
        #expect(refused.outcome == .refused)
        #expect(refused.detail.contains("second factor"))
        double.asksForSecondFactor = false
        #expect(without.carryOut(double.action(.logOutSession), at: epoch).outcome == .done)
    }

    @Test("Google and GitHub say 403, and Cognito 400, to who asks too often")
    func rateLimits() throws {
        let cases: [(StrictDouble, String, String, Int?)] = [
            (
                try GoogleDouble(), "403 Forbidden\r\n",
                #"{"error":{"code":403,"errors":[{"reason":"userRateLimitExceeded"}]}}"#, nil
            ),
            (try GitHubDouble(), "403 Forbidden\r\nretry-after: 60\r\n", "{}", 60),
            (
                try GitHubDouble(),
                "403 Forbidden\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1800000100\r\n",
                "{}", 100
            ),
            (
                try CognitoDouble(), "400 Bad Request\r\n",
                #"{"__type":"TooManyRequestsException"}"#, nil
            ),
        ]
        for (double, head, body, wait) in cases {
            double.fault = { _ in
                .bytes("HTTP/1.1 \(head)content-length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            let answer = try double.connector().carryOut(double.action(.suspend), at: epoch)
            #expect(answer.outcome == .retry, "\(answer)")
            #expect(answer.pausesConnector)
            #expect(answer.retryAfterSeconds == wait)
            #expect(!answer.mayHaveHappened)
        }
    }

    @Test("Okta: a reset is sent once, by mail")
    func oktaReset() throws {
        let double = try OktaDouble()
        var resets = 0
        double.fault = { call in
            guard call.path.last == "reset_password" else { return nil }
            resets += 1
            #expect(call.query == ["sendEmail": "true"])
            return .bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        }
        let connector = try double.connector(extra: ["password_change: reset"])
        let action = double.action(.requirePasswordChange)
        #expect(connector.carryOut(action, at: epoch).outcome == .done)
        #expect(resets == 1)
        #expect(!double.user.mustChange)
    }

    /// Settings that a kind does not take; words of the message.
    static let mistakes = [
        ("kind: okta\n    token: {env: PATH}", "no 'url'"),
        ("kind: okta\n    url: https://a.example/?x=1\n    token: {env: PATH}", "without '?'"),
        ("kind: okta\n    url: http://a.example\n    token: {env: PATH}", "allow_private: true"),
        ("kind: okta\n    url: https://u:p@a.example\n    token: {env: PATH}", "without user"),
        (
            "kind: okta\n    url: https://a.example\n    token: {env: PATH}\n    user_by: nam",
            "'name'"
        ),
        (
            "kind: github\n    token: {env: PATH}", "nothing that it could do"
        ),
        (
            "kind: cognito\n    region: 'a.b/c'\n    user_pool_id: x\n    access_key_id: {env: PATH}\n"
                + "    secret_access_key: {env: PATH}", "no region"
        ),
        (
            "kind: google\n    subject: a\n    service_account: {env: PATH}\n    token_url: ftp://a/",
            "https://"
        ),
        ("kind: keycloak\n    url: https://a.example\n    realm: r", "no 'client_id'"),
        (
            "kind: entra\n    tenant_id: a\n    client_id: b\n    client_secret: {env: PATH}\n"
                + "    steps: [log-out-session]", "cannot do 'log-out-session'"
        ),
    ]

    @Test("settings that cannot be", arguments: mistakes)
    func settings(text: String, words: String) throws {
        let file = try TemporaryFile("connectors:\n  - " + text + "\n")
        #expect {
            try ConnectorFile.read(file.path)
        } throws: { "\($0)".contains(words) }
    }

    @Test("a vendor's own address is the default")
    func standardURLs() throws {
        for text in [
            "kind: entra\n    tenant_id: a\n    client_id: b\n    client_secret: {env: PATH}",
            "kind: google\n    subject: a\n    service_account: {env: PATH}",
            "kind: github\n    token: {env: PATH}\n    organization: acme",
            "kind: cognito\n    region: eu-central-1\n    user_pool_id: x\n"
                + "    access_key_id: {env: PATH}\n    secret_access_key: {env: PATH}",
        ] {
            let file = try TemporaryFile("connectors:\n  - " + text + "\n")
            #expect(try ConnectorFile.read(file.path).count == 1)
        }
    }
}
