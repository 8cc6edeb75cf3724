internal import SessionModel

/// What a team is told of an alert, before a channel gives it its form. Nothing in it is escaped.
struct TeamWords {
    let headline: String
    /// What became of it; empty while it is new.
    let standing: String
    let summary: String
    let facts: [(label: String, value: String)]
    let reasons: [String]
    let steps: [String]
    let done: [String]
    /// What waits for a person's agreement, and how it is given.
    let waiting: [String]
    let reference: String
    let severity: String

    init(_ notice: Notice, _ phrases: Phrases) {
        let alert = notice.alert
        let naming = Naming(phrases: phrases)
        severity = phrases.text("team.severity.\(alert.severity.name)")
        standing = notice.standing.map { phrases.text($0) } ?? ""
        let title = defanged(alert.title, limit: 120)
        headline = "\(severity): \(title)"
        summary = defanged(alert.summary, limit: 900)
        var facts: [(label: String, value: String)] = []
        func add(_ key: String, _ value: String) {
            if !value.isEmpty { facts.append((phrases.text("team.\(key)"), value)) }
        }
        add(
            "user",
            defanged(alert.userName.isEmpty ? alert.userID : alert.userName, limit: 120))
        add("session", defanged(alert.sessionID, limit: 120))
        add(
            "device",
            alert.deviceLabel.isEmpty ? "" : naming.device(defanged(alert.deviceLabel, limit: 80)))
        add("place", naming.place(alert.place).map { defanged($0, limit: 120) } ?? "")
        add("network", defanged(Self.network(alert.network), limit: 160))
        add("risk", "\(alert.risk)")
        add("time", alert.time.humanReadable)
        self.facts = facts
        var reasons: [String] = []
        for finding in alert.reasons.prefix(5) {
            let sentence = defanged(finding.sentence, limit: 300)
            if !reasons.contains(sentence) { reasons.append(sentence) }
        }
        // One reason says what the summary says.
        self.reasons = reasons.count > 1 ? reasons : []
        steps =
            alert.status.isOver
            ? [] : alert.recommendations.prefix(4).map { defanged($0.text, limit: 400) }
        func named(_ action: ActionSummary) -> String {
            let key = "team.done.\(action.kind)"
            let words = phrases.has(key) ? phrases.text(key) : action.kind
            let place = action.connector.isEmpty ? "" : ", \(action.connector)"
            return "\(words) (\(defanged(action.target + place, limit: 120)))"
        }
        done = alert.actions.filter { ["done", "already-so"].contains($0.state) }.map(named)
        waiting =
            alert.status.isOver
            ? []
            : alert.actions.filter { $0.state == "waiting" }.prefix(5).map {
                "\(named($0)): lastseen respond approve \(defanged($0.id, limit: 40))"
            }
        reference = phrases.text(
            "team.alert", ["alert": alert.id, "revision": "\(alert.revision)"])
    }

    /// In one line, for a gathered message.
    static func line(_ notice: Notice, _ phrases: Phrases) -> String {
        let words = TeamWords(notice, phrases)
        let alert = notice.alert
        var parts = [words.headline]
        if let user = words.facts.first(where: { $0.label == phrases.text("team.user") }) {
            parts.append(user.value)
        }
        if !words.standing.isEmpty { parts.append(words.standing) }
        parts.append(alert.time.humanReadable)
        parts.append(alert.id)
        return cut(parts.joined(separator: " · "), limit: 280)
    }

    static func network(_ network: Network) -> String {
        var parts = network.address.isEmpty ? [] : [network.address]
        if network.asn != 0 { parts.append("AS\(network.asn)") }
        if !network.organization.isEmpty { parts.append(network.organization) }
        if network.kind != .unknown { parts.append(network.kind.name) }
        return parts.joined(separator: ", ")
    }
}

/// What a gathered message says.
struct GatheredWords {
    let headline: String
    let note: String
    let lines: [String]
    let more: String

    init(_ gathering: Gathering, _ phrases: Phrases) {
        headline =
            gathering.count == 1
            ? phrases.text("team.digest.one")
            : phrases.text("team.digest", ["count": "\(gathering.count)"])
        note = gathering.isOverflow ? phrases.text("team.digest.rate") : ""
        lines = gathering.notices.map { TeamWords.line($0, phrases) }
        more =
            gathering.further > 0
            ? phrases.text("team.digest.more", ["count": "\(gathering.further)"]) : ""
    }
}
