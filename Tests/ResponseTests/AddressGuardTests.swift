import SessionModel
import Testing

@testable import Response

struct AddressGuardTests {
    enum Kind { case open, inside, never }

    /// An address; what it is to a webhook.
    static let addresses: [(String, Kind)] = [
        ("8.8.8.8", .open), ("172.15.255.255", .open), ("172.32.0.0", .open),
        ("100.63.255.255", .open), ("2a00:1450:4001::1", .open), ("64:ff9b::8.8.8.8", .open),
        ("2002:808:808::1", .open), ("3ffe::1", .open), ("2001:200::1", .open),
        ("10.0.0.1", .inside), ("127.0.0.1", .inside), ("::1", .inside),
        ("::ffff:10.0.0.1", .inside),
        ("172.16.0.1", .inside), ("192.168.1.1", .inside), ("100.64.0.1", .inside),
        ("fd12:3456::1", .inside), ("64:ff9b::10.0.0.1", .inside), ("64:ff9b:1::8.8.8.8", .inside),
        ("2002:a00:1::1", .inside), ("192.88.99.1", .inside), ("198.18.0.1", .inside),
        ("203.0.113.1", .inside), ("2001::1", .inside), ("2001:1ff::1", .inside),
        ("2001:db8::1", .inside), ("3fff::1", .inside), ("::ffff:0:8.8.8.8", .inside),
        ("169.254.169.254", .never), ("169.254.0.1", .never), ("fe80::1", .never),
        ("febf::1", .never), ("fd00:ec2::254", .never), ("fd20:ce::254", .never),
        ("168.63.129.16", .never), ("100.100.100.200", .never), ("192.0.0.192", .never),
        ("0.0.0.0", .never), ("0.1.2.3", .never), ("::", .never), ("224.0.0.1", .never),
        ("255.255.255.255", .never), ("ff02::1", .never), ("64:ff9b::169.254.169.254", .never),
        ("2002:a9fe:a9fe::1", .never), ("::ffff:169.254.169.254", .never),
    ]

    @Test("only public addresses, unless private ones are allowed", arguments: addresses)
    func kinds(text: String, kind: Kind) throws {
        let address = try #require(IPAddress(text))
        func allows(_ allowsPrivate: Bool, _ isEncrypted: Bool) -> Bool {
            AddressGuard(allowsPrivate: allowsPrivate, isEncrypted: isEncrypted).allows(address)
        }
        #expect(allows(false, true) == (kind == .open))
        #expect(allows(true, true) == (kind != .never))
        #expect(allows(true, false) == (kind == .inside), "nothing in the clear over the Internet")
        #expect(!allows(false, false))
    }
}
