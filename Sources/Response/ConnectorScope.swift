public import SessionModel

/// What planning has to know of a connector: what it can do, in which order, and for which alerts.
public struct ConnectorScope: Sendable, Equatable {
    public var name: String
    public var abilities: [Rung: ConnectorAbility]
    public var order: StepOrder
    /// Only alerts of these; empty for all.
    public var applications: [String]
    public var tenants: [String]
    /// Whether a file gave it its name, which then belongs to its actions' ids.
    public var isNamed: Bool

    public init(
        name: String, abilities: [Rung: ConnectorAbility], order: StepOrder = .sessionsFirst,
        applications: [String] = [], tenants: [String] = [], isNamed: Bool = false
    ) {
        self.name = name
        self.abilities = abilities
        self.order = order
        self.applications = applications
        self.tenants = tenants
        self.isNamed = isNamed
    }

    /// A connector that options set up, for all alerts.
    public init(_ connector: any Connector) {
        self.init(
            name: connector.name, abilities: connector.abilities, order: connector.order)
    }

    /// A connector of a file.
    public init(_ configured: ConfiguredConnector) {
        self.init(
            name: configured.connector.name, abilities: configured.abilities,
            order: configured.connector.order, applications: configured.applications,
            tenants: configured.tenants, isNamed: true)
    }

    func isFor(_ alert: Alert) -> Bool {
        (applications.isEmpty || applications.contains(alert.application))
            && (tenants.isEmpty || tenants.contains(alert.tenant))
    }
}
