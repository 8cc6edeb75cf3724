import SessionModel

/// What a fact is about. The raw value is the top byte of its key and is stored.
enum FactKind: UInt8, Sendable, CaseIterable {
    case device = 1
    case network = 2
    case provider = 3
    case place = 4
    case country = 5
    case session = 6
    /// A device's newest sighting at a place that means something: the near end of the next trip.
    case track = 7
    /// Failed sign-ins from one network.
    case failures = 8
    case alert = 9
    /// The newest change of password, recovery address or second factor; see `FactKey`.
    case credential = 11
    /// At which hours the user is seen.
    case habit = 12

    /// The most that one profile keeps; the one used longest ago makes room.
    var limit: Int {
        switch self {
        case .device: 16
        case .network: 24
        case .provider: 12
        case .place: 16
        case .country: 12
        case .session: 12
        case .track: 8
        case .failures: 6
        case .alert: 12
        case .credential: 3
        case .habit: 1
        }
    }
}

/// The name of a fact in a profile: 56 bits of a hash under the kind.
struct FactKey: Hashable, Sendable, BitwiseCopyable {
    let rawValue: UInt64
    init(rawValue: UInt64) { self.rawValue = rawValue }
    init(_ kind: FactKind, _ hash: UInt64) {
        rawValue = hash & 0x00FF_FFFF_FFFF_FFFF | UInt64(kind.rawValue) &<< 56
    }

    /// Nothing is known: an absent device, session, place.
    static let none = FactKey(rawValue: 0)
    var isNone: Bool { rawValue == 0 }
    var kind: FactKind? { FactKind(rawValue: UInt8(rawValue &>> 56)) }

    /// The one fact of the hours at which a user is seen.
    static let hours = FactKey(.habit, 1)
    /// Second factors that were refused, whatever the network.
    static let refusedFactors = FactKey(.failures, 0x4D46_41)
    /// The newest event of a kind that changes credentials.
    static func credential(_ event: EventKind) -> FactKey {
        FactKey(.credential, UInt64(event.rawValue))
    }

    /// The autonomous system; where no database tells it, the address's `providerPrefix` stands for one.
    static func provider(asn: UInt32, _ address: IPAddress) -> FactKey {
        if asn != 0 { return FactKey(.provider, mix(UInt64(asn), 5)) }
        if address.isNone { return .none }
        let prefix = address.providerPrefix
        return FactKey(.provider, mix(mix(prefix.high, prefix.low), 6))
    }

    /// A device that was told by its id rather than by its client; see `Sighting.deviceHash`.
    var isOfID: Bool { rawValue & 1 == 1 }

    /// The same thing under another kind: a device's track, a network's failures.
    func under(_ kind: FactKind) -> FactKey { FactKey(kind, rawValue) }
}

/// One thing known of a user: that a device, network, place, … was seen, when, how often.
///
/// Every kind shares the part that familiarity is judged by (first, last, days, count) and has a text
/// and five words of its own, read through the views below. 64 bytes, a line of the cache.
struct Fact: BitwiseCopyable, Sendable {
    /// Last time in 48 bits, days in 16.
    private var lastWord: UInt64 = 0
    /// First time in 48 bits, flags in 8.
    private var firstWord: UInt64 = 0
    /// Sightings. (A track has its radius and country here, a session the uses of an hour: `runCount`.)
    var count: UInt32 = 1
    private var text: UInt32 = 0
    var a: UInt64 = 0
    var b: UInt64 = 0
    var c: UInt64 = 0
    var d: UInt64 = 0
    var e: UInt64 = 0

    struct Flags: OptionSet, BitwiseCopyable, Sendable {
        let rawValue: UInt8
        init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The user's first device, network, place: the owner's by definition.
        static let founding = Flags(rawValue: 1)
        /// An alert named it.
        static let suspect = Flags(rawValue: 2)
        /// The session was logged out.
        static let ended = Flags(rawValue: 4)
    }

    init(firstSeen time: Int64) {
        first = time
        last = time
        days = 1
    }

    private static let timeMask: UInt64 = 0x0000_FFFF_FFFF_FFFF

    /// In event time, milliseconds; 48 bits reach 4459 years from 1970 either way.
    var last: Int64 {
        get { Int64(bitPattern: lastWord &<< 16) &>> 16 }
        set {
            lastWord = lastWord & ~Fact.timeMask | UInt64(bitPattern: newValue) & Fact.timeMask
        }
    }

    var first: Int64 {
        get { Int64(bitPattern: firstWord &<< 16) &>> 16 }
        set {
            firstWord = firstWord & ~Fact.timeMask | UInt64(bitPattern: newValue) & Fact.timeMask
        }
    }

    /// Distinct days (UTC) with a sighting.
    var days: UInt16 {
        get { UInt16(truncatingIfNeeded: lastWord &>> 48) }
        set { lastWord = lastWord & Fact.timeMask | UInt64(newValue) &<< 48 }
    }

    var flags: Flags {
        get { Flags(rawValue: UInt8(truncatingIfNeeded: firstWord &>> 48)) }
        set {
            firstWord = firstWord & 0xFF00_FFFF_FFFF_FFFF | UInt64(newValue.rawValue) &<< 48
        }
    }

    /// What one more sighting changes.
    struct Seen: BitwiseCopyable, Sendable {
        fileprivate var lastWord: UInt64
        fileprivate var count: UInt32
        fileprivate var spare: UInt32 = 0
    }

    var seen: Seen {
        get { Seen(lastWord: lastWord, count: count) }
        set { (lastWord, count) = (newValue.lastWord, newValue.count) }
    }

    /// Counts one more sighting at `time`, not before `last`.
    mutating func see(_ time: Int64) {
        let last = last
        if Timestamp(milliseconds: time).day != Timestamp(milliseconds: last).day, days < .max {
            days &+= 1
        }
        if time > last { self.last = time }
        if count < .max { count &+= 1 }
    }
}

func pack(_ low: UInt32, _ high: UInt32) -> UInt64 {
    UInt64(low) | UInt64(high) &<< 32
}

extension UInt64 {
    var low: UInt32 { UInt32(truncatingIfNeeded: self) }
    var high: UInt32 { UInt32(truncatingIfNeeded: self &>> 32) }
}

// MARK: - What the words mean, kind by kind

extension Fact {
    // device: a = label, id; b = client (see `StoredSighting.clientHash`) that the label is of
    var clientHash: UInt32 {
        get { b.low }
        set { b = UInt64(newValue) }
    }
    var labelText: TextRef {
        get { TextRef(a.low) }
        set { a = pack(newValue.offset, a.high) }
    }
    var deviceText: TextRef {
        get { TextRef(a.high) }
        set { a = pack(a.low, newValue.offset) }
    }

    // place, track: a = latitude, longitude
    var point: GeoPoint {
        get {
            GeoPoint(
                checkedLatitude: Float(bitPattern: a.low), longitude: Float(bitPattern: a.high))
        }
        set { a = pack(newValue.latitude.bitPattern, newValue.longitude.bitPattern) }
    }
    // place: b = radius, country, city; c = region
    var radius: UInt16 {
        get { UInt16(truncatingIfNeeded: b) }
        set { b = b & ~0xFFFF | UInt64(newValue) }
    }
    var country: CountryCode {
        get { CountryCode(rawValue: UInt16(truncatingIfNeeded: b &>> 16)) }
        set { b = b & ~0xFFFF_0000 | UInt64(newValue.rawValue) &<< 16 }
    }
    var cityText: TextRef {
        get { TextRef(b.high) }
        set { b = pack(b.low, newValue.offset) }
    }
    var regionText: TextRef {
        get { TextRef(c.low) }
        set { c = UInt64(newValue.offset) }
    }

    // network: a = asn, kind; b = organisation; session and network: d, e = newest address
    var asn: UInt32 {
        get { a.low }
        set { a = pack(newValue, a.high) }
    }
    var networkKind: NetworkKind {
        get { NetworkKind(rawValue: UInt8(truncatingIfNeeded: a.high)) ?? .unknown }
        set { a = pack(a.low, UInt32(newValue.rawValue)) }
    }
    var organizationText: TextRef {
        get { TextRef(b.low) }
        set { b = UInt64(newValue.offset) }
    }
    var address: IPAddress {
        get { IPAddress(high: d, low: e) }
        set { (d, e) = (newValue.high, newValue.low) }
    }

    // session: text = id; a, b, c = device, network, place
    var sessionText: TextRef {
        get { TextRef(text) }
        set { text = newValue.offset }
    }
    var sessionDevice: FactKey {
        get { FactKey(rawValue: a) }
        set { a = newValue.rawValue }
    }
    var sessionNetwork: FactKey {
        get { FactKey(rawValue: b) }
        set { b = newValue.rawValue }
    }
    var sessionPlace: FactKey {
        get { FactKey(rawValue: c) }
        set { c = newValue.rawValue }
    }

    // track: a = point, text = record, count = radius and country; b, c, d, e = network, session,
    // device, place
    var recordText: TextRef {
        get { TextRef(text) }
        set { text = newValue.offset }
    }
    var trackRadius: UInt16 {
        get { UInt16(truncatingIfNeeded: count) }
        set { count = count & 0xFFFF_0000 | UInt32(newValue) }
    }
    var trackCountry: CountryCode {
        get { CountryCode(rawValue: UInt16(truncatingIfNeeded: count &>> 16)) }
        set { count = count & 0xFFFF | UInt32(newValue.rawValue) &<< 16 }
    }
    var trackNetwork: FactKey {
        get { FactKey(rawValue: b) }
        set { b = newValue.rawValue }
    }
    var trackSession: FactKey {
        get { FactKey(rawValue: c) }
        set { c = newValue.rawValue }
    }
    var trackDevice: FactKey {
        get { FactKey(rawValue: d) }
        set { d = newValue.rawValue }
    }
    var trackPlace: FactKey {
        get { FactKey(rawValue: e) }
        set { e = newValue.rawValue }
    }

    // failures: a = how many in a row, b = since when
    var burst: UInt64 {
        get { a }
        set { a = newValue }
    }
    var burstStart: Int64 {
        get { Int64(bitPattern: b) }
        set { b = UInt64(bitPattern: newValue) }
    }

    // session: eight bits of the client it was begun with, beside the flags; 0 when not known
    var sessionClient: UInt8 {
        get { UInt8(truncatingIfNeeded: firstWord &>> 56) }
        set { firstWord = firstWord & 0x00FF_FFFF_FFFF_FFFF | UInt64(newValue) &<< 56 }
    }

    // credential: a, b, c = device, network, session (as a session's device, network, place)

    // habit: d = the newest place; e = when it last was another far away, and how often in a row
    var newestPlace: FactKey {
        get { FactKey(rawValue: d) }
        set { d = newValue.rawValue }
    }
    var placeChanged: Int64 {
        get { Int64(bitPattern: e &<< 16) &>> 16 }
        set { e = e & ~Fact.timeMask | UInt64(bitPattern: newValue) & Fact.timeMask }
    }
    var placeChanges: UInt16 {
        get { UInt16(truncatingIfNeeded: e &>> 48) }
        set { e = e & Fact.timeMask | UInt64(newValue) &<< 48 }
    }

    // habit: a, b, c = sightings by hour of the day (UTC), eight bits each
    func hourCount(_ hour: Int) -> Int {
        let word = hour < 8 ? a : hour < 16 ? b : c
        return Int(UInt8(truncatingIfNeeded: word &>> UInt64((hour & 7) * 8)))
    }

    /// Counts an hour; all are halved when one is full, so that habits of long ago fade.
    mutating func countHour(_ hour: Int) {
        if hourCount(hour) == 255 {
            a = a &>> 1 & 0x7F7F_7F7F_7F7F_7F7F
            b = b &>> 1 & 0x7F7F_7F7F_7F7F_7F7F
            c = c &>> 1 & 0x7F7F_7F7F_7F7F_7F7F
        }
        let one = 1 as UInt64 &<< UInt64((hour & 7) * 8)
        if hour < 8 { a &+= one } else if hour < 16 { b &+= one } else { c &+= one }
    }

    // alert: a = id, b = group, c = session, d = network, e = device
}
