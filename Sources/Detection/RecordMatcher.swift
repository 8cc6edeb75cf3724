public import SessionModel

/// Holds records against the conditions of a team's own rules. Safe from several threads at once.
///
/// - Cost: nothing where there is no such rule, as there is no matcher then; else a step or two for
///   each rule that a record does not fit.
public final class RecordMatcher: Sendable {
    /// One of the rules whose counts are kept by a key that is no user.
    struct KeyRule: Sendable {
        var slot: Int
        var hash: UInt32
        var by: [RecordField]
        var zone: ClockZone
    }

    private let programs: [ConditionProgram]
    /// The same, without counting references for each record.
    private nonisolated(unsafe) let unowned: UnsafeMutablePointer<Unmanaged<ConditionProgram>>
    private let keyRules: [KeyRule]
    /// Bits of the rules whose findings are in the user's own profile.
    private let ofUser: UInt64
    /// Whether a sighting needs `utcOffsetSeconds`.
    public let needsLocalTime: Bool

    /// Nil when none of the rules is a team's own.
    public init?(_ rules: [DetectionRule]) {
        let own = CustomDetectors.own(rules)
        guard !own.isEmpty else { return nil }
        programs = own.map { ConditionProgram($0.custom.condition, zone: $0.custom.zone) }
        unowned = .allocate(capacity: programs.count)
        for slot in programs.indices {
            (unowned + slot).initialize(to: .passUnretained(programs[slot]))
        }
        var ofUser: UInt64 = 0
        var keyRules: [KeyRule] = []
        for (slot, entry) in own.enumerated() {
            if entry.custom.isOfKey {
                keyRules.append(
                    KeyRule(
                        slot: slot, hash: entry.hash, by: entry.custom.by ?? [],
                        zone: entry.custom.zone))
            } else {
                ofUser |= 1 << UInt64(slot)
            }
        }
        self.ofUser = ofUser
        self.keyRules = keyRules
        needsLocalTime = own.contains { $0.custom.needsLocalTime }
    }

    deinit { unowned.deallocate() }

    /// Whether some rule counts by another key than the user.
    public var hasKeyRules: Bool { !keyRules.isEmpty }

    /// Which rules a record fits: a bit each, in the order of the rules.
    ///
    /// By what record, databases and lists say: what was learned of all users is not known yet.
    public func match(_ s: UnsafePointer<Sighting>) -> UInt64 {
        var matched: UInt64 = 0
        for slot in 0..<programs.count
        where unowned[slot]._withUnsafeGuaranteedRef({ $0.fits(s) }) {
            matched |= 1 << UInt64(slot)
        }
        return matched
    }

    /// For each rule that counts by a key which is no user: a copy of the sighting for the key's own
    /// profile. `put` gets the number of the rule, and two hashes that together are no other key's.
    public func forEachKey(
        of s: UnsafeMutablePointer<Sighting>, matched: UInt64, put: (Int, UInt64, UInt64) -> Void
    ) {
        for rule in keyRules where matched >> UInt64(rule.slot) & 1 == 1 {
            // Tenants are counted apart.
            let tenant = s.pointee.record.tenant.hashPair(domain: HashDomain.customKey)
            var key = mix(tenant.0, UInt64(rule.hash))
            var check = mix(tenant.1, UInt64(rule.hash))
            var isWhole = true
            for field in rule.by {
                guard let (first, second) = field.hash(s, rule.zone) else {
                    isWhole = false
                    break
                }
                key = mix(key, first)
                check = mix(check, second)
            }
            // As in Sigma, what has no value for the key is not counted.
            if isWhole { put(rule.slot, key, check) }
        }
    }

    /// What of `matched` is the business of the user's own profile.
    public func userRules(_ matched: UInt64) -> UInt64 { matched & ofUser }
}
