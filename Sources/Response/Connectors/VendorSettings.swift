internal import Settings

/// How a user of the records is found at the target.
enum UserKey: String, CaseIterable, Sendable {
    /// The records' user id is the target's own.
    case id
    /// The records' user name is the name that the user signs in with.
    case name
    /// The records' user name is the user's mail address.
    case email
}

extension PlannedAction {
    /// What to look the user up by; never empty.
    func user(by key: UserKey, _ call: APICall) throws(ConnectorStop) -> String {
        // Logs often have one of the two only.
        let value = key == .id || userName.isEmpty ? userID : userName
        guard !value.isEmpty else { throw call.refused("the alert names no user") }
        return value
    }

    /// The session's id; never empty.
    func session(_ call: APICall) throws(ConnectorStop) -> String {
        guard !sessionID.isEmpty else { throw call.refused("the alert names no session") }
        return sessionID
    }
}

extension APICall {
    func unknownUser(_ value: String) -> ConnectorStop {
        refused("\(target.origin) knows no user '\(plain(value, limit: 60))' (see user_by)")
    }

    /// The one of the entries whose text at the key is the value, without regard to ASCII case.
    ///
    /// A search may find what only resembles the name that it was asked for.
    func only(
        _ entries: [JSONValue], where keys: [String], is value: String
    ) throws(ConnectorStop) -> JSONValue {
        let found = entries.filter { entry in
            var field: JSONValue? = entry
            for key in keys { field = field?[key] }
            return field?.text.map { asciiLowered($0) == asciiLowered(value) } == true
        }
        guard found.count <= 1 else {
            throw refused(
                "\(target.origin) has \(found.count) users '\(plain(value, limit: 60))'")
        }
        guard let one = found.first else { throw unknownUser(value) }
        return one
    }

    /// What a list's answer holds. One that is too long or no list is no ground to act upon.
    func entries(_ reply: APIReply, at key: String? = nil) throws(ConnectorStop) -> [JSONValue] {
        guard !reply.isBodyCut else {
            throw refused("\(target.origin) gave a list of more than 1 MiB")
        }
        let json = reply.json
        guard let list = key == nil ? json?.array : json?[key ?? ""]?.array else {
            throw again("\(target.origin) did not answer with the list that was asked for")
        }
        return list
    }

    /// The object that an answer is.
    func object(_ reply: APIReply) throws(ConnectorStop) -> JSONValue {
        guard let json = reply.json, case .object = json else {
            throw again("\(target.origin) did not answer with the object that was asked for")
        }
        return json
    }
}

/// Writes a small JSON object.
func jsonObject(_ body: (inout JSONText) -> Void) -> String {
    var json = JSONText()
    json.object(nil, body)
    return json.text
}

extension ConnectorSettings {
    /// The keys of every connector to an HTTP API.
    static let apiKeys = ["url", "ca_file", "allow_private"]

    /// Where the API is; nil after logging.
    ///
    /// - Parameter standard: the vendor's own, for those that have one.
    func api(standard: String? = nil) -> APIOptions? {
        let given = standard == nil ? text("url", because: "where the API is") : text("url")
        guard var url = given ?? standard else { return nil }
        while url.hasSuffix("/") { url.removeLast() }
        return APIOptions(
            url: url, caFile: path("ca_file"), allowsPrivate: flag("allow_private"),
            timeoutSeconds: timeoutSeconds)
    }

    func userKey(_ known: [UserKey], absent: UserKey) -> UserKey {
        word("user_by", among: known.map(\.rawValue), absent: absent.rawValue)
            .flatMap { UserKey(rawValue: $0) } ?? absent
    }

    /// The connector, or nil after logging why there is none.
    func connector<Vendor: VendorAPI>(
        _ vendor: Vendor, _ options: APIOptions, _ authorization: any Authorization,
        isRateLimit: @escaping @Sendable (HTTPReply) -> Bool = { _ in false }
    ) -> (any Connector)? {
        do throws(ResponseError) {
            return APIConnector(
                vendor, name: name,
                target: try APITarget(
                    options, authorization: authorization, isRateLimit: isRateLimit))
        } catch {
            log.add(error.description, at: fields.place("url"))
            return nil
        }
    }

    /// Client credentials from `client_id` and `client_secret`; nil after logging.
    ///
    /// - Parameter url: the token endpoint, unless `token_url` names another.
    func clientCredentials(
        _ options: APIOptions?, url: String, extra: [(String, String)] = []
    ) -> TokenEndpoint? {
        let id = text("client_id", because: "the client that Lastseen acts as")
        let secret = secret("client_secret", because: "where the client's secret is")
        let given = text("token_url")
        guard let id, let secret, let options else { return nil }
        return endpoint(
            options, url: given ?? url,
            .clientCredentials(id: id, secret: secret, extra: extra))
    }

    func endpoint(
        _ options: APIOptions, url: String, _ grant: TokenEndpoint.Grant
    ) -> TokenEndpoint? {
        do throws(ResponseError) {
            return try TokenEndpoint(
                url: url, allowsPrivate: options.allowsPrivate, grant: grant)
        } catch {
            log.add(
                error.description,
                at: fields.place(fields.value("token_url") == nil ? "url" : "token_url"))
            return nil
        }
    }
}
