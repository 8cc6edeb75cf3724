import SessionModel

/// What a report says, sorted and counted once for all of its parts.
struct ReportDigest {
    struct User {
        var id: String
        var name: String
        var alertCount: Int
        var worst: Alert
        var newest: Timestamp
        /// Rules behind the alerts, in the order of the riskiest.
        var rules: [String]
    }

    /// Open, amended and confirmed, riskiest first, then newest, then by id.
    let standing: [Alert]
    let retracted: [Alert]
    /// Explained, remedied or dismissed.
    let closed: [Alert]
    let countBySeverity: [Severity: Int]
    let period: ClosedRange<Timestamp>?
    /// By highest risk.
    let users: [User]
    private let anchors: [String: String]

    init(_ report: HTMLReport) {
        // What nobody was told of is no part of a report.
        let sorted = report.alerts.filter { $0.status != .silenced }.sorted {
            ($1.risk, $1.time, $0.id) < ($0.risk, $0.time, $1.id)
        }
        standing = sorted.filter(\.status.stands)
        closed = sorted.filter { $0.status == .closed || $0.status == .dismissed }
        retracted = sorted.filter { $0.status == .retracted }
        countBySeverity = Dictionary(standing.map { ($0.severity, 1) }, uniquingKeysWith: +)
        if let period = report.period {
            self.period = period
        } else if let first = sorted.map(\.time).min(), let last = sorted.map(\.time).max() {
            period = first...last
        } else {
            period = nil
        }
        var anchors: [String: String] = [:]
        for (index, alert) in standing.prefix(HTMLReport.fullLimit).enumerated() {
            let isPlain = alert.id.utf8.allSatisfy {
                $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
            }
            let anchor = isPlain && alert.id.hasPrefix("a-") ? alert.id : "alert-\(index)"
            if anchors[alert.id] == nil { anchors[alert.id] = anchor }
        }
        self.anchors = anchors

        var users: [String: User] = [:]
        var order: [String] = []
        for alert in standing where !alert.userID.isEmpty {
            // Tenant and user together; a NUL is in neither, as records with one are refused.
            let key = alert.tenant + "\u{0}" + alert.userID
            var user: User
            if let known = users[key] {
                user = known
            } else {
                order.append(key)
                user = User(
                    id: alert.userID, name: Wording.user(alert), alertCount: 0, worst: alert,
                    newest: alert.time, rules: [])
            }
            user.alertCount += 1
            user.newest = max(user.newest, alert.time)
            for finding in alert.findings.prefix(8)
            where !user.rules.contains(finding.rule) && user.rules.count < 8 {
                user.rules.append(finding.rule)
            }
            users[key] = user
        }
        self.users = order.compactMap { users[$0] }
    }

    /// Where the alert is told in full; nil when it is not.
    func anchor(_ alert: Alert) -> String? { anchors[alert.id] }

    /// The report in one or two sentences.
    var verdict: String {
        guard !standing.isEmpty else {
            var over: [String] = []
            if !retracted.isEmpty {
                over.append(
                    "\(Wording.plural(retracted.count, "alert")) no longer"
                        + " \(retracted.count == 1 ? "holds" : "hold")")
            }
            if !closed.isEmpty {
                over.append(
                    "\(Wording.plural(closed.count, "alert")) \(closed.count == 1 ? "is" : "are")"
                        + " closed")
            }
            return over.isEmpty
                ? "No suspicious session was found."
                : "No suspicious session stands; " + over.joined(separator: ", ") + "."
        }
        var text =
            "\(Wording.plural(standing.count, "alert")) on "
            + "\(Wording.plural(users.count, "user"))"
        let urgent = [Severity.critical, .high].compactMap { severity -> String? in
            guard let count = countBySeverity[severity], count > 0 else { return nil }
            return "\(Wording.count(count)) \(severity.name)"
        }
        if !urgent.isEmpty { text += ", \(urgent.joined(separator: " and "))" }
        text += "."
        let sessions = Set(
            standing.filter { $0.rung >= .logOutSession && !$0.sessionID.isEmpty }
                .map { $0.tenant + "\u{0}" + $0.userID + "\u{0}" + $0.sessionID })
        if !sessions.isEmpty {
            text += " \(Wording.plural(sessions.count, "session")) to log out of."
        }
        return text
    }
}
