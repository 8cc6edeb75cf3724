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
              lastseen watch /var/log/auth.log      the same, as records arrive
              lastseen alerts list --since 7d       what was found
              lastseen sessions ann                 where an account is logged in
              lastseen learned ann                  what was learned of the user, and how
              lastseen respond plan                 what would be logged out, and why
              lastseen notify status                who was told of what
              lastseen serve …                      signals for other systems (Shared Signals)

            State (profiles, alerts, positions in files) is one file; running twice over the same \
            input changes nothing.

            Completions: 'lastseen --generate-completion-script bash' (or zsh, fish) prints them; for \
            bash, save them as /etc/bash_completion.d/lastseen.

            Exit statuses: 0 nothing found, 2 alerts, 1 a failure, 64 misuse, 65 too many bad \
            records, 66 no such input, 73 an output cannot be made, 74 reading or writing failed, 75 \
            try again (the state is in use), 78 a bad rule, format or database.
            """,
        version: "lastseen \(version)",
        subcommands: [
            Analyze.self, WatchCommand.self, Alerts.self, Sessions.self, Learned.self, Respond.self,
            JournalCommand.self, Notify.self, Answer.self, Report.self, Serve.self,
            Rules.self, Networks.self, Geo.self, FormatCommand.self, Simulate.self, Evaluate.self,
            Bench.self,
        ])

    public static let version = "0.1.0"

    public init() {}

    /// Runs the program with the process's arguments and exits.
    public static func run() {
        ignorePipeSignal()
        occupyStandardDescriptors()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as any ExitCoded {
            complain(error.description)
            exit(withError: ExitCode(error.exitCode))
        } catch let error as ExitCode {
            exit(withError: error)
        } catch {
            let status = exitCode(for: error)
            // Help and the like go to standard output.
            if status.isSuccess { exit(withError: error) }
            complain(Failure.text(fullMessage(for: error)))
            exit(withError: status)
        }
    }
}

/// What the argument parser says of a mistake, in this program's form.
enum Failure {
    static func text(_ message: String) -> String {
        message.hasPrefix("Error: ") ? String(message.dropFirst("Error: ".count)) : message
    }
}
