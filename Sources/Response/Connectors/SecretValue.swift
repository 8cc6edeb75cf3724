internal import Glibc
internal import Synchronization

/// A secret of a connector, read when it is first needed and again when a target no longer takes it.
///
/// Never printed: its description, and what a debugger or `dump` shows, is masked.
public final class SecretValue: Sendable, CustomStringConvertible, CustomReflectable {
    public enum Origin: Sendable, Equatable {
        case environment(String)
        /// A file that only its owner and group can read, or a pipe.
        case file(String)
        /// A program and its arguments, run without a shell. What it writes is the secret.
        case command([String])
    }

    /// How long a program may take to tell it.
    static let commandMilliseconds = 10_000
    /// Variables that programs such as `pass` and `gpg` need to find their store.
    private static let handedOn = [
        "HOME", "USER", "LOGNAME", "LANG", "GNUPGHOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
        "PASSWORD_STORE_DIR",
    ]

    public let origin: Origin
    private let label: String
    private let environment: @Sendable (String) -> String?
    private let known = Mutex<String?>(nil)

    /// Throws when it is plain now that it cannot be read: no such variable, a file that others can
    /// read, a program that cannot be run. Runs nothing.
    ///
    /// - Parameter label: what messages call it, as `token`.
    public init(
        _ origin: Origin, label: String,
        environment: @escaping @Sendable (String) -> String? = SecretSource.variable
    ) throws(ResponseError) {
        (self.origin, self.label, self.environment) = (origin, label, environment)
        switch origin {
        case .environment(let name):
            guard let value = environment(name), !trimmed(value).isEmpty else {
                throw .badSetting(
                    name: label, value: "the environment variable \(name), which is not set",
                    allowed: "a variable that is set for this program")
            }
        case .file(let path): _ = try SecretSource.checkedFile(path)
        case .command(let words):
            guard let program = words.first, program.hasPrefix("/"), words.count <= 64 else {
                throw .badSetting(
                    name: label, value: words.first ?? "",
                    allowed: "a program's absolute path and at most 63 arguments")
            }
            guard unsafe access(program, X_OK) == 0 else {
                throw .badFile(
                    path: program, reason: errorText(errno),
                    remedy: "Give a program that this user can run.")
            }
        }
    }

    /// The secret, without spaces and line ends around it: 1 byte to 64 KiB (4 KiB of a program's).
    ///
    /// Threads that ask at the same time wait for one reading.
    ///
    /// - Parameter stale: a value that the target refused: read again if that is what is known.
    public func text(unless stale: String? = nil) throws(ResponseError) -> String {
        // A typed error cannot leave `withLock`'s closure, so it is carried out as a value.
        let result: Result<String, ResponseError> = known.withLock { known in
            if let known, known != stale { return .success(known) }
            do throws(ResponseError) {
                let value = trimmed(try read())
                guard !value.isEmpty else {
                    throw .badSetting(name: label, value: "empty", allowed: "one that is not")
                }
                guard !value.utf8.contains(0) else {
                    throw .badSetting(name: label, value: "not text", allowed: "a text")
                }
                known = value
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func read() throws(ResponseError) -> String {
        switch origin {
        case .environment(let name): environment(name) ?? ""
        case .file(let path): try SecretSource.contents(of: path)
        case .command(let words): try output(of: words)
        }
    }

    private func output(of words: [String]) throws(ResponseError) -> String {
        var variables = ["PATH=/usr/local/bin:/usr/bin:/bin"]
        for name in SecretValue.handedOn {
            if let value = environment(name) { variables.append("\(name)=\(value)") }
        }
        let result = try ChildProcess(
            program: words[0], arguments: Array(words.dropFirst()), environment: variables,
            limitMilliseconds: SecretValue.commandMilliseconds, graceMilliseconds: 500
        ).run(input: "")
        func failed(_ what: String) -> ResponseError {
            // What it wrote may hold the secret.
            .badFile(path: words[0], reason: what, remedy: "Run it by hand to see why.")
        }
        switch result.ending {
        case .exited(0): break
        case .exited(let status): throw failed("it ended with \(status)")
        case .killed(let signal): throw failed("signal \(signal) ended it")
        case .timedOut: throw failed("it took longer than 10 s")
        }
        guard result.output.count < ChildProcess.outputKept else {
            throw failed("it wrote more than \(ChildProcess.outputKept - 1) bytes")
        }
        return String(decoding: result.output, as: UTF8.self)
    }

    public var description: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
