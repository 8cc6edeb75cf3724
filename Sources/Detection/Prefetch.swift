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
        withUnsafeTemporaryAllocation(of: Upcoming.self, capacity: ahead) { ring in
            for n in 0..<count &+ ahead {
                if n &+ 2 &* ahead < count {
                    prefetch(sightings[n &+ 2 &* ahead], MemoryLayout<Sighting>.size)
                    prefetch(profile(n &+ 2 &* ahead), MemoryLayout<Profile>.size)
                }
                if n &+ ahead < count { profile(n &+ ahead).pointee.prefetchKeys() }
                // Two before: its facts are near, and name the texts that it is compared with.
                if n >= 2, n &- 2 < count {
                    profile(n &- 2).pointee.prefetchNames(ring[(n &- 2) & 3].context)
                }
                // The slot is free once its sighting of four before was judged.
                if n >= ahead, n &- ahead < count {
                    let m = n &- ahead
                    let verdict = observe(sightings[m], ring[m & 3], profile(m))
                    done(m, verdict, &emitted)
                }
                guard n < count else { continue }
                let own = profile(n)
                if n < ahead { own.pointee.prefetchKeys() }
                sightings[n].pointee.prefetchTexts()
                let stored = StoredSighting(sightings[n])
                ring[n & 3] = Upcoming(
                    stored: stored, context: Context(stored, in: own.pointee),
                    steps: own.pointee.steps)
                own.pointee.prefetchFacts(ring[n & 3].context, stored)
            }
        }
    }

    /// A sighting whose keys and facts have been asked for.
    private struct Upcoming: BitwiseCopyable {
        var stored: StoredSighting
        /// As of when it was asked for: good unless the profile was judged by since.
        var context: Context
        var steps: UInt32
    }

    @inline(__always)
    private mutating func observe(
        _ sighting: UnsafePointer<Sighting>, _ upcoming: Upcoming,
        _ profile: UnsafeMutablePointer<Profile>
    ) -> Verdict {
        upcoming.steps == profile.pointee.steps
            ? observe(sighting, upcoming.stored, upcoming.context, &profile.pointee)
            : observe(
                sighting, upcoming.stored, Context(upcoming.stored, in: profile.pointee),
                &profile.pointee)
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

extension Sighting {
    /// Asks for the texts that a profile takes on or compares.
    @inline(__always)
    fileprivate func prefetchTexts() {
        ls_prefetch(record.id.base)
        ls_prefetch(record.sessionID.base)
        ls_prefetch(record.userName.base)
    }
}

extension Profile {
    /// Asks for the lines that finding a sighting's facts will read, and those that it writes to.
    func prefetchKeys() {
        guard let keys = keys.base else { return }
        let count = self.keys.count
        var line = 0
        while line <= count {  // up to where a new one goes
            ls_prefetch(keys + line)
            line &+= 8
        }
        if let tail = tail.base {
            let end = UnsafeRawPointer(tail + self.tail.count)
            if self.tail.count > 0 {
                ls_prefetch(end - 128)
                ls_prefetch(end - 64)
            }
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
            let end = UnsafeRawPointer(heap + Int(self.heap.used))
            ls_prefetch(end)
            ls_prefetch(end + 64)
        }
    }

    /// Asks for the facts that a sighting will be compared with or change, once their keys are near:
    /// its own, all tracks, and all sessions when one of them has to make room.
    func prefetchFacts(_ context: Context, _ x: StoredSighting) {
        guard let facts = facts.base else { return }
        // A fact that is not there (-1) asks for the line before the first, which does no harm.
        ls_prefetch(facts + context.device)
        ls_prefetch(facts + context.network)
        ls_prefetch(facts + context.provider)
        ls_prefetch(facts + context.place)
        ls_prefetch(facts + context.country)
        ls_prefetch(facts + context.session)
        ls_prefetch(facts + context.failures)
        ls_prefetch(facts + context.habit)
        ls_prefetch(facts + self.facts.count)  // for one that is new
        let isCrowded =
            context.session < 0 && !x.session.isNone
            && Int(kindCounts[Int(FactKind.session.rawValue)]) == FactKind.session.limit
        forEach(.track) { ls_prefetch(facts + $0) }
        if kindCounts[Int(FactKind.alert.rawValue)] > 0 {
            forEach(.alert) { ls_prefetch(facts + $0) }
        }
        if isCrowded { forEach(.session) { ls_prefetch(facts + $0) } }
    }
}

extension Profile {
    /// Asks for what the place of a sighting is called, once its fact is near.
    @inline(__always)
    fileprivate func prefetchNames(_ context: Context) {
        guard let heap = heap.base, context.place >= 0, context.place < facts.count else { return }
        ls_prefetch(heap + Int(facts[context.place].cityText.offset))
    }
}

extension Profile {
    /// Asks for all that `ProfileCodec.encode` will read.
    public func prefetchAll() {
        func ask<T>(_ block: Block<T>) {
            guard let base = block.base else { return }
            prefetch(base, block.count * MemoryLayout<T>.stride)
        }
        ask(keys)
        ask(facts)
        ask(findings)
        ask(tail)
        ask(undo)
        ask(heap)
        ask(published)
        ask(cells)
    }
}
