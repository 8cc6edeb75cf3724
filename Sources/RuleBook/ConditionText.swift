internal import Detection
internal import Settings

/// Reads Sigma's `condition`: `selection and not 1 of filter_*`, with parentheses.
///
/// Binding, loosest first: `or`, `and`, `not`, `x of`. Names that begin with `_` are left out of `them`.
/// Nesting is at most `Condition.depthLimit`, and a selection counts each time that it is named.
struct ConditionText {
    /// What is wrong, and what would be right, for a person.
    struct Problem: Error, Equatable {
        var message: String
    }

    static let limit = 1024

    private let words: [String]
    private var position = 0
    private var depth = 0
    private var testCount = 0
    private let selections: [(name: String, condition: Condition)]
    /// The selections that the text names.
    private(set) var used: Set<String> = []

    static func parse(
        _ text: String, _ selections: [(name: String, condition: Condition)]
    ) throws(Problem) -> (condition: Condition, used: Set<String>) {
        guard text.utf8.count <= limit else {
            throw Problem(message: "'condition' is longer than \(limit) bytes. Shorten it.")
        }
        var reader = ConditionText(words: split(text), selections: selections)
        guard !reader.words.isEmpty else {
            throw Problem(
                message: "'condition' is empty. Name the selections that a record must fit.")
        }
        let condition = try reader.or()
        if let word = reader.peek {
            throw Problem(
                message: "'condition' has '\(shown(word))' where 'and', 'or' or its end should be.")
        }
        return (condition, reader.used)
    }

    private init(words: [String], selections: [(name: String, condition: Condition)]) {
        self.words = words
        self.selections = selections
    }

    /// Parentheses are words of their own.
    private static func split(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text {
            if character == "(" || character == ")" || character.isWhitespace {
                if !word.isEmpty { words.append(word) }
                word = ""
                if !character.isWhitespace { words.append(String(character)) }
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }

    private var peek: String? { position < words.count ? words[position] : nil }

    private func isNext(_ word: String) -> Bool { peek?.lowercased() == word }

    private mutating func or() throws(Problem) -> Condition {
        var parts = [try and()]
        while isNext("or") {
            position += 1
            parts.append(try and())
        }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func and() throws(Problem) -> Condition {
        var parts = [try not()]
        while isNext("and") {
            position += 1
            parts.append(try not())
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func not() throws(Problem) -> Condition {
        guard isNext("not") else { return try primary() }
        position += 1
        try enter()
        let part = try not()
        depth -= 1
        return .not(part)
    }

    private mutating func enter() throws(Problem) {
        depth += 1
        guard depth <= Condition.depthLimit else {
            throw Problem(
                message: "'condition' is nested deeper than \(Condition.depthLimit) levels. "
                    + "Give a part of it a selection of its own.")
        }
    }

    private mutating func primary() throws(Problem) -> Condition {
        guard let word = peek else {
            throw Problem(message: "'condition' ends where a selection's name should be.")
        }
        position += 1
        if word == "(" {
            try enter()
            let inner = try or()
            depth -= 1
            guard peek == ")" else {
                throw Problem(message: "'condition' has a '(' that is not closed.")
            }
            position += 1
            return inner
        }
        if isNext("of") { return try quantified(word) }
        guard let selection = selections.first(where: { $0.name == word }) else {
            if word == ")" || ["and", "or", "of"].contains(word.lowercased()) {
                throw Problem(
                    message: "'condition' has '\(word)' where a selection's name should be.")
            }
            throw Problem(
                message: "No selection is called '\(shown(word))'."
                    + hint(for: word, among: selections.map(\.name)))
        }
        return try use(selection)
    }

    /// `1 of filter_*`, `all of them`.
    private mutating func quantified(_ word: String) throws(Problem) -> Condition {
        let isAll = word.lowercased() == "all"
        guard isAll || word == "1" || word.lowercased() == "any" else {
            throw Problem(
                message: "'\(shown(word)) of' is not known. Write '1 of' or 'all of'.")
        }
        position += 1
        guard let pattern = peek else {
            throw Problem(
                message: "'condition' ends after 'of'. Write 'them' or a name as 'filter_*'.")
        }
        position += 1
        let chosen = selections.filter { selection in
            pattern.lowercased() == "them"
                ? !selection.name.hasPrefix("_") : Self.fits(selection.name, pattern)
        }
        guard !chosen.isEmpty else {
            throw Problem(
                message: "No selection's name fits '\(shown(pattern))'."
                    + hint(for: pattern, among: selections.map(\.name)))
        }
        var parts: [Condition] = []
        for selection in chosen { parts.append(try use(selection)) }
        return isAll ? .all(parts) : .any(parts)
    }

    /// `*` stands for any text.
    private static func fits(_ name: String, _ pattern: String) -> Bool {
        let pieces = pattern.split(separator: "*", omittingEmptySubsequences: false).map(
            String.init)
        guard pieces.count > 1 else { return name == pattern }
        guard name.hasPrefix(pieces[0]) else { return false }
        var rest = Substring(name.dropFirst(pieces[0].count))
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let range = rest.firstRange(of: piece) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(pieces[pieces.count - 1])
    }

    private mutating func use(
        _ selection: (name: String, condition: Condition)
    ) throws(Problem) -> Condition {
        used.insert(selection.name)
        testCount += selection.condition.tests.count
        guard testCount <= Condition.testLimit else {
            throw Problem(
                message:
                    "With its selections 'condition' has more than \(Condition.testLimit) tests "
                    + "of fields. Ask for less, or make two rules of it.")
        }
        return selection.condition
    }
}
