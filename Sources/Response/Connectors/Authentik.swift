internal import SessionModel

/// authentik's API, version 3.
struct Authentik: VendorAPI {
    var userKey: UserKey
    /// Whether a random password may be set: authentik cannot ask for a new one by itself.
    var setsRandomPassword: Bool

    let order = StepOrder.credentialFirst
    let permissions = [
        "view and delete Authenticated Sessions", "view and change Users",
        "reset Password of Users, with set_random_password",
    ]

    private static let tokens = "access and refresh tokens of applications, until they expire"

    var abilities: [Rung: ConnectorAbility] {
        var abilities: [Rung: ConnectorAbility] = [
            .logOutSession: ConnectorAbility(survives: Authentik.tokens),
            .logOutEverywhere: ConnectorAbility(survives: Authentik.tokens),
            .suspend: ConnectorAbility(survives: Authentik.tokens, isUndoable: true),
        ]
        if setsRandomPassword {
            abilities[.requirePasswordChange] = ConnectorAbility(
                survives: "sessions that are open, until they are ended")
        }
        return abilities
    }

    private static let sessions: [PathPart] = ["api", "v3", "core", "authenticated_sessions"]
    private static let users: [PathPart] = ["api", "v3", "core", "users"]

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let user = try user(action, call)
        switch action.kind {
        case .logOutSession:
            let place = Authentik.sessions + [.id(try action.session(call)), ""]
            let found = try call.send(APIRequest("GET", place, accepting: [404]))
            guard !found.isGone else {
                return call.answer(
                    .alreadySo, "there is no session '\(action.sessionID)' (any more)")
            }
            // Only a session that is the user's: records can be forged.
            guard try call.object(found)["user"]?.int == user.key else {
                throw call.refused("the session is another user's")
            }
            let reply = try call.send(APIRequest("DELETE", place, accepting: [404]))
            return reply.isGone
                ? call.answer(.alreadySo, "the session was gone already")
                : call.answer(.done, "the session is ended")
        case .logOutEverywhere:
            let reply = try call.send(
                APIRequest(
                    "POST", Authentik.sessions + ["bulk_delete", ""],
                    json: "{\"user_pks\":[\(user.key)]}"))
            let count = try call.object(reply)["deleted"]?.int
            return count == 0
                ? call.answer(.alreadySo, "the user had no session")
                : call.answer(
                    .done, "all sessions of the user are ended" + (count.map { ": \($0)" } ?? ""))
        case .requirePasswordChange:
            let password = RandomPassword.make()
            call.target.secrets.add(password)
            try change(
                "POST", Authentik.users + [.id("\(user.key)"), "set_password", ""],
                jsonObject { $0.string("password", password) }, call)
            return call.answer(
                .done,
                "the old password is no longer valid; the user sets one by your recovery flow")
        case .suspend:
            return try activate(false, user, call)
        default:
            throw call.refused("authentik has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        switch action.kind {
        case .logOutSession:
            let reply = try call.send(
                APIRequest(
                    "GET", Authentik.sessions + [.id(try action.session(call)), ""],
                    accepting: [404]))
            return call.checked(reply.isGone)
        case .suspend:
            return call.checked(!(try user(action, call)).isActive)
        default: return nil
        }
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try activate(true, try user(action, call), call)
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try call.send(APIRequest("GET", Authentik.users + ["me", ""]))
        return call.answer(.done, "the token is accepted; its permissions were not tried")
    }

    private func activate(
        _ wanted: Bool, _ user: User, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        if user.isActive == wanted {
            return call.answer(.alreadySo, "the user is \(wanted ? "active" : "inactive") already")
        }
        try change(
            "PATCH", Authentik.users + [.id("\(user.key)"), ""],
            jsonObject { $0.bool("is_active", wanted) }, call)
        return call.answer(.done, "the user is \(wanted ? "active" : "inactive")")
    }

    private func change(
        _ method: String, _ path: [PathPart], _ json: String, _ call: APICall
    ) throws(ConnectorStop) {
        _ = try call.send(APIRequest(method, path, json: json))
    }

    private struct User {
        var key: Int
        var isActive: Bool
    }

    private func user(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> User {
        let value = try action.user(by: userKey, call)
        let found: JSONValue
        if userKey == .id {
            guard let key = Int(value), key > 0, String(key) == value else {
                throw call.unknownUser(value)
            }
            let reply = try call.send(
                APIRequest("GET", Authentik.users + [.id(value), ""], accepting: [404]))
            if reply.isGone { throw call.unknownUser(value) }
            found = try call.object(reply)
        } else {
            let field = userKey == .name ? "username" : "email"
            let reply = try call.send(
                APIRequest(
                    "GET", Authentik.users + [""], query: [(field, value), ("page_size", "3")],
                    isList: true))
            found = try call.only(
                try call.entries(reply, at: "results"), where: [field], is: value)
        }
        guard let key = found["pk"]?.int, let isActive = found["is_active"]?.bool else {
            throw call.again("authentik did not describe the user")
        }
        guard userKey != .id || String(key) == value else { throw call.unknownUser(value) }
        return User(key: key, isActive: isActive)
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + ["token", "set_random_password", "user_by"]
    ) { settings, _ in
        let options = settings.api()
        let token = settings.secret("token", because: "an API token, as {env: AUTHENTIK_TOKEN}")
        let key = settings.userKey(UserKey.allCases, absent: .name)
        let sets = settings.flag("set_random_password")
        guard let options, let token else { return nil }
        return settings.connector(
            Authentik(userKey: key, setsRandomPassword: sets), options, StaticToken(secret: token))
    }
}
