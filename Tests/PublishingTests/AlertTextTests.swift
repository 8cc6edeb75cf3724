import SessionModel
import Testing

@testable import Publishing

struct AlertTextTests {
    @Test("an alert as a whole")
    func golden() {
        let text = AlertText.render(SampleAlerts.all[3], style: TextStyle(width: 80))
        #expect(
            text == """
                HIGH  risk 81 of 100, a-0000a1b2c3d47bbc
                Impossible trip
                Two places at once.

                 Who      jo@example.com (jo), tenant acme
                 Session  s-9f41c4, also s-77aa
                 Device   Unknown
                 Place    Moscow, RU (within 20 km)
                 Network  2001:db8:4f::1c, AS2119 Telenor Norge AS, residential
                 When     2026-03-05 11:02 UTC

                Why
                 1. Seen in Oslo, NO and 20 minutes later in Moscow, RU, 1644 km away: 4931 km/h
                    where 900 is the most.
                    impossible-travel, likely: place Oslo, NO → Moscow, RU ·
                    time 2026-03-05 10:42 → 11:02 UTC ·
                    device Chrome on Windows → Firefox on Linux · radius 20 km → 50 km ·
                    distance 1,644 km · elapsed 20 min · speed 4,931 km/h ·
                    speed limit 900 km/h · suspicious end Moscow, RU

                What to do
                 1. Log out of session s-9f41c2 (Firefox on Linux, last seen just now)
                    It is the stranger's: device, network and country are all new.
                 2. Change the password at once
                    Whoever logged in knows it. A stolen token ends with it too.
                 3. Check the recovery address and the MFA devices
                    They are what an intruder changes first, to come back.

                What Lastseen does
                  - log out the session: session s-9f41c4 (dry run: not done)

                If this is normal for you
                  - speed_limit_kmh >= 4932 would have silenced impossible-travel

                """)
    }

    @Test("no line is wider than asked, and nothing steers", arguments: [40, 80, 92, 200])
    func width(columns: Int) {
        for alert in SampleAlerts.all {
            let text = AlertText.render(alert, style: TextStyle(width: columns))
            #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
            for line in text.split(separator: "\n") {
                #expect(SafeText.columns(String(line)) <= columns, "\(line)")
                #expect(!line.unicodeScalars.contains { SafeText.isHidden($0) })
            }
        }
    }

    @Test("widths beyond reason are brought back", arguments: [(0, 40), (39, 40), (201, 200)])
    func widthLimits(asked: Int, given: Int) {
        #expect(TextStyle(width: asked).width == given)
    }

    @Test("colour only when told, and taken away it is the same text")
    func color() {
        for alert in SampleAlerts.all {
            let plain = AlertText.render(alert)
            #expect(!plain.contains("\u{1b}"))
            let colored = AlertText.render(alert, style: TextStyle(color: true))
            #expect(colored.contains("\u{1b}["))
            let stripped = colored.replacing(/\u{1b}\[[0-9;]*m/, with: "")
            #expect(!stripped.contains("\u{1b}"))
            // The badge has a blank at each side.
            #expect(
                stripped.drop { $0 == " " }.split(separator: "\n").dropFirst()
                    == plain.split(separator: "\n").dropFirst())
        }
    }

    @Test("a retracted alert asks for nothing")
    func retracted() {
        let text = AlertText.render(SampleAlerts.all[10])
        #expect(text.hasPrefix("RETRACTED"))
        #expect(text.contains("no longer holds"))
        #expect(!text.contains("What to do"))
        #expect(text.contains("What Lastseen had done"))
    }

    @Test("an alert that is over says how, and asks for nothing", arguments: Alert.Status.allCases)
    func over(status: Alert.Status) {
        var alert = SampleAlerts.all[1]
        alert.status = status
        if status.isOver { alert.recommendations = [] }
        let text = AlertText.render(alert)
        let firstLine = text.prefix { $0 != "\n" }
        #expect(
            firstLine.contains(status == .open ? "risk" : status.rawValue.uppercased()),
            "\(firstLine)")
        #expect(firstLine.contains("risk") == !status.isOver)
        #expect(text.contains("What to do") == !status.isOver)
        let line = AlertText.line(alert)
        #expect(line.hasPrefix(status.rawValue.uppercased()) == status.isOver, "\(line)")
    }

    @Test("an amended alert says so, and so does one settled early")
    func amended() {
        #expect(
            AlertText.render(SampleAlerts.all[1]).contains("HIGH, AMENDED")
                || AlertText.render(SampleAlerts.all[1]).contains("CRITICAL, AMENDED"))
        #expect(AlertText.render(SampleAlerts.all[1]).contains("revision 2"))
        #expect(AlertText.render(SampleAlerts.all[4]).contains("too busy"))
    }

    @Test("an alert with nothing known is told too")
    func empty() {
        let alert = Alert(
            id: "", revision: 1, status: .open, time: Timestamp(milliseconds: 0), tenant: "",
            userID: "u", userName: "", sessionID: "", deviceID: "", deviceLabel: "",
            place: Place(), network: Network(), risk: 0, severity: .informational, title: "",
            summary: "", rung: .notify, findings: [])
        let text = AlertText.render(alert)
        #expect(text.contains("Session  not named") && text.contains("Device   Unknown"))
        #expect(!text.contains("Network"))
        #expect(AlertText.line(alert).split(separator: "\n").count == 1)
    }

    @Test("a line for the list is one line whatever is in it")
    func oneLine() {
        for alert in SampleAlerts.all {
            #expect(AlertText.line(alert).filter(\.isNewline) == "\n")
        }
    }
}

struct RunSummaryTests {
    static let cases: [(RunSummary, String)] = [
        (RunSummary(), "Read 0 records in 0 s: no alerts.\n"),
        (
            RunSummary(records: 1, users: 1, alertsOpened: 1, seconds: 0.02),
            "Read 1 record of 1 user in 0 s: 1 alert opened.\n"
        ),
        (
            RunSummary(
                records: 1_204_331, rejected: 17, skipped: 1, users: 48_210, alertsOpened: 11,
                alertsAmended: 1, alertsRetracted: 2, actionsPlanned: 1, seconds: 0.5),
            "Read 1,204,331 records of 48,210 users in 0.5 s (2,408,662 a second); 17 lines "
                + "rejected; 1 line of other kinds skipped: 11 alerts opened, 1 amended, "
                + "2 retracted, 1 action planned.\n"
        ),
    ]

    @Test("the closing line", arguments: cases)
    func text(_ summary: RunSummary, expected: String) {
        #expect(
            summary.text(style: TextStyle(width: 200)).replacing("\n ", with: " ")
                .split(separator: "\n").joined(separator: " ") + "\n" == expected)
    }

    @Test("the same as JSON")
    func json() {
        #expect(
            String(decoding: Self.cases[2].0.json, as: UTF8.self)
                == #"{"records":1204331,"rejected":17,"skipped":1,"users":48210,"#
                + #""alerts_opened":11,"alerts_amended":1,"alerts_retracted":2,"alerts_closed":0,"alerts_silenced":0,"#
                + #""actions_planned":1,"elapsed_s":0.500,"records_per_s":2408662.0}"# + "\n")
        #expect(
            String(decoding: RunSummary().json, as: UTF8.self)
                .hasSuffix("\"elapsed_s\":0.000,\"records_per_s\":null}\n"))
    }
}
