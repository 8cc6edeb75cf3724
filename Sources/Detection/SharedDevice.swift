import SessionModel

/// Flags a device that signs in to many accounts, as an intruder's does.
///
/// *Likely* when `user_count` other users were seen on the device and it is new for this one, *certain*
/// at twice that (or at five, which is as many as are counted); *possible* (never an alert alone) on a
/// network that the user is known on: a colleague's desk. Silent where the user is known on the device,
/// a family's tablet or a shop's till, and for a user's first sighting.
/// - Blind spot: sources without device ids; intruders who clear theirs.
public struct SharedDevice: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "user_count", unit: "count", range: 1...4, default: 2, isWhole: true,
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
            .sharedDevice,
            isNetworkKnown ? .possible : others >= min(2 * users, 5) ? .certain : .likely, x,
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
            silencedBy: f.n < 4 ? "user_count > \(f.n)" : "enabled: false",
            sentence: "Seen on \(text.device(f.here)), which was used for"
                + " \(text.count(Int(f.n), "other account")) too and is new for this user"
                + (f.variant & 2 == 0 ? "." : ", as is the network."))
    }
}
