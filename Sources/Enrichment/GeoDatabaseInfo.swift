public import SessionModel

/// What kind of answers a database gives.
public enum GeoDatabaseKind: String, Sendable, CaseIterable {
    case enterprise
    case city
    case isp
    case asn
    case country
    case connectionType = "connection-type"
    case anonymousIP = "anonymous-ip"
    /// Several of these in one, as IPinfo's files.
    case mixed
    /// Nothing that is of use here (domains, postal codes, user counts).
    case other
}

/// What records hold, gathered from those that were looked at.
struct GeoContents {
    var hasPoint = false
    var hasCity = false
    var hasCountry = false
    var hasSystem = false
    var hasLine = false
    var hasFlags = false

    mutating func note(_ record: GeoRecord) {
        hasPoint = hasPoint || record.point != nil
        hasCity = hasCity || !record.city.isEmpty
        hasCountry = hasCountry || !record.country.isNone
        hasSystem = hasSystem || record.asn != 0 || !record.organization.isEmpty
        hasLine = hasLine || record.line != .unknown || record.use != .unknown
        hasFlags = hasFlags || !record.flags.subtracting(.anycast).isEmpty
    }
}

/// What `geo info` shows of a database.
public struct GeoDatabaseInfo: Sendable, Equatable {
    public var path: String
    /// The maker's name of it: `GeoLite2-City`.
    public var type: String
    public var kind: GeoDatabaseKind
    /// In English; empty when it has none.
    public var description: String
    /// When the data were made; nil when the file does not say.
    public var buildTime: Timestamp?
    /// 4 or 6.
    public var ipVersion: Int
    /// Of the search tree; about as many as it has networks.
    public var nodeCount: Int
    public var bytes: Int
    /// The reduced database that comes with Lastseen.
    public var isBundled: Bool
    /// Places are of merged networks: good for countries and distances, not for cities.
    public var isCoarse: Bool
    /// Whether lookups ask it. Not when a newer one of its kind was found, or it has nothing to say.
    public var isUsed: Bool
    /// Why it is not used; empty when it is.
    public var reason: String
    /// What showing its data asks for; empty when nothing is known to be asked.
    public var attribution: String

    /// Whole days between the data's making and `now`, at least 0.
    public func ageInDays(at now: Timestamp) -> Int? {
        buildTime.map { max(0, Int(now.day) - Int($0.day)) }
    }

    /// What a person should do about its age or coarseness; nil when nothing.
    public func advice(at now: Timestamp) -> String? {
        let age = ageInDays(at: now)
        if isCoarse {
            return "This is the reduced database that comes with Lastseen"
                + (age.map { ", its data \($0) days old" } ?? "")
                + ". For true cities use a full one (DB-IP City Lite and GeoLite2 City are free): name "
                + "it with --geo, or let geoipupdate fetch it, whose files are found by themselves."
        }
        guard let age, age > Self.staleDays else { return nil }
        return
            "Its data are \(age) days old. Addresses move; fetch a newer one, as geoipupdate does."
    }

    /// MaxMind's licence asks for updates within this many days.
    public static let staleDays = 30
}

extension GeoDatabase {
    /// Of its name, and of its contents where the name is not known.
    var kind: GeoDatabaseKind {
        let type = metadata.databaseType.lowercased()
        func names(_ word: String) -> Bool { type.contains(word) }
        if type.hasPrefix("ipinfo") { return contents.isUseful ? .mixed : .other }
        if names("enterprise") { return .enterprise }
        if names("anonymous") || names("ip-risk") { return .anonymousIP }
        if names("connection-type") { return .connectionType }
        if names("city") { return .city }
        if names("isp") { return .isp }
        if names("asn") { return .asn }
        if names("country") { return .country }
        let c = contents
        switch (c.hasPoint, c.hasCountry, c.hasSystem, c.hasLine || c.hasFlags) {
        case (true, _, false, false): return .city
        case (false, true, false, false): return .country
        case (false, false, true, false): return .asn
        case (false, false, false, true): return c.hasFlags ? .anonymousIP : .connectionType
        case (false, false, false, false): return .other
        default: return .mixed
        }
    }

    /// Made by `GeoReducer`.
    var isCoarse: Bool { metadata.databaseType == GeoReducer.databaseType }

    /// The line that the maker's licence asks to show.
    var attribution: String {
        let type = metadata.databaseType.lowercased()
        if isCoarse || type.hasPrefix("dbip") {
            return "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"
        }
        if type.hasPrefix("geolite2") {
            return "This product includes GeoLite2 data created by MaxMind, available from "
                + "https://www.maxmind.com"
        }
        if type.hasPrefix("geoip") { return "GeoIP data by MaxMind (https://www.maxmind.com)" }
        if type.hasPrefix("ipinfo") {
            return "IP address data powered by IPinfo (https://ipinfo.io)"
        }
        return ""
    }

    /// What the file says of itself; `isUsed` is decided by those who use several.
    public var info: GeoDatabaseInfo {
        GeoDatabaseInfo(
            path: path, type: metadata.databaseType, kind: kind, description: metadata.description,
            buildTime: metadata.buildTime, ipVersion: metadata.ipVersion,
            nodeCount: metadata.nodeCount, bytes: fileSize, isBundled: false, isCoarse: isCoarse,
            isUsed: true, reason: "", attribution: attribution)
    }
}

extension GeoContents {
    var isUseful: Bool { hasPoint || hasCountry || hasSystem || hasLine || hasFlags }
}
