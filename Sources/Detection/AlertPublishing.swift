import SessionModel

// What is said of alerts, and when: revisions, and the digests by which one is news.

extension Judge {
    /// Emits an alert when what a reader would act on differs from what was last said of it.
    mutating func publish(_ i: Int, _ profile: inout Profile, retracting old: Alert?) {
        let id = profile.facts[i].a
        let digest = digest(profile, i)
        guard digest != 0 else {  // it is no alert (any more)
            if let old { retract(id, old, &profile) }
            return
        }
        let time = profile.facts[i].last
        let isClosed = profile.facts[i].flags.contains(.closed)
        let isSilenced = risk(profile, i) < alertRisk
        if let p = profile.publishedIndex(id) {
            let last = profile.published[p]
            if last.digest == digest, !last.isRetracted { return }
            let gist = gist(profile, i)
            profile.published[p].digest = digest
            profile.published[p].gist = gist
            profile.published[p].revision &+= 1
            profile.published[p].isRetracted = false
            profile.published[p].isSilenced = isSilenced
            profile.published[p].time = time
            // One that nobody was told of yet is opened; one that falls below the bar stays told.
            let status: Alert.Status =
                last.isConfirmed
                ? .confirmed
                : isSilenced && last.isSilenced
                    ? .silenced : isClosed ? .closed : last.isSilenced ? .open : .amended
            if status != .open, status != .silenced { profile.published[p].isSilenced = false }
            var alert = makeAlert(profile, i, revision: Int(last.revision) + 1, status)
            alert.isMaterial = last.isRetracted || last.isSilenced || last.gist != gist
            if profile.hasForgotten { alert.revision = Judge.unknownRevision }
            emitted.append(alert)
        } else {
            profile.remember(
                PublishedAlert(
                    alertID: id, digest: digest, gist: gist(profile, i), time: time,
                    isSilenced: isSilenced))
            emitted.append(
                makeAlert(
                    profile, i, revision: 1, isSilenced ? .silenced : isClosed ? .closed : .open))
            if profile.hasForgotten { emitted[emitted.count - 1].revision = Judge.unknownRevision }
        }
    }

    /// Of the strongest finding of each rule, as a rule met again is the same evidence; see `Risk`.
    func risk(_ profile: borrowing Profile, _ i: Int) -> Int {
        let key = profile.keys[i]
        var strongest = InlineArray<32, Double>(repeating: 0)
        for k in 0..<profile.findings.count where profile.findings[k].alert == key {
            let finding = profile.findings[k]
            if finding.rule != 0 { continue }
            let code = Int(finding.detector & 31)
            strongest[code] = max(strongest[code], detectors.weight(finding))
        }
        var product = profile.forSurestCustom(of: key, 1.0) {
            $0 *= Risk.factor(detectors.weight($1))
        }
        for code in 0..<32 where strongest[code] > 0 { product *= Risk.factor(strongest[code]) }
        return Risk.percent(product)
    }

    mutating func retract(_ id: UInt64, _ old: Alert, _ profile: inout Profile) {
        guard let p = profile.publishedIndex(id), !profile.published[p].isRetracted,
            !profile.published[p].isConfirmed  // a person saw it
        else { return }
        let wasSilenced = profile.published[p].isSilenced
        profile.published[p].isRetracted = true
        profile.published[p].digest = 0
        profile.published[p].revision &+= 1
        var alert = old
        alert.revision = Int(profile.published[p].revision)
        // Nobody was told of a silenced one, so nobody need be told that it is over.
        alert.status = wasSilenced ? .silenced : .retracted
        alert.summary =
            Judge.retractedOpening + " It said: " + old.summary
        alert.recommendations = []
        if profile.hasForgotten { alert.revision = Judge.unknownRevision }
        emitted.append(alert)
    }

    /// Whether findings none of which is likely are an alert together: those of two rules and more, which
    /// are no mere notes, when their risk is above what alerts usually have.
    private func isTellingTogether(_ profile: borrowing Profile, _ i: Int) -> Bool {
        let key = profile.keys[i]
        var first: (detector: UInt8, rule: UInt32)?
        for k in 0..<profile.findings.count where profile.findings[k].alert == key {
            let finding = profile.findings[k]
            guard finding.isFinding, detectors.weight(finding) > Risk.baseRate else { continue }
            if first == nil {
                first = (finding.detector, finding.rule)
            } else if let first, first != (finding.detector, finding.rule) {
                return risk(profile, i) >= Judge.usualAlertRisk
            }
        }
        return false
    }

    /// Over all that an alert shows; 0 when it is none.
    func digest(_ profile: borrowing Profile, _ i: Int) -> UInt64 {
        let key = profile.keys[i]
        var isRaised = false
        var sum: UInt64 = 0  // does not depend on the order in which findings are kept
        for k in 0..<profile.findings.count where profile.findings[k].alert == key {
            let finding = profile.findings[k]
            if finding.isRaised { isRaised = true }
            if finding.isTold { sum &+= finding.digest(profile.heap) }
        }
        return isRaised || isTellingTogether(profile, i) ? sum | 1 : 0
    }

    /// Over what a reader would act on: the rules, how surely, which sessions.
    private func gist(_ profile: borrowing Profile, _ i: Int) -> UInt64 {
        let key = profile.keys[i]
        var surest: UInt64 = 0  // two bits for each detector's code
        var sessions: [UInt64] = []
        for k in 0..<profile.findings.count where profile.findings[k].alert == key {
            let finding = profile.findings[k]
            if let closing = finding.closing {
                if closing.isTold { sessions.append(mix(UInt64(finding.variant), 1)) }
                continue
            }
            let shift = UInt64(finding.detector) * 2
            if finding.rule == 0, surest >> shift & 3 < UInt64(finding.confidence) {
                surest = surest & ~(3 << shift) | UInt64(finding.confidence) << shift
            }
            let session = finding.suspect.session.rawValue
            if session != 0, !sessions.contains(session) { sessions.append(session) }
        }
        let custom = profile.forSurestCustom(of: key, 0 as UInt64) {
            $0 &+= mix(UInt64($1.rule), UInt64($1.confidence))
        }
        if custom != 0 { surest = mix(surest, custom) }
        return sessions.sorted().reduce(surest, mix)
    }
}

extension Profile {
    /// The surest finding of each of a team's own rules in an alert, in no order.
    func forSurestCustom<T>(
        of alert: FactKey, _ start: T, _ body: (inout T, StoredFinding) -> Void
    ) -> T {
        var result = start
        for k in 0..<findings.count where findings[k].alert == alert && findings[k].rule != 0 {
            let finding = findings[k]
            var isSurest = true
            for other in 0..<findings.count
            where other != k && findings[other].alert == alert
                && findings[other].rule == finding.rule
            {
                let confidence = findings[other].confidence
                if confidence > finding.confidence || confidence == finding.confidence && other < k
                {
                    isSurest = false
                }
            }
            if isSurest { body(&result, finding) }
        }
        return result
    }

    func publishedIndex(_ id: UInt64) -> Int? {
        for i in 0..<published.count where published[i].alertID == id { return i }
        return nil
    }

    func hasPublished(_ id: UInt64) -> Bool { publishedIndex(id) != nil }

    mutating func remember(_ alert: PublishedAlert) {
        if published.count == Profile.publishedLimit {
            var oldest = 0
            for i in 1..<published.count where published[i].time < published[oldest].time {
                oldest = i
            }
            published[oldest] = alert
            hasForgotten = true
        } else {
            published.append(alert)
        }
    }
}
