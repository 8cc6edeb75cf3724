import Glibc
public import SessionModel

/// Something that all users together told of a user's earlier sighting, later than that was judged.
public struct Correction: Sendable {
    public enum Subject: Sendable, Equatable {
        /// Of the sign-in with this record key: other users that failed from its prefix.
        case prefix(UInt64)
        /// The same, from its provider.
        case provider(UInt64)
        /// Of all sightings on the device with this hash: its other users.
        case device(UInt64)
    }
    /// Of the record that brought it: it takes effect just after that one.
    public var sequence: UInt64
    public var userKey: UInt64
    public var subject: Subject
    public var value: UInt8
}

/// What is known of all users together: how common things are, which networks are shared, where
/// sign-ins fail. Bounded: some 6 MiB, whatever is read.
///
/// Each part takes all sightings in their order of arrival, before the users' own profiles do, and
/// writes what it knows into them (`Sighting.source`). Parts do not know of each other, so that each
/// can be taken by a thread of its own; what they tell does not depend on how records are cut into
/// batches, nor, for census and shared networks, on the order of arrival within six hours.
public final class Organization: @unchecked Sendable {
    private let census = Census()
    private let egress = SharedEgress()
    private let prefixes = AttackedUsers(.prefix, count: 4096)
    private let providers = AttackedUsers(.provider, count: 1024)
    private let devices = SharedDevices()
    /// By part, so that each thread has its own.
    private let corrections: UnsafeMutablePointer<[Correction]>

    /// How many parts can be taken side by side.
    public static let partCount = 3

    public init() {
        corrections = .allocate(capacity: Organization.partCount)
        corrections.initialize(repeating: [], count: Organization.partCount)
    }

    deinit {
        corrections.deinitialize(count: Organization.partCount)
        corrections.deallocate()
    }

    /// Takes a batch's sightings through one part.
    public func take(_ sightings: UnsafeMutableBufferPointer<Sighting>, part: Int) {
        switch part {
        case 0:
            for i in 0..<sightings.count {
                census.take(sightings.baseAddress.unsafelyUnwrapped + i)
            }
        case 1:
            // A local array, as a thread writes to its own only.
            var told: [Correction] = []
            for i in 0..<sightings.count {
                let s = sightings.baseAddress.unsafelyUnwrapped + i
                let ahead = i &+ 8
                if ahead < sightings.count {
                    let key = Organization.prefixKey(sightings[ahead].record.address)
                    egress.cells.prefetch(SharedEgress.place(key), lines: 4)
                }
                guard !s.pointee.record.address.isNone else { continue }
                let key = Organization.prefixKey(s.pointee.record.address)
                egress.take(s, key: key)
                prefixes.take(s, key: key, &told)
                let asn = s.pointee.place.asn
                if asn != 0 { providers.take(s, key: mix(UInt64(asn), 5) | 1, &told) }
            }
            corrections[1] += told
        default:
            var told: [Correction] = []
            for i in 0..<sightings.count {
                let ahead = i &+ 8
                if ahead < sightings.count {
                    devices.cells.prefetch(
                        SharedDevices.place(sightings[ahead].deviceHash), lines: 2)
                }
                devices.take(sightings.baseAddress.unsafelyUnwrapped + i, &told)
            }
            corrections[2] += told
        }
    }

    @inline(__always)
    private static func prefixKey(_ address: IPAddress) -> UInt64 {
        let prefix = address.networkPrefix
        return mix(prefix.high, prefix.low) | 1
    }

    /// From how many users on a prefix or a provider is told of as sprayed from; nil for not at all. To be
    /// set before the first batch.
    public func tellSprays(prefixUsers: Int?, providerUsers: Int?) {
        prefixes.sprays.limit = prefixUsers
        providers.sprays.limit = providerUsers
    }

    /// What became known of sprays since this was last asked, in order.
    public func takeSprays() -> [SprayReport] {
        let all = prefixes.sprays.reports + providers.sprays.reports
        prefixes.sprays.reports.removeAll()
        providers.sprays.reports.removeAll()
        return all.count < 2 ? all : all.sorted { $0.sequence < $1.sequence }
    }

    /// What became known of earlier sightings since this was last asked, in order.
    public func takeCorrections() -> [Correction] {
        var all: [Correction] = []
        for part in 0..<Organization.partCount where !corrections[part].isEmpty {
            all += corrections[part]
            corrections[part].removeAll(keepingCapacity: true)
        }
        // Stable: those of one record stay as their parts have them.
        return all.count < 2 ? all : all.sorted { $0.sequence < $1.sequence }
    }

    /// The newest hour of record time, since 1970; 0 for none. A single clock that leaps is not believed.
    public var hour: Int64 { max(0, census.newest - 1) }

    // MARK: Storing

    private var tables: [any OrganizationTable] {
        census.tables + egress.tables + prefixes.tables + providers.tables + devices.tables
            + prefixes.sprays.tables + providers.sprays.tables
    }

    /// Hands out the pages that changed since `stored`.
    public func eachDirtyPage(
        _ body: (_ table: Int, _ page: Int, UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        for (number, table) in tables.enumerated() {
            try table.eachDirtyPage { try body(number, $0, $1) }
        }
    }

    /// After a commit: nothing has changed.
    public func stored() { for table in tables { table.stored() } }

    /// Takes on a stored page. False when there is no such page: the state is another version's.
    public func restore(table: Int, page: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let tables = tables
        guard tables.indices.contains(table), (0..<tables[table].pageCount).contains(page),
            bytes.count == OrganizationPage.bytes
        else { return false }
        tables[table].page(page).copyMemory(from: bytes)
        return true
    }

    // MARK: Showing

    /// A network that many users come from.
    public struct LearnedNetwork: Sendable, Equatable {
        /// `203.0.113.0/24`.
        public var network: String
        /// An estimate, exact to some ten per cent; 111 stands for that and more.
        public var users: Int
        /// When it was shared by enough: event time, whole hours.
        public var since: Timestamp
        /// Enough users for its place to say little.
        public var isShared: Bool
    }

    /// The networks with most users, those with 8 and more.
    public func learnedNetworks() -> [LearnedNetwork] { egress.learned() }
}

protocol OrganizationTable {
    var pageCount: Int { get }
    func page(_ number: Int) -> UnsafeMutableRawBufferPointer
    func eachDirtyPage(_ body: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows
    func stored()
}

extension CellTable: OrganizationTable {}

func logarithm(_ x: Double) -> Double { log(x) }

extension SharedEgress {
    func learned() -> [Organization.LearnedNetwork] {
        var found: [Organization.LearnedNetwork] = []
        for i in 0..<Self.count {
            let cell = cells[i].pointee
            guard cell.key != 0, cell.filled >= 8 else { continue }
            var hours: [UInt16] = []
            for k in 0..<32 where cell.hours[k] != 0 { hours.append(cell.hours[k]) }
            hours.sort()
            let filled = hours.count
            guard filled >= 8 else { continue }  // a damaged page may count otherwise
            let users =
                filled == 32 ? 111 : Int((-32 * logarithm(1 - Double(filled) / 32)).rounded())
            let deciding = hours[min(filled, Self.threshold) - 1]
            found.append(
                Organization.LearnedNetwork(
                    network: cell.prefix.networkPrefixDescription, users: users,
                    since: Timestamp(milliseconds: (base + Int64(deciding)) * 3_600_000),
                    isShared: filled >= Self.threshold))
        }
        return found.sorted { ($1.users, $0.network) < ($0.users, $1.network) }
    }
}
