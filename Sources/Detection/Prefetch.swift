import CSystem
public import SessionModel

// Profiles together are larger than any cache, and one after another each sighting would wait for
// memory some twenty times. So what a sighting will touch is asked for while those before it are
// judged: itself and its profile far ahead; then the keys, which the profile tells; then the facts,
// which the keys tell.

extension Judge {
    /// Judges sightings one after another, each by the profile that `profile` gives for its number.
    ///
    /// The same as `observe` on each. `done` is told of each verdict as it is reached, and may take
    /// the alerts that came of it.
    public mutating func observe(
        _ sightings: UnsafePointer<UnsafeMutablePointer<Sighting>>, count: Int,
        profile: (Int) -> UnsafeMutablePointer<Profile>,
        done: (Int, Verdict, inout [Alert]) -> Void
    ) {
        let ahead = 4
        withUnsafeTemporaryAllocation(of: StoredSighting.self, capacity: ahead) { ring in
            for n in 0..<count &+ ahead {
                if n &+ 2 &* ahead < count {
                    prefetch(sightings[n &+ 2 &* ahead], MemoryLayout<Sighting>.size)
                    prefetch(profile(n &+ 2 &* ahead), MemoryLayout<Profile>.size)
                }
                if n &+ ahead < count { profile(n &+ ahead).pointee.prefetchKeys() }
                if n < count {
                    if n < ahead { profile(n).pointee.prefetchKeys() }
                    // The slot is free: its sighting was judged in the last round.
                    let judged = n &- ahead
                    if judged >= 0 { finish(judged, ring, sightings, profile, done) }
                    ring[n & (ahead &- 1)] = StoredSighting(sightings[n])
                    profile(n).pointee.prefetchFacts(ring[n & (ahead &- 1)])
                } else if n >= ahead {
                    finish(n &- ahead, ring, sightings, profile, done)
                }
            }
        }
    }

    @inline(__always)
    private mutating func finish(
        _ n: Int, _ ring: UnsafeMutableBufferPointer<StoredSighting>,
        _ sightings: UnsafePointer<UnsafeMutablePointer<Sighting>>,
        _ profile: (Int) -> UnsafeMutablePointer<Profile>,
        _ done: (Int, Verdict, inout [Alert]) -> Void
    ) {
        let verdict = observe(sightings[n], ring[n & 3], &profile(n).pointee)
        done(n, verdict, &emitted)
    }
}

@inline(__always)
private func prefetch(_ address: UnsafeRawPointer, _ bytes: Int) {
    var offset = 0
    while offset < bytes {
        ls_prefetch(address + offset)
        offset &+= 64
    }
}

extension Profile {
    /// Asks for the lines that finding a sighting's facts will read, and those that it writes to.
    func prefetchKeys() {
        guard let keys = keys.base else { return }
        let count = self.keys.count
        var line = 0
        while line < count {
            ls_prefetch(keys + line)
            line &+= 8
        }
        if let tail = tail.base {
            let end = UnsafeRawPointer(tail + self.tail.count)
            if self.tail.count > 0 { ls_prefetch(end - MemoryLayout<StoredSighting>.stride) }
            ls_prefetch(end)
            ls_prefetch(end + 64)
        }
        if let undo = undo.base {
            let end = UnsafeRawPointer(undo + Int(self.undo.used))
            ls_prefetch(end)
            ls_prefetch(end + 64)
            ls_prefetch(end + 128)
        }
        if let heap = heap.base {
            ls_prefetch(heap)
            ls_prefetch(heap + Int(self.heap.used))
        }
    }

    /// Asks for the facts that a sighting will be compared with or change, once their keys are near:
    /// its own, all tracks, and all sessions when one of them has to make room.
    func prefetchFacts(_ x: StoredSighting) {
        guard let facts = facts.base, let keys = keys.base else { return }
        let sessionKind = FactKind.session.rawValue
        let isCrowded =
            Int(kindCounts[Int(sessionKind)]) == FactKind.session.limit && !x.session.isNone
        for i in 0..<self.keys.count {
            let key = keys[i]
            let kind = UInt8(truncatingIfNeeded: key.rawValue &>> 56)
            if key == x.device || key == x.network || key == x.provider || key == x.place
                || key == x.country || key == x.session || kind == FactKind.track.rawValue
                || kind == sessionKind && isCrowded
            {
                ls_prefetch(facts + i)
            }
        }
    }
}
