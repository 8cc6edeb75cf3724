public import SessionModel

extension AlertJSON {
    /// Reads what `write` wrote, with or without the newline.
    ///
    /// Exact: writing what was read gives the same bytes. The value is equal too when its numbers had
    /// no more decimals than are written. Keys that this version does not know are passed over, so
    /// that an older reader reads a newer feed; a missing or odd one is an error that names it.
    public static func read(_ bytes: some Collection<UInt8>) throws(AlertJSONError) -> Alert {
        let root = JSONNode(value: try JSONValue(parsing: bytes), path: "")
        let session = try root.object("session")
        let user = try root.object("user")
        let device = try root.object("device")
        return Alert(
            id: try root.text("id"), revision: try root.integer("revision"),
            status: try root.named("status", Alert.Status.init(rawValue:)),
            time: try root.time("time"), tenant: try root.text("tenant"),
            userID: try user.text("id"), userName: try user.text("name"),
            sessionID: try session.text("id"), otherSessionIDs: try session.texts("others"),
            deviceID: try device.text("id"), deviceLabel: try device.text("label"),
            place: try place(root.object("place")), network: try network(root.object("network")),
            risk: try root.integer("risk"),
            severity: try root.named("severity", Severity.init(name:)),
            title: try root.text("title"), summary: try root.text("summary"),
            rung: try root.named("rung", Rung.init(name:)),
            isSettledEarly: try root.flag("settled_early"),
            findings: try root.objects("findings", finding),
            recommendations: try root.objects("recommendations") {
                (node) throws(AlertJSONError) in
                Recommendation(
                    step: try node.integer("step"), text: try node.text("text"),
                    reason: try node.text("reason"))
            },
            actions: try root.objects("actions") { (node) throws(AlertJSONError) in
                ActionSummary(
                    id: try node.text("id"), kind: try node.text("kind"),
                    target: try node.text("target"), state: try node.text("state"),
                    connector: try node.optionalText("connector") ?? "")
            })
    }

    private static func place(_ node: JSONNode) throws(AlertJSONError) -> Place {
        Place(
            city: try node.text("city"), region: try node.text("region"),
            country: try node.text("country"), latitude: try node.optionalNumber("latitude"),
            longitude: try node.optionalNumber("longitude"),
            radiusKilometers: try node.optionalInteger("radius_km"))
    }

    private static func network(_ node: JSONNode) throws(AlertJSONError) -> Network {
        guard let asn = UInt32(exactly: try node.optionalInteger("asn") ?? 0) else {
            throw node.mismatch("asn", "a number of 32 bits")
        }
        return Network(
            address: try node.text("address"), asn: asn,
            organization: try node.text("organization"),
            kind: try node.named("kind") { name in
                NetworkKind.allCases.first { $0.name == name }
            })
    }

    private static func finding(_ node: JSONNode) throws(AlertJSONError) -> Finding {
        Finding(
            rule: try node.text("rule"),
            severity: try node.named("severity", Severity.init(name:)),
            confidence: try node.named("confidence", Confidence.init(name:)),
            time: try node.time("time"), records: try node.texts("records"),
            evidence: try evidence(node.object("evidence")),
            silencedBy: try node.text("silenced_by"), sentence: try node.text("sentence"))
    }

    private static func evidence(_ node: JSONNode) throws(AlertJSONError) -> [Evidence] {
        guard case .object(let members) = node.value else { return [] }
        var evidence: [Evidence] = []
        evidence.reserveCapacity(members.count)
        for (name, value) in members {
            switch value {
            case .null: evidence.append(Evidence(name, .number(.nan)))
            case .flag(let flag): evidence.append(Evidence(name, .flag(flag)))
            case .integer(let value): evidence.append(Evidence(name, .integer(value)))
            case .number(let value): evidence.append(Evidence(name, .number(value)))
            case .text(let text, let isMarked):
                if !isMarked, looksLikeTime(text), let time = Timestamp(text) {
                    evidence.append(Evidence(name, .time(time)))
                } else {
                    evidence.append(Evidence(name, .text(text)))
                }
            case .array, .object:
                throw node.mismatch(name, "a number, a text or true or false")
            }
        }
        return evidence
    }
}

/// A value and where it is, so that an error can say so.
private struct JSONNode {
    let value: JSONValue
    let path: String

    func mismatch(_ key: String, _ expected: String) -> AlertJSONError {
        .mismatch(path: path.isEmpty ? key : "\(path).\(key)", expected: expected)
    }

    func object(_ key: String) throws(AlertJSONError) -> JSONNode {
        guard let member = value[key], case .object = member else {
            throw mismatch(key, "an object")
        }
        return JSONNode(value: member, path: path.isEmpty ? key : "\(path).\(key)")
    }

    func objects<Item>(
        _ key: String, _ make: (JSONNode) throws(AlertJSONError) -> Item
    ) throws(AlertJSONError) -> [Item] {
        guard case .array(let elements) = value[key] else { throw mismatch(key, "an array") }
        var items: [Item] = []
        items.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            let place = "\(key)[\(index)]"
            guard case .object = element else { throw mismatch(place, "an object") }
            items.append(
                try make(
                    JSONNode(value: element, path: path.isEmpty ? place : "\(path).\(place)")))
        }
        return items
    }

    func text(_ key: String) throws(AlertJSONError) -> String {
        guard case .text(let text, _) = value[key] else { throw mismatch(key, "a text") }
        return text
    }

    func optionalText(_ key: String) throws(AlertJSONError) -> String? {
        if value[key] == nil { return nil }
        return try text(key)
    }

    func texts(_ key: String) throws(AlertJSONError) -> [String] {
        guard case .array(let elements) = value[key] else { throw mismatch(key, "an array") }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .text(let text, _) = element else {
                throw mismatch("\(key)[\(index)]", "a text")
            }
            texts.append(text)
        }
        return texts
    }

    func integer(_ key: String) throws(AlertJSONError) -> Int {
        guard case .integer(let number) = value[key] else { throw mismatch(key, "a whole number") }
        return number
    }

    func optionalInteger(_ key: String) throws(AlertJSONError) -> Int? {
        if case .null = value[key] { return nil }
        return try integer(key)
    }

    func optionalNumber(_ key: String) throws(AlertJSONError) -> Double? {
        switch value[key] {
        case .null: return nil
        case .number(let number): return number
        case .integer(let number): return Double(number)
        default: throw mismatch(key, "a number or null")
        }
    }

    func flag(_ key: String) throws(AlertJSONError) -> Bool {
        guard case .flag(let flag) = value[key] else { throw mismatch(key, "true or false") }
        return flag
    }

    func time(_ key: String) throws(AlertJSONError) -> Timestamp {
        guard case .text(let text, _) = value[key], let time = Timestamp(text) else {
            throw mismatch(key, "an RFC 3339 time")
        }
        return time
    }

    func named<Value>(
        _ key: String, _ make: (String) -> Value?
    ) throws(AlertJSONError) -> Value {
        guard case .text(let name, _) = value[key], let value = make(name) else {
            throw mismatch(key, "one of the words that the schema lists")
        }
        return value
    }
}
