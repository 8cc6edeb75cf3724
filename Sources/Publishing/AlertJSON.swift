public import SessionModel

/// The alert as one line of JSON: the form in which alerts are fed, stored and compared.
///
/// `Schemas/alert.schema.json` documents it and `AlertSchema.text` holds the same. Every key is always
/// there and in one order, so equal alerts are equal bytes. Evidence numbers have one digit after the
/// point (four when the name ends in `_lat` or `_lon`) and whole numbers none, which is how they are
/// told apart on reading. A text in the evidence that looks like a time is written with its first
/// character as an escape: the same JSON to everybody, but read back as the text it was.
/// `isMaterial` is about the moment of a change and is not part of it.
public enum AlertJSON {
    /// Appends one line, ending in a newline and holding no other. About 4 µs for an alert with three
    /// findings.
    public static func write(_ alert: Alert, into out: inout [UInt8]) {
        writeObject(alert, into: &out)
        out.append(UInt8(ascii: "\n"))
    }

    /// The line without its newline, for a row or a request's body.
    public static func bytes(_ alert: Alert) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(2048)
        writeObject(alert, into: &out)
        return out
    }

    private static func writeObject(_ alert: Alert, into out: inout [UInt8]) {
        out.append(json: "{\"id\":")
        out.append(jsonString: alert.id)
        out.append(json: ",\"revision\":")
        out.append(jsonInteger: alert.revision)
        out.append(json: ",\"status\":")
        out.append(jsonString: alert.status.rawValue)
        out.append(json: ",\"time\":")
        out.append(jsonTime: alert.time)
        out.append(json: ",\"tenant\":")
        out.append(jsonString: alert.tenant)
        out.append(json: ",\"user\":{\"id\":")
        out.append(jsonString: alert.userID)
        out.append(json: ",\"name\":")
        out.append(jsonString: alert.userName)
        out.append(json: "},\"session\":{\"id\":")
        out.append(jsonString: alert.sessionID)
        out.append(json: ",\"others\":")
        write(strings: alert.otherSessionIDs, into: &out)
        out.append(json: "},\"device\":{\"id\":")
        out.append(jsonString: alert.deviceID)
        out.append(json: ",\"label\":")
        out.append(jsonString: alert.deviceLabel)
        out.append(json: "},\"place\":")
        write(alert.place, into: &out)
        out.append(json: ",\"network\":")
        write(alert.network, into: &out)
        out.append(json: ",\"risk\":")
        out.append(jsonInteger: alert.risk)
        out.append(json: ",\"severity\":")
        out.append(jsonString: alert.severity.name)
        out.append(json: ",\"title\":")
        out.append(jsonString: alert.title)
        out.append(json: ",\"summary\":")
        out.append(jsonString: alert.summary)
        out.append(json: ",\"findings\":")
        write(alert.findings, into: &out) { write($0, into: &$1) }
        out.append(json: ",\"recommendations\":")
        write(alert.recommendations, into: &out) { recommendation, out in
            out.append(json: "{\"step\":")
            out.append(jsonInteger: recommendation.step)
            out.append(json: ",\"text\":")
            out.append(jsonString: recommendation.text)
            out.append(json: ",\"reason\":")
            out.append(jsonString: recommendation.reason)
            out.append(UInt8(ascii: "}"))
        }
        out.append(json: ",\"actions\":")
        write(alert.actions, into: &out) { action, out in
            out.append(json: "{\"id\":")
            out.append(jsonString: action.id)
            out.append(json: ",\"kind\":")
            out.append(jsonString: action.kind)
            out.append(json: ",\"target\":")
            out.append(jsonString: action.target)
            if !action.connector.isEmpty {
                out.append(json: ",\"connector\":")
                out.append(jsonString: action.connector)
            }
            out.append(json: ",\"state\":")
            out.append(jsonString: action.state)
            out.append(UInt8(ascii: "}"))
        }
        out.append(json: ",\"rung\":")
        out.append(jsonString: alert.rung.name)
        out.append(json: ",\"settled_early\":")
        write(alert.isSettledEarly, into: &out)
        out.append(UInt8(ascii: "}"))
    }

    static func write(_ place: Place, into out: inout [UInt8]) {
        out.append(json: "{\"city\":")
        out.append(jsonString: place.city)
        out.append(json: ",\"region\":")
        out.append(jsonString: place.region)
        out.append(json: ",\"country\":")
        out.append(jsonString: place.country)
        out.append(json: ",\"latitude\":")
        if let latitude = place.latitude {
            out.append(jsonNumber: latitude, decimals: 4)
        } else {
            out.append(json: "null")
        }
        out.append(json: ",\"longitude\":")
        if let longitude = place.longitude {
            out.append(jsonNumber: longitude, decimals: 4)
        } else {
            out.append(json: "null")
        }
        out.append(json: ",\"radius_km\":")
        if let radius = place.radiusKilometers {
            out.append(jsonInteger: radius)
        } else {
            out.append(json: "null")
        }
        out.append(UInt8(ascii: "}"))
    }

    static func write(_ network: Network, into out: inout [UInt8]) {
        out.append(json: "{\"address\":")
        out.append(jsonString: network.address)
        out.append(json: ",\"asn\":")
        if network.asn == 0 {
            out.append(json: "null")
        } else {
            out.append(jsonInteger: Int(network.asn))
        }
        out.append(json: ",\"organization\":")
        out.append(jsonString: network.organization)
        out.append(json: ",\"kind\":")
        out.append(jsonString: network.kind.name)
        out.append(UInt8(ascii: "}"))
    }

    private static func write(_ finding: Finding, into out: inout [UInt8]) {
        out.append(json: "{\"rule\":")
        out.append(jsonString: finding.rule)
        out.append(json: ",\"severity\":")
        out.append(jsonString: finding.severity.name)
        out.append(json: ",\"confidence\":")
        out.append(jsonString: finding.confidence.name)
        out.append(json: ",\"time\":")
        out.append(jsonTime: finding.time)
        out.append(json: ",\"records\":")
        write(strings: finding.records, into: &out)
        out.append(json: ",\"evidence\":{")
        for (index, evidence) in finding.evidence.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out.append(jsonString: evidence.name)
            out.append(UInt8(ascii: ":"))
            switch evidence.value {
            case .number(let value):
                out.append(jsonNumber: value, decimals: evidence.isCoordinate ? 4 : 1)
            case .integer(let value): out.append(jsonInteger: value)
            case .text(let text): out.append(jsonString: text, marked: looksLikeTime(text))
            case .time(let time): out.append(jsonTime: time)
            case .flag(let flag): write(flag, into: &out)
            }
        }
        out.append(json: "},\"silenced_by\":")
        out.append(jsonString: finding.silencedBy)
        out.append(json: ",\"sentence\":")
        out.append(jsonString: finding.sentence)
        out.append(UInt8(ascii: "}"))
    }

    static func write(_ flag: Bool, into out: inout [UInt8]) {
        out.append(json: flag ? "true" : "false")
    }

    static func write(strings: [String], into out: inout [UInt8]) {
        write(strings, into: &out) { $1.append(jsonString: $0) }
    }

    static func write<Item>(
        _ items: [Item], into out: inout [UInt8], each: (Item, inout [UInt8]) -> Void
    ) {
        out.append(UInt8(ascii: "["))
        for (index, item) in items.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            each(item, &out)
        }
        out.append(UInt8(ascii: "]"))
    }

    /// Whether a text has the form in which this format writes times: `2026-03-01T08:15:30.120Z`.
    static func looksLikeTime(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.count == 24, bytes.last == UInt8(ascii: "Z") else { return false }
        return Timestamp(text)?.rfc3339 == text
    }
}

extension Evidence {
    /// Degrees, which one decimal would blur to 11 km.
    var isCoordinate: Bool { name.hasSuffix("_lat") || name.hasSuffix("_lon") }
}
