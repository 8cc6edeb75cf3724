import Publishing
import SessionModel

/// What really happened: the labels of a truth file, made whole from the records where it leaves
/// things out.
struct Truth {
    /// What one attack did to one user.
    struct Incident {
        var attack: String
        var kind: String
        var user: String
        /// Sessions to end.
        var sessions: Set<String> = []
        /// Nil until a line or a record tells.
        var isTakeover: Bool?
        var first: Timestamp?
        var records = 0
    }

    /// A line labelled attack.
    struct Entry {
        var attack: Int
        var kind: Int
        /// Nil until a record tells.
        var user: String?
        var session: String?
        var isTakeover: Bool?
        var time: Timestamp?
    }

    private(set) var entries: [String: Entry] = [:]
    private(set) var attacks: [String] = []
    private(set) var kinds: [String] = []
    private(set) var scenarioOfUser: [String: String] = [:]
    private(set) var scenarioOfRecord: [String: String] = [:]
    private(set) var worldUsers: Int?
    private(set) var worldDays: Double?
    /// Whether attack lines lack what records can tell.
    private(set) var needsRecords = false

    /// - Parameter wanted: records whose benign labels are worth keeping; those of the others are
    ///   not, so that memory does not grow with the benign lines.
    static func read(path: String, keeping wanted: Set<String>) throws(EvaluationError) -> Truth {
        guard let file = LineFile(path: path) else {
            throw .badTruth(path: path, line: 0, problem: "cannot be opened. Check the path.")
        }
        var truth = Truth()
        var attackPlaces: [String: Int] = [:]
        var kindPlaces: [String: Int] = [:]
        while let line = file.next() {
            func bad(_ problem: String) -> EvaluationError {
                .badTruth(path: path, line: file.line, problem: problem)
            }
            let value: JSONValue
            do { value = try JSONValue(parsing: line) } catch {
                throw bad(
                    "no JSON object. Write one a line: {\"record\":\"e1\",\"label\":\"attack\",…}.")
            }
            guard case .object = value else { throw bad("not a JSON object. Write one a line.") }
            if let world = value["world"] {
                if let users = world.number("users") {
                    guard (1...1e9).contains(users) else {
                        throw bad("'world.users' is no number of users.")
                    }
                    truth.worldUsers = Int(users)
                }
                truth.worldDays = world.number("days")
                continue
            }
            guard let record = value.text("record"), !record.isEmpty else {
                guard let user = value.text("user"), let scenario = value.text("scenario") else {
                    throw bad("'record' is missing. A line has a record, or a user and a scenario.")
                }
                truth.scenarioOfUser[user] = scenario
                continue
            }
            switch value.text("label") {
            case "benign":
                if wanted.contains(record), let scenario = value.text("scenario") {
                    truth.scenarioOfRecord[record] = scenario
                }
            case "attack":
                guard let attack = value.text("attack"), !attack.isEmpty else {
                    throw bad("an attack without 'attack', its id. Give all its records the same.")
                }
                guard let kind = value.text("kind"), !kind.isEmpty else {
                    throw bad("an attack without 'kind', as \"phished-password\".")
                }
                func place(_ name: String, _ places: inout [String: Int], _ names: inout [String])
                    -> Int
                {
                    if let place = places[name] { return place }
                    places[name] = names.count
                    names.append(name)
                    return names.count - 1
                }
                let entry = Entry(
                    attack: place(attack, &attackPlaces, &truth.attacks),
                    kind: place(kind, &kindPlaces, &truth.kinds), user: value.text("user"),
                    session: value.text("session"), isTakeover: value.flag("takeover"),
                    time: value.text("time").flatMap { Timestamp($0) })
                guard truth.entries.updateValue(entry, forKey: record) == nil else {
                    throw bad("record '\(SafeText.visible(record, limit: 80))' is labelled twice.")
                }
                if entry.user == nil || entry.session == nil || entry.time == nil
                    || entry.isTakeover == nil
                {
                    truth.needsRecords = true
                }
            default:
                throw bad(
                    "'label' is \(value.text("label").map { "'\(SafeText.visible($0, limit: 40))'" } ?? "missing"). Use attack or benign."
                )
            }
        }
        guard file.line > 0 else { throw .nothingToFind(path: path) }
        return truth
    }

    /// Fills in from a record what its line left out.
    mutating func learn(
        id: String, user: String, session: String, time: Timestamp, outcome: Outcome
    ) {
        guard var entry = entries[id] else { return }
        entry.user = entry.user ?? user
        // A session that a failed try names is nobody's.
        entry.session = entry.session ?? (outcome == .failure ? "" : session)
        entry.time = entry.time ?? time
        entry.isTakeover = entry.isTakeover ?? (outcome != .failure)
        entries[id] = entry
    }

    /// One for each attack and user, and which one each record is of.
    func incidents() -> (all: [Incident], ofRecord: [String: Int]) {
        var all: [Incident] = []
        var places: [String: Int] = [:]
        var ofRecord: [String: Int] = [:]
        for (id, entry) in entries.sorted(by: { $0.key < $1.key }) {
            let user = entry.user ?? ""
            let key = "\(entry.attack)|\(user)"
            let place = places[key] ?? all.count
            if place == all.count {
                places[key] = place
                all.append(
                    Incident(attack: attacks[entry.attack], kind: kinds[entry.kind], user: user))
            }
            ofRecord[id] = place
            all[place].records += 1
            if let session = entry.session, !session.isEmpty { all[place].sessions.insert(session) }
            if let says = entry.isTakeover {
                all[place].isTakeover = says || all[place].isTakeover == true
            }
            if let time = entry.time { all[place].first = min(all[place].first ?? time, time) }
        }
        return (all, ofRecord)
    }
}
