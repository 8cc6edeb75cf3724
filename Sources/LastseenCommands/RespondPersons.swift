import ArgumentParser
import Glibc
import Publishing
import Response
import SessionModel
import StateStore

/// Who decides.
struct PersonOptions: ParsableArguments {
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "A name in place of the login name. The journal says that it was only stated, and by whom.",
            valueName: "name"))
    var stated: String?

    func validate() throws {
        if let stated {
            guard (1...64).contains(stated.utf8.count),
                stated.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
            else { throw ValidationError("--as needs a name of at most 64 bytes.") }
        }
    }

    var person: Person { Person(login: PersonOptions.login, stated: stated ?? "") }

    /// Of who logged in, as the kernel keeps it through 'sudo' and 'su'; else of the process.
    static var login: String {
        var user = getuid()
        if let file = unsafe fopen("/proc/self/loginuid", "re") {
            defer { unsafe fclose(file) }
            var buffer = [CChar](repeating: 0, count: 32)
            let count = unsafe fread(&buffer, 1, buffer.count - 1, file)
            let digits = String(
                decoding: buffer[..<count].map { UInt8(bitPattern: $0) }
                    .filter { (0x30...0x39).contains($0) }, as: UTF8.self)
            // All ones: nobody logged in, as in a container or a service.
            if let found = UInt32(digits), found != .max { user = found }
        }
        guard let entry = unsafe getpwuid(user), let name = unsafe entry.pointee.pw_name else {
            return "uid \(user)"
        }
        return unsafe String(cString: name)
    }
}

extension Respond {
    /// Says what came of each, and fails when one was refused.
    private static func say(
        _ ids: [String], _ done: String, _ decide: (String) throws -> PersonsWord.Result
    ) throws {
        var isRefused = false
        for id in ids {
            switch try decide(id) {
            case .taken(let action):
                let more = action.planned.note.isEmpty ? "" : ": \(action.planned.note)"
                try put(
                    "\(done) \(id): \(ResponseText.name(action.planned)), now "
                        + "\(action.state.rawValue)\(SafeText.visible(more))\n")
            case .refused(let why):
                complain("\(id): \(why)")
                isRefused = true
            }
        }
        if isRefused { throw ExitCode(1) }
    }

    struct Approve: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Agree to steps that wait for it.",
            discussion: """
                'lastseen respond status --waiting' lists them. A step is sent by the next run of \
                'respond apply --act', or of 'analyze' or 'watch' with --act, once as many persons \
                have agreed as the policy asks for. Works beside a run that holds the state.

                  lastseen respond approve act-0123456789abcdef

                Exit statuses: 0, 1 one could not be approved, 64 misuse, 66 no state yet.
                """)

        @Argument(help: "The actions' ids.") var ids: [String]
        @OptionGroup var person: PersonOptions
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try StateStore(besideRunAt: state.path)
            defer { store.close() }
            try Respond.say(ids, "Approved") {
                try PersonsWord.approve($0, by: person.person, at: wallTime(), in: store)
            }
        }
    }

    struct Deny: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that steps are not to be done.",
            discussion: """
                For steps that wait for approval and for those that are not begun yet. They are not \
                planned again for the same alert. Works beside a run that holds the state.

                Exit statuses: 0, 1 one could not be denied, 64 misuse, 66 no state yet.
                """)

        @Argument(help: "The actions' ids.") var ids: [String]
        @OptionGroup var person: PersonOptions
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try StateStore(besideRunAt: state.path)
            defer { store.close() }
            try Respond.say(ids, "Denied") {
                try PersonsWord.deny($0, by: person.person, at: wallTime(), in: store)
            }
        }
    }

    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have steps tried again that were refused, failed or given up.",
            discussion: """
                'lastseen respond status --dead' lists them. Each keeps its idempotency key, so what \
                the target did already it does not do again. Works beside a run that holds the state.

                  lastseen respond retry --all

                Exit statuses: 0, 1 one could not be, 64 misuse, 66 no state yet.
                """)

        @Argument(help: "The actions' ids.") var ids: [String] = []
        @Flag(name: .long, help: "All of them.") var all = false
        @OptionGroup var person: PersonOptions
        @OptionGroup var state: StateOptions

        func validate() throws {
            if all == !ids.isEmpty { throw ValidationError("Name actions, or say --all.") }
        }

        func run() throws {
            let store = try StateStore(besideRunAt: state.path)
            defer { store.close() }
            let chosen =
                all
                ? try store.actions(
                    states: PersonsWord.retryable.map(\.rawValue), limit: StateLimit.rows
                ).map(\.id) : ids
            try Respond.say(chosen, "Will try") {
                try PersonsWord.retry($0, by: person.person, at: wallTime(), in: store)
            }
            if chosen.isEmpty { try put("There is nothing to try again.\n") }
        }
    }

    struct Resume: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let acting go on after the breaker stopped it.",
            discussion: """
                The breaker opens when more users would be hit within an hour than the policy allows. \
                Look at what is planned first ('respond status --verbose'). What was planned by now \
                does not open it again. Works beside a run that holds the state.

                Exit statuses: 0 also when it was not open, 64 misuse, 66 no state yet.
                """)

        @OptionGroup var person: PersonOptions
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try StateStore(besideRunAt: state.path)
            defer { store.close() }
            let before = try PersonsWord.resume(by: person.person, at: wallTime(), in: store)
            try put(
                before.isOpen
                    ? "Acting goes on. \(before.users) users would have been hit; \(before.limit) are"
                        + " allowed in an hour.\n"
                    : "The breaker is not open.\n")
        }
    }

    struct Undo: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take steps back that were done, where the target can.",
            discussion: """
                A suspended account can be let in again; an ended session cannot. 'lastseen respond \
                connectors' says which steps can be undone. Needs the same options of connectors as \
                'respond apply'. Works beside a run that holds the state.

                  lastseen respond undo act-0123456789abcdef --connectors connectors.yaml

                Exit statuses: 0, 1 one could not be, 64 misuse, 66 no state yet, 78 a bad connector.
                """)

        @Argument(help: "The actions' ids.") var ids: [String]
        @OptionGroup var response: ResponseOptions
        @OptionGroup var person: PersonOptions
        @OptionGroup var state: StateOptions

        func run() throws {
            let connectors = try response.connectors()
            let store = try StateStore(besideRunAt: state.path)
            defer { store.close() }
            try Respond.say(ids, "Undone") {
                try PersonsWord.undo(
                    $0, with: connectors, by: person.person, at: wallTime(), in: store)
            }
        }
    }
}
