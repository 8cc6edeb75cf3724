public import Detection
import Publishing
public import SessionModel
public import StateStore

/// "This was me", said of an alert: the alert is over, and what it names is the user's.
public enum Dismissal {
    /// - Parameter judge: With the rules that are in force, as the user's newest sightings are judged
    ///   again.
    /// - Returns: The alerts that are over or changed by it, the dismissed one among them. When the
    ///   profile no longer knows the alert nothing is learned, and only it is ended.
    /// - Throws: `StateError` when the state is held by another, damaged or full; `ProfileError`.
    public static func dismiss(
        _ alert: Alert, judge: inout Judge, in store: StateStore
    ) throws -> [Alert] {
        var changed: [Alert] = []
        var row: (key: UInt64, bytes: [UInt8])?
        try SessionLookup.withProfile(of: alert.userID, tenant: alert.tenant, in: store) { key, profile in
            judge.restore(&profile)
            judge.emitted.removeAll()
            guard judge.dismiss(alert: alert.id, &profile) else { return }
            changed = judge.emitted
            var codec = ProfileCodec()
            row = (key, Array(codec.encode(&profile)))
            codec.free()
        }
        if !changed.contains(where: { $0.id == alert.id }) {
            var over = alert
            over.status = .retracted
            over.summary = "Dismissed: it was the user. It said: " + alert.summary
            over.recommendations = []
            changed.append(over)
        }
        var user = alert.userID
        var tenant = alert.tenant
        let userKey = tenant.withUTF8 { tenant in
            user.withUTF8 { Sighting.userKey(tenant: TextView(tenant), user: TextView($0)) }
        }
        for i in changed.indices {
            // The state numbers them: the profile may have forgotten, or never have been told.
            changed[i].revision = (try store.alert(id: changed[i].id)?.revision ?? 0) + 1
        }
        try store.commit(isDurable: true) { transaction in
            if let row {
                try row.bytes.withUnsafeBytes {
                    try transaction.putProfile(key: row.key, bytes: $0)
                }
            }
            for alert in changed {
                try transaction.putAlertRevision(
                    AlertRevision(
                        alertID: alert.id, revision: alert.revision,
                        status: alert.status.rawValue, userKey: userKey, tenant: alert.tenant,
                        userID: alert.userID, timeMilliseconds: alert.time.milliseconds,
                        risk: alert.risk, severity: Int(alert.severity.rawValue),
                        json: AlertJSON.bytes(alert)))
            }
        }
        return changed
    }
}
