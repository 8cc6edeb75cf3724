import SessionModel

/// Flags a session that is used long after it was begun, or that was never seen to begin.
///
/// *Likely* on a network that is new for the user, when the session was idle for a week or the device
/// is not known: what an old token in other hands looks like. *Possible* (never an alert alone) when
/// one of both is so; silent for a session in use on a known device and network: a phone that is used
/// every day keeps its session for months.
///
/// A session that is first seen in use, where the user's others begin with a sign-in (eight in nine and
/// three at least), is older than what is known of it, or was begun where nobody looked: *certain* on a
/// network that is new for the user. Silent else, as a profile forgets.
/// - Blind spot: a session whose beginning the profile has forgotten (it keeps twelve), and that is used
///   from a network that is known.
public struct SessionTooOld: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "maximum_days", unit: "days", range: 1...3650, default: 30,
            meaning: "Sessions live this long at most; set it to what your system allows.")
    ]

    /// A session that was used within this long is in use, ms: a week.
    static let idleTime: Int64 = 7 * 86_400_000

    let maximum: Int64

    init(_ rule: DetectionRule) { maximum = Int64(rule.limit("maximum_days") * 86_400_000) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.session >= 0, x.event != .login else { return }
        let session = profile.facts[context.session]
        let age = x.time &- session.first
        guard age > maximum else { return }
        let isNetworkKnown = x.network.isNone || profile.knowsNetwork(x, context)
        let idle = x.time &- session.last
        let isInUse = idle <= SessionTooOld.idleTime && profile.knowsDevice(x, context)
        if isNetworkKnown, isInUse { return }
        var finding = profile.finding(
            .sessionTooOld, isNetworkKnown || isInUse ? .possible : .likely, x,
            variant: isNetworkKnown ? 0 : 2)
        finding.n = age
        finding.m = idle
        found.append(finding)
    }

    /// A session that was never seen before.
    func examineBeginning(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard x.event == .activity || x.event == .session, profile.tally.beginsSessions,
            !profile.isLearning(x, sightings: Judge.learningSightings),
            !x.network.isNone, !profile.isUsualNetwork(x, context)
        else { return }
        let isDeviceNew = !x.device.isNone && !profile.knowsDevice(x, context)
        var finding = profile.finding(
            .sessionTooOld, .certain, x, variant: 4 | (isDeviceNew ? 1 : 0) | 2)
        finding.n = x.time &- profile.tally.firstUse
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        if f.variant & 4 != 0 {
            return Description(
                evidence: [
                    Evidence("known_for_days", .number(Double(f.n) / 86_400_000)),
                    Evidence("sign_in_was_seen", .flag(false)),
                    Evidence("device_is_new", .flag(f.variant & 1 != 0)),
                    Evidence("network_is_known", .flag(false)),
                ] + text.whereabouts(f.here),
                silencedBy: "enabled: false",
                sentence:
                    "The session was in use without a sign-in that was seen, as the user's other"
                    + " sessions have, on \(text.newness(f.variant)).")
        }
        return Description(
            evidence: [
                Evidence("age_days", .number(Double(f.n) / 86_400_000)),
                Evidence("maximum_days", .number(Double(maximum) / 86_400_000)),
                Evidence("idle_days", .number(Double(f.m) / 86_400_000)),
                Evidence("network_is_known", .flag(f.variant == 0)),
            ] + text.whereabouts(f.here),
            silencedBy: "maximum_days >= \(text.whole((Double(f.n) / 86_400_000).rounded(.up)))",
            sentence: "The session was still in use \(text.duration(f.n)) after it was begun, from"
                + " \(text.address(f.here)) (\(text.place(f.here))), a network that is"
                + " \(f.variant == 0 ? "known" : "new for the user").")
    }
}
