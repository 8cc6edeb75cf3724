import Foundation
import RuleBook
import Settings

/// A folder of rules in the temporary folder, removed with the value.
final class RuleSample {
    let folder: String

    /// Files by path within the folder: `travel/new-country.yaml`.
    init(_ files: [String: String]) throws {
        folder = NSTemporaryDirectory() + "rulebook-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (path, text) in files { try write(Data(text.utf8), to: path) }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ data: Data, to path: String) throws {
        let file = URL(fileURLWithPath: folder + "/" + path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    // The folder lives as long as the value, so reading it is the value's own business.

    func check() -> RuleCheck { RuleCheck(folder: folder) }

    func load() throws -> RuleBook { try RuleBook.load(folder: folder) }

    /// What is wrong with the folder, its own path left out: `travel/new-country.yaml:3:1: …`.
    var problems: [String] {
        check().problems.map {
            $0.description.replacingOccurrences(of: folder + "/", with: "")
                .replacingOccurrences(of: folder, with: "<folder>")
        }
    }

    static let path = "travel/new-country.yaml"

    /// A sound rule; its lines are counted in the tests.
    static let text = """
        id: new-country
        uuid: b7c33260-c22f-4a65-873e-3510761421c0
        title: First sighting in a country
        description: The user is seen in a country that they were never seen in.
        severity: medium
        tags:
            - attack.initial-access
            - attack.t1078.004
        detector: new-country
        limits:
            learning_sightings: 3
        weights:
            possible: 0.08
            likely: 0.35
            certain: 0.35
        false_positives:
            - A journey.
        recommendation: Ask the user.
        rung: notify
        tests:
            - name: abroad
              common: {user: {id: ben}}
              records:
                  - {time: 2026-03-02T08:00:00Z, ip: 82.248.10.20, session: {id: s1}}
                  - {time: 2026-03-03T08:00:00Z, ip: 99.224.30.7, session: {id: s2}}
              expect:
                  - {confidence: likely, session: s2, at: e2}

        """

    /// The sound rule with one text in it replaced.
    static func problems(replacing old: String, with new: String) throws -> [String] {
        precondition(text.contains(old), "the sample does not contain '\(old)'")
        return try RuleSample([path: text.replacingOccurrences(of: old, with: new)]).problems
    }
}
