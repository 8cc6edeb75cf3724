import Enrichment
import SessionModel

/// A town of the GeoIP database: addresses that it puts at one place.
struct Town {
    var country: CountryCode
    var point: GeoPoint
    /// Whole hours east of UTC, by longitude: near enough for a day's rhythm.
    var zone: Int
    /// First addresses of /24 networks.
    var prefixes: [UInt32]
}

/// Where a world's people live and go, as the GeoIP databases in use see it. Made from samples of the
/// address space, so that every place is one that the database will name.
struct Atlas {
    private(set) var towns: [Town] = []
    /// Towns of each country with at least three, countries in order of their codes.
    private(set) var countries: [(code: CountryCode, towns: [Int])] = []
    /// Networks placed at a whole country (a radius above 300 km), by country.
    private(set) var vague: [CountryCode: [UInt32]] = [:]
    /// Networks that the databases themselves call hosting, vpn, ….
    private(set) var known: [NetworkKind: [UInt32]] = [:]
    /// Each town as often as it has networks, so that large ones are drawn more often.
    private var weighted: [Int] = []
    private let enricher: AddressEnricher

    /// Addresses to be placed; some 10⁴ towns cost a tenth of a second.
    static let sampleCount = 12_000
    /// A radius that stands for a country rather than a town, in km.
    static let vagueKilometers: UInt16 = 300

    init(_ databases: GeoDatabases, seed: UInt64) throws(EvaluationError) {
        enricher = AddressEnricher(databases)
        var random = SeededRandom(seed, 1)
        var cells: [String: [UInt32]] = [:]
        var facts: [String: AddressFacts] = [:]
        var found = 0
        for _ in 0..<Self.sampleCount * 50 where found < Self.sampleCount {
            let prefix = UInt32(random.between(1 << 16, 224 << 16 - 1)) << 8
            let seen = enricher.facts(for: IPAddress(v4: prefix | 77))
            guard seen.hasPlace, !seen.country.isNone, !seen.isAnycast else { continue }
            switch seen.kind {
            case .unknown, .residential, .mobile, .corporate, .sharedEgress: break
            default:
                known[seen.kind, default: []].append(prefix)
                continue
            }
            if seen.radiusKilometers > Self.vagueKilometers {
                vague[seen.country, default: []].append(prefix)
                continue
            }
            found += 1
            let key =
                "\(seen.country)|\(Int(seen.point.latitude * 4))|\(Int(seen.point.longitude * 4))"
            cells[key, default: []].append(prefix)
            if facts[key] == nil { facts[key] = seen }
        }
        for key in cells.keys.sorted() {
            guard let seen = facts[key], let prefixes = cells[key] else { continue }
            towns.append(
                Town(
                    country: seen.country, point: seen.point,
                    zone: Int((seen.point.longitude / 15).rounded()), prefixes: prefixes))
        }
        for (i, town) in towns.enumerated() {
            weighted += Array(repeating: i, count: town.prefixes.count)
        }
        let byCountry = Dictionary(grouping: towns.indices) { towns[$0].country }
        countries = byCountry.filter { $0.value.count >= 3 }
            .sorted { $0.key.rawValue < $1.key.rawValue }
            .map { (code: $0.key, towns: $0.value.sorted()) }
        guard countries.count >= 4, towns.count >= 40 else { throw .noPlaces(found: found) }
    }

    /// Large towns more often; nil `where` takes any.
    func town(_ random: inout SeededRandom, tries: Int = 400, where fits: (Town) -> Bool) -> Int? {
        for _ in 0..<tries {
            let index = weighted[random.below(weighted.count)]
            if fits(towns[index]) { return index }
        }
        return nil
    }

    func town(_ random: inout SeededRandom) -> Int { weighted[random.below(weighted.count)] }

    func towns(of country: CountryCode) -> [Int] {
        countries.first { $0.code == country }?.towns
            ?? towns.indices.filter {
                towns[$0].country == country
            }
    }

    func distance(_ a: Int, _ b: Int) -> Double {
        towns[a].point.kilometers(to: towns[b].point)
    }

    /// The /24 networks around one of the town's, which an access provider hands out there.
    func pool(
        _ town: Int, _ random: inout SeededRandom, most: Int = 6, avoiding: Set<UInt32> = []
    ) -> [UInt32] {
        func isThere(_ prefix: UInt32) -> Bool {
            let seen = enricher.facts(for: IPAddress(v4: prefix | 77))
            return !avoiding.contains(prefix) && seen.isLocated
                && seen.country == towns[town].country
                && seen.point.kilometers(to: towns[town].point) < 40
        }
        func around(_ prefix: UInt32, _ reach: UInt32) -> [UInt32] {
            (1...reach).flatMap { [prefix &+ $0 << 8, prefix &- $0 << 8] }
        }
        let own = towns[town].prefixes
        let free = own.filter { !avoiding.contains($0) }
        // Where others have all that was sampled, the town may have more next to it.
        let first =
            free.isEmpty
            ? own.lazy.flatMap { around($0, 32) }.first(where: isThere) ?? random.pick(own)
            : random.pick(free)
        var pool = [first]
        for next in around(first, 8) where pool.count < most && isThere(next) { pool.append(next) }
        return pool
    }
}
