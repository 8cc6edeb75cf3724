public import Detection
public import Messaging
import Publishing
import Response
public import SessionModel
public import StateStore

/// Takes the answer that an account's owner gave by a link.
///
/// "This was me" does what `alerts dismiss` does, "this was not me" what `alerts confirm` does; both
/// are in the journal with `owner` as who did it. Each link works once. "Not me" has the last word:
/// whoever reads the owner's mail cannot take it back by the other link, while the owner can.
public enum OwnerAnswering {
    public struct Result {
        public var outcome: AnswerPages.Outcome
        /// Of the page that tells of it.
        public var language: String
        /// The alerts that are changed by it.
        public var changed: [Alert]
    }

    /// - Parameters:
    ///   - text: A link's token, as it came.
    ///   - rules: Those that are in force, as the user's newest sightings are judged again.
    ///   - now: Wall time.
    /// - Throws: `StateError` when the state is held by another, damaged or full; `ProfileError`,
    ///   `AlertJSONError`. Nothing is used up then, and the link works again.
    public static func take(
        _ text: String, key: AnswerKey, rules: [DetectionRule], in store: StateStore, now: Timestamp
    ) throws -> Result {
        let token: AnswerToken
        do throws(AnswerToken.Refusal) {
            token = try AnswerToken.verify(text, key: key, now: now)
        } catch {
            return Result(
                outcome: error == .expired ? .expired : .invalid, language: "en", changed: [])
        }
        let (outcome, changed) = try take(
            Given(
                answer: token.answer, alertID: token.alertID, link: token.id,
                revision: token.revision, expires: token.expires),
            rules: rules, in: store, now: now)
        return Result(outcome: outcome, language: token.language, changed: changed)
    }

    /// What a link said, once it was found to be good.
    struct Given {
        var answer: OwnerAnswer
        var alertID: String
        var link: String
        var revision: Int
        var expires: Timestamp
        /// Where it waited (`WaitingVerdictRow`); nil when it comes straight from the link.
        var place: Int64?
    }

    static func take(
        _ given: Given, rules: [DetectionRule], in store: StateStore, now: Timestamp
    ) throws -> (AnswerPages.Outcome, changed: [Alert]) {
        guard let row = try store.alert(id: given.alertID) else { return (.invalid, []) }
        let used = try store.usedAnswers(alertID: given.alertID)
        if used.contains(where: { $0.id == given.link }) { return (.used, []) }
        let saidNotMine = used.contains { $0.answer == OwnerAnswer.notMine.rawValue }
        if given.answer == .mine, saidNotMine { return (.answered, []) }
        let alert = try AlertJSON.read(row.json)
        var changed: [Alert] = []
        var outcome: AnswerPages.Outcome
        func give(_ verdict: Verdict) throws -> [Alert] {
            var taker = try VerdictTaker(
                store: store, rules: rules, policy: ResponsePolicy(), actor: "owner", now: now)
            let said = try taker.take(verdict, on: alert, note: "")
            return [said.alert] + said.others
        }
        switch given.answer {
        case .mine:
            outcome = .mineDone
            switch alert.status {
            case .open, .amended:
                changed = try give(.dismissed)
            // A person looked at it and found an intruder: that is not for a link to undo.
            case .confirmed: outcome = .answered
            // Killed after the alert was ended and before the link was noted: that is it still.
            case .dismissed: break
            case .retracted, .closed, .silenced: outcome = .over
            }
        case .notMine:
            outcome = .notMineDone
            if alert.status != .confirmed {
                changed = try give(.confirmed)
            }
        }
        // Noted after the alert was changed: a run killed in between leaves a link that works, and
        // changing the alert again to the same changes nothing.
        try store.commit(isDurable: true) { transaction in
            if let place = given.place { try transaction.removeWaitingVerdict(sequence: place) }
            try transaction.useAnswer(
                UsedAnswerRow(
                    id: given.link, alertID: given.alertID, answer: given.answer.rawValue,
                    usedMilliseconds: now.milliseconds,
                    expiresMilliseconds: given.expires.milliseconds))
            try StoreOutbox.append(
                JournalDraft(
                    time: now, actor: "owner", alertID: given.alertID, actionID: "",
                    what: "answered-\(given.answer.rawValue)",
                    detail: "{\"revision\":\(given.revision),\"outcome\":\"\(outcome.rawValue)\"}"),
                to: &transaction)
        }
        return (outcome, changed)
    }
}
