import SessionModel

/// Flags a sign-in that works while the sign-ins of very many users fail from the same provider: lists
/// of stolen passwords tried from many addresses of one hoster.
///
/// Counts the other users whose sign-ins failed from the same provider (ASN) within the same six hours
/// or the six before, where they are more than those who got in. On a device and a network that are new
/// for the user it is *likely* from `user_count` on and *certain* from three times that; *possible*
/// (never an alert alone) on a network that is known, and for a user who was never seen. A device that
/// is known is silent: large providers have many who mistype.
/// - Blind spot: without an ASN database there are no providers to count by.
public struct CredentialStuffing: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "user_count", unit: "count", range: 3...255, default: 20, isWhole: true,
            meaning: "Other users whose sign-ins failed from the provider, at least this many.")
    ]

    let users: Int

    init(_ rule: DetectionRule) { users = Int(rule.limit("user_count")) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        let failures = Int(x.source.providerFailures)
        guard failures >= users, x.event == .login, !profile.knowsDevice(x, context) else { return }
        let isNetworkKnown = profile.knowsNetwork(x, context)
        var finding = profile.finding(
            .credentialStuffing,
            isNetworkKnown || profile.tally.sightings == 0
                ? .possible : failures >= 3 * users ? .certain : .likely, x,
            variant: (x.device.isNone ? 0 : 1) | (isNetworkKnown ? 0 : 2))
        finding.n = Int64(failures)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let name = text.string(f.here.organizationText)
        return Description(
            evidence: [
                Evidence("failed_users", .integer(Int(f.n))),
                Evidence("user_count", .integer(users)),
                Evidence("asn", .integer(Int(f.here.asn))),
                Evidence("organization", .text(name)),
            ] + text.whereabouts(f.here),
            silencedBy: f.n < 255 ? "user_count > \(f.n)" : "enabled: false",
            sentence: "Signed in from AS\(f.here.asn)\(name.isEmpty ? "" : " (\(name))"), where the"
                + " sign-ins of \(text.count(Int(f.n), "other user")) failed within hours, on"
                + " \(text.newness(f.variant)).")
    }
}
