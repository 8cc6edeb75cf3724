internal import SessionModel

/// Okta's management API (sessions, users, lifecycle, risk).
struct Okta: VendorAPI {
    var userKey: UserKey
    /// Whether the password is reset by a mail rather than expired: until the user has followed the
    /// mail, nobody signs in.
    var resetsPassword: Bool

    let order = StepOrder.credentialFirst
    let permissions = [
        "okta.users.manage, or an administrator who may manage these users",
        "okta.sessions.manage, for log-out-session", "okta.userRisk.manage, for require-step-up",
    ]

    private static let appSessions = "sessions that web and native apps made for themselves"

    var abilities: [Rung: ConnectorAbility] {
        [
            .stepUp: ConnectorAbility(
                survives: "sessions that are open, unless a policy of yours ends them at high risk"),
            .logOutSession: ConnectorAbility(
                survives: "\(Okta.appSessions); access and refresh tokens"),
            .logOutEverywhere: ConnectorAbility(survives: Okta.appSessions),
            .requirePasswordChange: ConnectorAbility(
                survives: "sessions that are open, until they are ended"
                    + (resetsPassword ? "" : "; who knows the old password may set the new one")),
            .suspend: ConnectorAbility(survives: Okta.appSessions, isUndoable: true),
        ]
    }

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        if action.kind == .logOutSession { return try logOut(action, call) }
        let user = try userID(action, call)
        switch action.kind {
        case .logOutEverywhere:
            try change(
                APIRequest(
                    "DELETE", ["api", "v1", "users", .id(user), "sessions"],
                    query: [("oauthTokens", "true"), ("forgetDevices", "true")]), user, call)
            return call.answer(.done, "all sessions and tokens of the user are ended")
        case .requirePasswordChange:
            return try changePassword(user, call)
        case .suspend:
            if try status(of: user, call) == "SUSPENDED" {
                return call.answer(.alreadySo, "the user is suspended already")
            }
            do {
                try change(
                    APIRequest("POST", ["api", "v1", "users", .id(user), "lifecycle", "suspend"]),
                    user, call)
            } catch {
                // Okta refuses to suspend twice: somebody may have been quicker.
                guard (try? status(of: user, call)) == "SUSPENDED" else { throw error }
                return call.answer(.alreadySo, "the user is suspended already")
            }
            return call.answer(.done, "the user is suspended")
        case .stepUp:
            let json = jsonObject {
                $0.string("riskLevel", "HIGH")
                $0.string("riskReason", "Lastseen \(action.alertID)")
            }
            try change(
                APIRequest("PUT", ["api", "v1", "users", .id(user), "risk"], json: json), user, call
            )
            return call.answer(.done, "the user's risk is high")
        default:
            throw call.refused("Okta has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        switch action.kind {
        case .logOutSession:
            let reply = try call.send(
                APIRequest(
                    "GET", ["api", "v1", "sessions", .id(try action.session(call))],
                    accepting: [404]))
            return call.checked(reply.isGone)
        case .requirePasswordChange:
            let status = try status(of: try userID(action, call), call)
            return call.checked(status == (resetsPassword ? "RECOVERY" : "PASSWORD_EXPIRED"))
        case .suspend:
            return call.checked(try status(of: try userID(action, call), call) == "SUSPENDED")
        default: return nil
        }
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        let user = try userID(action, call)
        guard try status(of: user, call) == "SUSPENDED" else {
            return call.answer(.alreadySo, "the user is not suspended")
        }
        try change(
            APIRequest("POST", ["api", "v1", "users", .id(user), "lifecycle", "unsuspend"]), user,
            call)
        return call.answer(.done, "the user is no longer suspended")
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try call.send(
            APIRequest("GET", ["api", "v1", "users"], query: [("limit", "1")], isList: true))
        return call.answer(.done, "users can be read")
    }

    /// Only a session that is the user's: records can be forged.
    private func logOut(
        _ action: PlannedAction, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        let session = try action.session(call)
        let place: [PathPart] = ["api", "v1", "sessions", .id(session)]
        let found = try call.send(APIRequest("GET", place, accepting: [404]))
        guard !found.isGone else {
            return call.answer(.alreadySo, "there is no session '\(session)' (any more)")
        }
        let json = try call.object(found)
        let isTheirs =
            switch userKey {
            case .id: json["userId"]?.text == action.userID && !action.userID.isEmpty
            case .name, .email: json["userId"]?.text == (try userID(action, call))
            }
        guard isTheirs else { throw call.refused("the session is another user's") }
        let reply = try call.send(APIRequest("DELETE", place, accepting: [404]))
        return reply.isGone
            ? call.answer(.alreadySo, "the session was gone already")
            : call.answer(.done, "the session is ended")
    }

    private func changePassword(
        _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        let place: [PathPart] = ["api", "v1", "users", .id(user), "lifecycle"]
        let status = try status(of: user, call)
        // Repeated, a reset would send another mail and make the first one's link useless.
        if status == "RECOVERY" || (status == "PASSWORD_EXPIRED" && !resetsPassword) {
            return call.answer(.alreadySo, "the user is \(status ?? "") already")
        }
        if resetsPassword {
            try change(
                APIRequest("POST", place + ["reset_password"], query: [("sendEmail", "true")]),
                user,
                call)
            return call.answer(.done, "the password is reset; the user has a mail with a link")
        }
        try change(APIRequest("POST", place + ["expire_password"]), user, call)
        return call.answer(.done, "the user has to change the password at the next sign-in")
    }

    private func change(
        _ request: APIRequest, _ user: String, _ call: APICall
    ) throws(ConnectorStop) {
        var request = request
        request.accepting = [404]
        if try call.send(request).isGone { throw call.unknownUser(user) }
    }

    private func user(_ key: String, _ call: APICall) throws(ConnectorStop) -> JSONValue {
        let reply = try call.send(
            APIRequest("GET", ["api", "v1", "users", .id(key)], accepting: [404]))
        if reply.isGone { throw call.unknownUser(key) }
        return try call.object(reply)
    }

    private func status(of user: String, _ call: APICall) throws(ConnectorStop) -> String? {
        try self.user(user, call)["status"]?.text
    }

    private func userID(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> String {
        let value = try action.user(by: userKey, call)
        let found: JSONValue
        switch userKey {
        case .id:
            // A login would do in the path too, and so would `me`: only the id itself is meant.
            guard value != "me" else { throw call.unknownUser(value) }
            return value
        case .name:
            found = try call.only([try user(value, call)], where: ["profile", "login"], is: value)
        case .email:
            guard !value.utf8.contains(0x22), !value.utf8.contains(0x5C) else {
                throw call.unknownUser(value)
            }
            let reply = try call.send(
                APIRequest(
                    "GET", ["api", "v1", "users"],
                    query: [("search", "profile.email eq \"\(value)\""), ("limit", "3")],
                    isList: true))
            found = try call.only(
                try call.entries(reply), where: ["profile", "email"], is: value)
        }
        guard let id = found["id"]?.text else { throw call.unknownUser(value) }
        return id
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + ["token", "token_type", "password_change", "user_by"]
    ) { settings, _ in
        let options = settings.api()
        let token = settings.secret("token", because: "an API token, as {env: OKTA_TOKEN}")
        let type = settings.word("token_type", among: ["SSWS", "Bearer"], absent: "SSWS")
        let change = settings.word("password_change", among: ["expire", "reset"], absent: "expire")
        let key = settings.userKey(UserKey.allCases, absent: .id)
        guard let options, let token, let type, let change else { return nil }
        return settings.connector(
            Okta(userKey: key, resetsPassword: change == "reset"), options,
            StaticToken(prefix: type + " ", secret: token))
    }
}
