internal import Publishing
internal import Mustache
internal import SessionModel

/// What the owner of an account is told, in plain words and in order, and how it looks as text and
/// HTML.
struct OwnerMessage {
    /// What templates may name.
    static let names = [
        "language", "subject", "greeting", "intro", "over", "heading_seen", "seen", "label_when",
        "when", "label_where", "where", "label_device", "device", "label_account", "account",
        "where_note", "heading_done", "done", "links", "question", "mine", "mine_url", "mine_note",
        "notmine", "notmine_url", "notmine_note", "links_note", "heading_todo", "todo", "number",
        "text", "caution", "reference", "footer", "organization", "contact", "alert", "revision",
        "severity", "risk",
    ]

    /// Where the answers to "was this you?" lead.
    struct Links: Equatable {
        var mine: String
        var notMine: String
        var expires: Timestamp
    }

    let subject: String
    let text: String
    let html: String
    /// The parts by name, for a webhook.
    let parts: [(key: String, value: JSON)]

    /// - Parameters:
    ///   - notice: Its alert has the states of its actions as they are now.
    ///   - zone: The reader's; nil when it is not known.
    ///   - placeZone: That of the alert's place.
    ///   - isCautious: Whether the address is from the directory because the account's own may have
    ///     been changed.
    init(
        _ notice: Notice, book: ChannelBook, phrases: Phrases, phraseBook: PhraseBook, zone: Zone?,
        placeZone: Zone?, links: Links?, isCautious: Bool
    ) {
        let alert = notice.alert
        let naming = Naming(phrases: phrases)
        let contact = book.contact.isEmpty ? phrases.text("owner.contact") : book.contact
        let account = clean(alert.userName.isEmpty ? alert.userID : alert.userName, limit: 80)
        let place =
            naming.place(alert.place).map { phrases.text("place.approximate", ["place": $0]) }
            ?? phrases.text("place.unknown")
        let subjectPlace = naming.place(alert.place) ?? phrases.text("place.unknown")
        let device = naming.device(alert.deviceLabel)
        let when = naming.when(alert.time, reader: zone, place: placeZone)
        let suffix = notice.kind == .changed ? ".changed" : notice.kind == .over ? ".over" : ""
        let subject = phrases.text("owner.subject" + suffix, ["place": subjectPlace])

        var seen: [String] = []
        for finding in alert.findings {
            let words = phrases.seen(rule: finding.rule)
            if !seen.contains(words) { seen.append(words) }
        }
        if seen.isEmpty { seen = [phrases.text("seen.other")] }
        let doneKinds = alert.actions.filter { ["done", "already-so"].contains($0.state) }.map(
            \.kind)
        var done: [String] = []
        for kind in doneKinds where phrases.has("done.\(kind)") {
            let words = phrases.text("done.\(kind)")
            if !done.contains(words) { done.append(words) }
        }
        if done.isEmpty { done = [phrases.text("owner.done.none")] }
        let todo = Self.steps(
            alert, done: Set(doneKinds), phrases: phrases, device: device, contact: contact,
            hasLinks: links != nil)

        var values: [String: Any] = [
            "language": phrases.language, "subject": subject,
            "greeting": phrases.text("owner.greeting"),
            "intro": phrases.text("owner.intro" + suffix, ["account": account]),
            "over": notice.kind == .over,
            "heading_seen": phrases.text("owner.seen"), "seen": Array(seen.prefix(6)),
            "label_when": phrases.text("owner.when"), "when": when,
            "label_where": phrases.text("owner.where"), "where": place,
            "label_device": phrases.text("owner.device"), "device": device,
            "label_account": phrases.text("owner.account"), "account": account,
            "where_note": phrases.text("owner.where.note"),
            "heading_done": phrases.text("owner.done"), "done": done,
            "question": phrases.text("owner.question"),
            "heading_todo": phrases.text("owner.todo"),
            "todo": todo.enumerated().map { ["number": "\($0.offset + 1)", "text": $0.element] },
            "reference": phrases.text("owner.reference", ["alert": alert.id]),
            "footer": phrases.text(
                "owner.footer",
                book.organization.isEmpty
                    ? ["contact": contact]
                    : ["contact": contact, "organization": book.organization]),
            "organization": book.organization, "contact": contact, "alert": alert.id,
            "revision": "\(alert.revision)", "severity": alert.severity.name,
            "risk": "\(alert.risk)",
            "links": links != nil,
        ]
        if isCautious { values["caution"] = phrases.text("owner.caution") }
        var parts: [(key: String, value: JSON)] = [
            ("language", .text(phrases.language)), ("subject", .text(subject)),
            ("account", .text(account)), ("over", .flag(notice.kind == .over)),
            ("seen", .array(seen.prefix(6).map { .text($0) })), ("when", .text(when)),
            ("where", .text(place)), ("device", .text(device)),
            ("done", .array(done.map { .text($0) })), ("todo", .array(todo.map { .text($0) })),
        ]
        if let links {
            values["mine"] = phrases.text("owner.mine")
            values["mine_url"] = links.mine
            values["mine_note"] = phrases.text("owner.mine.note")
            values["notmine"] = phrases.text("owner.notmine")
            values["notmine_url"] = links.notMine
            values["notmine_note"] = phrases.text("owner.notmine.note")
            values["links_note"] = phrases.text(
                "owner.links.note",
                ["expires": naming.when(links.expires, reader: zone, place: nil)])
            parts.append(
                (
                    "links",
                    .object([
                        ("mine", .text(links.mine)), ("not_mine", .text(links.notMine)),
                        ("expires", .text(links.expires.rfc3339)),
                    ])
                ))
        }
        self.subject = subject
        self.parts = parts
        text = phraseBook.textTemplate.render(values)
        html = phraseBook.htmlTemplate.render(values)
    }

    /// First out with whoever is in, then keep them out.
    private static func steps(
        _ alert: Alert, done: Set<String>, phrases: Phrases, device: String, contact: String,
        hasLinks: Bool
    ) -> [String] {
        let isLoggedOut = !done.isDisjoint(with: [
            Rung.logOutSession.name, Rung.logOutOthers.name, Rung.logOutEverywhere.name,
        ])
        let isForced = done.contains(Rung.requirePasswordChange.name)
        let rules = Set(alert.findings.map(\.rule))
        var steps = [
            isLoggedOut
                ? phrases.text("todo.logout.done")
                : phrases.text("todo.logout", ["device": device]),
            phrases.text(isForced ? "todo.password.forced" : "todo.password"),
            phrases.text("todo.factors"),
        ]
        if !rules.isDisjoint(with: [
            "failures-then-success", "password-spray", "credential-stuffing",
        ]) {
            steps.append(phrases.text("todo.elsewhere"))
        }
        steps.append(
            hasLinks
                ? phrases.text("todo.report")
                : phrases.text("todo.report.nolink", ["contact": contact]))
        return steps
    }
}

/// Where an owner is reached, and how sure that is.
enum OwnerAddress {
    case known(PeopleDirectory.Person, isCautious: Bool)
    /// For a person: why there is none.
    case none(String)

    /// Rules whose findings say that contact details, or what guards them, were changed: from then on
    /// an address that the account itself has may be the intruder's.
    static let contactRules: Set = ["sensitive-change", "login-after-reset"]

    static func find(for alert: Alert, in book: ChannelBook) -> OwnerAddress {
        let isChanged = alert.findings.contains { contactRules.contains($0.rule) }
        if let person = book.directory.person(id: alert.userID, name: alert.userName) {
            return .known(person, isCautious: isChanged)
        }
        if isChanged {
            return .none(
                "contact details of the account were changed, and the directory does not have the user"
            )
        }
        for text in [alert.userName, alert.userID] {
            guard let mail = MailAddress(text) else { continue }
            guard book.domains.contains(mail.domain) else {
                return .none("the user's name is an address outside 'domains'")
            }
            return .known(
                PeopleDirectory.Person(mail: mail, language: "", zone: nil), isCautious: false)
        }
        return .none("the directory does not have the user, and the user's name is no address")
    }
}
