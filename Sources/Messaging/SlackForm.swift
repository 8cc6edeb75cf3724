internal import Publishing
internal import Response
internal import SessionModel

/// An alert as Slack's blocks.
///
/// Limits (python-slack-sdk's validators): 50 blocks, a header of 150 characters, a section of 3000,
/// 10 fields of 2000, a message of some 13 000. Whatever records hold is escaped (`&`, `<`, `>`), so
/// that no name can ping `<!channel>` or make a link, and `verbatim` keeps addresses from becoming
/// links.
enum SlackForm {
    /// Escaped, at most `limit` characters after escaping.
    static func escaped(_ text: String, limit: Int) -> String {
        var out = ""
        var count = 0
        for scalar in text.unicodeScalars {
            let piece =
                switch scalar {
                case "&": "&amp;"
                case "<": "&lt;"
                case ">": "&gt;"
                default: String(scalar)
                }
            guard count + piece.unicodeScalars.count < limit else {
                return out + "…"
            }
            out += piece
            count += piece.unicodeScalars.count
        }
        return out
    }

    /// In a code span nothing is read as markup.
    private static func code(_ text: String, limit: Int) -> String {
        "`" + escaped(text.replacing("`", with: "'"), limit: limit) + "`"
    }

    private static func mrkdwn(_ text: String) -> JSON {
        .object([("type", .text("mrkdwn")), ("text", .text(text)), ("verbatim", .flag(true))])
    }

    private static func section(_ text: String) -> JSON {
        .object([("type", .text("section")), ("text", mrkdwn(text))])
    }

    /// A header is `plain_text`, which knows no escapes: the characters that begin control sequences
    /// elsewhere give way to others that look like them.
    private static func header(_ text: String) -> JSON {
        let text = text.replacing("<", with: "‹").replacing(">", with: "›")
        return .object([
            ("type", .text("header")),
            (
                "text",
                .object([
                    ("type", .text("plain_text")), ("text", .text(cut(text, limit: 150))),
                    ("emoji", .flag(false)),
                ])
            ),
        ])
    }

    private static func context(_ text: String) -> JSON {
        .object([("type", .text("context")), ("elements", .array([mrkdwn(text)]))])
    }

    private static func list(_ title: String, _ items: [String]) -> JSON {
        section(
            "*\(escaped(title, limit: 100))*\n"
                + items.map { "• " + escaped($0, limit: 500) }.joined(separator: "\n"))
    }

    static func message(_ notice: Notice, _ phrases: Phrases) -> [(key: String, value: JSON)] {
        let words = TeamWords(notice, phrases)
        var blocks = [header(words.headline)]
        if !words.standing.isEmpty {
            blocks.append(section("*\(escaped(words.standing, limit: 200))*"))
        }
        blocks.append(section(escaped(words.summary, limit: 1500)))
        blocks.append(
            .object([
                ("type", .text("section")),
                (
                    "fields",
                    .array(
                        words.facts.prefix(10).map {
                            mrkdwn(
                                "*\(escaped($0.label, limit: 60))*\n" + code($0.value, limit: 400))
                        })
                ),
            ]))
        if !words.reasons.isEmpty {
            blocks.append(list(phrases.text("team.reasons"), words.reasons))
        }
        if !words.steps.isEmpty { blocks.append(list(phrases.text("team.steps"), words.steps)) }
        if !words.done.isEmpty { blocks.append(list(phrases.text("team.done"), words.done)) }
        if !words.waiting.isEmpty {
            blocks.append(list(phrases.text("team.waiting"), words.waiting))
        }
        blocks.append(context(escaped(words.reference, limit: 200)))
        let standing = words.standing.isEmpty ? "" : words.standing + " · "
        return body(standing + words.headline, blocks)
    }

    static func gathered(
        _ gathering: Gathering, _ phrases: Phrases
    ) -> [(key: String, value: JSON)] {
        let words = GatheredWords(gathering, phrases)
        var blocks = [header(words.headline)]
        if !words.note.isEmpty { blocks.append(context(escaped(words.note, limit: 200))) }
        // 8 lines of at most 220 characters a section, and so at most 7 sections.
        var rest = words.lines.map { "• " + escaped($0, limit: 220) }[...]
        while !rest.isEmpty {
            blocks.append(section(rest.prefix(8).joined(separator: "\n")))
            rest = rest.dropFirst(8)
        }
        if !words.more.isEmpty { blocks.append(context(escaped(words.more, limit: 200))) }
        return body(words.headline, blocks)
    }

    static func note(_ text: String) -> [(key: String, value: JSON)] {
        body(text, [section(escaped(text, limit: 2900))])
    }

    private static func body(_ text: String, _ blocks: [JSON]) -> [(key: String, value: JSON)] {
        [
            ("text", .text(escaped(text, limit: 3000))), ("mrkdwn", .flag(false)),
            ("unfurl_links", .flag(false)), ("unfurl_media", .flag(false)),
            ("blocks", .array(blocks)),
        ]
    }
}
