import SessionModel

extension Life {
    /// What changes in a life: new devices, lost cookies, holidays, journeys.
    func change(
        _ person: Person, _ day: Int, _ midnight: Int64, _ random: inout SeededRandom
    ) {
        if let journey = person.journey, journey.homeAgain < midnight { person.journey = nil }
        let isTravelling = person.journey != nil
        guard day > 1 else { return }
        if let laptop = person.laptop, person.persona != .sharedComputer {
            if random.chance(1 / 70) {
                // Cookies are deleted: the same browser comes back with another id, and no session.
                var device = person.devices[laptop]
                device.id = random.token()
                device.news = "lost-cookie"
                device.newsUntil = day + 2
                replace(person, laptop, by: device)
            } else if person.devices.count < 4, random.chance(1 / 240), !isTravelling {
                var device = Device(person.devices[laptop].client.sibling, &random)
                device.since = day
                device.news = "second-browser"
                device.newsUntil = day + 6
                person.devices.append(device)
            } else if random.chance(1 / 500), !isTravelling {
                var device = Device(random.pick(Clients.desktops), &random)
                device.news = "new-laptop"
                device.newsUntil = day + 3
                replace(person, laptop, by: device)
            }
        }
        if let phone = person.phone, random.chance(isTravelling ? 1 / 150 : 1 / 300) {
            var device = Device(random.pick(Clients.phones), &random)
            device.news = isTravelling ? "new-phone-on-the-road" : "new-phone-at-home"
            device.newsUntil = day + 3
            replace(person, phone, by: device)
        }
        if person.persona == .longAbsence, day == person.silentUntil, person.choice % 3 == 0,
            let phone = person.phone
        {
            var device = Device(random.pick(Clients.phones), &random)
            device.news = "new-phone-at-home"
            device.newsUntil = day + 3
            replace(person, phone, by: device)
        }
        guard !isTravelling else { return }
        if person.persona != .longAbsence, random.chance(1 / 150) {
            person.silentUntil = day + random.between(7, 21)
            return
        }
        switch person.persona {
        case .traveller:
            if random.chance(1 / 9) { depart(person, day, midnight, least: 1500, &random) }
        case .serviceAccount, .dormant, .longAbsence, .mobileOnly: break
        default:
            if random.chance(1 / 90) {
                depart(person, day, midnight, least: random.chance(0.4) ? 1500 : 150, &random)
            }
        }
    }

    private func replace(_ person: Person, _ index: Int, by device: Device) {
        person.devices[index] = device
        person.sessions.removeAll { $0.device == index }
    }

    /// A journey by air at 850 km/h or by land, with time on the ground at both ends.
    private func depart(
        _ person: Person, _ day: Int, _ midnight: Int64, least: Double,
        _ random: inout SeededRandom
    ) {
        let here = atlas.towns[person.homeTown].point
        let most = least > 1000 ? 20_000.0 : 1500
        guard
            let town = atlas.town(
                &random,
                where: {
                    let distance = $0.point.kilometers(to: here)
                    return distance >= least && distance <= most
                })
        else { return }
        let distance = atlas.distance(person.homeTown, town)
        // Below 500 km by train or car; an airport costs two hours before and one after.
        let minutes = distance < 500 ? Int(distance / 95 * 60) + 20 : Int(distance / 850 * 60) + 180
        let leave = midnight + Int64(random.between(6 * 60, 14 * 60)) * Self.minute
        let nights = random.between(1, 9)
        let leaveBack =
            leave + Int64(minutes) * Self.minute + Int64(nights) * Self.day
            + Int64(random.between(0, 8 * 60)) * Self.minute
        func place(lease: Int) -> Site {
            Site(
                town, atlas.pool(town, &random, most: 2, avoiding: providers.taken),
                leaseDays: lease, &random)
        }
        person.journey = Journey(
            scenario: least > 1000 ? "long-haul-trip" : "short-trip", leave: leave,
            arrive: leave + Int64(minutes) * Self.minute, leaveBack: leaveBack,
            homeAgain: leaveBack + Int64(minutes) * Self.minute, hotel: place(lease: 1000),
            cafe: place(lease: 1), zoneShift: atlas.towns[town].zone - person.zone)
    }
}
