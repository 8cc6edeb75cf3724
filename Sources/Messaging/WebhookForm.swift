internal import Publishing
internal import SessionModel

/// An alert as the body of a Standard Webhook: `{"type":…,"timestamp":…,"data":…}`.
enum WebhookForm {
    static func message(_ notice: Notice) -> JSON {
        let type =
            switch notice.kind {
            case .raised: "alert.raised"
            case .changed: "alert.changed"
            case .over: "alert.over"
            }
        return event(type, at: notice.alert.time, data: alert(notice.alert))
    }

    static func gathered(_ gathering: Gathering) -> JSON {
        event(
            "alert.digest", at: gathering.created,
            data: .object([
                ("count", .integer(gathering.count)), ("further", .integer(gathering.further)),
                ("alerts", .array(gathering.notices.map { alert($0.alert) })),
            ]))
    }

    static func owner(
        _ notice: Notice, _ message: OwnerMessage, to person: PeopleDirectory.Person
    ) -> JSON {
        event(
            "owner.message", at: notice.alert.time,
            data: .object(
                [
                    ("alert", .text(notice.alert.id)),
                    ("revision", .integer(notice.alert.revision)),
                    ("user", .text(notice.alert.userID)), ("to", .text(person.mail.text)),
                ] + message.parts + [("text", .text(message.text)), ("html", .text(message.html))]))
    }

    static func note(_ text: String, at time: Timestamp) -> JSON {
        event("channel.test", at: time, data: .object([("text", .text(text))]))
    }

    private static func alert(_ alert: Alert) -> JSON {
        (try? JSON(parsing: AlertJSON.bytes(alert))) ?? .null
    }

    private static func event(_ type: String, at time: Timestamp, data: JSON) -> JSON {
        .object([
            ("type", .text(type)), ("timestamp", .text(time.rfc3339)), ("data", data),
        ])
    }
}
