import Publishing
import SessionModel
import Testing

@testable import Messaging

struct FormTests {
    /// Whatever an attacker may put into a name, a session id or a user agent.
    static let hostileTexts = [
        "<!channel>", "<!here|x>", "<@U123>", "<https://evil.example|Click>", "@everyone", "@here",
        "[Click](https://evil.example)", "https://evil.example/x", "`code` *b* _i_ ~s~ ||x||",
        "\u{202E}gnp.exe", "a\r\nb\u{0}c", "&amp;&lt;", "\\\\\\",
        String(repeating: "&", count: 5000),
        String(repeating: "<", count: 5000), String(repeating: "🎉", count: 5000),
        String(repeating: "*", count: 5000), "{{place}}", "</script><script>alert(1)</script>",
    ]

    private func notice(_ text: String, kind: Notice.Kind = .raised) -> Notice {
        .sample(
            .sample(
                userID: text, userName: text, sessionID: text, device: text,
                place: Place(city: text, country: "CA"), address: text, title: text,
                rules: Array(repeating: text, count: 8)), kind: kind)
    }

    private func gathering(_ text: String, count: Int = 50) -> Gathering {
        Gathering(
            notices: Array(repeating: notice(text), count: count), further: 7, key: "g-1",
            created: .at("2026-03-12T10:20:00Z"), isOverflow: true)
    }

    @Test("no text of an attacker's breaks a limit or pings anybody", arguments: hostileTexts)
    func hostile(text: String) throws {
        let phrases = try PhraseBook.shipped().phrases("de")
        for notice in [notice(text), notice(text, kind: .over)] {
            #expect(Limits.slack(.object(SlackForm.message(notice, phrases))) == nil)
            #expect(Limits.discord(DiscordForm.message(notice, phrases)) == nil)
            #expect(Limits.teams(TeamsForm.message(notice, phrases)) == nil)
            let event = PagerDutyForm.message(notice, phrases, source: "host")
            guard case .object(let members) = event else { return }
            let key = (key: "routing_key", value: JSON.text(String(repeating: "k", count: 32)))
            #expect(Limits.pagerDuty(.object([key] + members)) == nil)
        }
        #expect(Limits.slack(.object(SlackForm.gathered(gathering(text), phrases))) == nil)
        #expect(Limits.discord(DiscordForm.gathered(gathering(text), phrases)) == nil)
        #expect(Limits.teams(TeamsForm.gathered(gathering(text), phrases)) == nil)
    }

    @Test(
        "an address of the web is no link any more, in any form",
        arguments: ["slack", "discord", "teams"])
    func links(form: String) throws {
        let phrases = try PhraseBook.shipped().phrases("en")
        let notice = notice("https://evil.example www.evil.example")
        let body: JSON =
            switch form {
            case "slack": .object(SlackForm.message(notice, phrases))
            case "discord": DiscordForm.message(notice, phrases)
            default: TeamsForm.message(notice, phrases)
            }
        for text in body.texts where text.contains("evil") {
            #expect(!text.contains("://evil") && !text.contains("www.evil"))
        }
    }

    static let slackTexts: [(text: String, limit: Int, escaped: String)] = [
        ("a<b>&c", 100, "a&lt;b&gt;&amp;c"), ("abc", 4, "abc"), ("abcd", 4, "abc…"),
        ("<<<", 9, "&lt;&lt;…"), ("", 10, ""),
    ]

    @Test(
        "Slack's three characters are escaped, and no escape is cut in two", arguments: slackTexts)
    func slack(text: String, limit: Int, escaped: String) {
        #expect(SlackForm.escaped(text, limit: limit) == escaped)
    }

    static let discordTexts: [(text: String, escaped: String)] = [
        ("*a*", "\\*a\\*"), ("<@1>", "\\<\\@1\\>"), ("[x](y)", "\\[x\\]\\(y\\)"), ("a b", "a b"),
        ("\\", "\\\\"),
    ]

    @Test("Discord's markup is escaped", arguments: discordTexts)
    func discord(text: String, escaped: String) {
        #expect(DiscordForm.escaped(text, limit: 100) == escaped)
    }

    @Test("an HTML message escapes what it is given")
    func html() throws {
        let book = ChannelBook(channels: [], organization: "<b>Org</b>")
        let message = OwnerMessage(
            notice("</td><script>alert(1)</script>{{question}}"), book: book,
            phrases: try PhraseBook.shipped().phrases("en"), phraseBook: try .shipped(), zone: nil,
            placeZone: nil, links: nil, isCautious: false)
        #expect(!message.html.contains("<script") && !message.html.contains("<b>Org"))
        #expect(message.html.contains("&lt;script&gt;"))
        #expect(message.html.contains("{{question}}"), "what is filled in is no template")
        #expect(message.text.contains("<script>"), "plain text is plain")
    }

    static let severities: [(Severity, String)] = [
        (.critical, "critical"), (.high, "error"), (.medium, "warning"), (.low, "info"),
        (.informational, "info"),
    ]

    @Test("severities are PagerDuty's words", arguments: severities)
    func pagerDuty(severity: Severity, word: String) {
        #expect(PagerDutyForm.severity(severity) == word)
    }

    // MARK: - Withholding

    static let networks: [(address: String, network: String)] = [
        ("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2:3::9", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"), ("nonsense", ""), ("", ""),
    ]

    @Test("addresses are coarsened to their network", arguments: networks)
    func network(address: String, network: String) {
        #expect(Privacy.network(of: address) == network)
    }

    /// What would tell who, where from, or on what.
    static let coarseSecrets = ["99.224.30.7", "Toronto", "fay@example.com", "77.14.20.9", "43.65"]
    static let allSecrets =
        coarseSecrets + ["99.224", "fay", "Chrome", "\"CA\"", "Canada", "d9", "64500", "acme"]

    @Test("a team is told what was done and where, and how to agree to what waits")
    func doneAndWaiting() throws {
        var notice = Notice.sample(
            .sample(actions: [
                ActionSummary(
                    id: "act-1", kind: "require-password-change", target: "user fay", state: "done",
                    connector: "keycloak"),
                ActionSummary(
                    id: "act-2", kind: "suspend", target: "user fay", state: "waiting",
                    connector: "keycloak"),
                ActionSummary(
                    id: "act-3", kind: "log-out-session", target: "session s", state: "planned"),
            ]))
        let phrases = try PhraseBook.shipped().phrases("en")
        func forms() -> [[String]] {
            [
                JSON.object(SlackForm.message(notice, phrases)),
                DiscordForm.message(notice, phrases),
                TeamsForm.message(notice, phrases),
                PagerDutyForm.message(notice, phrases, source: "host"),
            ].map(\.texts)
        }
        for texts in forms() {
            // Discord's markup is escaped.
            let all = texts.joined(separator: "\n").replacing("\\", with: "")
            #expect(all.contains("Require a new password (user fay, keycloak)"), "\(all)")
            #expect(all.contains("Suspend the account (user fay, keycloak)"))
            #expect(all.contains("lastseen respond approve act-2"), "\(all)")
            #expect(!all.contains("You will be"), "that is for the owner")
        }
        notice.alert.status = .retracted
        for texts in forms() { #expect(!texts.joined().contains("approve act-2")) }
    }

    @Test(
        "of a spray's source a channel that may see little is told no steps against a user",
        arguments: [Privacy.coarse, .none])
    func source(privacy: Privacy) throws {
        let phrases = try PhraseBook.shipped().phrases("en")
        let alert = Alert.sample(
            userID: "", userName: "", sessionID: "", device: "Unknown", rules: ["password-spray"])
        let shown = privacy.shown(alert, phrases)
        #expect(shown.title == "Sign-ins of many users fail from one source")
        #expect(shown.recommendations.first?.text.hasPrefix("Block the source") == true)
        let text =
            shown.recommendations.map(\.text).joined() + shown.findings.map(\.sentence).joined()
        for word in ["Log out", "password of the account", "Tell the user"] {
            #expect(!text.contains(word), "\(word)")
        }
        #expect(shown.userID.isEmpty)
    }

    @Test(
        "what is withheld is in no form, not even between the lines",
        arguments: [Privacy.coarse, .none])
    func withheld(privacy: Privacy) throws {
        let phrases = try PhraseBook.shipped().phrases("en")
        let action = ActionSummary(
            id: "act-1", kind: "log-out-session", target: "session fay-10", state: "done")
        var notice = Notice.sample(.sample(actions: [action]))
        notice.alert = privacy.shown(notice.alert, phrases)
        let forms: [JSON] = [
            .object(SlackForm.message(notice, phrases)), DiscordForm.message(notice, phrases),
            TeamsForm.message(notice, phrases), WebhookForm.message(notice),
            PagerDutyForm.message(notice, phrases, source: "host"),
        ]
        for form in forms {
            let text = String(decoding: form.bytes, as: UTF8.self)
            for secret in privacy == .coarse ? Self.coarseSecrets : Self.allSecrets {
                #expect(!text.contains(secret), "\(secret) in \(text)")
            }
            #expect(text.contains("a-0123456789abcdef"))
        }
        if privacy == .coarse {
            #expect(forms[0].texts.contains { $0.contains("99.224.30.0/24") })
            #expect(forms[0].texts.contains { $0.contains("Canada") })
        }
    }
}
