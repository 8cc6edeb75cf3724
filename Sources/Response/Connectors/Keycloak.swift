internal import SessionModel

/// Keycloak's Admin REST API, for the users of one realm. Never a call on the realm as a whole.
struct Keycloak: VendorAPI {
    var realm: String
    var userKey: UserKey

    let order = StepOrder.credentialFirst
    let permissions = ["roles manage-users and view-users of the client realm-management"]
    let abilities: [Rung: ConnectorAbility] = [
        .logOutSession: ConnectorAbility(
            survives: "access tokens of the session, until they expire"),
        .logOutEverywhere: ConnectorAbility(
            survives: "access tokens, until they expire; offline sessions"),
        .requirePasswordChange: ConnectorAbility(
            survives: "sessions that are open, until they are ended"),
        .suspend: ConnectorAbility(
            survives: "access tokens, until they expire", isUndoable: true),
    ]

    private static let changePassword = "UPDATE_PASSWORD"

    private func path(_ rest: PathPart...) -> [PathPart] {
        ["admin", "realms", .id(realm)] + rest
    }

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let user = try userID(action, call)
        switch action.kind {
        case .logOutSession:
            let session = try action.session(call)
            // A session id of the records is ended only if the user has it: records can be forged.
            guard try sessions(of: user, call).contains(session) else {
                return call.answer(.alreadySo, "the user has no session '\(session)' (any more)")
            }
            let reply = try call.send(
                APIRequest("DELETE", path("sessions", .id(session)), accepting: [404]))
            return reply.isGone
                ? call.answer(.alreadySo, "the session was gone already")
                : call.answer(.done, "the session is ended")
        case .logOutEverywhere:
            let reply = try call.send(
                APIRequest("POST", path("users", .id(user), "logout"), accepting: [404]))
            if reply.isGone { throw call.unknownUser(user) }
            return call.answer(.done, "all online sessions of the user are ended")
        case .requirePasswordChange:
            let actions = try requiredActions(of: try representation(of: user, call), call)
            if actions.contains(Keycloak.changePassword) {
                return call.answer(.alreadySo, "the user has to change the password already")
            }
            try put(
                user,
                jsonObject {
                    $0.strings("requiredActions", actions + [Keycloak.changePassword])
                }, call)
            return call.answer(.done, "the user has to change the password at the next sign-in")
        case .suspend:
            return try enable(false, user, call)
        default:
            throw call.refused("Keycloak has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        let user = try userID(action, call)
        let isSo: Bool
        switch action.kind {
        case .logOutSession:
            isSo = try !sessions(of: user, call).contains(try action.session(call))
        case .logOutEverywhere: isSo = try sessions(of: user, call).isEmpty
        case .requirePasswordChange:
            isSo = try requiredActions(of: try representation(of: user, call), call)
                .contains(Keycloak.changePassword)
        case .suspend: isSo = try representation(of: user, call)["enabled"]?.bool == false
        default: return nil
        }
        return call.checked(isSo)
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try enable(true, try userID(action, call), call)
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try call.send(APIRequest("GET", path("users"), query: [("max", "1")], isList: true))
        return call.answer(.done, "the users of the realm can be read")
    }

    private func enable(
        _ isEnabled: Bool, _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        if try representation(of: user, call)["enabled"]?.bool == isEnabled {
            return call.answer(
                .alreadySo, "the user is \(isEnabled ? "enabled" : "disabled") already")
        }
        try put(user, jsonObject { $0.bool("enabled", isEnabled) }, call)
        return call.answer(.done, "the user is \(isEnabled ? "enabled" : "disabled")")
    }

    private func put(_ user: String, _ json: String, _ call: APICall) throws(ConnectorStop) {
        let reply = try call.send(
            APIRequest("PUT", path("users", .id(user)), json: json, accepting: [404]))
        if reply.isGone { throw call.unknownUser(user) }
    }

    private func representation(
        of user: String, _ call: APICall
    ) throws(ConnectorStop) -> JSONValue {
        let reply = try call.send(
            APIRequest("GET", path("users", .id(user)), accepting: [404], isList: true))
        if reply.isGone { throw call.unknownUser(user) }
        return try call.object(reply)
    }

    /// The whole list: what is not sent back would be taken away.
    private func requiredActions(
        of user: JSONValue, _ call: APICall
    ) throws(ConnectorStop) -> [String] {
        guard let list = user["requiredActions"] else { return [] }
        if list == .null { return [] }
        guard let actions = list.array, actions.allSatisfy({ $0.text != nil }) else {
            throw call.again("\(call.target.origin) gave requiredActions that are no list of words")
        }
        return actions.compactMap(\.text)
    }

    private func sessions(of user: String, _ call: APICall) throws(ConnectorStop) -> [String] {
        let reply = try call.send(
            APIRequest(
                "GET", path("users", .id(user), "sessions"), accepting: [404], isList: true))
        if reply.isGone { throw call.unknownUser(user) }
        return try call.entries(reply).compactMap { $0["id"]?.text }
    }

    private func userID(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> String {
        let value = try action.user(by: userKey, call)
        guard userKey != .id else { return value }
        let field = userKey == .name ? "username" : "email"
        let reply = try call.send(
            APIRequest(
                "GET", path("users"), query: [(field, value), ("exact", "true"), ("max", "3")],
                isList: true))
        guard
            let id = try call.only(try call.entries(reply), where: [field], is: value)["id"]?.text
        else { throw call.unknownUser(value) }
        return id
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + [
            "realm", "auth_realm", "client_id", "client_secret", "token_url", "user_by",
        ]
    ) { settings, _ in
        let options = settings.api()
        let realm = settings.text("realm", because: "whose users to act upon")
        let place = APICall.encoded(settings.text("auth_realm") ?? realm ?? "")
        let tokens = settings.clientCredentials(
            options, url: (options?.url ?? "") + "/realms/\(place)/protocol/openid-connect/token")
        let key = settings.userKey(UserKey.allCases, absent: .id)
        guard let options, let realm, let tokens else { return nil }
        return settings.connector(Keycloak(realm: realm, userKey: key), options, tokens)
    }
}

extension APICall {
    /// What a target's word on the effect of a step comes to.
    func checked(_ isSo: Bool) -> ConnectorAnswer {
        isSo
            ? answer(.done, "\(target.origin) says that it is so")
            : answer(.retry, "\(target.origin) says that it is not so yet")
    }
}
