import SessionModel

/// Flags an account that wakes up after a long rest.
///
/// *Certain* on a device and a network that are both new for the user; *likely* when the device is, or
/// the network on a device that the record does not tell, or by its client only and signed in to with a
/// password, or in a country that is new; *possible* (never
/// an alert alone) else: somebody came back, and phones change their networks.
/// - Blind spot: what the profile has not seen, as before the first run.
public struct DormantAccount: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "quiet_days", unit: "days", range: 7...3650, default: 21,
            meaning: "An account without a sighting for longer than this was at rest.")
    ]

    let quiet: Int64

    init(_ rule: DetectionRule) { quiet = Int64(rule.limit("quiet_days") * 86_400_000) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.habit >= 0 else { return }
        let rest = x.time &- profile.facts[context.habit].last
        guard rest > quiet else { return }
        let isDeviceKnown = x.device.isNone || profile.knowsDevice(x, context)
        let isNetworkKnown = x.network.isNone || profile.isUsualNetwork(x, context)
        let isCountryNew = context.country < 0 && !x.country.isNone
        var finding = profile.finding(
            .dormantAccount,
            !isDeviceKnown && !isNetworkKnown
                ? .certain
                : !isDeviceKnown
                    || !isNetworkKnown && (x.device.isNone || x.isAnybodys || isCountryNew)
                    ? .likely : .possible, x,
            variant: (isDeviceKnown ? 0 : 1) | (isNetworkKnown ? 0 : 2))
        finding.n = rest
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("at_rest_days", .number(Double(f.n) / 86_400_000)),
                Evidence("quiet_days", .number(Double(quiet) / 86_400_000)),
            ] + text.whereabouts(f.here),
            silencedBy: "quiet_days >= \(text.whole((Double(f.n) / 86_400_000).rounded(.up)))",
            sentence: "The account was at rest for \(text.duration(f.n)) and is now used on"
                + " \(text.newness(f.variant)).")
    }
}
