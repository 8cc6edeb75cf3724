/// What an HTTP exchange means for an action: the table in `WebhookConnector`.
enum WebhookVerdict {
    static func answer(
        to reply: HTTPReply, origin: String, redactor: Redactor
    ) -> ConnectorAnswer {
        switch reply.result {
        case .answered:
            return verdict(on: reply, origin: origin, redactor: redactor)
        case .unreachable:
            return again("\(origin) cannot be reached", reply, redactor)
        case .addressRefused:
            return ConnectorAnswer(
                .retry,
                detail: redactor.shown(
                    "\(origin) is at a private, local or metadata address, which is refused "
                        + "(see --webhook-allow-private)"))
        case .tls:
            return again("\(origin) has no valid certificate", reply, redactor)
        case .timedOut:
            return again("\(origin) did not answer in time", reply, redactor)
        case .broken:
            return again("\(origin) broke off", reply, redactor)
        case .notBegun:
            return again("the call to \(origin) could not be begun", reply, redactor)
        }
    }

    /// No (whole) answer: once bytes of the request left, the receiver may have acted.
    private static func again(
        _ what: String, _ reply: HTTPReply, _ redactor: Redactor
    ) -> ConnectorAnswer {
        ConnectorAnswer(
            .retry, detail: redactor.shown(what + (reply.error.isEmpty ? "" : ": \(reply.error)")),
            mayHaveHappened: reply.wasSent)
    }

    private static func verdict(
        on reply: HTTPReply, origin: String, redactor: Redactor
    ) -> ConnectorAnswer {
        let said = redactor.shown(body: reply.body)
        let detail = redactor.shown(
            "\(origin) answered \(reply.status)" + (said.isEmpty ? "" : ": \(said)"))
        func answer(_ outcome: ConnectorAnswer.Outcome) -> ConnectorAnswer {
            ConnectorAnswer(outcome, detail: detail)
        }
        switch reply.status {
        case 200...299:
            switch asciiLowered(reply.header("lastseen-outcome") ?? "") {
            case ConnectorAnswer.Outcome.alreadySo.rawValue: return answer(.alreadySo)
            case ConnectorAnswer.Outcome.notNeeded.rawValue: return answer(.notNeeded)
            default: return answer(.done)
            }
        case 410:
            return ConnectorAnswer(
                .refused, detail: detail, retryAfterSeconds: RetrySchedule.longestWaitSeconds,
                pausesConnector: true)
        case 408, 425:
            return ConnectorAnswer(
                .retry, detail: detail, retryAfterSeconds: reply.retryAfterSeconds)
        case 429:
            return ConnectorAnswer(
                .retry, detail: detail, retryAfterSeconds: reply.retryAfterSeconds,
                pausesConnector: true)
        case 400...499:
            return answer(.refused)
        case 300...399:
            return ConnectorAnswer(
                .retry, detail: redactor.shown("\(detail); redirects are not followed"))
        default:
            // 5xx: a gateway's answer says nothing of what stood behind it.
            return ConnectorAnswer(
                .retry, detail: detail, retryAfterSeconds: reply.retryAfterSeconds,
                mayHaveHappened: true)
        }
    }
}
