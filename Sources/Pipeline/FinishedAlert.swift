import Publishing
import Response
import SessionModel
import StateStore

/// An alert as it goes out: with the steps for a person and those that are planned, in its written form.
struct FinishedAlert {
    var published: Outputs.Published
    var row: AlertRevision
    var actions: [PlannedAction]

    init(_ alert: Alert, _ planner: ActionPlanner) {
        var alert = alert
        actions = []
        if alert.status.stands {
            actions = planner.plan(for: alert)
            alert.recommendations = Recommendations.steps(for: alert, actions: actions)
            alert.actions = actions.map(\.summary)
        }
        published = Outputs.Published(alert)
        var tenant = alert.tenant
        var user = alert.userID
        let key = tenant.withUTF8 { tenant in
            user.withUTF8 { Sighting.userKey(tenant: TextView(tenant), user: TextView($0)) }
        }
        row = AlertRevision(
            alertID: alert.id, revision: alert.revision, status: alert.status.rawValue,
            userKey: key, tenant: alert.tenant, userID: alert.userID,
            timeMilliseconds: alert.time.milliseconds, risk: alert.risk,
            severity: Int(alert.severity.rawValue), json: published.json)
    }

    /// Whether outputs get it: not what is below the bar.
    var isTold: Bool { published.alert.status != .silenced }

    /// Puts the revision and its actions into a commit; the revision's sequence.
    func put(
        at now: Timestamp, in transaction: inout StateTransaction
    ) throws -> Int64 {
        let sequence = try transaction.putAlertRevision(row)
        for action in actions {
            // The id says whether it is there: an amended alert plans nothing twice.
            try StoreOutbox.put(
                action, alertRevision: row.revision, at: now, in: &transaction)
        }
        return sequence
    }
}
