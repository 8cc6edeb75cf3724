import SessionModel

/// Flags a change of password, recovery address or second factor by somebody who is not familiar: how
/// an account is kept once it is taken.
///
/// *Certain* on a device and a network that are both new for the user (first seen within a day);
/// *likely* when the network is and the record tells no device, or only a client like the user's, which
/// very many have; *possible* (never an alert alone) when
/// only one of them is: a new phone at home is also a new second factor.
/// - Blind spot: an intruder who waits more than a day.
public struct SensitiveChange: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "learning_sightings", unit: "count", range: 1...1000, default: 3, isWhole: true,
            meaning: "A user's first sightings, this many, teach and do not alarm.")
    ]

    let learning: UInt32

    init(_ rule: DetectionRule) { learning = UInt32(rule.limit("learning_sightings")) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        switch x.event {
        case .passwordChange, .recovery, .mfaChange: break
        case .login, .activity, .logout, .session, .mfa: return
        }
        guard !profile.isLearning(x, sightings: learning) else { return }
        let isDeviceKnown = !x.device.isNone && profile.hasOwnDevice(x, context)
        let isDeviceTold = x.device.isOfID || !x.device.isNone && !profile.knowsDevice(x, context)
        let isNetworkKnown = x.network.isNone || profile.isUsualNetwork(x, context)
        if isNetworkKnown, isDeviceKnown || !isDeviceTold { return }
        var finding = profile.finding(
            .sensitiveChange,
            isDeviceKnown || isNetworkKnown ? .possible : isDeviceTold ? .certain : .likely, x,
            variant: (isDeviceKnown || !isDeviceTold ? 0 : 1) | (isNetworkKnown ? 0 : 2))
        finding.n = Int64(x.event.rawValue)
        finding.m = Int64(profile.tally.sightings)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let what =
            switch EventKind(rawValue: UInt8(truncatingIfNeeded: f.n)) {
            case .passwordChange: "The password was changed"
            case .recovery: "The account was recovered"
            default: "The second factor was changed"
            }
        return Description(
            evidence: [
                Evidence("device_is_known", .flag(f.variant & 1 == 0)),
                Evidence("network_is_known", .flag(f.variant & 2 == 0)),
                Evidence("learning_sightings", .integer(Int(learning))),
            ] + text.whereabouts(f.here),
            silencedBy: f.m < 1000 ? "learning_sightings > \(f.m)" : "enabled: false",
            sentence: "\(what) on \(text.newness(f.variant)).")
    }
}
