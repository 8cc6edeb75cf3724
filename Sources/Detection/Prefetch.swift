import CSystem
public import SessionModel

extension Profile {
    /// Asks for the lines that finding a sighting's facts will read. Profiles together are larger than
    /// any cache, and one after another each would wait for memory some twenty times.
    public func prefetchKeys() {
        guard let keys = keys.base, let facts = facts.base else { return }
        let count = self.keys.count
        var line = 0
        while line < count {
            ls_prefetch(keys + line)
            line &+= 8
        }
        ls_prefetch(facts)
        if let tail = tail.base, self.tail.count > 0 {
            ls_prefetch(tail + (self.tail.count &- 1))
            ls_prefetch(UnsafeRawPointer(tail + self.tail.count).advanced(by: 64))
        }
        if let undo = undo.base { ls_prefetch(undo + Int(self.undo.used)) }
        if let heap = heap.base { ls_prefetch(heap + Int(self.heap.used)) }
    }

    /// Asks for the facts that a sighting will change, once their keys are near.
    public func prefetchFacts(_ sighting: UnsafePointer<Sighting>) {
        guard let facts = facts.base else { return }
        let context = Context(StoredSighting(sighting), in: self)
        for i in [
            context.device, context.network, context.provider, context.place, context.country,
            context.session, context.track,
        ] where i >= 0 {
            ls_prefetch(facts + i)
        }
    }
}
