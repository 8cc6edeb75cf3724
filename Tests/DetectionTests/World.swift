import SessionModel
import Testing

@testable import Detection

/// Texts that live as long as the test run, for views.
enum Texts {
    static func view(_ text: String) -> TextView {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        copy.update(from: bytes, count: bytes.count)
        return TextView(base: copy, count: bytes.count)
    }
}

/// A place that a made-up sighting is at.
struct Spot: Sendable {
    var city: String
    var country: String
    var latitude: Double
    var longitude: Double
    var radius: UInt16 = 20
    var asn: UInt32
    var network: String
    var kind = NetworkKind.residential

    static let oslo = Spot(
        city: "Oslo", country: "NO", latitude: 59.91, longitude: 10.75, asn: 2119,
        network: "84.208.20.0")
    static let osloOffice = Spot(
        city: "Oslo", country: "NO", latitude: 59.92, longitude: 10.70, asn: 224,
        network: "129.240.10.0", kind: .corporate)
    static let bergen = Spot(
        city: "Bergen", country: "NO", latitude: 60.39, longitude: 5.32, asn: 2119,
        network: "84.208.99.0")
    static let singapore = Spot(
        city: "Singapore", country: "SG", latitude: 1.29, longitude: 103.85, asn: 9506,
        network: "121.6.10.0")
    static let lagos = Spot(
        city: "Lagos", country: "NG", latitude: 6.45, longitude: 3.39, asn: 29465,
        network: "105.112.30.0")
    static let vpn = Spot(
        city: "Amsterdam", country: "NL", latitude: 52.37, longitude: 4.89, asn: 60068,
        network: "185.107.80.0", kind: .vpn)

    static let all = [oslo, osloOffice, bergen, singapore, lagos, vpn]
}

/// The whole set of rules with their default limits.
let defaultRules: [DetectionRule] = [
    DetectionRule(
        id: "impossible-travel", title: "Impossible travel", severity: .high,
        detector: .impossibleTravel, weights: .init(possible: 0.1, likely: 0.55, certain: 0.8),
        rung: .logOutSession),
    DetectionRule(
        id: "unrecognized-device", title: "Unrecognized device", severity: .medium,
        detector: .unrecognizedDevice, weights: .init(possible: 0.1, likely: 0.4, certain: 0.6),
        rung: .logOutSession),
    DetectionRule(
        id: "new-country", title: "New country", severity: .medium, detector: .newCountry,
        weights: .init(possible: 0.08, likely: 0.35, certain: 0.35), rung: .notify),
    DetectionRule(
        id: "session-moved", title: "Session moved", severity: .high, detector: .sessionMoved,
        weights: .init(possible: 0.1, likely: 0.6, certain: 0.85), rung: .logOutSession),
    DetectionRule(
        id: "failures-then-success", title: "Failures, then success", severity: .high,
        detector: .failuresThenSuccess, weights: .init(possible: 0.1, likely: 0.55, certain: 0.75),
        rung: .requirePasswordChange),
]

/// A rule for each detector there is.
let allRules: [DetectionRule] =
    defaultRules
    + DetectorKind.builtIn.filter { kind in !defaultRules.contains { $0.detector == kind } }.map {
        DetectionRule(
            id: $0.rawValue, title: $0.rawValue, severity: .medium, detector: $0,
            weights: .init(possible: 0.08, likely: 0.4, certain: 0.6), rung: .logOutSession)
    }

/// A made-up sighting; hours count from 2026-03-01T00:00:00Z.
func sighting(
    _ id: String, hours: Double, at spot: Spot?, device: String? = "d1", session: String? = nil,
    user: String = "u1", event: EventKind = .login, outcome: Outcome = .success
) -> Sighting {
    var s = Sighting()
    s.record.id = Texts.view(id)
    s.record.time = Timestamp(year: 2026, month: 3, day: 1)
        .adding(milliseconds: Int64((hours * 3_600_000).rounded()))
    s.record.userID = Texts.view(user)
    s.record.event = event
    s.record.outcome = outcome
    if let device {
        s.record.deviceID = Texts.view(device)
        s.client.label = Texts.view("Browser \(device)")
    }
    if let session { s.record.sessionID = Texts.view(session) }
    if let spot {
        s.record.address = IPAddress(spot.network) ?? .none
        s.place.hasPlace = true
        s.place.point =
            GeoPoint(latitude: spot.latitude, longitude: spot.longitude)
            ?? GeoPoint(checkedLatitude: 0, longitude: 0)
        s.place.radiusKilometers = spot.radius
        s.place.country = CountryCode(Texts.view(spot.country))
        s.place.city = Texts.view(spot.city)
        s.place.asn = spot.asn
        s.place.kind = spot.kind
        s.place.organization = Texts.view("AS\(spot.asn)")
    }
    s.computeKeys()
    return s
}

/// One user's life run through a judge; optionally written and read back after each sighting.
final class Run {
    var judge: Judge
    var profile: Profile
    var codec = ProfileCodec()
    var verdicts: [Judge.Verdict] = []

    init(rules: [DetectionRule] = defaultRules, user: String = "u1") {
        judge = Judge(rules: rules)
        let view = Texts.view(user)
        let key = Sighting.userKey(tenant: TextView(), user: view)
        profile = Profile(tenant: TextView(), user: view, userKey: key, rowKey: key)
    }

    func see(_ s: Sighting, savingBetween: Bool = false) throws {
        verdicts.append(withUnsafePointer(to: s) { judge.observe($0, &profile) })
        if savingBetween { try saveAndRestore() }
    }

    func saveAndRestore() throws {
        let bytes = Array(codec.encode(&profile))
        profile.free()
        profile = try decoded(bytes)
        judge.restore(&profile)
    }

    /// All that was said, newest revision of each alert that still stands.
    var standing: [String: Alert] {
        var alerts: [String: Alert] = [:]
        for alert in judge.emitted {
            alerts[alert.id] = alert.status == .retracted ? nil : alert
        }
        return alerts
    }

    var rulesMet: Set<String> { Set(standing.values.flatMap(\.findings).map(\.rule)) }
}

/// Days on one laptop between home and office, so that both are familiar.
func routine(days: Int = 6, device: String = "d1", session: String = "s1") -> [Sighting] {
    (0..<days).flatMap { day in
        [
            sighting(
                "r\(day)a", hours: Double(day) * 24 + 8, at: .oslo, device: device,
                session: "\(session)-\(day)"),
            sighting(
                "r\(day)b", hours: Double(day) * 24 + 10, at: .osloOffice, device: device,
                session: "\(session)-\(day)", event: .activity),
        ]
    }
}

/// A profile from its bytes.
func decoded(_ bytes: [UInt8]) throws -> Profile {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return try ProfileCodec.decode(UnsafeRawBufferPointer(copy))
}
