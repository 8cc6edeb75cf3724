public import Detection
public import StateStore

/// The settings of the newest run over a state that judging again has to share: a verdict on an alert
/// comes without them.
public struct RunSettings: Sendable, Equatable {
    /// How late a record may come, ms.
    public var latenessMilliseconds: Int64
    /// Alerts of less risk are told to nobody; 0 through 100.
    public var alertRisk: Int

    public init(
        latenessMilliseconds: Int64 = 6 * 3_600_000, alertRisk: Int = Judge.usualAlertRisk
    ) {
        self.latenessMilliseconds = latenessMilliseconds
        self.alertRisk = alertRisk
    }

    private static let latenessKey = "lateness_ms"
    private static let riskKey = "alert_risk"

    /// Those of the newest run; the usual ones where there was none, or where they are damaged.
    public init(of store: StateStore) throws {
        self.init()
        if let text = try store.meta(Self.latenessKey), let value = Int64(text), value >= 0 {
            latenessMilliseconds = value
        }
        if let text = try store.meta(Self.riskKey), let value = Int(text),
            (0...100).contains(value)
        {
            alertRisk = value
        }
    }

    func put(_ transaction: inout StateTransaction) throws {
        try transaction.setMeta(key: Self.latenessKey, value: String(latenessMilliseconds))
        try transaction.setMeta(key: Self.riskKey, value: String(alertRisk))
    }
}
