public import Enrichment
public import SessionModel
import Publishing

/// A labelled world: people who live, travel and lose cookies, and intruders among them, as native
/// records in time order with the truth about each.
///
/// - The same options and databases give the same bytes.
/// - Memory: some 17 kB a user, most of it two days of records; it does not grow with the days.
/// - Cost: about 2.5 µs a record beside the first second, which places addresses.
public struct World {
    public struct Options: Sendable {
        public var users: Int
        public var days: Int
        public var seed: UInt64
        /// Takeovers in all, for each 1000 users.
        public var attacksPer1000Users: Double
        /// Midnight (UTC) at which it begins.
        public var start: Timestamp

        public init(
            users: Int, days: Int, seed: UInt64 = 1, attacksPer1000Users: Double = 150,
            start: Timestamp = Timestamp(year: 2025, month: 10, day: 1)
        ) {
            self.users = users
            self.days = days
            self.seed = seed
            self.attacksPer1000Users = attacksPer1000Users
            self.start = start
        }
    }

    /// What was written.
    public struct Size: Sendable, Equatable {
        public var records = 0
        public var attackRecords = 0
        public var takeovers = 0
        /// Attacks of all kinds, also those that got nowhere.
        public var attacks = 0
    }

    private let options: Options
    private let life: Life
    private var raiders: Raiders
    private var people: [Person] = []

    public init(_ options: Options, databases: GeoDatabases) throws(EvaluationError) {
        self.options = options
        let atlas = try Atlas(databases, seed: options.seed)
        let providers = Providers(atlas, users: options.users, seed: options.seed)
        life = Life(
            atlas: atlas, providers: providers, days: options.days,
            start: options.start.milliseconds, seed: options.seed)
        raiders = Raiders(
            atlas, providers, start: options.start.milliseconds, days: options.days,
            seed: options.seed)
        populate()
        let takeovers = Double(options.users) * options.attacksPer1000Users / 1000
        raiders.assign(Int(takeovers.rounded()), to: people)
    }

    /// The kinds of the world's networks, in the form that `--networks` reads.
    public var networks: String { life.providers.list() }

    private mutating func populate() {
        var random = SeededRandom(options.seed, 6)
        for number in 0..<options.users {
            var draw = random.below(100)
            var persona = Persona.ordinary
            for (kind, share) in Persona.shares {
                if draw < share {
                    persona = kind
                    break
                }
                draw -= share
            }
            people.append(
                Person(
                    number, persona: persona, atlas: life.atlas, providers: life.providers,
                    days: options.days, seed: options.seed))
        }
        // Those who share a computer do so two by two, and live together.
        var waiting: Person?
        for person in people where person.persona == .sharedComputer {
            guard let first = waiting else {
                waiting = person
                continue
            }
            if let a = first.laptop, let b = person.laptop {
                person.devices[b] = first.devices[a]
                person.home = first.home
            }
            waiting = nil
        }
    }

    /// Writes all records and the truth, a day at a time.
    public mutating func write(
        records: (borrowing [UInt8]) throws -> Void, truth: (borrowing [UInt8]) throws -> Void
    ) throws -> Size {
        var size = Size()
        var later: [Happening] = []
        var lines: [UInt8] = []
        var truths: [UInt8] = []
        TruthLine.world(users: options.users, days: options.days, seed: options.seed, into: &truths)
        for person in people {
            TruthLine.person(person.id, scenario: person.persona.rawValue, into: &truths)
        }
        var ids = SeededRandom(options.seed, 7)
        var order = 0
        var struck: Set<Int> = []
        // A local day begins up to 14 hours before the UTC day of its date, and one day ahead is
        // therefore planned before a UTC day is written.
        for day in 0...options.days {
            if day < options.days {
                for person in people {
                    var own: [Happening] = []
                    life.plan(person, day: day, into: &own)
                    raid(person, day, &own)
                    for index in own.indices {
                        own[index].order = order
                        order += 1
                    }
                    later += own
                }
            }
            let end = options.start.milliseconds + Int64(day) * Life.day
            var now = later.filter { $0.time < end || day == options.days }
            later.removeAll { $0.time < end || day == options.days }
            now.sort { ($0.time, $0.user, $0.order) < ($1.time, $1.user, $1.order) }
            for record in now
            where record.time < options.start.milliseconds + Int64(options.days) * Life.day {
                let id = ids.token()
                RecordLine.write(record, id: id, person: people[record.user], into: &lines)
                size.records += 1
                switch record.label {
                case .none: break
                case .benign(let scenario):
                    TruthLine.benign(id, scenario, user: people[record.user].id, into: &truths)
                case .attack(let number):
                    size.attackRecords += 1
                    struck.insert(number)
                    TruthLine.attack(
                        id, record, raiders.truths[number], user: people[record.user].id,
                        into: &truths)
                }
                if lines.count > 1 << 18 {
                    try records(lines)
                    lines.removeAll(keepingCapacity: true)
                }
            }
            try truth(truths)
            truths.removeAll(keepingCapacity: true)
        }
        try records(lines)
        size.takeovers = struck.count { raiders.truths[$0].succeeds }
        size.attacks = Set(struck.map { raiders.truths[$0].attack }).count
        return size
    }

    private mutating func raid(_ person: Person, _ day: Int, _ own: inout [Happening]) {
        let from = life.midnight(person, day)
        let isDue = { (strike: Strike) in strike.time < from + Life.day }
        guard person.strikes.contains(where: isDue) else { return }
        var raid = Raid(life, person, day: day, own: own)
        var waiting: [Strike] = []
        for var strike in person.strikes {
            guard isDue(strike) else {
                waiting.append(strike)
                continue
            }
            if raid.carryOut(&strike) {
                raiders.name(session: strike.session, of: strike.number)
            } else {
                strike.time += Life.day
                waiting.append(strike)
            }
        }
        person.strikes = waiting
        own += raid.made
    }
}
