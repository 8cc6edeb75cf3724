import ArgumentParser
import Publishing
import SessionModel
import StateStore

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write an HTML report of the alerts in the state.",
        discussion: """
            One self-contained page that loads nothing from elsewhere and can be printed: the counts, \
            the alerts with their reasons, a world map of the trips.

              lastseen report --out report.html
              lastseen report --since 30d --out - | gzip > report.html.gz

            Exit statuses: 0, 64 misuse, 66 no state yet, 73 the file cannot be made, 74 writing failed.
            """)

    @Option(
        name: .long,
        help: ArgumentHelp("The file to write; '-' is standard output.", valueName: "file"))
    var out: String
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Only alerts from then on: an age (12h, 30d) or a time (2026-03-01).", valueName: "when"
        ))
    var since: Since?
    @OptionGroup var state: StateOptions
    @OptionGroup var geo: GeoOptions

    func run() throws {
        let store = try state.openForReading(as: "report")
        defer { store.close() }
        let now = wallTime()
        try ReportWriter.write(
            out, store: store, databases: try geo.open(), now: now, since: since?.resolved(at: now))
    }
}
