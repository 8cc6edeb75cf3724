internal import CSystem

/// Told of each detector that is asked about a sighting.
protocol DetectorWatch {
    mutating func begin()
    mutating func end(_ kind: DetectorKind)
}

/// Nobody watches; compiled away.
struct Unwatched: DetectorWatch {
    @inline(__always) mutating func begin() {}
    @inline(__always) mutating func end(_ kind: DetectorKind) {}
}

/// How often each detector was asked, and how long its answers took. One per thread or shard.
///
/// Times are the processor's own count of time, less what counting itself takes: exact to a few
/// nanoseconds a call, and so for sums over many calls only. While one is at work, judging takes
/// some tens of nanoseconds a record longer.
public final class DetectorMeter: DetectorWatch {
    public struct Cost: Sendable, Equatable {
        /// How often the detector was asked: many are only where there may be something to see.
        public var calls = 0
        public var nanoseconds = 0.0

        public init(calls: Int = 0, nanoseconds: Double = 0) {
            (self.calls, self.nanoseconds) = (calls, nanoseconds)
        }

        public static func + (a: Cost, b: Cost) -> Cost {
            Cost(calls: a.calls + b.calls, nanoseconds: a.nanoseconds + b.nanoseconds)
        }
    }

    /// Sightings judged with all their facts.
    public internal(set) var sightings = 0
    private var calls = InlineArray<32, Int>(repeating: 0)
    private var ticks = InlineArray<32, UInt64>(repeating: 0)
    private var start: UInt64 = 0

    public init() {}

    func begin() { start = ls_ticks() }

    func end(_ kind: DetectorKind) {
        let code = Int(kind.code & 31)
        ticks[code] &+= ls_ticks() &- start
        calls[code] += 1
    }

    /// Of each detector that was asked at all.
    ///
    /// Cost: some 20 ms, for finding out how long a tick is and how many a measurement takes.
    public func costs() -> [DetectorKind: Cost] {
        let scale = TickScale.measured
        var costs: [DetectorKind: Cost] = [:]
        for kind in DetectorKind.allCases where calls[Int(kind.code & 31)] > 0 {
            let count = calls[Int(kind.code & 31)]
            let own = Double(ticks[Int(kind.code & 31)]) - scale.overhead * Double(count)
            costs[kind] = Cost(calls: count, nanoseconds: max(0, own) * scale.nanoseconds)
        }
        return costs
    }
}

/// What a tick of `ls_ticks` is on this machine.
private struct TickScale {
    /// Of one tick.
    var nanoseconds: Double
    /// Ticks that beginning and ending a measurement take, the least seen.
    var overhead: Double

    static let measured: TickScale = {
        let clock = ContinuousClock()
        let (begun, first) = (clock.now, ls_ticks())
        var least = UInt64.max
        var elapsed = Duration.zero
        repeat {
            for _ in 0..<1000 {
                let before = ls_ticks()
                least = min(least, ls_ticks() &- before)
            }
            elapsed = clock.now - begun
        } while elapsed < .milliseconds(20)
        let ticks = ls_ticks() &- first
        let whole = Double(elapsed.components.seconds) * 1e9
        let part = Double(elapsed.components.attoseconds) / 1e9
        return TickScale(nanoseconds: (whole + part) / Double(ticks), overhead: Double(least))
    }()
}
