public import ArgumentParser
import Glibc
import Pipeline
public import Response
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
            "The least risk, 0 to 100, for a step of Lastseen's own.", valueName: "risk"))
    var actRisk = 80

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The least risk, 0 to 100, for making a user change the password.", valueName: "risk"))
    var passwordRisk = 90

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

    func policy(isActing: Bool, caps: ActionCaps = .standard) throws -> ResponsePolicy {
        try ResponsePolicy(
            isActing: isActing, actRisk: actRisk, passwordRisk: passwordRisk,
            protectedUsers: try ProtectedUsers(protect + (try protectedInFile())), caps: caps,
            connector: kind)
    }

    /// Whether it is said how steps are carried out.
    var hasConnector: Bool { webhook != nil || exec != nil }

    var kind: ConnectorKind { connector ?? (exec != nil && webhook == nil ? .exec : .webhook) }

    func validate() throws {
        for (name, value) in [("--act-risk", actRisk), ("--password-risk", passwordRisk)]
        where !(0...100).contains(value) {
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
        name: .long, help: ArgumentHelp("The most calls of one run.", valueName: "count"))
    var maxPerRun = 100

    @Option(
        name: .long,
        help: ArgumentHelp("The most actions begun in any 60 minutes.", valueName: "count"))
    var maxPerHour = 200

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The most actions begun for one user in any 60 minutes.", valueName: "count"))
    var maxPerUser = 6

    func validate() throws {
        for (name, value) in [
            ("--max-per-run", maxPerRun), ("--max-per-hour", maxPerHour),
            ("--max-per-user", maxPerUser),
        ] where !(0...100_000).contains(value) {
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
        case .webhook where policies.webhook == nil:
            throw ValidationError(
                "--act needs something to act by: --webhook URL, or --exec PROGRAM.")
        case .exec where policies.exec == nil:
            throw ValidationError("--connector exec needs --exec PROGRAM.")
        default: break
        }
    }

    func policy(isActing: Bool? = nil) throws -> ResponsePolicy {
        try policies.policy(
            isActing: isActing ?? act,
            caps: try ActionCaps(
                perRun: maxPerRun, perHour: maxPerHour, perUserPerHour: maxPerUser))
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
    func apply(_ store: StateStore, _ connectors: [any Connector]) {
        do {
            var runner = ActionRunner(policy: try policy(), connectors: connectors)
            var random = SystemRandomNumberGenerator()
            let report = try runner.apply(StoreOutbox(store), clock: wallTime, random: &random)
            for line in ResponseText.troubles(report) { complain(line) }
            for line in ResponseText.successes(report) { try put(line + "\n") }
        } catch {
            complain("\(error)")
        }
    }
}
