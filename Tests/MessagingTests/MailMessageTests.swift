import SessionModel
import Testing

@testable import Messaging

struct MailMessageTests {
    private func mail(
        subject: String = "Was this you?", name: String = "Example Security",
        text: String = "Hello\n", html: String = "<p>Hello</p>\n", replyTo: String = ""
    ) -> MailMessage {
        MailMessage(
            from: .sender, fromName: name, to: [MailAddress("fay@example.com")!], subject: subject,
            date: .at("2026-03-12T10:20:00Z"),
            messageID: MailMessage.messageID(key: "msg-1", from: .sender), replyTo: replyTo,
            language: "en", text: text, html: html)
    }

    private func headers(_ message: MailMessage) -> [String] {
        let text = String(decoding: message.bytes, as: UTF8.self)
        // Folded lines belong to the one before (RFC 5322, 2.2.3).
        return text.split(separator: "\r\n\r\n", maxSplits: 1)[0].replacing("\r\n ", with: " ")
            .split(separator: "\r\n").map(String.init)
    }

    static let hostile = [
        "x\r\nBcc: victim@example.net", "x\nBcc: victim@example.net", "x\rBcc: y",
        "x\u{2028}Bcc: y", "x\r\n\r\n<script>", "x\u{0}y", "x\u{85}Bcc: y",
        "=?utf-8?Q?x=0D=0ABcc:_y?=",
    ]

    @Test("no subject or name makes a header of its own", arguments: hostile)
    func injection(text: String) {
        let usual = headers(mail()).map { $0.prefix { $0 != ":" } }
        let odd = headers(mail(subject: text, name: text)).map { $0.prefix { $0 != ":" } }
        #expect(odd == usual)
        let bytes = mail(subject: text, name: text).bytes
        #expect(bytes.allSatisfy { $0 == 0x0D || $0 == 0x0A || (0x20...0x7E).contains($0) })
    }

    @Test("a text that looks like an encoded word is encoded, so that it reads as it was")
    func lookalike() {
        #expect(MailMessage.encoded("=?utf-8?B?eA==?=").hasPrefix("=?utf-8?B?PT91"))
    }

    static let names: [(name: String, header: String)] = [
        ("Example Security", "\"Example Security\""),
        ("A \"B\" \\ C", "\"A \\\"B\\\" \\\\ C\""),
        ("Müller", "=?utf-8?B?TcO8bGxlcg==?="),
    ]

    @Test("names are quoted or encoded", arguments: names)
    func namesAreSafe(name: String, header: String) { #expect(MailMessage.phrase(name) == header) }

    @Test("no line is longer than 76 characters, and encoded words at most 75 of whole characters")
    func lengths() {
        let long = String(repeating: "Überraschung 🎉 ", count: 12)
        let message = mail(
            subject: long, text: String(repeating: "ä", count: 500) + "\n" + long, html: long)
        for line in String(decoding: message.bytes, as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        {
            #expect(line.utf8.count <= 76, "\(line)")
        }
        for word in MailMessage.encoded(long).split(separator: " ") {
            #expect(word.utf8.count <= 75)
        }
    }

    static let printable: [(text: String, lines: [String])] = [
        ("a=b", ["a=3Db"]), ("ends with a blank ", ["ends with a blank=20"]),
        ("ä", ["=C3=A4"]), (".", ["=2E"]), ("..x", ["=2E.x"]), ("From x", ["From x"]),
        ("a\r\nb\nc", ["a", "b", "c"]),
        (String(repeating: "x", count: 75), [String(repeating: "x", count: 75)]),
        (
            String(repeating: "x", count: 76),
            [String(repeating: "x", count: 75) + "=", "x"]
        ),
    ]

    @Test("bodies are quoted-printable", arguments: printable)
    func bodies(text: String, lines: [String]) {
        #expect(MailMessage.quotedPrintable(text) == lines)
    }

    @Test("it says that a machine wrote it, and what it follows")
    func fields() {
        let first = headers(mail())
        #expect(first.contains("Auto-Submitted: auto-generated"))
        #expect(first.contains("Date: Thu, 12 Mar 2026 10:20:00 +0000"))
        #expect(!first.contains { $0.hasPrefix("In-Reply-To") })
        let second = headers(mail(replyTo: "x@example.com"))
        #expect(second.contains("In-Reply-To: <x@example.com>"))
        #expect(second.contains("References: <x@example.com>"))
    }

    @Test("a text cannot end its part")
    func boundary() throws {
        let boundary = try #require(
            headers(mail()).first { $0.contains("boundary=") }?.split(separator: "\"").last)
        let message = mail(text: "--\(boundary)--\n", html: "--\(boundary)\n")
        let text = String(decoding: message.bytes, as: UTF8.self)
        #expect(text.split(separator: "--\(boundary)").count == 4)
    }

    @Test("the id is the same at every try, and another for another message")
    func ids() {
        let id = MailMessage.messageID(key: "msg-1", from: .sender)
        #expect(id == MailMessage.messageID(key: "msg-1", from: .sender))
        #expect(id != MailMessage.messageID(key: "msg-2", from: .sender))
        #expect(id.hasSuffix("@example.com"))
    }

    static let good = [
        "ann@example.com", "a.b+c@sub.example.com", "o'brien@example.com", "x@xn--mller-kva.de",
    ]
    static let bad = [
        "", "ann", "@example.com", "ann@", "ann@localhost", "a b@example.com", "ann@example..com",
        "ann@-example.com", "\"a b\"@example.com", "ann@example.com\r\nBcc: x@y.zz",
        "<ann@example.com>", "ann@example.com, bob@example.com", "ann@[127.0.0.1]",
        "ann@127.0.0.1", ".ann@example.com", "änn@example.com", "ann@exämple.com",
        "ann@example.com\u{0}", String(repeating: "a", count: 65) + "@example.com",
        "a@" + String(repeating: "b", count: 250) + ".com", "a@b@example.com",
    ]

    @Test("plain addresses are taken", arguments: good)
    func takes(text: String) { #expect(MailAddress(text) != nil) }

    @Test("all else is refused", arguments: bad)
    func refuses(text: String) { #expect(MailAddress(text) == nil) }
}
