import Glibc
import SessionModel

/// Which time zones a country has, and where: the system's `zone.tab`, for databases that know a place
/// and no zone.
///
/// A country of one zone has that one; else it is the zone whose own town is nearest to the place, which
/// errs near a zone's edge.
final class ZoneTable {
    private struct Entry {
        var country: CountryCode
        var point: GeoPoint
        var zone: TextView
    }

    private var entries: [Entry] = []
    private static let lineLimit = 1000

    /// Empty when there is no such file.
    init(path: String) {
        guard let file = fopen(path, "re") else { return }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        var count = 0
        while count < Self.lineLimit, fgets(&buffer, Int32(buffer.count), file) != nil {
            count += 1
            let bytes = buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            let line = String(decoding: bytes, as: UTF8.self)
            if let entry = Self.entry(line) { entries.append(entry) }
        }
    }

    deinit { for entry in entries { entry.zone.base?.deallocate() } }

    /// `NO\t+5955+01045\tEurope/Oslo`.
    private static func entry(_ line: String) -> Entry? {
        let parts = line.split(whereSeparator: { $0 == "\t" || $0 == "\n" })
        guard parts.count >= 3, !line.hasPrefix("#"), let point = point(parts[1]) else {
            return nil
        }
        var code = String(parts[0])
        let country = code.withUTF8 { CountryCode(TextView($0)) }
        guard !country.isNone else { return nil }
        let bytes = Array(parts[2].utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        copy.update(from: bytes, count: bytes.count)
        return Entry(
            country: country, point: point, zone: TextView(base: copy, count: bytes.count))
    }

    /// ISO 6709: `+5955+01045`, `-772356-1660912`.
    private static func point(_ text: Substring) -> GeoPoint? {
        guard let cut = text.dropFirst().firstIndex(where: { $0 == "+" || $0 == "-" }) else {
            return nil
        }
        func degrees(_ text: Substring, _ digits: Int) -> Double? {
            let number = text.dropFirst()
            guard number.count >= digits + 2, let whole = Double(number.prefix(digits)),
                let minutes = Double(number.dropFirst(digits).prefix(2))
            else { return nil }
            return (text.first == "-" ? -1 : 1) * (whole + minutes / 60)
        }
        guard let latitude = degrees(text[..<cut], 2), let longitude = degrees(text[cut...], 3)
        else {
            return nil
        }
        return GeoPoint(latitude: latitude, longitude: longitude)
    }

    /// Empty when nothing is known. Linear in the table: some µs.
    func zone(of place: borrowing AddressFacts) -> TextView {
        guard !place.country.isNone else { return TextView() }
        var found = TextView()
        var (count, nearest) = (0, Double.infinity)
        for entry in entries where entry.country == place.country {
            count += 1
            if !place.hasPlace {
                found = count == 1 ? entry.zone : TextView()
                continue
            }
            let distance = entry.point.kilometers(to: place.point)
            if distance < nearest { (nearest, found) = (distance, entry.zone) }
        }
        return found
    }
}
