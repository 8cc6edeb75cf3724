import SessionModel

/// Flags a sign-in that works in the midst of a spray: one source on which the sign-ins of many other
/// users fail, slow or fast.
///
/// Counts the other users whose sign-ins failed from the same prefix (/24, /48) within the same six
/// hours or the six before, also after the success: the spray may go on. *Likely* from `user_count` on,
/// *certain* from three times that; *possible* (never an alert alone) on a device that is the user's,
/// on the user's own network when very many share it, and for a user who was never seen: a company's
/// egress sees its own people mistype. Silent when both device and network are the user's.
/// - Blind spot: a spray from a fresh prefix for each few tries; see credential-stuffing.
public struct PasswordSpray: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "user_count", unit: "count", range: 3...255, default: 5, isWhole: true,
            meaning: "Other users whose sign-ins failed from the prefix, at least this many.")
    ]

    let users: Int

    init(_ rule: DetectionRule) { users = Int(rule.limit("user_count")) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        let failures = Int(x.source.prefixFailures)
        guard failures >= users, x.event == .login else { return }
        let isNetworkKnown = profile.knowsNetwork(x, context)
        // Where no device is told, the network alone speaks.
        let isDeviceKnown = x.device.isNone ? isNetworkKnown : profile.knowsDevice(x, context)
        if isDeviceKnown, isNetworkKnown { return }
        var finding = profile.finding(
            .passwordSpray,
            isDeviceKnown || isNetworkKnown && x.source.isShared != 0
                || profile.tally.sightings == 0
                ? .possible : failures >= 3 * users ? .certain : .likely, x,
            variant: (isDeviceKnown || x.device.isNone ? 0 : 1) | (isNetworkKnown ? 0 : 2))
        finding.n = Int64(failures)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("failed_users", .integer(Int(f.n))),
                Evidence("user_count", .integer(users)),
                Evidence("network", .text(f.here.address.networkPrefixDescription)),
            ] + text.whereabouts(f.here),
            silencedBy: f.n < 255 ? "user_count > \(f.n)" : "enabled: false",
            sentence:
                "Signed in from \(f.here.address.networkPrefixDescription), where the sign-ins"
                + " of \(text.count(Int(f.n), "other user")) failed within hours, on"
                + " \(text.newness(f.variant)).")
    }
}
