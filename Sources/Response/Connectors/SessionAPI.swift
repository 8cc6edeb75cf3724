internal import SessionModel
internal import Settings

/// An API by which a user's own token lists sessions and logs out of them by their hashes, as that of
/// a well-known chat service: `GET /auth/sessions` and `POST /auth/sessions/logout`.
struct SessionAPI: VendorAPI {
    /// Whose token it is.
    var user: String
    /// A second factor's proof, sent where the API asks for it.
    var secondFactor: SecretValue?
    var secondFactorHeader: String

    let order = StepOrder.sessionsFirst
    let permissions = [
        "the user's own token, and a second factor's proof where the API asks for one"
    ]
    let abilities: [Rung: ConnectorAbility] = [
        .logOutSession: ConnectorAbility(),
        .logOutEverywhere: ConnectorAbility(),
    ]

    /// Hashes that one call takes.
    static let hashLimit = 64

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        try requireOwn(action, call)
        let open = try sessions(call)
        switch action.kind {
        case .logOutSession:
            let session = try action.session(call)
            guard open.contains(session) else {
                return call.answer(.alreadySo, "there is no session '\(session)' (any more)")
            }
            try logOut([session], call)
            return call.answer(.done, "the session is ended")
        case .logOutEverywhere:
            if open.isEmpty { return call.answer(.alreadySo, "there is no session") }
            var rest = open[...]
            while !rest.isEmpty {
                try logOut(Array(rest.prefix(SessionAPI.hashLimit)), call)
                rest = rest.dropFirst(SessionAPI.hashLimit)
            }
            return call.answer(.done, "\(open.count) sessions are ended")
        default:
            throw call.refused("the API has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        try requireOwn(action, call)
        let open = try sessions(call)
        return call.checked(
            action.kind == .logOutSession ? !open.contains(action.sessionID) : open.isEmpty)
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        nil
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        let count = try sessions(call).count
        return call.answer(.done, "the sessions can be read; there are \(count)")
    }

    private func requireOwn(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) {
        guard action.userID == user || action.userName == user else {
            throw call.refused("the token is that of the user '\(user)', and the alert on another")
        }
    }

    private func sessions(_ call: APICall) throws(ConnectorStop) -> [String] {
        let reply = try call.send(APIRequest("GET", ["auth", "sessions"], isList: true))
        return try call.entries(reply, at: "user_sessions").compactMap { $0["id_hash"]?.text }
    }

    private func logOut(_ hashes: [String], _ call: APICall) throws(ConnectorStop) {
        var request = APIRequest(
            "POST", ["auth", "sessions", "logout"],
            json: jsonObject { $0.strings("session_id_hashes", hashes) },
            accepting: [400, 401, 403])
        var reply = try call.send(request)
        if SessionAPI.asksForSecondFactor(reply) {
            guard let secondFactor else {
                throw call.refused("the API asks for a second factor. Set 'second_factor'")
            }
            let proof = try call.token(secondFactor, unless: nil)
            request.headers = ["\(secondFactorHeader): \(proof)"]
            reply = try call.send(request)
            if SessionAPI.asksForSecondFactor(reply) {
                // It is good for a few minutes: the next try reads a new one.
                _ = try? secondFactor.text(unless: proof)
                throw call.again("the API did not accept the second factor")
            }
        }
        guard reply.isRight else {
            throw call.refused(
                "\(call.target.origin) answered \(reply.status): \(call.target.shown(reply.body))")
        }
    }

    /// The code by which the service says that a second factor is wanted.
    private static func asksForSecondFactor(_ reply: APIReply) -> Bool {
        !reply.isRight && reply.json?["code"]?.int == 60_003
    }

    /// 401 with that code is about the second factor, not the token.
    private struct Token: Authorization {
        var token: StaticToken

        func credential(
            for request: HTTPRequest, _ call: APICall, unless stale: String?
        ) throws(ConnectorStop) -> Credential {
            try token.credential(for: request, call, unless: stale)
        }

        func isRefusal(_ reply: HTTPReply) -> Bool {
            reply.status == 401 && JSONValue(reply.body)?["code"]?.int != 60_003
        }
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + [
            "user", "token", "token_type", "second_factor", "second_factor_header",
        ]
    ) { settings, log in
        let options = settings.api()
        let user = settings.text("user", because: "the id of the user whose token it is")
        let token = settings.secret("token", because: "the user's token, as {file: /path}")
        let type = settings.word("token_type", among: ["none", "Bearer"], absent: "none")
        let factor = settings.secret("second_factor")
        let header = settings.text("second_factor_header") ?? "x-mfa-authorization"
        let isName = header.utf8.allSatisfy {
            (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || $0 == 0x2D
        }
        if !isName {
            log.add(
                "'second_factor_header' must be of letters, digits and '-'.",
                at: settings.fields.place("second_factor_header"))
        }
        guard let options, let user, let token, let type, isName else { return nil }
        return settings.connector(
            SessionAPI(user: user, secondFactor: factor, secondFactorHeader: header), options,
            Token(token: StaticToken(prefix: type == "none" ? "" : "Bearer ", secret: token)))
    }
}
