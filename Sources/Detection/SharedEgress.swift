import SessionModel

/// Prefixes that very many users come from: a company's egress, a carrier's gateway, a campus. The
/// place of such an address says little of one person.
///
/// A prefix is shared once users fill 28 of its 32 places, each user's given by a hash: some 66 users
/// (linear counting, Whang et al. 1990). A place keeps the first hour that it was filled at, and what a
/// sighting is told is as of seven hours before its own: the same in any order of arrival.
/// - Memory: 1 MiB, 8192 prefixes; those with fewer users make room.
final class SharedEgress {
    struct Cell: BitwiseCopyable {
        /// The prefix's key; 0 is none.
        var key: UInt64 = 0
        var filled: UInt32 = 0
        private var spare32: UInt32 = 0
        /// The prefix.
        var prefix = IPAddress.none
        /// The hour each place was first filled at, counted from the base; 0 is never.
        var hours = InlineArray<32, UInt16>(repeating: 0)
        private var spare = InlineArray<4, UInt64>(repeating: 0)

        init(key: UInt64 = 0, prefix: IPAddress = .none) { (self.key, self.prefix) = (key, prefix) }
    }

    static let count = 8192
    static let threshold = 28
    private static let lag: Int64 = 7
    let cells = CellTable<Cell>(count: count)
    /// The hour that hours are counted from.
    private let head = CellTable<Int64>(count: 8)

    var tables: [any OrganizationTable] { [cells, head] }

    @inline(__always)
    static func place(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key &>> 8) & (count - 2) }

    var base: Int64 { max(0, min(SharedEgress.latestHour, head[0].pointee)) }
    /// Of the year 3110: a damaged page may say anything.
    static let latestHour: Int64 = 10_000_000
    /// Hours are kept in 16 bits.
    private static let reach: Int64 = 60_000

    /// - Parameter key: of the prefix.
    func take(_ s: UnsafeMutablePointer<Sighting>, key: UInt64) {
        let hour = s.pointee.record.time.milliseconds / 3_600_000
        if head[0].pointee == 0 { head.change(0).pointee = max(1, hour - 24 * 60) }
        var base = self.base
        if hour &- base > Self.reach {
            beginAnew(hour)
            base = self.base
        }
        let first = Self.place(key)
        var place = first
        if cells[first].pointee.key != key {
            place = first + 1
            if cells[place].pointee.key != key {
                guard s.pointee.record.outcome != .failure else { return }
                place = weaker(first, place)
                cells.change(place).pointee = Cell(
                    key: key, prefix: s.pointee.record.address.networkPrefix)
            }
        }
        if cells[place].pointee.filled >= Self.threshold,
            hoursFilled(place, by: hour - base - Self.lag) >= Self.threshold
        {
            s.pointee.source.isShared = 1
        }
        guard s.pointee.record.outcome != .failure else { return }
        let own = UInt16(clamping: max(1, hour - base))
        let bucket = Int(truncatingIfNeeded: s.pointee.userKey &>> 13) & 31
        let known = cells[place].pointee.hours[bucket]
        if known == 0 {
            cells.change(place).pointee.hours[bucket] = own
            let filled = cells[place].pointee.filled
            cells.change(place).pointee.filled = min(32, filled &+ 1)
        } else if own < known {
            cells.change(place).pointee.hours[bucket] = own
        }
    }

    /// What was learned seven years before says nothing of now.
    private func beginAnew(_ hour: Int64) {
        cells.changeAll().update(repeating: Cell(), count: Self.count)
        head.change(0).pointee = max(1, hour - 24 * 60)
    }

    /// The one to make room: with fewer users, else with the smaller key.
    private func weaker(_ a: Int, _ b: Int) -> Int {
        let (x, y) = (cells[a].pointee, cells[b].pointee)
        return (x.filled, x.key) <= (y.filled, y.key) ? a : b
    }

    private func hoursFilled(_ place: Int, by hour: Int64) -> Int {
        guard hour > 0 else { return 0 }
        let limit = UInt16(clamping: hour)
        var filled = 0
        for i in 0..<32 {
            let first = cells[place].pointee.hours[i]
            if first != 0, first <= limit { filled += 1 }
        }
        return filled
    }
}
