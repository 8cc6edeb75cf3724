import Publishing
import SessionModel

/// What scoring needs of an alert: all its revisions, the last of which stands.
struct JudgedAlert {
    struct Revision {
        var time: Timestamp
        var risk: Int
        var session: String
        var others: [String]
        var records: [String]
        /// Taken back, or below the bar: nobody is shown it.
        var isHidden: Bool
    }

    var user: String
    var revisions: [Revision]

    var last: Revision { revisions[revisions.count - 1] }

    /// Reads NDJSON of `analyze --output ndjson`. Only `id`, `time` and `risk` have to be there, so
    /// that another tool's alerts can be put beside.
    static func read(path: String) throws(EvaluationError) -> [JudgedAlert] {
        guard let file = LineFile(path: path) else {
            throw .badAlert(path: path, line: 0, problem: "cannot be opened. Check the path.")
        }
        var alerts: [JudgedAlert] = []
        var places: [String: Int] = [:]
        while let line = file.next() {
            func bad(_ problem: String) -> EvaluationError {
                .badAlert(path: path, line: file.line, problem: problem)
            }
            let value: JSONValue
            do { value = try JSONValue(parsing: line) } catch {
                throw bad("no JSON. It has to be what 'lastseen analyze --output ndjson' writes.")
            }
            guard let id = value.text("id"), !id.isEmpty else {
                throw bad("an alert without 'id'. Give each one, the same in all its revisions.")
            }
            guard let time = value.text("time").flatMap({ Timestamp($0) }) else {
                throw bad("'time' is missing or no RFC 3339 time, as 2026-03-01T08:15:30Z.")
            }
            guard let risk = value.number("risk"), (0...100).contains(risk) else {
                throw bad("'risk' is missing or not 0 to 100.")
            }
            var records: [String] = []
            if case .array(let findings) = value["findings"] {
                for finding in findings { records += finding.texts("records") }
            }
            let revision = Revision(
                time: time, risk: Int(risk), session: value["session"]?.text("id") ?? "",
                others: value["session"]?.texts("others") ?? [], records: records,
                isHidden: ["retracted", "silenced"].contains(value.text("status")))
            if let place = places[id] {
                alerts[place].revisions.append(revision)
            } else {
                places[id] = alerts.count
                alerts.append(
                    JudgedAlert(user: value["user"]?.text("id") ?? "", revisions: [revision]))
            }
        }
        // What is about a network or the like, and nobody's account, is no answer to who was taken.
        return alerts.filter { !$0.last.isHidden && !$0.user.isEmpty }
    }
}

extension JSONValue {
    func text(_ key: String) -> String? {
        guard case .text(let text, _) = self[key] else { return nil }
        return text
    }

    func number(_ key: String) -> Double? {
        switch self[key] {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    func flag(_ key: String) -> Bool? {
        guard case .flag(let flag) = self[key] else { return nil }
        return flag
    }

    func texts(_ key: String) -> [String] {
        guard case .array(let values) = self[key] else { return [] }
        return values.compactMap {
            guard case .text(let text, _) = $0 else { return nil }
            return text
        }
    }
}
