import SessionModel

// What several detectors ask of a sighting before it is learned.

extension Profile {
    /// How long a device or network that is no more than new stays a stranger, ms: one day.
    static let newcomerTime: Int64 = 86_400_000

    /// Whether the device was the user's before today: seen on another day, the first of all, or first
    /// seen more than a day ago, and named by no alert.
    func knowsDevice(_ x: StoredSighting, _ context: Context) -> Bool {
        isKnown(context.device, at: x.time)
    }

    /// Whether it was, and is more than a client that very many have: told by its id, or used otherwise
    /// than with a password, as somebody who has only stolen that has neither session nor key.
    func hasOwnDevice(_ x: StoredSighting, _ context: Context) -> Bool {
        knowsDevice(x, context) && !x.isAnybodys
    }

    /// Whether the network was: itself, or its provider at this place.
    func knowsNetwork(_ x: StoredSighting, _ context: Context) -> Bool {
        isKnown(context.network, at: x.time)
            || isKnown(context.provider, at: x.time) && isKnown(context.place, at: x.time)
                && !x.isThroughStrangers
    }

    /// Whether one of the user's networks of old, another one, was in use within a time before.
    func wasElsewhere(_ x: StoredSighting, within time: Int64) -> Bool {
        var wasElsewhere = false
        forEach(.network) { i in
            if keys[i] != x.network, x.time &- facts[i].last <= time, isKnown(i, at: x.time) {
                wasElsewhere = true
            }
        }
        return wasElsewhere
    }

    /// Whether the network was, or is one on which everybody of the organisation, or whoever has a phone
    /// in a country of theirs, is now and then.
    func isUsualNetwork(_ x: StoredSighting, _ context: Context) -> Bool {
        switch x.networkKind {
        case .corporate, .sharedEgress: true
        case .mobile: context.country >= 0 || knowsNetwork(x, context)
        default: knowsNetwork(x, context)
        }
    }

    /// `fact` is -1 for one that is not there.
    func isKnown(_ fact: Int, at time: Int64) -> Bool {
        guard fact >= 0 else { return false }
        let known = facts[fact]
        if known.flags.contains(.suspect) { return isFamiliar(known, days: Judge.familiarDays) }
        return known.flags.contains(.founding) || known.days >= 2
            || time &- known.first > Profile.newcomerTime
    }

    /// Whether one of the user's networks that were there before today is of this kind.
    func hasUsed(_ kind: NetworkKind, at time: Int64) -> Bool {
        var isUsed = false
        forEach(.network) { i in
            if facts[i].networkKind == kind,
                facts[i].flags.contains(.founding) || time &- facts[i].first > Profile.newcomerTime
            {
                isUsed = true
            }
        }
        return isUsed
    }

    /// Whether too little is known of the user for what is new to mean anything.
    func isLearning(_ x: StoredSighting, sightings: UInt32) -> Bool {
        tally.sightings < sightings || x.time &- tally.firstUse < Profile.newcomerTime
    }

    /// A finding about the sighting itself.
    func finding(
        _ detector: DetectorKind, _ confidence: Confidence, _ x: StoredSighting, variant: UInt8 = 0
    ) -> StoredFinding {
        var finding = StoredFinding()
        finding.detector = detector.code
        finding.confidence = confidence.rawValue
        finding.variant = variant
        finding.time = x.time
        finding.here = end(x)
        return finding
    }
}

extension StoredSighting {
    /// Through Tor or a proxy: whatever line it comes out of, it is nobody's home.
    var isThroughStrangers: Bool { networkKind == .tor || networkKind == .proxy }

    /// Whether whoever has the password could have made it with a client like the user's: no device id, and
    /// the password, or what stands for it when it is reset.
    var isAnybodys: Bool {
        if device.isOfID { return false }
        return switch event {
        case .login: auth == .password
        case .passwordChange, .recovery, .mfaChange: true
        case .activity, .logout, .session, .mfa: false
        }
    }

    /// A sign-in, or a second factor before it, that a phished one time code or a confirmed prompt makes
    /// too, with a client like the user's.
    var isProvenByFactor: Bool {
        !device.isOfID && (event == .login || event == .mfa) && auth == .mfa
    }
}

extension FindingText {
    /// What every finding about one sighting shows of it.
    func whereabouts(_ end: StoredEnd) -> [Evidence] {
        [
            Evidence("device", .text(device(end))),
            Evidence("place", .text(place(end))),
            Evidence("ip", .text(address(end))),
        ]
    }

    /// `a device and a network that are new for the user`; `variant` has 1 for the device, 2 for the
    /// network.
    func newness(_ variant: UInt8) -> String {
        switch variant & 3 {
        case 1: "a device that is new for the user"
        case 2: "a network that is new for the user"
        case 3: "a device and a network that are new for the user"
        default: "a device and a network that are known"
        }
    }
}
