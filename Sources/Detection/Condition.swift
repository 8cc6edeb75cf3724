import SessionModel

/// What a rule of a team's own asks of a record: tests of fields, joined.
public indirect enum Condition: Sendable, Equatable {
    case test(FieldTest)
    /// All of them; of none: always.
    case all([Condition])
    /// One of them at least; of none: never.
    case any([Condition])
    case not(Condition)

    /// Levels of `not`, `and`, `or` over one another.
    public static let depthLimit = 16
    /// Tests of one rule, those of a selection counted each time that it is named.
    public static let testLimit = 64

    public var tests: [FieldTest] {
        switch self {
        case .test(let test): [test]
        case .all(let parts), .any(let parts): parts.flatMap(\.tests)
        case .not(let part): part.tests
        }
    }
}

/// One field against one value, or against several of which one has to fit.
public struct FieldTest: Sendable, Equatable {
    public enum Comparison: Sendable, Equatable {
        /// Text: the whole of it, `*` and `?` being wildcards. Numbers and words: equal.
        case equals
        case contains
        case startsWith
        case endsWith
        /// RE2, anywhere in the text.
        case regularExpression
        case inNetwork
        case less
        case lessOrEqual
        case greater
        case greaterOrEqual
        case exists
        /// Equal to another field of the record.
        case sameAs(RecordField)
    }

    public var field: RecordField
    public var comparison: Comparison
    /// As the rule writes them; one has to fit. Empty for `exists` and `sameAs`.
    public var values: [String]
    /// Whether capitals matter. Else A–Z are a–z, and letters beyond ASCII as Unicode folds them.
    public var isCased: Bool

    public init(
        _ field: RecordField, _ comparison: Comparison, _ values: [String] = [],
        isCased: Bool = false
    ) {
        self.field = field
        self.comparison = comparison
        self.values = values
        self.isCased = isCased
    }

    /// For a person: `contains 'curl'`, `in DE, NL`; at most some 100 characters.
    public var words: String {
        func list(_ word: String) -> String {
            let shown = values.prefix(6).map { value in
                let cut = value.count > 40 ? String(value.prefix(39)) + "…" : value
                return cut.contains(" ") || cut.isEmpty ? "'\(cut)'" : cut
            }
            return word + shown.joined(separator: ", ")
                + (values.count > 6 ? " or \(values.count - 6) others" : "")
        }
        return switch comparison {
        case .equals: list(values.count > 1 ? "in " : "")
        case .contains: list("containing ")
        case .startsWith: list("beginning with ")
        case .endsWith: list("ending with ")
        case .regularExpression: list("fitting ")
        case .inNetwork: list("in ")
        case .less: list("below ")
        case .lessOrEqual: list("at most ")
        case .greater: list("above ")
        case .greaterOrEqual: list("at least ")
        case .exists: "present"
        case .sameAs(let other): "the same as \(other.name)"
        }
    }
}

extension Condition {
    /// What each field is asked, for a person: `country: not in DE, NL`. By field, in order.
    public var wants: [(field: RecordField, words: String)] {
        var found: [(field: RecordField, words: String)] = []
        func visit(_ part: Condition, isNegated: Bool) {
            switch part {
            case .test(let test):
                let words = (isNegated ? "not " : "") + test.words
                if let i = found.firstIndex(where: { $0.field == test.field }) {
                    if test.comparison == .exists { return }
                    if found[i].words.count < 120 { found[i].words += "; " + words }
                } else {
                    found.append((test.field, words))
                }
            case .all(let parts), .any(let parts):
                for part in parts { visit(part, isNegated: isNegated) }
            case .not(let part): visit(part, isNegated: !isNegated)
            }
        }
        visit(self, isNegated: false)
        return found
    }
}
