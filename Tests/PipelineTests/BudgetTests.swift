import Detection
import Intake
import Pipeline
import Publishing
import SessionModel
import StateStore
import Testing

/// A budget of alerts: fewer are told, none is lost, and which ones depends on nothing but the records.
@Suite(.serialized)
struct BudgetTests {
    private static let workload = Workload(seed: 41, records: 9000, users: 90, days: 12)
    private static let budget = AlertBudget("4/day")

    private struct Outcome: Equatable {
        var feed: [UInt8]
        var alerts: [String]

        init(_ folder: Folder, _ store: StateStore) throws {
            feed = folder.read("alerts.ndjson")
            alerts = try store.alerts(filter: AlertFilter(limit: 100_000, order: .raisedFirst))
                .map { "\($0.newest)" }
        }
    }

    private func run(
        _ cutting: Cutting, parts: Int = 1, lines: [Workload.Line]? = nil,
        budget: AlertBudget? = Self.budget
    ) throws -> (Outcome, [Alert], AnalysisResult) {
        let folder = Folder()
        let lines = lines ?? Self.workload.lines
        var run = Run(cutting: cutting)
        run.feed = folder.file("alerts.ndjson")
        run.budget = budget
        var result = AnalysisResult()
        for part in 0..<parts {
            let range = lines.count * part / parts..<lines.count * (part + 1) / parts
            let path = try folder.write(Workload.bytes(lines[range]), to: "\(part).ndjson")
            let store = try folder.open()
            result = try run([path], in: store)
            store.close()
        }
        let store = try folder.open()
        defer { store.close() }
        let alerts = try store.alerts(filter: AlertFilter(limit: 100_000)).map {
            try AlertJSON.read($0.json)
        }
        return (try Outcome(folder, store), alerts, result)
    }

    @Test("the same answer for every batch, number of threads, and restarts between")
    func same() throws {
        let (expected, alerts, result) = try run(Cutting(name: "at once"))
        let silenced = alerts.filter { $0.summary.hasPrefix("Below the bar of") }
        #expect(silenced.count > 5, "the budget has to be too small for what there is")
        #expect(result.summary.bar ?? 0 > 40)
        #expect(result.summary.text().contains("--budget 4/day"))
        for (cutting, parts) in [
            (Cutting(name: "all on 3 threads", threads: 3), 1),
            (Cutting(name: "700 on 2 threads", threads: 2, batch: 700), 1),
            (Cutting(name: "20 on 2 threads, forgetting", threads: 2, batch: 20, forgets: true), 1),
            (Cutting(name: "seven runs"), 7), (Cutting(name: "40 runs", threads: 2, batch: 50), 40),
        ] {
            let (outcome, _, _) = try run(cutting, parts: parts)
            expectSame(outcome.feed, expected.feed, "\(cutting)")
            #expect(outcome.alerts == expected.alerts, "\(cutting)")
        }
    }

    @Test("fewer are told; the gravest always are; nothing is lost")
    func fewer() throws {
        let (_, all, _) = try run(Cutting(name: "at once"), budget: nil)
        let (_, budgeted, result) = try run(Cutting(name: "at once"))
        #expect(Set(all.map(\.id)) == Set(budgeted.map(\.id)))
        func told(_ alerts: [Alert]) -> [Alert] { alerts.filter(\.status.stands) }
        #expect(told(budgeted).count < told(all).count)
        for alert in budgeted where alert.status == .silenced && alert.risk >= 40 {
            // Also what was silenced and is over by now keeps its reason.
            #expect(alert.risk < 90 && alert.actions.isEmpty, "\(alert.id)")
        }
        for alert in told(all) where alert.risk >= 90 {
            #expect(budgeted.first { $0.id == alert.id }?.status.stands == true)
        }
        #expect(
            result.summary.alertsSilenced >= budgeted.filter { $0.status == .silenced }.count - 5)
        // One that is large enough changes nothing.
        let (plenty, _, rich) = try run(Cutting(name: "at once"), budget: AlertBudget("100000/day"))
        #expect(rich.summary.bar == 40)
        let (without, _, poor) = try run(Cutting(name: "at once"), budget: nil)
        expectSame(plenty.feed, without.feed)
        #expect(poor.summary.bar == nil && poor.summary.budget == nil)
    }

    @Test("late records come to the same as sorted ones")
    func late() throws {
        let lines = Self.workload.lines.filter { line in
            line.time.map { line.arrival - $0 < 5 * 3_600_000 } ?? false
        }
        let sorted = lines.enumerated().sorted {
            ($0.element.time ?? 0, $0.offset) < ($1.element.time ?? 0, $1.offset)
        }.map(\.element)
        #expect(sorted.map(\.text) != lines.map(\.text))
        /// Alerts whose end is not the same in both orders.
        func different(_ budget: AlertBudget?) throws -> Set<String> {
            func ends(_ lines: [Workload.Line]) throws -> Set<String> {
                Set(
                    try run(Cutting(name: "at once", threads: 2), lines: lines, budget: budget).1
                        .filter { $0.status.stands || $0.status == .silenced }
                        // Raised and taken back, and told to nobody either way.
                        .filter { !$0.summary.hasPrefix("No longer holds") }
                        .map { "\($0.id) \($0.risk) \($0.status.stands)" })
            }
            return Set(
                try ends(lines).symmetricDifference(ends(sorted)).map { String($0.prefix(18)) })
        }
        // Of a user with more sightings than a tail holds, judgement itself is not the same.
        let busy = try different(nil)
        #expect(busy.count < 5)
        let budgeted = try different(Self.budget).subtracting(busy)
        #expect(budgeted.isEmpty, "\(budgeted.sorted()), without a budget \(busy.sorted())")
    }
}
