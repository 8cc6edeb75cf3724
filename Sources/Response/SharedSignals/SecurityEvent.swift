public import SessionModel

/// The events that are sent, by their URIs (CAEP 1.0, RISC 1.0 and the framework's own).
public enum SecurityEventType: String, CaseIterable, Sendable {
    case sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
    case riskLevelChange = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change"
    case credentialChangeRequired =
        "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required"
    case accountDisabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
    case accountEnabled = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
    /// Asked for by a receiver, never requested with a stream.
    case verification = "https://schemas.openid.net/secevent/ssf/event-type/verification"

    /// What a stream may ask for.
    public static let offered = allCases.filter { $0 != .verification }
}

/// How a receiver knows a user (RFC 9493).
public enum UserSubjectFormat: String, CaseIterable, Sendable {
    /// The identity provider's URL and its id of the user.
    case issuerAndSubject = "iss_sub"
    case email
    case opaque
}

/// What a Security Event Token (RFC 8417) says, before it has an audience.
public struct SecurityEvent: Sendable, Equatable {
    /// `jti`, by which receivers tell a repetition: the action's id, so that it is the same at every
    /// try and after a crash.
    public var id: String
    public var type: SecurityEventType
    /// `sub_id`: a JSON object.
    public var subject: String
    /// `txn`: the alert's id, shared by all that came of it.
    public var transaction: String
    /// The event's own members: a JSON object.
    public var members: String

    /// The claims of the profile (SSF 1.0, 4): no `sub`, no `exp`, one event.
    ///
    /// - Parameters:
    ///   - audience: one is a string, several an array.
    ///   - nestsSubject: whether the subject also stands in the event, where receivers of an older
    ///     draft look for it.
    public func claims(
        issuer: String, audience: [String], at now: Timestamp, nestsSubject: Bool = false
    ) -> String {
        var json = JSONText()
        json.object {
            $0.string("iss", issuer)
            $0.string("jti", id)
            $0.number("iat", Int(now.milliseconds / 1000))
            if audience.count == 1 {
                $0.string("aud", audience[0])
            } else {
                $0.strings("aud", audience)
            }
            if !transaction.isEmpty { $0.string("txn", transaction) }
            $0.raw("sub_id", subject)
            var members = members
            if nestsSubject {
                let isSimple = !subject.hasPrefix(#"{"format":"complex""#)
                let nested = isSimple ? #"{"user":\#(subject)}"# : subject
                members =
                    #"{"subject":\#(nested)"# + (members == "{}" ? "}" : "," + members.dropFirst())
            }
            $0.object("events") { $0.raw(type.rawValue, members) }
        }
        return json.text
    }
}

/// Makes events of actions.
struct SecurityEventMaker: Sendable {
    var userFormat: UserSubjectFormat
    /// The `iss` of `iss_sub`: who gave the user the id.
    var subjectIssuer: String

    /// Why there is no event of an action.
    struct Refusal: Error, Equatable { let reason: String }

    /// The kinds of steps that have an event.
    static let types: [Rung: SecurityEventType] = [
        .notify: .riskLevelChange, .stepUp: .riskLevelChange, .logOutSession: .sessionRevoked,
        .logOutEverywhere: .sessionRevoked, .requirePasswordChange: .credentialChangeRequired,
        .suspend: .accountDisabled,
    ]

    /// - Parameter isUndone: the event that takes the step back.
    func event(
        of action: PlannedAction, isUndone: Bool = false, at now: Timestamp
    ) throws(Refusal) -> SecurityEvent {
        guard let type = SecurityEventMaker.types[action.kind],
            !isUndone || action.kind == .suspend || type == .riskLevelChange
        else { throw Refusal(reason: "there is no event for \(action.kind.name)") }
        let user = try userSubject(of: action)
        let isOfSession = !action.sessionID.isEmpty
        if action.kind == .logOutSession, !isOfSession {
            throw Refusal(reason: "the action names no session")
        }
        let isAboutSession =
            isOfSession && (type == .riskLevelChange || action.kind == .logOutSession)
        var subject = user
        if isAboutSession {
            var json = JSONText()
            json.object {
                $0.string("format", "complex")
                $0.raw("user", user)
                $0.object("session") {
                    $0.string("format", "opaque")
                    $0.string("id", action.sessionID)
                }
            }
            subject = json.text
        }
        return SecurityEvent(
            id: action.id + (isUndone ? "-undone" : ""),
            type: isUndone && type == .accountDisabled ? .accountEnabled : type, subject: subject,
            transaction: action.alertID,
            members: members(
                type, of: action, isAboutSession: isAboutSession, isUndone: isUndone, at: now))
    }

    private func userSubject(of action: PlannedAction) throws(Refusal) -> String {
        guard !action.userID.isEmpty else { throw Refusal(reason: "the action names no user") }
        var json = JSONText()
        switch userFormat {
        case .issuerAndSubject:
            json.object {
                $0.string("format", "iss_sub")
                $0.string("iss", subjectIssuer)
                $0.string("sub", action.userID)
            }
        case .opaque:
            json.object {
                $0.string("format", "opaque")
                $0.string("id", action.userID)
            }
        case .email:
            guard
                let address = [action.userName, action.userID].first(where: {
                    let at = $0.utf8.firstIndex(of: 0x40)
                    return at != nil && at != $0.utf8.startIndex && $0.utf8.last != 0x40
                })
            else {
                throw Refusal(reason: "neither the user's name nor the id is an e-mail address")
            }
            json.object {
                $0.string("format", "email")
                $0.string("email", address)
            }
        }
        return json.text
    }

    private func members(
        _ type: SecurityEventType, of action: PlannedAction, isAboutSession: Bool, isUndone: Bool,
        at now: Timestamp
    ) -> String {
        // RISC's have none of the common members; CAEP's times are seconds.
        let alert = JSONValue(Array(action.data.utf8))?["alert"]
        let rules = (alert?["rules"]?.array ?? []).compactMap(\.text).joined(separator: ", ")
        let title = alert?["title"]?.text ?? ""
        var json = JSONText()
        json.object {
            switch type {
            case .accountDisabled where !isUndone:
                $0.string("reason", "hijacking")
            case .sessionRevoked:
                $0.number("event_timestamp", Int(now.milliseconds / 1000))
                $0.string("initiating_entity", "policy")
                // The interoperability profile wants one that is not empty.
                let reason = [title, rules].filter { !$0.isEmpty }.joined(separator: ": ")
                $0.object("reason_admin") {
                    $0.string("en", reason.isEmpty ? "suspicious session" : reason)
                }
                $0.object("reason_user") {
                    $0.string("en", "You were signed out because a session looked unusual.")
                }
            case .riskLevelChange:
                $0.string("principal", isAboutSession ? "SESSION" : "USER")
                $0.string("current_level", isUndone ? "LOW" : level(alert?["severity"]?.text))
                if isUndone { $0.string("previous_level", level(alert?["severity"]?.text)) }
                if !isUndone, !rules.isEmpty { $0.string("risk_reason", rules) }
                $0.number("event_timestamp", Int(now.milliseconds / 1000))
                $0.string("initiating_entity", isUndone ? "admin" : "policy")
            case .credentialChangeRequired, .accountDisabled, .accountEnabled, .verification:
                break
            }
        }
        return json.text
    }

    private func level(_ severity: String?) -> String {
        switch severity {
        case "critical", "high": "HIGH"
        case "medium": "MEDIUM"
        default: "LOW"
        }
    }
}
