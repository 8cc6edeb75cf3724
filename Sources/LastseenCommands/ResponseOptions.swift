public import ArgumentParser
import Glibc
import Pipeline
import Publishing
public import Response
import RuleBook
import SessionModel
import StateStore

extension ConnectorKind: ExpressibleByArgument {
    /// Those that options alone set up; the others need a file.
    public init?(argument: String) {
        guard ConnectorKind.allValueStrings.contains(argument) else { return nil }
        self.init(rawValue: argument)
    }

    public static var allValueStrings: [String] { [webhook.rawValue, exec.rawValue] }
}

/// When Lastseen may act itself: what is planned, and for whom never.
struct PolicyOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The least risk, 0 to 100, for a step of Lastseen's own that rules ask for. Default: 80.",
            valueName: "risk"))
    var actRisk: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The least risk, 0 to 100, for a change of password that rules ask for. Default: 90.",
            valueName: "risk"))
    var passwordRisk: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The policy (YAML): how far to go for which alerts. Other options come before its settings. 'lastseen respond check' checks it.",
            valueName: "file"))
    var policy: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Which users are in which groups: CSV (user,group), YAML (group: [users]) or LDIF.",
            valueName: "file"))
    var groups: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A user for whom nothing is ever done, by id or name; 'svc-*' is all that begin so. May be repeated.",
            valueName: "user"))
    var protect: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("A file of such users, one a line.", valueName: "file"))
    var protectFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How steps are carried out: webhook or exec. Default: by which of --webhook and --exec is given.",
            valueName: "kind"))
    var connector: ConnectorKind?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The https URL that steps are sent to, signed by the Standard Webhooks scheme.",
            valueName: "url"))
    var webhook: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A program that steps are given to, as JSON on its standard input. Never run by a shell.",
            valueName: "program"))
    var exec: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The file of connectors (YAML): where sessions are ended. 'lastseen respond connectors' lists them.",
            valueName: "file"))
    var connectors: String?

    /// The file's policy, or the one that is built in, with what the options say in the place of
    /// either's settings.
    ///
    /// A file of groups that cannot be read stops acting, not the run.
    ///
    /// - Parameter families: the family of each rule's id, which a file is checked by; nil to leave
    ///   that out.
    func policy(
        isActing: Bool, families: [String: String]? = nil, mayLackGroups: Bool = false
    ) throws -> ResponsePolicy {
        var policy = try ResponsePolicy(
            isActing: isActing,
            protectedUsers: try ProtectedUsers(protect + (try protectedInFile())), connector: kind)
        if let path = self.policy {
            policy = try PolicyFile.read(path, families: families).applied(to: policy)
        }
        policy.actRisk = actRisk ?? policy.actRisk
        policy.passwordRisk = passwordRisk ?? policy.passwordRisk
        if let groups {
            do {
                policy.groups = try GroupsFile.read(groups)
            } catch {
                policy.groupsFault = "\(error)"
            }
        } else if policy.needsGroups, !mayLackGroups {
            throw Misuse("the policy names groups: say who is in them with --groups FILE")
        }
        return policy
    }

    /// Whether it is said how steps are carried out.
    var hasConnector: Bool { webhook != nil || exec != nil || connectors != nil }

    /// What planning has to know of the connectors that are set up; of those that options name only
    /// the name is needed, so that a plan can be looked at without their secrets.
    func scopes() throws -> [ConnectorScope] {
        var scopes: [ConnectorScope] = []
        if webhook != nil || exec != nil {
            scopes.append(ConnectorScope(name: kind.rawValue, abilities: ConnectorAbility.all))
        }
        if let connectors {
            scopes += try ConnectorFile.read(connectors).map { ConnectorScope($0) }
        }
        return scopes
    }

    var kind: ConnectorKind { connector ?? (exec != nil && webhook == nil ? .exec : .webhook) }

    func validate() throws {
        for (name, value) in [("--act-risk", actRisk), ("--password-risk", passwordRisk)] {
            guard let value, !(0...100).contains(value) else { continue }
            throw ValidationError("\(name) is \(value). Use 0 to 100.")
        }
        if connector == nil, webhook != nil, exec != nil {
            throw ValidationError(
                "--webhook and --exec are both given. Say which one with --connector.")
        }
    }

    /// The most bytes of a file of protected users.
    private static let fileLimit = 16 << 20

    /// A file that cannot be read stops the run: who is in it must not be acted upon.
    private func protectedInFile() throws -> [String] {
        guard let protectFile else { return [] }
        guard let file = unsafe fopen(protectFile, "re") else {
            throw Misuse(
                "\(protectFile): \(unsafe String(cString: strerror(errno))). Give a file of users, one"
                    + " a line.", exitCode: 66)
        }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= PolicyOptions.fileLimit else {
                throw Misuse("\(protectFile): is longer than 16 MiB", exitCode: 78)
            }
        }
        guard unsafe ferror(file) == 0 else {
            throw Misuse("\(protectFile): cannot be read", exitCode: 66)
        }
        return bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// What Lastseen may do itself, and how it reaches what does it.
struct ResponseOptions: ParsableArguments {
    @Flag(
        name: .long,
        help: "Carry out planned log-outs and password changes. Without it, all is a dry run.")
    var act = false

    @OptionGroup var policies: PolicyOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file of signing secrets ('whsec_…'), which others must not be able to read.",
            valueName: "file"))
    var webhookSecretFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The environment variable of the signing secrets. Default: LASTSEEN_WEBHOOK_SECRET.",
            valueName: "name"))
    var webhookSecretEnv: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Trust the certificates in this PEM file, and no others.", valueName: "file"))
    var webhookCa: String?

    @Flag(
        name: .long, help: "Let the webhook be at a private or loopback address, and http: there.")
    var webhookAllowPrivate = false

    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: ArgumentHelp("An argument of the program. May be repeated.", valueName: "text"))
    var execArg: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "An environment variable that the program is handed on. May be repeated.",
            valueName: "name"))
    var execEnv: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("How long the program may take, in seconds.", valueName: "seconds"))
    var execTimeout = 20.0

    @Option(
        name: .long,
        help: ArgumentHelp("The most calls of one run. Default: 100.", valueName: "count"))
    var maxPerRun: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The most actions begun in any 60 minutes. Default: 200.", valueName: "count"))
    var maxPerHour: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The most actions begun in any 24 hours. Default: 1000.", valueName: "count"))
    var maxPerDay: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The most actions begun for one user in any 60 minutes. Default: 6.",
            valueName: "count"))
    var maxPerUser: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The most actions begun for one application in any 60 minutes. Default: 200.",
            valueName: "count"))
    var maxPerApplication: Int?

    func validate() throws {
        for (name, value) in [
            ("--max-per-run", maxPerRun), ("--max-per-hour", maxPerHour),
            ("--max-per-day", maxPerDay), ("--max-per-user", maxPerUser),
            ("--max-per-application", maxPerApplication),
        ] {
            guard let value, !(0...100_000).contains(value) else { continue }
            throw ValidationError("\(name) is \(value). Use 0 to 100000.")
        }
        guard execTimeout >= 0.001, execTimeout <= 300 else {
            throw ValidationError("--exec-timeout is \(execTimeout). Use 0.001 to 300 seconds.")
        }
        if webhookSecretFile != nil, webhookSecretEnv != nil {
            throw ValidationError(
                "--webhook-secret-file and --webhook-secret-env are both given. Use one.")
        }
        guard act else { return }
        switch policies.kind {
        case .webhook where policies.webhook == nil && policies.connectors == nil:
            throw ValidationError(
                "--act needs something to act by: --connectors FILE, --webhook URL, or --exec PROGRAM."
            )
        case .exec where policies.exec == nil:
            throw ValidationError("--connector exec needs --exec PROGRAM.")
        default: break
        }
    }

    func policy(
        isActing: Bool? = nil, families: [String: String]? = nil
    ) throws -> ResponsePolicy {
        var policy = try policies.policy(isActing: isActing ?? act, families: families)
        policy.caps = try ActionCaps(
            perRun: maxPerRun ?? policy.caps.perRun, perHour: maxPerHour ?? policy.caps.perHour,
            perDay: maxPerDay ?? policy.caps.perDay,
            perUserPerHour: maxPerUser ?? policy.caps.perUserPerHour,
            perApplicationPerHour: maxPerApplication ?? policy.caps.perApplicationPerHour)
        return policy
    }

    /// The policy with what is set up to carry it out, for a run under these rules.
    func planner(_ book: RuleBook, isActing: Bool? = nil) throws -> ActionPlanner {
        let policy = try policy(isActing: isActing, families: book.families)
        return ActionPlanner(
            policy: policy, connectors: try policies.scopes(), families: book.families)
    }

    /// Those that are set up. Throws when a secret, program or URL cannot be used.
    func connectors() throws -> [any Connector] {
        var found: [any Connector] = []
        if let url = policies.webhook {
            let secrets: SecretSource =
                webhookSecretFile.map { .file($0) }
                ?? .environment(webhookSecretEnv ?? "LASTSEEN_WEBHOOK_SECRET")
            found.append(
                try WebhookConnector(
                    WebhookOptions(
                        url: url, secrets: try secrets.webhookSecrets(), caFile: webhookCa,
                        allowsPrivate: webhookAllowPrivate)))
        }
        if let program = policies.exec {
            found.append(
                try ExecConnector(
                    ExecOptions(
                        program: ResponseOptions.absolute(program), arguments: execArg,
                        variables: execEnv,
                        limitMilliseconds: Int((execTimeout * 1000).rounded()))))
        }
        if let file = policies.connectors {
            for configured in try ConnectorFile.read(file) {
                guard !found.contains(where: { $0.name == configured.connector.name }) else {
                    throw Misuse(
                        "\(file) has a connector named '\(configured.connector.name)', and an option"
                            + " sets up another: give it another name")
                }
                found.append(configured.connector)
            }
        }
        return found
    }

    /// The program is run in '/', where a relative path would mean something else.
    private static func absolute(_ path: String) -> String {
        guard path.contains("/"), !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else {
            return path
        }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }

    /// Carries out what is planned, at the end of an analysis, and says what was done. What goes wrong
    /// is said, and changes nothing else: it stays in the outbox.
    func apply(_ store: StateStore, _ connectors: [any Connector], _ planner: ActionPlanner) {
        do {
            var runner = ActionRunner(
                policy: planner.policy, connectors: connectors, width: ActionRunner.usualWidth)
            var random = SystemRandomNumberGenerator()
            let outbox = StoreOutbox(store, planner: planner) { try? AlertJSON.read($0) }
            try outbox.settle(connectors, at: wallTime())
            let report = try runner.apply(outbox, clock: wallTime, random: &random)
            for line in ResponseText.troubles(report) { complain(line) }
            for line in ResponseText.successes(report) { try put(line + "\n") }
        } catch {
            complain("\(error)")
        }
    }
}

extension RuleBook {
    /// The family of each rule, by its id.
    var families: [String: String] {
        Dictionary(rules.map { ($0.id, $0.family) }, uniquingKeysWith: { first, _ in first })
    }
}
