import SessionModel

/// Flags a session that is used after its log-out, or a stranger's use of one that is older than the
/// newest change of the password.
///
/// After a log-out: *certain* on another device, *likely* on a network that is new for the user,
/// *possible* (never an alert alone) else, as some clients go on asking for a while. After a change of
/// the password by another session, on a network that is new for the user: *likely*, and *possible* on
/// a device that is known, as few systems end the sessions of the user's other devices.
/// - Blind spot: sources that record no log-outs.
public struct SessionAfterLogout: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "grace_minutes", unit: "min", range: 0...1440, default: 5,
            meaning: "Requests that were on their way, and clocks that differ.")
    ]

    let grace: Int64

    init(_ rule: DetectionRule) { grace = Int64(rule.limit("grace_minutes") * 60_000) }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        // A sign-in begins a session anew, also under an id that was there before.
        guard context.session >= 0, x.event != .login else { return }
        let session = profile.facts[context.session]
        if session.flags.contains(.ended) {
            guard x.time &- session.last > grace else { return }
            let device = session.sessionDevice
            // The lowest bit tells how a device was told; a change from id to client is no change.
            let isOtherDevice =
                !x.device.isNone && !device.isNone && x.device != device
                && (x.device.rawValue ^ device.rawValue) & 1 == 0
            let isOtherNetwork =
                !x.network.isNone && x.network != session.sessionNetwork
                && !profile.knowsNetwork(x, context)
            add(
                x, session, session.last,
                isOtherDevice ? .certain : isOtherNetwork ? .likely : .possible, variant: 0,
                profile,
                &found)
            return
        }
        guard context.network < 0, !x.network.isNone, profile.tally.changedOnce,
            let i = profile.index(of: .credential(.passwordChange))
        else { return }
        let change = profile.facts[i]
        if session.first < change.last, x.time &- change.last > grace,
            change.sessionPlace != x.session, !profile.knowsNetwork(x, context)
        {
            add(
                x, session, change.last, profile.knowsDevice(x, context) ? .possible : .likely,
                variant: 1, profile, &found)
        }
    }

    private func add(
        _ x: StoredSighting, _ session: Fact, _ ended: Int64, _ confidence: Confidence,
        variant: UInt8, _ profile: borrowing Profile, _ found: inout [StoredFinding]
    ) {
        var finding = profile.finding(.sessionAfterLogout, confidence, x, variant: variant)
        finding.there = profile.end(
            device: session.sessionDevice, session: x.session, network: session.sessionNetwork,
            place: session.sessionPlace)
        finding.n = x.time &- ended
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let end = f.variant == 0 ? "its log-out" : "the password was changed"
        let minutes = (Double(f.n) / 60_000).rounded(.up)
        return Description(
            evidence: [
                Evidence("used_after_s", .integer(Int(f.n / 1000))),
                Evidence("grace_minutes", .number(Double(grace) / 60_000)),
                Evidence("from_device", .text(text.device(f.there))),
                Evidence("from_ip", .text(text.address(f.there))),
            ] + text.whereabouts(f.here),
            silencedBy: minutes <= 1440
                ? "grace_minutes >= \(text.whole(minutes))" : "enabled: false",
            sentence: "The session was used \(text.duration(f.n)) after \(end), on"
                + " \(text.device(f.here)) from \(text.address(f.here)) (\(text.place(f.here))).")
    }
}
