internal import SessionModel

/// One run of `ActionRunner.apply`: which action goes when. Calls are made by `ActionLanes`, and all
/// commits here.
struct ApplyRun<Outbox: ActionOutbox> {
    let runner: ActionRunner
    let outbox: Outbox
    let lanes: ActionLanes
    var breakers: [String: Breaker]
    var report = ApplyReport()

    /// The actions of the run, by sequence.
    private var actions: [OutboxAction] = []
    /// Of each user at each connector those that are still to be looked at, as indices, in order.
    private var queues: [Queue: ArraySlice<Int>] = [:]
    /// The first of queues of which none is under way.
    private var ready = IndexHeap()
    /// The same, of connectors that are busy.
    private var parked: [String: IndexHeap] = [:]
    private var flying: [String: Int] = [:]
    private var log = StartLog([])
    private var pending: [Pending] = []
    private var isStopped = false
    private var began = Timestamp.distantPast

    private struct Queue: Hashable {
        var user: ActionUser
        var connector: String
    }

    /// A change that goes into the next commit.
    private struct Pending {
        enum Then {
            case call(ActionJob)
            /// The action has come to what it is; `isQueued` when its queue waits for it.
            case end(isQueued: Bool)
        }

        var index: Int
        var change: OutboxChange
        var then: Then
    }

    /// The most changes of one commit.
    private static var batchLimit: Int { 256 }

    init(_ runner: ActionRunner, _ outbox: Outbox, breakers: [String: Breaker]) {
        self.runner = runner
        self.outbox = outbox
        self.breakers = breakers
        lanes = ActionLanes(width: runner.width)
    }

    private var policy: ResponsePolicy { runner.policy }

    mutating func go(
        clock: () -> Timestamp, random: inout some RandomNumberGenerator, shouldStop: () -> Bool
    ) throws(ResponseError) {
        let now = clock()
        began = now
        try expireApprovals(at: now)
        actions = try outbox.openActions(limit: ActionRunner.openLimit)
        if try isAllStopped(at: now) { return }
        for index in actions.indices { enqueue(index) }
        try askForUnknown(at: now)
        for key in queues.keys { pushNext(of: key) }
        while true {
            unpark()
            try fill(clock: clock, shouldStop: shouldStop)
            let jobs = try commitPending()
            lanes.give(jobs)
            let isBusy = flying.values.contains { $0 > 0 }
            let isIdle = ready.isEmpty && pending.isEmpty && jobs.isEmpty
            if !isBusy, isIdle, parked.values.allSatisfy(\.isEmpty) || isStopped { break }
            // With calls under way and nothing else to begin, an answer is what comes next.
            let answers = lanes.take(
                waits: isBusy && (ready.isEmpty || isStopped) && pending.isEmpty)
            for (job, answer) in answers { take(answer, of: job, at: clock(), random: &random) }
            if isStopped, !flying.values.contains(where: { $0 > 0 }), pending.isEmpty { break }
        }
        if isStopped {
            let left = queues.values.reduce(0) { $0 + $1.count }
            if left > 0 { report.waiting[.stopped, default: 0] += left }
        }
    }

    // MARK: - Before

    /// Ends what waited for approval too long.
    private mutating func expireApprovals(at now: Timestamp) throws(ResponseError) {
        let late = try outbox.actions(in: [.waiting], limit: ActionRunner.openLimit)
            .filter { $0.due <= now }
        for part in late.parts(of: ApplyRun.batchLimit) {
            var changes: [OutboxChange] = []
            for action in part {
                var ended = action
                ended.state = .expired
                ended.planned.note =
                    "approved by \(action.approvals.count) of \(action.planned.approvalsNeeded) in time"
                changes.append(
                    OutboxChange(
                        ended, replacing: action,
                        journal: JournalDraft(of: ended, at: now, text: ended.planned.note)))
            }
            let isTaken = try outbox.commit(changes)
            for (change, isTaken) in zip(changes, isTaken) where isTaken { add(change.new) }
        }
    }

    /// Whether a guard stops all acting; then all that is open waits.
    private mutating func isAllStopped(at now: Timestamp) throws(ResponseError) -> Bool {
        func wait(_ reason: WaitReason) -> Bool {
            if !actions.isEmpty { report.waiting[reason] = actions.count }
            return true
        }
        let dayAgo = now.adding(milliseconds: -86_400_000)
        let longest = Int64(policy.coolDownSeconds.values.max() ?? 0) * 1000
        log = StartLog(try outbox.starts(since: min(dayAgo, now.adding(milliseconds: -longest))))
        if let fault = policy.groupsFault {
            report.stop = "Nothing is done: who is in which group is not known. \(fault)"
            return wait(.groupsUnreadable)
        }
        if policy.quiet.contains(where: { $0.contains(now) }) { return wait(.quiet) }
        var breaker = try outbox.breaker()
        if !breaker.isOpen {
            let hourAgo = now.adding(milliseconds: -3_600_000 + 1)
            var users = log.users(since: hourAgo, plannedAfter: breaker.resumedAt)
            for action in actions
            where action.firstStarted == nil && action.created > breaker.resumedAt ?? .distantPast
                && !isTooOld(action, at: now)
            {
                users.insert(action.user)
            }
            var limit = policy.breaker.usersPerHour
            // Counting users takes a while, and few are no outbreak.
            if users.count > policy.breaker.leastUsers {
                limit = policy.breaker.limit(known: try outbox.knownUsers())
            }
            guard users.count > limit else { return false }
            breaker.openedAt = now
            (breaker.users, breaker.limit) = (users.count, limit)
            try outbox.setBreaker(
                breaker, journal: JournalDraft(ofBreaker: breaker, actor: "lastseen", at: now))
        }
        if actions.isEmpty { return true }
        report.stop =
            "Nothing is done: \(breaker.users) users would be hit within an hour, \(breaker.limit) are "
            + "allowed. Look at the alerts; 'lastseen respond resume' goes on."
        return wait(.breakerOpen)
    }

    private mutating func enqueue(_ index: Int) {
        let action = actions[index]
        let key = Queue(user: action.user, connector: action.planned.connector)
        queues[key, default: []].append(index)
    }

    /// What was given up without knowing is asked for again, where the target can say.
    private mutating func askForUnknown(at now: Timestamp) throws(ResponseError) {
        let weekAgo = now.adding(milliseconds: -7 * 86_400_000)
        for action in try outbox.actions(in: [.unknown], limit: 1000)
        where action.due <= now && (action.firstStarted ?? .distantPast) > weekAgo {
            guard let connector = runner.connectors[action.planned.connector],
                breaker(of: connector.name).allowsCall(at: now), report.calls < policy.caps.perRun
            else { continue }
            report.calls += 1
            flying[connector.name, default: 0] += 1
            actions.append(action)
            lanes.give([
                ActionJob(
                    index: actions.count - 1, action: action, task: .checkOnly,
                    connector: connector, time: now)
            ])
        }
    }

    // MARK: - What goes next

    private func breaker(of name: String) -> Breaker {
        breakers[name] ?? Breaker(limit: runner.breakerLimit)
    }

    private func hasRoom(_ connector: String) -> Bool {
        flying[connector, default: 0] < breaker(of: connector).callsAtOnce(width: runner.width)
    }

    private mutating func pushNext(of key: Queue) {
        if let next = queues[key]?.first { ready.push(next) } else { queues[key] = nil }
    }

    /// Connectors that have room again go on.
    private mutating func unpark() {
        for name in parked.keys {
            var room =
                breaker(of: name).callsAtOnce(width: runner.width) - flying[name, default: 0]
            while room > 0, let index = parked[name]?.pop() {
                ready.push(index)
                room -= 1
            }
        }
    }

    /// Looks at what is ready, in order, until a commit is full or nothing more can go now.
    private mutating func fill(
        clock: () -> Timestamp, shouldStop: () -> Bool
    ) throws(ResponseError) {
        while pending.count < ApplyRun.batchLimit, !ready.isEmpty {
            if isStopped || shouldStop() {
                isStopped = true
                return
            }
            guard let index = ready.pop() else { return }
            let action = actions[index]
            let name = action.planned.connector
            if runner.connectors[name] != nil, !hasRoom(name) {
                parked[name, default: IndexHeap()].push(index)
                continue
            }
            let key = Queue(user: action.user, connector: name)
            switch try verdict(on: action, index: index, at: clock()) {
            case .waits(let reason): wait(reason, action, key)
            case .ends(let change):
                pending.append(Pending(index: index, change: change, then: .end(isQueued: true)))
            case .goes(let job, let change):
                flying[name, default: 0] += 1
                report.calls += 1
                if let start = ActionStart(job.action), action.firstStarted == nil {
                    log.add(start)
                }
                pending.append(Pending(index: index, change: change, then: .call(job)))
            }
        }
    }

    private enum Verdict {
        case waits(WaitReason)
        case ends(OutboxChange)
        case goes(ActionJob, OutboxChange)
    }

    /// What is to become of one action now.
    private func verdict(
        on stored: OutboxAction, index: Int, at now: Timestamp
    ) throws(ResponseError) -> Verdict {
        let isLeftOver = stored.state == .started && outbox.isExclusive
        guard isLeftOver || isDue(stored, at: now) else { return .waits(.notDue) }
        switch try outbox.standing(of: stored) {
        case .stands: break
        case .withdrawn(let reason):
            return .ends(
                closing(stored, .notNeeded, ActionPlanner.withdrawnNote + reason, at: now))
        case .needsApproval(let persons, let seconds):
            return .ends(waiting(stored, for: persons, seconds: seconds, at: now))
        }
        if policy.isProtected(id: stored.planned.userID, name: stored.planned.userName) {
            return .ends(closing(stored, .notifyOnly, "the user is protected", at: now))
        }
        if isTooOld(stored, at: now) {
            return .ends(
                closing(
                    stored, .expired,
                    "last seen \(stored.planned.time.humanReadable), more than "
                        + "\(policy.maximumAgeHours ?? 0) hours ago", at: now))
        }
        guard stored.attempts < runner.schedule.tries else {
            return .ends(closing(stored, .dead, "no try is left", at: now))
        }
        guard let connector = runner.connectors[stored.planned.connector] else {
            return .waits(.noConnector)
        }
        guard breaker(of: connector.name).allowsCall(at: now) else { return .waits(.targetDown) }
        if let cap = capReached(by: stored, at: now) { return .waits(cap) }
        if let earlier = cooling(stored, at: now) {
            let minutes = max(0, now.since(earlier.time) / 60_000)
            return .ends(
                closing(
                    stored, .notNeeded,
                    "the same was begun for this user \(minutes) min ago, for alert "
                        + "\(earlier.alertID)", at: now))
        }
        var begun = stored
        begun.state = .started
        begun.attempts += 1
        begun.firstStarted = stored.firstStarted ?? now
        // Another process leaves it alone until we are surely through.
        begun.due = now.adding(milliseconds: Int64(connector.timeLimitSeconds + 10) * 1000)
        let again = "again: an earlier run ended before the answer was recorded"
        let start = JournalDraft(of: begun, at: now, text: stored.state == .started ? again : "")
        let task: ActionJob.Task = stored.state.mayHaveHappened ? .checkFirst : .carryOut
        let job = ActionJob(
            index: index, action: begun, task: task, connector: connector, time: now)
        return .goes(job, OutboxChange(begun, replacing: stored, journal: start))
    }

    /// Whether the suspect was last seen longer ago than is acted upon.
    private func isTooOld(_ action: OutboxAction, at now: Timestamp) -> Bool {
        guard action.firstStarted == nil, let hours = policy.maximumAgeHours else { return false }
        return now.since(action.planned.time) > Int64(hours) * 3_600_000
    }

    /// A time that lies farther ahead than any wait is of a clock that was set back since.
    private func isDue(_ action: OutboxAction, at now: Timestamp) -> Bool {
        let longest = Int64(Double(RetrySchedule.longestWaitSeconds) * 2_000)
        return action.due <= now || action.due.since(now) > longest
    }

    /// The first cap in the way. Repetitions count for the run only: they add no effect.
    private func capReached(by stored: OutboxAction, at now: Timestamp) -> WaitReason? {
        let caps = policy.caps
        if report.calls >= caps.perRun { return .runCap }
        guard stored.firstStarted == nil else { return nil }
        let hourAgo = now.adding(milliseconds: -3_600_000 + 1)
        if log.count(since: hourAgo) >= caps.perHour { return .hourCap }
        let dayAgo = now.adding(milliseconds: -86_400_000 + 1)
        if log.count(since: dayAgo) >= caps.perDay { return .dayCap }
        if log.count(since: hourAgo, of: stored.user) >= caps.perUserPerHour { return .userCap }
        let application = stored.planned.application
        if !application.isEmpty,
            log.count(since: hourAgo, in: application) >= caps.perApplicationPerHour
        {
            return .applicationCap
        }
        return nil
    }

    /// What was done for the same user so lately that it need not be done again.
    private func cooling(_ stored: OutboxAction, at now: Timestamp) -> ActionStart? {
        guard stored.firstStarted == nil, let seconds = policy.coolDownSeconds[stored.planned.kind],
            seconds > 0
        else { return nil }
        return log.last(like: stored, since: now.adding(milliseconds: Int64(-seconds) * 1000 + 1))
    }

    /// A later action waits for this one, unless this one has had its chances.
    private mutating func wait(_ reason: WaitReason, _ action: OutboxAction, _ key: Queue) {
        report.waiting[reason, default: 0] += 1
        guard action.attempts < ActionRunner.orderHold || reason == .taken else {
            queues[key]?.removeFirst()
            pushNext(of: key)
            return
        }
        hold(key, after: 1)
    }

    /// The rest of a queue is left for another run.
    private mutating func hold(_ key: Queue, after count: Int) {
        for index in (queues[key] ?? []).dropFirst(count) {
            let isLeftOver = actions[index].state == .started && outbox.isExclusive
            let isHeld = isLeftOver || isDue(actions[index], at: began)
            report.waiting[isHeld ? .order : .notDue, default: 0] += 1
        }
        queues[key] = nil
    }

    /// An action that ends without a call: as `state`, or as unknown when an earlier try may have
    /// happened.
    private func closing(
        _ stored: OutboxAction, _ state: ActionState, _ why: String, at now: Timestamp
    ) -> OutboxChange {
        var closed = stored
        closed.state = stored.state.mayHaveHappened ? .unknown : state
        closed.planned.note = plain(why, limit: 200)
        if closed.state == .unknown {
            closed.planned.note += "; an earlier try had no answer"
            closed.due = now
        }
        let end = JournalDraft(of: closed, at: now, text: closed.planned.note)
        return OutboxChange(closed, replacing: stored, journal: end)
    }

    /// An action that the policy of now wants approved.
    private func waiting(
        _ stored: OutboxAction, for persons: Int, seconds: Int, at now: Timestamp
    ) -> OutboxChange {
        var waiting = stored
        waiting.state = .waiting
        waiting.planned.approvalsNeeded = persons
        waiting.planned.approvalSeconds = seconds
        waiting.due = now.adding(milliseconds: Int64(seconds) * 1000)
        let left = persons - stored.approvals.count
        waiting.planned.note =
            "waits for the approval of \(left == 1 ? "a person" : "\(left) persons")"
        return OutboxChange(
            waiting, replacing: stored,
            journal: JournalDraft(of: waiting, at: now, text: "the policy wants it approved"))
    }

    // MARK: - Commits and answers

    /// Commits what is pending and returns the calls that may be made now.
    private mutating func commitPending() throws(ResponseError) -> [ActionJob] {
        guard !pending.isEmpty else { return [] }
        let batch = pending
        pending.removeAll(keepingCapacity: true)
        let isTaken = try outbox.commit(batch.map(\.change))
        var jobs: [ActionJob] = []
        for (item, isTaken) in zip(batch, isTaken) {
            let action = item.change.new
            let key = Queue(user: action.user, connector: action.planned.connector)
            switch item.then {
            case .call(let job) where isTaken: jobs.append(job)
            case .call:
                flying[job(item).connector.name, default: 1] -= 1
                report.calls -= 1
                wait(.taken, action, key)
            case .end(let isQueued):
                guard isTaken else {
                    if isQueued { wait(.taken, action, key) }
                    continue
                }
                add(action)
                guard isQueued else { continue }
                queues[key]?.removeFirst()
                if action.state.isOpen, action.attempts < ActionRunner.orderHold {
                    hold(key, after: 0)
                } else {
                    pushNext(of: key)
                }
            }
        }
        return jobs
    }

    private func job(_ item: Pending) -> ActionJob {
        guard case .call(let job) = item.then else { preconditionFailure("only asked of a call") }
        return job
    }

    private mutating func add(_ action: OutboxAction) {
        report.lines.append(
            ApplyReport.Line(
                action: action.planned, attempt: action.attempts, detail: action.planned.note,
                nextTry: action.state.isOpen ? action.due : nil))
    }

    private mutating func take(
        _ answer: ConnectorAnswer?, of job: ActionJob, at now: Timestamp,
        random: inout some RandomNumberGenerator
    ) {
        let name = job.connector.name
        flying[name, default: 1] -= 1
        guard let answer else {
            report.calls -= 1
            return
        }
        judge(answer, of: name, at: now)
        let before = actions[job.index]
        let settled =
            job.task == .checkOnly
            ? checked(before, answer, at: now)
            : settle(job.action, from: before.state, answer, at: now, random: &random)
        let end = JournalDraft(of: settled, at: now, text: settled.planned.note)
        pending.append(
            Pending(
                index: job.index,
                change: OutboxChange(
                    settled, replacing: job.task == .checkOnly ? before : job.action, journal: end),
                then: .end(isQueued: job.task != .checkOnly)))
    }

    private mutating func judge(_ answer: ConnectorAnswer, of name: String, at now: Timestamp) {
        var breaker = breaker(of: name)
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
            let wait = runner.schedule.waitMilliseconds(
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

    /// An action of which it was not known whether it happened, after the target was asked.
    private func checked(
        _ unknown: OutboxAction, _ answer: ConnectorAnswer, at now: Timestamp
    ) -> OutboxAction {
        var checked = unknown
        checked.planned.note = answer.detail
        switch answer.outcome {
        case .done: checked.state = .done
        case .alreadySo: checked.state = .alreadySo
        case .notNeeded: checked.state = .notNeeded
        case .retry where !answer.mayHaveHappened && !answer.pausesConnector:
            // The target says that it did not happen: 'respond retry' can have it done.
            checked.state = .dead
        case .retry, .refused, .failed:
            // As long again as it has been, so that a week has a handful of questions.
            let age = now.since(unknown.firstStarted ?? now)
            let wait = min(max(age, 3_600_000), 86_400_000)
            checked.due = now.adding(milliseconds: wait)
        }
        return checked
    }
}

/// Indices, the least first.
struct IndexHeap {
    private var items: [Int] = []

    var isEmpty: Bool { items.isEmpty }

    mutating func push(_ item: Int) {
        items.append(item)
        var at = items.count - 1
        while at > 0, items[at] < items[(at - 1) / 2] {
            items.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    mutating func pop() -> Int? {
        guard let first = items.first, let last = items.popLast() else { return nil }
        guard !items.isEmpty else { return first }
        items[0] = last
        var at = 0
        while true {
            var least = at
            for child in [2 * at + 1, 2 * at + 2]
            where child < items.count && items[child] < items[least] {
                least = child
            }
            if least == at { return first }
            items.swapAt(at, least)
            at = least
        }
    }
}

extension Array {
    /// One after the other, at most `count` elements each.
    func parts(of count: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: self.count, by: count).map {
            self[$0..<Swift.min($0 + count, self.count)]
        }
    }
}
