import SessionModel

/// Flags a sign-in that works after many that failed: a password that was guessed.
///
/// Counts failed sign-ins of the user from one network (/24, /48) that follow one another within
/// `failure_gap_minutes`. When the network then succeeds: *likely* from `failure_count` on when it is
/// not familiar to the user or the device was never seen, *certain* from four times that, *possible*
/// (never an alert alone) when both are known, as people mistype. Failures elsewhere while the owner signs in at home do not
/// count: that is an attack that has not worked.
/// - Blind spot: guesses spread over many networks, or slower than the gap.
public struct FailuresThenSuccess: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "failure_count", unit: "count", range: 2...1000, default: 5, isWhole: true,
            meaning: "Failures from the network that then succeeds, at least this many."),
        ParameterSpec(
            "failure_gap_minutes", unit: "min", range: 1...1440, default: 15,
            meaning: "Failures, and the success, no farther apart than this belong together."),
    ]

    let count: UInt64
    let gap: Int64

    init(_ rule: DetectionRule) {
        count = UInt64(rule.limit("failure_count"))
        gap = Int64(rule.limit("failure_gap_minutes") * 60_000)
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard profile.tally.failedOnce, x.event == .login, x.isUse, !x.network.isNone
        else { return }
        guard context.failures >= 0 else { return }
        let failures = profile.facts[context.failures]
        if failures.burst >= count, x.time &- failures.last <= gap {
            add(x, context, profile, failures, into: &found)
        }
    }

    func add(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        _ failures: Fact, into found: inout [StoredFinding]
    ) {
        // Familiar: seen on another day, or the user's first network, before the failures began.
        let isFamiliar: Bool
        if context.network >= 0 {
            let network = profile.facts[context.network]
            isFamiliar =
                profile.isFamiliar(network, days: 2) && network.first < failures.burstStart
                && (x.device.isNone || context.device >= 0)
        } else {
            isFamiliar = false
        }
        var finding = StoredFinding()
        finding.detector = DetectorKind.failuresThenSuccess.code
        finding.confidence =
            (isFamiliar
            ? Confidence.possible : failures.burst >= 4 * count ? .certain : .likely).rawValue
        finding.variant = isFamiliar ? 0 : 1
        finding.time = x.time
        finding.here = profile.end(x)
        finding.n = Int64(failures.burst)
        finding.m = failures.last &- failures.burstStart
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("failures", .integer(Int(f.n))),
                Evidence("failures_lasted_s", .integer(Int(f.m / 1000))),
                Evidence("failure_count", .integer(Int(count))),
                Evidence("failure_gap_minutes", .number(Double(gap) / 60_000)),
                Evidence("network_is_familiar", .flag(f.variant == 0)),
                Evidence("ip", .text(text.address(f.here))),
                Evidence("network", .text(f.here.address.networkPrefixDescription)),
                Evidence("place", .text(text.place(f.here))),
            ],
            silencedBy: "failure_count > \(f.n)",
            sentence: "Signed in from \(text.address(f.here)) (\(text.place(f.here))) after"
                + " \(text.count(Int(f.n), "failed sign-in")) from that network within"
                + " \(text.duration(f.m)).")
    }
}
