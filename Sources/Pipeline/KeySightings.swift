import Detection
import SessionModel

/// Copies of a batch's sightings for the profiles of keys that a team's own rules count by, sorted by
/// shard. Belongs to one worker; empty, and of no cost, where no rule counts so.
final class KeySightings {
    /// A copy, and the name that its profile has in the state: `*` and both hashes.
    private struct Room {
        var sighting = Sighting()
        var name = InlineArray<40, UInt8>(repeating: 0)
    }

    private static let blockRooms = 256
    private var blocks: [UnsafeMutablePointer<Room>] = []
    private var used = 0
    /// By shard, in the order of arrival.
    private(set) var lists: [[UnsafeMutablePointer<Sighting>]]

    init(shards: Int) { lists = Array(repeating: [], count: shards) }

    deinit { for block in blocks { block.deallocate() } }

    func begin() {
        if used == 0 { return }
        used = 0
        for shard in lists.indices { lists[shard].removeAll(keepingCapacity: true) }
        // A batch in which everything fitted a rule leaves no lasting mark.
        while blocks.count > 64 { blocks.removeLast().deallocate() }
    }

    /// Adds a copy of the sighting for the profile of a key.
    func add(_ original: UnsafePointer<Sighting>, rule slot: Int, key: UInt64, check: UInt64) {
        let (block, place) = used.quotientAndRemainder(dividingBy: Self.blockRooms)
        if block == blocks.count {
            blocks.append(.allocate(capacity: Self.blockRooms))
        }
        used += 1
        let room = blocks[block] + place
        room.initialize(to: Room())
        room.pointee.sighting = original.pointee
        room.pointee.sighting.userKey = key
        room.pointee.sighting.userCheck = check
        room.pointee.sighting.keyRule = UInt8(slot + 1)
        room.pointee.name[0] = 0x2A
        for i in 0..<32 {
            let word = i < 16 ? key : check
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (i & 15))) & 15
            room.pointee.name[i + 1] = digit < 10 ? 0x30 + digit : 0x57 + digit
        }
        lists[Int(key % UInt64(lists.count))].append(
            UnsafeMutableRawPointer(room).assumingMemoryBound(to: Sighting.self))
    }

    /// What a profile of a key is called; it lies behind the copy.
    static func name(of copy: UnsafePointer<Sighting>) -> TextView {
        let room = UnsafeRawPointer(copy)
        let offset = MemoryLayout<Room>.offset(of: \.name) ?? 0
        return TextView(
            base: (room + offset).assumingMemoryBound(to: UInt8.self), count: 33)
    }
}
