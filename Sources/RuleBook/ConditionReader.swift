internal import Detection
internal import SessionModel
internal import Settings
internal import Yams

/// Reads the `match:` of a team's own rule: a selection, or several with a `condition`.
struct ConditionReader {
    let log: ProblemLog

    /// Sigma's words that are understood.
    static let modifiers = [
        "contains", "startswith", "endswith", "re", "cidr", "gt", "gte", "lt", "lte", "exists",
        "all",
        "cased", "neq", "fieldref", "i", "m", "s", "minute", "hour", "day", "week", "month", "year",
    ]
    /// Sigma's words that say nothing about records of sessions.
    private static let foreign = [
        "base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "windash", "expand",
    ]
    /// Values of one field.
    private static let valueLimit = 500
    private static let selectionLimit = 32

    /// Nil after logging at least one problem.
    func read(_ node: Node) -> Condition? {
        var condition: Condition?
        if case .mapping(let pairs) = node, pairs.contains(where: { $0.key.string == "condition" })
        {
            condition = named(pairs, node)
        } else {
            condition = selection(node, "'match'", depth: 0)
        }
        guard let condition else { return nil }
        let count = condition.tests.count
        guard count <= Condition.testLimit else {
            log.add(
                "'match' has \(count) tests of fields. Use at most \(Condition.testLimit), "
                    + "or make two rules of it.", at: node)
            return nil
        }
        return condition
    }

    // MARK: - Selections

    private func named(_ pairs: Node.Mapping, _ node: Node) -> Condition? {
        var selections: [(name: String, condition: Condition)] = []
        var nodes: [String: Node] = [:]
        var text: (String, Node)?
        var isSound = true
        for (key, value) in pairs {
            guard case .scalar(let scalar) = key else {
                log.add("A selection's name must be a plain word.", at: key)
                isSound = false
                continue
            }
            let name = scalar.string
            if name == "condition" {
                guard case .scalar(let scalar) = value else {
                    log.add("'condition' must be a text, as 'selection and not filter'.", at: value)
                    isSound = false
                    continue
                }
                text = (scalar.string, value)
                continue
            }
            guard isSelectionName(name) else {
                log.add(
                    "'\(shown(name))' cannot be a selection's name. Use letters, digits and '_', and "
                        + "none of Sigma's own words.", at: key)
                isSound = false
                continue
            }
            guard let condition = selection(value, "'\(name)'", depth: 0) else {
                isSound = false
                continue
            }
            selections.append((name, condition))
            nodes[name] = key
        }
        guard let text, isSound else { return nil }
        guard selections.count <= Self.selectionLimit else {
            log.add(
                "'match' has \(selections.count) selections. Use at most \(Self.selectionLimit).",
                at: node)
            return nil
        }
        do {
            let (condition, used) = try ConditionText.parse(text.0, selections)
            for selection in selections where !used.contains(selection.name) {
                log.add(
                    "'condition' does not name the selection '\(selection.name)'. Name it, or remove it.",
                    at: nodes[selection.name] ?? node)
                isSound = false
            }
            return isSound ? condition : nil
        } catch {
            log.add(error.message, at: text.1)
            return nil
        }
    }

    private func isSelectionName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
                    || byte == 0x5F || byte == 0x2D
            }
            && !["and", "or", "not", "of", "them", "all", "any", "1"].contains(name.lowercased())
    }

    /// A mapping, whose fields must all fit, or a list of mappings, of which one must.
    private func selection(_ node: Node, _ name: String, depth: Int) -> Condition? {
        guard depth <= 4 else {
            log.add("\(name) is nested too deep. Use selections and a 'condition'.", at: node)
            return nil
        }
        switch node {
        case .sequence(let items):
            guard !items.isEmpty, items.count <= RuleLimit.listEntries else {
                log.add(
                    "\(name) must have 1 to \(RuleLimit.listEntries) mappings of fields.", at: node)
                return nil
            }
            let parts = items.map { selection($0, name, depth: depth + 1) }
            return parts.contains { $0 == nil } ? nil : .any(parts.compactMap { $0 })
        case .mapping(let pairs):
            guard !pairs.isEmpty else {
                log.add("\(name) has no fields. Name what a record must be like.", at: node)
                return nil
            }
            var parts: [Condition] = []
            var isSound = true
            for (key, value) in pairs {
                let part: Condition?
                if case .scalar(let scalar) = key, scalar.string == "not" {
                    part = selection(value, "'not'", depth: depth + 1).map(Condition.not)
                } else {
                    part = field(key, value)
                }
                if let part { parts.append(part) } else { isSound = false }
            }
            return isSound ? (parts.count == 1 ? parts[0] : .all(parts)) : nil
        default:
            log.add(
                "\(name) must be a mapping of fields to values, or a list of such. Search words "
                    + "without a field are not understood.", at: node)
            return nil
        }
    }

    // MARK: - Fields

    /// `user_agent|contains|all`: the name, then Sigma's modifiers from left to right.
    private func field(_ key: Node, _ value: Node) -> Condition? {
        guard case .scalar(let scalar) = key else {
            log.add("A field's name must be a plain word.", at: key)
            return nil
        }
        var words = scalar.string.split(separator: "|", omittingEmptySubsequences: false).map(
            String.init)
        let name = words.removeFirst()
        var field: RecordField
        // Sigma's parts of a date.
        if name == "time", let part = words.first, let found = RecordField(name: part),
            found.isOfClock
        {
            field = found
            words.removeFirst()
        } else if let found = RecordField(name: name) {
            field = found
        } else {
            log.add(
                name == "time"
                    ? "'time' is asked for in parts: 'hour', 'weekday', 'time_of_day', or 'time|month'."
                    : "Unknown field '\(shown(name))'."
                        + hint(for: name, among: RecordField.allNames), at: key)
            return nil
        }
        guard let use = modifiers(words, field, key) else { return nil }
        if field.shape == .key {
            log.add(
                "'\(field.name)' is only for 'by', 'value' and 'distinct'. Compare 'ip|cidr' instead.",
                at: key)
            return nil
        }
        guard let condition = condition(field, use, value) else { return nil }
        return use.isNegated ? .not(condition) : condition
    }

    private struct Use {
        var comparison: FieldTest.Comparison?
        var wantsField = false
        var isAll = false
        var isCased = false
        var isNegated = false
        var flags = ""
    }

    private func modifiers(_ words: [String], _ field: RecordField, _ key: Node) -> Use? {
        var use = Use()
        func refuse(_ message: String) -> Use? {
            log.add(message, at: key)
            return nil
        }
        for word in words {
            let comparison: FieldTest.Comparison
            switch word {
            case "all":
                use.isAll = true
                continue
            case "cased":
                use.isCased = true
                continue
            case "neq":
                use.isNegated = true
                continue
            case "i", "m", "s":
                guard use.comparison == .regularExpression else {
                    return refuse("'|\(word)' stands behind '|re' only.")
                }
                use.flags += word
                continue
            case "fieldref":
                use.wantsField = true
                continue
            case "contains": comparison = .contains
            case "startswith": comparison = .startsWith
            case "endswith": comparison = .endsWith
            case "re": comparison = .regularExpression
            case "cidr": comparison = .inNetwork
            case "gt": comparison = .greater
            case "gte": comparison = .greaterOrEqual
            case "lt": comparison = .less
            case "lte": comparison = .lessOrEqual
            case "exists": comparison = .exists
            case _ where Self.foreign.contains(word):
                return refuse(
                    "Sigma's '|\(word)' is not understood here: records of sessions are plain text. "
                        + "Remove it.")
            default:
                return refuse(
                    "Unknown modifier '|\(shown(word))'." + hint(for: word, among: Self.modifiers))
            }
            guard use.comparison == nil else {
                return refuse(
                    "'\(field.name)' can be compared in one way only: '|\(word)' is a second.")
            }
            use.comparison = comparison
        }
        if let problem = misuse(use, field) { return refuse(problem) }
        return use
    }

    /// What does not go together.
    private func misuse(_ use: Use, _ field: RecordField) -> String? {
        let isText = field.shape == .text || field.shape == .word
        switch use.comparison {
        case .contains, .startsWith, .endsWith, .regularExpression:
            if !isText {
                return "'\(field.name)' is \(Self.kind(field)), which cannot be searched. "
                    + (field.shape == .address ? "Use '|cidr'." : "Use a number, '|gte' or '|lt'.")
            }
        case .inNetwork:
            if field.shape != .address { return "'|cidr' is for addresses: 'ip'." }
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            if field.shape != .number {
                return "'\(field.name)' is \(Self.kind(field)), which is neither more nor less."
            }
        case .equals, .exists, .sameAs, nil: break
        }
        if use.wantsField, use.comparison != nil || use.isAll || field.shape != .text {
            return
                "'|fieldref' compares one text with another, whole: no other modifier than '|cased' "
                + "and '|neq' goes with it."
        }
        if use.isCased, !isText { return "'|cased' is for texts, and '\(field.name)' is none." }
        return nil
    }

    private static func kind(_ field: RecordField) -> String {
        switch field.shape {
        case .text: "a text"
        case .word: "one of a set of words"
        case .number: "a number"
        case .address: "an address"
        case .clock: "a time of the day"
        case .key: "a network"
        }
    }

    // MARK: - Values

    private func condition(_ field: RecordField, _ use: Use, _ node: Node) -> Condition? {
        if use.comparison == .exists { return exists(field, node) }
        let items: [Node]
        switch node {
        case .sequence(let nodes):
            items = Array(nodes)
            guard !items.isEmpty, items.count <= Self.valueLimit else {
                log.add("'\(field.name)' needs 1 to \(Self.valueLimit) values.", at: node)
                return nil
            }
        case .scalar: items = [node]
        default:
            log.add("'\(field.name)' needs a value or a list of values.", at: node)
            return nil
        }
        guard !use.isAll || items.count > 1 else {
            log.add("'|all' needs a list of two values or more.", at: node)
            return nil
        }
        var values: [String] = []
        var isAbsent = false
        var isSound = true
        for item in items {
            guard case .scalar(let scalar) = item else {
                log.add("A value of '\(field.name)' must be plain.", at: item)
                isSound = false
                continue
            }
            let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
            if isNull || scalar.string.isEmpty {
                // Nothing and the empty text are the same in a record.
                if items.count > 1 {
                    log.add(
                        "An empty value may not stand in a list. Use '\(field.name)|exists: false'.",
                        at: item)
                    isSound = false
                }
                isAbsent = true
                continue
            }
            if let problem = problem(scalar.string, field, use) {
                log.add(problem, at: item)
                isSound = false
            } else {
                values.append(scalar.string)
            }
        }
        guard isSound else { return nil }
        if isAbsent { return .not(.test(FieldTest(field, .exists))) }
        if use.wantsField {
            return joined(
                values.compactMap { RecordField(name: $0) }.map {
                    .test(FieldTest(field, .sameAs($0), isCased: use.isCased))
                }, isAll: false)
        }
        let comparison = use.comparison ?? (field.shape == .address ? .inNetwork : .equals)
        if comparison == .regularExpression, !use.flags.isEmpty {
            values = values.map { "(?\(use.flags))\($0)" }
        }
        if field == .weekday { values = values.map(Self.longDay) }
        func test(_ values: [String]) -> Condition {
            .test(FieldTest(field, comparison, values, isCased: use.isCased))
        }
        return use.isAll ? joined(values.map { test([$0]) }, isAll: true) : test(values)
    }

    private func joined(_ parts: [Condition], isAll: Bool) -> Condition {
        parts.count == 1 ? parts[0] : isAll ? .all(parts) : .any(parts)
    }

    private func exists(_ field: RecordField, _ node: Node) -> Condition? {
        guard case .scalar(let scalar) = node, ["true", "false"].contains(scalar.string) else {
            log.add("'|exists' must be true or false.", at: node)
            return nil
        }
        let test = Condition.test(FieldTest(field, .exists))
        return scalar.string == "true" ? test : .not(test)
    }

    private static func longDay(_ value: String) -> String {
        let lower = value.lowercased()
        return RecordField.weekday.words.first { $0.hasPrefix(lower) && lower.utf8.count >= 3 }
            ?? value
    }

    /// What is wrong with a value; nil when nothing is.
    private func problem(_ value: String, _ field: RecordField, _ use: Use) -> String? {
        guard value.utf8.count <= RegularExpression.patternLimit else {
            return
                "A value of '\(field.name)' is longer than \(RegularExpression.patternLimit) bytes. "
                + "Shorten it."
        }
        if use.wantsField {
            guard let other = RecordField(name: value) else {
                return "Unknown field '\(shown(value))'."
                    + hint(for: value, among: RecordField.allNames)
            }
            return other.shape == .text ? nil : "'\(other.name)' is no text to compare with."
        }
        if use.comparison == .regularExpression {
            let flags = use.flags.isEmpty ? "" : "(?\(use.flags))"
            if case .failure(let error) = RegularExpression.make(flags + value) {
                return "'\(shown(value))' is no regular expression that RE2 takes: "
                    + "\(shown(error.reason))."
            }
            return nil
        }
        let test = FieldTest(field, use.comparison ?? .equals, [value])
        switch field.shape {
        case .text, .key: return nil
        case .word:
            guard use.comparison == nil, !value.contains("*"), !value.contains("?") else {
                return nil
            }
            let words = field.words
            let given = field == .weekday ? Self.longDay(value) : value.lowercased()
            return words.contains(given)
                ? nil
                : "'\(field.name)' is never '\(shown(value))'." + hint(for: given, among: words)
        case .number:
            guard let number = Double(value), !FieldValue.ranges(value, test).isEmpty,
                value.utf8.allSatisfy({ (48...57).contains($0) || $0 == 0x2E || $0 == 0x2D })
            else { return "'\(field.name)' is a number, and '\(shown(value))' is none." }
            return field.range.contains(number)
                ? nil
                : "'\(field.name)' is never \(value): it is \(numberText(field.range.lowerBound)) to "
                    + "\(numberText(field.range.upperBound))."
        case .address:
            return FieldValue.isNetwork(value)
                ? nil
                : "'\(shown(value))' is no address or network, as '192.0.2.0/24' with zeros behind its "
                    + "prefix."
        case .clock:
            return FieldValue.isClock(value)
                ? nil : "'\(shown(value))' is no time of the day. Write it as '22:00-06:00'."
        }
    }
}
