import Detection
import StateStore
import Testing

@testable import Pipeline

struct DetectorCostTests {
    @Test(arguments: [1, 2]) func measuringChangesNoAlert(threads: Int) throws {
        let records = House.root + "/samples/impossible-trip/records.ndjson"
        var feeds: [String] = []
        for isMeasured in [false, true] {
            let folder = Folder()
            let store = try folder.open()
            defer { store.close() }
            var run = Run(cutting: Cutting(name: "", threads: threads))
            run.feed = folder.file("alerts.ndjson")
            run.measuresDetectors = isMeasured
            let result = try run([records], in: store)
            feeds.append(folder.text("alerts.ndjson"))
            guard isMeasured else {
                #expect(result.detectorCosts.isEmpty && result.measuredSightings == 0)
                continue
            }
            #expect(result.measuredSightings > 0)
            let travel = try #require(result.detectorCosts[.impossibleTravel])
            #expect(travel.calls > 0 && travel.calls <= result.measuredSightings)
            #expect(result.detectorCosts.values.allSatisfy { $0.nanoseconds >= 0 })
            // Nobody was refused, so nobody asked these.
            #expect(result.detectorCosts[.mfaFatigue] == nil)
        }
        #expect(!feeds[0].isEmpty && feeds[0] == feeds[1])
    }
}
