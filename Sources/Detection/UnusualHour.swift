import SessionModel

/// Flags an hour at which the user is hardly ever seen.
///
/// The share of the hour and its two neighbours among the hours at which the user was seen, each hour
/// counted once, with half a count added to each (Laplace–Krichevsky–Trofimov). Below
/// `usual_share_percent` it is *likely* on a device that is new for the user, *possible* (never an alert
/// alone) else. Hours are UTC, as a habit needs no zone.
/// - Blind spot: intruders who keep the user's hours.
public struct UnusualHour: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "usual_share_percent", unit: "%", range: 0...50, default: 3,
            meaning: "Hours with a smaller share of the user's sightings are unusual."),
        ParameterSpec(
            "learning_hours", unit: "count", range: 10...10_000, default: Double(learningHours),
            isWhole: true,
            meaning: "Hours that were counted before any is called unusual."),
    ]

    /// What it takes, by default, until hours say something.
    static let (learningHours, learningDays): (UInt32, UInt16) = (40, 7)

    let share: Double
    let learning: UInt32

    init(_ rule: DetectionRule) {
        share = rule.limit("usual_share_percent") / 100
        learning = UInt32(rule.limit("learning_hours"))
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.habit >= 0 else { return }
        let habit = profile.facts[context.habit]
        guard habit.count >= learning, habit.days >= UnusualHour.learningDays else { return }
        let usual = habit.shareOfHour(x.hour)
        guard usual < share else { return }
        let isKnown =
            profile.knowsDevice(x, context)
            || x.device.isNone && profile.knowsNetwork(x, context)
        var finding = profile.finding(
            .unusualHour, isKnown ? .possible : .likely, x, variant: isKnown ? 0 : 1)
        finding.x = usual
        finding.n = Int64(x.hour)
        finding.m = Int64(habit.count)
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let percent = f.x * 100
        return Description(
            evidence: [
                Evidence("hour_utc", .integer(Int(f.n))),
                Evidence("share_percent", .number(percent)),
                Evidence("usual_share_percent", .number(share * 100)),
                Evidence("hours_counted", .integer(Int(f.m))),
            ] + text.whereabouts(f.here),
            silencedBy: "usual_share_percent <= \(text.oneDecimal(percent))",
            sentence: "Seen between \(f.n):00 and \((f.n + 1) % 24):00 UTC, around which fall only"
                + " some \(text.oneDecimal(percent)) % of the \(f.m) hours at which the user was seen."
        )
    }
}

extension Fact {
    /// Whether the hour alone has so large a share that its neighbours cannot make it unusual. (All
    /// counts together are never more than the hours counted.)
    func isUsual(_ hour: Int, share: Double) -> Bool {
        Double(hourCount(hour)) >= share * (Double(count) + 12)
    }

    /// The share of an hour of the day and its neighbours in a habit, 0 through 1.
    func shareOfHour(_ hour: Int) -> Double {
        var near = 0
        var all = 0
        for other in 0..<24 {
            let count = hourCount(other)
            all += count
            let apart = abs(other - hour)
            if min(apart, 24 - apart) <= 1 { near += count }
        }
        return (Double(near) + 1.5) / (Double(all) + 12)
    }
}
