internal import SessionModel

/// Leaves a step with its answer: what the target or the way to it did not allow.
struct ConnectorStop: Error {
    var answer: ConnectorAnswer
}

/// A piece of a URL's path. What comes from records has to be spelled `.id`, which encodes it.
enum PathPart: ExpressibleByStringLiteral {
    case fixed(String)
    case id(String)

    init(stringLiteral value: String) { self = .fixed(value) }
}

/// How to send one request of a step.
struct APIRequest {
    var method: String
    var path: [PathPart]
    var query: [(String, String)] = []
    var headers: [String] = []
    var json: String?
    var contentType = "content-type: application/json"
    /// Statuses that the caller judges besides 2xx.
    var accepting: Set<Int> = []
    /// Whether a list is awaited, of which more is kept.
    var isList = false

    /// What is kept of a list: a few thousand sessions.
    static let listLimit = 1 << 20

    init(
        _ method: String, _ path: [PathPart], query: [(String, String)] = [],
        headers: [String] = [], json: String? = nil, accepting: Set<Int> = [], isList: Bool = false
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.json = json
        self.accepting = accepting
        self.isList = isList
    }

    /// For an API that reads by POST.
    var onlyReads = false

    /// Whether it may change something at the target.
    var hasEffect: Bool { method != "GET" && !onlyReads }
}

/// An answer that the caller may judge: 2xx, or a status it accepts.
struct APIReply {
    var status: Int
    var body: [UInt8]
    var isBodyCut: Bool

    var isGone: Bool { status == 404 || status == 410 }
    var isRight: Bool { (200...299).contains(status) }
    var json: JSONValue? { isBodyCut ? nil : JSONValue(body) }
}

/// The requests of one step, with one time limit for all of them.
///
/// Used by the one thread that carries the step out.
final class APICall {
    let target: APITarget
    /// Wall time when the step began.
    let now: Timestamp
    private let deadline: ContinuousClock.Instant
    /// Whether a request that may change something has left.
    private(set) var hasActed = false

    init(_ target: APITarget, at now: Timestamp) {
        self.target = target
        self.now = now
        deadline = .now + .milliseconds(target.options.timeoutSeconds * 1000)
    }

    // MARK: - Answers

    func answer(_ outcome: ConnectorAnswer.Outcome, _ what: String) -> ConnectorAnswer {
        ConnectorAnswer(outcome, detail: target.shown(what))
    }

    func refused(_ what: String) -> ConnectorStop { ConnectorStop(answer: answer(.refused, what)) }

    /// To be tried again. What was sent before may have had its effect.
    func again(_ what: String, mayHaveHappened: Bool = false) -> ConnectorStop {
        var answer = answer(.retry, what)
        answer.mayHaveHappened = mayHaveHappened || hasActed
        return ConnectorStop(answer: answer)
    }

    // MARK: - Requests

    /// Sends with the credential; once more with a new one when the target no longer takes it.
    func send(_ request: APIRequest) throws(ConnectorStop) -> APIReply {
        let url = try target.options.url + text(of: request.path) + APICall.text(of: request.query)
        // Without a body, though there could be one: its length is said to be 0.
        let empty: [UInt8]? = request.method == "GET" || request.method == "DELETE" ? nil : []
        let bare = HTTPRequest(
            method: request.method, url: url,
            headers: request.headers
                + (request.json == nil ? [] : [request.contentType]),
            body: request.json.map { Array($0.utf8) } ?? empty,
            bodyKept: request.isList ? APIRequest.listLimit : HTTPRequest.bodyLimit)
        var refusal: (reply: HTTPReply, token: String)?
        while true {
            let credential = try target.authorization.credential(
                for: bare, self, unless: refusal?.token)
            if let refusal, refusal.token == credential.token {
                return try judged(refusal.reply, request)
            }
            var signed = bare
            signed.headers += credential.lines
            let reply = try exchange(signed, hasEffect: request.hasEffect)
            if refusal == nil, target.authorization.isRefusal(reply) {
                refusal = (reply, credential.token)
                continue
            }
            return try judged(reply, request)
        }
    }

    /// One exchange within what is left of the step's time. Throws when no whole answer came.
    ///
    /// - Parameter place: the origin, where it is not the target's.
    func exchange(
        _ request: HTTPRequest, hasEffect: Bool, at place: String? = nil
    ) throws(ConnectorStop) -> HTTPReply {
        let origin = place ?? target.origin
        let left = deadline - .now
        let milliseconds =
            Int(left.components.seconds) * 1000
            + Int(left.components.attoseconds / 1_000_000_000_000_000)
        guard milliseconds > 0 else { throw again("\(origin) did not answer in time") }
        var whole = request
        // Without the latter libcurl may wait for a '100 Continue' before the body.
        whole.headers += ["accept: application/json", "user-agent: lastseen", "expect:"]
        let reply = target.client.send(
            whole,
            HTTPLimits(
                addresses: AddressGuard(
                    allowsPrivate: target.options.allowsPrivate,
                    isEncrypted: asciiLowered(String(request.url.prefix(8))) == "https://"),
                caFile: target.options.caFile, connectMilliseconds: min(5_000, milliseconds),
                totalMilliseconds: milliseconds))
        let mayHaveHappened = hasEffect && reply.wasSent
        func failed(_ what: String) -> ConnectorStop {
            again(
                what + (reply.error.isEmpty ? "" : ": \(reply.error)"),
                mayHaveHappened: mayHaveHappened)
        }
        switch reply.result {
        case .answered: break
        case .unreachable: throw failed("\(origin) cannot be reached")
        case .addressRefused:
            throw again(
                "\(origin) is at a private, local or metadata address, which is refused (see "
                    + "allow_private)")
        case .tls: throw failed("\(origin) has no valid certificate")
        case .timedOut: throw failed("\(origin) did not answer in time")
        case .broken: throw failed("\(origin) broke off")
        case .notBegun: throw failed("the call to \(origin) could not be begun")
        }
        // What a gateway answered says nothing of what stood behind it.
        let isThrough = (200...299).contains(reply.status) || reply.status >= 500
        if hasEffect, isThrough { hasActed = true }
        return reply
    }

    /// What every target means by a status; the rest is the caller's.
    private func judged(_ reply: HTTPReply, _ request: APIRequest) throws(ConnectorStop) -> APIReply
    {
        let answer = APIReply(
            status: reply.status, body: reply.body, isBodyCut: reply.isBodyCut)
        if target.isRateLimit(reply) { throw limited(reply) }
        if answer.isRight || request.accepting.contains(reply.status) { return answer }
        throw stop(reply)
    }

    /// The answer for a status that the caller does not know more of.
    func stop(_ reply: HTTPReply, at place: String? = nil) -> ConnectorStop {
        let said = said(reply, at: place)
        switch reply.status {
        case 401: return refused("\(said); the credential is not accepted")
        case 403: return refused("\(said); the credential lacks a permission")
        case 408, 409, 423, 425:
            var stop = again(said)
            stop.answer.retryAfterSeconds = reply.retryAfterSeconds
            return stop
        case 429: return limited(reply, at: place)
        case 300...399: return again("\(said); redirects are not followed")
        case 400...499: return refused(said)
        default:
            var stop = again(said)
            stop.answer.retryAfterSeconds = reply.retryAfterSeconds
            return stop
        }
    }

    private func limited(_ reply: HTTPReply, at place: String? = nil) -> ConnectorStop {
        var stop = again(said(reply, at: place))
        stop.answer.retryAfterSeconds = reply.retryAfterSeconds ?? secondsToReset(reply)
        stop.answer.pausesConnector = true
        return stop
    }

    /// Okta, Auth0 and GitHub give the end of the wait in seconds since 1970.
    private func secondsToReset(_ reply: HTTPReply) -> Int? {
        guard
            let text = reply.header("x-rate-limit-reset") ?? reply.header("x-ratelimit-reset"),
            text.utf8.count <= 12, let end = Int(text)
        else { return nil }
        let wait = end - Int(now.milliseconds / 1000)
        return (1...86_400).contains(wait) ? wait : nil
    }

    func said(_ reply: HTTPReply, at place: String? = nil) -> String {
        let body = target.shown(reply.body)
        return "\(place ?? target.origin) answered \(reply.status)"
            + (body.isEmpty ? "" : ": \(body)")
    }

    // MARK: - Paths

    /// Each part encoded. An id that a server, or a proxy that decodes, could take for a step to
    /// another place is refused.
    private func text(of path: [PathPart]) throws(ConnectorStop) -> String {
        var text = ""
        for part in path {
            switch part {
            case .fixed(let fixed): text += "/" + fixed
            case .id(let id):
                guard APICall.isSafe(id) else {
                    throw refused("the id '\(plain(id, limit: 60))' cannot be part of a path")
                }
                text += "/" + APICall.encoded(id)
            }
        }
        return text
    }

    /// Not empty, at most 512 bytes, without control characters, and no `.` or `..` between slashes
    /// of either kind.
    static func isSafe(_ id: String) -> Bool {
        guard (1...512).contains(id.utf8.count),
            !id.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return false }
        return !id.utf8.split(omittingEmptySubsequences: false) { $0 == 0x2F || $0 == 0x5C }
            .contains { $0.elementsEqual([0x2E]) || $0.elementsEqual([0x2E, 0x2E]) }
    }

    /// RFC 3986, 2: everything but unreserved characters in hexadecimal.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            default: out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func text(of pairs: [(String, String)]) -> String {
        pairs.isEmpty
            ? "" : "?" + pairs.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
    }
}
