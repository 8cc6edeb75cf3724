import Foundation
import Testing

@testable import LastseenCommands

/// Rules tried on what was kept, as a user does it.
struct BacktestCommandTests {
    @Test("a changed limit is compared with the rules in force, on kept records")
    func backtest() throws {
        let folder = try Folder()
        try folder.run(
            "simulate", "--users", "60", "--days", "12", "--output", "r.ndjson", "--truth", "t",
            "--networks", "n.txt")
        let none = try folder.run("rules", "backtest", "--state", "s.db")
        #expect(none.status == 66)
        try folder.run("analyze", "r.ndjson", "--state", "s.db", "--networks", "n.txt")
        let unkept = try folder.run("rules", "backtest", "--state", "s.db")
        #expect(unkept.status == 66 && unkept.errors.contains("--history-for 90d"))
        try folder.run(
            "analyze", "r.ndjson", "--state", "h.db", "--networks", "n.txt", "--history-for", "60d")
        let source = "\(Program.checkout)/rules/device/unrecognized-device.yaml"
        let rule = try String(contentsOfFile: source, encoding: .utf8)
        try folder.write(
            rule.replacingOccurrences(of: "learning_sightings: 3", with: "learning_sightings: 40"),
            to: "weaker.yaml")
        let result = try folder.run(
            "rules", "backtest", "--state", "h.db", "--networks", "n.txt", "--since", "6d",
            "--rule",
            "weaker.yaml", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect((report["records"] as? Int ?? 0) > 5000)
        #expect(abs((report["days"] as? Double ?? 0) - 6) < 0.01)
        let (new, old) = (report["new"] as? [String: Any], report["old"] as? [String: Any])
        #expect(new?["name"] as? String == "weaker.yaml")
        #expect(old?["name"] as? String == "the rules in force")
        #expect(new?["rule"] as? String == "unrecognized-device")
        #expect((new?["alerts"] as? Int ?? 99) <= (old?["alerts"] as? Int ?? 0))
        let text = try folder.run(
            "rules", "backtest", "--state", "h.db", "--networks", "n.txt", "--rule", "weaker.yaml",
            "--against", source)
        #expect(text.status == 0 && text.output.contains("Only with weaker.yaml: "))
        #expect(text.output.contains("With less than 14 days to learn from"))
        let files = try folder.run("rules", "backtest", "--networks", "n.txt", "r.ndjson")
        #expect(files.status == 0 && files.output.contains("the rules in force"))
        try folder.write("id: x\n", to: "broken.yaml")
        let broken = try folder.run("rules", "backtest", "--rule", "broken.yaml", "r.ndjson")
        #expect(broken.status == 78 && broken.errors.contains("broken.yaml:"))
        #expect(try folder.run("rules", "backtest", "-").status == 64)
    }

    @Test("an alert and a record are explained, from files or from what was kept")
    func explain() throws {
        let folder = try Folder()
        let sample = Program.sample("impossible-trip")
        try folder.run("analyze", sample, "--state", "s.db", "--history-for", "4000d")
        let list = try folder.run("alerts", "list", "--state", "s.db", "--json", "--status", "all")
        let id = String(list.output.dropFirst(7).prefix(18))
        let alert = try folder.run("rules", "explain", String(id.prefix(9)), "--state", "s.db")
        #expect(alert.status == 0 && alert.errors.isEmpty, "\(alert.errors)")
        for text in [
            "Risk: each rule's surest finding", "base odds 204 in 10,000", "a risk of 99",
            "impossible-travel: certain",
            "Silenced by: minimum_distance_km", "seen before: ", "Quiet: ",
            "no: the network is a hosting network",
        ] { #expect(alert.output.contains(text), "\(text)") }
        let record = try folder.run("rules", "explain", "--record", "e28", "--all", sample)
        #expect(record.status == 0 && record.output.contains("Record e28 of "), "\(record.errors)")
        #expect(try folder.run("rules", "explain", "--record", "none", sample).status == 66)
        #expect(try folder.run("rules", "explain", "a-ffff", "--state", "s.db").status == 66)
        #expect(try folder.run("rules", "explain").status == 64)
        // Records of two users with the same ids: each alert's is its user's.
        let two = try Folder()
        try two.run(
            "analyze", sample, Program.sample("stolen-token"), "--state", "s.db", "--history-for",
            "4000d")
        let both = try two.run("alerts", "list", "--state", "s.db", "--json", "--status", "all")
        for line in both.output.split(separator: "\n") {
            let user = line.contains("gus@example.com") ? "gus" : "fay"
            let seen = try two.run(
                "rules", "explain", String(line.dropFirst(7).prefix(18)), "--state", "s.db")
            #expect(
                seen.output.split(separator: "\n").contains {
                    $0.hasPrefix("Record e") && $0.contains(" of \(user),")
                }, "\(seen.output)")
        }
        let unkept = try Folder()
        try unkept.run("analyze", sample, "--state", "s.db")
        let half = try unkept.run("rules", "explain", id, "--state", "s.db")
        #expect(half.status == 0 && half.errors.contains("--history-for 90d"))
    }

    @Test(
        "ages and sizes",
        arguments: [
            ("90d", Int64(90 * 86_400_000), true), ("1s", 1000, true), ("0d", 0, false),
            ("90", 0, false), ("2026-03-01", 0, false), ("-1d", 0, false),
        ])
    func ages(_ text: String, milliseconds: Int64, isAge: Bool) {
        #expect(Age(argument: text)?.milliseconds == (isAge ? milliseconds : nil))
    }

    @Test(
        "sizes",
        arguments: [
            ("4G", 4_000_000_000), ("500M", 500_000_000), ("1K", 1000), ("7", 7), ("0", nil),
            ("", nil), ("G", nil), ("-1G", nil), ("9999999999T", nil),
        ] as [(String, Int?)])
    func sizes(_ text: String, bytes: Int?) {
        #expect(ByteCount(argument: text)?.bytes == bytes)
    }
}
