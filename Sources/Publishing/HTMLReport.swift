public import SessionModel

/// One self-contained page about a run or a period: to be read, forwarded, printed and kept.
///
/// No script, and nothing is fetched: a Content-Security-Policy in the page says so to the browser.
/// Light and dark by the reader's setting. Text from records is escaped and made visible wherever it
/// stands. The page is a function of its inputs, so the same inputs give the same bytes.
public struct HTMLReport: Sendable {
    /// Alerts told in full, riskiest first; the page stays below some 6 MB.
    public static let fullLimit = 500
    /// Alerts after those that get a row of a table; the rest is counted.
    public static let rowLimit = 2000
    /// Trips drawn on the map, and users in the index.
    public static let tripLimit = 200
    public static let userLimit = 500

    public var title: String
    /// In any order; one of each id, at its newest revision.
    public var alerts: [Alert]
    /// What the run read, when the report is of one.
    public var run: RunSummary?
    /// The time that the records span; nil takes the alerts' own.
    public var period: ClosedRange<Timestamp>?
    /// Wall time, passed in.
    public var generatedAt: Timestamp
    /// Lines that the sources of the places ask to be shown; `https://` words become links.
    public var attributions: [String]
    /// For the footer: `Lastseen 0.1.0`.
    public var producer: String

    public init(
        title: String = "Session report", alerts: [Alert], run: RunSummary? = nil,
        period: ClosedRange<Timestamp>? = nil, generatedAt: Timestamp,
        attributions: [String] = [], producer: String = "Lastseen"
    ) {
        self.title = title
        self.alerts = alerts
        self.run = run
        self.period = period
        self.generatedAt = generatedAt
        self.attributions = attributions
        self.producer = producer
    }

    /// The page in UTF-8.
    public func bytes() -> [UInt8] {
        let digest = ReportDigest(self)
        var html = HTMLWriter()
        head(into: &html)
        header(digest, into: &html)
        html.markup("<main>\n")
        tiles(digest, into: &html)
        AlertStrip(digest).write(into: &html)
        TripMap(digest).write(into: &html)
        ReportAlerts(digest).write(into: &html)
        users(digest, into: &html)
        html.markup("</main>\n")
        footer(into: &html)
        html.markup("</body>\n</html>\n")
        return html.bytes
    }

    private func head(into html: inout HTMLWriter) {
        html.markup(
            """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
            style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <meta name="robots" content="noindex">
            <title>
            """)
        html.text(title, limit: 120)
        html.markup("</title>\n<style>\n")
        html.markup(ReportStyle.css)
        html.markup("\n</style>\n</head>\n<body>\n")
    }

    private func header(_ digest: ReportDigest, into html: inout HTMLWriter) {
        html.markup(
            "<header class=\"top\"><div class=\"in\">\n<p class=\"brand\">Lastseen</p>\n<h1>")
        html.text(title, limit: 120)
        html.markup("</h1>\n<p class=\"period\">")
        if let period = digest.period {
            html.value(Self.longDate(period.lowerBound))
            if period.lowerBound.day != period.upperBound.day {
                html.markup(" – ")
                html.value(Self.longDate(period.upperBound))
            }
            html.markup(" (UTC)")
        } else {
            html.value(Self.longDate(generatedAt))
        }
        html.markup("</p>\n<p class=\"lede\">")
        html.value(digest.verdict)
        html.markup("</p>\n</div></header>\n")
    }

    private func tiles(_ digest: ReportDigest, into html: inout HTMLWriter) {
        html.markup("<section class=\"tiles\" aria-label=\"Alerts by severity\">\n")
        for severity in Severity.allCases.reversed() {
            let count = digest.countBySeverity[severity] ?? 0
            html.markup("<div class=\"tile ")
            html.value(count == 0 ? "none" : "s\(severity.rawValue)")
            html.markup("\"><b>")
            html.value(Wording.count(count))
            html.markup("</b><span>")
            html.value(Wording.capitalized(severity.name))
            html.markup("</span></div>\n")
        }
        html.markup("<div class=\"tile ")
        html.value(digest.closed.isEmpty ? "none" : "back")
        html.markup("\"><b>")
        html.value(Wording.count(digest.closed.count))
        html.markup("</b><span>Closed</span></div>\n<div class=\"tile ")
        html.value(digest.retracted.isEmpty ? "none" : "back")
        html.markup("\"><b>")
        html.value(Wording.count(digest.retracted.count))
        html.markup("</b><span>Retracted</span></div>\n</section>\n")
        guard let run else { return }
        html.markup("<p class=\"run\">")
        html.value(run.text(style: TextStyle(width: 200)))
        html.markup("</p>\n")
    }

    private func users(_ digest: ReportDigest, into html: inout HTMLWriter) {
        guard digest.users.count > 1 else { return }
        html.markup(
            """
            <section class="users" id="users"><h2>Users</h2>
            <table><thead><tr><th>User</th><th class="n">Alerts</th><th class="n">Highest risk</th>\
            <th>Reasons</th><th>Newest</th></tr></thead><tbody>

            """)
        for user in digest.users.prefix(Self.userLimit) {
            html.markup("<tr><td class=\"u\">")
            html.text(user.name, limit: 80)
            if user.name != user.id {
                html.markup(" <span class=\"q\">")
                html.text(user.id, limit: 60)
                html.markup("</span>")
            }
            html.markup("</td><td class=\"n\">")
            html.value(Wording.count(user.alertCount))
            html.markup("</td><td class=\"n\"><a class=\"risk s")
            html.value(Int(user.worst.severity.rawValue))
            html.markup("\"")
            if let anchor = digest.anchor(user.worst) {
                html.markup(" href=\"#")
                html.value(anchor)
                html.markup("\"")
            }
            html.markup(">")
            html.value(user.worst.risk)
            html.markup("</a></td><td>")
            html.text(user.rules.map(Wording.rule).joined(separator: ", "), limit: 160)
            html.markup("</td><td class=\"t\">")
            html.value(user.newest.humanReadable)
            html.markup("</td></tr>\n")
        }
        html.markup("</tbody></table>\n")
        if digest.users.count > Self.userLimit {
            html.markup("<p class=\"q\">And ")
            html.value(Wording.plural(digest.users.count - Self.userLimit, "user"))
            html.markup(" more.</p>\n")
        }
        html.markup("</section>\n")
    }

    private func footer(into html: inout HTMLWriter) {
        html.markup("<footer><div class=\"in\">\n<p>Written by ")
        html.text(producer, limit: 80)
        html.markup(" on ")
        html.value(generatedAt.humanReadable)
        html.markup(
            """
            . Places are those of network addresses: a circle that probably holds the device, not a \
            person's position. Times are UTC.</p>
            <p>Coasts: Natural Earth, public domain.
            """)
        for line in attributions.prefix(20) {
            html.markup(" ")
            for (index, word) in line.split(separator: " ").prefix(100).enumerated() {
                if index > 0 { html.markup(" ") }
                if Self.isLink(word) {
                    html.markup("<a rel=\"noreferrer noopener\" href=\"")
                    html.text(String(word))
                    html.markup("\">")
                    html.text(String(word.dropFirst("https://".count)))
                    html.markup("</a>")
                } else {
                    html.text(String(word))
                }
            }
        }
        html.markup("</p>\n</div></footer>\n")
    }

    /// Plain `https://` addresses only, of the characters of RFC 3986.
    static func isLink(_ word: Substring) -> Bool {
        word.hasPrefix("https://") && word.utf8.count > 8 && word.utf8.count < 300
            && word.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._~:/?#@!$&+,;=%".utf8.contains($0)
                }
            }
    }

    static func longDate(_ time: Timestamp) -> String {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September",
            "October", "November", "December",
        ]
        let c = time.civil
        return "\(c.day) \(months[c.month - 1]) \(c.year)"
    }
}
