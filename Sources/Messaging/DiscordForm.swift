internal import Publishing
internal import SessionModel

/// An alert as a Discord embed.
///
/// Limits (Discord's documentation): a title of 256 characters, a description of 4096, 25 fields of
/// 256 and 1024, a footer of 2048, 6000 in all. `allowed_mentions` with nothing in it keeps everybody
/// unpinged whatever the text says, and markup is escaped.
enum DiscordForm {
    /// With a backslash before whatever Discord reads as markup.
    static func escaped(_ text: String, limit: Int) -> String {
        var out = ""
        var count = 0
        for scalar in text.unicodeScalars {
            let isMarkup = scalar.isASCII && "\\*_~`|>#[]()<@:-+".unicodeScalars.contains(scalar)
            guard count + (isMarkup ? 2 : 1) < limit else { return out + "…" }
            if isMarkup { out += "\\" }
            out.unicodeScalars.append(scalar)
            count += isMarkup ? 2 : 1
        }
        return out
    }

    private static func color(_ severity: Severity) -> Int {
        switch severity {
        case .critical: 0xB3_261E
        case .high: 0xD9_6B1E
        case .medium: 0xC7_9A1B
        case .low, .informational: 0x4F_6D8F
        }
    }

    static func message(_ notice: Notice, _ phrases: Phrases) -> JSON {
        let words = TeamWords(notice, phrases)
        var description = escaped(words.summary, limit: 1200)
        if !words.standing.isEmpty {
            description = "**\(escaped(words.standing, limit: 200))**\n" + description
        }
        func add(_ title: String, _ items: [String], limit: Int) {
            guard !items.isEmpty else { return }
            let lines = items.map { "• " + escaped($0, limit: 350) }
            description +=
                "\n\n" + cut("**\(title)**\n" + lines.joined(separator: "\n"), limit: limit)
        }
        add(phrases.text("team.reasons"), words.reasons, limit: 1000)
        add(phrases.text("team.steps"), words.steps, limit: 1000)
        add(phrases.text("team.done"), words.done, limit: 500)
        add(phrases.text("team.waiting"), words.waiting, limit: 500)
        let fields = words.facts.prefix(8).map { fact -> JSON in
            .object([
                ("name", .text(cut(fact.label, limit: 60))),
                ("value", .text(escaped(fact.value, limit: 160))), ("inline", .flag(true)),
            ])
        }
        return body(
            title: escaped(words.headline, limit: 256), description: cut(description, limit: 3700),
            fields: fields, footer: words.reference,
            color: notice.kind == .over ? 0x80_8080 : color(notice.alert.severity))
    }

    static func gathered(_ gathering: Gathering, _ phrases: Phrases) -> JSON {
        let words = GatheredWords(gathering, phrases)
        var description = words.note.isEmpty ? "" : escaped(words.note, limit: 300) + "\n"
        var left = 3600 - description.unicodeScalars.count
        for line in words.lines {
            let text = "• " + escaped(line, limit: 400) + "\n"
            guard text.unicodeScalars.count <= left else {
                description += "…\n"
                break
            }
            description += text
            left -= text.unicodeScalars.count
        }
        description += escaped(words.more, limit: 300)
        return body(
            title: escaped(words.headline, limit: 256), description: description, fields: [],
            footer: "", color: color(gathering.severity))
    }

    static func note(_ text: String) -> JSON {
        body(
            title: "Lastseen", description: escaped(text, limit: 2000), fields: [], footer: "",
            color: 0x4F_6D8F)
    }

    private static func body(
        title: String, description: String, fields: [JSON], footer: String, color: Int
    ) -> JSON {
        var embed: [(key: String, value: JSON)] = [
            ("title", .text(title)), ("description", .text(description)),
            ("color", .integer(color)),
        ]
        if !fields.isEmpty { embed.append(("fields", .array(fields))) }
        if !footer.isEmpty {
            embed.append(("footer", .object([("text", .text(cut(footer, limit: 200)))])))
        }
        return .object([
            ("allowed_mentions", .object([("parse", .array([]))])),
            ("embeds", .array([.object(embed)])),
        ])
    }
}
