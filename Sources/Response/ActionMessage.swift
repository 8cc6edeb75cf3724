public import SessionModel

/// What a target receives: the body of a webhook, and the standard input of a program.
///
/// ```json
/// {"type":"session.logout_requested","timestamp":"2026-03-01T08:15:30.120Z","data":{
///   "action_id":"act-0123456789abcdef","kind":"log-out-session","tenant":"acme",
///   "user":{"id":"u1","name":"ann@example.com"},"session":{"id":"s1"},
///   "device":{"id":"d1","label":"Chrome on Windows"},
///   "place":{"city":"Oslo","country":"NO"},"network":{"address":"81.2.69.142","asn":64500},
///   "last_seen":"2026-03-01T08:15:30.120Z",
///   "alert":{"id":"a-0123456789abcdef","risk":93,"severity":"critical","title":"…",
///            "summary":"…","rules":["impossible-travel"]}}}
/// ```
///
/// | `type` | what is to be done |
/// | --- | --- |
/// | `session.logout_requested` | end `data.session.id` |
/// | `user.step_up_requested` | ask `data.user.id` for a second factor before the next use |
/// | `user.other_sessions_logout_requested` | end the user's sessions except those that are surely theirs |
/// | `user.logout_requested` | end all sessions of the user |
/// | `user.password_change_requested` | make the user choose a new password before the next use |
/// | `user.suspension_requested` | block the account |
///
/// `data.session.id` is empty for a step on the user. `timestamp` is when the suspect
/// was last seen, not when this was sent. A field that is not known is an empty text, or 0 for `asn`.
/// The bytes are the same at every try. At most about 20 kB.
public enum ActionMessage {
    /// Nil for a kind that is never sent.
    public static func type(of kind: Rung) -> String? {
        switch kind {
        case .logOutSession: "session.logout_requested"
        case .stepUp: "user.step_up_requested"
        case .logOutOthers: "user.other_sessions_logout_requested"
        case .logOutEverywhere: "user.logout_requested"
        case .requirePasswordChange: "user.password_change_requested"
        case .suspend: "user.suspension_requested"
        case .notify: nil
        }
    }

    static func body(of action: PlannedAction) -> String {
        var json = JSONText()
        json.object {
            $0.string("type", type(of: action.kind) ?? "action.\(action.kind.rawValue)")
            $0.string("timestamp", action.time.rfc3339)
            $0.raw("data", action.data)
        }
        return json.text
    }

    /// The `data` object. Descriptive texts are cut; identities are whole, since cutting one could
    /// end the session of somebody else.
    static func data(id: String, kind: Rung, sessionID: String, alert: Alert) -> String {
        var json = JSONText()
        json.object {
            $0.string("action_id", id)
            $0.string("kind", kind.name)
            $0.string("tenant", alert.tenant)
            $0.object("user") {
                $0.string("id", alert.userID)
                $0.string("name", cut(alert.userName, 256))
            }
            $0.object("session") { $0.string("id", sessionID) }
            $0.object("device") {
                $0.string("id", alert.deviceID)
                $0.string("label", cut(alert.deviceLabel, 128))
            }
            $0.object("place") {
                $0.string("city", cut(alert.place.city, 128))
                $0.string("country", cut(alert.place.country, 8))
            }
            $0.object("network") {
                $0.string("address", cut(alert.network.address, 64))
                $0.number("asn", Int(alert.network.asn))
            }
            $0.string("last_seen", alert.time.rfc3339)
            $0.object("alert") {
                $0.string("id", cut(alert.id, 64))
                $0.number("risk", alert.risk)
                $0.string("severity", alert.severity.name)
                $0.string("title", cut(alert.title, 200))
                $0.string("summary", cut(alert.summary, 500))
                var rules: [String] = []
                for finding in alert.findings where !rules.contains(finding.rule) {
                    rules.append(cut(finding.rule, 64))
                    if rules.count == 16 { break }
                }
                $0.strings("rules", rules)
            }
        }
        return json.text
    }

    private static func cut(_ text: String, _ scalars: Int) -> String {
        text.utf8.count <= scalars ? text : String(text.unicodeScalars.prefix(scalars))
    }
}
