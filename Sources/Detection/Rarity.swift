import Glibc

/// How rare something is among all users: −log₂ of its share, rounded, 1 through 15.
enum Rarity {
    /// Of a share of 0 through 1.
    static func of(share: Double) -> UInt8 {
        guard share > 0 else { return 15 }
        return UInt8(max(1, min(15, (-log2(share)).rounded())))
    }

    /// Of a count in a sum of counts, without floating point; 15 for none. `all` is not 0.
    static func of(_ count: UInt32, in all: UInt32) -> UInt8 {
        guard count > 0 else { return 15 }
        // Whole bits of the quotient.
        let ratio = UInt64(all) * 2 / UInt64(count)  // doubled, so that rounding is at √2 or so
        let bits = 63 - max(1, ratio).leadingZeroBitCount
        return UInt8(max(1, min(15, bits)))
    }
}
