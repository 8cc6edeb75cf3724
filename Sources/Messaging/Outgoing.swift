internal import Publishing
internal import Response
internal import SessionModel

typealias JSON = Publishing.JSONValue

extension JSON {
    static func text(_ text: String) -> JSON { .text(text, isMarked: false) }

    /// As UTF-8, keys in their order.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        write(into: &out)
        return out
    }

    private func write(into out: inout [UInt8]) {
        switch self {
        case .null: out.append(json: "null")
        case .flag(let flag): out.append(json: flag ? "true" : "false")
        case .integer(let value): out.append(jsonInteger: value)
        case .number(let value): out.append(jsonNumber: value, decimals: 4)
        case .text(let text, _): out.append(jsonString: text)
        case .array(let items):
            out.append(0x5B)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(0x2C) }
                item.write(into: &out)
            }
            out.append(0x5D)
        case .object(let members):
            out.append(0x7B)
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(0x2C) }
                out.append(jsonString: member.key)
                out.append(0x3A)
                member.value.write(into: &out)
            }
            out.append(0x7D)
        }
    }
}

/// A message as it leaves, made without asking anybody: `notify preview` prints it.
enum Outgoing {
    case http(OutgoingRequest)
    case mail(MailMessage, MailDelivery)
}

/// One call of a channel's API.
struct OutgoingRequest {
    var method: String
    /// Without the part that is secret: `secretURL` goes before it when set.
    var url: String
    /// Where the whole address is a secret, as with webhooks.
    var secretURL: SecretValue?
    /// Beside `content-type: application/json`; values may not hold line ends.
    var headers: [(name: String, value: String)] = []
    /// Sent as `authorization: Bearer …`.
    var bearer: SecretValue?
    /// Signs by the Standard Webhooks scheme.
    var signing: (secret: SecretValue, id: String)?
    /// Put into the body as `routing_key` just before it is sent.
    var routingKey: SecretValue?
    var body: JSON
    var reach: Delivery.Reach
}

/// What became of one try.
struct DeliveryAnswer: Equatable {
    enum Outcome: Equatable {
        case sent
        /// To be tried again.
        case retry
        /// Not to be tried again.
        case refused
        /// What was to be amended is gone: to be sent as a new message.
        case lost
    }

    var outcome: Outcome
    /// What the channel calls the message.
    var remoteID = ""
    /// For a person, masked.
    var detail = ""
    var retryAfterSeconds: Int?
    /// Whether the channel's other messages should wait too.
    var pauses = false
}
