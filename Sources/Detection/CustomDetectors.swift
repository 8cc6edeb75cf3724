import SessionModel

/// Judges sightings by a team's own rules: whether they match, how many there were within a window, and
/// whether a value was there before.
///
/// - State: cells of the profile (`CustomCell`), a bounded number of each class. A rule whose key has the
///   user in it keeps them in the user's profile; any other in a profile of the key's own, which is stored,
///   undone and judged again like a user's, so that late records, restarts, batches and threads change
///   nothing there either.
/// - Cost: nothing for a sighting that fits no rule; else a pass over the cells.
/// - Blind spot: counts reach back as far as the profile has room: 256 counted records, 128 values.
public final class CustomDetectors: Sendable {
    struct Entry: Sendable {
        var rule: DetectionRule
        var custom: CustomRule
        var hash: UInt32
        /// What a finding shows.
        var shown: [RecordField]
    }

    let entries: [Entry]

    /// Nil when none of the rules is a team's own.
    init?(_ rules: [DetectionRule]) {
        entries = Self.own(rules)
        if entries.isEmpty { return nil }
    }

    /// A team's own rules, in their order: the number of each is its bit in `Sighting.matched`.
    static func own(_ rules: [DetectionRule]) -> [Entry] {
        Array(
            rules.compactMap { rule in
                rule.custom.map {
                    Entry(
                        rule: rule, custom: $0, hash: rule.customHash,
                        shown: $0.shownFields.filter { $0 != .recordID })
                }
            }.prefix(CustomRule.limit))
    }

    func entry(_ hash: UInt32) -> Entry? { entries.first { $0.hash == hash } }

    // MARK: - Judging

    /// Judges a sighting by the cells before it, then takes it into them.
    ///
    /// - Parameter isLearningOnly: It came after the lateness window: it teaches, and is counted nowhere.
    func examine(
        _ x: StoredSighting, _ profile: inout Profile, isLearningOnly: Bool = false,
        into found: inout [StoredFinding]
    ) {
        guard x.customText.offset != 0 else { return }
        // The heap does not change meanwhile.
        CustomEvidence.forEach(profile.heap.text(x.customText)) { part in
            guard let entry = entry(part.rule) else { return }  // a rule that is gone
            switch entry.custom.kind {
            case .match:
                if !isLearningOnly { found.append(finding(entry, x, profile)) }
            case .threshold(let threshold):
                if isLearningOnly { return }
                guard let count = count(x, threshold, entry, part, &profile) else { return }
                var finding = finding(entry, x, profile)
                finding.n = Int64(count.count)
                finding.m = count.lasted
                found.append(finding)
            case .firstSeen(let rule):
                guard
                    let new = see(x, rule, entry, part, &profile, isLearningOnly: isLearningOnly)
                else { return }
                var finding = finding(entry, x, profile)
                if new.isUnsure { finding.confidence = Confidence.possible.rawValue }
                finding.variant = new.isUnsure ? 1 : 0
                finding.n = Int64(new.sightings)
                finding.m = new.lasted
                found.append(finding)
            }
        }
    }

    private func finding(
        _ entry: Entry, _ x: StoredSighting, _ profile: borrowing Profile
    ) -> StoredFinding {
        var finding = profile.finding(entry.rule.detector, entry.custom.confidence, x)
        finding.rule = entry.hash
        // The other end is nobody; its text holds what the record said.
        finding.there.recordText = x.customText
        if profile.isOfKey {
            // It is about the key: no session of one user is to be ended for it.
            finding.here.session = .none
            finding.here.sessionText = .empty
        }
        return finding
    }

    /// Counts a sighting; how many there are, where that is enough and was not said within the window.
    private func count(
        _ x: StoredSighting, _ threshold: CustomRule.Threshold, _ entry: Entry,
        _ part: CustomEvidence.Part, _ profile: inout Profile
    ) -> (count: Int, lasted: Int64)? {
        let hash = mix(UInt64(entry.hash), part.key)
        let key = CustomCell.key(.event, hash)
        let horizon = x.time &- threshold.withinMilliseconds
        let value = threshold.distinct == nil ? x.recordKey : part.value
        let cell = CustomCell(key: key, value: value, time: x.time)
        var known: Int?
        if threshold.distinct != nil {
            for i in 0..<profile.cells.count
            where profile.cells[i].key == key && profile.cells[i].value == value {
                known = i
                break
            }
        }
        if let known {
            profile.updateCell(known, to: cell)
        } else {
            profile.addCell(cell, .event, horizon: horizon)
        }
        var count = 0
        var first = x.time
        for i in 0..<profile.cells.count
        where profile.cells[i].key == key && profile.cells[i].last >= horizon {
            count += 1
            first = min(first, profile.cells[i].last)
        }
        guard count >= threshold.count else { return nil }
        let spokenKey = CustomCell.key(.spoken, hash)
        let spoken = CustomCell(key: spokenKey, value: 0, time: x.time)
        if let i = profile.cellIndex(spokenKey) {
            // Once a window: what goes on is the same thing.
            if profile.cells[i].last >= horizon { return nil }
            profile.updateCell(i, to: spoken)
        } else {
            profile.addCell(spoken, .spoken)
        }
        return (count, x.time &- first)
    }

    private struct New {
        var sightings: Int
        var lasted: Int64
        /// It may be one that was forgotten for want of room.
        var isUnsure: Bool
    }

    /// Notes a value; what is known of its key, where the value is new and the key is known for long
    /// enough.
    private func see(
        _ x: StoredSighting, _ rule: CustomRule.FirstSeen, _ entry: Entry,
        _ part: CustomEvidence.Part, _ profile: inout Profile, isLearningOnly: Bool
    ) -> New? {
        let hash = mix(UInt64(entry.hash), part.key)
        let learningKey = CustomCell.key(.learning, hash)
        let seenKey = CustomCell.key(.seen, mix(hash, part.value))
        var new: New?
        let learned = profile.cellIndex(learningKey)
        if let learned {
            let cell = profile.cells[learned]
            let lasted = x.time &- cell.first
            if cell.count >= rule.afterSightings,
                Double(lasted) >= rule.afterDays * 86_400_000
            {
                new = New(sightings: cell.count, lasted: lasted, isUnsure: false)
            }
        } else if rule.afterSightings == 0, rule.afterDays == 0 {
            new = New(sightings: 0, lasted: 0, isUnsure: false)
        }
        if let seen = profile.cellIndex(seenKey) {
            new = nil
            note(x.time, at: seen, &profile)
        } else if profile.addCell(
            CustomCell(key: seenKey, value: UInt64(bitPattern: x.time), time: x.time), .seen)
        {
            new?.isUnsure = true
        }
        if let learned {
            // Its place stays: cells are only ever replaced within a class.
            note(x.time, at: learned, &profile)
        } else {
            profile.addCell(
                CustomCell(key: learningKey, value: UInt64(bitPattern: x.time), time: x.time),
                .learning)
        }
        return isLearningOnly ? nil : new
    }

    private func note(_ time: Int64, at i: Int, _ profile: inout Profile) {
        var cell = profile.cells[i]
        cell.last = max(cell.last, time)
        cell.first = min(cell.first, time)
        cell.count += 1
        profile.updateCell(i, to: cell)
    }
}
