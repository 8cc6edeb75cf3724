public import SessionModel

/// Where a web application keeps its sessions in Redis.
public struct RedisOptions: Sendable {
    public var endpoint: RedisEndpoint
    public var usesTLS: Bool
    /// A file of certificates in PEM to trust, and no others; nil for the system's.
    public var caFile: String?
    /// Empty for Redis's default user.
    public var username: String
    public var password: SecretValue?
    public var database: Int
    /// Keys that hold one session, with `{session.id}` in them.
    public var sessionKeys: [String]
    /// A set with the ids of a user's sessions, with `{user.id}` or `{user.name}` in it.
    public var userIndex: String?
    /// A pattern of the keys of all of a user's sessions, as SCAN takes it.
    public var userPattern: String?
    /// More keys than that for one action are refused, and none deleted.
    public var maxKeys: Int
    public var connectMilliseconds: Int
    public var totalMilliseconds: Int

    public init(
        endpoint: RedisEndpoint, usesTLS: Bool = false, caFile: String? = nil,
        username: String = "", password: SecretValue? = nil, database: Int = 0,
        sessionKeys: [String] = [], userIndex: String? = nil, userPattern: String? = nil,
        maxKeys: Int = 1000, connectMilliseconds: Int = 5_000, totalMilliseconds: Int = 20_000
    ) {
        self.endpoint = endpoint
        self.usesTLS = usesTLS
        self.caFile = caFile
        self.username = username
        self.password = password
        self.database = database
        self.sessionKeys = sessionKeys
        self.userIndex = userIndex
        self.userPattern = userPattern
        self.maxKeys = maxKeys
        self.connectMilliseconds = connectMilliseconds
        self.totalMilliseconds = totalMilliseconds
    }
}

/// Deletes the keys in which a web application keeps a session in Redis (or Valkey, KeyDB, …).
///
/// | step | what is deleted |
/// | --- | --- |
/// | log out the session | the keys of `session_key`, with the session's id put in |
/// | log out everywhere | the keys of each member of the set `user_index`; or each key that matches `user_pattern` |
///
/// | what comes | outcome |
/// | --- | --- |
/// | keys deleted | done |
/// | none was there | already so |
/// | more keys than `max_keys` | refused, none deleted |
/// | no connection, a time-out, LOADING, READONLY, BUSY and the like | tried again |
/// | wrong password, no right, another error | refused |
///
/// Deleting a key twice changes nothing, so a repetition is harmless. Each action has a connection of
/// its own, and its words go as they are, whatever bytes are in them: nothing is put together as text.
public final class RedisConnector: Connector {
    public let name: String

    private let options: RedisOptions
    private let sessionKeys: [RedisTemplate]
    private let userIndex: RedisTemplate?
    private let userPattern: RedisTemplate?
    private let place: String

    /// Throws `badSetting` for a template, name or limit that cannot be used.
    public init(_ options: RedisOptions, name: String = "redis") throws(ResponseError) {
        self.name = name
        self.options = options
        var keys: [RedisTemplate] = []
        for text in options.sessionKeys {
            let template = try RedisTemplate(text, key: "session_key")
            guard template.uses(.sessionID) else {
                throw .badSetting(
                    name: "'session_key'", value: text, allowed: "a key with {session.id} in it")
            }
            keys.append(template)
        }
        sessionKeys = keys
        userIndex = try RedisConnector.userTemplate(options.userIndex, key: "user_index")
        userPattern = try RedisConnector.userTemplate(options.userPattern, key: "user_pattern")
        if let userPattern, !userPattern.isDelimited {
            throw .badSetting(
                name: "'user_pattern'", value: userPattern.text,
                allowed: "a plain character (not * ? [ ] \\) or the end on both sides of each {…}: "
                    + "with *{user.id}* the user 1 would be every user with a 1 in the id")
        }
        guard !keys.isEmpty || userPattern != nil else {
            throw .badSetting(
                name: "the list of keys", value: "",
                allowed: "'session_key', as sess:{session.id}, or 'user_pattern'")
        }
        guard userIndex == nil || !keys.isEmpty else {
            throw .badSetting(
                name: "'user_index'", value: options.userIndex ?? "",
                allowed: "it together with 'session_key', which says what a member's key is")
        }
        guard userIndex == nil || userPattern == nil else {
            throw .badSetting(
                name: "'user_pattern'", value: options.userPattern ?? "",
                allowed: "either 'user_index' or 'user_pattern'")
        }
        for (name, value, range) in [
            ("'max_keys'", options.maxKeys, 1...100_000),
            ("'database'", options.database, 0...65_535),
            ("redis's connection limit in ms", options.connectMilliseconds, 1...300_000),
            ("redis's time limit in ms", options.totalMilliseconds, 1...300_000),
        ] where !range.contains(value) {
            throw .badSetting(
                name: name, value: String(value),
                allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        place = try RedisConnector.checkedPlace(options)
        if let path = options.caFile { try requireReadable(path) }
    }

    public var timeLimitSeconds: Int { (options.totalMilliseconds + 999) / 1000 + 1 }

    public var abilities: [Rung: ConnectorAbility] {
        var abilities: [Rung: ConnectorAbility] = [:]
        if !sessionKeys.isEmpty { abilities[.logOutSession] = ConnectorAbility() }
        if userIndex != nil || userPattern != nil {
            abilities[.logOutEverywhere] = ConnectorAbility()
        }
        return abilities
    }

    public var permissions: [String] {
        ["+del +exists" + (userIndex != nil ? " +sscan" : userPattern != nil ? " +scan" : "")]
    }

    public func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        exchange { link throws(RedisFailure) in
            let keys = try self.keys(of: action, link)
            var deleted: Int64 = 0
            for batch in batches(keys) {
                let answer = try link.command([Array("DEL".utf8)] + batch, changes: true)
                guard let count = answer.integer else { throw .notRedis }
                deleted += count
            }
            return deleted == 0
                ? ConnectorAnswer(.alreadySo, detail: "\(place) has none of its keys")
                : ConnectorAnswer(.done, detail: "\(place): \(counted(deleted)) deleted")
        }
    }

    public func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        exchange { link throws(RedisFailure) in
            let count = try self.existing(action, link)
            return count == 0
                ? ConnectorAnswer(.alreadySo, detail: "\(place) has none of its keys")
                : ConnectorAnswer(.retry, detail: "\(place) still has \(counted(count))")
        }
    }

    public func rehearse(_ action: PlannedAction, at now: Timestamp) -> String? {
        exchange { link throws(RedisFailure) in
            ConnectorAnswer(
                .done,
                detail: "\(place): would delete \(counted(try self.existing(action, link)))")
        }.detail
    }

    public func probe(at now: Timestamp) -> ConnectorAnswer? {
        exchange { link throws(RedisFailure) in
            _ = try link.command("EXISTS", Array("lastseen:probe".utf8))
            return ConnectorAnswer(.done, detail: "\(place) answers")
        }
    }

    // MARK: -

    /// Keys of one command.
    private static let batch = 100

    private func batches(_ keys: [[UInt8]]) -> [[[UInt8]]] {
        stride(from: 0, to: keys.count, by: RedisConnector.batch).map {
            Array(keys[$0..<min($0 + RedisConnector.batch, keys.count)])
        }
    }

    private func existing(
        _ action: PlannedAction, _ link: RedisLink
    ) throws(RedisFailure) -> Int64 {
        var count: Int64 = 0
        for batch in batches(try keys(of: action, link)) {
            guard let found = try link.command([Array("EXISTS".utf8)] + batch).integer else {
                throw .notRedis
            }
            count += found
        }
        return count
    }

    /// The keys that the action is about, whether they are there or not.
    private func keys(
        of action: PlannedAction, _ link: RedisLink
    ) throws(RedisFailure) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        if action.kind == .logOutSession {
            for template in sessionKeys { keys.append(try template.key(for: action)) }
        } else if action.kind == .logOutEverywhere, let userIndex {
            let index = try userIndex.key(for: action)
            for member in try scan([Array("SSCAN".utf8), index], link) {
                for template in sessionKeys {
                    keys.append(try template.key(for: action, session: member))
                }
            }
            guard keys.count <= options.maxKeys else { throw tooMany }
        } else if action.kind == .logOutEverywhere, let userPattern {
            keys = try scan(
                [Array("SCAN".utf8)], match: try userPattern.pattern(for: action), link)
        }
        guard !keys.isEmpty || abilities[action.kind] != nil else {
            throw .refused("\(action.kind.name) is not set up")
        }
        return keys
    }

    private var tooMany: RedisFailure {
        .refused("more than \(options.maxKeys) keys ('max_keys'): none was deleted")
    }

    /// All that a cursor gives, without repetitions, in the order it came.
    private func scan(
        _ words: [[UInt8]], match: [UInt8]? = nil, _ link: RedisLink
    ) throws(RedisFailure) -> [[UInt8]] {
        var cursor = Array("0".utf8)
        var seen: Set<[UInt8]> = []
        var found: [[UInt8]] = []
        repeat {
            var command = words + [cursor]
            if let match { command += [Array("MATCH".utf8), match] }
            command += [Array("COUNT".utf8), Array("1000".utf8)]
            guard let parts = try link.command(command).list, parts.count == 2,
                let next = parts[0].bytes, let items = parts[1].list
            else { throw .notRedis }
            for item in items {
                guard let bytes = item.bytes else { throw .notRedis }
                if seen.insert(bytes).inserted { found.append(bytes) }
            }
            guard found.count <= options.maxKeys else { throw tooMany }
            cursor = next
        } while cursor != [0x30]
        return found
    }

    /// Connects, signs in, and runs `body`; whatever goes wrong is an answer.
    private func exchange(
        _ body: (RedisLink) throws(RedisFailure) -> ConnectorAnswer
    ) -> ConnectorAnswer {
        var password = ""
        if let secret = options.password {
            do {
                password = try secret.text()
            } catch {
                return ConnectorAnswer(.retry, detail: plain("\(error)", limit: 199))
            }
        }
        let redactor = Redactor([password])
        var link: RedisLink?
        do throws(RedisFailure) {
            let opened = try RedisLink(
                options.endpoint, usesTLS: options.usesTLS, caFile: options.caFile,
                connectMilliseconds: options.connectMilliseconds,
                totalMilliseconds: options.totalMilliseconds)
            link = opened
            try signIn(opened, password)
            var answer = try body(opened)
            answer.detail = redactor.shown(answer.detail)
            return answer
        } catch {
            if case .said(let text) = error, text.hasPrefix("WRONGPASS"),
                let secret = options.password
            {
                // Read again at the next action: it may have been changed meanwhile.
                _ = try? secret.text(unless: password)
            }
            return answer(to: error, hasActed: link?.hasActed ?? false, redactor)
        }
    }

    private func signIn(_ link: RedisLink, _ password: String) throws(RedisFailure) {
        if options.password != nil {
            var words = [Array("AUTH".utf8)]
            if !options.username.isEmpty { words.append(Array(options.username.utf8)) }
            _ = try link.command(words + [Array(password.utf8)])
        }
        if options.database != 0 {
            _ = try link.command("SELECT", Array(String(options.database).utf8))
        }
    }

    private func answer(
        to failure: RedisFailure, hasActed: Bool, _ redactor: Redactor
    ) -> ConnectorAnswer {
        func again(_ what: String) -> ConnectorAnswer {
            ConnectorAnswer(
                .retry, detail: redactor.shown("\(place) \(what)"), mayHaveHappened: hasActed)
        }
        switch failure {
        case .noLibrary(let text):
            return again("needs hiredis (Debian: libhiredis0.14): \(text)")
        case .unreachable(let text): return again("cannot be reached: \(text)")
        case .tls(let text): return again("has no valid certificate: \(text)")
        case .timedOut: return again("did not answer in time")
        case .broken: return again("broke off")
        case .notRedis: return again("does not speak Redis's protocol")
        case .refused(let reason):
            return ConnectorAnswer(.refused, detail: redactor.shown(reason))
        case .said(let text):
            // https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors: the first
            // word tells the kind. These pass; whatever else is said will be said again.
            let word = String(text.prefix { $0 != " " })
            let passing: Set = [
                "LOADING", "BUSY", "MASTERDOWN", "READONLY", "TRYAGAIN", "CLUSTERDOWN", "OOM",
                "NOREPLICAS", "MISCONF", "UNKILLABLE",
            ]
            if passing.contains(word) { return again("says: \(text)") }
            let remedy =
                word == "MOVED" || word == "ASK"
                ? " (a cluster: name the node, or use a proxy)" : ""
            return ConnectorAnswer(
                .refused, detail: redactor.shown("\(place) says: \(text)\(remedy)"))
        }
    }

    private static func userTemplate(
        _ text: String?, key: String
    ) throws(ResponseError) -> RedisTemplate? {
        guard let text else { return nil }
        let template = try RedisTemplate(text, key: key)
        guard template.uses(.userID) || template.uses(.userName), !template.uses(.sessionID) else {
            throw .badSetting(
                name: "'\(key)'", value: text,
                allowed: "a key with {user.id} or {user.name} in it, and no {session.id}")
        }
        return template
    }

    private static func checkedPlace(_ options: RedisOptions) throws(ResponseError) -> String {
        switch options.endpoint {
        case .unix(let path):
            guard path.hasPrefix("/"), (2...107).contains(path.utf8.count),
                !path.utf8.contains(0)
            else {
                throw .badSetting(
                    name: "'socket'", value: path, allowed: "a path of at most 107 bytes")
            }
            guard !options.usesTLS else {
                throw .badSetting(
                    name: "'tls'", value: "true", allowed: "'host' with it: a socket needs none")
            }
            return "redis at \(path)"
        case .tcp(let host, let port):
            let isName = host.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x3A, 0x5B, 0x5D: true
                default: false
                }
            }
            guard isName, (1...255).contains(host.utf8.count) else {
                throw .badSetting(
                    name: "'host'", value: host, allowed: "a host's name or address")
            }
            guard (1...65_535).contains(port) else {
                throw .badSetting(name: "'port'", value: String(port), allowed: "1 to 65535")
            }
            return "redis at \(host):\(port)"
        }
    }
}

private func counted(_ keys: Int64) -> String { keys == 1 ? "1 key" : "\(keys) keys" }
