import CSystem
import Detection
import SessionModel
import StateStore

/// The profiles of one share of the users, in memory while they are in use: a table from user key to
/// profile, what was changed since the last commit, and the judge. Belongs to one worker at a time.
final class ProfileShard: @unchecked Sendable {
    /// An alert and where in the batch its record stood.
    struct Emitted {
        var sequence: UInt64
        var alert: Alert
    }

    private(set) var judge: Judge
    private var codec = ProfileCodec()
    /// nil while the state is known to hold no profile.
    private var reader: ProfileReader?

    private var profiles: UnsafeMutablePointer<Profile>
    private var epochs: UnsafeMutablePointer<UInt32>
    private(set) var count = 0
    /// Of these, the profiles that are a key's instead of a user's.
    private(set) var keyCount = 0
    private var capacity = 1024
    /// A place in the table of open addressing. Two hashes of the user's name are 128 bits: no two
    /// names share them.
    private struct Slot {
        var key: UInt64 = 0
        var check: UInt64 = 0
        /// The profile's index and 1; 0 is empty.
        var index: UInt32 = 0
    }
    /// Outside of an array, which would be retained for each look.
    private var slots: UnsafeMutablePointer<Slot>
    private var slotCount = 4096
    private var mask: Int
    private var epoch: UInt32 = 1

    private(set) var emitted: [Emitted] = []
    /// Whether profiles were let go of.
    private(set) var hasDropped = false
    private let arena = BlockArena()
    var meter: DetectorMeter? { judge.meter }
    /// Of the profiles and the table.
    var memoryBytes: Int {
        arena.heldBytes + capacity * MemoryLayout<Profile>.stride
            + slotCount * MemoryLayout<Slot>.stride
    }
    private var dirty: [UInt32] = []
    private var missing: [UInt32] = []
    private let wanted = Wanted()
    /// Set by a worker, thrown by the engine.
    private(set) var failure: (any Error)?
    // Counters of the run.
    private(set) var lateCount = 0
    private(set) var tooLateCount = 0
    private(set) var duplicateCount = 0

    private var nextToEncode = 0

    init(judge: Judge, reader: ProfileReader?) {
        self.judge = judge
        self.reader = reader
        profiles = .allocate(capacity: capacity)
        epochs = .allocate(capacity: capacity)
        slots = .allocate(capacity: 4096)
        slots.initialize(repeating: Slot(), count: 4096)
        mask = 4095
    }

    deinit {
        // The profiles go with their arena.
        profiles.deallocate()
        epochs.deallocate()
        slots.deallocate()
    }

    // MARK: - Judging

    /// Judges sightings, in order, all of users of this shard.
    ///
    /// - Parameters:
    ///   - copies: Copies for the profiles of keys, in order: no profile is both a user's and a key's.
    ///   - corrections: What became known of their users' earlier sightings, by sequence.
    func judge(
        _ parts: [UnsafeBufferPointer<UnsafeMutablePointer<Sighting>>],
        ofKeys copies: [UnsafeMutablePointer<Sighting>] = [], corrections: [Correction]
    ) {
        guard failure == nil else { return }
        arena.use {
            judgeInArena(parts, corrections)
            guard !copies.isEmpty, failure == nil else { return }
            copies.withUnsafeBufferPointer { judgeInArena([$0], []) }
        }
    }

    private func judgeInArena(
        _ parts: [UnsafeBufferPointer<UnsafeMutablePointer<Sighting>>], _ corrections: [Correction]
    ) {
        let count = parts.reduce(0) { $0 + $1.count }
        wanted.reserve(count)
        missing.removeAll(keepingCapacity: true)
        var n = 0
        for part in parts {
            for i in 0..<part.count {
                if i &+ 8 < part.count { prefetchSlot(part[i &+ 8].pointee.userKey) }
                wanted.sightings[n] = part[i]
                wanted.profiles[n] = find(part[i])
                n &+= 1
            }
        }
        do {
            if !missing.isEmpty, reader != nil { try load() }
        } catch {
            failure = error
            return
        }
        var corrected: [UInt32] = []
        do {
            corrected = try corrections.map { try find($0.userKey) ?? .max }
        } catch {
            failure = error
            return
        }
        let (sightings, indices) = (wanted.sightings, wanted.profiles)
        let profiles = profiles
        for n in 0..<count { touch(indices[n]) }
        var begin = 0
        func observe(upTo end: Int) {
            let first = begin
            judge.observe(
                sightings + first, count: end - first,
                profile: { profiles + Int(indices[first + $0]) },
                done: { n, verdict, alerts in note(verdict, sightings[first + n], &alerts) })
            begin = end
        }
        for (correction, index) in zip(corrections, corrected) where index != .max {
            // It takes effect just after the record that brought it.
            var end = begin
            while end < count, sightings[end].pointee.sequence <= correction.sequence { end += 1 }
            observe(upTo: end)
            correct(Int(index), correction)
        }
        observe(upTo: count)
    }

    /// Notes that a profile changes, which is to be written at the next commit.
    @inline(__always)
    private func touch(_ index: UInt32) {
        if epochs[Int(index)] == epoch { return }
        epochs[Int(index)] = epoch
        dirty.append(index)
    }

    private func correct(_ index: Int, _ correction: Correction) {
        if judge.correct(correction, &profiles[index]) { touch(UInt32(index)) }
        for alert in judge.emitted {
            emitted.append(Emitted(sequence: correction.sequence, alert: alert))
        }
        judge.emitted.removeAll(keepingCapacity: true)
    }

    /// What each rule saw at a record of a user, while it is in the user's tail; else nil.
    func explain(user: UInt64, record: UInt64) throws -> SightingTrace? {
        var trace: SightingTrace?
        try arena.use {
            guard let index = try find(user) else { return }
            trace = judge.explain(record: record, &profiles[Int(index)])
            judge.emitted.removeAll(keepingCapacity: true)
        }
        return trace
    }

    /// The id of the user with this key; nil when there is no such profile.
    func userID(of key: UInt64) throws -> String? {
        try arena.use { try find(key).map { profiles[Int($0)].userID.string } }
    }

    /// The profile of this key, read from the state when it is not here; nil when there is none.
    private func find(_ key: UInt64) throws -> UInt32? {
        var slot = Int(truncatingIfNeeded: key &>> 20) & mask
        while slots[slot].index != 0 {
            if slots[slot].key == key { return slots[slot].index &- 1 }
            slot = (slot &+ 1) & mask
        }
        guard let reader else { return nil }
        var found: UInt32?
        try [key].withUnsafeBufferPointer { keys in
            try reader.read(keys: keys) { _, bytes in
                var stored = try ProfileCodec.decode(bytes)
                stored.rowKey = key
                judge.restore(&stored)
                let check = Sighting.userCheck(tenant: stored.tenant, user: stored.userID)
                found = insert(stored, key: key, check: check, slot)
            }
        }
        return found
    }

    @inline(__always)
    private func note(
        _ verdict: Judge.Verdict, _ sighting: UnsafeMutablePointer<Sighting>,
        _ alerts: inout [Alert]
    ) {
        switch verdict {
        // A copy was counted as what it is a copy of.
        case _ where sighting.pointee.keyRule != 0: break
        case .inOrder: break
        case .late: lateCount += 1
        case .tooLate: tooLateCount += 1
        case .duplicate: duplicateCount += 1
        }
        if !alerts.isEmpty {
            for alert in alerts {
                emitted.append(Emitted(sequence: sighting.pointee.sequence, alert: alert))
            }
            alerts.removeAll(keepingCapacity: true)
        }
    }

    @inline(__always)
    private func prefetchSlot(_ key: UInt64) {
        ls_prefetch(slots + (Int(truncatingIfNeeded: key &>> 20) & mask))
    }

    /// Finds the profile of a sighting's user, or makes an empty one that has to be loaded.
    @inline(__always)
    private func find(_ sighting: UnsafeMutablePointer<Sighting>) -> UInt32 {
        let key = sighting.pointee.userKey
        var slot = Int(truncatingIfNeeded: key &>> 20) & mask
        while slots[slot].index != 0 {
            if slots[slot].key == key, slots[slot].check == sighting.pointee.userCheck {
                return slots[slot].index &- 1
            }
            slot = (slot &+ 1) & mask
        }
        return add(sighting, slot)
    }

    private func add(_ sighting: UnsafeMutablePointer<Sighting>, _ slot: Int) -> UInt32 {
        let key = sighting.pointee.userKey
        let isOfKey = sighting.pointee.keyRule != 0
        let index = insert(
            Profile(
                tenant: sighting.pointee.record.tenant,
                user: isOfKey ? KeySightings.name(of: sighting) : sighting.pointee.record.userID,
                userKey: key, rowKey: key),
            key: key, check: sighting.pointee.userCheck, slot)
        if isOfKey {
            profiles[Int(index)].isOfKey = true
            keyCount += 1
        }
        missing.append(index)
        return index
    }

    private func insert(
        _ profile: consuming Profile, key: UInt64, check: UInt64, _ slot: Int
    ) -> UInt32 {
        if count == capacity {
            let larger = UnsafeMutablePointer<Profile>.allocate(capacity: capacity * 2)
            larger.moveInitialize(from: profiles, count: count)
            profiles.deallocate()
            profiles = larger
            let moreEpochs = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity * 2)
            moreEpochs.update(from: epochs, count: count)
            epochs.deallocate()
            epochs = moreEpochs
            capacity *= 2
        }
        let index = count
        (profiles + index).initialize(to: profile)
        epochs[index] = epoch &- 1
        count += 1
        slots[slot] = Slot(
            key: key, check: check, index: UInt32(index) + 1)
        if count * 2 > slotCount { rehash(slotCount * 2) }
        return UInt32(index)
    }

    /// Makes the table anew, for the profiles that have a new index.
    private func rehash(_ size: Int, newIndex: (UInt32) -> UInt32? = { $0 }) {
        let old = UnsafeMutableBufferPointer(start: slots, count: slotCount)
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot(), count: size)
        slotCount = size
        defer { old.deallocate() }
        mask = size - 1
        for var entry in old where entry.index != 0 {
            guard let index = newIndex(entry.index - 1) else { continue }
            entry.index = index + 1
            var slot = Int(truncatingIfNeeded: entry.key &>> 20) & mask
            while slots[slot].index != 0 { slot = (slot + 1) & mask }
            slots[slot] = entry
        }
    }

    /// Reads the profiles of users who just appeared, in the order of their rows.
    private func load() throws {
        guard let reader else { return }
        var pending = missing
        while !pending.isEmpty {
            pending.sort { profiles[Int($0)].rowKey < profiles[Int($1)].rowKey }
            let rows = pending.map { profiles[Int($0)].rowKey }
            var collided: [UInt32] = []
            try rows.withUnsafeBufferPointer { rows in
                try reader.read(keys: rows) { i, bytes in
                    let index = Int(pending[i])
                    var stored = try ProfileCodec.decode(bytes)
                    guard stored.userID == profiles[index].userID,
                        stored.tenant == profiles[index].tenant
                    else {
                        // Another user has this hash: the next row is ours, or free.
                        stored.free()
                        profiles[index].rowKey &+= 1
                        collided.append(UInt32(index))
                        return
                    }
                    stored.rowKey = profiles[index].rowKey
                    judge.restore(&stored)
                    profiles[index].free()
                    profiles[index] = stored
                }
            }
            pending = collided
        }
    }

    // MARK: - Committing

    func takeEmitted() -> [Emitted] {
        defer { emitted.removeAll(keepingCapacity: true) }
        return emitted
    }

    /// Puts the changed profiles in the order of their rows; `encode` goes through them.
    func sortDirty() {
        dirty.sort { profiles[Int($0)].rowKey < profiles[Int($1)].rowKey }
        nextToEncode = 0
    }

    /// Writes the changed profiles whose rows are up to `last`, and were not written yet, into a
    /// buffer of its own for `parity` 0 or 1: while one is stored, the other is filled.
    func encode(upTo last: UInt64, parity: Int) {
        arena.use {
            let rows = encodedRows[parity]
            rows.clear()
            while nextToEncode < dirty.count {
                if nextToEncode + 4 < dirty.count {
                    prefetch(profiles + Int(dirty[nextToEncode + 4]))
                }
                if nextToEncode + 2 < dirty.count {
                    profiles[Int(dirty[nextToEncode + 2])].prefetchAll()
                }
                let i = Int(dirty[nextToEncode])
                if profiles[i].rowKey > last { break }
                rows.append(profiles[i].rowKey, codec.encode(&profiles[i]))
                nextToEncode += 1
            }
        }
    }

    private func prefetch(_ profile: UnsafePointer<Profile>) {
        let lines = UnsafeRawPointer(profile)
        for offset in stride(from: 0, to: MemoryLayout<Profile>.stride, by: 64) {
            ls_prefetch(lines + offset)
        }
    }

    /// Encoded profiles, by row.
    let encodedRows = [EncodedRows(), EncodedRows()]

    /// After a commit: nothing is dirty. Lets go of profiles when they hold more than `budget` bytes:
    /// first those that were not used since the last commit, else all.
    func committed(budget: Int, reader: () throws -> ProfileReader) throws {
        dirty.removeAll(keepingCapacity: true)
        if memoryBytes > budget {
            // Before anything goes: without a reader what is let go of would count as never seen.
            if self.reader == nil { self.reader = try reader() }
            arena.use {
                drop { epochs[$0] != epoch }
                if memoryBytes > budget / 2 { drop { _ in true } }
            }
            hasDropped = true
        }
        epoch &+= 1
    }

    private func shrink(to size: Int) {
        let smaller = UnsafeMutablePointer<Profile>.allocate(capacity: size)
        smaller.moveInitialize(from: profiles, count: count)
        profiles.deallocate()
        profiles = smaller
        let fewerEpochs = UnsafeMutablePointer<UInt32>.allocate(capacity: size)
        fewerEpochs.update(from: epochs, count: count)
        epochs.deallocate()
        epochs = fewerEpochs
        capacity = size
    }

    private func drop(_ isUnwanted: (Int) -> Bool) {
        var moved: [UInt32?] = Array(repeating: nil, count: count)
        var kept = 0
        for i in 0..<count {
            if isUnwanted(i) {
                if profiles[i].isOfKey { keyCount -= 1 }
                profiles[i].free()
            } else {
                if kept < i { (profiles + kept).moveInitialize(from: profiles + i, count: 1) }
                epochs[kept] = epochs[i]
                moved[i] = UInt32(kept)
                kept += 1
            }
        }
        count = kept
        if capacity > 8192, kept < capacity / 4 { shrink(to: max(1024, 2 * kept)) }
        var size = 4096
        while size < 4 * kept { size *= 2 }
        rehash(size) { moved[Int($0)] }
    }

    var dirtyCount: Int { dirty.count }
}

/// Rows as bytes, one after another, in memory that is used again.
final class EncodedRows: @unchecked Sendable {
    private(set) var keys: [UInt64] = []
    private var ends: [Int] = []
    private var base: UnsafeMutableRawPointer
    private var capacity = 256 << 10

    init() { base = .allocate(byteCount: capacity, alignment: 8) }

    deinit { base.deallocate() }

    func clear() {
        keys.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    func append(_ key: UInt64, _ bytes: UnsafeRawBufferPointer) {
        let end = ends.last ?? 0
        if end + bytes.count > capacity {
            capacity = max(2 * capacity, end + bytes.count)
            let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
            larger.copyMemory(from: base, byteCount: end)
            base.deallocate()
            base = larger
        }
        if let source = bytes.baseAddress {
            (base + end).copyMemory(from: source, byteCount: bytes.count)
        }
        keys.append(key)
        ends.append(end + bytes.count)
    }

    /// Valid until the next change.
    func row(_ i: Int) -> UnsafeRawBufferPointer {
        let start = i == 0 ? 0 : ends[i - 1]
        return UnsafeRawBufferPointer(start: base + start, count: ends[i] - start)
    }
}

/// Room for a batch's sightings of one shard, each with the index of its profile.
private final class Wanted {
    private(set) var sightings: UnsafeMutablePointer<UnsafeMutablePointer<Sighting>>
    private(set) var profiles: UnsafeMutablePointer<UInt32>
    private var capacity = 4096

    init() {
        sightings = .allocate(capacity: capacity)
        profiles = .allocate(capacity: capacity)
    }

    deinit {
        sightings.deallocate()
        profiles.deallocate()
    }

    func reserve(_ count: Int) {
        guard count > capacity else { return }
        capacity = count + count / 2
        sightings.deallocate()
        profiles.deallocate()
        sightings = .allocate(capacity: capacity)
        profiles = .allocate(capacity: capacity)
    }
}
