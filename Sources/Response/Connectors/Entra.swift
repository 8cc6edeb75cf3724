internal import SessionModel

/// Microsoft Entra ID by Microsoft Graph 1.0.
struct Entra: VendorAPI {
    var userKey: UserKey
    /// Whether a second factor is asked for before the change.
    var asksForSecondFactor: Bool

    let order = StepOrder.credentialFirst
    let permissions = [
        "User.RevokeSessions.All (application), for log-out-everywhere",
        "User-PasswordProfile.ReadWrite.All, for require-password-change, with a directory role that "
            + "may reset these users' passwords",
        "User.EnableDisableAccount.All and User.Read.All, for suspend",
        "User.Read.All, for user_by name and email",
    ]
    let abilities: [Rung: ConnectorAbility] = [
        .logOutEverywhere: ConnectorAbility(
            survives: "access tokens, until they expire, where the app does not evaluate access "
                + "continuously; sessions of guests, which their home tenant holds"),
        .requirePasswordChange: ConnectorAbility(
            survives:
                "sessions that are open, until they are ended; who knows the old password may set "
                + "the new one; passwords of federated users"),
        .suspend: ConnectorAbility(
            survives: "access tokens, until they expire", isUndoable: true),
    ]

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let user = try userID(action, call)
        switch action.kind {
        case .logOutEverywhere:
            let reply = try call.send(
                APIRequest(
                    "POST", ["v1.0", "users", .id(user), "revokeSignInSessions"], accepting: [404]))
            if reply.isGone { throw call.unknownUser(user) }
            guard try call.object(reply)["value"]?.bool == true else {
                throw call.again("Graph did not say that the sessions are revoked")
            }
            return call.answer(
                .done, "all refresh tokens and browser sessions are revoked, within minutes")
        case .requirePasswordChange:
            let key =
                asksForSecondFactor
                ? "forceChangePasswordNextSignInWithMfa" : "forceChangePasswordNextSignIn"
            try patch(
                user, jsonObject { $0.object("passwordProfile") { $0.bool(key, true) } }, call)
            return call.answer(.done, "the user has to change the password at the next sign-in")
        case .suspend:
            return try enable(false, user, call)
        default:
            throw call.refused("Graph has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return call.checked(try isEnabled(try userID(action, call), call) == false)
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try enable(true, try userID(action, call), call)
    }

    /// That a token is given shows that the client and its secret are right. Reading anything would
    /// need a permission that the steps do not.
    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try call.target.authorization.credential(
            for: HTTPRequest(method: "GET", url: call.target.options.url, headers: []), call,
            unless: nil)
        return call.answer(
            .done, "the client's credential is accepted; its permissions were not tried")
    }

    private func enable(
        _ wanted: Bool, _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        if try isEnabled(user, call) == wanted {
            return call.answer(
                .alreadySo, "the account is \(wanted ? "enabled" : "disabled") already")
        }
        try patch(user, jsonObject { $0.bool("accountEnabled", wanted) }, call)
        return call.answer(.done, "the account is \(wanted ? "enabled" : "disabled")")
    }

    private func isEnabled(_ user: String, _ call: APICall) throws(ConnectorStop) -> Bool? {
        try get(user, "id,accountEnabled", call)["accountEnabled"]?.bool
    }

    private func get(
        _ user: String, _ fields: String, _ call: APICall
    ) throws(ConnectorStop) -> JSONValue {
        let reply = try call.send(
            APIRequest(
                "GET", ["v1.0", "users", .id(user)], query: [("$select", fields)], accepting: [404])
        )
        if reply.isGone { throw call.unknownUser(user) }
        return try call.object(reply)
    }

    private func patch(_ user: String, _ json: String, _ call: APICall) throws(ConnectorStop) {
        let reply = try call.send(
            APIRequest("PATCH", ["v1.0", "users", .id(user)], json: json, accepting: [404]))
        if reply.isGone { throw call.unknownUser(user) }
    }

    private func userID(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> String {
        let value = try action.user(by: userKey, call)
        let found: JSONValue
        switch userKey {
        case .id: return value
        case .name:
            found = try call.only(
                [try get(value, "id,userPrincipalName", call)], where: ["userPrincipalName"],
                is: value)
        case .email:
            // OData 4.01, part 2, 5.1.1.14.1: a quote inside a text is doubled.
            let quoted = value.split(separator: "'", omittingEmptySubsequences: false)
                .joined(separator: "''")
            let reply = try call.send(
                APIRequest(
                    "GET", ["v1.0", "users"],
                    query: [("$filter", "mail eq '\(quoted)'"), ("$select", "id,mail")],
                    isList: true))
            found = try call.only(try call.entries(reply, at: "value"), where: ["mail"], is: value)
        }
        guard let id = found["id"]?.text else { throw call.unknownUser(value) }
        return id
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + [
            "tenant_id", "client_id", "client_secret", "token_url", "second_factor", "user_by",
        ]
    ) { settings, _ in
        let options = settings.api(standard: "https://graph.microsoft.com")
        let tenant = settings.text("tenant_id", because: "the directory's id or domain")
        let tokens = settings.clientCredentials(
            options,
            url:
                "https://login.microsoftonline.com/\(APICall.encoded(tenant ?? ""))/oauth2/v2.0/token",
            extra: [("scope", "https://graph.microsoft.com/.default")])
        let key = settings.userKey(UserKey.allCases, absent: .id)
        let asks = settings.flag("second_factor")
        guard let options, tenant != nil, let tokens else { return nil }
        return settings.connector(
            Entra(userKey: key, asksForSecondFactor: asks), options, tokens)
    }
}
