import SessionModel
import Testing

@testable import Detection

/// Sightings run through an organisation, in the order given; what each was told, by its record's id,
/// with the corrections that came later.
private func told(
    _ sightings: [Sighting], by organization: Organization = Organization(), batch: Int = 1000,
    first: UInt64 = 0
) -> [String: SourceFacts] {
    var answers: [String: SourceFacts] = [:]
    var names: [UInt64: String] = [:]
    var devices: [UInt64: [String]] = [:]
    var begin = 0
    while begin < sightings.count {
        var part = Array(sightings[begin..<min(begin + batch, sightings.count)])
        for i in part.indices { part[i].sequence = first + UInt64(begin + i) }
        part.withUnsafeMutableBufferPointer { buffer in
            for number in 0..<Organization.partCount { organization.take(buffer, part: number) }
        }
        for s in part {
            let id = s.record.id.string
            answers[id] = s.source
            names[s.recordKey] = id
            devices[s.deviceHash, default: []].append(id)
        }
        for correction in organization.takeCorrections() {
            switch correction.subject {
            case .prefix(let record):
                if let id = names[record] { answers[id]?.prefixFailures = correction.value }
            case .provider(let record):
                if let id = names[record] { answers[id]?.providerFailures = correction.value }
            case .device(let hash):
                for id in devices[hash] ?? [] { answers[id]?.deviceUsers = correction.value }
            }
        }
        begin += batch
    }
    return answers
}

private func failure(_ id: String, _ hours: Double, user: String) -> Sighting {
    sighting(id, hours: hours, at: .lagos, device: nil, user: user, outcome: .failure)
}

@Suite("What all users tell together")
struct OrganizationTests {
    @Test(
        "a success is told of the other users who failed on its prefix, before it and after",
        arguments: [
            (0, 0...0), (2, 0...0), (3, 3...3), (8, 7...8), (20, 15...20), (60, 30...60),
        ])
    func spray(users: Int, expected: ClosedRange<Int>) {
        // Half of them before the success, half after; the first failure makes the source known. Users
        // are counted by places of a hash, two of which may be one.
        var sightings = (0..<users).map { n in
            failure("f\(n)", 9 + Double(n) * 0.01 + (n * 2 < users ? 0 : 1), user: "victim\(n)")
        }
        sightings.insert(
            sighting("in", hours: 9.8, at: .lagos, device: "d9", user: "taken"), at: (users + 1) / 2
        )
        let answer = told(sightings)["in"]
        #expect(expected.contains(Int(answer?.prefixFailures ?? 255)))
    }

    @Test("one's own failures are no spray, and those of a day before are past")
    func notSpray() {
        let own = (0..<20).map { failure("o\($0)", 10 + Double($0) * 0.01, user: "u1") }
        #expect(told(own + [sighting("in", hours: 11, at: .lagos)])["in"]?.prefixFailures == 0)
        let old = (0..<20).map { failure("p\($0)", 10, user: "v\($0)") }
        #expect(told(old + [sighting("in", hours: 30, at: .lagos)])["in"]?.prefixFailures == 0)
        // On a source where more get in than fail, people mistype.
        let busy = (0..<30).map {
            sighting("b\($0)", hours: 10.5, at: .lagos, device: nil, user: "w\($0)")
        }
        #expect(
            told(old + busy + [sighting("in", hours: 11, at: .lagos)])["in"]?.prefixFailures == 0)
    }

    @Test("a prefix that many users come from is shared seven hours later, and not before")
    func shared() {
        let users = (0..<200).map {
            sighting("s\($0)", hours: 10, at: .bergen, device: nil, user: "worker\($0)")
        }
        let answers = told(
            users + [
                sighting("early", hours: 16.9, at: .bergen),
                sighting("late", hours: 17, at: .bergen),
                sighting("elsewhere", hours: 17, at: .oslo),
            ])
        #expect(answers["early"]?.isShared == 0)
        #expect(answers["late"]?.isShared == 1)
        #expect(answers["elsewhere"]?.isShared == 0)
        // A few do not share.
        let few = told(Array(users.prefix(20)) + [sighting("late", hours: 30, at: .bergen)])
        #expect(few["late"]?.isShared == 0)
    }

    @Test("users of one device are told of each other, also those who came first")
    func device() {
        let answers = told(
            (0..<4).map {
                sighting(
                    "d\($0)", hours: Double(10 + $0), at: .lagos, device: "shared", user: "u\($0)")
            } + [sighting("own", hours: 15, at: .oslo, device: "mine", user: "u9")])
        #expect((0..<4).map { answers["d\($0)"]?.deviceUsers } == [3, 3, 3, 3])
        #expect(answers["own"]?.deviceUsers == 0)
    }

    @Test("what is rare for all is told as rare, seven hours later")
    func rarity() {
        let many = (0..<400).map {
            sighting("m\($0)", hours: 10, at: .oslo, device: nil, user: "u\($0)")
        }
        let answers = told(
            many
                + [
                    sighting("usual", hours: 18, at: .oslo),
                    sighting("rare", hours: 18, at: .lagos),
                    sighting("soon", hours: 12, at: .lagos),
                ].sorted { $0.record.time < $1.record.time })
        #expect(answers["usual"]?.countryRarity == 1)
        #expect(answers["rare"]?.countryRarity == 15)
        #expect(answers["soon"]?.countryRarity == 0, "too little is known at that hour")
    }

    @Test(
        "the answer is the same in any order within six hours, and in any batches",
        arguments: 0..<12)
    func order(seed: UInt64) {
        var random = Seeded(state: seed)
        var sightings: [Sighting] = []
        for n in 0..<1500 {
            let spot = Spot.all[Int.random(in: 0..<Spot.all.count, using: &random)]
            let user = "u\(Int.random(in: 0..<300, using: &random))"
            let isFailure = Int.random(in: 0..<3, using: &random) == 0
            sightings.append(
                sighting(
                    "r\(n)", hours: 10 + Double(n) * 0.03, at: spot,
                    device: isFailure ? nil : "d\(Int.random(in: 0..<900, using: &random))",
                    user: user, outcome: isFailure ? .failure : .success))
        }
        let inOrder = told(sightings)
        let shuffled = delayed(sightings, hours: 5.9, seed: seed)
        var differing: [String] = []
        let answers = told(shuffled, batch: Int.random(in: 1...400, using: &random))
        for (id, facts) in inOrder {
            guard let other = answers[id] else { continue }
            // The source's memory of whom to correct is short: only the newest four successes.
            if facts.isShared != other.isShared || facts.countryRarity != other.countryRarity
                || facts.providerRarity != other.providerRarity
                || facts.kindRarity != other.kindRarity || facts.clientRarity != other.clientRarity
            {
                differing.append(id)
            }
        }
        #expect(differing.isEmpty, "seed \(seed)")
        #expect(told(sightings, batch: 7) == inOrder, "seed \(seed)")
    }

    @Test("damaged pages are worked with, whatever they hold", arguments: 0..<40)
    func damaged(seed: UInt64) {
        var random = Seeded(state: seed)
        let sightings = (0..<400).map { n in
            sighting(
                "r\(n)", hours: 10 + Double(n) * 0.1, at: Spot.all[n % Spot.all.count],
                device: "d\(n % 9)", user: "u\(n % 120)", outcome: n % 4 == 0 ? .failure : .success)
        }
        let sound = Organization()
        _ = told(sightings, by: sound)
        let broken = Organization()
        sound.eachDirtyPage { table, page, bytes in
            var copy = Array(bytes)
            for _ in 0..<Int.random(in: 0...600, using: &random) {
                copy[Int.random(in: 0..<copy.count, using: &random)] =
                    [0, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)][
                        Int.random(in: 0..<5, using: &random)]
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                copy = Array(
                    repeating: UInt8.random(in: 0...255, using: &random), count: copy.count)
            }
            copy.withUnsafeBytes { #expect(broken.restore(table: table, page: page, $0)) }
        }
        _ = told(sightings, by: broken)
        _ = broken.learnedNetworks()
    }

    @Test("one clock that is wrong makes no other record late")
    func leap() {
        let many = (0..<400).map {
            sighting("m\($0)", hours: 10, at: .oslo, device: nil, user: "u\($0)")
        }
        let stray = sighting("stray", hours: 9000, at: .oslo)
        let answers = told(many + [stray, sighting("usual", hours: 18, at: .oslo)])
        #expect(answers["usual"]?.countryRarity == 1)
        // Twenty that agree are believed.
        let later = (0..<20).map { sighting("l\($0)", hours: 9000, at: .oslo, user: "v\($0)") }
        #expect(
            told(many + later + [sighting("old", hours: 18, at: .oslo)])["old"]?.countryRarity == 0)
    }

    @Test("what was stored goes on as if it had not been")
    func stored() throws {
        let sightings = (0..<900).map { n in
            sighting(
                "r\(n)", hours: 10 + Double(n) * 0.02, at: Spot.all[n % Spot.all.count],
                device: "d\(n % 50)", user: "u\(n % 120)", outcome: n % 4 == 0 ? .failure : .success
            )
        }
        let whole = Organization()
        let first = Organization()
        _ = told(Array(sightings[..<500]), by: whole)
        _ = told(Array(sightings[..<500]), by: first)
        let second = Organization()
        var pages = 0
        first.eachDirtyPage { table, page, bytes in
            #expect(second.restore(table: table, page: page, bytes))
            pages += 1
        }
        #expect(pages > 10)
        first.stored()
        first.eachDirtyPage { _, _, _ in Issue.record("nothing changed since") }
        #expect(
            told(Array(sightings[500...]), by: second, first: 500)
                == told(Array(sightings[500...]), by: whole, first: 500))
        #expect(second.learnedNetworks() == whole.learnedNetworks())
        // Pages that are of no table, or cut.
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { bytes in
            #expect(!second.restore(table: 0, page: 0, UnsafeRawBufferPointer(bytes)))
            #expect(!second.restore(table: 99, page: 0, UnsafeRawBufferPointer(bytes)))
        }
    }
}

@Suite("Below the bar")
struct SilencedTests {
    @Test("an alert of little risk is silenced, opened when there is more, and ends silently else")
    func bar() throws {
        let run = Run(rules: defaultRules)
        run.judge = Judge(rules: defaultRules, alertRisk: 50)
        for day in 0..<4 {
            try run.see(
                sighting("h\(day)", hours: Double(day * 24 + 8), at: .oslo, session: "s\(day)"))
        }
        // A new device on a new network in the user's first days: below the bar of 50.
        try run.see(sighting("x1", hours: 101, at: .bergen, device: "d9", session: "s9"))
        #expect(run.judge.emitted.map(\.status) == [.silenced])
        #expect(run.judge.emitted[0].summary.hasPrefix("Below --alert-risk 50."))
        // The same session from another continent within the hour.
        try run.see(
            sighting(
                "x2", hours: 102, at: .singapore, device: "d9", session: "s9", event: .activity))
        let last = try #require(run.judge.emitted.last)
        #expect(last.status == .open)
        #expect(last.revision == 2)
        #expect(last.risk >= 50)
    }

    @Test("a silenced alert that a late record explains is no retraction")
    func silentEnd() throws {
        let run = Run(rules: defaultRules)
        run.judge = Judge(rules: defaultRules, alertRisk: 50)
        for day in 0..<4 {
            try run.see(
                sighting("h\(day)", hours: Double(day * 24 + 8), at: .oslo, session: "s\(day)"))
        }
        try run.see(sighting("x1", hours: 101, at: .bergen, device: "d9", session: "s9"))
        try run.see(sighting("late", hours: 100, at: .oslo, device: "d9", session: "s8"))
        #expect(run.judge.emitted.allSatisfy { $0.status == .silenced })
        #expect(run.standing.values.allSatisfy { $0.status == .silenced })
    }
}
