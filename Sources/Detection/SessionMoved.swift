import SessionModel

/// Flags a session that goes on from another device, or from another network and country: what a
/// stolen token or cookie looks like.
///
/// - *certain*: the device differs, and both sightings tell it the same way (by id, or by client); or it
///   has the same id but another client, on a network that is new for the user.
/// - *likely*: network (ASN where known, else prefix) and country differ within the window, to a network
///   that is new for the user, and the device is not told; or it is the same, but the way is too far for
///   the time and the country new too, or, where it is told by its client only, the country is new and
///   the session was in use elsewhere within two hours.
/// - *possible* (never an alert alone): the same device moved as a person can.
///
/// Alarms from the second sighting on: a session has one owner from the start.
/// - Blind spot: a thief behind the same network with the same client; a token that several
///   programs of its owner share looks moved.
public struct SessionMoved: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "move_window_hours", unit: "h", range: 0.1...8760, default: 24,
            meaning: "A session quiet for longer may move network and country without a word.")
    ]

    let window: Int64
    /// What "too far for the time" means; the travel rule's limits when there is one.
    let travel: ImpossibleTravel

    init(_ rule: DetectionRule, travel: ImpossibleTravel) {
        window = Int64(rule.limit("move_window_hours") * 3_600_000)
        self.travel = travel
    }

    /// Who was at home within this, and is in a new country with the same session, is hardly there, ms.
    static let soon: Int64 = 2 * 3_600_000

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.session >= 0, x.isUse else { return }
        let before = profile.facts[context.session].sessionDevice
        let network = profile.facts[context.session].sessionNetwork
        // The lowest bit tells how a device was told; a change from id to client is no change.
        let isSameScheme = (before.rawValue ^ x.device.rawValue) & 1 == 0
        let isOtherDevice =
            before != x.device && !before.isNone && !x.device.isNone && isSameScheme
        let client = profile.facts[context.session].sessionClient
        let isOtherClient =
            client != 0 && x.clientHash != 0 && client != UInt8(truncatingIfNeeded: x.clientHash)
        if isOtherDevice || isOtherClient
            || network != x.network && !network.isNone && !x.network.isNone
        {
            judge(
                x, context, profile, isOtherDevice: isOtherDevice, isOtherClient: isOtherClient,
                into: &found)
        }
    }

    func judge(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        isOtherDevice: Bool, isOtherClient: Bool, into found: inout [StoredFinding]
    ) {
        let session = profile.facts[context.session]
        let elapsed = x.time &- session.last
        var there = profile.end(
            device: session.sessionDevice, session: x.session, network: session.sessionNetwork,
            place: session.sessionPlace)
        there.time = session.last
        there.address = session.address
        var finding = StoredFinding()
        var confidence: Confidence?
        if isOtherDevice {
            confidence = .certain
            finding.variant = 0
        } else if isOtherClient {
            // An app and the browser that it opens share session and id.
            confidence = profile.knowsNetwork(x, context) ? .possible : .certain
            finding.variant = 4
        } else if elapsed <= window, isOtherProvider(x, there), there.country != x.countryCode,
            !there.country.isNone, !x.countryCode.isNone
        {
            let isSameDevice = !x.device.isNone && session.sessionDevice == x.device
            let isMeaningful = x.isLocated && there.hasPlace && there.kind.placeIsMeaningful
            let distance = isMeaningful ? there.point.kilometers(to: x.point) : 0
            let leg =
                isMeaningful
                ? travel.confidence(
                    distance: distance, radii: Double(there.radius) + Double(x.radius),
                    elapsedMilliseconds: elapsed) : nil
            let isTooFar = leg ?? .possible >= .likely
            let isNetworkKnown = profile.knowsNetwork(x, context)
            if isSameDevice {
                // The owner's VPN switched on or off is no move; a body that moved is a journey. Whoever
                // copied the device's id too comes from where the user never was.
                let isStrange =
                    !isNetworkKnown && (context.country < 0 || x.networkKind == .hosting)
                    && !profile.tally.hasJumped(before: x.day &- ImpossibleTravel.habitDays)
                // A client very many have: with a token they need no more of the user.
                let isSoon =
                    !x.device.isOfID && context.country < 0 && elapsed <= SessionMoved.soon
                confidence =
                    isStrange && (isTooFar || isSoon) ? .likely : isMeaningful ? .possible : nil
                finding.variant = isTooFar ? 1 : 2
            } else {
                confidence = isNetworkKnown ? .possible : .likely
                finding.variant = isTooFar ? 1 : 3
            }
            finding.x = distance
        }
        guard let confidence else { return }
        finding.detector = DetectorKind.sessionMoved.code
        finding.confidence = confidence.rawValue
        finding.time = x.time
        finding.here = profile.end(x)
        finding.there = there
        finding.n = elapsed
        let hereFamiliarity = profile.familiarity(
            device: x.device, network: x.network, place: x.place, at: x.time)
        let thereFamiliarity = profile.familiarity(
            device: session.sessionDevice, network: session.sessionNetwork,
            place: session.sessionPlace, at: session.first)
        finding.suspectIsEarlier = thereFamiliarity < hereFamiliarity
        found.append(finding)
    }

    private func isOtherProvider(_ x: StoredSighting, _ there: StoredEnd) -> Bool {
        (x.asn != 0) == (there.asn != 0)
            ? x.provider != there.providerKey : x.network != there.network
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let from = "\(text.device(f.there)) in \(text.place(f.there))"
        let to = "\(text.device(f.here)) in \(text.place(f.here))"
        let sentence =
            f.variant == 0 || f.variant == 4
            ? "The session went on from another \(f.variant == 0 ? "device" : "client"): first \(from),"
                + " \(text.duration(f.n)) later \(to)."
            : "The session went on from another network and country: first \(from) (\(text.address(f.there))),"
                + " \(text.duration(f.n)) later \(to) (\(text.address(f.here)))."
        var evidence = [
            Evidence("from_device", .text(text.device(f.there))),
            Evidence("to_device", .text(text.device(f.here))),
            Evidence("from_ip", .text(text.address(f.there))),
            Evidence("to_ip", .text(text.address(f.here))),
            Evidence("from_place", .text(text.place(f.there))),
            Evidence("to_place", .text(text.place(f.here))),
            Evidence("from_time", .time(Timestamp(milliseconds: f.there.time))),
            Evidence("elapsed_s", .integer(Int(f.n / 1000))),
        ]
        if f.there.asn != 0, f.here.asn != 0 {
            evidence.append(Evidence("from_asn", .integer(Int(f.there.asn))))
            evidence.append(Evidence("to_asn", .integer(Int(f.here.asn))))
        }
        if f.variant != 0, f.variant != 4 {
            evidence.append(Evidence("distance_km", .number(f.x)))
            evidence.append(Evidence("move_window_hours", .number(Double(window) / 3_600_000)))
        }
        let hours = Double(f.n) / 3_600_000
        return Description(
            evidence: evidence,
            silencedBy: f.variant == 0 || f.variant == 4
                ? "enabled: false (a session has one device)"
                : "move_window_hours < \(text.oneDecimal(hours))",
            sentence: sentence)
    }
}
