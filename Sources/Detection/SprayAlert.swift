public import SessionModel

extension SprayReport {
    /// The risk of an alert about a spray, and of one where somebody got in. (Whoever got in on a device of
    /// a stranger is an alert of their own.)
    static let risk = 45
    static let riskWithSuccess = 75

    /// The alert for the organisation: of no user and no session.
    ///
    /// - Parameters:
    ///   - rule: password-spray for a prefix, credential-stuffing for a provider.
    ///   - users: The ids of `passers`, as far as they are known, in that order.
    ///   - alertRisk: What is below is silenced.
    public func alert(_ rule: DetectionRule, users names: [String], alertRisk: Int) -> Alert {
        let text = FindingText(heap: Block<UInt8>())
        let prefix = isProvider ? "" : address.networkPrefixDescription
        let provider = asn == 0 ? "" : "AS\(asn)\(organization.isEmpty ? "" : " (\(organization))")"
        let source = isProvider ? provider : prefix
        let isWhole = state == .ended
        let most = 1400
        let count =
            users >= most
            ? "\(text.grouped(Double(most))) users and more"
            : (isWhole ? "about " : "") + "\(text.grouped(Double(users))) users"
                + (isWhole ? "" : " and more")
        func when(_ time: Int64) -> String { Timestamp(milliseconds: time).humanReadable }
        let got =
            names.isEmpty
            ? "Nobody got in from there since."
            : "From there got in since: \(names.joined(separator: ", "))"
                + (passers.count == 8 ? ", and maybe more before." : ".")
        var sentence =
            "Sign-ins of \(count) failed from \(source), "
            + (isWhole ? "" : "at least ") + text.count(failures, "time")
        sentence += isWhole ? " from \(when(first)) to \(when(last)). " : " since \(when(first)). "
        sentence += got
        if state == .retracted { sentence = "What was told of \(source) does not hold." }
        let risk = names.isEmpty ? Self.risk : Self.riskWithSuccess
        var status: Alert.Status =
            switch state {
            case .open: .open
            case .ended: .closed
            case .retracted: .retracted
            }
        var opening = ""
        switch state {
        case .open: break
        case .ended: opening = "Closed: the source is quiet. "
        case .retracted: opening = "No longer holds: a record that came late explains it. "
        }
        if risk < alertRisk {
            status = .silenced
            opening = "Below --alert-risk \(alertRisk). "
        }
        var evidence: [Evidence] = []
        if !prefix.isEmpty { evidence.append(Evidence("network", .text(prefix))) }
        if asn != 0 { evidence.append(Evidence("asn", .integer(Int(asn)))) }
        if !organization.isEmpty { evidence.append(Evidence("organization", .text(organization))) }
        if !country.isNone { evidence.append(Evidence("country", .text(country.description))) }
        if state != .retracted {
            evidence += [
                Evidence("failed_users", .integer(min(users, most))),
                Evidence("user_count", .integer(limit)),
                Evidence("failures", .integer(failures)),
                Evidence("counts_are_final", .flag(isWhole)),
                Evidence("first_failure", .time(Timestamp(milliseconds: first))),
            ]
            if isWhole {
                evidence.append(Evidence("last_failure", .time(Timestamp(milliseconds: last))))
            }
            evidence.append(
                Evidence("users_who_got_in", .text(names.joined(separator: ", "))))
        }
        let time = Timestamp(milliseconds: isWhole ? last : max(first, passers.last?.time ?? first))
        let finding = Finding(
            rule: rule.id, severity: Severity(risk: risk), confidence: .certain, time: time,
            records: record.isEmpty ? [] : [record], evidence: evidence,
            silencedBy: users < 255 ? "user_count > \(max(users, limit))" : "enabled: false",
            sentence: sentence)
        var alert = Alert(
            id: Judge.alertName(alertID), revision: Judge.unknownRevision, status: status,
            time: time, tenant: "", userID: "", userName: "", sessionID: "", deviceID: "",
            deviceLabel: "Unknown", place: Place(country: country.description),
            network: Network(
                address: isProvider ? "" : prefix.prefix { $0 != "/" }.description, asn: asn,
                organization: organization, kind: kind),
            risk: risk, severity: Severity(risk: risk),
            title: isProvider
                ? "Stolen passwords tried from a provider" : "Passwords sprayed from a network",
            summary: opening + sentence, rung: .notify, findings: [finding])
        alert.isMaterial = isMaterial
        alert.isAboutKey = true
        alert.recommendations = [
            Recommendation(
                step: 1,
                text: isProvider
                    ? "Refuse sign-ins from \(source), or ask them for a second factor."
                    : "Block \(source) at the service.",
                reason: "Whoever tries passwords there goes on until one works.")
        ]
        if !names.isEmpty {
            alert.recommendations.append(
                Recommendation(
                    step: 2, text: "Check these users first: \(names.joined(separator: ", ")).",
                    reason: "They got in from the same source since it began."))
        }
        alert.recommendations.append(
            Recommendation(
                step: names.isEmpty ? 2 : 3,
                text: "Refuse common and leaked passwords, and ask for a second factor.",
                reason: "The next spray comes from another address."))
        return alert
    }
}
