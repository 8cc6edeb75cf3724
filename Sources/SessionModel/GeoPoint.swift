import Glibc

/// A position in WGS 84 coordinates, as a GeoIP record gives it.
@frozen public struct GeoPoint: Hashable, Sendable, BitwiseCopyable {
    /// Degrees north of the equator, -90 through 90.
    public let latitude: Float
    /// Degrees east of Greenwich, -180 through 180.
    public let longitude: Float

    /// Returns nil for a point off the globe: a bad record is bad input, not a bug.
    @inlinable public init?(latitude: Double, longitude: Double) {
        guard latitude >= -90, latitude <= 90, longitude >= -180, longitude <= 180 else {
            return nil
        }
        self.latitude = Float(latitude)
        self.longitude = Float(longitude)
    }

    /// For values that were checked before they were stored.
    @inlinable public init(checkedLatitude: Float, longitude: Float) {
        (latitude, self.longitude) = (checkedLatitude, longitude)
    }

    /// Great-circle distance in kilometres, by the haversine formula.
    ///
    /// On a sphere of the IUGG mean radius, so within 0.6 % of the ellipsoid. A float holds a
    /// coordinate to about a metre, far below any radius of a GeoIP record.
    public func kilometers(to other: GeoPoint) -> Double {
        func haversine(_ degrees: Double) -> Double {
            let s = sin(degrees * .pi / 360)
            return s * s
        }
        let (a, b) = (Double(latitude), Double(other.latitude))
        let parallels = cos(a * .pi / 180) * cos(b * .pi / 180)
        let northSouth = haversine(b - a)
        let eastWest = parallels * haversine(Double(other.longitude) - Double(longitude))
        return 2 * 6371.0088 * asin(min(1, (northSouth + eastWest).squareRoot()))
    }
}
