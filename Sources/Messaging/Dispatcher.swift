internal import Publishing
internal import Response
internal import SessionModel

/// Sends a made message and reads the answer, by the rules of the channel's kind.
struct Dispatcher: Sendable {
    private let courier: Courier

    init() throws(ResponseError) { courier = try Courier() }

    func send(_ outgoing: Outgoing, on channel: Channel, at now: Timestamp) -> DeliveryAnswer {
        switch outgoing {
        case .mail(let message, let delivery): return Mailer.send(message, by: delivery)
        case .http(let request): return send(request, channel.kind, at: now)
        }
    }

    /// A request with its secrets in it.
    struct Ready {
        var url: String
        var headers: [String]
        var body: [UInt8]
        var secrets: [String]
    }

    static func ready(
        _ request: OutgoingRequest, at now: Timestamp
    ) throws(ResponseError) -> Ready {
        var secrets: [String] = []
        var url = request.url
        if let secret = request.secretURL {
            let base = try secret.text()
            secrets +=
                [base]
                + base.split(whereSeparator: { "/?&=#".contains($0) })
                .map(String.init).filter { $0.utf8.count >= 8 && !$0.contains(".") }
            // A webhook's own query stays behind the path.
            url = joined(base, request.url)
        }
        var headers = [
            "content-type: application/json; charset=utf-8", "user-agent: lastseen", "expect:",
        ]
        headers += request.headers.map { "\($0.name): \($0.value)" }
        if let bearer = request.bearer {
            let token = try bearer.text()
            secrets.append(token)
            headers.append("authorization: Bearer \(token)")
        }
        var document = request.body
        if let routingKey = request.routingKey, case .object(let members) = document {
            let key = try routingKey.text()
            secrets.append(key)
            document = .object([("routing_key", .text(key))] + members)
        }
        let body = document.bytes
        if let (secret, id) = request.signing {
            let text = try secret.text()
            secrets.append(text)
            guard let key = WebhookSecret(text) else {
                throw .badSecret(
                    origin: "secret", number: 1,
                    reason: "is not 'whsec_' and the base64 of 24 to 64 bytes")
            }
            let seconds = now.milliseconds / 1000
            headers += [
                "webhook-id: \(id)", "webhook-timestamp: \(seconds)",
                "webhook-signature: " + key.header(id: id, timestampSeconds: seconds, body: body),
            ]
        }
        return Ready(url: url, headers: headers, body: body, secrets: secrets)
    }

    /// `https://x/a?t=1` and `/messages/2` as `https://x/a/messages/2?t=1`; and `?wait=true` as one
    /// more parameter.
    private static func joined(_ base: String, _ rest: String) -> String {
        guard !rest.isEmpty else { return base }
        let parts = base.split(separator: "?", maxSplits: 1).map(String.init)
        let query = parts.count == 2 ? parts[1] : ""
        if rest.hasPrefix("?") {
            return parts[0] + (query.isEmpty ? rest : "?\(query)&\(rest.dropFirst())")
        }
        let path = parts[0].hasSuffix("/") ? String(parts[0].dropLast()) : parts[0]
        return path + rest + (query.isEmpty ? "" : "?\(query)")
    }

    private func send(
        _ request: OutgoingRequest, _ kind: Channel.Kind, at now: Timestamp
    ) -> DeliveryAnswer {
        let ready: Ready
        let origin: String
        do {
            ready = try Self.ready(request, at: now)
            origin = try Courier.origin(
                of: ready.url, name: "the channel's URL",
                allowsPrivate: request.reach.allowsPrivate)
        } catch {
            return DeliveryAnswer(outcome: .retry, detail: error.description)
        }
        let reply = courier.send(
            Courier.Request(
                method: request.method, url: ready.url, headers: ready.headers, body: ready.body,
                caFile: request.reach.caFile, allowsPrivate: request.reach.allowsPrivate))
        return ReplyReading(
            kind: kind, isAmendment: request.method == "PATCH" || request.url.hasSuffix("update"),
            origin: origin, redactor: Redactor(ready.secrets)
        ).answer(reply)
    }
}

/// What a channel's answer means.
struct ReplyReading {
    let kind: Channel.Kind
    /// Whether the request was to change a message that is there.
    let isAmendment: Bool
    let origin: String
    let redactor: Redactor

    func answer(_ reply: Courier.Reply) -> DeliveryAnswer {
        guard reply.failure.isEmpty, reply.status != 0 else {
            return DeliveryAnswer(
                outcome: .retry, detail: redactor.shown("\(origin) \(reply.failure)"), pauses: true)
        }
        let said = redactor.shown(reply.body.prefix(300))
        let detail = redactor.shown(
            "\(origin) answered \(reply.status)" + (said.isEmpty ? "" : ": \(said)"))
        switch reply.status {
        case 200...299: return taken(reply, detail)
        case 404 where isAmendment: return DeliveryAnswer(outcome: .lost, detail: detail)
        case 429:
            return DeliveryAnswer(
                outcome: .retry, detail: detail, retryAfterSeconds: wait(reply), pauses: true)
        case 408, 425, 500...599:
            return DeliveryAnswer(
                outcome: .retry, detail: detail, retryAfterSeconds: reply.retryAfterSeconds,
                pauses: reply.status >= 500)
        case 300...399:
            return DeliveryAnswer(
                outcome: .retry, detail: redactor.shown("\(detail); redirects are not followed"),
                pauses: true)
        // The webhook is gone, or the credential is no longer taken: a person has to look.
        default: return DeliveryAnswer(outcome: .refused, detail: detail)
        }
    }

    private func taken(_ reply: Courier.Reply, _ detail: String) -> DeliveryAnswer {
        let json = try? JSON(parsing: reply.body)
        switch kind {
        case .slack:
            // The Web API answers 200 and says in the body how it went; a webhook says 'ok'.
            guard let json, case .flag(let isOK)? = json["ok"] else { break }
            if isOK {
                guard case .text(let channel, _)? = json["channel"],
                    case .text(let time, _)? = json["ts"]
                else { break }
                return DeliveryAnswer(
                    outcome: .sent, remoteID: "\(channel) \(time)", detail: detail)
            }
            guard case .text(let error, _)? = json["error"] else { break }
            switch error {
            case "message_not_found", "cant_update_message", "edit_window_closed":
                return DeliveryAnswer(outcome: .lost, detail: detail)
            case "ratelimited", "rate_limited", "internal_error", "fatal_error",
                "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited":
                return DeliveryAnswer(
                    outcome: .retry, detail: detail, retryAfterSeconds: reply.retryAfterSeconds,
                    pauses: true)
            default: return DeliveryAnswer(outcome: .refused, detail: detail)
            }
        case .discord:
            if let json, case .text(let id, _)? = json["id"],
                (1...32).contains(id.utf8.count), id.utf8.allSatisfy({ (48...57).contains($0) })
            {
                return DeliveryAnswer(outcome: .sent, remoteID: id, detail: detail)
            }
        default: break
        }
        return DeliveryAnswer(outcome: .sent, detail: detail)
    }

    /// Discord says it in the body too, to a fraction of a second.
    private func wait(_ reply: Courier.Reply) -> Int? {
        if let seconds = reply.retryAfterSeconds { return seconds }
        guard kind == .discord, let json = try? JSON(parsing: reply.body) else { return nil }
        switch json["retry_after"] {
        case .integer(let seconds): return seconds
        case .number(let seconds) where seconds < 86_400: return Int(seconds.rounded(.up))
        default: return nil
        }
    }
}
