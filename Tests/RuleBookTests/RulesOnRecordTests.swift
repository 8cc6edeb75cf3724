import Detection
import Foundation
import RuleBook
import SessionModel
import Testing

/// The checkout that the tests were compiled in.
let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

/// One walk over all rules and samples that come with the program.
struct RulesOnRecordTests {
    static let folder = checkout + "/rules"
    static let samples = checkout + "/samples"

    private func entries(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { !$0.hasPrefix(".") }.sorted()
    }

    @Test("every rule loads, is enabled, and each detector has one")
    func load() throws {
        let problems = RuleCheck(folder: Self.folder).problems
        #expect(problems.isEmpty, "\(problems)")
        let book = try RuleBook.load(folder: Self.folder)
        #expect(book.rules.allSatisfy { $0.isEnabled })
        #expect(Set(book.rules.map(\.id)).count == book.rules.count)
        // One name finds a detector's source, test, rule and sample.
        #expect(book.rules.map(\.id) == book.rules.map(\.detector.rawValue))
        #expect(Set(book.rules.map(\.detector)) == Set(DetectorKind.builtIn))
        let families = Dictionary(grouping: book.rules, by: \.family).mapValues { $0.map(\.id) }
        #expect(
            families == [
                "travel": [
                    "atypical-country", "concurrent-places", "impossible-travel", "new-country",
                ],
                "device": ["shared-device", "unrecognized-device"],
                "session": ["session-after-logout", "session-moved", "session-too-old"],
                "network": [
                    "activity-burst", "anonymizing-network", "hosting-login", "new-network",
                ],
                "credential": [
                    "credential-stuffing", "failures-then-success", "login-after-reset",
                    "mfa-fatigue", "password-spray",
                ],
                "account": ["dormant-account", "sensitive-change", "unusual-hour"],
                "score": ["risk-score"],
            ])
        let listing = RuleListing(book)
        #expect(listing.entries.map(\.family) == listing.entries.map(\.family).sorted())
    }

    @Test("every rule says what its limits are, with the defaults of its detector")
    func limits() throws {
        for entry in RuleListing(try RuleBook.load(folder: Self.folder)).entries {
            let text = try String(contentsOfFile: entry.file, encoding: .utf8)
            for limit in entry.limits {
                #expect(limit.isDefault, "\(entry.id): \(limit.name) is \(limit.text)")
                #expect(
                    text.contains("    \(limit.name): "), "\(entry.id) leaves \(limit.name) out")
            }
        }
    }

    @Test("every rule has a technique, what it errs on, what to do, and tests of both kinds")
    func content() throws {
        for rule in try RuleBook.load(folder: Self.folder).rules {
            #expect(!rule.techniques.isEmpty, "\(rule.id)")
            #expect(!rule.falsePositives.isEmpty && !rule.recommendation.isEmpty, "\(rule.id)")
            #expect(rule.tests.contains { $0.expectations.isEmpty }, "\(rule.id)")
            #expect(rule.tests.contains { !$0.expectations.isEmpty }, "\(rule.id)")
            #expect(rule.weights.possible < rule.weights.likely, "\(rule.id)")
            // Below 20 a risk is informational: a possible finding must not reach it alone.
            #expect(rule.weights.possible < 0.2, "\(rule.id)")
        }
    }

    @Test("every limit has tests that name it, on both of its sides")
    func limitTests() throws {
        let problems = RuleCheck(folder: Self.folder, isStrict: true).problems
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test("the rules of the sample of a team's own are sound, each with tests of all its numbers")
    func own() throws {
        let own = Self.samples + "/custom-rules/rules"
        let problems = RuleCheck(folder: Self.folder, own: [own], isStrict: true).problems
        #expect(problems.isEmpty, "\(problems)")
        let book = try RuleBook.load(folder: Self.folder, own: [own])
        let custom = book.rules.filter { $0.detector.isCustom }
        #expect(custom.map(\.detector.rawValue).sorted() == ["first-seen", "match", "threshold"])
        #expect(custom.allSatisfy { $0.family == "custom" && $0.isEnabled })
        let byDefault = try RuleBook.load(folder: Self.folder).rules
        #expect(!byDefault.contains { $0.detector.isCustom })
    }

    @Test("every rule's file keeps to the layout of the others")
    func layout() throws {
        for rule in try RuleBook.load(folder: Self.folder).rules {
            let text = try String(contentsOfFile: rule.file, encoding: .utf8)
            #expect(text.hasPrefix("id: ") && text.hasSuffix("\n"), "\(rule.file)")
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
            {
                #expect(line.count <= 100, "\(rule.file):\(number + 1)")
                #expect(line.last != " ", "\(rule.file):\(number + 1)")
            }
        }
    }

    @Test("every sample has records and a story, and nothing else that nobody reads")
    func samples() throws {
        let names = try entries(Self.samples)
        #expect(names.count >= 30)
        for name in names {
            let folder = Self.samples + "/" + name
            let files = try entries(folder)
            // Native records, or those of another format: `records.log`.
            let records = files.filter { $0.hasPrefix("records.") }
            #expect(records.count == 1 && files.contains("README.md"), "\(name): \(files)")
            let known: Set = ["README.md", "alerts.ndjson", "networks.txt", "rules"]
            #expect(known.union(records).isSuperset(of: files), "\(name): \(files)")
            let story = try String(contentsOfFile: folder + "/README.md", encoding: .utf8)
            #expect(story.hasPrefix("# "), "\(name)")
            #expect(
                story.split(whereSeparator: \.isNewline).joined(separator: " ")
                    .contains("**Expected: "), "\(name)")
            #expect(story.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(name)")
        }
    }

    @Test("the NDJSON records of every sample but the bad ones are native, with ids of their own")
    func records() throws {
        for name in try entries(Self.samples) where name != "bad-lines" {
            let path = Self.samples + "/\(name)/records.ndjson"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.hasSuffix("\n"), "\(name)")
            var ids: Set<String> = []
            for line in text.split(separator: "\n") {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                let record = try #require(object as? [String: Any], "\(name): \(line)")
                let id = try #require(record["id"] as? String)
                #expect(ids.insert(id).inserted, "\(name): \(id) twice")
                let time = try #require((record["time"] as? String).flatMap { Timestamp($0) })
                #expect(["2025", "2026"].contains(time.rfc3339.prefix(4)), "\(name): \(id)")
                let user = try #require(record["user"] as? [String: String])
                #expect(user["name"]?.hasSuffix("@example.com") == true, "\(name): \(id)")
                let ip = try #require(record["ip"] as? String)
                #expect(IPAddress(ip) != nil, "\(name): \(id)")
            }
        }
    }
}
