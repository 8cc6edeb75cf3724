import CSystem
import SessionModel

/// How an alert closes by itself: because later records explain it, or because what it asked for was
/// done. All of it is part of a sighting's step, so that a late record undoes and redoes it with the rest.
///
/// - *Remedied*: after the alert the password was changed (or reset) on a device and a network or place
///   that were the user's before the alert, and for `quiet` after that neither the suspect's session nor
///   its device was used. A log-out alone is not enough: who has the password comes back.
/// - *A journey*: the user's own device that the alert is about stayed away for `stay` and came home, each
///   leg at a speed that can be, and nobody else was seen as the user far from it meanwhile.
///
/// Never closed by itself: certain travel on a stranger's device, a change of password or second factor by
/// a stranger, an alert whose suspect made the change, and what a person confirmed. What is found or used
/// again later opens it again.
enum Closing: UInt8 {
    /// The password was changed; it is not known yet whether that ended it.
    case changed = 1
    case remedied = 2
    /// Somebody was seen as the user far from the suspect's place. `n`: when last.
    case elsewhere = 3
    /// It cannot be a journey.
    case noJourney = 4
    case journey = 5
    /// The suspect went on after the password was changed. `here`: its sighting; `there`: the change.
    case inVain = 6
    /// A person said that it was an intruder, or the user. `here`: an end that it named.
    case confirmed = 7
    case dismissed = 8

    /// Under this code the profile keeps, beside an alert's findings, what became of it.
    static let code: UInt8 = 0
    /// How long nothing may be seen of the suspect after the password was changed, ms.
    static let quiet: Int64 = 3_600_000
    /// How long a device has to stay away for a journey, from its alert on, ms.
    static let stay: Int64 = 12 * 3_600_000
    /// An alert without a finding for longer than this is left as it is, ms.
    static let horizon: Int64 = 60 * 86_400_000
    /// Somebody seen farther away than this is seen elsewhere, km.
    static let far = 100.0

    /// Whether it is of a journey rather than of a change of the password: an alert has one of each.
    /// Nil for what a person said.
    var isOfJourney: Bool? {
        switch self {
        case .elsewhere, .noJourney, .journey: true
        case .changed, .remedied, .inVain: false
        case .confirmed, .dismissed: nil
        }
    }

    /// Whether a reader is told of it.
    var isTold: Bool {
        switch self {
        case .remedied, .journey, .inVain: true
        case .changed, .elsewhere, .noJourney, .confirmed, .dismissed: false
        }
    }
}

extension StoredFinding {
    /// What became of its alert; nil for a finding.
    var closing: Closing? { detector == Closing.code ? Closing(rawValue: variant) : nil }
    var isFinding: Bool { detector != Closing.code }
    /// Whether it can be told: a finding, or what became of an alert that a reader should know.
    var isTold: Bool { isFinding || closing?.isTold == true }
    var isRaised: Bool { isFinding && confidence >= Confidence.likely.rawValue }
}

extension Fact.Flags {
    /// An alert that is closed.
    static let closed = Fact.Flags(rawValue: 8)
    /// An alert after which the password was changed.
    static let isRemedying = Fact.Flags(rawValue: 16)
    /// An alert that a journey would explain.
    static let mayBeJourney = Fact.Flags(rawValue: 32)
}

// MARK: - A step

extension Judge {
    /// What a sighting says about the alerts that there are, before it is learned.
    mutating func reviewAlerts(
        _ x: StoredSighting, _ context: Context, _ profile: inout Profile
    ) {
        let isChange = x.event == .passwordChange || x.event == .recovery
        var alerts = ls_of_kind(profile.keys.words, profile.keys.count, FactKind.alert.rawValue)
        while alerts.low != 0 || alerts.high != 0 {
            let i: Int
            if alerts.low != 0 {
                i = alerts.low.trailingZeroBitCount
                alerts.low &= alerts.low &- 1
            } else {
                i = 64 &+ alerts.high.trailingZeroBitCount
                alerts.high &= alerts.high &- 1
            }
            guard x.time &- profile.facts[i].last <= Closing.horizon,
                !profile.facts[i].flags.contains(.condemned)  // a person's word
            else { continue }
            if !profile.facts[i].flags.isDisjoint(with: [.closed, .isRemedying]) {
                review(i, x, &profile)
            }
            let flags = profile.facts[i].flags
            if flags.contains(.closed) { continue }
            if flags.contains(.mayBeJourney), x.isLocated { followJourney(i, x, context, &profile) }
            if isChange { considerChange(i, x, context, &profile) }
        }
    }

    /// An alert that is closed by a change of password, or about to be.
    private mutating func review(_ i: Int, _ x: StoredSighting, _ profile: inout Profile) {
        guard let k = profile.closingIndex(of: profile.keys[i], isOfJourney: false) else { return }
        let closing = profile.findings[k]
        let flags = profile.facts[i].flags
        guard
            closing.closing == .changed && flags.contains(.isRemedying)
                || closing.closing == .remedied && flags.contains(.closed)
        else { return }
        if profile.isSuspect(x, ofAlert: i) {
            var vain = closing
            vain.variant = Closing.inVain.rawValue
            vain.time = x.time
            vain.there = closing.here
            vain.here = profile.end(x)
            profile.replaceFinding(k, by: vain)
            profile.update(i) { $0.flags.subtract([.closed, .isRemedying]) }
            note(profile.keys[i])
        } else if closing.closing == .changed, x.time &- closing.time >= Closing.quiet {
            var closed = closing
            closed.variant = Closing.remedied.rawValue
            profile.replaceFinding(k, by: closed)
            profile.update(i) {
                $0.flags.insert(.closed)
                $0.flags.remove(.isRemedying)
            }
            note(profile.keys[i])
        }
    }

    /// The password was changed, or reset: whether by the user, after an alert that this remedies.
    private mutating func considerChange(
        _ i: Int, _ x: StoredSighting, _ context: Context, _ profile: inout Profile
    ) {
        let since = profile.facts[i].first
        // What is suspect itself does not end an alert.
        guard !isSuspectItself, profile.isRaised(alert: i),
            profile.wasFamiliar(context.device, before: since),
            profile.wasFamiliar(context.network, before: since)
                || profile.wasFamiliar(context.place, before: since),
            profile.canBeRemedied(alert: i)
        else { return }
        let key = profile.keys[i]
        for k in 0..<profile.findings.count
        where profile.findings[k].alert == key && profile.findings[k].isFinding {
            let suspect = profile.findings[k].suspect
            if suspect.device == x.device || suspect.network == x.network
                || !suspect.session.isNone && suspect.session == x.session
            {
                return
            }
        }
        var closing = StoredFinding()
        closing.alert = key
        closing.variant = Closing.changed.rawValue
        closing.time = x.time
        closing.here = profile.end(x)
        closing.n = x.event == .recovery ? 1 : 0
        // What was told of the change before is no longer the newest.
        if let old = profile.setClosing(closing), old.isTold { note(key) }
        profile.update(i) { $0.flags.insert(.isRemedying) }
    }

    /// A sighting of a user of whom a device may be on a journey.
    private mutating func followJourney(
        _ i: Int, _ x: StoredSighting, _ context: Context, _ profile: inout Profile
    ) {
        let key = profile.keys[i]
        guard let k = profile.newestRaised(key) else { return }
        let away = profile.findings[k].suspect
        let c = profile.closingIndex(of: key, isOfJourney: true)
        let known = c.map { profile.findings[$0] }
        if known?.closing == .noJourney { return }
        let distance = away.point.kilometers(to: x.point)
        var closing = known ?? StoredFinding()
        closing.alert = key
        closing.time = x.time
        func isItself() -> Bool {
            away.device.isNone ? x.session == away.session : x.device == away.device
        }
        guard isItself() else {
            if distance >= Closing.far {
                closing.variant = Closing.elsewhere.rawValue
                closing.n = x.time
                _ = profile.setClosing(closing)
            }
            return
        }
        guard context.track >= 0 else { return }
        let track = profile.facts[context.track]
        let isLegTooFast =
            detectors.journey.confidence(
                distance: track.point.kilometers(to: x.point),
                radii: Double(track.trackRadius) + Double(x.radius),
                elapsedMilliseconds: x.time &- track.last) != nil
        let isHome =
            distance >= Closing.far
            && (profile.wasFamiliar(context.network, before: profile.facts[i].first)
                || profile.wasFamiliar(context.place, before: profile.facts[i].first))
        let hasStayed = track.last &- profile.facts[i].last >= Closing.stay
        // Seen elsewhere and then, on the device, still away: those are two people, or two places.
        let isContradicted = known?.closing == .elsewhere && (known?.n ?? 0) < track.last
        if isLegTooFast || isContradicted || isHome && !hasStayed {
            closing.variant = Closing.noJourney.rawValue
            _ = profile.setClosing(closing)
        } else if isHome {
            closing.variant = Closing.journey.rawValue
            closing.here = profile.end(x)
            closing.there = profile.end(track: track)
            _ = profile.setClosing(closing)
            profile.update(i) {
                $0.flags.insert(.closed)
                $0.flags.remove(.isRemedying)
            }
            note(key)
        }
    }

    /// A finding more, of an alert: it is open (again), and may be a journey's or not.
    mutating func reopen(_ key: FactKey, by finding: StoredFinding, _ profile: inout Profile) {
        guard finding.isRaised, let i = profile.index(of: key) else { return }
        let flags = profile.facts[i].flags
        if !flags.isDisjoint(with: [.closed, .isRemedying]) {
            for k in 0..<profile.findings.count where profile.findings[k].alert == key {
                var past = profile.findings[k]
                switch past.closing {
                case .changed where flags.contains(.isRemedying), .remedied:
                    past.variant = Closing.inVain.rawValue
                    past.there = past.here
                    past.here = finding.here
                case .journey: past.variant = Closing.noJourney.rawValue
                case .changed, .inVain, .elsewhere, .noJourney, .confirmed, .dismissed, nil:
                    continue
                }
                past.time = finding.time
                profile.replaceFinding(k, by: past)
            }
            profile.update(i) { $0.flags.subtract([.closed, .isRemedying]) }
            note(key)
        }
        if flags.contains(.condemned) { return }
        let isJourney = profile.mayBeJourney(alert: i, with: finding)
        if isJourney != profile.facts[i].flags.contains(.mayBeJourney) {
            profile.update(i) {
                if isJourney {
                    $0.flags.insert(.mayBeJourney)
                } else {
                    $0.flags.remove(.mayBeJourney)
                }
            }
        }
    }
}

// MARK: - What a profile knows of it

extension Profile {
    /// Where what became of an alert is kept.
    fileprivate func closingIndex(of alert: FactKey, isOfJourney: Bool) -> Int? {
        for k in 0..<findings.count where findings[k].alert == alert {
            if let closing = findings[k].closing, closing.isOfJourney == isOfJourney { return k }
        }
        return nil
    }

    /// Keeps what became of an alert; what was kept before.
    fileprivate mutating func setClosing(_ closing: StoredFinding) -> StoredFinding? {
        guard
            let k = closingIndex(
                of: closing.alert, isOfJourney: closing.closing?.isOfJourney == true)
        else {
            addFinding(closing)
            return nil
        }
        let old = findings[k]
        replaceFinding(k, by: closing)
        return old
    }

    /// Whether it is told to anybody: one finding is likely.
    func isRaised(alert i: Int) -> Bool { newestRaised(keys[i]) != nil }

    fileprivate func newestRaised(_ alert: FactKey) -> Int? {
        var newest: Int?
        for k in 0..<findings.count where findings[k].alert == alert && findings[k].isRaised {
            if newest == nil || findings[newest ?? k].time <= findings[k].time { newest = k }
        }
        return newest
    }

    /// Whether a fact was the user's own before `time`, and no alert named it.
    func wasFamiliar(_ i: Int, before time: Int64) -> Bool {
        guard i >= 0 else { return false }
        let fact = facts[i]
        return fact.first < time && !fact.flags.contains(.suspect)
            && isFamiliar(fact, days: Judge.familiarDays)
    }

    /// Whether a sighting is of whom an alert names.
    fileprivate func isSuspect(_ x: StoredSighting, ofAlert i: Int) -> Bool {
        let since = facts[i].first
        for k in 0..<findings.count where findings[k].alert == keys[i] && findings[k].isFinding {
            let suspect = findings[k].suspect
            if !suspect.session.isNone, suspect.session == x.session { return true }
            if suspect.device.isNone {
                if !suspect.network.isNone, suspect.network == x.network, x.device.isNone {
                    return true
                }
            } else if suspect.device == x.device,
                !wasFamiliar(index(of: x.device) ?? -1, before: since)
            {
                return true
            }
        }
        return false
    }

    /// Whether a new password is all that an alert needs: not where a stranger was surely far from the
    /// user, nor where one changed what a new password leaves as it is.
    fileprivate func canBeRemedied(alert i: Int) -> Bool {
        for k in 0..<findings.count where findings[k].alert == keys[i] && findings[k].isRaised {
            let finding = findings[k]
            switch DetectorKind(code: finding.detector) {
            case .sensitiveChange, .loginAfterReset: return false
            case .impossibleTravel, .concurrentPlaces:
                if finding.confidence == Confidence.certain.rawValue,
                    !wasFamiliar(index(of: finding.suspect.device) ?? -1, before: facts[i].first)
                {
                    return false
                }
            default: break
            }
        }
        return true
    }

    /// Whether all that is likely about an alert is what a journey of the user's own device brings.
    fileprivate func mayBeJourney(alert i: Int, with new: StoredFinding) -> Bool {
        let since = facts[i].first
        func fits(_ finding: StoredFinding) -> Bool {
            switch DetectorKind(code: finding.detector) {
            case .impossibleTravel, .concurrentPlaces:
                if finding.confidence == Confidence.certain.rawValue { return false }
            case .sessionMoved:
                guard finding.confidence < Confidence.certain.rawValue,
                    finding.here.device == finding.there.device
                else { return false }
            case .newCountry, .atypicalCountry, .newNetwork, .unusualHour, .riskScore: break
            default: return false
            }
            let suspect = finding.suspect
            guard suspect.hasPlace, suspect.kind.placeIsMeaningful else { return false }
            if suspect.device.isNone {
                guard let session = fact(suspect.session) else { return false }
                return session.first < since
            }
            return suspect.device == new.suspect.device
                && wasFamiliar(index(of: suspect.device) ?? -1, before: since)
        }
        for k in 0..<findings.count where findings[k].alert == keys[i] && findings[k].isRaised {
            guard fits(findings[k]) else { return false }
        }
        return fits(new)
    }
}

// MARK: - Words

extension FindingText {
    /// How an alert's summary begins, by what became of it; empty where that changes nothing.
    func opening(_ closing: StoredFinding, session: String) -> String {
        func when(_ time: Int64) -> String { Timestamp(milliseconds: time).humanReadable }
        func changed(_ at: StoredEnd) -> String {
            "the password was \(closing.n == 1 ? "reset" : "changed") at \(when(at.time)) on the"
                + " user's own \(device(at)) in \(place(at))"
        }
        let it = session.isEmpty ? "the suspect" : "session \(session)"
        switch closing.closing {
        case .remedied:
            return "Closed: \(changed(closing.here)), and \(it) was not seen since. It said: "
        case .journey:
            let distance = closing.there.point.kilometers(to: closing.here.point)
            return "Closed: a journey. The user's own \(device(closing.here)) was in"
                + " \(place(closing.there)) until \(when(closing.there.time)) and back in"
                + " \(place(closing.here)) at \(when(closing.here.time)), \(kilometers(distance)) in"
                + " \(duration(closing.here.time &- closing.there.time)). It said: "
        case .inVain:
            return "Not over: \(changed(closing.there)), and the suspect was seen at"
                + " \(when(closing.here.time)) all the same. "
        case .changed, .elsewhere, .noJourney, .confirmed, .dismissed, nil: return ""
        }
    }
}
