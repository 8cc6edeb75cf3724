import Intake
import Pipeline
import Publishing
import RuleBook
import SessionModel
import StateStore
import Testing

/// The scenarios in `samples/`, run as `lastseen analyze` does.
struct SampleTests {
    /// What one run over a sample's records comes to.
    private func run(
        _ sample: Sample, _ cutting: Cutting = Cutting(name: "", threads: 2), in folder: Folder
    ) throws -> (feed: [UInt8], result: AnalysisResult, standing: [Alert]) {
        let store = try Folder().open(at: ":memory:")
        let rules =
            try sample.ownRules.isEmpty
            ? House.book.get()
            : RuleBook.load(folder: House.root + "/rules", own: sample.ownRules)
        let run = Run(
            cutting: cutting, networks: sample.networks, rules: rules.detection,
            format: .fixed(try FormatCatalog.named(sample.format)),
            feed: folder.file("alerts.ndjson"), rejects: folder.file("rejects.ndjson"))
        let result = try run([sample.records], in: store)
        let alerts = try store.alerts().map { try AlertJSON.read($0.json) }
        return (
            folder.read("alerts.ndjson"), result,
            alerts.filter { $0.status != .retracted && $0.status != .silenced }
        )
    }

    @Test("every sample gives the alerts on record", arguments: Sample.all)
    func golden(sample: Sample) throws {
        let (feed, _, _) = try run(sample, in: Folder())
        // RECORD_GOLDEN=1 rewrites the file and still fails, so recording never passes for a result.
        if Golden.isRecording {
            try Files.write(feed, to: sample.alerts)
            Issue.record("recorded \(sample.alerts)")
        }
        try #require(Files.exists(sample.alerts), "RECORD_GOLDEN=1 makes it")
        let known = Files.read(sample.alerts)
        expectSame(feed, known)
    }

    /// What a README promises.
    struct Story {
        /// That the one alert names; nil when no alert stands at the end.
        var session: String?
        /// Those that the alerts of further users name.
        var others: [String] = []
        /// Rules that the alert on `session` must give as reasons, with how sure they are.
        var reasons: [String: Confidence] = [:]
        /// Whether it is closed at the end.
        var isClosed = false

        static let quiet = Story()
    }

    static let stories: [String: Story] = [
        "bad-lines": Story(session: "mia-08", reasons: ["session-moved": .certain]),
        "border-commuter": .quiet,
        "browser-update": .quiet,
        "business-trip": Story(
            session: "liv-06",
            reasons: ["impossible-travel": .likely, "session-moved": .likely], isClosed: true),
        "carrier-hopping": .quiet,
        "corporate-egress": .quiet,
        "country-centroid": .quiet,
        "custom-rules": Story(
            session: "adm-kim-17-1", others: ["ada-x", ""],
            reasons: ["admin-from-abroad": .certain, "new-country": .possible]),
        "dormant-account": Story(
            session: "kai-x1",
            reasons: [
                "dormant-account": .certain, "unrecognized-device": .certain,
                "new-country": .likely,
            ]),
        "failed-then-success": Story(
            session: "omar-x1",
            reasons: [
                "failures-then-success": .certain, "unrecognized-device": .certain,
                "new-country": .likely, "impossible-travel": .certain,
            ]),
        "impossible-trip": Story(
            session: "gus-x1",
            reasons: [
                "impossible-travel": .certain, "unrecognized-device": .certain,
                "new-country": .likely,
            ]),
        "ipv6": Story(
            session: "nora-x1",
            reasons: [
                "impossible-travel": .certain, "unrecognized-device": .certain,
                "new-country": .likely,
            ]),
        "late-record": .quiet,
        "login-after-reset": Story(
            session: "iris-x1",
            reasons: [
                "login-after-reset": .certain, "sensitive-change": .certain,
                "unrecognized-device": .certain, "new-country": .likely,
            ]),
        "long-haul-trip": .quiet,
        "mfa-fatigue": Story(
            session: "timo-x1",
            reasons: [
                "mfa-fatigue": .certain, "unrecognized-device": .certain, "new-country": .likely,
            ]),
        "mistyped-password": .quiet,
        "moved-address": .quiet,
        "new-phone-at-home": .quiet,
        "password-spray": Story(
            // The spray itself names no session.
            session: "lena-x1", others: [""],
            reasons: ["password-spray": .certain, "unrecognized-device": .certain]),
        "private-relay": .quiet,
        "quiet-month": .quiet,
        "quiet-thief": Story(
            session: "tess-14",
            reasons: ["activity-burst": .certain, "new-network": .possible]),
        "remedied-theft": Story(
            session: "pia-x1",
            reasons: ["unrecognized-device": .certain, "new-country": .likely], isClosed: true),
        "satellite": .quiet,
        "second-home": .quiet,
        "service-account": .quiet,
        "service-account-region": .quiet,
        "session-after-logout": Story(
            session: "bram-11",
            reasons: [
                "session-after-logout": .certain, "session-moved": .certain,
                "unrecognized-device": .certain, "new-country": .likely,
            ]),
        "shared-device": Story(
            session: "aldo-x1", others: ["bice-x1", "ciro-x1", "dora-x1", "enzo-x1"],
            reasons: ["shared-device": .likely, "unrecognized-device": .certain]),
        "split-tunnel": .quiet,
        "ssh-break-in": Story(
            session: "bastion/2594/27.104.77.5/48903",
            reasons: ["failures-then-success": .certain, "new-country": .likely]),
        "stolen-token": Story(
            session: "fay-10",
            reasons: [
                "session-moved": .certain, "unrecognized-device": .certain,
                "new-country": .likely, "impossible-travel": .certain,
            ]),
        "stolen-token-same-device-id": Story(
            session: "sofia-16",
            reasons: ["session-moved": .certain, "new-country": .possible]),
        "two-devices": .quiet,
        "vpn-user": .quiet,
    ]

    @Test("every sample comes out as its README tells", arguments: Sample.all)
    func story(sample: Sample) throws {
        let story = try #require(Self.stories[sample.name], "add the sample to `stories`")
        let promise = try #require(sample.expectation, "its README has no **Expected: …**")
        let folder = Folder()
        let (feed, result, standing) = try run(sample, in: folder)
        guard let session = story.session else {
            #expect(standing.isEmpty, "\(standing.map(\.summary))")
            // Of a retraction the feed has both lines; else there is silence.
            let isRetraction = promise.contains("retraction")
            #expect(isRetraction == !feed.isEmpty)
            #expect(result.summary.alertsRetracted == (isRetraction ? 1 : 0))
            if !isRetraction { #expect(promise.hasPrefix("no alert")) }
            return
        }
        let count = ["one alert", "two alerts", "three alerts", "four alerts", "five alerts"]
        #expect(promise.hasPrefix(count[story.others.count]))
        #expect(promise.contains("closes") == story.isClosed)
        let named = standing.map(\.sessionID).sorted()
        try #require(named == ([session] + story.others).sorted(), "\(standing.map(\.summary))")
        let alert = try #require(standing.first { $0.sessionID == session })
        #expect((alert.status == .closed) == story.isClosed)
        #expect(result.summary.alertsClosed == (story.isClosed ? 1 : 0))
        for (rule, confidence) in story.reasons {
            let found = alert.findings.filter { $0.rule == rule }.map(\.confidence).max()
            #expect(found == confidence, "\(rule)")
        }
        #expect(result.summary.alertsOpened == named.count)
    }

    @Test("without its list of networks the VPN user would look like a traveller")
    func networksMatter() throws {
        let sample = Sample(name: "vpn-user")
        let store = try Folder().open(at: ":memory:")
        try Run()([sample.records], in: store)
        #expect(try !store.alerts().isEmpty)
    }

    @Test("a sample's alerts do not depend on how it is cut", arguments: Sample.all)
    func cuts(sample: Sample) throws {
        let (feed, _, _) = try run(sample, in: Folder())
        for cutting in Cutting.all {
            let (other, _, _) = try run(sample, cutting, in: Folder())
            expectSame(other, feed, cutting.name)
        }
    }

    /// Line numbers of the rejects and a word of each reason.
    static let badLines: [(line: Int, reason: String)] = [
        (2, "JSON"), (4, "JSON"), (6, "time"), (8, "user"), (10, "user"), (12, "user"),
        (14, "2000"), (16, "address"), (18, "deep"), (20, "session"), (22, "time"), (24, "UTF-8"),
        (26, "after now"), (28, "JSON object"),
    ]

    @Test("the bad lines of the sample are refused, each with its line and reason")
    func rejects() throws {
        let folder = Folder()
        let (_, result, _) = try run(Sample(name: "bad-lines"), in: folder)
        #expect(result.summary.rejected == 14)
        #expect(result.summary.records == 16)
        #expect(result.lines == 30)
        let lines = Files.lines(folder.read("rejects.ndjson"))
        try #require(lines.count == Self.badLines.count)
        for (text, expected) in zip(lines, Self.badLines) {
            #expect(text.contains("\"line\":\(expected.line),"), "\(text)")
            let reason = text.split(separator: "\"reason\":\"").last.map {
                $0.prefix { $0 != "\"" }
            }
            #expect(reason?.contains(expected.reason) == true, "\(text)")
        }
    }
}
