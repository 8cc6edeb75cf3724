import SessionModel
import Testing

@testable import Enrichment

struct NetworkListsTests {
    static let text = """
        # our networks
        198.51.100.0/24 corporate Head office  # a comment
        [vpn]
        203.0.113.0/24
        203.0.113.7      Example VPN, Oslo
        203.0.113.128/25 relay
        2001:db8:40::/44, shared-egress, Proxy farm
        0.0.0.0/0 mobile
        255.255.255.255 tor
        ffff:ffff::/32 hosting
        [Satellite]\r
        198.51.100.0/25
        """

    static let cases: [(String, NetworkKind?, String)] = [
        ("198.51.100.200", .corporate, "Head office"), ("198.51.100.127", .satellite, ""),
        ("198.51.100.128", .corporate, "Head office"), ("203.0.113.6", .vpn, ""),
        ("203.0.113.7", .vpn, "Example VPN, Oslo"), ("203.0.113.8", .vpn, ""),
        ("203.0.113.127", .vpn, ""), ("203.0.113.128", .relay, ""), ("203.0.113.255", .relay, ""),
        ("203.0.114.0", .mobile, ""), ("0.0.0.0", .mobile, ""), ("255.255.255.254", .mobile, ""),
        ("255.255.255.255", .tor, ""), ("2001:db8:4f:ffff::1", .sharedEgress, "Proxy farm"),
        ("2001:db8:50::", nil, ""), ("2001:db8:3f::", nil, ""), ("::1", nil, ""),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .hosting, ""), ("ffff:fffe::", nil, ""),
    ]

    @Test("the longest prefix wins", arguments: cases)
    func find(text: String, kind: NetworkKind?, name: String) throws {
        let lists = try NetworkLists(text: Self.text)
        let found = lists.lookup(address(text))
        #expect(found?.kind == kind)
        #expect((found?.name ?? "") == name)
    }

    static let refusals: [(String, Int, String)] = [
        ("10.0.0.0/8", 1, "no kind for 10.0.0.0/8"),
        ("\n10.0.0.1/8 vpn", 2, "Did you mean 10.0.0.0/8?"),
        ("[vpm]", 1, "'vpm' is no kind"), ("[vpn", 1, "ends with ']'"),
        ("10.0.0.0/33 vpn", 1, "0 to 32"),
        ("2001:db8::/129 vpn", 1, "0 to 128"),
        ("2001:db8::1/64 vpn", 1, "Did you mean 2001:db8::/64?"),
        ("hello vpn", 1, "is no network"), ("10.0.0.1:80 vpn", 1, "is no network"),
        ("10.0.0.0/8/8 vpn", 1, "is no network"), ("10.0.0.0/ vpn", 1, "prefix length"),
        ("10.0.0.0/-1 vpn", 1, "prefix length"), ("[special_purpose]", 1, "no kind"),
    ]

    @Test("a bad line is refused with its place", arguments: refusals)
    func refusal(text: String, line: Int, message: String) {
        do {
            _ = try NetworkLists(text: text, path: "nets")
            Issue.record("accepted")
        } catch {
            #expect(error.description.hasPrefix("nets:\(line): "))
            #expect(error.description.contains(message), "\(error)")
        }
    }

    @Test(
        "nested random networks agree with a search through all", arguments: [31, 32] as [UInt64])
    func random(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        var networks: [(start: UInt32, length: Int, kind: NetworkKind)] = []
        var text = ""
        for _ in 0..<300 {
            let length = Int.random(in: 1...32, using: &numbers)
            let start =
                UInt32.random(in: 0...0xFFFF, using: &numbers) << 16
                & (UInt32.max << UInt32(32 - length))
            let kind = NetworkKind.listed.randomElement(using: &numbers)!
            networks.append((start, length, kind))
            text += "\(IPAddress(v4: start))/\(length) \(kind.name)\n"
        }
        let lists = try NetworkLists(text: text)
        for _ in 0..<3000 {
            let one =
                UInt32.random(in: 0...UInt32.max, using: &numbers)
                & (Bool.random(using: &numbers) ? .max : 0xFFFF_0000)
            var best: (length: Int, kind: NetworkKind)?
            for network in networks where (one ^ network.start) >> UInt32(32 - network.length) == 0
            {
                if best == nil || network.length >= best!.length {
                    best = (network.length, network.kind)
                }
            }
            #expect(
                lists.find(IPAddress(v4: one))?.kind == best?.kind,
                "seed \(seed), \(IPAddress(v4: one))")
        }
    }

    @Test("files are read in order, and the later wins")
    func files() throws {
        let folder = try GeoTestFolder()
        let a = try folder.write("a", "\u{FEFF}10.0.0.0/8 vpn\n")
        let b = try folder.write("b", "10.0.0.0/8 corporate")
        #expect(try NetworkLists(paths: [a, b]).find(address("10.1.1.1"))?.kind == .corporate)
        #expect(try NetworkLists(paths: [a, b]).count == 1)
        #expect(NetworkLists.none.find(address("10.1.1.1")) == nil)
        #expect(throws: GeoError.self) { try NetworkLists(paths: ["\(folder.path)/none"]) }
    }
}
