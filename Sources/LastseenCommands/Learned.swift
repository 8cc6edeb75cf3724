import ArgumentParser
import Detection
import Glibc
import Pipeline
import Publishing
import RuleBook
import SessionModel
import StateStore

struct Learned: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what was learned of a user, and how; have it forgotten.",
        discussion: """
            Devices, networks, providers, places, countries and hours, each with its first and last \
            sighting, on how many days and how often it was seen, and how it was learned: it was there \
            from the user's first record on, was seen on several days, was taught by dismissing an alert; \
            or an alert named it, so that it is not learned by being seen again soon; or a person confirmed \
            that it is an intruder's. 'familiar' is the user's own, 'known' no more than no longer \
            new, 'stranger' what an alert or a person says is somebody else's.

              lastseen learned u1
              lastseen learned u1 --tenant acme --json > learned.ndjson
              lastseen learned u1 --forget 1a2b3c4d --note 'sold the laptop'

            --forget takes the id that is printed before a fact, and has it forgotten: it is new when it is \
            next seen. What was seen of it stays judged as it was, also when a late record has the newest \
            ones judged again; one that comes after --lateness teaches as ever. The user's other facts stay: \
            a network that is new is still let pass at a known place of a known provider, until those are \
            forgotten too; and a user with no device left learns the next one in silence. What a person \
            confirmed to be an intruder's is not forgotten: 'alerts dismiss' takes that back. Who did it, \
            when and why is in the journal.

            Both work beside a run that holds the state: 'watch' forgets within a second, another run when \
            it has ended; what waits longer than --wait is forgotten by the next run.

            Exit statuses: 0, 64 misuse, 66 no such user or fact, or no state yet, 75 too much \
            waits for a run.
            """)

    @Argument(help: "The user's id, as the records have it.")
    var user: String
    @Option(name: .long, help: "The user's tenant, where records name one.")
    var tenant = ""
    @Flag(name: .long, help: "As NDJSON, one object a fact.")
    var json = false
    @Option(
        name: .long,
        help: ArgumentHelp("Forget this: the id before it, 8 digits or more.", valueName: "id"))
    var forget: String?
    @Option(name: .long, help: ArgumentHelp("Why; kept in the journal.", valueName: "text"))
    var note = ""
    @OptionGroup var rules: RuleOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var color: ColorOption

    func validate() throws {
        guard let forget else {
            if !note.isEmpty { throw ValidationError("--note is for --forget.") }
            return
        }
        if json { throw ValidationError("Use --forget or --json, not both.") }
        guard note.utf8.count <= VerdictOptions.noteLimit else {
            throw ValidationError(
                "--note has \(note.utf8.count) bytes. Use \(VerdictOptions.noteLimit) at most.")
        }
        guard (LearnedAccount.shortIDDigits...LearnedAccount.idDigits).contains(forget.utf8.count),
            forget.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else {
            throw ValidationError(
                "'\(SafeText.visible(forget, limit: 40))' is no fact's id. Give the"
                    + " \(LearnedAccount.shortIDDigits) hexadecimal digits before it.")
        }
    }

    func run() throws {
        let rules = try rules.load().detection
        let account = try account(rules)
        guard let forget else {
            let page = LearnedPage(account)
            return try put(
                json
                    ? String(decoding: page.ndjson, as: UTF8.self) : page.text(style: color.style))
        }
        let found = account.facts(beginning: forget)
        guard let fact = found.first, found.count == 1 else {
            throw found.isEmpty
                ? missing(forget)
                : Misuse("\(found.count) facts begin with \(forget); give all digits")
        }
        if fact.source == .confirmed { throw refusal(fact) }
        let store: StateStore
        do throws(StateError) {
            store = try state.open(as: "learned --forget", waitSeconds: 0)
        } catch {
            guard case .locked = error else { throw error }
            return try forgetBeside(fact, rules)
        }
        defer { store.close() }
        let forgetting = try Correcting.forget(
            fact.id, of: user, tenant: tenant, by: PersonOptions.login, note: note, in: store,
            rules: rules, now: wallTime())
        switch forgetting {
        case .forgotten(let fact): try put(text(fact))
        case .isIntruders(let fact): throw refusal(fact)
        // It went meanwhile.
        case .unknown, nil: throw missing(forget)
        }
    }

    /// Has the correction wait for the run that holds the state, and waits until it, or this program
    /// after it, has taken it.
    private func forgetBeside(_ fact: LearnedFact, _ rules: [DetectionRule]) throws {
        let beside = try StateStore(besideRunAt: state.path)
        defer { beside.close() }
        let place = try WaitingVerdicts.put(
            forgetting: fact.id, of: user, tenant: tenant, by: PersonOptions.login, note: note,
            in: beside, now: wallTime())
        guard let place else { throw Misuse("too many corrections wait for a run", exitCode: 75) }
        for _ in 0...Int(min(state.wait, 86_400) * 10) {
            if let store = try? state.open(as: "learned --forget", waitSeconds: 0) {
                defer { store.close() }
                try WaitingVerdicts.take(in: store, rules: rules, now: wallTime())
            }
            guard try beside.waitingVerdicts().contains(where: { $0.sequence == place }) else {
                // It may have been confirmed to be an intruder's meanwhile, or be seen again already.
                let left = try account(rules).facts.first { $0.id == fact.id }
                if let left, left.source == .confirmed { throw refusal(left) }
                return try put(text(fact))
            }
            usleep(100_000)
        }
        try put(
            "\(SafeText.visible(LearnedPage.name(fact), limit: 200)) will be forgotten by the next run:"
                + " one holds the state.\n")
    }

    private func account(_ rules: [DetectionRule]) throws -> LearnedAccount {
        let store = try state.openForReading(as: "learned")
        defer { store.close() }
        let account = try LearnedLookup.account(of: user, tenant: tenant, in: store, rules: rules)
        guard let account else {
            throw try UnknownUser.error(user, tenant: tenant, for: "learned", in: store)
        }
        return account
    }

    private func missing(_ id: String) -> Misuse {
        Misuse(
            "nothing that is known of '\(SafeText.visible(user, limit: 100))' has the id \(id)."
                + " 'lastseen learned' lists the ids.", exitCode: 66)
    }

    private func refusal(_ fact: LearnedFact) -> Misuse {
        let alerts = fact.alertIDs.joined(separator: " ")
        return Misuse(
            "\(SafeText.visible(LearnedPage.name(fact), limit: 200)): a person confirmed that it is an"
                + " intruder's, and that is not forgotten. To take it back: lastseen alerts dismiss "
                + (alerts.isEmpty ? "ID (the alert that was confirmed)" : alerts))
    }

    private func text(_ fact: LearnedFact) -> String {
        "Forgotten of \(SafeText.visible(user, limit: 100)): "
            + "\(SafeText.visible(LearnedPage.name(fact), limit: 200)). It is new when it is next seen.\n"
    }
}
