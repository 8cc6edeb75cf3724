internal import Publishing
internal import SessionModel

/// An alert as an Adaptive Card in the message that a Teams workflow ("When a Teams webhook request
/// is received") takes. Limit: 28 KB a message.
///
/// Texts are `TextRun`s, which know no markup: nothing in a name can become a link or a mention.
enum TeamsForm {
    private static func run(_ text: String, bold: Bool = false) -> JSON {
        var members: [(key: String, value: JSON)] = [
            ("type", .text("TextRun")), ("text", .text(text)),
        ]
        if bold { members.append(("weight", .text("Bolder"))) }
        return .object(members)
    }

    private static func block(_ runs: [JSON], size: String? = nil, isSubtle: Bool = false) -> JSON {
        var runs = runs
        if size != nil || isSubtle {
            runs = runs.map { run in
                guard case .object(var members) = run else { return run }
                if let size { members.append(("size", .text(size))) }
                if isSubtle { members.append(("isSubtle", .flag(true))) }
                return .object(members)
            }
        }
        return .object([("type", .text("RichTextBlock")), ("inlines", .array(runs))])
    }

    private static func list(_ title: String, _ items: [String], limit: Int) -> [JSON] {
        [block([run(title, bold: true)])]
            + items.map { block([run("• " + cut($0, limit: limit))]) }
    }

    /// The largest message, in bytes, with room to spare below 28 KB.
    static let byteLimit = 27_000

    /// What `make` gives with the longest texts that fit.
    private static func fitting(_ make: (_ limit: Int) -> JSON) -> JSON {
        for limit in [500, 240, 120, 60] {
            let made = make(limit)
            if made.bytes.count <= byteLimit { return made }
        }
        return make(24)
    }

    static func message(_ notice: Notice, _ phrases: Phrases) -> JSON {
        fitting { message(notice, phrases, limit: $0) }
    }

    static func gathered(_ gathering: Gathering, _ phrases: Phrases) -> JSON {
        fitting { gathered(gathering, phrases, limit: $0) }
    }

    private static func message(_ notice: Notice, _ phrases: Phrases, limit: Int) -> JSON {
        let words = TeamWords(notice, phrases)
        var body = [block([run(words.headline, bold: true)], size: "Large")]
        if !words.standing.isEmpty { body.append(block([run(words.standing, bold: true)])) }
        body.append(block([run(cut(words.summary, limit: 2 * limit))]))
        for fact in words.facts {
            body.append(
                block([run(fact.label + ": ", bold: true), run(cut(fact.value, limit: limit))]))
        }
        if !words.reasons.isEmpty {
            body += list(phrases.text("team.reasons"), words.reasons, limit: limit)
        }
        if !words.steps.isEmpty {
            body += list(phrases.text("team.steps"), words.steps, limit: limit)
        }
        if !words.done.isEmpty { body += list(phrases.text("team.done"), words.done, limit: limit) }
        if !words.waiting.isEmpty {
            body += list(phrases.text("team.waiting"), words.waiting, limit: limit)
        }
        body.append(block([run(words.reference)], isSubtle: true))
        return card(body)
    }

    private static func gathered(_ gathering: Gathering, _ phrases: Phrases, limit: Int) -> JSON {
        let words = GatheredWords(gathering, phrases)
        var body = [block([run(words.headline, bold: true)], size: "Large")]
        if !words.note.isEmpty { body.append(block([run(words.note)], isSubtle: true)) }
        body += words.lines.map { block([run("• " + cut($0, limit: limit))]) }
        if !words.more.isEmpty { body.append(block([run(words.more)], isSubtle: true)) }
        return card(body)
    }

    static func note(_ text: String) -> JSON { card([block([run(text)])]) }

    private static func card(_ body: [JSON]) -> JSON {
        .object([
            ("type", .text("message")),
            (
                "attachments",
                .array([
                    .object([
                        ("contentType", .text("application/vnd.microsoft.card.adaptive")),
                        ("contentUrl", .null),
                        (
                            "content",
                            .object([
                                (
                                    "$schema",
                                    .text("http://adaptivecards.io/schemas/adaptive-card.json")
                                ),
                                ("type", .text("AdaptiveCard")), ("version", .text("1.4")),
                                ("msteams", .object([("width", .text("Full"))])),
                                ("body", .array(body)),
                            ])
                        ),
                    ])
                ])
            ),
        ])
    }
}
