internal import SessionModel

/// Finds, in one pass over a text, which expressions may match it at all.
///
/// Immutable. Words are found by their first three bytes: a bitmap of 2¹⁶ bits says for most
/// positions that no word begins there, and a word of up to eight bytes is compared in one step.
/// The cost is about a nanosecond a byte; at worst (a text made of the commonest beginning) some
/// sixty.
final class UserAgentPrefilter: @unchecked Sendable {
    struct Word {
        var bits: UInt64
        var mask: UInt64
        /// Where its uses are in `uses`.
        var firstUse: UInt32
        var useCount: UInt32
    }

    struct Use {
        var rule: UInt16
        /// One bit a group of the rule.
        var group: UInt8
    }

    /// How many 64-bit words a set of rules takes.
    let setSize: Int
    let ruleCount: Int
    private(set) var wordCount = 0
    private let words: UnsafeMutablePointer<Word>
    private let uses: UnsafeMutablePointer<Use>
    /// Groups that each rule needs.
    private let needed: UnsafeMutablePointer<UInt8>
    /// Rules that any text may match.
    private let always: UnsafeMutablePointer<UInt64>
    private let bitmap: UnsafeMutablePointer<UInt64>
    /// By the hash of the first three bytes: the first word of the bucket, one more for the end.
    private let buckets: UnsafeMutablePointer<UInt16>
    private static let bucketBits = 12
    private static let bitmapBits = 16

    init(patterns: [TextView]) {
        ruleCount = patterns.count
        setSize = (patterns.count + 63) / 64
        needed = .allocate(capacity: max(ruleCount, 1))
        needed.initialize(repeating: 0, count: ruleCount)
        always = .allocate(capacity: max(setSize, 1))
        always.initialize(repeating: 0, count: setSize)
        bitmap = .allocate(capacity: 1 << (Self.bitmapBits - 6))
        bitmap.initialize(repeating: 0, count: 1 << (Self.bitmapBits - 6))
        buckets = .allocate(capacity: 1 << Self.bucketBits + 1)
        buckets.initialize(repeating: 0, count: 1 << Self.bucketBits + 1)

        var index: [ShortWord: Int] = [:]
        index.reserveCapacity(8192)
        var found: [(word: ShortWord, uses: [Use])] = []
        var useTotal = 0
        for (rule, pattern) in patterns.enumerated() {
            let groups = UserAgentLiterals(pattern: pattern).groups
            // Numbers of words are 16 bits; a file that needs more goes without the filter there.
            guard !groups.isEmpty, found.count < 60_000 else {
                always[rule >> 6] |= 1 << UInt64(rule & 63)
                continue
            }
            for (number, group) in groups.enumerated() {
                let bit: UInt8 = 1 << UInt8(number)
                needed[rule] |= bit
                for word in group {
                    let at: Int
                    if let known = index[word] {
                        at = known
                    } else {
                        at = found.count
                        index[word] = at
                        found.append((word, []))
                    }
                    found[at].uses.append(Use(rule: UInt16(rule), group: bit))
                    useTotal += 1
                }
            }
        }
        found.sort { a, b in
            let (x, y) = (Self.bucket(a.word.bits), Self.bucket(b.word.bits))
            return x == y ? a.word.bits < b.word.bits : x < y
        }
        wordCount = found.count
        words = .allocate(capacity: max(found.count, 1))
        uses = .allocate(capacity: max(useTotal, 1))
        var nextUse = 0
        for (at, entry) in found.enumerated() {
            (words + at).initialize(
                to: Word(
                    bits: entry.word.bits, mask: entry.word.mask, firstUse: UInt32(nextUse),
                    useCount: UInt32(entry.uses.count)))
            for use in entry.uses {
                (uses + nextUse).initialize(to: use)
                nextUse += 1
            }
            let bit = Self.bit(entry.word.bits)
            bitmap[bit >> 6] |= 1 << UInt64(bit & 63)
            buckets[Self.bucket(entry.word.bits) + 1] += 1
        }
        for i in 1...(1 << Self.bucketBits) { buckets[i] += buckets[i - 1] }
    }

    deinit {
        words.deallocate()
        uses.deallocate()
        needed.deallocate()
        always.deallocate()
        bitmap.deallocate()
        buckets.deallocate()
    }

    @inline(__always) private static func hash(_ bits: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: bits & 0xFF_FFFF) &* 0x9E37_79B1
    }
    @inline(__always) private static func bit(_ bits: UInt64) -> Int {
        Int(hash(bits) &>> UInt32(32 - bitmapBits))
    }
    @inline(__always) private static func bucket(_ bits: UInt64) -> Int {
        Int(hash(bits) &>> UInt32(32 - bucketBits))
    }

    /// What one scan needs; one for each thread.
    final class Scratch {
        /// The text in lower case, with eight bytes of nothing after it.
        let lower: UnsafeMutablePointer<UInt8>
        /// A bit for each rule that may match.
        let candidates: UnsafeMutablePointer<UInt64>
        fileprivate let groups: UnsafeMutablePointer<UInt8>
        fileprivate let seen: UnsafeMutablePointer<UInt64>
        fileprivate let seenSize: Int

        init(for filter: UserAgentPrefilter) {
            lower = .allocate(capacity: UserAgentParser.textLimit + 8)
            candidates = .allocate(capacity: max(filter.setSize, 1))
            groups = .allocate(capacity: max(filter.ruleCount, 1))
            seenSize = (filter.wordCount + 63) / 64
            seen = .allocate(capacity: max(seenSize, 1))
        }

        deinit {
            lower.deallocate()
            candidates.deallocate()
            groups.deallocate()
            seen.deallocate()
        }
    }

    /// Fills `scratch.candidates`. The text is at most `UserAgentParser.textLimit` long.
    func scan(_ text: TextView, _ scratch: Scratch) {
        precondition(text.count <= UserAgentParser.textLimit)
        let (lower, candidates, groups, seen) = (
            scratch.lower, scratch.candidates, scratch.groups, scratch.seen
        )
        candidates.update(from: always, count: setSize)
        guard let base = text.base else { return }
        groups.update(repeating: 0, count: ruleCount)
        seen.update(repeating: 0, count: scratch.seenSize)
        let count = text.count
        for i in 0..<count { lower[i] = lowercased(base[i]) }
        UnsafeMutableRawPointer(lower + count).storeBytes(of: 0, as: UInt64.self)
        var i = 0
        while i &+ UserAgentLiterals.shortest <= count {
            let here = UnsafeRawPointer(lower + i).loadUnaligned(as: UInt64.self)
            i &+= 1
            let bit = Self.bit(here)
            if bitmap[bit &>> 6] &>> UInt64(bit & 63) & 1 == 0 { continue }
            let bucket = bit &>> (Self.bitmapBits - Self.bucketBits)
            var at = Int(buckets[bucket])
            let end = Int(buckets[bucket &+ 1])
            while at < end {
                let word = words[at]
                if here & word.mask == word.bits,
                    seen[at &>> 6] &>> UInt64(at & 63) & 1 == 0
                {
                    seen[at &>> 6] |= 1 &<< UInt64(at & 63)
                    mark(word, candidates, groups)
                }
                at &+= 1
            }
        }
    }

    @inline(__always) private func mark(
        _ word: Word, _ candidates: UnsafeMutablePointer<UInt64>,
        _ groups: UnsafeMutablePointer<UInt8>
    ) {
        var use = uses + Int(word.firstUse)
        for _ in 0..<word.useCount {
            let rule = Int(use.pointee.rule)
            let met = groups[rule] | use.pointee.group
            groups[rule] = met
            if met == needed[rule] { candidates[rule &>> 6] |= 1 &<< UInt64(rule & 63) }
            use += 1
        }
    }
}
