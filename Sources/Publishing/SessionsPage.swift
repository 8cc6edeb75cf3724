public import SessionModel

/// The page that account owners know: where an account is logged in, and what to do about a session
/// that nobody recognizes.
public struct SessionsPage: Sendable {
    /// Most sessions shown; the rest is counted.
    public static let sessionLimit = 200
    public static let advice =
        "If you don't recognize a session, log out of it and change the password at once."

    public var userID: String
    /// Empty when unknown.
    public var userName: String
    public var now: Timestamp
    /// The most recent one first, then the active by last activity, then the ended.
    public let sessions: [SessionSummary]
    /// The user's alerts that stand, by risk.
    public let alerts: [Alert]

    /// - Parameters:
    ///   - now: wall time, passed in, from which "3 hours ago" is counted.
    ///   - alerts: of this user; those that are over are left out.
    public init(
        userID: String, userName: String = "", sessions: [SessionSummary], alerts: [Alert] = [],
        now: Timestamp
    ) {
        self.userID = userID
        self.userName = userName
        self.now = now
        func rank(_ session: SessionSummary) -> Int {
            session.isCurrent ? 0 : session.state == .active ? 1 : 2
        }
        self.sessions = sessions.sorted {
            (rank($0), $1.lastActive, $0.id) < (rank($1), $0.lastActive, $1.id)
        }
        self.alerts = alerts.filter(\.status.stands).sorted {
            ($1.risk, $1.time, $0.id) < ($0.risk, $0.time, $1.id)
        }
    }

    private func alerts(on session: SessionSummary) -> [Alert] {
        alerts.filter {
            session.alertIDs.contains($0.id)
                || (!session.id.isEmpty
                    && ($0.sessionID == session.id || $0.otherSessionIDs.contains(session.id)))
        }
    }

    private func isSuspicious(_ session: SessionSummary) -> Bool {
        !session.alertIDs.isEmpty || !alerts(on: session).isEmpty
    }

    // MARK: - Text

    public func text(style: TextStyle = TextStyle()) -> String {
        var page = TextPage(style: style)
        var who = SafeText.visible(userName.isEmpty ? userID : userName)
        if !userName.isEmpty, userName != userID { who += " (\(SafeText.visible(userID)))" }
        page.paragraph("Sessions of \(who)", ink: .bold)
        page.blank()
        guard !sessions.isEmpty else {
            page.paragraph("No session is known: no record of this user was read.")
            return page.text
        }
        var heading = ""
        for session in sessions.prefix(Self.sessionLimit) {
            let group =
                session.isCurrent
                ? "Most recent session"
                : session.state == .active ? "Other sessions" : "Ended sessions"
            if group != heading {
                page.line(style.paint(group, .bold))
                heading = group
            }
            write(session, in: &page)
        }
        if sessions.count > Self.sessionLimit {
            page.paragraph(
                "And \(Wording.plural(sessions.count - Self.sessionLimit, "session")) more.")
            page.blank()
        }
        if sessions.contains(where: { isSuspicious($0) && $0.state == .active }) {
            page.paragraph(Self.advice, ink: .boldRed)
        } else {
            page.paragraph(Self.advice)
        }
        return page.text
    }

    private func write(_ session: SessionSummary, in page: inout TextPage) {
        let device = session.deviceLabel.isEmpty ? "Unknown" : session.deviceLabel
        let place = session.place.label
        page.paragraph(lead: "  ", SafeText.visible("\(device) · \(place)"), ink: .bold)
        let address = session.network.address.isEmpty ? "no address" : session.network.address
        page.paragraph(
            lead: "    ",
            "\(session.state == .active ? "No log-out seen" : "Ended"), last active "
                + Wording.ago(session.lastActive, now: now)
                + " (\(session.lastActive.humanReadable))")
        let provider = Wording.provider(session.network)
        page.paragraph(
            lead: "    ",
            SafeText.visible(
                [address, provider, session.id.isEmpty ? "" : "session \(session.id)"]
                    .filter { !$0.isEmpty }.joined(separator: " · ")), ink: .dim)
        if isSuspicious(session) { warn(about: session, in: &page) }
        page.blank()
    }

    private func warn(about session: SessionSummary, in page: inout TextPage) {
        let alerts = alerts(on: session)
        if let worst = alerts.first {
            page.paragraph(
                lead: "    ! ",
                SafeText.visible("Suspicious: \(worst.title) (risk \(worst.risk), \(worst.id))"),
                ink: .boldRed, leadInk: .boldRed)
        } else {
            page.paragraph(
                lead: "    ! ",
                SafeText.visible("Suspicious: see \(session.alertIDs.joined(separator: ", "))"),
                ink: .boldRed, leadInk: .boldRed)
        }
        page.paragraph(
            lead: "      ",
            session.state == .active
                ? Self.advice
                : "It has ended. If you don't recognize it, change the password at once: whoever "
                    + "logged in may do so again.")
    }

    // MARK: - JSON

    /// One object in one line, with its newline.
    public var json: [UInt8] {
        var out: [UInt8] = []
        out.append(json: "{\"user\":{\"id\":")
        out.append(jsonString: userID)
        out.append(json: ",\"name\":")
        out.append(jsonString: userName)
        out.append(json: "},\"time\":")
        out.append(jsonTime: now)
        out.append(json: ",\"sessions\":")
        AlertJSON.write(sessions, into: &out) { session, out in
            out.append(json: "{\"id\":")
            out.append(jsonString: session.id)
            out.append(json: ",\"state\":")
            out.append(jsonString: session.state.rawValue)
            out.append(json: ",\"current\":")
            AlertJSON.write(session.isCurrent, into: &out)
            out.append(json: ",\"suspicious\":")
            AlertJSON.write(isSuspicious(session), into: &out)
            out.append(json: ",\"device\":{\"id\":")
            out.append(jsonString: session.deviceID)
            out.append(json: ",\"label\":")
            out.append(jsonString: session.deviceLabel.isEmpty ? "Unknown" : session.deviceLabel)
            out.append(json: "},\"place\":")
            AlertJSON.write(session.place, into: &out)
            out.append(json: ",\"network\":")
            AlertJSON.write(session.network, into: &out)
            out.append(json: ",\"first_seen\":")
            out.append(jsonTime: session.firstSeen)
            out.append(json: ",\"last_active\":")
            out.append(jsonTime: session.lastActive)
            out.append(json: ",\"last_active_s\":")
            out.append(jsonInteger: Int(max(0, now.since(session.lastActive) / 1000)))
            out.append(json: ",\"alerts\":")
            var ids = session.alertIDs
            for alert in alerts(on: session) where !ids.contains(alert.id) { ids.append(alert.id) }
            AlertJSON.write(strings: ids, into: &out)
            out.append(UInt8(ascii: "}"))
        }
        out.append(json: ",\"advice\":")
        if sessions.contains(where: isSuspicious) {
            out.append(jsonString: Self.advice)
        } else {
            out.append(json: "null")
        }
        out.append(json: "}\n")
        return out
    }
}
