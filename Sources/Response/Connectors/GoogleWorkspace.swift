internal import SessionModel

/// Google Workspace by the Admin SDK's Directory API.
struct GoogleWorkspace: VendorAPI {
    var userKey: UserKey
    /// Whether logging out everywhere also takes away third-party apps' tokens and app passwords.
    var revokesTokens: Bool

    let order = StepOrder.credentialFirst
    let permissions = [
        "https://www.googleapis.com/auth/admin.directory.user",
        "https://www.googleapis.com/auth/admin.directory.user.security",
        "both given to the service account by domain-wide delegation; the subject an administrator",
    ]
    static let scope =
        "https://www.googleapis.com/auth/admin.directory.user "
        + "https://www.googleapis.com/auth/admin.directory.user.security"

    var abilities: [Rung: ConnectorAbility] {
        [
            .logOutEverywhere: ConnectorAbility(
                survives: revokesTokens ? "" : "tokens of third-party apps; app passwords"),
            .requirePasswordChange: ConnectorAbility(
                survives:
                    "sessions that are open, until they are ended; who knows the old password may "
                    + "set the new one; no effect where another identity provider signs in"),
            .suspend: ConnectorAbility(isUndoable: true),
        ]
    }

    private func path(_ user: String, _ rest: PathPart...) -> [PathPart] {
        ["admin", "directory", "v1", "users", .id(user)] + rest
    }

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let user = try userID(action, call)
        switch action.kind {
        case .logOutEverywhere:
            var count = 0
            if revokesTokens {
                count += try deleteAll("tokens", id: "clientId", user, call)
                count += try deleteAll("asps", id: "codeId", user, call)
            }
            let reply = try call.send(
                APIRequest("POST", path(user, "signOut"), accepting: [404]))
            if reply.isGone { throw call.unknownUser(user) }
            return call.answer(
                .done,
                "all web and device sessions are ended"
                    + (count > 0 ? ", and \(count) tokens and app passwords deleted" : ""))
        case .requirePasswordChange:
            return try set("changePasswordAtNextLogin", true, user, call)
        case .suspend:
            return try set("suspended", true, user, call)
        default:
            throw call.refused("Google has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        switch action.kind {
        case .requirePasswordChange:
            return call.checked(
                try get(try userID(action, call), call)["changePasswordAtNextLogin"]?.bool == true)
        case .suspend:
            return call.checked(
                try get(try userID(action, call), call)["suspended"]?.bool == true)
        default: return nil
        }
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try set("suspended", false, try userID(action, call), call)
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try call.send(
            APIRequest(
                "GET", ["admin", "directory", "v1", "users"],
                query: [("customer", "my_customer"), ("maxResults", "1")], isList: true))
        return call.answer(.done, "users can be read")
    }

    private func set(
        _ key: String, _ value: Bool, _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        if try get(user, call)[key]?.bool == value {
            return call.answer(.alreadySo, "\(key) is \(value) already")
        }
        let reply = try call.send(
            APIRequest(
                "PATCH", path(user), json: jsonObject { $0.bool(key, value) }, accepting: [404]))
        if reply.isGone { throw call.unknownUser(user) }
        return call.answer(.done, "\(key) is \(value)")
    }

    private func get(_ user: String, _ call: APICall) throws(ConnectorStop) -> JSONValue {
        let reply = try call.send(APIRequest("GET", path(user), accepting: [404]))
        if reply.isGone { throw call.unknownUser(user) }
        return try call.object(reply)
    }

    /// Deletes each entry of a list; how many there were.
    private func deleteAll(
        _ list: String, id: String, _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> Int {
        let reply = try call.send(
            APIRequest("GET", path(user, .fixed(list)), accepting: [404], isList: true))
        if reply.isGone { throw call.unknownUser(user) }
        // Without entries the answer has no list.
        let entries = try call.object(reply)["items"]?.array ?? []
        for entry in entries {
            guard let key = entry[id]?.text ?? entry[id]?.int.map(String.init) else { continue }
            _ = try call.send(
                APIRequest("DELETE", path(user, .fixed(list), .id(key)), accepting: [404]))
        }
        return entries.count
    }

    /// The API takes a mail address or an alias for the id; what it finds has to be the one meant.
    private func userID(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> String {
        let value = try action.user(by: userKey, call)
        guard userKey != .id else { return value }
        let user = try get(value, call)
        let addresses = [user["primaryEmail"]] + (user["aliases"]?.array ?? []).map { $0 }
        guard let id = user["id"]?.text,
            addresses.contains(where: {
                $0?.text.map { asciiLowered($0) == asciiLowered(value) } == true
            })
        else { throw call.unknownUser(value) }
        return id
    }

    /// Google also says 403 to who asks too often.
    static func isRateLimit(_ reply: HTTPReply) -> Bool {
        guard reply.status == 403, let errors = JSONValue(reply.body)?["error"]?["errors"]?.array
        else { return false }
        let reasons: Set = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"]
        return errors.contains { $0["reason"]?.text.map(reasons.contains) == true }
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + [
            "service_account", "subject", "token_url", "revoke_tokens", "user_by",
        ]
    ) { settings, _ in
        let options = settings.api(standard: "https://admin.googleapis.com")
        let key = settings.secret(
            "service_account", because: "the service account's key file, as {file: /path/key.json}")
        let subject = settings.text(
            "subject", because: "the administrator for whom the service account acts")
        let url = settings.text("token_url") ?? "https://oauth2.googleapis.com/token"
        let userKey = settings.userKey([.id, .email], absent: .email)
        let revokes = settings.flag("revoke_tokens")
        guard let options, let key, let subject,
            let tokens = settings.endpoint(
                options, url: url,
                .serviceAccount(key: key, subject: subject, scope: GoogleWorkspace.scope))
        else { return nil }
        return settings.connector(
            GoogleWorkspace(userKey: userKey, revokesTokens: revokes), options, tokens,
            isRateLimit: GoogleWorkspace.isRateLimit)
    }
}
