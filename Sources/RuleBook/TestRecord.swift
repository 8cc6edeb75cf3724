internal import SessionModel
internal import Yams
internal import Settings

/// A native record (DESIGN: "The native record") as a rule's test writes it: a YAML mapping with the
/// same keys, checked here, and rendered as the line of JSON that a source would hold. `repeat: 20,
/// every: 60` makes twenty of it, a minute apart, in the order of time with the others.
struct TestRecord {
    /// Values by path, as `user.id`.
    private(set) var values: [String: String] = [:]

    /// How many records it stands for, `interval` apart.
    private(set) var count = 1
    /// Milliseconds.
    private var interval: Int64 = 0

    var id: String? { values["id"] }
    var session: String? { values["session.id"] }
    var device: String? { values["device.id"] }

    /// The native record's keys in their usual order; the inner ones of the four that have some.
    static let schema: [(key: String, inner: [String])] = [
        ("id", []), ("time", []), ("event", []), ("outcome", []), ("user", ["id", "name"]),
        ("session", ["id"]), ("device", ["id"]), ("ip", []), ("user_agent", []),
        ("application", []), ("auth", ["method"]), ("tenant", []),
    ]

    /// Keys that say how often a record is there, and how many seconds apart.
    static let repeating = ["repeat", "every"]

    /// Reads what a record, or the part that all records share, says. Nil after logging.
    init?(_ node: Node, name: String, log: ProblemLog) {
        let keys = Self.schema.map(\.key) + Self.repeating
        guard let reader = FieldReader(node, name: name, keys: keys, log: log) else { return nil }
        if let node = reader.value("repeat") {
            let range = 1...Double(RuleLimit.recordsPerTest)
            guard
                let number = reader.number("repeat", of: node, in: range, unit: "", isWhole: true)
            else { return nil }
            count = Int(number)
        }
        if let node = reader.value("every") {
            guard
                let seconds = reader.number(
                    "every", of: node, in: 0...31_536_000, unit: "s", isWhole: false)
            else { return nil }
            interval = Int64((seconds * 1000).rounded())
        }
        for (key, inner) in Self.schema {
            guard let value = reader.value(key) else { continue }
            if inner.isEmpty {
                guard let text = Self.text(key, of: value, reader: reader) else { return nil }
                values[key] = text
                continue
            }
            guard let fields = FieldReader(value, name: "'\(key)'", keys: inner, log: log) else {
                return nil
            }
            for field in inner {
                guard let node = fields.value(field) else { continue }
                guard let text = Self.text("\(key).\(field)", of: node, reader: fields) else {
                    return nil
                }
                values["\(key).\(field)"] = text
            }
        }
    }

    /// Takes from `common` what the record itself does not say, and the id `e<number>` if none does.
    mutating func complete(with common: TestRecord?, number: Int) {
        if let common { values.merge(common.values) { own, _ in own } }
        if values["id"] == nil { values["id"] = "e\(number)" }
    }

    static func time(_ record: TestRecord) -> Int64 {
        record.values["time"].flatMap { Timestamp($0) }?.milliseconds ?? 0
    }

    /// The records that it stands for. Where it is repeated, `#` in the ids of user, session and device
    /// is the number of each, from 1, and the first alone keeps its own id: the second is `e4.2`.
    var repetitions: [TestRecord] {
        guard count > 1 else { return [self] }
        let start = values["time"].flatMap { Timestamp($0) }
        return (1...count).map { number in
            var record = self
            record.count = 1
            if number > 1 {
                if let id { record.values["id"] = "\(id).\(number)" }
                if let start {
                    record.values["time"] =
                        start.adding(milliseconds: interval * Int64(number - 1)).rfc3339
                }
            }
            for path in ["user.id", "session.id", "device.id"] {
                guard let value = values[path] else { continue }
                record.values[path] = value.split(
                    separator: "#", omittingEmptySubsequences: false
                ).joined(separator: String(number))
            }
            return record
        }
    }

    /// Logs what a native record must have and this one has not.
    func checkIdentity(at node: Node, log: ProblemLog) -> Bool {
        if values["time"] == nil {
            log.add("The record has no 'time'. Add it, as 2026-03-02T08:00:00Z.", at: node)
            return false
        }
        if values["user.id"] == nil {
            log.add("The record has no 'user' with an 'id'. Add it, here or in 'common'.", at: node)
            return false
        }
        guard values["ip"] == nil, values["session.id"] == nil, values["device.id"] == nil else {
            return true
        }
        log.add("The record has no 'ip', 'session' or 'device'. Add one of them.", at: node)
        return false
    }

    private static func text(_ path: String, of node: Node, reader: FieldReader) -> String? {
        guard let text = reader.text(of: node, key: path) else { return nil }
        let log = reader.log
        switch path {
        case "time":
            guard let time = Timestamp(text), time >= Timestamp.earliest else {
                log.add(
                    "'time' is '\(shown(text))'. Write a time from 2000 on, as "
                        + "2026-03-02T08:00:00Z.", at: node)
                return nil
            }
        case "ip":
            guard IPAddress(text) != nil else {
                log.add("'ip' is '\(shown(text))', which is no address.", at: node)
                return nil
            }
        case "event":
            return reader.word(path, of: node, among: EventKind.allCases.map(\.name)) { text in
                EventKind.allCases.contains { $0.name == text } ? text : nil
            }
        case "outcome":
            return reader.word(path, of: node, among: Outcome.allCases.map(\.name)) { text in
                Outcome.allCases.contains { $0.name == text } ? text : nil
            }
        case "auth.method":
            return reader.word(path, of: node, among: AuthMethod.allCases.map(\.name)) { text in
                AuthMethod.allCases.contains { $0.name == text } ? text : nil
            }
        default: break
        }
        return text
    }

    // MARK: - JSON

    /// One line of JSON, without its end. All values are strings.
    var json: String {
        var members: [String] = []
        for (key, inner) in Self.schema {
            if inner.isEmpty {
                if let value = values[key] { members.append("\"\(key)\":\(quoted(value))") }
                continue
            }
            let fields = inner.compactMap { field in
                values["\(key).\(field)"].map { "\"\(field)\":\(quoted($0))" }
            }
            if !fields.isEmpty {
                members.append("\"\(key)\":{\(fields.joined(separator: ","))}")
            }
        }
        return "{" + members.joined(separator: ",") + "}"
    }
}

/// A JSON string by RFC 8259; control characters are escaped.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case _ where scalar.value < 0x20:
            let code = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - code.utf8.count) + code
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
