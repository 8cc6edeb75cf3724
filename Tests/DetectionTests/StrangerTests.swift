import SessionModel
import Testing

@testable import Detection

@Suite("Who is a stranger")
struct StrangerTests {
    /// An address at home in Oslo, where no database tells providers.
    private static func spot(_ address: String, at home: Spot = .oslo) -> Spot {
        var spot = home
        (spot.network, spot.asn) = (address, 0)
        return spot
    }

    /// The address of the new device, at which place; whether its network is the user's.
    private static let addresses: [(String, Spot, Bool)] = [
        ("84.208.20.99", .oslo, true),  // the same /24
        ("84.208.255.9", .oslo, true),  // the same /16 at the same place
        ("84.209.0.9", .oslo, false),  // the next /16
        ("84.208.255.9", .bergen, false),  // the same /16, at a place that is new
    ]

    @Test(
        "where no provider is told, the /16 at a known place stands for one", arguments: addresses)
    func provider(address: String, home: Spot, isKnown: Bool) throws {
        let run = Run()
        for day in 0..<6 {
            try run.see(
                sighting(
                    "h\(day)", hours: Double(day * 24 + 8), at: Self.spot("84.208.20.7"),
                    session: "s\(day)"), savingBetween: true)
        }
        try run.see(
            sighting(
                "x", hours: 200, at: Self.spot(address, at: home), device: "d9", session: "s9"))
        #expect(run.standing.isEmpty == isKnown)
    }

    @Test("IPv6 addresses of one /32 are of one provider, others are not")
    func providerPrefix() throws {
        func provider(_ text: String) throws -> FactKey {
            FactKey.provider(asn: 0, try #require(IPAddress(text)))
        }
        #expect(try provider("2a02:8108:1::1") == provider("2a02:8108:ffff::2"))
        #expect(try provider("2a02:8108:1::1") != provider("2a02:8109:1::1"))
        #expect(
            FactKey.provider(asn: 7, .none)
                == FactKey.provider(asn: 7, try #require(IPAddress("192.0.2.1"))))
        #expect(FactKey.provider(asn: 0, .none).isNone)
    }

    /// Sessions of the user's that begin with a sign-in, and without, after the first day; whether one
    /// that begins without is strange.
    private static let beginnings = [(3, 0, true), (2, 0, false), (8, 1, true), (7, 1, false)]

    @Test(
        "a session without a sign-in is strange where eight in nine have one", arguments: beginnings
    )
    func beginning(with: Int, without: Int, isStrange: Bool) throws {
        for isSaved in [false, true] {
            let run = Run(rules: allRules)
            var hours = 8.0
            func see(_ id: String, _ event: EventKind) throws {
                try run.see(
                    sighting(id, hours: hours, at: .oslo, session: id, event: event),
                    savingBetween: isSaved)
                hours += 24
            }
            for k in 0..<with { try see("a\(k)", .login) }
            for k in 0..<without { try see("b\(k)", .activity) }
            while hours < 100 {
                // The same session again is no other.
                try run.see(
                    sighting("t\(hours)", hours: hours, at: .oslo, session: "a0", event: .activity))
                hours += 24
            }
            try run.see(
                sighting(
                    "x", hours: hours, at: .lagos, device: "d1", session: "s9", event: .activity))
            let rules = run.standing.values.flatMap { $0.findings.map(\.rule) }
            #expect(rules.contains("session-too-old") == isStrange, "\(rules)")
        }
    }

    /// Whether the device is told by its id, the event, how it was proven, and whether anybody with the
    /// password could have made it.
    private static let proofs: [(Bool, EventKind, AuthMethod, Bool)] = [
        (true, .login, .password, false), (false, .login, .password, true),
        (false, .login, .sso, false), (false, .activity, .token, false),
        (false, .recovery, .unknown, true), (true, .recovery, .unknown, false),
        (false, .passwordChange, .password, true), (false, .mfaChange, .unknown, true),
    ]

    @Test("a client that many have is no proof of whose it is", arguments: proofs)
    func proof(hasID: Bool, event: EventKind, auth: AuthMethod, isAnybodys: Bool) {
        var s = sighting("a", hours: 8, at: .oslo, device: hasID ? "d1" : nil, event: event)
        s.record.auth = auth
        s.client.key = 0x1234_5678_9ABC_DEF0
        s.computeKeys()
        let stored = withUnsafePointer(to: s) { StoredSighting($0) }
        #expect(stored.device.isOfID == hasID)
        #expect(stored.isAnybodys == isAnybodys)
    }
}
