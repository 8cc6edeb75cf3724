import Foundation
import SessionModel
import Testing

@testable import Publishing

struct HTMLReportTests {
    static let generatedAt = SampleAlerts.time("2026-03-14T06:00:00.000Z")

    static func report(_ alerts: [Alert]) -> HTMLReport {
        HTMLReport(
            alerts: alerts,
            run: RunSummary(
                records: 1_204_331, rejected: 17, skipped: 2204, users: 48_210, alertsOpened: 11,
                alertsAmended: 1, alertsRetracted: 1, actionsPlanned: 5, seconds: 0.83),
            period: SampleAlerts.time("2026-03-01T00:00:00.000Z")...generatedAt,
            generatedAt: generatedAt,
            attributions: [
                "IP Geolocation by DB-IP, CC BY 4.0: https://db-ip.com", "x javascript:alert(1)",
            ], producer: "Lastseen 0.1.0")
    }

    static func html(_ alerts: [Alert]) -> String {
        String(decoding: report(alerts).bytes(), as: UTF8.self)
    }

    /// LASTSEEN_REPORT_OUT=/tmp/report.html writes the sample page there, to be looked at.
    @Test(
        "the sample report can be written out to be looked at",
        .enabled(if: ProcessInfo.processInfo.environment["LASTSEEN_REPORT_OUT"] != nil))
    func writeOut() throws {
        let path = try #require(ProcessInfo.processInfo.environment["LASTSEEN_REPORT_OUT"])
        try OutputFile.replace(path, with: Self.report(SampleAlerts.all).bytes())
    }
}

extension HTMLReportTests {
    /// The page without what is in it as text: names of elements and attributes only.
    static func tags(_ html: String) -> [Substring] { html.matches(of: /<[^>]*>/).map(\.0) }

    @Test("hostile text stays text")
    func hostile() {
        // Every text field hostile at once.
        var random = SeededGenerator(seed: 7)
        let alerts = SampleAlerts.all.map { alert -> Alert in
            var alert = alert
            alert.id = Bool.random(using: &random) ? alert.id : Hostile.text
            alert.tenant = Hostile.text
            alert.userID = Hostile.text
            alert.sessionID = Hostile.text
            alert.otherSessionIDs = [Hostile.text]
            alert.deviceID = Hostile.text
            alert.network.address = Hostile.text
            alert.place.country = Hostile.text
            for index in alert.findings.indices {
                alert.findings[index].rule = Hostile.text
                alert.findings[index].records = [Hostile.text]
                alert.findings[index].silencedBy = Hostile.text
                alert.findings[index].sentence = Hostile.text
                alert.findings[index].evidence += [
                    Evidence(Hostile.text, .text(Hostile.text))
                ]
            }
            alert.recommendations = [
                Recommendation(step: 1, text: Hostile.text, reason: Hostile.text)
            ]
            alert.actions = [
                ActionSummary(
                    id: Hostile.text, kind: Hostile.text, target: Hostile.text, state: Hostile.text)
            ]
            return alert
        }
        var report = Self.report(alerts)
        report.title = Hostile.text
        report.producer = Hostile.text
        report.attributions = [
            Hostile.text, "https://x.example/\"onload=1", "https://ok.example/a?b",
        ]
        let html = String(decoding: report.bytes(), as: UTF8.self)
        let names = Set(Self.tags(html).map { $0.dropFirst().prefix { $0.isLetter || $0 == "/" } })
        for name in ["script", "img", "iframe", "object", "link", "base", "form", "foreignObject"] {
            #expect(!names.contains(name[...]), "\(name)")
        }
        for tag in Self.tags(html) {
            #expect(tag.firstMatch(of: /\son[a-z]+\s*=/) == nil, "\(tag)")
            #expect(!tag.contains("javascript:"))
        }
        #expect(html.matches(of: /<\/style/).count == 1)
        #expect(html.matches(of: /<title>/).count > 1)
        for scalar in html.unicodeScalars where scalar != "\n" {
            #expect(!SafeText.isHidden(scalar), "\(scalar.value)")
        }
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(html.contains("href=\"https://ok.example/a?b\""))
        #expect(!html.contains("href=\"https://x.example"))
        #expect(
            html.contains(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src"
                    + " 'none'; style-src 'unsafe-inline'"))
    }

    @Test("every element that opens closes, in order")
    func wellFormed() {
        let html = Self.html(SampleAlerts.all)
        let void: Set = ["meta", "path", "circle", "rect", "line"]
        var open: [Substring] = []
        for tag in Self.tags(html).dropFirst() {
            let inner = tag.dropFirst().dropLast()
            let name = inner.prefix { $0.isLetter || $0.isNumber || $0 == "/" }
            if name.hasPrefix("/") {
                #expect(open.popLast() == name.dropFirst(), "\(tag)")
            } else if !inner.hasSuffix("/") && !void.contains(String(name)) {
                open.append(name)
            }
        }
        #expect(open.isEmpty)
    }

    @Test("nothing is fetched, and the links inside lead somewhere")
    func selfContained() {
        let html = Self.html(SampleAlerts.all)
        for tag in Self.tags(html) { #expect(!tag.contains("src=") && !tag.contains("xlink")) }
        let style = html.split(separator: "<style>")[1].split(separator: "</style>")[0]
        #expect(!style.contains("@import") && !style.contains("url("))
        let ids = Set(html.matches(of: /\sid="([^"]*)"/).map(\.1))
        #expect(ids.count == html.matches(of: /\sid="([^"]*)"/).count)
        let links = html.matches(of: /href="#([^"]*)"/).map(\.1)
        #expect(!links.isEmpty)
        for link in links { #expect(ids.contains(link), "\(link)") }
    }

    @Test("the same alerts in another order give the same bytes")
    func deterministic() {
        #expect(Self.html(SampleAlerts.all) == Self.html(SampleAlerts.all.reversed()))
    }

    @Test(
        "a place off the globe is not drawn",
        arguments: [(Double.nan, 0.0), (0, .infinity), (91, 0), (1e300, 1e300)])
    func offTheGlobe(latitude: Double, longitude: Double) {
        var alert = SampleAlerts.all[7]
        (alert.place.latitude, alert.place.longitude) = (latitude, longitude)
        #expect(!Self.html([alert]).contains("<section class=\"map\""))
        #expect(Self.html([SampleAlerts.all[7]]).contains("<section class=\"map\""))
    }

    @Test("no alerts make a page that says so")
    func none() {
        let html = String(
            decoding: HTMLReport(alerts: [], generatedAt: Self.generatedAt).bytes(), as: UTF8.self)
        #expect(html.contains("No suspicious session was found."))
        #expect(
            !html.contains("<section class=\"map\"") && !html.contains("<section id=\"alerts\""))
        let retracted = Self.html([SampleAlerts.all[10]])
        #expect(retracted.contains("No suspicious session stands; 1 alert no longer holds."))
    }

    @Test("the page is bounded: both sides of the limit of full alerts, and far beyond it")
    func bounded() {
        func many(_ count: Int) -> [Alert] {
            (0..<count).map { number in
                var alert = SampleAlerts.all[number % 9]
                alert.id = "a-" + String(number)
                alert.userID = "user\(number)"
                return alert
            }
        }
        let full = Self.html(many(500))
        #expect(full.matches(of: /<details class="alert/).count == 500)
        #expect(!full.contains("Further alerts"))
        let more = Self.html(many(501))
        #expect(more.matches(of: /<details class="alert/).count == 500)
        #expect(more.contains("Further alerts"))
        let huge = Self.html(many(5000))
        #expect(huge.contains("And 2,500 alerts more in the feed."))
        #expect(huge.contains("And 4,500 users more."))
        #expect(huge.utf8.count < 6_000_000)
    }
}

struct AlertStripTests {
    static let hour: Int64 = 3_600_000
    static let spans: [(Int64, Int64)] = [
        (0, hour), (48 * hour - 1, hour), (48 * hour, 24 * hour), (90 * 24 * hour, 24 * hour),
        (91 * 24 * hour, 7 * 24 * hour), (637 * 24 * hour - 1, 7 * 24 * hour),
        (637 * 24 * hour, 8 * 24 * hour),
        (3650 * 24 * hour, 41 * 24 * hour),
    ]

    @Test("a bar's length, and never more bars than there is room", arguments: spans)
    func step(span: Int64, expected: Int64) {
        let start = SampleAlerts.time("2020-01-01T23:59:59.999Z")
        let step = AlertStrip.step(for: start...start.adding(milliseconds: span))
        #expect(step == expected)
        #expect(span / step + 2 <= Int64(AlertStrip.barLimit))
    }
}
