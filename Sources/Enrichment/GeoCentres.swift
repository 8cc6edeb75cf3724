import Glibc
import SessionModel

/// A point as a unit vector, so that distances are one product.
struct UnitVector {
    var x: Float
    var y: Float
    var z: Float

    init(_ point: GeoPoint) {
        let (a, b) = (Double(point.latitude) * .pi / 180, Double(point.longitude) * .pi / 180)
        x = Float(cos(a) * cos(b))
        y = Float(cos(a) * sin(b))
        z = Float(sin(a))
    }

    /// Kilometres along the great circle; by the chord, which is exact also for small distances.
    @inline(__always) func kilometers(to o: UnitVector) -> Float {
        let (dx, dy, dz) = (x - o.x, y - o.y, z - o.z)
        let half = (dx * dx + dy * dy + dz * dz).squareRoot() / 2
        return 2 * 6371.0088 * asinf(min(1, half))
    }
}

/// The places of a full database, with the weights that `GeoReducer` explains.
struct GeoPlaces {
    struct Place {
        var point: GeoPoint
        var vector: UnitVector
        var country: CountryCode
        /// Without a district in brackets, which DB-IP adds.
        var city: String
        var timeZone: String
        var weight: Float
    }

    private(set) var all: [Place] = []
    private(set) var networkCount = 0
    /// By data offset; the offsets that are missing have no place.
    private var numberAtOffset: [UInt32: Int32] = [:]
    private var v4Networks = 0.0
    private var v4Addresses = 0.0
    private var v6Networks = 0.0

    init(_ source: GeoDatabase) throws(GeoError) {
        var counts: [(v4: Double, addresses: Double, v6: Double)] = []
        var damaged: UInt32?
        // Several records may hold the same place.
        var known: [PlaceKey: Int32] = [:]
        try source.forEachNetwork { network in
            networkCount += 1
            let number: Int32
            if let seen = numberAtOffset[network.recordOffset] {
                number = seen
            } else {
                let record = source.record(at: network.recordOffset)
                if record.isDamaged {
                    damaged = network.recordOffset
                    return false
                }
                number = Self.number(of: record, &all, &known)
                numberAtOffset[network.recordOffset] = number
                while counts.count < all.count { counts.append((0, 0, 0)) }
            }
            guard number >= 0 else { return true }
            if network.address.isV4 {
                counts[Int(number)].v4 += 1
                counts[Int(number)].addresses += scalbn(1, 32 - network.prefixLength)
            } else {
                counts[Int(number)].v6 += 1
            }
            return true
        }
        if let damaged {
            throw .damaged(
                path: source.path, reason: "the data record at offset \(damaged) is malformed")
        }
        for count in counts {
            v4Networks += count.v4
            v4Addresses += count.addresses
            v6Networks += count.v6
        }
        for i in all.indices {
            all[i].weight = Float(
                counts[i].v4 * v4NetworkWeight + counts[i].addresses * v4AddressWeight
                    + counts[i].v6 * v6NetworkWeight)
        }
    }

    private var v4NetworkWeight: Double { v4Networks > 0 ? 0.4 / v4Networks : 0 }
    private var v4AddressWeight: Double { v4Addresses > 0 ? 0.4 / v4Addresses : 0 }
    private var v6NetworkWeight: Double { v6Networks > 0 ? 0.2 / v6Networks : 0 }

    /// Of one network.
    func weight(isV4: Bool, prefixLength: Int) -> Float {
        isV4
            ? Float(v4NetworkWeight + v4AddressWeight * scalbn(1, 32 - prefixLength))
            : Float(v6NetworkWeight)
    }

    /// The place of a data record, -1 when it has none.
    func number(at offset: UInt32) -> Int32 { numberAtOffset[offset] ?? -1 }

    private struct PlaceKey: Hashable {
        var point: GeoPoint
        var country: CountryCode
        var city: String
        var timeZone: String
    }

    private static func number(
        of record: GeoRecord, _ all: inout [Place], _ known: inout [PlaceKey: Int32]
    ) -> Int32 {
        guard let point = record.point, !record.country.isNone else { return -1 }
        let key = PlaceKey(
            point: point, country: record.country, city: plainName(record.city.string),
            timeZone: record.timeZone.string)
        if let number = known[key] { return number }
        known[key] = Int32(all.count)
        all.append(
            Place(
                point: point, vector: UnitVector(point), country: record.country, city: key.city,
                timeZone: key.timeZone, weight: 0))
        return Int32(all.count - 1)
    }

    /// `Moscow` of `Moscow (Tsentralnyy administrativnyy okrug)`.
    static func plainName(_ name: String) -> String {
        guard let bracket = name.firstIndex(of: "("), bracket != name.startIndex else {
            return name
        }
        var plain = name[..<bracket]
        while plain.last == " " { plain.removeLast() }
        return plain.isEmpty ? name : String(plain)
    }
}

/// Heavy places, each with the lighter ones around it: the only points of the reduced database.
struct GeoCentres {
    struct Centre {
        /// Rounded to 0.01°, about a kilometre, so that numbers repeat and the file is smaller.
        var latitude: Double
        var longitude: Double
        var vector: UnitVector
        var country: CountryCode
        var city: String
        var timeZone: String
    }

    private(set) var all: [Centre] = []
    /// The centre of each place.
    private(set) var ofPlace: [Int32]
    /// How far each place is from its centre, km.
    private(set) var distance: [Float]

    /// Beyond this distance a place gets a centre of its own even past the limit, km.
    private static let lonely: Float = 150

    init(_ places: GeoPlaces, limit: Int, reach: Double) {
        ofPlace = [Int32](repeating: -1, count: places.all.count)
        distance = [Float](repeating: 0, count: places.all.count)
        let reach = Float(reach)
        let byWeight = places.all.indices.sorted {
            let (a, b) = (places.all[$0], places.all[$1])
            return a.weight != b.weight ? a.weight > b.weight : $0 < $1
        }
        var near = CentreGrid(kilometers: Double(reach))
        var ofCountry: [CountryCode: [Int32]] = [:]
        for index in byWeight {
            let place = places.all[index]
            func nearest(_ candidates: some Sequence<Int32>) -> (Int32, Float)? {
                var best: (Int32, Float)?
                for number in candidates where all[Int(number)].country == place.country {
                    let km = all[Int(number)].vector.kilometers(to: place.vector)
                    if best == nil || km < best!.1 { best = (number, km) }
                }
                return best
            }
            var found = nearest(near.around(place.point))
            if let (_, km) = found, km > reach { found = nil }
            if found == nil, all.count >= limit, let own = ofCountry[place.country] {
                found = nearest(own)
                if let (_, km) = found, km > Self.lonely { found = nil }
            }
            if let (number, km) = found {
                ofPlace[index] = number
                distance[index] = km
                continue
            }
            let number = Int32(all.count)
            let rounded = GeoPoint(
                checkedLatitude: (place.point.latitude * 100).rounded() / 100,
                longitude: (place.point.longitude * 100).rounded() / 100)
            all.append(
                Centre(
                    latitude: (Double(place.point.latitude) * 100).rounded() / 100,
                    longitude: (Double(place.point.longitude) * 100).rounded() / 100,
                    vector: UnitVector(rounded), country: place.country, city: place.city,
                    timeZone: place.timeZone))
            ofPlace[index] = number
            near.add(number, at: place.point)
            ofCountry[place.country, default: []].append(number)
        }
    }

    /// All coordinates, to be written where pointers to them are short.
    var coordinates: [MMDBOutput] {
        let all = Set(all.map(\.latitude)).union(all.map(\.longitude))
        return all.sorted().map { .double($0) }
    }
}

/// Centres by squares of about `kilometers`, for finding those around a point.
private struct CentreGrid {
    private let step: Double
    private var cells: [Int64: [Int32]] = [:]

    init(kilometers: Double) { step = kilometers / 111.2 }

    mutating func add(_ number: Int32, at point: GeoPoint) {
        cells[key(row(point), column(point.longitude, row(point))), default: []].append(number)
    }

    /// At least those within `kilometers`.
    func around(_ point: GeoPoint) -> [Int32] {
        var found: [Int32] = []
        let own = row(point)
        for row in own - 1...own + 1 {
            let column = column(point.longitude, row)
            for column in column - 1...column + 1 { found += cells[key(row, column)] ?? [] }
        }
        return found
    }

    private func row(_ point: GeoPoint) -> Int {
        Int((Double(point.latitude) / step).rounded(.down))
    }

    /// Columns are as wide as rows are high at the row's end that is nearer to the pole.
    private func column(_ longitude: Float, _ row: Int) -> Int {
        let edge = min(89, max(abs(Double(row)), abs(Double(row + 1))) * step)
        return Int((Double(longitude) * cos(edge * .pi / 180) / step).rounded(.down))
    }

    private func key(_ row: Int, _ column: Int) -> Int64 {
        Int64(row) << 32 | Int64(column) & 0xFFFF_FFFF
    }
}
