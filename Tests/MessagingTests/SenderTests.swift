import Foundation
import Publishing
import Response
import SessionModel
import StateStore
import Synchronization
import Testing

@testable import Messaging

/// A state with channels, and time that the test sets.
final class Post {
    let folder: Folder
    let store: StateStore
    var now = Timestamp.at("2026-03-12T10:20:00Z")
    var random = SystemRandomNumberGenerator()
    var book: ChannelBook

    init(_ channels: [Channel], directory: String? = nil) throws {
        folder = try Folder()
        store = try StateStore(path: "\(folder.path)/state.db", waitSeconds: 5, holder: "test")
        book = ChannelBook(channels: channels, domains: ["example.com"])
        if let directory {
            book.directory = try PeopleDirectory(path: try folder.write(directory, to: "p.csv"))
        }
        try MessagePlanner.begin(in: store)
    }

    /// Commits a revision, as a run does, with what is to be told of it.
    func put(_ alerts: Alert...) throws {
        try store.commit { transaction in
            for alert in alerts { try transaction.putAlertRevision(alert.row) }
            try MessagePlanner(channels: book.channels).plan(at: now, in: &transaction)
        }
    }

    @discardableResult
    func send() throws -> SendReport {
        try MessageSender(book: book, phraseBook: .shipped()).send(
            store, clock: { now }, random: &random)
    }

    func pass(seconds: Int64) { now = now.adding(milliseconds: seconds * 1000) }

    func states(_ channel: String = "c") throws -> [String] {
        try store.messages(channel: channel).map(\.state)
    }
}

/// Doubles made from what Slack, Discord, Teams and PagerDuty publish; none of them is the service.
struct SenderTests {
    private static func channel(
        _ kind: Channel.Kind, _ delivery: Delivery, _ change: (inout Channel) -> Void = { _ in }
    ) -> Channel {
        var channel = Channel(name: "c", kind: kind, delivery: delivery)
        change(&channel)
        return channel
    }

    private static let reach = Delivery.Reach(allowsPrivate: true)

    private static func secret(_ text: String) -> SecretValue {
        try! SecretValue(.environment("X"), label: "x") { _ in text }
    }

    /// Keeps messages as Discord does: posts get ids, PATCH changes one, 404 for one that is gone.
    final class Discord: Sendable {
        let server: HTTPDouble
        private let messages: Shared<[String: JSON]>

        final class Shared<Value: Sendable>: Sendable {
            let value: Mutex<Value>
            init(_ value: sending Value) { self.value = Mutex(value) }
        }

        init() throws {
            let messages = Shared<[String: JSON]>([:])
            self.messages = messages
            server = try HTTPDouble { request, number in
                guard let body = request.json, Limits.discord(body) == nil else {
                    return .init(status: 400, body: "{\"code\":50035}")
                }
                let parts = request.path.split(separator: "?")[0].split(separator: "/")
                if request.method == "PATCH", let id = parts.last {
                    return messages.value.withLock { messages in
                        guard messages[String(id)] != nil else {
                            return .init(
                                status: 404,
                                body: "{\"message\":\"Unknown Message\",\"code\":10008}")
                        }
                        messages[String(id)] = body
                        return .init(body: "{\"id\":\"\(id)\"}")
                    }
                }
                // Without wait=true there is no message in the answer.
                guard request.path.contains("wait=true") else { return .init(status: 204) }
                let id = "90000000\(number)"
                messages.value.withLock { $0[id] = body }
                return .init(body: "{\"id\":\"\(id)\",\"type\":0}")
            }
        }

        var count: Int { messages.value.withLock { $0.count } }
        var texts: [String] { messages.value.withLock { $0.values.flatMap(\.texts) } }
        func forget() { messages.value.withLock { $0.removeAll() } }
    }

    @Test("Discord has one message an alert, amended in place, and anew when it was deleted")
    func discord() throws {
        let discord = try Discord()
        let post = try Post([
            Self.channel(
                .discord,
                .hook(
                    url: Self.secret(discord.server.url("/api/webhooks/1/tok")), reach: Self.reach))
        ])
        try post.put(.sample())
        #expect(try post.send().sent == 1)
        #expect(try post.send().sent == 0, "once")
        try post.put(.sample(revision: 2, status: .amended, device: "Firefox on Linux"))
        #expect(try post.send().sent == 1)
        #expect(discord.count == 1)
        #expect(discord.texts.contains { $0.contains("Firefox") })
        discord.forget()
        try post.put(.sample(revision: 3, status: .retracted))
        #expect(try post.send().sent == 1)
        #expect(discord.count == 1)
        #expect(discord.texts.contains { $0.contains("Withdrawn") })
        #expect(discord.server.requests.map(\.method) == ["POST", "PATCH", "PATCH", "POST"])
        #expect(discord.server.requests[1].path == "/api/webhooks/1/tok/messages/900000001")
    }

    @Test("Slack's API posts once and updates; its token is nowhere in the state")
    func slackBot() throws {
        let server = try HTTPDouble { request, number in
            guard request.headers["authorization"] == "Bearer xoxb-secret-token" else {
                return .init(body: "{\"ok\":false,\"error\":\"invalid_auth\"}")
            }
            guard let body = request.json, body["channel"]?.string == "C1",
                Limits.slack(body) == nil
            else { return .init(body: "{\"ok\":false,\"error\":\"invalid_blocks\"}") }
            if request.path == "/api/chat.update", body["ts"]?.string != "171.1" {
                return .init(body: "{\"ok\":false,\"error\":\"message_not_found\"}")
            }
            return .init(
                body: "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"171.\(number == 1 ? 1 : number)\"}")
        }
        let post = try Post([
            Self.channel(
                .slack,
                .slackBot(
                    token: Self.secret("xoxb-secret-token"), conversation: "C1",
                    api: server.url("/api"), reach: Self.reach))
        ])
        try post.put(.sample())
        try post.put(.sample(revision: 2, status: .amended, risk: 93))
        #expect(try post.send().sent == 1, "a risk of one more is no news")
        try post.put(.sample(revision: 3, status: .confirmed))
        #expect(try post.send().sent == 1)
        #expect(server.requests.map(\.path) == ["/api/chat.postMessage", "/api/chat.update"])
        #expect(try post.states() == ["sent", "sent"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(post.folder.path)/state.db"))
        #expect(bytes.range(of: Data("xoxb-secret".utf8)) == nil)
    }

    @Test("PagerDuty has one incident an alert, resolved when it is over")
    func pagerDuty() throws {
        let server = try HTTPDouble { request, _ in
            guard let body = request.json, Limits.pagerDuty(body) == nil else {
                return .init(status: 400, body: "{\"status\":\"invalid event\"}")
            }
            return .init(status: 202, body: "{\"status\":\"success\"}")
        }
        let post = try Post([
            Self.channel(
                .pagerduty,
                .pagerDuty(
                    routingKey: Self.secret(String(repeating: "k", count: 32)),
                    url: server.url("/v2/enqueue"), reach: Self.reach))
        ])
        try post.put(.sample())
        try post.send()
        try post.put(.sample(revision: 2, status: .closed))
        try post.send()
        let bodies = server.requests.compactMap(\.json)
        #expect(bodies.map { $0["event_action"]?.string } == ["trigger", "resolve"])
        #expect(Set(bodies.compactMap { $0["dedup_key"]?.string }) == ["a-0123456789abcdef"])
    }

    @Test("Teams and Slack's webhook get a further message; a generic webhook a signed event")
    func followUps() throws {
        for kind in [Channel.Kind.teams, .slack, .webhook] {
            let server = try HTTPDouble { request, _ in
                guard let body = request.json else { return .init(status: 400) }
                switch kind {
                case .teams: return .init(status: Limits.teams(body) == nil ? 202 : 400)
                case .slack:
                    return Limits.slack(body) == nil
                        ? .init(body: "ok") : .init(status: 400, body: "invalid_blocks")
                default: return .init(status: 204)
                }
            }
            let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            let url = Self.secret(server.url("/hook/abcdefghij"))
            let post = try Post([
                Self.channel(
                    kind,
                    kind == .webhook
                        ? .webhook(url: url, secret: Self.secret(secret), reach: Self.reach)
                        : .hook(url: url, reach: Self.reach))
            ])
            try post.put(.sample())
            try post.send()
            try post.put(.sample(revision: 2, status: .retracted))
            try post.send()
            #expect(try post.states() == ["sent", "sent"], "\(kind)")
            #expect(server.requests.count == 2)
            guard kind == .webhook else { continue }
            for request in server.requests {
                #expect(
                    WebhookSignature.verify(
                        header: request.headers["webhook-signature"] ?? "",
                        id: request.headers["webhook-id"] ?? "",
                        timestampSeconds: Int64(request.headers["webhook-timestamp"] ?? "") ?? 0,
                        body: String(decoding: request.body, as: UTF8.self),
                        secrets: [WebhookSecret(secret)!], nowSeconds: post.now.milliseconds / 1000)
                )
            }
            #expect(Set(server.requests.compactMap { $0.headers["webhook-id"] }).count == 2)
        }
    }

    // MARK: - What goes, and when

    @Test("an alert that was over before it was told is told to nobody")
    func overBefore() throws {
        let discord = try Discord()
        let post = try Post([
            Self.channel(
                .discord, .hook(url: Self.secret(discord.server.url("/w")), reach: Self.reach))
        ])
        try post.put(.sample())
        try post.put(.sample(revision: 2, status: .retracted))
        #expect(try post.send().lines == [])
        #expect(try post.states() == ["superseded", "not-needed"])
        #expect(discord.server.requests.isEmpty)
    }

    static let choices: [(severity: Severity, risk: Int, rules: Set<String>, isTold: Bool)] = [
        (.high, 0, [], true), (.critical, 0, [], false), (.low, 75, [], true),
        (.low, 76, [], false),
        (.low, 0, ["session-moved"], true), (.low, 0, ["new-country"], false),
    ]

    @Test("a channel is told of what it chose", arguments: choices)
    func choice(severity: Severity, risk: Int, rules: Set<String>, isTold: Bool) throws {
        let choice = AlertChoice(minimumSeverity: severity, minimumRisk: risk, rules: rules)
        #expect(choice.takes(.sample(risk: 75, severity: .high)) == isTold)
    }

    @Test("old alerts wake nobody, and the run before the first with channels is not told")
    func age() throws {
        let discord = try Discord()
        let post = try Post([
            Self.channel(
                .discord, .hook(url: Self.secret(discord.server.url("/w")), reach: Self.reach))
        ])
        let week: Int64 = 7 * 86_400_000
        try post.put(
            .sample(id: "a-1", time: post.now.adding(milliseconds: -week)),
            .sample(id: "a-2", time: post.now.adding(milliseconds: -week - 1)))
        try post.send()
        #expect(try post.states() == ["sent", "too-old"])

        let folder = try Folder()
        let store = try StateStore(path: "\(folder.path)/s.db", waitSeconds: 5, holder: "test")
        try store.commit { try $0.putAlertRevision(Alert.sample().row) }
        try MessagePlanner.begin(in: store)
        let planned = try store.commit { transaction in
            try MessagePlanner(channels: post.book.channels).plan(at: post.now, in: &transaction)
        }
        #expect(planned == 0)
    }

    @Test("quiet hours hold back until their end; critical alerts pass")
    func quiet() throws {
        let discord = try Discord()
        let post = try Post([
            Self.channel(
                .discord, .hook(url: Self.secret(discord.server.url("/w")), reach: Self.reach)
            ) {
                $0.quiet = QuietHours(from: 22 * 60, to: 7 * 60, zone: Zone("Europe/Berlin")!)
            }
        ])
        post.now = .at("2026-03-12T22:00:00Z")
        try post.put(
            .sample(id: "a-1", severity: .high), .sample(id: "a-2", severity: .critical))
        #expect(try post.send().lines.map(\.alertID) == ["a-2"])
        post.now = .at("2026-03-13T05:59:59Z")
        #expect(try post.send().waiting == 1)
        post.now = .at("2026-03-13T06:00:00Z")
        #expect(try post.send().lines.map(\.alertID) == ["a-1"])
    }

    @Test("a digest is one message, with the worst of the alerts and the count of the rest")
    func digest() throws {
        let discord = try Discord()
        let post = try Post([
            Self.channel(
                .discord, .hook(url: Self.secret(discord.server.url("/w")), reach: Self.reach)
            ) {
                $0.digest = .every(minutes: 60)
                $0.digestLimit = 2
            }
        ])
        for (id, severity) in [("a-1", Severity.low), ("a-2", .high), ("a-3", .medium)] {
            try post.put(.sample(id: id, severity: severity))
        }
        #expect(try post.send().waiting == 3)
        post.now = .at("2026-03-12T11:00:00Z")
        #expect(try post.send().sent == 3)
        #expect(discord.count == 1)
        let text = discord.texts.joined(separator: "\n")
        #expect(text.contains("a\\-2") && text.contains("a\\-3") && !text.contains("a\\-1"))
        #expect(text.contains("3 alerts") && text.contains("and 1 more"))
        // What was told together is followed up, not amended.
        try post.put(.sample(id: "a-2", revision: 2, status: .retracted, severity: .high))
        post.now = .at("2026-03-12T12:00:00Z")
        try post.send()
        #expect(discord.count == 2)
        #expect(discord.server.requests.allSatisfy { $0.method == "POST" })
    }

    @Test("above its rate a channel gets one message for all that are left")
    func rate() throws {
        let discord = try Discord()
        let post = try Post([
            Self.channel(
                .discord, .hook(url: Self.secret(discord.server.url("/w")), reach: Self.reach)
            ) {
                $0.perMinute = 3
            }
        ])
        for number in 1...10 { try post.put(.sample(id: "a-\(number)")) }
        #expect(try post.send().sent == 10)
        #expect(discord.count == 3)
        try post.put(.sample(id: "a-11"))
        #expect(try post.send().waiting == 1, "the minute is not over")
        post.pass(seconds: 61)
        #expect(try post.send().sent == 1)
    }

    // MARK: - Faults

    static let faults: [(status: Int, state: String)] = [
        (500, "retrying"), (503, "retrying"), (429, "retrying"), (408, "retrying"),
        (301, "retrying"),
        (400, "refused"), (401, "refused"), (403, "refused"), (404, "refused"), (410, "refused"),
    ]

    @Test("an answer decides whether it is tried again", arguments: faults)
    func fault(status: Int, state: String) throws {
        let server = try HTTPDouble { _, _ in
            .init(
                status: status, headers: ["Location: http://127.0.0.1:1/"], body: "no hook-secret1")
        }
        let post = try Post([
            Self.channel(
                .slack, .hook(url: Self.secret(server.url("/hook-secret1")), reach: Self.reach))
        ])
        try post.put(.sample())
        let report = try post.send()
        #expect(try post.states() == [state])
        #expect(server.requests.count == 1)
        let told = report.lines.map(\.detail).joined()
        #expect(!told.contains("hook-secret1"), "the address is a secret")
        #expect(report.troubles.count == 1)
    }

    @Test("Retry-After is waited for, others of the channel wait too, and tries end")
    func retries() throws {
        let server = try HTTPDouble { _, number in
            number == 1 ? .init(status: 429, headers: ["Retry-After: 90"]) : .init(status: 500)
        }
        let post = try Post([
            Self.channel(.slack, .hook(url: Self.secret(server.url("/w")), reach: Self.reach))
        ])
        try post.put(.sample(id: "a-1"), .sample(id: "a-2"))
        #expect(try post.send().waiting == 1)
        #expect(server.requests.count == 1)
        post.pass(seconds: 89)
        try post.send()
        #expect(server.requests.count == 2, "only the other one is due")
        for _ in 0..<20 {
            post.pass(seconds: 100_000)
            try post.send()
        }
        #expect(try post.states() == ["dead", "dead"])
        #expect(server.requests.count == 2 * 9, "nine tries each")
    }

    @Test("a message under way when its run was killed is sent again, with the same key")
    func killed() throws {
        let server = try HTTPDouble { _, _ in .init(status: 204) }
        let post = try Post([
            Self.channel(
                .webhook,
                .webhook(
                    url: Self.secret(server.url("/w")),
                    secret: Self.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), reach: Self.reach
                ))
        ])
        try post.put(.sample())
        try post.send()
        // As if the answer had never been recorded.
        let row = try #require(try post.store.messages().first)
        var started = row
        started.state = "started"
        started.sentMilliseconds = nil
        try post.store.commit { transaction in
            _ = try transaction.updateMessage(started, replacing: row)
        }
        #expect(try post.send().sent == 1)
        #expect(Set(server.requests.compactMap { $0.headers["webhook-id"] }).count == 1)
        #expect(server.requests.count == 2)
    }

    @Test("addresses inside the network are refused unless allowed")
    func guarded() throws {
        let server = try HTTPDouble { _, _ in .init() }
        let post = try Post([
            Self.channel(
                .slack, .hook(url: Self.secret(server.url("/w")), reach: Delivery.Reach()))
        ])
        try post.put(.sample())
        try post.send()
        #expect(server.requests.isEmpty)
        #expect(try post.states() == ["retrying"])
    }

    // MARK: - Owners

    private func owners(_ server: HTTPDouble, _ directory: String? = nil) throws -> Post {
        try Post(
            [
                Self.channel(
                    .webhook,
                    .webhook(
                        url: Self.secret(server.url("/w")),
                        secret: Self.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                        reach: Self.reach)
                ) { $0.audience = .owner }
            ], directory: directory)
    }

    @Test("an owner is told, told anew, and told that it can be ignored")
    func owner() throws {
        let server = try HTTPDouble { _, _ in .init(status: 204) }
        let post = try owners(server)
        try post.put(.sample())
        try post.send()
        try post.put(.sample(revision: 2, status: .amended, device: "Firefox on Linux"))
        try post.send()
        try post.put(.sample(revision: 3, status: .confirmed, device: "Firefox on Linux"))
        #expect(try post.send().lines == [], "they said so themselves, or were asked")
        try post.put(.sample(revision: 4, status: .dismissed))
        try post.send()
        let subjects = server.requests.compactMap { $0.json?["data"]?["subject"]?.string }
        #expect(
            subjects == [
                "Was this you? Unusual use of your account from Toronto, Canada",
                "News: unusual use of your account from Toronto, Canada",
                "All clear: you can ignore our message about your account",
            ])
    }

    static let addresses: [(name: String, rules: [String], directory: String?, to: String?)] = [
        ("fay@example.com", ["session-moved"], nil, "fay@example.com"),
        ("fay@evil.example", ["session-moved"], nil, nil),
        ("fay", ["session-moved"], nil, nil),
        ("fay", ["session-moved"], "user,mail\nFAY,f@example.com\n", "f@example.com"),
        ("fay@example.com", ["session-moved"], "user,mail\nfay,f@example.com\n", "f@example.com"),
        // After a change of contact details the account's own address may be the intruder's.
        ("fay@example.com", ["session-moved", "sensitive-change"], nil, nil),
        ("fay@example.com", ["login-after-reset"], nil, nil),
        (
            "fay@example.com", ["sensitive-change"], "user,mail\nfay,f@example.com\n",
            "f@example.com"
        ),
    ]

    @Test("an owner's address is one that the suspect could not change", arguments: addresses)
    func address(name: String, rules: [String], directory: String?, to: String?) throws {
        let server = try HTTPDouble { _, _ in .init(status: 204) }
        let post = try owners(server, directory)
        try post.put(.sample(userName: name, rules: rules))
        try post.send()
        #expect(
            server.requests.compactMap { $0.json?["data"]?["to"]?.string }
                == (to.map { [$0] } ?? []))
        #expect(try post.states() == [to == nil ? "no-recipient" : "sent"])
    }

    @Test("the owner's message, whole", arguments: ["en", "de"])
    func golden(language: String) throws {
        let book = ChannelBook(
            channels: [], organization: "Example AG", contact: "help@example.com",
            linkBase: "https://lastseen.example.com",
            linkKey: try AnswerKey("0123456789abcdef0123456789abcdef"), domains: ["example.com"])
        let channel = Self.channel(
            .mail,
            .mail(
                MailDelivery(
                    transport: .sendmail("/bin/false"), from: .sender, fromName: "Example Security")
            )
        ) {
            $0.audience = .owner
            $0.language = language
        }
        let sender = try MessageSender(book: book, phraseBook: .shipped()) { _ in
            Zone("America/Toronto")
        }
        let action = ActionSummary(
            id: "act-1", kind: "log-out-session", target: "session fay-10", state: "done")
        let text = sender.preview(
            .sample(actions: [action]), on: channel, at: .at("2026-03-12T10:20:00Z"))
        try expectGolden(text.replacing("\r\n", with: "\n"), "owner-\(language).eml")
    }
}
