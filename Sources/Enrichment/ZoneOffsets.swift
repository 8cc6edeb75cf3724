import Glibc
public import SessionModel

/// How far the clocks of IANA time zones are from UTC, by the system's zone files (TZif, RFC 8536).
///
/// For one thread. Each zone's file is read once, when it is first asked for; at most 600 zones of at
/// most 2000 changes. After the last change in a file holds its footer's rule, to the year 2100.
public final class ZoneOffsets {
    private struct Zone {
        var name: [UInt8]
        /// Seconds since 1970, rising; from each on `offsets` of the same place holds.
        var times: [Int64]
        var offsets: [Int32]
        /// Before the first change.
        var earliest: Int32
    }

    private let folder: String
    private var zones: [Zone] = []
    private var places: [UInt64: Int] = [:]
    /// Read when a place without a zone first asks.
    private lazy var table = ZoneTable(path: folder + "/zone.tab")
    private static let zoneLimit = 600
    private static let fileLimit = 64 << 10

    /// - Parameter folder: Where the system's zone files are.
    public init(folder: String = "/usr/share/zoneinfo") { self.folder = folder }

    /// Seconds east of Greenwich at a time, ms since 1970; nil for a zone that the system does not know.
    public func offset(of zone: TextView, at milliseconds: Int64) -> Int32? {
        guard !zone.isEmpty else { return nil }
        let key = zone.hash(domain: HashDomain.text)
        let place: Int
        if let known = places[key] {
            place = known
        } else {
            guard places.count < Self.zoneLimit else { return nil }
            let read = Self.isName(zone) ? read(zone) : nil
            place = read == nil ? -1 : zones.count
            if let read { zones.append(read) }
            places[key] = place
        }
        guard place >= 0 else { return nil }
        return Self.offset(zones[place], milliseconds / 1000)
    }

    /// As above, of a place: where its database names no zone, the one of its country that is nearest.
    public func offset(of place: AddressFacts, at milliseconds: Int64) -> Int32? {
        offset(
            of: place.timeZone.isEmpty ? table.zone(of: place) : place.timeZone, at: milliseconds)
    }

    private static func offset(_ zone: Zone, _ seconds: Int64) -> Int32 {
        var (low, high) = (0, zone.times.count)
        while low < high {
            let middle = (low + high) / 2
            if zone.times[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? zone.earliest : zone.offsets[low - 1]
    }

    /// `Europe/Oslo`: no way out of the folder.
    private static func isName(_ zone: TextView) -> Bool {
        guard zone.count <= 64, zone.bytes.first != 0x2F else { return false }
        return zone.bytes.allSatisfy { byte in
            (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte)
                || byte == 0x2F || byte == 0x5F || byte == 0x2D || byte == 0x2B
        }
    }

    private func read(_ zone: TextView) -> Zone? {
        guard let file = fopen("\(folder)/\(zone.string)", "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.fileLimit)
        let count = fread(&bytes, 1, bytes.count, file)
        guard let (times, offsets, earliest) = Self.parse(bytes[..<count]) else { return nil }
        return Zone(name: Array(zone.bytes), times: times, offsets: offsets, earliest: earliest)
    }

    /// The 64-bit block of a TZif file of version 2 and later; nil for anything else.
    static func parse(
        _ bytes: ArraySlice<UInt8>
    ) -> (times: [Int64], offsets: [Int32], earliest: Int32)? {
        let start = bytes.startIndex
        func number(_ at: Int, _ size: Int) -> Int64? {
            guard at >= 0, start + at + size <= bytes.endIndex else { return nil }
            var value: UInt64 = 0
            for i in 0..<size { value = value << 8 | UInt64(bytes[start + at + i]) }
            return size == 8
                ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: UInt32(value)))
        }
        func isHeader(_ at: Int) -> Bool { number(at, 4) == 0x545A_6966 }
        guard isHeader(0), bytes.count >= 44, bytes[start + 4] >= 0x32 else { return nil }
        func counts(_ at: Int) -> (utc: Int, wall: Int, leap: Int, time: Int, type: Int, char: Int)?
        {
            var all: [Int] = []
            for i in 0..<6 {
                guard let n = number(at + 20 + 4 * i, 4), (0...20_000).contains(n) else {
                    return nil
                }
                all.append(Int(n))
            }
            return (all[0], all[1], all[2], all[3], all[4], all[5])
        }
        guard let old = counts(0) else { return nil }
        let second =
            44 + old.time * 5 + old.type * 6 + old.char + old.leap * 8 + old.wall + old.utc
        guard isHeader(second), let new = counts(second), new.type > 0, new.time <= 2000 else {
            return nil
        }
        let (timesAt, kindsAt) = (second + 44, second + 44 + new.time * 8)
        let typesAt = kindsAt + new.time
        var times: [Int64] = []
        var offsets: [Int32] = []
        for i in 0..<new.time {
            guard let time = number(timesAt + 8 * i, 8), start + kindsAt + i < bytes.endIndex
            else { return nil }
            let kind = Int(bytes[start + kindsAt + i])
            guard kind < new.type, let offset = number(typesAt + 6 * kind, 4),
                abs(offset) <= 15 * 3600
            else { return nil }
            times.append(time)
            offsets.append(Int32(offset))
        }
        guard let earliest = number(typesAt, 4), abs(earliest) <= 15 * 3600 else { return nil }
        let footerAt = typesAt + new.type * 6 + new.char + new.leap * 12 + new.wall + new.utc
        if start + footerAt < bytes.endIndex {
            let footer = bytes[(start + footerAt)...].dropFirst().prefix { $0 != 0x0A }
            if let rule = ZoneRule(String(decoding: footer, as: UTF8.self)) {
                for (time, offset) in rule.changes(after: times.last ?? .min) {
                    times.append(time)
                    offsets.append(offset)
                }
            }
        }
        return (times, offsets, Int32(earliest))
    }
}
