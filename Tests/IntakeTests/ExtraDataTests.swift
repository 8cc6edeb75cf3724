import Foundation
import SessionModel
import Testing

@testable import Intake

/// Real files that are not in the repository; LASTSEEN_EXTRA_DATA names their folder.
private let extraData = ProcessInfo.processInfo.environment["LASTSEEN_EXTRA_DATA"]

@Suite(.enabled(if: extraData != nil, "LASTSEEN_EXTRA_DATA is not set"))
struct ExtraDataTests {
    /// File, format, records, skipped, refused. Counted beside by other means (Python's csv and json,
    /// grep).
    static let files: [(String, String, Int, UInt64, Int)] = [
        ("m365-audit.csv", "m365-audit", 324, 298, 0),
        ("openssh-2k.log", "sshd", 646, 1362, 0),
        ("cloudtrail-one-file.json", "cloudtrail", 1, 11, 0),
        ("rba-20-rows.csv", "rba", 19, 0, 0),
    ]

    @Test("real logs give the records that they hold", arguments: files)
    func counts(name: String, format: String, records: Int, skipped: UInt64, refused: Int) throws {
        let folder = try #require(extraData)
        let path = ["\(folder)/\(name)", "\(folder)/logs/\(name)"].first {
            FileManager.default.fileExists(atPath: $0)
        }
        let reader = try SourceReader(
            input: .file(path: try #require(path)), format: .auto(), options: testOptions,
            resumeCandidates: [])
        #expect(reader.format.name == format)
        let decoded = try readAll(path!)
        #expect(decoded.records.count == records)
        #expect(decoded.skipped == skipped)
        #expect(decoded.rejects.count == refused, "\(decoded.rejects.prefix(3))")
    }
}
