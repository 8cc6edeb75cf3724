import Foundation
import SessionModel
import Testing

@testable import Publishing

struct AlertSchemaTests {
    static let file = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/Publishing/Schemas/alert.schema.json")

    @Test("the text in the program is the file's")
    func sameText() throws {
        #expect(try String(contentsOf: Self.file, encoding: .utf8) == AlertSchema.text)
    }

    func validator() throws -> SchemaValidator {
        SchemaValidator(root: try JSONValue(parsing: AlertSchema.text.utf8), isStrict: true)
    }

    @Test("every property has a description")
    func described() throws {
        func walk(_ schema: JSONValue, _ path: String) {
            guard case .object(let members) = schema else { return }
            if case .object(let properties) = schema["properties"] {
                for (name, property) in properties {
                    guard case .text(let text, _)? = property["description"], text.count >= 5 else {
                        Issue.record("\(path).\(name) has no description")
                        continue
                    }
                    walk(property, "\(path).\(name)")
                }
            }
            for (name, member) in members where name == "items" { walk(member, path + "[]") }
        }
        walk(try JSONValue(parsing: AlertSchema.text.utf8), "$")
    }

    @Test("every alert that is written is valid, and nothing in it undocumented")
    func valid() throws {
        let validator = try validator()
        for alert in SampleAlerts.all {
            let value = try JSONValue(parsing: AlertJSON.bytes(alert))
            #expect(validator.problems(value) == [])
        }
    }

    @Test("the words of the schema are those of the model")
    func words() throws {
        let root = try JSONValue(parsing: AlertSchema.text.utf8)
        func words(_ schema: JSONValue?) -> [String] {
            guard case .array(let words)? = schema?["enum"] else { return [] }
            return words.compactMap { if case .text(let word, _) = $0 { word } else { nil } }
        }
        let properties = root["properties"]
        #expect(words(root["$defs"]?["severity"]) == Severity.allCases.map(\.name))
        #expect(words(root["$defs"]?["rung"]) == Rung.allCases.map(\.name))
        #expect(words(properties?["status"]) == Alert.Status.allCases.map(\.rawValue))
        #expect(
            words(properties?["network"]?["properties"]?["kind"])
                == NetworkKind.allCases.map(\.name))
        #expect(
            words(properties?["findings"]?["items"]?["properties"]?["confidence"])
                == Confidence.allCases.map(\.name))
    }

    static let wrong: [(String, String)] = [
        ("\"revision\":1", "\"revision\":0"), ("\"revision\":1", "\"revision\":1.5"),
        ("\"id\":\"a-", "\"id\":\"b-"), ("\"status\":\"open\"", "\"status\":\"OPEN\""),
        ("\"risk\":97", "\"risk\":101"), ("\"country\":\"NG\"", "\"country\":\"ng\""),
        ("\"latitude\":6.4541", "\"latitude\":96.0"), ("\"asn\":29465", "\"asn\":0"),
        ("12.400Z\"", "12Z\""), ("\"title\":", "\"titel\":"),
        ("\"tenant\":\"acme\"", "\"tenant\":null"), ("\"others\":[]", "\"others\":[1]"),
        ("\"from_place\":", "\"from_place\":{},\"x\":"),
        ("\"kind\":\"log-out-session\"", "\"kind\":\"log-out\""),
        ("\"others\":[]", "\"others\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]"),
    ]

    @Test("the validator sees what is wrong", arguments: wrong)
    func invalid(find: String, replace: String) throws {
        let line = String(decoding: AlertJSON.bytes(SampleAlerts.all[0]), as: UTF8.self)
        #expect(line.contains(find))
        let value = try JSONValue(parsing: line.replacing(find, with: replace).utf8)
        #expect(try !validator().problems(value).isEmpty)
    }

    /// Whether `python3` with the `jsonschema` package (4, for 2020-12) is there.
    static let hasPython =
        run(["-c", "from jsonschema import Draft202012Validator"], input: []) == 0

    @Test(
        "an independent validator agrees (needs python3 with jsonschema)", .enabled(if: hasPython))
    func independent() throws {
        let program = """
            import json, sys
            from jsonschema import Draft202012Validator
            schema = json.load(open(sys.argv[1]))
            Draft202012Validator.check_schema(schema)
            validator = Draft202012Validator(schema)
            lines = sys.stdin.buffer.read().splitlines()
            assert len(lines) == int(sys.argv[2]), len(lines)
            for line in lines:
                validator.validate(json.loads(line))
            """
        var lines: [UInt8] = []
        for alert in SampleAlerts.all { AlertJSON.write(alert, into: &lines) }
        let arguments = ["-c", program, Self.file.path(), "\(SampleAlerts.all.count)"]
        #expect(Self.run(arguments, input: lines) == 0)
    }

    private static func run(_ arguments: [String], input: [UInt8]) -> Int32? {
        let file = FileManager.default.temporaryDirectory
            .appending(path: "lastseen-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        do {
            try Data(input).write(to: file)
            process.standardInput = try FileHandle(forReadingFrom: file)
            if input.isEmpty { process.standardError = FileHandle.nullDevice }
            try process.run()
        } catch { return nil }
        process.waitUntilExit()
        return process.terminationStatus
    }
}
