import ArgumentParser
import Publishing
import Response
import SessionModel
import StateStore

struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Check and export the journal of what was decided and done.",
        discussion: """
            Each entry says who or what decided, about which alert and action, on which revision, what \
            was sent and what came back, and holds the hash of the entry before it.

              lastseen journal verify
              lastseen journal verify --head 5f0c…       also sees that the end was cut off
              lastseen journal export --since 30d > journal.ndjson
            """,
        subcommands: [Verify.self, Export.self])

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Name the first entry that was touched.",
            discussion: """
                Keep the newest hash, which is printed, where who can write the state cannot write, \
                and give it back with --head: a chain alone does not show that its end was cut off, or \
                that all of it was written anew.

                Exit statuses: 0 whole, 1 touched, 64 misuse, 66 no state yet.
                """)

        @Option(
            name: .long,
            help: ArgumentHelp("A hash that was noted earlier.", valueName: "hash"))
        var head: String?
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try state.openForReading(as: "journal verify")
            defer { store.close() }
            let summary = try StoreOutbox.journalSummary(in: store, head: head)
            if let fault = summary.fault {
                try put(SafeText.visible(fault.description, limit: 1000) + "\n")
                throw ExitCode(1)
            }
            let entries = summary.entries == 1 ? "1 entry" : "\(summary.entries) entries"
            try put("\(entries), whole\(summary.entries == 0 ? "" : ", head \(summary.head)")\n")
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the journal as NDJSON, oldest first.",
            discussion: """
                A line has sequence, time, actor, alert_id, action_id, what, detail, previous_hash and \
                hash.

                Exit statuses: 0, 64 misuse, 66 no state yet.
                """)

        @Option(
            name: .long,
            help: ArgumentHelp(
                "Only entries from then on: an age (12h, 7d) or a time.", valueName: "when"))
        var since: Since?
        @OptionGroup var state: StateOptions

        func run() throws {
            let store = try state.openForReading(as: "journal export")
            defer { store.close() }
            let first = since?.resolved(at: wallTime())
            var text = ""
            var failure: (any Error)?
            try StoreOutbox.eachEntry(in: store) { entry in
                guard failure == nil, entry.draft.time >= first ?? .distantPast else { return }
                text += entry.json + "\n"
                guard text.utf8.count > 1 << 20 else { return }
                do { try put(text) } catch { failure = error }
                text = ""
            }
            if let failure { throw failure }
            try put(text)
        }
    }
}
