public import SessionModel

/// What a person should do about an alert, in order, in words that can be pasted into a ticket.
///
/// Always: 1. log out of that session, 2. change the password at once, 3. what fits the findings.
/// The order is the one that account pages teach ("log out of it, then change the password"): the
/// intruder is put out first, and cannot come back after.
public enum Recommendations {
    /// The steps for an alert that stands; none for one that is over.
    ///
    /// A pure function of the alert; a few microseconds. Texts from records are shown on one line,
    /// with hidden characters replaced, at most 80 characters of each (a session id is shown whole,
    /// since a person has to find it).
    ///
    /// - Parameter actions: what Lastseen does itself; what outlives it is said.
    public static func steps(
        for alert: Alert, actions: [PlannedAction] = []
    ) -> [Recommendation] {
        guard !alert.status.isOver else { return [] }
        // What to do about an address, its rule says.
        if alert.isAboutKey { return alert.recommendations }
        let user = userLabel(alert)
        var steps: [Recommendation] = []
        func add(_ text: String, _ reason: String) {
            steps.append(Recommendation(step: steps.count + 1, text: text, reason: reason))
        }

        add(
            logOut(alert),
            logOutReason(alert)
                + surviving(actions) { $0 != .requirePasswordChange && $0 != .suspend })
        // Where the targets are known, what they say of tokens is truer than the rule.
        let staying = surviving(actions) { $0 == .requirePasswordChange || $0 == .suspend }
        add(
            "Change the password of \(user) at once.",
            "Whoever opened that session may know the password or hold a stolen token. Logging out "
                + "does not stop a new sign-in; a new password does"
                + (staying.isEmpty ? ", and a stolen token ends with it." : ".") + staying)

        let signs = Signs(alert.findings)
        if signs.isMoved {
            add(
                "Log out of all other sessions of \(user).",
                "A session in use went on from somewhere else, as happens when its cookie or token "
                    + "is copied. What copied one may have copied the others.")
        }
        add(
            "Check the recovery address, phone number and MFA devices of \(user), and remove what "
                + "they do not know.",
            "An intruder adds their own to come back after the password is changed.")
        if signs.isGuessed {
            add(
                "Change the same password wherever else it is used, and turn on MFA.",
                "The sign-in worked after failed ones, so the password was probably guessed or "
                    + "taken from another site's leak.")
        }
        if !signs.isMoved {
            add(
                "Look through the other sessions of \(user) and log out of those they do not know.",
                "An intruder with the password can have opened more than one.")
        }
        add(
            "Tell \(user), by phone or in person rather than through this account, and ask whether "
                + "it was them.",
            "Only they know, and until that is clear the account's mail may be read by somebody else. "
                + "If it was them, alert \(plain(alert.id, limit: 80)) is explained.")
        return steps
    }

    /// What the findings' rules say about the way in.
    private struct Signs {
        var isMoved = false
        var isGuessed = false

        init(_ findings: [Finding]) {
            for finding in findings {
                switch finding.rule {
                case "session-moved": isMoved = true
                case "failures-then-success": isGuessed = true
                default: break
                }
            }
        }
    }

    private static func logOut(_ alert: Alert) -> String {
        let further = alert.otherSessionIDs.filter { $0 != alert.sessionID && !$0.isEmpty }
        var text: String
        if alert.sessionID.isEmpty && further.isEmpty {
            // The records name no session: a person finds it by what the account's page shows.
            text = "Log out of the session"
            if !isKnownDevice(alert), alert.network.address.isEmpty, !alert.deviceID.isEmpty {
                text += " of device \(plain(alert.deviceID, limit: 80))"
            }
            text += " of \(userLabel(alert))"
        } else if alert.sessionID.isEmpty {
            text = "Log out of \(sessions(further)) of \(userLabel(alert))"
        } else {
            text =
                "Log out of session \(plain(alert.sessionID, limit: TextLimit.sessionID))"
                + " of \(userLabel(alert))"
        }
        text += ": \(whereabouts(alert)), last seen \(alert.time.humanReadable)."
        if !alert.sessionID.isEmpty, !further.isEmpty {
            text +=
                " Log out of \(sessions(further)) too, which \(further.count == 1 ? "is" : "are")"
                + " on the same device."
        }
        return text
    }

    /// What stays after Lastseen's own steps of some kinds, by connector.
    private static func surviving(
        _ actions: [PlannedAction], of isMeant: (Rung) -> Bool
    ) -> String {
        var said: [String] = []
        for action in actions where isMeant(action.kind) && !action.survives.isEmpty {
            let text = "\(plain(action.survives, limit: 160)) (\(action.connector))"
            if action.state != .notifyOnly, !said.contains(text) { said.append(text) }
        }
        return said.isEmpty ? "" : " What stays after it: \(said.joined(separator: "; "))."
    }

    private static func sessions(_ ids: [String]) -> String {
        (ids.count == 1 ? "session " : "sessions ")
            + ids.map { plain($0, limit: TextLimit.sessionID) }.joined(separator: ", ")
    }

    /// `Chrome on Windows in Oslo, NO (81.2.69.142)`, as far as it is known.
    private static func whereabouts(_ alert: Alert) -> String {
        var text = isKnownDevice(alert) ? plain(alert.deviceLabel, limit: 80) : "unknown device"
        let place = alert.place.label
        text += place == "Unknown" ? " at an unknown place" : " in \(plain(place, limit: 80))"
        if !alert.network.address.isEmpty {
            text += " (\(plain(alert.network.address, limit: 80)))"
        }
        return text
    }

    private static func logOutReason(_ alert: Alert) -> String {
        let title = plain(alert.title, limit: 160)
        return title.isEmpty
            ? "This session does not fit the user. Whoever holds it stays in until it is ended."
            : "\(title). Whoever holds this session stays in until it is ended."
    }

    private static func isKnownDevice(_ alert: Alert) -> Bool {
        !alert.deviceLabel.isEmpty && alert.deviceLabel != "Unknown"
    }

    private static func userLabel(_ alert: Alert) -> String {
        plain(alert.userName.isEmpty ? alert.userID : alert.userName, limit: 80)
    }
}
