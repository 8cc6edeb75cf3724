import SessionModel

/// The alerts of a report: the riskiest in full, then rows, then a count; those that are over last.
struct ReportAlerts {
    /// Alerts whose details are unfolded on the screen; on paper all are.
    static let openLimit = 25

    let digest: ReportDigest

    init(_ digest: ReportDigest) { self.digest = digest }

    func write(into html: inout HTMLWriter) {
        if !digest.standing.isEmpty {
            html.markup("<section id=\"alerts\"><h2>Alerts by risk</h2>\n")
            for (index, alert) in digest.standing.prefix(HTMLReport.fullLimit).enumerated() {
                card(alert, isOpen: index < Self.openLimit, into: &html)
            }
            html.markup("</section>\n")
            rows(
                Array(digest.standing.dropFirst(HTMLReport.fullLimit)), title: "Further alerts",
                into: &html)
        }
        rows(digest.closed, title: "Closed: explained, remedied or dismissed", into: &html)
        rows(digest.retracted, title: "Retracted: these no longer hold", into: &html)
    }

    // MARK: - One alert

    private func card(_ alert: Alert, isOpen: Bool, into html: inout HTMLWriter) {
        html.markup("<details class=\"alert s")
        html.value(Int(alert.severity.rawValue))
        html.markup("\"")
        if let anchor = digest.anchor(alert) {
            html.markup(" id=\"")
            html.value(anchor)
            html.markup("\"")
        }
        html.markup(isOpen ? " open>\n" : ">\n")
        html.markup("<summary><span class=\"score\"><b>")
        html.value(alert.risk)
        html.markup("</b><i>")
        html.value(alert.severity.name)
        html.markup("</i></span><span class=\"what\"><strong>")
        html.text(alert.title)
        html.markup("</strong><span class=\"sub\">")
        html.text(Wording.user(alert), limit: 80)
        html.markup(" · ")
        html.text(alert.place.label, limit: 80)
        html.markup(" · ")
        html.value(alert.time.humanReadable)
        html.markup("</span></span>")
        if alert.status == .amended || alert.status == .confirmed {
            html.markup("<span class=\"pill\">")
            html.value(alert.status.rawValue)
            html.markup(", revision ")
            html.value(alert.revision)
            html.markup("</span>")
        }
        html.markup("</summary>\n<div class=\"body\">\n")
        if !alert.summary.isEmpty {
            html.markup("<p class=\"sum\">")
            html.text(alert.summary, limit: 1200)
            html.markup("</p>\n")
        }
        html.markup(
            "<div class=\"cols\"><div class=\"why\">\n<h3>Why</h3>\n<ol class=\"findings\">\n")
        let reasons = alert.reasons
        for finding in reasons.prefix(16) { self.finding(finding, into: &html) }
        html.markup("</ol>\n")
        if reasons.count > 16 {
            html.markup("<p class=\"q\">And ")
            html.value(Wording.plural(reasons.count - 16, "finding"))
            html.markup(" more in the feed.</p>\n")
        }
        html.markup("</div>\n<div class=\"side\">\n")
        steps(alert, into: &html)
        facts(alert, into: &html)
        actions(alert, into: &html)
        html.markup("</div></div>\n")
        if alert.isSettledEarly {
            html.markup(
                """
                <p class="q">Settled early, as the user was too busy: a late record can no longer \
                amend this alert.</p>

                """)
        }
        html.markup("</div></details>\n")
    }

    private func finding(_ finding: Finding, into html: inout HTMLWriter) {
        html.markup("<li><p class=\"says\">")
        html.text(finding.sentence, limit: 1200)
        html.markup("</p>\n<p class=\"rule\"><code>")
        html.text(finding.rule, limit: 80)
        html.markup("</code> <span class=\"pill ")
        html.value(finding.confidence.name)
        html.markup("\">")
        html.value(finding.confidence.name)
        html.markup("</span> <span class=\"q\">")
        html.value(finding.time.humanReadable)
        html.markup("</span></p>\n")
        let rows = Wording.rows(finding.evidence).prefix(32)
        if !rows.isEmpty {
            html.markup("<dl class=\"ev\">")
            for (label, value) in rows {
                html.markup("<div><dt>")
                html.text(label, limit: 60)
                html.markup("</dt><dd>")
                html.text(value, limit: 200)
                html.markup("</dd></div>")
            }
            html.markup("</dl>\n")
        }
        html.markup("<p class=\"foot\">")
        if !finding.silencedBy.isEmpty {
            html.markup("Would be silent with <code>")
            html.text(finding.silencedBy, limit: 200)
            html.markup("</code>. ")
        }
        if !finding.records.isEmpty {
            html.markup(finding.records.count == 1 ? "Record " : "Records ")
            for (index, record) in finding.records.suffix(6).enumerated() {
                if index > 0 { html.markup(", ") }
                html.markup("<code>")
                html.text(record, limit: 48)
                html.markup("</code>")
            }
            if finding.records.count > 6 {
                html.markup(" and ")
                html.value(Wording.count(finding.records.count - 6))
                html.markup(" before")
            }
            html.markup(".")
        }
        html.markup("</p></li>\n")
    }

    private func steps(_ alert: Alert, into html: inout HTMLWriter) {
        guard !alert.recommendations.isEmpty else { return }
        html.markup("<div class=\"todo\"><h3>What to do</h3>\n<ol>\n")
        for step in alert.recommendations.prefix(12) {
            html.markup("<li value=\"")
            html.value(step.step)
            html.markup("\"><b>")
            html.text(step.text, limit: 400)
            html.markup("</b>")
            if !step.reason.isEmpty {
                html.markup("<span>")
                html.text(step.reason, limit: 600)
                html.markup("</span>")
            }
            html.markup("</li>\n")
        }
        html.markup("</ol></div>\n")
    }

    private func facts(_ alert: Alert, into html: inout HTMLWriter) {
        html.markup("<dl class=\"facts\">\n")
        let name = Wording.user(alert)
        fact("User", name, alert.userID == name ? [] : [alert.userID], into: &html)
        if !alert.tenant.isEmpty { fact("Tenant", alert.tenant, [], into: &html) }
        fact(
            "Session", alert.sessionID.isEmpty ? "not named" : alert.sessionID,
            alert.otherSessionIDs.prefix(8).map { "also \($0)" }, isCode: true, into: &html)
        fact(
            "Device", alert.deviceLabel.isEmpty ? "Unknown" : alert.deviceLabel,
            alert.deviceID.isEmpty ? [] : [alert.deviceID], into: &html)
        fact("Place", Wording.place(alert.place), [], into: &html)
        let provider = Wording.provider(alert.network)
        if !alert.network.address.isEmpty {
            fact(
                "Network", alert.network.address, provider.isEmpty ? [] : [provider],
                isCode: true, into: &html)
        } else if !provider.isEmpty {
            fact("Network", provider, [], into: &html)
        }
        fact("Alert", alert.id, [], isCode: true, into: &html)
        html.markup("</dl>\n")
    }

    private func fact(
        _ label: StaticString, _ value: String, _ details: [String], isCode: Bool = false,
        into html: inout HTMLWriter
    ) {
        html.markup("<div><dt>")
        html.markup(label)
        html.markup(isCode ? "</dt><dd><code>" : "</dt><dd>")
        html.text(value, limit: 160)
        if isCode { html.markup("</code>") }
        for detail in details {
            html.markup(" <span class=\"q\">")
            html.text(detail, limit: 160)
            html.markup("</span>")
        }
        html.markup("</dd></div>\n")
    }

    private func actions(_ alert: Alert, into html: inout HTMLWriter) {
        guard !alert.actions.isEmpty else { return }
        html.markup("<h3>What Lastseen does</h3>\n<ul class=\"acts\">\n")
        for action in alert.actions.prefix(12) {
            html.markup("<li>")
            html.text(Wording.capitalized(Wording.rung(action.kind)), limit: 80)
            html.markup(" <span class=\"q\">")
            html.text(action.target, limit: 120)
            if !action.connector.isEmpty { html.text(" at \(action.connector)", limit: 80) }
            html.markup("</span> <span class=\"pill\">")
            html.text(
                AlertText.stateWords(action.state) + AlertText.approval(of: action), limit: 100)
            html.markup("</span></li>\n")
        }
        html.markup("</ul>\n")
    }

    // MARK: - Many alerts

    private func rows(_ alerts: [Alert], title: StaticString, into html: inout HTMLWriter) {
        guard !alerts.isEmpty else { return }
        html.markup("<section><h2>")
        html.markup(title)
        html.markup(
            """
            </h2>
            <table><thead><tr><th class="n">Risk</th><th>What</th><th>User</th><th>Place</th>\
            <th>When</th><th>Alert</th></tr></thead><tbody>

            """)
        for alert in alerts.prefix(HTMLReport.rowLimit) {
            html.markup("<tr><td class=\"n\"><span class=\"risk ")
            html.value(alert.status.isOver ? "back" : "s\(alert.severity.rawValue)")
            html.markup("\">")
            html.value(alert.risk)
            html.markup("</span></td><td>")
            html.text(alert.title, limit: 120)
            html.markup("</td><td class=\"u\">")
            html.text(Wording.user(alert), limit: 80)
            html.markup("</td><td>")
            html.text(alert.place.label, limit: 80)
            html.markup("</td><td class=\"t\">")
            html.value(alert.time.humanReadable)
            html.markup("</td><td><code>")
            html.text(alert.id, limit: 40)
            html.markup("</code></td></tr>\n")
        }
        html.markup("</tbody></table>\n")
        if alerts.count > HTMLReport.rowLimit {
            html.markup("<p class=\"q\">And ")
            html.value(Wording.plural(alerts.count - HTMLReport.rowLimit, "alert"))
            html.markup(" more in the feed.</p>\n")
        }
        html.markup("</section>\n")
    }
}
