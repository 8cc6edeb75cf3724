internal import SessionModel
internal import Settings

/// A user pool of Amazon Cognito (AWS JSON 1.1, signed by SigV4).
struct Cognito: VendorAPI {
    var poolID: String
    var userKey: UserKey

    let order = StepOrder.credentialFirst
    let permissions = [
        "cognito-idp:AdminUserGlobalSignOut, AdminResetUserPassword, AdminGetUser, AdminDisableUser, "
            + "AdminEnableUser on the pool", "cognito-idp:ListUsers, for user_by email",
        "cognito-idp:DescribeUserPool, for respond connectors --test",
    ]
    private static let tokens =
        "access and ID tokens and the hosted page's cookie, until they expire (an hour by default)"
    let abilities: [Rung: ConnectorAbility] = [
        .logOutEverywhere: ConnectorAbility(survives: Cognito.tokens),
        .requirePasswordChange: ConnectorAbility(
            survives: "sessions that are open, until they are ended"),
        .suspend: ConnectorAbility(survives: Cognito.tokens, isUndoable: true),
    ]

    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    {
        let user = try userName(action, call)
        switch action.kind {
        case .logOutEverywhere:
            _ = try send("AdminUserGlobalSignOut", user, call)
            return call.answer(.done, "the user's refresh tokens are revoked")
        case .requirePasswordChange:
            // Repeated, a reset would send another code and make the first one useless.
            let status = try send("AdminGetUser", user, call)["UserStatus"]?.text ?? ""
            if status == "RESET_REQUIRED" || status == "FORCE_CHANGE_PASSWORD" {
                return call.answer(.alreadySo, "the user is \(status) already")
            }
            _ = try send("AdminResetUserPassword", user, call)
            return call.answer(.done, "the password is reset; the user has a message with a code")
        case .suspend:
            return try enable(false, user, call)
        default:
            throw call.refused("Cognito has no call for it")
        }
    }

    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        switch action.kind {
        case .requirePasswordChange:
            let user = try send("AdminGetUser", try userName(action, call), call)
            return call.checked(user["UserStatus"]?.text == "RESET_REQUIRED")
        case .suspend:
            let user = try send("AdminGetUser", try userName(action, call), call)
            return call.checked(user["Enabled"]?.bool == false)
        default: return nil
        }
    }

    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        guard action.kind == .suspend else { return nil }
        return try enable(true, try userName(action, call), call)
    }

    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer? {
        _ = try send("DescribeUserPool", nil, call)
        return call.answer(.done, "the pool can be read")
    }

    private func enable(
        _ wanted: Bool, _ user: String, _ call: APICall
    ) throws(ConnectorStop) -> ConnectorAnswer {
        if try send("AdminGetUser", user, call)["Enabled"]?.bool == wanted {
            return call.answer(.alreadySo, "the user is \(wanted ? "enabled" : "disabled") already")
        }
        _ = try send(wanted ? "AdminEnableUser" : "AdminDisableUser", user, call)
        return call.answer(.done, "the user is \(wanted ? "enabled" : "disabled")")
    }

    /// One operation on a user of the pool, or on the pool.
    private func send(
        _ operation: String, _ user: String?, _ call: APICall, filter: String? = nil
    ) throws(ConnectorStop) -> JSONValue {
        let json = jsonObject {
            $0.string("UserPoolId", poolID)
            if let user { $0.string("Username", user) }
            if let filter {
                $0.string("Filter", filter)
                $0.number("Limit", 3)
            }
        }
        var request = APIRequest(
            "POST", [""],
            headers: [
                "x-amz-target: AWSCognitoIdentityProviderService.\(operation)"
            ], json: json, accepting: [400], isList: true)
        request.contentType = "content-type: application/x-amz-json-1.1"
        request.onlyReads = ["AdminGetUser", "DescribeUserPool", "ListUsers"].contains(operation)
        let reply = try call.send(request)
        guard reply.isRight else { throw Cognito.stop(reply, user, call) }
        return try call.object(reply)
    }

    /// What AWS means by 400.
    private static func stop(
        _ reply: APIReply, _ user: String?, _ call: APICall
    ) -> ConnectorStop {
        let said = "\(call.target.origin) answered 400: \(call.target.shown(reply.body))"
        switch SignatureV4.errorType(reply.body) {
        case "UserNotFoundException": return call.unknownUser(user ?? "")
        case "AccessDeniedException", "NotAuthorizedException":
            return call.refused("\(said); the credential lacks a permission")
        case "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException":
            return call.refused("\(said); the credential is not accepted")
        default: return call.refused(said)
        }
    }

    /// AWS answers 400 to what other APIs answer 429 to.
    static func isRateLimit(_ reply: HTTPReply) -> Bool {
        guard reply.status == 400 else { return false }
        let types: Set = [
            "TooManyRequestsException", "LimitExceededException", "ThrottlingException",
        ]
        return types.contains(SignatureV4.errorType(reply.body))
    }

    private func userName(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> String
    {
        let value = try action.user(by: userKey, call)
        guard userKey == .email else { return value }
        guard !value.utf8.contains(0x22), !value.utf8.contains(0x5C) else {
            throw call.unknownUser(value)
        }
        let list =
            try send("ListUsers", nil, call, filter: "email = \"\(value)\"")["Users"]?.array ?? []
        let found = list.filter { user in
            (user["Attributes"]?.array ?? []).contains {
                $0["Name"]?.text == "email"
                    && $0["Value"]?.text.map { asciiLowered($0) == asciiLowered(value) } == true
            }
        }
        guard found.count <= 1 else {
            throw call.refused("there are several users of that address")
        }
        guard let name = found.first?["Username"]?.text else { throw call.unknownUser(value) }
        return name
    }

    static let maker = ConnectorMaker(
        keys: ConnectorSettings.apiKeys + [
            "region", "user_pool_id", "access_key_id", "secret_access_key", "session_token",
            "user_by",
        ]
    ) { settings, log in
        let region = settings.text("region", because: "as eu-central-1")
        let pool = settings.text("user_pool_id", because: "as eu-central-1_aBcDeFgHi")
        let isRegion = region?.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
        }
        if isRegion == false {
            log.add(
                "'region' is no region of AWS, as eu-central-1.",
                at: settings.fields.place("region"))
        }
        let options = settings.api(
            standard: "https://cognito-idp.\(isRegion == true ? region ?? "" : "x").amazonaws.com")
        let id = settings.secret("access_key_id", because: "as {env: AWS_ACCESS_KEY_ID}")
        let key = settings.secret("secret_access_key", because: "as {env: AWS_SECRET_ACCESS_KEY}")
        let session = settings.secret("session_token")
        let userKey = settings.userKey(UserKey.allCases, absent: .id)
        guard let region, let pool, let options, let id, let key else { return nil }
        return settings.connector(
            Cognito(poolID: pool, userKey: userKey), options,
            SignatureV4(
                region: region, service: "cognito-idp", accessKeyID: id, secretAccessKey: key,
                sessionToken: session),
            isRateLimit: Cognito.isRateLimit)
    }
}
