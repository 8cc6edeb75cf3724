public import SessionModel

/// An alert as a person on call reads it: what happened, who, where, why, and what to do.
///
/// Wrapped lines, colours only when told. All text from records goes through `SafeText`.
public enum AlertText {
    /// Several paragraphs that end in a newline.
    public static func render(_ alert: Alert, style: TextStyle = TextStyle()) -> String {
        var page = TextPage(style: style)
        heading(alert, in: &page)
        if alert.status.isOver {
            over(alert, in: &page)
        } else {
            standing(alert, in: &page)
        }
        page.trimEnd()
        return page.text
    }

    /// One line: `HIGH  86  2026-03-01 08:57 UTC  a-0123…  ann@example.com  Impossible travel`, for
    /// `alerts list`.
    public static func line(_ alert: Alert, style: TextStyle = TextStyle()) -> String {
        let isOver = alert.status.isOver
        let word = isOver ? alert.status.rawValue : alert.severity.name
        let user = SafeText.visible(Wording.user(alert), limit: 40)
        let title = SafeText.visible(alert.title, limit: 80)
        return style.paint(pad(word.uppercased(), 13), ink(alert))
            + " \(pad(isOver ? "-" : String(alert.risk), 3, right: true))"
            + "  \(alert.time.humanReadable)  "
            + style.paint(SafeText.visible(alert.id, limit: 40), .dim)
            + "  \(pad(user, 28))  \(title)\n"
    }

    // MARK: - Parts

    private static func heading(_ alert: Alert, in page: inout TextPage) {
        let style = page.style
        let tag =
            switch alert.status {
            case .open: alert.severity.name.uppercased()
            case .amended: alert.severity.name.uppercased() + ", AMENDED"
            case .confirmed: alert.severity.name.uppercased() + ", CONFIRMED"
            case .retracted, .silenced, .closed, .dismissed: alert.status.rawValue.uppercased()
            }
        let painted = style.paint(style.color ? " \(tag) " : tag, ink(alert))
        let risk = alert.status.isOver ? "" : "risk \(alert.risk) of 100, "
        let id = SafeText.visible(alert.id, limit: 40)
        let revision = alert.revision > 1 ? ", revision \(alert.revision)" : ""
        let rest = "\(risk)\(id)\(revision)"
        if SafeText.columns(tag) + SafeText.columns(rest) + 4 <= style.width {
            page.line("\(painted)  \(style.paint(rest, .dim))")
        } else {
            page.line(painted)
            page.paragraph(rest, ink: .dim)
        }
        page.paragraph(SafeText.visible(alert.title), ink: .bold)
        if !alert.summary.isEmpty, alert.summary != alert.title {
            page.paragraph(SafeText.visible(alert.summary))
        }
        page.blank()
    }

    private static func standing(_ alert: Alert, in page: inout TextPage) {
        facts(alert, in: &page)
        reasons(alert, title: "Why", in: &page)
        if !alert.recommendations.isEmpty {
            heading("What to do", in: &page)
            for step in alert.recommendations {
                page.paragraph(
                    lead: " \(step.step). ", SafeText.visible(step.text), ink: .bold,
                    leadInk: .bold)
                if !step.reason.isEmpty {
                    page.paragraph(lead: "    ", SafeText.visible(step.reason))
                }
            }
            page.blank()
        }
        actions(alert, title: "What Lastseen does", in: &page)
        silencers(alert, in: &page)
        if alert.status == .amended {
            page.paragraph(
                "This replaces the earlier revisions of the alert: records that came since "
                    + "changed it.", ink: .dim)
        }
        if alert.isSettledEarly {
            page.paragraph(
                "The user was too busy to keep the whole lateness window: a late record can no "
                    + "longer amend this alert.", ink: .dim)
        }
    }

    private static func over(_ alert: Alert, in page: inout TextPage) {
        switch alert.status {
        case .closed:
            page.paragraph(
                "This alert is closed by what came since. Nothing need be done unless it is opened "
                    + "again, under the same id.")
        case .dismissed:
            page.paragraph(
                "Somebody looked at this alert and found the user. Nothing need be done.")
        case .retracted, .open, .amended, .silenced, .confirmed:
            page.paragraph(
                "This alert no longer holds: with the records that came since, what it saw has an "
                    + "explanation. Nothing need be done. If somebody already acted on it, tell the "
                    + "user.")
        }
        page.blank()
        facts(alert, in: &page)
        reasons(alert, title: "What it had been about", in: &page)
        actions(alert, title: "What Lastseen had done", in: &page)
    }

    private static func facts(_ alert: Alert, in page: inout TextPage) {
        var who = SafeText.visible(Wording.user(alert))
        if !alert.userName.isEmpty, alert.userName != alert.userID {
            who += " (\(SafeText.visible(alert.userID)))"
        }
        if !alert.tenant.isEmpty { who += ", tenant \(SafeText.visible(alert.tenant))" }
        // What is about a network has no account, no session and no device to name.
        let isAboutUser = !alert.userID.isEmpty
        fact("Who", who, in: &page)
        var session = alert.sessionID.isEmpty ? "not named" : SafeText.visible(alert.sessionID)
        if !alert.otherSessionIDs.isEmpty {
            let others = alert.otherSessionIDs.map { SafeText.visible($0) }
            session += ", also \(others.joined(separator: ", "))"
        }
        if isAboutUser || !alert.sessionID.isEmpty { fact("Session", session, in: &page) }
        var device = SafeText.visible(alert.deviceLabel.isEmpty ? "Unknown" : alert.deviceLabel)
        if !alert.deviceID.isEmpty { device += " (\(SafeText.visible(alert.deviceID)))" }
        if isAboutUser || !alert.deviceID.isEmpty { fact("Device", device, in: &page) }
        fact("Place", SafeText.visible(Wording.place(alert.place)), in: &page)
        let provider = Wording.provider(alert.network)
        let network = [alert.network.address, provider].filter { !$0.isEmpty }
        if !network.isEmpty {
            fact("Network", SafeText.visible(network.joined(separator: ", ")), in: &page)
        }
        fact("When", alert.time.humanReadable, in: &page)
        page.blank()
    }

    private static func fact(_ name: String, _ value: String, in page: inout TextPage) {
        page.paragraph(lead: " \(pad(name, 8)) ", value, leadInk: .dim)
    }

    private static func reasons(_ alert: Alert, title: String, in page: inout TextPage) {
        guard !alert.findings.isEmpty else { return }
        heading(title, in: &page)
        for (index, finding) in alert.reasons.enumerated() {
            page.paragraph(lead: " \(index + 1). ", SafeText.visible(finding.sentence, limit: 1200))
            page.paragraph(lead: "    ", keyNumbers(finding), ink: .dim)
        }
        page.blank()
    }

    /// The evidence in one paragraph; coordinates are left to the JSON and the report.
    private static func keyNumbers(_ finding: Finding) -> String {
        let pairs = Wording.rows(finding.evidence).prefix(16).map {
            // A short piece stays on one line.
            let piece = SafeText.visible("\($0.label) \($0.value)", limit: 160)
            return SafeText.columns(piece) > 60 ? piece : TextPage.unbroken(piece)
        }
        let rule = SafeText.visible(finding.rule, limit: 80)
        return "\(rule), \(finding.confidence.name): " + pairs.joined(separator: "\u{a0}· ")
    }

    private static func actions(_ alert: Alert, title: String, in page: inout TextPage) {
        guard !alert.actions.isEmpty else { return }
        heading(title, in: &page)
        for action in alert.actions {
            page.paragraph(
                lead: "  - ",
                SafeText.visible(
                    "\(Wording.rung(action.kind)): \(action.target)"
                        + (action.connector.isEmpty ? "" : " at \(action.connector)")
                        + " (\(stateWords(action.state))\(approval(of: action)))"))
        }
        page.blank()
    }

    private static func silencers(_ alert: Alert, in page: inout TextPage) {
        let findings = alert.reasons.filter { !$0.silencedBy.isEmpty }
        guard !findings.isEmpty else { return }
        heading("If this is normal for you", in: &page)
        var told: Set<String> = []
        for finding in findings where told.insert(finding.rule + "\n" + finding.silencedBy).inserted
        {
            page.paragraph(
                lead: "  - ",
                SafeText.visible("\(finding.silencedBy) would have silenced \(finding.rule)"))
        }
        page.blank()
    }

    private static func heading(_ title: String, in page: inout TextPage) {
        page.line(page.style.paint(title, .bold))
    }

    /// How a person agrees to what waits for it.
    static func approval(of action: ActionSummary) -> String {
        action.state == "waiting" ? ": 'lastseen respond approve \(action.id)' agrees to it" : ""
    }

    static func stateWords(_ state: String) -> String {
        state == "dry-run" ? "dry run: not done" : state
    }

    private static func ink(_ alert: Alert) -> TextStyle.Ink {
        guard !alert.status.isOver else { return .green }
        return switch alert.severity {
        case .critical: .alarm
        case .high: .boldRed
        case .medium: .yellow
        case .low: .blue
        case .informational: .dim
        }
    }

    private static func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - SafeText.columns(text)))
        return right ? space + text : text + space
    }
}
