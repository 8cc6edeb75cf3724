internal import Glibc
public import SessionModel
internal import Synchronization

/// What a transmitter serves (SSF 1.0, 7 and 8; RFC 8936).
public struct SignalAPIOptions: Sendable {
    /// `iss`; its path, if any, stands before each of ours.
    public var issuer: String
    /// Whether receivers may have events pushed to private and loopback addresses.
    public var allowsPrivate: Bool
    /// How long a poll waits for an event.
    public var pollSeconds: Int
    /// Polls that wait at a time; what is more is answered at once.
    public var pollLimit: Int
    /// The least time between two verifications of a stream.
    public var verificationSeconds: Int

    public init(
        issuer: String, allowsPrivate: Bool = false, pollSeconds: Int = 25, pollLimit: Int = 32,
        verificationSeconds: Int = 10
    ) {
        self.issuer = issuer
        self.allowsPrivate = allowsPrivate
        self.pollSeconds = pollSeconds
        self.pollLimit = pollLimit
        self.verificationSeconds = verificationSeconds
    }
}

/// The transmitter's side of the Shared Signals Framework: discovery, keys, a stream for each
/// receiver, its status, subjects and verification, and polling.
///
/// All but discovery and keys want a receiver's bearer token (RFC 6750). A stream of another
/// receiver's is the same as none: 404.
public final class SignalAPI: RouteHandler {
    let options: SignalAPIOptions
    let store: SignalStore
    private let signer: SignalSigner
    private let receivers: SignalReceivers
    let clock: @Sendable () -> Timestamp
    /// The issuer's path, without a slash at its end.
    private let prefix: String
    private let polls = Atomic<Int>(0)

    /// - Parameter clock: wall time.
    public init(
        _ options: SignalAPIOptions, store: SignalStore, signer: SignalSigner,
        receivers: SignalReceivers, clock: @escaping @Sendable () -> Timestamp
    ) throws(ResponseError) {
        try SharedSignals.checkIssuer(options.issuer)
        self.options = options
        self.store = store
        self.signer = signer
        self.receivers = receivers
        self.clock = clock
        let rest = options.issuer.dropFirst("https://".count)
        var path = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? ""
        while path.hasSuffix("/") { path.removeLast() }
        prefix = path
    }

    public func answer(_ request: RouteRequest) -> RouteResponse? {
        let discovery = "/.well-known/ssf-configuration"
        if request.path == discovery + prefix {
            return request.method == "GET" ? .json(configuration) : wrongMethod("GET")
        }
        guard request.path.hasPrefix(prefix + "/ssf/") else { return nil }
        let route = String(request.path.dropFirst(prefix.utf8.count + "/ssf/".utf8.count))
        if route == "jwks.json" {
            return request.method == "GET" ? .json(signer.jwks) : wrongMethod("GET")
        }
        guard let receiver = receivers.receiver(authorization: request.headers["authorization"])
        else {
            return RouteResponse(401, headers: [#"www-authenticate: Bearer realm="lastseen""#])
        }
        do throws(ResponseError) {
            return try answer(request, route: route, for: receiver)
        } catch {
            return problem(503, "the file of streams cannot be used now")
        }
    }

    private func answer(
        _ request: RouteRequest, route: String, for receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> RouteResponse {
        let isChange =
            route == "stream" && request.method != "GET"
            || (route == "status" && request.method != "GET")
            || route == "subjects/add" || route == "subjects/remove"
        if isChange, !receiver.mayManage { return problem(403, "this token may only read") }
        switch (route, request.method) {
        case ("stream", "GET"): return try read(request, receiver)
        case ("stream", "DELETE"): return try delete(request, receiver)
        case ("status", "GET"):
            guard let stream = try own(request.query["stream_id"], receiver) else { return missing }
            return .json(SignalAPI.status(stream))
        case ("stream", _), ("status", _), ("subjects/add", "POST"), ("subjects/remove", "POST"),
            ("verification", "POST"):
            guard case .object(let body) = JSONValue(request.body) else {
                return problem(400, "the body is no JSON object")
            }
            return try change(route, request.method, body, receiver)
        default:
            if route.hasPrefix("poll/") {
                guard request.method == "POST" else { return wrongMethod("POST") }
                return try poll(String(route.dropFirst(5)), request, receiver)
            }
            return ["subjects/add", "subjects/remove", "verification"].contains(route)
                ? wrongMethod("POST") : problem(404, "there is nothing here")
        }
    }

    private func change(
        _ route: String, _ method: String, _ body: [String: JSONValue],
        _ receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> RouteResponse {
        if route == "stream", method == "POST" { return try create(body, receiver) }
        guard let id = body["stream_id"]?.text else { return problem(400, "no stream_id") }
        guard let stream = try own(id, receiver) else { return missing }
        switch (route, method) {
        case ("stream", "PATCH"): return try update(stream, body, replaces: false)
        case ("stream", "PUT"): return try update(stream, body, replaces: true)
        case ("stream", _): return wrongMethod("GET, POST, PATCH, PUT, DELETE")
        case ("status", "POST"): return try setStatus(of: stream, body)
        case ("status", _): return wrongMethod("GET, POST")
        case ("verification", _):
            let state = body["state"]?.text
            guard state?.utf8.count ?? 0 <= 1024 else { return problem(400, "state is too long") }
            let isIn = try store.verify(
                stream, state: state, issuer: options.issuer,
                intervalSeconds: options.verificationSeconds, jti: "ver-" + SignalAPI.randomID(),
                at: clock())
            return isIn
                ? RouteResponse(204)
                : RouteResponse(429, headers: ["retry-after: \(options.verificationSeconds)"])
        default:
            guard let subject = body["subject"], case .object = subject,
                subject["format"]?.text != nil
            else { return problem(400, "'subject' must be an object with a 'format'") }
            let text = JSONText.text(of: subject)
            guard text.utf8.count <= 4096 else { return problem(400, "the subject is too long") }
            if route == "subjects/add" {
                try store.add(subject: text, to: stream.id)
                return RouteResponse(200)
            }
            return try store.remove(subject: text, from: stream.id)
                ? RouteResponse(204)
                : problem(429, "\(SignalStore.subjectLimit) subjects are left out already")
        }
    }

    // MARK: - Polling

    /// RFC 8936, 2.4.
    private func poll(
        _ id: String, _ request: RouteRequest, _ receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> RouteResponse {
        guard let stream = try own(id, receiver), stream.method == .poll else { return missing }
        guard case .object(let body) = JSONValue(request.body) else {
            return problem(400, "the body is no JSON object")
        }
        var most = 100
        if let given = body["maxEvents"] {
            guard let number = given.int, number >= 0 else { return problem(400, "maxEvents") }
            most = min(number, 1000)
        }
        if let given = body["returnImmediately"], given.bool == nil {
            return problem(400, "returnImmediately")
        }
        var acknowledged: [String] = []
        if let given = body["ack"] {
            guard let list = given.array else { return problem(400, "ack") }
            for item in list {
                guard let jti = item.text else { return problem(400, "ack") }
                acknowledged.append(jti)
            }
        }
        var refused: [String: SignalError] = [:]
        if let given = body["setErrs"] {
            guard case .object(let errors) = given else { return problem(400, "setErrs") }
            for (jti, error) in errors {
                guard let code = error["err"]?.text else { return problem(400, "setErrs") }
                refused[jti] = SignalError(
                    code: code, description: error["description"]?.text ?? "")
            }
        }
        try store.close(
            in: stream.id, acknowledged: acknowledged, refused: refused, at: clock())
        guard most > 0 else { return .json(#"{"sets":{}}"#) }
        var found = try store.waiting(in: stream.id, limit: most)
        if found.events.isEmpty, body["returnImmediately"]?.bool != true {
            found = try wait(in: stream.id, limit: most, request)
        }
        var json = JSONText()
        var isWhole = true
        json.object {
            $0.object("sets") {
                for signal in found.events {
                    guard let token = signer.token(signal.claims) else {
                        isWhole = false
                        continue
                    }
                    $0.string(signal.event, token)
                }
            }
            if found.hasMore { $0.raw("moreAvailable", "true") }
        }
        return isWhole ? .json(json.text) : problem(503, "libcrypto could not sign")
    }

    /// Looks again several times a second: events are put in by another process.
    private func wait(
        in stream: String, limit: Int, _ request: RouteRequest
    ) throws(ResponseError) -> (events: [WaitingSignal], hasMore: Bool) {
        defer { polls.subtract(1, ordering: .relaxed) }
        guard polls.add(1, ordering: .relaxed).newValue <= options.pollLimit else {
            return ([], false)
        }
        let end = ContinuousClock.now + .seconds(options.pollSeconds)
        while ContinuousClock.now < end, !request.isStopping() {
            usleep(200_000)
            let found = try store.waiting(in: stream, limit: limit)
            if !found.events.isEmpty { return found }
        }
        return ([], false)
    }

    // MARK: - Small answers

    /// The receiver's own stream of that id.
    func own(
        _ id: String?, _ receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> SignalStream? {
        guard let id, let stream = try store.stream(id), stream.receiver == receiver.name else {
            return nil
        }
        return stream
    }

    var missing: RouteResponse { problem(404, "there is no such stream") }

    func problem(_ status: Int, _ words: String) -> RouteResponse {
        var json = JSONText()
        json.object { $0.string("description", words) }
        return .json(json.text, status: status)
    }

    private func wrongMethod(_ allowed: String) -> RouteResponse {
        RouteResponse(405, headers: ["allow: \(allowed)"])
    }

    func url(_ route: String) -> String {
        var base = options.issuer
        while base.hasSuffix("/") { base.removeLast() }
        return base + "/ssf/" + route
    }

    /// 128 random bits.
    static func randomID() -> String {
        var random = SystemRandomNumberGenerator()
        return Digest.hex((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    /// SSF 1.0, 7.1.
    private var configuration: String {
        var json = JSONText()
        json.object {
            $0.string("spec_version", "1_0")
            $0.string("issuer", options.issuer)
            $0.string("jwks_uri", url("jwks.json"))
            $0.strings(
                "delivery_methods_supported",
                [SignalStream.Method.push.rawValue, SignalStream.Method.poll.rawValue])
            $0.string("configuration_endpoint", url("stream"))
            $0.string("status_endpoint", url("status"))
            $0.string("add_subject_endpoint", url("subjects/add"))
            $0.string("remove_subject_endpoint", url("subjects/remove"))
            $0.string("verification_endpoint", url("verification"))
            $0.raw("authorization_schemes", #"[{"spec_urn":"urn:ietf:rfc:6750"}]"#)
            $0.string("default_subjects", "ALL")
        }
        return json.text
    }
}
