import Detection
import Intake
import Publishing
import RuleBook
import SessionModel
import StateStore
import Testing

@testable import Pipeline

/// What explanations tell is what judgement did.
struct ExplainTests {
    /// Explains every record of a file just after it was judged.
    private func traces(_ path: String, _ run: Run) throws -> [SightingTrace] {
        var options = try run.options()
        options.chunkBytes = 1
        options.commitSeconds = 1e9
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        defer { store.close() }
        let analysis = try Analysis(options, store: store) { House.now }
        var judged: [(UInt64, UInt64)] = []
        var traces: [SightingTrace] = []
        analysis.didJudge = { judged.append(($0.pointee.userKey, $0.pointee.recordKey)) }
        analysis.didBatch = {
            for (user, record) in judged {
                if let trace = try analysis.explain(user: user, record: record) {
                    traces.append(trace)
                }
            }
            judged.removeAll()
            return true
        }
        try analysis.analyze([.file(path: path)])
        return traces
    }

    private func check(_ traces: [SightingTrace], _ fired: inout Set<DetectorKind>, _ name: String)
    {
        for trace in traces {
            for rule in trace.rules where !rule.detector.isCustom {
                let isAllMet = rule.observations.allSatisfy(\.isMet)
                #expect(
                    (rule.confidence != nil) == isAllMet,
                    "\(name): \(rule.rule) at \(trace.record): \(rule.confidence.debugDescription), \(rule.observations)"
                )
                #expect(!rule.observations.isEmpty, "\(rule.rule) has something to say")
                if rule.confidence != nil {
                    fired.insert(rule.detector)
                    #expect(!rule.sentence.isEmpty && rule.gate == nil)
                } else {
                    #expect(rule.gate != nil)
                }
            }
        }
    }

    @Test("a rule fires when all that is listed is met, and only then")
    func agrees() throws {
        var fired: Set<DetectorKind> = []
        for sample in Sample.all where sample.format == "native" {
            var run = Run()
            run.networks = sample.networks
            check(try traces(sample.records, run), &fired, sample.name)
        }
        let folder = Folder()
        let path = try folder.write(
            Workload(seed: 51, records: 1500, users: 25).bytes, to: "r.ndjson")
        var run = Run()
        run.networks = try folder.write(Array(Workload.networks.utf8), to: "n.txt")
        check(try traces(path, run), &fired, "workload")
        #expect(fired.count >= 8, "\(fired)")
    }

    @Test("a record is explained from files and from what was kept, and nothing is changed by it")
    func record() throws {
        let folder = Folder()
        let path = House.root + "/samples/impossible-trip/records.ndjson"
        let store = try folder.open()
        defer { store.close() }
        var run = Run()
        run.history = HistoryOptions(retentionMilliseconds: .max / 4)
        try run([path], in: store)
        let alert = try AlertJSON.read(try #require(try store.alerts().first).json)
        let finding = try #require(alert.findings.first)
        let id = try #require(finding.records.last)
        let filed = try Explainer.explain(
            record: id, Run().options(), .files([.file(path: path)], unnamed: []))
        let kept = try Explainer.explain(record: id, Run().options(), .history(store))
        #expect(filed == kept)
        #expect(filed.record == id && filed.time == finding.time)
        let rule = try #require(filed.rules.first { $0.rule == finding.rule })
        #expect(rule.confidence == finding.confidence && rule.sentence == finding.sentence)
        #expect(throws: HistoryError.unknownRecord(id: "none")) {
            try Explainer.explain(record: "none", Run().options(), .history(store))
        }
    }
}
