internal import Foundation
internal import Response
public import Settings
internal import Yams

/// Reads `channels.yaml`: who is told of which alerts, how, and when.
///
/// Everything that is wrong with it is told at once, each with its line. Relative paths are from the
/// file's folder.
public enum ChannelFile {
    /// More channels than any team looks at.
    static let channelLimit = 50

    /// - Parameter families: The rules of each family, so that `travel/*` can be said; empty when
    ///   rules are not at hand, and then such an entry is refused.
    /// - Throws: `SettingsError`.
    public static func load(
        path: String, families: [String: [String]] = [:]
    ) throws(SettingsError) -> ChannelBook {
        let log = ProblemLog(file: path)
        let reader = Reader(log: log, path: path, families: families)
        guard let text = SettingsFile.text(of: path, log: log),
            let root = YAMLDocument.root(of: text, content: "channels", log: log),
            let book = reader.book(root), log.isClean
        else {
            if log.isClean { log.add("The file cannot be used.") }
            throw SettingsError(log.problems)
        }
        return book
    }

    struct Reader {
        let log: ProblemLog
        let path: String
        let families: [String: [String]]

        func book(_ root: Node) -> ChannelBook? {
            guard
                let file = FieldReader(
                    root, name: "the file",
                    keys: [
                        "organization", "contact", "links", "directory", "domains", "templates",
                        "channels",
                    ], log: log)
            else { return nil }
            var book = ChannelBook(channels: [])
            if let node = file.value("organization") {
                book.organization = file.text(of: node, key: "organization", limit: 200) ?? ""
            }
            if let node = file.value("contact") {
                book.contact = file.text(of: node, key: "contact", limit: 200) ?? ""
            }
            if let node = file.value("links") { readLinks(node, into: &book) }
            if let node = file.value("directory"),
                let text = file.text(of: node, key: "directory")
            {
                do throws(MessagingError) {
                    book.directory = try PeopleDirectory(path: resolved(text))
                } catch {
                    log.add("'directory': \(error)", at: node)
                }
            }
            for domain in file.texts("domains") ?? [] {
                guard MailAddress("a@" + domain) != nil else {
                    log.add(
                        "'domains' has '\(shown(domain))'. Use a domain, as example.com.",
                        at: file.place("domains"))
                    continue
                }
                book.domains.insert(domain.lowercased())
            }
            if let node = file.value("templates") {
                book.templates = file.text(of: node, key: "templates").map(resolved)
            }
            if let node = file.required("channels", because: "a list of channels"),
                let items = file.items(of: node, key: "channels", limit: ChannelFile.channelLimit)
            {
                var names: Set<String> = []
                for item in items {
                    guard let channel = channel(item) else { continue }
                    if !names.insert(channel.name).inserted {
                        log.add("Two channels are called '\(channel.name)'. Rename one.", at: item)
                    }
                    if channel.audience == .owner, book.directory.count == 0,
                        book.domains.isEmpty
                    {
                        log.add(
                            "Channel '\(channel.name)' is for owners, and nothing says where they "
                                + "are reached. Give 'directory', or 'domains' in which user names "
                                + "are addresses.", at: item)
                    }
                    book.channels.append(channel)
                }
            }
            return book
        }

        private func readLinks(_ node: Node, into book: inout ChannelBook) {
            guard
                let links = FieldReader(
                    node, name: "'links'", keys: ["url", "key", "days"], log: log)
            else { return }
            if let text = links.text("url", limit: 500, because: "the address of lastseen-server") {
                let isLocal =
                    text.hasPrefix("http://127.0.0.1") || text.hasPrefix("http://localhost")
                if (text.hasPrefix("https://") || isLocal),
                    text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3C }),
                    !text.contains("?"), !text.contains("#")
                {
                    book.linkBase = text.hasSuffix("/") ? String(text.dropLast()) : text
                } else {
                    log.add(
                        "'url' must be an https:// address without '?' and '#'.",
                        at: links.place("url"))
                }
            }
            if let node = links.required("key", because: "the key that signs links"),
                let secret = secret(of: node, key: "key")
            {
                do {
                    book.linkKey = try AnswerKey(try secret.text())
                } catch {
                    log.add("'key': \(error)", at: node)
                }
            }
            if let node = links.value("days"),
                let days = links.number("days", of: node, in: 1...60, unit: "days", isWhole: true)
            {
                book.linkDays = Int(days)
            }
        }

        func resolved(_ text: String) -> String {
            guard !text.hasPrefix("/") else { return text }
            return URL(fileURLWithPath: path).deletingLastPathComponent()
                .appendingPathComponent(text).path
        }

        /// Where a secret comes from, looked at now; nil after logging.
        func secret(of node: Node, key: String) -> SecretValue? {
            guard case .mapping = node else {
                // What stands there may be the secret itself, so it is not shown.
                log.add(
                    "'\(key)' must say where the secret comes from, never be it: {env: NAME}, "
                        + "{file: /path} or {command: [/path, argument]}.", at: node)
                return nil
            }
            let words = ["env", "file", "command"]
            guard let reader = FieldReader(node, name: "'\(key)'", keys: words, log: log) else {
                return nil
            }
            let given = words.filter { reader.value($0) != nil }
            guard given.count == 1, let value = reader.value(given[0]) else {
                log.add("'\(key)' needs one of 'env', 'file' and 'command'.", at: node)
                return nil
            }
            let origin: SecretValue.Origin
            switch given[0] {
            case "env":
                guard let name = reader.text(of: value, key: "env", limit: 256) else { return nil }
                origin = .environment(name)
            case "file":
                guard let path = reader.text(of: value, key: "file") else { return nil }
                origin = .file(resolved(path))
            default:
                guard let words = reader.texts("command"), !words.isEmpty else {
                    log.add(
                        "'command' must be a list: a program's path, then its arguments.", at: value
                    )
                    return nil
                }
                origin = .command(words)
            }
            do {
                return try SecretValue(origin, label: key)
            } catch {
                log.add("'\(key)': \(error)", at: value)
                return nil
            }
        }
    }
}
