import ArgumentParser
import Detection
import Enrichment
import Messaging
import Pipeline
import Publishing
import RuleBook
import SessionModel
import StateStore

/// An owner's answer by a link.
struct Answer: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take the answer in a link of an owner's message.",
        discussion: """
            What pressing the button behind the link does: 'this was me' dismisses the alert, 'this was \
            not me' confirms it, both with 'owner' in the journal. Each link works once. For a web \
            server of your own that receives the links; it must act on POST only. Beside a run that \
            holds the state the answer waits for it, or for the next one.

              lastseen answer --channels channels.yaml 1.a-0123456789abcdef.1.n.en.1764000000.AbC…
              lastseen answer --page --channels channels.yaml TOKEN > page.html     for GET

            Exit statuses: 0 taken, 1 the link is not valid, expired, used, or comes too late, 64 \
            misuse, 66 no state yet, 75 it could not be put down, 78 a bad file.
            """)

    @Argument(help: "The link, or the token at its end; '-' reads it from standard input.")
    var token: String
    @Flag(name: .long, help: "Print the page that asks, and take nothing.") var page = false
    @Flag(name: .long, help: "Print the page that tells of it, rather than a line.") var html =
        false
    @OptionGroup var file: Notify.FileOption
    @OptionGroup var rules: RuleOptions
    @OptionGroup var state: StateOptions

    func run() throws {
        let messages = try file.load(rules)
        guard let key = messages.book.linkKey else {
            throw Misuse(
                "\(file.channels): has no 'links', so there are no links to answer", exitCode: 78)
        }
        let pages = AnswerPages(phraseBook: messages.phrases)
        let given = token == "-" ? readLine() ?? "" : token
        // After the last slash: a whole link will do.
        let text = String(given.split(separator: "/").last ?? "")
        if page {
            let (shown, isGood) = Self.question(text, key, pages)
            try put(shown)
            if !isGood { throw ExitCode(1) }
            return
        }
        let rules = try rules.load().detection
        let store: StateStore
        do throws(StateError) {
            store = try state.open(as: "answer", waitSeconds: 0)
        } catch {
            guard case .locked = error else { throw error }
            try takeBeside(text, key, pages)
            return
        }
        defer { store.close() }
        let result = try OwnerAnswering.take(
            text, key: key, rules: rules, in: store, now: wallTime())
        try put(
            html
                ? pages.outcome(result.outcome, language: result.language)
                : pages.words(result.outcome, language: result.language) + "\n"
                    + result.changed.map { AlertText.line($0) }.joined())
        if ![.mineDone, .notMineDone].contains(result.outcome) { throw ExitCode(1) }
    }

    /// Puts the answer down for the run that holds the state, as 'lastseen-server' does.
    private func takeBeside(_ text: String, _ key: AnswerKey, _ pages: AnswerPages) throws {
        var (outcome, language) = (AnswerPages.Outcome.invalid, "en")
        do throws(AnswerToken.Refusal) {
            let token = try AnswerToken.verify(text, key: key, now: wallTime())
            language = token.language
            let beside = try? StateStore(besideRunAt: state.path)
            defer { beside?.close() }
            outcome =
                beside.flatMap { try? AnswerBox.put(token, in: $0, now: wallTime()) } ?? .failed
        } catch {
            outcome = error == .expired ? .expired : .invalid
        }
        try put(
            html
                ? pages.outcome(outcome, language: language)
                : pages.words(outcome, language: language) + "\n")
        if outcome == .failed { throw ExitCode(75) }
        if ![.mineDone, .notMineDone].contains(outcome) { throw ExitCode(1) }
    }

    /// What GET shows; nothing is changed.
    private static func question(
        _ text: String, _ key: AnswerKey, _ pages: AnswerPages
    ) -> (page: String, isGood: Bool) {
        do throws(AnswerToken.Refusal) {
            let token = try AnswerToken.verify(text, key: key, now: wallTime())
            return (pages.question(token, text: text), true)
        } catch {
            return (pages.outcome(error == .expired ? .expired : .invalid, language: "en"), false)
        }
    }
}
