import Publishing
public import SessionModel

extension Score {
    /// A self-contained page with the tables and curves: no script, nothing fetched, fit to print.
    ///
    /// - Parameters:
    ///   - generatedAt: wall time, passed in.
    ///   - producer: for the footer: `Lastseen 0.1.0`.
    public func page(title: String, generatedAt: Timestamp, producer: String) -> [UInt8] {
        var html = HTMLWriter()
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
        html.markup(
            """

            .tiles{grid-template-columns:repeat(4,1fr)}
            .pair{display:grid;grid-template-columns:1fr 1fr;gap:14px}
            .curve{fill:none;stroke-width:2.4;stroke-linejoin:round}.point{stroke:none}
            td.g{width:30%}td.g svg{height:12px;margin-top:5px}
            @media screen and (max-width:760px){.tiles{grid-template-columns:1fr 1fr}
            .pair{grid-template-columns:1fr}}
            </style>
            </head>
            <body>
            <header class="top"><div class="in">
            <p class="brand">Lastseen</p>
            <h1>
            """)
        html.text(title, limit: 120)
        html.markup("</h1>\n<p class=\"period\">")
        html.value("\(Wording.count(users)) users, \(Wording.number(days)) days")
        html.markup("</p>\n<p class=\"lede\">")
        html.value(
            "\(Wording.count(all.caught)) of \(Wording.count(all.takeovers)) takeovers caught, with "
                + "\(fixed(falsePer1000UsersAndDay, 2)) false alerts per 1000 users a day.")
        html.markup("</p>\n</div></header>\n<main>\n<section class=\"tiles\">\n")
        tile("Recall", percent(all.share), &html)
        tile("False alerts per 1000 users a day", fixed(falsePer1000UsersAndDay, 2), &html)
        tile("Precision", percent(precision), &html)
        tile("Right session named", percent(right(all)), &html)
        html.markup("</section>\n")
        curves(&html)
        kindTable(&html)
        scenarioTable(&html)
        curveTable(&html)
        html.markup("</main>\n<footer><div class=\"in\">\n<p>Written by ")
        html.text(producer, limit: 80)
        html.markup(" on ")
        html.value(generatedAt.humanReadable)
        html.markup(
            """
            . A takeover is caught when a standing alert names its user and holds one of its records \
            or the session to end. An alert is false when it holds nothing of any attack.</p>
            </div></footer>
            </body>
            </html>

            """)
        return html.bytes
    }

    private func right(_ recall: Recall) -> Double? {
        recall.withSession == 0 ? nil : Double(recall.rightSession) / Double(recall.withSession)
    }

    private func tile(_ name: String, _ value: String, _ html: inout HTMLWriter) {
        html.markup("<div class=\"tile\"><b>")
        html.value(value)
        html.markup("</b><span>")
        html.value(name)
        html.markup("</span></div>\n")
    }

    // MARK: - Curves

    private func curves(_ html: inout HTMLWriter) {
        html.markup("<div class=\"pair\">\n")
        let most = max(curve.map(\.falsePer1000UsersAndDay).max() ?? 0, 0.1)
        plot(
            "Recall and right session by risk", across: "only alerts of at least this risk",
            lines: [
                ("l2", "recall", curve.map { (Double($0.risk) / 100, $0.recall) }),
                (
                    "l3", "right session",
                    curve.compactMap { step in
                        step.rightSession.map { (Double(step.risk) / 100, $0) }
                    }
                ),
            ], top: "100 %", right: "100", &html)
        plot(
            "Recall by false alerts", across: "false alerts per 1000 users a day",
            lines: [
                ("l4", "recall", curve.map { ($0.falsePer1000UsersAndDay / most, $0.recall) })
            ], top: "100 %", right: fixed(most, 1), &html)
        html.markup("</div>\n")
    }

    /// Points are in 0 through 1 both ways.
    private func plot(
        _ title: String, across: String, lines: [(style: String, name: String, [(Double, Double)])],
        top: String, right: String, _ html: inout HTMLWriter
    ) {
        func x(_ value: Double) -> Double { 44 + 420 * min(1, max(0, value)) }
        func y(_ value: Double) -> Double { 216 - 200 * min(1, max(0, value)) }
        html.markup("<section class=\"strip\"><h2>")
        html.value(title)
        html.markup("</h2>\n<svg viewBox=\"0 0 480 250\" role=\"img\" aria-label=\"")
        html.value(title)
        html.markup("\">\n")
        for step in 0...4 {
            let share = Double(step) / 4
            html.markup("<line class=\"axis\" x1=\"44\" x2=\"464\" y1=\"")
            html.value(y(share))
            html.markup("\" y2=\"")
            html.value(y(share))
            html.markup("\"/><text class=\"tick\" text-anchor=\"end\" x=\"38\" y=\"")
            html.value(y(share) + 4)
            html.markup("\">")
            html.value(step == 4 ? top : "\(step * 25) %")
            html.markup("</text>\n")
        }
        html.markup("<text class=\"tick\" x=\"44\" y=\"234\">0</text>")
        html.markup("<text class=\"tick\" text-anchor=\"middle\" x=\"254\" y=\"246\">")
        html.value(across)
        html.markup("</text><text class=\"tick\" text-anchor=\"end\" x=\"464\" y=\"234\">")
        html.value(right)
        html.markup("</text>\n")
        for (number, line) in lines.enumerated() where !line.2.isEmpty {
            html.markup("<polyline class=\"curve ")
            html.value(line.style)
            html.markup("\" points=\"")
            for point in line.2 {
                html.value(x(point.0))
                html.markup(",")
                html.value(y(point.1))
                html.markup(" ")
            }
            html.markup("\"/>\n")
            for (index, point) in line.2.enumerated() {
                html.markup("<circle r=\"2.6\" class=\"point ")
                html.value("f" + line.style.dropFirst())
                html.markup("\" cx=\"")
                html.value(x(point.0))
                html.markup("\" cy=\"")
                html.value(y(point.1))
                html.markup("\"><title>")
                html.value("risk \(curve[min(index, curve.count - 1)].risk): \(percent(point.1))")
                html.markup("</title></circle>\n")
            }
            guard lines.count > 1 else { continue }
            html.markup("<text class=\"tick\" x=\"60\" y=\"")
            html.value(186 + 16 * Double(number))
            html.markup("\"><tspan class=\"")
            html.value("f" + line.style.dropFirst())
            html.markup("\">● </tspan>")
            html.value(line.name)
            html.markup("</text>\n")
        }
        html.markup("</svg></section>\n")
    }

    // MARK: - Tables

    private func kindTable(_ html: inout HTMLWriter) {
        html.markup(
            """
            <section class="users"><h2>Attacks</h2>
            <table><thead><tr><th>Kind</th><th></th><th class="n">Takeovers</th>\
            <th class="n">Caught</th><th class="n">Recall</th><th class="n">Right session</th>\
            <th class="n">Median time</th><th class="n">90 %</th></tr></thead><tbody>

            """)
        for kind in kinds + [all] {
            html.markup("<tr><td>")
            html.text(kind.kind, limit: 60)
            html.markup(
                """
                </td><td class="g"><svg viewBox="0 0 100 8" preserveAspectRatio="none">\
                <rect class="land" width="100" height="8"/><rect class="f2" height="8" width="
                """)
            html.value(100 * (kind.share ?? 0))
            html.markup("\"/></svg></td>")
            for cell in [
                Wording.count(kind.takeovers), Wording.count(kind.caught), percent(kind.share),
                percent(right(kind)),
                kind.medianSeconds.map { Wording.duration(seconds: $0) } ?? "–",
                kind.ninetiethSeconds.map { Wording.duration(seconds: $0) } ?? "–",
            ] {
                self.cell(cell, &html)
            }
            html.markup("</tr>\n")
        }
        html.markup("</tbody></table>\n</section>\n")
    }

    private func cell(_ text: String, _ html: inout HTMLWriter) {
        html.markup("<td class=\"n\">")
        html.value(text)
        html.markup("</td>")
    }

    private func scenarioTable(_ html: inout HTMLWriter) {
        html.markup(
            """
            <section class="users"><h2>False alerts</h2>
            <table><thead><tr><th>Scenario</th><th class="n">Count</th>\
            <th class="n">Per 1000 users a day</th></tr></thead><tbody>

            """)
        let total = FalseAlerts(
            scenario: "all", count: falseAlerts, per1000UsersAndDay: falsePer1000UsersAndDay)
        for entry in scenarios + [total] {
            html.markup("<tr><td>")
            html.text(entry.scenario, limit: 60)
            html.markup("</td>")
            cell(Wording.count(entry.count), &html)
            cell(fixed(entry.per1000UsersAndDay, 2), &html)
            html.markup("</tr>\n")
        }
        html.markup("</tbody></table>\n</section>\n")
    }

    private func curveTable(_ html: inout HTMLWriter) {
        html.markup(
            """
            <section class="users"><h2>By risk</h2>
            <table><thead><tr><th class="n">Risk at least</th><th class="n">Recall</th>\
            <th class="n">Right session</th><th class="n">False per 1000 users a day</th>\
            <th class="n">Precision</th></tr></thead><tbody>

            """)
        for step in curve {
            html.markup("<tr>")
            for text in [
                String(step.risk), percent(step.recall), percent(step.rightSession),
                fixed(step.falsePer1000UsersAndDay, 2), percent(step.precision),
            ] {
                cell(text, &html)
            }
            html.markup("</tr>\n")
        }
        html.markup("</tbody></table>\n</section>\n")
    }
}
