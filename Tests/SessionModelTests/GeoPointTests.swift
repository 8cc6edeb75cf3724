import SessionModel
import Testing

struct GeoPointTests {
    /// Distances by GeographicLib on WGS 84, km; the sphere is within 0.6 %.
    static let pairs = [
        (59.91, 10.75, 1.29, 103.85, 10_056.0), (40.64, -73.78, 51.47, -0.46, 5_555.0),
        (0.0, 0.0, 0.0, 180.0, 20_015.0), (0.0, 179.5, 0.0, -179.5, 111.3),
        (90.0, 0.0, -90.0, 77.0, 20_015.0), (52.5, 13.4, 52.5, 13.4, 0.0),
    ]

    @Test("distances", arguments: pairs)
    func distance(a: Double, b: Double, c: Double, d: Double, kilometers: Double) throws {
        let p = try #require(GeoPoint(latitude: a, longitude: b))
        let q = try #require(GeoPoint(latitude: c, longitude: d))
        #expect(abs(p.kilometers(to: q) - kilometers) <= 0.006 * kilometers + 0.01)
        #expect(p.kilometers(to: q) == q.kilometers(to: p))
    }

    static let edges = [
        (90.0, 180.0, true), (90.001, 0, false), (0, -180.001, false), (.nan, 0, false),
    ]

    @Test("points off the globe are none", arguments: edges)
    func isPoint(latitude: Double, longitude: Double, isPoint: Bool) {
        #expect((GeoPoint(latitude: latitude, longitude: longitude) != nil) == isPoint)
    }
}
