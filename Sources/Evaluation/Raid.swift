import SessionModel

/// Carries strikes out: an intruder's records of one day, with the owner's before them.
struct Raid {
    let life: Life
    let person: Person
    let day: Int
    /// The owner's records of the day, in time order.
    let own: [Happening]
    private(set) var made: [Happening] = []
    private var random: SeededRandom

    init(_ life: Life, _ person: Person, day: Int, own: [Happening]) {
        (self.life, self.person, self.day, self.own) = (life, person, day, own)
        random = SeededRandom(life.seed, 1_000_000 + UInt64(day), UInt64(person.number))
    }

    /// False when it cannot be done that day, since the owner gives no chance for it.
    mutating func carryOut(_ strike: inout Strike) -> Bool {
        let time = strike.time
        switch strike.kind {
        case .passwordGuessing:
            let count = random.between(6, 50)
            var at = time
            for _ in 0..<count {
                add(strike, .login, .failure, .password, at)
                at += Int64(random.between(1_000, 30_000))
            }
            if strike.succeeds { enter(&strike, at) }
        case .passwordSpray:
            var at = time
            for _ in 0..<random.pick([0, 1, 1, 2]) + (strike.succeeds ? 0 : 1) {
                add(strike, .login, .failure, .password, at)
                at += Int64(random.between(30, 4 * 3600)) * 1000
            }
            if strike.succeeds { enter(&strike, at) }
        case .credentialStuffing:
            if !strike.succeeds || random.chance(0.3) {
                add(strike, .login, .failure, .password, time)
            }
            if strike.succeeds { enter(&strike, time + Int64(random.between(500, 20_000))) }
        case .phishedPassword, .dormantAccount, .sharedDevice, .anonymized:
            enter(&strike, time)
        case .insiderHours:
            let night = life.midnight(person, day) + Int64(random.between(60, 250)) * Life.minute
            enter(&strike, night)
        case .mfaFatigue:
            var at = time
            for _ in 0..<random.between(5, 25) {
                add(strike, .mfa, .failure, .mfa, at)
                at += Int64(random.between(15_000, 200_000))
            }
            if strike.succeeds { enter(&strike, at) }
        case .recoveryTakeover:
            add(strike, .recovery, .success, .unknown, time)
            if random.chance(0.6) {
                add(strike, .passwordChange, .success, .password, time + 60_000)
            }
            let end = enter(&strike, time + Int64(random.between(80_000, 600_000)), mfa: false)
            add(strike, .mfaChange, .success, .password, end + 50_000, strike.session)
        case .postTakeoverChange:
            let end = enter(&strike, time)
            let event: EventKind = random.chance(0.5) ? .mfaChange : .passwordChange
            add(strike, event, .success, .password, end + 40_000, strike.session)
            if random.chance(0.4) {
                add(strike, .recovery, .success, .password, end + 120_000, strike.session)
            }
        case .impossibleTravel:
            guard let last = own.last(where: { isAtHome($0) }) else { return false }
            enter(&strike, last.time + Int64(random.between(4, 70)) * Life.minute)
        case .stolenToken: return steal(&strike)
        case .sessionAfterLogout:
            let used = own.filter { $0.event == .activity }
            guard let last = used.max(by: { $0.time < $1.time }),
                let out = life.logOut(person, session: last.session, after: last, &random, &made)
            else { return false }
            replay(
                &strike, last, from: out + Int64(random.between(5, 40 * 60)) * Life.minute,
                sameAgent: random.chance(0.5), sameDevice: random.chance(0.3))
        case .oldSession:
            let found = person.ended.last {
                time - $0.ended > Int64(max(72, $0.hours * 2)) * 3_600_000
                    && $0.device < person.devices.count
            }
            guard let found else { return false }
            let device = person.devices[found.device]
            let kind = Application.all[found.application]
            let sample = Happening(
                time: time, user: person.number, event: .activity, session: found.id,
                device: kind.knowsDevices && person.knowsDevices ? device.id : "",
                agent: device.agent(day: day), application: found.application, address: 0)
            replay(
                &strike, sample, from: time, sameAgent: random.chance(0.5),
                sameDevice: random.chance(0.3))
        }
        return true
    }

    private func isAtHome(_ record: Happening) -> Bool {
        let home = person.home.address(day: day)
        return record.event == .activity && record.address == home
    }

    private mutating func add(
        _ strike: Strike, _ event: EventKind, _ outcome: Outcome, _ auth: AuthMethod, _ time: Int64,
        _ session: String = "", application: Int? = nil, address: Int? = nil
    ) {
        let application = application ?? person.applications[0]
        let shows =
            strike.hasDeviceID && person.knowsDevices
            && Application.all[application].knowsDevices
        made.append(
            Happening(
                time: time, user: person.number, event: event, outcome: outcome, auth: auth,
                session: session, device: shows ? strike.device.id : "",
                agent: strike.device.agent(day: day), application: application,
                address: strike.lair.address(address ?? random.below(strike.lair.addresses.count)),
                label: .attack(strike.number)))
    }

    /// A sign-in and what the intruder then does, perhaps again on the days after; gives the end of
    /// the first visit.
    @discardableResult
    private mutating func enter(_ strike: inout Strike, _ time: Int64, mfa: Bool = true) -> Int64 {
        let application = random.pick(person.applications)
        let from = random.below(strike.lair.addresses.count)
        var at = time
        strike.session = random.token()
        let asks = person.hasMFA && mfa
        if asks {
            add(strike, .mfa, .success, .mfa, at, application: application, address: from)
            at += Int64(random.between(200, 3_000))
        }
        add(
            strike, .login, .success,
            person.auth == .sso ? .sso : asks ? .mfa : .password, at, strike.session,
            application: application, address: from)
        at = stay(strike, at, application, from)
        let end = at
        while random.chance(0.35) {
            at += Int64(random.between(2 * 60, 30 * 60)) * Life.minute
            at = stay(strike, at, application, from)
        }
        return end
    }

    private mutating func stay(
        _ strike: Strike, _ time: Int64, _ application: Int, _ from: Int
    ) -> Int64 {
        var at = time
        for _ in 0..<random.between(2, 12) {
            at += Int64(random.between(4_000, 400_000))
            add(
                strike, .activity, .success, .token, at, strike.session, application: application,
                address: from)
        }
        return at
    }

    /// A live session used from elsewhere, between the owner's own records.
    private mutating func steal(_ strike: inout Strike) -> Bool {
        let chances = own.indices.filter {
            own[$0].event == .activity && !own[$0].session.isEmpty
        }
        guard !chances.isEmpty else { return false }
        let taken = own[random.pick(chances)]
        let variant = random.unit()
        replay(
            &strike, taken, from: taken.time + Int64(random.between(1, 45)) * Life.minute,
            sameAgent: variant > 0.4, sameDevice: variant > 0.7)
        return true
    }

    /// Somebody else's token in use. A stolen cookie may come with the browser's name and even with
    /// the device's id, which is a cookie too.
    private mutating func replay(
        _ strike: inout Strike, _ taken: Happening, from time: Int64, sameAgent: Bool,
        sameDevice: Bool
    ) {
        strike.session = taken.session
        var record = taken
        record.label = .attack(strike.number)
        record.event = .activity
        record.auth = .token
        record.outcome = .success
        if !sameAgent { record.agent = strike.device.agent(day: day) }
        if !sameDevice, !record.device.isEmpty { record.device = strike.device.id }
        var at = time
        repeat {
            for _ in 0..<random.between(2, 9) {
                record.time = at
                record.address = strike.lair.address(0)
                made.append(record)
                at += Int64(random.between(5_000, 900_000))
            }
            at += Int64(random.between(60, 20 * 60)) * Life.minute
        } while random.chance(0.5)
    }
}
