import SessionModel

/// Flags a sign-in that works in the midst of a spray: one source on which the sign-ins of many other
/// users fail, slow or fast.
///
/// Counts the other users whose sign-ins failed from the same prefix (/24, /48) within the same six
/// hours or the six before, also after the success: the spray may go on. *Likely* from `user_count` on,
/// *certain* from three times that; *possible* (never an alert alone) on a device and a network that
/// are the user's, as a company's egress sees its own people mistype.
/// - Blind spot: a spray from a fresh prefix for each few tries; see credential-stuffing.
public struct PasswordSpray: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "user_count", unit: "count", range: 2...255, default: 5, isWhole: true,
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
        let isDeviceKnown = profile.knowsDevice(x, context)
        let isNetworkKnown = profile.knowsNetwork(x, context)
        if isDeviceKnown, isNetworkKnown { return }
        var finding = profile.finding(
            .passwordSpray,
            isDeviceKnown || isNetworkKnown && x.source.isShared != 0
                ? .possible : failures >= 3 * users ? .certain : .likely, x,
            variant: (isDeviceKnown ? 0 : 1) | (isNetworkKnown ? 0 : 2))
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
            silencedBy: "user_count > \(f.n)",
            sentence: "Signed in from \(f.here.address.networkPrefixDescription), where the sign-ins"
                + " of \(text.count(Int(f.n), "other user")) failed within hours, on"
                + " \(text.newness(f.variant)).")
    }
}
