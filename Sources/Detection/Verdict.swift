public import SessionModel

/// What a person said of an alert, and what that taught.
public struct Teaching: Sendable, Equatable {
    /// Devices, by label and id, that are the user's (dismissed) or a stranger's (confirmed) from now on.
    public var devices: [String] = []
    /// Networks likewise, as `203.0.113.0/24`.
    public var networks: [String] = []
    /// Places and countries that are the user's from now on, or that are no longer known as the user's.
    public var places: [String] = []

    public init() {}

    fileprivate mutating func add(_ text: String, to list: WritableKeyPath<Teaching, [String]>) {
        if !text.isEmpty, !self[keyPath: list].contains(text) { self[keyPath: list].append(text) }
    }
}

extension Judge {
    /// The most ends of one alert that a verdict is remembered with.
    static let verdictEnds = 4

    /// "This was me": what an alert names is the user's from now on, and the alert is over.
    ///
    /// The device, network, provider, place and country of its suspects become as familiar as the user's
    /// first ones; its findings go, and what is in the tail is judged again with that. `emitted` has what
    /// came of it: the alert dismissed, and others that are new, changed or no longer hold.
    ///
    /// - Parameter name: The alert's id, as `a-0123456789abcdef`.
    /// - Returns: What it taught; nil when the profile knows no such alert (any more): nothing is changed
    ///   then.
    public mutating func dismiss(alert name: String, _ profile: inout Profile) -> Teaching? {
        guard let index = profile.alertIndex(named: name) else { return nil }
        let key = profile.keys[index]
        let alert = profile.facts[index]
        let id = alert.a
        let firstOfThis = emitted.count
        // Before going back: what was found in the tail goes with its steps.
        let suspects = profile.suspects(of: key)
        var teaching = Teaching()
        let text = FindingText(heap: profile.heap)
        for end in suspects { teaching.note(end, text, isOwn: true) }
        if let p = profile.publishedIndex(id) { profile.published[p].isConfirmed = false }
        profile.steps &+= 1
        rejudge(from: 0, &profile) { profile in
            profile.settleAlert(key, alert, isConfirmed: false)
            profile.removeFindings(of: key)
            for suspect in suspects {
                profile.rememberAgain(suspect)
                profile.makeFamiliar(suspect)
                profile.mark(.dismissed, suspect, of: key, at: profile.newest)
            }
            // All of it is below the tail: there is nothing to undo.
            profile.undo.truncate(to: 0)
            profile.undoBase = 0
        }
        for i in firstOfThis..<emitted.count
        where emitted[i].id == Judge.alertName(id) && !emitted[i].status.stands {
            emitted[i].status = .dismissed
            emitted[i].summary = emitted[i].summary.replacingOpening(
                Judge.retractedOpening, by: Judge.dismissedOpening)
        }
        return teaching
    }

    /// "That was an intruder": what an alert names is never learned as the user's, and the alert stands
    /// until somebody dismisses it.
    ///
    /// Devices and networks of its suspects that were not the user's before are marked: whatever is found
    /// of them from now on is certain, and they are found when nothing else is. What was learned of
    /// places, providers and countries by their first sightings is taken back. Sightings that are there
    /// stay judged as they were.
    ///
    /// - Returns: What it taught; nil when the profile knows no such alert (any more).
    public mutating func confirm(alert name: String, _ profile: inout Profile) -> Teaching? {
        guard let index = profile.alertIndex(named: name) else { return nil }
        let key = profile.keys[index]
        let alert = profile.facts[index]
        let firstOfThis = emitted.count
        let suspects = profile.suspects(of: key)
        var teaching = Teaching()
        let text = FindingText(heap: profile.heap)
        var marked: [StoredEnd] = []
        for var end in suspects {
            // What was the user's own before, the thief only used.
            if profile.wasFamiliar(profile.index(of: end.device) ?? -1, before: alert.first),
                !profile.isTaught(end.device)
            {
                end.device = .none
            }
            if profile.wasFamiliar(profile.index(of: end.network) ?? -1, before: alert.first),
                !profile.isTaught(end.network)
            {
                end.network = .none
            }
            if !end.device.isNone || !end.network.isNone { marked.append(end) }
        }
        if let p = profile.publishedIndex(alert.a) {
            profile.published[p].isConfirmed = true
            profile.published[p].isRetracted = false
        }
        profile.steps &+= 1
        let wasDismissed = profile.hasMark(.dismissed, of: key)
        rejudge(from: 0, &profile) { profile in
            profile.settleAlert(key, alert, isConfirmed: true)
            profile.removeMarks(of: key)
            for end in marked {
                profile.rememberAgain(end)
                profile.condemn(end, since: alert.first, until: alert.last, isTaught: wasDismissed)
                profile.mark(.confirmed, end, of: key, at: profile.newest)
            }
            profile.tally.hasCondemned = profile.tally.hasCondemned || !marked.isEmpty
            profile.undo.truncate(to: 0)
            profile.undoBase = 0
        }
        for end in marked { teaching.note(end, text, isOwn: false) }
        guard !emitted[firstOfThis...].contains(where: { $0.id == name }),
            let i = profile.alertIndex(named: name), profile.isRaised(alert: i)
        else { return teaching }
        if let p = profile.publishedIndex(alert.a) { profile.published[p].revision &+= 1 }
        emitted.append(makeAlert(profile, i, revision: Judge.unknownRevision, .confirmed))
        return teaching
    }

    static let retractedOpening = "No longer holds: a record that came late explains it."
    static let dismissedOpening = "Dismissed: it was the user."
}

extension Profile {
    /// After a verdict was written to the state: its number there, and whether it stays a person's word.
    public mutating func noteTold(_ name: String, revision: Int, isConfirmed: Bool?) {
        for p in 0..<published.count where Judge.alertName(published[p].alertID) == name {
            published[p].revision = UInt32(clamping: revision)
            if let isConfirmed { published[p].isConfirmed = isConfirmed }
        }
    }
}

extension Teaching {
    fileprivate mutating func note(_ end: StoredEnd, _ text: FindingText, isOwn: Bool) {
        if !end.device.isNone {
            let (label, id) = (text.string(end.labelText), text.string(end.deviceText))
            add(
                label.isEmpty ? id : id.isEmpty ? label : "\(label) (\(id))", to: \.devices)
        }
        if !end.network.isNone, !end.address.isNone {
            add(end.address.networkPrefixDescription, to: \.networks)
        }
        if end.hasPlace { add(text.place(end), to: \.places) }
        if !end.country.isNone { add(end.country.description, to: \.places) }
    }
}

// MARK: - Marks

extension StoredFinding {
    /// Whether it keeps what a person said rather than what was found.
    var isMark: Bool { closing == .confirmed || closing == .dismissed }
}

extension Profile {
    func alertIndex(named name: String) -> Int? {
        var found: Int?
        forEach(.alert) { i in if Judge.alertName(facts[i].a) == name { found = i } }
        return found
    }

    /// Keeps an alert that a person spoke about, also when none of its findings is settled: to be called
    /// with the tail's steps undone.
    fileprivate mutating func settleAlert(_ key: FactKey, _ alert: Fact, isConfirmed: Bool) {
        if index(of: key) == nil { add(key, alert, kind: .alert) }
        guard let i = index(of: key) else { return }
        facts[i].flags.subtract([.closed, .isRemedying, .mayBeJourney, .condemned])
        if isConfirmed { facts[i].flags.insert(.condemned) }
    }

    /// Whom an alert names, each device and network once: by its likely findings (else by all), else as a
    /// verdict remembers them.
    fileprivate func suspects(of alert: FactKey) -> [StoredEnd] {
        func ends(_ isWanted: (StoredFinding) -> Bool) -> [StoredEnd] {
            var ends: [StoredEnd] = []
            for k in 0..<findings.count
            where findings[k].alert == alert && isWanted(findings[k])
                && ends.count < Judge.verdictEnds
            {
                let end = findings[k].isFinding ? findings[k].suspect : findings[k].here
                if !ends.contains(where: {
                    $0.device == end.device && $0.network == end.network
                        && $0.placeKey == end.placeKey
                }) {
                    ends.append(end)
                }
            }
            return ends
        }
        let likely = ends { $0.isRaised }
        if !likely.isEmpty { return likely }
        let found = ends { $0.isFinding }
        return found.isEmpty ? ends { $0.isMark } : found
    }

    /// Keeps what was said of one end. Settled: to be called with the tail's steps undone.
    fileprivate mutating func mark(
        _ verdict: Closing, _ end: StoredEnd, of alert: FactKey, at time: Int64
    ) {
        var mark = StoredFinding()
        mark.alert = alert
        mark.variant = verdict.rawValue
        mark.time = time
        mark.here = end
        var marks = 0
        var oldest: Int?
        for k in 0..<findings.count where findings[k].isMark {
            marks += 1
            if oldest == nil || findings[k].time < findings[oldest ?? k].time { oldest = k }
        }
        if marks >= Profile.markLimit, let oldest {
            replaceFinding(oldest, by: mark)
        } else {
            addFinding(mark)
        }
    }

    fileprivate func hasMark(_ verdict: Closing, of alert: FactKey) -> Bool {
        for k in 0..<findings.count
        where findings[k].alert == alert && findings[k].closing == verdict { return true }
        return false
    }

    fileprivate mutating func removeMarks(of alert: FactKey) {
        keepFindings { $0.alert != alert || !$0.isMark }
    }

    fileprivate mutating func removeFindings(of alert: FactKey) {
        keepFindings { $0.alert != alert }
    }

    private mutating func keepFindings(_ isKept: (StoredFinding) -> Bool) {
        var kept = 0
        for k in 0..<findings.count where isKept(findings[k]) {
            findings[kept] = findings[k]
            kept += 1
        }
        findings.truncate(to: kept)
    }

    /// Whether a sighting is of a device that was confirmed to be an intruder's, or from such a network on
    /// a device that is not the user's, or on any when the intruder had the user's own device id or client:
    /// 0 for no, 1 for the device, 2 for the network; and since when.
    func condemned(_ x: StoredSighting, _ context: Context) -> (what: UInt8, since: Int64) {
        var found: (what: UInt8, since: Int64) = (0, 0)
        for k in 0..<findings.count where findings[k].closing == .confirmed {
            let end = findings[k].here
            if !end.device.isNone, end.device == x.device { return (1, findings[k].time) }
            if !end.network.isNone, end.network == x.network, found.what == 0,
                end.device.isNone || context.device < 0
                    || !isFamiliar(facts[context.device], days: Judge.familiarDays)
            {
                found = (2, findings[k].time)
            }
        }
        return found
    }
}

// MARK: - The user's own, and a stranger's

extension Profile {
    fileprivate func isTaught(_ key: FactKey) -> Bool { fact(key)?.flags.contains(.taught) == true }

    /// Marks what an alert names as the user's own.
    fileprivate mutating func makeFamiliar(_ suspect: StoredEnd) {
        var device = Fact(firstSeen: suspect.time)
        device.labelText = suspect.labelText
        device.deviceText = suspect.deviceText
        makeFamiliar(suspect.device, .device, device)
        var network = Fact(firstSeen: suspect.time)
        network.address = suspect.address
        network.asn = suspect.asn
        network.networkKind = suspect.kind
        network.organizationText = suspect.organizationText
        makeFamiliar(suspect.network, .network, network)
        makeFamiliar(suspect.providerKey, .provider, Fact(firstSeen: suspect.time))
        if suspect.hasPlace {
            var place = Fact(firstSeen: suspect.time)
            place.point = suspect.point
            place.radius = suspect.radius
            place.country = suspect.country
            place.cityText = suspect.cityText
            place.regionText = suspect.regionText
            makeFamiliar(suspect.placeKey, .place, place)
        }
        if !suspect.country.isNone, suspect.kind.placeIsMeaningful {
            makeFamiliar(
                FactKey(.country, UInt64(suspect.country.rawValue)), .country,
                Fact(firstSeen: suspect.time))
        }
        if let session = index(of: suspect.session) {
            update(session) { $0.flags.remove(.suspect) }
        }
    }

    private mutating func makeFamiliar(_ key: FactKey, _ kind: FactKind, _ new: Fact) {
        if key.isNone { return }
        if let i = index(of: key) {
            update(i) {
                // What was the user's all along was not taught by this.
                if !$0.flags.contains(.founding) { $0.flags.insert(.taught) }
                $0.flags.subtract([.suspect, .condemned])
                $0.flags.insert(.founding)
            }
        } else {
            var fact = new
            fact.flags = [.founding, .taught]
            add(key, fact, kind: kind)
        }
    }

    /// Takes back what was learned of an intruder. Settled: there is no undo log.
    fileprivate mutating func condemn(
        _ end: StoredEnd, since first: Int64, until last: Int64, isTaught: Bool
    ) {
        for key in [end.device, end.network] where !key.isNone {
            guard let i = index(of: key) else { continue }
            facts[i].flags.subtract([.founding, .taught])
            facts[i].flags.formUnion([.suspect, .condemned])
        }
        let country =
            end.country.isNone ? FactKey.none : FactKey(.country, UInt64(end.country.rawValue))
        for key in [end.providerKey, end.placeKey, country] where !key.isNone {
            guard let i = index(of: key) else { continue }
            let fact = facts[i]
            // First seen with the intruder, or taught by a verdict that was wrong.
            if (first...max(first, last)).contains(fact.first)
                || isTaught && fact.flags.contains(.taught)
            {
                removeFact(i)
            }
        }
    }

    /// Forgets a fact. Settled: there must be no undo log.
    mutating func removeFact(_ i: Int) {
        let last = keys.count - 1
        countKind(keys[i], by: -1)
        keys[i] = keys[last]
        facts[i] = facts[last]
        keys.truncate(to: last)
        facts.truncate(to: last)
    }
}

extension Fact.Flags {
    /// A device or network that was confirmed to be an intruder's; an alert that was.
    static let condemned = Fact.Flags(rawValue: 64)
    /// Made the user's own by "this was me".
    static let taught = Fact.Flags(rawValue: 128)
}

extension String {
    fileprivate func replacingOpening(_ opening: String, by other: String) -> String {
        hasPrefix(opening) ? other + dropFirst(opening.count) : self
    }
}
