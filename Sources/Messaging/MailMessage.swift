internal import Response
internal import SessionModel

/// A mail message: plain text and, where there is one, HTML, as RFC 5322, 2045 to 2047 and 3834 have
/// it. Lines end in CR LF, are of ASCII and at most 76 characters (headers 998).
///
/// Nothing that is put into it can make a header of its own: names and subjects are encoded as a
/// whole (RFC 2047) unless they are plain ASCII without line ends, addresses are of one plain form
/// (`MailAddress`), and ids are made from hashes.
struct MailMessage {
    var from: MailAddress
    var fromName: String
    var to: [MailAddress]
    var subject: String
    var date: Timestamp
    /// Without angle brackets.
    var messageID: String
    /// Of the first message about the same thing; empty for that one itself.
    var replyTo: String
    var language: String
    var text: String
    /// Empty for none.
    var html: String

    /// The id that the message with a key has, in the sender's domain; the same at every try.
    static func messageID(key: String, from: MailAddress) -> String {
        let hash = Digest.hex(Digest.sha256(Digest.canonical(["lastseen-mail-1", key])).prefix(16))
        return "lastseen.\(hash)@\(from.domain)"
    }

    var bytes: [UInt8] {
        var lines: [String] = [
            "Date: \(Self.date(date))",
            Self.folded(
                "From", fromName.isEmpty ? from.text : "\(Self.phrase(fromName)) <\(from)>"),
            Self.folded("To", to.map(\.text).joined(separator: ", ")),
            Self.folded("Subject", Self.encoded(clean(subject, limit: 200))),
            "Message-ID: <\(messageID)>",
        ]
        if !replyTo.isEmpty {
            lines += ["In-Reply-To: <\(replyTo)>", "References: <\(replyTo)>"]
        }
        lines += [
            "Auto-Submitted: auto-generated",
            // Exchange's own way to say that nobody's absence is to answer.
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
        ]
        if language.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !language.isEmpty {
            lines.append("Content-Language: \(language)")
        }
        if html.isEmpty {
            lines += Self.part("text/plain", text)
        } else {
            // '=_' cannot stand in quoted-printable (RFC 2045, 6.7), so no text holds the boundary.
            let boundary =
                "=_" + Digest.hex(Digest.sha256(Array("boundary \(messageID)".utf8)).prefix(12))
            lines += [
                "Content-Type: multipart/alternative; boundary=\"\(boundary)\"", "",
                "--\(boundary)",
            ]
            lines += Self.part("text/plain", text) + ["--\(boundary)"]
            lines += Self.part("text/html", html) + ["--\(boundary)--"]
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }

    private static func part(_ type: String, _ text: String) -> [String] {
        [
            "Content-Type: \(type); charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
            "",
        ] + quotedPrintable(text)
    }

    // MARK: - Headers

    /// RFC 5322, 3.3, in UTC.
    static func date(_ time: Timestamp) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let civil = time.civil
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        // 1970-01-01 was a Thursday.
        let day = days[((Int(time.day) % 7) + 7) % 7]
        return "\(day), \(two(civil.day)) \(months[civil.month - 1]) \(civil.year) "
            + "\(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) +0000"
    }

    /// A display name: a quoted string, or encoded words.
    static func phrase(_ name: String) -> String {
        let name = clean(name, limit: 100)
        guard isPlain(name) else { return encoded(name) }
        let quoted = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(quoted)\""
    }

    /// Unstructured text: as it is, or as encoded words (RFC 2047) of UTF-8 in base64, each of
    /// whole characters and so short that the line stays within 76.
    static func encoded(_ text: String) -> String {
        if isPlain(text), !text.contains("=?") { return text }
        var words: [String] = []
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            let next = Array(String(scalar).utf8)
            // 39 bytes are 52 characters of base64; 12 more make the word, and 'Subject: ' goes before it.
            if bytes.count + next.count > 39 {
                words.append("=?utf-8?B?\(Digest.base64(bytes))?=")
                bytes = []
            }
            bytes += next
        }
        if !bytes.isEmpty { words.append("=?utf-8?B?\(Digest.base64(bytes))?=") }
        return words.joined(separator: " ")
    }

    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    /// Folded at blanks to lines of at most 76 characters, as far as there are blanks.
    static func folded(_ name: String, _ value: String) -> String {
        var lines: [String] = []
        var line = "\(name):"
        for word in value.split(separator: " ", omittingEmptySubsequences: true) {
            if line.utf8.count + 1 + word.utf8.count > 76, line != "\(name):" {
                lines.append(line)
                line = ""
            }
            line += " " + word
        }
        return (lines + [line]).joined(separator: "\r\n")
    }

    // MARK: - Bodies

    /// RFC 2045, 6.7: lines of at most 76 characters.
    static func quotedPrintable(_ text: String) -> [String] {
        let hex = Array("0123456789ABCDEF")
        var lines: [String] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            var out = ""
            var length = 0
            let bytes = Array(line.utf8)
            for (index, byte) in bytes.enumerated() {
                let isLast = index == bytes.count - 1
                let isBlank = byte == 0x20 || byte == 0x09
                // A dot in front could end the message for a relay that forgets to double it.
                let isSafe =
                    (byte >= 0x21 && byte <= 0x7E && byte != 0x3D && !(byte == 0x2E && length == 0))
                    || (isBlank && !isLast)
                let piece =
                    isSafe
                    ? String(UnicodeScalar(byte))
                    : "=" + String(hex[Int(byte >> 4)]) + String(hex[Int(byte & 15)])
                if length + piece.utf8.count > 75 {
                    lines.append(out + "=")
                    (out, length) = ("", 0)
                }
                out += piece
                length += piece.utf8.count
            }
            lines.append(out)
        }
        return lines
    }
}
