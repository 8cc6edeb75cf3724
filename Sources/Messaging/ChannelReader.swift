internal import Foundation
internal import Response
internal import SessionModel
internal import Settings
internal import Yams

/// One channel's part of the file.
extension ChannelFile.Reader {
    private static let common = [
        "name", "kind", "audience", "severity", "risk", "rules", "users", "privacy", "language",
        "digest", "digest_limit", "quiet", "per_minute", "maximum_age_days",
    ]

    private static func keys(_ kind: Channel.Kind?) -> [String] {
        switch kind {
        case .mail: ["from", "from_name", "to", "smtp", "sendmail"]
        case .slack: ["url", "token", "channel", "api", "ca_file", "allow_private"]
        case .teams, .discord: ["url", "ca_file", "allow_private"]
        case .pagerduty: ["routing_key", "api", "ca_file", "allow_private"]
        case .webhook: ["url", "secret", "ca_file", "allow_private"]
        case nil:
            [
                "from", "from_name", "to", "smtp", "sendmail", "url", "token", "channel", "api",
                "ca_file", "allow_private", "routing_key", "secret",
            ]
        }
    }

    func channel(_ node: Node) -> Channel? {
        let kinds = Channel.Kind.allCases.map(\.rawValue)
        // The kind first: it says which other keys there are.
        let kind = node["kind"]?.string.flatMap(Channel.Kind.init(rawValue:))
        guard
            let fields = FieldReader(
                node, name: "the channel", keys: Self.common + Self.keys(kind), log: log)
        else { return nil }
        guard let name = fields.text("name", limit: 40, because: "what the state knows it by")
        else {
            return nil
        }
        guard
            name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 0x2D }
            )
        else {
            log.add(
                "'name' is '\(shown(name))'. Use lower-case letters, digits and '-'.",
                at: fields.place("name"))
            return nil
        }
        guard let kindNode = fields.required("kind", because: alternatives(kinds)),
            let kind = fields.word(
                "kind", of: kindNode, among: kinds, make: Channel.Kind.init(rawValue:)),
            let delivery = delivery(kind, fields)
        else { return nil }
        var channel = Channel(name: name, kind: kind, delivery: delivery)
        if let found = word("audience", fields, Channel.Audience.self) { channel.audience = found }
        if let found = word("privacy", fields, Privacy.self) { channel.privacy = found }
        if channel.audience == .owner, kind != .mail, kind != .webhook {
            log.add(
                "An account's owner is reached by mail or webhook, not by \(kind.rawValue).",
                at: fields.place("audience"))
        }
        if kind == .mail, channel.audience == .team, case .mail(let mail) = delivery,
            mail.recipients.isEmpty
        {
            log.add("Mail to a team needs 'to', a list of addresses.", at: node)
        }
        if let node = fields.value("severity"),
            let severity = fields.word(
                "severity", of: node, among: Severity.allCases.map(\.name),
                make: Severity.init(name:))
        {
            channel.filter.minimumSeverity = severity
        }
        channel.filter.minimumRisk = whole("risk", fields, 0...100) ?? 0
        channel.filter.rules = rules(fields)
        if fields.value("users") != nil, let users = fields.texts("users") {
            do {
                channel.filter.users = try ProtectedUsers(users)
            } catch {
                log.add("'users': \(error)", at: fields.place("users"))
            }
        }
        if let node = fields.value("language"),
            let text = fields.text(of: node, key: "language", limit: 35)
        {
            if text.utf8.allSatisfy({
                (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 0x2D
            }) {
                channel.language = text
            } else {
                log.add("'language' is '\(shown(text))'. Use a tag, as de.", at: node)
            }
        }
        if let node = fields.value("digest") { channel.digest = digest(node) }
        if channel.digest != nil, channel.audience == .owner {
            log.add(
                "An owner is told of each alert on its own. Remove 'digest'.",
                at: fields.place("digest"))
        }
        if kind == .pagerduty, channel.digest != nil {
            log.add(
                "PagerDuty keeps one incident an alert. Remove 'digest'.",
                at: fields.place("digest"))
        }
        channel.digestLimit = whole("digest_limit", fields, 1...50) ?? channel.digestLimit
        if let node = fields.value("quiet") { channel.quiet = quiet(node) }
        channel.perMinute = whole("per_minute", fields, 1...600) ?? channel.perMinute
        if let days = whole("maximum_age_days", fields, 1...3660) {
            channel.maximumAgeMilliseconds = Int64(days) * 86_400_000
        }
        return channel
    }

    // MARK: - Which and when

    private func rules(_ fields: FieldReader) -> Set<String> {
        var rules: Set<String> = []
        for entry in fields.texts("rules") ?? [] {
            guard entry.hasSuffix("/*") else {
                rules.insert(entry)
                continue
            }
            if let members = families[String(entry.dropLast(2))] {
                rules.formUnion(members)
            } else {
                log.add(
                    "'rules' has '\(shown(entry))', which is no family of rules."
                        + hint(for: entry, among: families.keys.sorted().map { $0 + "/*" }),
                    at: fields.place("rules"))
            }
        }
        return rules
    }

    private func digest(_ node: Node) -> DigestSchedule? {
        guard
            let fields = FieldReader(
                node, name: "'digest'", keys: ["every_minutes", "daily_at", "zone"], log: log)
        else { return nil }
        switch (fields.value("every_minutes"), fields.value("daily_at")) {
        case (let every?, nil):
            return fields.number(
                "every_minutes", of: every, in: 1...1440, unit: "minutes", isWhole: true
            ).map { .every(minutes: Int($0)) }
        case (nil, let daily?):
            guard let minute = clock("daily_at", of: daily, fields), let zone = zone(fields) else {
                return nil
            }
            return .daily(minute: minute, zone: zone)
        default:
            log.add("'digest' needs one of 'every_minutes' and 'daily_at'.", at: node)
            return nil
        }
    }

    private func quiet(_ node: Node) -> QuietHours? {
        guard
            let fields = FieldReader(
                node, name: "'quiet'", keys: ["from", "to", "zone"], log: log),
            let from = fields.required("from", because: "when it begins, as \"22:00\""),
            let to = fields.required("to", because: "when it ends, as \"07:00\""),
            let start = clock("from", of: from, fields), let end = clock("to", of: to, fields),
            let zone = zone(fields)
        else { return nil }
        guard start != end else {
            log.add("'from' and 'to' are the same. Leave an hour in which to send.", at: node)
            return nil
        }
        return QuietHours(from: start, to: end, zone: zone)
    }

    /// `22:00` as minutes since midnight.
    private func clock(_ key: String, of node: Node, _ fields: FieldReader) -> Int? {
        guard let text = fields.text(of: node, key: key, limit: 5) else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), (0...23).contains(hour),
            (0...59).contains(minute)
        else {
            log.add(
                "'\(key)' is '\(shown(text))'. Write a time, as \"22:00\", in quotes.", at: node)
            return nil
        }
        return hour * 60 + minute
    }

    private func zone(_ fields: FieldReader) -> Zone? {
        guard let node = fields.value("zone") else { return .utc }
        guard let text = fields.text(of: node, key: "zone", limit: 64) else { return nil }
        guard let zone = Zone(text) else {
            log.add("'zone' is '\(shown(text))'. Use a time zone, as Europe/Berlin.", at: node)
            return nil
        }
        return zone
    }

    private func whole(
        _ key: String, _ fields: FieldReader, _ range: ClosedRange<Double>
    ) -> Int? {
        fields.value(key).flatMap {
            fields.number(key, of: $0, in: range, unit: "", isWhole: true)
        }.map { Int($0) }
    }

    private func word<Word: CaseIterable & RawRepresentable>(
        _ key: String, _ fields: FieldReader, _ type: Word.Type
    ) -> Word? where Word.RawValue == String {
        fields.value(key).flatMap {
            fields.word(
                key, of: $0, among: Word.allCases.map(\.rawValue), make: Word.init(rawValue:))
        }
    }

    // MARK: - How

    private func delivery(_ kind: Channel.Kind, _ fields: FieldReader) -> Delivery? {
        if kind == .mail { return mail(fields).map { .mail($0) } }
        let reach = reach(fields)
        switch kind {
        case .slack where fields.value("token") != nil:
            guard let token = required("token", fields, "the bot's token"),
                let conversation = fields.text(
                    "channel", limit: 80, because: "the conversation's id, as C0123456789")
            else { return nil }
            return .slackBot(
                token: token, conversation: conversation,
                api: api(fields, "https://slack.com/api"), reach: reach)
        case .slack, .teams, .discord:
            guard let url = required("url", fields, "the webhook's address") else { return nil }
            return .hook(url: url, reach: reach)
        case .pagerduty:
            guard let key = required("routing_key", fields, "the integration's key") else {
                return nil
            }
            return .pagerDuty(
                routingKey: key, url: api(fields, "https://events.pagerduty.com/v2/enqueue"),
                reach: reach)
        case .webhook, .mail:
            guard let url = required("url", fields, "where it is sent"),
                let secret = required("secret", fields, "a signing secret, whsec_…")
            else { return nil }
            return .webhook(url: url, secret: secret, reach: reach)
        }
    }

    private func required(_ key: String, _ fields: FieldReader, _ reason: String) -> SecretValue? {
        fields.required(key, because: reason).flatMap { secret(of: $0, key: key) }
    }

    private func api(_ fields: FieldReader, _ standard: String) -> String {
        guard let node = fields.value("api"), let text = fields.text(of: node, key: "api") else {
            return standard
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private func reach(_ fields: FieldReader) -> Delivery.Reach {
        Delivery.Reach(
            caFile: file("ca_file", fields),
            allowsPrivate: fields.flag("allow_private", absent: false) ?? false)
    }

    /// A file's path. Logged unless this user can read it.
    private func file(_ key: String, _ fields: FieldReader) -> String? {
        guard let node = fields.value(key), let text = fields.text(of: node, key: key) else {
            return nil
        }
        let path = resolved(text)
        guard FileManager.default.isReadableFile(atPath: path) else {
            log.add("'\(key)': \(shown(path)) cannot be read.", at: node)
            return nil
        }
        return path
    }

    private func mail(_ fields: FieldReader) -> MailDelivery? {
        guard let from = fields.text("from", because: "the address that mail is from"),
            let sender = address(from, fields.place("from"))
        else { return nil }
        var recipients: [MailAddress] = []
        for text in fields.texts("to") ?? [] {
            if let found = address(text, fields.place("to")) { recipients.append(found) }
        }
        let transport: MailDelivery.Transport
        switch (fields.value("smtp"), fields.value("sendmail")) {
        case (let node?, nil):
            guard let server = smtp(node) else { return nil }
            transport = .smtp(server)
        case (nil, let node?):
            guard let path = fields.text(of: node, key: "sendmail") else { return nil }
            guard path.hasPrefix("/"), FileManager.default.isExecutableFile(atPath: path) else {
                log.add(
                    "'sendmail' must be the absolute path of a program, as /usr/sbin/sendmail.",
                    at: node)
                return nil
            }
            transport = .sendmail(path)
        default:
            log.add("A mail channel needs one of 'smtp' and 'sendmail'.", at: fields.node)
            return nil
        }
        var delivery = MailDelivery(transport: transport, from: sender, recipients: recipients)
        if let node = fields.value("from_name") {
            delivery.fromName = fields.text(of: node, key: "from_name", limit: 100) ?? ""
        }
        return delivery
    }

    private func address(_ text: String, _ node: Node) -> MailAddress? {
        if let address = MailAddress(text) { return address }
        log.add("'\(shown(text))' is no mail address of plain ASCII, as ann@example.com.", at: node)
        return nil
    }

    private func smtp(_ node: Node) -> SMTPServer? {
        guard
            let fields = FieldReader(
                node, name: "'smtp'",
                keys: ["host", "port", "encryption", "ca_file", "user", "password", "timeout"],
                log: log),
            let host = fields.text("host", limit: 253, because: "the mail server's name")
        else { return nil }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"/@?#[]\\\"".utf8.contains($0) }),
            !host.isEmpty
        else {
            log.add("'host' is '\(shown(host))'. Use a name or address.", at: fields.place("host"))
            return nil
        }
        var server = SMTPServer(
            host: host, port: whole("port", fields, 1...65_535),
            encryption: word("encryption", fields, SMTPServer.Encryption.self) ?? .starttls,
            caFile: file("ca_file", fields))
        if let node = fields.value("user") { server.user = fields.text(of: node, key: "user") }
        if let node = fields.value("password") {
            server.password = secret(of: node, key: "password")
        }
        if (server.user == nil) != (server.password == nil) {
            log.add("'user' and 'password' belong together.", at: node)
        }
        let isHere = ["localhost", "127.0.0.1", "::1"].contains(host)
        if server.encryption == .none, !isHere || server.user != nil {
            log.add(
                "'encryption: none' is for a server on this machine, without a password.", at: node)
        }
        if let seconds = whole("timeout", fields, 1...300) {
            server.totalMilliseconds = seconds * 1000
        }
        return server
    }
}
