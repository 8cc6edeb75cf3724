import Foundation
import Testing

/// A small world from end to end: written, judged, scored.
struct ProofTests {
    @Test("a world can be written, judged and scored")
    func endToEnd() throws {
        let folder = try Folder()
        let made = try folder.run(
            "simulate", "--users", "150", "--days", "10", "--attacks-per-1000-users", "200",
            "--output", "r.ndjson", "--truth", "t.ndjson", "--networks", "n.txt")
        #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
        #expect(made.output.contains("150 users"))
        let judged = try folder.run(
            "analyze", "r.ndjson", "--networks", "n.txt", "--state", ":memory:", "--output",
            "ndjson:a.ndjson")
        #expect(judged.status == 2 && judged.errors.isEmpty, "\(judged.errors)")
        let scored = try folder.run(
            "evaluate", "--truth", "t.ndjson", "--alerts", "a.ndjson", "--output", "json",
            "--report", "proof.html")
        #expect(scored.status == 0, "\(scored.errors)")
        let score = try #require(
            try JSONSerialization.jsonObject(with: Data(scored.output.utf8)) as? [String: Any])
        let all = try #require(score["all"] as? [String: Any])
        #expect(score["users"] as? Int == 150)
        #expect((all["takeovers"] as? Int ?? 0) > 15)
        #expect(
            (all["recall"] as? Double ?? 0) > 0.5, "most are caught, whatever the rules' limits")
        #expect(folder.read("proof.html").contains("</html>"))
        // The records tell what the truth leaves out.
        let counted = try folder.run(
            "evaluate", "--truth", "t.ndjson", "--alerts", "a.ndjson", "--records", "r.ndjson")
        #expect(counted.status == 0 && counted.output.contains("False alerts"))
    }

    static let refused: [(Int32, [String], String)] = [
        (64, ["simulate", "--output", "r", "--truth", "t", "--users", "0"], "--users"),
        (64, ["simulate", "--output", "r", "--truth", "t", "--start", "May"], "--start 'May'"),
        (73, ["simulate", "--users", "20", "--output", "no/r", "--truth", "t"], "no/r"),
        (66, ["evaluate", "--truth", "none", "--alerts", "none"], "no such file"),
        (64, ["evaluate", "--truth", "good", "--alerts", "empty"], "--users and --days"),
        (65, ["evaluate", "--truth", "bad", "--alerts", "empty"], "bad:2: "),
        (65, ["evaluate", "--truth", "empty", "--alerts", "empty"], "there is no line"),
        (65, ["evaluate", "--truth", "good", "--alerts", "bad"], "bad:1: "),
    ]

    @Test("what is wrong is said, with its status", arguments: refused)
    func refusals(status: Int32, arguments: [String], says: String) throws {
        let folder = try Folder()
        let good = #"{"record":"e1","label":"attack","attack":"a","kind":"k"}"#
        try folder.write(good + "\n", to: "good")
        try folder.write(good + "\n{\"record\":\"e2\"}\n", to: "bad")
        try folder.write("", to: "empty")
        let result = try Program.Run(arguments, input: nil, in: folder).result()
        #expect(result.status == status, "\(result.errors)")
        #expect(result.errors.contains(says), "\(result.errors)")
    }
}
