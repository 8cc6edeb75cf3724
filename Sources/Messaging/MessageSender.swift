internal import Publishing
public import Response
public import SessionModel
public import StateStore

/// What one run of sending did.
public struct SendReport: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
        public var channel: String
        public var alertID: String
        public var state: MessageState
        public var detail: String
        /// When it is tried again; nil when it is not.
        public var nextTry: Timestamp?
    }

    public var lines: [Line] = []
    /// Messages that wait for their time, or for room.
    public var waiting = 0
    public var sent: Int { lines.count { $0.state == .sent } }

    /// What a person should look at.
    public var troubles: [Line] {
        lines.filter { [.retrying, .refused, .dead, .noRecipient].contains($0.state) }
    }
}

/// Sends the messages that wait in the outbox.
///
/// **Nothing forgotten.** `started`, with the try counted, is committed before a message leaves, and
/// the answer after it. A run killed in between leaves `started`, and the next run sends it again
/// with the same key: PagerDuty's `dedup_key`, a webhook's `webhook-id`, an amendment's message id
/// and a mail's Message-ID make that one message to the reader. A first post to Slack, Teams or
/// Discord, which know no such key, can then be there twice.
///
/// **One message an alert.** Of several revisions that wait, the newest goes; what was told before is
/// amended where the channel can, or followed up.
///
/// Reads no clock and no randomness of its own. Blocks while channels answer.
public struct MessageSender: Sendable {
    /// Growing waits over about two days; later nobody needs the news.
    public static let schedule = RetrySchedule(
        waitsSeconds: [30, 120, 600, 1_800, 7_200, 18_000, 43_200, 86_400], jitter: 0.1)
    /// Messages of one channel that are looked at in a run.
    static let openLimit = 10_000
    /// Failures in a row after which a channel's other messages wait for the next run.
    static let failureLimit = 3

    let composer: Composer
    let dispatcher: Dispatcher
    let schedule: RetrySchedule

    /// - Parameter placeZone: The time zone of an alert's place, where it is known.
    public init(
        book: ChannelBook, phraseBook: PhraseBook, schedule: RetrySchedule = MessageSender.schedule,
        placeZone: @escaping @Sendable (Alert) -> Zone? = { _ in nil }
    ) throws(ResponseError) {
        composer = Composer(book: book, phraseBook: phraseBook, placeZone: placeZone)
        dispatcher = try Dispatcher()
        self.schedule = schedule
    }

    /// Goes once through what waits, and sends what is due.
    ///
    /// Throws only when the state fails; what was committed stays.
    ///
    /// - Parameters:
    ///   - only: The one channel to send to; nil for all.
    ///   - clock: Wall time, asked before each message.
    ///   - random: For jitter.
    public func send(
        _ store: StateStore, only: String? = nil, clock: () -> Timestamp,
        random: inout some RandomNumberGenerator, shouldStop: () -> Bool = { false }
    ) throws(StateError) -> SendReport {
        var report = SendReport()
        for channel in composer.book.channels where only == nil || channel.name == only {
            var run = ChannelRun(
                sender: self, channel: channel, store: store, report: SendReport())
            try run.send(clock: clock, random: &random, shouldStop: shouldStop)
            report.lines += run.report.lines
            report.waiting += run.report.waiting
        }
        return report
    }

    // MARK: - One message, without the outbox

    /// What would be sent on a channel for an alert, as text: the request or mail as it leaves,
    /// credentials masked.
    public func preview(_ alert: Alert, on channel: Channel, at now: Timestamp) -> String {
        let notice = Notice(
            alert: alert, kind: alert.status.isOver ? .over : .raised,
            key: Self.key(channel.name, alert.id, alert.revision), created: now, remoteID: "",
            firstKey: "")
        switch composer.message(notice, on: channel) {
        case .nobody(let reason): return "Nothing would be sent: \(reason).\n"
        case .message(let outgoing): return Self.text(of: outgoing, at: now)
        }
    }

    /// Sends a message that says that it is a test.
    public func test(
        _ channel: Channel, at now: Timestamp
    ) -> (isSent: Bool, detail: String) {
        let answer = dispatcher.send(composer.test(on: channel, at: now), on: channel, at: now)
        return (answer.outcome == .sent, answer.detail)
    }

    private static func text(of outgoing: Outgoing, at now: Timestamp) -> String {
        switch outgoing {
        case .mail(let message, _): return String(decoding: message.bytes, as: UTF8.self)
        case .http(let request):
            do {
                let ready = try Dispatcher.ready(request, at: now)
                var origin = ready.url
                if request.secretURL != nil {
                    origin =
                        (try? Courier.origin(
                            of: ready.url, name: "the channel's URL", allowsPrivate: true)) ?? ""
                    origin += "/***" + request.url
                }
                var lines = ["\(request.method) \(origin)"]
                lines += ready.headers.filter { !$0.hasPrefix("expect:") }.map { line in
                    line.hasPrefix("authorization:") ? "authorization: Bearer ***" : line
                }
                var body = String(decoding: ready.body, as: UTF8.self)
                if request.routingKey != nil {
                    body = String(decoding: request.body.bytes, as: UTF8.self)
                }
                return lines.joined(separator: "\n") + "\n\n" + body + "\n"
            } catch {
                return "Nothing would be sent: \(error)\n"
            }
        }
    }

    static func key(_ channel: String, _ alertID: String, _ revision: Int) -> String {
        let hash = Digest.hex(
            Digest.sha256(
                Digest.canonical(["lastseen-message-1", channel, alertID, String(revision)])
            ).prefix(10))
        return "msg-" + hash
    }
}

/// One channel in one run.
private struct ChannelRun {
    let sender: MessageSender
    let channel: Channel
    let store: StateStore
    var report: SendReport
    private var failures = 0
    /// Wall time before which nothing more goes to the channel in this run.
    private var isPaused = false
    private var budget = 0

    init(sender: MessageSender, channel: Channel, store: StateStore, report: SendReport) {
        self.sender = sender
        self.channel = channel
        self.store = store
        self.report = report
    }

    /// A message to be sent, with what is known of its alert.
    private struct Item {
        var row: MessageRow
        var notice: Notice
    }

    mutating func send(
        clock: () -> Timestamp, random: inout some RandomNumberGenerator, shouldStop: () -> Bool
    ) throws(StateError) {
        let open = try store.messages(
            channel: channel.name, states: MessageRow.openStates, limit: MessageSender.openLimit)
        guard !open.isEmpty else { return }
        let now = clock()
        var newest: [String: Int64] = [:]
        for row in open { newest[row.alertID] = max(newest[row.alertID] ?? 0, row.sequence) }
        var items: [Item] = []
        for row in open {
            guard row.sequence == newest[row.alertID] else {
                try close(row, .superseded, "a later revision takes its place", at: now)
                continue
            }
            // A killed run's are due at once: no other process sends while we hold the state.
            guard row.nextAttemptMilliseconds <= now.milliseconds || row.state == "started" else {
                report.waiting += 1
                continue
            }
            if let item = try item(row, at: now) { items.append(item) }
        }
        let recent = try store.sentMessageCount(
            channel: channel.name, since: now.milliseconds - 60_000)
        budget = max(0, channel.perMinute - recent)
        try resend(&items, clock: clock, random: &random)
        if channel.digest != nil {
            let calm = items.filter { $0.row.severity < Int(Severity.critical.rawValue) }
            items.removeAll { $0.row.severity < Int(Severity.critical.rawValue) }
            if !calm.isEmpty, !shouldStop() {
                try gather(calm, isOverflow: false, clock: clock, random: &random)
            }
        }
        let canGather = channel.audience == .team && channel.kind != .pagerduty
        for (index, item) in items.enumerated() {
            let left = items.count - index
            if shouldStop() || isPaused || budget == 0 {
                report.waiting += left
                return
            }
            // The last message of the minute speaks for all that are left.
            if canGather, budget == 1, left > 1 {
                try gather(
                    Array(items[index...]), isOverflow: true, clock: clock, random: &random)
                return
            }
            try sendOne(item, clock: clock, random: &random)
        }
    }

    /// What a message is about; nil when it turned out that it is not to be sent.
    private func item(_ row: MessageRow, at now: Timestamp) throws(StateError) -> Item? {
        guard let stored = try store.alert(id: row.alertID),
            var alert = try? AlertJSON.read(stored.json)
        else {
            try close(row, .notNeeded, "its alert is not in the state", at: now)
            return nil
        }
        for action in try store.actions(alertID: alert.id) {
            if let index = alert.actions.firstIndex(where: { $0.id == action.id }) {
                alert.actions[index].state = action.state
            } else {
                alert.actions.append(
                    ActionSummary(
                        id: action.id, kind: action.kind, target: action.target,
                        state: action.state, connector: action.connector))
            }
        }
        let earlier = try store.messages(alertID: alert.id).filter {
            $0.channel == row.channel && $0.sequence < row.sequence
        }
        // A superseded one may have been under way when its run was killed.
        let told = earlier.filter { $0.sentMilliseconds != nil || $0.attempts > 0 }
        if !alert.status.stands, told.isEmpty {
            try close(row, .notNeeded, "the alert was over before it was told", at: now)
            return nil
        }
        let first = told.first { $0.sentMilliseconds != nil }
        // Several in one message cannot be amended one by one.
        let remote = told.last { !$0.remoteID.isEmpty && $0.batch.isEmpty }
        return Item(
            row: row,
            notice: Notice(
                alert: alert,
                kind: told.isEmpty ? .raised : alert.status.stands ? .changed : .over,
                key: MessageSender.key(row.channel, row.alertID, row.alertRevision),
                created: Timestamp(milliseconds: row.createdMilliseconds),
                remoteID: channel.kind == .slack || channel.kind == .discord
                    ? remote?.remoteID ?? "" : "",
                firstKey: first.map {
                    MessageSender.key($0.channel, $0.alertID, $0.alertRevision)
                } ?? ""))
    }

    // MARK: - Sending

    private mutating func sendOne(
        _ item: Item, clock: () -> Timestamp, random: inout some RandomNumberGenerator
    ) throws(StateError) {
        let outgoing: Outgoing
        switch sender.composer.message(item.notice, on: channel) {
        case .nobody(let reason):
            try close(item.row, .noRecipient, reason, at: clock(), isReported: true)
            return
        case .message(let made): outgoing = made
        }
        guard let begun = try begin([item.row], batch: "", at: clock()) else { return }
        var answer = sender.dispatcher.send(outgoing, on: channel, at: clock())
        if answer.outcome == .lost {
            // What was to be amended is gone: tell it anew.
            var notice = item.notice
            notice.remoteID = ""
            if case .message(let again) = sender.composer.message(notice, on: channel) {
                answer = sender.dispatcher.send(again, on: channel, at: clock())
            }
        }
        try end(begun, answer, at: clock(), random: &random)
    }

    /// Sends anew, as it was, what went out together when an earlier run was killed or failed.
    private mutating func resend(
        _ items: inout [Item], clock: () -> Timestamp, random: inout some RandomNumberGenerator
    ) throws(StateError) {
        let batches = Dictionary(grouping: items.filter { !$0.row.batch.isEmpty }, by: \.row.batch)
        for (batch, members) in batches.sorted(by: { $0.key < $1.key }) {
            items.removeAll { $0.row.batch == batch }
            guard !isPaused, budget > 0 else {
                report.waiting += members.count
                continue
            }
            try gather(
                members, isOverflow: channel.digest == nil, batch: batch, clock: clock,
                random: &random)
        }
    }

    private mutating func gather(
        _ items: [Item], isOverflow: Bool, batch known: String? = nil, clock: () -> Timestamp,
        random: inout some RandomNumberGenerator
    ) throws(StateError) {
        guard let first = items.first, !isPaused, budget > 0 else {
            report.waiting += items.count
            return
        }
        let batch =
            known
            ?? "g-"
            + Digest.hex(
                Digest.sha256(
                    Digest.canonical(
                        [channel.name] + items.map { String($0.row.sequence) })
                ).prefix(10))
        // The worst are named, in the order in which they came.
        let worst = items.sorted {
            ($1.row.severity, $0.row.sequence) < ($0.row.severity, $1.row.sequence)
        }
        .prefix(channel.digestLimit).map(\.row.sequence)
        let named = items.filter { worst.contains($0.row.sequence) }
        let gathering = Gathering(
            notices: named.map(\.notice), further: items.count - named.count, key: batch,
            created: first.notice.created, isOverflow: isOverflow)
        guard let begun = try begin(items.map(\.row), batch: batch, at: clock()) else { return }
        let answer = sender.dispatcher.send(
            sender.composer.gathered(gathering, on: channel), on: channel, at: clock())
        try end(begun, answer, at: clock(), random: &random)
    }

    // MARK: - The outbox

    /// Commits that a try begins, durably. Nil when somebody else has the messages.
    private func begin(
        _ rows: [MessageRow], batch: String, at now: Timestamp
    ) throws(StateError) -> [MessageRow]? {
        try store.commit(isDurable: true) { transaction in
            var begun: [MessageRow] = []
            for row in rows {
                var new = row
                new.state = MessageState.started.rawValue
                new.attempts += 1
                new.batch = batch
                new.updatedMilliseconds = now.milliseconds
                guard try transaction.updateMessage(new, replacing: row) else { return nil }
                begun.append(new)
            }
            return begun
        }
    }

    private mutating func end(
        _ rows: [MessageRow], _ answer: DeliveryAnswer, at now: Timestamp,
        random: inout some RandomNumberGenerator
    ) throws(StateError) {
        failures = answer.outcome == .sent ? 0 : failures + 1
        budget = max(0, budget - 1)
        if answer.pauses || failures >= MessageSender.failureLimit { isPaused = true }
        var updated: [(new: MessageRow, old: MessageRow)] = []
        for row in rows {
            var new = row
            var next: Timestamp?
            switch answer.outcome {
            case .sent:
                new.state = MessageState.sent.rawValue
                new.sentMilliseconds = now.milliseconds
                new.remoteID = cut(answer.remoteID, limit: 400)
            case .refused: new.state = MessageState.refused.rawValue
            case .retry, .lost:
                let wait = sender.schedule.waitMilliseconds(
                    after: row.attempts, askedSeconds: answer.retryAfterSeconds, random: &random)
                if let wait {
                    let due = now.adding(milliseconds: wait)
                    let calm = row.severity < Int(Severity.critical.rawValue)
                    next = calm ? channel.quiet?.end(from: due) ?? due : due
                    new.state = MessageState.retrying.rawValue
                    new.nextAttemptMilliseconds = next?.milliseconds ?? due.milliseconds
                } else {
                    new.state = MessageState.dead.rawValue
                }
            }
            new.note = answer.detail
            new.updatedMilliseconds = now.milliseconds
            updated.append((new, row))
            report.lines.append(
                SendReport.Line(
                    channel: channel.name, alertID: row.alertID,
                    state: MessageState(rawValue: new.state) ?? .dead, detail: answer.detail,
                    nextTry: next))
        }
        try store.commit { transaction in
            for (new, old) in updated {
                try transaction.updateMessage(new, replacing: old)
                guard new.state != MessageState.retrying.rawValue else { continue }
                try StoreOutbox.append(
                    Self.entry(new, attempt: new.attempts, at: now), to: &transaction)
            }
        }
    }

    /// Ends a message that is not sent.
    private func closed(_ row: MessageRow, _ state: MessageState, _ why: String, at now: Timestamp)
        -> MessageRow
    {
        var new = row
        new.state = state.rawValue
        new.note = why
        new.updatedMilliseconds = now.milliseconds
        return new
    }

    private func close(
        _ row: MessageRow, _ state: MessageState, _ why: String, at now: Timestamp
    ) throws(StateError) {
        let new = closed(row, state, why, at: now)
        try store.commit { transaction in
            _ = try transaction.updateMessage(new, replacing: row)
        }
    }

    private mutating func close(
        _ row: MessageRow, _ state: MessageState, _ why: String, at now: Timestamp,
        isReported: Bool
    ) throws(StateError) {
        let new = closed(row, state, why, at: now)
        try store.commit { transaction in
            _ = try transaction.updateMessage(new, replacing: row)
            try StoreOutbox.append(
                Self.entry(new, attempt: row.attempts, at: now), to: &transaction)
        }
        report.lines.append(
            SendReport.Line(
                channel: channel.name, alertID: row.alertID, state: state, detail: why,
                nextTry: nil))
    }

    /// Who was told what, and when, belongs into the journal.
    private static func entry(_ row: MessageRow, attempt: Int, at now: Timestamp) -> JournalDraft {
        JournalDraft(
            time: now, actor: "lastseen", alertID: row.alertID, actionID: "",
            what: "message-\(row.state)",
            detail: String(
                decoding: JSON.object([
                    ("channel", .text(row.channel)), ("revision", .integer(row.alertRevision)),
                    ("attempt", .integer(attempt)), ("text", .text(row.note)),
                ]).bytes, as: UTF8.self))
    }
}
