/// HTTP and programs for the modules that tell people: the same client, guards and limits as the
/// connectors have.
package struct Courier: Sendable {
    package struct Request: Sendable {
        package var method: String
        package var url: String
        /// Lines as `name: value`. One that holds a line end stops the request.
        package var headers: [String]
        package var body: [UInt8]
        /// A file of certificates in PEM to trust, and no others; nil for the system's.
        package var caFile: String?
        /// Whether private and loopback addresses, and `http:` to them, are taken.
        package var allowsPrivate: Bool

        package init(
            method: String, url: String, headers: [String], body: [UInt8], caFile: String?,
            allowsPrivate: Bool
        ) {
            self.method = method
            self.url = url
            self.headers = headers
            self.body = body
            self.caFile = caFile
            self.allowsPrivate = allowsPrivate
        }
    }

    package struct Reply: Sendable {
        /// 0 when no answer came.
        package var status: Int
        package var retryAfterSeconds: Int?
        /// The start of the body.
        package var body: [UInt8]
        /// Why no answer came, for a person; empty when one did.
        package var failure: String
    }

    private let client: HTTPClient

    package init() throws(ResponseError) { client = try HTTPClient(limit: 4) }

    /// `https://host:port`: all of a URL that may be shown.
    package static func origin(
        of url: String, name: String, allowsPrivate: Bool
    ) throws(ResponseError) -> String {
        try HTTPOrigin.checked(
            url, name: name, allowsPrivate: allowsPrivate,
            remedies: HTTPOrigin.Remedies(
                credentials: "give the credential by its own setting",
                privacy: "'allow_private: true'", example: "https://hooks.example.com/T0/B0")
        ).origin
    }

    /// Sends a request and waits for the answer, 20 s at most.
    package func send(_ request: Request) -> Reply {
        let reply = client.send(
            HTTPRequest(
                method: request.method, url: request.url, headers: request.headers,
                body: request.body),
            HTTPLimits(
                addresses: AddressGuard(
                    allowsPrivate: request.allowsPrivate,
                    isEncrypted: asciiLowered(request.url).hasPrefix("https:")),
                caFile: request.caFile, connectMilliseconds: 5_000, totalMilliseconds: 20_000))
        let failure =
            switch reply.result {
            case .answered: ""
            case .unreachable: "cannot be reached"
            case .addressRefused:
                "is at a private, local or metadata address, which is refused (see allow_private)"
            case .tls: "has no valid certificate"
            case .timedOut: "did not answer in time"
            case .broken: "broke off"
            case .notBegun: "could not be called"
            }
        return Reply(
            status: reply.result == .answered ? reply.status : 0,
            retryAfterSeconds: reply.retryAfterSeconds, body: reply.body,
            failure: reply.error.isEmpty || failure.isEmpty
                ? failure : "\(failure): \(reply.error)")
    }

    /// How a program ended.
    package enum Ending: Sendable, Equatable {
        case exited(Int32)
        /// By a signal or the time limit: it may have done its work.
        case ended
        case notStarted(String)
    }

    /// Runs a program with `input` on its standard input: no shell, a bare environment, 30 s at most.
    package static func run(
        _ program: String, _ arguments: [String], input: [UInt8]
    ) -> (ending: Ending, errors: [UInt8]) {
        let process = ChildProcess(
            program: program, arguments: arguments,
            environment: ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"],
            limitMilliseconds: 30_000, graceMilliseconds: 2_000)
        do {
            let result = try process.run(input: String(decoding: input, as: UTF8.self))
            if case .exited(let status) = result.ending { return (.exited(status), result.errors) }
            return (.ended, result.errors)
        } catch {
            return (.notStarted(error.description), [])
        }
    }
}

extension WebhookSecret {
    /// The value of `webhook-signature` for a body.
    package func header(id: String, timestampSeconds: Int64, body: [UInt8]) -> String {
        WebhookSignature.header(
            id: id, timestampSeconds: timestampSeconds,
            body: String(decoding: body, as: UTF8.self), secrets: [self])
    }
}
