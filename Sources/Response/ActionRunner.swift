public import SessionModel

/// Why an open action was not sent in a run.
public enum WaitReason: String, CaseIterable, Sendable {
    case notDue = "not due yet"
    case order = "after an earlier action of the same user"
    case runCap = "the cap per run is reached"
    case hourCap = "the cap per hour is reached"
    case dayCap = "the cap per day is reached"
    case userCap = "the user's cap per hour is reached"
    case applicationCap = "the application's cap per hour is reached"
    case breakerOpen =
        "too many users would be hit: look at the alerts, then 'lastseen respond resume'"
    case quiet = "these are quiet hours"
    case groupsUnreadable = "who is in which group is not known"
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
    /// What stopped all acting, for a person; empty when nothing did.
    public var stop = ""

    public init() {}

    /// Whether a person should look: something was refused, failed, given up or had no answer, or all
    /// acting is stopped.
    public var needsAttention: Bool {
        !stop.isEmpty
            || lines.contains { [.refused, .failed, .dead, .unknown].contains($0.action.state) }
    }
}

/// Sends planned actions from the outbox to their connectors.
///
/// **Nothing twice, nothing forgotten.** `started`, with the try counted, is committed before the
/// call, and the answer after it. A run killed in between leaves `started`, and the next run asks the
/// target whether it acted, where the target can say; else it sends the action again under the same
/// idempotency key, so a target that keeps the keys acts once. What was given up as `unknown` is asked
/// for again too, with growing waits, for a week.
///
/// **Order.** A user's actions at one target go one after the other, as planned. One that failed
/// `orderHold` times no longer holds back those behind it: a log-out that cannot be done must not keep
/// the password from being changed.
///
/// **In parallel.** Different users' actions go side by side, `width` at each connector; each has
/// threads of its own. All commits are made by the caller's thread, as many changes at once as came.
///
/// **Limits.** Caps (`ActionCaps`), a cool-down, quiet hours, the breaker of `UserBreakerLimits`, a
/// schedule of repetitions, and a breaker for each connector, which lives as long as the runner. What
/// is over a limit waits in the outbox.
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
    /// Calls to one connector at a time, where many are to be made.
    public static let usualWidth = 8

    let connectors: [String: any Connector]
    let breakerLimit: Int
    let width: Int
    private var breakers: [String: Breaker] = [:]

    /// - Parameters:
    ///   - connectors: those that are set up; an action for another waits.
    ///   - breakerLimit: failures in a row of one connector after which its actions wait.
    ///   - width: calls to one connector at a time, 1 through 64. With 1 they are made on the caller's
    ///     thread.
    public init(
        policy: ResponsePolicy, connectors: [any Connector],
        schedule: RetrySchedule = .standard, breakerLimit: Int = 5, width: Int = 1
    ) {
        precondition(breakerLimit > 0, "a breaker opens after at least one failure")
        precondition((1...64).contains(width), "threads are bounded")
        self.policy = policy
        self.schedule = schedule
        self.breakerLimit = breakerLimit
        self.width = width
        var named: [String: any Connector] = [:]
        for connector in connectors { named[connector.name] = connector }
        self.connectors = named
    }

    /// Goes once through the open actions and sends those that are due.
    ///
    /// Blocks while targets answer: at most `caps.perRun` calls, and to a target that is down no more
    /// than `breakerLimit`. Throws only when the outbox fails; what is under way then is left as
    /// started.
    ///
    /// - Parameters:
    ///   - clock: wall time, asked before and after each call.
    ///   - random: for jitter.
    ///   - shouldStop: asked before each action; a signal handler's flag.
    public mutating func apply(
        _ outbox: some ActionOutbox, clock: () -> Timestamp,
        random: inout some RandomNumberGenerator, shouldStop: () -> Bool = { false }
    ) throws(ResponseError) -> ApplyReport {
        guard policy.isActing else {
            var report = ApplyReport()
            let open = try outbox.openActions(limit: ActionRunner.openLimit).count
            if open > 0 { report.waiting[.dryRun] = open }
            return report
        }
        var run = ApplyRun(self, outbox, breakers: breakers)
        let result: Result<Void, ResponseError>
        do throws(ResponseError) {
            try run.go(clock: clock, random: &random, shouldStop: shouldStop)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        run.lanes.end()
        breakers = run.breakers
        try result.get()
        return run.report
    }
}
