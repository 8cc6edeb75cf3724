internal import SessionModel
internal import Settings

/// GitHub's REST API: of an organisation with SAML single sign-on, or of an Enterprise Server.
///
/// No call of GitHub's ends a web session or asks for a new password.
struct GitHub: VendorAPI {
    /// Whose members' authorised credentials are taken away; nil when none are.
    var organization: String?
    /// Whether users can be suspended: on an Enterprise Server, by a site administrator.
    var isServer: Bool

    let order = StepOrder.credentialFirst
    let permissions = [
        "admin:org, for log-out-everywhere", "site_admin on an Enterprise Server, for suspend",
    ]
    /// Pages of 100 credentials that are read for one user.
    private static let pageLimit = 10

    var abilities: [Rung: ConnectorAbility] {
        var abilities: [Rung: ConnectorAbility] = [:]
        if organization != nil {
            abilities[.logOutEverywhere] = ConnectorAbility(
                survives:
                    "web sessions, which GitHub has no call to end; credentials outside of the "
                    + "organization")
        }
        if isServer { abilities[.suspend] = ConnectorAbility(isUndoable: true) }
        return abilities
    }

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let login = try user(action, call).login
        switch action.kind {
        case .logOutEverywhere:
            guard let organization else { throw call.refused("no 'organization' is set") }
            let ids = try credentials(of: login, organization, call)
            for id in ids {
                _ = try call.send(
                    APIRequest(
                        "DELETE",
                        ["orgs", .id(organization), "credential-authorizations", .id("\(id)")],
                        accepting: [404]))
            }
            return ids.isEmpty
                ? call.answer(.alreadySo, "the user has no authorised credential")
                : call.answer(.done, "\(ids.count) credentials are no longer authorised")
        case .suspend:
            return try suspend(true, action, call)
        default:
            throw call.refused("GitHub has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        let user = try user(action, call)
        switch action.kind {
        case .logOutEverywhere:
            guard let organization else { return nil }
            return call.checked(try credentials(of: user.login, organization, call).isEmpty)
        case .suspend: return call.checked(user.isSuspended)
        default: return nil
        }
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try suspend(false, action, call)
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        if let organization {
            _ = try call.send(
                APIRequest(
                    "GET", ["orgs", .id(organization), "credential-authorizations"],
                    query: [("per_page", "1")], isList: true))
            return call.answer(.done, "the organization's credentials can be read")
        }
        _ = try call.send(APIRequest("GET", ["user"]))
        return call.answer(.done, "the token is accepted; its permissions were not tried")
    }

    private func suspend(
        _ wanted: Bool, _ action: PlannedAction, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        let user = try user(action, call)
        if user.isSuspended == wanted {
            return call.answer(
                .alreadySo, "the user is \(wanted ? "" : "not ")suspended already")
        }
        _ = try call.send(
            APIRequest(wanted ? "PUT" : "DELETE", ["users", .id(user.login), "suspended"]))
        return call.answer(.done, "the user is \(wanted ? "" : "no longer ")suspended")
    }

    private func credentials(
        of login: String, _ organization: String, _ call: APICall
    ) throws(ConnectorStop) -> [Int] {
        var ids: [Int] = []
        for page in 1...GitHub.pageLimit {
            let reply = try call.send(
                APIRequest(
                    "GET", ["orgs", .id(organization), "credential-authorizations"],
                    query: [("login", login), ("per_page", "100"), ("page", "\(page)")],
                    isList: true))
            let entries = try call.entries(reply)
            // The filter may be ignored, and then the list is everybody's.
            ids += entries.filter {
                $0["login"]?.text.map { asciiLowered($0) == asciiLowered(login) } == true
            }.compactMap { $0["credential_id"]?.int }
            if entries.count < 100 { return ids }
        }
        return ids
    }

    private struct User {
        var login: String
        var isSuspended: Bool
    }

    private func user(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> User {
        let value = try action.user(by: .name, call)
        let reply = try call.send(APIRequest("GET", ["users", .id(value)], accepting: [404]))
        if reply.isGone { throw call.unknownUser(value) }
        let found = try call.only([try call.object(reply)], where: ["login"], is: value)
        return User(
            login: found["login"]?.text ?? value,
            isSuspended: found["suspended_at"].map { $0 != .null } ?? false)
    }

    /// GitHub also says 403 to who asks too often: then there is a time to wait, or nothing is left.
    static func isRateLimit(_ reply: HTTPReply) -> Bool {
        reply.status == 403
            && (reply.retryAfterSeconds != nil || reply.header("x-ratelimit-remaining") == "0")
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + ["token", "organization", "enterprise_server"]
    ) { settings, log in
        let options = settings.api(standard: "https://api.github.com")
        let token = settings.secret("token", because: "a token, as {env: GITHUB_TOKEN}")
        let organization = settings.text("organization")
        let isServer = settings.flag("enterprise_server")
        if organization == nil, !isServer {
            log.add(
                "A github connector needs 'organization', 'enterprise_server: true' or both: without "
                    + "them there is nothing that it could do.", at: settings.fields.node)
        }
        guard let options, let token, organization != nil || isServer else { return nil }
        return settings.connector(
            GitHub(organization: organization, isServer: isServer), options,
            StaticToken(secret: token), isRateLimit: GitHub.isRateLimit)
    }
}
