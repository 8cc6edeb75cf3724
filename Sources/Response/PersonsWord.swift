public import SessionModel
public import StateStore

/// What persons decide about planned actions: approve, deny, have one tried again, let acting go on
/// after the breaker, or have a step taken back. Each is one transaction with its journal entry, and
/// may be made beside a run that holds the state (`StateStore.init(besideRunAt:)`).
public enum PersonsWord {
    /// What came of it.
    public enum Result: Sendable, Equatable {
        /// The action after it.
        case taken(OutboxAction)
        /// Nothing was changed; why, for a person.
        case refused(String)
    }

    /// Approves an action that waits for it. With the last approval needed it is to be sent.
    ///
    /// One person counts once: the step has as many persons behind it as the policy asks for.
    public static func approve(
        _ id: String, by person: Person, at now: Timestamp, in store: StateStore
    ) throws(ResponseError) -> Result {
        try change(id, in: store) { action in
            guard action.state == .waiting else { return .refused(standing(action)) }
            guard action.due > now else {
                return .refused("its time for approval was over at \(action.due.humanReadable)")
            }
            // The login is who it was; a name that was only stated makes nobody a second person.
            if action.approvals.contains(where: {
                $0 == person.name || login(of: $0) == person.login
            }) {
                return .refused("\(person.login) has approved it already; another person has to")
            }
            var approved = action
            approved.approvals.append(person.name)
            let count = approved.approvals.count
            let needed = max(1, action.planned.approvalsNeeded)
            if count >= needed {
                approved.state = .planned
                approved.due = now
                approved.planned.note = ""
            } else {
                approved.planned.note =
                    "approved by \(plain(approved.approvals.joined(separator: ", "), limit: 100)); waits for "
                    + "\(needed - count) more"
            }
            return .change(
                approved,
                JournalDraft(
                    of: approved, by: person, what: "approved", at: now,
                    text: "\(count) of \(needed)"))
        }
    }

    /// Says that an action is not to be done: one that waits for approval, or was not begun yet.
    public static func deny(
        _ id: String, by person: Person, at now: Timestamp, in store: StateStore
    ) throws(ResponseError) -> Result {
        try change(id, in: store) { action in
            guard action.state == .waiting || action.state == .planned || action.state == .retrying
            else { return .refused(standing(action)) }
            var denied = action
            denied.state = .denied
            denied.planned.note = "denied by \(plain(person.name, limit: 150))"
            return .change(
                denied,
                JournalDraft(of: denied, by: person, what: "denied", at: now, text: ""))
        }
    }

    /// States of which a person may have an action tried again.
    public static let retryable: [ActionState] = [.dead, .failed, .refused, .unknown]

    /// Has an action that was given up tried again from the start of the schedule, under its own key.
    public static func retry(
        _ id: String, by person: Person, at now: Timestamp, in store: StateStore
    ) throws(ResponseError) -> Result {
        try change(id, in: store) { action in
            guard retryable.contains(action.state) else { return .refused(standing(action)) }
            var again = action
            // What may have happened once is asked for before it is repeated.
            again.state = action.state == .unknown ? .unanswered : .retrying
            again.attempts = 0
            again.due = now
            again.planned.note = "to be tried again"
            return .change(
                again,
                JournalDraft(
                    of: again, by: person, what: "retry", at: now, text: action.state.rawValue))
        }
    }

    /// Lets acting go on after the breaker opened. Returns the state before; nothing changes when it
    /// is closed.
    public static func resume(
        by person: Person, at now: Timestamp, in store: StateStore
    ) throws(ResponseError) -> UserBreakerState {
        let before = try StoreOutbox.breaker(in: store)
        guard before.isOpen else { return before }
        var after = before
        after.openedAt = nil
        after.resumedAt = now
        try StoreOutbox.setBreaker(
            after,
            journal: JournalDraft(
                ofBreaker: after, actor: person.login, stated: person.stated, at: now), in: store)
        return before
    }

    /// Takes back a step that was done, where its connector can.
    ///
    /// Calls the target and waits. A run that is killed in between leaves the step as done, and it can
    /// be taken back again: inverses may be repeated.
    public static func undo(
        _ id: String, with connectors: [any Connector], by person: Person, at now: Timestamp,
        in store: StateStore
    ) throws(ResponseError) -> Result {
        guard let action = try action(id, in: store) else {
            return .refused("there is no such action")
        }
        guard action.state == .done || action.state == .alreadySo || action.state == .unknown else {
            return .refused(standing(action))
        }
        guard let connector = connectors.first(where: { $0.name == action.planned.connector })
        else {
            return .refused(
                "its connector '\(plain(action.planned.connector, limit: 64))' is not set up")
        }
        guard let answer = connector.undo(action.planned, at: now) else {
            return .refused("\(connector.name) cannot take back \(action.planned.kind.name)")
        }
        guard [.done, .alreadySo, .notNeeded].contains(answer.outcome) else {
            try StoreOutbox.reading { () throws in
                _ = try store.commit { transaction in
                    try StoreOutbox.append(
                        JournalDraft(
                            of: action, by: person, what: "undo-\(answer.outcome.rawValue)",
                            at: now,
                            text: answer.detail), to: &transaction)
                }
            }
            return .refused("\(connector.name) did not take it back: \(answer.detail)")
        }
        return try change(id, in: store) { current in
            guard current.state == action.state, current.attempts == action.attempts else {
                return .refused(standing(current))
            }
            var undone = current
            undone.state = .undone
            undone.planned.note = "taken back by \(plain(person.name, limit: 100))"
            return .change(
                undone,
                JournalDraft(of: undone, by: person, what: "undone", at: now, text: answer.detail))
        }
    }

    // MARK: -

    private enum Decision {
        case change(OutboxAction, JournalDraft)
        case refused(String)
    }

    private static func change(
        _ id: String, in store: StateStore, _ decide: (OutboxAction) -> Decision
    ) throws(ResponseError) -> Result {
        try StoreOutbox.reading { () throws in
            try store.commit { transaction in
                guard var row = try transaction.action(id: id) else {
                    return .refused("there is no such action")
                }
                switch decide(try StoreOutbox.action(row)) {
                case .refused(let why): return .refused(why)
                case .change(let action, let draft):
                    StoreOutbox.fill(&row, from: action, at: draft.time)
                    try transaction.updateAction(row)
                    try StoreOutbox.append(draft, to: &transaction)
                    return .taken(action)
                }
            }
        }
    }

    private static func action(
        _ id: String, in store: StateStore
    ) throws(ResponseError) -> OutboxAction? {
        try StoreOutbox.reading { () throws in try store.action(id: id).map(StoreOutbox.action) }
    }

    private static func standing(_ action: OutboxAction) -> String {
        "it is \(action.state.rawValue)"
            + (action.planned.note.isEmpty ? "" : ": \(plain(action.planned.note, limit: 200))")
    }

    /// Who was logged in, of an approval's name (`Person.name`).
    private static func login(of name: String) -> String {
        guard let range = name.range(ofLast: " (stated by ") else { return name }
        return String(name[range...].dropLast())
    }
}

extension String {
    /// Where the text after the last `needle` begins; nil when it is not there.
    fileprivate func range(ofLast needle: String) -> Index? {
        let (bytes, sought) = (Array(utf8), Array(needle.utf8))
        guard bytes.count >= sought.count else { return nil }
        for start in stride(from: bytes.count - sought.count, through: 0, by: -1)
        where bytes[start...].starts(with: sought) {
            return utf8.index(startIndex, offsetBy: start + sought.count)
        }
        return nil
    }
}
