/// The pages behind an owner's links: one with one button, and what comes of pressing it.
///
/// **Inert on GET.** Mail scanners, previews and prefetching open links; none of them presses a
/// button. GET (and HEAD) only shows `question`; POST, with the link's token in the form, acts.
///
/// **No CSRF.** The pages use no cookie and no other standing authority: what authorizes the POST is
/// the token alone, which a forged request would have to know, and whoever knows it needs no forgery.
///
/// To be sent with `headers`: they may not be kept, framed, or tell where the reader came from, and
/// run no script.
public struct AnswerPages: Sendable {
    private let phraseBook: PhraseBook

    public init(phraseBook: PhraseBook) { self.phraseBook = phraseBook }

    public static let headers: [(name: String, value: String)] = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                + "frame-ancestors 'none'; base-uri 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Robots-Tag", "noindex, nofollow"),
    ]

    /// What came of an answer, or why none was taken.
    public enum Outcome: String, Sendable, CaseIterable {
        case mineDone, notMineDone
        case expired, used, invalid
        /// The alert is over, whatever the answer.
        case over
        /// "This was me", after "this was not me".
        case answered
        /// The state could not be read or written.
        case failed

        /// Of HTTP.
        public var status: Int {
            switch self {
            case .mineDone, .notMineDone, .over, .answered: 200
            case .used, .expired: 410
            case .invalid: 404
            case .failed: 503
            }
        }

        var key: String {
            switch self {
            case .mineDone: "page.mine.done"
            case .notMineDone: "page.notmine.done"
            default: "page.\(rawValue)"
            }
        }
    }

    /// The page that GET shows for a token that is good.
    ///
    /// - Parameter text: the token as it came.
    public func question(_ token: AnswerToken, text: String) -> String {
        let phrases = phraseBook.phrases(token.language)
        let kind = token.answer == .mine ? "mine" : "notmine"
        return page(
            phrases,
            body: """
                <p>\(Self.escaped(phrases.text("page.\(kind).question")))</p>
                <p class="note">\(Self.escaped(phrases.text("page.\(kind).note")))</p>
                <form method="post" action="">
                <input type="hidden" name="token" value="\(Self.escaped(text))">
                <button class="\(kind)" type="submit">\(Self.escaped(phrases.text("page.\(kind).button")))</button>
                </form>
                <p class="note">\(Self.escaped(token.alertID))</p>
                """)
    }

    public func outcome(_ outcome: Outcome, language: String) -> String {
        let phrases = phraseBook.phrases(language)
        return page(phrases, body: "<p>\(Self.escaped(phrases.text(outcome.key)))</p>")
    }

    /// As plain text, for a terminal.
    public func words(_ outcome: Outcome, language: String) -> String {
        phraseBook.phrases(language).text(outcome.key)
    }

    private func page(_ phrases: Phrases, body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="\(Self.escaped(phrases.language))">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(Self.escaped(phrases.text("page.title")))</title>
        <style>
        :root { color-scheme: light dark; }
        body { font: 17px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText;
          max-width: 34rem; margin: 12vh auto; padding: 0 1.25rem; }
        h1 { font-size: 1.5rem; }
        .note { opacity: .75; font-size: .95rem; }
        button { font: inherit; font-weight: 600; width: 100%; padding: .8rem 1rem; margin: 1rem 0;
          border-radius: 8px; border: 1px solid GrayText; background: ButtonFace; color: ButtonText;
          cursor: pointer; }
        button.notmine { background: #b3261e; border-color: #b3261e; color: #fff; }
        button:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
        </style>
        </head>
        <body>
        <h1>\(Self.escaped(phrases.text("page.title")))</h1>
        \(body)
        </body>
        </html>

        """
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
