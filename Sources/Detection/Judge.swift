public import SessionModel

/// Judges sightings against profiles by the rules in force. One per thread; pure: no clock, no I/O.
///
/// For one user and one order of records the alerts that come out are the same, however the records
/// were cut into batches and whatever was saved and read back between.
public struct Judge {
    /// What became of a sighting.
    public enum Verdict: Sendable {
        /// It was the user's newest.
        case inOrder
        /// It took its place in the tail, and what follows it was judged again.
        case late
        /// It came after the lateness window: it teaches, and alarms nobody.
        case tooLate
        /// The same record was seen before.
        case duplicate
    }

    /// How late a record may come and still be judged as if it had come in order, ms.
    public let latenessWindow: Int64
    /// The revision of an alert whose last one a crowded profile has forgotten: whoever stores it
    /// numbers it on (and an open one that is there already is amended).
    public static let unknownRevision = 0
    /// An alert without a finding for this long is over; the next finding begins a new one.
    static let episodeGap: Int64 = 7 * 86_400_000
    /// How long after a finding without a session one can begin that is named with it, ms.
    static let sessionDelay: Int64 = 3_600_000
    /// Device and network of a user who is seen on this many days are familiar.
    static let familiarDays = 2

    /// Alerts of less risk are kept, and told to nobody.
    public let alertRisk: Int
    /// The risk from which an alert is worth a look, where nothing else is said.
    public static let usualAlertRisk = 40

    let rules: [DetectionRule]
    let detectors: Detectors
    /// Failures apart by more than this are no burst, also where no rule asks.
    let failureGap: Int64
    /// The same for second factors that were refused.
    let promptGap: Int64
    /// Sightings that count as learning for travel that is only likely.
    static let learningSightings: UInt32 = 3

    /// Measures each detector while there is one; nil, the usual, costs nothing.
    public var meter: DetectorMeter?
    /// Alerts that are new or changed since the caller last took them.
    public var emitted: [Alert] = []
    private var found: [StoredFinding] = []
    /// The alerts that have a finding more since the last step.
    private var changed: [FactKey] = []

    /// - Parameters:
    ///   - rules: At most one for each detector; the rule loader sees to it.
    ///   - latenessMilliseconds: The lateness window; 6 hours by default.
    ///   - alertRisk: 0 through 100.
    public init(
        rules: [DetectionRule], latenessMilliseconds: Int64 = 6 * 3_600_000,
        alertRisk: Int = Judge.usualAlertRisk
    ) {
        precondition(latenessMilliseconds >= 0, "the caller refuses a negative window")
        self.rules = rules
        self.alertRisk = alertRisk
        latenessWindow = latenessMilliseconds
        detectors = Detectors(rules)
        failureGap = detectors.failures?.gap ?? 15 * 60_000
        promptGap = detectors.mfaFatigue?.gap ?? 60 * 60_000
        found.reserveCapacity(8)
    }

    /// Judges one sighting and takes it into its user's profile. By pointer, as a sighting is 450
    /// bytes that need no copy.
    public mutating func observe(
        _ sighting: UnsafePointer<Sighting>, _ profile: inout Profile
    ) -> Verdict {
        let stored = StoredSighting(sighting)
        return observe(sighting, stored, Context(stored, in: profile), &profile)
    }

    /// As above, with the sighting's keys and numbers worked out, and its facts found.
    mutating func observe(
        _ sighting: UnsafePointer<Sighting>, _ stored: StoredSighting, _ context: Context,
        _ profile: inout Profile
    ) -> Verdict {
        var x = stored
        profile.steps &+= 1
        if x.time > profile.newest {
            profile.newest = x.time
            profile.settle(window: latenessWindow)
            if !profile.isOfKey { profile.rememberName(sighting.pointee.record.userName) }
            profile.storeTexts(&x, of: sighting, context)
            profile.storeCustom(&x, of: sighting, detectors)
            step(x, context, &profile)
            x.undoEnd = profile.undoEnd
            profile.tail.append(x)
            if !changed.isEmpty { publishChanged(&profile) }
            profile.compactTextsIfWorthwhile()
            return .inOrder
        }
        return observeLate(sighting, x, &profile)
    }

    /// Puts back the facts of a profile that was read from the state: only its settled part and its
    /// tail are kept.
    public mutating func restore(_ profile: inout Profile) {
        for i in 0..<profile.tail.count {
            let x = profile.tail[i]
            step(x, Context(x, in: profile), &profile)
            profile.tail[i].undoEnd = profile.undoEnd
        }
    }
}

// MARK: - One step

extension Judge {
    /// Judges a sighting by the facts before it, then takes it into them. What was found stays in
    /// `found`, its alerts in the profile.
    private mutating func step(
        _ x: StoredSighting, _ context: Context, _ profile: inout Profile
    ) {
        found.removeAll(keepingCapacity: true)
        changed.removeAll(keepingCapacity: true)
        if x.customText.offset != 0 {
            detectors.custom?.examine(x, &profile, into: &found)
            // Log-outs and what failed are judged by a team's own rules only.
            if !found.isEmpty, profile.isOfKey || !x.isUse || x.event == .logout {
                keepFindings(&profile)
            }
        }
        if profile.isOfKey { return }
        if !x.isUse {
            profile.learnFailure(
                x, context, gapMilliseconds: failureGap, promptGapMilliseconds: promptGap)
            return
        }
        if x.event == .logout {
            profile.learnLogout(x, context)
            return
        }
        let isLearning = profile.tally.sightings < Judge.learningSightings
        if var meter {
            meter.sightings += 1
            detectors.examine(
                x, context, profile, isLearning: isLearning, into: &found, watch: &meter)
        } else {
            var unwatched = Unwatched()
            detectors.examine(
                x, context, profile, isLearning: isLearning, into: &found, watch: &unwatched)
        }
        var stranger: UInt8 = 0
        if profile.tally.hasCondemned {
            let condemned = profile.condemned(x, context)
            stranger = condemned.what
            // What was there when it was confirmed stays judged as it was.
            if stranger != 0, condemned.since < x.time { raise(stranger, x, profile) }
        }
        let change = detectors.concurrentPlaces?.change(x, context, profile)
        if profile.kindCounts[Int(FactKind.alert.rawValue)] > 0 {
            reviewAlerts(x, context, &profile)
        }
        profile.learn(x, context, stranger: stranger)
        if stranger == 0 { profile.learnPlace(x, context, changes: change?.count) }
        if !found.isEmpty {
            learnJump(x, &profile)
            keepFindings(&profile)
        }
        if !x.session.isNone, profile.tally.hasNameless { nameSession(x, &profile) }
        if !x.forgets.isEmpty { profile.forget(after: x) }
    }

    /// A finding may be about a record that has no session yet, as a second factor before the sign-in:
    /// the session that its device (else its network) begins within the hour is the one to end.
    private mutating func nameSession(_ x: StoredSighting, _ profile: inout Profile) {
        for i in 0..<profile.findings.count {
            let end = profile.findings[i].here
            guard profile.findings[i].isFinding, end.session.isNone,
                !profile.findings[i].suspectIsEarlier, end.device == x.device,
                !x.device.isNone || end.network == x.network,
                x.time &- end.time <= Judge.sessionDelay, x.time >= end.time
            else { continue }
            var named = profile.findings[i]
            named.here.session = x.session
            named.here.sessionText = x.sessionText
            profile.replaceFinding(i, by: named)
            note(named.alert)
            if let alert = profile.index(of: named.alert), profile.facts[alert].c == 0 {
                profile.update(alert) { $0.c = x.session.rawValue }
            }
        }
    }

    /// Notes the first day on which a device of the user's own was too fast.
    private func learnJump(_ x: StoredSighting, _ profile: inout Profile) {
        guard profile.tally.firstJump == 0, x.device.isOfID else { return }
        let code = DetectorKind.impossibleTravel.code
        for i in found.indices
        where found[i].detector == code && found[i].there.device == x.device {
            let day = x.day
            profile.updateTally { $0.firstJump = day }
            return
        }
    }

    /// Puts the findings of one sighting with the alerts that they belong to.
    private mutating func keepFindings(_ profile: inout Profile) {
        for i in found.indices {
            let suspect = found[i].suspect
            let group = profile.isOfKey ? FactKey(.alert, 1) : groupKey(suspect, profile)
            let time = found[i].time
            let alert = profile.alertIndex(of: suspect, group: group, at: time)
            if let alert {
                found[i].alert = profile.keys[alert]
                profile.update(alert) {
                    $0.see(time)
                    if !suspect.session.isNone { $0.c = suspect.session.rawValue }
                }
            } else {
                let day = UInt64(bitPattern: Int64(Timestamp(milliseconds: time).day))
                let id = mix(mix(profile.userKey, group.rawValue), day &+ 1)
                var fact = Fact(firstSeen: time)
                fact.a = id
                fact.b = group.rawValue
                fact.c = suspect.session.rawValue
                fact.d = suspect.network.rawValue
                fact.e = suspect.device.rawValue
                found[i].alert = FactKey(.alert, id)
                profile.add(found[i].alert, fact, kind: .alert)
            }
            if found[i].confidence >= Confidence.likely.rawValue {
                reopen(found[i].alert, by: found[i], &profile)
            }
            if profile.isNews(found[i]) {
                profile.addFinding(found[i])
                if found[i].here.session.isNone, !profile.tally.hasNameless {
                    profile.updateTally { $0.hasNameless = true }
                }
                note(found[i].alert)
            }
            if found[i].confidence >= Confidence.likely.rawValue { markSuspect(found[i], &profile) }
        }
    }

    private mutating func publishChanged(_ profile: inout Profile) {
        for key in changed {
            if let i = profile.index(of: key) { publish(i, &profile, retracting: nil) }
        }
    }

    /// An intruder's device (1) or network (2) is back: what was found of it is certain, and it is found
    /// when nothing else is.
    private mutating func raise(_ what: UInt8, _ x: StoredSighting, _ profile: borrowing Profile) {
        for i in found.indices where !found[i].suspectIsEarlier {
            found[i].confidence = Confidence.certain.rawValue
        }
        if !found.contains(where: { $0.detector == DetectorKind.unrecognizedDevice.code }) {
            detectors.device?.addCondemned(what, x, profile, into: &found)
        }
    }

    /// There is something to say about an alert.
    mutating func note(_ alert: FactKey) {
        if !changed.contains(alert) { changed.append(alert) }
    }

    /// Whether a likely finding names the sighting at hand itself.
    var isSuspectItself: Bool { found.contains { $0.isRaised && !$0.suspectIsEarlier } }

    /// What an alert is about: an unrecognized device; else the session; else device or network.
    private func groupKey(_ suspect: StoredEnd, _ profile: borrowing Profile) -> FactKey {
        if !suspect.device.isNone,
            !profile.isRecognized(suspect.device, days: Judge.familiarDays)
        {
            return suspect.device
        }
        if !suspect.session.isNone { return suspect.session }
        return suspect.device.isNone ? suspect.network : suspect.device
    }

    /// A device, network or session that an alert names is not familiar by being seen again soon.
    private func markSuspect(_ finding: StoredFinding, _ profile: inout Profile) {
        let suspect = finding.suspect
        // A device that jumped was at the other end too: it is not the stranger, its network may be.
        let isSameDevice = finding.here.device == finding.there.device && suspect.device.isOfID
        let device = isSameDevice ? FactKey.none : suspect.device
        for key in [
            device, suspect.network, suspect.session, suspect.providerKey, suspect.placeKey,
        ] where !key.isNone {
            // What was there from the beginning, or for days, is the owner's; the thief only used it.
            guard let i = profile.index(of: key),
                !profile.isFamiliar(profile.facts[i], days: Judge.familiarDays),
                !profile.facts[i].flags.contains(.suspect)
            else { continue }
            profile.update(i) { $0.flags.insert(.suspect) }
        }
    }
}

extension Profile {
    /// The alert that a finding belongs to, not over: of its group, of its session, or of the same
    /// device on the same network within a day, so that one who signs in again and again is one
    /// thing to look at.
    func alertIndex(of suspect: StoredEnd, group: FactKey, at time: Int64) -> Int? {
        var best: Int?
        forEach(.alert) { i in
            let fact = facts[i]
            let age = time &- fact.last
            guard age <= Judge.episodeGap else { return }
            let isSameSession = !suspect.session.isNone && fact.c == suspect.session.rawValue
            let isSameSource =
                age <= 86_400_000 && !suspect.network.isNone && fact.d == suspect.network.rawValue
                && fact.e == suspect.device.rawValue
            guard fact.b == group.rawValue || isSameSession || isSameSource else { return }
            if let best, (facts[best].last, keys[best].rawValue) >= (fact.last, keys[i].rawValue) {
                return
            }
            best = i
        }
        return best
    }

    /// Whether a finding says something that its alert does not say yet: another rule, a rule more
    /// surely, or another session to end. The rest is the same thing again and only counts.
    func isNews(_ finding: StoredFinding) -> Bool {
        let session = finding.suspect.session
        var isRuleKnown = false
        var isSessionKnown =
            isOfKey || session.isNone || finding.confidence < Confidence.likely.rawValue
        var count = 0
        for i in 0..<findings.count
        where findings[i].alert == finding.alert && findings[i].isFinding {
            count += 1
            let known = findings[i]
            if known.detector == finding.detector, known.rule == finding.rule,
                known.confidence >= finding.confidence
            {
                isRuleKnown = true
            }
            if known.suspect.session == session { isSessionKnown = true }
        }
        return count < Profile.findingsPerAlert && !(isRuleKnown && isSessionKnown)
    }

    /// The newest name that a record gave; for show only.
    mutating func rememberName(_ name: TextView) {
        guard !name.isEmpty, !(heap.text(userNameText) == name) else { return }
        userNameText = heap.addText(name.prefix(TextLimit.userName))
    }

    /// Puts a sighting's texts on the heap, where they are not there already with a fact.
    mutating func storeTexts(
        _ x: inout StoredSighting, of s: UnsafePointer<Sighting>, _ context: Context
    ) {
        if s.pointee.record.id.isEmpty {
            x.recordText = addRecordHash(s.pointee.record.contentHash)
        } else {
            x.recordText = heap.addText(s.pointee.record.id)
        }
        if context.session >= 0 {
            x.sessionText = facts[context.session].sessionText
        } else {
            x.sessionText = heap.addText(s.pointee.record.sessionID)
        }
        if context.device >= 0 {
            // The same id with another client is not what the fact's label says.
            x.labelText =
                facts[context.device].clientHash == x.clientHash
                ? facts[context.device].labelText : heap.addText(s.pointee.client.label)
            x.deviceText = facts[context.device].deviceText
        } else if !x.device.isNone {
            x.labelText = heap.addText(s.pointee.client.label)
            x.deviceText = heap.addText(s.pointee.record.deviceID)
        }
        // Each sighting keeps its own words, as what a place was called first depends on what came first.
        if x.hasPlace {
            let known = context.place >= 0 ? facts[context.place] : nil
            x.cityText = stored(s.pointee.place.city, known?.cityText)
            x.regionText = stored(s.pointee.place.region, known?.regionText)
        }
        x.organizationText = stored(
            s.pointee.place.organization,
            context.network >= 0 ? facts[context.network].organizationText : nil)
    }

    /// Puts on the heap what a team's own rules need of the record, which is gone afterwards.
    @inline(__always)
    mutating func storeCustom(
        _ x: inout StoredSighting, of s: UnsafePointer<Sighting>, _ detectors: Detectors
    ) {
        guard s.pointee.matched != 0, let custom = detectors.custom else { return }
        x.customText = CustomEvidence.write(s, custom, into: &heap)
    }

    /// Where a text stands: where it is known to, when it is the same, else at the heap's end.
    @inline(__always)
    private mutating func stored(_ text: TextView, _ known: TextRef?) -> TextRef {
        if let known, heap.text(known) == text { return known }
        return heap.addText(text)
    }

    /// A record without an id is named by its bytes: `#` and 16 hexadecimal digits.
    private mutating func addRecordHash(_ hash: UInt64) -> TextRef {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 17) { buffer in
            buffer[0] = 0x23
            for i in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: hash &>> UInt64(60 - 4 * i)) & 15
                buffer[i + 1] = digit < 10 ? 0x30 + digit : 0x57 + digit
            }
            return heap.addText(TextView(UnsafeBufferPointer(buffer)))
        }
    }
}

// MARK: - Late sightings

extension Judge {
    private mutating func observeLate(
        _ s: UnsafePointer<Sighting>, _ sighting: StoredSighting, _ profile: inout Profile
    ) -> Verdict {
        var x = sighting
        let n = profile.tail.count
        // A copy of a record has its time and its key.
        var i = n
        while i > 0, profile.tail[i - 1].time >= x.time {
            i -= 1
            if profile.tail[i].time == x.time, profile.tail[i].recordKey == x.recordKey {
                return .duplicate
            }
        }
        let detectors = detectors
        if x.time < profile.settled {
            guard profile.isOfKey || x.isUse && x.event != .logout else { return .tooLate }
            rejudge(from: 0, &profile, isSilent: true) { profile in
                let context = Context(x, in: profile)
                profile.storeTexts(&x, of: s, context)
                profile.storeCustom(&x, of: s, detectors)
                if !profile.isOfKey { profile.teach(x, context) }
                var none: [StoredFinding] = []
                detectors.custom?.examine(x, &profile, isLearningOnly: true, into: &none)
                profile.undo.truncate(to: 0)  // it is below the tail: nothing to undo
                profile.undoBase = 0
            }
            return .tooLate
        }
        // Among sightings of the same millisecond the order is that of `precedes`, so that the order
        // of arrival does not matter.
        let context = Context(x, in: profile)
        profile.storeTexts(&x, of: s, context)
        profile.storeCustom(&x, of: s, detectors)
        var place = n
        while place > 0, profile.precedes(x, profile.tail[place - 1]) { place -= 1 }
        rejudge(from: place, &profile) { profile in profile.tail.insert(x, at: place) }
        profile.settle(window: latenessWindow)
        profile.compactTextsIfWorthwhile()
        return .late
    }

    /// Undoes the tail from `index` on, makes a change, and judges it again; what the alerts of before
    /// and after differ in is published.
    mutating func rejudge(
        from index: Int, _ profile: inout Profile, isSilent: Bool = false,
        change: (inout Profile) -> Void
    ) {
        var before: [UInt64: (digest: UInt64, alert: Alert)] = [:]
        profile.forEach(.alert) { i in
            let id = profile.facts[i].a
            if profile.hasPublished(id) {
                before[id] = (digest(profile, i), makeAlert(profile, i, revision: 0, .amended))
            }
        }
        profile.rollBack(to: index)
        change(&profile)
        for i in index..<profile.tail.count {
            let x = profile.tail[i]
            step(x, Context(x, in: profile), &profile)
            profile.tail[i].undoEnd = profile.undoEnd
        }
        found.removeAll(keepingCapacity: true)
        // What came after the window teaches for the future; what was said stays said.
        if isSilent { return }
        var standing: [Int] = []
        profile.forEach(.alert) { standing.append($0) }
        for i in standing.sorted(by: { profile.facts[$0].first < profile.facts[$1].first }) {
            let id = profile.facts[i].a
            let old = before.removeValue(forKey: id)
            if old == nil || old?.digest != digest(profile, i) {
                publish(i, &profile, retracting: old?.alert)
            }
        }
        for (id, old) in before.sorted(by: { $0.key < $1.key }) {
            retract(id, old.alert, &profile)
        }
    }
}

extension Profile {
    /// Order among sightings: by time; failures first, as they come before the success that they
    /// led to; log-outs last; then by the record's id, shorter first, so that e9 comes before e10.
    func precedes(_ a: StoredSighting, _ b: StoredSighting) -> Bool {
        if a.time != b.time { return a.time < b.time }
        func rank(_ x: StoredSighting) -> Int {
            !x.isUse ? 0 : x.event == .logout ? 2 : 1
        }
        if rank(a) != rank(b) { return rank(a) < rank(b) }
        let (s, t) = (heap.text(a.recordText), heap.text(b.recordText))
        if s.count != t.count { return s.count < t.count }
        for i in 0..<s.count where s.bytes[i] != t.bytes[i] { return s.bytes[i] < t.bytes[i] }
        return a.recordKey < b.recordKey
    }
}

// MARK: - Corrections

extension Judge {
    /// Takes what all users together told later into the sightings it is about, and judges again from
    /// there. What has left the lateness window stays as it was judged.
    ///
    /// - Returns: Whether it changed the profile.
    public mutating func correct(_ correction: Correction, _ profile: inout Profile) -> Bool {
        var first: Int?
        for i in 0..<profile.tail.count where profile.tail[i].accepts(correction) != nil {
            first = i
            break
        }
        guard let first else { return false }
        profile.steps &+= 1
        rejudge(from: first, &profile) { profile in
            for i in first..<profile.tail.count {
                if let corrected = profile.tail[i].accepts(correction) {
                    profile.tail[i].source = corrected
                }
            }
        }
        return true
    }
}

extension StoredSighting {
    /// What a correction makes of its source; nil when it is not about this sighting, or no news.
    fileprivate func accepts(_ correction: Correction) -> SourceFacts? {
        var corrected = source
        switch correction.subject {
        case .prefix(let record):
            guard recordKey == record, source.prefixFailures != correction.value else { return nil }
            corrected.prefixFailures = correction.value
        case .provider(let record):
            guard recordKey == record, source.providerFailures != correction.value else {
                return nil
            }
            corrected.providerFailures = correction.value
        case .device(let hash):
            guard device == FactKey(.device, hash), source.deviceUsers != correction.value else {
                return nil
            }
            corrected.deviceUsers = correction.value
        }
        return corrected
    }
}
