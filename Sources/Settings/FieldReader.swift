package import Yams

/// One mapping of a file of settings: hands out its values by key and says what is wrong with them.
///
/// Every method returns nil after logging; a caller goes on with the other keys, so that one run
/// tells all that there is to mend.
package struct FieldReader {
    package let node: Node
    /// What a message calls it: `the rule`, `'limits'`.
    package let name: String
    package let log: ProblemLog
    private var values: [String: Node] = [:]
    private var keys: [String: Node] = [:]

    /// Nil when the node is no mapping. Unknown keys are logged; the reader goes on without them.
    package init?(_ node: Node, name: String, keys known: [String], log: ProblemLog) {
        guard case .mapping(let pairs) = node else {
            log.add("\(capitalized(name)) must be a mapping of 'key: value' lines.", at: node)
            return nil
        }
        (self.node, self.name, self.log) = (node, name, log)
        for (key, value) in pairs {
            guard case .scalar(let scalar) = key else {
                log.add("A key of \(name) must be a plain word.", at: key)
                continue
            }
            guard known.contains(scalar.string) else {
                log.add(
                    "Unknown key '\(shown(scalar.string))' in \(name)."
                        + hint(for: scalar.string, among: known), at: key)
                continue
            }
            values[scalar.string] = value
            keys[scalar.string] = key
        }
    }

    package func value(_ key: String) -> Node? { values[key] }

    /// The value's node; a missing one is logged.
    package func required(_ key: String, because reason: String) -> Node? {
        if let value = values[key] { return value }
        log.add("\(capitalized(name)) has no '\(key)'. Add it: \(reason).", at: node)
        return nil
    }

    /// Where to point for a problem with the key.
    package func place(_ key: String) -> Node { values[key] ?? node }

    // MARK: - Texts

    package func text(_ key: String, limit: Int = SettingsLimit.textBytes, because reason: String)
        -> String?
    {
        required(key, because: reason).flatMap { text(of: $0, key: key, limit: limit) }
    }

    /// A text that is not blank, within the limit, and free of control characters.
    package func text(of node: Node, key: String, limit: Int = SettingsLimit.textBytes) -> String? {
        guard case .scalar(let scalar) = node else {
            log.add("'\(key)' must be a text, not a list or a mapping.", at: node)
            return nil
        }
        let text = trimmed(scalar.string)
        guard !text.isEmpty, !(scalar.style == .plain && (text == "~" || text == "null")) else {
            log.add("'\(key)' is empty. Write it, or remove the key if it may be absent.", at: node)
            return nil
        }
        guard text.utf8.count <= limit else {
            log.add(
                "'\(key)' is \(text.utf8.count) bytes long. Use at most \(limit).", at: node)
            return nil
        }
        // Titles and recommendations are pasted into terminals, tickets and pages.
        let control = text.unicodeScalars.first { scalar in
            (scalar.properties.generalCategory == .control && scalar != "\n")
                || scalar.properties.isBidiControl
        }
        if let control {
            let code = String(control.value, radix: 16, uppercase: true)
            log.add("'\(key)' holds the control character U+\(code). Remove it.", at: node)
            return nil
        }
        return text
    }

    /// A list of texts; a missing key is an empty list.
    package func texts(_ key: String) -> [String]? {
        guard let node = values[key] else { return [] }
        return items(of: node, key: key).map { items in
            items.compactMap { text(of: $0, key: key) }
        }
    }

    /// The entries of a list within `limit`.
    package func items(of node: Node, key: String, limit: Int = SettingsLimit.listEntries)
        -> [Node]?
    {
        guard case .sequence(let items) = node else {
            log.add("'\(key)' must be a list: one '- …' line for each entry.", at: node)
            return nil
        }
        guard items.count <= limit else {
            log.add("'\(key)' has \(items.count) entries. Use at most \(limit).", at: node)
            return nil
        }
        return Array(items)
    }

    // MARK: - Words, switches and numbers

    /// One of a set of words.
    package func word<Value>(
        _ key: String, of node: Node, among known: [String], make: (String) -> Value?
    ) -> Value? {
        guard let text = text(of: node, key: key) else { return nil }
        if let value = make(text) { return value }
        log.add(
            "'\(key)' is '\(shown(text))'." + hint(for: text, among: known), at: node)
        return nil
    }

    /// `true` or `false`; a missing key is `absent`.
    package func flag(_ key: String, absent: Bool) -> Bool? {
        guard let node = values[key] else { return absent }
        switch node {
        case .scalar(let scalar) where scalar.string == "true": return true
        case .scalar(let scalar) where scalar.string == "false": return false
        default:
            log.add("'\(key)' must be true or false.", at: node)
            return nil
        }
    }

    /// A number in `range`, written plainly in `unit` (empty for none).
    package func number(
        _ key: String, of node: Node, in range: ClosedRange<Double>, unit: String, isWhole: Bool
    ) -> Double? {
        let unitWords = unit.isEmpty || unit == "count" ? "" : " " + unit
        guard case .scalar(let scalar) = node else {
            log.add(
                "'\(key)' must be a number\(unitWords.isEmpty ? "" : " in" + unitWords).", at: node)
            return nil
        }
        guard scalar.style == .plain, let value = plainNumber(scalar.string) else {
            log.add(
                "'\(key)' is '\(shown(scalar.string))'. Write a plain number"
                    + (unitWords.isEmpty ? "" : " in\(unitWords), the unit that its name says")
                    + (leadingNumber(scalar.string).map { ", as \($0)" } ?? "") + ".", at: node)
            return nil
        }
        guard range.contains(value) else {
            log.add(
                "'\(key)' is \(numberText(value))\(unitWords). Use \(numberText(range.lowerBound)) "
                    + "to \(numberText(range.upperBound))\(unitWords).", at: node)
            return nil
        }
        guard !isWhole || value == value.rounded() else {
            log.add("'\(key)' is \(numberText(value)). Use a whole number.", at: node)
            return nil
        }
        return value
    }
}

// MARK: - Small text

/// Digits with an optional sign and fraction; no exponents, underscores, hexadecimals or sexagesimals,
/// which YAML 1.1 would read as numbers that nobody meant.
private func plainNumber(_ text: String) -> Double? {
    var rest = Substring(text)
    if rest.first == "-" { rest.removeFirst() }
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, rest.utf8.count <= 15,
        parts.allSatisfy({ part in
            !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) }
        })
    else { return nil }
    return Double(text)
}

/// The number at the start of `15 min`, to show what was meant.
private func leadingNumber(_ text: String) -> String? {
    let digits = trimmed(text).prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-") }
    return plainNumber(String(digits)) == nil ? nil : String(digits)
}

/// `900`, `0.1`: without the `.0` of a whole number.
package func numberText(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
}

/// Without surrounding spaces and line ends.
package func trimmed(_ text: String) -> String {
    let isSpace = { (c: Character) in c == " " || c == "\n" || c == "\t" || c == "\r\n" || c == "\r"
    }
    guard let first = text.firstIndex(where: { !isSpace($0) }),
        let last = text.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(text[first...last])
}

private func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
}
