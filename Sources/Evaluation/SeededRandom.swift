/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same seed gives the same world on every machine.
struct SeededRandom {
    private var state: UInt64

    init(_ seed: UInt64, _ stream: UInt64 = 0, _ part: UInt64 = 0) {
        state = Self.scramble(seed &+ Self.scramble(stream &+ Self.scramble(part)))
    }

    static func scramble(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    mutating func next() -> UInt64 {
        defer { state &+= 0x9e37_79b9_7f4a_7c15 }
        return Self.scramble(state)
    }

    /// 0 up to `count`, which itself is left out; 0 for a count below 1.
    mutating func below(_ count: Int) -> Int {
        Int(truncatingIfNeeded: (next() >> 11) % UInt64(max(1, count)))
    }

    mutating func between(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }

    /// 0 up to 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// One of them; there has to be one.
    mutating func pick<Item>(_ items: [Item]) -> Item { items[below(items.count)] }

    mutating func shuffle<Item>(_ items: inout [Item]) {
        for i in stride(from: items.count - 1, to: 0, by: -1) { items.swapAt(i, below(i + 1)) }
    }

    /// 16 hexadecimal digits.
    mutating func token() -> String {
        let digits = String(next(), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
