import Foundation
import SessionModel
import Settings
import Testing

@testable import Response

/// A file in a folder of its own, removed with the value.
final class TemporaryFile {
    let path: String

    init(_ text: String, mode: Int = 0o600) throws {
        let folder = NSTemporaryDirectory() + "lastseen-connectors-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        path = folder + "/file"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    deinit {
        try? FileManager.default.removeItem(
            at: URL(fileURLWithPath: path).deletingLastPathComponent())
    }
}

struct ConnectorFileTests {
    static let secret = WebhookConnectorTests.secretText
    static let environment: @Sendable (String) -> String? = { name in
        ["HOOK": secret, "EMPTY": " "][name]
    }

    static func read(_ text: String) throws -> [ConfiguredConnector] {
        let file = try TemporaryFile(text)
        return try ConnectorFile.read(file.path, environment: environment)
    }

    /// What is said about a file, without its path.
    static func problems(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch {
            return ((error as? SettingsError)?.problems ?? []).map {
                "\($0.line):\($0.column): \($0.message)"
            }
        }
    }

    @Test("a webhook and a program, with routing and steps")
    func read() throws {
        let found = try ConnectorFileTests.read(
            """
            connectors:
              - kind: webhook
                url: https://hooks.example.com/x
                secret: {env: HOOK}
                timeout_seconds: 7
                applications: [mail, "chat app"]
                tenants: [acme]
                steps: [log-out-session]
              - name: end-it
                kind: exec
                program: /bin/true
                arguments: [--now]
            """)
        try #require(found.count == 2)
        #expect(found.map(\.connector.name) == ["webhook", "end-it"])
        #expect(found.map(\.kind) == [.webhook, .exec])
        #expect(found[0].connector.timeLimitSeconds == 8)
        #expect(found[0].applications == ["mail", "chat app"])
        #expect(found[0].abilities.keys.sorted() == [.logOutSession])
        #expect(found[1].abilities.keys.sorted() == Rung.allCases.filter { $0 != .notify })
        #expect(found[0].isFor(application: "mail", tenant: "acme"))
        #expect(!found[0].isFor(application: "Mail", tenant: "acme"))
        #expect(!found[0].isFor(application: "mail", tenant: "other"))
        #expect(found[1].isFor(application: "any", tenant: ""))
        #expect(found[1].connector.carryOut(.sample(), at: epoch).outcome == .done)
    }

    /// A file; where it is wrong and what the message says.
    static let mistakes: [(String, String, String)] = [
        ("", "0:0", "empty"),
        ("connectors: []", "1:13", "empty"),
        ("connector: []", "1:1", "Did you mean 'connectors'"),
        ("connectors:\n  - url: x", "2:5", "no 'kind'"),
        ("connectors:\n  - kind: webhok", "2:11", "Did you mean 'webhook'"),
        ("connectors:\n  - kind: [a]", "2:11", "Use webhook"),
        ("connectors:\n  - webhook", "2:5", "must be a mapping"),
        (
            "connectors:\n  - kind: exec\n    program: /bin/true\n    url: x", "4:5",
            "Unknown key 'url'"
        ),
        ("connectors:\n  - kind: exec\n    program: /no/such", "2:5", "/no/such"),
        ("connectors:\n  - kind: exec\n    program: true", "2:5", "Use a path"),
        (
            "connectors:\n  - kind: webhook\n    url: https://a/\n    secret: whsec_AAAA", "4:13",
            "never be it"
        ),
        (
            "connectors:\n  - kind: webhook\n    url: https://a/\n    secret: {env: NONE}", "4:19",
            "not set"
        ),
        (
            "connectors:\n  - kind: webhook\n    url: https://a/\n    secret: {env: EMPTY}", "4:19",
            "not set"
        ),
        (
            "connectors:\n  - kind: webhook\n    url: https://a/\n    secret: {env: A, file: /b}",
            "4:13", "needs one of"
        ),
        (
            "connectors:\n  - kind: webhook\n    url: https://a/\n    secret: {file: /no/such}",
            "4:20", "No such file"
        ),
        (
            "connectors:\n  - kind: webhook\n    url: https://a/\n    secret: {command: [pass]}",
            "4:23", "absolute path"
        ),
        (
            "connectors:\n  - kind: webhook\n    url: ftp://a/\n    secret: {env: HOOK}", "2:5",
            "https://"
        ),
        (
            "connectors:\n  - kind: exec\n    program: /bin/true\n    timeout_seconds: 301", "4:22",
            "Use 1 to 300"
        ),
        (
            "connectors:\n  - kind: exec\n    program: /bin/true\n    steps: [notify]", "4:13",
            "cannot do 'notify'"
        ),
        (
            "connectors:\n  - kind: exec\n    program: /bin/true\n    steps: [log-out-sesion]",
            "4:13", "Did you mean 'log-out-session'"
        ),
        (
            "connectors:\n  - kind: exec\n    program: /bin/true\n    name: a b", "4:11",
            "Use letters"
        ),
        (
            "connectors:\n  - {kind: exec, program: /bin/true}\n  - {kind: exec, program: /bin/true}",
            "3:5", "two connectors named 'exec'"
        ),
    ]

    @Test("what is wrong is said with its line", arguments: mistakes)
    func wrong(text: String, place: String, words: String) {
        let problems = ConnectorFileTests.problems(text)
        #expect(
            problems.contains { $0.hasPrefix(place + ": ") && $0.contains(words) }, "\(problems)")
        #expect(!problems.joined().contains("whsec_AAAA"), "the secret is not shown")
    }

    @Test("at most 64 connectors")
    func limit() {
        for (count, isRight) in [(64, true), (65, false)] {
            let text =
                "connectors:\n"
                + (1...count).map { "  - {kind: exec, name: c\($0), program: /bin/true}\n" }
                .joined()
            #expect(ConnectorFileTests.problems(text).isEmpty == isRight)
        }
    }
}

struct SecretValueTests {
    @Test("a file is read again only when its secret is refused")
    func file() throws {
        let file = try TemporaryFile("  one\n")
        let secret = try SecretValue(.file(file.path), label: "token")
        #expect(try secret.text() == "one")
        try Data("two".utf8).write(to: URL(fileURLWithPath: file.path))
        #expect(try secret.text() == "one")
        #expect(try secret.text(unless: "other") == "one")
        #expect(try secret.text(unless: "one") == "two")
        #expect("\(secret)" == "***")
    }

    @Test("a file that others can read is refused", arguments: [(0o604, false), (0o640, true)])
    func mode(mode: Int, isRight: Bool) throws {
        let file = try TemporaryFile("x", mode: mode)
        let secret = try? SecretValue(.file(file.path), label: "token")
        #expect((secret != nil) == isRight)
    }

    /// A program; what it gives, or what is said.
    static let commands: [([String], String?, String)] = [
        (["/bin/echo", "a$(id)b"], "a$(id)b", ""),
        (["/bin/false"], nil, "ended with 1"),
        (["/bin/sh", "-c", "kill -9 $$"], nil, "signal 9"),
        (["/bin/sh", "-c", "head -c 5000 /dev/zero | tr '\\0' x"], nil, "more than 4095"),
        (["/bin/sh", "-c", "echo secret-on-stderr >&2; exit 2"], nil, "ended with 2"),
        (["/bin/true"], nil, "one that is not"),
        (["/bin/sh", "-c", "printf 'a\\0b'"], nil, "a text"),
    ]

    @Test("a program tells the secret, without a shell", arguments: commands)
    func command(words: [String], text: String?, message: String) throws {
        let secret = try SecretValue(.command(words), label: "token")
        do {
            #expect(try secret.text() == text)
        } catch {
            #expect(text == nil)
            #expect("\(error)".contains(message), "\(error)")
            #expect(!"\(error)".contains("secret-on-stderr"))
        }
    }
}
