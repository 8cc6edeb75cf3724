internal import Publishing
internal import Response
public import SessionModel
public import StateStore

/// Where a message stands. The raw values are stored and shown.
public enum MessageState: String, CaseIterable, Sendable {
    /// To be sent.
    case planned
    /// A try is under way, or was when the run was killed.
    case started
    /// Every try so far failed; sent again when due.
    case retrying
    /// The channel took it.
    case sent
    /// A later revision was sent in its place.
    case superseded
    /// The alert was over before anybody was told of it.
    case notNeeded = "not-needed"
    /// The alert is older than the channel is told of.
    case tooOld = "too-old"
    /// No address of the owner's that could be trusted.
    case noRecipient = "no-recipient"
    /// The channel will not take it, and a repetition would not change that.
    case refused
    /// Every try failed.
    case dead

    public var isOpen: Bool { MessageRow.openStates.contains(rawValue) }
    /// Whether its reader may have got it.
    var mayHaveArrived: Bool { self == .sent || self == .started || self == .retrying }
}

/// Turns what became of alerts into messages that wait in the outbox.
///
/// Works from the revision log, so that every change of an alert is told, whichever command made it
/// (a run's commit, a person's `alerts confirm`, an owner's answer). How far the log was planned is
/// kept beside it, in the same transaction: nothing is planned twice and nothing left out.
public struct MessagePlanner: Sendable {
    public let channels: [Channel]

    public init(channels: [Channel]) { self.channels = channels }

    /// How far the log was planned.
    static let positionKey = "messages.planned"

    /// Makes the first run that has channels begin with what is found from now on: nobody is told of
    /// the alerts that were there before. Call it before anything is judged.
    public static func begin(in store: StateStore) throws(StateError) {
        guard try store.meta(positionKey) == nil else { return }
        let last = try store.lastRevisionSequence()
        try store.commit(isPreparation: true) { transaction in
            try transaction.setMeta(key: positionKey, value: String(last))
        }
    }

    /// Plans messages for the revisions that were not looked at yet, those of this transaction
    /// included, and returns how many it planned.
    ///
    /// - Parameter now: Wall time, for when they are due.
    @discardableResult
    public func plan(
        at now: Timestamp, in transaction: inout StateTransaction
    ) throws(StateError) -> Int {
        guard let text = try transaction.meta(Self.positionKey), var position = Int64(text) else {
            return 0
        }
        let start = position
        var count = 0
        while true {
            let page = try transaction.revisions(afterSequence: position, limit: 1000)
            guard let last = page.last else { break }
            for row in page {
                // What cannot be read is another command's to complain about.
                guard let alert = try? AlertJSON.read(row.json) else { continue }
                count += try plan(alert, at: now, in: &transaction)
            }
            position = last.sequence
        }
        if position != start {
            try transaction.setMeta(key: Self.positionKey, value: String(position))
        }
        return count
    }

    private func plan(
        _ alert: Alert, at now: Timestamp, in transaction: inout StateTransaction
    ) throws(StateError) -> Int {
        // Most alerts are nobody's on a channel with conditions.
        guard alert.status != .open || channels.contains(where: { $0.filter.takes(alert) }) else {
            return 0
        }
        let known = alert.revision == 1 ? [] : try transaction.messages(alertID: alert.id)
        var count = 0
        for channel in channels {
            let earlier = known.filter { $0.channel == channel.name }
            guard let row = row(for: alert, on: channel, after: earlier, at: now) else { continue }
            if try transaction.putMessage(row) { count += 1 }
        }
        return count
    }

    /// The message that a revision asks for on a channel; nil when it is no news there.
    func row(
        for alert: Alert, on channel: Channel, after earlier: [MessageRow], at now: Timestamp
    ) -> MessageRow? {
        if alert.status.stands {
            guard !earlier.isEmpty || channel.filter.takes(alert) else { return nil }
        } else {
            // Whoever was not told of it need not hear that it is over.
            guard !earlier.isEmpty else { return nil }
            // An owner has done what was to do, or an administrator has: that is no "ignore us".
            if channel.audience == .owner, alert.status == .closed { return nil }
        }
        let fingerprint = Self.fingerprint(of: alert, for: channel.audience)
        if earlier.last?.fingerprint == fingerprint { return nil }
        let isTooOld = now.since(alert.time) > channel.maximumAgeMilliseconds
        let isFollowUp = earlier.contains {
            MessageState(rawValue: $0.state)?.mayHaveArrived ?? false
        }
        let state: MessageState = isTooOld && !isFollowUp ? .tooOld : .planned
        return MessageRow(
            channel: channel.name, alertID: alert.id, alertRevision: alert.revision,
            fingerprint: fingerprint, severity: Int(alert.severity.rawValue), state: state.rawValue,
            nextAttemptMilliseconds: channel.due(severity: alert.severity, at: now).milliseconds,
            createdMilliseconds: now.milliseconds, updatedMilliseconds: now.milliseconds,
            note: state == .tooOld ? "the alert is older than maximum_age_days" : "")
    }

    /// Of what a reader is told.
    static func fingerprint(of alert: Alert, for audience: Channel.Audience) -> String {
        let standing: String
        switch (alert.status, audience) {
        case (.open, _), (.amended, _), (.confirmed, .owner): standing = "stands"
        case (let status, _): standing = status.rawValue
        }
        var fields = [
            standing, alert.deviceLabel, alert.place.label, alert.sessionID,
            alert.otherSessionIDs.sorted().joined(separator: " "),
            Set(alert.findings.map(\.rule)).sorted().joined(separator: " "),
        ]
        if audience == .team { fields += [alert.severity.name, alert.network.address] }
        // What is over is over, whatever else changed with it.
        if alert.status.isOver || alert.status == .silenced { fields = [standing] }
        return Digest.hex(Digest.sha256(Digest.canonical(fields)).prefix(8))
    }
}
