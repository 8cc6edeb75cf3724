import SessionModel

/// What a detector says of a finding, for people.
struct Description {
    var evidence: [Evidence]
    /// Which setting, at which value, would have silenced it.
    var silencedBy: String
    var sentence: String
}

/// Words for what a finding holds; its texts are in the profile's heap.
struct FindingText {
    let heap: Block<UInt8>

    func string(_ reference: TextRef) -> String { heap.text(reference).string }

    /// `Chrome on Windows`, else the device's id, else `an unknown device`.
    func device(_ end: StoredEnd) -> String {
        let label = string(end.labelText)
        if !label.isEmpty { return label }
        let id = string(end.deviceText)
        return id.isEmpty ? "an unknown device" : "device \(id)"
    }

    func place(_ end: StoredEnd) -> String {
        Place(
            city: string(end.cityText), region: string(end.regionText),
            country: end.country.description
        ).label
    }

    func address(_ end: StoredEnd) -> String {
        end.address.isNone ? "an unknown address" : end.address.description
    }

    /// `41 min`, `3 h 20 min`, `2 d 5 h`, rounded.
    func duration(_ milliseconds: Int64) -> String {
        let seconds = (milliseconds + 500) / 1000
        if seconds < 120 { return "\(seconds) s" }
        let minutes = (seconds + 30) / 60
        if minutes < 120 { return "\(minutes) min" }
        if minutes < 48 * 60 {
            return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
        }
        let hours = (minutes + 30) / 60
        return hours % 24 == 0 ? "\(hours / 24) d" : "\(hours / 24) d \(hours % 24) h"
    }

    func kilometers(_ value: Double) -> String { "\(grouped(value)) km" }

    /// `10,929`: for sentences, not for settings.
    func grouped(_ value: Double) -> String {
        var out = ""
        let digits = whole(value)
        for (i, digit) in digits.enumerated() {
            if i > 0, digit != "-", (digits.count - i) % 3 == 0, out != "-" { out += "," }
            out.append(digit)
        }
        return out
    }

    func whole(_ value: Double) -> String { String(Int64(value.rounded())) }

    func oneDecimal(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded(.down))
        return "\(tenths / 10).\(tenths % 10)"
    }

    func count(_ n: Int, _ one: String, _ many: String? = nil) -> String {
        n == 1 ? "1 \(one)" : "\(n) \(many ?? one + "s")"
    }
}

/// What an alert takes over from the rule of a finding. A class, as a rule's many texts would be copied
/// for each finding.
final class RuleWords: Sendable {
    let id: String
    let title: String
    let severity: Severity
    let rung: Rung
    let recommendation: String

    init(_ rule: DetectionRule) {
        (id, title, severity) = (rule.id, rule.title, rule.severity)
        (rung, recommendation) = (rule.rung, rule.recommendation)
    }
}

extension Judge {
    /// Puts an alert together from the findings that a profile keeps of it.
    func makeAlert(
        _ profile: borrowing Profile, _ index: Int, revision: Int, _ status: Alert.Status
    ) -> Alert {
        let key = profile.keys[index]
        let text = FindingText(heap: profile.heap)
        var stored: [StoredFinding] = []
        var closing: StoredFinding?
        for k in 0..<profile.findings.count where profile.findings[k].alert == key {
            if profile.findings[k].isFinding {
                stored.append(profile.findings[k])
            } else if profile.findings[k].isTold {
                // A journey's end says more than that a change of the password was in vain.
                if closing?.closing != .journey { closing = profile.findings[k] }
                // To a person's word only that the suspect went on is news.
                if status == .confirmed, closing?.closing != .inVain { closing = nil }
            }
        }
        stored.sort {
            ($0.time, $0.detector, $0.confidence, $0.rule)
                < ($1.time, $1.detector, $1.confidence, $1.rule)
        }
        // The weightiest first: it is the one that the title is of.
        let weighed = stored.enumerated().sorted {
            (detectors.weight($1.element), $0.offset) < (detectors.weight($0.element), $1.offset)
        }
        let findings = weighed.map { describedFinding(text, $0.element) }
        let suspect = newestSuspect(of: stored)
        var sessions: [String] = []
        for end in stored.reversed().map(\.suspect) where !end.session.isNone {
            let id = text.string(end.sessionText)
            if !id.isEmpty, !sessions.contains(id), sessions.count < 9 { sessions.append(id) }
        }
        let risk = risk(profile, index)
        let label = text.string(suspect.labelText)
        let strongest = weighed.first?.element
        let title = strongest.flatMap { rule($0) }?.title ?? ""
        let alarming = stored.filter { $0.confidence >= Confidence.likely.rawValue }
        let user = user(of: stored, text, profile)
        let rung = alarming.compactMap { self.rule($0)?.rung }.max() ?? .notify
        var alert = Alert(
            id: Judge.alertName(profile.facts[index].a), revision: revision, status: status,
            time: Timestamp(milliseconds: stored.last?.time ?? profile.facts[index].last),
            tenant: profile.tenant.string, userID: user.id, userName: user.name,
            sessionID: sessions.first ?? "",
            otherSessionIDs: Array(sessions.dropFirst()),
            deviceID: text.string(suspect.deviceText),
            deviceLabel: label.isEmpty ? "Unknown" : label,
            place: Place(
                city: text.string(suspect.cityText), region: text.string(suspect.regionText),
                country: suspect.country.description,
                latitude: suspect.hasPlace ? Double(suspect.point.latitude) : nil,
                longitude: suspect.hasPlace ? Double(suspect.point.longitude) : nil,
                radiusKilometers: suspect.hasPlace ? Int(suspect.radius) : nil),
            network: Network(
                address: suspect.address.isNone ? "" : suspect.address.description,
                asn: suspect.asn, organization: text.string(suspect.organizationText),
                kind: suspect.kind),
            risk: risk, severity: Severity(risk: risk), title: title,
            summary: (status == .silenced ? "Below --alert-risk \(alertRisk). " : "")
                + (status == .confirmed ? "Confirmed: it was an intruder. " : "")
                + (closing.map { text.opening($0, session: sessions.first ?? "") } ?? "")
                + summary(text, weighed.map(\.element), suspect, risk: risk, profile),
            rung: rung,
            isSettledEarly: profile.isSettledEarly(window: latenessWindow), findings: findings)
        if profile.isOfKey {
            alert.isAboutKey = true
            let advice = strongest.flatMap { rule($0) }?.recommendation ?? ""
            alert.recommendations = [
                Recommendation(
                    step: 1,
                    text: advice.isEmpty
                        ? "Look at the records behind it, and at what else came from there."
                        : advice,
                    reason: title)
            ]
        }
        return alert
    }

    /// `a-` and 16 hexadecimal digits.
    static func alertName(_ id: UInt64) -> String {
        let digits = String(id, radix: 16)
        return "a-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Whom an alert is about; where the profile is a key's, whose record decided the newest finding.
    private func user(
        of stored: [StoredFinding], _ text: FindingText, _ profile: borrowing Profile
    ) -> (id: String, name: String) {
        guard profile.isOfKey else { return (profile.userID.string, profile.userName.string) }
        return stored.last.flatMap { detectors.custom?.user(of: $0, text) } ?? ("", "")
    }

    func rule(_ finding: StoredFinding) -> RuleWords? {
        if finding.rule != 0 {
            return (detectors.custom?.entry(finding.rule)?.rule).map(RuleWords.init)
        }
        return detectors.words[Int(finding.detector & 31)]
    }

    /// The end that the newest of the surest findings is about.
    private func newestSuspect(of stored: [StoredFinding]) -> StoredEnd {
        let surest = stored.map(\.confidence).max()
        return stored.last { $0.confidence == surest }?.suspect ?? StoredEnd()
    }

    private func describedFinding(_ text: FindingText, _ stored: StoredFinding) -> Finding {
        let confidence = Confidence(rawValue: stored.confidence) ?? .possible
        let rule = self.rule(stored)
        let severity: Severity =
            switch confidence {
            case .certain: rule?.severity ?? .medium
            case .likely:
                Severity(rawValue: max(1, (rule?.severity ?? .medium).rawValue - 1)) ?? .low
            case .possible: .informational
            }
        let description = describe(stored, text)
        var records: [String] = []
        if stored.there.time != 0, stored.there.recordText.offset != 0 {
            records.append(text.string(stored.there.recordText))
        }
        records.append(text.string(stored.here.recordText))
        return Finding(
            rule: rule?.id ?? DetectorKind(code: stored.detector)?.rawValue ?? "",
            severity: severity, confidence: confidence,
            time: Timestamp(milliseconds: stored.time), records: records,
            evidence: description.evidence
                + [Evidence("session", .text(text.string(stored.suspect.sessionText)))].filter {
                    $0.value != .text("")
                },
            silencedBy: description.silencedBy, sentence: description.sentence)
    }

    private func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        // A rule that was switched off since leaves what it found without words of its own.
        detectors.describe(f, text)
            ?? Description(evidence: [], silencedBy: "", sentence: "Found by a rule now off.")
    }

    /// Who, on what, where, and the weightiest reason.
    private func summary(
        _ text: FindingText, _ stored: [StoredFinding], _ suspect: StoredEnd, risk: Int,
        _ profile: borrowing Profile
    ) -> String {
        guard let strongest = stored.first else { return "" }
        // It is about the key, which the sentence names.
        if profile.isOfKey { return describe(strongest, text).sentence }
        let name = profile.userName.string
        let who = name.isEmpty ? profile.userID.string : name
        var codes: Set<UInt64> = []
        for finding in stored {
            codes.insert(UInt64(finding.detector) << 32 | UInt64(finding.rule))
        }
        let reasons = codes.count == 1 ? "" : " \(text.count(codes.count - 1, "further reason"))."
        let session = text.string(suspect.sessionText)
        let what = session.isEmpty ? "A sign-in" : "Session \(session)"
        return "\(what) of \(who) on \(text.device(suspect)) in \(text.place(suspect))"
            + " \(risk >= 60 ? "is probably" : "may be") not theirs. \(describe(strongest, text).sentence)\(reasons)"
    }
}
