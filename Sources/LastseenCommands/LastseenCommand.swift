public import ArgumentParser

/// `lastseen`: its subcommands, one a file.
public struct LastseenCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "lastseen",
        abstract: "Find the sessions that are not their users', and end them.",
        discussion: """
            Reads session records (logins, activity, log-outs, lists of live sessions), works out \
            where each session and device was last seen, and raises an alert where an account is in \
            other hands: an unrecognized device, an impossible trip, a session that moved.

              lastseen analyze auth.ndjson          judge a file, print alerts
              lastseen analyze /var/log/auth.log    sshd, Microsoft 365, CloudTrail … are recognized
              lastseen sessions ann                 where an account is logged in
              lastseen respond plan                 what would be logged out, and why

            State (profiles, alerts, positions in files) is one file; running twice over the same \
            input changes nothing.

            Exit statuses: 0 nothing found, 2 alerts, 1 a failure, 64 misuse, 65 too many bad \
            records, 66 no such input, 73 cannot write, 75 try again (the state is in use).
            """,
        version: "lastseen \(version)",
        subcommands: [Analyze.self, Bench.self])

    public static let version = "0.1.0"

    public init() {}

    /// Runs the program with the process's arguments and exits.
    public static func run() {
        ignorePipeSignal()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as any ExitCoded {
            complain(error.description)
            exit(withError: ExitCode(error.exitCode))
        } catch {
            exit(withError: error)
        }
    }
}
