import Foundation
import Glibc
import Synchronization
import Testing

@testable import Response
@testable import Server

/// A server that is really listened to, spoken to by libcurl and by bare sockets.
struct HTTPListenerTests {
    /// Answers with what it was asked.
    struct Echo: RouteHandler {
        func answer(_ request: RouteRequest) -> RouteResponse? {
            switch request.path {
            case "/echo":
                return RouteResponse(
                    200, headers: ["x-method: \(request.method)", "content-type: text/plain"],
                    body: "\(request.query["stream_id"] ?? "-")|"
                        + "\(request.headers["authorization"] ?? "-")|"
                        + String(decoding: request.body, as: UTF8.self))
            case "/wait":
                while !request.isStopping() { usleep(10_000) }
                return RouteResponse(204)
            default: return nil
            }
        }
    }

    let listener = try! HTTPListener(
        ListenerOptions(port: 0, connectionLimit: 4, idleSeconds: 1), handlers: [Echo()])

    func send(
        _ method: String, _ path: String, headers: [String] = [], body: [UInt8]? = nil
    ) throws -> HTTPReply {
        try HTTPClient(limit: 1).send(
            HTTPRequest(
                method: method, url: "http://127.0.0.1:\(listener.port)\(path)",
                headers: headers + ["expect:"], body: body),
            HTTPLimits(
                addresses: AddressGuard(allowsPrivate: true, isEncrypted: false),
                connectMilliseconds: 2000, totalMilliseconds: 10_000))
    }

    @Test("a request comes whole, and the answer goes whole")
    func whole() throws {
        let body = Array(String(repeating: "ä\u{0}", count: 20_000).utf8)
        let reply = try send(
            "POST", "/echo?stream_id=a%20b&x=y", headers: ["Authorization: Bearer t"], body: body)
        #expect(reply.status == 200)
        #expect(reply.header("x-method") == "POST")
        #expect(reply.body == Array("a b|Bearer t|".utf8) + body)
        #expect(try send("GET", "/%65cho").status == 200)
        #expect(try send("GET", "/nothing").status == 404)
        #expect(try send("DELETE", "/echo").header("x-method") == "DELETE")
    }

    @Test("a body at the limit is taken, one byte more is not", arguments: [0, 1])
    func bodyLimit(more: Int) throws {
        let body = [UInt8](repeating: 0x78, count: RouteRequest.bodyLimit + more)
        let reply = try send("POST", "/echo", body: body)
        if more == 0 {
            #expect(reply.status == 200)
        } else {
            #expect(reply.status == 413 || reply.status == 0)
        }
    }

    /// What a bare socket gets for what it sends; nil when it is cut off without an answer.
    func raw(_ text: String, times: Int = 1) -> String {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = listener.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return "" }
        for _ in 0..<times {
            let bytes = Array(text.utf8)
            guard Glibc.send(file, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 else { break }
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(file, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    @Test("what is no request, or has headers without end, or chunks without end, is cut off")
    func hostile() throws {
        #expect(!raw("nonsense\r\n\r\n").contains("200 OK"))
        #expect(!raw("GET /echo HTTP/1.1\r\nHost: x\r\nX: y").contains("200 OK"), "it ends idle")
        #expect(
            !raw(
                "GET /echo HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 40_000))\r\n\r\n"
            )
            .contains("200 OK"))
        let chunk = "8000\r\n" + String(repeating: "z", count: 0x8000) + "\r\n"
        let answer = raw(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk
                + chunk + "0\r\n\r\n")
        #expect(!answer.contains("200 OK"))
        #expect(try send("GET", "/echo").status == 200, "and others are served")
    }

    @Test("what waits gives up when the server is stopped")
    func stopping() throws {
        let reply = Mutex<Int?>(nil)
        let isDone = DispatchSemaphore(value: 0)
        Thread {
            let status = try? send("GET", "/wait").status
            reply.withLock { $0 = status }
            isDone.signal()
        }.start()
        usleep(300_000)
        listener.stop()
        isDone.wait()
        #expect(reply.withLock { $0 } == 204)
        #expect(try send("GET", "/echo").result == .unreachable)
    }

    @Test("an address or port that cannot be listened on is said")
    func cannot() {
        for (address, port) in [("localhost", UInt16(0)), ("127.0.0.1", listener.port)] {
            #expect(throws: ListenerError.self) {
                try HTTPListener(ListenerOptions(address: address, port: port), handlers: [])
            }
        }
        #expect(throws: ListenerError.self) {
            try HTTPListener(
                ListenerOptions(port: 0, certificate: ("no certificate", "no key")), handlers: [])
        }
    }

    @Test(
        "where to listen",
        arguments: [
            ("127.0.0.1:8470", "127.0.0.1", 8470), ("[::1]:1", "::1", 1),
            ("0.0.0.0:65535", "0.0.0.0", 65_535),
            ("8470", "", 0), ("127.0.0.1:65536", "", 0), (":1", "", 0), ("127.0.0.1:", "", 0),
        ])
    func endpoint(text: String, host: String, port: Int) {
        let found = ServeCommand.endpoint(text)
        #expect(found?.0 ?? "" == host)
        #expect(Int(found?.1 ?? 0) == port)
    }
}
