import Foundation
import Publishing
import Synchronization

@testable import Messaging

/// A server on 127.0.0.1 that hands whole requests to a closure. Doubles of channels stand on it:
/// each is made from what the channel's documentation says, named there, and is not the channel.
final class HTTPDouble: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        /// Names in lower case.
        var headers: [String: String]
        var body: [UInt8]

        var json: JSON? { try? JSON(parsing: body) }
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [String] = []
        var body = ""
        /// Closes without a word.
        var hangsUp = false
    }

    let port: UInt16
    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    private let answer: @Sendable (Request, Int) -> Answer

    /// `answer` gets the request and its number, from 1.
    init(_ answer: @escaping @Sendable (Request, Int) -> Answer) throws {
        self.answer = answer
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | 0o2000000, 0)  // SOCK_CLOEXEC
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let file = listener
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, length) == 0 && listen(file, 64) == 0
                    && getsockname(file, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
        Thread { [self] in accept() }.start()
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var requests: [Request] { seen.withLock { $0 } }
    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            Thread { [self] in
                defer { close(client) }
                guard let request = read(client) else { return }
                let number = seen.withLock {
                    $0.append(request)
                    return $0.count
                }
                let answer = answer(request, number)
                if !answer.hangsUp { send(answer, client) }
            }.start()
        }
        close(listener)
    }

    private func send(_ answer: Answer, _ client: Int32) {
        let lines =
            [
                "HTTP/1.1 \(answer.status) Answer", "Content-Length: \(answer.body.utf8.count)",
                "Connection: close",
            ] + answer.headers
        var rest = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + answer.body).utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private func read(_ client: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let gap = Array("\r\n\r\n".utf8)
        while true {
            if let split = bytes.firstRange(of: gap) {
                var lines = String(decoding: bytes[..<split.lowerBound], as: UTF8.self)
                    .split(separator: "\r\n").map(String.init)
                let words = lines.removeFirst().split(separator: " ").map(String.init)
                var headers: [String: String] = [:]
                for header in lines {
                    guard let colon = header.firstIndex(of: ":") else { continue }
                    headers[header[..<colon].lowercased()] = header[header.index(after: colon)...]
                        .trimmingCharacters(in: .whitespaces)
                }
                let body = Array(bytes[split.upperBound...])
                if words.count == 3, body.count >= Int(headers["content-length"] ?? "0") ?? 0 {
                    return Request(method: words[0], path: words[1], headers: headers, body: body)
                }
            }
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }
}

extension JSON {
    var string: String? {
        guard case .text(let text, _) = self else { return nil }
        return text
    }
    var items: [JSON] {
        guard case .array(let items) = self else { return [] }
        return items
    }
    /// All texts in it, keys left out.
    var texts: [String] {
        switch self {
        case .text(let text, _): [text]
        case .array(let items): items.flatMap(\.texts)
        case .object(let members): members.flatMap(\.value.texts)
        default: []
        }
    }
}

/// What each channel refuses, as its documentation says it. Nil when it would be taken.
enum Limits {
    /// Slack's blocks (python-slack-sdk, validators; Web API "Escaping text").
    static func slack(_ body: JSON) -> String? {
        guard let text = body["text"]?.string, !text.isEmpty else { return "no_text" }
        let blocks = body["blocks"]?.items ?? []
        guard blocks.count <= 50 else { return "invalid_blocks: more than 50" }
        var total = 0
        for block in blocks {
            switch block["type"]?.string {
            case "header":
                guard let text = block["text"], text["type"]?.string == "plain_text",
                    (1...150).contains(text["text"]?.string?.unicodeScalars.count ?? 0)
                else { return "invalid_blocks: header" }
            case "section":
                let fields = block["fields"]?.items ?? []
                guard fields.count <= 10 else { return "invalid_blocks: fields" }
                guard fields.allSatisfy({ ($0["text"]?.string?.unicodeScalars.count ?? 0) <= 2000 })
                else { return "invalid_blocks: field" }
                if let text = block["text"]?["text"]?.string {
                    guard (1...3000).contains(text.unicodeScalars.count) else {
                        return "invalid_blocks: section"
                    }
                } else if fields.isEmpty {
                    return "invalid_blocks: empty section"
                }
            case "context":
                guard (1...10).contains(block["elements"]?.items.count ?? 0) else {
                    return "invalid_blocks: context"
                }
            default: return "invalid_blocks: type"
            }
            total += block.texts.reduce(0) { $0 + $1.unicodeScalars.count }
        }
        guard total <= 13_000 else { return "msg_blocks_too_long" }
        for text in body.texts {
            // Each '<' that is not escaped begins a link or a mention.
            if text.contains("<") || text.contains(">") { return "unescaped" }
        }
        return nil
    }

    /// Discord's embeds (Discord developer documentation, "Message Resource: Embed Limits").
    static func discord(_ body: JSON) -> String? {
        guard body["allowed_mentions"]?["parse"]?.items.isEmpty == true else { return "mentions" }
        let embeds = body["embeds"]?.items ?? []
        guard (1...10).contains(embeds.count) else { return "embeds" }
        var total = 0
        for embed in embeds {
            func count(_ value: JSON?) -> Int { value?.string?.unicodeScalars.count ?? 0 }
            let fields = embed["fields"]?.items ?? []
            guard count(embed["title"]) <= 256, count(embed["description"]) <= 4096,
                count(embed["footer"]?["text"]) <= 2048, fields.count <= 25
            else { return "50035: embed" }
            for field in fields {
                guard (1...256).contains(count(field["name"])),
                    (1...1024).contains(count(field["value"]))
                else { return "50035: field" }
                total += count(field["name"]) + count(field["value"])
            }
            total +=
                count(embed["title"]) + count(embed["description"])
                + count(embed["footer"]?["text"])
        }
        return total <= 6000 ? nil : "50035: MAX_EMBED_SIZE_EXCEEDED"
    }

    /// A Teams workflow (Microsoft Learn, "Create incoming webhooks with Workflows"): 28 KB.
    static func teams(_ body: JSON) -> String? {
        guard body.bytes.count <= 28 * 1024 else { return "too large" }
        guard body["type"]?.string == "message", let card = body["attachments"]?.items.first,
            card["contentType"]?.string == "application/vnd.microsoft.card.adaptive",
            card["content"]?["type"]?.string == "AdaptiveCard",
            card["content"]?["version"]?.string == "1.4"
        else { return "no card" }
        for block in card["content"]?["body"]?.items ?? [] {
            guard block["type"]?.string == "RichTextBlock",
                block["inlines"]?.items.allSatisfy({
                    $0["type"]?.string == "TextRun" && $0["text"]?.string != nil
                }) == true
            else { return "a block that knows markup" }
        }
        return nil
    }

    /// PagerDuty's Events API v2 (developer-docs, "Trigger Events").
    static func pagerDuty(_ body: JSON) -> String? {
        guard body["routing_key"]?.string?.utf8.count == 32 else { return "routing_key" }
        guard (1...255).contains(body["dedup_key"]?.string?.utf8.count ?? 0) else {
            return "dedup_key"
        }
        switch body["event_action"]?.string {
        case "resolve", "acknowledge": return nil
        case "trigger":
            guard let payload = body["payload"],
                (1...1024).contains(payload["summary"]?.string?.unicodeScalars.count ?? 0),
                payload["source"]?.string?.isEmpty == false,
                ["critical", "error", "warning", "info"].contains(
                    payload["severity"]?.string ?? "")
            else { return "payload" }
            return body.bytes.count <= 512 * 1024 ? nil : "size"
        default: return "event_action"
        }
    }
}
