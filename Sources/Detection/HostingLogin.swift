import SessionModel

/// Flags a person who comes from a hosting or cloud network for the first time.
///
/// *Likely* on a device that is not known, *possible* (never an alert alone) on one that is, or where
/// `usual_share_percent` of all sightings come from such networks. A service account that always came
/// from there is silent.
/// - Blind spot: networks that no database or list calls hosting.
public struct HostingLogin: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "usual_share_percent", unit: "%", range: 0...100, default: 3,
            meaning: "When this share of all sightings comes from hosting networks, that is usual.")
    ]

    let usualRarity: UInt8
    let share: Double

    init(_ rule: DetectionRule) {
        share = rule.limit("usual_share_percent")
        usualRarity = Rarity.of(share: share / 100)
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard x.networkKind == .hosting, !profile.isLearning(x, sightings: Judge.learningSightings),
            !profile.hasUsed(.hosting, at: x.time)
        else { return }
        let isKnown = profile.hasOwnDevice(x, context)
        let isUsual = x.source.kindRarity != 0 && x.source.kindRarity <= usualRarity
        found.append(
            profile.finding(
                .hostingLogin, isKnown || isUsual ? .possible : .likely, x,
                variant: isKnown ? 0 : 1))
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("network", .text(text.string(f.here.organizationText))),
                Evidence("device_is_known", .flag(f.variant == 0)),
                Evidence("usual_share_percent", .number(share)),
            ] + text.whereabouts(f.here),
            silencedBy:
                "a line '\(f.here.address.networkPrefixDescription) corporate' in --networks",
            sentence: "First seen from a hosting network (\(text.address(f.here))), "
                + (f.here.device.isNone
                    ? "on a device that the record does not tell."
                    : "on \(text.device(f.here)), a device that is"
                        + " \(f.variant == 0 ? "known" : "not known")."))
    }
}
