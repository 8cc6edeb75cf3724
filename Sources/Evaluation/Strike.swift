import SessionModel

/// How accounts and sessions are taken. The raw values stand in truth files.
public enum AttackKind: String, CaseIterable, Sendable {
    case passwordGuessing = "password-guessing"
    case passwordSpray = "password-spray"
    case credentialStuffing = "credential-stuffing"
    case phishedPassword = "phished-password"
    case stolenToken = "stolen-token"
    case mfaFatigue = "mfa-fatigue"
    case sessionAfterLogout = "session-after-logout"
    case oldSession = "old-session"
    case recoveryTakeover = "account-takeover-by-recovery"
    case dormantAccount = "dormant-account"
    case sharedDevice = "shared-attacker-device"
    case anonymized
    case insiderHours = "insider-hours"
    case impossibleTravel = "impossible-travel"
    case postTakeoverChange = "post-takeover-change"
}

/// What one intruder does to one user.
struct Strike {
    /// Shared by all users of one campaign.
    var attack: Int
    var kind: AttackKind
    /// Not before then; milliseconds since 1970.
    var time: Int64
    /// False for tries that get nowhere.
    var succeeds: Bool
    var lair: Lair
    var device: Device
    /// Whether the intruder's client hands out a device id: a script does not.
    var hasDeviceID: Bool
    /// The place in the world's list.
    var number: Int
    /// The session to end, known once it happened.
    var session = ""
}

/// Where an intruder comes from: addresses, of which the first is the one used by hand.
struct Lair {
    var addresses: [UInt32]

    func address(_ index: Int) -> UInt32 { addresses[index % addresses.count] }
}

/// What the truth file says of a strike.
struct StrikeTruth {
    var attack: Int
    var kind: AttackKind
    var succeeds: Bool
    var session = ""
}

/// Makes strikes and the places that they come from.
struct Raiders {
    let atlas: Atlas
    let providers: Providers
    let start: Int64
    let days: Int
    var random: SeededRandom
    /// What intruders write scripts with, as others do.
    private var tools = Clients.tools
    private(set) var truths: [StrikeTruth] = []
    private(set) var attackCount = 0

    init(_ atlas: Atlas, _ providers: Providers, start: Int64, days: Int, seed: UInt64) {
        (self.atlas, self.providers, self.start, self.days) = (atlas, providers, start, days)
        random = SeededRandom(seed, 5)
    }

    /// Gives out the takeovers, about as many of each kind, with the tries around them that fail.
    mutating func assign(_ count: Int, to people: [Person]) {
        let services = people.filter { $0.persona == .serviceAccount }
        if !services.isEmpty { tools = services.map { $0.devices[0].client } }
        var free = Array(people.indices)
        random.shuffle(&free)
        // First those that need somebody special.
        func take(_ fits: (Person) -> Bool) -> Person? {
            guard let index = free.lastIndex(where: { fits(people[$0]) }) else { return nil }
            return people[free.remove(at: index)]
        }
        let kinds = AttackKind.allCases
        for (place, kind) in kinds.enumerated() {
            var left = count / kinds.count + (place < count % kinds.count ? 1 : 0)
            while left > 0 {
                var crowd = 1
                switch kind {
                case .passwordSpray, .credentialStuffing: crowd = min(left, random.between(2, 6))
                case .sharedDevice: crowd = min(left, random.between(4, 9))
                default: break
                }
                // A shared device is one only with several accounts.
                if kind == .sharedDevice, crowd < 3 { crowd = 3 }
                left -= crowd
                let victims = (0..<crowd).compactMap { _ in take { suits($0, kind) } }
                guard !victims.isEmpty else { break }
                raid(kind, victims, among: people)
            }
        }
    }

    private func suits(_ person: Person, _ kind: AttackKind) -> Bool {
        guard person.persona != .serviceAccount else { return false }
        switch kind {
        case .dormantAccount: return person.persona == .dormant
        case .mfaFatigue: return person.hasMFA && person.persona != .dormant
        case .passwordGuessing, .passwordSpray, .credentialStuffing:
            return !person.hasMFA && person.auth == .password && person.persona != .dormant
        case .insiderHours:
            return person.persona != .dormant && person.persona != .nightWorker
                && person.persona != .longAbsence
        case .stolenToken, .sessionAfterLogout, .oldSession, .impossibleTravel:
            return person.persona != .dormant && person.persona != .longAbsence
        default: return person.persona != .dormant
        }
    }

    private mutating func raid(_ kind: AttackKind, _ victims: [Person], among people: [Person]) {
        attackCount += 1
        let attack = attackCount
        let first = victims[0]
        let day = Life.day
        let from = kind == .dormantAccount ? days * 3 / 4 : max(min(4, days / 2), days / 6)
        // Some wait for the owner to give a chance, and need days for that.
        let waits: Bool =
            switch kind {
            case .stolenToken, .sessionAfterLogout, .oldSession, .impossibleTravel: true
            default: false
            }
        let last = max(from, waits ? days * 3 / 4 : days - 2)
        let at = start + Int64(random.between(from, last)) * day + Int64(random.below(Int(day)))
        switch kind {
        case .passwordSpray:
            // A few addresses of one network, a few tries for each user, over hours to two days.
            let lair = Lair(addresses: spraySource())
            let script = random.chance(0.4)
            let span = random.between(4 * 60, 48 * 60)
            var targets = victims.map { ($0, true) }
            let tries = min(people.count / 2, victims.count * random.between(15, 35))
            targets += (0..<tries).map { _ in (random.pick(people), false) }
            campaign(kind, attack, targets, at, Int64(span) * Life.minute, script) { _, _ in lair }
        case .credentialStuffing:
            // Fast, from many sources, by one client.
            let script = random.chance(0.4)
            let sources = Lair(
                addresses: (0..<random.between(20, 80)).map { _ in anyAddress(nil) })
            var targets = victims.map { ($0, true) }
            let tries = min(people.count / 2, victims.count * random.between(20, 50))
            targets += (0..<tries).map { _ in (random.pick(people), false) }
            let span = Int64(random.between(5, 50)) * Life.minute
            campaign(kind, attack, targets, at, span, script) { random, _ in
                Lair(addresses: [random.pick(sources.addresses), random.pick(sources.addresses)])
            }
        case .sharedDevice:
            let lair = Lair(addresses: [anyAddress(nil), anyAddress(nil)])
            let targets = victims.map { ($0, true) }
            let span = Int64(random.between(60, 30 * 60)) * Life.minute
            campaign(kind, attack, targets, at, span, false, sharing: 1) { _, _ in lair }
        default:
            var lair = Lair(addresses: [anyAddress(first)])
            switch kind {
            case .anonymized:
                let all = [providers.tor[0]] + providers.vpns + providers.proxies
                let exits = random.pick(all)
                lair.addresses = (0..<3).map { _ in exits.address(random.below(99), random.next()) }
            case .impossibleTravel: lair.addresses = [farAddress(first, least: 3000)]
            case .insiderHours:
                lair.addresses = [
                    random.chance(0.5)
                        ? providers.companies[first.company].address(0, random.next())
                        : residential(first.homeTown)
                ]
            default: break
            }
            let time = kind == .oldSession ? max(at, start + Int64(days / 2) * day) : at
            strike(
                kind, attack, first, time, lair, device(like: first), hasDeviceID: true,
                succeeds: true)
            // As many again try and get nowhere.
            if kind == .passwordGuessing || kind == .mfaFatigue, random.chance(0.6) {
                let other = random.pick(people)
                guard other !== first, other.persona != .serviceAccount,
                    kind == .passwordGuessing || other.hasMFA
                else { return }
                attackCount += 1
                strike(
                    kind, attackCount, other,
                    start + Int64(random.between(1, max(1, days - 2))) * day
                        + Int64(random.below(Int(day))),
                    Lair(addresses: [anyAddress(other)]), device(like: other), hasDeviceID: true,
                    succeeds: false)
            }
        }
    }

    /// One try or two at each target, in no order, at one pace.
    private mutating func campaign(
        _ kind: AttackKind, _ attack: Int, _ targets: [(Person, Bool)], _ at: Int64, _ span: Int64,
        _ script: Bool, sharing: Double = 0.5,
        lair: (inout SeededRandom, Int) -> Lair
    ) {
        let client = script ? random.pick(tools) : random.pick(Clients.desktops)
        let shared = Device(client, &random)
        let isShared = random.chance(sharing)
        var hit: Set<Int> = []
        for (index, (person, succeeds)) in targets.enumerated() {
            guard hit.insert(person.number).inserted else { continue }
            var device = shared
            if !isShared { device.id = random.token() }
            let time = at + Int64(random.unit() * Double(span))
            strike(
                kind, attack, person, time, lair(&random, index), device, hasDeviceID: !script,
                succeeds: succeeds)
        }
    }

    private mutating func strike(
        _ kind: AttackKind, _ attack: Int, _ person: Person, _ time: Int64, _ lair: Lair,
        _ device: Device, hasDeviceID: Bool, succeeds: Bool
    ) {
        let last = start + Int64(days) * Life.day - 3 * 3_600_000
        person.strikes.append(
            Strike(
                attack: attack, kind: kind, time: min(time, last), succeeds: succeeds, lair: lair,
                device: device, hasDeviceID: hasDeviceID, number: truths.count))
        truths.append(StrikeTruth(attack: attack, kind: kind, succeeds: succeeds))
    }

    /// A session's id, once the strike has one.
    mutating func name(session: String, of strike: Int) { truths[strike].session = session }

    // MARK: - Where from

    /// Common browsers; often the same kind as the victim's.
    private mutating func device(like person: Person) -> Device {
        let own = person.devices.map(\.client)
        let client = random.chance(0.35) ? random.pick(own) : random.pick(Clients.desktops)
        return Device(client, &random)
    }

    private mutating func residential(_ town: Int) -> UInt32 {
        let pool = atlas.pool(town, &random, avoiding: providers.taken)
        return random.pick(pool) | UInt32(2 + random.below(250))
    }

    mutating func farAddress(_ person: Person, least: Double) -> UInt32 {
        let here = atlas.towns[person.homeTown].point
        let town = atlas.town(&random) { $0.point.kilometers(to: here) > least }
        return residential(town ?? atlas.town(&random))
    }

    /// Homes and proxies in homes near and far, clouds, VPNs.
    private mutating func anyAddress(_ person: Person?) -> UInt32 {
        let draw = random.unit()
        switch draw {
        case ..<0.10:
            return residential(person?.homeTown ?? atlas.town(&random))
        case ..<0.25:
            guard let person else { return residential(atlas.town(&random)) }
            return residential(random.pick(atlas.towns(of: person.country)))
        case ..<0.55: return residential(atlas.town(&random))
        case ..<0.80: return exit(providers.clouds)
        case ..<0.93: return exit(providers.vpns)
        case ..<0.97: return exit(providers.proxies)
        default: return exit(providers.tor)
        }
    }

    private mutating func exit(_ group: [Provider]) -> UInt32 {
        random.pick(group).address(random.below(1000), random.next())
    }

    private mutating func spraySource() -> [UInt32] {
        guard random.chance(0.7) else { return [residential(atlas.town(&random))] }
        let cloud = random.pick(providers.clouds)
        let first = random.below(cloud.prefixes.count)
        return (0..<random.pick([1, 1, 3, 8, 20])).map {
            cloud.address(first + $0 % 4, random.next())
        }
    }
}
