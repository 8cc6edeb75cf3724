import ArgumentParser
import Enrichment
import Messaging
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore

/// Who is told of alerts.
struct ChannelOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Tell people of alerts, as this file says: mail, Slack, Teams, Discord, PagerDuty, webhooks. Without it nobody is told.",
            valueName: "file"))
    var channels: String?

    /// Nil when nobody is to be told. Throws when something is wrong with the file.
    func load(rules: RuleBook) throws -> Messages? {
        guard let channels else { return nil }
        return try Messages(path: channels, rules: rules)
    }

    /// Sends what is due and says what went wrong. It stays in the outbox.
    static func send(_ store: StateStore, by sender: MessageSender) {
        do {
            var random = SystemRandomNumberGenerator()
            let report = try sender.send(store, clock: wallTime, random: &random)
            for line in troubles(report) { complain(line) }
        } catch {
            complain("\(error)")
        }
    }

    static func troubles(_ report: SendReport) -> [String] {
        report.troubles.map(text)
    }

    static func text(_ line: SendReport.Line) -> String {
        let next = line.nextTry.map { "; tried again at \($0.humanReadable)" } ?? ""
        return "message to '\(line.channel)' about \(line.alertID): \(line.state.rawValue): "
            + "\(SafeText.visible(line.detail))\(next)"
    }
}

/// The channels of a file, with the phrases and templates that they need.
struct Messages {
    let book: ChannelBook
    let phrases: PhraseBook

    /// - Parameter rules: For families of rules; nil takes those that are installed.
    init(path: String, rules: RuleBook?) throws {
        var families: [String: [String]] = [:]
        for rule in rules?.rules ?? [] { families[rule.family, default: []].append(rule.id) }
        book = try ChannelFile.load(path: path, families: families)
        guard let folder = BundledFiles.locate(.messages) else {
            throw Misuse(
                "no phrases found beside the program; install them (make install) or set"
                    + " LASTSEEN_SHARE", exitCode: 78)
        }
        phrases = try PhraseBook.load(folder: folder, overrides: book.templates)
        for channel in book.channels where !phrases.has(channel.language) {
            complain(
                "\(path): channel '\(channel.name)': there is no language '\(channel.language)';"
                    + " English is used")
        }
    }

    /// Notes from where on alerts are told. Before anything is judged.
    func begin(in store: StateStore) throws -> MessagePlanner {
        try MessagePlanner.begin(in: store)
        return MessagePlanner(channels: book.channels)
    }

    /// - Parameter databases: To say when it was at an alert's place; nil for UTC only.
    func sender(_ databases: GeoDatabases?) throws -> MessageSender {
        try MessageSender(book: book, phraseBook: phrases) { alert in
            guard let databases, let address = IPAddress(alert.network.address) else { return nil }
            return Zone(databases.lookup(address).timeZone)
        }
    }
}
