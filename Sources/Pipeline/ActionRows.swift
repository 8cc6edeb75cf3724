import Response
import SessionModel
import StateStore

enum StoreOutbox {
    static func row(for a: PlannedAction, alertRevision: Int, createdAt now: Timestamp) -> ActionRow {
        ActionRow(id: a.id, alertID: a.alertID, alertRevision: alertRevision, tenant: a.tenant, userID: a.userID, sessionID: a.sessionID, kind: a.kind.name, target: a.target, connector: a.connector, state: a.state.rawValue, createdMilliseconds: now.milliseconds, updatedMilliseconds: now.milliseconds)
    }
}
