internal import Mustache

/// The texts of one language: what is missing in it is said in English.
public struct Phrases: Sendable {
    /// A tag of BCP 47, as `de`.
    public let language: String
    private let templates: [String: MustacheTemplate]

    init(language: String, templates: [String: MustacheTemplate]) {
        (self.language, self.templates) = (language, templates)
    }

    /// A phrase with its places filled in. What is filled in is never read as a template, and is not
    /// escaped: each form of message escapes the whole its own way.
    func text(_ key: String, _ values: [String: String] = [:]) -> String {
        templates[key].map { $0.render(values) } ?? key
    }

    func has(_ key: String) -> Bool { templates[key] != nil }

    /// What a rule looks for, in plain words and without a word of the record's.
    func seen(rule: String) -> String {
        text(has("seen.\(rule)") ? "seen.\(rule)" : "seen.other")
    }

    /// A rule's name for a team, without a word of the record's.
    func rule(_ id: String) -> String { text(has("rule.\(id)") ? "rule.\(id)" : "rule.other") }

    /// A phrase's template: nothing in it is escaped.
    static func template(_ text: String) throws -> MustacheTemplate {
        try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + text)
    }
}

/// The names in `{{…}}` of a template, as written, without marks of sections and the like.
func placeholders(in text: String) -> [String] {
    var names: [String] = []
    var rest = text[...]
    while let start = rest.range(of: "{{") {
        rest = rest[start.upperBound...]
        guard let end = rest.range(of: "}}") else { break }
        var name = rest[..<end.lowerBound]
        rest = rest[end.upperBound...]
        if name.first == "%" || name.first == "!" || name.first == "=" { continue }
        while let first = name.first, "#^/&>{ ".contains(first) { name = name.dropFirst() }
        while let last = name.last, " }".contains(last) { name = name.dropLast() }
        if !name.isEmpty { names.append(String(name)) }
    }
    return names
}

extension Substring {
    /// Where `text` first stands; without Foundation's.
    fileprivate func range(of text: String) -> Range<Index>? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(text) { return at..<index(at, offsetBy: text.count) }
            at = index(after: at)
        }
        return nil
    }
}
