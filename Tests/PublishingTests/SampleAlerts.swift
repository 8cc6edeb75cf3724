import Publishing
import SessionModel

/// Made-up alerts of every kind, as the rules would make them.
enum SampleAlerts {
    struct City {
        let name: String
        let country: String
        let latitude: Double
        let longitude: Double
        var label: String { "\(name), \(country)" }
        func place(radius: Int) -> Place {
            Place(
                city: name, region: "", country: country, latitude: latitude,
                longitude: longitude, radiusKilometers: radius)
        }
    }

    static let oslo = City(name: "Oslo", country: "NO", latitude: 59.9127, longitude: 10.7461)
    static let lagos = City(name: "Lagos", country: "NG", latitude: 6.4541, longitude: 3.3947)
    static let tokyo = City(name: "Tokyo", country: "JP", latitude: 35.6895, longitude: 139.6917)
    static let francisco = City(
        name: "San Francisco", country: "US", latitude: 37.7749, longitude: -122.4194)
    static let sydney = City(name: "Sydney", country: "AU", latitude: -33.8688, longitude: 151.2093)
    static let paulo = City(
        name: "São Paulo", country: "BR", latitude: -23.5475, longitude: -46.6361)
    static let moscow = City(name: "Moscow", country: "RU", latitude: 55.7522, longitude: 37.6156)
    static let london = City(name: "London", country: "GB", latitude: 51.5085, longitude: -0.1257)
    static let bengaluru = City(
        name: "Bengaluru", country: "IN", latitude: 12.9719, longitude: 77.5937)

    static func time(_ text: String) -> Timestamp { Timestamp(text)! }

    static func travel(
        _ from: City, _ to: City, minutes: Double, at time: Timestamp,
        confidence: Confidence = .certain
    ) -> Finding {
        let a = GeoPoint(latitude: from.latitude, longitude: from.longitude)!
        let b = GeoPoint(latitude: to.latitude, longitude: to.longitude)!
        let distance = a.kilometers(to: b)
        let speed = distance / (minutes / 60)
        return Finding(
            rule: "impossible-travel", severity: .high, confidence: confidence, time: time,
            records: ["e-1041", "e-1042"],
            evidence: [
                Evidence("from_place", .text(from.label)), Evidence("to_place", .text(to.label)),
                Evidence("from_time", .time(time.adding(milliseconds: -Int64(minutes * 60_000)))),
                Evidence("to_time", .time(time)),
                Evidence("from_device", .text("Chrome on Windows")),
                Evidence("to_device", .text("Firefox on Linux")),
                Evidence("from_radius_km", .integer(20)), Evidence("to_radius_km", .integer(50)),
                Evidence("distance_km", .number(distance)),
                Evidence("elapsed_s", .integer(Int(minutes * 60))),
                Evidence("speed_kmh", .number(speed)),
                Evidence("speed_limit_kmh", .number(900)),
                Evidence("stranger", .text("to")),
                Evidence("from_lat", .number(from.latitude)),
                Evidence("from_lon", .number(from.longitude)),
                Evidence("to_lat", .number(to.latitude)), Evidence("to_lon", .number(to.longitude)),
            ],
            silencedBy: "speed_limit_kmh >= \(Int(speed.rounded()) + 1)",
            sentence:
                "Seen in \(from.label) and \(Int(minutes)) minutes later in \(to.label), "
                + "\(Int(distance.rounded())) km away: "
                + "\(Int(speed.rounded())) km/h where 900 is the most."
        )
    }

    static func newDevice(_ label: String, at time: Timestamp) -> Finding {
        Finding(
            rule: "unrecognized-device", severity: .medium, confidence: .certain, time: time,
            records: ["e-1042"],
            evidence: [
                Evidence("device", .text(label)), Evidence("known_devices", .integer(2)),
                Evidence("known_since_days", .integer(212)),
            ],
            silencedBy: "learning_days >= 213",
            sentence:
                "\(label) was never used by this account, which has had 2 devices in 212 days.")
    }

    static func newCountry(_ city: City, at time: Timestamp) -> Finding {
        Finding(
            rule: "new-country", severity: .low, confidence: .certain, time: time,
            records: ["e-1042"],
            evidence: [
                Evidence("country", .text(city.country)),
                Evidence("usual_countries", .text("NO, SE")),
                Evidence("first_visit", .flag(true)),
            ],
            silencedBy: "allowed_countries contains \(city.country)",
            sentence: "The account was never used from \(city.country) before.")
    }

    static func moved(_ from: City, _ to: City, at time: Timestamp) -> Finding {
        Finding(
            rule: "session-moved", severity: .critical, confidence: .certain, time: time,
            records: ["e-77", "e-78"],
            evidence: [
                Evidence("from_device", .text("Chrome on Windows")),
                Evidence("to_device", .text("Python Requests")),
                Evidence("from_network", .text("AS2119 Telenor")),
                Evidence("to_network", .text("AS14061 DigitalOcean")),
                Evidence("elapsed_s", .number(310)),
            ],
            silencedBy: "same_session_devices = any",
            sentence:
                "The session was begun in \(from.label) with Chrome on Windows and went on in "
                + "\(to.label) with Python Requests: its token is in other hands.")
    }

    static func failures(at time: Timestamp) -> Finding {
        Finding(
            rule: "failures-then-success", severity: .medium, confidence: .likely, time: time,
            records: (0..<9).map { "f-\($0)" } + ["e-9"],
            evidence: [
                Evidence("failures", .integer(9)), Evidence("window_minutes", .number(10)),
                Evidence("threshold", .integer(5)),
            ],
            silencedBy: "failures >= 10",
            sentence: "Nine wrong passwords within 4 minutes, then the right one, from one network."
        )
    }

    static let steps = [
        Recommendation(
            step: 1, text: "Log out of session s-9f41c2 (Firefox on Linux, last seen just now)",
            reason: "It is the stranger's: device, network and country are all new."),
        Recommendation(
            step: 2, text: "Change the password at once",
            reason: "Whoever logged in knows it. A stolen token ends with it too."),
        Recommendation(
            step: 3, text: "Check the recovery address and the MFA devices",
            reason: "They are what an intruder changes first, to come back."),
    ]

    static func alert(
        _ number: Int, user: String, name: String = "", risk: Int, at time: String, city: City,
        title: String, summary: String, rung: Rung = .logOutSession,
        status: Alert.Status = .open, network: Network, device: String = "Firefox on Linux",
        findings: (Timestamp) -> [Finding]
    ) -> Alert {
        let moment = Self.time(time)
        let hex = String(0xa1b2_c3d4_0000 + UInt64(number) * 7919, radix: 16)
        return Alert(
            id: "a-" + String(repeating: "0", count: 16 - hex.count) + hex,
            revision: status == .open ? 1 : 2, status: status, time: moment, tenant: "acme",
            userID: user, userName: name.isEmpty ? "\(user)@example.com" : name,
            sessionID: "s-9f41c\(number)", otherSessionIDs: number % 4 == 0 ? ["s-77aa"] : [],
            deviceID: number % 3 == 0 ? "d-4410" : "", deviceLabel: device,
            place: city.place(radius: 20), network: network, risk: risk,
            severity: Severity(risk: risk), title: title, summary: summary, rung: rung,
            isSettledEarly: number == 5, findings: findings(moment), recommendations: steps,
            actions: rung >= .logOutSession
                ? [
                    ActionSummary(
                        id: "act-\(number)", kind: "log-out-session",
                        target: "session s-9f41c\(number)", state: "dry-run")
                ] : [])
    }

    static let hosting = Network(
        address: "203.0.113.87", asn: 14061, organization: "DigitalOcean, LLC", kind: .hosting)
    static let mobile = Network(
        address: "102.89.23.4", asn: 29465, organization: "MTN Nigeria", kind: .mobile)
    static let home = Network(
        address: "2001:db8:4f::1c", asn: 2119, organization: "Telenor Norge AS", kind: .residential)
    static let tor = Network(
        address: "185.220.101.7", asn: 60729, organization: "Stiftung Erneuerbare Freiheit",
        kind: .tor)

    static let all: [Alert] = [
        alert(
            1, user: "ann", name: "Ann Åkesson", risk: 97, at: "2026-03-11T08:57:12.400Z",
            city: lagos, title: "Impossible trip to an unrecognized device",
            summary: "Ann Åkesson was in Oslo and, 42 minutes later, logged in from Lagos with a "
                + "device that the account never used.", network: mobile
        ) {
            [
                travel(oslo, lagos, minutes: 42, at: $0), newDevice("Firefox on Linux", at: $0),
                newCountry(lagos, at: $0),
            ]
        },
        alert(
            2, user: "kofi", risk: 93, at: "2026-03-09T22:14:00.000Z", city: francisco,
            title: "Session moved to other hands",
            summary: "A session begun at home in London went on from a hosting network in San "
                + "Francisco five minutes later.", rung: .requirePasswordChange,
            status: .amended, network: hosting, device: "Python Requests"
        ) { [moved(london, francisco, at: $0), travel(london, francisco, minutes: 5.2, at: $0)] },
        alert(
            3, user: "mei", name: "Mei Tanaka", risk: 88, at: "2026-03-12T03:30:45.000Z",
            city: francisco, title: "Impossible trip across the Pacific",
            summary: "Mei Tanaka was in Tokyo and two hours later in San Francisco.",
            network: hosting
        ) { [travel(tokyo, francisco, minutes: 121, at: $0), newCountry(francisco, at: $0)] },
        alert(
            4, user: "jo", risk: 81, at: "2026-03-05T11:02:09.000Z", city: moscow,
            title: "Impossible trip", summary: "Two places at once.", network: home,
            device: "Unknown"
        ) { [travel(oslo, moscow, minutes: 20, at: $0, confidence: .likely)] },
        alert(
            5, user: "sam", risk: 74, at: "2026-03-05T17:44:00.000Z", city: sydney,
            title: "Impossible trip to an unrecognized device",
            summary: "Seen in São Paulo, and 5 hours later in Sydney.", network: home,
            device: "Safari on iPhone"
        ) { [travel(paulo, sydney, minutes: 300, at: $0), newDevice("Safari on iPhone", at: $0)] },
        alert(
            6, user: "sam", risk: 62, at: "2026-03-06T06:10:00.000Z", city: bengaluru,
            title: "Password guessed",
            summary: "Nine wrong passwords, then the right one.", rung: .stepUp, network: tor
        ) { [failures(at: $0)] },
        alert(
            7, user: "li", risk: 55, at: "2026-03-12T14:00:00.000Z", city: london,
            title: "Unrecognized device from a new country", summary: "First use from GB.",
            rung: .notify, network: home
        ) { [newDevice("Edge on Windows", at: $0), newCountry(london, at: $0)] },
        alert(
            8, user: "pat", risk: 44, at: "2026-03-02T09:00:00.000Z", city: oslo,
            title: "Unrecognized device", summary: "Chrome on Android was never used before.",
            rung: .notify, network: home, device: "Chrome on Android"
        ) { [newDevice("Chrome on Android", at: $0)] },
        alert(
            9, user: "eve", risk: 24, at: "2026-03-12T19:21:00.000Z", city: paulo,
            title: "New country", summary: "First use from BR.", rung: .notify, network: home
        ) { [newCountry(paulo, at: $0)] },
        alert(
            10, user: "dan", risk: 12, at: "2026-03-13T10:00:00.000Z", city: oslo,
            title: "Something faint", summary: "Little to see.", rung: .notify, network: home
        ) { [newCountry(oslo, at: $0)] },
        alert(
            11, user: "ola", risk: 71, at: "2026-03-08T07:30:00.000Z", city: tokyo,
            title: "Impossible trip", summary: "A late record showed the flight in between.",
            status: .retracted, network: home
        ) { [travel(oslo, tokyo, minutes: 90, at: $0)] },
        alert(
            12, user: "hostile", name: Hostile.text, risk: 90, at: "2026-03-07T00:00:00.000Z",
            city: City(name: Hostile.text, country: "XX", latitude: 48.85, longitude: 2.35),
            title: "Unrecognized device " + Hostile.text, summary: Hostile.text,
            network: Network(
                address: "192.0.2.1", asn: 64496, organization: Hostile.text, kind: .proxy),
            device: Hostile.text
        ) { [newDevice(Hostile.text, at: $0), travel(oslo, london, minutes: 3, at: $0)] },
    ]
}

/// What an attacker would put into a name.
enum Hostile {
    static let text =
        "\"><script>alert(1)</script><img src=x onerror='a'>&amp;</style>\u{1b}[31m\u{202e}evil"
        + "\u{7}\u{0}\r\n\t]]>${7*7}{{x}}'--"
}
