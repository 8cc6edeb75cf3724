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
    private var capacity = 1024
    /// Open addressing: index of the profile and 1; 0 is empty.
    private var slots: [UInt32]
    private var keys: [UInt64]
    private var mask: Int
    private var epoch: UInt32 = 1

    private(set) var emitted: [Emitted] = []
    private(set) var memoryBytes = 0
    private var dirty: [UInt32] = []
    private var missing: [UInt32] = []
    private var wanted: [UInt32] = []
    /// Set by a worker, thrown by the engine.
    private(set) var failure: (any Error)?
    // Counters of the run.
    private(set) var lateCount = 0
    private(set) var tooLateCount = 0
    private(set) var duplicateCount = 0

    /// Encoded profiles of a commit: row keys, and where each stands in `encoded`.
    private(set) var encodedKeys: [UInt64] = []
    private(set) var encodedEnds: [Int] = []
    private(set) var encoded: UnsafeMutableRawPointer
    private var encodedCapacity = 1 << 20

    init(judge: Judge, reader: ProfileReader?) {
        self.judge = judge
        self.reader = reader
        profiles = .allocate(capacity: capacity)
        epochs = .allocate(capacity: capacity)
        slots = Array(repeating: 0, count: 4096)
        keys = Array(repeating: 0, count: 4096)
        mask = 4095
        encoded = .allocate(byteCount: encodedCapacity, alignment: 8)
    }

    deinit {
        for i in 0..<count { profiles[i].free() }
        profiles.deallocate()
        epochs.deallocate()
        encoded.deallocate()
        codec.free()
    }

    // MARK: - Judging

    /// Judges sightings, in order, all of users of this shard.
    func judge(_ parts: [SightingList], worker: Int) {
        guard failure == nil else { return }
        do {
            wanted.removeAll(keepingCapacity: true)
            missing.removeAll(keepingCapacity: true)
            for part in parts {
                for k in part.indices { find(part.sightings + Int(k)) }
            }
            if !missing.isEmpty, reader != nil { try load() }
            var n = 0
            for part in parts {
                let indices = part.indices
                for k in 0..<indices.count {
                    let index = Int(wanted[n])
                    n += 1
                    observe(part.sightings + Int(indices[k]), index)
                }
            }
        } catch {
            failure = error
        }
    }

    @inline(__always)
    private func observe(_ sighting: UnsafeMutablePointer<Sighting>, _ index: Int) {
        let before = profiles[index].memoryBytes
        let wasDirty = profiles[index].isDirty
        let verdict = judge.observe(sighting, &profiles[index])
        if !wasDirty { dirty.append(UInt32(index)) }
        epochs[index] = epoch
        memoryBytes += profiles[index].memoryBytes - before
        switch verdict {
        case .inOrder: break
        case .late: lateCount += 1
        case .tooLate: tooLateCount += 1
        case .duplicate: duplicateCount += 1
        }
        if !judge.emitted.isEmpty {
            for alert in judge.emitted {
                emitted.append(Emitted(sequence: sighting.pointee.sequence, alert: alert))
            }
            judge.emitted.removeAll(keepingCapacity: true)
        }
    }

    /// Finds the profile of a sighting's user, or makes an empty one that has to be loaded.
    @inline(__always)
    private func find(_ sighting: UnsafeMutablePointer<Sighting>) {
        let key = sighting.pointee.userKey
        var slot = Int(truncatingIfNeeded: key &>> 20) & mask
        while slots[slot] != 0 {
            if keys[slot] == key {
                let index = slots[slot] &- 1
                // The key is 64 bits of a hash: the name decides.
                if profiles[Int(index)].isOf(sighting) {
                    wanted.append(index)
                    return
                }
            }
            slot = (slot &+ 1) & mask
        }
        wanted.append(add(sighting, slot))
    }

    private func add(_ sighting: UnsafeMutablePointer<Sighting>, _ slot: Int) -> UInt32 {
        if count == capacity {
            let larger = UnsafeMutablePointer<Profile>.allocate(capacity: capacity * 2)
            larger.update(from: profiles, count: count)
            profiles.deallocate()
            profiles = larger
            let moreEpochs = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity * 2)
            moreEpochs.update(from: epochs, count: count)
            epochs.deallocate()
            epochs = moreEpochs
            capacity *= 2
        }
        let index = count
        let key = sighting.pointee.userKey
        (profiles + index).initialize(
            to: Profile(
                tenant: sighting.pointee.record.tenant, user: sighting.pointee.record.userID, userKey: key,
                rowKey: key))
        epochs[index] = epoch
        memoryBytes += profiles[index].memoryBytes
        count += 1
        slots[slot] = UInt32(index) + 1
        keys[slot] = key
        missing.append(UInt32(index))
        if count * 2 > slots.count { rehash(slots.count * 2) }
        return UInt32(index)
    }

    private func rehash(_ size: Int) {
        slots = Array(repeating: 0, count: size)
        keys = Array(repeating: 0, count: size)
        mask = size - 1
        for i in 0..<count {
            let key = profiles[i].userKey
            var slot = Int(truncatingIfNeeded: key &>> 20) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(i) + 1
            keys[slot] = key
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
                    let made = profiles[index]
                    guard stored.userID == made.userID, stored.tenant == made.tenant else {
                        // Another user has this hash: the next row is ours, or free.
                        stored.free()
                        profiles[index].rowKey &+= 1
                        collided.append(UInt32(index))
                        return
                    }
                    stored.rowKey = made.rowKey
                    judge.restore(&stored)
                    memoryBytes += stored.memoryBytes - made.memoryBytes
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

    /// Writes all changed profiles as bytes, ordered by row.
    func encodeDirty() {
        dirty.sort { profiles[Int($0)].rowKey < profiles[Int($1)].rowKey }
        encodedKeys.removeAll(keepingCapacity: true)
        encodedEnds.removeAll(keepingCapacity: true)
        var end = 0
        for index in dirty {
            let i = Int(index)
            let before = profiles[i].memoryBytes
            let bytes = codec.encode(&profiles[i])
            memoryBytes += profiles[i].memoryBytes - before
            if end + bytes.count > encodedCapacity {
                let larger = UnsafeMutableRawPointer.allocate(
                    byteCount: max(encodedCapacity * 2, end + bytes.count), alignment: 8)
                larger.copyMemory(from: encoded, byteCount: end)
                encoded.deallocate()
                encoded = larger
                encodedCapacity = max(encodedCapacity * 2, end + bytes.count)
            }
            if let base = bytes.baseAddress {
                (encoded + end).copyMemory(from: base, byteCount: bytes.count)
            }
            end += bytes.count
            encodedKeys.append(profiles[i].rowKey)
            encodedEnds.append(end)
        }
    }

    /// After a commit: nothing is dirty. Lets go of profiles when they hold more than `budget` bytes:
    /// first those that were not used since the last commit, else all.
    func committed(budget: Int, reader: () -> ProfileReader?) {
        for index in dirty { profiles[Int(index)].isDirty = false }
        dirty.removeAll(keepingCapacity: true)
        if encodedCapacity > 32 << 20 {
            encoded.deallocate()
            encodedCapacity = 1 << 20
            encoded = .allocate(byteCount: encodedCapacity, alignment: 8)
        }
        if memoryBytes > budget {
            drop { epochs[$0] != epoch }
            if memoryBytes > budget / 2 { drop { _ in true } }
            if self.reader == nil { self.reader = reader() }
        }
        epoch &+= 1
    }

    private func drop(_ isUnwanted: (Int) -> Bool) {
        var kept = 0
        for i in 0..<count {
            if isUnwanted(i) {
                memoryBytes -= profiles[i].memoryBytes
                profiles[i].free()
            } else {
                profiles[kept] = profiles[i]
                epochs[kept] = epochs[i]
                kept += 1
            }
        }
        count = kept
        var size = 4096
        while size < 4 * kept { size *= 2 }
        rehash(size)
    }

    var dirtyCount: Int { dirty.count }
}

/// Sightings of one worker's part of a batch that belong to one shard, in order.
struct SightingList {
    var sightings: UnsafeMutablePointer<Sighting>
    var indices: [UInt32]
}
