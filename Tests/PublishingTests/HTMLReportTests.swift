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
