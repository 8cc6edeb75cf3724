import SessionModel

@testable import Response

extension Alert {
    /// An impossible trip of a session, as sure and risky as can be unless told otherwise.
    static func sample(
        id: String = "a-0123456789abcdef", status: Status = .open, userID: String = "u1",
        userName: String = "ann@example.com", sessionID: String = "s1",
        otherSessionIDs: [String] = [], deviceID: String = "d1",
        deviceLabel: String = "Chrome on Windows",
        place: Place = Place(city: "Oslo", country: "NO"),
        network: Network = Network(address: "81.2.69.142", asn: 64500), risk: Int = 95,
        rung: Rung = .requirePasswordChange, rules: [String] = ["impossible-travel"],
        confidence: Confidence = .certain, title: String = "Impossible travel",
        summary: String = "Too far."
    ) -> Alert {
        let time = Timestamp(year: 2026, month: 3, day: 1, hour: 8, minute: 15)
        return Alert(
            id: id, revision: 1, status: status, time: time, tenant: "acme", userID: userID,
            userName: userName, sessionID: sessionID, otherSessionIDs: otherSessionIDs,
            deviceID: deviceID, deviceLabel: deviceLabel, place: place, network: network,
            risk: risk, severity: Severity(risk: risk), title: title, summary: summary, rung: rung,
            findings: rules.map {
                Finding(
                    rule: $0, severity: .high, confidence: confidence, time: time, records: ["e1"],
                    evidence: [], silencedBy: "speed_limit_kmh >= 5400", sentence: "Too far.")
            })
    }
}

extension PlannedAction {
    /// A planned log-out of one session.
    static func sample(
        user: String = "u1", session: String = "s1", connector: String = "test"
    ) -> PlannedAction {
        let id = PlannedAction.id(
            alertID: "a-\(user)-\(session)", kind: .logOutSession, target: "session \(session)")
        return PlannedAction(
            id: id, alertID: "a-\(user)-\(session)", kind: .logOutSession, tenant: "acme",
            userID: user, userName: "", sessionID: session,
            time: Timestamp(milliseconds: 1_772_352_900_000), connector: connector,
            state: .planned, note: "", data: #"{"action_id":"\#(id)"}"#)
    }
}

/// Where the tests' clock begins.
let epoch = Timestamp(milliseconds: 1_800_000_000_000)

/// SplitMix64, for tests that print their seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// An outbox in memory. `commitFault` says for the number of a commit whether to stop before or after
/// it, as a kill would.
final class MemoryOutbox: ActionOutbox {
    enum Fault { case before, after }

    var isExclusive = true
    var actions: [OutboxAction] = []
    var journal: [JournalEntry] = []
    var withdrawn: [String: String] = [:]
    var breakerState = UserBreakerState()
    var users: Int?
    var commitFault: (Int) -> Fault? = { _ in nil }
    private var commits = 0

    init(_ planned: [PlannedAction] = [], at time: Timestamp = epoch) {
        for action in planned {
            actions.append(
                OutboxAction(sequence: Int64(actions.count + 1), planned: action, due: time))
        }
    }

    func openActions(limit: Int) -> [OutboxAction] {
        Array(actions.filter(\.state.isOpen).prefix(limit))
    }

    func actions(in states: [ActionState], limit: Int) -> [OutboxAction] {
        Array(actions.filter { states.contains($0.state) }.prefix(limit))
    }

    func starts(since time: Timestamp) -> [ActionStart] {
        actions.compactMap { ActionStart($0) }.filter { $0.time >= time }
            .sorted { $0.time < $1.time }
    }

    func standing(of action: OutboxAction) -> AlertStanding {
        withdrawn[action.planned.alertID].map { .withdrawn(reason: $0) } ?? .stands
    }

    func breaker() -> UserBreakerState { breakerState }

    func setBreaker(_ state: UserBreakerState, journal draft: JournalDraft) {
        breakerState = state
        journal.append(draft.chained(after: journal.last))
    }

    func knownUsers() -> Int? { users }

    /// Each change counts as a commit, so that a fault can come between two of a batch.
    func commit(_ changes: [OutboxChange]) throws(ResponseError) -> [Bool] {
        var isTaken: [Bool] = []
        for change in changes {
            isTaken.append(
                try commit(change.new, replacing: change.old, journal: change.draft))
        }
        return isTaken
    }

    private func commit(
        _ new: OutboxAction, replacing old: OutboxAction, journal draft: JournalDraft
    ) throws(ResponseError) -> Bool {
        commits += 1
        let fault = commitFault(commits)
        if fault == .before { throw .outbox(reason: "killed before the commit") }
        guard let index = actions.firstIndex(where: { $0.sequence == old.sequence }),
            actions[index].state == old.state, actions[index].attempts == old.attempts
        else { return false }
        actions[index] = new
        journal.append(draft.chained(after: journal.last))
        if fault == .after { throw .outbox(reason: "killed after the commit") }
        return true
    }

    func state(_ session: String) -> ActionState? {
        actions.first { $0.planned.sessionID == session }?.state
    }
}

/// A connector that answers as told and remembers what it was asked.
final class ScriptedConnector: Connector, @unchecked Sendable {
    let name: String
    let timeLimitSeconds = 20
    private(set) var calls: [String] = []
    var answer: (PlannedAction, Int) -> ConnectorAnswer

    /// `answer` gets the action and the number of the call, from 1.
    init(
        name: String = "test",
        answer: @escaping (PlannedAction, Int) -> ConnectorAnswer = { _, _ in
            ConnectorAnswer(.done, detail: "ok")
        }
    ) {
        self.name = name
        self.answer = answer
    }

    var abilities: [Rung: ConnectorAbility] { ConnectorAbility.all }

    func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        calls.append(action.id)
        return answer(action, calls.count)
    }
}
