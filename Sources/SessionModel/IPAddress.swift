/// An IP address as 128 bits; IPv4 in its mapped form `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2).
@frozen public struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    /// The first eight bytes, big-endian.
    public let high: UInt64
    /// The last eight bytes, big-endian.
    public let low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    @inlinable public init(v4 value: UInt32) {
        self.init(high: 0, low: 0x0000_ffff_0000_0000 | UInt64(value))
    }

    /// No address; `::` is never a client's.
    public static let none = IPAddress(high: 0, low: 0)

    @inlinable public var isNone: Bool { high | low == 0 }
    @inlinable public var isV4: Bool { high == 0 && low &>> 32 == 0xffff }
    /// The IPv4 value; meaningful only when `isV4`.
    @inlinable public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }
}

// MARK: - Text

extension IPAddress {
    /// Reads an address as logs write it: `1.2.3.4`, `1.2.3.4:567`, `2603::1`, `[2603::1]:567`,
    /// `::ffff:1.2.3.4`, with a zone (`fe80::1%eth0`, dropped) and surrounding spaces.
    ///
    /// IPv4 octets are decimal, without leading zeros (which some readers take as octal). Returns nil
    /// for anything else. 6to4 and Teredo stay IPv6 here. No allocation.
    public init?(_ text: TextView) {
        guard var p = text.base else { return nil }
        var n = text.count
        while n > 0, p[0] == 0x20 { (p, n) = (p + 1, n - 1) }
        while n > 0, p[n - 1] == 0x20 { n -= 1 }
        guard n >= 2, n <= 80 else { return nil }
        if p[0] == 0x5B {  // [v6] or [v6]:port
            var close = 1
            while close < n, p[close] != 0x5D { close += 1 }
            guard close < n else { return nil }
            if close + 1 < n {
                guard p[close + 1] == 0x3A, IPAddress.isPort(p + close + 2, n - close - 2) else {
                    return nil
                }
            }
            guard let address = IPAddress.v6(p + 1, close - 1) else { return nil }
            self = address
            return
        }
        var colons = 0
        var firstColon = 0
        for i in 0..<n where p[i] == 0x3A {
            if colons == 0 { firstColon = i }
            colons += 1
        }
        if colons <= 1 {
            if colons == 1, !IPAddress.isPort(p + firstColon + 1, n - firstColon - 1) { return nil }
            guard let value = IPAddress.v4(p, colons == 1 ? firstColon : n) else { return nil }
            self.init(v4: value)
        } else {
            guard let address = IPAddress.v6(p, n) else { return nil }
            self = address
        }
    }

    /// As `init(_: TextView)`, from a string.
    public init?(_ text: String) {
        var text = text
        guard let address = text.withUTF8({ IPAddress(TextView($0)) }) else { return nil }
        self = address
    }

    private static func isPort(_ p: UnsafePointer<UInt8>, _ n: Int) -> Bool {
        guard n >= 1, n <= 5 else { return false }
        var value = 0
        for i in 0..<n {
            guard p[i] >= 0x30, p[i] <= 0x39 else { return false }
            value = value * 10 + Int(p[i] - 0x30)
        }
        return value <= 65535
    }

    @inline(__always)
    private static func v4(_ p: UnsafePointer<UInt8>, _ n: Int) -> UInt32? {
        guard n >= 7, n <= 15 else { return nil }
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for i in 0..<n {
            let c = p[i]
            if c == 0x2E {
                guard digits > 0, dots < 3 else { return nil }
                value = value &<< 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            } else {
                let d = c &- 0x30
                guard d <= 9, digits < 3, digits == 0 || octet != 0 else { return nil }
                octet = octet * 10 + UInt32(d)
                digits += 1
                guard octet <= 255 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return value &<< 8 | octet
    }

    private static func v6(_ p: UnsafePointer<UInt8>, _ length: Int) -> IPAddress? {
        var n = length
        for i in 0..<n where p[i] == 0x25 {  // zone
            guard i + 1 < n else { return nil }
            n = i
            break
        }
        guard n >= 2, n <= 45 else { return nil }
        var head: (UInt64, UInt64) = (0, 0)
        var groups = 0
        var gap = -1
        var value: UInt64 = 0
        var digits = 0
        var i = 0
        var groupStart = 0
        func push(_ v: UInt64) {
            let shift = UInt64(112 - 16 * groups)
            if shift >= 64 { head.0 |= v << (shift - 64) } else { head.1 |= v << shift }
            groups += 1
        }
        if p[0] == 0x3A {
            guard p[1] == 0x3A else { return nil }
            gap = 0
            i = 2
            groupStart = 2
        }
        while i < n {
            let c = p[i]
            if c == 0x3A {
                if digits == 0 {
                    guard gap < 0, i > 0, p[i - 1] == 0x3A else { return nil }
                    gap = groups
                } else {
                    guard groups < 8 else { return nil }
                    push(value)
                    (value, digits) = (0, 0)
                    guard i + 1 < n else { return nil }
                }
                i += 1
                groupStart = i
            } else if c == 0x2E {
                guard groups <= 6, let v = v4(p + groupStart, n - groupStart) else { return nil }
                push(UInt64(v >> 16))
                push(UInt64(v & 0xFFFF))
                digits = 0
                i = n
            } else {
                let lower = c | 0x20
                let d: UInt64
                if c >= 0x30, c <= 0x39 {
                    d = UInt64(c - 0x30)
                } else if lower >= 0x61, lower <= 0x66 {
                    d = UInt64(lower - 0x61 + 10)
                } else {
                    return nil
                }
                guard digits < 4 else { return nil }
                value = value << 4 | d
                digits += 1
                i += 1
            }
        }
        if digits > 0 {
            guard groups < 8 else { return nil }
            push(value)
        }
        if gap < 0 {
            guard groups == 8 else { return nil }
            return IPAddress(high: head.0, low: head.1)
        }
        guard groups < 8 else { return nil }
        // Move the groups after the gap to the end.
        let tail = groups - gap
        func group(_ k: Int) -> UInt64 {
            let shift = UInt64(112 - 16 * k)
            return (shift >= 64 ? head.0 >> (shift - 64) : head.1 >> shift) & 0xFFFF
        }
        var out: (UInt64, UInt64) = (0, 0)
        func set(_ k: Int, _ v: UInt64) {
            let shift = UInt64(112 - 16 * k)
            if shift >= 64 { out.0 |= v << (shift - 64) } else { out.1 |= v << shift }
        }
        for k in 0..<gap { set(k, group(k)) }
        for k in 0..<tail { set(8 - tail + k, group(gap + k)) }
        return IPAddress(high: out.0, low: out.1)
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal for IPv4, RFC 5952 for IPv6 (lower case, longest run of zeros shortened).
    public var description: String {
        if isV4 {
            return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255)"
        }
        let groups = (0..<8).map { k -> UInt64 in
            let shift = UInt64(112 - 16 * k)
            return (shift >= 64 ? high >> (shift - 64) : low >> shift) & 0xFFFF
        }
        var best = (start: -1, length: 1)
        var k = 0
        while k < 8 {
            var end = k
            while end < 8, groups[end] == 0 { end += 1 }
            if end - k > best.length { best = (k, end - k) }
            k = max(end, k + 1)
        }
        var text = ""
        k = 0
        while k < 8 {
            if k == best.start {
                text += "::"
                k += best.length
            } else {
                if !text.isEmpty, !text.hasSuffix(":") { text += ":" }
                text += String(groups[k], radix: 16)
                k += 1
            }
        }
        return text
    }
}

// MARK: - Networks

extension IPAddress {
    /// The prefix that counts as one network: /24 for IPv4, /48 for IPv6 (what one site is given,
    /// RFC 6177).
    @inlinable public var networkPrefix: IPAddress {
        isV4 ? IPAddress(high: 0, low: low & ~0xFF) : IPAddress(high: high & ~0xFFFF, low: 0)
    }

    /// The prefix that stands for a provider where no database tells one: /16 for IPv4, /32 for IPv6
    /// (the least that registries give a provider, RFC 6177 and the RIRs' policies). An access provider
    /// gives a line another /24 from it every day; few share one with another provider of the same town.
    @inlinable public var providerPrefix: IPAddress {
        isV4
            ? IPAddress(high: 0, low: low & ~0xFFFF)
            : IPAddress(high: high & ~0xFFFF_FFFF, low: 0)
    }

    /// `203.0.113.0/24`, `2001:db8:1::/48`.
    public var networkPrefixDescription: String {
        "\(networkPrefix)/\(isV4 ? 24 : 48)"
    }

    /// `203.0.0.0/16`, `2001:db8::/32`.
    public var providerPrefixDescription: String { "\(providerPrefix)/\(isV4 ? 16 : 32)" }

    /// An address that by definition is at no place: this network, private (RFC 1918, 4193), shared
    /// (CGNAT, RFC 6598), loopback, link-local, documentation (RFC 5737, 3849), benchmarking
    /// (RFC 2544), multicast and reserved ones (IANA special-purpose registries).
    ///
    /// 6to4 (RFC 3056) is judged by the IPv4 address inside.
    public var isSpecialPurpose: Bool {
        if isV4 { return IPAddress.isSpecial(v4: v4) }
        let top = high >> 48
        if top == 0x2002 { return IPAddress.isSpecial(v4: UInt32(truncatingIfNeeded: high >> 16)) }
        if high == 0, low >> 32 == 0 { return true }  // ::, ::1, v4-compatible
        if high >> 32 == 0x0064_ff9b { return false }  // NAT64, RFC 6052
        return top & 0xfe00 == 0xfc00  // unique local
            || top & 0xffc0 == 0xfe80  // link-local
            || top & 0xff00 == 0xff00  // multicast
            || high >> 32 == 0x2001_0db8  // documentation
            || top & 0xe000 != 0x2000  // not global unicast
    }

    private static func isSpecial(v4 a: UInt32) -> Bool {
        switch a >> 24 {
        case 0, 10, 127: true
        case 100: a >> 22 & 3 == 1  // 100.64.0.0/10
        case 169: a >> 16 == 0xA9FE
        case 172: a >> 20 & 15 == 1
        case 192: a >> 16 == 0xC0A8 || a >> 8 == 0xC00000 || a >> 8 == 0xC00002
        case 198: a >> 17 == 0xC612 >> 1 || a >> 8 == 0xC63364
        case 203: a >> 8 == 0xCB0071
        case 224...: true
        default: false
        }
    }

    /// The IPv4 address inside a 6to4 address, else the address itself.
    @inlinable public var unwrapped6to4: IPAddress {
        high &>> 48 == 0x2002 ? IPAddress(v4: UInt32(truncatingIfNeeded: high &>> 16)) : self
    }
}
