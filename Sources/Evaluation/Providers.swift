import SessionModel

/// Some networks that belong together: a carrier, a cloud, a company's exit.
struct Provider {
    var name: String
    var kind: NetworkKind
    /// First addresses of /24 networks, with the town that the database puts them in.
    var prefixes: [UInt32]
    var towns: [Int]
    /// Addresses used in each network: few where thousands share an exit.
    var hosts = 250
    /// Whether the list of networks names it.
    var isListed = true

    /// An address in the network at `index`.
    func address(_ index: Int, _ draw: UInt64) -> UInt32 {
        prefixes[index % prefixes.count] | UInt32(2 + draw % UInt64(hosts))
    }
}

/// Everybody's networks beside the homes.
struct Providers {
    /// By country, as in `Atlas.countries`: their addresses are placed all over the country.
    var carriers: [CountryCode: [Provider]] = [:]
    var companies: [Provider] = []
    var clouds: [Provider] = []
    var vpns: [Provider] = []
    var relays: [Provider] = []
    var satellites: [Provider] = []
    var tor: [Provider] = []
    var proxies: [Provider] = []
    /// All their networks, where nobody lives.
    private(set) var taken: Set<UInt32> = []

    static let cloudCount = 8
    static let vpnCount = 5

    init(_ atlas: Atlas, users: Int, seed: UInt64) {
        var random = SeededRandom(seed, 2)
        for country in atlas.countries {
            carriers[country.code] = (0..<2).map { number in
                var towns: [Int] = []
                for _ in 0..<min(14, country.towns.count * 2) {
                    towns.append(random.pick(country.towns))
                }
                return Provider(
                    name: "\(country.code) Mobile \(number + 1)", kind: .mobile,
                    prefixes: towns.map { random.pick(atlas.towns[$0].prefixes) }, towns: towns)
            }
        }
        var used: Set<UInt32> = []
        /// Networks in as many towns, those first that the databases know as of this kind.
        func spread(
            _ name: String, _ kind: NetworkKind, _ count: Int, hosts: Int = 250, listed: Bool = true
        ) -> Provider {
            var towns: [Int] = []
            var prefixes: [UInt32] = []
            let known = atlas.known[kind] ?? []
            for _ in 0..<count {
                // Two providers in one network would be one.
                for attempt in 0..<50 {
                    let town = atlas.town(&random)
                    let prefix = random.pick(known.count >= 30 ? known : atlas.towns[town].prefixes)
                    guard used.insert(prefix).inserted || attempt == 49 else { continue }
                    towns.append(town)
                    prefixes.append(prefix)
                    break
                }
            }
            return Provider(
                name: name, kind: kind, prefixes: prefixes, towns: towns, hosts: hosts,
                isListed: listed)
        }
        for i in 1...Self.cloudCount {
            clouds.append(spread("Cloud \(i)", .hosting, random.between(6, 24), listed: i != 8))
        }
        for i in 1...Self.vpnCount {
            vpns.append(spread("VPN \(i)", .vpn, 40, hosts: 60, listed: i != 5))
        }
        for i in 1...3 { satellites.append(spread("Satellite \(i)", .satellite, 10)) }
        tor.append(spread("Tor exits", .tor, 60, hosts: 3))
        for i in 1...2 { proxies.append(spread("Proxy \(i)", .proxy, 25, hosts: 40)) }
        // A relay keeps to the country of its user, in many networks.
        for country in atlas.countries {
            let towns = (0..<min(12, country.towns.count * 2)).map { _ in random.pick(country.towns)
            }
            relays.append(
                Provider(
                    name: "Relay \(country.code)", kind: .relay,
                    prefixes: towns.map { random.pick(atlas.towns[$0].prefixes) }, towns: towns))
        }
        // The first company has a third of the employees, and is not on the list.
        for i in 1...max(3, users / 120) {
            let town = atlas.town(&random)
            let pool = atlas.pool(town, &random, most: 2, avoiding: used)
            used.formUnion(pool)
            companies.append(
                Provider(
                    name: "Company \(i)", kind: .corporate, prefixes: pool,
                    towns: pool.map { _ in town }, hosts: random.between(1, 6),
                    isListed: i % 2 == 0))
        }
        let mobile = carriers.values.flatMap { $0 }
        taken = Set((all + mobile).flatMap(\.prefixes))
    }

    private var all: [Provider] {
        tor + proxies + vpns + relays + satellites + companies + clouds
    }

    /// The list of networks, in the form that `--networks` reads. Some providers are missing from it,
    /// as in life.
    func list() -> String {
        var text = "# Networks of a simulated world.\n"
        var seen: Set<UInt32> = []
        let mobile = carriers.keys.sorted { $0.rawValue < $1.rawValue }.flatMap {
            carriers[$0] ?? []
        }
        for provider in all + mobile where provider.isListed {
            for prefix in provider.prefixes.sorted() where seen.insert(prefix).inserted {
                text += "\(IPAddress(v4: prefix))/24 \(provider.kind.name) \(provider.name)\n"
            }
        }
        return text
    }
}
