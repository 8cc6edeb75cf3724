import SessionModel

// What each rule looked at, for people. It is told from what the detectors themselves ask (the helpers of
// Stranger.swift, their limits, their measures); whether a rule fired is never told from here. A test holds
// the two together: a rule fires when, and only when, everything listed here is met.

extension SightingTracer {
    typealias Seen = [Observation]

    func observations(of rule: DetectionRule, _ p: borrowing Profile) -> Seen {
        switch rule.detector {
        case .impossibleTravel: detectors.travel.map { travel($0, p) } ?? []
        case .concurrentPlaces: detectors.concurrentPlaces.map { concurrent($0, p) } ?? []
        case .newCountry: detectors.country.map { newCountry($0, p) } ?? []
        case .atypicalCountry: detectors.atypicalCountry.map { atypical($0, p) } ?? []
        case .unrecognizedDevice: detectors.device.map { device($0, p) } ?? []
        case .sharedDevice: detectors.sharedDevice.map { shared($0, p) } ?? []
        case .sessionMoved: detectors.moved.map { moved($0, p) } ?? []
        case .sessionAfterLogout: detectors.sessionAfterLogout.map { afterLogout($0, p) } ?? []
        case .sessionTooOld: detectors.sessionTooOld.map { tooOld($0, p) } ?? []
        case .anonymizingNetwork: detectors.anonymizingNetwork.map { anonymizing($0, p) } ?? []
        case .newNetwork: detectors.newNetwork.map { newNetwork($0, p) } ?? []
        case .hostingLogin: hosting(p)
        case .failuresThenSuccess: detectors.failures.map { failures($0, p) } ?? []
        case .passwordSpray: detectors.passwordSpray.map { spray($0, p) } ?? []
        case .credentialStuffing: detectors.credentialStuffing.map { stuffing($0, p) } ?? []
        case .mfaFatigue: detectors.mfaFatigue.map { fatigue($0, p) } ?? []
        case .loginAfterReset: detectors.loginAfterReset.map { afterReset($0, p) } ?? []
        case .dormantAccount: detectors.dormantAccount.map { dormant($0, p) } ?? []
        case .unusualHour: detectors.unusualHour.map { hour($0, p) } ?? []
        case .sensitiveChange: detectors.sensitiveChange.map { change($0, p) } ?? []
        case .riskScore: detectors.riskScore.map { score($0, p) } ?? []
        case .activityBurst: detectors.activityBurst.map { burst($0, p) } ?? []
        case .match, .threshold, .firstSeen: custom(rule, p)
        }
    }

    // MARK: A team's own

    /// The conditions were held against the record where it was read; what it keeps of that is asked here.
    private func custom(_ rule: DetectionRule, _ p: borrowing Profile) -> Seen {
        guard let own = rule.custom else { return [] }
        var part: CustomEvidence.Part?
        if x.customText.offset != 0 {
            CustomEvidence.forEach(text.heap.text(x.customText)) {
                if $0.rule == rule.customHash { part = $0 }
            }
        }
        var seen = [
            Observation(
                "the record fits the rule's conditions, as far as its user goes", isMet: part != nil
            )
        ]
        guard let part else { return seen }
        if case .threshold(let limit) = own.kind {
            let key = CustomCell.key(.event, mix(UInt64(rule.customHash), part.key))
            var count = 1
            for i in 0..<p.cells.count
            where p.cells[i].key == key && p.cells[i].last >= x.time &- limit.withinMilliseconds {
                count += 1
            }
            seen.append(
                Observation(
                    "counted within \(text.duration(limit.withinMilliseconds)), this one with them",
                    "\(count)", limit: "\(limit.count)", isMet: count >= limit.count))
        }
        return seen
    }

    // MARK: Parts that several rules share

    /// Not learning any more: enough sightings, and more than a day.
    private func learned(_ p: borrowing Profile, _ sightings: UInt32, _ name: String) -> Seen {
        let age = x.time &- p.tally.firstUse
        return [
            Observation(
                "sightings to learn from", "\(p.tally.sightings)", limit: "\(name) \(sightings)",
                isMet: p.tally.sightings >= sightings),
            Observation(
                "time since the user's first sighting", text.duration(age),
                limit: "the first day teaches", isMet: age >= Profile.newcomerTime),
        ]
    }

    private func located() -> Observation {
        Observation(
            "the place says where the person is",
            x.isLocated ? "" : "\(x.networkKind.name) network, or no place", isMet: x.isLocated)
    }

    private func unknownDevice(_ p: borrowing Profile) -> Observation {
        Observation(
            "the device is not the user's", familiarity(context.device, x.device, p),
            isMet: !p.knowsDevice(x, context))
    }

    private func event(_ wanted: [EventKind]) -> Observation {
        Observation(
            "the event is \(wanted.map(\.name).joined(separator: ", "))", x.event.name,
            isMet: wanted.contains(x.event))
    }

    private func hasSession() -> Observation {
        Observation(
            "the session was seen before",
            x.session.isNone ? "the record does not tell" : text.string(x.sessionText),
            isMet: context.session >= 0)
    }

    // MARK: Travel

    private func travel(_ d: ImpossibleTravel, _ p: borrowing Profile) -> Seen {
        var seen = [located()]
        var found: [StoredFinding] = []
        if x.isLocated {
            d.examine(
                x, context, p, isLearning: p.tally.sightings < Judge.learningSightings, into: &found
            )
        }
        // The leg that the rule is about, else the fastest of all tracks.
        var fastest: (speed: Double, distance: Double, elapsed: Int64, track: Fact)?
        p.forEach(.track) { i in
            let track = p.facts[i]
            let distance = track.point.kilometers(to: x.point)
            let elapsed = x.time &- track.last
            let speed = distance / d.hours(elapsedMilliseconds: elapsed, distance: distance)
            if let fastest, fastest.speed >= speed { return }
            fastest = (speed, distance, elapsed, track)
        }
        guard let leg = fastest else {
            return seen + [Observation("there is an earlier place to come from", isMet: false)]
        }
        let radii = Double(leg.track.trackRadius) + Double(x.radius)
        let isFound = !found.isEmpty
        seen.append(
            Observation(
                "distance from the fastest track's place", text.kilometers(leg.distance),
                limit: "minimum_distance_km \(text.whole(d.minimumDistance))",
                isMet: isFound || leg.distance >= d.minimumDistance))
        seen.append(
            Observation(
                "speed over \(text.duration(leg.elapsed)), radii of \(text.kilometers(radii)) together",
                "\(text.grouped(leg.speed)) km/h",
                limit: "speed_limit_kmh \(text.whole(d.speedLimit))",
                isMet: isFound || leg.speed > d.speedLimit))
        seen.append(
            Observation(
                "the leg is a trip: not the same network or place, not one between places, networks or"
                    + " devices where the user uses to be",
                "here: \(familiarity(context.network, x.network, p))", isMet: isFound))
        return seen
    }

    private func concurrent(_ d: ConcurrentPlaces, _ p: borrowing Profile) -> Seen {
        let change = context.habit >= 0 ? d.change(x, context, p) : nil
        let before = context.habit >= 0 ? Int(p.facts[context.habit].placeChanges) : 0
        return [
            located(),
            Observation(
                "it is a change between far places",
                change.map { text.kilometers($0.distance) } ?? "no",
                limit: "minimum_distance_km \(text.whole(d.distance)), radii taken off",
                isMet: change != nil),
            Observation(
                "changes there and back in a row", "\(change?.count ?? 0)",
                limit: "change_count \(d.changes)",
                isMet: before > 0 && (change?.count ?? 0) >= d.changes),
        ]
    }

    private func newCountry(_ d: NewCountry, _ p: borrowing Profile) -> Seen {
        var countries = 0
        p.forEach(.country) { _ in countries += 1 }
        return [
            Observation(
                "the country is new for the user",
                x.country.isNone
                    ? "not known"
                    : "\(x.countryCode): \(familiarity(context.country, x.country, p))",
                isMet: context.country < 0 && !x.country.isNone),
            Observation(
                "the network's place says something", x.networkKind.name,
                isMet: x.networkKind.placeIsMeaningful),
        ] + learned(p, d.learningSightings, "learning_sightings") + [
            Observation("countries known before", "\(countries)", limit: "1", isMet: countries > 0)
        ]
    }

    private func atypical(_ d: AtypicalCountry, _ p: borrowing Profile) -> Seen {
        let isKnown = context.country >= 0
        let away = isKnown ? x.time &- p.facts[context.country].last : 0
        let rest = context.habit >= 0 ? x.time &- p.facts[context.habit].last : .max
        let limit = "quiet_days \(text.whole(Double(d.quiet) / 86_400_000))"
        return [
            Observation(
                "the country is one of the user's", familiarity(context.country, x.country, p),
                isMet: isKnown && x.networkKind.placeIsMeaningful),
            Observation(
                "time since the user was last seen there", text.duration(away), limit: limit,
                isMet: away > d.quiet),
            Observation(
                "the user was seen elsewhere meanwhile",
                rest == .max ? "no" : "\(text.duration(rest)) ago", limit: limit,
                isMet: rest <= d.quiet),
        ]
    }

    // MARK: Devices

    private func device(_ d: UnrecognizedDevice, _ p: borrowing Profile) -> Seen {
        var devices = 0
        p.forEach(.device) { _ in devices += 1 }
        return [
            Observation(
                "the device was never seen", familiarity(context.device, x.device, p),
                isMet: context.device < 0 && !x.device.isNone)
        ] + learned(p, d.learningSightings, "learning_sightings") + [
            Observation("devices known before", "\(devices)", limit: "1", isMet: devices > 0)
        ]
    }

    private func shared(_ d: SharedDevice, _ p: borrowing Profile) -> Seen {
        [
            Observation(
                "other users on the device", "\(x.source.deviceUsers)",
                limit: "user_count \(d.users)",
                isMet: Int(x.source.deviceUsers) >= d.users && x.source.deviceUsers > 0),
            Observation("the record tells the device", isMet: !x.device.isNone), unknownDevice(p),
            Observation(
                "the user was seen before", "\(p.tally.sightings)", limit: "1",
                isMet: p.tally.sightings > 0),
        ]
    }

    // MARK: Sessions

    private func moved(_ d: SessionMoved, _ p: borrowing Profile) -> Seen {
        var seen = [hasSession()]
        guard context.session >= 0 else { return seen }
        var found: [StoredFinding] = []
        d.examine(x, context, p, into: &found)
        let session = p.facts[context.session]
        let elapsed = x.time &- session.last
        let isOtherNetwork = session.sessionNetwork != x.network
        seen.append(
            Observation(
                "device, client or network is another than the session's last",
                (session.sessionDevice != x.device ? "another device" : "the same device")
                    + (isOtherNetwork ? ", another network" : ", the same network"),
                isMet: !found.isEmpty || isOtherNetwork || session.sessionDevice != x.device))
        seen.append(
            Observation(
                "another device, another client; or provider and country changed within the window,"
                    + " without the owner's own way there",
                "\(text.duration(elapsed)) after the session's last use",
                limit: "move_window_hours \(text.oneDecimal(Double(d.window) / 3_600_000))",
                isMet: !found.isEmpty))
        return seen
    }

    private func afterLogout(_ d: SessionAfterLogout, _ p: borrowing Profile) -> Seen {
        var seen = [hasSession()]
        guard context.session >= 0 else { return seen }
        var found: [StoredFinding] = []
        d.examine(x, context, p, into: &found)
        let session = p.facts[context.session]
        let isEnded = session.flags.contains(.ended)
        let change = p.index(of: .credential(.passwordChange)).map { p.facts[$0].last }
        seen.append(
            Observation(
                "it is no sign-in, which begins a session anew", x.event.name,
                isMet: x.event != .login))
        seen.append(
            Observation(
                "the session was logged out, or is older than the newest change of the password",
                isEnded ? "logged out" : change.map { "password changed \(date($0))" } ?? "neither",
                isMet: !found.isEmpty || isEnded || (change ?? .min) > session.first))
        let ended = isEnded ? session.last : change ?? x.time
        seen.append(
            Observation(
                "time since; after a change of the password also: a network that is new",
                text.duration(x.time &- ended),
                limit: "grace_minutes \(text.oneDecimal(Double(d.grace) / 60_000))",
                isMet: !found.isEmpty))
        return seen
    }

    private func tooOld(_ d: SessionTooOld, _ p: borrowing Profile) -> Seen {
        if context.session < 0 { return unseenBeginning(d, p) }
        var seen = [hasSession()]
        let session = p.facts[context.session]
        let age = x.time &- session.first
        let idle = x.time &- session.last
        let isNetworkKnown = x.network.isNone || p.knowsNetwork(x, context)
        let isInUse = idle <= SessionTooOld.idleTime && p.knowsDevice(x, context)
        seen.append(
            Observation(
                "it is no sign-in, which begins a session anew", x.event.name,
                isMet: x.event != .login))
        seen.append(
            Observation(
                "age of the session", text.duration(age),
                limit: "maximum_days \(text.whole(Double(d.maximum) / 86_400_000))",
                isMet: age > d.maximum))
        seen.append(
            Observation(
                "not in daily use by the user: idle for a week, another device or a new network",
                "idle for \(text.duration(idle))", isMet: !(isNetworkKnown && isInUse)))
        return seen
    }

    private func unseenBeginning(_ d: SessionTooOld, _ p: borrowing Profile) -> Seen {
        var found: [StoredFinding] = []
        if !x.session.isNone { d.examineBeginning(x, context, p, into: &found) }
        return [
            Observation("the record tells the session", isMet: !x.session.isNone),
            Observation(
                "it is used without a sign-in", x.event.name,
                isMet: x.event == .activity || x.event == .session),
            Observation(
                "the user's sessions are seen to begin", p.tally.beginsSessions ? "yes" : "no",
                isMet: p.tally.beginsSessions),
        ] + learned(p, Judge.learningSightings, "learning") + [
            Observation(
                "from a network that is new for the user",
                familiarity(context.network, x.network, p), isMet: !found.isEmpty)
        ]
    }

    // MARK: Networks

    private func anonymizing(_ d: AnonymizingNetwork, _ p: borrowing Profile) -> Seen {
        let kind = x.networkKind
        let isKnown = p.hasOwnDevice(x, context)
        let isUsual = x.source.kindRarity != 0 && x.source.kindRarity <= d.usualRarity
        return [
            Observation(
                "the network is a VPN, Tor, proxy or relay", kind.name,
                isMet: kind == .vpn || kind == .tor || kind == .proxy || kind == .relay)
        ] + learned(p, Judge.learningSightings, "learning") + [
            Observation(
                "the user never used one of the kind before today",
                isMet: !p.hasUsed(kind, at: x.time)),
            Observation(
                "the device is not known; or the kind is not usual, and no relay",
                isUsual ? "the kind is usual" : "the kind is not usual",
                limit: "usual_share_percent \(text.oneDecimal(d.share))",
                isMet: !isKnown || !isUsual && kind != .relay),
        ]
    }

    private func hosting(_ p: borrowing Profile) -> Seen {
        [
            Observation(
                "the network is a hosting network", x.networkKind.name,
                isMet: x.networkKind == .hosting)
        ] + learned(p, Judge.learningSightings, "learning") + [
            Observation(
                "the user never came from one before today", isMet: !p.hasUsed(.hosting, at: x.time)
            )
        ]
    }

    private func burst(_ d: ActivityBurst, _ p: borrowing Profile) -> Seen {
        let hours = context.habit >= 0 ? p.facts[context.habit].count : 0
        let burst = d.burst(x, context, p)
        return [
            Observation(
                "hours counted", "\(hours)", limit: "learning_hours \(d.learning)",
                isMet: hours >= d.learning),
            Observation(
                "the provider was new within two days, with nothing else of the user's there; or"
                    + " the hour is strange",
                familiarity(context.provider, x.provider, p) + "; the hour "
                    + (burst.share < 1
                        ? "has \(text.oneDecimal(burst.share * 100)) %"
                        : "is usual, or too few are known"),
                limit: "strange_hour_percent \(text.oneDecimal(d.share * 100))",
                isMet: burst.uses > 0),
            Observation(
                "uses within the hour: \(burst.uses), where \(text.oneDecimal(burst.mean)) are usual",
                "\(text.oneDecimal(burst.bits)) bits",
                limit: "possible_bits \(d.limits.possible), likely_bits \(d.limits.likely),"
                    + " certain_bits \(d.limits.certain)",
                isMet: burst.bits >= d.limits.possible),
        ]
    }

    private func newNetwork(_ d: NewNetwork, _ p: borrowing Profile) -> Seen {
        [
            Observation(
                "the network is new for the user", familiarity(context.network, x.network, p),
                isMet: context.network < 0 && !x.network.isNone),
            Observation(
                "the provider is new for the user", familiarity(context.provider, x.provider, p),
                isMet: context.provider < 0),
        ] + learned(p, Judge.learningSightings, "learning")
    }

    // MARK: Credentials

    private func failures(_ d: FailuresThenSuccess, _ p: borrowing Profile) -> Seen {
        let known = context.failures >= 0 && p.tally.failedOnce ? p.facts[context.failures] : nil
        return [
            event([.login]),
            Observation(
                "failed sign-ins in a row from this network", "\(known?.burst ?? 0)",
                limit: "failure_count \(d.count)",
                isMet: !x.network.isNone && known != nil && (known?.burst ?? 0) >= d.count),
            Observation(
                "time since the last of them", known.map { text.duration(x.time &- $0.last) } ?? "",
                limit: "failure_gap_minutes \(text.oneDecimal(Double(d.gap) / 60_000))",
                isMet: known.map { x.time &- $0.last <= d.gap } ?? false),
        ]
    }

    private func spray(_ d: PasswordSpray, _ p: borrowing Profile) -> Seen {
        let isNetworkKnown = p.knowsNetwork(x, context)
        let isDeviceKnown = x.device.isNone ? isNetworkKnown : p.knowsDevice(x, context)
        return [
            Observation(
                "other users who failed from the network within 6 to 12 hours",
                "\(x.source.prefixFailures)", limit: "user_count \(d.users)",
                isMet: x.source.prefixFailures > 0 && Int(x.source.prefixFailures) >= d.users),
            event([.login]),
            Observation(
                "device or network is not the user's", familiarity(context.network, x.network, p),
                isMet: !(isDeviceKnown && isNetworkKnown)),
        ]
    }

    private func stuffing(_ d: CredentialStuffing, _ p: borrowing Profile) -> Seen {
        [
            Observation(
                "other users who failed from the provider within 6 to 12 hours",
                "\(x.source.providerFailures)", limit: "user_count \(d.users)",
                isMet: x.source.providerFailures > 0 && Int(x.source.providerFailures) >= d.users),
            event([.login]), unknownDevice(p),
        ]
    }

    private func fatigue(_ d: MFAFatigue, _ p: borrowing Profile) -> Seen {
        let refused = p.tally.failedOnce ? p.index(of: .refusedFactors).map { p.facts[$0] } : nil
        return [
            event([.mfa, .login]),
            Observation(
                "second factors refused in a row", "\(refused?.burst ?? 0)",
                limit: "refusal_count \(d.count)",
                isMet: refused != nil && (refused?.burst ?? 0) >= d.count),
            Observation(
                "time since the last of them",
                refused.map { text.duration(x.time &- $0.last) } ?? "",
                limit: "gap_minutes \(text.oneDecimal(Double(d.gap) / 60_000))",
                isMet: refused.map { x.time &- $0.last <= d.gap } ?? false),
        ]
    }

    private func afterReset(_ d: LoginAfterReset, _ p: borrowing Profile) -> Seen {
        var newest: Int64?
        for event in [EventKind.recovery, .passwordChange] {
            if let i = p.index(of: .credential(event)) {
                newest = max(newest ?? .min, p.facts[i].last)
            }
        }
        let since = newest.map { x.time &- $0 }
        return [
            event([.login]),
            Observation(
                "the password was reset or changed",
                newest.map { Timestamp(milliseconds: $0).rfc3339 } ?? "never seen",
                isMet: p.tally.changedOnce && newest != nil),
        ] + learned(p, Judge.learningSightings, "learning") + [
            Observation(
                "time since", since.map(text.duration) ?? "",
                limit: "window_hours \(text.oneDecimal(Double(d.window) / 3_600_000))",
                isMet: since.map { $0 <= d.window } ?? false),
            unknownDevice(p),
        ]
    }

    // MARK: The account

    private func dormant(_ d: DormantAccount, _ p: borrowing Profile) -> Seen {
        let rest = context.habit >= 0 ? x.time &- p.facts[context.habit].last : 0
        return [
            Observation(
                "time since the user was last seen", text.duration(rest),
                limit: "quiet_days \(text.whole(Double(d.quiet) / 86_400_000))",
                isMet: rest > d.quiet)
        ]
    }

    private func hour(_ d: UnusualHour, _ p: borrowing Profile) -> Seen {
        guard context.habit >= 0 else {
            return [
                Observation(
                    "hours counted", "0", limit: "learning_hours \(d.learning)", isMet: false)
            ]
        }
        let habit = p.facts[context.habit]
        let usual = habit.shareOfHour(x.hour)
        return [
            Observation(
                "hours counted", "\(habit.count)", limit: "learning_hours \(d.learning)",
                isMet: habit.count >= d.learning),
            Observation("days counted", "\(habit.days)", limit: "7", isMet: habit.days >= 7),
            Observation(
                "share of \(x.hour):00 UTC and its neighbours among the user's hours",
                "\(text.oneDecimal(usual * 100)) %",
                limit: "usual_share_percent \(text.oneDecimal(d.share * 100))",
                isMet: usual < d.share),
        ]
    }

    private func change(_ d: SensitiveChange, _ p: borrowing Profile) -> Seen {
        let isDeviceKnown = !x.device.isNone && p.knowsDevice(x, context)
        let isNetworkKnown = x.network.isNone || p.knowsNetwork(x, context)
        return [event([.passwordChange, .recovery, .mfaChange])]
            + learned(p, d.learning, "learning_sightings") + [
                Observation(
                    "device or network is not the user's",
                    "device \(familiarity(context.device, x.device, p)); network"
                        + " \(familiarity(context.network, x.network, p))",
                    isMet: !(isNetworkKnown && (isDeviceKnown || x.device.isNone)))
            ]
    }

    private func score(_ d: RiskScore, _ p: borrowing Profile) -> Seen {
        let isSeen = context.network >= 0 && (context.device >= 0 || x.device.isNone)
        let isKnown = p.knowsDevice(x, context) && p.knowsNetwork(x, context)
        let parts = d.score(x, context, p)
        func bits(_ value: Double) -> String {
            let tenths = Int((abs(value) * 10).rounded())
            return (value < 0 && tenths > 0 ? "-" : "") + "\(tenths / 10).\(tenths % 10)"
        }
        return learned(p, d.learning, "learning_sightings") + [
            Observation(
                "device or network is new for the user",
                "device \(familiarity(context.device, x.device, p)); network"
                    + " \(familiarity(context.network, x.network, p))",
                isMet: (context.network < 0 || context.device < 0) && !isSeen && !isKnown),
            Observation(
                "score: network \(bits(parts.network)), client \(bits(parts.client)), device"
                    + " \(bits(parts.device)), hour \(bits(parts.hour))",
                "\(bits(parts.sum)) bits",
                limit: "possible_bits \(text.oneDecimal(d.possible)), likely_bits"
                    + " \(text.oneDecimal(d.likely)), certain_bits \(text.oneDecimal(d.certain))",
                isMet: parts.sum >= d.possible),
        ]
    }
}
