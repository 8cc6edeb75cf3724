import SessionModel
import Testing

@testable import Response

struct RetryScheduleTests {
    @Test("ten tries over 75 h 35 min 5 s, then no more")
    func standard() {
        let schedule = RetrySchedule.standard
        #expect(schedule.tries == 10)
        let total: Int = schedule.waitsSeconds.reduce(0, +)
        #expect(total == 272_105)
        var random = SeededGenerator(seed: 1)
        #expect(schedule.waitMilliseconds(after: 9, askedSeconds: nil, random: &random) != nil)
        #expect(schedule.waitMilliseconds(after: 10, askedSeconds: nil, random: &random) == nil)
        #expect(schedule.waitMilliseconds(after: 0, askedSeconds: nil, random: &random) == nil)
    }

    /// What the target asked for; least and longest wait after the first try, in seconds.
    static let asked: [(Int?, Int64, Int64)] = [
        (nil, 5_000, 5_500), (0, 5_000, 5_500), (5, 5_000, 5_500), (6, 6_000, 6_600),
        (600, 600_000, 660_000), (86_400, 86_400_000, 95_040_000),
        (86_401, 86_400_000, 95_040_000), (.max, 86_400_000, 95_040_000), (-7, 5_000, 5_500),
    ]

    @Test("a target's Retry-After is kept, up to a day", arguments: asked)
    func retryAfter(seconds: Int?, least: Int64, most: Int64) throws {
        var random = SeededGenerator(seed: 2)
        var waits: Set<Int64> = []
        for _ in 0..<100 {
            let wait = try #require(
                RetrySchedule.standard.waitMilliseconds(
                    after: 1, askedSeconds: seconds, random: &random))
            #expect((least...most).contains(wait))
            waits.insert(wait)
        }
        #expect(waits.count > 50, "waits are spread")
    }

    @Test("the breaker opens at its limit, lets one through after a pause, and pauses longer")
    func breaker() {
        var breaker = Breaker(limit: 3)
        let second: Int64 = 1000
        breaker.failed(at: epoch)
        breaker.failed(at: epoch)
        #expect(breaker.allowsCall(at: epoch))
        breaker.failed(at: epoch)
        #expect(!breaker.allowsCall(at: epoch.adding(milliseconds: 60 * second - 1)))
        let later = epoch.adding(milliseconds: 60 * second)
        #expect(breaker.allowsCall(at: later))
        breaker.failed(at: later)
        #expect(!breaker.allowsCall(at: later.adding(milliseconds: 120 * second - 1)))
        #expect(breaker.allowsCall(at: later.adding(milliseconds: 120 * second)))
        for _ in 0..<20 { breaker.failed(at: later) }
        #expect(breaker.allowsCall(at: later.adding(milliseconds: 900 * second)))
        #expect(!breaker.allowsCall(at: later.adding(milliseconds: 900 * second - 1)))
        breaker.succeeded()
        breaker.failed(at: later)
        #expect(breaker.allowsCall(at: later))
    }
}
