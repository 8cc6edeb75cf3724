/// What kind of network an address belongs to. The raw values are stored.
@frozen public enum NetworkKind: UInt8, CaseIterable, Sendable {
    case unknown = 0
    case residential = 1
    case mobile = 2
    case corporate = 3
    case hosting = 4
    case vpn = 5
    case tor = 6
    case proxy = 7
    case relay = 8
    case satellite = 9
    case sharedEgress = 10
    /// Private, CGNAT, documentation and the like: at no place by definition.
    case specialPurpose = 11

    public var name: String {
        switch self {
        case .unknown: "unknown"
        case .residential: "residential"
        case .mobile: "mobile"
        case .corporate: "corporate"
        case .hosting: "hosting"
        case .vpn: "vpn"
        case .tor: "tor"
        case .proxy: "proxy"
        case .relay: "relay"
        case .satellite: "satellite"
        case .sharedEgress: "shared_egress"
        case .specialPurpose: "special_purpose"
        }
    }

    /// Whether the place of such an address says where the person is.
    @inlinable public var placeIsMeaningful: Bool {
        switch self {
        case .vpn, .tor, .proxy, .relay, .satellite, .sharedEgress, .corporate, .specialPurpose:
            false
        case .unknown, .residential, .mobile, .hosting: true
        }
    }
}

/// An ISO 3166-1 alpha-2 code in two bytes; 0 is none.
@frozen public struct CountryCode: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static let none = CountryCode(rawValue: 0)

    /// Returns `none` unless it is two ASCII letters; lower case is raised.
    public init(_ text: TextView) {
        guard text.count == 2, let p = text.base else { self = .none; return }
        let (a, b) = (p[0] & ~0x20, p[1] & ~0x20)
        guard (0x41...0x5A).contains(a), (0x41...0x5A).contains(b) else { self = .none; return }
        rawValue = UInt16(a) << 8 | UInt16(b)
    }

    @inlinable public var isNone: Bool { rawValue == 0 }

    public var description: String {
        isNone
            ? ""
            : String(decoding: [UInt8(rawValue >> 8), UInt8(rawValue & 255)], as: UTF8.self)
    }
}

/// What the databases know of an address. The texts live as long as the enricher's cache says:
/// at least until the chunk that they were looked up for is done.
@frozen public struct AddressFacts: BitwiseCopyable, @unchecked Sendable {
    /// Meaningful only when `hasPlace`.
    public var point = GeoPoint(checkedLatitude: 0, longitude: 0)
    /// The accuracy radius in km: the circle that holds the true place in about 67 % of cases.
    public var radiusKilometers: UInt16 = 0
    public var country = CountryCode.none
    /// 0 when unknown.
    public var asn: UInt32 = 0
    public var kind = NetworkKind.unknown
    /// Whether there are coordinates. False for special-purpose and unknown addresses, and then there
    /// is no travel judgement, never (0, 0).
    public var hasPlace = false
    /// The same address is announced from several places (MaxMind's `is_anycast`).
    public var isAnycast = false
    /// English; empty when unknown.
    public var city = TextView()
    /// The first subdivision's English name or code; empty when unknown.
    public var region = TextView()
    public var organization = TextView()
    /// The IANA zone's name; empty when unknown.
    public var timeZone = TextView()

    @inlinable public init() {}

    /// Whether travel may be judged from here.
    @inlinable public var isLocated: Bool { hasPlace && kind.placeIsMeaningful && !isAnycast }
}

/// Form of a device, as far as a user agent tells. The raw values are stored.
@frozen public enum FormFactor: UInt8, CaseIterable, Sendable {
    case unknown = 0
    case desktop = 1
    case phone = 2
    case tablet = 3
    case tv = 4
    case bot = 5
    case tool = 6

    public var name: String {
        switch self {
        case .unknown: "unknown"
        case .desktop: "desktop"
        case .phone: "phone"
        case .tablet: "tablet"
        case .tv: "tv"
        case .bot: "bot"
        case .tool: "tool"
        }
    }
}

/// What a user agent says, without versions, so that an update is not a new device.
@frozen public struct ClientFacts: BitwiseCopyable, @unchecked Sendable {
    /// Key of (scheme version, client family, OS family, form factor); 0 when nothing is known.
    public var key: UInt64 = 0
    public var form = FormFactor.unknown
    /// For a person: `Chrome on Windows`. Empty when nothing is known.
    public var label = TextView()

    @inlinable public init() {}
}

/// A record with its place, network and device worked out. Lives as long as its chunk.
@frozen public struct Sighting: BitwiseCopyable, @unchecked Sendable {
    public var record = Record()
    public var place = AddressFacts()
    public var client = ClientFacts()
    /// SipHash of tenant and user id: where the profile is.
    public var userKey: UInt64 = 0
    /// A second hash of the same, so that both together are no other user's.
    public var userCheck: UInt64 = 0
    /// What two copies of one record share: SipHash of its id, else of its bytes.
    public var recordKey: UInt64 = 0
    /// SipHash of the session id; 0 when there is none.
    public var sessionHash: UInt64 = 0
    /// The device: the lowest bit tells a hash of the device id (1) from a client's key (0), which
    /// are never compared. 0 when nothing is known.
    public var deviceHash: UInt64 = 0
    /// Order among all records of the run, for output that does not depend on threads.
    public var sequence: UInt64 = 0
    /// What the organisation as a whole knows of where it came from.
    public var source = SourceFacts()
    /// Which of a team's own rules it fits, a bit each.
    public var matched: UInt64 = 0
    /// 0; in a copy for what such a rule counts by, the rule's number and 1: `userKey` is the key's then.
    public var keyRule: UInt8 = 0
    /// Of the place's clock, east of Greenwich, at the record's time; worked out only where a rule asks.
    public var utcOffsetSeconds = Sighting.unknownOffset

    public static let unknownOffset = Int32.min

    @inlinable public init() {}
}

/// What the records of all users together tell of one sighting's source. All zero: nothing.
@frozen public struct SourceFacts: Equatable, BitwiseCopyable, Sendable {
    /// How rare the provider, country, client and network kind are among all users, as of an hour
    /// that is past for good: −log₂ of their share, in steps of 1, at most 15; 0 when not known.
    public var providerRarity: UInt8 = 0
    public var countryRarity: UInt8 = 0
    public var clientRarity: UInt8 = 0
    public var kindRarity: UInt8 = 0
    /// Other users whose sign-ins failed from the same prefix, and from the same provider, within the
    /// same six hours or those before; at most 255.
    public var prefixFailures: UInt8 = 0
    public var providerFailures: UInt8 = 0
    /// Other users that signed in on the same device; at most 5.
    public var deviceUsers: UInt8 = 0
    /// 1 when the prefix is one that many users come from.
    public var isShared: UInt8 = 0

    @inlinable public init() {}
}

extension Sighting {
    /// Works out the keys from the record and what enrichment found. About 50 ns.
    @inlinable public mutating func computeKeys() {
        (userKey, userCheck) = record.userID.hashPair(
            domain: Sighting.userDomain(tenant: record.tenant))
        recordKey =
            record.id.isEmpty ? record.contentHash : record.id.hash(domain: HashDomain.record)
        sessionHash =
            record.sessionID.isEmpty ? 0 : record.sessionID.hash(domain: HashDomain.session) | 1
        deviceHash =
            record.deviceID.isEmpty
            ? client.key & ~1 : record.deviceID.hash(domain: HashDomain.deviceID) | 1
    }

    /// Where the profile of a user is.
    @inlinable public static func userKey(tenant: TextView, user: TextView) -> UInt64 {
        user.hash(domain: userDomain(tenant: tenant))
    }

    /// The second hash of the same: `userCheck`.
    @inlinable public static func userCheck(tenant: TextView, user: TextView) -> UInt64 {
        user.hashPair(domain: userDomain(tenant: tenant)).1
    }

    @inlinable static func userDomain(tenant: TextView) -> UInt64 {
        tenant.isEmpty ? HashDomain.user : tenant.hash(domain: HashDomain.user)
    }
}
