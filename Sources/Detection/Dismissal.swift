public import SessionModel

extension Judge {
    /// "This was me": what an alert names is the user's from now on, and the alert is over.
    ///
    /// The device, network, provider, place and country of its suspects become as familiar as the user's
    /// first ones; its findings go, and what is in the tail is judged again with that. `emitted` has what
    /// came of it: the alert retracted, and others that no longer hold.
    ///
    /// - Parameter name: The alert's id, as `a-0123456789abcdef`.
    /// - Returns: False when the profile knows no such alert (any more): nothing is changed then.
    public mutating func dismiss(alert name: String, _ profile: inout Profile) -> Bool {
        guard let index = profile.alertIndex(named: name) else { return false }
        let key = profile.keys[index]
        let id = profile.facts[index].a
        let firstOfThis = emitted.count
        // Before going back: what was found in the tail goes with its steps.
        var suspects: [StoredEnd] = []
        for k in 0..<profile.findings.count where profile.findings[k].alert == key && profile.findings[k].isFinding {
            suspects.append(profile.findings[k].suspect)
        }
        profile.steps &+= 1
        rejudge(from: 0, &profile) { profile in
            for suspect in suspects { profile.makeFamiliar(suspect) }
            profile.removeFindings(of: key)
            // All of it is below the tail: there is nothing to undo.
            profile.undo.truncate(to: 0)
            profile.undoBase = 0
        }
        for i in firstOfThis..<emitted.count
        where emitted[i].id == Judge.alertName(id) && emitted[i].status == .retracted {
            emitted[i].summary = emitted[i].summary.replacingOpening(
                "No longer holds: a record that came late explains it.",
                by: "Dismissed: it was the user.")
        }
        return true
    }
}

extension Profile {
    fileprivate func alertIndex(named name: String) -> Int? {
        var found: Int?
        forEach(.alert) { i in if Judge.alertName(facts[i].a) == name { found = i } }
        return found
    }

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
                $0.flags.remove(.suspect)
                $0.flags.insert(.founding)
            }
        } else {
            var fact = new
            fact.flags = .founding
            add(key, fact, kind: kind)
        }
    }

    fileprivate mutating func removeFindings(of alert: FactKey) {
        var kept = 0
        for k in 0..<findings.count where findings[k].alert != alert {
            findings[kept] = findings[k]
            kept += 1
        }
        findings.truncate(to: kept)
    }
}

extension String {
    fileprivate func replacingOpening(_ opening: String, by other: String) -> String {
        hasPrefix(opening) ? other + dropFirst(opening.count) : self
    }
}
