import SessionModel

/// Notes a provider that the user was never seen on: a note in other alerts, hardly one of its own.
///
/// *Possible* (never an alert alone); *likely* when less than `rare_share_percent` of all sightings
/// come from there and the device is not known either. Where no database tells providers, the /16 (of
/// IPv6 the /32) stands for one.
/// - Blind spot: an intruder with the user's provider.
public struct NewNetwork: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "rare_share_percent", unit: "%", range: 0...100, default: 0.1,
            meaning: "A provider that less than this share of all sightings comes from is rare.")
    ]

    let rareRarity: UInt8
    let share: Double

    init(_ rule: DetectionRule) {
        share = rule.limit("rare_share_percent")
        rareRarity = Rarity.of(share: share / 100)
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.network < 0, context.provider < 0, !x.network.isNone,
            !profile.isLearning(x, sightings: Judge.learningSightings)
        else { return }
        let isRare = x.source.providerRarity > rareRarity
        let isKnown = profile.knowsDevice(x, context)
        found.append(
            profile.finding(
                .newNetwork, isRare && !isKnown ? .likely : .possible, x, variant: isRare ? 1 : 0))
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let name = text.string(f.here.organizationText)
        return Description(
            evidence: [
                Evidence("network", .text(f.here.address.networkPrefixDescription)),
                Evidence("organization", .text(name)),
                Evidence("is_rare_for_all", .flag(f.variant == 1)),
                Evidence("rare_share_percent", .number(share)),
            ] + text.whereabouts(f.here),
            silencedBy: f.variant == 1 ? "rare_share_percent: 0" : "enabled: false",
            sentence:
                "First seen on \(name.isEmpty ? f.here.address.networkPrefixDescription : name)"
                + (f.variant == 1 ? ", from where hardly anybody comes." : "."))
    }
}
