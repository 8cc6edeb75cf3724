import Glibc
import Testing

/// The real `lastseen`, built beside this test program.
struct Program {
    let pid: pid_t
    private let output: String

    static let path: String = {
        let own = realpath("/proc/self/exe", nil).map { path in
            defer { free(path) }
            return String(cString: path)
        }
        let folder = (own ?? "").split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        return folder + "/lastseen"
    }()

    /// What every call here shares: this repository's rules, the bundled database and no other.
    static let usual = [
        "--format", "native", "--geo", House.city, "--rules", House.root + "/rules",
    ]

    /// Starts `lastseen` with arguments; what it says goes to files beside `output`.
    ///
    /// - Parameter shell: a script that runs instead and finds the program and its arguments in
    ///   `"$@"`.
    init(_ arguments: [String], output: String, shell: String? = nil) throws {
        self.output = output
        try #require(Files.exists(Self.path), "\(Self.path) is not built")
        var words = [Self.path] + arguments
        if let shell { words = ["/bin/sh", "-c", shell, "sh"] + words }
        var argv = words.map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output + ".out", flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, output + ".err", flags, 0o600)
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, words[0], &actions, nil, &argv, environ) == 0)
        self.pid = pid
    }

    /// Runs to the end.
    static func run(_ arguments: [String], in folder: Folder, shell: String? = nil) throws -> Ended
    {
        try Program(arguments, output: folder.file("program"), shell: shell).wait()
    }

    struct Ended {
        /// The exit status, or 128 and the signal's number.
        var status: Int32
        var output: String
        var complaints: String
    }

    /// Without waiting for it, and so that `wait` still gets its status.
    var hasEnded: Bool {
        var information = siginfo_t()
        waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
        return information.si_signo != 0
    }

    func kill() { Glibc.kill(pid, SIGKILL) }

    func wait() -> Ended {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Ended(
            status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F),
            output: String(decoding: Files.read(output + ".out"), as: UTF8.self),
            complaints: String(decoding: Files.read(output + ".err"), as: UTF8.self))
    }
}
