import SessionModel

extension IPAddress {
    /// The address whose place counts: the IPv4 address inside 6to4 (RFC 3056), NAT64's well-known
    /// prefix (RFC 6052) or Teredo (RFC 4380, where it is stored inverted), else the address itself.
    var effective: IPAddress {
        if high >> 32 == 0x0064_ff9b, UInt32(truncatingIfNeeded: high) == 0, low >> 32 == 0 {
            return IPAddress(v4: UInt32(truncatingIfNeeded: low))
        }
        if high >> 32 == 0x2001_0000 { return IPAddress(v4: ~UInt32(truncatingIfNeeded: low)) }
        return unwrapped6to4
    }
}

/// Puts what several databases say of one address together; see `GeoDatabases` for the rules.
struct AddressMerge {
    private(set) var facts = AddressFacts()
    private var flags: NetworkFlags = []
    private var line = NetworkKind.unknown
    private var use = NetworkKind.unknown
    private var provider = TextView()

    /// Which fields a record gave, for `geo lookup`.
    struct Taken {
        var place = false
        var country = false
        var system = false
        var network = false
    }

    /// Records must come best database first.
    @discardableResult
    mutating func add(_ record: GeoRecord) -> Taken {
        var taken = Taken()
        let agrees =
            facts.country.isNone || record.country.isNone || facts.country == record.country
        if !facts.hasPlace, agrees, let point = record.point {
            facts.hasPlace = true
            facts.point = point
            facts.radiusKilometers = record.radiusOrDefault
            facts.city = record.city
            facts.region = record.region
            facts.timeZone = record.timeZone
            taken.place = true
        }
        if facts.country.isNone, !record.country.isNone {
            facts.country = record.country
            taken.country = true
        }
        if facts.asn == 0, record.asn != 0 {
            facts.asn = record.asn
            facts.organization = record.organization
            taken.system = true
        } else if facts.organization.isEmpty, facts.asn == record.asn, !record.organization.isEmpty
        {
            facts.organization = record.organization
            taken.system = true
        }
        if provider.isEmpty { provider = record.provider }
        flags.formUnion(record.flags)
        if line == .unknown { line = record.line }
        if use == .unknown { use = record.use }
        taken.network = !record.flags.isEmpty || record.line != .unknown || record.use != .unknown
        return taken
    }

    mutating func finish() {
        if facts.organization.isEmpty { facts.organization = provider }
        facts.isAnycast = flags.contains(.anycast)
        facts.kind = kind
    }

    /// What hides the person comes before what carries the traffic.
    private var kind: NetworkKind {
        if flags.contains(.tor) { return .tor }
        if flags.contains(.relay) || use == .relay { return .relay }
        if flags.contains(.vpn) { return .vpn }
        if flags.contains(.proxy) { return .proxy }
        if flags.contains(.satellite) || line == .satellite { return .satellite }
        if flags.contains(.hosting) || use == .hosting { return .hosting }
        // Anonymous in a way that the database does not name.
        if flags.contains(.anonymous) { return .proxy }
        if flags.contains(.mobile) || line == .mobile || use == .mobile { return .mobile }
        if line == .corporate || use == .corporate { return .corporate }
        if line == .residential || use == .residential { return .residential }
        return .unknown
    }
}
