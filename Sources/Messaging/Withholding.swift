internal import SessionModel

extension Privacy {
    /// The alert as a channel may see it.
    ///
    /// Titles, summaries, evidence and recommendations name people and places in free text, so where
    /// anything is withheld they give way to what the rules look for, in the channel's language.
    func shown(_ alert: Alert, _ phrases: Phrases) -> Alert {
        guard self != .full else { return alert }
        var shown = alert
        let withheld = phrases.text("team.withheld")
        // The source of a spray, and nobody's session: there is nobody to log out or to tell.
        let isAboutSource = alert.userID.isEmpty
        func name(_ rule: String) -> String {
            isAboutSource ? phrases.text("team.source") : phrases.rule(rule)
        }
        let title = name(alert.findings.first?.rule ?? "other")
        shown.title = title
        shown.summary = title
        shown.userName = ""
        shown.tenant = self == .coarse ? alert.tenant : ""
        shown.findings = alert.findings.map { finding in
            var finding = finding
            finding.sentence = name(finding.rule)
            finding.evidence = []
            finding.records = []
            finding.silencedBy = ""
            return finding
        }
        let steps =
            isAboutSource
            ? ["block", "check", "refuse"] : ["logout", "password", "factors", "tell"]
        shown.recommendations = steps.enumerated().map {
            Recommendation(
                step: $0.offset + 1, text: phrases.text("team.step.\($0.element)"), reason: "")
        }
        switch self {
        case .full: break
        case .coarse:
            shown.place = Place(country: alert.place.country)
            shown.network = Network(
                address: Self.network(of: alert.network.address), asn: alert.network.asn,
                organization: "", kind: alert.network.kind)
            // A user id is often an address or a name.
            if alert.userID.contains("@") { shown.userID = withheld }
        case .none:
            shown.userID = isAboutSource ? "" : withheld
            shown.sessionID = alert.sessionID.isEmpty ? "" : withheld
            shown.otherSessionIDs = []
            shown.deviceID = ""
            shown.deviceLabel = isAboutSource ? "" : withheld
            shown.place = Place()
            shown.network = Network()
            shown.actions = alert.actions.map { action in
                var action = action
                action.target = withheld
                action.connector = ""
                return action
            }
        }
        if self == .coarse {
            shown.actions = alert.actions.map { action in
                var action = action
                if action.target.hasPrefix("user ") { action.target = "user" }
                return action
            }
        }
        return shown
    }

    /// `203.0.113.0/24`, `2001:db8:1::/48`; empty for what is no address.
    static func network(of address: String) -> String {
        guard let parsed = IPAddress(address) else { return "" }
        let bits = parsed.isV4 ? 24 : 48
        let prefix = parsed.isV4 ? 96 + bits : bits
        let high = prefix >= 64 ? parsed.high : parsed.high & ~(UInt64.max >> UInt64(prefix))
        let low = prefix <= 64 ? 0 : parsed.low & ~(UInt64.max >> UInt64(prefix - 64))
        return "\(IPAddress(high: high, low: low))/\(bits)"
    }
}
