import Glibc
import SessionModel

/// Flags a session that is used much more than the user's, where that is strange: from a provider that
/// was new for the user within two days, or at an hour at which the user is seldom seen.
///
/// Who takes a session uses it while it lasts. Uses are counted through an hour: on the new provider
/// those of the session that was the first there, as long as no other of the user's sessions and devices
/// shows that the user came along; at a strange hour those of the session anywhere. Taken as geometric
/// about the user's mean *m* of uses in an hour with any (the law of greatest entropy for a mean), *n* uses
/// and more have the probability (1 − 1/*m*)^(*n* − 1), of which the binary logarithm is told, in bits; a
/// strange hour adds that of its share (with its neighbours) over an even one's, and costs two where
/// nothing else is strange. *Certain*, *likely* or *possible* by the limits.
/// - Blind spot: intruders who go about it slowly, who use many sessions once each, or who keep the user's
///   hours on the user's provider; records without a session. Hours are counted from a first use on, one
///   after another, so that a burst may fall into two of them.
public struct ActivityBurst: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "possible_bits", unit: "bits", range: 1...64, default: 3,
            meaning: "How rare, in bits, so many uses in an hour are to be possible."),
        ParameterSpec(
            "likely_bits", unit: "bits", range: 1...64, default: 5,
            meaning: "How rare they are to be likely."),
        ParameterSpec(
            "certain_bits", unit: "bits", range: 1...64, default: 8,
            meaning: "How rare they are to be certain."),
        ParameterSpec(
            "learning_hours", unit: "count", range: 5...10_000, default: 10, isWhole: true,
            meaning: "Hours counted before uses are too many; a strange one takes 40 on 7 days."),
        ParameterSpec(
            "strange_hour_percent", unit: "%", range: 0...12.5, default: 8,
            meaning: "Hours with a smaller share of the user's sightings are strange."),
    ]

    /// The least mean that is believed: at one use an hour, two would have no probability at all.
    static let leastMean = 1.25
    /// What is taken off where only the hour is strange, in bits: busy late hours are commoner than the
    /// law has them.
    static let hourToll = 2.0
    /// Fewer uses in an hour are never many.
    static let leastUses = 3

    let limits: (possible: Double, likely: Double, certain: Double)
    let learning: UInt32
    let share: Double

    init(_ rule: DetectionRule) {
        limits = (
            rule.limit("possible_bits"), rule.limit("likely_bits"), rule.limit("certain_bits")
        )
        learning = UInt32(rule.limit("learning_hours"))
        share = rule.limit("strange_hour_percent") / 100
    }

    /// What there is to be seen of a sighting.
    struct Burst {
        /// Uses within the hour: on a new provider, and of the session at a strange hour; 0 when not so.
        var (newcomer, session) = (0, 0)
        /// The hour's share of the user's, 1 when it is not strange.
        var share = 1.0
        var mean = leastMean

        var uses: Int { max(newcomer, session) }
        /// How much the hour adds, in bits: three hours' share over that of any three.
        var hourBits: Double { share < 1 ? max(0, log2(3.0 / 24 / share)) : 0 }
        var bits: Double {
            uses < leastUses
                ? 0
                : Double(uses - 1) * log2(mean / (mean - 1)) + hourBits
                    - (newcomer < leastUses ? hourToll : 0)
        }
    }

    func burst(_ x: StoredSighting, _ context: Context, _ profile: borrowing Profile) -> Burst {
        var burst = Burst()
        guard context.habit >= 0, profile.facts[context.habit].count >= learning else {
            return burst
        }
        let habit = profile.facts[context.habit]
        burst.mean = max(
            ActivityBurst.leastMean, Double(profile.tally.sightings) / Double(habit.count))
        if context.provider >= 0 {
            burst.newcomer = profile.facts[context.provider].stayCount(of: x) ?? 0
        }
        if habit.count >= UnusualHour.learningHours, habit.days >= UnusualHour.learningDays {
            let usual = habit.shareOfHour(x.hour)
            if usual < share {
                burst.share = usual
                if context.session >= 0 {
                    burst.session = profile.facts[context.session].runCount(at: x.time)
                }
            }
        }
        return burst
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        let burst = burst(x, context, profile)
        let bits = burst.bits
        guard bits >= limits.possible else { return }
        var finding = profile.finding(
            .activityBurst,
            bits >= limits.certain ? .certain : bits >= limits.likely ? .likely : .possible, x,
            variant: (burst.newcomer >= ActivityBurst.leastUses ? 1 : 0)
                | (burst.share < 1 ? 2 : 0))
        finding.x = bits
        finding.y = burst.share
        finding.n = Int64(burst.uses)
        finding.m = Int64((burst.mean * 10).rounded())
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let mean = Double(f.m) / 10
        let provider = text.string(f.here.organizationText)
        let network = provider.isEmpty ? f.here.address.networkPrefixDescription : provider
        var sentence =
            "\(f.n) uses within an hour, where some \(text.oneDecimal(mean)) are usual for this user"
        if f.variant & 2 != 0 {
            sentence += ", at an hour around which fall \(text.oneDecimal(f.y * 100)) % of theirs"
        }
        if f.variant & 1 != 0 {
            sentence += ", on \(network): new for them, and nothing else of theirs was seen there"
        }
        var evidence = [
            Evidence("uses", .integer(Int(f.n))),
            Evidence("usual_uses_per_hour", .number(mean)),
            Evidence("network_is_new", .flag(f.variant & 1 != 0)),
            Evidence("bits", .number(f.x)),
            Evidence("possible_bits", .number(limits.possible)),
            Evidence("likely_bits", .number(limits.likely)),
            Evidence("certain_bits", .number(limits.certain)),
        ]
        if f.variant & 2 != 0 {
            evidence += [
                Evidence("share_percent", .number(f.y * 100)),
                Evidence("strange_hour_percent", .number(share * 100)),
            ]
        }
        return Description(
            evidence: evidence + text.whereabouts(f.here),
            silencedBy: "possible_bits > \(text.oneDecimal((f.x * 10).rounded(.up) / 10 + 0.01))",
            sentence: sentence + ".")
    }
}

// MARK: - A stay on a new provider

extension Fact {
    /// How long a provider is new for a user, ms: two days.
    static let stayTime: Int64 = 2 * 86_400_000
    /// Uses are counted through an hour, ms.
    static let runTime: Int64 = 3_600_000

    // provider: a = the session that was the first there, b = since when an hour's uses are counted, and
    // how many they are; both 0 when the user's other things came too, or it is not new
    private var stayStart: Int64 { Int64(bitPattern: b &<< 16) &>> 16 }
    private var stayUses: Int { Int(b &>> 48) }
    private mutating func setStay(since start: Int64, uses: Int) {
        b = UInt64(bitPattern: start) & 0x0000_FFFF_FFFF_FFFF | UInt64(min(uses, 0xFFFF)) &<< 48
    }

    /// The first use of a provider.
    mutating func beginStay(_ x: StoredSighting) {
        a = x.session.rawValue
        setStay(since: x.time, uses: 1)
    }

    /// Whether a provider is still so new that a stay on it is counted.
    func isStay(at time: Int64) -> Bool { b != 0 && time &- first < Fact.stayTime }

    /// The uses within the hour with this one, where it is of the session that the stay is of.
    func stayCount(of x: StoredSighting) -> Int? {
        guard isStay(at: x.time), !x.session.isNone, a == 0 || a == x.session.rawValue else {
            return nil
        }
        return x.time &- stayStart < Fact.runTime ? stayUses + 1 : 1
    }

    /// Counts one more use. `isVouched`: it is of something else that was the user's before the stay.
    mutating func continueStay(_ x: StoredSighting, isVouched: Bool) {
        if isVouched {
            (a, b) = (0, 0)
            return
        }
        guard let count = stayCount(of: x) else { return }
        a = x.session.rawValue
        setStay(since: count == 1 ? x.time : stayStart, uses: count)
    }
}

// MARK: - A session's run

extension Fact {
    // session: count = the uses within the hour (ten bits), and the minute in which it began

    /// The uses of a session within the hour with one at `time`.
    func runCount(at time: Int64) -> Int {
        let minutes = UInt32(truncatingIfNeeded: time / 60_000) &- count &>> 10
        return minutes & 0x3F_FFFF < 60 ? min(Int(count & 1023), 1022) + 1 : 1
    }

    /// Takes one more use of a session at `time`, not before `last`.
    mutating func seeSession(_ time: Int64) {
        let uses = runCount(at: time)
        let start = uses == 1 ? UInt32(truncatingIfNeeded: time / 60_000) &<< 10 : count & ~1023
        see(time)
        count = start | UInt32(uses)
    }
}

extension Profile {
    /// Whether a stay on a new provider is still counted for sightings from `time` on.
    func hasStays(at time: Int64) -> Bool {
        var hasStays = false
        forEach(.provider) { if facts[$0].isStay(at: time) { hasStays = true } }
        return hasStays
    }

    /// How long a journey takes at most, ms: three weeks.
    static let journeyTime: Int64 = 21 * 86_400_000

    /// Whether the user is known to be on a journey where a sighting is: the country is new for them, but
    /// not of today, or another of their devices was seen there within two days.
    func isJourney(_ x: StoredSighting, _ context: Context) -> Bool {
        guard context.country >= 0, x.networkKind.placeIsMeaningful else { return false }
        let country = facts[context.country]
        let age = x.time &- country.first
        if country.flags.contains(.founding) || age > Profile.journeyTime { return false }
        if age > Profile.newcomerTime { return true }
        var isThere = false
        forEach(.track) { i in
            let track = facts[i]
            if track.trackCountry == x.countryCode, track.trackDevice != x.device,
                x.time &- track.last < Fact.stayTime, let device = fact(track.trackDevice),
                device.first < country.first
            {
                isThere = true
            }
        }
        return isThere
    }

    /// Whether a sighting on a provider that is new shows that the user came along: another session that
    /// is older than the stay, or another sign-in of a device, told by its id, that is.
    func vouches(_ x: StoredSighting, _ context: Context, for stay: Fact) -> Bool {
        if isJourney(x, context) { return true }
        guard !x.session.isNone, stay.a != 0, x.session.rawValue != stay.a else { return false }
        if context.session >= 0, facts[context.session].first < stay.first { return true }
        return context.device >= 0 && x.device.isOfID && facts[context.device].first < stay.first
    }
}
