import SessionModel

/// The search tree's nodes, for walking all of it; single addresses are libmaxminddb's work.
struct MMDBTree {
    let base: UnsafePointer<UInt8>
    let nodeCount: Int
    /// 24, 28 or 32 bits.
    let recordSize: Int

    enum Record {
        case node(UInt32)
        case empty
        /// An offset in the data section, not checked against its end.
        case data(UInt32)
        case invalid
    }

    /// `node` must be below `nodeCount`.
    @inline(__always) func record(_ node: UInt32, _ side: Int) -> UInt32 {
        let p = base + Int(node) * (recordSize / 4)
        switch recordSize {
        case 24:
            let q = p + side * 3
            return UInt32(q[0]) << 16 | UInt32(q[1]) << 8 | UInt32(q[2])
        case 28:
            let q = p + side * 4
            let top = side == 0 ? p[3] >> 4 : p[3] & 15
            return UInt32(top) << 24 | UInt32(q[0]) << 16 | UInt32(q[1]) << 8 | UInt32(q[2])
        default:
            let q = p + side * 4
            return UInt32(q[0]) << 24 | UInt32(q[1]) << 16 | UInt32(q[2]) << 8 | UInt32(q[3])
        }
    }

    @inline(__always) func kind(_ record: UInt32) -> Record {
        let value = Int(record)
        if value < nodeCount { return .node(record) }
        if value == nodeCount { return .empty }
        if value < nodeCount + 16 { return .invalid }
        return .data(UInt32(value - nodeCount - 16))
    }

    func dataOffset(_ record: UInt32) -> UInt32? {
        guard case .data(let offset) = kind(record) else { return nil }
        return offset
    }

    /// The node of `::/96`, or nil when the path ends before.
    var ipv4Node: UInt32? {
        var node: UInt32 = 0
        for _ in 0..<96 {
            guard case .node(let next) = kind(record(node, 0)) else { return nil }
            node = next
        }
        return node
    }

    /// Some leaf, found by taking the bits' sides, and the other side where one is empty.
    func someRecord(steeredBy bits: UInt64, ipVersion: Int, isV4: Bool) -> Record {
        var node: UInt32 = 0
        var depth = ipVersion == 6 ? 128 : 32
        if ipVersion == 6, isV4, let start = ipv4Node { (node, depth) = (start, 32) }
        for k in 0..<depth {
            let side = Int(bits >> UInt64(k & 63) & 1)
            var next = kind(record(node, side))
            if case .empty = next { next = kind(record(node, 1 - side)) }
            guard case .node(let child) = next else { return next }
            node = child
        }
        return .invalid  // deeper than an address
    }

    /// What is wrong with the tree as a whole: a record that points nowhere, or a circle.
    func firstProblem(dataCount: Int, ipVersion: Int) -> String? {
        let deepest = ipVersion == 6 ? 128 : 32
        // Nothing leads to the root, not even from nodes that no path reaches.
        for node in 0..<UInt32(nodeCount) where record(node, 0) == 0 || record(node, 1) == 0 {
            return "node \(node) leads back to node 0"
        }
        // Depth first without recursion; 0 not seen, 1 on the path, 2 done.
        var state = [UInt8](repeating: 0, count: nodeCount)
        var path: [(node: UInt32, side: Int)] = [(0, 0)]
        state[0] = 1
        while let (node, side) = path.last {
            if side == 2 {
                state[Int(node)] = 2
                path.removeLast()
                continue
            }
            path[path.count - 1].side += 1
            switch kind(record(node, side)) {
            case .empty: continue
            case .invalid: return "node \(node) has an invalid record"
            case .data(let offset):
                if Int(offset) >= dataCount { return "node \(node) points past the data" }
            case .node(let next):
                if state[Int(next)] == 1 { return "node \(node) leads back to node \(next)" }
                if state[Int(next)] == 0 {
                    if path.count >= deepest { return "node \(next) is deeper than an address" }
                    state[Int(next)] = 1
                    path.append((next, 0))
                }
            }
        }
        return nil
    }
}

/// One walk over all networks of a tree, in address order, IPv4 first.
struct MMDBWalk {
    private let tree: MMDBTree
    private let ipVersion: Int
    private let ipv4Node: UInt32?
    /// Subtrees may be shared, so a small file can describe a great many networks.
    private var visitsLeft = 1 << 28
    private var isOver = false

    init(tree: MMDBTree, ipVersion: Int) {
        self.tree = tree
        self.ipVersion = ipVersion
        ipv4Node = ipVersion == 6 ? tree.ipv4Node : 0
    }

    /// Returns false when the tree is damaged.
    mutating func run(_ body: (GeoNetwork) -> Bool) -> Bool {
        if let ipv4Node {
            guard visit(ipv4Node, IPAddress(v4: 0), 96, body) else { return false }
        }
        guard ipVersion == 6, !isOver else { return true }
        return visit(0, IPAddress(high: 0, low: 0), 0, body)
    }

    private mutating func visit(
        _ node: UInt32, _ prefix: IPAddress, _ depth: Int, _ body: (GeoNetwork) -> Bool
    ) -> Bool {
        visitsLeft -= 1
        guard visitsLeft > 0 else { return false }
        for side in 0...1 {
            guard depth < 128 else { return false }
            var child = prefix
            if side == 1 {
                child =
                    depth < 64
                    ? IPAddress(high: prefix.high | 1 << UInt64(63 - depth), low: prefix.low)
                    : IPAddress(high: prefix.high, low: prefix.low | 1 << UInt64(127 - depth))
            }
            switch tree.kind(tree.record(node, side)) {
            case .empty: continue
            case .invalid: return false
            case .data(let offset):
                let isV4 = child.isV4 && depth + 1 > 96
                let network = GeoNetwork(
                    address: child, prefixLength: isV4 ? depth + 1 - 96 : depth + 1,
                    recordOffset: offset)
                guard body(network) else {
                    isOver = true
                    return true
                }
            case .node(let next):
                // Out of the IPv6 part, the IPv4 part was seen, and so were its aliases.
                if next == ipv4Node { continue }
                guard visit(next, child, depth + 1, body) else { return false }
                if isOver { return true }
            }
        }
        return true
    }
}
