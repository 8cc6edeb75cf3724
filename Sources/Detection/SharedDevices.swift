import SessionModel

/// Devices on which more than one user was seen.
///
/// - Memory: 2 MiB, 32 768 devices with up to six users each; the one seen longest ago makes room.
final class SharedDevices {
    struct Cell: BitwiseCopyable {
        var key: UInt64 = 0
        /// Of event time, the newest.
        var hour: UInt32 = 0
        var used: UInt32 = 0
        var users = InlineArray<6, UInt64>(repeating: 0)
    }

    static let count = 32_768
    let cells = CellTable<Cell>(count: count)

    var tables: [any OrganizationTable] { [cells] }

    @inline(__always)
    static func place(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key &>> 8) & (count - 2) }

    func take(_ s: UnsafeMutablePointer<Sighting>, _ corrections: inout [Correction]) {
        let key = s.pointee.deviceHash
        // Only an id tells one device from another; clients are shared by everybody.
        guard key & 1 == 1, s.pointee.record.outcome != .failure else { return }
        let hour = UInt32(clamping: s.pointee.record.time.milliseconds / 3_600_000)
        let first = Self.place(key)
        var place = first
        if cells[first].pointee.key != key {
            place = first + 1
            if cells[place].pointee.key != key {
                let (x, y) = (cells[first].pointee, cells[place].pointee)
                place = (x.hour, x.key) <= (y.hour, y.key) ? first : place
                cells.change(place).pointee = Cell(key: key)
            }
        }
        if hour > cells[place].pointee.hour { cells.change(place).pointee.hour = hour }
        let used = min(6, Int(cells[place].pointee.used))  // a damaged page may say anything
        for i in 0..<used where cells[place].pointee.users[i] == s.pointee.userKey {
            s.pointee.source.deviceUsers = UInt8(used - 1)
            return
        }
        s.pointee.source.deviceUsers = UInt8(min(used, 5))
        guard used < 6 else { return }
        // Those who were there before are now less alone.
        for i in 0..<used {
            corrections.append(
                Correction(
                    sequence: s.pointee.sequence, userKey: cells[place].pointee.users[i],
                    subject: .device(key), value: UInt8(used)))
        }
        let cell = cells.change(place)
        cell.pointee.users[used] = s.pointee.userKey
        cell.pointee.used += 1
    }
}
