import Foundation
import SessionModel
import Testing

@testable import Response

extension PlannedAction {
    /// A step on a user or session, for connectors of stores.
    static func step(
        _ kind: Rung, user: String = "u1", name: String = "", session: String = "",
        tenant: String = "acme"
    ) -> PlannedAction {
        var action = PlannedAction.sample(user: user, session: session)
        action.kind = kind
        action.userName = name
        action.tenant = tenant
        return action
    }
}

/// Against a real redis-server.
@Suite(.enabled(if: RedisServer.isInstalled, "redis-server and redis-cli are not installed"))
struct RedisConnectorTests {
    let server: RedisServer

    init() throws { server = try RedisServer() }

    func connector(
        keys: [String] = ["sess:{session.id}"], index: String? = nil, pattern: String? = nil,
        maxKeys: Int = 1000, socket: String? = nil, milliseconds: Int = 5000, database: Int = 0
    ) throws -> RedisConnector {
        try RedisConnector(
            RedisOptions(
                endpoint: .unix(socket ?? server.socket), database: database, sessionKeys: keys,
                userIndex: index, userPattern: pattern, maxKeys: maxKeys,
                totalMilliseconds: milliseconds))
    }

    @Test("a session's keys are counted, deleted, and then there are none")
    func oneSession() throws {
        try server.cli("MSET", "sess:s1", "a", "flash:s1", "b", "sess:s2", "c")
        let redis = try connector(keys: ["sess:{session.id}", "flash:{session.id}"])
        let action = PlannedAction.step(.logOutSession, session: "s1")
        #expect(redis.rehearse(action, at: epoch)?.hasSuffix("would delete 2 keys") == true)
        #expect(redis.check(action, at: epoch)?.outcome == .retry)
        let done = redis.carryOut(action, at: epoch)
        #expect(done.outcome == .done)
        #expect(done.detail.hasSuffix("2 keys deleted"))
        #expect(redis.carryOut(action, at: epoch).outcome == .alreadySo)
        #expect(redis.check(action, at: epoch)?.outcome == .alreadySo)
        #expect(try server.cli("KEYS", "*") == "sess:s2")
    }

    @Test("the database that is named, and no other")
    func database() throws {
        try server.cli("-n", "3", "SET", "sess:s1", "a")
        try server.cli("SET", "sess:s1", "b")
        let action = PlannedAction.step(.logOutSession, session: "s1")
        #expect(try connector(database: 3).carryOut(action, at: epoch).outcome == .done)
        #expect(try server.cli("-n", "3", "DBSIZE") == "0")
        #expect(try server.cli("DBSIZE") == "1")
    }

    @Test("all sessions of a user by a set of their ids; a stale member is no trouble")
    func userIndex() throws {
        try server.cli("SADD", "user-sessions:u1", "s1", "s2", "gone")
        try server.cli("MSET", "sess:s1", "a", "sess:s2", "b", "sess:s3", "c")
        let redis = try connector(index: "user-sessions:{user.id}")
        let action = PlannedAction.step(.logOutEverywhere)
        let done = redis.carryOut(action, at: epoch)
        #expect(done.outcome == .done)
        #expect(done.detail.hasSuffix("2 keys deleted"))
        #expect(redis.carryOut(action, at: epoch).outcome == .alreadySo)
        #expect(try server.cli("EXISTS", "sess:s3") == "1")
        let nobody = PlannedAction.step(.logOutEverywhere, user: "nobody")
        #expect(redis.carryOut(nobody, at: epoch).outcome == .alreadySo)
    }

    @Test("all sessions of a user by a pattern, among many keys")
    func userPattern() throws {
        var words = ["MSET"]
        for number in 0..<3000 { words += ["sess:u\(number % 300):\(number)", "x"] }
        _ = try Program.run([Program.find("redis-cli")!, "-s", server.socket] + words)
        let redis = try connector(keys: [], pattern: "sess:{user.id}:*")
        let action = PlannedAction.step(.logOutEverywhere, user: "u7")
        #expect(redis.rehearse(action, at: epoch)?.hasSuffix("would delete 10 keys") == true)
        #expect(redis.carryOut(action, at: epoch).detail.hasSuffix("10 keys deleted"))
        #expect(try server.cli("DBSIZE") == "2990")
        #expect(redis.abilities.keys.sorted() == [.logOutEverywhere])
    }

    @Test("one key more than max_keys, and none is deleted", arguments: [3, 2])
    func limit(maxKeys: Int) throws {
        try server.cli("MSET", "sess:u1:a", "1", "sess:u1:b", "1", "sess:u1:c", "1")
        let redis = try connector(keys: [], pattern: "sess:{user.id}:*", maxKeys: maxKeys)
        let answer = redis.carryOut(.step(.logOutEverywhere), at: epoch)
        #expect(answer.outcome == (maxKeys == 3 ? .done : .refused))
        #expect(try server.cli("DBSIZE") == (maxKeys == 3 ? "0" : "3"))
    }

    /// Ids as attackers write them, each of which would be more than itself in a pattern or a line.
    static let hostile = [
        "*", "u?", "u[12]", "[^x]*", "\\*", "u1\r\nDEL victim", "u1 victim", "é🜁\u{202E}", "\u{0}",
        "%s%n", "{user.id}", "u1\" \"victim", "a]b", "^", "-",
    ]

    @Test("an id is nothing but itself", arguments: hostile)
    func hostileIDs(id: String) throws {
        try server.cli(
            "MSET", "victim", "1", "sess:u1:x", "1", "sess:u2:x", "1", "sess:other", "1")
        let exact = try connector()
        #expect(
            exact.carryOut(.step(.logOutSession, session: id), at: epoch).outcome == .alreadySo)
        let pattern = try connector(keys: [], pattern: "sess:{user.id}:*")
        #expect(
            pattern.carryOut(.step(.logOutEverywhere, user: id), at: epoch).outcome == .alreadySo)
        #expect(try server.cli("DBSIZE") == "4")

        // Written through the connector's own wire, since a command line holds no zero byte.
        let link = try RedisLink(
            .unix(server.socket), usesTLS: false, caFile: nil, connectMilliseconds: 1000,
            totalMilliseconds: 5000)
        _ = try link.command("SET", Array("sess:\(id)".utf8), Array("mine".utf8))
        _ = try link.command("SET", Array("sess:\(id):1".utf8), Array("mine".utf8))
        #expect(exact.carryOut(.step(.logOutSession, session: id), at: epoch).outcome == .done)
        #expect(pattern.carryOut(.step(.logOutEverywhere, user: id), at: epoch).outcome == .done)
        #expect(try server.cli("DBSIZE") == "4")
    }

    @Test("an id that holds what ends it in the pattern is refused, an empty one too")
    func refusedIDs() throws {
        try server.cli("SET", "sess:u1:x:y", "1")
        let redis = try connector(keys: ["sess:{session.id}"], pattern: "sess:{user.id}:*")
        for action in [
            PlannedAction.step(.logOutEverywhere, user: "u1:x"), .step(.logOutEverywhere, user: ""),
            .step(.logOutSession, session: ""), .step(.suspend),
            .step(.logOutSession, session: String(repeating: "s", count: 9000)),
        ] {
            #expect(redis.carryOut(action, at: epoch).outcome == .refused)
        }
        #expect(try server.cli("DBSIZE") == "1")
    }

    @Test("a key of another kind is refused, as is a cluster's or any other error")
    func wrongType() throws {
        try server.cli("SET", "user-sessions:u1", "not a set")
        let redis = try connector(index: "user-sessions:{user.id}")
        let answer = redis.carryOut(.step(.logOutEverywhere), at: epoch)
        #expect(answer.outcome == .refused)
        #expect(answer.detail.contains("WRONGTYPE"))
    }

    @Test("a password that is right, wrong, and missing; a user of less right")
    func credentials() throws {
        let server = try RedisServer(
            "requirepass right-password\nuser eve on >eve-password ~* +exists")
        try server.cli("SET", "sess:s1", "a", password: "right-password")
        let action = PlannedAction.step(.logOutSession, session: "s1")
        func answer(_ username: String, _ password: String?) throws -> ConnectorAnswer {
            var options = RedisOptions(
                endpoint: .unix(server.socket), sessionKeys: ["sess:{session.id}"])
            options.username = username
            options.password = try password.map { password in
                try SecretValue(.environment("P"), label: "password") { _ in password }
            }
            return try RedisConnector(options).carryOut(action, at: epoch)
        }
        for (user, password) in [
            ("", "wrong-password"), ("", nil), ("eve", "eve-password"), ("nobody", "x-password"),
        ] {
            let refused = try answer(user, password)
            #expect(refused.outcome == .refused, "\(user) \(refused)")
            if let password { #expect(!refused.detail.contains(password)) }
        }
        #expect(try answer("", "right-password").outcome == .done)
    }

    /// What comes when the connection does not hold, and whether the key is gone then.
    static let faults: [(String, FaultyRelay.Fault, mayHaveHappened: Bool, isGone: Bool)] = [
        ("DEL", .cutBefore, true, false),  // bytes left: nobody can say how far they came
        ("DEL", .cutAfter, true, true),
        ("DEL", .halfAnswer, true, true),
        ("DEL", .stall, true, false),
        ("SELECT", .cutAfter, false, false),
        ("SELECT", .stall, false, false),
    ]

    @Test("a connection that is cut or silent is tried again", arguments: faults.indices)
    func cut(index: Int) throws {
        let (needle, fault, mayHaveHappened, isGone) = Self.faults[index]
        try server.cli("-n", "1", "SET", "sess:s1", "a")
        let path = server.folder.path + "/relay.sock"
        let relay = try FaultyRelay(at: path, to: server.socket, when: needle, fault)
        defer { relay.stop() }
        let action = PlannedAction.step(.logOutSession, session: "s1")
        let answer = try connector(socket: path, milliseconds: 700, database: 1)
            .carryOut(action, at: epoch)
        #expect(answer.outcome == .retry)
        #expect(answer.mayHaveHappened == mayHaveHappened)
        #expect(try server.cli("-n", "1", "EXISTS", "sess:s1") == (isGone ? "0" : "1"))
        // And then it works.
        let next = try connector(database: 1).carryOut(action, at: epoch).outcome
        #expect(next == (isGone ? .alreadySo : .done))
    }

    @Test("a server that is not there, is loading, or is no Redis")
    func unreachable() throws {
        let nowhere = try connector(socket: server.folder.path + "/nowhere.sock")
        let answer = nowhere.carryOut(.step(.logOutSession, session: "s1"), at: epoch)
        #expect(answer.outcome == .retry)
        #expect(!answer.mayHaveHappened)
        #expect(nowhere.probe(at: epoch)?.outcome == .retry)
        #expect(try connector().probe(at: epoch)?.outcome == .done)

        let other = try HTTPServer { _, _ in .bytes("HTTP/1.1 400 Bad Request\r\n\r\n") }
        defer { other.stop() }
        let options = RedisOptions(
            endpoint: .tcp(host: "127.0.0.1", port: Int(other.port)),
            sessionKeys: ["sess:{session.id}\r\n\r\n"], totalMilliseconds: 2000)
        let wrong = try RedisConnector(options).carryOut(
            .step(.logOutSession, session: "s1"), at: epoch)
        #expect(wrong.outcome == .retry)

        try server.cli("REPLICAOF", "127.0.0.1", "1")
        try server.cli("CONFIG", "SET", "replica-read-only", "yes")
        let readOnly = try connector().carryOut(.step(.logOutSession, session: "s1"), at: epoch)
        #expect(readOnly.outcome == .retry, "READONLY: a failover may be on")
    }

    @Test(
        "TLS with the right authority, and with another",
        .enabled(if: Program.find("openssl") != nil, "openssl is not installed"))
    func tls() throws {
        let folder = try ServerFolder()
        func certificate(_ name: String) throws {
            _ = try Program.run([
                Program.find("openssl")!, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                "\(folder.path)/\(name).key", "-out", "\(folder.path)/\(name).pem",
            ])
        }
        try certificate("right")
        try certificate("wrong")
        let port = Int.random(in: 20_000..<32_000)
        let server = try RedisServer(
            """
            tls-port \(port)
            bind 127.0.0.1
            tls-cert-file \(folder.path)/right.pem
            tls-key-file \(folder.path)/right.key
            tls-ca-cert-file \(folder.path)/right.pem
            tls-auth-clients no
            """)
        try server.cli("SET", "sess:s1", "a")
        for (authority, outcome) in [("wrong", ConnectorAnswer.Outcome.retry), ("right", .done)] {
            let options = RedisOptions(
                endpoint: .tcp(host: "127.0.0.1", port: port), usesTLS: true,
                caFile: "\(folder.path)/\(authority).pem", sessionKeys: ["sess:{session.id}"])
            let answer = try RedisConnector(options).carryOut(
                .step(.logOutSession, session: "s1"), at: epoch)
            #expect(answer.outcome == outcome, "\(answer.detail)")
            #expect(!answer.mayHaveHappened)
        }
    }
}

/// What is refused when it is set up; no server is needed.
struct RedisOptionsTests {
    static let wrong: [(String, @Sendable (inout RedisOptions) -> Void)] = [
        ("no {session.id}", { $0.sessionKeys = ["sess:{user.id}"] }),
        ("an unknown place", { $0.sessionKeys = ["sess:{session}"] }),
        ("an open brace", { $0.sessionKeys = ["sess:{session.id"] }),
        ("a closing brace alone", { $0.sessionKeys = ["sess:{session.id}}"] }),
        ("nothing to delete", { $0.sessionKeys = [] }),
        ("a pattern of everybody", { $0.userPattern = "sess:*" }),
        ("a pattern of more than the user", { $0.userPattern = "sess:*{user.id}*" }),
        ("two ids that run together", { $0.userPattern = "{tenant}{user.id}:*" }),
        (
            "an index and a pattern",
            {
                $0.userIndex = "a:{user.id}"; $0.userPattern = "b:{user.id}:*"
            }
        ),
        ("an index of sessions", { $0.userIndex = "a:{session.id}" }),
        ("no key may be deleted", { $0.maxKeys = 0 }),
        ("a relative socket", { $0.endpoint = .unix("redis.sock") }),
        ("a host with a path", { $0.endpoint = .tcp(host: "a/b", port: 6379) }),
        ("a port too high", { $0.endpoint = .tcp(host: "a", port: 65_536) }),
        (
            "TLS over a socket",
            {
                $0.endpoint = .unix("/run/r.sock"); $0.usesTLS = true
            }
        ),
        ("a certificate that is not there", { $0.caFile = "/nonexistent.pem" }),
    ]

    @Test("settings that cannot be used are refused", arguments: wrong.indices)
    func refused(index: Int) {
        var options = RedisOptions(
            endpoint: .tcp(host: "localhost", port: 6379), sessionKeys: ["sess:{session.id}"])
        #expect(throws: Never.self) { try RedisConnector(options) }
        RedisOptionsTests.wrong[index].1(&options)
        #expect(throws: ResponseError.self, "\(RedisOptionsTests.wrong[index].0)") {
            try RedisConnector(options)
        }
    }

    @Test("the file's keys become a connector, and what is wrong is said with its line")
    func file() throws {
        let found = try ConnectorFileTests.read(
            """
            connectors:
              - kind: redis
                socket: /run/redis.sock
                password: {env: HOOK}
                database: 2
                session_key: ["sess:{session.id}", "{{app}}:{session.id}"]
                user_index: "user-sessions:{user.id}"
            """)
        #expect(found.first?.connector is RedisConnector)
        #expect(found.first?.abilities.keys.sorted() == [.logOutSession, .logOutEverywhere])
        let problems = ConnectorFileTests.problems(
            """
            connectors:
              - kind: redis
                host: a
                socket: /b
                port: 70000
                password: hunter2
            """)
        #expect(problems.count == 3)
        #expect(!problems.joined().contains("hunter2"))
    }
}
