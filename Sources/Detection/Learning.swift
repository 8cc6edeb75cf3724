import SessionModel

extension Profile {
    /// Takes a sighting into the facts: one step of the fold that a profile is.
    ///
    /// - Parameter stranger: Whether it is of somebody who was confirmed to be an intruder, by the device
    ///   (1) or the network (2): no place, provider, country or hour of theirs is the user's.
    mutating func learn(_ x: StoredSighting, _ context: Context, stranger: UInt8 = 0) {
        let time = x.time
        let isFirst = tally.sightings == 0
        updateTally {
            if $0.sightings == 0 { $0.firstUse = time }
            if $0.sightings < .max { $0.sightings &+= 1 }
        }
        @inline(__always) func new(_ confirmed: UInt8 = 3) -> Fact {
            var fact = Fact(firstSeen: time)
            if stranger != 0 {
                fact.flags = stranger == confirmed ? [.suspect, .condemned] : .suspect
            } else if isFirst {
                fact.flags = .founding
            }
            return fact
        }
        if context.device >= 0 {
            see(context.device, time)
        } else if !x.device.isNone {
            var fact = new(1)
            fact.labelText = x.labelText
            fact.clientHash = x.clientHash
            fact.deviceText = x.deviceText
            add(x.device, fact, kind: .device)
        }
        if context.network >= 0 {
            let known = facts[context.network]
            if known.address == x.address, known.networkKind == x.networkKind {
                see(context.network, time)
            } else {
                update(context.network) {
                    $0.see(time)
                    $0.address = x.address
                    $0.networkKind = x.networkKind
                }
            }
        } else if !x.network.isNone {
            var fact = new(2)
            fact.address = x.address
            fact.asn = x.asn
            fact.networkKind = x.networkKind
            fact.organizationText = x.organizationText
            add(x.network, fact, kind: .network)
        }
        if stranger == 0 { learnWhereabouts(x, context, new()) }
        switch x.event {
        case .login: if context.failures >= 0 { endBurst(context.failures) }
        case .passwordChange, .recovery, .mfaChange: learnChange(x)
        case .activity, .logout, .session, .mfa: break
        }
        if tally.failedOnce, x.event == .login || x.event == .mfa,
            let refused = index(of: .refusedFactors)
        {
            endBurst(refused)
        }
        learnSession(x, context)
        if x.isLocated { learnTrack(x, context) }
    }

    /// The provider, place, country and hour of a sighting.
    @inline(__always)
    private mutating func learnWhereabouts(
        _ x: StoredSighting, _ context: Context, _ new: @autoclosure () -> Fact
    ) {
        let time = x.time
        if context.provider >= 0 {
            let known = facts[context.provider]
            if known.isStay(at: time) {
                let isVouched = vouches(x, context, for: known)
                update(context.provider) {
                    $0.see(time)
                    $0.continueStay(x, isVouched: isVouched)
                }
            } else {
                see(context.provider, time)
            }
        } else if !x.provider.isNone {
            var fact = new()
            if fact.flags != .founding, !isJourney(x, context) { fact.beginStay(x) }
            add(x.provider, fact, kind: .provider)
        }
        if context.place >= 0 {
            see(context.place, time)
        } else if !x.place.isNone {
            var fact = new()
            fact.point = x.point
            fact.radius = x.radius
            fact.country = x.countryCode
            fact.cityText = x.cityText
            fact.regionText = x.regionText
            add(x.place, fact, kind: .place)
        }
        // A country seen through a network whose place says little is not one the user was in.
        if context.country >= 0 {
            if x.networkKind.placeIsMeaningful { see(context.country, time) }
        } else if !x.country.isNone, x.networkKind.placeIsMeaningful {
            add(x.country, new(), kind: .country)
        }
        learnHour(x, context)
    }

    /// The hours at which the user is seen, each counted once.
    private mutating func learnHour(_ x: StoredSighting, _ context: Context) {
        let (time, hour) = (x.time, x.hour)
        if context.habit >= 0 {
            if facts[context.habit].last / 3_600_000 == time / 3_600_000 { return }
            update(context.habit) {
                $0.see(time)
                $0.countHour(hour)
            }
        } else {
            var fact = Fact(firstSeen: time)
            fact.countHour(hour)
            add(.hours, fact, kind: .habit)
        }
    }

    /// Where the user is now; `changes`: how many changes between far places there are in a row, nil when
    /// this is none.
    mutating func learnPlace(_ x: StoredSighting, _ context: Context, changes: Int64?) {
        // The one fact of its kind stays where it is.
        guard x.isLocated, let i = context.habit >= 0 ? context.habit : index(of: .hours),
            facts[i].newestPlace != x.place
        else { return }
        let (time, place) = (x.time, x.place)
        update(i) {
            $0.newestPlace = place
            if let changes {
                $0.placeChanges = UInt16(min(changes, 60_000))
                $0.placeChanged = time
            }
        }
    }

    /// A password, recovery address or second factor that was changed.
    private mutating func learnChange(_ x: StoredSighting) {
        let key = FactKey.credential(x.event)
        if !tally.changedOnce { updateTally { $0.changedOnce = true } }
        var fact = Fact(firstSeen: x.time)
        fact.sessionDevice = x.device
        fact.sessionNetwork = x.network
        fact.sessionPlace = x.session
        if let i = index(of: key) {
            update(i) { $0 = fact }
        } else {
            add(key, fact, kind: .credential)
        }
    }

    mutating func learnSession(
        _ x: StoredSighting, _ context: Context
    ) {
        guard !x.session.isNone else { return }
        if context.session >= 0 {
            // Its log-out is what later use is told by; a sign-in begins it anew.
            if x.event != .login, facts[context.session].flags.contains(.ended) { return }
            update(context.session) {
                $0.seeSession(x.time)
                if !x.device.isNone { $0.sessionDevice = x.device }
                if !x.network.isNone {
                    $0.sessionNetwork = x.network
                    $0.address = x.address
                }
                if !x.place.isNone { $0.sessionPlace = x.place }
                $0.flags.remove(.ended)
            }
        } else {
            var fact = Fact(firstSeen: x.time)
            fact.count = 0
            fact.seeSession(x.time)
            fact.sessionText = x.sessionText
            fact.sessionDevice = x.device
            fact.sessionNetwork = x.network
            fact.sessionPlace = x.place
            fact.sessionClient = UInt8(truncatingIfNeeded: x.clientHash)
            fact.address = x.address
            add(x.session, fact, kind: .session)
            // On the first day sessions go on that began before it.
            if x.time &- tally.firstUse >= Profile.newcomerTime || x.event == .login {
                updateTally { $0.countSession(isBegun: x.event == .login) }
            }
        }
    }

    mutating func learnTrack(
        _ x: StoredSighting, _ context: Context
    ) {
        @inline(__always) func write(_ fact: inout Fact) {
            fact.point = x.point
            fact.trackRadius = x.radius
            fact.trackCountry = x.countryCode
            fact.recordText = x.recordText
            fact.trackNetwork = x.network
            fact.trackSession = x.session
            fact.trackDevice = x.device
            fact.trackPlace = x.place
        }
        if context.track >= 0 {
            update(context.track) {
                $0.last = x.time
                write(&$0)
            }
        } else {
            var fact = Fact(firstSeen: x.time)
            write(&fact)
            add(Context.trackKey(x), fact, kind: .track)
        }
    }

    /// A log-out: the session is over.
    mutating func learnLogout(_ x: StoredSighting, _ context: Context) {
        guard context.session >= 0 else { return }
        update(context.session) {
            $0.seeSession(x.time)
            $0.flags.insert(.ended)
        }
    }

    /// A sign-in that worked ends the count of those that failed on its network: they were its user's
    /// mistakes, or were judged with it.
    private mutating func endBurst(_ failures: Int) {
        if facts[failures].burst > 0 { update(failures) { $0.burst = 0 } }
    }

    /// A failed sign-in: counts towards a burst, and teaches nothing.
    mutating func learnFailure(
        _ x: StoredSighting, _ context: Context, gapMilliseconds: Int64,
        promptGapMilliseconds: Int64
    ) {
        guard x.event == .login || x.event == .mfa, !x.network.isNone else { return }
        if !tally.failedOnce { updateTally { $0.failedOnce = true } }
        countFailure(
            x.network.under(.failures), context.failures, x.time, gapMilliseconds: gapMilliseconds)
        if x.event == .mfa {
            countFailure(
                .refusedFactors, index(of: .refusedFactors) ?? -1, x.time,
                gapMilliseconds: promptGapMilliseconds)
        }
    }

    private mutating func countFailure(
        _ key: FactKey, _ known: Int, _ time: Int64, gapMilliseconds: Int64
    ) {
        if known >= 0 {
            update(known) {
                if $0.burst == 0 || time &- $0.last > gapMilliseconds {
                    $0.burst = 0
                    $0.burstStart = time
                }
                $0.burst &+= 1
                $0.see(time)
            }
        } else {
            var fact = Fact(firstSeen: time)
            fact.burst = 1
            fact.burstStart = time
            add(key, fact, kind: .failures)
        }
    }

    /// What is older than the tail can still teach: that its device, network, place and country are
    /// known. It moves no track, no session, and alarms nobody.
    mutating func teach(_ x: StoredSighting, _ context: Context) {
        func widen(_ i: Int) {
            update(i) {
                let day = Timestamp(milliseconds: x.time).day
                if x.time < $0.first {
                    if Timestamp(milliseconds: $0.first).day != day, $0.days < .max { $0.days += 1 }
                    $0.first = x.time
                }
                if $0.count < .max { $0.count += 1 }
            }
        }
        updateTally { if $0.sightings < .max { $0.sightings += 1 } }
        for i in [
            context.device, context.network, context.provider, context.place, context.country,
        ]
        where i >= 0 {
            widen(i)
        }
        if context.device < 0, !x.device.isNone {
            var fact = Fact(firstSeen: x.time)
            fact.labelText = x.labelText
            fact.clientHash = x.clientHash
            fact.deviceText = x.deviceText
            add(x.device, fact, kind: .device)
        }
        if context.network < 0, !x.network.isNone {
            var fact = Fact(firstSeen: x.time)
            fact.address = x.address
            fact.asn = x.asn
            fact.networkKind = x.networkKind
            fact.organizationText = x.organizationText
            add(x.network, fact, kind: .network)
        }
        if context.provider < 0, !x.provider.isNone {
            add(x.provider, Fact(firstSeen: x.time), kind: .provider)
        }
        if context.place < 0, !x.place.isNone {
            var fact = Fact(firstSeen: x.time)
            fact.point = x.point
            fact.radius = x.radius
            fact.country = x.countryCode
            fact.cityText = x.cityText
            fact.regionText = x.regionText
            add(x.place, fact, kind: .place)
        }
        if context.country < 0, !x.country.isNone, x.networkKind.placeIsMeaningful {
            add(x.country, Fact(firstSeen: x.time), kind: .country)
        }
    }
}
