public import SessionModel
public import Settings
internal import Yams

/// A connector of the file, and which steps it is for.
public struct ConfiguredConnector: Sendable {
    public var connector: any Connector
    public var kind: ConnectorKind
    /// Only alerts of these applications; empty for all.
    public var applications: [String]
    /// Only alerts of these tenants; empty for all.
    public var tenants: [String]
    /// Only these of its abilities; nil for all.
    public var steps: Set<Rung>?

    public init(
        _ connector: any Connector, kind: ConnectorKind, applications: [String] = [],
        tenants: [String] = [], steps: Set<Rung>? = nil
    ) {
        self.connector = connector
        self.kind = kind
        self.applications = applications
        self.tenants = tenants
        self.steps = steps
    }

    /// What it can do and may be asked for.
    public var abilities: [Rung: ConnectorAbility] {
        guard let steps else { return connector.abilities }
        return connector.abilities.filter { steps.contains($0.key) }
    }

    /// Whether alerts of the application and tenant are for it. Names are compared as they are.
    public func isFor(application: String, tenant: String) -> Bool {
        (applications.isEmpty || applications.contains(application))
            && (tenants.isEmpty || tenants.contains(tenant))
    }
}

/// Reads `connectors.yaml`: where sessions live, how to reach it and with which credential.
///
/// ```yaml
/// connectors:
///   - name: okta-main          # default: the kind
///     kind: okta
///     url: https://example.okta.com
///     token: {env: OKTA_TOKEN} # or {file: /path} or {command: [/usr/bin/pass, show, okta]}
///     timeout_seconds: 20
///     applications: [mail]     # only alerts of these
///     tenants: [acme]
///     steps: [log-out-session, require-password-change]
/// ```
///
/// A secret itself is never a value of the file.
public enum ConnectorFile {
    /// At most so many connectors in one file.
    public static let connectorLimit = 64

    /// The keys that every connector has.
    static let commonKeys = [
        "name", "kind", "timeout_seconds", "applications", "tenants", "steps",
    ]

    /// In the order of the file. Throws everything that is wrong with it.
    ///
    /// Reads the variables, and looks at the files and programs, that credentials come from; calls no
    /// target and runs no program.
    ///
    /// - Parameter environment: a variable's value; `getenv` by default.
    public static func read(
        _ path: String,
        environment: @escaping @Sendable (String) -> String? = SecretSource.variable
    ) throws(SettingsError) -> [ConfiguredConnector] {
        let log = ProblemLog(file: path)
        var found: [ConfiguredConnector] = []
        if let text = SettingsFile.text(of: path, log: log) {
            found = connectors(in: text, log: log, environment: environment)
        }
        guard log.isClean else { throw SettingsError(log.problems) }
        return found
    }

    static func connectors(
        in text: String, log: ProblemLog, environment: @escaping @Sendable (String) -> String?
    ) -> [ConfiguredConnector] {
        guard let root = YAMLDocument.root(of: text, content: "'connectors:'", log: log),
            let fields = FieldReader(root, name: "the file", keys: ["connectors"], log: log),
            let list = fields.required("connectors", because: "a list of where to end sessions"),
            let items = fields.items(of: list, key: "connectors", limit: connectorLimit)
        else { return [] }
        var found: [ConfiguredConnector] = []
        var names: Set<String> = []
        for item in items {
            guard let one = connector(item, log: log, environment: environment) else { continue }
            if names.insert(one.connector.name).inserted {
                found.append(one)
            } else {
                log.add(
                    "There are two connectors named '\(shown(one.connector.name))'. Give each a "
                        + "'name' of its own.", at: item)
            }
        }
        if items.isEmpty {
            log.add("'connectors' is empty. Write one, or remove the file.", at: list)
        }
        return found
    }

    private static func connector(
        _ item: Node, log: ProblemLog, environment: @escaping @Sendable (String) -> String?
    ) -> ConfiguredConnector? {
        guard let kind = kind(of: item, log: log) else { return nil }
        let maker = kind.maker
        guard
            let fields = FieldReader(
                item, name: "the \(kind.rawValue) connector", keys: commonKeys + maker.keys,
                log: log)
        else { return nil }
        let count = log.problems.count
        let name = name(in: fields, kind: kind, log: log)
        let settings = ConnectorSettings(
            name: name, kind: kind, fields: fields, log: log,
            timeoutSeconds: seconds(in: fields), environment: environment)
        let connector = maker.make(settings, log)
        let applications = fields.texts("applications") ?? []
        let tenants = fields.texts("tenants") ?? []
        var configured = connector.map {
            ConfiguredConnector($0, kind: kind, applications: applications, tenants: tenants)
        }
        configured?.steps = steps(in: fields, of: connector, log: log)
        if connector == nil, log.problems.count == count {
            log.add("This \(kind.rawValue) connector cannot be set up.", at: item)
        }
        return configured
    }

    /// Read before the rest, since it decides which keys there are.
    private static func kind(of item: Node, log: ProblemLog) -> ConnectorKind? {
        guard case .mapping(let pairs) = item else {
            log.add("A connector must be a mapping of 'key: value' lines.", at: item)
            return nil
        }
        let names = ConnectorKind.allCases.map(\.rawValue)
        for (key, value) in pairs {
            guard case .scalar(let word) = key, word.string == "kind" else { continue }
            guard case .scalar(let scalar) = value,
                let kind = ConnectorKind(rawValue: scalar.string)
            else {
                let text = if case .scalar(let scalar) = value { scalar.string } else { "" }
                log.add(
                    "'kind' is '\(shown(text))'."
                        + (nearestWord(to: text, among: names).map { " Did you mean '\($0)'?" }
                            ?? " Use \(alternatives(names))."),
                    at: value)
                return nil
            }
            return kind
        }
        log.add("The connector has no 'kind'. Add it: \(alternatives(names)).", at: item)
        return nil
    }

    private static func name(
        in fields: FieldReader, kind: ConnectorKind, log: ProblemLog
    ) -> String {
        guard let node = fields.value("name"),
            let text = fields.text(of: node, key: "name", limit: 64)
        else { return kind.rawValue }
        let isPlain = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
        }
        if !isPlain {
            log.add(
                "'name' is '\(shown(text))'. Use letters, digits, '-', '.' and '_' of ASCII only.",
                at: node)
        }
        return text
    }

    private static func seconds(in fields: FieldReader) -> Int {
        guard let node = fields.value("timeout_seconds") else {
            return ConnectorSettings.standardTimeoutSeconds
        }
        let value = fields.number(
            "timeout_seconds", of: node, in: 1...300, unit: "seconds", isWhole: true)
        return value.map { Int($0) } ?? ConnectorSettings.standardTimeoutSeconds
    }

    private static func steps(
        in fields: FieldReader, of connector: (any Connector)?, log: ProblemLog
    ) -> Set<Rung>? {
        guard let node = fields.value("steps"), let items = fields.items(of: node, key: "steps")
        else { return nil }
        var steps: Set<Rung> = []
        for item in items {
            guard
                let rung = fields.word(
                    "steps", of: item, among: Rung.allCases.map(\.name), make: { Rung(name: $0) })
            else { continue }
            if let connector, connector.abilities[rung] == nil {
                let able = Rung.allCases.filter { connector.abilities[$0] != nil }.map(\.name)
                log.add(
                    "This connector cannot do '\(rung.name)'. It can do \(alternatives(able)).",
                    at: item)
            }
            steps.insert(rung)
        }
        if items.isEmpty {
            log.add("'steps' is empty. Name some, or remove it to allow all.", at: node)
        }
        return steps
    }
}
