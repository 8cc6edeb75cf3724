import SessionModel
import Testing

@testable import Detection

private let rule = DetectionRule(
    id: "password-spray", title: "", severity: .high, detector: .passwordSpray,
    weights: .init(possible: 0.1, likely: 0.6, certain: 0.8), rung: .notify)

/// Sightings run through an organisation that tells of sprays from five users on; its reports as alerts.
private func told(
    _ sightings: [Sighting], by organization: Organization = Organization(), batch: Int = 1000,
    first: UInt64 = 0, among known: [Sighting] = []
) -> [Alert] {
    organization.tellSprays(prefixUsers: 5, providerUsers: nil)
    var alerts: [Alert] = []
    var names: [UInt64: String] = [:]
    for s in known { names[s.userKey] = s.record.userID.string }
    var begin = 0
    while begin < sightings.count {
        var part = Array(sightings[begin..<min(begin + batch, sightings.count)])
        for i in part.indices {
            part[i].sequence = first + UInt64(begin + i)
            names[part[i].userKey] = part[i].record.userID.string
        }
        part.withUnsafeMutableBufferPointer { buffer in
            for number in 0..<Organization.partCount { organization.take(buffer, part: number) }
        }
        _ = organization.takeCorrections()
        for report in organization.takeSprays() {
            alerts.append(
                report.alert(
                    rule, users: report.passers.compactMap { names[$0.user] }, alertRisk: 40))
        }
        begin += batch
    }
    return alerts
}

private func failures(
    _ users: Int, from hours: Double = 9, every: Double = 0.01, at spot: Spot = .lagos,
    _ name: String = "victim"
) -> [Sighting] {
    (0..<users).map { n in
        sighting(
            "\(name)-f\(n)", hours: hours + Double(n) * every, at: spot, device: nil,
            user: "\(name)\(n)", outcome: .failure)
    }
}

/// Sign-ins elsewhere, so that time goes on.
private func elsewhere(at hours: Double, count: Int = 10) -> [Sighting] {
    (0..<count).map {
        sighting("q\(hours)-\($0)", hours: hours + Double($0) / 100, at: .oslo, user: "q\($0)")
    }
}

private func inOrder(_ sightings: [Sighting]) -> [Sighting] {
    sightings.sorted {
        ($0.record.time, $0.record.id.string) < ($1.record.time, $1.record.id.string)
    }
}

/// The newest of each alert, without its number.
private func standing(_ alerts: [Alert]) -> [String: Alert] {
    var newest: [String: Alert] = [:]
    for alert in alerts {
        var plain = alert
        plain.isMaterial = true
        newest[alert.id] = alert.status == .retracted ? nil : plain
    }
    return newest
}

@Suite("Alerts about sprays")
struct SprayTests {
    @Test(
        "from the rule's limit on a source is one alert",
        arguments: [(4, 0), (12, 0), (18, 1), (40, 1)])
    func limit(users: Int, alerts: Int) throws {
        let all = told(failures(users))
        #expect(Set(all.map(\.id)).count == alerts)
        guard let first = all.first else { return }
        #expect(first.status == .open && first.isMaterial)
        #expect(first.userID.isEmpty && first.sessionID.isEmpty)
        #expect(first.severity == .medium && first.rung == .notify)
        #expect(first.network.address == "105.112.30.0")
        #expect(first.summary.contains("Sign-ins of 15 users and more failed from 105.112.30.0/24"))
        #expect(first.recommendations[0].text == "Block 105.112.30.0/24 at the service.")
    }

    @Test("it is told again when it has doubled, not for each user")
    func doubling() {
        let all = told(failures(90))
        let users = all.filter(\.isMaterial).map { alert in
            alert.findings[0].evidence.first { $0.name == "failed_users" }?.value
        }
        #expect(users == [.integer(15), .integer(20), .integer(40), .integer(80)])
        #expect(all.count < 20)
    }

    @Test("with one who got in it is told from the limit on", arguments: [(4, 0), (7, 1)])
    func limitWithSuccess(users: Int, alerts: Int) {
        let all = told(
            failures(users) + [sighting("s", hours: 9.5, at: .lagos, device: nil, user: "lena")])
        #expect(Set(all.map(\.id)).count == alerts)
    }

    @Test("who got in since it began is named, and makes it severe")
    func success() throws {
        let owner = sighting("o", hours: 8, at: .lagos, device: nil, user: "early")
        let in1 = sighting("s", hours: 9.055, at: .lagos, device: nil, user: "lena")
        let all = told(inOrder(failures(20) + [owner, in1]))
        let last = try #require(all.last)
        #expect(last.severity == .high)
        #expect(last.summary.contains("From there got in since: lena."))
        #expect(last.recommendations[1].text == "Check these users first: lena.")
        #expect(!last.summary.contains("early"))
    }

    @Test("where more get in than fail nothing is told")
    func company() {
        let many = (0..<60).map {
            sighting("s\($0)", hours: 9 + Double($0) / 100, at: .lagos, user: "c\($0)")
        }
        #expect(told(inOrder(failures(1, from: 8) + many + failures(20, from: 9.7))).isEmpty)
    }

    @Test("a quiet source ends it, with the whole of it; what comes later is another")
    func ends() throws {
        let spray = failures(30)
        let open = told(spray + elsewhere(at: 13))
        #expect(open.last?.status == .open)
        let closed = told(spray + elsewhere(at: 13) + elsewhere(at: 25))
        let last = try #require(closed.last)
        #expect(last.status == .closed && last.id == open.last?.id)
        #expect(last.summary.hasPrefix("Closed: the source is quiet. Sign-ins of about "))
        #expect(last.summary.contains("30 times from 2026-03-01 09:00 UTC to 2026-03-01 09:17 UTC"))
        // A day later.
        let again = told(
            spray + elsewhere(at: 25) + failures(30, from: 40, "other") + elsewhere(at: 60))
        #expect(Set(again.map(\.id)).count == 2)
        #expect(standing(again).values.allSatisfy { $0.status == .closed })
    }

    @Test("one clock that leaps ends nothing")
    func leap() {
        let stray = sighting("stray", hours: 100, at: .oslo, user: "stray")
        let all = told(failures(30) + [stray] + failures(5, from: 9.5, "more"))
        #expect(all.allSatisfy { $0.status == .open })
    }

    @Test("a slow one over days is one alert")
    func slow() {
        let all = told(inOrder(failures(60, every: 1) + elsewhere(at: 100)))
        #expect(Set(all.map(\.id)).count == 1)
        #expect(all.last?.status == .closed)
    }

    /// Sprays, colleagues who mistype, and those who get in, at random over some days.
    private static func world(_ seed: UInt64) -> [Sighting] {
        var random = Seeded(state: seed &* 31)
        var all: [Sighting] = []
        for n in 0..<400 {
            let isSpray = Int.random(in: 0..<3, using: &random) == 0
            let hours =
                isSpray
                ? [10.0, 17, 40, 47].randomElement(using: &random)!
                    + Double.random(in: 0..<5, using: &random)
                : Double.random(in: 0..<90, using: &random)
            all.append(
                sighting(
                    "e\(n)", hours: hours,
                    at: isSpray ? .lagos : Spot.all.randomElement(using: &random),
                    device: nil, user: "u\(Int.random(in: 0..<80, using: &random))",
                    outcome: Int.random(in: 0..<(isSpray ? 8 : 3), using: &random) == 0
                        ? .success : .failure))
        }
        // Sources are known from their first failure on.
        let first = Spot.all.map {
            sighting("k\($0.asn)-\($0.city)", hours: -30, at: $0, user: "known", outcome: .failure)
        }
        return first + inOrder(all) + elsewhere(at: 110)
    }

    @Test("any order within six hours ends with what the sorted order gives", arguments: 0..<80)
    func late(seed: UInt64) {
        let life = Self.world(seed)
        let sorted = standing(told(life))
        let late = standing(told(delayed(life, hours: 5.9, seed: seed)))
        #expect(late.keys.sorted() == sorted.keys.sorted(), "seed \(seed)")
        for (id, alert) in sorted {
            let same = late[id] == alert
            #expect(same, "seed \(seed): \(late[id]?.summary ?? "") and \(alert.summary)")
        }
        #expect(!sorted.isEmpty, "seed \(seed)")
    }

    @Test("batches change nothing, nor does storing between", arguments: 0..<20)
    func same(seed: UInt64) throws {
        let life = delayed(Self.world(seed), hours: 8, seed: seed)
        let whole = told(life)
        #expect(told(life, batch: 7) == whole, "seed \(seed)")
        let first = Organization()
        var pieces = told(Array(life[..<200]), by: first)
        let second = Organization()
        first.eachDirtyPage { table, page, bytes in
            #expect(second.restore(table: table, page: page, bytes))
        }
        pieces += told(Array(life[200...]), by: second, first: 200, among: life)
        #expect(pieces == whole, "seed \(seed)")
    }
}
