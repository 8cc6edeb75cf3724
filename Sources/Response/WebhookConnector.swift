internal import CCurl
internal import Glibc
public import SessionModel
internal import Synchronization

/// How to reach a webhook.
public struct WebhookOptions: Sendable {
    public var url: String
    public var secrets: [WebhookSecret]
    /// A file of certificates in PEM to trust, and no others; nil for the system's.
    public var caFile: String?
    /// Whether private and loopback addresses, and `http:` to them, are taken.
    public var allowsPrivate: Bool
    public var connectMilliseconds: Int
    /// From the name's resolution to the end of the answer.
    public var totalMilliseconds: Int

    public init(
        url: String, secrets: [WebhookSecret], caFile: String? = nil, allowsPrivate: Bool = false,
        connectMilliseconds: Int = 5_000, totalMilliseconds: Int = 20_000
    ) {
        self.url = url
        self.secrets = secrets
        self.caFile = caFile
        self.allowsPrivate = allowsPrivate
        self.connectMilliseconds = connectMilliseconds
        self.totalMilliseconds = totalMilliseconds
    }
}

/// Sends actions as signed webhooks (Standard Webhooks).
///
/// **What the receiver gets**: a POST of `ActionMessage`'s JSON with
///
/// | header | value |
/// | --- | --- |
/// | `webhook-id` | the action's id, the same at every try: act at most once for it |
/// | `webhook-timestamp` | seconds since 1970 of this try |
/// | `webhook-signature` | `v1,` and base64, for each secret; see `WebhookSignature` |
///
/// **What it answers**:
///
/// | answer | outcome |
/// | --- | --- |
/// | 2xx | done; with the header `lastseen-outcome: already-so` or `not-needed`, that |
/// | 410 | refused, and the other actions wait: the endpoint is gone |
/// | 408, 425, 429, 5xx, 3xx, no answer | tried again, not before `Retry-After`; at 429 the others wait too |
/// | other 4xx | refused |
///
/// Answer within 20 seconds. Redirects are not followed, and proxies named in the environment are not
/// used: neither would let the address be checked (`AddressGuard`). Certificates are always verified.
///
/// Calls from several threads wait for each other. The connection is kept between calls.
public final class WebhookConnector: Connector {
    public let name: String
    /// `https://host:port`: all of the URL that is ever shown, since a path can be a secret.
    public let origin: String

    private let options: WebhookOptions
    private let addresses: AddressGuard
    private let redactor: Redactor
    private let client: Mutex<WebhookClient>

    /// Throws `badSetting` for a URL or limit that cannot be used, `badFile` for a CA file that cannot
    /// be read.
    public init(
        _ options: WebhookOptions, name: String = ConnectorKind.webhook.rawValue
    ) throws(ResponseError) {
        self.name = name
        let (origin, isTLS) = try WebhookConnector.checkedOrigin(of: options)
        guard !options.secrets.isEmpty else {
            throw .badSetting(
                name: "the list of webhook secrets", value: "",
                allowed: "a file or environment variable with at least one")
        }
        for (name, value) in [
            ("the webhook's connection limit in ms", options.connectMilliseconds),
            ("the webhook's time limit in ms", options.totalMilliseconds),
        ] where !(1...300_000).contains(value) {
            throw .badSetting(name: name, value: String(value), allowed: "1 to 300000")
        }
        if let path = options.caFile { try requireReadable(path) }
        self.options = options
        self.origin = origin
        self.addresses = AddressGuard(allowsPrivate: options.allowsPrivate, isEncrypted: isTLS)
        self.redactor = Redactor(
            options.secrets.flatMap { [$0.text, String($0.text.dropFirst("whsec_".count))] }
                + WebhookConnector.secretParts(of: options.url))
        self.client = Mutex(try WebhookClient())
    }

    public var timeLimitSeconds: Int { (options.totalMilliseconds + 999) / 1000 + 1 }

    public var abilities: [Rung: ConnectorAbility] {
        [.logOutSession: ConnectorAbility(), .requirePasswordChange: ConnectorAbility()]
    }

    public func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        let body = ActionMessage.body(of: action)
        let seconds = now.milliseconds / 1000
        let headers = [
            "content-type: application/json",
            "user-agent: lastseen",
            "webhook-id: \(action.id)",
            "webhook-timestamp: \(seconds)",
            "webhook-signature: "
                + WebhookSignature.header(
                    id: action.id, timestampSeconds: seconds, body: body,
                    secrets: options.secrets),
            // Without it libcurl may wait for a '100 Continue' before the body.
            "expect:",
        ]
        let reply = client.withLock {
            $0.post(options, headers: headers, body: body, addresses: addresses)
        }
        return WebhookVerdict.answer(to: reply, origin: origin, redactor: redactor)
    }

    private static func checkedOrigin(
        of options: WebhookOptions
    ) throws(ResponseError) -> (String, isTLS: Bool) {
        func bad(_ allowed: String) -> ResponseError {
            .badSetting(name: "the webhook's URL", value: "(not shown)", allowed: allowed)
        }
        let text = options.url
        guard (1...2048).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw bad("a URL of at most 2048 printable ASCII characters") }
        var isTLS: Int32 = 0
        var room = [CChar](repeating: 0, count: 512)
        switch unsafe ccurl_check_url(text, &isTLS, &room, room.count) {
        case CCURL_URL_OK: break
        case CCURL_URL_SCHEME: throw bad("https://… (or http://… to a private address)")
        case CCURL_URL_HAS_CREDENTIALS:
            throw bad("a URL without user and password: the signature authenticates")
        default: throw bad("a URL such as https://hooks.example.com/lastseen")
        }
        guard isTLS != 0 || options.allowsPrivate else {
            throw bad("https://…; http:// only to private addresses, with --webhook-allow-private")
        }
        let origin = String(
            decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (origin, isTLS != 0)
    }

    /// The path and query, where receivers put tokens.
    private static func secretParts(of url: String) -> [String] {
        let rest = url.utf8.drop { $0 != 0x3A }.dropFirst(3)
        guard let slash = rest.firstIndex(where: { $0 == 0x2F || $0 == 0x3F }) else { return [] }
        return String(rest[slash...])?.split(whereSeparator: { "/?&=#".contains($0) })
            .filter { $0.utf8.count >= 8 }.map(String.init) ?? []
    }
}

/// One HTTP exchange as the connector needs it.
struct WebhookReply: Sendable, Equatable {
    enum Result: Sendable, Equatable {
        case answered, unreachable, addressRefused, tls, timedOut, broken, notBegun
    }

    var result: Result
    var wasSent: Bool
    /// 0 when no status line came.
    var status: Int
    var retryAfterSeconds: Int?
    /// The header `lastseen-outcome`.
    var outcome: String
    var error: String
    /// The start of the body.
    var body: [UInt8]
}

/// The owner of one libcurl handle; freed when the value goes away.
///
/// Safe because the pointer does not leave it and what libcurl is given lives as long as the call.
@safe private struct WebhookClient: ~Copyable {
    private let handle: OpaquePointer

    init() throws(ResponseError) {
        guard let handle = unsafe ccurl_client_new() else {
            throw .system(operation: "Setting libcurl up", reason: "out of memory")
        }
        unsafe self.handle = handle
    }

    deinit { unsafe ccurl_client_free(handle) }

    func post(
        _ options: WebhookOptions, headers: [String], body: String, addresses: AddressGuard
    ) -> WebhookReply {
        var addresses = addresses
        var response = ccurl_response()
        let bytes = Array(body.utf8)
        let lines = unsafe headers.map { unsafe strdup($0) }
        let url = unsafe strdup(options.url)
        let caFile = unsafe options.caFile.flatMap { unsafe strdup($0) }
        defer {
            unsafe lines.forEach { unsafe free($0) }
            unsafe free(url)
            unsafe free(caFile)
        }
        unsafe withUnsafeMutablePointer(to: &addresses) { context in
            unsafe bytes.withUnsafeBufferPointer { body in
                unsafe lines.map { unsafe UnsafePointer($0) }.withUnsafeBufferPointer { lines in
                    var request = unsafe ccurl_request()
                    unsafe request.url = UnsafePointer(url)
                    unsafe request.headers = lines.baseAddress
                    unsafe request.header_count = lines.count
                    unsafe request.body = body.baseAddress
                    unsafe request.body_size = body.count
                    unsafe request.ca_file = UnsafePointer(caFile)
                    unsafe request.connect_ms = options.connectMilliseconds
                    unsafe request.total_ms = options.totalMilliseconds
                    unsafe request.context = UnsafeMutableRawPointer(context)
                    unsafe request.check = { context, bytes in
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
                    unsafe ccurl_post(handle, &request, &response)
                }
            }
        }
        return WebhookReply(response)
    }
}

extension WebhookReply {
    fileprivate init(_ response: ccurl_response) {
        func text<T>(_ tuple: T) -> [UInt8] {
            unsafe withUnsafeBytes(of: tuple) { unsafe Array($0) }
        }
        result =
            switch response.result {
            case CCURL_ANSWERED: .answered
            case CCURL_UNREACHABLE: .unreachable
            case CCURL_ADDRESS_REFUSED: .addressRefused
            case CCURL_TLS: .tls
            case CCURL_TIMED_OUT: .timedOut
            case CCURL_BROKEN: .broken
            default: .notBegun
            }
        wasSent = response.was_sent != 0
        status = response.status
        let wait = response.retry_after
        retryAfterSeconds = wait < 0 ? nil : Int(clamping: wait)
        outcome = String(
            decoding: text(response.outcome).prefix { $0 != 0 }, as: UTF8.self)
        error = String(decoding: text(response.error).prefix { $0 != 0 }, as: UTF8.self)
        body = Array(text(response.body).prefix(response.body_size))
    }
}
