import Foundation
import Testing

@testable import Publishing

/// The alerts on record in `samples/`, which the pipeline's tests compare with what runs give.
struct SampleSchemaTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "samples")

    /// The lines of every sample's `alerts.ndjson`.
    private func lines() throws -> [(sample: String, line: String)] {
        let samples = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path())
        return try samples.flatMap { sample in
            let file = Self.folder.appending(path: sample).appending(path: "alerts.ndjson")
            let text = try String(contentsOf: file, encoding: .utf8)
            return text.split(separator: "\n").map { (sample, String($0)) }
        }
    }

    @Test("every alert on record is as the schema says, and nothing more")
    func schema() throws {
        let validator = SchemaValidator(
            root: try JSONValue(parsing: AlertSchema.text.utf8), isStrict: true)
        let lines = try lines()
        #expect(lines.count > 5)
        for (sample, line) in lines {
            let problems = validator.problems(try JSONValue(parsing: line.utf8))
            #expect(problems.isEmpty, "\(sample)")
        }
    }

    @Test("every alert on record is read back as it was written")
    func roundTrip() throws {
        for (sample, line) in try lines() {
            let written = AlertJSON.bytes(try AlertJSON.read(Array(line.utf8)))
            #expect(String(decoding: written, as: UTF8.self) == line, "\(sample)")
        }
    }
}
