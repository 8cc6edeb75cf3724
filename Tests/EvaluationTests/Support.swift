import Enrichment
import Foundation
import Intake
import SessionModel

@testable import Evaluation

/// The checkout that the tests were compiled in.
let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

/// A folder that goes away with its owner.
final class Folder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "lastseen-evaluation-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}

/// A world in memory, with its truth as values.
struct Written {
    /// What the tests look at of a record, in the words of the native format.
    struct Line: Decodable {
        struct ID: Decodable { var id: String }
        var id: String
        var time: String
        var event: String
        var outcome: String
        var user: ID
        var session: ID?
        var device: ID?
        var ip: String
        var user_agent: String
    }

    struct Label: Decodable {
        var record: String?
        var label: String?
        var attack: String?
        var kind: String?
        var user: String?
        var session: String?
        var takeover: Bool?
        var scenario: String?
        var time: String?
    }

    var records: [UInt8] = []
    var truth: [UInt8] = []
    var size = World.Size()
    var networks = ""

    init(users: Int = 120, days: Int = 12, seed: UInt64 = 5, attacks: Double = 500) throws {
        let database = "\(checkout)/Sources/Enrichment/Resources/city-lite.mmdb"
        var world = try World(
            World.Options(users: users, days: days, seed: seed, attacksPer1000Users: attacks),
            databases: try GeoDatabases(paths: [database]))
        var (records, truth): ([UInt8], [UInt8]) = ([], [])
        size = try world.write(records: { records += copy $0 }, truth: { truth += copy $0 })
        (self.records, self.truth, networks) = (records, truth, world.networks)
    }

    func lines() throws -> [Line] { try Self.decode(records) }
    func labels() throws -> [Label] { try Self.decode(truth) }

    private static func decode<Value: Decodable>(_ bytes: [UInt8]) throws -> [Value] {
        let decoder = JSONDecoder()
        return try bytes.split(separator: 0x0A).map {
            try decoder.decode(Value.self, from: Data($0))
        }
    }
}
