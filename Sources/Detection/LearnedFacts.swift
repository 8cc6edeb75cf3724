public import SessionModel

// What a profile has learned of its user, to be listed and corrected.

extension FactKind {
    /// What is listed: the other kinds are of what goes on, as sessions and alerts, not of the user.
    var learnedKind: LearnedFact.Kind? {
        switch self {
        case .device: .device
        case .network: .network
        case .provider: .provider
        case .place: .place
        case .country: .country
        case .habit: .hours
        case .session, .track, .failures, .alert, .credential: nil
        }
    }
}

extension FactKey {
    /// As people give it. Mixed, since a country's key begins as every other country's does.
    var learnedID: String {
        let digits = String(mix(rawValue, 7), radix: 16)
        return String(repeating: "0", count: LearnedAccount.idDigits - digits.count) + digits
    }
}

extension Profile {
    /// The account as far as it is known.
    ///
    /// The facts need to be whole: after reading the profile from the state call `Judge.restore`, with
    /// the rules in force, as what they find in the tail says what an alert named.
    public func learned() -> LearnedAccount {
        var found: [(rank: Int, fact: LearnedFact)] = []
        let kinds = LearnedFact.Kind.allCases
        for i in 0..<keys.count {
            guard let kind = keys[i].kind?.learnedKind, let subject = subject(i) else { continue }
            let fact = facts[i]
            let isHours = kind == .hours
            found.append(
                (
                    kinds.firstIndex(of: kind) ?? 0,
                    LearnedFact(
                        id: keys[i].learnedID, subject: subject,
                        source: isHours ? .counted : source(fact),
                        standing: isHours ? nil : standing(i),
                        firstSeen: Timestamp(milliseconds: fact.first),
                        lastSeen: Timestamp(milliseconds: fact.last), days: Int(fact.days),
                        sightings: Int(fact.count), alertIDs: isHours ? [] : alerts(naming: keys[i])
                    )
                ))
        }
        // Ties by id, so that the answer does not depend on the order of facts.
        found.sort {
            ($0.rank, $1.fact.lastSeen, $0.fact.id) < ($1.rank, $0.fact.lastSeen, $1.fact.id)
        }
        return LearnedAccount(
            userID: userID.string, userName: userName.string, tenant: tenant.string,
            sightings: Int(tally.sightings),
            firstUse: tally.sightings == 0 ? nil : Timestamp(milliseconds: tally.firstUse),
            facts: found.map(\.fact))
    }

    private func subject(_ i: Int) -> LearnedFact.Subject? {
        let fact = facts[i]
        switch keys[i].kind?.learnedKind {
        case .device:
            return .device(
                label: heap.text(fact.labelText).string, id: heap.text(fact.deviceText).string)
        case .network: return .network(prefix: fact.address.networkPrefixDescription, network(fact))
        case .provider:
            var subject = LearnedFact.Subject.provider(prefix: "", Network())
            forEach(.network) { n in
                let known = facts[n]
                guard FactKey.provider(asn: known.asn, known.address) == keys[i] else { return }
                var provider = network(known)
                (provider.address, provider.kind) = ("", .unknown)
                let prefix =
                    known.asn == 0
                    ? "\(known.address.providerPrefix)/\(known.address.isV4 ? 16 : 32)" : ""
                subject = .provider(prefix: prefix, provider)
            }
            return subject
        case .place:
            return .place(
                Place(
                    city: heap.text(fact.cityText).string,
                    region: heap.text(fact.regionText).string,
                    country: fact.country.description, latitude: Double(fact.point.latitude),
                    longitude: Double(fact.point.longitude), radiusKilometers: Int(fact.radius)))
        case .country:
            let code = CountryCode(rawValue: UInt16(truncatingIfNeeded: keys[i].rawValue))
            return .country(code.description)
        case .hours: return .hours((0..<24).map { fact.hourCount($0) })
        case nil: return nil
        }
    }

    private func network(_ fact: Fact) -> Network {
        Network(
            address: fact.address.isNone ? "" : fact.address.description, asn: fact.asn,
            organization: heap.text(fact.organizationText).string, kind: fact.networkKind)
    }

    private func source(_ fact: Fact) -> LearnedFact.Source {
        if fact.flags.contains(.condemned) { return .confirmed }
        if fact.flags.contains(.suspect) { return .alert }
        if fact.flags.contains(.founding) {
            return fact.flags.contains(.taught) ? .dismissed : .first
        }
        return fact.days >= 2 ? .days : .sighting
    }

    private func standing(_ i: Int) -> LearnedFact.Standing {
        if isFamiliar(facts[i], days: Judge.familiarDays) { return .familiar }
        if !facts[i].flags.isDisjoint(with: [.suspect, .condemned]) { return .stranger }
        return isKnown(i, at: newest) ? .known : .new
    }

    /// The alerts that are still remembered of which a finding that is told, or a verdict, is of this.
    private func alerts(naming key: FactKey) -> [String] {
        var names: [String] = []
        for k in 0..<findings.count where findings[k].isRaised || findings[k].isMark {
            let end = findings[k].isFinding ? findings[k].suspect : findings[k].here
            guard end.has(key), let alert = fact(findings[k].alert) else { continue }
            let name = Judge.alertName(alert.a)
            if !names.contains(name) { names.append(name) }
        }
        return names.sorted()
    }
}

extension StoredEnd {
    fileprivate func has(_ key: FactKey) -> Bool {
        if key.isNone { return false }
        return key == device || key == network || key == providerKey || key == placeKey
            || !country.isNone && key == FactKey(.country, UInt64(country.rawValue))
    }
}

// MARK: - Forgetting

extension Fact.Flags {
    /// Of a device, network, provider, place, country or the hours: goes with the next sweep. (An alert
    /// that is closed has the same bit.)
    static let leaving = Fact.Flags(rawValue: 8)
}

/// What is forgotten with a sighting.
struct Forgets: OptionSet, BitwiseCopyable, Sendable {
    let rawValue: UInt8
    init(rawValue: UInt8) { self.rawValue = rawValue }

    // It is the last in the tail with this device, network, …, which is to leave.
    static let device = Forgets(rawValue: 1)
    static let network = Forgets(rawValue: 2)
    static let provider = Forgets(rawValue: 4)
    static let place = Forgets(rawValue: 8)
    static let country = Forgets(rawValue: 16)
    static let hours = Forgets(rawValue: 32)
    static let parts: [Forgets] = [.device, .network, .provider, .place, .country, .hours]
    /// After it, what is to leave is gone.
    static let sweep = Forgets(rawValue: 64)
}

extension StoredSighting {
    /// The fact of a kind that it teaches.
    fileprivate func key(_ part: Forgets) -> FactKey {
        switch part {
        case .device: device
        case .network: network
        case .provider: provider
        case .place: place
        case .country: country
        default: .hours
        }
    }

    /// Whether its step teaches what it was made with.
    fileprivate var teaches: Bool { isUse && event != .logout }
}

/// What came of forgetting.
public enum Forgetting: Sendable, Equatable {
    case forgotten(LearnedFact)
    /// A person confirmed that it is an intruder's: a verdict, which another verdict takes back.
    case isIntruders(LearnedFact)
    case unknown
}

extension Judge {
    /// Has the profile forget one fact, so that it is new when it is next seen.
    ///
    /// What was seen stays judged as it was, so no alert comes of it. The tail is judged again now and
    /// then, for a late sighting or after the profile was read, and would teach the fact anew. So the fact is
    /// marked, in the settled part or by the last sighting of the tail that has it, and the newest sighting of
    /// the tail carries that what is marked is gone after it: up to there everything is as it was, also for
    /// a late sighting that takes its place before; what comes after it finds the fact new.
    ///
    /// - Parameter id: All of its digits, as `Profile.learned` gives it.
    public mutating func forget(_ id: String, _ profile: inout Profile) -> Forgetting {
        guard let fact = profile.learned().facts.first(where: { $0.id == id }),
            let key = profile.learnedKey(id)
        else { return .unknown }
        if fact.source == .confirmed { return .isIntruders(fact) }
        profile.steps &+= 1
        var newest: Int?
        for i in (0..<profile.tail.count).reversed() where profile.tail[i].teaches {
            let x = profile.tail[i]
            newest = newest ?? i
            guard let part = Forgets.parts.first(where: { x.key($0) == key }) else { continue }
            let last = newest ?? i
            rejudge(from: i, &profile, isSilent: true) { profile in
                profile.tail[i].forgets.formUnion(part)
                profile.tail[last].forgets.formUnion(.sweep)
            }
            return .forgotten(fact)
        }
        let last = newest
        rejudge(from: 0, &profile, isSilent: true) { profile in
            if let i = profile.index(of: key) {
                if let last {
                    profile.facts[i].flags.insert(.leaving)
                    profile.tail[last].forgets.formUnion(.sweep)
                } else {
                    profile.removeFact(i)
                }
            }
            // It is below the tail: there is nothing to undo.
            profile.undo.truncate(to: 0)
            profile.undoBase = 0
        }
        return .forgotten(fact)
    }
}

extension Profile {
    fileprivate func learnedKey(_ id: String) -> FactKey? {
        for i in 0..<keys.count where keys[i].kind?.learnedKind != nil && keys[i].learnedID == id {
            return keys[i]
        }
        return nil
    }

    /// Forgets what a sighting says that is forgotten with it.
    mutating func forget(after x: StoredSighting) {
        for part in Forgets.parts where x.forgets.contains(part) {
            let key = x.key(part)
            if !key.isNone, let i = index(of: key) { update(i) { $0.flags.insert(.leaving) } }
        }
        guard x.forgets.contains(.sweep) else { return }
        // Downwards, as the last takes the place of one that goes.
        for i in (0..<keys.count).reversed()
        where facts[i].flags.contains(.leaving) && keys[i].kind?.learnedKind != nil { remove(i) }
    }

    /// What a verdict says of an end holds, whatever was forgotten in the tail before it: to be called
    /// with the tail's steps undone.
    mutating func rememberAgain(_ end: StoredEnd) {
        for i in 0..<keys.count where end.has(keys[i]) { facts[i].flags.remove(.leaving) }
        for i in 0..<tail.count where !tail[i].forgets.isEmpty {
            for part in Forgets.parts where part != .hours && end.has(tail[i].key(part)) {
                tail[i].forgets.remove(part)
            }
        }
    }
}
