import SessionModel

/// Flags a country that the user was in before, but not lately.
///
/// *Likely* on a device that is not known, at a network and a place where the user does not use to be;
/// *possible* (never an alert alone) else: people go back, and a second home is a home.
/// - Blind spot: an intruder in a country where the user is now.
public struct AtypicalCountry: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "quiet_days", unit: "days", range: 1...3650, default: 30,
            meaning: "A country not seen for longer than this is no longer usual.")
    ]

    let quiet: Int64

    init(_ rule: DetectionRule) { quiet = Int64(rule.limit("quiet_days") * 86_400_000) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.country >= 0, x.networkKind.placeIsMeaningful else { return }
        let away = x.time &- profile.facts[context.country].last
        // Somebody who was not seen at all is no traveller; that is the dormant account's business.
        guard away > quiet, context.habit >= 0,
            x.time &- profile.facts[context.habit].last <= quiet
        else { return }
        let isKnown =
            profile.knowsDevice(x, context)
            || profile.isWhereItUsesToBe(
                network: x.network, place: x.place, days: Judge.familiarDays)
        var finding = profile.finding(
            .atypicalCountry, isKnown ? .possible : .likely, x, variant: isKnown ? 0 : 1)
        finding.n = away
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("country", .text(f.here.country.description)),
                Evidence("not_seen_for_days", .number(Double(f.n) / 86_400_000)),
                Evidence("quiet_days", .number(Double(quiet) / 86_400_000)),
                Evidence("device_or_place_is_known", .flag(f.variant == 0)),
            ] + text.whereabouts(f.here),
            silencedBy: "quiet_days >= \(text.whole((Double(f.n) / 86_400_000).rounded(.up)))",
            sentence: "Seen in \(f.here.country.description) (\(text.place(f.here))) for the first"
                + " time in \(text.duration(f.n)), "
                + (f.variant == 0
                    ? "on a device or at a place that is known."
                    : "on a device that is not known."))
    }
}
