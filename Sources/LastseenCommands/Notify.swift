import ArgumentParser
import Enrichment
import Messaging
import Pipeline
import Publishing
import RuleBook
import SessionModel
import Settings
import StateStore

struct Notify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell people of alerts: account owners by mail, teams by their channels.",
        discussion: """
            'analyze' and 'watch' tell people when they are given --channels FILE; these commands \
            look at it, try it, and send what waits. Messages wait in an outbox in the state, one an \
            alert and channel, are tried again with growing waits, and are in the journal.

              lastseen notify check --channels channels.yaml
              lastseen notify preview a-0123456789abcdef --channel security --channels channels.yaml
              lastseen notify test --channel security --channels channels.yaml
              lastseen notify send --channels channels.yaml
              lastseen notify status
            """,
        subcommands: [Check.self, Preview.self, Test.self, Send.self, Status.self])

    /// The file that is looked at.
    struct FileOption: ParsableArguments {
        @Option(
            name: .long,
            help: ArgumentHelp("The file of channels.", valueName: "file"))
        var channels: String

        func load(_ rules: RuleOptions) throws -> Messages {
            try Messages(path: channels, rules: try? rules.load())
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a file of channels, its templates and translations.",
            discussion: """
                Reads every secret that the file names, and sends nothing.

                Exit statuses: 0 also with warnings, 64 misuse, 78 something is wrong.
                """)

        @OptionGroup var file: FileOption
        @OptionGroup var rules: RuleOptions

        func run() throws {
            let messages = try file.load(rules)
            for warning in messages.phrases.warnings { complain("warning: \(warning)") }
            var text = ""
            for channel in messages.book.channels {
                text +=
                    "\(padded(channel.name, to: 16)) \(padded(channel.kind.rawValue, to: 10))"
                    + " \(padded(channel.audience.rawValue, to: 6)) privacy \(channel.privacy.rawValue),"
                    + " \(channel.language)\n"
            }
            text +=
                "\(counted(messages.book.channels.count, "channel")), languages "
                + messages.phrases.languages.joined(separator: ", ") + ".\n"
            if messages.book.channels.contains(where: { $0.audience == .owner }),
                messages.book.linkKey == nil
            {
                text += "No 'links': owners are sent no 'this was me' and 'this was not me'.\n"
            }
            try put(text)
        }
    }

    struct Preview: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print exactly what would be sent for an alert. Sends nothing.",
            discussion: """
                Credentials are masked; the links in an owner's message are good ones.

                  lastseen notify preview a-0123456789abcdef --channel owners --channels channels.yaml

                Exit statuses: 0, 64 misuse, 66 no such alert, or no state yet, 78 a bad file.
                """)

        @Argument(help: "The alert's id, or enough of its beginning.") var id: String
        @Option(name: .long, help: ArgumentHelp("The channel.", valueName: "name"))
        var channel: String
        @OptionGroup var file: FileOption
        @OptionGroup var rules: RuleOptions
        @OptionGroup var state: StateOptions
        @OptionGroup var geo: GeoOptions

        func run() throws {
            let messages = try file.load(rules)
            let channel = try messages.book.channel(channel)
            let store = try state.openForReading(as: "notify preview")
            defer { store.close() }
            let row = try Alerts.find(id, in: store)
            var alert = try AlertJSON.read(row.json)
            alert.actions = try Alerts.actions(of: alert, in: store)
            let sender = try messages.sender(try? geo.open())
            try put(sender.preview(alert, on: channel, at: wallTime()))
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a message that says that it is a test.",
            discussion: """
                A mail channel for owners sends it to its own 'from' address.

                Exit statuses: 0 the channel took it, 1 it did not, 64 misuse, 78 a bad file.
                """)

        @Option(name: .long, help: ArgumentHelp("The channel.", valueName: "name"))
        var channel: String
        @OptionGroup var file: FileOption
        @OptionGroup var rules: RuleOptions

        func run() throws {
            let messages = try file.load(rules)
            let channel = try messages.book.channel(channel)
            let (isSent, detail) = try messages.sender(nil).test(channel, at: wallTime())
            try put("\(isSent ? "sent" : "not sent"): \(SafeText.visible(detail))\n")
            if !isSent { throw ExitCode(1) }
        }
    }

    struct Send: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send what waits: for cron, and for what 'alerts' and 'answer' changed.",
            discussion: """
                Takes the owners' answers that wait (lastseen-server), tells of changes that other \
                commands made (alerts confirm, answer), tries again what is due, sends digests whose \
                time has come and what quiet hours held back.

                  */5 * * * * lastseen notify send --channels /etc/lastseen/channels.yaml

                Exit statuses: 0, 1 something was refused or given up, 75 something waits to be tried \
                again, 64 misuse, 78 a bad file.
                """)

        @Option(name: .long, help: ArgumentHelp("Only this channel.", valueName: "name"))
        var channel: String?
        @OptionGroup var file: FileOption
        @OptionGroup var rules: RuleOptions
        @OptionGroup var state: StateOptions
        @OptionGroup var geo: GeoOptions

        func run() throws {
            let messages = try file.load(rules)
            let only = try channel.map { try messages.book.channel($0).name }
            let sender = try messages.sender(try? geo.open())
            let store = try state.open(as: "notify send")
            defer { store.close() }
            let planner = try messages.begin(in: store)
            if try WaitingVerdicts.areThere(in: store) {
                try WaitingVerdicts.take(
                    in: store, rules: try rules.load().detection, now: wallTime())
            }
            try store.commit { transaction in _ = try planner.plan(at: wallTime(), in: &transaction)
            }
            var random = SystemRandomNumberGenerator()
            let report = try sender.send(store, only: only, clock: wallTime, random: &random)
            for line in report.lines where line.state == .sent {
                try put("sent to '\(line.channel)': \(line.alertID)\n")
            }
            for line in ChannelOptions.troubles(report) { complain(line) }
            let states = Set(report.lines.map(\.state))
            if !states.isDisjoint(with: [.refused, .dead]) { throw ExitCode(1) }
            if states.contains(.retrying) { throw ExitCode(75) }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the outbox of messages: what waits, what failed.",
            discussion: """
                Exit statuses: 0, 1 something was refused or given up, 64 misuse, 66 no state yet.
                """)

        @Flag(name: .long, help: "Each message, the newest last.") var all = false
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try state.openForReading(as: "notify status")
            defer { store.close() }
            var text = ""
            for (channel, state, count) in try store.messageCounts() {
                text += "\(padded(channel, to: 16)) \(padded(state, to: 14)) \(count)\n"
            }
            let failed = [MessageState.refused, .dead, .noRecipient].map(\.rawValue)
            let shown =
                all
                ? try store.messages(limit: StateLimit.rows)
                : try store.messages(states: MessageRow.openStates + failed, limit: 1000)
            for row in shown {
                text +=
                    "\(row.channel) \(row.alertID) revision \(row.alertRevision): \(row.state)"
                if MessageRow.openStates.contains(row.state) {
                    let due = Timestamp(milliseconds: row.nextAttemptMilliseconds)
                    text += ", due \(due.humanReadable)"
                }
                if row.attempts > 0 {
                    text += ", \(counted(row.attempts, "try").replacing("trys", with: "tries"))"
                }
                text += row.note.isEmpty ? "\n" : ": \(SafeText.visible(row.note))\n"
            }
            try put(text.isEmpty ? "Nobody was told of anything yet.\n" : text)
            if shown.contains(where: {
                [MessageState.refused, .dead].map(\.rawValue).contains($0.state)
            }) {
                throw ExitCode(1)
            }
        }
    }
}
