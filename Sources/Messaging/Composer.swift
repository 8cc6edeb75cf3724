internal import Publishing
internal import Glibc
internal import Response
internal import SessionModel

/// Makes messages: what a channel is sent for an alert, without asking anybody.
struct Composer: Sendable {
    let book: ChannelBook
    let phraseBook: PhraseBook
    /// The zone of an alert's place, where it is known.
    let placeZone: @Sendable (Alert) -> Zone?

    /// What names this machine to others.
    private static let source: String = {
        var room = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&room, room.count - 1) == 0 else { return "lastseen" }
        let name = String(
            decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.isEmpty ? "lastseen" : name
    }()

    /// The message, or why there is nobody to send it to.
    enum Composed {
        case message(Outgoing)
        case nobody(String)
    }

    /// - Parameter notice: With the alert as the state has it; what the channel may not see is
    ///   taken out here.
    func message(_ notice: Notice, on channel: Channel) -> Composed {
        if channel.audience == .owner { return owner(notice, channel) }
        let phrases = phraseBook.phrases(channel.language)
        var notice = notice
        notice.alert = channel.privacy.shown(notice.alert, phrases)
        switch channel.delivery {
        case .mail(let mail):
            return .message(.mail(teamMail(notice, phrases, mail), mail))
        case .slackBot(let token, let conversation, let api, let reach):
            var body = SlackForm.message(notice, phrases)
            let parts = notice.remoteID.split(separator: " ").map(String.init)
            let amends = parts.count == 2
            body.insert(("channel", .text(amends ? parts[0] : conversation)), at: 0)
            if amends { body.insert(("ts", .text(parts[1])), at: 1) }
            return .message(
                .http(
                    OutgoingRequest(
                        method: "POST", url: api + (amends ? "/chat.update" : "/chat.postMessage"),
                        bearer: token, body: .object(body), reach: reach)))
        case .hook(let url, let reach):
            return .message(.http(hook(notice, phrases, channel.kind, url, reach)))
        case .pagerDuty(let key, let url, let reach):
            return .message(
                .http(
                    OutgoingRequest(
                        method: "POST", url: url, routingKey: key,
                        body: PagerDutyForm.message(notice, phrases, source: Self.source),
                        reach: reach)))
        case .webhook(let url, let secret, let reach):
            return .message(
                .http(webhook(url, secret, notice.key, WebhookForm.message(notice), reach)))
        }
    }

    private func hook(
        _ notice: Notice, _ phrases: Phrases, _ kind: Channel.Kind, _ url: SecretValue,
        _ reach: Delivery.Reach
    ) -> OutgoingRequest {
        var request = OutgoingRequest(
            method: "POST", url: "", secretURL: url, body: .null, reach: reach)
        switch kind {
        case .teams: request.body = TeamsForm.message(notice, phrases)
        case .discord:
            request.body = DiscordForm.message(notice, phrases)
            if notice.remoteID.isEmpty {
                request.url = "?wait=true"
            } else {
                request.method = "PATCH"
                request.url = "/messages/\(notice.remoteID)"
            }
        default: request.body = .object(SlackForm.message(notice, phrases))
        }
        return request
    }

    private func webhook(
        _ url: SecretValue, _ secret: SecretValue, _ id: String, _ body: JSON,
        _ reach: Delivery.Reach
    ) -> OutgoingRequest {
        OutgoingRequest(
            method: "POST", url: "", secretURL: url, signing: (secret, id), body: body,
            reach: reach)
    }

    // MARK: - Several in one, and tests

    func gathered(_ gathering: Gathering, on channel: Channel) -> Outgoing {
        let phrases = phraseBook.phrases(channel.language)
        var gathering = gathering
        for i in gathering.notices.indices {
            gathering.notices[i].alert = channel.privacy.shown(gathering.notices[i].alert, phrases)
        }
        let words = GatheredWords(gathering, phrases)
        return plain(
            on: channel, id: gathering.key, at: gathering.created, subject: words.headline,
            text: ([words.note] + words.lines.map { "- \($0)" } + [words.more])
                .filter { !$0.isEmpty }.joined(separator: "\n"),
            slack: SlackForm.gathered(gathering, phrases),
            teams: TeamsForm.gathered(gathering, phrases),
            discord: DiscordForm.gathered(gathering, phrases),
            webhook: WebhookForm.gathered(gathering))
    }

    /// Says that it is a test.
    func test(on channel: Channel, at now: Timestamp) -> Outgoing {
        let text = phraseBook.phrases(channel.language).text("team.test", ["channel": channel.name])
        return plain(
            on: channel, id: "test-\(channel.name)-\(now.milliseconds)", at: now,
            subject: "Lastseen: test", text: text, slack: SlackForm.note(text),
            teams: TeamsForm.note(text), discord: DiscordForm.note(text),
            webhook: WebhookForm.note(text, at: now))
    }

    private func plain(
        on channel: Channel, id: String, at time: Timestamp, subject: String, text: String,
        slack: [(key: String, value: JSON)], teams: JSON, discord: JSON, webhook body: JSON
    ) -> Outgoing {
        switch channel.delivery {
        case .mail(let mail):
            return .mail(
                MailMessage(
                    from: mail.from, fromName: mail.fromName,
                    // A test of an owner's channel goes to ourselves.
                    to: mail.recipients.isEmpty ? [mail.from] : mail.recipients, subject: subject,
                    date: time, messageID: MailMessage.messageID(key: id, from: mail.from),
                    replyTo: "", language: channel.language, text: text + "\n", html: ""), mail)
        case .slackBot(let token, let conversation, let api, let reach):
            return .http(
                OutgoingRequest(
                    method: "POST", url: api + "/chat.postMessage", bearer: token,
                    body: .object([("channel", .text(conversation))] + slack), reach: reach))
        case .hook(let url, let reach):
            let form: JSON =
                channel.kind == .teams
                ? teams : channel.kind == .discord ? discord : .object(slack)
            return .http(
                OutgoingRequest(
                    method: "POST", url: channel.kind == .discord ? "?wait=true" : "",
                    secretURL: url, body: form, reach: reach))
        case .pagerDuty(let key, let url, let reach):
            return .http(
                OutgoingRequest(
                    method: "POST", url: url, routingKey: key,
                    body: PagerDutyForm.note(text, id: id, source: Self.source), reach: reach))
        case .webhook(let url, let secret, let reach):
            return .http(webhook(url, secret, id, body, reach))
        }
    }

    // MARK: - Mail to a team

    private func teamMail(
        _ notice: Notice, _ phrases: Phrases, _ mail: MailDelivery
    ) -> MailMessage {
        let words = TeamWords(notice, phrases)
        var text = words.headline + "\n"
        if !words.standing.isEmpty { text += words.standing + "\n" }
        text += "\n" + words.summary + "\n\n"
        for fact in words.facts { text += "\(fact.label): \(fact.value)\n" }
        func add(_ key: String, _ items: [String], isOrdered: Bool = false) {
            guard !items.isEmpty else { return }
            text += "\n\(phrases.text(key))\n"
            for (index, item) in items.enumerated() {
                text += isOrdered ? "  \(index + 1). \(item)\n" : "  - \(item)\n"
            }
        }
        add("team.reasons", words.reasons)
        add("team.steps", words.steps, isOrdered: true)
        add("team.done", words.done)
        add("team.waiting", words.waiting)
        text += "\n\(words.reference)\n"
        let standing = words.standing.isEmpty ? "" : "[\(words.standing)] "
        return MailMessage(
            from: mail.from, fromName: mail.fromName, to: mail.recipients,
            subject: standing + words.headline, date: notice.created,
            messageID: MailMessage.messageID(key: notice.key, from: mail.from),
            replyTo: notice.firstKey.isEmpty
                ? "" : MailMessage.messageID(key: notice.firstKey, from: mail.from),
            language: phrases.language, text: text, html: "")
    }

    // MARK: - The owner

    private func owner(_ notice: Notice, _ channel: Channel) -> Composed {
        let person: PeopleDirectory.Person
        let isCautious: Bool
        switch OwnerAddress.find(for: notice.alert, in: book) {
        case .none(let reason): return .nobody(reason)
        case .known(let found, let caution): (person, isCautious) = (found, caution)
        }
        let language = person.language.isEmpty ? channel.language : person.language
        let phrases = phraseBook.phrases(language)
        var shown = notice
        // To their owner, account and device are no secrets; addresses of others' networks may be.
        if channel.privacy != .full {
            shown.alert.place =
                channel.privacy == .coarse
                ? Place(country: notice.alert.place.country) : Place()
        }
        let message = OwnerMessage(
            shown, book: book, phrases: phrases, phraseBook: phraseBook, zone: person.zone,
            placeZone: channel.privacy == .full ? placeZone(notice.alert) : nil,
            links: notice.kind == .over ? nil : links(notice, phrases.language),
            isCautious: isCautious)
        switch channel.delivery {
        case .mail(let mail):
            return .message(
                .mail(
                    MailMessage(
                        from: mail.from, fromName: mail.fromName, to: [person.mail],
                        subject: message.subject, date: notice.created,
                        messageID: MailMessage.messageID(key: notice.key, from: mail.from),
                        replyTo: notice.firstKey.isEmpty
                            ? "" : MailMessage.messageID(key: notice.firstKey, from: mail.from),
                        language: phrases.language, text: message.text, html: message.html), mail))
        case .webhook(let url, let secret, let reach):
            return .message(
                .http(
                    webhook(
                        url, secret, notice.key, WebhookForm.owner(shown, message, to: person),
                        reach)))
        case .hook, .slackBot, .pagerDuty:
            return .nobody("an owner is reached by mail or webhook only")
        }
    }

    private func links(_ notice: Notice, _ language: String) -> OwnerMessage.Links? {
        guard let key = book.linkKey, !book.linkBase.isEmpty else { return nil }
        let expires = Timestamp(
            milliseconds: notice.created.milliseconds / 1000 * 1000
                + Int64(book.linkDays) * 86_400_000)
        func link(_ answer: OwnerAnswer) -> String {
            let token = AnswerToken(
                alertID: notice.alert.id, revision: notice.alert.revision, answer: answer,
                language: language, expires: expires)
            return "\(book.linkBase)/answer/\(token.text(key: key))"
        }
        return OwnerMessage.Links(mine: link(.mine), notMine: link(.notMine), expires: expires)
    }
}
