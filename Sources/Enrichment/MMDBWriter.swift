import SessionModel

/// A value of a MaxMind DB's data section, for writing.
indirect enum MMDBOutput: Hashable {
    case string(String)
    case double(Double)
    case uint16(UInt16)
    case uint32(UInt32)
    case uint64(UInt64)
    case boolean(Bool)
    case map([Pair])
    case array([MMDBOutput])

    struct Pair: Hashable {
        var key: String
        var value: MMDBOutput
    }

    static func map(_ pairs: KeyValuePairs<String, MMDBOutput>) -> MMDBOutput {
        .map(pairs.map { Pair(key: $0.key, value: $0.value) })
    }
}

/// Builds a database in the MaxMind DB format 2.0: the reduced database, and those of the tests.
///
/// The tree is made of references that are joined from the leaves up, so that equal neighbours become
/// one network by themselves. Same calls, same bytes.
struct MMDBWriter {
    /// Nothing, a node or a data record.
    struct Reference: Hashable {
        fileprivate var code: Int32
        static let empty = Reference(code: -1)
        fileprivate var isNode: Bool { code >= 0 }
        fileprivate var record: Int? { code <= -2 ? Int(-2 - code) : nil }
    }

    /// 4 or 6. In a tree of 6, IPv4 lives under `::/96`.
    let ipVersion: Int
    private var left: [Reference] = []
    private var right: [Reference] = []
    private var records: [MMDBOutput] = []
    private var numberOfRecord: [MMDBOutput: Int] = [:]
    var root = Reference.empty

    init(ipVersion: Int) { self.ipVersion = ipVersion }

    /// The same value twice is one record.
    mutating func record(_ value: MMDBOutput) -> Reference {
        if let number = numberOfRecord[value] { return Reference(code: Int32(-2 - number)) }
        numberOfRecord[value] = records.count
        records.append(value)
        return Reference(code: Int32(-2 - (records.count - 1)))
    }

    /// A node above two halves; the halves' own reference when they are the same leaf.
    mutating func join(_ a: Reference, _ b: Reference) -> Reference {
        if a == b, !a.isNode { return a }
        left.append(a)
        right.append(b)
        return Reference(code: Int32(left.count - 1))
    }

    /// How many nodes there are, so that those made since can be dropped again.
    var mark: Int { left.count }

    mutating func drop(to mark: Int) {
        left.removeLast(left.count - mark)
        right.removeLast(right.count - mark)
    }

    /// Puts a reference at a network, over what was there. `length` is of 128 bits, or of 32 in a
    /// tree of IPv4 alone.
    mutating func set(_ network: IPAddress, length: Int, to reference: Reference) {
        root = setting(root, network, 0, length, reference)
    }

    /// Puts a record at an IPv4 or IPv6 network, its length of 32 or 128 bits.
    mutating func insert(_ network: IPAddress, length: Int, _ value: MMDBOutput) {
        let reference = record(value)
        if network.isV4 {
            let place = ipVersion == 6 ? IPAddress(high: 0, low: UInt64(network.v4)) : network
            set(place, length: ipVersion == 6 ? length + 96 : length, to: reference)
        } else {
            set(network, length: length, to: reference)
        }
    }

    /// What is at a prefix of the tree, a node or the leaf that covers it.
    func reference(at network: IPAddress, length: Int) -> Reference {
        var reference = root
        for depth in 0..<length {
            guard reference.isNode else { return reference }
            let node = Int(reference.code)
            reference = bit(network, depth) ? right[node] : left[node]
        }
        return reference
    }

    private func bit(_ address: IPAddress, _ depth: Int) -> Bool {
        if ipVersion == 4 { return address.v4 >> UInt32(31 - depth) & 1 == 1 }
        return depth < 64
            ? address.high >> UInt64(63 - depth) & 1 == 1
            : address.low >> UInt64(127 - depth) & 1 == 1
    }

    private mutating func setting(
        _ at: Reference, _ network: IPAddress, _ depth: Int, _ length: Int, _ value: Reference
    ) -> Reference {
        if depth == length { return value }
        let a = at.isNode ? left[Int(at.code)] : at
        let b = at.isNode ? right[Int(at.code)] : at
        return bit(network, depth)
            ? join(a, setting(b, network, depth + 1, length, value))
            : join(setting(a, network, depth + 1, length, value), b)
    }

    // MARK: Bytes

    /// What the metadata say.
    struct Metadata {
        var databaseType: String
        var description: String
        var buildEpoch: UInt64
        /// 24, 28 or 32 bits.
        var recordSize = 24
    }

    /// The file, or nil when it has more nodes and data than records of that size can name.
    ///
    /// - Parameter early: values that many records share, to be put where pointers are shortest.
    func bytes(_ metadata: Metadata, early: [MMDBOutput] = []) -> [UInt8]? {
        let (left, right, root) = sharingEqualSubtrees()
        // Nodes and records are numbered as a walk from the root meets them.
        var number = [Int32](repeating: -1, count: left.count)
        var order: [Int32] = []
        var data = MMDBDataWriter()
        for value in early { _ = data.offset(of: value) }
        var offsets = [Int](repeating: -1, count: records.count)
        // An empty or one-leaf tree still has a node.
        var stack = root.isNode ? [root.code] : []
        while let node = stack.popLast() {
            guard number[Int(node)] < 0 else { continue }
            number[Int(node)] = Int32(order.count)
            order.append(node)
            for child in [right[Int(node)], left[Int(node)]] where child.isNode {
                stack.append(child.code)
            }
            for child in [left[Int(node)], right[Int(node)]] {
                if let record = child.record, offsets[record] < 0 {
                    offsets[record] = data.offset(of: records[record])
                }
            }
        }
        if let record = root.record { offsets[record] = data.offset(of: records[record]) }
        let nodeCount = max(1, order.count)
        guard nodeCount + 16 + data.bytes.count < 1 << metadata.recordSize else { return nil }
        func value(_ reference: Reference) -> UInt32 {
            if let record = reference.record { return UInt32(nodeCount + 16 + offsets[record]) }
            return reference.isNode ? UInt32(number[Int(reference.code)]) : UInt32(nodeCount)
        }
        var out: [UInt8] = []
        out.reserveCapacity(nodeCount * metadata.recordSize / 4 + data.bytes.count + 1024)
        if order.isEmpty { Self.append(value(root), value(root), metadata.recordSize, &out) }
        for node in order {
            Self.append(
                value(left[Int(node)]), value(right[Int(node)]), metadata.recordSize, &out)
        }
        out += [UInt8](repeating: 0, count: 16)
        out += data.bytes
        out += MMDBMetadata.marker
        var tail = MMDBDataWriter()
        tail.appendInline(
            .map([
                "binary_format_major_version": .uint16(2),
                "binary_format_minor_version": .uint16(0),
                "build_epoch": .uint64(metadata.buildEpoch),
                "database_type": .string(metadata.databaseType),
                "description": .map(["en": .string(metadata.description)]),
                "ip_version": .uint16(UInt16(ipVersion)),
                "languages": .array([.string("en")]),
                "node_count": .uint32(UInt32(nodeCount)),
                "record_size": .uint16(UInt16(metadata.recordSize)),
            ]))
        return out + tail.bytes
    }

    /// The same tree with each subtree once: where parts of it repeat, records point to the same
    /// node, which the format allows (MaxMind's aliases of IPv4 do the same).
    private func sharingEqualSubtrees() -> ([Reference], [Reference], Reference) {
        struct Halves: Hashable {
            var left: Reference
            var right: Reference
        }
        var left = left
        var right = right
        var first: [Halves: Reference] = [:]
        first.reserveCapacity(left.count)
        var same = [Reference](repeating: .empty, count: left.count)
        func shared(_ reference: Reference) -> Reference {
            reference.isNode ? same[Int(reference.code)] : reference
        }
        // A node is made after its halves.
        for node in left.indices {
            let halves = Halves(left: shared(left[node]), right: shared(right[node]))
            (left[node], right[node]) = (halves.left, halves.right)
            let own = Reference(code: Int32(node))
            same[node] = first[halves] ?? own
            if same[node] == own { first[halves] = own }
        }
        return (left, right, shared(root))
    }

    private static func append(_ a: UInt32, _ b: UInt32, _ size: Int, _ out: inout [UInt8]) {
        func three(_ v: UInt32) -> [UInt8] {
            [UInt8(v >> 16 & 255), UInt8(v >> 8 & 255), UInt8(v & 255)]
        }
        switch size {
        case 24: out += three(a) + three(b)
        case 28: out += three(a) + [UInt8((a >> 24) << 4 | (b >> 24) & 15)] + three(b)
        default: out += [UInt8(a >> 24)] + three(a) + [UInt8(b >> 24)] + three(b)
        }
    }
}

/// The data section: each value once, larger ones by pointers to where they stand.
struct MMDBDataWriter {
    private(set) var bytes: [UInt8] = []
    private var places: [MMDBOutput: Int] = [:]

    /// Where the value stands, written if need be.
    mutating func offset(of value: MMDBOutput) -> Int {
        if let place = places[value] { return place }
        let encoded = shared(value)
        let place = bytes.count
        bytes += encoded
        places[value] = place
        return place
    }

    /// Writes a value as a whole, without pointers, as metadata are.
    mutating func appendInline(_ value: MMDBOutput) {
        switch value {
        case .map(let pairs):
            bytes += Self.control(7, pairs.count)
            for pair in pairs {
                appendInline(.string(pair.key))
                appendInline(pair.value)
            }
        case .array(let values):
            bytes += Self.control(11, values.count)
            for value in values { appendInline(value) }
        default: bytes += Self.scalar(value)
        }
    }

    /// The value's bytes, its parts replaced by pointers where those are shorter.
    private mutating func shared(_ value: MMDBOutput) -> [UInt8] {
        switch value {
        case .map(let pairs):
            var out = Self.control(7, pairs.count)
            for pair in pairs {
                out += part(.string(pair.key))
                out += part(pair.value)
            }
            return out
        case .array(let values):
            var out = Self.control(11, values.count)
            for value in values { out += part(value) }
            return out
        default: return Self.scalar(value)
        }
    }

    private mutating func part(_ value: MMDBOutput) -> [UInt8] {
        if let place = places[value] {
            let pointer = Self.pointer(place)
            if case .map = value { return pointer }
            let whole = shared(value)
            return whole.count <= pointer.count ? whole : pointer
        }
        switch value {
        case .string(let text) where text.utf8.count <= 2: return Self.scalar(value)
        case .string, .double: break
        case .map(let pairs) where pairs.count == 1: break  // names, countries: often the same
        default: return shared(value)
        }
        return Self.pointer(offset(of: value))
    }

    private static func scalar(_ value: MMDBOutput) -> [UInt8] {
        switch value {
        case .string(let text): control(2, text.utf8.count) + Array(text.utf8)
        case .double(let number): control(3, 8) + bigEndian(number.bitPattern, 8)
        case .uint16(let number): integer(5, UInt64(number))
        case .uint32(let number): integer(6, UInt64(number))
        case .uint64(let number): integer(9, number)
        case .boolean(let flag): control(14, flag ? 1 : 0)
        case .map, .array: []
        }
    }

    private static func integer(_ type: UInt8, _ number: UInt64) -> [UInt8] {
        let count = (64 - number.leadingZeroBitCount + 7) / 8
        return control(type, count) + bigEndian(number, count)
    }

    private static func bigEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }

    private static func control(_ type: UInt8, _ size: Int) -> [UInt8] {
        let (low, extra): (Int, [UInt8]) =
            switch size {
            case ..<29: (size, [])
            case ..<285: (29, bigEndian(UInt64(size - 29), 1))
            case ..<65_821: (30, bigEndian(UInt64(size - 285), 2))
            default: (31, bigEndian(UInt64(size - 65_821), 3))
            }
        return (type < 8 ? [type << 5 | UInt8(low)] : [UInt8(low), type - 7]) + extra
    }

    private static func pointer(_ place: Int) -> [UInt8] {
        switch place {
        case ..<2048: [0x20 | UInt8(place >> 8), UInt8(place & 255)]
        case ..<526_336:
            [0x28 | UInt8((place - 2048) >> 16)] + bigEndian(UInt64((place - 2048) & 0xFFFF), 2)
        case ..<134_744_064:
            [0x30 | UInt8((place - 526_336) >> 24)]
                + bigEndian(UInt64((place - 526_336) & 0xFF_FFFF), 3)
        default: [0x38] + bigEndian(UInt64(place), 4)
        }
    }
}
