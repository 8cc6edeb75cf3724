internal import SessionModel

/// What is known of user agents already seen: a hash table from their bytes, with the bytes and the
/// labels in memory of its own. For one thread.
///
/// Looks first where a few sampled words of the text point (a text that comes again and again is
/// found there), then by SipHash, whose collisions an attacker cannot write down. Both compare
/// every byte. Labels stay where they are until `trim`.
struct ClientCache: ~Copyable {
    private struct Entry {
        var hash: UInt64 = 0
        var text = TextView()
        var facts = ClientFacts()
        /// Seen again since the last trim: worth keeping when the cache is full.
        var isUsedAgain = false
    }

    /// Longest user agent and label.
    private static let blockSize = 1 << 18
    private static let sampleSlots = 1 << 10

    private var entries: [Entry] = []
    /// Entries' numbers plus one; 0 is a free slot.
    private var slots: UnsafeMutablePointer<UInt32>
    private var slotMask: Int
    private let samples: UnsafeMutablePointer<UInt32>
    private var blocks: [UnsafeMutablePointer<UInt8>] = []
    private var blockUsed = ClientCache.blockSize
    /// In bytes, of texts, labels and entries.
    private(set) var size = 0
    private let limit: Int

    /// `limit` is in bytes, and held at each `trim`.
    init(limit: Int) {
        self.limit = limit
        slotMask = (1 << 10) - 1
        slots = .allocate(capacity: slotMask + 1)
        slots.initialize(repeating: 0, count: slotMask + 1)
        samples = .allocate(capacity: Self.sampleSlots)
        samples.initialize(repeating: 0, count: Self.sampleSlots)
    }

    deinit {
        slots.deallocate()
        samples.deallocate()
        for block in blocks { block.deallocate() }
    }

    var count: Int { entries.count }

    /// Where to look first: from the length and three words of the text, of which the last holds
    /// the versions in which alike user agents differ.
    @inline(__always) private static func sample(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int
    {
        guard count >= 24 else {
            var mixed = UInt64(truncatingIfNeeded: count)
            for i in 0..<count { mixed = (mixed &* 31) &+ UInt64(base[i]) }
            return Int(truncatingIfNeeded: (mixed &* 0x9e37_79b9_7f4a_7c15) &>> 54)
        }
        let raw = UnsafeRawPointer(base)
        let a = raw.loadUnaligned(fromByteOffset: count &>> 1, as: UInt64.self)
        let b = raw.loadUnaligned(fromByteOffset: count &- 20, as: UInt64.self)
        let c = raw.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        let mixed =
            (a &* 0x9e37_79b9_7f4a_7c15 ^ b) &* 0xbf58_476d_1ce4_e5b9
            ^ c &+ UInt64(truncatingIfNeeded: count)
        return Int(truncatingIfNeeded: (mixed &* 0x94d0_49bb_1331_11eb) &>> 54)
    }

    /// The facts when the text is known; it is not empty.
    @inline(__always) mutating func facts(of text: TextView) -> ClientFacts? {
        let at = Self.sample(text.base.unsafelyUnwrapped, text.count)
        let number = samples[at]
        if number != 0 {
            let found = entries.withUnsafeMutableBufferPointer { entries -> ClientFacts? in
                guard entries[Int(number) - 1].text == text else { return nil }
                entries[Int(number) - 1].isUsedAgain = true
                return entries[Int(number) - 1].facts
            }
            if let found { return found }
        }
        return search(text, sampleSlot: at)
    }

    @inline(never) private mutating func search(
        _ text: TextView, sampleSlot: Int
    ) -> ClientFacts? {
        let hash = text.hash(domain: HashDomain.text)
        var slot = Int(truncatingIfNeeded: hash) & slotMask
        while slots[slot] != 0 {
            let number = slots[slot]
            let index = Int(number) - 1
            if entries[index].hash == hash, entries[index].text == text {
                entries[index].isUsedAgain = true
                samples[sampleSlot] = number
                return entries[index].facts
            }
            slot = (slot &+ 1) & slotMask
        }
        return nil
    }

    /// Takes a text that is not known yet, with a copy of it and of the label.
    mutating func add(_ text: TextView, _ facts: ClientFacts) -> ClientFacts {
        var entry = Entry()
        entry.hash = text.hash(domain: HashDomain.text)
        entry.text = keep(text)
        entry.facts = facts
        entry.facts.label = keep(facts.label)
        insert(entry)
        return entry.facts
    }

    private mutating func insert(_ entry: Entry) {
        if (entries.count + 1) * 2 > slotMask + 1 { grow() }
        entries.append(entry)
        size += entry.text.count + entry.facts.label.count + MemoryLayout<Entry>.stride + 8
        place(UInt32(entries.count), entry.hash)
    }

    private func place(_ number: UInt32, _ hash: UInt64) {
        var slot = Int(truncatingIfNeeded: hash) & slotMask
        while slots[slot] != 0 { slot = (slot + 1) & slotMask }
        slots[slot] = number
    }

    private mutating func grow() {
        slots.deallocate()
        slotMask = slotMask * 2 + 1
        slots = .allocate(capacity: slotMask + 1)
        slots.initialize(repeating: 0, count: slotMask + 1)
        for (index, entry) in entries.enumerated() { place(UInt32(index + 1), entry.hash) }
    }

    private mutating func keep(_ text: TextView) -> TextView {
        guard let base = text.base, text.count > 0 else { return TextView() }
        precondition(text.count <= Self.blockSize)
        if blockUsed + text.count > Self.blockSize {
            blocks.append(.allocate(capacity: Self.blockSize))
            blockUsed = 0
        }
        let copy = blocks[blocks.count - 1] + blockUsed
        copy.update(from: base, count: text.count)
        blockUsed += text.count
        return TextView(base: copy, count: text.count)
    }

    /// Goes back under the limit, when above it: keeps what was seen more than once since the last
    /// time, as far as half the limit allows. So a flood of one-off user agents does not wash out
    /// those that people use. All facts handed out before are void.
    mutating func trim() {
        guard size > limit else { return }
        let (oldEntries, oldBlocks) = (entries, blocks)
        entries = []
        blocks = []
        blockUsed = Self.blockSize
        size = 0
        slots.deallocate()
        slotMask = (1 << 10) - 1
        slots = .allocate(capacity: slotMask + 1)
        slots.initialize(repeating: 0, count: slotMask + 1)
        samples.update(repeating: 0, count: Self.sampleSlots)
        for entry in oldEntries where entry.isUsedAgain {
            guard size < limit / 2 else { break }
            var kept = entry
            kept.text = keep(entry.text)
            kept.facts.label = keep(entry.facts.label)
            kept.isUsedAgain = false
            insert(kept)
        }
        for block in oldBlocks { block.deallocate() }
    }
}
