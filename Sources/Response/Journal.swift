public import SessionModel

/// What happened, before it has its place in the journal: a step of an action, or what a person
/// decided about an alert.
public struct JournalDraft: Sendable, Equatable {
    /// Wall time, passed in by the caller.
    public var time: Timestamp
    /// Who did it: `lastseen`, or a person's name.
    public var actor: String
    /// Empty when it is about none; so is `actionID`.
    public var alertID: String
    public var actionID: String
    /// One word: for an action, the state that it came to.
    public var what: String
    /// A JSON object; for an action `attempt`, `kind`, `target`, `connector` and `text` (what the
    /// target said or why, masked and cut). The first one of an action also has `revision` (of the
    /// alert), `rung` (what was decided), `decided_by` and `sent` (the message's `data`).
    public var detail: String

    public init(
        time: Timestamp, actor: String, alertID: String, actionID: String, what: String,
        detail: String
    ) {
        self.time = time
        self.actor = actor
        self.alertID = alertID
        self.actionID = actionID
        self.what = what
        self.detail = detail
    }

    /// A step of an action, which is as the step left it.
    public init(of action: OutboxAction, at time: Timestamp, text: String) {
        var json = JSONText()
        json.object {
            $0.number("attempt", action.attempts)
            $0.string("kind", action.planned.kind.name)
            $0.string("target", action.planned.target)
            $0.string("connector", action.planned.connector)
            $0.string("text", text)
            if action.attempts == 0, action.state == .planned || action.state == .waiting {
                $0.number("revision", action.alertRevision)
                $0.string("rung", (action.planned.rung ?? action.planned.kind).name)
                $0.string("decided_by", action.planned.decidedBy)
                $0.raw("sent", action.planned.data)
            }
        }
        self.init(
            time: time, actor: "lastseen", alertID: action.planned.alertID,
            actionID: action.planned.id, what: action.state.rawValue, detail: json.text)
    }

    /// What a person decided about an action, which is as that left it.
    ///
    public init(
        of action: OutboxAction, by person: Person, what: String, at time: Timestamp, text: String
    ) {
        var json = JSONText()
        json.object {
            $0.string("kind", action.planned.kind.name)
            $0.string("target", action.planned.target)
            $0.string("connector", action.planned.connector)
            $0.string("state", action.state.rawValue)
            if !person.stated.isEmpty { $0.string("stated_name", person.stated) }
            $0.string("text", plain(text, limit: 200))
        }
        self.init(
            time: time, actor: person.login, alertID: action.planned.alertID,
            actionID: action.planned.id, what: what, detail: json.text)
    }

    /// The breaker's opening, or a person's word that it may go on.
    public init(
        ofBreaker state: UserBreakerState, actor: String, stated: String = "", at time: Timestamp
    ) {
        var json = JSONText()
        json.object {
            $0.number("users", state.users)
            $0.number("limit", state.limit)
            if !stated.isEmpty { $0.string("stated_name", stated) }
        }
        self.init(
            time: time, actor: actor, alertID: "", actionID: "",
            what: state.isOpen ? "breaker-opened" : "breaker-resumed", detail: json.text)
    }

    /// What a verdict on an alert taught, and why it was given, as an entry's detail.
    public static func verdictDetail(
        note: String, devices: [String], networks: [String], places: [String]
    ) -> String {
        var json = JSONText()
        json.object {
            $0.string("note", note)
            $0.string("devices", devices.joined(separator: ", "))
            $0.string("networks", networks.joined(separator: ", "))
            $0.string("places", places.joined(separator: ", "))
        }
        return json.text
    }

    /// What of a user was forgotten, as it was, and why, as an entry's detail.
    public static func forgottenDetail(
        note: String, account: LearnedAccount, fact: LearnedFact, name: String
    ) -> String {
        var json = JSONText()
        json.object {
            $0.string("note", note)
            $0.string("tenant", plain(account.tenant, limit: 1000))
            $0.string("user", plain(account.userID, limit: 1000))
            $0.string("fact", fact.id)
            $0.string("kind", fact.kind.rawValue)
            $0.string("name", plain(name, limit: 200))
            $0.string("learned", fact.source.rawValue)
            $0.string("first_seen", fact.firstSeen.rfc3339)
            $0.string("last_seen", fact.lastSeen.rfc3339)
            $0.number("days", fact.days)
            $0.number("sightings", fact.sightings)
        }
        return json.text
    }

    /// The entry that follows `head`, the newest entry there is (nil for the first). To be called and
    /// stored in one transaction with the reading of `head`.
    public func chained(after head: JournalEntry?) -> JournalEntry {
        JournalEntry(
            sequence: (head?.sequence ?? 0) + 1, draft: self,
            previousHash: head?.hash ?? Journal.firstHash)
    }
}

/// Who decides something at the keyboard.
public struct Person: Sendable, Equatable {
    /// The login name.
    public var login: String
    /// The name given in its place; empty for none. The journal has both.
    public var stated: String

    public init(login: String, stated: String = "") {
        (self.login, self.stated) = (login, stated)
    }

    /// Who counts as having approved: `ann`, `bob (stated by ann)`.
    public var name: String {
        stated.isEmpty || stated == login ? login : "\(stated) (stated by \(login))"
    }
}

/// One step, with its place in the chain.
public struct JournalEntry: Sendable, Equatable {
    /// From 1, without gaps.
    public var sequence: Int64
    public var draft: JournalDraft
    /// The hash of the entry before: 64 hexadecimal digits; empty for the first.
    public var previousHash: String
    /// SHA-256 over `previousHash` and every field: 64 hexadecimal digits.
    public var hash: String

    /// For entries that are read back; `hash` is taken as stored, for `Journal.verify` to judge.
    public init(sequence: Int64, draft: JournalDraft, previousHash: String, hash: String) {
        self.sequence = sequence
        self.draft = draft
        self.previousHash = previousHash
        self.hash = hash
    }

    /// With the hash that belongs to it.
    public init(sequence: Int64, draft: JournalDraft, previousHash: String) {
        self.init(sequence: sequence, draft: draft, previousHash: previousHash, hash: "")
        hash = computedHash
    }

    /// As one line of JSON. The hash is over `detail` as it stands, which is why it is a text there.
    public var json: String {
        var json = JSONText()
        json.object {
            $0.number("sequence", Int(sequence))
            $0.string("time", draft.time.rfc3339)
            $0.string("actor", draft.actor)
            $0.string("alert_id", draft.alertID)
            $0.string("action_id", draft.actionID)
            $0.string("what", draft.what)
            $0.string("detail", draft.detail)
            $0.string("previous_hash", previousHash)
            $0.string("hash", hash)
        }
        return json.text
    }

    /// The hash that the fields give. Fields are netstrings, in this order, after a version word.
    public var computedHash: String {
        Digest.hex(
            Digest.sha256(
                Digest.canonical([
                    "lastseen-journal-1", previousHash, String(sequence),
                    String(draft.time.milliseconds), draft.actor, draft.alertID, draft.actionID,
                    draft.what, draft.detail,
                ])))
    }
}

/// The chain of hashes that shows an edit: each entry holds the hash of the one before.
///
/// A chain alone shows a changed, moved, inserted or removed entry, but not that its *end* was cut
/// off, nor that all of it was written anew. Keep the newest hash elsewhere (`respond status` prints
/// it) and give it as `head`.
public enum Journal {
    /// What the first entry has for the hash of the one before.
    public static let firstHash = ""

    /// Throws `journalBroken`, naming the first entry that does not fit.
    ///
    /// - Parameters:
    ///   - entries: all entries, in order.
    ///   - head: a hash noted earlier; it must be that of an entry, so that nothing up to it is gone.
    public static func verify(
        _ entries: some Sequence<JournalEntry>, head: String? = nil
    ) throws(ResponseError) {
        var verifier = JournalVerifier(head: head)
        for entry in entries { try verifier.take(entry) }
        try verifier.end()
    }
}

/// A journal's length, newest hash and fault, without its entries.
public struct JournalSummary: Sendable, Equatable {
    public private(set) var entries = 0
    /// To be noted elsewhere, so that a cut-off end is seen; empty for an empty journal.
    public private(set) var head = Journal.firstHash
    /// What is wrong, at the first entry that does not fit; nil when the journal is whole.
    public private(set) var fault: ResponseError?
    private var verifier: JournalVerifier

    /// - Parameter head: a hash noted earlier, if any.
    public init(head: String? = nil) { verifier = JournalVerifier(head: head) }

    /// Takes the next entry.
    public mutating func take(_ entry: JournalEntry) {
        entries += 1
        head = entry.hash
        guard fault == nil else { return }
        do { try verifier.take(entry) } catch { fault = error }
    }

    /// After the last entry: looks for the hash noted earlier.
    public mutating func end() {
        guard fault == nil else { return }
        do { try verifier.end() } catch { fault = error }
    }
}

/// `Journal.verify` for a journal that is read a page at a time.
public struct JournalVerifier: Sendable, Equatable {
    private var expected: Int64 = 1
    private var previous = Journal.firstHash
    private let head: String?
    private var isHeadSeen: Bool

    public init(head: String? = nil) {
        self.head = head
        isHeadSeen = head == nil || head == Journal.firstHash
    }

    /// Throws `journalBroken` unless the entry follows the one before.
    public mutating func take(_ entry: JournalEntry) throws(ResponseError) {
        if entry.sequence != expected {
            throw .journalBroken(
                sequence: expected,
                reason: entry.sequence > expected
                    ? "is missing" : "has the number \(entry.sequence)")
        }
        if entry.previousHash != previous {
            throw .journalBroken(
                sequence: expected, reason: "does not hold the hash of the entry before it")
        }
        if entry.computedHash != entry.hash {
            throw .journalBroken(
                sequence: expected, reason: "does not have the hash that its fields give")
        }
        if entry.hash == head { isHeadSeen = true }
        (previous, expected) = (entry.hash, expected + 1)
    }

    /// Throws `journalBroken` when the noted hash did not come.
    public func end() throws(ResponseError) {
        if !isHeadSeen {
            throw .journalBroken(
                sequence: expected, reason: "or a later one is missing: the noted hash is not there"
            )
        }
    }
}
