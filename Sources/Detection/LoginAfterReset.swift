import SessionModel

/// Flags a sign-in by a stranger soon after the password was reset or changed: the usual next step of
/// who resets another's password.
///
/// Within `window_hours` after a recovery or a change, on a device that is new for the user: *certain*
/// on a network that is new too, *possible* (never an alert alone) on one that is known: who sets up a
/// new phone at home has often forgotten the password. Where the record tells no device, or only a client
/// like the user's, a new network is *likely*.
/// - Blind spot: sources without recovery and password events.
public struct LoginAfterReset: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "window_hours", unit: "h", range: 0.1...720, default: 24,
            meaning: "Sign-ins later than this are judged without regard to the reset.")
    ]

    let window: Int64

    init(_ rule: DetectionRule) { window = Int64(rule.limit("window_hours") * 3_600_000) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard x.event == .login, profile.tally.changedOnce,
            !profile.isLearning(x, sightings: Judge.learningSightings)
        else { return }
        var newest: Int64?
        for event in [EventKind.recovery, .passwordChange] {
            guard let i = profile.index(of: .credential(event)) else { continue }
            newest = max(newest ?? .min, profile.facts[i].last)
        }
        guard let newest, x.time &- newest <= window, !profile.hasOwnDevice(x, context) else {
            return
        }
        let isNetworkKnown = profile.isUsualNetwork(x, context)
        let isDeviceTold = !x.device.isNone && !profile.knowsDevice(x, context)
        if isNetworkKnown, !isDeviceTold, !x.device.isNone { return }
        var finding = profile.finding(
            .loginAfterReset,
            isNetworkKnown ? .possible : isDeviceTold ? .certain : .likely, x,
            variant: (isDeviceTold ? 1 : 0) | (isNetworkKnown ? 0 : 2))
        finding.n = x.time &- newest
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("after_s", .integer(Int(f.n / 1000))),
                Evidence("window_hours", .number(Double(window) / 3_600_000)),
                Evidence("network_is_known", .flag(f.variant & 2 == 0)),
            ] + text.whereabouts(f.here),
            silencedBy: f.n >= 720_000
                ? "window_hours < \(text.oneDecimal(Double(f.n) / 3_600_000))" : "enabled: false",
            sentence: "Signed in \(text.duration(f.n)) after the password was reset or changed, on"
                + " \(text.newness(f.variant)).")
    }
}
