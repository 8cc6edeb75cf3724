import Foundation
import Synchronization

/// A folder for sockets and data, short enough for a socket's path; removed with the value.
final class ServerFolder: Sendable {
    let path: String

    init() throws {
        var name = Array("/tmp/lsXXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Finds and runs programs that tests need.
enum Program {
    static func find(_ name: String, also folders: [String] = []) -> String? {
        (folders + ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin"]).map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }

    static func start(_ words: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Standard output of a program that ends by itself, with its status.
    static func run(_ words: [String], input: String = "") throws -> (status: Int32, output: String)
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        let (feed, output) = (Pipe(), Pipe())
        process.standardInput = feed
        process.standardOutput = output
        process.standardError = output
        try process.run()
        feed.fileHandleForWriting.write(Data(input.utf8))
        try feed.fileHandleForWriting.close()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    static func wait(seconds: Double = 30, _ isReady: () -> Bool) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while !isReady() {
            guard Date() < end else { throw POSIXError(.ETIMEDOUT) }
            usleep(10_000)
        }
    }
}

/// A real redis-server on a socket of its own, ended with the value.
final class RedisServer: Sendable {
    /// Debian's redis-tools has the same program, which goes by its name: no service is installed.
    static let program: (path: String, isByName: Bool)? =
        Program.find("redis-server").map { ($0, true) }
        ?? Program.find("redis-check-rdb").map { ($0, false) }
    static let isInstalled = program != nil && Program.find("redis-cli") != nil

    let folder: ServerFolder
    let socket: String
    private let process: Process

    /// - Parameter settings: lines of redis.conf.
    init(_ settings: String = "") throws {
        folder = try ServerFolder()
        socket = folder.path + "/redis.sock"
        let configuration = folder.path + "/redis.conf"
        try """
        port 0
        unixsocket \(socket)
        dir \(folder.path)
        save ""
        \(settings)
        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        var path = RedisServer.program!.path
        if !RedisServer.program!.isByName {
            let link = folder.path + "/redis-server"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            path = link
        }
        process = try Program.start([path, configuration])
        let socket = socket
        try Program.wait { access(socket, F_OK) == 0 }
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// What redis-cli prints, raw.
    @discardableResult
    func cli(_ words: String..., password: String? = nil) throws -> String {
        var all = [Program.find("redis-cli")!, "-s", socket, "--raw"]
        if let password { all += ["--no-auth-warning", "-a", password] }
        return try Program.run(all + words).output.trimmingCharacters(in: .newlines)
    }
}

/// A real PostgreSQL on a socket of its own, with a database `postgres`. One for all tests, since
/// making one takes a second; ended when the tests end.
final class PostgreSQLServer: Sendable {
    static let folders = (9...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
    static let isInstalled =
        Program.find("initdb", also: folders) != nil
        && (geteuid() != 0 || (Program.find("setpriv") != nil && user != nil))
    /// PostgreSQL does not run as root.
    static let user: String? = (["postgres", "nobody"] as [String]).first { getpwnam($0) != nil }

    static let shared = Result { try PostgreSQLServer() }

    let folder: ServerFolder
    private let process: Process

    private static func asUser(_ words: [String]) -> [String] {
        guard geteuid() == 0, let user, let facts = getpwnam(user) else { return words }
        return [
            Program.find("setpriv")!, "--reuid=\(facts.pointee.pw_uid)",
            "--regid=\(facts.pointee.pw_gid)", "--clear-groups", "--",
        ] + words
    }

    private init() throws {
        folder = try ServerFolder()
        if geteuid() == 0, let facts = getpwnam(PostgreSQLServer.user!) {
            chown(folder.path, facts.pointee.pw_uid, facts.pointee.pw_gid)
        }
        let data = folder.path + "/data"
        let password = folder.path + "/password"
        try "super-secret\n".write(toFile: password, atomically: true, encoding: .utf8)
        chmod(password, 0o644)
        let made = try Program.run(
            PostgreSQLServer.asUser([
                Program.find("initdb", also: PostgreSQLServer.folders)!, "-D", data, "-U", "boss",
                "--pwfile=\(password)", "--auth=scram-sha-256", "-E", "UTF8", "--no-sync",
                "--locale=C",
            ]))
        guard made.status == 0 else {
            throw NSError(domain: made.output, code: Int(made.status))
        }
        process = try Program.start(
            PostgreSQLServer.asUser([
                Program.find("postgres", also: PostgreSQLServer.folders)!, "-D", data, "-k",
                folder.path, "-c", "listen_addresses=", "-c", "fsync=off",
            ]))
        PostgreSQLServer.running.withLock { $0 = (process.processIdentifier, folder.path) }
        atexit {
            PostgreSQLServer.running.withLock { server in
                guard server.process > 0 else { return }
                kill(server.process, SIGKILL)
                try? FileManager.default.removeItem(atPath: server.folder)
            }
        }
        let connection = connection()
        try Program.wait { (try? Program.run(Self.psql(connection, "SELECT 1")).status) == 0 }
    }

    private static let running = Mutex<(process: pid_t, folder: String)>((0, ""))

    /// - Parameter folder: where the socket is; the server's own unless a relay stands before it.
    func connection(
        user: String = "boss", password: String = "super-secret", through folder: String? = nil
    ) -> String {
        "host=\(folder ?? self.folder.path) port=5432 user=\(user) password=\(password) dbname=postgres"
    }

    private static func psql(_ connection: String, _ sql: String) -> [String] {
        [Program.find("psql", also: folders)!, connection, "-X", "-A", "-t", "-q", "-c", sql]
    }

    @discardableResult
    func sql(_ text: String) throws -> String {
        try Program.run(Self.psql(connection(), text)).output.trimmingCharacters(in: .newlines)
    }
}

/// Stands on a Unix socket before a real server and makes faults: what it does when the client sends
/// `needle` is `fault`.
final class FaultyRelay: Sendable {
    enum Fault: Sendable {
        /// The connection is cut before the server gets it.
        case cutBefore
        /// The server gets it, and its answer is thrown away.
        case cutAfter
        /// The server gets it, and half of its answer comes.
        case halfAnswer
        /// Nothing more is passed on, and nothing is closed.
        case stall
    }

    private let listener: Int32
    private let upstream: String
    private let needle: [UInt8]
    private let fault: Fault

    init(at path: String, to upstream: String, when needle: String, _ fault: Fault) throws {
        (self.upstream, self.needle, self.fault) = (upstream, Array(needle.utf8), fault)
        listener = try FaultyRelay.open(path) { bind($0, $1, $2) }
        guard listen(listener, 16) == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        Thread { [self] in accept() }.start()
    }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func open(
        _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws -> Int32 {
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | 0o2000000, 0)  // SOCK_CLOEXEC
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
        return file
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            Thread { [self] in
                if let server = try? FaultyRelay.open(upstream, { connect($0, $1, $2) }) {
                    pass(client, server)
                    close(server)
                }
                close(client)
            }.start()
        }
        close(listener)
    }

    private func pass(_ client: Int32, _ server: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        func forward(_ count: Int, to file: Int32) {
            var sent = 0
            while sent < count {
                let step = buffer.withUnsafeBytes {
                    send(file, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                if step <= 0 { return }
                sent += step
            }
        }
        while true {
            var files = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&files, 2, -1) > 0 else { return }
            if files[0].revents != 0 {
                let count = read(client, &buffer, buffer.count)
                guard count > 0 else { return }
                let isHit = buffer[..<count].firstRange(of: needle) != nil
                if isHit, case .cutBefore = fault { return }
                if isHit, case .stall = fault {
                    _ = read(client, &buffer, buffer.count)
                    return
                }
                forward(count, to: server)
                if isHit {
                    let answer = read(server, &buffer, buffer.count)
                    if case .halfAnswer = fault { forward(max(1, answer / 2), to: client) }
                    return
                }
            }
            if files[1].revents != 0 {
                let count = read(server, &buffer, buffer.count)
                guard count > 0 else { return }
                forward(count, to: client)
            }
        }
    }
}
