import SessionModel

/// What a rule of a team's own can ask of a record: each field of the native record, and what the
/// databases and the user agent tell.
public enum RecordField: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case recordID = 1
    case event
    case outcome
    case userID
    case userName
    case sessionID
    case deviceID
    case address
    case networkPrefix
    case userAgent
    case application
    case authMethod
    case tenant
    case country
    case region
    case city
    case timeZone
    case latitude
    case longitude
    case radius
    case asn
    case organization
    case networkKind
    case client
    case clientFamily
    case clientSystem
    case clientForm
    case hour
    case minute
    case weekday
    case day
    case week
    case month
    case year
    case timeOfDay

    /// How the values of a field are compared.
    public enum Shape: Sendable, Equatable {
        /// Text of the record or of a database.
        case text
        /// One of a set of words.
        case word
        case number
        case address
        /// Minutes of a day, as ranges: `22:00-06:00`.
        case clock
        /// An address's /24 or /48: a key, nothing to compare with.
        case key
    }

    /// The field's name in this project, then what others call it (ECS where it has a word).
    public var names: [String] {
        switch self {
        case .recordID: ["id", "event.id"]
        case .event: ["event", "event.action"]
        case .outcome: ["outcome", "event.outcome"]
        case .userID: ["user.id"]
        case .userName: ["user.name"]
        case .sessionID: ["session.id"]
        case .deviceID: ["device.id"]
        case .address: ["ip", "source.ip"]
        case .networkPrefix: ["network.prefix"]
        case .userAgent: ["user_agent", "user_agent.original"]
        case .application: ["application", "service.name"]
        case .authMethod: ["auth.method"]
        case .tenant: ["tenant", "organization.id"]
        case .country: ["country", "place.country", "source.geo.country_iso_code"]
        case .region: ["region", "place.region", "source.geo.region_name"]
        case .city: ["city", "place.city", "source.geo.city_name"]
        case .timeZone: ["place.time_zone", "source.geo.timezone"]
        case .latitude: ["place.latitude", "source.geo.location.lat"]
        case .longitude: ["place.longitude", "source.geo.location.lon"]
        case .radius: ["place.radius_km"]
        case .asn: ["asn", "network.asn", "source.as.number"]
        case .organization:
            ["organization", "network.organization", "source.as.organization.name"]
        case .networkKind: ["network.kind"]
        case .client: ["device.label"]
        case .clientFamily: ["client.family", "user_agent.name"]
        case .clientSystem: ["client.os", "user_agent.os.name"]
        case .clientForm: ["client.form", "user_agent.device.name"]
        case .hour: ["hour"]
        case .minute: ["minute"]
        case .weekday: ["weekday"]
        case .day: ["day"]
        case .week: ["week"]
        case .month: ["month"]
        case .year: ["year"]
        case .timeOfDay: ["time_of_day"]
        }
    }

    public var name: String { names[0] }

    /// A field by any of its names.
    public init?(name: String) {
        guard let field = RecordField.allCases.first(where: { $0.names.contains(name) }) else {
            return nil
        }
        self = field
    }

    public static let allNames: [String] = allCases.flatMap(\.names)

    public var shape: Shape {
        switch self {
        case .recordID, .userID, .userName, .sessionID, .deviceID, .userAgent, .application,
            .tenant, .country, .region, .city, .timeZone, .organization, .client, .clientFamily,
            .clientSystem:
            .text
        case .event, .outcome, .authMethod, .networkKind, .clientForm, .weekday: .word
        case .latitude, .longitude, .radius, .asn, .hour, .minute, .day, .week, .month, .year:
            .number
        case .address: .address
        case .networkPrefix: .key
        case .timeOfDay: .clock
        }
    }

    /// The words of a field of words, each at its raw value.
    public var words: [String] {
        switch self {
        case .event: EventKind.allCases.map(\.name)
        case .outcome: Outcome.allCases.map(\.name)
        case .authMethod: AuthMethod.allCases.map(\.name)
        case .networkKind: NetworkKind.allCases.map(\.name)
        case .clientForm: FormFactor.allCases.map(\.name)
        case .weekday:
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        default: []
        }
    }

    /// Whether it depends on a time zone.
    public var isOfClock: Bool {
        switch self {
        case .hour, .minute, .weekday, .day, .week, .month, .year, .timeOfDay: true
        default: false
        }
    }

    /// What a number may be.
    public var range: ClosedRange<Double> {
        switch self {
        case .latitude: -90...90
        case .longitude: -180...180
        case .radius: 0...65_535
        case .asn: 1...4_294_967_295
        case .hour: 0...23
        case .minute: 0...59
        case .day: 1...31
        case .week: 1...53
        case .month: 1...12
        case .year: 2000...9999
        default: -1e15...1e15
        }
    }

    /// About how dear it is to look at, for the order of a condition's parts.
    var cost: Int {
        switch shape {
        case .word: 1
        case .number: isOfClock ? 3 : 2
        case .clock: 3
        case .address: 4
        case .text, .key: self == .country ? 2 : 8
        }
    }
}

// MARK: - Values

/// Which clock a rule's hours are of.
public enum ClockZone: Sendable, Equatable {
    case utc
    /// Minutes east of Greenwich, -840 through 840.
    case offset(Int)
    /// Of the place that the databases give; without one the record has no hours.
    case local
}

extension RecordField {
    /// The text of a field of that shape; empty when the record has none.
    @inline(__always)
    func text(_ s: UnsafePointer<Sighting>) -> TextView {
        switch self {
        case .recordID: s.pointee.record.id
        case .userID: s.pointee.record.userID
        case .userName: s.pointee.record.userName
        case .sessionID: s.pointee.record.sessionID
        case .deviceID: s.pointee.record.deviceID
        case .userAgent: s.pointee.record.userAgent
        case .application: s.pointee.record.application
        case .tenant: s.pointee.record.tenant
        case .country: CountryText.view(s.pointee.place.country)
        case .region: s.pointee.place.region
        case .city: s.pointee.place.city
        case .timeZone: s.pointee.place.timeZone
        case .organization: s.pointee.place.organization
        case .client: s.pointee.client.label
        case .clientFamily: Self.split(s.pointee.client.label).family
        case .clientSystem: Self.split(s.pointee.client.label).system
        default: TextView()
        }
    }

    /// `Chrome on Windows`: what stands before and after the last ` on `.
    private static func split(_ label: TextView) -> (family: TextView, system: TextView) {
        guard let base = label.base, label.count >= 4 else { return (label, TextView()) }
        var i = label.count - 4
        while i >= 0 {
            if base[i] == 0x20, base[i + 1] == 0x6F, base[i + 2] == 0x6E, base[i + 3] == 0x20 {
                return (
                    TextView(base: base, count: i),
                    TextView(base: base + i + 4, count: label.count - i - 4)
                )
            }
            i -= 1
        }
        return (label, TextView())
    }

    /// The raw value of a field of words: its place in `words`. -1: the record has no such time.
    @inline(__always)
    func word(_ s: UnsafePointer<Sighting>, _ zone: ClockZone) -> Int {
        switch self {
        case .event: Int(s.pointee.record.event.rawValue)
        case .outcome: Int(s.pointee.record.outcome.rawValue)
        case .authMethod: Int(s.pointee.record.auth.rawValue)
        case .networkKind: Int(s.pointee.place.kind.rawValue)
        case .clientForm: Int(s.pointee.client.form.rawValue)
        case .weekday: CivilTime(s, zone)?.weekday ?? -1
        default: -1
        }
    }

    /// The number of a field of numbers, or the minute of the day; nil when the record has none.
    @inline(__always)
    func number(_ s: UnsafePointer<Sighting>, _ zone: ClockZone) -> Double? {
        switch self {
        case .asn: return s.pointee.place.asn == 0 ? nil : Double(s.pointee.place.asn)
        case .latitude:
            return s.pointee.place.hasPlace ? Double(s.pointee.place.point.latitude) : nil
        case .longitude:
            return s.pointee.place.hasPlace ? Double(s.pointee.place.point.longitude) : nil
        case .radius:
            return s.pointee.place.hasPlace ? Double(s.pointee.place.radiusKilometers) : nil
        default:
            guard isOfClock, let time = CivilTime(s, zone) else { return nil }
            switch self {
            case .hour: return Double(time.hour)
            case .minute: return Double(time.minute)
            case .timeOfDay: return Double(time.hour * 60 + time.minute)
            case .day: return Double(time.date.day)
            case .month: return Double(time.date.month)
            case .year: return Double(time.date.year)
            case .week: return Double(time.week)
            default: return nil
            }
        }
    }

    /// Whether the record says anything of it. (A word `unknown` says nothing.)
    @inline(__always)
    func exists(_ s: UnsafePointer<Sighting>, _ zone: ClockZone) -> Bool {
        switch shape {
        case .text: return !text(s).isEmpty
        case .address, .key: return !s.pointee.record.address.isNone
        case .number, .clock: return number(s, zone) != nil
        case .word:
            let word = word(s, zone)
            return self == .event || self == .weekday ? word >= 0 : word > 0
        }
    }

    /// Two independent hashes of the value; nil when the record has none.
    func hash(_ s: UnsafePointer<Sighting>, _ zone: ClockZone) -> (UInt64, UInt64)? {
        func spread(_ value: UInt64, _ more: UInt64 = 0) -> (UInt64, UInt64) {
            (mix(mix(value, 0xA5), more), mix(mix(more, 0x5A), value))
        }
        guard exists(s, zone) else { return nil }
        switch shape {
        case .text: return text(s).hashPair(domain: HashDomain.text)
        case .address:
            return spread(s.pointee.record.address.high, s.pointee.record.address.low)
        case .key:
            let prefix = s.pointee.record.address.networkPrefix
            return spread(prefix.high, prefix.low)
        case .word: return spread(UInt64(word(s, zone)))
        case .number, .clock: return number(s, zone).map { spread($0.bitPattern) }
        }
    }
}

/// All two-letter codes side by side, so that a country can be looked at as text.
enum CountryText {
    private nonisolated(unsafe) static let bytes: UnsafeMutablePointer<UInt8> = {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 26 * 26 * 2)
        for i in 0..<26 * 26 {
            bytes[2 * i] = 0x41 + UInt8(i / 26)
            bytes[2 * i + 1] = 0x41 + UInt8(i % 26)
        }
        return bytes
    }()

    static func view(_ code: CountryCode) -> TextView {
        let (first, second) = (Int(code.rawValue >> 8) - 0x41, Int(code.rawValue & 255) - 0x41)
        guard (0..<26).contains(first), (0..<26).contains(second) else { return TextView() }
        return TextView(base: bytes + 2 * (first * 26 + second), count: 2)
    }
}

/// A record's time on a wall's clock. Days and months after Hinnant, "chrono-compatible low-level date
/// algorithms" (civil_from_days).
struct CivilTime {
    /// Since 1970, of that clock.
    private let days: Int
    private let seconds: Int

    /// Nil where the clock is the place's and that is not known.
    init?(_ s: UnsafePointer<Sighting>, _ zone: ClockZone) {
        var offset = 0
        switch zone {
        case .utc: break
        case .offset(let minutes): offset = minutes * 60
        case .local:
            guard s.pointee.utcOffsetSeconds != Sighting.unknownOffset else { return nil }
            offset = Int(s.pointee.utcOffsetSeconds)
        }
        self.init(milliseconds: s.pointee.record.time.milliseconds, offsetSeconds: offset)
    }

    init(milliseconds: Int64, offsetSeconds: Int) {
        var whole = Int(milliseconds / 1000)
        if milliseconds % 1000 < 0 { whole -= 1 }
        whole += offsetSeconds
        var days = whole / 86_400
        if whole % 86_400 < 0 { days -= 1 }
        self.days = days
        seconds = whole - days * 86_400
    }

    var hour: Int { seconds / 3600 }
    var minute: Int { seconds / 60 % 60 }
    /// From Monday, 0: the first of January 1970 was a Thursday.
    var weekday: Int { ((days + 3) % 7 + 7) % 7 }

    var date: (year: Int, month: Int, day: Int) { Self.date(days) }

    private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// Of the year, by ISO 8601: the week with the year's first Thursday is 1.
    var week: Int {
        let thursday = days - weekday + 3
        let year = Self.date(thursday).year
        var first = thursday
        while first - 7 >= thursday - 371, Self.date(first - 7).year == year { first -= 7 }
        return (thursday - first) / 7 + 1
    }
}
