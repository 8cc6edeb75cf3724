internal import SessionModel
internal import Settings

/// Auth0's Management API, version 2.
struct Auth0: VendorAPI {
    var userKey: UserKey
    /// The database connection in which a random password is set; nil when none may be.
    var connection: String?

    let order = StepOrder.credentialFirst
    var permissions: [String] {
        [
            "read:users, read:sessions, delete:sessions, update:users",
            "delete:refresh_tokens, for log-out-everywhere",
        ]
    }

    private static let tokens = "access tokens, until they expire"

    var abilities: [Rung: ConnectorAbility] {
        var abilities: [Rung: ConnectorAbility] = [
            .logOutSession: ConnectorAbility(survives: Auth0.tokens),
            .logOutEverywhere: ConnectorAbility(survives: Auth0.tokens),
            .suspend: ConnectorAbility(
                survives: "\(Auth0.tokens); sessions of apps", isUndoable: true),
        ]
        if connection != nil {
            abilities[.requirePasswordChange] = ConnectorAbility(
                survives: "sessions that are open, until they are ended")
        }
        return abilities
    }

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let user = try userID(action, call)
        switch action.kind {
        case .logOutSession:
            let session = try action.session(call)
            guard let owner = try owner(of: session, call) else {
                return call.answer(.alreadySo, "there is no session '\(session)' (any more)")
            }
            // Only a session that is the user's: records can be forged.
            guard owner == user else { throw call.refused("the session is another user's") }
            let reply = try call.send(
                APIRequest(
                    "POST", ["api", "v2", "sessions", .id(session), "revoke"], accepting: [404]))
            return reply.isGone
                ? call.answer(.alreadySo, "the session was gone already")
                : call.answer(.done, "the session and its refresh tokens are revoked")
        case .logOutEverywhere:
            for list: PathPart in ["sessions", "refresh-tokens"] {
                let reply = try call.send(
                    APIRequest("DELETE", ["api", "v2", "users", .id(user), list], accepting: [404]))
                if reply.isGone { throw call.unknownUser(user) }
            }
            return call.answer(.done, "all sessions and refresh tokens of the user are deleted")
        case .requirePasswordChange:
            return try changePassword(user, call)
        case .suspend:
            return try block(true, user, call)
        default:
            throw call.refused("Auth0 has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        switch action.kind {
        case .logOutSession:
            return call.checked(try owner(of: try action.session(call), call) == nil)
        case .suspend:
            return call.checked(
                try get(try userID(action, call), call)["blocked"]?.bool == true)
        default: return nil
        }
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try block(false, try userID(action, call), call)
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try call.send(
            APIRequest(
                "GET", ["api", "v2", "users"],
                query: [("per_page", "1"), ("fields", "user_id")], isList: true))
        return call.answer(.done, "users can be read")
    }

    private func changePassword(
        _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        guard user.hasPrefix("auth0|"), let connection else {
            throw call.refused("the user's password is with another identity provider")
        }
        let password = RandomPassword.make()
        call.target.secrets.add(password)
        try patch(
            user,
            jsonObject {
                $0.string("password", password)
                $0.string("connection", connection)
            }, call)
        return call.answer(
            .done, "the old password is no longer valid; the user sets one by 'Forgot password?'")
    }

    private func block(
        _ isBlocked: Bool, _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        // A user who was never blocked has no such field.
        if try get(user, call)["blocked"]?.bool ?? false == isBlocked {
            return call.answer(.alreadySo, "blocked is \(isBlocked) already")
        }
        try patch(user, jsonObject { $0.bool("blocked", isBlocked) }, call)
        return call.answer(.done, "blocked is \(isBlocked)")
    }

    private func patch(_ user: String, _ json: String, _ call: APICall) throws(ConnectorStop) {
        let reply = try call.send(
            APIRequest("PATCH", ["api", "v2", "users", .id(user)], json: json, accepting: [404]))
        if reply.isGone { throw call.unknownUser(user) }
    }

    private func get(_ user: String, _ call: APICall) throws(ConnectorStop) -> JSONValue {
        let reply = try call.send(
            APIRequest(
                "GET", ["api", "v2", "users", .id(user)],
                query: [("fields", "user_id,blocked"), ("include_fields", "true")],
                accepting: [404]))
        if reply.isGone { throw call.unknownUser(user) }
        return try call.object(reply)
    }

    /// Whose session it is; nil when there is none.
    private func owner(of session: String, _ call: APICall) throws(ConnectorStop) -> String? {
        let reply = try call.send(
            APIRequest("GET", ["api", "v2", "sessions", .id(session)], accepting: [404]))
        if reply.isGone { return nil }
        guard let owner = try call.object(reply)["user_id"]?.text else {
            throw call.again("Auth0 did not say whose session it is")
        }
        return owner
    }

    private func userID(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> String {
        let value = try action.user(by: userKey, call)
        guard userKey != .id else { return value }
        // Addresses are kept in lower case, and the search wants them so.
        let reply = try call.send(
            APIRequest(
                "GET", ["api", "v2", "users-by-email"],
                query: [("email", asciiLowered(value)), ("fields", "user_id,email")], isList: true))
        guard
            let id = try call.only(try call.entries(reply), where: ["email"], is: value)["user_id"]?
                .text
        else { throw call.unknownUser(value) }
        return id
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + [
            "client_id", "client_secret", "token_url", "audience", "set_random_password",
            "connection", "user_by",
        ]
    ) { settings, log in
        let options = settings.api()
        let url = options?.url ?? ""
        let tokens = settings.clientCredentials(
            options, url: url + "/oauth/token",
            extra: [("audience", settings.text("audience") ?? url + "/api/v2/")])
        let key = settings.userKey([.id, .email], absent: .id)
        let connection = settings.text("connection")
        let sets = settings.flag("set_random_password")
        if connection != nil, !sets {
            log.add(
                "'connection' is for 'set_random_password: true' only.",
                at: settings.fields.place("connection"))
        }
        guard let options, let tokens else { return nil }
        return settings.connector(
            Auth0(
                userKey: key,
                connection: sets ? connection ?? "Username-Password-Authentication" : nil),
            options, tokens)
    }
}
