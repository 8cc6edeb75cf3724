internal import Settings
internal import Yams

extension RedisConnector {
    /// ```yaml
    /// - kind: redis
    ///   host: sessions.internal        # or socket: /run/redis/redis.sock
    ///   port: 6379
    ///   tls: true
    ///   ca_file: /etc/lastseen/redis-ca.pem
    ///   username: lastseen
    ///   password: {file: /etc/lastseen/redis-password}
    ///   database: 0
    ///   session_key: "sess:{session.id}"            # or a list of them
    ///   user_index: "user-sessions:{user.id}"       # or user_pattern: "sess:{user.id}:*"
    ///   max_keys: 1000
    /// ```
    static let maker = ConnectorMaker(keys: [
        "host", "port", "socket", "tls", "ca_file", "username", "password", "database",
        "session_key", "user_index", "user_pattern", "max_keys",
    ]) { settings, log in
        let fields = settings.fields
        func whole(_ key: String, _ range: ClosedRange<Int>, absent: Int) -> Int? {
            guard let node = fields.value(key) else { return absent }
            let bounds = Double(range.lowerBound)...Double(range.upperBound)
            return fields.number(key, of: node, in: bounds, unit: "", isWhole: true).map { Int($0) }
        }
        let problems = log.problems.count
        let host = settings.text("host")
        let socket = settings.text("socket")
        let port = whole("port", 1...65_535, absent: 6379)
        let database = whole("database", 0...65_535, absent: 0)
        let maxKeys = whole("max_keys", 1...100_000, absent: 1000)
        let caFile = settings.path("ca_file")
        let username = settings.text("username") ?? ""
        let password = settings.secret("password")
        let keys = settings.oneOrMore("session_key")
        let index = settings.text("user_index")
        let pattern = settings.text("user_pattern")
        if (host == nil) == (socket == nil) {
            log.add("A redis connector needs either 'host' or 'socket'.", at: fields.node)
        }
        if !username.isEmpty, password == nil {
            log.add("'username' is of use with 'password' only.", at: fields.place("username"))
        }
        guard log.problems.count == problems, let port, let database, let maxKeys, let keys else {
            return nil
        }
        do {
            return try RedisConnector(
                RedisOptions(
                    endpoint: socket.map { .unix($0) } ?? .tcp(host: host ?? "", port: port),
                    usesTLS: settings.flag("tls"), caFile: caFile, username: username,
                    password: password, database: database, sessionKeys: keys, userIndex: index,
                    userPattern: pattern, maxKeys: maxKeys,
                    connectMilliseconds: min(5000, settings.timeoutSeconds * 1000),
                    totalMilliseconds: settings.timeoutSeconds * 1000), name: settings.name)
        } catch {
            log.add("\(error)", at: fields.node)
            return nil
        }
    }
}
