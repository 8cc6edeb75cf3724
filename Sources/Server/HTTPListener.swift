internal import CMicroHTTPD
internal import Glibc
public import Response
internal import Synchronization

/// How the server listens.
public struct ListenerOptions: Sendable {
    /// Numeric.
    public var address: String
    /// 0 for any that is free.
    public var port: UInt16
    public var connectionLimit: Int
    /// A connection on which nothing comes for so long is closed.
    public var idleSeconds: Int
    /// A certificate (with its chain) and its private key, in PEM; nil for plain HTTP, as behind a
    /// proxy.
    public var certificate: (chain: String, key: String)?

    public init(
        address: String = "127.0.0.1", port: UInt16 = 8470, connectionLimit: Int = 128,
        idleSeconds: Int = 15, certificate: (chain: String, key: String)? = nil
    ) {
        self.address = address
        self.port = port
        self.connectionLimit = connectionLimit
        self.idleSeconds = idleSeconds
        self.certificate = certificate
    }
}

/// Why the server could not begin.
public struct ListenerError: Error, CustomStringConvertible {
    public let reason: String
    public var description: String { "\(reason). Give another with --listen." }
}

/// An HTTP/1.1 server by libmicrohttpd: a thread for each connection, of which there are a limited
/// number, and limits for headers (32 KiB), bodies (`RouteRequest.bodyLimit`) and silence.
///
/// Safe because the pointers stay inside: a request is copied before a handler sees it.
@safe public final class HTTPListener: @unchecked Sendable {
    private let handle: OpaquePointer
    private let context: Unmanaged<Context>
    private let isEnded = Atomic<Bool>(false)

    private final class Context: Sendable {
        let handlers: [any RouteHandler]
        let isStopping = Atomic<Bool>(false)

        init(_ handlers: [any RouteHandler]) { self.handlers = handlers }

        func answer(_ request: RouteRequest) -> RouteResponse {
            for handler in handlers {
                if let response = handler.answer(request) { return response }
            }
            return RouteResponse(404)
        }
    }

    /// Listens from now on. The first handler that knows a path answers.
    public init(_ options: ListenerOptions, handlers: [any RouteHandler]) throws(ListenerError) {
        let context = unsafe Unmanaged.passRetained(Context(handlers))
        var words = [CChar](repeating: 0, count: 256)
        let address = unsafe strdup(options.address)
        let chain = unsafe options.certificate.flatMap { unsafe strdup($0.chain) }
        let key = unsafe options.certificate.flatMap { unsafe strdup($0.key) }
        defer {
            unsafe free(address)
            unsafe free(chain)
            unsafe free(key)
        }
        var raw = unsafe cmhd_options(
            address: address, port: options.port,
            connection_limit: UInt32(options.connectionLimit),
            idle_seconds: UInt32(options.idleSeconds), header_limit: 32_768,
            body_limit: RouteRequest.bodyLimit, certificate: chain, key: key)
        let handle = unsafe cmhd_start(
            &raw,
            { context, exchange in
                guard let context = unsafe context, let exchange = unsafe exchange else { return }
                let server = unsafe Unmanaged<Context>.fromOpaque(context).takeUnretainedValue()
                unsafe HTTPListener.answer(exchange, server)
            }, context.toOpaque(), &words, words.count)
        guard let handle = unsafe handle else {
            unsafe context.release()
            throw ListenerError(
                reason: String(
                    decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
                    as: UTF8.self))
        }
        unsafe self.handle = handle
        unsafe self.context = context
    }

    public var port: UInt16 { unsafe cmhd_port(handle) }

    /// Takes no more requests, and waits for those that are under way: what waits for events gives
    /// up within a quarter of a second.
    public func stop() {
        guard !isEnded.exchange(true, ordering: .sequentiallyConsistent) else { return }
        unsafe context.takeUnretainedValue().isStopping.store(
            true, ordering: .sequentiallyConsistent)
        unsafe cmhd_stop(handle)
        unsafe context.release()
    }

    deinit { stop() }

    private static func answer(_ exchange: OpaquePointer, _ server: Context) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String? {
            unsafe pointer.map { unsafe String(cString: $0) }
        }
        var headers: [String: String] = [:]
        for name in RouteRequest.headerNames {
            headers[name] = unsafe text(cmhd_header(exchange, name))
        }
        var query: [String: String] = [:]
        for name in ["stream_id", "token"] {
            query[name] = unsafe text(cmhd_argument(exchange, name))
        }
        var count = 0
        let bytes = unsafe cmhd_body(exchange, &count)
        let response = server.answer(
            RouteRequest(
                method: unsafe text(cmhd_method(exchange)) ?? "",
                path: unsafe text(cmhd_path(exchange)) ?? "", query: query, headers: headers,
                body: unsafe Array(UnsafeBufferPointer(start: bytes, count: count)),
                isStopping: { server.isStopping.load(ordering: .relaxed) }))
        let lines = response.headers.map { $0 + "\n" }.joined()
        let body = Array(response.body.utf8)
        unsafe cmhd_answer(exchange, UInt32(response.status), lines, body, body.count)
    }
}
