internal import CCurl
internal import Glibc
internal import SessionModel

/// One request over HTTP.
struct HTTPRequest: Sendable {
    var method: String
    var url: String
    /// Lines as `name: value`. One that holds a line end stops the request.
    var headers: [String]
    /// Nil for none.
    var body: [UInt8]?
    /// How much of the answer's body is kept.
    var bodyKept = HTTPRequest.bodyLimit

    /// The bytes of an answer after which we hang up; its status stands.
    static let bodyLimit = 65_536
}

/// Where a request may go and how long it may take.
struct HTTPLimits: Sendable {
    var addresses: AddressGuard
    /// A file of certificates in PEM to trust, and no others; nil for the system's.
    var caFile: String?
    var connectMilliseconds: Int
    /// From the wait for a free connection to the end of the answer.
    var totalMilliseconds: Int
}

/// What came of a request.
struct HTTPReply: Sendable, Equatable {
    enum Result: Sendable, Equatable {
        case answered, unreachable, addressRefused, tls, timedOut, broken, notBegun
    }

    var result: Result
    /// Whether bytes of the request left, so that the receiver may have acted.
    var wasSent = false
    /// 0 when no status line came.
    var status = 0
    /// From either form of Retry-After.
    var retryAfterSeconds: Int?
    /// Names in lower case, values without spaces around them; at most 16 KiB of them.
    var headers: [(name: String, value: String)] = []
    /// libcurl's words for a failure.
    var error = ""
    /// The start of the body.
    var body: [UInt8] = []
    /// Whether there was more of it.
    var isBodyCut = false

    /// The last value of that name, given in lower case.
    func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }

    static func == (a: HTTPReply, b: HTTPReply) -> Bool {
        a.result == b.result && a.wasSent == b.wasSent && a.status == b.status
            && a.retryAfterSeconds == b.retryAfterSeconds && a.error == b.error && a.body == b.body
            && a.headers.elementsEqual(b.headers, by: ==)
    }
}

/// Sends requests by libcurl: HTTP/1.1, TLS always verified, no redirects followed, no proxy of the
/// environment used, and each address judged after its name was resolved.
///
/// For any number of threads; `limit` requests are under way at a time, and more of them wait within
/// their own time limit. Connections are kept between requests.
///
/// Safe because the pointer does not leave it, the C code locks, and what libcurl is given lives as
/// long as the call.
@safe final class HTTPClient: @unchecked Sendable {
    private let handle: OpaquePointer

    init(limit: Int) throws(ResponseError) {
        guard let handle = unsafe ccurl_client_new(max(1, limit)) else {
            throw .system(operation: "Setting libcurl up", reason: "out of memory")
        }
        unsafe self.handle = handle
    }

    deinit { unsafe ccurl_client_free(handle) }

    func send(_ request: HTTPRequest, _ limits: HTTPLimits) -> HTTPReply {
        for line in request.headers + [request.method, request.url]
        where line.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) {
            return HTTPReply(result: .notBegun, error: "a header holds a line end")
        }
        var addresses = limits.addresses
        var response = unsafe ccurl_response()
        let lines = unsafe request.headers.map { unsafe strdup($0) }
        let method = unsafe strdup(request.method)
        let url = unsafe strdup(request.url)
        let caFile = unsafe limits.caFile.flatMap { unsafe strdup($0) }
        defer {
            unsafe lines.forEach { unsafe free($0) }
            unsafe free(method)
            unsafe free(url)
            unsafe free(caFile)
            unsafe ccurl_response_free(&response)
        }
        // One byte more, so that an empty body has an address too.
        let bytes = (request.body ?? []) + [0]
        unsafe withUnsafeMutablePointer(to: &addresses) { context in
            unsafe bytes.withUnsafeBufferPointer { body in
                unsafe lines.map { unsafe UnsafePointer($0) }.withUnsafeBufferPointer { lines in
                    var call = unsafe ccurl_request()
                    unsafe call.method = UnsafePointer(method)
                    unsafe call.url = UnsafePointer(url)
                    unsafe call.headers = lines.baseAddress
                    unsafe call.header_count = lines.count
                    unsafe call.body = request.body == nil ? nil : body.baseAddress
                    unsafe call.body_size = request.body?.count ?? 0
                    unsafe call.ca_file = UnsafePointer(caFile)
                    unsafe call.connect_ms = limits.connectMilliseconds
                    unsafe call.total_ms = limits.totalMilliseconds
                    unsafe call.body_kept = request.bodyKept
                    unsafe call.body_limit = max(HTTPRequest.bodyLimit, request.bodyKept)
                    unsafe call.context = UnsafeMutableRawPointer(context)
                    unsafe call.check = { context, bytes in
                        guard let context = unsafe context, let bytes = unsafe bytes else {
                            return 0
                        }
                        let raw = unsafe UnsafeRawPointer(bytes)
                        let address = IPAddress(
                            high: UInt64(bigEndian: unsafe raw.loadUnaligned(as: UInt64.self)),
                            low: UInt64(
                                bigEndian: unsafe raw.loadUnaligned(
                                    fromByteOffset: 8, as: UInt64.self)))
                        return unsafe context.assumingMemoryBound(to: AddressGuard.self).pointee
                            .allows(address) ? 1 : 0
                    }
                    unsafe ccurl_send(handle, &call, &response)
                }
            }
        }
        return unsafe HTTPReply(response)
    }
}

extension HTTPReply {
    fileprivate init(_ response: ccurl_response) {
        let error = unsafe response.error
        unsafe self.init(
            result: HTTPReply.result(response.result), wasSent: response.was_sent != 0,
            status: response.status,
            retryAfterSeconds: response.retry_after < 0
                ? nil : Int(clamping: response.retry_after),
            headers: HTTPReply.headers(
                Array(
                    UnsafeRawBufferPointer(start: response.headers, count: response.headers_size))),
            error: String(
                decoding: withUnsafeBytes(of: error) { unsafe Array($0) }.prefix { $0 != 0 },
                as: UTF8.self),
            body: Array(UnsafeBufferPointer(start: response.body, count: response.body_size)),
            isBodyCut: response.is_body_cut != 0)
    }

    private static func result(_ result: ccurl_result) -> Result {
        switch result {
        case CCURL_ANSWERED: .answered
        case CCURL_UNREACHABLE: .unreachable
        case CCURL_ADDRESS_REFUSED: .addressRefused
        case CCURL_TLS: .tls
        case CCURL_TIMED_OUT: .timedOut
        case CCURL_BROKEN: .broken
        default: .notBegun
        }
    }

    private static func headers(_ bytes: [UInt8]) -> [(name: String, value: String)] {
        bytes.split(separator: 0x0A).compactMap { line in
            guard let colon = line.firstIndex(of: 0x3A) else { return nil }
            return (
                asciiLowered(String(decoding: line[..<colon], as: UTF8.self)),
                trimmed(String(decoding: line[(colon + 1)...], as: UTF8.self))
            )
        }
    }
}
