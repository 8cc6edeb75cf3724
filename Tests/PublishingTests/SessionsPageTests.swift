import SessionModel
import Testing

@testable import Publishing

struct SessionsPageTests {
    static let now = SampleAlerts.time("2026-03-14T06:00:00.000Z")

    static func session(
        _ id: String, hoursAgo: Int64, current: Bool = false, state: SessionSummary.State = .active,
        device: String = "Chrome on Windows", alerts: [String] = []
    ) -> SessionSummary {
        SessionSummary(
            id: id, state: state, isCurrent: current, deviceID: "", deviceLabel: device,
            place: SampleAlerts.oslo.place(radius: 20), network: SampleAlerts.home,
            firstSeen: now.adding(milliseconds: -90 * 86_400_000),
            lastActive: now.adding(milliseconds: -hoursAgo * 3_600_000), alertIDs: alerts)
    }

    static let sessions = [
        session("old", hoursAgo: 130, state: .ended),
        session("bad", hoursAgo: 3, device: "", alerts: ["a-0000a1b2c3d41eef"]),
        session("phone", hoursAgo: 1, device: "Safari on iPhone"),
        session("mine", hoursAgo: 0, current: true),
    ]

    @Test("the page as a whole")
    func golden() {
        let page = SessionsPage(
            userID: "ann", userName: "Ann Åkesson", sessions: Self.sessions,
            alerts: [SampleAlerts.all[0], SampleAlerts.all[10]], now: Self.now)
        #expect(
            page.text(style: TextStyle(width: 80)) == """
                Sessions of Ann Åkesson (ann)

                Most recent session
                  Chrome on Windows · Oslo, NO
                    No log-out seen, last active less than an hour ago (2026-03-14 06:00 UTC)
                    2001:db8:4f::1c · AS2119 Telenor Norge AS, residential · session mine

                Other sessions
                  Safari on iPhone · Oslo, NO
                    No log-out seen, last active 1 hour ago (2026-03-14 05:00 UTC)
                    2001:db8:4f::1c · AS2119 Telenor Norge AS, residential · session phone

                  Unknown · Oslo, NO
                    No log-out seen, last active 3 hours ago (2026-03-14 03:00 UTC)
                    2001:db8:4f::1c · AS2119 Telenor Norge AS, residential · session bad
                    ! Suspicious: Impossible trip to an unrecognized device (risk 97,
                      a-0000a1b2c3d41eef)
                      If you don't recognize a session, log out of it and change the password at
                      once.

                Ended sessions
                  Chrome on Windows · Oslo, NO
                    Ended, last active 5 days ago (2026-03-08 20:00 UTC)
                    2001:db8:4f::1c · AS2119 Telenor Norge AS, residential · session old

                If you don't recognize a session, log out of it and change the password at once.

                """)
    }

    @Test("nobody's page says so")
    func none() {
        let page = SessionsPage(userID: "u\u{1b}[2J", sessions: [], now: Self.now)
        #expect(page.text().contains("No session is known"))
        #expect(page.text().contains("\\u{1b}"))
        #expect(
            String(decoding: page.json, as: UTF8.self)
                == #"{"user":{"id":"u\u001b[2J","name":""},"time":"2026-03-14T06:00:00.000Z","#
                + #""sessions":[],"advice":null}"# + "\n")
    }

    @Test("many sessions are cut, and the rest counted; both sides", arguments: [200, 201, 203])
    func limit(count: Int) {
        let many = (0..<count).map { Self.session("s\($0)", hoursAgo: Int64($0)) }
        let text = SessionsPage(userID: "u", sessions: many, now: Self.now).text()
        #expect(text.contains("And ") == (count > 200))
        if count == 203 { #expect(text.contains("And 3 sessions more.")) }
    }

    @Test("an alert marks its session by either side's word; a retracted one does not")
    func suspicious() throws {
        var alert = SampleAlerts.all[0]
        alert.sessionID = "other"
        alert.otherSessionIDs = ["phone"]
        func marks(_ alerts: [Alert]) throws -> [String: Bool] {
            let page = SessionsPage(
                userID: "ann", sessions: Self.sessions, alerts: alerts, now: Self.now)
            let json = try JSONValue(parsing: page.json)
            guard case .array(let sessions)? = json["sessions"] else { throw Missing() }
            var marks: [String: Bool] = [:]
            for session in sessions {
                guard case .text(let id, _)? = session["id"],
                    case .flag(let flag)? = session["suspicious"]
                else { throw Missing() }
                marks[id] = flag
            }
            return marks
        }
        #expect(try marks([alert]) == ["mine": false, "phone": true, "bad": true, "old": false])
        alert.status = .retracted
        #expect(try marks([alert])["phone"] == false)
    }

    @Test("the JSON of a session")
    func json() {
        let page = SessionsPage(userID: "ann", sessions: [Self.sessions[1]], now: Self.now)
        let text = String(decoding: page.json, as: UTF8.self)
        #expect(text.contains(#""id":"bad","state":"active","current":false,"suspicious":true,"#))
        #expect(text.contains(#""device":{"id":"","label":"Unknown"}"#))
        #expect(text.contains(#""last_active_s":10800,"alerts":["a-0000a1b2c3d41eef"]"#))
        #expect(text.hasSuffix(#""advice":"\#(SessionsPage.advice)"}"# + "\n"))
    }
}
