import ArgumentParser
import Detection
import Enrichment
import Glibc
import Intake
import Publishing
import RuleBook
import SessionModel
import StateStore

/// Where the state is.
struct StateOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The state file, or ':memory:' to keep nothing. Default: lastseen/state.db in the XDG state folder.",
            valueName: "file"))
    var state: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Seconds to wait while another run holds the state.", valueName: "seconds"))
    var wait: Double = 10

    var path: String { state ?? StateOptions.defaultPath }

    static var defaultPath: String {
        if let folder = environment("XDG_STATE_HOME"), folder.hasPrefix("/") {
            return folder + "/lastseen/state.db"
        }
        return (environment("HOME") ?? "/var/lib") + "/.local/state/lastseen/state.db"
    }

    func open(as command: String, waitSeconds: Double? = nil) throws(StateError) -> StateStore {
        try StateStore(
            path: path, waitSeconds: waitSeconds ?? wait,
            holder: "lastseen \(command), pid \(getpid())")
    }

    func openForReading(as command: String) throws -> StateStore {
        try StateStore(
            path: path, waitSeconds: wait, holder: "lastseen \(command)", readOnly: true)
    }
}

/// What addresses and devices are looked up in.
struct GeoOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A GeoIP database (.mmdb) or a folder of them; may be repeated. Default: the usual GeoIP folders, else the bundled database.",
            valueName: "path"))
    var geo: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Your own list of networks; may be repeated. Lines of 'CIDR kind [name]': corporate, vpn, relay, hosting …",
            valueName: "file"))
    var networks: [String] = []

    func open() throws -> GeoDatabases {
        try GeoDatabases(paths: geo, lists: NetworkLists(paths: networks))
    }
}

/// Which rules are in force.
struct RuleOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("The folder of rules. Default: the one installed.", valueName: "folder"))
    var rules: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A folder of your own rules, in force beside those; may be repeated. See 'lastseen rules check --help'.",
            valueName: "folder"))
    var ownRules: [String] = []

    func load() throws -> RuleBook { try RuleBook.load(folder: folder(), own: ownRules) }

    func folder() throws -> String {
        if let rules { return rules }
        guard let found = BundledFiles.locate(.rules) else {
            throw Misuse(
                "no rules found beside the program; name their folder with --rules", exitCode: 66)
        }
        return found
    }
}

/// How records are read.
struct FormatOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The records' format, or 'auto' to tell by the first lines. 'lastseen format list' has them.",
            valueName: "name"))
    var format = "auto"

    @Option(
        name: .long,
        help: ArgumentHelp("A format of your own; see 'lastseen format show'.", valueName: "file"))
    var formatFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The year of the first line, where times carry none (syslog).", valueName: "year"))
    var year: Int?

    func choice() throws -> FormatChoice {
        if let formatFile { return .fixed(try Format.load(path: formatFile)) }
        if format == "auto" { return .auto() }
        return .fixed(try FormatCatalog.named(format))
    }

    func intake() throws -> IntakeOptions {
        if let year, !(2000...2200).contains(year) {
            throw Misuse("--year \(year) is not between 2000 and 2200")
        }
        return IntakeOptions(now: wallTime(), year: year)
    }
}

/// Now, for stamps.
func wallTime() -> Timestamp {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}

func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}

/// Cores that this process may use.
func coreCount() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

/// Whether text may be coloured: on a terminal that can, and NO_COLOR is not set (no-color.org).
func mayColor(_ descriptor: Int32) -> Bool {
    environment("NO_COLOR") == nil && isatty(descriptor) == 1 && environment("TERM") != "dumb"
}

/// Lets the process open as many files as the system allows it: a folder's are all open at once.
func raiseFileLimit() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
