import SessionModel
import Testing

struct IPAddressTests {
    static let good = [
        ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:567", "1.2.3.4"), (" 1.2.3.4 ", "1.2.3.4"),
        ("[2603::1]:567", "2603::1"), ("2603::1", "2603::1"), ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4"), ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("::1", "::1"), ("1::", "1::"), ("255.255.255.255", "255.255.255.255"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("0.0.0.0", "0.0.0.0"),
    ]

    @Test("addresses as logs write them", arguments: good)
    func reads(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    static let bad = [
        "", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "1.2.3.4:65536", "1.2.3.4:", "::1::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":1", "1:", "12345::", "g::1", "[::1", "[::1]x",
        "1.2.3.4:1:2", "localhost", "AWS Internal", "1.2.3.-4", "::1.2.3", "fe80::1%", ":::",
        "1:2:3:4:5:6:7::8:9",
    ]

    @Test("anything else is refused", arguments: bad)
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("what is written is read back", arguments: 0..<300)
    func roundTrip(seed: UInt64) {
        let zeros = mix(seed, 3)  // so that runs of zeros come up
        let address = IPAddress(
            high: mix(seed, 1) & (zeros | zeros << 1), low: mix(seed, 2) & (zeros >> 5))
        #expect(IPAddress(address.description) == address, "seed \(seed)")
    }

    static let special = [
        ("10.0.0.0", true), ("9.255.255.255", false), ("11.0.0.0", false),
        ("100.63.255.255", false), ("100.64.0.0", true), ("100.127.255.255", true),
        ("100.128.0.0", false), ("172.15.255.255", false), ("172.16.0.1", true),
        ("172.31.255.255", true), ("172.32.0.0", false), ("192.167.255.255", false),
        ("192.168.0.1", true), ("192.0.2.1", true), ("192.0.3.1", false), ("198.17.255.255", false),
        ("198.18.0.0", true), ("198.19.255.255", true), ("198.20.0.0", false),
        ("198.51.100.7", true), ("203.0.113.9", true), ("203.0.114.9", false), ("224.0.0.1", true),
        ("223.255.255.255", false), ("127.0.0.1", true), ("169.254.9.9", true), ("0.1.2.3", true),
        ("::1", true), ("fe80::1", true), ("fc00::1", true), ("fdff::1", true),
        ("2001:db8::1", true), ("2001:db9::1", false), ("2a00::1", false), ("4000::1", true),
        ("2002:0a00:0001::1", true), ("2002:5102:458e::1", false),
    ]

    @Test("addresses at no place", arguments: special)
    func isSpecial(text: String, isSpecial: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isSpecialPurpose == isSpecial)
    }

    @Test("one network is a /24 or a /48")
    func prefixes() throws {
        #expect(IPAddress("203.0.113.77")?.networkPrefixDescription == "203.0.113.0/24")
        #expect(IPAddress("2a00:1:2:3::4")?.networkPrefixDescription == "2a00:1:2::/48")
    }

    @Test("where no database tells it, a /16 or a /32 stands for the provider")
    func providerPrefixes() throws {
        #expect(IPAddress("203.0.113.77")?.providerPrefixDescription == "203.0.0.0/16")
        #expect(IPAddress("2a00:1:2:3::4")?.providerPrefixDescription == "2a00:1::/32")
    }
}
