import CSimdJSON
import SessionModel

/// What became of a line's values.
struct Verdict {
    enum Kind: UInt8 {
        case record
        case skipped
        case missingTime, badTime, earlyTime, lateTime
        case missingUser, placeholderUser
        case badAddress
        case nothingToFollow
        case tooLong
        case controlCharacter
        case notText
        case unknownWord
    }

    var kind: Kind
    var field = Format.Field.time
    /// What was found.
    var text = TextView()
    var limit = 0

    static let record = Verdict(kind: .record)
    static let skipped = Verdict(kind: .skipped)

    /// What is wrong and what would be right.
    var reason: String {
        let name = field.rawValue
        switch kind {
        case .record, .skipped: return ""
        case .missingTime: return "time is missing: give it as 2026-03-01T08:15:30Z."
        case .badTime: return "time \(quoted(text)) is not one: write it as 2026-03-01T08:15:30Z."
        case .earlyTime:
            return "time \(quoted(text)) is before 2000; look whether the source's clock is set"
        case .lateTime:
            return
                "time \(quoted(text)) is more than a day after now; look whether the source's clock is right"
        case .missingUser: return "user.id is missing: a record needs a user."
        case .placeholderUser: return "user.id \(quoted(text)) stands for no user."
        case .badAddress:
            return "ip \(quoted(text)) is not an address: write it as 192.0.2.1 or 2001:db8::1."
        case .nothingToFollow:
            return "none of ip, session.id and device.id is there: one is needed."
        case .tooLong: return "\(name) has \(text.count) bytes: \(limit) at most."
        case .controlCharacter: return "\(name) has a control character: \(quoted(text))."
        case .notText: return "\(name) is an object or a list: give a text."
        case .unknownWord:
            let known = Vocabulary.words(of: field)
            return
                "\(name) \(quoted(text)) is unknown: use one of \(known.joined(separator: ", "))."
        }
    }
}

/// A value for a message: at most 80 bytes, control characters replaced.
func quoted(_ text: TextView) -> String {
    let cut = text.prefix(80)
    let shown = cut.string.unicodeScalars.map { scalar in
        scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "\u{FFFD}" : Character(scalar)
    }
    return "'\(String(shown))\(cut.count < text.count ? "…" : "")'"
}

/// Turns a line's values into a record, by a format's rules. The rules for bad input are at `Format`.
///
/// Cost: about 0.1 µs for a native record. No allocation unless a text must be changed.
final class RecordMapper {
    private struct Source {
        var slots: UnsafeMutablePointer<Int32>
        var count = 0
        var constant = TextView()
        var hasConstant = false
    }

    private let parser: OpaquePointer
    private let treatment: (user: Format.Treatment, identity: Format.Treatment)
    private let time, id, tenant, userID, userName, sessionID, deviceID, ip: Source
    private let userAgent, application, event, outcome, auth: Source
    private let joins: [(slot: Int, parts: [Int], separator: [UInt8])]
    private let eventTable, outcomeTable, authTable: ValueTable
    private let noUser: NothingWords
    private let nothing: NothingWords
    private let timeReader: TimeReader
    private let earliest = Timestamp.earliest.milliseconds
    private let latest: Int64
    private let keep: [(slot: Int, words: WordList)]
    private let memory: UnsafeMutablePointer<Int32>
    private let constants: WordList
    /// Of the line, where times carry none.
    var year = 0
    /// Words that a message pattern sets; -1: none.
    var setEvent = -1
    var setOutcome = -1
    var setAuth = -1

    init(_ plan: FormatPlan, _ options: IntakeOptions, parser: OpaquePointer) {
        self.parser = parser
        let format = plan.format
        let fields = Format.Field.allCases
        constants = WordList(fields.map { format.rules[$0]?.constant ?? "" })
        let total = fields.reduce(0) { $0 + (plan.slots[$1]?.count ?? 0) }
        let memory = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, total))
        self.memory = memory
        var at = 0
        var made: [Format.Field: Source] = [:]
        for (i, field) in fields.enumerated() {
            var source = Source(slots: memory + at)
            for slot in plan.slots[field] ?? [] {
                memory[at] = Int32(slot)
                at += 1
                source.count += 1
            }
            source.hasConstant = format.rules[field]?.constant != nil
            source.constant = constants.words[i]
            made[field] = source
        }
        func source(_ field: Format.Field) -> Source { made[field] ?? Source(slots: memory) }
        time = source(.time)
        id = source(.id)
        tenant = source(.tenant)
        userID = source(.userID)
        userName = source(.userName)
        sessionID = source(.sessionID)
        deviceID = source(.deviceID)
        ip = source(.ip)
        userAgent = source(.userAgent)
        application = source(.application)
        event = source(.event)
        outcome = source(.outcome)
        auth = source(.authMethod)
        joins = plan.joins
        func table(_ field: Format.Field, _ value: (String) -> UInt8) -> ValueTable {
            let rule = format.rules[field]
            var words = (rule?.values ?? [:]).sorted { $0.key < $1.key }.map {
                ($0.key, value($0.value))
            }
            if words.isEmpty || rule?.constant != nil {
                words = Vocabulary.words(of: field).map { ($0, value($0)) }
            }
            return ValueTable(words, otherwise: rule?.otherwise.map(value))
        }
        eventTable = table(.event, EventWords.value)
        outcomeTable = table(.outcome, OutcomeWords.value)
        authTable = table(.authMethod, AuthWords.value)
        noUser = NothingWords(format.placeholders + format.absent)
        nothing = NothingWords(Format.standardPlaceholders + format.absent)
        timeReader = TimeReader(format.times, zoneOffsetMinutes: options.zoneOffsetMinutes)
        latest = options.now.milliseconds + IntakeOptions.futureMilliseconds
        keep = plan.keep
        treatment = (format.placeholderUser, format.withoutIdentity)
    }

    deinit { memory.deallocate() }

    @inline(__always)
    private func view(_ field: ls_field) -> TextView {
        TextView(base: field.data, count: Int(field.length))
    }

    /// Whether the format wants the record.
    @inline(__always)
    func isWanted(_ fields: UnsafeMutablePointer<ls_field>) -> Bool {
        keep.isEmpty || meetsConditions(fields)
    }

    private func meetsConditions(_ fields: UnsafeMutablePointer<ls_field>) -> Bool {
        for (slot, words) in keep {
            let field = fields[slot]
            guard field.length > 0, field.kind != LS_NULL else { return false }
            guard words.count > 0 else { continue }
            let text = view(field)
            var isFound = false
            for i in 0..<words.count where words.words[i] == text {
                isFound = true
                break
            }
            guard isFound else { return false }
        }
        return true
    }

    /// The first alternative that is there; its kind is LS_ABSENT when none is. `nothing` words do
    /// not count. An object or array comes back as such when no alternative is a text.
    @inline(__always)
    private func pick(
        _ source: Source, _ fields: UnsafeMutablePointer<ls_field>, _ nothing: NothingWords
    ) -> ls_field {
        var other = ls_field()
        for i in 0..<source.count {
            let field = fields[Int(source.slots[i])]
            switch Int(field.kind) {
            case LS_ABSENT, LS_NULL: continue
            case LS_OBJECT, LS_ARRAY: other = field
            default:
                if field.length > 0, !nothing.has(view(field)) { return field }
            }
        }
        return other
    }

    /// An identity goes to `target`; false (with `flaw`) when the record must be refused.
    @inline(__always)
    private func identity(
        _ found: ls_field, _ field: Format.Field, _ limit: Int, _ target: inout TextView,
        _ flaw: inout Verdict
    ) -> Bool {
        let text = view(found)
        if found.kind == LS_STRING, text.count <= limit {
            target = text
            return true
        }
        if found.kind == LS_ABSENT { return true }
        return checkedIdentity(found, field, limit, &target, &flaw)
    }

    private func checkedIdentity(
        _ found: ls_field, _ field: Format.Field, _ limit: Int, _ target: inout TextView,
        _ flaw: inout Verdict
    ) -> Bool {
        let text = view(found)
        if found.kind == LS_OBJECT || found.kind == LS_ARRAY {
            flaw = Verdict(kind: .notText, field: field)
            return false
        }
        if text.count > limit {
            flaw = Verdict(kind: .tooLong, field: field, text: text, limit: limit)
            return false
        }
        if hasControl(text) {
            flaw = Verdict(kind: .controlCharacter, field: field, text: text)
            return false
        }
        target = text
        return true
    }

    private func hasControl(_ text: TextView) -> Bool {
        guard let p = text.base else { return false }
        var found = false
        for i in 0..<text.count { found = found || p[i] < 0x20 }
        return found
    }

    /// A descriptive text: cut, control characters made spaces.
    @inline(__always)
    private func description(_ found: ls_field, _ limit: Int) -> TextView {
        if found.kind == LS_STRING, Int(found.length) <= limit { return view(found) }
        return cleanDescription(found, limit)
    }

    private func cleanDescription(_ found: ls_field, _ limit: Int) -> TextView {
        guard found.kind != LS_OBJECT, found.kind != LS_ARRAY else { return TextView() }
        let text = view(found).prefix(limit)
        guard found.kind == LS_UNESCAPED, hasControl(text), let from = text.base,
            let copy = ls_json_reserve(parser, text.count)
        else { return text }
        for i in 0..<text.count { copy[i] = from[i] < 0x20 ? 0x20 : from[i] }
        return TextView(base: copy, count: text.count)
    }

    /// A word of a fixed vocabulary: its value, -1 when no table has it, -2 when absent.
    @inline(__always)
    private func word(
        _ source: Source, _ fields: UnsafeMutablePointer<ls_field>, _ table: ValueTable,
        _ text: inout TextView
    ) -> Int {
        if source.hasConstant { return table.value(source.constant) }
        for i in 0..<source.count {
            let field = fields[Int(source.slots[i])]
            guard field.length > 0, field.kind != LS_NULL else { continue }
            text = view(field)
            if field.kind == LS_OBJECT || field.kind == LS_ARRAY { return -1 }
            let value = table.value(text)
            if value >= 0 { return value }
            if nothing.has(text) { continue }
            return -1
        }
        return -2
    }

    /// Fills `record` but for `line`, `endOffset` and `contentHash`.
    func map(
        _ fields: UnsafeMutablePointer<ls_field>, _ target: UnsafeMutablePointer<Record>
    ) -> Verdict {
        var record = Record()
        var flaw = Verdict.record
        if !joins.isEmpty { join(fields) }

        // Time.
        let timeField = pick(time, fields, nothing)
        guard timeField.kind != LS_ABSENT else { return Verdict(kind: .missingTime) }
        let timeText = view(timeField)
        guard timeField.kind != LS_OBJECT, timeField.kind != LS_ARRAY,
            let moment = timeReader.read(timeText, year: year)
        else { return Verdict(kind: .badTime, text: timeText) }
        guard moment.milliseconds >= earliest else {
            return Verdict(kind: .earlyTime, text: timeText)
        }
        guard moment.milliseconds <= latest else { return Verdict(kind: .lateTime, text: timeText) }
        record.time = moment

        // User.
        let user = userID.hasConstant ? constantField(userID) : pick(userID, fields, noUser)
        if user.kind == LS_ABSENT { return noUserVerdict(fields) }
        guard identity(user, .userID, TextLimit.userID, &record.userID, &flaw) else { return flaw }
        record.userName = description(pick(userName, fields, nothing), TextLimit.userName)

        // Where and with what.
        guard
            identity(
                pick(sessionID, fields, nothing), .sessionID, TextLimit.sessionID,
                &record.sessionID,
                &flaw),
            identity(
                pick(deviceID, fields, nothing), .deviceID, TextLimit.deviceID, &record.deviceID,
                &flaw)
        else { return flaw }
        let address = pick(ip, fields, nothing)
        if address.kind != LS_ABSENT {
            let text = view(address)
            guard address.kind == LS_STRING || address.kind == LS_UNESCAPED,
                let parsed = IPAddress(text)
            else { return Verdict(kind: .badAddress, field: .ip, text: text) }
            // 0.0.0.0 and ::, the unspecified addresses (RFC 6890), say that it is not known.
            if !(parsed.isV4 && parsed.v4 == 0) { record.address = parsed }
        }
        if record.address.isNone, record.sessionID.isEmpty, record.deviceID.isEmpty {
            return treatment.identity == .skip
                ? .skipped : Verdict(kind: .nothingToFollow, field: .ip)
        }

        guard identity(pick(id, fields, nothing), .id, TextLimit.recordID, &record.id, &flaw)
        else { return flaw }
        if tenant.hasConstant {
            record.tenant = tenant.constant
        } else {
            guard
                identity(
                    pick(tenant, fields, nothing), .tenant, TextLimit.tenant, &record.tenant, &flaw)
            else { return flaw }
        }
        record.userAgent = description(pick(userAgent, fields, nothing), TextLimit.userAgent)
        record.application =
            application.hasConstant
            ? application.constant
            : description(pick(application, fields, nothing), TextLimit.application)

        // Words.
        var text = TextView()
        var value = setEvent >= 0 ? setEvent : word(event, fields, eventTable, &text)
        if value == -1 { return Verdict(kind: .unknownWord, field: .event, text: text) }
        if value >= 0 { record.event = EventKind(rawValue: UInt8(value)) ?? .activity }
        value = setOutcome >= 0 ? setOutcome : word(outcome, fields, outcomeTable, &text)
        if value == -1 { return Verdict(kind: .unknownWord, field: .outcome, text: text) }
        if value >= 0 { record.outcome = Outcome(rawValue: UInt8(value)) ?? .unknown }
        value = setAuth >= 0 ? setAuth : word(auth, fields, authTable, &text)
        if value >= 0 { record.auth = AuthMethod(rawValue: UInt8(value)) ?? .unknown }
        target.pointee = record
        return .record
    }

    private func constantField(_ source: Source) -> ls_field {
        ls_field(
            data: source.constant.base, length: UInt32(source.constant.count),
            kind: UInt32(LS_STRING))
    }

    private func noUserVerdict(_ fields: UnsafeMutablePointer<ls_field>) -> Verdict {
        for i in 0..<userID.count {
            let field = fields[Int(userID.slots[i])]
            guard field.kind != LS_ABSENT, field.kind != LS_NULL else { continue }
            return treatment.user == .skip
                ? .skipped : Verdict(kind: .placeholderUser, field: .userID, text: view(field))
        }
        return treatment.user == .skip ? .skipped : Verdict(kind: .missingUser, field: .userID)
    }

    /// Puts joined values into slots of their own. When one part is missing, so is the whole.
    private func join(_ fields: UnsafeMutablePointer<ls_field>) {
        for (slot, parts, separator) in joins {
            fields[slot] = ls_field()
            var total = separator.count * (parts.count - 1)
            var isWhole = true
            for part in parts {
                let field = fields[part]
                isWhole =
                    isWhole && field.length > 0 && field.kind != LS_NULL
                    && field.kind != LS_OBJECT && field.kind != LS_ARRAY
                total += Int(field.length)
            }
            guard isWhole, let copy = ls_json_reserve(parser, total) else { continue }
            var at = 0
            for (i, part) in parts.enumerated() {
                if i > 0 {
                    for byte in separator {
                        copy[at] = byte
                        at += 1
                    }
                }
                let field = fields[part]
                if let data = field.data {
                    (copy + at).update(from: data, count: Int(field.length))
                }
                at += Int(field.length)
            }
            fields[slot] = ls_field(data: copy, length: UInt32(total), kind: UInt32(LS_UNESCAPED))
        }
    }
}
