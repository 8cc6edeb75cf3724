import SessionModel

/// Why a stored profile could not be read: the row is damaged, or from a newer version.
public enum ProfileError: Error, Equatable, CustomStringConvertible {
    case damaged(String)
    case newerFormat(UInt8)
    case olderFormat(UInt8)

    public var description: String {
        switch self {
        case .damaged(let what):
            "a stored profile is damaged (\(what)). Restore the state file from a backup, or begin"
                + " a new one with --state."
        case .newerFormat(let version):
            "a stored profile has format \(version), newer than this program's"
                + " \(ProfileCodec.version). Use the newer lastseen."
        case .olderFormat(let version):
            "a stored profile has format \(version) of a version before the first release; this"
                + " program's is \(ProfileCodec.version). Begin a new state with --state."
        }
    }
}

/// Profiles as bytes: what a row of the state store holds.
///
/// Only the settled facts and the tail are written; the rest is had by taking the tail's steps again
/// (`Judge.restore`). Little-endian, variable-length numbers (LEB128), references between facts as
/// their index. About 30 bytes a fact; 1.8 kB for a user with a month of history.
public struct ProfileCodec: ~Copyable {
    public static let version: UInt8 = 4
    /// What is written where a profile has nothing that these versions did not know: providers that are
    /// new for the user (4); cells, keys and counts of sessions (3).
    private static let (plainVersion, staylessVersion): (UInt8, UInt8) = (2, 3)

    /// Holds the settled facts of the profile being written.
    private var scratch = Profile()
    /// The bytes of the profile written last.
    private var output = Block<UInt8>()

    public init() {}

    /// Gives the scratch memory back.
    public mutating func free() {
        scratch.keys.free()
        scratch.facts.free()
        scratch.findings.free()
        scratch.cells.free()
        output.free()
    }

    // MARK: Writing

    /// A profile's bytes, valid until the next call. Compacts the profile's texts, hence `inout`.
    public mutating func encode(_ profile: inout Profile) -> UnsafeRawBufferPointer {
        profile.compactTexts()  // always, so that a profile has one form on disk
        scratch.keys.copy(profile.keys)
        scratch.facts.copy(profile.facts)
        scratch.findings.copy(profile.findings)
        scratch.cells.copy(profile.cells)
        scratch.kindCounts = profile.kindCounts
        scratch.tally = profile.tally
        scratch.undo = profile.undo
        scratch.tail = profile.tail
        scratch.rollBack(to: 0)
        scratch.undo = Block()
        scratch.tail = Block()

        output.truncate(to: 0)
        let hasCells = scratch.cells.count > 0
        let sessions = scratch.tally.sessionCounts
        let hasStays = scratch.hasStays(at: profile.settled)
        output.push(
            hasStays
                ? ProfileCodec.version
                : hasCells || profile.isOfKey || sessions != 0
                    ? ProfileCodec.staylessVersion : ProfileCodec.plainVersion)
        var flags: UInt8 = 0
        if profile.hasForgotten { flags |= 1 }
        if scratch.tally.failedOnce { flags |= 2 }
        if scratch.tally.changedOnce { flags |= 4 }
        if scratch.tally.hasNameless { flags |= 8 }
        if hasCells { flags |= 16 }
        if profile.isOfKey { flags |= 32 }
        if scratch.tally.hasCondemned { flags |= 64 }
        if sessions != 0 { flags |= 128 }
        output.push(flags)
        output.push(profile.userKey)
        output.push(profile.newest)
        output.push(profile.settled)
        output.varint(profile.tenantText.offset)
        output.varint(profile.userText.offset)
        output.varint(profile.userNameText.offset)
        output.varint(scratch.tally.sightings)
        output.push(scratch.tally.firstUse)
        output.varint(UInt32(scratch.tally.firstJump))
        if sessions != 0 { output.varint(sessions) }
        output.varint(UInt64(scratch.keys.count))
        output.varint(UInt64(scratch.findings.count))
        output.varint(UInt64(profile.tail.count))
        output.varint(UInt64(profile.published.count))
        output.varint(UInt64(profile.heap.count))
        for i in 0..<scratch.keys.count { output.push(scratch.keys[i]) }
        for i in 0..<scratch.keys.count {
            write(i, newest: profile.newest)
            if hasStays, scratch.keys[i].kind == .provider {
                let stay = scratch.facts[i]
                output.push(UInt8(stay.isStay(at: profile.settled) ? 1 : 0))
                if stay.isStay(at: profile.settled) {
                    output.push(stay.a)
                    output.push(stay.b)
                }
            }
        }
        for i in 0..<scratch.findings.count { output.push(scratch.findings[i]) }
        for i in 0..<profile.tail.count {
            var x = profile.tail[i]
            x.undoEnd = 0
            output.push(x)
        }
        for i in 0..<profile.published.count { output.push(profile.published[i]) }
        if hasCells {
            output.varint(UInt64(scratch.cells.count))
            for i in 0..<scratch.cells.count { output.push(scratch.cells[i]) }
        }
        output.push(bytesOf: profile.heap)
        return UnsafeRawBufferPointer(start: output.base, count: output.count)
    }

    private mutating func write(_ i: Int, newest: Int64) {
        let fact = scratch.facts[i]
        output.push(fact.flags.rawValue)
        output.varint(UInt64(fact.days))
        output.varint(fact.count)
        output.varint(UInt64(bitPattern: newest &- fact.last))
        output.varint(UInt64(bitPattern: fact.last &- fact.first))
        switch scratch.keys[i].kind {
        case .device:
            output.varint(fact.a.low)
            output.varint(fact.a.high)
            output.push(fact.clientHash)
        case .network:
            output.varint(fact.a.low)
            output.varint(fact.a.high)
            output.varint(fact.b)
            output.address(fact.address)
        case .place:
            output.push(fact.a)
            output.push(fact.b.low)
            output.varint(fact.b.high)
            output.varint(fact.c)
        case .session:
            output.varint(fact.sessionText.offset)
            output.push(fact.sessionClient)
            write(fact.sessionDevice)
            write(fact.sessionNetwork)
            write(fact.sessionPlace)
            output.address(fact.address)
        case .track:
            output.push(fact.a)
            output.varint(fact.recordText.offset)
            write(fact.trackNetwork)
            write(fact.trackSession)
            write(fact.trackDevice)
            write(fact.trackPlace)
        case .failures:
            output.varint(fact.a)
            output.push(fact.b)
        case .alert:
            output.push(fact.a)
            output.push(fact.b)
            output.push(fact.c)
            output.push(fact.d)
            output.push(fact.e)
        case .credential:
            write(fact.sessionDevice)
            write(fact.sessionNetwork)
            write(fact.sessionPlace)
        case .habit:
            output.push(fact.a)
            output.push(fact.b)
            output.push(fact.c)
            write(fact.newestPlace)
            output.push(fact.e)
        case .provider, .country, nil: break
        }
    }

    /// A reference to another fact: its index and 1; 0 for none, 255 and the key for one that is gone.
    private mutating func write(_ key: FactKey) {
        if key.isNone {
            output.push(UInt8(0))
        } else if let i = scratch.index(of: key), i < 254 {
            output.push(UInt8(i + 1))
        } else {
            output.push(UInt8(255))
            output.push(key)
        }
    }

    // MARK: Reading

    /// Reads what `encode` wrote. The facts are the settled ones: `Judge.restore` has to follow.
    ///
    /// Every count, length and reference is checked: a damaged row gives an error, never a crash.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(ProfileError) -> Profile {
        var profile = Profile()
        do {
            try read(bytes, &profile)
        } catch {
            profile.free()
            throw error
        }
        return profile
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ profile: inout Profile
    ) throws(ProfileError) {
        var input = Reader(bytes: bytes)
        let version = try input.pop(UInt8.self)
        guard (ProfileCodec.plainVersion...ProfileCodec.version).contains(version) else {
            throw version > ProfileCodec.version
                ? .newerFormat(version)
                : version > 0 ? .olderFormat(version) : .damaged("its format")
        }
        let flags = try input.pop(UInt8.self)
        profile.hasForgotten = flags & 1 != 0
        profile.tally.failedOnce = flags & 2 != 0
        profile.tally.changedOnce = flags & 4 != 0
        profile.tally.hasNameless = flags & 8 != 0
        profile.isOfKey = flags & 32 != 0
        profile.tally.hasCondemned = flags & 64 != 0
        profile.userKey = try input.pop(UInt64.self)
        profile.newest = try input.pop(Int64.self)
        profile.settled = try input.pop(Int64.self)
        profile.tenantText = try input.text()
        profile.userText = try input.text()
        profile.userNameText = try input.text()
        profile.tally.sightings = try input.varint32()
        profile.tally.firstUse = try input.pop(Int64.self)
        profile.tally.firstJump = Int(try input.varint32())
        if flags & 128 != 0 { profile.tally.sessionCounts = try input.varint32() }
        let most = FactKind.allCases.reduce(0) { $0 + $1.limit }
        let factCount = try input.count(most, "facts")
        let findingCount = try input.count(Profile.findingLimit, "findings")
        let tailCount = try input.count(Profile.tailLimit + 1, "sightings")
        let publishedCount = try input.count(Profile.publishedLimit, "published alerts")
        let heapCount = try input.count(1 << 24, "bytes of text")
        profile.keys.reserve(factCount + 2)
        profile.facts.reserve(factCount + 2)
        profile.tail.reserve(tailCount + 1)
        profile.heap.reserve(heapCount + 96)
        for _ in 0..<factCount {
            let key = try input.pop(FactKey.self)
            profile.keys.append(key)
            profile.countKind(key, by: 1)
        }
        for i in 0..<factCount {
            profile.facts.append(try input.fact(i, profile.keys, newest: profile.newest))
            if version > ProfileCodec.staylessVersion, profile.keys[i].kind == .provider,
                try input.pop(UInt8.self) != 0
            {
                profile.facts[i].a = try input.pop(UInt64.self)
                profile.facts[i].b = try input.pop(UInt64.self)
            }
        }
        for _ in 0..<findingCount {
            profile.findings.append(try input.pop(StoredFinding.self))
        }
        for _ in 0..<tailCount {
            profile.tail.append(try input.pop(StoredSighting.self))
            profile.tail[profile.tail.count - 1].undoEnd = 0
        }
        for _ in 0..<publishedCount { profile.published.append(try input.pop(PublishedAlert.self)) }
        if flags & 16 != 0 {
            let cellCount = try input.count(Profile.mostCells, "cells")
            profile.cells.reserve(cellCount)
            for _ in 0..<cellCount { profile.cells.append(try input.pop(CustomCell.self)) }
        }
        profile.heap.push(try input.take(heapCount))
        profile.heapFloor = profile.heap.used
        guard input.isAtEnd else { throw .damaged("bytes left over") }
        guard profile.areTextsSound() else { throw .damaged("a text outside of its heap") }
    }
}

extension Profile {
    /// Whether every text reference points at a whole text.
    fileprivate mutating func areTextsSound() -> Bool {
        var isSound = true
        let end = heap.count
        forEachText { reference, heap in
            guard reference.offset != 0, isSound else { return }
            let start = Int(reference.offset)
            isSound =
                start + 2 <= end && start + 2 + heap.text(reference).count <= end
        }
        return isSound
    }
}

/// A checked cursor over a row.
private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func pop<T: BitwiseCopyable>(_ type: T.Type) throws(ProfileError) -> T {
        let size = MemoryLayout<T>.size
        guard bytes.count - position >= size else { throw .damaged("it is cut off") }
        defer { position += size }
        return bytes.loadUnaligned(fromByteOffset: position, as: T.self)
    }

    mutating func take(_ count: Int) throws(ProfileError) -> UnsafeRawBufferPointer {
        guard bytes.count - position >= count else { throw .damaged("it is cut off") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    mutating func varint() throws(ProfileError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = try pop(UInt8.self)
            value |= UInt64(byte & 127) << shift
            if byte < 128 { return value }
            shift += 7
        }
        throw .damaged("a number is too long")
    }

    mutating func varint32() throws(ProfileError) -> UInt32 {
        guard let value = UInt32(exactly: try varint()) else {
            throw .damaged("a number is too large")
        }
        return value
    }

    mutating func text() throws(ProfileError) -> TextRef { TextRef(try varint32()) }

    mutating func count(_ most: Int, _ what: String) throws(ProfileError) -> Int {
        let value = try varint()
        guard value <= UInt64(most) else { throw .damaged("too many \(what)") }
        return Int(value)
    }

    mutating func address() throws(ProfileError) -> IPAddress {
        if try pop(UInt8.self) == 4 { return IPAddress(v4: try pop(UInt32.self)) }
        return IPAddress(high: try pop(UInt64.self), low: try pop(UInt64.self))
    }

    mutating func key(_ keys: Block<FactKey>) throws(ProfileError) -> FactKey {
        let index = Int(try pop(UInt8.self))
        if index == 0 { return .none }
        if index == 255 { return try pop(FactKey.self) }
        guard index <= keys.count else { throw .damaged("a reference to no fact") }
        return keys[index - 1]
    }

    mutating func fact(
        _ i: Int, _ keys: Block<FactKey>, newest: Int64
    ) throws(ProfileError) -> Fact {
        var fact = Fact(firstSeen: 0)
        fact.flags = Fact.Flags(rawValue: try pop(UInt8.self))
        fact.days = UInt16(truncatingIfNeeded: try varint())
        fact.count = try varint32()
        fact.last = newest &- Int64(bitPattern: try varint())
        fact.first = fact.last &- Int64(bitPattern: try varint())
        switch keys[i].kind {
        case .device:
            fact.a = pack(try varint32(), try varint32())
            fact.clientHash = try pop(UInt32.self)
        case .network:
            fact.a = pack(try varint32(), try varint32())
            fact.b = try varint()
            fact.address = try address()
        case .place:
            fact.a = try pop(UInt64.self)
            fact.b = pack(try pop(UInt32.self), try varint32())
            fact.c = try varint()
        case .session:
            fact.sessionText = try text()
            fact.sessionClient = try pop(UInt8.self)
            fact.sessionDevice = try key(keys)
            fact.sessionNetwork = try key(keys)
            fact.sessionPlace = try key(keys)
            fact.address = try address()
        case .track:
            fact.a = try pop(UInt64.self)
            fact.recordText = try text()
            fact.trackNetwork = try key(keys)
            fact.trackSession = try key(keys)
            fact.trackDevice = try key(keys)
            fact.trackPlace = try key(keys)
        case .failures:
            fact.a = try varint()
            fact.b = try pop(UInt64.self)
        case .alert:
            fact.a = try pop(UInt64.self)
            fact.b = try pop(UInt64.self)
            fact.c = try pop(UInt64.self)
            fact.d = try pop(UInt64.self)
            fact.e = try pop(UInt64.self)
        case .credential:
            fact.sessionDevice = try key(keys)
            fact.sessionNetwork = try key(keys)
            fact.sessionPlace = try key(keys)
        case .habit:
            fact.a = try pop(UInt64.self)
            fact.b = try pop(UInt64.self)
            fact.c = try pop(UInt64.self)
            fact.newestPlace = try key(keys)
            fact.e = try pop(UInt64.self)
        case .provider, .country: break
        case nil: throw .damaged("a fact of no kind")
        }
        return fact
    }
}

extension Block where Element == UInt8 {
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 128 {
            push(UInt8(truncatingIfNeeded: rest) | 128)
            rest &>>= 7
        }
        push(UInt8(truncatingIfNeeded: rest))
    }

    mutating func varint(_ value: UInt32) { varint(UInt64(value)) }

    mutating func address(_ address: IPAddress) {
        if address.isV4 {
            push(UInt8(4))
            push(address.v4)
        } else {
            push(UInt8(16))
            push(address.high)
            push(address.low)
        }
    }

    mutating func push(bytesOf other: Block<UInt8>) {
        push(UnsafeRawBufferPointer(start: other.base, count: other.count))
    }

    mutating func push(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, let source = bytes.baseAddress else { return }
        reserve(count + bytes.count)
        UnsafeMutableRawPointer(base.unsafelyUnwrapped + count)
            .copyMemory(from: source, byteCount: bytes.count)
        used &+= UInt32(bytes.count)
    }
}

extension Block {
    /// Takes on the contents of another block; the memory stays its own.
    mutating func copy(_ other: Block) {
        used = 0
        reserve(other.count)
        if other.count > 0 {
            base.unsafelyUnwrapped.update(from: other.base.unsafelyUnwrapped, count: other.count)
        }
        used = other.used
    }
}
