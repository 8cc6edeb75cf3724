import SessionModel

/// Flags the first sighting of a device that the user was never seen on.
///
/// A device is its id where the record has one, else client, operating system and form without
/// versions, so that an update is not a new device. How sure the finding is depends on where the
/// device turns up:
///
/// - *possible* (never an alert alone) on a network that the user is known on, at a known place of a
///   known provider, or on the company's own or one that half of it shares: a new phone set up at home;
///   and on a carrier's network in a country that is known, where phones are set up; with a passkey too,
///   as nobody can be talked or tricked out of one (phishing resistance, NIST SP 800-63B-4, 3.2.5);
/// - *likely* on a network that is new for the user, in their first `settling_days`, in which home, work
///   and phone come one by one; and on a carrier's network in a new country;
/// - *certain* on a network that is new for the user after that.
///
/// A network is the user's when its prefix is, or its provider at a place that is the user's (where no
/// database tells providers, the /16): home lines get another address every day.
///
/// A device, or a device that is not the user's on a network, that a person confirmed to be an intruder's
/// (`lastseen alerts confirm`) is *certain* each time.
///
/// The first device of a user, and all within the first `learning_sightings`, are silent.
/// - Blind spot: an intruder whose browser and system are of the same families as the user's, in
///   logs without device ids.
public struct UnrecognizedDevice: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "learning_sightings", unit: "count", range: 1...1000, default: 3, isWhole: true,
            meaning:
                "A user's first sightings, this many, and the first day's teach and do not alarm."),
        ParameterSpec(
            "settling_days", unit: "days", range: 0...365, default: 4,
            meaning: "A user's first days, in which a new device on a new network is only likely."),
    ]

    let learningSightings: UInt32
    /// ms
    let settling: Int64

    init(_ rule: DetectionRule) {
        learningSightings = UInt32(rule.limit("learning_sightings"))
        settling = Int64(rule.limit("settling_days") * 86_400_000)
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.device < 0, !x.device.isNone, x.isUse,
            !profile.isLearning(x, sightings: learningSightings)
        else { return }
        add(x, context, profile, into: &found)
    }

    func add(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        var devices: Int64 = 0
        profile.forEach(.device) { _ in devices += 1 }
        guard devices > 0 else { return }  // the first that has a device at all
        var finding = StoredFinding()
        finding.detector = DetectorKind.unrecognizedDevice.code
        let isNetworkKnown =
            context.network >= 0
            || context.provider >= 0 && context.place >= 0 && !x.isThroughStrangers
            || x.network.isNone || x.networkKind == .corporate || x.networkKind == .sharedEgress
        let isHidden =
            switch x.networkKind {
            case .hosting, .vpn, .tor, .proxy: context.network < 0 && context.provider < 0
            default: false
            }
        let isCountryNew = context.country < 0 && !x.country.isNone
        let isOnCarrier = x.networkKind == .mobile
        let isSettling = x.time &- profile.tally.firstUse <= settling
        finding.variant =
            isNetworkKnown
            ? 0 : isHidden ? 3 : isCountryNew ? 2 : isOnCarrier ? UnrecognizedDevice.onCarrier : 1
        finding.confidence =
            (isNetworkKnown || isOnCarrier && !isCountryNew || x.auth == .passkey
            ? Confidence.possible : isSettling || isOnCarrier ? .likely : .certain).rawValue
        finding.time = x.time
        finding.here = profile.end(x)
        finding.n = devices
        finding.m = Int64(profile.tally.sightings)
        found.append(finding)
    }

    /// The variant of a device on a carrier's network that is new for the user.
    private static let onCarrier: UInt8 = 6

    /// A device (1), or a device on a network (2), that a person confirmed to be an intruder's.
    func addCondemned(
        _ what: UInt8, _ x: StoredSighting, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        var devices: Int64 = 0
        profile.forEach(.device) { _ in devices += 1 }
        var finding = profile.finding(.unrecognizedDevice, .certain, x, variant: 3 + what)
        finding.n = devices
        finding.m = Int64(profile.tally.sightings)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        if f.variant == 4 || f.variant == 5 {
            return Description(
                evidence: [
                    Evidence("device", .text(text.device(f.here))),
                    Evidence("device_is_confirmed_intruders", .flag(f.variant == 4)),
                    Evidence("network_is_confirmed_intruders", .flag(f.variant == 5)),
                    Evidence("place", .text(text.place(f.here))),
                    Evidence("ip", .text(text.address(f.here))),
                ],
                silencedBy: "enabled: false",
                sentence: "Seen again on \(text.device(f.here))"
                    + (f.variant == 4
                        ? ", which was confirmed to be an intruder's."
                        : " from \(f.here.address.networkPrefixDescription), a network that was"
                            + " confirmed to be an intruder's."))
        }
        let whereabouts =
            switch f.variant {
            case 0: "on a network that the user is known on"
            case 1: "on a network that is new for the user"
            case 2: "in a country that is new for the user"
            case UnrecognizedDevice.onCarrier: "on a carrier's network that is new for the user"
            default: "through a \(f.here.kind.name) network that is new for the user"
            }
        return Description(
            evidence: [
                Evidence("device", .text(text.device(f.here))),
                Evidence("known_devices", .integer(Int(f.n))),
                Evidence("known_sightings", .integer(Int(f.m))),
                Evidence("learning_sightings", .integer(Int(learningSightings))),
                Evidence("settling_days", .number(Double(settling) / 86_400_000)),
                Evidence("network_is_new", .flag(f.variant > 0)),
                Evidence("country_is_new", .flag(f.variant == 2)),
                Evidence("place", .text(text.place(f.here))),
                Evidence("ip", .text(text.address(f.here))),
            ],
            silencedBy: "learning_sightings > \(f.m)",
            sentence: "First seen on \(text.device(f.here)), \(whereabouts), after"
                + " \(text.count(Int(f.m), "sighting")) on"
                + " \(text.count(Int(f.n), "other device")).")
    }
}
