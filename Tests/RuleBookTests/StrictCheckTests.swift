import Foundation
import RuleBook
import Settings
import Testing

struct StrictCheckTests {
    /// A sound rule without its tests.
    private static let head = RuleSample.text.components(separatedBy: "tests:\n")[0]

    private static func tests(_ tests: KeyValuePairs<String, String>) -> String {
        "tests:\n"
            + tests.map { name, expect in
                """
                    - name: '\(name)'
                      common: {user: {id: ben}}
                      records:
                          - {time: 2026-03-02T08:00:00Z, ip: 82.248.10.20, session: {id: s1}}
                      expect: \(expect)

                """
            }.joined()
    }

    /// What is told of a rule with these tests, and of another whose limit has one test.
    private func problems(
        _ tests: KeyValuePairs<String, String>, limits: String = "    learning_sightings: 3\n"
    ) throws -> [String] {
        let limit = "    learning_sightings: 3\n"
        let rule = Self.head.replacingOccurrences(
            of: "limits:\n" + limit, with: limits.isEmpty ? "" : "limits:\n" + limits)
        let other = Self.head.replacingOccurrences(of: limit, with: "    move_window_hours: 24\n")
            .replacingOccurrences(of: "id: new-country", with: "id: other")
            .replacingOccurrences(of: "detector: new-country", with: "detector: session-moved")
            .replacingOccurrences(of: "uuid: b7c33260", with: "uuid: b7c33261")
        let sample = try RuleSample([
            RuleSample.path: rule + Self.tests(tests),
            "device/other.yaml": other + Self.tests(["move_window_hours, abroad": "none"]),
        ])
        #expect(sample.problems.isEmpty, "\(sample.problems)")
        return RuleCheck(folder: sample.folder, isStrict: true).problems.map {
            $0.description.replacingOccurrences(of: sample.folder + "/", with: "")
        }
    }

    private static let oneSided =
        "device/other.yaml:11:5: 'move_window_hours' is tested on one side only: none. Add a test "
        + "whose name begins with it, on the other side of the limit."
    private static let missing =
        "No test is named after 'learning_sightings'. Add two whose names begin with it, one on each "
        + "side of the limit, that expect different things."

    static let sound: [KeyValuePairs<String, String>] = [
        [
            "learning_sightings, four": "[{confidence: likely}]",
            "learning_sightings, three": "none",
        ],
        [
            "learning_sightings, four": "[{confidence: likely}]",
            "learning_sightings, three": "silent",
        ],
        ["learning_sightings": "[{session: s1}]", "learning_sightings: 3": "none"],
        [
            "learning_sightings, a": "[{confidence: certain}]",
            "learning_sightings, b": "[{confidence: likely}]",
        ],
        [
            "learning_sightings, a": "[{confidence: possible}]", "learning_sightings, b": "silent",
            "something else": "none",
        ],
    ]

    @Test("two tests named after a limit that expect different things are enough", arguments: sound)
    func sides(tests: KeyValuePairs<String, String>) throws {
        #expect(try problems(tests) == [Self.oneSided])
    }

    @Test("a limit without a test of its name is told, at its line")
    func none() throws {
        let at = "travel/new-country.yaml:11:5: "
        #expect(
            try problems(["four learning_sightings": "[{session: s1}]", "three": "none"])
                == [Self.oneSided, at + Self.missing])
        // Another limit's name that begins the same.
        #expect(
            try problems(["learning_sightings_2": "[{session: s1}]", "learning_sightingsx": "none"])
                == [Self.oneSided, at + Self.missing])
    }

    @Test("a limit that the file leaves out is told at its detector")
    func absent() throws {
        #expect(
            try problems(["three": "none"], limits: "")
                == [Self.oneSided, "travel/new-country.yaml:9:11: " + Self.missing])
    }

    @Test("tests that expect the same are of one side, and other rules' alerts are none of this")
    func oneSide() throws {
        let told =
            "travel/new-country.yaml:11:5: 'learning_sightings' is tested on one side only: %. Add a "
            + "test whose name begins with it, on the other side of the limit."
        for (first, second, side) in [
            ("none", "none", "none"), ("none", "silent", "none"),
            ("none", "[{rule: other}]", "none"),
            ("[{confidence: likely}]", "[{session: s1}]", "likely"),
            ("[{confidence: certain}]", "[{confidence: certain}, {confidence: likely}]", "certain"),
        ] {
            #expect(
                try problems(["learning_sightings, a": first, "learning_sightings, b": second])
                    == [Self.oneSided, told.replacingOccurrences(of: "%", with: side)])
        }
    }
}
