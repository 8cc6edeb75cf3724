public import SessionModel

/// What was learned of one user, and how: for a person, and as lines of JSON.
///
/// Names of devices and organisations are written by others, attackers among them.
public struct LearnedPage: Sendable {
    public let account: LearnedAccount

    public init(_ account: LearnedAccount) { self.account = account }

    /// What a fact is about, in words. May still hold text of an attacker's.
    public static func name(_ fact: LearnedFact) -> String {
        switch fact.subject {
        case .device(let label, let id):
            label.isEmpty
                ? (id.isEmpty ? "Unknown" : id) : id.isEmpty ? label : "\(label) (\(id))"
        case .network(let prefix, let network):
            joined(prefix, Wording.provider(network))
        case .provider(let prefix, let network):
            joined(
                prefix, Wording.provider(network),
                orElse: "not named: none of its networks is known now")
        case .place(let place): Wording.place(place)
        case .country(let code): code
        case .hours(let counts):
            counts.enumerated().filter { $0.element > 0 }
                .map { "\($0.offset < 10 ? "0" : "")\($0.offset):00 (\($0.element))" }
                .joined(separator: ", ") + " UTC"
        }
    }

    private static func joined(_ first: String, _ second: String, orElse: String = "") -> String {
        let parts = [first, second].filter { !$0.isEmpty }
        return parts.isEmpty ? orElse : parts.joined(separator: " · ")
    }

    /// How it was learned.
    static func source(_ fact: LearnedFact) -> String {
        switch fact.source {
        case .first: "there from the user's first record on"
        case .dismissed: "taught by dismissing an alert"
        case .days: "seen on \(Wording.plural(fact.days, "day"))"
        case .sighting: "seen on one day"
        case .alert:
            fact.standing == .familiar
                ? "named by an alert, and seen on \(Wording.plural(fact.days, "day")) all the same"
                : "named by an alert, and so not learned"
        case .confirmed: "confirmed to be an intruder's"
        case .counted: "each hour with a record counted once"
        }
    }

    private static func heading(_ kind: LearnedFact.Kind) -> String {
        switch kind {
        case .device: "Devices"
        case .network: "Networks"
        case .provider: "Providers"
        case .place: "Places"
        case .country: "Countries"
        case .hours: "Hours"
        }
    }

    // MARK: - Text

    public func text(style: TextStyle = TextStyle()) -> String {
        var page = TextPage(style: style)
        let (id, name) = (account.userID, account.userName)
        var who = SafeText.visible(name.isEmpty ? id : name, limit: 200)
        if !name.isEmpty, name != id { who += " (\(SafeText.visible(id, limit: 200)))" }
        if !account.tenant.isEmpty {
            who += " in tenant \(SafeText.visible(account.tenant, limit: 200))"
        }
        page.paragraph("Learned of \(who)", ink: .bold)
        guard let first = account.firstUse, !account.facts.isEmpty else {
            page.paragraph("Nothing: no record shows the account in use.")
            return page.text
        }
        page.paragraph(
            "from \(Wording.plural(account.sightings, "sighting")) since \(first.humanReadable)")
        var kind: LearnedFact.Kind?
        for fact in account.facts {
            if fact.kind != kind {
                kind = fact.kind
                page.blank()
                page.line(style.paint(Self.heading(fact.kind), .bold))
            }
            write(fact, in: &page)
        }
        return page.text
    }

    private func write(_ fact: LearnedFact, in page: inout TextPage) {
        let lead = "  \(account.shortID(fact))  "
        let margin = String(repeating: " ", count: lead.count)
        page.paragraph(lead: lead, SafeText.visible(Self.name(fact)), leadInk: .dim)
        var how = Self.source(fact)
        if let standing = fact.standing { how = "\(standing.rawValue): \(how)" }
        if !fact.alertIDs.isEmpty { how += " (\(fact.alertIDs.joined(separator: ", ")))" }
        page.paragraph(
            lead: margin, how, ink: fact.standing == .stranger ? .boldRed : nil)
        let count =
            fact.kind == .hours
            ? Wording.plural(fact.sightings, "hour") : Wording.plural(fact.sightings, "sighting")
        page.paragraph(
            lead: margin,
            "\(count) on \(Wording.plural(fact.days, "day")), \(fact.firstSeen.humanReadable) to"
                + " \(fact.lastSeen.humanReadable)", ink: .dim)
    }

    // MARK: - JSON

    /// One object a fact and line.
    public var ndjson: [UInt8] {
        var out: [UInt8] = []
        for fact in account.facts { write(fact, into: &out) }
        return out
    }

    private func write(_ fact: LearnedFact, into out: inout [UInt8]) {
        out.append(json: "{\"id\":")
        out.append(jsonString: account.shortID(fact))
        out.append(json: ",\"tenant\":")
        out.append(jsonString: account.tenant)
        out.append(json: ",\"user\":{\"id\":")
        out.append(jsonString: account.userID)
        out.append(json: ",\"name\":")
        out.append(jsonString: account.userName)
        out.append(json: "},\"kind\":")
        out.append(jsonString: fact.kind.rawValue)
        write(fact.subject, into: &out)
        out.append(json: ",\"learned\":")
        out.append(jsonString: fact.source.rawValue)
        out.append(json: ",\"standing\":")
        if let standing = fact.standing {
            out.append(jsonString: standing.rawValue)
        } else {
            out.append(json: "null")
        }
        out.append(json: ",\"first_seen\":")
        out.append(jsonTime: fact.firstSeen)
        out.append(json: ",\"last_seen\":")
        out.append(jsonTime: fact.lastSeen)
        out.append(json: ",\"days\":")
        out.append(jsonInteger: fact.days)
        out.append(json: ",\"sightings\":")
        out.append(jsonInteger: fact.sightings)
        out.append(json: ",\"alerts\":")
        AlertJSON.write(strings: fact.alertIDs, into: &out)
        out.append(json: "}\n")
    }

    private func write(_ subject: LearnedFact.Subject, into out: inout [UInt8]) {
        switch subject {
        case .device(let label, let id):
            out.append(json: ",\"device\":{\"id\":")
            out.append(jsonString: id)
            out.append(json: ",\"label\":")
            out.append(jsonString: label)
            out.append(UInt8(ascii: "}"))
        case .network(let prefix, let network), .provider(let prefix, let network):
            out.append(json: ",\"prefix\":")
            out.append(jsonString: prefix)
            out.append(json: ",\"network\":")
            AlertJSON.write(network, into: &out)
        case .place(let place):
            out.append(json: ",\"place\":")
            AlertJSON.write(place, into: &out)
        case .country(let code):
            out.append(json: ",\"country\":")
            out.append(jsonString: code)
        case .hours(let counts):
            out.append(json: ",\"hours_utc\":")
            AlertJSON.write(counts, into: &out) { $1.append(jsonInteger: $0) }
        }
    }
}
