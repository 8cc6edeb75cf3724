import Glibc

/// A point on the drawing, from the upper left corner.
struct SheetPoint: Equatable {
    var x: Double
    var y: Double
}

/// The Natural Earth projection, on a sheet 1000 units wide from 84° north to 58° south: beyond are
/// no users.
///
/// Tom Patterson's design in the polynomial form of Šavrič, Jenny, Patterson, Petrovič and Hurni,
/// "A polynomial equation for the Natural Earth projection", Cartography and Geographic Information
/// Science 38(4), 2011. `LandOutlines` was projected by the same.
enum MapProjection {
    static let width = 1000.0
    static let height = 438.0
    private static let scale = 1000 / (2 * 0.8707 * Double.pi)
    private static let top = raw(latitude: 84, longitude: 0).y

    /// - Parameters: degrees; what is beyond the globe is taken to its edge.
    static func point(latitude: Double, longitude: Double) -> SheetPoint {
        let raw = raw(
            latitude: min(90, max(-90, latitude)), longitude: min(180, max(-180, longitude)))
        return SheetPoint(x: width / 2 + scale * raw.x, y: scale * (top - raw.y))
    }

    /// The edge of the globe as an SVG path.
    static var outline: String {
        let latitudes = stride(from: 84.0, through: -58, by: -2)
        let edge =
            latitudes.map { point(latitude: $0, longitude: 180) }
            + latitudes.reversed().map { point(latitude: $0, longitude: -180) }
        var bytes: [UInt8] = []
        for (index, point) in edge.enumerated() {
            bytes.append(UInt8(ascii: index == 0 ? "M" : "L"))
            bytes.append(jsonNumber: point.x, decimals: 1)
            bytes.append(UInt8(ascii: " "))
            bytes.append(jsonNumber: point.y, decimals: 1)
        }
        return String(decoding: bytes, as: UTF8.self) + "z"
    }

    private static func raw(latitude: Double, longitude: Double) -> (x: Double, y: Double) {
        let lambda = longitude * .pi / 180
        let phi = latitude * .pi / 180
        let p2 = phi * phi
        let p4 = p2 * p2
        let x =
            0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4))
        let y =
            1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4))
        return (lambda * x, phi * y)
    }
}

/// The shortest way between two points of the globe.
enum GreatCircle {
    /// Points along it in degrees, both ends included, in one run or, where the way crosses the
    /// antimeridian, two; consecutive points are at most about 2° apart.
    ///
    /// Between antipodes every way is shortest; then it goes over the nearer pole.
    static func runs(
        from a: (latitude: Double, longitude: Double), to b: (latitude: Double, longitude: Double)
    ) -> [[(latitude: Double, longitude: Double)]] {
        func vector(_ p: (latitude: Double, longitude: Double)) -> (Double, Double, Double) {
            let (phi, lambda) = (p.latitude * .pi / 180, p.longitude * .pi / 180)
            return (cos(phi) * cos(lambda), cos(phi) * sin(lambda), sin(phi))
        }
        let (u, v) = (vector(a), vector(b))
        let angle = acos(min(1, max(-1, u.0 * v.0 + u.1 * v.1 + u.2 * v.2)))
        guard angle > 1e-6 else { return [[a, b]] }
        if angle > .pi - 1e-3 {
            let pole = (latitude: a.latitude + b.latitude >= 0 ? 90.0 : -90.0, longitude: 0.0)
            return [[a, (pole.latitude, a.longitude)], [(pole.latitude, b.longitude), b]]
        }
        let count = max(2, Int((angle * 90 / .pi).rounded(.up)))
        var run = [a]
        var runs: [[(latitude: Double, longitude: Double)]] = []
        for step in 1...count {
            let t = Double(step) / Double(count)
            let (s, e) = (sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle))
            let (x, y, z) = (s * u.0 + e * v.0, s * u.1 + e * v.1, s * u.2 + e * v.2)
            let point =
                step == count
                ? b
                : (
                    latitude: atan2(z, (x * x + y * y).squareRoot()) * 180 / .pi,
                    longitude: atan2(y, x) * 180 / .pi
                )
            let last = run[run.count - 1]
            if abs(point.longitude - last.longitude) > 180 {
                // It went round the back: both sides get an end on the antimeridian.
                let edge = last.longitude > 0 ? 180.0 : -180.0
                let beyond = point.longitude + 2 * edge
                let gap = beyond - last.longitude
                let share = gap == 0 ? 0 : (edge - last.longitude) / gap
                let latitude = last.latitude + share * (point.latitude - last.latitude)
                run.append((latitude, edge))
                runs.append(run)
                run = [(latitude, -edge)]
            }
            run.append(point)
        }
        runs.append(run)
        return runs
    }
}
