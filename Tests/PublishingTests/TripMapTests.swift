import SessionModel
import Testing

@testable import Publishing

struct TripMapTests {
    @Test("the projection's fixed points")
    func projection() {
        let origin = MapProjection.point(latitude: 0, longitude: 0)
        #expect(origin.x == 500)
        #expect(abs(MapProjection.point(latitude: 0, longitude: 180).x - 1000) < 1e-9)
        #expect(abs(MapProjection.point(latitude: 0, longitude: -180).x) < 1e-9)
        #expect(abs(MapProjection.point(latitude: 84, longitude: 0).y) < 1e-9)
        let south = MapProjection.point(latitude: -58, longitude: 0).y
        #expect(abs(south - MapProjection.height) < 0.5)
        // PROJ's own test of natearth, on a sphere of 6400 km: 2° E 1° N.
        let scale = 1000 / (2 * 0.8707 * Double.pi) / 6_400_000
        let point = MapProjection.point(latitude: 1, longitude: 2)
        #expect(abs(point.x - 500 - 194_507.265257889 * scale) < 1e-9)
        let equator = MapProjection.point(latitude: 0, longitude: 0).y
        #expect(abs(equator - point.y - 112_508.737358295 * scale) < 1e-9)
    }

    @Test("a way stays on the globe, is made of small steps, and is as long as the distance")
    func greatCircles() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let a = (
                latitude: Double.random(in: -85...85, using: &random),
                longitude: Double.random(in: -180...180, using: &random)
            )
            let b = (
                latitude: Double.random(in: -85...85, using: &random),
                longitude: Double.random(in: -180...180, using: &random)
            )
            let runs = GreatCircle.runs(from: a, to: b)
            #expect(runs.count <= 2, "seed \(seed)")
            let points = runs.joined().compactMap {
                GeoPoint(latitude: $0.latitude, longitude: $0.longitude)
            }
            #expect(points.count == runs.joined().count, "seed \(seed)")
            var length = 0.0
            for (p, q) in zip(points, points.dropFirst()) { length += p.kilometers(to: q) }
            let direct = points[0].kilometers(to: points[points.count - 1])
            // The corner at the antimeridian is interpolated, which adds a little near the poles.
            #expect(length < direct * 1.05 + 60, "seed \(seed): \(a) \(b)")
            for run in runs {
                for (p, q) in zip(run, run.dropFirst()) {
                    #expect(abs(p.longitude - q.longitude) <= 180, "seed \(seed)")
                }
            }
        }
    }

    static let odd: [((Double, Double), (Double, Double), Int)] = [
        ((0, 0), (0, 0), 1), ((0, 0), (0, 180), 2), ((90, 0), (-90, 0), 2),
        ((35, 139), (37, -122), 2), ((10, 180), (10, -180), 1), ((0, 179), (0, -179), 2),
        ((60, 10), (6, 3), 1),
    ]

    @Test("odd ways", arguments: odd)
    func oddWays(from: (Double, Double), to: (Double, Double), runs: Int) {
        let way = GreatCircle.runs(from: from, to: to)
        #expect(way.count == runs)
        #expect(way.joined().allSatisfy { $0.latitude.isFinite && $0.longitude.isFinite })
    }

    @Test("a leg is read from the evidence; one off the globe or incomplete is none")
    func trips() throws {
        let alert = SampleAlerts.all[0]
        let trip = try #require(Trip(alert.findings[0], of: alert))
        #expect(trip.fromPlace == "Oslo, NO" && trip.toPlace == "Lagos, NG")
        #expect(!trip.suspectIsAtStart)
        #expect(trip.elapsedSeconds == 2520)
        #expect(Trip(alert.findings[1], of: alert) == nil)
        func edited(_ name: String, _ value: Evidence.Value?) -> Finding {
            var finding = alert.findings[0]
            finding.evidence.removeAll { $0.name == name }
            if let value { finding.evidence.append(Evidence(name, value)) }
            return finding
        }
        #expect(Trip(edited("to_lat", nil), of: alert) == nil)
        #expect(Trip(edited("to_lat", .number(90.1)), of: alert) == nil)
        #expect(Trip(edited("to_lon", .number(.nan)), of: alert) == nil)
        #expect(Trip(edited("to_lat", .text("6.4")), of: alert) == nil)
        #expect(Trip(edited("stranger", .text("from")), of: alert)?.suspectIsAtStart == true)
        #expect(Trip(edited("stranger", nil), of: alert)?.suspectIsAtStart == false)
        var moved = alert
        moved.place = SampleAlerts.oslo.place(radius: 20)
        #expect(Trip(edited("stranger", nil), of: moved)?.suspectIsAtStart == true)
    }

    @Test("what is drawn is within the sheet, near or far")
    func view() {
        let near = [SheetPoint(x: 500, y: 100), SheetPoint(x: 510, y: 105)]
        let far = [SheetPoint(x: 3, y: 5), SheetPoint(x: 990, y: 430)]
        let corner = [SheetPoint(x: 999, y: 437)]
        for points in [near, far, corner, []] {
            let view = SheetView(around: points, zoomLimit: 4)
            for point in points.map(view.place) {
                #expect((-0.01...1000.01).contains(point.x) && (-0.01...438.01).contains(point.y))
            }
        }
        let view = SheetView(around: near, zoomLimit: 4)
        #expect(abs(view.place(near[1]).x - view.place(near[0]).x - 40) < 1e-9)
        #expect(SheetView(around: far, zoomLimit: 4).transform.hasSuffix("scale(1.000)"))
    }

    @Test("labels never cover one another")
    func labels() {
        var labels = MapLabels()
        let spots = (0..<20).compactMap { number in
            labels.place(
                "Some town", at: SheetPoint(x: 500 + Double(number), y: 200 + Double(number % 3)),
                gap: 6)
        }
        #expect(!spots.isEmpty && spots.count < 20)
        #expect(Set(spots.map { "\($0.anchor) \(Int($0.point.y / 14))" }).count == spots.count)
    }

    @Test("the coasts are small and fit the sheet")
    func outlines() {
        #expect(LandOutlines.path.utf8.count < 60_000)
        #expect(LandOutlines.path.utf8.allSatisfy { "Mlz0123456789.- ".utf8.contains($0) })
    }
}
