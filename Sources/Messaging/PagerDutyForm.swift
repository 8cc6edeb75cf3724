internal import Publishing
internal import SessionModel

/// An alert as an event of PagerDuty's Events API v2. The alert's id is the `dedup_key`: one incident
/// an alert, amended by further triggers and resolved when it is over.
enum PagerDutyForm {
    static func message(_ notice: Notice, _ phrases: Phrases, source: String) -> JSON {
        let alert = notice.alert
        let isOver = notice.kind == .over
        var members: [(key: String, value: JSON)] = [
            ("event_action", .text(isOver ? "resolve" : "trigger")),
            ("dedup_key", .text(cut(alert.id, limit: 255))),
        ]
        if !isOver {
            let words = TeamWords(notice, phrases)
            let user = words.facts.first { $0.label == phrases.text("team.user") }?.value ?? ""
            let standing = words.standing.isEmpty ? "" : words.standing + ": "
            var details = words.facts.map { (key: $0.label, value: JSON.text($0.value)) }
            details.append(("summary", .text(words.summary)))
            if !words.reasons.isEmpty {
                details.append(
                    (phrases.text("team.reasons"), .array(words.reasons.map { .text($0) })))
            }
            details.append((phrases.text("team.steps"), .array(words.steps.map { .text($0) })))
            for (key, items) in [("team.done", words.done), ("team.waiting", words.waiting)]
            where !items.isEmpty {
                details.append((phrases.text(key), .array(items.map { .text($0) })))
            }
            details.append(("alert", .text(words.reference)))
            members.append(
                (
                    "payload",
                    .object([
                        (
                            "summary",
                            .text(
                                cut(
                                    "\(standing)\(words.headline)\(user.isEmpty ? "" : " (\(user))")",
                                    limit: 1024))
                        ),
                        ("source", .text(source)), ("severity", .text(severity(alert.severity))),
                        ("timestamp", .text(alert.time.rfc3339)),
                        ("component", .text("account")), ("group", .text(alert.tenant)),
                        ("class", .text(alert.findings.first?.rule ?? "session")),
                        ("custom_details", .object(details)),
                    ])
                ))
            members.append(("client", .text("Lastseen")))
        }
        return .object(members)
    }

    static func note(_ text: String, id: String, source: String) -> JSON {
        .object([
            ("event_action", .text("trigger")), ("dedup_key", .text(id)),
            (
                "payload",
                .object([
                    ("summary", .text(cut(text, limit: 1024))), ("source", .text(source)),
                    ("severity", .text("info")),
                ])
            ),
        ])
    }

    static func severity(_ severity: Severity) -> String {
        switch severity {
        case .critical: "critical"
        case .high: "error"
        case .medium: "warning"
        case .low, .informational: "info"
        }
    }
}
