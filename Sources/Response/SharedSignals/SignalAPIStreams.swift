/// Setting streams up (SSF 1.0, 8.1.1 and 8.1.2).
extension SignalAPI {
    func read(
        _ request: RouteRequest, _ receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> RouteResponse {
        if let id = request.query["stream_id"] {
            guard let stream = try own(id, receiver) else { return missing }
            return .json(text(of: stream))
        }
        var texts: [String] = []
        for stream in try store.streams(of: receiver.name) { texts.append(text(of: stream)) }
        return .json("[" + texts.joined(separator: ",") + "]")
    }

    func delete(
        _ request: RouteRequest, _ receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> RouteResponse {
        guard let stream = try own(request.query["stream_id"], receiver) else { return missing }
        return try store.delete(stream.id) ? RouteResponse(204) : missing
    }

    func create(
        _ body: [String: JSONValue], _ receiver: SignalReceivers.Receiver
    ) throws(ResponseError) -> RouteResponse {
        var stream = SignalStream(
            id: SignalAPI.randomID(), receiver: receiver.name, audience: receiver.audience,
            method: .poll)
        if let fault = set(&stream, body, replaces: true) { return problem(400, fault) }
        guard try store.add(stream) else {
            return problem(409, "there is a stream for this receiver already, or no room for one")
        }
        return .json(text(of: stream), status: 201)
    }

    func update(
        _ old: SignalStream, _ body: [String: JSONValue], replaces: Bool
    ) throws(ResponseError) -> RouteResponse {
        var stream = old
        let isOurs =
            (body["iss"] == nil || body["iss"]?.text == options.issuer)
            && (body["aud"] == nil || body["aud"]?.text == old.audience)
        guard isOurs else { return problem(400, "iss and aud are the transmitter's to set") }
        if let fault = set(&stream, body, replaces: replaces) { return problem(400, fault) }
        try store.update(stream)
        return .json(text(of: stream))
    }

    func setStatus(
        of old: SignalStream, _ body: [String: JSONValue]
    ) throws(ResponseError) -> RouteResponse {
        guard let status = body["status"]?.text.flatMap(SignalStream.Status.init(rawValue:)) else {
            return problem(400, "'status' must be enabled, paused or disabled")
        }
        let reason = body["reason"]?.text
        guard reason?.utf8.count ?? 0 <= 1024 else { return problem(400, "'reason' is too long") }
        var stream = old
        (stream.status, stream.reason) = (status, reason)
        try store.update(stream)
        return .json(SignalAPI.status(stream))
    }

    /// What is wrong with what the receiver sets; nil when all is well.
    private func set(
        _ stream: inout SignalStream, _ body: [String: JSONValue], replaces: Bool
    ) -> String? {
        if let given = body["events_requested"] {
            let events = given.array?.compactMap(\.text) ?? []
            guard (1...100).contains(events.count), events.count == given.array?.count,
                events.allSatisfy({
                    (1...512).contains($0.utf8.count)
                        && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                })
            else { return "'events_requested' must be a list of 1 to 100 event URIs" }
            stream.requested = events
        } else if replaces {
            stream.requested = nil
        }
        if let given = body["description"] {
            guard let text = given.text, text.utf8.count <= 1024 else {
                return "'description' must be a text of at most 1024 bytes"
            }
            stream.description = text
        } else if replaces {
            stream.description = nil
        }
        if let delivery = body["delivery"] { return setDelivery(&stream, delivery) }
        if replaces { (stream.method, stream.endpoint, stream.authorization) = (.poll, "", nil) }
        return nil
    }

    private func setDelivery(_ stream: inout SignalStream, _ delivery: JSONValue) -> String? {
        guard let method = delivery["method"]?.text.flatMap(SignalStream.Method.init(rawValue:))
        else {
            return "'delivery' must have the method urn:ietf:rfc:8935 (push) or "
                + "urn:ietf:rfc:8936 (poll)"
        }
        guard method == .push else {
            (stream.method, stream.endpoint, stream.authorization) = (.poll, "", nil)
            return nil
        }
        guard let url = delivery["endpoint_url"]?.text else {
            return "no 'endpoint_url' to push to"
        }
        do throws(ResponseError) {
            try SignalPusher.check(url, allowsPrivate: options.allowsPrivate)
        } catch {
            return "'endpoint_url' must be an https URL without user and password"
        }
        var authorization: String?
        if let given = delivery["authorization_header"] {
            guard let text = given.text, (1...4096).contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
            else { return "'authorization_header' must be printable ASCII" }
            authorization = text
        }
        (stream.method, stream.endpoint) = (.push, url)
        stream.authorization = authorization
        return nil
    }

    /// The stream object. The header that authorizes pushes is a secret and not given back.
    private func text(of stream: SignalStream) -> String {
        var json = JSONText()
        json.object {
            $0.string("stream_id", stream.id)
            $0.string("iss", options.issuer)
            $0.string("aud", stream.audience)
            $0.strings("events_supported", SecurityEventType.offered.map(\.rawValue))
            if let requested = stream.requested { $0.strings("events_requested", requested) }
            $0.strings("events_delivered", stream.delivered)
            $0.object("delivery") {
                $0.string("method", stream.method.rawValue)
                $0.string(
                    "endpoint_url",
                    stream.method == .push ? stream.endpoint : url("poll/\(stream.id)"))
            }
            $0.number("min_verification_interval", options.verificationSeconds)
            if let description = stream.description { $0.string("description", description) }
        }
        return json.text
    }

    static func status(_ stream: SignalStream) -> String {
        var json = JSONText()
        json.object {
            $0.string("stream_id", stream.id)
            $0.string("status", stream.status.rawValue)
            if let reason = stream.reason { $0.string("reason", reason) }
        }
        return json.text
    }
}

extension JSONText {
    /// A value as JSON, members in the order of their names, so that the same value is the same text.
    static func text(of value: JSONValue) -> String {
        switch value {
        case .null: return "null"
        case .bool(let bool): return bool ? "true" : "false"
        case .number(let number):
            return Int(exactly: number).map(String.init) ?? String(number)
        case .text(let text):
            var json = JSONText()
            json.strings("", [text])
            return String(json.text.dropFirst(#""":["#.count).dropLast())
        case .array(let items): return "[" + items.map(text).joined(separator: ",") + "]"
        case .object(let members):
            var json = JSONText()
            json.object {
                for key in members.keys.sorted() { $0.raw(key, text(of: members[key] ?? .null)) }
            }
            return json.text
        }
    }
}
