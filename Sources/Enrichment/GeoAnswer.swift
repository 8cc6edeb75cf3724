public import SessionModel

/// What `geo lookup` shows of an address: the facts, and which database gave which of them.
public struct GeoAnswer: Sendable, Equatable {
    /// What one database holds of the address.
    public struct Source: Sendable, Equatable {
        public var path: String
        /// The maker's name of the database.
        public var type: String
        /// `81.2.69.0/24`.
        public var network: String
        /// What the record holds, in reading order: `country`, `city`, `latitude`, ….
        public var fields: [Field]
        /// Which parts of the answer are from here: `place`, `country`, `autonomous system`,
        /// `network kind`.
        public var gave: [String]
        /// The record or the tree is damaged there, and nothing of it is used.
        public var isDamaged: Bool
    }

    public struct Field: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    public var address: IPAddress
    /// The IPv4 address inside a 6to4, NAT64 or Teredo address, else the address.
    public var effectiveAddress: IPAddress
    public var place: Place
    public var timeZone: String
    public var network: Network
    public var isAnycast: Bool
    /// Whether travel may be judged from here.
    public var isLocated: Bool
    /// The user's list names it.
    public var isListed: Bool
    public var sources: [Source]
}

extension GeoDatabases {
    /// Asks all databases for one address, without caches: for a person, not for the hot path.
    public func lookup(_ address: IPAddress) -> GeoAnswer {
        let effective = address.effective
        let facts = AddressEnricher(self).facts(for: address)
        var answer = GeoAnswer(
            address: address, effectiveAddress: effective,
            place: Place(
                city: facts.city.string, region: facts.region.string,
                country: facts.country.description,
                latitude: facts.hasPlace ? Double(facts.point.latitude) : nil,
                longitude: facts.hasPlace ? Double(facts.point.longitude) : nil,
                radiusKilometers: facts.hasPlace ? Int(facts.radiusKilometers) : nil),
            timeZone: facts.timeZone.string,
            network: Network(
                address: address.description, asn: facts.asn,
                organization: facts.organization.string, kind: facts.kind),
            isAnycast: facts.isAnycast, isLocated: facts.isLocated,
            isListed: lists.find(effective) != nil, sources: [])
        guard !effective.isSpecialPurpose, !effective.isNone else { return answer }
        var merge = AddressMerge()
        for database in used {
            switch database.find(effective) {
            case .nothing: continue
            case .damaged:
                answer.sources.append(Self.damaged(database, network: ""))
            case .hit(let hit):
                let network = effective.network(prefixLength: hit.prefixLength)
                let record = database.record(at: hit.offset)
                guard !record.isDamaged else {
                    answer.sources.append(Self.damaged(database, network: network))
                    continue
                }
                let taken = merge.add(record)
                answer.sources.append(
                    GeoAnswer.Source(
                        path: database.path, type: database.metadata.databaseType,
                        network: network, fields: record.fields,
                        gave: [
                            taken.place ? "place" : nil, taken.country ? "country" : nil,
                            taken.system ? "autonomous system" : nil,
                            taken.network ? "network kind" : nil,
                        ].compactMap { $0 }, isDamaged: false))
            }
        }
        return answer
    }

    private static func damaged(_ database: GeoDatabase, network: String) -> GeoAnswer.Source {
        GeoAnswer.Source(
            path: database.path, type: database.metadata.databaseType, network: network, fields: [],
            gave: [], isDamaged: true)
    }
}

extension IPAddress {
    /// `81.2.69.0/24`: the address's network of that length.
    func network(prefixLength: Int) -> String {
        let bits = isV4 ? prefixLength + 96 : prefixLength
        let start = IPAddress(
            high: bits >= 64 ? high : bits <= 0 ? 0 : high & .max << UInt64(64 - bits),
            low: bits <= 64 ? 0 : low & .max << UInt64(128 - bits))
        return "\(start)/\(prefixLength)"
    }
}

extension GeoRecord {
    fileprivate var fields: [GeoAnswer.Field] {
        var fields: [GeoAnswer.Field] = []
        func add(_ name: String, _ value: String) {
            if !value.isEmpty { fields.append(GeoAnswer.Field(name: name, value: value)) }
        }
        add("country", country.description)
        add("region", region.string)
        add("city", city.string)
        if latitude.isFinite, longitude.isFinite {
            add("latitude", "\(latitude)")
            add("longitude", "\(longitude)")
        }
        if radius > 0 { add("radius_km", "\(radius)") }
        add("time_zone", timeZone.string)
        if asn != 0 { add("asn", "AS\(asn)") }
        add("organization", organization.string)
        add("provider", provider.string)
        if line != .unknown { add("line", line.name) }
        if use != .unknown { add("use", use.name) }
        let named: [(NetworkFlags, String)] = [
            (.anonymous, "anonymous"), (.vpn, "vpn"), (.hosting, "hosting"), (.proxy, "proxy"),
            (.tor, "tor"), (.relay, "relay"), (.satellite, "satellite"), (.mobile, "mobile"),
            (.anycast, "anycast"),
        ]
        add("flags", named.filter { flags.contains($0.0) }.map(\.1).joined(separator: ", "))
        return fields
    }
}
