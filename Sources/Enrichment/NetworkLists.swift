import Glibc
public import SessionModel

/// The user's own knowledge of networks: the company's exits, a VPN provider's, a relay's. Asked
/// before the databases; the longest matching prefix wins.
///
/// A list is text, a network a line, with the kind on the line or in a heading before it, and then,
/// if wanted, a name that alerts show as the organisation:
/// ```text
/// # comment
/// 198.51.100.0/24   corporate   Head office
/// 2001:db8:40::/44  corporate
/// [vpn]
/// 203.0.113.7       Example VPN, Oslo
/// 192.0.2.0/25
/// ```
/// Kinds are `NetworkKind`'s names: `residential`, `mobile`, `corporate`, `hosting`, `vpn`, `tor`,
/// `proxy`, `relay`, `satellite`, `shared_egress` (also with `-`). An address alone is a network of
/// one. Bits behind the prefix must be zero, since a slip there would cover other networks than
/// meant. The same network twice: the later line counts.
public final class NetworkLists: @unchecked Sendable {
    /// What a list says of an address.
    struct Entry: BitwiseCopyable {
        var kind: NetworkKind
        /// Lives as long as the lists.
        var name: TextView
    }

    /// One span of addresses with the same innermost network, spans in order and disjoint.
    private struct Span {
        var first: IPAddress
        var last: IPAddress
        var network: Int32
    }

    struct Listed {
        var first: IPAddress
        var last: IPAddress
        var length: Int
        var kind: NetworkKind
        var nameStart: Int
        var nameCount: Int
    }

    public static let none = NetworkLists()
    /// Networks in all lists together; a public list of VPN networks has some 10⁴.
    public static let networkLimit = 1_000_000
    static let fileSizeLimit = 128 << 20
    static let nameLimit = 128

    private let networks: [Listed]
    private let spans: [Span]
    private let names: UnsafeMutablePointer<UInt8>

    private init() {
        (networks, spans) = ([], [])
        names = .allocate(capacity: 1)
    }

    /// Reads the lists; later files win over earlier ones for the same network.
    public init(paths: [String]) throws(GeoError) {
        var parsed = Parsed()
        for path in paths {
            let bytes = try readFile(path, limit: Self.fileSizeLimit)
            try parsed.take(bytes, path: path)
        }
        networks = Self.sorted(parsed.networks)
        spans = Self.flatten(networks)
        names = Self.keep(parsed.names)
    }

    /// Reads one list from text, which errors call `path`.
    public init(text: String, path: String = "list") throws(GeoError) {
        var parsed = Parsed()
        try parsed.take(Array(text.utf8), path: path)
        networks = Self.sorted(parsed.networks)
        spans = Self.flatten(networks)
        names = Self.keep(parsed.names)
    }

    deinit { names.deallocate() }

    public var count: Int { networks.count }
    public var isEmpty: Bool { networks.isEmpty }

    /// A binary search over the spans: about 20 steps in a million.
    func find(_ address: IPAddress) -> Entry? {
        var (low, high) = (0, spans.count)
        while low < high {
            let middle = (low + high) / 2
            if precedes(address, spans[middle].first) { high = middle } else { low = middle + 1 }
        }
        guard low > 0, !precedes(spans[low - 1].last, address) else { return nil }
        let network = networks[Int(spans[low - 1].network)]
        return Entry(
            kind: network.kind,
            name: network.nameCount == 0
                ? TextView()
                : TextView(base: UnsafePointer(names + network.nameStart), count: network.nameCount)
        )
    }

    /// The kind and the name that the lists give to an address, for `geo lookup`.
    public func lookup(_ address: IPAddress) -> (kind: NetworkKind, name: String)? {
        find(address).map { ($0.kind, $0.name.string) }
    }

    private static func keep(_ bytes: [UInt8]) -> UnsafeMutablePointer<UInt8> {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        for (i, byte) in bytes.enumerated() { copy[i] = byte }
        return copy
    }

    /// By first address, the wider first; of equal ones only the last given.
    private static func sorted(_ networks: [Listed]) -> [Listed] {
        var latest: [NetworkKey: Int] = [:]
        for (i, network) in networks.enumerated() {
            latest[NetworkKey(first: network.first, length: network.length)] = i
        }
        return latest.values.sorted().map { networks[$0] }.sorted {
            precedes($0.first, $1.first) || ($0.first == $1.first && $0.length < $1.length)
        }
    }

    /// Nested networks to disjoint spans, each of the innermost network, in one sweep.
    private static func flatten(_ networks: [Listed]) -> [Span] {
        var spans: [Span] = []
        var open: [Int] = []
        var next = IPAddress(high: 0, low: 0)
        func emit(upTo last: IPAddress, _ network: Int) {
            guard !precedes(last, next) else { return }
            spans.append(Span(first: next, last: last, network: Int32(network)))
            next = last.successor
        }
        func closeAll(before first: IPAddress?) {
            while let top = open.last {
                if let first, !precedes(networks[top].last, first) { break }
                emit(upTo: networks[top].last, top)
                open.removeLast()
            }
        }
        for (i, network) in networks.enumerated() {
            closeAll(before: network.first)
            if let top = open.last, precedes(next, network.first) {
                emit(upTo: network.first.predecessor, top)
            }
            next = network.first
            open.append(i)
        }
        closeAll(before: nil)
        return spans
    }
}

private struct NetworkKey: Hashable {
    var first: IPAddress
    var length: Int
}

@inline(__always) private func precedes(_ a: IPAddress, _ b: IPAddress) -> Bool {
    a.high != b.high ? a.high < b.high : a.low < b.low
}

extension IPAddress {
    fileprivate var successor: IPAddress {
        IPAddress(high: low == .max ? high &+ 1 : high, low: low &+ 1)
    }

    fileprivate var predecessor: IPAddress {
        IPAddress(high: low == 0 ? high &- 1 : high, low: low &- 1)
    }
}

// MARK: - Reading

/// Networks and names, gathered over files.
private struct Parsed {
    var networks: [NetworkLists.Listed] = []
    var names: [UInt8] = []

    mutating func take(_ bytes: [UInt8], path: String) throws(GeoError) {
        var heading: NetworkKind?
        var number = 0
        var lines = bytes[...]
        if lines.starts(with: [0xEF, 0xBB, 0xBF]) { lines = lines.dropFirst(3) }
        for raw in lines.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let line = String(decoding: raw.prefix { $0 != 0x23 }, as: UTF8.self).trimmed
            if line.isEmpty { continue }
            if line.hasPrefix("[") {
                guard line.hasSuffix("]") else {
                    throw .badList(path: path, line: number, reason: "a heading ends with ']'.")
                }
                heading = try kind(String(line.dropFirst().dropLast()).trimmed, path, number)
                continue
            }
            guard networks.count < NetworkLists.networkLimit else {
                throw .badList(
                    path: path, line: number,
                    reason: "more than \(NetworkLists.networkLimit) networks. Merge neighbours.")
            }
            try takeNetwork(line, heading, path, number)
        }
    }

    private mutating func takeNetwork(
        _ line: String, _ heading: NetworkKind?, _ path: String, _ number: Int
    ) throws(GeoError) {
        var words = line.split(maxSplits: 1) { $0 == " " || $0 == "\t" || $0 == "," }
        let network = String(words.removeFirst())
        var rest = words.isEmpty ? "" : String(words[0]).trimmed
        var found = heading
        let first = rest.split(maxSplits: 1) { $0 == " " || $0 == "\t" || $0 == "," }
        if let word = first.first, let named = NetworkKind(listName: String(word)) {
            found = named
            rest = first.count > 1 ? String(first[1]).trimmed : ""
        }
        guard let found else {
            throw .badList(
                path: path, line: number,
                reason: "no kind for \(network). Write it behind the network, as in "
                    + "'\(network) vpn', or a heading such as [vpn] above.")
        }
        let (address, length, last) = try range(network, path, number)
        let name = Array(rest.utf8.prefix(NetworkLists.nameLimit))
        networks.append(
            NetworkLists.Listed(
                first: address, last: last, length: length, kind: found, nameStart: names.count,
                nameCount: name.count))
        names += name
    }

    private func kind(
        _ name: String, _ path: String, _ number: Int
    ) throws(GeoError) -> NetworkKind {
        if let kind = NetworkKind(listName: name) { return kind }
        throw .badList(
            path: path, line: number,
            reason: "'\(name.prefix(40))' is no kind of network. Use one of "
                + NetworkKind.listed.map(\.name).joined(separator: ", ") + ".")
    }

    private func range(
        _ text: String, _ path: String, _ number: Int
    ) throws(GeoError) -> (IPAddress, Int, IPAddress) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, !text.contains("["), let address = IPAddress(String(parts[0])),
            // A port is fine in a log, not here.
            address.isV4 == !parts[0].contains(":") || parts[0].lowercased().hasPrefix("::ffff:")
        else {
            throw .badList(
                path: path, line: number,
                reason: "'\(text.prefix(60))' is no network. Write it as 198.51.100.0/24 or "
                    + "2001:db8::/32.")
        }
        let isWrittenV4 = !parts[0].contains(":")
        let widest = isWrittenV4 ? 32 : 128
        var length = widest
        if parts.count == 2 {
            guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let given = Int(parts[1]),
                given <= widest
            else {
                throw .badList(
                    path: path, line: number,
                    reason: "'/\(parts[1].prefix(20))' is no prefix length of 0 to \(widest).")
            }
            length = given
        }
        let bits = isWrittenV4 ? length + 96 : length
        let mask = IPAddress(
            high: bits >= 64 ? .max : bits == 0 ? 0 : .max << UInt64(64 - bits),
            low: bits <= 64 ? 0 : .max << UInt64(128 - bits))
        let start = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
        guard start == address else {
            throw .badList(
                path: path, line: number,
                reason: "\(text.prefix(60)) has bits behind its prefix. Did you mean "
                    + "\(start)/\(length)?")
        }
        return (
            address, bits, IPAddress(high: address.high | ~mask.high, low: address.low | ~mask.low)
        )
    }
}

extension NetworkKind {
    /// Those that a list may name.
    static let listed = allCases.filter { $0 != .unknown && $0 != .specialPurpose }

    fileprivate init?(listName: String) {
        let wanted = listName.lowercased().split(separator: "-").joined(separator: "_")
        guard let kind = Self.listed.first(where: { $0.name == wanted }) else { return nil }
        self = kind
    }
}

extension String {
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\r\n" }
        var text = self[...]
        while let last = text.last, isSpace(last) { text.removeLast() }
        return String(text.drop(while: isSpace))
    }
}

/// All bytes of a file of at most `limit` bytes.
func readFile(_ path: String, limit: Int) throws(GeoError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
        throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else {
            throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
        }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
        guard bytes.count <= limit else {
            throw .cannotRead(path: path, reason: "it has more than \(limit >> 20) MiB")
        }
    }
}
