import Enrichment
import Publishing
import SessionModel
import StateStore

/// The HTML report of what a state holds.
enum ReportWriter {
    /// The most alerts that a report takes: it tells the riskiest in full and counts the rest.
    static let alertLimit = 20_000

    static func write(
        _ path: String, store: StateStore, databases: GeoDatabases, now: Timestamp,
        since: Timestamp? = nil
    ) throws {
        var filter = AlertFilter()
        filter.since = since?.milliseconds
        filter.limit = alertLimit
        let alerts = try store.alerts(filter: filter).map { try AlertJSON.read($0.json) }
        let report = HTMLReport(
            alerts: alerts, generatedAt: now,
            attributions: databases.attributions,
            producer: "Lastseen \(LastseenCommand.version)")
        try OutputFile.replace(path, with: report.bytes())
    }
}
