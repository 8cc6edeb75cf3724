import SessionModel

/// The world map of a report: each trip as a great circle, the suspicious end marked, and a dot for
/// other alerts that have a place. Below it, the trips as a table.
struct TripMap {
    /// Trips with a row and, on the map, a number.
    static let rowLimit = 30
    /// The coasts are of 1:110 million; nearer they are coarse.
    private static let zoomLimit = 4.0

    private let digest: ReportDigest
    private let trips: [Trip]
    private let others: Int
    /// Alerts without a trip, one for each place.
    private let dots: [Alert]
    private let view: SheetView

    init(_ digest: ReportDigest) {
        self.digest = digest
        (trips, others) = Trip.all(in: digest.standing, limit: HTMLReport.tripLimit)
        let travelling = Set(trips.map(\.alert.id))
        var places: Set<String> = []
        dots = digest.standing.filter { alert in
            guard let latitude = alert.place.latitude, let longitude = alert.place.longitude,
                GeoPoint(latitude: latitude, longitude: longitude) != nil,
                !travelling.contains(alert.id), places.count < HTMLReport.tripLimit
            else { return false }
            return places.insert("\(Int(latitude * 10)),\(Int(longitude * 10))").inserted
        }
        var points: [SheetPoint] = []
        for trip in trips {
            for run in GreatCircle.runs(from: trip.from, to: trip.to) {
                points += run.map {
                    MapProjection.point(latitude: $0.latitude, longitude: $0.longitude)
                }
            }
        }
        points += dots.compactMap(Self.point)
        view = SheetView(around: points, zoomLimit: Self.zoomLimit)
    }

    private static func point(_ alert: Alert) -> SheetPoint? {
        guard let latitude = alert.place.latitude, let longitude = alert.place.longitude else {
            return nil
        }
        return MapProjection.point(latitude: latitude, longitude: longitude)
    }

    private func sheet(_ place: Trip.Coordinates) -> SheetPoint {
        view.place(MapProjection.point(latitude: place.latitude, longitude: place.longitude))
    }

    func write(into html: inout HTMLWriter) {
        guard !trips.isEmpty || !dots.isEmpty else { return }
        html.markup("<section class=\"map\"><h2>")
        html.markup(trips.isEmpty ? "Where" : "Trips that nobody can have made")
        html.markup("</h2>\n<svg viewBox=\"0 0 1000 438\" role=\"img\" aria-label=\"")
        html.value(
            "World map with \(Wording.plural(trips.count, "trip")) and "
                + "\(Wording.plural(dots.count, "other place"))")
        html.markup("\">\n<g transform=\"")
        html.value(view.transform)
        html.markup("\"><path class=\"sea\" d=\"")
        html.value(MapProjection.outline)
        html.markup("\"/><path class=\"land\" d=\"")
        html.value(LandOutlines.path)
        html.markup("\"/></g>\n")
        for (index, trip) in trips.enumerated().reversed() { arc(trip, index, into: &html) }
        for dot in dots { self.dot(dot, into: &html) }
        for trip in trips.reversed() { ends(trip, into: &html) }
        labels(into: &html)
        html.markup(
            """
            </svg>
            <p class="key">
            """)
        if !trips.isEmpty {
            html.markup(
                """
                <span class="k1"></span>usual place <span class="k2"></span>suspicious end of a trip, in its severity's colour
                """)
        }
        if !dots.isEmpty { html.markup(" <span class=\"k3\"></span>another alert, likewise") }
        html.markup("</p>\n")
        rows(into: &html)
        html.markup("</section>\n")
    }

    // MARK: - Drawing

    private func arc(_ trip: Trip, _ index: Int, into html: inout HTMLWriter) {
        html.markup("<g><title>")
        html.text(title(trip), limit: 300)
        html.markup("</title><path class=\"arc l")
        html.value(Int(trip.alert.severity.rawValue))
        html.markup("\" d=\"")
        for run in GreatCircle.runs(from: trip.from, to: trip.to) {
            for (step, place) in run.enumerated() {
                let point = sheet(place)
                html.markup(step == 0 ? "M" : "L")
                html.value(point.x)
                html.markup(" ")
                html.value(point.y)
            }
        }
        html.markup("\"/></g>\n")
    }

    private func title(_ trip: Trip) -> String {
        "\(Wording.user(trip.alert)): \(trip.fromPlace) – \(trip.toPlace)"
    }

    private func ends(_ trip: Trip, into html: inout HTMLWriter) {
        let (suspect, usual) =
            trip.suspectIsAtStart ? (trip.from, trip.to) : (trip.to, trip.from)
        circle(sheet(usual), radius: 3.4, className: "usual", into: &html)
        circle(
            sheet(suspect), radius: 9,
            className: "halo f\(trip.alert.severity.rawValue)", into: &html)
        circle(
            sheet(suspect), radius: 4.6, className: "end f\(trip.alert.severity.rawValue)",
            into: &html)
    }

    private func dot(_ alert: Alert, into html: inout HTMLWriter) {
        guard let point = Self.point(alert) else { return }
        html.markup("<g><title>")
        html.text("\(Wording.user(alert)): \(alert.title), \(alert.place.label)", limit: 300)
        html.markup("</title>")
        circle(
            view.place(point), radius: 3.6, className: "dot f\(alert.severity.rawValue)",
            into: &html)
        html.markup("</g>\n")
    }

    private func circle(
        _ center: SheetPoint, radius: Double, className: String, into html: inout HTMLWriter
    ) {
        html.markup("<circle class=\"")
        html.value(className)
        html.markup("\" cx=\"")
        html.value(center.x)
        html.markup("\" cy=\"")
        html.value(center.y)
        html.markup("\" r=\"")
        html.value(radius)
        html.markup("\"/>\n")
    }

    /// Numbers of the trips and names of places, as many as do not cover one another.
    private func labels(into html: inout HTMLWriter) {
        var labels = MapLabels()
        for trip in trips {
            labels.keepClear(sheet(trip.from), radius: 5)
            labels.keepClear(sheet(trip.to), radius: 5)
            for run in GreatCircle.runs(from: trip.from, to: trip.to) {
                labels.avoid(way: run.map(sheet))
            }
        }
        for dot in dots { Self.point(dot).map { labels.keepClear(view.place($0), radius: 4) } }
        for (index, trip) in trips.prefix(Self.rowLimit).enumerated() {
            let run = GreatCircle.runs(from: trip.from, to: trip.to).max { $0.count < $1.count }
            guard let run, let spot = labels.numberSpot(along: run.map(sheet)) else { continue }
            circle(
                spot, radius: 7.5, className: "num f\(trip.alert.severity.rawValue)", into: &html)
            html.markup("<text class=\"num\" text-anchor=\"middle\" x=\"")
            html.value(spot.x)
            html.markup("\" y=\"")
            html.value(spot.y + 3.3)
            html.markup("\">")
            html.value(index + 1)
            html.markup("</text>\n")
        }
        var named: Set<String> = []
        let ends =
            trips.map { $0.suspectIsAtStart ? ($0.from, $0.fromPlace) : ($0.to, $0.toPlace) }
            + trips.map { $0.suspectIsAtStart ? ($0.to, $0.toPlace) : ($0.from, $0.fromPlace) }
        for (index, (place, name)) in ends.enumerated() where named.count < 60 {
            // A country's code after the town says little on a map.
            let short = String(SafeText.visible(name, limit: 28).prefix { $0 != "," })
            guard !short.isEmpty, named.insert(short).inserted,
                let label = labels.place(short, at: sheet(place), gap: index < trips.count ? 9 : 6)
            else { continue }
            html.markup("<text class=\"name\" text-anchor=\"")
            html.value(label.anchor)
            html.markup("\" x=\"")
            html.value(label.point.x)
            html.markup("\" y=\"")
            html.value(label.point.y)
            html.markup("\">")
            html.text(short)
            html.markup("</text>\n")
        }
    }

    // MARK: - Table

    private func rows(into html: inout HTMLWriter) {
        guard !trips.isEmpty else { return }
        html.markup(
            """
            <table class="trips"><thead><tr><th class="n">No.</th><th>User</th><th>From</th>\
            <th>To</th><th class="n">Distance</th><th class="n">Time</th><th class="n">Speed</th>\
            <th>When</th></tr></thead><tbody>

            """)
        for (index, trip) in trips.prefix(Self.rowLimit).enumerated() {
            html.markup("<tr><td class=\"n\"><a class=\"risk s")
            html.value(Int(trip.alert.severity.rawValue))
            html.markup("\"")
            if let anchor = digest.anchor(trip.alert) {
                html.markup(" href=\"#")
                html.value(anchor)
                html.markup("\"")
            }
            html.markup(">")
            html.value(index + 1)
            html.markup("</a></td><td class=\"u\">")
            html.text(Wording.user(trip.alert), limit: 80)
            html.markup("</td>")
            end(trip.fromPlace, isSuspect: trip.suspectIsAtStart, into: &html)
            end(trip.toPlace, isSuspect: !trip.suspectIsAtStart, into: &html)
            html.markup("<td class=\"n\">")
            html.value(trip.distanceKilometers.map { Wording.number($0.rounded()) + " km" } ?? "–")
            html.markup("</td><td class=\"n\">")
            html.value(trip.elapsedSeconds.map { Wording.duration(seconds: $0) } ?? "–")
            html.markup("</td><td class=\"n\">")
            html.value(trip.speedKilometersPerHour.map { Wording.number($0) + " km/h" } ?? "–")
            html.markup("</td><td class=\"t\">")
            html.value(trip.alert.time.humanReadable)
            html.markup("</td></tr>\n")
        }
        html.markup("</tbody></table>\n")
        let left = trips.count - min(trips.count, Self.rowLimit)
        if left + others > 0 {
            html.markup("<p class=\"q\">And ")
            html.value(Wording.plural(left + others, "trip"))
            html.markup(" more; the map shows ")
            html.value(Wording.count(trips.count))
            html.markup(" of them all.</p>\n")
        }
    }

    private func end(_ place: String, isSuspect: Bool, into html: inout HTMLWriter) {
        html.markup(isSuspect ? "<td class=\"p sus\">" : "<td class=\"p\">")
        html.text(place.isEmpty ? "–" : place, limit: 80)
        html.markup("</td>")
    }
}
