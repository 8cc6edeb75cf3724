import SessionModel

/// Flags a country that the user was never seen in.
///
/// *Possible* (never an alert alone) on a device the user is known on: people travel. *Likely* on a
/// device that is new, or named by an alert, or where the record does not tell the device; also for a
/// sign-in with a password where the device is told by its client only, as very many have the same: who
/// travels takes their sessions along, who has stolen a password has none; with a second factor too when
/// a network of the user's was in use within six hours, as factors are phished and prompts confirmed.
/// Networks
/// whose place says little (VPN, Tor, relay, satellite) count for no country.
/// - Blind spot: an intruder in a country where the user was.
public struct NewCountry: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "learning_sightings", unit: "count", range: 1...1000, default: 3, isWhole: true,
            meaning:
                "A user's first sightings, this many, and the first day's teach and do not alarm.")
    ]

    let learningSightings: UInt32

    init(_ rule: DetectionRule) {
        learningSightings = UInt32(rule.limit("learning_sightings"))
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.country < 0, !x.country.isNone, x.networkKind.placeIsMeaningful, x.isUse,
            !profile.isLearning(x, sightings: learningSightings)
        else { return }
        add(x, context, profile, into: &found)
    }

    /// Who was on a network of theirs within this, is hardly in a new country yet, ms.
    private let elsewhere: Int64 = 6 * 3_600_000

    func add(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        var countries: Int64 = 0
        profile.forEach(.country) { _ in countries += 1 }
        guard countries > 0 else { return }
        let isDeviceKnown =
            context.device >= 0 && !profile.facts[context.device].flags.contains(.suspect)
        let isAnybodys =
            isDeviceKnown
            && (x.isAnybodys || x.isProvenByFactor && profile.wasElsewhere(x, within: elsewhere))
        var finding = StoredFinding()
        finding.detector = DetectorKind.newCountry.code
        finding.variant = isAnybodys ? 3 : isDeviceKnown ? 0 : x.device.isNone ? 1 : 2
        finding.confidence =
            (isDeviceKnown && !isAnybodys ? Confidence.possible : .likely).rawValue
        finding.time = x.time
        finding.here = profile.end(x)
        finding.n = countries
        finding.m = Int64(profile.tally.sightings)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let on =
            switch f.variant {
            case 0: "on a device that is known"
            case 1: "on a device that the record does not tell"
            case 3: "by a sign-in on a client like the user's"
            default: "on a device that is not known"
            }
        return Description(
            evidence: [
                Evidence("country", .text(f.here.country.description)),
                Evidence("known_countries", .integer(Int(f.n))),
                Evidence("known_sightings", .integer(Int(f.m))),
                Evidence("learning_sightings", .integer(Int(learningSightings))),
                Evidence("device_is_known", .flag(f.variant == 0 || f.variant == 3)),
                Evidence("place", .text(text.place(f.here))),
                Evidence("ip", .text(text.address(f.here))),
            ],
            silencedBy: "learning_sightings > \(f.m)",
            sentence: "First seen in \(f.here.country.description) (\(text.place(f.here))), \(on),"
                + " after \(text.count(Int(f.m), "sighting")) in"
                + " \(text.count(Int(f.n), "other country", "other countries")).")
    }
}
