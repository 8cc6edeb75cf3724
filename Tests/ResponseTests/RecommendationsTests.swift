import SessionModel
import Testing

@testable import Response

struct RecommendationsTests {
    @Test("the session is ended first, then the password changed, then the rest")
    func order() {
        let steps = Recommendations.steps(for: .sample())
        #expect(steps.map(\.step) == Array(1...steps.count))
        #expect(
            steps[0].text
                == "Log out of session s1 of ann@example.com: Chrome on Windows in Oslo, NO "
                + "(81.2.69.142), last seen 2026-03-01 08:15 UTC.")
        #expect(steps[1].text == "Change the password of ann@example.com at once.")
        #expect(steps[1].reason.contains("a stolen token ends with it"))
        #expect(steps[2].text.contains("recovery address"))
        #expect(steps.last?.text.hasPrefix("Tell ann@example.com") == true)
        #expect(steps.allSatisfy { !$0.reason.isEmpty })
    }

    @Test("a moved session asks to end all others, guessed passwords to change them elsewhere")
    func signs() {
        let moved = Recommendations.steps(for: .sample(rules: ["new-country", "session-moved"]))
        #expect(moved[2].text == "Log out of all other sessions of ann@example.com.")
        #expect(!moved.contains { $0.text.hasPrefix("Look through") })
        let guessed = Recommendations.steps(for: .sample(rules: ["failures-then-success"]))
        #expect(guessed.contains { $0.text.contains("wherever else it is used") })
        #expect(guessed.contains { $0.text.hasPrefix("Look through") })
    }

    /// What the records had; how the first step names it.
    static let nameless: [(Alert, String)] = [
        (
            .sample(sessionID: ""),
            "Log out of the session of ann@example.com: Chrome on Windows in Oslo, NO (81.2.69.142),"
        ),
        (
            .sample(
                sessionID: "", deviceLabel: "Unknown", place: Place(),
                network: Network(address: "2001:db8::1")),
            "Log out of the session of ann@example.com: unknown device at an unknown place "
                + "(2001:db8::1),"
        ),
        (
            .sample(
                userName: "", sessionID: "", deviceLabel: "", place: Place(country: "NO"),
                network: Network()),
            "Log out of the session of device d1 of u1: unknown device in NO,"
        ),
        (
            .sample(sessionID: "", otherSessionIDs: ["s2", "s3"]),
            "Log out of sessions s2, s3 of ann@example.com: Chrome on Windows"
        ),
    ]

    @Test("without a session id the device and address name it", arguments: nameless)
    func withoutSession(alert: Alert, beginning: String) {
        let text = Recommendations.steps(for: alert)[0].text
        #expect(text.hasPrefix(beginning))
    }

    @Test("further sessions of the same suspect are named")
    func furtherSessions() {
        let text = Recommendations.steps(for: .sample(otherSessionIDs: ["s1", "s2"]))[0].text
        #expect(text.hasSuffix("Log out of session s2 too, which is on the same device."))
    }

    @Test("a retracted alert asks for nothing")
    func retracted() {
        #expect(Recommendations.steps(for: .sample(status: .retracted)).isEmpty)
        #expect(!Recommendations.steps(for: .sample(status: .amended)).isEmpty)
    }

    @Test(
        "texts of an attacker stay on one line and show what they hide",
        arguments: [
            "a\nb", "a\u{1B}[2Jb", "a\u{202E}b", "a\u{2028}b", "a\u{0}b", "a\u{E0041}b", "a\u{9B}b",
        ])
    func hostile(text: String) {
        let steps = Recommendations.steps(
            for: .sample(
                id: text, userName: text, sessionID: text, deviceLabel: text,
                place: Place(city: text), network: Network(address: text), title: text))
        for step in steps {
            for scalar in (step.text + step.reason).unicodeScalars {
                let category = scalar.properties.generalCategory
                #expect(category != .control && category != .format)
                #expect(category != .lineSeparator)
            }
        }
        #expect(steps[0].text.contains("a\u{FFFD}"))
    }

    @Test("what survives the steps at each target is said with the recommendation")
    func survivors() throws {
        var policy = try ResponsePolicy(isActing: true, highestRung: .suspend)
        policy.defaultRung = .rung(.suspend)
        let planner = ActionPlanner(
            policy: policy,
            connectors: [
                ConnectorScope(
                    name: "okta",
                    abilities: [
                        .logOutSession: ConnectorAbility(survives: "apps' own sessions"),
                        .requirePasswordChange: ConnectorAbility(survives: "open sessions"),
                        .suspend: ConnectorAbility(survives: "apps' own sessions"),
                    ], order: .credentialFirst, isNamed: true),
                ConnectorScope(
                    name: "redis", abilities: [.logOutSession: ConnectorAbility()], isNamed: true),
                ConnectorScope(
                    name: "other",
                    abilities: [.logOutSession: ConnectorAbility(survives: "nothing of this")],
                    applications: ["elsewhere"], isNamed: true),
            ])
        let alert = Alert.sample()
        let steps = Recommendations.steps(for: alert, actions: planner.plan(for: alert))
        #expect(steps[0].reason.hasSuffix(" What stays after it: apps' own sessions (okta)."))
        #expect(
            steps[1].reason.hasSuffix(
                "; a new password does. What stays after it: open sessions (okta); apps' own sessions "
                    + "(okta)."))
        #expect(!steps.contains { $0.reason.contains("nothing of this") })
    }

    @Test("a long name is cut, a long session id is not")
    func long() {
        let long = String(repeating: "x", count: TextLimit.sessionID)
        let text = Recommendations.steps(for: .sample(userName: long, sessionID: long))[0].text
        #expect(text.contains(long))
        #expect(text.contains("of " + String(repeating: "x", count: 80) + "…"))
    }
}
