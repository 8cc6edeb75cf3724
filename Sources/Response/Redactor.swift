/// Takes secrets out of texts that came from outside (a target's answer, a program's output) before
/// they reach the journal, the terminal or a log.
package struct Redactor: Sendable {
    /// Longest first, so that a secret that holds another is masked whole.
    private let secrets: [[UInt8]]

    /// Texts below 4 bytes are not masked: they would blot out half of every text.
    package init(_ secrets: some Sequence<String>) {
        self.secrets = secrets.map { Array($0.utf8) }.filter { $0.count >= 4 }
            .sorted { $0.count > $1.count }
    }

    /// On one line, with hidden characters replaced, at most 200 characters.
    package func shown(_ bytes: some Sequence<UInt8>) -> String {
        let masked = mask(Array(bytes))
        return plain(trimmed(String(decoding: masked, as: UTF8.self)), limit: 199)
    }

    package func shown(_ text: String) -> String { shown(text.utf8) }

    /// An HTTP answer's body, so short that what is said after it stays. Of a page for people, as
    /// proxies answer with, its title.
    package func shown(body: [UInt8]) -> String {
        var text = trimmed(String(decoding: mask(body), as: UTF8.self))
        if text.hasPrefix("<") { text = Redactor.title(ofPage: text) ?? "a page" }
        return plain(text, limit: 119)
    }

    private static func title(ofPage text: String) -> String? {
        let bytes = Array(text.utf8)
        let lowered = Array(asciiLowered(text).utf8)
        guard let open = lowered.firstRange(of: Array("<title>".utf8)),
            let close = lowered[open.upperBound...].firstRange(of: Array("</title".utf8))
        else { return nil }
        let title = trimmed(
            String(decoding: bytes[open.upperBound..<close.lowerBound], as: UTF8.self))
        return title.isEmpty ? nil : title
    }

    /// By bytes, not characters: a combining mark after a secret must not hide it from the search.
    private func mask(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for secret in secrets {
            var result: [UInt8] = []
            var index = 0
            while index < bytes.count {
                if bytes[index] == secret[0], bytes[index...].starts(with: secret) {
                    result += "***".utf8
                    index += secret.count
                } else {
                    result.append(bytes[index])
                    index += 1
                }
            }
            bytes = result
        }
        return bytes
    }
}
