import CSystem
public import SessionModel
import Synchronization

/// What is known of one user. Bounded: `FactKind.limit` facts of each kind, `Profile.tailLimit`
/// sightings that a late one may still come before, and the findings of open alerts.
///
/// Judging a sighting changes the facts one step. Every change is written to an undo log first, so
/// that a late sighting can take its place: the steps from there on are undone, newest first, and
/// taken again with it. In order, a sighting costs one step; the log goes when its sighting has left
/// the lateness window.
///
/// A profile owns its memory until `free()` gives it back to its arena, which may also go as a whole.
public struct Profile: ~Copyable {
    /// The most sightings in the tail. A user with more in the lateness window settles earlier.
    public static let tailLimit = 64
    /// The most findings kept with an alert; more of the same only count.
    public static let findingsPerAlert = 16
    /// The most findings of all alerts together; the oldest make room.
    public static let findingLimit = 48
    /// The most ends of alerts for which it keeps what a person said.
    public static let markLimit = 16
    /// The most alerts whose published revision is remembered.
    public static let publishedLimit = 16

    // Facts: all keys together, so that a search reads few lines; the fact of keys[i] is facts[i].
    var keys = Block<FactKey>()
    var facts = Block<Fact>()
    /// How many facts of each kind, by its raw value.
    var kindCounts = InlineArray<13, UInt8>(repeating: 0)
    var findings = Block<StoredFinding>()
    var tail = Block<StoredSighting>()
    var undo = Block<UInt8>()
    /// Bytes of the undo log that were let go of before its first.
    var undoBase: UInt32 = 0
    var heap = Block<UInt8>()
    var published = Block<PublishedAlert>()
    /// For a team's own rules; see `CustomCell`.
    var cells = Block<CustomCell>()
    var tally = Tally()

    /// SipHash of tenant and user id; part of the alerts' ids.
    public var userKey: UInt64 = 0
    /// The row in the state store: the user's key, or the next free one after a collision.
    public var rowKey: UInt64 = 0
    /// The newest event time seen.
    var newest = Int64.min
    /// Sightings before this are settled and cannot be judged again.
    var settled = Int64.min
    var tenantText = TextRef.empty
    var userText = TextRef.empty
    var userNameText = TextRef.empty
    /// The heap's size when it was last compacted.
    var heapFloor: UInt32 = 0
    /// Whether it has forgotten a published alert for want of room, so that a revision's number has to
    /// be asked of the state.
    var hasForgotten = false
    /// Whether it is not of a user but of what a team's own rule counts by, as an address: it has cells
    /// and alerts, and no facts.
    public var isOfKey = false
    /// Counts the sightings it was judged by, so that what was found out before can be told to be
    /// out of date.
    var steps: UInt32 = 0
    /// Nothing: it has the compiler pass profiles by address, as it would also copy their 280 bytes
    /// into the frame of whoever calls with one.
    private let byAddress = Atomic<UInt8>(0)

    /// Counters that are part of judgement, and so of what is undone.
    public struct Tally: BitwiseCopyable, Sendable {
        /// Sightings that show the account in use.
        public var sightings: UInt32 = 0
        /// In event time; the first such sighting.
        public var firstUse: Int64 = 0
        private var flags: UInt32 = 0
        /// Whether a sign-in ever failed, so that a success has failures to look for.
        var failedOnce: Bool {
            get { flags & 1 != 0 }
            set { flags = flags & ~1 | (newValue ? 1 : 0) }
        }
        /// Whether password, recovery address or second factor ever changed.
        var changedOnce: Bool {
            get { flags & 2 != 0 }
            set { flags = flags & ~2 | (newValue ? 2 : 0) }
        }
        /// Whether a finding ever was about a record without a session.
        var hasNameless: Bool {
            get { flags & 4 != 0 }
            set { flags = flags & ~4 | (newValue ? 4 : 0) }
        }
        /// Whether an alert was confirmed, so that there are devices or networks of intruders to look for.
        var hasCondemned: Bool {
            get { flags & 8 != 0 }
            set { flags = flags & ~8 | (newValue ? 8 : 0) }
        }
        /// Of the user's newest sessions, how many began with a sign-in and how many were first seen in
        /// use; five bits each, both halved when one is full.
        private var begun: UInt32 {
            get { flags &>> 4 & 31 }
            set { flags = flags & ~(31 &<< 4) | newValue &<< 4 }
        }
        private var unbegun: UInt32 {
            get { flags &>> 9 & 31 }
            set { flags = flags & ~(31 &<< 9) | newValue &<< 9 }
        }
        /// Both as they are stored, ten bits.
        var sessionCounts: UInt32 {
            get { flags &>> 4 & 1023 }
            set { flags = flags & ~(1023 &<< 4) | (newValue & 1023) &<< 4 }
        }
        mutating func countSession(isBegun: Bool) {
            if begun == 31 || unbegun == 31 { (begun, unbegun) = (begun / 2, unbegun / 2) }
            if isBegun { begun += 1 } else { unbegun += 1 }
        }
        /// Whether the user's sessions begin with a sign-in, so that one that does not is strange: three
        /// at least do, and eight in nine. Some sources tell no sign-ins.
        var beginsSessions: Bool { begun >= 3 && begun >= 8 * unbegun }
        /// The day (since 1970) on which the user's own device was first seen to jump farther than a
        /// body travels; 0 for never.
        var firstJump: Int {
            get { Int(flags &>> 16) }
            set {
                flags =
                    flags & 0xFFFF | UInt32(truncatingIfNeeded: max(0, min(65_535, newValue)))
                    &<< 16
            }
        }
        func hasJumped(before day: Int) -> Bool { firstJump != 0 && firstJump < day }

        public init() {}
    }

    public init() {}

    /// A profile for a user who was never seen.
    public init(tenant: TextView, user: TextView, userKey: UInt64, rowKey: UInt64) {
        self.userKey = userKey
        self.rowKey = rowKey
        // What a first sighting takes: many users have no other.
        heap.reserve(192)
        keys.reserve(8)
        facts.reserve(8)
        undo.reserve(128)
        tenantText = heap.addText(tenant)
        userText = heap.addText(user)
    }

    public mutating func free() {
        keys.free()
        facts.free()
        findings.free()
        tail.free()
        undo.free()
        heap.free()
        published.free()
        cells.free()
    }

    /// What it holds of the machine's memory, in bytes.
    public var memoryBytes: Int {
        MemoryLayout<Profile>.stride + keys.bytes + facts.bytes + findings.bytes + tail.bytes
            + undo.bytes + heap.bytes + published.bytes + cells.bytes
    }

    public var tenant: TextView { heap.text(tenantText) }
    public var userID: TextView { heap.text(userText) }
    public var userName: TextView { heap.text(userNameText) }
    public var newestTime: Timestamp { Timestamp(milliseconds: newest) }

    /// Whether it settled a sighting before its lateness window was over.
    func isSettledEarly(window: Int64) -> Bool {
        settled != .min && settled >= newest &- window
    }
}

// MARK: - Facts

extension Profile {
    /// The fact of this key, or nil. Reads the keys only.
    func index(of key: FactKey) -> Int? {
        let i = ls_find(keys.words, keys.count, key.rawValue)
        return i < 0 ? nil : Int(i)
    }

    func fact(_ key: FactKey) -> Fact? {
        if key.isNone { return nil }
        guard let i = index(of: key) else { return nil }
        return facts[i]
    }

    /// The indices of a kind's facts.
    @inline(__always)
    func forEach(_ kind: FactKind, _ body: (Int) -> Void) {
        var mask = ls_of_kind(keys.words, keys.count, kind.rawValue)
        while mask.low != 0 {
            body(mask.low.trailingZeroBitCount)
            mask.low &= mask.low &- 1
        }
        while mask.high != 0 {
            body(64 &+ mask.high.trailingZeroBitCount)
            mask.high &= mask.high &- 1
        }
    }

    /// Changes a fact, so that it can be undone.
    mutating func update(_ i: Int, _ change: (inout Fact) -> Void) {
        undo.push(facts[i])
        undo.push(UInt32(i) &<< 3 | UndoTag.factChanged.rawValue)
        change(&facts[i])
    }

    /// Counts one more sighting of a fact: the part of it that all kinds share, which is less to log.
    mutating func see(_ i: Int, _ time: Int64) {
        undo.push(facts[i].seen)
        undo.push(UInt32(i) &<< 3 | UndoTag.factSeen.rawValue)
        facts[i].see(time)
    }

    /// Adds a fact, in the place of the kind's one used longest ago when the kind is at its limit.
    mutating func add(_ key: FactKey, _ fact: Fact, kind: FactKind) {
        if Int(kindCounts[Int(kind.rawValue)]) < kind.limit {
            kindCounts[Int(kind.rawValue)] &+= 1
            keys.append(key)
            facts.append(fact)
            undo.push(UndoTag.factAdded.rawValue)
        } else {
            replaceOldest(key, fact, kind: kind)
        }
    }

    mutating func replaceOldest(_ key: FactKey, _ fact: Fact, kind: FactKind) {
        var victim = -1
        forEach(kind) { i in
            // An intruder's stays as long as anything else can go. Ties by key, so that the answer does
            // not depend on the order of facts.
            func rank(_ i: Int) -> (Int, Int64, UInt64) {
                (facts[i].flags.contains(.condemned) ? 1 : 0, facts[i].last, keys[i].rawValue)
            }
            if victim < 0 || rank(i) < rank(victim) { victim = i }
        }
        undo.push(facts[victim])
        undo.push(keys[victim])
        undo.push(UInt32(victim) &<< 3 | UndoTag.factReplaced.rawValue)
        keys[victim] = key
        facts[victim] = fact
    }

    /// Removes a fact, so that it can be undone: logged as an addition of the slot after its own, which
    /// no addition has (it has 0).
    mutating func remove(_ i: Int) {
        undo.push(facts[i])
        undo.push(keys[i])
        undo.push(UInt32(i &+ 1) &<< 3 | UndoTag.factAdded.rawValue)
        removeFact(i)
    }

    /// The other way round.
    private mutating func putBack(_ key: FactKey, _ fact: Fact, at i: Int) {
        countKind(key, by: 1)
        if i == keys.count {
            keys.append(key)
            facts.append(fact)
        } else {
            keys.append(keys[i])
            facts.append(facts[i])
            keys[i] = key
            facts[i] = fact
        }
    }

    mutating func updateTally(_ change: (inout Tally) -> Void) {
        undo.push(tally)
        undo.push(UndoTag.tally.rawValue)
        change(&tally)
    }

    mutating func countKind(_ key: FactKey, by change: Int) {
        let kind = Int(key.rawValue >> 56)
        if kind < 13 {
            kindCounts[kind] = UInt8(truncatingIfNeeded: Int(kindCounts[kind]) + change)
        }
    }

    mutating func addFinding(_ finding: StoredFinding) {
        if findings.count < Profile.findingLimit {
            findings.append(finding)
            undo.push(UndoTag.findingAdded.rawValue)
            return
        }
        var victim = -1
        for i in 0..<findings.count where !findings[i].isMark {
            if victim < 0 || findings[i].time < findings[victim].time { victim = i }
        }
        if victim >= 0 { replaceFinding(victim, by: finding) }
    }

    mutating func replaceFinding(_ i: Int, by finding: StoredFinding) {
        undo.push(findings[i])
        undo.push(UInt32(i) &<< 3 | UndoTag.findingChanged.rawValue)
        findings[i] = finding
    }
}

enum UndoTag: UInt32 {
    case factChanged = 0
    /// Of the last slot; with a slot's number and 1: removed.
    case factAdded = 1
    case factReplaced = 2
    case tally = 3
    case findingAdded = 4
    case findingChanged = 5
    case factSeen = 6
    case cellChanged = 7
}

// MARK: - The tail

extension Profile {
    /// Undoes the steps of the tail's sightings from `index` on, newest first.
    mutating func rollBack(to index: Int) {
        let end = index == 0 ? 0 : tail[index - 1].undoEnd &- undoBase
        while undo.used > end {
            let tag = undo.pop(UInt32.self)
            let i = Int(tag &>> 3)
            switch UndoTag(rawValue: tag & 7).unsafelyUnwrapped {
            case .factChanged:
                facts[i] = undo.pop(Fact.self)
            case .factSeen:
                facts[i].seen = undo.pop(Fact.Seen.self)
            case .cellChanged: undoCell(i)
            case .factAdded where i > 0:
                let key = undo.pop(FactKey.self)
                putBack(key, undo.pop(Fact.self), at: i - 1)
            case .factAdded:
                countKind(keys[keys.count - 1], by: -1)
                keys.truncate(to: keys.count - 1)
                facts.truncate(to: facts.count - 1)
            case .factReplaced:
                keys[i] = undo.pop(FactKey.self)
                facts[i] = undo.pop(Fact.self)
            case .tally:
                tally = undo.pop(Tally.self)
            case .findingAdded:
                findings.truncate(to: findings.count - 1)
            case .findingChanged:
                findings[i] = undo.pop(StoredFinding.self)
            }
        }
    }

    /// What a sighting that was just judged notes as its `undoEnd`.
    var undoEnd: UInt32 { undoBase &+ undo.used }

    /// Lets go of the undo log of the first `n` sightings: they are settled.
    mutating func settleFirst(_ n: Int) {
        let cut = tail[n - 1].undoEnd &- undoBase
        settled = tail[n - 1].time
        if n == tail.count {
            tail.truncate(to: 0)
            undo.truncate(to: 0)
            undoBase = 0
            return
        }
        tail.removeFirst(n)
        undo.removeFirst(Int(cut))
        undoBase &+= cut
    }

    /// Settles what is more than `window` before the newest, and what the tail has no room for.
    mutating func settle(window: Int64) {
        let n = tail.count
        guard n > 0 else { return }
        let horizon = newest &- window
        if tail[n - 1].time < horizon {
            settleFirst(n)
            return
        }
        var k = 0
        while tail[k].time < horizon { k &+= 1 }
        if n &- k > Profile.tailLimit { k = n &- Profile.tailLimit }
        if k > 0 { settleFirst(k) }
    }
}

// MARK: - Texts

extension Profile {
    /// Rewrites the heap when more than half of it is no longer referred to.
    mutating func compactTextsIfWorthwhile() {
        if heap.used > 1024, heap.used > 2 &* heapFloor { compactTexts() }
    }

    /// A text that was moved leaves its new offset behind (as a copying collector does), so that a
    /// second reference finds it; a text too short to hold one is copied again.
    mutating func compactTexts() {
        var old = heap
        heap = Block<UInt8>()
        heap.reserve(old.count)
        forEachText { (reference: inout TextRef, heap: inout Block<UInt8>) in
            guard reference.offset != 0, let base = old.base else { return }
            let start = UnsafeMutableRawPointer(base + Int(reference.offset))
            let length = start.loadUnaligned(as: UInt16.self)
            if length == .max {
                reference = TextRef(start.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
                return
            }
            let moved = heap.addText(old.text(reference))
            if length >= 4 {
                start.storeBytes(of: UInt16.max, as: UInt16.self)
                start.storeBytes(of: moved.offset, toByteOffset: 2, as: UInt32.self)
            }
            reference = moved
        }
        heapFloor = heap.used
        old.free()
    }

    /// Visits every reference into the heap, those in the undo log too.
    mutating func forEachText(_ visit: (inout TextRef, inout Block<UInt8>) -> Void) {
        visit(&tenantText, &heap)
        visit(&userText, &heap)
        visit(&userNameText, &heap)
        for i in 0..<facts.count {
            facts[i].forEachText(kind: keys[i].kind) { visit(&$0, &heap) }
        }
        for i in 0..<findings.count { findings[i].forEachText { visit(&$0, &heap) } }
        for i in 0..<tail.count { tail[i].forEachText { visit(&$0, &heap) } }
        // The undo log is read backwards; facts in it need their kind, which their key tells.
        var end = Int(undo.used)
        guard let log = undo.base.map(UnsafeMutableRawPointer.init) else { return }
        func visitFact(at offset: Int, kind: FactKind?) {
            var fact = log.loadUnaligned(fromByteOffset: offset, as: Fact.self)
            fact.forEachText(kind: kind) { visit(&$0, &heap) }
            log.storeBytes(of: fact, toByteOffset: offset, as: Fact.self)
        }
        // The key of a changed fact may have been replaced or moved later, which going back undoes.
        var keyAt: [Int: FactKey] = [:]
        var count = keys.count
        while end > 0 {
            end -= 4
            let tag = log.loadUnaligned(fromByteOffset: end, as: UInt32.self)
            let i = Int(tag >> 3)
            switch UndoTag(rawValue: tag & 7).unsafelyUnwrapped {
            case .factChanged:
                end -= MemoryLayout<Fact>.size
                visitFact(at: end, kind: (keyAt[i] ?? keys[i]).kind)
            case .factReplaced:
                end -= MemoryLayout<FactKey>.size
                let key = log.loadUnaligned(fromByteOffset: end, as: FactKey.self)
                keyAt[i] = key
                end -= MemoryLayout<Fact>.size
                visitFact(at: end, kind: key.kind)
            case .factAdded where i > 0:
                end -= MemoryLayout<FactKey>.size
                let key = log.loadUnaligned(fromByteOffset: end, as: FactKey.self)
                if i - 1 < count { keyAt[count] = keyAt[i - 1] ?? keys[i - 1] }
                keyAt[i - 1] = key
                count += 1
                end -= MemoryLayout<Fact>.size
                visitFact(at: end, kind: key.kind)
            case .factAdded: count -= 1
            case .findingAdded: break
            case .factSeen: end -= MemoryLayout<Fact.Seen>.size
            case .cellChanged: if i != Profile.addedCell { end -= MemoryLayout<CustomCell>.size }
            case .tally: end -= MemoryLayout<Tally>.size
            case .findingChanged:
                end -= MemoryLayout<StoredFinding>.size
                var finding = log.loadUnaligned(fromByteOffset: end, as: StoredFinding.self)
                finding.forEachText { visit(&$0, &heap) }
                log.storeBytes(of: finding, toByteOffset: end, as: StoredFinding.self)
            }
        }
    }
}

extension Fact {
    mutating func forEachText(kind: FactKind?, _ visit: (inout TextRef) -> Void) {
        switch kind {
        case .device:
            visit(&labelText)
            visit(&deviceText)
        case .session: visit(&sessionText)
        case .network: visit(&organizationText)
        case .place:
            visit(&cityText)
            visit(&regionText)
        case .track: visit(&recordText)
        case .provider, .country, .failures, .alert, .credential, .habit, nil: break
        }
    }
}

extension StoredSighting {
    mutating func forEachText(_ visit: (inout TextRef) -> Void) {
        visit(&recordText)
        visit(&sessionText)
        visit(&deviceText)
        visit(&labelText)
        visit(&cityText)
        visit(&regionText)
        visit(&organizationText)
        visit(&customText)
    }
}

extension Block where Element == FactKey {
    /// For the searches in C.
    var words: UnsafePointer<UInt64>? {
        UnsafeRawPointer(base)?.assumingMemoryBound(to: UInt64.self)
    }
}
