import SessionModel

/// Flags two sightings of one user farther apart than a body can have travelled in the time.
///
/// For two sightings *d* km apart, with accuracy radii *r₁*, *r₂* and *Δt* between them (and
/// `clock_slack_s` for clocks that differ), travel is *certain* when (d − 2(r₁ + r₂)) / Δt is above
/// the speed limit, *likely* when (d − (r₁ + r₂)) / Δt is, *possible* when only d / Δt is. A radius
/// holds the true place in about 67 % of cases (MaxMind), twice the radius in nearly all.
///
/// - Compares with the newest located sighting of the same device and of each other device.
/// - Two recognized devices that are each where they use to be are two devices, not a trip; and one
///   that goes between networks where it is often seen (a company's egress, a carrier's) does not
///   travel either.
/// - The same prefix (/24, /48) is the same place, whatever a newer database says.
/// - Between networks that the user is known on it is only *possible*. Where the user's own device is the
///   one on a new network it is at most *likely*, and *possible* within a country, on a carrier's
///   network, or where the device has jumped days ago already (a VPN that nobody listed). Between a carrier's gateways of one country nobody travels.
/// - Addresses of VPNs, Tor, proxies, relays, satellites and anycast are at no place.
/// - Cost: a few subtractions for most sightings; trigonometry only for those within 23 hours.
/// - Blind spot: an intruder near the user, or behind a network that the user is often seen on.
public struct ImpossibleTravel: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "speed_limit_kmh", unit: "km/h", range: 100...20_000, default: 900,
            meaning: "Fastest believable speed; an airliner cruises at about 900."),
        ParameterSpec(
            "minimum_distance_km", unit: "km", range: 0...20_000, default: 100,
            meaning: "Shorter distances are never travel, whatever the time between."),
        ParameterSpec(
            "ground_minutes", unit: "min", range: 0...600, default: 15,
            meaning: "Time on the ground that a trip of more than 500 km takes beside the flight."),
        ParameterSpec(
            "clock_slack_s", unit: "s", range: 0...3600, default: 60,
            meaning: "Added to the time between two sightings, as clocks differ."),
        ParameterSpec(
            "familiar_days", unit: "days", range: 1...365, default: 2, isWhole: true,
            meaning: "A device and a network seen on this many days are where they use to be."),
    ]

    /// Distance above which ground time is due, km: below it cars and trains compete with flying.
    static let groundDistance = 500.0
    /// Half the circumference of the earth, km: no trip is longer.
    static let longestDistance = 20_038.0

    let speedLimit: Double
    let minimumDistance: Double
    let groundHours: Double
    let slackHours: Double
    let familiarDays: Int
    /// Sightings farther apart in time than this cannot be too fast, ms.
    let horizon: Int64

    init(_ rule: DetectionRule) {
        speedLimit = rule.limit("speed_limit_kmh")
        minimumDistance = rule.limit("minimum_distance_km")
        groundHours = rule.limit("ground_minutes") / 60
        slackHours = rule.limit("clock_slack_s") / 3600
        familiarDays = Int(rule.limit("familiar_days"))
        horizon = Int64((Self.longestDistance / speedLimit + groundHours) * 3_600_000) + 1
    }

    /// Hours that a trip of this distance had, at least a second.
    func hours(elapsedMilliseconds: Int64, distance: Double) -> Double {
        let hours = Double(elapsedMilliseconds) / 3_600_000 + slackHours
        let ground = distance > Self.groundDistance ? groundHours : 0
        return max(hours - ground, 1.0 / 3600)
    }

    /// How sure it is that a leg is too fast; nil when it is not.
    func confidence(distance: Double, radii: Double, elapsedMilliseconds: Int64) -> Confidence? {
        guard distance >= minimumDistance else { return nil }
        let hours = hours(elapsedMilliseconds: elapsedMilliseconds, distance: distance)
        let reach = speedLimit * hours
        if distance - 2 * radii > reach { return .certain }
        if distance - radii > reach { return .likely }
        return distance > reach ? .possible : nil
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        isLearning: Bool, into found: inout [StoredFinding]
    ) {
        guard x.isLocated, x.isUse, profile.tally.sightings > 0 else { return }
        var best: Leg?
        profile.forEach(.track) { i in
            let elapsed = x.time &- profile.facts[i].last
            if elapsed > horizon { return }
            if profile.facts[i].trackPlace == x.place { return }
            if profile.facts[i].trackNetwork == x.network { return }
            // A degree is at most 111.2 km: what is near even so needs no trigonometry.
            let point = profile.facts[i].point
            let degrees =
                abs(point.latitude - x.point.latitude) + abs(point.longitude - x.point.longitude)
            if Double(degrees) * 111.3 < minimumDistance { return }
            consider(profile.facts[i], elapsed, x, context, profile, &best)
        }
        if let best { add(best, x, profile, isLearning: isLearning, into: &found) }
    }

    struct Leg {
        var track: Fact
        var confidence: Confidence
        var distance: Double
        var elapsed: Int64
        var speed: Double
    }

    func consider(
        _ track: Fact, _ elapsed: Int64, _ x: StoredSighting, _ context: Context,
        _ profile: borrowing Profile, _ best: inout Leg?
    ) {
        let distance = track.point.kilometers(to: x.point)
        let radii = Double(track.trackRadius) + Double(x.radius)
        guard
            let measured = confidence(
                distance: distance, radii: radii, elapsedMilliseconds: elapsed)
        else { return }
        if isHabit(track, x, profile) { return }
        guard let believable = believable(track, x, context, profile) else { return }
        let confidence = min(measured, believable)
        let speed = distance / hours(elapsedMilliseconds: elapsed, distance: distance)
        if let best, (best.confidence, best.speed) >= (confidence, speed) { return }
        best = Leg(
            track: track, confidence: confidence, distance: distance, elapsed: elapsed,
            speed: speed)
    }

    /// How sure a leg can be at all, whatever its speed; nil when it says nothing.
    ///
    /// A device that is the user's own and jumps is far more often on a VPN, a carrier or in a wrong
    /// database record than in other hands. Within a country it is never more than possible, nor on a
    /// carrier (who roams comes from home), nor to a network that is known, nor where it jumped days
    /// ago already; else it is likely. A carrier's addresses tell the country of its gateways, no more.
    private func believable(
        _ track: Fact, _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile
    ) -> Confidence? {
        let isSameCountry = track.trackCountry == x.countryCode
        let before = profile.fact(track.trackNetwork)
        let isOnCarrier = x.networkKind == .mobile || before?.networkKind == .mobile
        if isSameCountry, isOnCarrier { return nil }
        // Jobs move between the regions of a cloud.
        if x.networkKind == .hosting, before?.networkKind == .hosting,
            profile.isKnown(profile.index(of: track.trackNetwork) ?? -1, at: x.time)
        {
            return nil
        }
        // An id tells one device; a client many have.
        let isSameDevice = track.trackDevice == x.device && x.device.isOfID
        // Of somebody who has only just been seen it is not known what is their own and what they use
        // to do: two devices are two. But the very first sightings of one are one person's.
        if profile.tally.sightings < Judge.learningSightings
            || x.time &- profile.tally.firstUse < ImpossibleTravel.youth
        {
            return profile.tally.sightings < Judge.learningSightings
                && (isSameDevice || !x.device.isOfID) ? .certain : .possible
        }
        // The stranger's end, if there is one, is on a network that is new for the user.
        let isHereKnown = profile.knowsNetwork(x, context)
        let isThereKnown = profile.isKnown(
            profile.index(of: track.trackNetwork) ?? -1, at: x.time)
        if isHereKnown, isThereKnown { return .possible }
        let isOwnDevice =
            isSameDevice
            || (isHereKnown || profile.knowsDevice(x, context))
                && (isThereKnown
                    || profile.isKnown(profile.index(of: track.trackDevice) ?? -1, at: x.time))
        guard isOwnDevice else { return .certain }
        return isSameCountry || isOnCarrier
            || profile.tally.hasJumped(before: x.day &- ImpossibleTravel.habitDays)
            ? .possible : .likely
    }

    /// How long a user has to be known for two devices far apart to mean an intruder, ms.
    static let youth: Int64 = 2 * 86_400_000
    /// Days after the first jump of a user's own device from which on jumps are a habit.
    static let habitDays = 3

    /// Both ends are where the user's devices use to be.
    private func isHabit(
        _ track: Fact, _ x: StoredSighting, _ profile: borrowing Profile
    ) -> Bool {
        func isNetworkFamiliar(_ key: FactKey) -> Bool {
            guard let fact = profile.fact(key) else { return false }
            return profile.isFamiliar(fact, days: familiarDays)
        }
        if track.trackDevice == x.device {
            return isNetworkFamiliar(track.trackNetwork) && isNetworkFamiliar(x.network)
        }
        return profile.isRecognized(x.device, days: familiarDays)
            && profile.isRecognized(track.trackDevice, days: familiarDays)
            && profile.isWhereItUsesToBe(network: x.network, place: x.place, days: familiarDays)
            && profile.isWhereItUsesToBe(
                network: track.trackNetwork, place: track.trackPlace, days: familiarDays)
    }

    func add(
        _ leg: Leg, _ x: StoredSighting, _ profile: borrowing Profile, isLearning: Bool,
        into found: inout [StoredFinding]
    ) {
        var finding = StoredFinding()
        finding.detector = DetectorKind.impossibleTravel.code
        // While little is known of a user, only what cannot be otherwise alarms.
        finding.confidence =
            (isLearning && leg.confidence == .likely ? .possible : leg.confidence).rawValue
        finding.time = x.time
        finding.here = profile.end(x)
        finding.there = profile.end(track: leg.track)
        finding.x = leg.distance
        finding.y = leg.speed
        finding.n = leg.elapsed
        let here = profile.familiarity(
            device: x.device, network: x.network, place: x.place, at: x.time)
        let there = profile.familiarity(
            device: leg.track.trackDevice, network: leg.track.trackNetwork,
            place: leg.track.trackPlace, at: leg.track.last)
        finding.suspectIsEarlier = there < here
        finding.m = Int64(here * 16 + there)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let from = text.place(f.there)
        let to = text.place(f.here)
        let distance = f.x
        let speed = f.y
        // What anyone can work out by hand; the allowances are in the evidence.
        let plain = distance / (Double(max(f.n, 1000)) / 3_600_000)
        let sentence =
            "Seen in \(to) \(text.duration(f.n)) after \(from): \(text.kilometers(distance)) apart, "
            + (plain > 20_000
                ? "more than 20,000 km/h" : "some \(text.grouped(plain)) km/h")
            + "; believable are \(text.grouped(speedLimit))"
            // What made it too fast, where the plain figures do not show it.
            + (plain <= speedLimit && distance > Self.groundDistance
                ? ", and \(text.whole(groundHours * 60)) min of the time go on the ground." : ".")
        var evidence: [Evidence] = [
            Evidence("from_place", .text(from)),
            Evidence("from_time", .time(Timestamp(milliseconds: f.there.time))),
            Evidence("from_lat", .number(Double(f.there.point.latitude))),
            Evidence("from_lon", .number(Double(f.there.point.longitude))),
            Evidence("from_radius_km", .integer(Int(f.there.radius))),
            Evidence("from_device", .text(text.device(f.there))),
        ]
        if !f.there.address.isNone {
            evidence.append(Evidence("from_ip", .text(f.there.address.description)))
        }
        evidence += [
            Evidence("to_place", .text(to)),
            Evidence("to_time", .time(Timestamp(milliseconds: f.here.time))),
            Evidence("to_lat", .number(Double(f.here.point.latitude))),
            Evidence("to_lon", .number(Double(f.here.point.longitude))),
            Evidence("to_radius_km", .integer(Int(f.here.radius))),
            Evidence("to_device", .text(text.device(f.here))),
            Evidence("to_ip", .text(f.here.address.description)),
            Evidence("distance_km", .number(distance)),
            Evidence("elapsed_s", .integer(Int(f.n / 1000))),
            Evidence("speed_kmh", .number(plain)),
            Evidence("speed_after_allowances_kmh", .number(speed)),
            Evidence("speed_limit_kmh", .number(speedLimit)),
            Evidence("minimum_distance_km", .number(minimumDistance)),
            Evidence(
                "ground_minutes", .number(distance > Self.groundDistance ? groundHours * 60 : 0)),
            Evidence("clock_slack_s", .number(slackHours * 3600)),
            Evidence("familiarity_to", .integer(Int(f.m / 16))),
            Evidence("familiarity_from", .integer(Int(f.m % 16))),
            Evidence("stranger", .text(f.suspectIsEarlier ? "from" : "to")),
        ]
        // What the finding's confidence rests on: the part of the way that is beyond doubt.
        let radii = Double(f.there.radius) + Double(f.here.radius)
        let sure =
            switch Confidence(rawValue: f.confidence) {
            case .certain: max(0, distance - 2 * radii)
            case .likely: max(0, distance - radii)
            default: distance
            }
        let hours = hours(elapsedMilliseconds: f.n, distance: distance)
        let limit = (sure / hours).rounded(.up)
        return Description(
            evidence: evidence,
            silencedBy: limit <= 20_000
                ? "speed_limit_kmh >= \(text.whole(limit))"
                : "minimum_distance_km > \(text.whole(distance.rounded(.up)))",
            sentence: sentence)
    }
}
