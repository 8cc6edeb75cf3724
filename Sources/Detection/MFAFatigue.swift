import SessionModel

/// Flags a second factor that is granted after it was refused again and again: a person worn down.
///
/// Counts refused or unanswered prompts that follow one another within `gap_minutes`, whatever the
/// network. When one is granted, or a sign-in works, no later than that after `refusal_count` of them:
/// *certain* on a device and a network that are new for the user, *likely* when one of them is,
/// *possible* (never an alert alone) when both are known.
/// - Blind spot: sources that do not record prompts.
public struct MFAFatigue: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "refusal_count", unit: "count", range: 2...100, default: 3, isWhole: true,
            meaning: "Prompts refused in a row, at least this many."),
        ParameterSpec(
            "gap_minutes", unit: "min", range: 1...1440, default: 60,
            meaning: "Refusals, and the grant, no farther apart than this belong together."),
    ]

    let count: UInt64
    let gap: Int64

    init(_ rule: DetectionRule) {
        count = UInt64(rule.limit("refusal_count"))
        gap = Int64(rule.limit("gap_minutes") * 60_000)
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard profile.tally.failedOnce, x.event == .mfa || x.event == .login,
            let i = profile.index(of: .refusedFactors)
        else { return }
        let refused = profile.facts[i]
        guard refused.burst >= count, x.time &- refused.last <= gap else { return }
        let isDeviceKnown = x.device.isNone || profile.knowsDevice(x, context)
        let isNetworkKnown = profile.knowsNetwork(x, context)
        var finding = profile.finding(
            .mfaFatigue,
            isDeviceKnown && isNetworkKnown
                ? .possible : isDeviceKnown || isNetworkKnown ? .likely : .certain, x,
            variant: (isDeviceKnown ? 0 : 1) | (isNetworkKnown ? 0 : 2))
        finding.n = Int64(refused.burst)
        finding.m = x.time &- refused.burstStart
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("refusals", .integer(Int(f.n))),
                Evidence("refusal_count", .integer(Int(count))),
                Evidence("lasted_s", .integer(Int(f.m / 1000))),
                Evidence("gap_minutes", .number(Double(gap) / 60_000)),
            ] + text.whereabouts(f.here),
            silencedBy: "refusal_count > \(f.n)",
            sentence: "A second factor was granted after \(text.count(Int(f.n), "refusal")) within"
                + " \(text.duration(f.m)), on \(text.newness(f.variant)).")
    }
}
