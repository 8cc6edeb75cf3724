import Detection
import Publishing
import SessionModel
import StateStore

enum Confirmation {
    static func confirm(_ alert: Alert, judge: inout Judge, in store: StateStore) throws -> [Alert] {
        var confirmed = alert
        confirmed.status = .confirmed
        var (user, tenant) = (alert.userID, alert.tenant)
        let key = tenant.withUTF8 { tenant in
            user.withUTF8 { Sighting.userKey(tenant: TextView(tenant), user: TextView($0)) }
        }
        confirmed.revision = (try store.alert(id: alert.id)?.revision ?? 0) + 1
        let row = AlertRevision(
            alertID: confirmed.id, revision: confirmed.revision,
            status: confirmed.status.rawValue, userKey: key, tenant: alert.tenant,
            userID: alert.userID, timeMilliseconds: alert.time.milliseconds, risk: alert.risk,
            severity: Int(alert.severity.rawValue), json: AlertJSON.bytes(confirmed))
        try store.commit(isDurable: true) { try $0.putAlertRevision(row) }
        return [confirmed]
    }
}
