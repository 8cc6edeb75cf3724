internal import CCurl
internal import Glibc
internal import Response

/// Hands mail to a server or a program.
enum Mailer {
    static func send(_ message: MailMessage, by delivery: MailDelivery) -> DeliveryAnswer {
        guard !message.to.isEmpty else {
            return DeliveryAnswer(outcome: .refused, detail: "there is nobody to send it to")
        }
        switch delivery.transport {
        case .smtp(let server): return smtp(message, server)
        case .sendmail(let program): return sendmail(message, program)
        }
    }

    /// Exit statuses of sendmail (sysexits.h) after which a repetition would change nothing:
    /// EX_USAGE, EX_DATAERR, EX_NOUSER, EX_NOHOST, EX_NOPERM, EX_CONFIG.
    private static let final: Set<Int32> = [64, 65, 67, 68, 77, 78]

    private static func sendmail(_ message: MailMessage, _ program: String) -> DeliveryAnswer {
        // The recipients are those of the headers (-t), and a dot alone ends nothing (-i).
        let (ending, errors) = Courier.run(
            program, ["-t", "-i", "-f", message.from.text], input: message.bytes)
        let said = clean(String(decoding: errors.prefix(400), as: UTF8.self), limit: 200)
        func detail(_ what: String) -> String { said.isEmpty ? what : "\(what): \(said)" }
        switch ending {
        case .exited(0):
            return DeliveryAnswer(
                outcome: .sent, remoteID: message.messageID, detail: "\(program) took it")
        case .exited(let status):
            return DeliveryAnswer(
                outcome: final.contains(status) ? .refused : .retry,
                detail: detail("\(program) ended with \(status)"))
        case .ended: return DeliveryAnswer(outcome: .retry, detail: detail("\(program) was ended"))
        case .notStarted(let reason): return DeliveryAnswer(outcome: .retry, detail: reason)
        }
    }

    private static func smtp(_ message: MailMessage, _ server: SMTPServer) -> DeliveryAnswer {
        let scheme = server.encryption == .tls ? "smtps" : "smtp"
        let host = server.host.contains(":") ? "[\(server.host)]" : server.host
        let name = "\(server.host):\(server.port)"
        var password: String?
        if let secret = server.password {
            do {
                password = try secret.text()
            } catch {
                return DeliveryAnswer(outcome: .retry, detail: error.description)
            }
        }
        let result = transfer(
            message, url: "\(scheme)://\(host):\(server.port)", server, password: password)
        let redactor = Redactor([password ?? ""])
        let words = redactor.shown(
            unsafe Array(withUnsafeBytes(of: result.error) { unsafe Array($0) }.prefix { $0 != 0 }))
        func answer(_ outcome: DeliveryAnswer.Outcome, _ what: String) -> DeliveryAnswer {
            DeliveryAnswer(
                outcome: outcome,
                detail: redactor.shown(words.isEmpty ? what : "\(what): \(words)"),
                pauses: outcome == .retry && (result.status == 0 || result.status / 100 == 4))
        }
        if result.code == 0 {
            return DeliveryAnswer(
                outcome: .sent, remoteID: message.messageID, detail: "\(name) took it")
        }
        if result.is_tls != 0 {
            return answer(.retry, "\(name) has no valid certificate or no TLS")
        }
        if result.is_login != 0 { return answer(.retry, "\(name) refused the user or password") }
        switch result.status {
        // RFC 5321, 4.2.1: 5yz is final, 4yz is not. What is left is a connection that broke.
        case 500...599: return answer(.refused, "\(name) refused it (\(result.status))")
        case 400...499: return answer(.retry, "\(name) put it off (\(result.status))")
        default: return answer(.retry, "\(name) did not take it")
        }
    }

    private static func transfer(
        _ message: MailMessage, url: String, _ server: SMTPServer, password: String?
    ) -> ccurl_mail_result {
        let bytes = message.bytes
        // Addresses are of plain ASCII (`MailAddress`): no line end can get into the conversation.
        let given: [String?] = [
            url, message.from.text, server.caFile, server.user, password,
        ]
        let texts = unsafe given.map { text in unsafe text.flatMap { unsafe strdup($0) } }
        let recipients = unsafe message.to.map { unsafe strdup($0.text) }
        defer {
            // (No loop: the formatter would join its 'unsafe' and the name.)
            unsafe (texts + recipients).forEach { unsafe free($0) }
        }
        var result = ccurl_mail_result()
        unsafe bytes.withUnsafeBufferPointer { body in
            unsafe recipients.map { unsafe UnsafePointer($0) }.withUnsafeBufferPointer { list in
                var mail = unsafe ccurl_mail()
                unsafe mail.url = UnsafePointer(texts[0])
                unsafe mail.sender = UnsafePointer(texts[1])
                unsafe mail.requires_tls = server.encryption == .starttls ? 1 : 0
                unsafe mail.ca_file = UnsafePointer(texts[2])
                unsafe mail.user = UnsafePointer(texts[3])
                unsafe mail.password = UnsafePointer(texts[4])
                unsafe mail.recipients = list.baseAddress
                unsafe mail.recipient_count = list.count
                unsafe mail.body = body.baseAddress
                unsafe mail.body_size = body.count
                unsafe mail.total_ms = server.totalMilliseconds
                unsafe ccurl_send_mail(&mail, &result)
            }
        }
        return result
    }
}
