import Enrichment
import Glibc
import SessionModel

/// Made-up records in the native format: each user has a home, devices and a rhythm; a small share of
/// records comes from a device never seen at a place far away.
struct BenchWorkload {
    var records = 1_000_000
    var users = 50_000
    var days = 30
    /// Share of records that an intruder made.
    var oddShare = 0.003
    var seed: UInt64 = 7
    /// Days after 2026-01-01 that the records begin.
    var firstDay = 0

    private struct Generator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            return mix(state, 77)
        }
        mutating func below(_ n: Int) -> Int {
            Int(truncatingIfNeeded: (next() >> 11) % UInt64(max(1, n)))
        }
        mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
    }

    private struct User {
        /// Home first.
        var addresses: [String]
        var devices: [(id: String, agent: String)]
    }

    private static let agents = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_% like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:%.0) Gecko/20100101 Firefox/%.0",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%.0.0.0 Mobile Safari/537.36",
    ]

    /// Addresses that a database places, by country, near ones together.
    private func pool(_ databases: GeoDatabases, _ random: inout Generator) -> [[String]] {
        let enricher = AddressEnricher(databases)
        var byPlace: [UInt64: [String]] = [:]
        var found = 0
        var tries = 0
        while found < 40_000, tries < 2_000_000 {
            tries += 1
            let address = IPAddress(
                v4: UInt32(truncatingIfNeeded: (1 << 24) + random.below(222 << 24)))
            let facts = enricher.facts(for: address)
            guard facts.isLocated else { continue }
            let cell =
                UInt64(facts.country.rawValue) << 32
                | UInt64(bitPattern: Int64(facts.point.latitude * 2)) << 48
                | UInt64(truncatingIfNeeded: Int64(facts.point.longitude * 2) & 0xFFFF)
            byPlace[cell, default: []].append(address.description)
            found += 1
        }
        return byPlace.keys.sorted().map { byPlace[$0] ?? [] }
    }

    /// Writes the records to a file, in time order, from 2026-01-01 on.
    func write(to path: String, databases: GeoDatabases) throws {
        // The same users for every window of days.
        var random = Generator(state: seed)
        let places = pool(databases, &random)
        guard !places.isEmpty else { throw Misuse("the GeoIP database places no address") }
        // Towns in proportion to their addresses.
        var towns: [Int] = []
        for (i, place) in places.enumerated() { towns += Array(repeating: i, count: place.count) }
        // Users are made anew each time from their number, so that a million take no memory.
        func user(_ number: Int) -> User {
            var own = Generator(state: seed &* 0x9e37_79b9 &+ UInt64(number) &* 0x1_0001)
            let town = places[towns[own.below(towns.count)]]
            let addresses = (0..<3).map { _ in town[own.below(town.count)] }
            let devices = (0...own.below(3)).map { _ in device(&own) }
            return User(addresses: addresses, devices: devices)
        }
        var usedDevices = [UInt8](repeating: 0, count: users)
        guard let file = unsafe fopen(path, "w") else {
            throw Misuse("\(path): cannot be written", exitCode: 73)
        }
        defer { unsafe fclose(file) }
        var buffer: [UInt8] = []
        buffer.reserveCapacity(1 << 20)
        random.state &+= UInt64(firstDay)
        let start =
            Timestamp(year: 2026, month: 1, day: 1).milliseconds + Int64(firstDay) * 86_400_000
        let step = Double(days) * 86_400_000 / Double(max(1, records))
        for i in 0..<records {
            // One record in five is of a few busy users, as everywhere.
            let busy = random.unit() < 0.2
            let u = max(
                0,
                busy
                    ? min(users - 1, Int(pow(1 - random.unit(), -1 / 1.1)) - 1)
                    : random.below(users))
            let user = user(u)
            let which = random.below(user.devices.count)
            var device = user.devices[which]
            var address = user.addresses[random.below(user.addresses.count)]
            // A new device is set up at home.
            if usedDevices[u] & 1 << which == 0 {
                usedDevices[u] |= 1 << which
                address = user.addresses[0]
            }
            if random.unit() < oddShare {
                let town = places[towns[random.below(towns.count)]]
                address = town[random.below(town.count)]
                device = self.device(&random)
            }
            let outcome = random.unit() < 0.95 ? "success" : "failure"
            let time = Timestamp(milliseconds: start + Int64(Double(i) * step))
            buffer += Array(
                #"{"id":"e\#(firstDay)-\#(padded(i, 10))","time":"\#(time.rfc3339)","user":{"id":"u\#(padded(u, 7))","name":"user\#(u)@example.com"},"session":{"id":"s\#(hex(random.next()))"},"event":"login","outcome":"\#(outcome)","ip":"\#(address)","device":{"id":"\#(device.id)"},"user_agent":"\#(device.agent)"}"#
                    .utf8)
            buffer.append(0x0A)
            if buffer.count > 1 << 20 || i == records - 1 {
                guard unsafe fwrite(buffer, 1, buffer.count, file) == buffer.count else {
                    throw Misuse("\(path): the disk is full", exitCode: 74)
                }
                buffer.removeAll(keepingCapacity: true)
            }
        }
        // On the disk before anything is measured: the system would write it meanwhile.
        guard unsafe fflush(file) == 0, unsafe fsync(fileno(file)) == 0 else {
            throw Misuse("\(path): the disk is full", exitCode: 74)
        }
    }

    private func device(_ random: inout Generator) -> (id: String, agent: String) {
        let agent = Self.agents[random.below(Self.agents.count)]
        let version = String(100 + random.below(30))
        return (
            "d" + hex(random.next()).suffix(12),
            agent.split(separator: "%", omittingEmptySubsequences: false).joined(separator: version)
        )
    }

    private func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
