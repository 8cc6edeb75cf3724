import SessionModel

/// What a database says of the use of a network, as bits.
struct NetworkFlags: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    static let anonymous = NetworkFlags(rawValue: 1)
    static let vpn = NetworkFlags(rawValue: 2)
    static let hosting = NetworkFlags(rawValue: 4)
    static let proxy = NetworkFlags(rawValue: 8)
    static let tor = NetworkFlags(rawValue: 16)
    static let relay = NetworkFlags(rawValue: 32)
    static let satellite = NetworkFlags(rawValue: 64)
    static let mobile = NetworkFlags(rawValue: 128)
    static let anycast = NetworkFlags(rawValue: 256)
}

/// The fields that matter of one data record of any of the databases; the texts lie in the mapped
/// file and live as long as the database is open.
struct GeoRecord: BitwiseCopyable {
    var latitude = Double.nan
    var longitude = Double.nan
    /// Kilometres; 0 when the record has none.
    var radius: UInt16 = 0
    var country = CountryCode.none
    var flags: NetworkFlags = []
    var asn: UInt32 = 0
    /// From the connection type: the line.
    var line = NetworkKind.unknown
    /// From the user type: the customer.
    var use = NetworkKind.unknown
    /// The bytes contradict the format: nothing of the record is used.
    var isDamaged = false
    var city = TextView()
    var region = TextView()
    var organization = TextView()
    /// Of the line's owner, when the autonomous system has no name.
    var provider = TextView()
    var timeZone = TextView()

    static let damaged: GeoRecord = {
        var record = GeoRecord()
        record.isDamaged = true
        return record
    }()

    /// Radius of a record with a city and without a radius, km (DESIGN 6).
    static let cityRadius: UInt16 = 50
    /// Radius of a record that has coordinates but no city: a country's or region's centre.
    static let countryRadius: UInt16 = 500

    /// The place, if the record has one: both coordinates on the globe, and not (0, 0) without a
    /// city, which is what converters write for "unknown".
    var point: GeoPoint? {
        guard let point = GeoPoint(latitude: latitude, longitude: longitude),
            latitude != 0 || longitude != 0 || !city.isEmpty
        else { return nil }
        return point
    }

    var radiusOrDefault: UInt16 {
        radius > 0 ? radius : city.isEmpty ? Self.countryRadius : Self.cityRadius
    }
}

/// Half of the Earth's circumference in km: no two places are farther apart.
let greatestRadius: UInt64 = 20_038

extension GeoRecord {
    /// Texts are cut to this many bytes; the longest real city name is about 90.
    private static let textLimit = 128

    /// Reads the record at `offset` of the data section, in one pass.
    ///
    /// Fields are known by their names, nested as MaxMind and DB-IP write them or flat as IPinfo and
    /// converters do, whatever the database calls itself. Names that are not known are skipped, a
    /// known name of an unexpected type too.
    init(base: UnsafePointer<UInt8>, end: Int, offset: Int) {
        var cursor = MMDBCursor(base: base, end: end, offset: offset)
        self.init()
        guard let top = cursor.next() else {
            self = .damaged
            return
        }
        // Some files hold bare values; they are whole, and say nothing to us.
        guard top.type == MMDBType.map else { return }
        let isWhole = cursor.eachPair(of: top) { key, cursor in take(key, &cursor) }
        if !isWhole { self = .damaged }
    }

    private mutating func take(_ key: TextView, _ cursor: inout MMDBCursor) -> Bool {
        switch key.count {
        case 2 where key == "as", 3 where key == "geo":
            // IPinfo's newer files nest: geo{…}, as{asn, name, domain, type}.
            return nested(&cursor) { key, value, record, cursor in
                if key == "name" {
                    record.organization = Self.text(value, cursor)
                } else if key == "type" {
                    record.use = Self.networkUse(cursor, value)
                } else {
                    record.takeScalar(key, value, cursor)
                }
            }
        case 4 where key == "city":
            guard let value = cursor.next() else { return false }
            return Self.englishName(value, &cursor, &city)
        case 6 where key == "traits":
            return nested(&cursor) { key, value, record, cursor in
                record.takeScalar(key, value, cursor)
            }
        case 7 where key == "country":
            return nested(
                &cursor,
                scalar: { value, record, cursor in
                    record.takeCountry(value, cursor)
                },
                { key, value, record, cursor in
                    if key == "iso_code" { record.takeCountry(value, cursor) }
                })
        case 8 where key == "location":
            return nested(&cursor) { key, value, record, cursor in
                record.takeScalar(key, value, cursor)
            }
        case 9 where key == "continent":
            return cursor.skip(depth: MMDBCursor.depthLimit)
        case 12 where key == "subdivisions":
            return takeSubdivisions(&cursor)
        default:
            guard let value = cursor.next() else { return false }
            guard !value.isContainer else { return Self.leave(value, &cursor) }
            takeScalar(key, value, cursor)
            return true
        }
    }

    /// The fields that are plain values, wherever they stand.
    private mutating func takeScalar(_ key: TextView, _ value: MMDBValue, _ cursor: MMDBCursor) {
        func text() -> TextView { Self.text(value, cursor) }
        func flag(_ flag: NetworkFlags) { if cursor.flag(value) { flags.insert(flag) } }
        switch key.count {
        case 3:
            if key == "lat" {
                latitude = cursor.real(value) ?? .nan
            } else if key == "lng" || key == "lon" {
                longitude = cursor.real(value) ?? .nan
            } else if key == "asn" {
                asn = Self.systemNumber(value, cursor)
            } else if key == "isp" {
                provider = text()
            } else if key == "vpn" {
                flag(.vpn)
            } else if key == "tor" {
                flag(.tor)
            }
        case 4:
            if key == "city" { city = text() }
        case 5:
            if key == "relay" { flag(.relay) } else if key == "proxy" { flag(.proxy) }
        case 6:
            if key == "region" || key == "state1" {
                region = text()
            } else if key == "radius" {
                radius = Self.kilometers(value, cursor)
            } else if key == "is_vpn" {
                flag(.vpn)
            } else if key == "is_tor" {
                flag(.tor)
            }
        case 7:
            if key == "as_name" {
                organization = text()
            } else if key == "as_type" {
                use = Self.networkUse(cursor, value)
            } else if key == "hosting" {
                flag(.hosting)
            } else if key == "country" {
                takeCountry(value, cursor)
            }
        case 8:
            if key == "latitude" {
                latitude = cursor.real(value) ?? .nan
            } else if key == "is_proxy" {
                flag(.proxy)
            } else if key == "is_relay" {
                flag(.relay)
            } else if key == "timezone" {
                timeZone = text()
            }
        case 9:
            if key == "longitude" {
                longitude = cursor.real(value) ?? .nan
            } else if key == "time_zone" {
                timeZone = text()
            } else if key == "user_type" {
                use = Self.networkUse(cursor, value)
            } else if key == "is_mobile" {
                flag(.mobile)
            }
        case 10:
            if key == "is_anycast" {
                flag(.anycast)
            } else if key == "is_hosting" {
                flag(.hosting)
            }
        case 12:
            if key == "country_code" {
                takeCountry(value, cursor)
            } else if key == "organization" {
                if provider.isEmpty { provider = text() }
            } else if key == "is_anonymous" {
                flag(.anonymous)
            } else if key == "is_satellite" {
                flag(.satellite)
            }
        case 15:
            if key == "accuracy_radius" {
                radius = Self.kilometers(value, cursor)
            } else if key == "connection_type" {
                line = Self.lineKind(Self.text(value, cursor))
            } else if key == "is_public_proxy" {
                flag(.proxy)
            }
        case 16:
            if key == "is_anonymous_vpn" {
                flag(.vpn)
            } else if key == "is_tor_exit_node" {
                flag(.tor)
            }
        default:
            if key == "is_hosting_provider" {
                flag(.hosting)
            } else if key == "is_residential_proxy" {
                flag(.proxy)
            } else if key == "is_anonymous_proxy" {
                flag(.anonymous)
            } else if key == "is_satellite_provider" {
                flag(.satellite)
            } else if key == "autonomous_system_number" {
                asn = Self.systemNumber(value, cursor)
            } else if key == "autonomous_system_organization" {
                organization = text()
            }
        }
    }

    // MARK: Shapes

    /// A map, each of whose plain values goes to `body`; or a plain value, which goes to `scalar`.
    @inline(__always) private mutating func nested(
        _ cursor: inout MMDBCursor,
        scalar: (MMDBValue, inout GeoRecord, MMDBCursor) -> Void = { _, _, _ in },
        _ body: (TextView, MMDBValue, inout GeoRecord, MMDBCursor) -> Void
    ) -> Bool {
        guard let value = cursor.next() else { return false }
        guard value.type == MMDBType.map else {
            if !value.isContainer { scalar(value, &self, cursor) }
            return Self.leave(value, &cursor)
        }
        return cursor.eachPair(of: value) { key, cursor in
            guard let child = cursor.next() else { return false }
            guard !child.isContainer else { return Self.leave(child, &cursor) }
            body(key, child, &self, cursor)
            return true
        }
    }

    /// The first, which is the largest: its English name, else its code.
    private mutating func takeSubdivisions(_ cursor: inout MMDBCursor) -> Bool {
        guard let list = cursor.next() else { return false }
        guard list.type == MMDBType.array, list.size > 0 else { return Self.leave(list, &cursor) }
        let behind = cursor.offset
        if list.isIndirect { cursor.offset = list.start }
        guard let first = cursor.next(), Self.englishName(first, &cursor, &region) else {
            return false
        }
        if list.isIndirect {
            cursor.offset = behind
            return true
        }
        for _ in 1..<list.size {
            guard cursor.skip(depth: MMDBCursor.depthLimit) else { return false }
        }
        return true
    }

    /// Of `{names: {en: …}, iso_code: …}` the name, else the code; or plain text.
    private static func englishName(
        _ value: MMDBValue, _ cursor: inout MMDBCursor, _ found: inout TextView
    ) -> Bool {
        if value.type == MMDBType.string {
            found = text(value, cursor)
            return true
        }
        guard value.type == MMDBType.map else { return leave(value, &cursor) }
        var code = TextView()
        var name = TextView()
        let isWhole = cursor.eachPair(of: value) { key, cursor in
            guard let child = cursor.next() else { return false }
            if key == "names", child.type == MMDBType.map {
                return cursor.eachPair(of: child) { language, cursor in
                    guard let text = cursor.next() else { return false }
                    if language == "en" { name = Self.text(text, cursor) }
                    return leave(text, &cursor)
                }
            }
            if key == "iso_code" { code = Self.text(child, cursor) }
            return leave(child, &cursor)
        }
        found = name.isEmpty ? code : name
        return isWhole
    }

    /// Steps over the children of a value that is of no use.
    private static func leave(_ value: MMDBValue, _ cursor: inout MMDBCursor) -> Bool {
        guard value.isContainer, !value.isIndirect else { return true }
        for _ in 0..<(value.type == MMDBType.map ? value.size * 2 : value.size) {
            guard cursor.skip(depth: MMDBCursor.depthLimit) else { return false }
        }
        return true
    }

    // MARK: Values

    private static func text(_ value: MMDBValue, _ cursor: MMDBCursor) -> TextView {
        guard value.type == MMDBType.string else { return TextView() }
        let text = cursor.text(value).prefix(textLimit)
        return text.isCleanUTF8 ? text : TextView()
    }

    /// A code in `country` only when it has two letters: IPinfo Lite has the name there.
    private mutating func takeCountry(_ value: MMDBValue, _ cursor: MMDBCursor) {
        guard value.type == MMDBType.string, value.size == 2 else { return }
        let code = CountryCode(cursor.text(value))
        // Codes that name no country: unknown (ZZ, XX), and the older EU and AP for a continent.
        if cursor.text(value) == "ZZ" || cursor.text(value) == "XX"
            || cursor.text(value) == "EU" || cursor.text(value) == "AP"
        {
            return
        }
        if !code.isNone { country = code }
    }

    private static func kilometers(_ value: MMDBValue, _ cursor: MMDBCursor) -> UInt16 {
        UInt16(min(cursor.unsigned(value) ?? 0, greatestRadius))
    }

    /// A number, or `AS64500`.
    private static func systemNumber(_ value: MMDBValue, _ cursor: MMDBCursor) -> UInt32 {
        if let number = cursor.unsigned(value) { return UInt32(exactly: number) ?? 0 }
        guard value.type == MMDBType.string, value.size >= 3, value.size <= 12 else { return 0 }
        let bytes = cursor.text(value).bytes
        guard bytes[0] | 0x20 == 0x61, bytes[1] | 0x20 == 0x73 else { return 0 }
        var number: UInt64 = 0
        for byte in bytes[2...] {
            guard byte >= 0x30, byte <= 0x39 else { return 0 }
            number = number * 10 + UInt64(byte - 0x30)
        }
        return UInt32(exactly: number) ?? 0
    }

    /// MaxMind's connection types.
    private static func lineKind(_ text: TextView) -> NetworkKind {
        if text == "Cable/DSL" || text == "Dialup" { return .residential }
        if text == "Cellular" { return .mobile }
        if text == "Corporate" { return .corporate }
        if text == "Satellite" { return .satellite }
        return .unknown
    }

    /// MaxMind's `user_type` and IPinfo's `as_type`. A café, a hotel and a router say nothing.
    private static func networkUse(_ cursor: MMDBCursor, _ value: MMDBValue) -> NetworkKind {
        let word = text(value, cursor)
        if word == "residential" || word == "dialup" { return .residential }
        if word == "cellular" { return .mobile }
        if word == "hosting" || word == "content_delivery_network"
            || word == "search_engine_spider"
        {
            return .hosting
        }
        if word == "business" || word == "college" || word == "education" || word == "government"
            || word == "library" || word == "military" || word == "school"
        {
            return .corporate
        }
        if word == "consumer_privacy_network" { return .relay }
        return .unknown
    }
}
