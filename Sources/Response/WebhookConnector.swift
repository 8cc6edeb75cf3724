public import SessionModel

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
/// At most four calls at a time; more of them wait. Connections are kept between calls.
public final class WebhookConnector: Connector {
    public let name: String
    /// `https://host:port`: all of the URL that is ever shown, since a path can be a secret.
    public let origin: String

    /// What is kept of an answer, for the journal.
    private static let bodyKept = 2048

    private let options: WebhookOptions
    private let addresses: AddressGuard
    private let redactor: Redactor
    private let client: HTTPClient

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
        self.client = try HTTPClient(limit: 4)
    }

    public var timeLimitSeconds: Int { (options.totalMilliseconds + 999) / 1000 + 1 }

    public var abilities: [Rung: ConnectorAbility] {
        ConnectorAbility.all
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
        let reply = client.send(
            HTTPRequest(
                method: "POST", url: options.url, headers: headers, body: Array(body.utf8),
                bodyKept: WebhookConnector.bodyKept),
            HTTPLimits(
                addresses: addresses, caFile: options.caFile,
                connectMilliseconds: options.connectMilliseconds,
                totalMilliseconds: options.totalMilliseconds))
        return WebhookVerdict.answer(to: reply, origin: origin, redactor: redactor)
    }

    private static func checkedOrigin(
        of options: WebhookOptions
    ) throws(ResponseError) -> (String, isTLS: Bool) {
        try HTTPOrigin.checked(
            options.url, name: "the webhook's URL", allowsPrivate: options.allowsPrivate,
            remedies: HTTPOrigin.Remedies(
                credentials: "the signature authenticates", privacy: "--webhook-allow-private",
                example: "https://hooks.example.com/lastseen"))
    }

    /// The path and query, where receivers put tokens.
    private static func secretParts(of url: String) -> [String] {
        let rest = url.utf8.drop { $0 != 0x3A }.dropFirst(3)
        guard let slash = rest.firstIndex(where: { $0 == 0x2F || $0 == 0x3F }) else { return [] }
        return String(rest[slash...])?.split(whereSeparator: { "/?&=#".contains($0) })
            .filter { $0.utf8.count >= 8 }.map(String.init) ?? []
    }
}
