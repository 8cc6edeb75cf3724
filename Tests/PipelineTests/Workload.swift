import Glibc
import SessionModel

/// Made-up records with all that makes an order matter: records that come late, too late, twice or at
/// the same time, intruders, moved sessions, guessed passwords, users of two tenants, one user who is
/// busier than a profile's tail is long, records without ids, lines that are none.
struct Workload {
    struct Line {
        var text: String
        /// Of the record; nil for a line that is none.
        var time: Int64?
        /// When it comes: its time, or later.
        var arrival: Int64
    }

    struct User: Hashable, Sendable {
        var tenant: String
        var id: String
    }

    /// In the order in which they come.
    private(set) var lines: [Line] = []
    private(set) var users: [User] = []
    private(set) var badCount = 0
    private var random: SeededGenerator

    /// Homes by network; the bundled database places each in a town of its own.
    private static let towns = [
        ["82.248.10", "90.91.14", "78.250.20"],  // Paris
        ["89.9.17", "176.11.84", "77.16.30"],  // Oslo
        ["84.114.60", "84.114.201", "46.74.20"],  // Vienna
        ["87.72.30", "77.215.40", "2.104.11"],  // Copenhagen
        ["99.224.30", "99.241.8", "99.230.14"],  // Toronto
        ["178.180.22", "46.112.90", "46.168.31"],  // Warsaw
        ["82.92.17", "84.81.9", "178.229.20"],  // the Netherlands
        ["116.86.40", "27.104.77"],  // Singapore
        ["219.68.20", "111.240.9"],  // Taipei
    ]
    private static let far = ["177.32.50", "181.85.20", "105.114.21", "219.68.20", "99.213.9"]
    /// Named by `networks` as exits of a VPN service.
    private static let exits = ["185.65.134", "89.187.178"]
    static let networks = "185.65.134.0/24 vpn\n89.187.178.0/24 vpn Example VPN\n"

    private static let agents = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:%.0) Gecko/20100101 Firefox/%.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.% Mobile/15E148 Safari/604.1",
    ]

    private struct Person {
        var user: User
        var networks: [String]
        var devices: [String]
        var agents: [String]
        var session: String
        var hasDeviceIDs: Bool
        var hasRecordIDs: Bool
        var sessions = 0
    }

    /// - Parameter days: from 2026-03-02 on.
    init(seed: UInt64, records: Int, users count: Int, days: Int = 9) {
        random = SeededGenerator(seed: seed)
        var people: [Person] = []
        for i in 0..<count { people.append(person(i)) }
        users = people.map(\.user)
        let start = Timestamp(year: 2026, month: 3, day: 2).milliseconds
        let step = Double(days) * 86_400_000 / Double(records)
        var time = start
        var number = 0
        while number < records {
            if !random.chance(0.06) { time = start + Int64(Double(number) * step) }
            // One of twelve is of the busy one, whom somebody else uses too now and then.
            let i = random.chance(1.0 / 12) ? 0 : random.below(count)
            number += write(&people[i], number, time, isBusy: i == 0)
            if random.chance(0.004) { writeBad(time) }
        }
        // Of equal arrivals the order stays.
        lines = lines.enumerated().sorted {
            ($0.element.arrival, $0.offset) < ($1.element.arrival, $1.offset)
        }.map(\.element)
    }

    private mutating func person(_ i: Int) -> Person {
        let town = Self.towns[random.below(Self.towns.count)]
        // Users 2k and 2k+1 of every tenth pair have one id in two tenants.
        let isPaired = i % 20 < 2
        return Person(
            user: User(
                tenant: isPaired ? (i % 2 == 0 ? "acme" : "other") : (i % 3 == 0 ? "" : "acme"),
                id: isPaired ? "pair\(i / 20)" : i % 7 == 0 ? "Zoë \"\(i)\"\\" : "u\(i)"),
            networks: town.shuffled(using: &random), devices: ["d\(i)-a", "d\(i)-b"],
            agents: Self.agents.shuffled(using: &random), session: "s\(i)-0",
            hasDeviceIDs: i % 4 != 1, hasRecordIDs: i % 10 != 3)
    }

    /// Returns how many records it wrote.
    private mutating func write(
        _ p: inout Person, _ number: Int, _ time: Int64, isBusy: Bool
    ) -> Int {
        let odd = random.chance(isBusy ? 0.05 : 0.015)
        guard odd else {
            if random.chance(0.15) {
                p.sessions += 1
                p.session = "\(p.devices[0])-\(p.sessions)"
            }
            let k = random.below(2)
            put(
                p, number, time, device: k, address: address(p.networks),
                event: random.chance(0.3) ? "activity" : "login",
                outcome: random.chance(0.95) ? "success" : "failure")
            return 1
        }
        switch random.below(6) {
        case 0:  // a session goes on elsewhere
            put(p, number, time, device: 2, address: address(Self.far), event: "activity")
        case 1:  // guessed passwords
            let from = [Self.far[random.below(Self.far.count)]]
            let count = 3 + random.below(25)
            for k in 0..<count {
                put(
                    p, number + k, time + Int64(k) * 9000, device: 2, address: address(from),
                    event: "login", outcome: "failure", session: "")
            }
            put(
                p, number + count, time + Int64(count) * 9000, device: 2, address: address(from),
                event: "login", session: "x\(number)")
            return count + 1
        case 2:  // by a VPN
            put(p, number, time, device: 0, address: address(Self.exits), event: "login")
        case 3:  // an intruder's login
            put(
                p, number, time, device: 3, address: address(Self.far), event: "login",
                session: "x\(number)")
        case 4:  // at the same moment at home and far away
            put(p, number, time, device: 0, address: address(p.networks), event: "login")
            put(p, number + 1, time, device: 0, address: address(Self.far), event: "login")
            return 2
        default:  // a new phone at home, then abroad
            p.devices[1] = "d\(number)-new"
            put(p, number, time, device: 1, address: address(p.networks), event: "login")
            put(
                p, number + 1, time + 3_600_000, device: 1, address: address(Self.far),
                event: "session")
            return 2
        }
        return 1
    }

    private mutating func address(_ networks: [String]) -> String {
        let prefix = networks[random.below(networks.count)]
        return random.chance(0.02)
            ? "[2a02:60:12:34::\(random.below(9999))]:443" : "\(prefix).\(1 + random.below(6))"
    }

    private mutating func put(
        _ p: Person, _ number: Int, _ time: Int64, device: Int, address: String, event: String,
        outcome: String = "success", session: String? = nil
    ) {
        var text = "{"
        if p.hasRecordIDs { text += "\"id\":\"e\(number)\"," }
        text += "\"time\":\"\(Timestamp(milliseconds: time).rfc3339)\",\"event\":\"\(event)\","
        text += "\"outcome\":\"\(outcome)\",\"user\":{\"id\":\"\(escaped(p.user.id))\"},"
        let session = session ?? p.session
        if !session.isEmpty { text += "\"session\":{\"id\":\"\(session)\"}," }
        if p.hasDeviceIDs {
            let id = device < 2 ? p.devices[device] : "x\(number % 50)"
            text += "\"device\":{\"id\":\"\(id)\"},"
        }
        let agent = p.agents[device % 3].split(separator: "%", omittingEmptySubsequences: false)
            .joined(separator: "\(140 + number / 4000)")
        text += "\"ip\":\"\(address)\",\"user_agent\":\"\(agent)\""
        if !p.user.tenant.isEmpty { text += ",\"tenant\":\"\(p.user.tenant)\"" }
        text += "}"
        if random.chance(0.01) { text += "\r" }
        var arrival = time
        if random.chance(0.02) { arrival += Int64.random(in: 1...5 * 3_600_000, using: &random) }
        if random.chance(0.002) {
            arrival += Int64.random(in: 7 * 3_600_000...40 * 3_600_000, using: &random)
        }
        lines.append(Line(text: text, time: time, arrival: arrival))
        if random.chance(0.005) {
            lines.append(Line(text: text, time: time, arrival: arrival + 1000))
        }
    }

    private mutating func writeBad(_ time: Int64) {
        let texts = [
            "no JSON at all", "{\"time\":\"2026-03-02T00:00:00Z\",\"user\":{\"id\":\"u1\"}}",
            "{\"time\":\"never\",\"user\":{\"id\":\"u1\"},\"ip\":\"1.2.3.4\"}", "", "[1, 2, 3]",
            "{\"time\":\"2026-03-02T00:00:00Z\",\"user\":{\"id\":\"-\"},\"ip\":\"1.2.3.4\"}",
        ]
        let text = texts[random.below(texts.count)]
        if !text.isEmpty { badCount += 1 }
        lines.append(Line(text: text, time: nil, arrival: time))
    }

    private func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }

    var bytes: [UInt8] { Self.bytes(lines) }

    static func bytes(_ lines: some Sequence<Line>) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in lines {
            bytes += line.text.utf8
            bytes.append(0x0A)
        }
        return bytes
    }
}
