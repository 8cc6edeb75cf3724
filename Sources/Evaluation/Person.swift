import SessionModel

/// How somebody lives, where that is hard on a detector. The raw values stand in truth files.
enum Persona: String, CaseIterable {
    case ordinary
    case remoteWorker = "remote-worker"
    case egressAbroad = "shared-egress-abroad"
    case splitTunnel = "split-tunnel"
    case habitualVPN = "habitual-vpn"
    case privateRelay = "private-relay"
    case satellite
    case borderCommuter = "border-commuter"
    case secondHome = "second-home"
    case traveller = "frequent-traveller"
    case nightWorker = "night-and-shift-worker"
    case mobileOnly = "mobile-only"
    case agentOnly = "no-device-ids"
    case movedAddress = "moved-address"
    case vaguePlace = "country-centroid"
    case sharedComputer = "shared-computer"
    case serviceAccount = "service-account"
    case longAbsence = "long-absence"
    case dormant

    /// Of a hundred people; what is left is ordinary.
    static let shares: [(Persona, Int)] = [
        (.remoteWorker, 10), (.egressAbroad, 8), (.splitTunnel, 5), (.habitualVPN, 5),
        (.privateRelay, 4), (.satellite, 2), (.borderCommuter, 3), (.secondHome, 4),
        (.traveller, 5), (.nightWorker, 4), (.mobileOnly, 3), (.agentOnly, 4), (.movedAddress, 3),
        (.vaguePlace, 2), (.sharedComputer, 2), (.serviceAccount, 2), (.longAbsence, 2),
        (.dormant, 4),
    ]
}

/// A line at a place: an address of its provider's that changes after so many days.
struct Site {
    var town: Int
    var pool: [UInt32]
    var leaseDays: Int
    var salt: UInt64

    init(_ town: Int, _ pool: [UInt32], leaseDays: Int, _ random: inout SeededRandom) {
        self.town = town
        self.pool = pool
        self.leaseDays = leaseDays
        salt = random.next()
    }

    func address(day: Int) -> UInt32 {
        let draw = SeededRandom.scramble(salt &+ UInt64(truncatingIfNeeded: day / leaseDays))
        return pool[Int(draw >> 32) % pool.count] | UInt32(2 + draw % 250)
    }
}

/// How a device reaches the net.
enum Link {
    case site(Site)
    case company(Int)
    /// A carrier of a country, by way of its gateways near a town.
    case carrier(CountryCode, Int, near: Int)
    case vpn, relay, satellite, cloud
}

/// A journey, in milliseconds of event time.
struct Journey {
    var scenario: String
    var leave: Int64
    var arrive: Int64
    var leaveBack: Int64
    var homeAgain: Int64
    var hotel: Site
    var cafe: Site
    var zoneShift: Int
}

struct OpenSession {
    var id: String
    var device: Int
    var application: Int
    var began: Int64
    var ends: Int64
}

struct EndedSession {
    var id: String
    var device: Int
    var application: Int
    var ended: Int64
    var hours: Int
}

/// One user: what lasts from day to day.
final class Person {
    let number: Int
    let id: String
    let name: String
    let persona: Persona
    var home: Site
    var homeTown: Int
    let country: CountryCode
    let zone: Int
    let carrier: Int
    let company: Int
    /// Another place: an office over the border, a second home, the town that the database now says.
    var other: Site?
    /// 0 Monday to 6 Sunday.
    var officeDays: Set<Int> = []
    var workStart: Int
    var devices: [Device] = []
    var laptop: Int?
    var phone: Int?
    var applications: [Int]
    let hasMFA: Bool
    let auth: AuthMethod
    /// Which of several: a VPN's maker, a satellite's, a cloud.
    let choice: Int
    /// Days on which there are no records, by holiday.
    var silentUntil = -1
    var isSilentFrom = Int.max
    var wasSilent = false
    var journey: Journey?
    var sessions: [OpenSession] = []
    var ended: [EndedSession] = []
    var strikes: [Strike] = []
    /// How busy, around 1.
    let pace: Double

    var knowsDevices: Bool { persona != .agentOnly && persona != .serviceAccount }

    init(
        _ number: Int, persona: Persona, atlas: Atlas, providers: Providers, days: Int, seed: UInt64
    ) {
        var random = SeededRandom(seed, 3, UInt64(number))
        self.number = number
        self.persona = persona
        let digits = String(number)
        id = "u" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        name = "user\(number)@example.com"
        company = Self.company(&random, providers.companies.count)
        let office = providers.companies[company].towns[0]
        let officeCountry = atlas.towns[office].country
        func near(_ town: Int, _ low: Double, _ high: Double, abroad: Bool?) -> Int? {
            let all = atlas.towns.indices.filter {
                let distance = atlas.distance(town, $0)
                return distance >= low && distance <= high
                    && (abroad == nil
                        || (atlas.towns[$0].country != atlas.towns[town].country) == abroad)
            }
            return all.isEmpty ? nil : random.pick(all)
        }
        var town: Int
        switch persona {
        case .egressAbroad:
            town = atlas.town(&random) { $0.country != officeCountry } ?? atlas.town(&random)
        case .splitTunnel:
            town =
                atlas.town(&random) { $0.point.kilometers(to: atlas.towns[office].point) > 300 }
                ?? atlas.town(&random)
        case .ordinary, .nightWorker, .secondHome, .traveller, .movedAddress, .sharedComputer,
            .longAbsence:
            town = near(office, 0, 60, abroad: false) ?? office
        default: town = atlas.town(&random)
        }
        var abroad: Int?
        if persona == .borderCommuter {
            for _ in 0..<60 {
                abroad = near(town, 20, 120, abroad: true)
                if abroad != nil { break }
                town = atlas.town(&random)
            }
        }
        homeTown = town
        country = atlas.towns[town].country
        zone = atlas.towns[town].zone
        func site(_ town: Int, lease: Int) -> Site {
            Site(
                town, atlas.pool(town, &random, avoiding: providers.taken), leaseDays: lease,
                &random)
        }
        home = site(town, lease: random.pick([1, 3, 7, 14, 60, 1000, 1000]))
        switch persona {
        case .borderCommuter:
            other = site(abroad ?? near(town, 20, 120, abroad: nil) ?? town, lease: 1000)
        case .secondHome:
            other = site(near(town, 90, 600, abroad: nil) ?? atlas.town(&random), lease: 14)
        case .movedAddress:
            other = site(
                near(town, 80, 900, abroad: false) ?? near(town, 80, 900, abroad: nil) ?? town,
                lease: 30)
        case .vaguePlace:
            if let vague = atlas.vague[country], !vague.isEmpty {
                other = Site(town, [random.pick(vague)], leaseDays: 30, &random)
            } else {
                // Where the database has no such record: at any town of the country.
                other = site(random.pick(atlas.towns(of: country)), lease: 30)
            }
        default: other = nil
        }
        carrier = random.below(2)
        choice = random.below(1000)
        hasMFA = persona != .serviceAccount && random.chance(0.5)
        auth =
            persona == .serviceAccount
            ? .password
            : random.pick([.password, .password, .password, .password, .sso, .sso, .passkey])
        workStart = random.between(7 * 60, 10 * 60)
        pace = 0.5 + random.unit()
        let usual = [[0, 2], [0, 1], [0, 2, 4], [0, 1, 2], [0, 3]]
        applications = random.pick(usual)
        switch persona {
        case .ordinary, .secondHome, .traveller, .nightWorker, .movedAddress, .longAbsence,
            .borderCommuter:
            let pattern: [Set<Int>] = [
                [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [1, 2, 3], [0, 2], [1, 3],
            ]
            officeDays = random.pick(pattern)
        default: break
        }
        if persona == .nightWorker { workStart = random.pick([22 * 60, 18 * 60, 6 * 60]) }
        makeDevices(&random)
        if persona == .dormant { isSilentFrom = max(4, days / 5) + random.below(max(1, days / 15)) }
        if persona == .longAbsence {
            isSilentFrom = max(3, days / 6)
            silentUntil = isSilentFrom + max(2, days * 3 / 5)
        }
    }

    /// The first company is the largest: a third of all.
    private static func company(_ random: inout SeededRandom, _ count: Int) -> Int {
        random.chance(0.33) ? 0 : random.below(count)
    }

    private func makeDevices(_ random: inout SeededRandom) {
        func add(_ client: Clients) -> Int {
            devices.append(Device(client, &random))
            return devices.count - 1
        }
        switch persona {
        case .serviceAccount:
            laptop = add(random.pick(Clients.tools))
            applications = [random.pick([0, 2])]
        case .mobileOnly: phone = add(random.pick(Clients.phones))
        case .privateRelay:
            laptop = add(.safariMac)
            phone = add(.safariPhone)
        default:
            laptop = add(random.pick(Clients.desktops))
            if random.chance(0.8) { phone = add(random.pick(Clients.phones)) }
        }
    }
}
