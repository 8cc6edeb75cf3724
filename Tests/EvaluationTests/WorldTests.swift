import Enrichment
import Testing

@testable import Evaluation

/// A small world on the bundled database.
func smallWorld(
    users: Int = 120, days: Int = 12, seed: UInt64 = 5, attacks: Double = 500
) throws -> (records: [UInt8], truth: [UInt8], size: World.Size, networks: String) {
    var world = try World(
        World.Options(users: users, days: days, seed: seed, attacksPer1000Users: attacks),
        databases: try GeoDatabases(paths: ["Sources/Enrichment/Resources/city-lite.mmdb"]))
    var (records, truth): ([UInt8], [UInt8]) = ([], [])
    let size = try world.write(
        records: { records += copy $0 }, truth: { truth += copy $0 })
    return (records, truth, size, world.networks)
}

struct WorldTests {
    @Test("the same seed gives the same bytes, another gives others")
    func deterministic() throws {
        let first = try smallWorld(users: 40)
        let again = try smallWorld(users: 40)
        #expect(first.records == again.records)
        #expect(first.truth == again.truth)
        #expect(first.networks == again.networks)
        #expect(try smallWorld(users: 40, seed: 6).records != first.records)
    }
}
