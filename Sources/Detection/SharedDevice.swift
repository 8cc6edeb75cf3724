import SessionModel

/// Flags a device that signs in to many accounts, as an intruder's does.
///
/// *Likely* when `user_count` other users were seen on the device and it is new for this one, *certain*
/// at twice that; silent where the user is known on it: a family's tablet, a shop's till.
/// - Blind spot: sources without device ids; intruders who clear theirs.
public struct SharedDevice: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "user_count", unit: "count", range: 1...5, default: 2, isWhole: true,
            meaning: "Other users on the same device, at least this many.")
    ]

    let users: Int

    init(_ rule: DetectionRule) { users = Int(rule.limit("user_count")) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        let others = Int(x.source.deviceUsers)
        guard others >= users, !x.device.isNone, !profile.knowsDevice(x, context),
            profile.tally.sightings > 0
        else { return }
        let isNetworkKnown = profile.knowsNetwork(x, context)
        var finding = profile.finding(
            .sharedDevice, isNetworkKnown ? .possible : others >= 2 * users ? .certain : .likely, x,
            variant: isNetworkKnown ? 1 : 3)
        finding.n = Int64(others)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("other_users", .integer(Int(f.n))),
                Evidence("user_count", .integer(users)),
            ] + text.whereabouts(f.here),
            silencedBy: "user_count > \(f.n)",
            sentence: "\(text.device(f.here)) signed in to \(text.count(Int(f.n), "other account"))"
                + " too, and is \(text.newness(f.variant)).")
    }
}
