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

    /// The same thing under another kind: a device's track, a network's failures.
    func under(_ kind: FactKind) -> FactKey { FactKey(kind, rawValue) }
}

/// One thing known of a user: that a device, network, place, … was seen, when, how often.
///
/// Every kind shares the part that familiarity is judged by (first, last, days, count) and has six
/// words of its own, read through the views below.
struct Fact: BitwiseCopyable, Sendable {
    /// In event time, milliseconds.
    var first: Int64
    var last: Int64
    /// Sightings.
    var count: UInt32
    /// Distinct days (UTC) with a sighting.
    var days: UInt16
    var flags: Flags
    var spare: UInt8 = 0
    var a: UInt64 = 0
    var b: UInt64 = 0
    var c: UInt64 = 0
    var d: UInt64 = 0
    var e: UInt64 = 0
    var f: UInt64 = 0

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

    /// What one more sighting changes.
    struct Seen: BitwiseCopyable, Sendable {
        var last: Int64
        var count: UInt32
        var days: UInt16
        var spare: UInt16 = 0
    }

    var seen: Seen {
        get { Seen(last: last, count: count, days: days) }
        set { (last, count, days) = (newValue.last, newValue.count, newValue.days) }
    }

    init(firstSeen time: Int64) {
        (first, last, count, days, flags) = (time, time, 1, 1, [])
    }

    /// Counts one more sighting at `time`, not before `last`.
    mutating func see(_ time: Int64) {
        if Timestamp(milliseconds: time).day != Timestamp(milliseconds: last).day, days < .max {
            days &+= 1
        }
        if time > last { last = time }
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
    // device
    var labelText: TextRef {
        get { TextRef(a.low) }
        set { a = pack(newValue.offset, a.high) }
    }
    var idText: TextRef {
        get { TextRef(a.high) }
        set { a = pack(a.low, newValue.offset) }
    }

    // place, track: a = latitude, longitude
    var point: GeoPoint {
        get {
            GeoPoint(checkedLatitude: Float(bitPattern: a.low), longitude: Float(bitPattern: a.high))
        }
        set { a = pack(newValue.latitude.bitPattern, newValue.longitude.bitPattern) }
    }
    // place, track: b = radius, country, text (place: city; track: record)
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
    var recordText: TextRef {
        get { TextRef(b.high) }
        set { b = pack(b.low, newValue.offset) }
    }
    var regionText: TextRef {
        get { TextRef(c.low) }
        set { c = UInt64(newValue.offset) }
    }

    // network: a = asn, kind; b = organisation; session and network: e, f = newest address
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
        get { IPAddress(high: e, low: f) }
        set { (e, f) = (newValue.high, newValue.low) }
    }

    // session: a = id's text (high, as a device's); b, c, d = device, network, place
    // track: c = network, d = session, e = device, f = place
    // alert: a = id, b = group, c = session, d = network, e = device
    // failures: a = burst, b = its start
    var sessionDevice: FactKey {
        get { FactKey(rawValue: b) }
        set { b = newValue.rawValue }
    }
    var sessionNetwork: FactKey {
        get { FactKey(rawValue: c) }
        set { c = newValue.rawValue }
    }
    var sessionPlace: FactKey {
        get { FactKey(rawValue: d) }
        set { d = newValue.rawValue }
    }
    var trackNetwork: FactKey {
        get { FactKey(rawValue: c) }
        set { c = newValue.rawValue }
    }
    var trackSession: FactKey {
        get { FactKey(rawValue: d) }
        set { d = newValue.rawValue }
    }
    var trackDevice: FactKey {
        get { FactKey(rawValue: e) }
        set { e = newValue.rawValue }
    }
    var trackPlace: FactKey {
        get { FactKey(rawValue: f) }
        set { f = newValue.rawValue }
    }
}
