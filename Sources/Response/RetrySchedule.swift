import SessionModel

/// When an action is tried again: growing waits with jitter, then no more.
public struct RetrySchedule: Sendable, Equatable {
    /// Seconds from one try to the next; one try more than there are waits.
    public var waitsSeconds: [Int]
    /// Up to this share is added to a wait, evenly, so that what failed together does not come back
    /// together. 0 through 1.
    public var jitter: Double

    /// Standard Webhooks' example: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; ten tries
    /// over about 76 hours.
    public static let standard = RetrySchedule(
        waitsSeconds: [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400], jitter: 0.1)

    /// The longest wait, asked for by a target or not.
    public static let longestWaitSeconds = 86_400

    public init(waitsSeconds: [Int], jitter: Double) {
        precondition(waitsSeconds.allSatisfy { $0 >= 0 }, "a wait is not negative")
        precondition((0...1).contains(jitter), "jitter is a share")
        self.waitsSeconds = waitsSeconds
        self.jitter = jitter
    }

    public var tries: Int { waitsSeconds.count + 1 }

    /// Milliseconds to wait after the try with this number (from 1); nil when it was the last.
    ///
    /// `askedSeconds` is what the target asked for: the wait is at least that long, up to a day.
    public func waitMilliseconds(
        after attempt: Int, askedSeconds: Int?, random: inout some RandomNumberGenerator
    ) -> Int64? {
        guard attempt >= 1, attempt <= waitsSeconds.count else { return nil }
        let asked = max(0, min(askedSeconds ?? 0, RetrySchedule.longestWaitSeconds))
        let wait = Double(max(waitsSeconds[attempt - 1], asked)) * 1000
        return Int64(wait + wait * jitter * Double.random(in: 0...1, using: &random))
    }
}

/// Spares a target that is down: after so many failures in a row its other actions wait.
///
/// After a pause one action is tried; if it fails too the pause doubles, up to 15 minutes.
struct Breaker: Sendable {
    /// Failures in a row that open it.
    let limit: Int
    private var failures = 0
    private var hasSucceeded = false
    private var pauseSeconds = Breaker.firstPauseSeconds
    private var openUntil: Timestamp?

    static let firstPauseSeconds = 60
    static let longestPauseSeconds = 900

    init(limit: Int) {
        precondition(limit > 0, "a breaker opens after at least one failure")
        self.limit = limit
    }

    /// Whether a call may be made. Once the pause is over one may; its failure opens it again.
    func allowsCall(at now: Timestamp) -> Bool {
        guard let openUntil else { return true }
        return now >= openUntil
    }

    /// How many calls may be under way: as many as may still fail before it opens, until one has
    /// succeeded.
    func callsAtOnce(width: Int) -> Int {
        failures == 0 && hasSucceeded ? width : min(width, max(1, limit - failures))
    }

    mutating func succeeded() {
        hasSucceeded = true
        (failures, pauseSeconds, openUntil) = (0, Breaker.firstPauseSeconds, nil)
    }

    mutating func failed(at now: Timestamp) {
        failures += 1
        guard failures >= limit else { return }
        openUntil = now.adding(milliseconds: Int64(pauseSeconds) * 1000)
        pauseSeconds = min(pauseSeconds * 2, Breaker.longestPauseSeconds)
    }

    /// The target asked to be left alone for a while (429), or is gone (410).
    mutating func pause(seconds: Int, at now: Timestamp) {
        let asked = min(max(seconds, 1), RetrySchedule.longestWaitSeconds)
        let until = now.adding(milliseconds: Int64(asked) * 1000)
        openUntil = max(openUntil ?? until, until)
    }
}
