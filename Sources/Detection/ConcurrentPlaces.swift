import SessionModel

/// Flags one account in use at two far places by turns: A, B, A, B within hours.
///
/// Counts changes between places at least `minimum_distance_km` apart, radii taken off, that follow
/// one another within `window_hours` and lead back to where the account was within twice that: a
/// journey over many cities goes on, and comes to no count. From `change_count` on it is *likely*,
/// from twice that *certain*, when neither the device nor the network nor the place is the user's of
/// old; *possible* (never an alert alone) when one of them is, as a machine at home goes on while its
/// owner is away, on a carrier's network, whose addresses hop, and on a user's first day, when nothing
/// is of old.
/// - Blind spot: an intruder nearer than the distance, or who waits longer than the window, or who is
///   never at the same place twice.
public struct ConcurrentPlaces: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "minimum_distance_km", unit: "km", range: 50...20_000, default: 300,
            meaning: "Places nearer to each other are one place."),
        ParameterSpec(
            "window_hours", unit: "h", range: 0.5...168, default: 12,
            meaning: "Changes farther apart in time than this do not belong together."),
        ParameterSpec(
            "change_count", unit: "count", range: 2...100, default: 3, isWhole: true,
            meaning: "Changes of place, this many: away, back, and away again is three."),
    ]

    let distance: Double
    let window: Int64
    let changes: Int64

    init(_ rule: DetectionRule) {
        distance = rule.limit("minimum_distance_km")
        window = Int64(rule.limit("window_hours") * 3_600_000)
        changes = Int64(rule.limit("change_count"))
    }

    /// How many changes in a row there are with this sighting, and the place before; nil when it is no
    /// change.
    func change(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile
    ) -> (count: Int64, before: FactKey, distance: Double)? {
        guard x.isLocated, context.habit >= 0 else { return nil }
        let habit = profile.facts[context.habit]
        guard habit.newestPlace != x.place, let i = profile.index(of: habit.newestPlace) else {
            return nil
        }
        let apart = profile.facts[i].point.kilometers(to: x.point)
        guard apart - Double(profile.facts[i].radius) - Double(x.radius) >= distance else {
            return nil
        }
        let isNext = x.time &- habit.placeChanged <= window && wasNear(x, profile)
        return (isNext ? Int64(habit.placeChanges) + 1 : 1, habit.newestPlace, apart)
    }

    /// Whether a place was known before the turns began: they themselves make none familiar.
    private func isOfOld(_ place: Int, _ time: Int64, _ profile: borrowing Profile) -> Bool {
        guard profile.isKnown(place, at: time) else { return false }
        let known = profile.facts[place]
        return known.flags.contains(.founding) || time &- known.first > 2 * window
    }

    /// Whether the account was seen near a sighting's place within two windows before: away and back.
    private func wasNear(_ x: StoredSighting, _ profile: borrowing Profile) -> Bool {
        var wasNear = false
        profile.forEach(.place) { i in
            if x.time &- profile.facts[i].last <= 2 * window,
                profile.facts[i].point.kilometers(to: x.point) < distance
            {
                wasNear = true
            }
        }
        return wasNear
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard context.habit >= 0, profile.facts[context.habit].placeChanges > 0,
            let change = change(x, context, profile), change.count >= changes
        else { return }
        let isKnown =
            profile.knowsDevice(x, context) || profile.knowsNetwork(x, context)
            || isOfOld(context.place, x.time, profile) || x.networkKind == .mobile
            || x.time &- profile.tally.firstUse <= Profile.newcomerTime
        var finding = profile.finding(
            .concurrentPlaces,
            isKnown ? .possible : change.count >= 2 * changes ? .certain : .likely, x,
            variant: isKnown ? 0 : 1)
        finding.there = profile.end(
            device: .none, session: .none, network: .none, place: change.before)
        finding.n = change.count
        finding.x = change.distance
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        Description(
            evidence: [
                Evidence("changes", .integer(Int(f.n))),
                Evidence("change_count", .integer(Int(changes))),
                Evidence("from_place", .text(text.place(f.there))),
                Evidence("distance_km", .number(f.x)),
                Evidence("minimum_distance_km", .number(distance)),
                Evidence("window_hours", .number(Double(window) / 3_600_000)),
            ] + text.whereabouts(f.here),
            silencedBy: "change_count > \(f.n)",
            sentence: "In use at two far places by turns: \(f.n) changes, the last from"
                + " \(text.place(f.there)) to \(text.place(f.here)), \(text.kilometers(f.x)) apart."
        )
    }
}
