import Testing

@testable import StateStore

/// Verdicts that wait for who holds the state.
struct WaitingVerdictTests {
    private static func row(_ alert: String, link: String = "", at time: Int64 = 1)
        -> WaitingVerdictRow
    {
        WaitingVerdictRow(
            verdict: "dismissed", alertID: alert, actor: "ann", note: "new phone", link: link,
            revision: 2, givenMilliseconds: time, expiresMilliseconds: 9)
    }

    @Test(
        "they wait in their order, put down beside the run that holds the state, and go one by one")
    func order() throws {
        let folder = Folder()
        let run = try folder.open()
        try run.commit { try $0.setMeta(key: "a", value: "b") }
        let beside = try StateStore(besideRunAt: folder.state)
        let rows = [Self.row("a-1", at: 3), Self.row("a-2", at: 2), Self.row("a-1", at: 1)]
        for row in rows {
            #expect(try beside.commit { try $0.putWaitingVerdict(row) } != nil)
        }
        var expected = rows
        for index in expected.indices { expected[index].sequence = Int64(index + 1) }
        #expect(try run.waitingVerdicts() == expected)
        #expect(try run.waitingVerdicts(alertID: "a-1").map(\.sequence) == [1, 3])
        #expect(try run.waitingVerdicts(limit: 1).count == 1)
        try run.commit { try $0.removeWaitingVerdict(sequence: 2) }
        #expect(try beside.waitingVerdicts().map(\.sequence) == [1, 3])
        // A place is never given twice: who waits for one to go would wait for another's.
        try run.commit { try $0.removeWaitingVerdict(sequence: 3) }
        #expect(try beside.commit { try $0.putWaitingVerdict(rows[0]) } == 4)
    }

    @Test("a link waits once; persons' verdicts have none")
    func link() throws {
        let folder = Folder()
        let store = try folder.open()
        for (link, isTaken) in [("l1", true), ("l1", false), ("l2", true), ("", true), ("", true)] {
            let place = try store.commit { try $0.putWaitingVerdict(Self.row("a-1", link: link)) }
            #expect((place != nil) == isTaken, "'\(link)'")
        }
        #expect(try store.waitingVerdicts().map(\.link) == ["l1", "l2", "", ""])
    }

    @Test("no more wait than the limit")
    func limit() throws {
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "")
        let taken = try store.commit { transaction in
            var taken = 0
            for _ in 0..<WaitingVerdictRow.limit + 2 {
                if try transaction.putWaitingVerdict(Self.row("a-1")) != nil { taken += 1 }
            }
            return taken
        }
        #expect(taken == WaitingVerdictRow.limit)
        #expect(try store.waitingVerdicts(limit: .max).count == WaitingVerdictRow.limit)
    }
}
