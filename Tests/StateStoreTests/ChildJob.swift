import Glibc
import StateStore
import Testing

/// What a child process does.
enum ChildJob: String {
    case nothing
    /// Commits one generation after the other until it is killed; writes each to `ack` when its
    /// commit has come back.
    case generations
    /// The same, all in the log: none is moved to the file.
    case loggedGenerations
    /// A new state's first commit, a large one, until it is killed or done.
    case firstCommit
    /// The same where it does not fit.
    case fillAtOnce
    /// Opens the state, says `held`, and sleeps until it is killed.
    case hold
    /// Writes larger and larger commits until one fails, and says what is left then.
    case fill
    /// The same with a limit on the size of files in place of a small disk.
    case fillToLimit
    /// Opens the state to read, or as an ordinary user, and says what came of it.
    case readFrozen, openAsOther

    func run(in folder: String) throws {
        let path = folder + "/state.db"
        switch self {
        case .nothing: break
        case .generations, .loggedGenerations:
            var tuning = StateTuning()
            // Often, so that some kills come in the middle of one; or never.
            tuning.checkpointBytes = self == .generations ? 256 << 10 : 1 << 30
            let store = try StateStore(
                path: path, waitSeconds: 10, holder: "generations", tuning: tuning)
            let ack = open(folder + "/ack", O_WRONLY | O_CREAT | O_APPEND, 0o600)
            while true {
                var generation = try Generation.newest(in: store) + 1
                try Generation.write(generation, to: store)
                Glibc.write(ack, &generation, 8)
            }
        case .firstCommit:
            let store = try StateStore(path: path, waitSeconds: 0, holder: "first commit")
            say("begun")
            try Generation.write(1, to: store, profiles: 20_000)
        case .fillAtOnce:
            let store = try StateStore(path: path, waitSeconds: 0, holder: "fill")
            do {
                try Generation.write(1, to: store, profiles: 20_000)
                say("never full")
            } catch { say("exit \(error.exitCode)") }
            try Generation.write(1, to: store)
            try Generation.write(2, to: store)
            say("newest \(try Generation.check(store))")
        case .hold:
            let store = try StateStore(
                path: path, waitSeconds: 0, holder: "lastseen test, pid 7\u{1B}[31m")
            say("held")
            while !store.path.isEmpty { sleep(1) }
        case .fill: try fill(path)
        case .fillToLimit:
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 3 << 20, rlim_max: 3 << 20)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            try fill(path)
        case .readFrozen:
            let store = try StateStore(path: path, waitSeconds: 0, holder: "", readOnly: true)
            say("newest \(try Generation.check(store))")
        case .openAsOther:
            if geteuid() == 0 { seteuid(65534) }
            do {
                _ = try StateStore(path: path, waitSeconds: 0, holder: "")
                say("opened")
            } catch {
                say("exit \(error.exitCode) \(error)")
            }
        }
    }

    private func fill(_ path: String) throws {
        let store = try StateStore(path: path, waitSeconds: 0, holder: "fill")
        var generation: Int64 = 0
        do {
            while generation < 100 {
                try Generation.write(generation + 1, to: store, profiles: 200 * Int(generation + 1))
                generation += 1
            }
            say("never full")
        } catch {
            say("exit \(error.exitCode) after \(generation)")
            // The commit before is whole, and reading goes on.
            say("newest \(try Generation.check(store))")
        }
        store.close()
        let again = try StateStore(path: path, waitSeconds: 0, holder: "", readOnly: true)
        say("again \(try Generation.check(again))")
    }

    /// A line for `Child.said`.
    private func say(_ text: String) {
        print("SAID: \(text)")
        fflush(nil)
    }
}

/// Not a test: what a child process runs, by `Child`.
struct StateChild {
    @Test(.enabled(if: getenv(Child.jobVariable) != nil, "runs in child processes only"))
    func job() throws {
        let job = try #require(
            getenv(Child.jobVariable).flatMap { ChildJob(rawValue: String(cString: $0)) })
        let folder = try #require(getenv(Child.folderVariable).map { String(cString: $0) })
        try job.run(in: folder)
    }
}
