public import SessionModel

/// Scores alerts against the truth.
///
/// A *takeover* is what one attack did to one user with success. It is caught when a standing alert
/// names the user and holds one of its records, or the session to end (and is not older than the
/// attack). An alert is *false* when it holds no attack's record and no attack's session: one about
/// tries that got nowhere is neither a catch nor false.
public struct Scorer {
    private var truth: Truth
    private let alerts: [JudgedAlert]
    private let path: String

    /// Reads both files. Alerts first, since they tell which benign labels are worth keeping.
    public init(truth path: String, alerts alertsPath: String) throws(EvaluationError) {
        alerts = try JudgedAlert.read(path: alertsPath)
        truth = try Truth.read(path: path, keeping: Set(alerts.flatMap(\.last.records)))
        self.path = path
    }

    /// Whether attack lines leave out users, sessions, times or outcomes, which the records have.
    public var needsRecords: Bool { truth.needsRecords }
    public var worldUsers: Int? { truth.worldUsers }
    public var worldDays: Double? { truth.worldDays }

    /// Takes from a record what the truth file leaves out of it.
    public mutating func learn(
        id: String, user: String, session: String, time: Timestamp, outcome: Outcome
    ) {
        truth.learn(id: id, user: user, session: session, time: time, outcome: outcome)
    }

    /// - Parameters:
    ///   - users: all that have records, more than 0.
    ///   - days: that the records span, more than 0.
    public func score(users: Int, days: Double) throws(EvaluationError) -> Score {
        guard users > 0, days > 0 else { throw .unknownSize }
        let (incidents, incidentOfRecord) = truth.incidents()
        var incidentsOfSession: [String: [Int]] = [:]
        for (i, incident) in incidents.enumerated() {
            for session in incident.sessions {
                incidentsOfSession["\(incident.user)\u{0}\(session)", default: []].append(i)
            }
        }
        // Each takeover's best catch: the risk of every alert that has it, and when it first did.
        var catches = [[Catch]](repeating: [], count: incidents.count)
        var falls: [(risk: Int, scenario: String)] = []
        var others = 0
        for alert in alerts {
            var seen: [Int: Timestamp] = [:]
            for revision in alert.revisions {
                for place in matches(alert.user, revision) where seen[place] == nil {
                    seen[place] = revision.time
                }
            }
            let last = alert.last
            let standing = matches(alert.user, last)
            for place in standing where incidents[place].user == alert.user {
                let sessions = incidents[place].sessions
                catches[place].append(
                    Catch(
                        risk: last.risk, time: seen[place] ?? last.time,
                        isRightSession: sessions.contains(last.session),
                        namesSession: sessions.contains(last.session)
                            || last.others.contains { sessions.contains($0) }))
            }
            if standing.isEmpty {
                falls.append((last.risk, scenario(alert)))
            } else if !standing.contains(where: {
                incidents[$0].user == alert.user && incidents[$0].isTakeover != false
            }) {
                others += 1
            }
        }
        return Score(
            users: users, days: days, incidents: incidents, catches: catches, falseAlerts: falls,
            attemptAlerts: others, standing: alerts.map(\.last.risk))

        func matches(_ user: String, _ revision: JudgedAlert.Revision) -> Set<Int> {
            var found: Set<Int> = []
            for record in revision.records {
                if let place = incidentOfRecord[record] { found.insert(place) }
            }
            for session in [revision.session] + revision.others where !session.isEmpty {
                for place in incidentsOfSession["\(user)\u{0}\(session)"] ?? []
                where revision.time >= incidents[place].first ?? .distantPast {
                    found.insert(place)
                }
            }
            return found
        }
    }

    struct Catch {
        var risk: Int
        var time: Timestamp
        var isRightSession: Bool
        var namesSession: Bool
    }

    /// What the deciding record's label says, else its user's.
    private func scenario(_ alert: JudgedAlert) -> String {
        for record in alert.last.records.reversed() {
            if let scenario = truth.scenarioOfRecord[record] { return scenario }
        }
        return truth.scenarioOfUser[alert.user] ?? "unlabelled"
    }
}
