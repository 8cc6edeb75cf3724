import SessionModel

/// Days of benign life: one person's records of one local day.
struct Life {
    let atlas: Atlas
    let providers: Providers
    let days: Int
    let start: Int64
    let seed: UInt64

    static let day: Int64 = 86_400_000
    static let minute: Int64 = 60_000

    /// Local midnight of a person's day.
    func midnight(_ person: Person, _ day: Int) -> Int64 {
        start + Int64(day) * Self.day - Int64(person.zone) * 60 * Self.minute
    }

    /// Whoever has no records on a day still has sessions, which end by themselves.
    func plan(_ person: Person, day: Int, into out: inout [Happening]) {
        var random = SeededRandom(seed, 4 + UInt64(day), UInt64(person.number))
        let midnight = midnight(person, day)
        if person.persona == .serviceAccount {
            service(person, day, midnight, &random, &out)
            return
        }
        // Who leaves for long lived here before; the others' absences end on a day.
        let isAway =
            switch person.persona {
            case .dormant: day >= person.isSilentFrom
            case .longAbsence: day >= person.isSilentFrom && day < person.silentUntil
            default: day < person.silentUntil
            }
        if isAway {
            person.wasSilent = true
            return
        }
        change(person, day, midnight, &random)
        if person.persona != .longAbsence, day < person.silentUntil { return }
        // 1 January 1970 was a Thursday.
        let weekday = (Int(start / Self.day) + day + 3) % 7
        let isWorkday = weekday < 5
        if person.persona == .nightWorker, weekday == 0 {
            person.workStart = random.pick([6 * 60, 14 * 60, 22 * 60])
        }
        var visits: [(time: Int64, device: Int)] = []
        let shift = journeyShift(person, midnight) * 60
        if let laptop = person.laptop {
            let count =
                isWorkday ? Int(Double(random.between(2, 7)) * person.pace + 0.5) : random.below(2)
            for _ in 0..<count {
                visits.append(
                    (
                        moment(midnight, person.workStart + random.below(9 * 60) - shift, &random),
                        laptop
                    ))
            }
            // A second browser on the same machine takes some of the visits.
            let others = person.devices.indices.filter {
                $0 != laptop && $0 != person.phone && person.devices[$0].since <= day
                    && !person.devices[$0].client.isPhone
            }
            if let second = others.last, !visits.isEmpty, random.chance(0.5) {
                visits[random.below(visits.count)].device = second
            }
        }
        if let phone = person.phone {
            let count = Int(Double(random.between(1, 5)) * person.pace + 0.5)
            for _ in 0..<count {
                let from = person.persona == .nightWorker ? person.workStart - 60 : 7 * 60
                visits.append(
                    (moment(midnight, from + random.below(16 * 60) - shift, &random), phone))
            }
        }
        visits.sort { $0.time < $1.time }
        for visit in visits {
            self.visit(person, visit.device, visit.time, day, isWorkday, weekday, &random, &out)
        }
        logOut(person, &random, &out)
        ownChanges(person, day, &random, &out)
    }

    /// A minute of the local day, with what lies over its ends put in at the other: a shift that goes
    /// past midnight has its early hours on the same date.
    private func moment(
        _ midnight: Int64, _ minute: Int, _ random: inout SeededRandom
    ) -> Int64 {
        let inside = (minute % 1440 + 1440) % 1440
        return midnight + Int64(inside) * Self.minute + Int64(random.below(60_000))
    }

    /// One to five records within some minutes.
    private func visit(
        _ person: Person, _ device: Int, _ time: Int64, _ day: Int, _ isWorkday: Bool,
        _ weekday: Int, _ random: inout SeededRandom, _ out: inout [Happening]
    ) {
        guard person.devices[device].since <= day else { return }
        let isPhone = person.devices[device].client.isPhone
        let application = random.pick(person.applications)
        var time = time
        var (link, scenario) = (Link.site(person.home), "")
        guard let first = access(person, isPhone: isPhone, time, day, isWorkday, weekday, &random)
        else { return }
        (link, scenario) = first
        for _ in 0..<random.between(1, 5) {
            let address = address(link, person, time, day, &random)
            time = use(
                person, device, application, time, address, day, scenario: scenario, &random, &out)
            time += Int64(random.between(8_000, 280_000))
        }
    }

    // MARK: - Where

    private func journeyShift(_ person: Person, _ midnight: Int64) -> Int {
        guard let journey = person.journey, midnight + Self.day / 2 > journey.arrive,
            midnight + Self.day / 2 < journey.leaveBack
        else { return 0 }
        return journey.zoneShift
    }

    /// How a device of the person reaches the net then; nil in the air or on the road.
    private func access(
        _ person: Person, isPhone: Bool, _ time: Int64, _ day: Int, _ isWorkday: Bool,
        _ weekday: Int, _ random: inout SeededRandom
    ) -> (Link, String)? {
        if let journey = person.journey {
            if time >= journey.leave, time < journey.arrive { return nil }
            if time >= journey.leaveBack, time < journey.homeAgain { return nil }
            if time >= journey.arrive, time < journey.leaveBack {
                // A phone abroad comes from its own carrier when that carries it home.
                if isPhone, random.chance(0.4) {
                    return (
                        random.chance(0.5)
                            ? .carrier(person.country, person.carrier, near: person.homeTown)
                            : .carrier(
                                atlas.towns[journey.hotel.town].country, 0, near: journey.hotel.town
                            ),
                        journey.scenario
                    )
                }
                if person.persona == .habitualVPN { return (.vpn, journey.scenario) }
                return (.site(random.chance(0.7) ? journey.hotel : journey.cafe), journey.scenario)
            }
        }
        let minute = Int((time - midnight(person, day)) / Self.minute)
        let worksNow = isWorkday && (minute - person.workStart + 1440) % 1440 < 9 * 60
        let mobile = Link.carrier(person.country, person.carrier, near: person.homeTown)
        switch person.persona {
        case .mobileOnly: return (mobile, "")
        case .habitualVPN where !isPhone || person.choice % 3 == 0: return (.vpn, "")
        case .privateRelay where random.chance(0.85): return (.relay, "")
        case .satellite where !isPhone || random.chance(0.6): return (.satellite, "")
        case .egressAbroad where !isPhone && worksNow: return (.company(person.company), "")
        case .splitTunnel where !isPhone && worksNow:
            return (random.chance(0.6) ? .company(person.company) : .site(person.home), "")
        case .secondHome where weekday >= 5 && (day / 7 + person.choice) % 2 == 0:
            // Two to seven hours of driving, which nobody sees.
            if weekday == 5, minute < 14 * 60 {
                return minute < 7 * 60 ? home(person, isPhone, day, &random) : nil
            }
            if weekday == 6, minute > 14 * 60 {
                return minute > 22 * 60 ? home(person, isPhone, day, &random) : nil
            }
            if isPhone, random.chance(0.4) { return (mobile, "") }
            return (.site(person.other ?? person.home), "")
        default: break
        }
        if worksNow, person.officeDays.contains(weekday) {
            if person.persona == .borderCommuter, let office = person.other {
                guard minute > person.workStart + 90, minute < person.workStart + 8 * 60 else {
                    return isPhone ? (mobile, "") : home(person, isPhone, day, &random)
                }
                if isPhone, random.chance(0.5) {
                    return (
                        random.chance(0.5)
                            ? mobile
                            : .carrier(atlas.towns[office.town].country, 1, near: office.town), ""
                    )
                }
                return (.site(office), "")
            }
            return isPhone && random.chance(0.5) ? (mobile, "") : (.company(person.company), "")
        }
        return home(person, isPhone, day, &random)
    }

    private func home(
        _ person: Person, _ isPhone: Bool, _ day: Int, _ random: inout SeededRandom
    ) -> (Link, String) {
        if isPhone, random.chance(0.35) {
            return (.carrier(person.country, person.carrier, near: person.homeTown), "")
        }
        if let other = person.other {
            if person.persona == .movedAddress, day >= days / 2 + person.choice % 5 {
                return (.site(other), "")
            }
            if person.persona == .vaguePlace, (day / 3 + person.choice) % 2 == 0 {
                return (.site(other), "")
            }
        }
        return (.site(person.home), "")
    }

    /// The address at that time. What hops does so by the clock, so that records close together share
    /// an address.
    func address(
        _ link: Link, _ person: Person, _ time: Int64, _ day: Int, _ random: inout SeededRandom
    ) -> UInt32 {
        func hop(_ provider: Provider, minutes: Int64, among: Int? = nil) -> UInt32 {
            let slot = UInt64(time / (minutes * Self.minute))
            let draw = SeededRandom.scramble(slot &+ UInt64(person.number) << 32)
            let index =
                Int(draw >> 40) % min(among ?? provider.prefixes.count, provider.prefixes.count)
            return provider.address(index + (among == nil ? 0 : person.choice), draw)
        }
        switch link {
        case .site(let site): return site.address(day: day)
        case .company(let number):
            let company = providers.companies[number]
            return company.address(random.below(company.prefixes.count), random.next())
        case .carrier(let country, let number, let town):
            guard let carriers = providers.carriers[country] else {
                return person.home.address(day: day)
            }
            return gateway(carriers[number % carriers.count], person, near: town, time)
        case .vpn:
            return hop(
                providers.vpns[person.choice % providers.vpns.count],
                minutes: 10 + Int64(person.choice % 200), among: 6)
        case .relay:
            let index = atlas.countries.firstIndex { $0.code == person.country }
            return hop(
                providers.relays[index ?? person.choice % providers.relays.count],
                minutes: 5 + Int64(person.choice % 40))
        case .satellite:
            return hop(
                providers.satellites[person.choice % providers.satellites.count],
                minutes: 600 + Int64(person.choice), among: 2)
        case .cloud:
            return hop(
                providers.clouds[person.choice % providers.clouds.count], minutes: 1440, among: 1)
        }
    }

    /// A carrier lets a phone out at one of the gateways near it, at times at any in the country.
    private func gateway(
        _ carrier: Provider, _ person: Person, near town: Int, _ time: Int64
    ) -> UInt32 {
        let slot = UInt64(time / ((20 + Int64(person.choice % 160)) * Self.minute))
        let draw = SeededRandom.scramble(slot &+ UInt64(person.number) << 32)
        let here = atlas.towns[town].point
        let near = carrier.towns.indices.sorted {
            let a = atlas.towns[carrier.towns[$0]].point.kilometers(to: here)
            let b = atlas.towns[carrier.towns[$1]].point.kilometers(to: here)
            return (a, $0) < (b, $1)
        }
        let index =
            draw >> 60 == 0 ? Int(draw >> 40) % near.count : Int(draw >> 40) % min(4, near.count)
        return carrier.address(near[index], draw)
    }

    // MARK: - Services

    private func service(
        _ person: Person, _ day: Int, _ midnight: Int64, _ random: inout SeededRandom,
        _ out: inout [Happening]
    ) {
        let every = Int64(5 + person.choice % 11) * Self.minute
        var time = midnight + Int64(random.below(Int(every)))
        let device = person.devices[0]
        while time < midnight + Self.day {
            let address = address(.cloud, person, time, day, &random)
            out.append(
                Happening(
                    time: time, user: person.number, event: .login, auth: .password,
                    session: random.token(), device: "", agent: device.agent(day: day),
                    application: person.applications[0], address: address))
            time += every + Int64(random.below(20_000))
        }
    }
}
