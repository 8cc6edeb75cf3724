import Glibc
import SessionModel

/// Makes the reduced City database that comes with Lastseen out of a full one (DESIGN 11).
///
/// - Networks are merged upwards in the search tree. Whether a subtree becomes one network is
///   settled by the optimal pruning of Breiman et al. (1984), as Chou, Lookabaugh and Gray (1989) use
///   it for tree-structured source coding: the least sum of loss and bytes, the price of a byte
///   being the one at which the file has the size asked for.
/// - The loss of a network is its weight times the square root of its radius: ten times the radius
///   is about three times as bad. Weight is what users are likely to come from: for IPv4 half by
///   networks and half by addresses, for IPv6 by networks, IPv6 a fifth of all.
/// - Places are gathered in centres: heavy places with those around them in the same country
///   (`GeoCentres`). The radius of a network reaches from its centre to the places merged into it and
///   `baseRadius` further, rounded up to one of `radiusSteps`.
/// - Addresses that lie beyond the radius, or in another country than the network is said to be in,
///   are lost dearly (`strayPenalty`, `foreignPenalty`), so that few are: of 10 000 sampled from
///   DB-IP City Lite 1.4 % and 0.3 %.
/// - A network has a city's name when that city has more than half of its weight.
/// - Empty space is taken in only where it is at most half.
///
/// The same input gives the same bytes. A file of 12 M networks takes a minute in a release build
/// and about 2 GB.
public struct GeoReducer {
    public static let databaseType = "Lastseen-City-Lite"

    public struct Options: Sendable {
        /// The file's greatest size.
        public var byteLimit = 8_000_000
        /// Greatest number of centres.
        public var centreLimit = 10_000
        /// Places within this distance of a centre join it, km.
        public var centreReach = 50.0

        public init() {}
    }

    public struct Summary: Sendable, Equatable {
        public var sourceNetworks: Int
        public var sourcePlaces: Int
        public var centres: Int
        public var nodes: Int
        public var bytes: Int
    }

    /// Added to each radius: what a city-level place is worth at best, km.
    static let baseRadius = 20.0
    /// Radii that are written, km. Farther apart than the last are never merged.
    static let radiusSteps: [Double] = [
        20, 30, 45, 70, 100, 150, 220, 320, 480, 700, 1000, 1500, 2500,
    ]
    /// The share of a network's weight that may lie beyond its radius, or in another country.
    static let strayLimit: Float = 0.25
    /// What weight beyond the radius loses: as much as at a radius of 18 000 km, so that it pays only
    /// where a few scattered addresses would widen the circle of many.
    static let strayPenalty: Float = 30
    /// What weight in another country loses besides.
    static let foreignPenalty: Float = 30

    /// Reads the full database at `path` and writes the reduced one to `output`, beside it first and
    /// then renamed. Throws when `path` is no City database or the size cannot be reached.
    public static func reduce(
        _ path: String, to output: String, options: Options = Options()
    ) throws(GeoError) -> Summary {
        let (bytes, summary) = try reduce(try GeoDatabase(path: path), options: options)
        try writeFile(bytes, to: output)
        return summary
    }

    static func reduce(
        _ source: GeoDatabase, options: Options
    ) throws(GeoError) -> (bytes: [UInt8], summary: Summary) {
        guard source.metadata.ipVersion == 6 else {
            throw .cannotReduce(path: source.path, reason: "its tree is of IPv4 alone")
        }
        let places = try GeoPlaces(source)
        guard !places.all.isEmpty else {
            throw .cannotReduce(
                path: source.path, reason: "it holds no places. Use a City database")
        }
        let centres = GeoCentres(places, limit: options.centreLimit, reach: options.centreReach)
        let merger = GeoMerger(tree: source.tree, places: places, centres: centres)
        defer { merger.free() }
        let description =
            "Made by Lastseen from \(source.metadata.databaseType)"
            + (source.metadata.buildTime.map { " of \($0.rfc3339.prefix(10))" } ?? "")
            + ": networks merged, radii cover what was merged. "
            + (source.attribution.isEmpty ? "" : source.attribution)
        let metadata = MMDBWriter.Metadata(
            databaseType: databaseType, description: description,
            // libmaxminddb refuses 0.
            buildEpoch: UInt64(max(1, (source.metadata.buildTime?.milliseconds ?? 0) / 1000)))
        func make(_ price: Float) -> [UInt8]? {
            let writer = merger.tree(pricedAt: price)
            return writer.bytes(metadata, early: centres.coordinates)
        }
        // The size falls as the price rises: find the lowest price that meets the limit.
        var (low, high): (Float, Float) = (1e-12, 1)
        guard var best = make(high), best.count <= options.byteLimit else {
            throw .cannotReduce(
                path: source.path, reason: "not to \(options.byteLimit) bytes. Allow more")
        }
        if let whole = make(low), whole.count <= options.byteLimit { (best, high) = (whole, low) }
        while high / low > 1.005 {
            let middle = (low * high).squareRoot()
            if let bytes = make(middle), bytes.count <= options.byteLimit {
                (best, high) = (bytes, middle)
                if best.count > options.byteLimit / 1000 * 998 { break }
            } else {
                low = middle
            }
        }
        let made = best.withUnsafeBufferPointer {
            try? MMDBMetadata(bytes: $0.baseAddress!, count: $0.count, path: "reduced")
        }
        return (
            best,
            Summary(
                sourceNetworks: places.networkCount, sourcePlaces: places.all.count,
                centres: centres.all.count, nodes: made?.nodeCount ?? 0, bytes: best.count)
        )
    }
}

/// Writes a file beside the path and renames it over.
func writeFile(_ bytes: [UInt8], to path: String) throws(GeoError) {
    func failure() -> GeoError {
        .cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
    let beside = "\(path).new-\(getpid())"
    let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure() }
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes {
            write(descriptor, $0.baseAddress! + written, bytes.count - written)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
            let error = failure()
            close(descriptor)
            unlink(beside)
            throw error
        }
        written += count
    }
    let isWritten = fsync(descriptor) == 0
    guard close(descriptor) == 0, isWritten, rename(beside, path) == 0 else {
        let error = failure()
        unlink(beside)
        throw error
    }
}
