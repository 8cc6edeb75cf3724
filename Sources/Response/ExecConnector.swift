internal import Glibc
public import SessionModel

/// How to run a program for each action.
public struct ExecOptions: Sendable {
    /// A path with a slash in it; the search path is not used.
    public var program: String
    /// Fixed: nothing of an alert ever becomes an argument.
    public var arguments: [String]
    /// Names of variables to hand on from our own environment, such as that of an API key.
    public var variables: [String]
    public var limitMilliseconds: Int
    /// From SIGTERM to SIGKILL at the limit.
    public var graceMilliseconds: Int

    public init(
        program: String, arguments: [String] = [], variables: [String] = [],
        limitMilliseconds: Int = 20_000, graceMilliseconds: Int = 2_000
    ) {
        self.program = program
        self.arguments = arguments
        self.variables = variables
        self.limitMilliseconds = limitMilliseconds
        self.graceMilliseconds = graceMilliseconds
    }
}

/// Runs a program of the user's for each action. Never through a shell.
///
/// **What the program gets**: on standard input `ActionMessage`'s JSON; the fixed arguments; the
/// directory `/`; and of the environment only `PATH=/usr/local/bin:/usr/bin:/bin`, `LANG=C.UTF-8`,
/// `LASTSEEN_ACTION_ID` (the idempotency key: the same action may come again, act once),
/// `LASTSEEN_ACTION_KIND` (a rung's name, as `log-out-session`) and the variables that
/// the options name.
///
/// **What it says**:
///
/// | end | outcome |
/// | --- | --- |
/// | exit status 0 | done; when the first line of its output is `already-so` or `not-needed`, that |
/// | exit status 75 (EX_TEMPFAIL) | tried again later |
/// | another exit status | failed, not tried again |
/// | a signal, or the time limit | tried again later; it may have acted |
///
/// At the time limit its process group gets SIGTERM, and SIGKILL after the grace time. Its output is
/// read to the end, but only the first 4 KiB are kept for the journal.
public final class ExecConnector: Connector {
    public let name: String

    private let options: ExecOptions
    /// `NAME=value` of the variables that are handed on.
    private let handedOn: [String]
    private let redactor: Redactor

    /// Throws when the program is not there or not executable, or a limit or name cannot be used.
    ///
    /// - Parameter environment: a variable's value; `getenv` by default.
    public init(
        _ options: ExecOptions, name: String = ConnectorKind.exec.rawValue,
        environment: (String) -> String? = SecretSource.variable
    ) throws(ResponseError) {
        self.name = name
        guard options.program.contains("/"), !options.program.utf8.contains(0) else {
            throw .badSetting(
                name: "the program to run", value: options.program,
                allowed: "a path, such as /usr/local/bin/\(plain(options.program, limit: 60))")
        }
        var facts = stat()
        guard unsafe stat(options.program, &facts) == 0 else {
            throw .badFile(
                path: options.program, reason: errorText(errno), remedy: "Give a program's path.")
        }
        guard facts.st_mode & S_IFMT == S_IFREG, unsafe access(options.program, X_OK) == 0 else {
            throw .badFile(
                path: options.program, reason: "it is not a program that this user can run",
                remedy: "Run: chmod +x on it, or give another.")
        }
        guard options.arguments.count <= 64,
            options.arguments.allSatisfy({ $0.utf8.count <= 4096 && !$0.utf8.contains(0) })
        else {
            throw .badSetting(
                name: "the program's arguments", value: "\(options.arguments.count) of them",
                allowed: "at most 64 of at most 4096 bytes")
        }
        for (name, value) in [
            ("the program's time limit in ms", options.limitMilliseconds),
            ("the program's grace time in ms", options.graceMilliseconds),
        ] where !(1...300_000).contains(value) {
            throw .badSetting(name: name, value: String(value), allowed: "1 to 300000")
        }
        var handedOn: [String] = []
        var secrets: [String] = []
        for name in options.variables {
            guard !name.isEmpty, !name.utf8.contains(where: { $0 == 0x3D || $0 == 0 }) else {
                throw .badSetting(
                    name: "a variable to hand on", value: name, allowed: "a name without '='")
            }
            guard let value = environment(name) else {
                throw .badSetting(
                    name: "a variable to hand on", value: name, allowed: "one that is set")
            }
            handedOn.append("\(name)=\(value)")
            secrets.append(value)
        }
        self.options = options
        self.handedOn = handedOn
        self.redactor = Redactor(secrets)
    }

    public var timeLimitSeconds: Int {
        (options.limitMilliseconds + options.graceMilliseconds + 999) / 1000 + 1
    }

    public var abilities: [Rung: ConnectorAbility] {
        ConnectorAbility.all
    }

    public func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        let process = ChildProcess(
            program: options.program, arguments: options.arguments,
            environment: handedOn + [
                "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                "LASTSEEN_ACTION_ID=\(action.id)", "LASTSEEN_ACTION_KIND=\(action.kind.name)",
            ],
            limitMilliseconds: options.limitMilliseconds,
            graceMilliseconds: options.graceMilliseconds)
        let result: ChildProcess.Result
        do {
            result = try process.run(input: ActionMessage.body(of: action) + "\n")
        } catch {
            // It did not start; the path or the machine can be put right.
            return ConnectorAnswer(.retry, detail: redactor.shown(error.description))
        }
        return answer(to: result)
    }

    private func answer(to result: ChildProcess.Result) -> ConnectorAnswer {
        let said = redactor.shown(result.errors.isEmpty ? result.output : result.errors)
        func detail(_ what: String) -> String {
            redactor.shown(said.isEmpty ? what : "\(what): \(said)")
        }
        switch result.ending {
        case .exited(0):
            let line = trimmed(
                String(decoding: result.output.prefix { $0 != 0x0A }, as: UTF8.self))
            switch line {
            case ConnectorAnswer.Outcome.alreadySo.rawValue:
                return ConnectorAnswer(.alreadySo, detail: detail("the program ended with 0"))
            case ConnectorAnswer.Outcome.notNeeded.rawValue:
                return ConnectorAnswer(.notNeeded, detail: detail("the program ended with 0"))
            default:
                return ConnectorAnswer(.done, detail: detail("the program ended with 0"))
            }
        case .exited(75):
            return ConnectorAnswer(.retry, detail: detail("the program ended with 75"))
        case .exited(let status):
            return ConnectorAnswer(.failed, detail: detail("the program ended with \(status)"))
        case .killed(let signal):
            return ConnectorAnswer(
                .retry, detail: detail("the program was ended by signal \(signal)"),
                mayHaveHappened: true)
        case .timedOut:
            return ConnectorAnswer(
                .retry,
                detail: detail("the program was ended after \(options.limitMilliseconds) ms"),
                mayHaveHappened: true)
        }
    }
}

/// Throws `badFile` unless this user can read the file.
func requireReadable(_ path: String) throws(ResponseError) {
    guard unsafe access(path, R_OK) == 0 else {
        throw .badFile(
            path: path, reason: errorText(errno), remedy: "Give a file that this user can read.")
    }
}
