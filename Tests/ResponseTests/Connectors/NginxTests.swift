import Foundation
import SessionModel
import Testing

@testable import Response

/// A real nginx before a target: it passes calls on by TLS and HTTP/2, or makes the faults that a
/// proxy makes, one a port, in its own words. Ended with the value.
final class Nginx {
    enum Fault: String, CaseIterable, Sendable {
        /// Passed on.
        case none
        /// TLS with a certificate of another name.
        case otherName
        /// One call is passed on, then 429 with Retry-After.
        case limited
        case maintenance, forbidden, redirected
        /// The upstream is not there: 502; never answers: 504; sends half of its answer.
        case gone, slow, cut
        /// The connection is closed without an answer.
        case silent
        /// 200 and a page for people, as captive portals and single sign-on do it.
        case page
    }

    static let program = Program.find("nginx")
    static let isInstalled = program != nil && Program.find("openssl") != nil

    let certificate: String
    private let folder: ServerFolder
    private var ports: [Fault: UInt16] = [:]
    private var process: Process!
    private let stalling: HTTPServer
    private let halving: HTTPServer

    /// - Parameter upstream: the port, on this machine, of what stands behind it.
    init(before upstream: UInt16) throws {
        folder = try ServerFolder()
        certificate = folder.path + "/good.pem"
        for (name, subject) in [("good", "IP:127.0.0.1"), ("other", "DNS:other.example")] {
            let made = try Program.run([
                Program.find("openssl")!, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=test",
                "-addext", "subjectAltName=\(subject)", "-keyout", "\(folder.path)/\(name).key",
                "-out", "\(folder.path)/\(name).pem",
            ])
            guard made.status == 0 else { throw NSError(domain: made.output, code: 1) }
        }
        stalling = try HTTPServer { _, _ in .stall("") }
        halving = try HTTPServer { _, _ in
            .bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        }
        // Ports that were free a moment ago can be another's by now.
        for _ in 0..<10 {
            try start(before: upstream)
            let process = process!
            let path = folder.path
            try Program.wait {
                !process.isRunning || access("\(path)/nginx.pid", F_OK) == 0 && isListening()
            }
            if process.isRunning { return }
        }
        throw POSIXError(.EADDRINUSE)
    }

    deinit {
        stalling.stop()
        halving.stop()
        if let process, process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    func url(_ fault: Fault) -> String {
        "\(fault == .none || fault == .otherName ? "https" : "http")://127.0.0.1:\(ports[fault]!)"
    }

    private func isListening() -> Bool {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = ports[.page]!.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private func start(before upstream: UInt16) throws {
        let closed = try HTTPServer { _, _ in .hangUp }
        let free = try Fault.allCases.map { _ in try HTTPServer { _, _ in .hangUp } }
        for (fault, server) in zip(Fault.allCases, free) { ports[fault] = server.port }
        for server in free + [closed] { server.stop() }
        usleep(50_000)
        unlink("\(folder.path)/nginx.pid")
        func pass(_ port: UInt16) -> String {
            "location / { proxy_pass http://127.0.0.1:\(port); }"
        }
        let bodies: [Fault: String] = [
            .none: pass(upstream), .otherName: pass(upstream),
            .limited: """
            limit_req zone=one; limit_req_status 429; error_page 429 @slower; \(pass(upstream))
            location @slower { add_header Retry-After 7 always; return 429 "slower"; }
            """,
            .maintenance: """
            add_header Retry-After 30 always; location / { return 503 "<h1>back soon</h1>"; }
            """,
            .forbidden: "location / { return 403; }",
            .redirected: "location / { return 308 \(url(.none))$request_uri; }",
            .gone: pass(closed.port), .slow: pass(stalling.port), .cut: pass(halving.port),
            .silent: "location / { return 444; }",
            .page: #"default_type text/html; location / { return 200 "<html>Sign in</html>"; }"#,
        ]
        let servers = Fault.allCases.map { fault in
            let pair = fault == .none ? "good" : "other"
            let tls =
                fault == .none || fault == .otherName
                ? " ssl http2; ssl_certificate \(pair).pem; ssl_certificate_key \(pair).key" : ""
            return "server { listen 127.0.0.1:\(ports[fault]!)\(tls); \(bodies[fault]!) }"
        }
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder.path)/\($0);" }
        let text = """
            daemon off; master_process off; worker_processes 1;
            pid \(folder.path)/nginx.pid; error_log \(folder.path)/error.log;
            events { worker_connections 256; }
            http {
                access_log off;
                \(folders.joined(separator: "\n    "))
                limit_req_zone $server_port zone=one:1m rate=1r/m;
                proxy_http_version 1.1;
                proxy_set_header Host $http_host;
                proxy_read_timeout 1s;
                \(servers.joined(separator: "\n    "))
            }
            """
        let configuration = folder.path + "/nginx.conf"
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        process = try Program.start([
            Nginx.program!, "-p", folder.path, "-e", folder.path + "/error.log", "-c",
            configuration,
        ])
    }
}

/// A target behind the proxy, whatever its kind.
struct ProxiedCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Keeps what stands behind alive.
    struct Target {
        let port: UInt16
        let connector: (_ url: String, _ ca: String) throws -> any Connector
        let action: PlannedAction
        /// Whether the step has had its effect.
        let isSo: () -> Bool
    }
    let make: @Sendable () throws -> Target
    /// Whether any 2xx is the target's word, by its protocol.
    var takesAny2xx = false

    static let all: [ProxiedCase] =
        VendorCase.all.map { vendor in
            ProxiedCase(testDescription: vendor.testDescription) {
                let double = try vendor.make()
                let rung = vendor.rungs.last!
                return Target(
                    port: double.server.port,
                    connector: { url, ca in
                        double.lock.withLock { double.publicURL = url }
                        return try double.connector(extra: ["ca_file: \(ca)"])
                    },
                    action: double.action(rung), isSo: { double.isSo(rung) })
            }
        } + [
            ProxiedCase(
                testDescription: "webhook",
                make: {
                    let server = try HTTPServer { _, _ in
                        .bytes("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
                    }
                    return Target(
                        port: server.port,
                        connector: {
                            try WebhookConnectorTests.connector(
                                $0 + "/hook", caFile: $1, total: 20_000)
                        }, action: .sample(), isSo: { !server.requests.isEmpty })
                }, takesAny2xx: true),
            ProxiedCase(
                testDescription: "shared-signals",
                make: {
                    let server = try HTTPServer { _, _ in
                        .bytes("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                    }
                    return Target(
                        port: server.port, connector: { try signals($0, ca: $1) },
                        action: .sample(), isSo: { !server.requests.isEmpty })
                }, takesAny2xx: true),
        ]

    private static func signals(_ url: String, ca: String) throws -> any Connector {
        let key = try TemporaryFile(try SigningKey(.es256).pem())
        let file = try TemporaryFile(
            """
            connectors:
              - kind: shared-signals
                issuer: https://monitor.example.com
                subject: opaque
                url: \(url)/events
                audience: https://receiver.example.com/caep
                signing_key: {file: \(key.path)}
                allow_private: true
                ca_file: \(ca)

            """)
        return try ConnectorFile.read(file.path)[0].connector
    }
}

/// Every connector that speaks HTTP, behind a real proxy.
@Suite(.enabled(if: Nginx.isInstalled))
struct NginxTests {
    @Test(
        "through TLS and HTTP/2 a step is done, and no fault of the proxy's makes it done",
        arguments: ProxiedCase.all)
    func faults(_ proxied: ProxiedCase) throws {
        let target = try proxied.make()
        let nginx = try Nginx(before: target.port)
        func answer(_ fault: Nginx.Fault) throws -> ConnectorAnswer {
            try target.connector(nginx.url(fault), nginx.certificate)
                .carryOut(target.action, at: epoch)
        }
        for fault in Nginx.Fault.allCases where fault != .none && fault != .limited {
            if fault == .page, proxied.takesAny2xx { continue }
            let answer = try answer(fault)
            #expect(!target.isSo(), "\(fault)")
            let expected: [ConnectorAnswer.Outcome] =
                switch fault {
                case .forbidden: [.refused]
                case .page: [.retry, .refused]
                default: [.retry]
                }
            #expect(expected.contains(answer.outcome), "\(fault): \(answer)")
            switch fault {
            case .maintenance: #expect(answer.retryAfterSeconds == 30, "\(answer)")
            case .otherName:
                #expect(answer.detail.contains("no valid certificate"), "\(answer)")
                #expect(!answer.mayHaveHappened)
            case .redirected:
                #expect(answer.detail.contains("redirects are not followed"), "\(answer)")
                #expect(!answer.mayHaveHappened)
            case .forbidden: #expect(!answer.mayHaveHappened, "\(fault): \(answer)")
            default: break
            }
            #expect(!answer.detail.contains("<"), "\(fault): \(answer)")
        }
        // Calls beyond the first one find the limit; a step of one call goes through once.
        let connector = try target.connector(nginx.url(.limited), nginx.certificate)
        var limited = connector.carryOut(target.action, at: epoch)
        if limited.outcome == .done { limited = connector.carryOut(target.action, at: epoch) }
        #expect(limited.outcome == .retry && limited.retryAfterSeconds == 7, "\(limited)")
        #expect(limited.pausesConnector)
        let done = try answer(.none)
        #expect([.done, .alreadySo].contains(done.outcome), "\(done)")
        #expect(target.isSo())
    }
}
