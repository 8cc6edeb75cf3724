import SessionModel

/// One leg of a user's that nobody can have travelled, as an alert's evidence tells it.
struct Trip {
    typealias Coordinates = (latitude: Double, longitude: Double)

    var alert: Alert
    var from: Coordinates
    var to: Coordinates
    var fromPlace: String
    var toPlace: String
    var distanceKilometers: Double?
    var elapsedSeconds: Double?
    var speedKilometersPerHour: Double?
    /// Whether the stranger is at the start of the leg: the evidence `stranger` says `from` or, where
    /// it says nothing, the alert's own place is nearer to it.
    var suspectIsAtStart: Bool

    /// Nil when the finding has no leg, or one off the globe.
    init?(_ finding: Finding, of alert: Alert) {
        func number(_ name: String) -> Double? {
            switch finding.evidence.first(where: { $0.name == name })?.value {
            case .number(let value) where value.isFinite: value
            case .integer(let value): Double(value)
            default: nil
            }
        }
        func text(_ name: String) -> String {
            guard case .text(let text)? = finding.evidence.first(where: { $0.name == name })?.value
            else { return "" }
            return text
        }
        func coordinates(_ end: String) -> Coordinates? {
            guard let latitude = number("\(end)_lat"), let longitude = number("\(end)_lon"),
                GeoPoint(latitude: latitude, longitude: longitude) != nil
            else { return nil }
            return (latitude, longitude)
        }
        guard let from = coordinates("from"), let to = coordinates("to") else { return nil }
        self.alert = alert
        self.from = from
        self.to = to
        fromPlace = text("from_place")
        toPlace = text("to_place")
        distanceKilometers = number("distance_km")
        elapsedSeconds = number("elapsed_s")
        speedKilometersPerHour = number("speed_kmh")
        suspectIsAtStart = text("stranger") == "from"
        if text("stranger").isEmpty, let latitude = alert.place.latitude,
            let longitude = alert.place.longitude,
            let here = GeoPoint(latitude: latitude, longitude: longitude),
            let start = GeoPoint(latitude: from.latitude, longitude: from.longitude),
            let end = GeoPoint(latitude: to.latitude, longitude: to.longitude)
        {
            suspectIsAtStart = here.kilometers(to: start) < here.kilometers(to: end)
        }
    }

    /// The legs of the alerts, in their order; any rule whose evidence has both ends counts.
    static func all(in alerts: [Alert], limit: Int) -> (drawn: [Trip], others: Int) {
        var trips: [Trip] = []
        var others = 0
        for alert in alerts {
            for finding in alert.findings {
                guard let trip = Trip(finding, of: alert) else { continue }
                if trips.count < limit { trips.append(trip) } else { others += 1 }
            }
        }
        return (trips, others)
    }
}
