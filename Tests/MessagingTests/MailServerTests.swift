import Foundation
import Response
import SessionModel
import Testing

@testable import Messaging

/// aiosmtpd, a mail server written by others, on 127.0.0.1.
final class MailServer {
    struct Mail: Decodable {
        var from: String
        var to: [String]
        var tls: Bool
        var user: String?
        var data: String
    }

    /// Whether PyPI's aiosmtpd is installed; without it these tests are skipped, which is shown.
    static let isInstalled: Bool = (try? run("python3", ["-c", "import aiosmtpd"])) == 0

    let port: Int
    let folder: Folder
    var caFile: String { "\(folder.path)/ca.pem" }
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()
    private var text = ""

    static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    init(_ mode: String, name: String = "localhost") throws {
        folder = try Folder()
        // A certificate of its own that is its own authority.
        let status = try Self.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=\(name)",
                "-addext", "subjectAltName=DNS:\(name)", "-keyout", "\(folder.path)/key.pem",
                "-out",
                "\(folder.path)/ca.pem",
            ])
        try #require(status == 0)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", House.root + "/Tests/MessagingTests/smtp_server.py", mode,
            "\(folder.path)/ca.pem", "\(folder.path)/key.pem",
        ]
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        var line = ""
        while !line.contains("\n") {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { break }
            line += String(decoding: data, as: UTF8.self)
        }
        port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// What came, after the server has ended.
    func finish() throws -> [Mail] {
        try input.fileHandleForWriting.close()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return try String(decoding: data, as: UTF8.self).split(separator: "\n").map {
            try JSONDecoder().decode(Mail.self, from: Data($0.utf8))
        }
    }

    deinit { if process.isRunning { process.terminate() } }
}

@Suite(
    .enabled(
        if: MailServer.isInstalled, "python3's aiosmtpd is not installed: pip install aiosmtpd"))
struct MailServerTests {
    private func message(_ text: String = "Hello\n..dots\n.\n") -> MailMessage {
        MailMessage(
            from: .sender, fromName: "Security", to: [MailAddress("fay@example.com")!],
            subject: "Grüße", date: .at("2026-03-12T10:20:00Z"), messageID: "x@example.com",
            replyTo: "", language: "en", text: text, html: "<p>Hello</p>\n")
    }

    private func delivery(_ server: SMTPServer) -> MailDelivery {
        MailDelivery(transport: .smtp(server), from: .sender)
    }

    private func password(_ text: String) throws -> SecretValue {
        try SecretValue(.environment("P"), label: "password") { _ in text }
    }

    @Test("STARTTLS with an authority of our own, and the message arrives as it was")
    func startTLS() throws {
        let server = try MailServer("usual")
        let answer = Mailer.send(
            message(),
            by: delivery(
                SMTPServer(host: "localhost", port: server.port, caFile: server.caFile)))
        #expect(answer.outcome == .sent, "\(answer.detail)")
        let mails = try server.finish()
        #expect(mails.count == 1)
        #expect(mails.first?.tls == true)
        #expect(mails.first?.from == "security@example.com")
        #expect(mails.first?.to == ["fay@example.com"])
        #expect(mails.first.map { Array($0.data.utf8) } == message().bytes)
    }

    @Test("a certificate that is not trusted, or of another name, gets nothing")
    func certificates() throws {
        let unknown = try MailServer("usual")
        let other = try MailServer("usual", name: "other.example")
        for (server, caFile) in [(unknown, String?.none), (other, other.caFile)] {
            let answer = Mailer.send(
                message(),
                by: delivery(SMTPServer(host: "localhost", port: server.port, caFile: caFile)))
            #expect(answer.outcome == .retry)
            #expect(answer.detail.contains("certificate"))
            #expect(try server.finish().isEmpty)
        }
    }

    @Test("a server without STARTTLS gets nothing where it is required")
    func downgrade() throws {
        let server = try MailServer("plain")
        let answer = Mailer.send(
            message(), by: delivery(SMTPServer(host: "localhost", port: server.port)))
        #expect(answer.outcome == .retry)
        #expect(try server.finish().isEmpty)
        let local = try MailServer("plain")
        let taken = Mailer.send(
            message(),
            by: delivery(SMTPServer(host: "localhost", port: local.port, encryption: .none)))
        #expect(taken.outcome == .sent)
        #expect(try local.finish().first?.tls == false)
    }

    @Test("user and password are used, and a wrong one is told without it")
    func login() throws {
        let server = try MailServer("auth")
        func send(_ text: String) throws -> DeliveryAnswer {
            Mailer.send(
                message(),
                by: delivery(
                    SMTPServer(
                        host: "localhost", port: server.port, caFile: server.caFile,
                        user: "lastseen", password: try password(text))))
        }
        let wrong = try send("wrong-password")
        #expect(wrong.outcome == .retry)
        #expect(!wrong.detail.contains("wrong-password"))
        #expect(try send("right").outcome == .sent)
        #expect(try server.finish().map(\.user) == ["lastseen"])
    }

    @Test("451 is tried again, 554 is not, and a connection that is cut is, with the same id")
    func faults() throws {
        for (mode, outcomes) in [
            ("later", [DeliveryAnswer.Outcome.retry, .sent]), ("never", [.refused]),
            ("cut", [.retry, .sent]),
        ] {
            let server = try MailServer(mode)
            for outcome in outcomes {
                let answer = Mailer.send(
                    message(),
                    by: delivery(
                        SMTPServer(host: "localhost", port: server.port, caFile: server.caFile)))
                #expect(answer.outcome == outcome, "\(mode): \(answer.detail)")
            }
            let mails = try server.finish()
            #expect(mails.count == outcomes.count)
            #expect(mails.allSatisfy { $0.data.contains("Message-ID: <x@example.com>") })
        }
    }

    @Test("nobody listens: tried again")
    func nobody() {
        let answer = Mailer.send(
            message(), by: delivery(SMTPServer(host: "127.0.0.1", port: 1, encryption: .none)))
        #expect(answer.outcome == .retry && answer.pauses)
    }
}

struct SendmailTests {
    private func send(_ script: String) throws -> (DeliveryAnswer, Folder) {
        let folder = try Folder()
        let program = try folder.write(
            "#!/bin/sh\nd=\(folder.path)\n" + script, to: "sendmail", mode: 0o755)
        let message = MailMessage(
            from: .sender, fromName: "", to: [MailAddress("fay@example.com")!], subject: "x",
            date: .at("2026-03-12T10:20:00Z"), messageID: "x@example.com", replyTo: "",
            language: "en", text: "Hello\n", html: "")
        return (
            Mailer.send(message, by: MailDelivery(transport: .sendmail(program), from: .sender)),
            folder
        )
    }

    @Test("the program gets the message and its recipients by the headers")
    func taken() throws {
        let (answer, folder) = try send("echo \"$@\" > $d/words; cat > $d/mail\n")
        #expect(answer.outcome == .sent, "\(answer.detail)")
        let words = try String(contentsOfFile: "\(folder.path)/words", encoding: .utf8)
        #expect(words == "-t -i -f security@example.com\n")
        let mail = try String(contentsOfFile: "\(folder.path)/mail", encoding: .utf8)
        #expect(mail.contains("To: fay@example.com\r\n"))
    }

    static let endings: [(status: Int, outcome: String)] = [
        (75, "retry"), (69, "retry"), (71, "retry"), (1, "retry"), (64, "refused"), (67, "refused"),
        (78, "refused"),
    ]

    @Test("its exit status decides", arguments: endings)
    func ending(status: Int, outcome: String) throws {
        let (answer, _) = try send("cat > /dev/null; echo why >&2; exit \(status)\n")
        #expect("\(answer.outcome)" == outcome)
        #expect(answer.detail.contains("why"))
    }
}
