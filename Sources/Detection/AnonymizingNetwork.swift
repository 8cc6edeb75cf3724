import SessionModel

/// Flags the first use of a VPN, Tor, proxy or relay by a user.
///
/// | kind | on a known device | on one that is not |
/// | --- | --- | --- |
/// | Tor | likely; certain when only its client is told | certain |
/// | VPN, proxy | possible | likely |
/// | relay | – | possible |
///
/// A device that is told by its client only is not known for who signs in with a password, as very many
/// have the same client. *Possible* never alarms alone. Where `usual_share_percent` of all sightings come through networks of
/// the kind, a known device is silent, and an unknown one on a VPN or proxy only possible.
/// - Blind spot: networks that no database or list names.
public struct AnonymizingNetwork: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "usual_share_percent", unit: "%", range: 0...100, default: 3,
            meaning: "A kind that this share of all sightings comes through is usual.")
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
        let kind = x.networkKind
        guard kind == .tor || kind == .vpn || kind == .proxy || kind == .relay else { return }
        guard !profile.isLearning(x, sightings: Judge.learningSightings),
            !profile.hasUsed(kind, at: x.time)
        else {
            return
        }
        let isKnown = profile.hasOwnDevice(x, context)
        let isUsual = x.source.kindRarity != 0 && x.source.kindRarity <= usualRarity
        let confidence: Confidence
        if isKnown, isUsual { return }
        switch kind {
        case .tor: confidence = isKnown && x.device.isOfID ? .likely : .certain
        case .relay:
            if isKnown { return }
            confidence = .possible
        default:
            confidence = isKnown || isUsual ? .possible : .likely
        }
        found.append(
            profile.finding(.anonymizingNetwork, confidence, x, variant: isKnown ? 0 : 1))
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("network_kind", .text(f.here.kind.name)),
                Evidence("network", .text(text.string(f.here.organizationText))),
                Evidence("device_is_known", .flag(f.variant == 0)),
                Evidence("usual_share_percent", .number(share)),
            ] + text.whereabouts(f.here),
            silencedBy:
                "a line '\(f.here.address.networkPrefixDescription) corporate' in --networks",
            sentence: "First seen through a \(f.here.kind.shownName) network"
                + " (\(text.address(f.here))), "
                + (f.here.device.isNone
                    ? "on a device that the record does not tell."
                    : "on \(text.device(f.here)), a device that is"
                        + " \(f.variant == 0 ? "known" : "not known")."))
    }
}

extension NetworkKind {
    /// As a sentence has it: `a VPN network`.
    var shownName: String {
        switch self {
        case .vpn: "VPN"
        case .tor: "Tor"
        default: name
        }
    }
}
