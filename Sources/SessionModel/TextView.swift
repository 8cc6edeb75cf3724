/// UTF-8 bytes that belong to somebody else: a read buffer, a mapped database, a cache.
///
/// The hot path passes these instead of strings: no copy, no allocation, no reference count. A view
/// is valid as long as its owner says (a chunk's views die with the chunk).
@frozen public struct TextView: BitwiseCopyable, @unchecked Sendable {
    /// Nil only for the empty view.
    public let base: UnsafePointer<UInt8>?
    /// In bytes.
    public let count: Int

    /// The absent text.
    @inlinable public init() { (base, count) = (nil, 0) }

    @inlinable public init(base: UnsafePointer<UInt8>?, count: Int) {
        (self.base, self.count) = (base, count)
    }

    @inlinable public init(_ buffer: UnsafeBufferPointer<UInt8>) {
        (base, count) = (buffer.baseAddress, buffer.count)
    }

    /// A literal's bytes, which live as long as the program.
    @inlinable public init(_ literal: StaticString) {
        (base, count) = (literal.utf8Start, literal.utf8CodeUnitCount)
    }

    @inlinable public var isEmpty: Bool { count == 0 }

    @inlinable public var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base, count: count)
    }

    /// A copy; bytes that are not UTF-8 become U+FFFD.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    /// The first `limit` bytes, cut at a character's boundary.
    public func prefix(_ limit: Int) -> TextView {
        guard count > limit, let base else { return self }
        var end = limit
        while end > 0, base[end] & 0xC0 == 0x80 { end -= 1 }
        return TextView(base: base, count: end)
    }

    @inlinable public static func == (a: TextView, b: TextView) -> Bool {
        guard a.count == b.count else { return false }
        guard let p = a.base, let q = b.base else { return true }
        if p == q { return true }
        var i = 0
        while i &+ 8 <= a.count {
            let x = UnsafeRawPointer(p + i).loadUnaligned(as: UInt64.self)
            let y = UnsafeRawPointer(q + i).loadUnaligned(as: UInt64.self)
            if x != y { return false }
            i &+= 8
        }
        while i < a.count {
            if p[i] != q[i] { return false }
            i &+= 1
        }
        return true
    }

    /// SipHash-1-3 of the bytes (Aumasson and Bernstein, 2012; one compression and three
    /// finalisation rounds) under a fixed key mixed with `domain`.
    ///
    /// The same on every machine and in every run, since keys are stored. Session, device and user
    /// ids come from attackers, hence not a multiply-and-fold hash, whose collisions can be written
    /// down. About 12 ns for 20 bytes.
    @inlinable public func hash(domain: UInt64) -> UInt64 {
        hashPair(domain: domain, wantsBoth: false).0
    }

    /// As `hash`, with a second word that is independent of the first (as SipHash's 128-bit form has
    /// it: three more rounds after v1 ^= 0xdd).
    @inlinable @inline(__always)
    public func hashPair(domain: UInt64, wantsBoth: Bool = true) -> (UInt64, UInt64) {
        var v0: UInt64 = 0x736f_6d65_7073_6575 ^ 0x6c61_7374_7365_656e ^ domain
        var v1: UInt64 = 0x646f_7261_6e64_6f6d ^ 0x7365_7373_696f_6e73
        var v2: UInt64 = 0x6c79_6765_6e65_7261 ^ 0x6c61_7374_7365_656e ^ domain
        var v3: UInt64 = 0x7465_6462_7974_6573 ^ 0x7365_7373_696f_6e73
        @inline(__always) func round() {
            v0 &+= v1
            v1 = v1 &<< 13 | v1 &>> 51
            v1 ^= v0
            v0 = v0 &<< 32 | v0 &>> 32
            v2 &+= v3
            v3 = v3 &<< 16 | v3 &>> 48
            v3 ^= v2
            v0 &+= v3
            v3 = v3 &<< 21 | v3 &>> 43
            v3 ^= v0
            v2 &+= v1
            v1 = v1 &<< 17 | v1 &>> 47
            v1 ^= v2
            v2 = v2 &<< 32 | v2 &>> 32
        }
        var last = UInt64(truncatingIfNeeded: count) &<< 56
        if let base {
            let raw = UnsafeRawPointer(base)
            var i = 0
            while i &+ 8 <= count {
                let m = raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                v3 ^= m
                round()
                v0 ^= m
                i &+= 8
            }
            var shift: UInt64 = 0
            while i < count {
                last |= UInt64(base[i]) &<< shift
                shift &+= 8
                i &+= 1
            }
        }
        v3 ^= last
        round()
        v0 ^= last
        v2 ^= 0xFF
        round()
        round()
        round()
        let one = v0 ^ v1 ^ v2 ^ v3
        guard wantsBoth else { return (one, 0) }
        v1 ^= 0xDD
        round()
        round()
        round()
        return (one, v0 ^ v1 ^ v2 ^ v3)
    }
}

extension TextView: ExpressibleByStringLiteral {
    @inlinable public init(stringLiteral value: StaticString) { self.init(value) }
}

/// What a hash is of, so that a device and a session of one name do not share a key.
public enum HashDomain {
    public static let user: UInt64 = 1
    public static let deviceID: UInt64 = 2
    public static let client: UInt64 = 3
    public static let network: UInt64 = 4
    public static let provider: UInt64 = 5
    public static let place: UInt64 = 6
    public static let country: UInt64 = 7
    public static let session: UInt64 = 8
    public static let record: UInt64 = 9
    public static let alert: UInt64 = 10
    public static let text: UInt64 = 11
    public static let customKey: UInt64 = 12
}

/// The finaliser of SplitMix64 over two words: a fixed, well-spread mix for keys made of numbers.
@inlinable public func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    // Each factor is odd, so that no bit of either word is lost.
    var z = (a &+ 0x9e37_79b9_7f4a_7c15) &* 0xd6e8_feb8_6659_fd93 ^ b &* 0xff51_afd7_ed55_8ccd
    z = (z ^ z &>> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z &>> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z &>> 31
}
