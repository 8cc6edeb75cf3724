import CSystem
import Glibc
public import SessionModel

/// Tells what is known of addresses, for one thread: two caches in front of the databases.
///
/// - Memory: 14 MiB for 131 072 addresses and 2.5 MiB for 16 384 records of each database, taken
///   from the system only as it fills. Neither grows.
/// - Cost: 10 to 50 ns for an address that is in the cache; else a walk down each database's tree,
///   and a record's decoding unless another address had it: under 1 µs with a file of 100 MB.
/// - The texts of what it returns lie in the databases and lists themselves: they are valid as long
///   as the `GeoDatabases` are, so longer than any chunk.
///
/// The answers do not depend on what was asked before. Not to be shared between threads.
public final class AddressEnricher {
    public let databases: GeoDatabases

    private struct CachedAddress {
        var address: IPAddress
        var facts: AddressFacts
    }

    private struct CachedRecord {
        /// The record's offset plus one; 0 when empty.
        var key: UInt64
        var record: GeoRecord
    }

    private static let addressCount = 1 << 17
    private static let recordCount = 1 << 14
    /// Each address has four places; their tags are 16 bytes in a row, 0 where it is empty.
    private static let ways = 4
    private let tags: UnsafeMutablePointer<UInt32>
    private let addresses: UnsafeMutablePointer<CachedAddress>
    /// `recordCount` for each database.
    private let records: UnsafeMutablePointer<CachedRecord>

    /// Addresses answered from the cache, and not.
    public private(set) var hits = 0
    public private(set) var misses = 0
    /// Lookups that met a damaged part of a database and so have nothing from it.
    public private(set) var damagedLookups = 0
    /// The database of the first of them.
    public private(set) var firstDamaged: String?

    public init(_ databases: GeoDatabases) {
        self.databases = databases
        // All bits zero is the empty state of both; the system gives pages as they are touched.
        tags = Self.zeroed(Self.addressCount)
        addresses = Self.zeroed(Self.addressCount)
        records = Self.zeroed(Self.recordCount * max(1, databases.used.count))
    }

    deinit {
        free(tags)
        free(addresses)
        free(records)
    }

    private static func zeroed<T>(_ count: Int) -> UnsafeMutablePointer<T> {
        guard let memory = calloc(count, MemoryLayout<T>.stride) else {
            preconditionFailure("out of memory for the address cache")
        }
        return memory.bindMemory(to: T.self, capacity: count)
    }

    /// To be called before each chunk of records: throws when a database was changed in place.
    public func beginChunk() throws(GeoError) {
        try databases.checkUnchanged()
    }

    /// What is known of the address: nothing for `IPAddress.none`, no place for a special-purpose
    /// one. Mapped, 6to4, NAT64 and Teredo addresses are judged by the IPv4 address inside.
    @inline(__always) public func facts(for address: IPAddress) -> AddressFacts {
        // Somebody who writes down many addresses that collide makes this slower, not larger.
        let hash = mix(address.high, address.low)
        let tag = tag(of: hash)
        let first = place(of: hash)
        for slot in first..<first &+ Self.ways where tags[slot] == tag {
            if addresses[slot].address == address {
                hits &+= 1
                return addresses[slot].facts
            }
        }
        return remember(address, first, tag)
    }

    /// Asks for the cache's tags of an address, some eight addresses ahead of `facts(for:)`.
    @inline(__always) public func prefetchTags(_ address: IPAddress) {
        ls_prefetch(tags + place(of: mix(address.high, address.low)))
    }

    /// Asks for what the cache holds of an address, some four addresses ahead of `facts(for:)`: the
    /// tags, which are near by now, tell where.
    @inline(__always) public func prefetchFacts(_ address: IPAddress) {
        let hash = mix(address.high, address.low)
        let tag = tag(of: hash)
        let first = place(of: hash)
        var slot = first
        for way in 0..<Self.ways where tags[first &+ way] == tag { slot = first &+ way }
        let entry = UnsafeRawPointer(addresses + slot)
        ls_prefetch(entry)
        ls_prefetch(entry + 64)
        ls_prefetch(entry + (MemoryLayout<CachedAddress>.size - 1))
    }

    @inline(__always) private func tag(of hash: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: hash &>> 32) | 1
    }

    /// The first of an address's four places.
    @inline(__always) private func place(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash) & (Self.addressCount - Self.ways)
    }

    @inline(never) private func remember(
        _ address: IPAddress, _ first: Int, _ tag: UInt32
    ) -> AddressFacts {
        misses &+= 1
        let found = address.isNone ? AddressFacts() : ask(address.effective)
        // Any of the four in turn: when more than four want the places in a circle, putting out the
        // oldest would always put out the one that is asked next.
        var slot = first &+ misses & (Self.ways - 1)
        for free in first..<first &+ Self.ways where tags[free] == 0 { slot = free }
        tags[slot] = tag
        addresses[slot] = CachedAddress(address: address, facts: found)
        return found
    }

    private func ask(_ address: IPAddress) -> AddressFacts {
        let listed = databases.lists.isEmpty ? nil : databases.lists.find(address)
        var merge = AddressMerge()
        if !address.isSpecialPurpose {
            for (index, database) in databases.used.enumerated() {
                switch database.find(address) {
                case .nothing: continue
                case .damaged: noteDamage(database)
                case .hit(let hit):
                    let found = record(database, index, hit.offset)
                    if found.isDamaged { noteDamage(database) } else { merge.add(found) }
                }
            }
        }
        merge.finish()
        var facts = merge.facts
        if address.isSpecialPurpose { facts.kind = .specialPurpose }
        if let listed {
            facts.kind = listed.kind
            if !listed.name.isEmpty { facts.organization = listed.name }
        }
        return facts
    }

    private func record(_ database: GeoDatabase, _ index: Int, _ offset: UInt32) -> GeoRecord {
        let slot = Int(truncatingIfNeeded: mix(UInt64(offset), 1)) & (Self.recordCount - 1)
        let place = records + index * Self.recordCount + slot
        let key = UInt64(offset) + 1
        if place.pointee.key != key {
            place.pointee.record = database.record(at: offset)
            place.pointee.key = key
        }
        return place.pointee.record
    }

    private func noteDamage(_ database: GeoDatabase) {
        damagedLookups &+= 1
        if firstDamaged == nil { firstDamaged = database.path }
    }
}
