public import SessionModel

/// Why an open action was not sent in a run.
public enum WaitReason: String, CaseIterable, Sendable {
    case notDue = "not due yet"
    case order = "after an earlier action of the same user"
    case runCap = "the cap per run is reached"
    case hourCap = "the cap per hour is reached"
    case userCap = "the user's cap per hour is reached"
    case targetDown = "the target does not answer"
    case noConnector = "its connector is not set up"
    case taken = "another run has it"
    case dryRun = "acting is not switched on (--act)"
    case stopped = "the run was asked to stop"
}

/// What one run of `apply` did.
public struct ApplyReport: Sendable, Equatable {
    /// What became of one action in this run.
    public struct Line: Sendable, Equatable {
        public var action: PlannedAction
        public var attempt: Int
        public var detail: String
        /// When it is tried again; nil when it is not.
        public var nextTry: Timestamp?
    }

    /// Each action that was touched, in order; at most `ActionCaps.perRun` plus the ones that turned
    /// out not to be needed.
    public var lines: [Line] = []
    /// How many open actions were left, by reason.
    public var waiting: [WaitReason: Int] = [:]
    /// Calls made.
    public var calls = 0

    /// Whether a person should look: something was refused, failed, given up or had no answer.
    public var needsAttention: Bool {
        lines.contains { [.refused, .failed, .dead, .unknown].contains($0.action.state) }
    }
}

/// Sends planned actions from the outbox to their connectors.
///
/// **Nothing twice, nothing forgotten.** `started`, with the try counted, is committed before the
/// call, and the answer after it. A run killed in between leaves `started`, and the next run sends
/// the action again under the same idempotency key, so a target that keeps the keys acts once.
///
/// **Order.** A user's actions go one after the other, as planned (log out, then the password). One
/// that failed `orderHold` times no longer holds back those behind it: a log-out that cannot be
/// done must not keep the password from being changed.
///
/// **Limits.** Caps (`ActionCaps`), a schedule of repetitions, and a breaker for each connector,
/// which lives as long as the runner. What is over a limit waits in the outbox.
///
/// Reads no clock and no randomness of its own.
public struct ActionRunner {
    public let policy: ResponsePolicy
    public let schedule: RetrySchedule
    /// Failed tries after which an action no longer holds back its user's later ones: with the
    /// standard schedule after about five minutes.
    public static let orderHold = 3
    /// Open actions looked at in a run. More than caps let through in two days.
    public static let openLimit = 10_000

    private let connectors: [String: any Connector]
    private var breakers: [String: Breaker] = [:]
    private let breakerLimit: Int

    /// - Parameters:
    ///   - connectors: those that are set up; an action for another waits.
    ///   - breakerLimit: failures in a row of one connector after which its actions wait.
    public init(
        policy: ResponsePolicy, connectors: [any Connector],
        schedule: RetrySchedule = .standard, breakerLimit: Int = 5
    ) {
        precondition(breakerLimit > 0, "a breaker opens after at least one failure")
        self.policy = policy
        self.schedule = schedule
        self.breakerLimit = breakerLimit
        var named: [String: any Connector] = [:]
        for connector in connectors { named[connector.name] = connector }
        self.connectors = named
    }

    /// Goes once through the open actions and sends those that are due.
    ///
    /// Blocks while targets answer: at most `caps.perRun` calls, and no more than `breakerLimit` of
    /// them to a target that is down. Throws only when the outbox fails.
    ///
    /// - Parameters:
    ///   - clock: wall time, asked before and after each call.
    ///   - random: for jitter.
    ///   - shouldStop: asked before each action; a signal handler's flag.
    public mutating func apply(
        _ outbox: some ActionOutbox, clock: () -> Timestamp,
        random: inout some RandomNumberGenerator, shouldStop: () -> Bool = { false }
    ) throws(ResponseError) -> ApplyReport {
        var report = ApplyReport()
        var held: Set<ActionUser> = []
        let open = try outbox.openActions(limit: ActionRunner.openLimit)
        guard policy.isActing else {
            if !open.isEmpty { report.waiting[.dryRun] = open.count }
            return report
        }
        for (index, stored) in open.enumerated() {
            if shouldStop() {
                report.waiting[.stopped, default: 0] += open.count - index
                break
            }
            let step = try attempt(
                stored, isHeld: held.contains(stored.user), outbox, clock: clock, random: &random,
                calls: &report.calls)
            // A later action waits for this one, unless this one has had its chances.
            switch step {
            case .waits(let reason):
                report.waiting[reason, default: 0] += 1
                if stored.attempts < ActionRunner.orderHold || reason == .taken {
                    held.insert(stored.user)
                }
            case .came(let to):
                report.lines.append(
                    ApplyReport.Line(
                        action: to.planned, attempt: to.attempts, detail: to.planned.note,
                        nextTry: to.state.isOpen ? to.due : nil))
                if to.state.isOpen, to.attempts < ActionRunner.orderHold {
                    held.insert(stored.user)
                }
            }
        }
        return report
    }

    /// What one action came to in a run.
    private enum Step {
        case waits(WaitReason)
        case came(OutboxAction)
    }

    /// Sends one action if it may be sent now.
    private mutating func attempt(
        _ stored: OutboxAction, isHeld: Bool, _ outbox: some ActionOutbox,
        clock: () -> Timestamp, random: inout some RandomNumberGenerator, calls: inout Int
    ) throws(ResponseError) -> Step {
        let now = clock()
        let isLeftOver = stored.state == .started && outbox.isExclusive
        guard isLeftOver || stored.due <= now else { return .waits(.notDue) }
        if isHeld { return .waits(.order) }

        if case .withdrawn(let reason) = try outbox.standing(ofAlert: stored.planned.alertID) {
            return try close(stored, .notNeeded, reason, at: now, outbox)
        }
        if policy.protectedUsers.contains(
            id: stored.planned.userID, name: stored.planned.userName)
        {
            return try close(stored, .notifyOnly, "the user is protected", at: now, outbox)
        }
        guard stored.attempts < schedule.tries else {
            return try close(stored, .dead, "no try is left", at: now, outbox)
        }
        guard let connector = connectors[stored.planned.connector] else {
            return .waits(.noConnector)
        }
        let breaker = breakers[connector.name] ?? Breaker(limit: breakerLimit)
        guard breaker.allowsCall(at: now) else { return .waits(.targetDown) }
        if let cap = try capReached(by: stored, outbox, at: now, calls: calls) {
            return .waits(cap)
        }

        var begun = stored
        begun.state = .started
        begun.attempts += 1
        begun.firstStarted = stored.firstStarted ?? now
        // Another process leaves it alone until we are surely through.
        begun.due = now.adding(milliseconds: Int64(connector.timeLimitSeconds + 10) * 1000)
        let again = "again: an earlier run ended before the answer was recorded"
        let start = JournalDraft(of: begun, at: now, text: stored.state == .started ? again : "")
        guard try outbox.commit(begun, replacing: stored, journal: start) else {
            return .waits(.taken)
        }

        calls += 1
        let answer = connector.carryOut(begun.planned, at: now)
        let after = clock()
        judge(answer, of: connector.name, at: after)
        let settled = settle(begun, from: stored.state, answer, at: after, random: &random)
        let end = JournalDraft(of: settled, at: after, text: settled.planned.note)
        guard try outbox.commit(settled, replacing: begun, journal: end) else {
            return .waits(.taken)
        }
        return .came(settled)
    }

    /// The first cap in the way. Repetitions count for the run only: they add no effect.
    private func capReached(
        by stored: OutboxAction, _ outbox: some ActionOutbox, at now: Timestamp,
        calls: Int
    ) throws(ResponseError) -> WaitReason? {
        if calls >= policy.caps.perRun { return .runCap }
        guard stored.firstStarted == nil else { return nil }
        let anHourAgo = now.adding(milliseconds: -3_600_000 + 1)
        if try outbox.startedCount(since: anHourAgo, user: nil) >= policy.caps.perHour {
            return .hourCap
        }
        if try outbox.startedCount(since: anHourAgo, user: stored.user)
            >= policy.caps.perUserPerHour
        {
            return .userCap
        }
        return nil
    }

    private mutating func judge(_ answer: ConnectorAnswer, of name: String, at now: Timestamp) {
        var breaker = breakers[name] ?? Breaker(limit: breakerLimit)
        switch answer.outcome {
        case .done, .alreadySo, .notNeeded: breaker.succeeded()
        // Refusals count too: a wrong URL or key must not use up the whole outbox.
        case .refused, .failed, .retry: breaker.failed(at: now)
        }
        if answer.pausesConnector {
            breaker.pause(
                seconds: answer.retryAfterSeconds ?? Breaker.firstPauseSeconds, at: now)
        }
        breakers[name] = breaker
    }

    /// The action after its answer; `before` is its state before this try.
    private func settle(
        _ begun: OutboxAction, from before: ActionState, _ answer: ConnectorAnswer,
        at now: Timestamp, random: inout some RandomNumberGenerator
    ) -> OutboxAction {
        let mayHaveHappened = answer.mayHaveHappened || before.mayHaveHappened
        var settled = begun
        settled.planned.note = answer.detail
        settled.due = now
        switch answer.outcome {
        case .done: settled.state = .done
        case .alreadySo: settled.state = .alreadySo
        case .notNeeded: settled.state = .notNeeded
        case .refused: settled.state = .refused
        case .failed: settled.state = .failed
        case .retry:
            let wait = schedule.waitMilliseconds(
                after: begun.attempts, askedSeconds: answer.retryAfterSeconds, random: &random)
            if let wait {
                settled.state = mayHaveHappened ? .unanswered : .retrying
                settled.due = now.adding(milliseconds: wait)
            } else {
                settled.state = mayHaveHappened ? .unknown : .dead
            }
        }
        return settled
    }

    /// Ends an action without a call: as `state`, or as unknown when an earlier try may have
    /// happened.
    private func close(
        _ stored: OutboxAction, _ state: ActionState, _ why: String, at now: Timestamp,
        _ outbox: some ActionOutbox
    ) throws(ResponseError) -> Step {
        var closed = stored
        closed.state = stored.state.mayHaveHappened ? .unknown : state
        closed.planned.note = plain(why, limit: 200)
        if closed.state == .unknown { closed.planned.note += "; an earlier try had no answer" }
        let end = JournalDraft(of: closed, at: now, text: closed.planned.note)
        return try outbox.commit(closed, replacing: stored, journal: end)
            ? .came(closed) : .waits(.taken)
    }
}
