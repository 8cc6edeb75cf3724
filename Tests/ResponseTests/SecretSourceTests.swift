import Foundation
import Testing

@testable import Response

struct SecretSourceTests {
    static let first = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static let second = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    /// A file's or variable's text; how many secrets it gives, nil when it is refused.
    static let texts: [(String, Int?)] = [
        (first, 1), (first + "\n", 1), (first + "\r\n" + second + "\r\n", 2),
        ("# old one below\n\n" + first + " " + second + "\n", 2), ("", nil), ("# none\n", nil),
        ("whsec_short", nil), (first + "\nnonsense\n", nil),
        (Array(repeating: first, count: 8).joined(separator: "\n"), 8),
        (Array(repeating: first, count: 9).joined(separator: "\n"), nil),
    ]

    @Test("secrets are read from a variable and from a file", arguments: texts)
    func read(text: String, count: Int?) throws {
        let fromVariable = try? SecretSource.environment("S")
            .webhookSecrets(environment: { $0 == "S" ? text : nil })
        #expect(fromVariable?.count == count)
        let path = try file(text, mode: 0o600)
        defer { unlink(path) }
        #expect((try? SecretSource.file(path).webhookSecrets())?.count == count)
    }

    @Test(
        "a file that everybody can read or write is refused",
        arguments: [
            (0o600, true), (0o640, true), (0o644, false), (0o602, false),
        ])
    func modes(mode: Int, isTaken: Bool) throws {
        let path = try file(SecretSourceTests.first, mode: mode)
        defer { unlink(path) }
        #expect(((try? SecretSource.file(path).webhookSecrets()) != nil) == isTaken)
    }

    @Test("what is no small file is refused")
    func odd() throws {
        let long = try file(String(repeating: "#", count: SecretSource.byteLimit + 1), mode: 0o600)
        defer { unlink(long) }
        for path in ["/no/such/file", "/", "/dev/zero", long] {
            #expect(throws: ResponseError.self) { try SecretSource.file(path).webhookSecrets() }
        }
        #expect(throws: ResponseError.self) {
            try SecretSource.environment("LASTSEEN_NOT_SET").webhookSecrets()
        }
    }

    @Test("an error names the place and number, never the text")
    func error() {
        let wrong = "whsec_c2VjcmV0LXdvcmQ="
        #expect {
            try SecretSource.environment("S").webhookSecrets(environment: { _ in
                SecretSourceTests.first + "\n" + wrong
            })
        } throws: { error in
            "\(error)".contains("environment variable S: secret 2") && !"\(error)".contains(wrong)
        }
    }

    @Test("a secret inside another text, beside combining marks and across masks is hidden")
    func redactor() {
        let redactor = Redactor(["secret", "secret-longer", "abc"])
        #expect(redactor.shown("a secret-longer b secret c") == "a *** b *** c")
        #expect(redactor.shown("secret\u{301}") == "***\u{301}")
        #expect(redactor.shown("secretsecret") == "******")
        #expect(redactor.shown("abc") == "abc", "too short to mask")
        #expect(redactor.shown(String(repeating: "x", count: 300)).count == 200)
        #expect(redactor.shown([0xFF, 0x41]) == "\u{FFFD}A")
    }

    private func file(_ text: String, mode: Int) throws -> String {
        let path = NSTemporaryDirectory() + "lastseen-secret-" + UUID().uuidString
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }
}
