import SessionModel

extension CustomDetectors {
    /// Whose record decided a finding in a profile that is a key's.
    func user(of finding: StoredFinding, _ text: FindingText) -> (id: String, name: String) {
        let fields = CustomEvidence.fields(
            of: finding.rule, in: text.heap.text(finding.there.recordText))
        func first(_ field: RecordField) -> String {
            fields.first { $0.field == field }?.text ?? ""
        }
        return (first(.userID), first(.userName))
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description? {
        guard let entry = entry(f.rule) else { return nil }
        let fields = CustomEvidence.fields(of: f.rule, in: text.heap.text(f.there.recordText))
        let asked = entry.custom.condition.wants
        var evidence = fields.map { Evidence($0.field.name, .text($0.text)) }
        var sentence: String
        let silencedBy: String
        switch entry.custom.kind {
        case .match:
            let shown = said(asked.map(\.field), fields)
            sentence =
                "Rule '\(entry.rule.id)' matched" + (shown.isEmpty ? "" : ": \(shown)")
                + wanted(asked) + "."
            silencedBy =
                asked.isEmpty
                ? "enabled: false" : "a 'match' that leaves out this \(asked[0].field.name)"
        case .threshold(let threshold):
            let key = said(threshold.by, fields)
            let what =
                threshold.distinct.map {
                    "\(f.n) different values of \($0.name)"
                } ?? text.count(Int(f.n), "matching record")
            sentence =
                "Rule '\(entry.rule.id)': \(what) within \(text.duration(f.m))"
                + (key.isEmpty ? "" : " where \(key)")
                + " (rule wants \(threshold.count) within"
                + " \(text.duration(threshold.withinMilliseconds)))"
                + last(asked.map(\.field).filter { !threshold.by.contains($0) }, fields) + "."
            let name = threshold.distinct == nil ? "count" : "at_least"
            silencedBy = "\(name) > \(f.n)"
            evidence += [
                Evidence(
                    threshold.distinct == nil ? "matching_records" : "different_values",
                    .integer(Int(f.n))),
                Evidence("lasted_s", .integer(Int(f.m / 1000))),
                Evidence(name, .integer(threshold.count)),
                Evidence("within_s", .integer(Int(threshold.withinMilliseconds / 1000))),
            ]
        case .firstSeen(let rule):
            let key = said(rule.by, fields)
            let value = fields.first { $0.field == rule.value }?.text ?? ""
            sentence =
                "Rule '\(entry.rule.id)': \(rule.value.name) \(value) was never seen before"
                + (key.isEmpty ? "" : " where \(key)")
                + " (\(f.n >= 65_535 ? "at least " : "")\(text.count(Int(f.n), "record")) known,"
                + " of \(text.duration(f.m)))."
            if f.variant == 1 {
                sentence +=
                    " It may be one of long ago: there are more values than are remembered."
            }
            silencedBy =
                f.n < 10_000
                ? "after: {sightings: \(f.n + 1)}"
                : "a 'match' that leaves out this \(rule.value.name)"
            evidence += [
                Evidence("known_sightings", .integer(Int(f.n))),
                Evidence("known_for_days", .number(Double(f.m) / 86_400_000)),
                Evidence("after_sightings", .integer(rule.afterSightings)),
                Evidence("after_days", .number(rule.afterDays)),
            ]
        }
        var names: Set<String> = []
        evidence = evidence.filter { names.insert($0.name).inserted }
        for more in text.whereabouts(f.here) where names.insert(more.name).inserted {
            evidence.append(more)
        }
        return Description(evidence: evidence, silencedBy: silencedBy, sentence: sentence)
    }

    /// `user.name is root, country is RU`.
    private func said(
        _ wanted: [RecordField], _ fields: [(field: RecordField, text: String)]
    ) -> String {
        wanted.prefix(6).map { field in
            guard let text = fields.first(where: { $0.field == field })?.text, !text.isEmpty else {
                return "there is no \(field.name)"
            }
            return "\(field.name) is \(text)"
        }.joined(separator: ", ")
    }

    private func last(
        _ wanted: [RecordField], _ fields: [(field: RecordField, text: String)]
    ) -> String {
        let shown = said(wanted, fields)
        return shown.isEmpty ? "" : "; in the last \(shown)"
    }

    /// ` (rule wants country not in DE, NL)`: what the values alone do not show.
    private func wanted(_ asked: [(field: RecordField, words: String)]) -> String {
        let parts = asked.filter { $0.words.contains(" ") }.prefix(4).map {
            "\($0.field.name) \($0.words)"
        }
        return parts.isEmpty ? "" : " (rule wants \(parts.joined(separator: "; ")))"
    }
}
