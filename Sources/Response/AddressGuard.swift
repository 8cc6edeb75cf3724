public import SessionModel

/// Which addresses a webhook may be sent to, judged after its name was resolved.
///
/// Against server-side request forgery: without it, whoever can set the URL, or answer for its
/// name, can make Lastseen talk to services that trust its machine (OWASP SSRF Prevention).
public struct AddressGuard: Sendable, Equatable {
    /// Whether private and loopback addresses are taken (`--webhook-allow-private`).
    public var allowsPrivate: Bool
    /// Whether the connection is encrypted. What is not goes to private addresses only.
    public var isEncrypted: Bool

    public init(allowsPrivate: Bool, isEncrypted: Bool) {
        (self.allowsPrivate, self.isEncrypted) = (allowsPrivate, isEncrypted)
    }

    public func allows(_ address: IPAddress) -> Bool {
        if AddressGuard.isNeverATarget(address) { return false }
        return AddressGuard.isInternal(address) ? allowsPrivate : isEncrypted
    }

    /// Addresses that reach the machine itself or its surroundings, or that are nobody's on the
    /// public Internet (IANA special-purpose registries).
    static func isInternal(_ address: IPAddress) -> Bool {
        if let inner = embedded(address) { return isInternal(inner) }
        if address.isSpecialPurpose { return true }
        if address.isV4 { return address.v4 >> 8 == 0xC0_58_63 }  // 192.88.99.0/24, 6to4 relays
        // 2001::/23 holds Teredo, ORCHID, benchmarking and other protocols' own; 3fff::/20 is
        // documentation (RFC 9637).
        return address.high >> 41 == 0x2001_0000 >> 9 || address.high >> 44 == 0x3FFF0
    }

    /// Refused whatever the settings: link-local, multicast and unspecified addresses, and those
    /// where clouds hand out credentials to whoever asks.
    static func isNeverATarget(_ address: IPAddress) -> Bool {
        if let inner = embedded(address) { return isNeverATarget(inner) }
        if address.isV4 {
            let v4 = address.v4
            return v4 >> 24 == 0 || v4 >> 16 == 0xA9FE || v4 >> 28 >= 0xE
                || v4 == 0xA83F_8110  // 168.63.129.16, Azure's wire server
                || v4 == 0x6464_64C8  // 100.100.100.200, Alibaba Cloud
                || v4 == 0xC000_00C0  // 192.0.0.192, Oracle Cloud
        }
        return address.isNone || address.high >> 54 == 0xFE80 >> 6 || address.high >> 56 == 0xFF
            || (address.high == 0xFD00_0EC2_0000_0000)  // fd00:ec2::/64, AWS
            || (address.high == 0xFD20_00CE_0000_0000)  // fd20:ce::/64, Google Cloud
    }

    /// The IPv4 address that a translator would go to: 64:ff9b::/96 (RFC 6052), 64:ff9b:1::/48
    /// (RFC 8215) and 6to4.
    private static func embedded(_ address: IPAddress) -> IPAddress? {
        if address.isV4 { return nil }
        if address.high == 0x0064_FF9B_0000_0000, address.low >> 32 == 0 {
            return IPAddress(v4: address.v4)
        }
        if address.high >> 16 == 0x0064_FF9B_0001 { return IPAddress(v4: 0x7F00_0001) }
        if address.high >> 48 == 0x2002 { return address.unwrapped6to4 }
        return nil
    }
}
