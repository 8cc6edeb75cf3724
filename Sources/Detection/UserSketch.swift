import Glibc

/// An estimate of how many different users there were, in 1 KiB: HyperLogLog (Flajolet et al. 2007) of
/// 1024 registers, with linear counting for few users (the same, section 4).
///
/// The same whatever the order, and two of them make the one of both. Exact to some 3 %.
public struct UserSketch: Sendable, Equatable {
    public static let registers = 1024
    private var values: [UInt8]

    public init() { values = Array(repeating: 0, count: UserSketch.registers) }

    /// Of registers that were kept elsewhere.
    init(_ registers: UnsafePointer<UInt8>) {
        values = Array(UnsafeBufferPointer(start: registers, count: UserSketch.registers))
    }

    /// Which register a user's key falls in, and what it says there.
    @inline(__always)
    static func place(_ userKey: UInt64) -> (register: Int, value: UInt8) {
        let register = Int(truncatingIfNeeded: userKey &>> 54)
        let rest = userKey &<< 10 | 1 &<< 9
        return (register, UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1))
    }

    public mutating func add(_ userKey: UInt64) {
        let (register, value) = UserSketch.place(userKey)
        if values[register] < value { values[register] = value }
    }

    public mutating func add(_ other: UserSketch) {
        other.values.withUnsafeBufferPointer { add($0.baseAddress.unsafelyUnwrapped) }
    }

    mutating func add(_ registers: UnsafePointer<UInt8>) {
        values.withUnsafeMutableBufferPointer { values in
            for i in 0..<UserSketch.registers { values[i] = max(values[i], registers[i]) }
        }
    }

    public var count: Double {
        let m = Double(UserSketch.registers)
        var sum = 0.0
        var empty = 0
        for value in values {
            // A damaged page may say anything.
            sum += 1 / Double(UInt64(1) &<< UInt64(min(63, value)))
            if value == 0 { empty += 1 }
        }
        let raw = 0.7213 / (1 + 1.079 / m) * m * m / sum
        return raw <= 2.5 * m && empty > 0 ? m * log(m / Double(empty)) : raw
    }
}
