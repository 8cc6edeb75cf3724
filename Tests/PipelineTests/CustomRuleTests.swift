import Detection
import Intake
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore
import Testing

/// A team's own rules through the whole pipeline: the same answer however a run is cut, and bounded.
@Suite(.serialized)
struct CustomRuleTests {
    private static func rule(
        _ id: String, _ kind: CustomRule.Kind, _ tests: FieldTest...
    ) -> DetectionRule {
        let detector: DetectorKind =
            switch kind {
            case .match: .match
            case .threshold: .threshold
            case .firstSeen: .firstSeen
            }
        return DetectionRule(
            id: id, title: "Own: \(id)", severity: .medium, detector: detector,
            weights: .init(possible: 0.1, likely: 0.5, certain: 0.7), rung: .notify,
            custom: CustomRule(condition: .all(tests.map(Condition.test)), kind: kind))
    }

    private static func count(
        _ count: Int, by: [RecordField], distinct: RecordField? = nil, minutes: Int64
    ) -> CustomRule.Kind {
        .threshold(
            .init(
                by: by, distinct: distinct, count: count, withinMilliseconds: minutes * 60_000))
    }

    private static let failed = FieldTest(.outcome, .equals, ["failure"])
    private static let worked = FieldTest(.outcome, .equals, ["success"])

    /// Of each detector, by user and by other keys, and one key that all records share.
    static let rules = [
        rule(
            "fox", .match, failed, FieldTest(.userAgent, .contains, ["firefox"]),
            FieldTest(.userID, .regularExpression, ["^u[0-9]*[05]$"])),
        rule("burst", count(4, by: [.userID], minutes: 60), failed),
        rule("device-burst", count(2, by: [.userID, .deviceID], minutes: 1440), failed),
        rule("address-burst", count(4, by: [.address], minutes: 10), failed),
        rule("crowd", count(3, by: [.networkPrefix], distinct: .userID, minutes: 600), worked),
        rule("world", count(6, by: [], distinct: .country, minutes: 30), worked),
        rule(
            "new-land",
            .firstSeen(
                .init(value: .country, by: [.userID], afterSightings: 5, afterDays: 1)), worked),
        rule(
            "new-prefix",
            .firstSeen(
                .init(value: .networkPrefix, by: [.tenant], afterSightings: 50, afterDays: 2)),
            worked),
    ]

    private struct Outcome: Equatable {
        var feed: [UInt8]
        var profiles: Int
        var revisions: Int64
    }

    private func outcome(
        _ source: [String], _ cutting: Cutting, _ rules: [DetectionRule], _ folder: Folder
    ) throws -> Outcome {
        let store = try folder.open()
        defer { store.close() }
        try Run(cutting: cutting, rules: rules, feed: folder.file("alerts.ndjson"))(
            source, in: store)
        return Outcome(
            feed: folder.read("alerts.ndjson"), profiles: try store.profileCount(),
            revisions: try store.lastRevisionSequence())
    }

    private static let workload = Workload(seed: 20_260_305, records: 3000, users: 40)

    @Test("batches, threads and profiles let go of change nothing")
    func cuts() throws {
        let folder = Folder()
        let rules = try House.book.get().detection + Self.rules
        let source = try folder.write(Self.workload.bytes, to: "records.ndjson")
        let expected = try outcome([source], Cutting(name: "at once"), rules, folder)
        let text = String(decoding: expected.feed, as: UTF8.self)
        for rule in Self.rules {
            // Not the text itself, which would be printed.
            let fires = text.contains("\"rule\":\"\(rule.id)\"")
            #expect(fires, "\(rule.id) never fires")
        }
        #expect(expected.profiles > 60)
        for cutting in Cutting.all where cutting.batch != 1 {
            let found = try outcome([source], cutting, rules, Folder())
            expectSame(found.feed, expected.feed, cutting.name)
            #expect(found.profiles == expected.profiles && found.revisions == expected.revisions)
        }
    }

    @Test("runs with restarts between are as one", arguments: [3, 4] as [UInt64])
    func restarts(seed: UInt64) throws {
        let rules = Self.rules
        let all = Self.workload.bytes
        let whole = Folder()
        let source = try whole.write(all, to: "records.ndjson")
        let expected = try outcome([source], Cutting(name: "at once"), rules, whole)
        let folder = Folder()
        var random = SeededGenerator(seed: seed)
        var found: Outcome?
        for cut in (0..<9).map({ _ in 1 + random.below(all.count - 1) }).sorted() + [all.count] {
            try folder.write(all[..<cut], to: "records.ndjson")
            found = try outcome(
                [folder.file("records.ndjson")], Cutting(name: "", threads: 2), rules, folder)
        }
        expectSame(found?.feed ?? [], expected.feed, "seed \(seed)")
        #expect(found?.profiles == expected.profiles)
    }

    @Test("rules of one's own change nothing about what other rules say of others")
    func others() throws {
        let folder = Folder()
        let source = try folder.write(Self.workload.bytes, to: "records.ndjson")
        let silent = Self.rule("silent", .match, FieldTest(.userName, .equals, ["nobody"]))
        let book = try House.book.get().detection
        let plain = try outcome([source], Cutting(name: "at once"), book, folder)
        let with = try outcome([source], Cutting(name: "at once"), book + [silent], Folder())
        expectSame(with.feed, plain.feed)
        #expect(with.profiles == plain.profiles)
    }

    @Test("a hundred thousand keys are as many small rows, and no more memory than is allowed")
    func keys() throws {
        let count = 100_000
        var text = ""
        for i in 0..<count {
            let time = Timestamp(year: 2026, month: 3, day: 2).adding(milliseconds: Int64(i) * 100)
            text +=
                "{\"time\":\"\(time.rfc3339)\",\"event\":\"login\",\"outcome\":\"failure\","
                + "\"user\":{\"id\":\"u\(i % 50)\"},\"ip\":\"100.\(i >> 16 & 255 | 128).\(i >> 8 & 255).\(i & 255)\"}\n"
        }
        let folder = Folder()
        let source = try folder.write(Array(text.utf8), to: "records.ndjson")
        let store = try folder.open()
        var options = AnalysisOptions(
            intake: .init(now: House.now), rules: [Self.rules[3]],
            databases: try House.databases.get(), userAgents: try House.userAgents.get(),
            policy: try ResponsePolicy())
        options.format = .fixed(try FormatCatalog.named("native"))
        options.threads = 2
        options.chunkBytes = 1 << 20
        options.profileBudget = 16 << 20
        let analysis = try Analysis(options, store: store) { House.now }
        try analysis.analyze([.file(path: source)])
        #expect(try store.profileCount() == count + 50)
        #expect(analysis.result.profileBytes < 64 << 20)
        #expect(analysis.result.summary.users <= 50)
    }
}
