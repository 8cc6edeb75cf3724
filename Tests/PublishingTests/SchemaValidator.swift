@testable import Publishing

/// A validator for the keywords of JSON Schema 2020-12 that the alert schema uses. A keyword that it
/// does not know is an error, so that the schema cannot outgrow it unseen.
struct SchemaValidator {
    let root: JSONValue
    /// Whether a property that the schema does not list is an error: consumers must pass over such,
    /// but what we write must all be documented.
    let isStrict: Bool

    private static let notes: Set = ["$schema", "$id", "title", "description", "$defs", "format"]

    /// Problems, each with its place; none when the value is valid.
    func problems(_ value: JSONValue) -> [String] { check(value, root, at: "$") }

    private func check(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
        guard case .object(let keywords) = schema else {
            return ["\(path): the schema is no object"]
        }
        var problems: [String] = []
        for (keyword, rule) in keywords where !Self.notes.contains(keyword) {
            problems += check(value, keyword, rule, schema, at: path)
        }
        return problems
    }

    private func check(
        _ value: JSONValue, _ keyword: String, _ rule: JSONValue, _ schema: JSONValue,
        at path: String
    ) -> [String] {
        func fail(_ text: String) -> [String] { ["\(path): \(keyword): \(text)"] }
        switch (keyword, rule, value) {
        case ("$ref", .text(let reference, _), _):
            guard reference.hasPrefix("#/$defs/"),
                let target = root["$defs"]?[String(reference.dropFirst(8))]
            else { return fail("no such definition \(reference)") }
            return check(value, target, at: path)
        case ("type", .text(let name, _), _):
            return isType(value, name) ? [] : fail("not \(name)")
        case ("type", .array(let names), _):
            let fits = names.contains {
                if case .text(let n, _) = $0 { isType(value, n) } else { false }
            }
            return fits ? [] : fail("none of the types")
        case ("enum", .array(let allowed), _):
            return allowed.contains(value) ? [] : fail("\(value) is none of the words")
        case ("required", .array(let keys), .object):
            return keys.flatMap { key -> [String] in
                guard case .text(let name, _) = key, value[name] == nil else { return [] }
                return fail("\(name) is missing")
            }
        case ("properties", .object(let properties), .object(let members)):
            let extra = schema["additionalProperties"]
            return members.flatMap { member -> [String] in
                if let known = properties.first(where: { $0.key == member.key }) {
                    return check(member.value, known.value, at: "\(path).\(member.key)")
                }
                return isStrict && extra == nil ? fail("\(member.key) is not documented") : []
            }
        case ("additionalProperties", .object, .object(let members)):
            return members.flatMap { check($0.value, rule, at: "\(path).\($0.key)") }
        case ("propertyNames", .object, .object(let members)):
            return members.flatMap {
                check(.text($0.key, isMarked: false), rule, at: "\(path).\($0.key)")
            }
        case ("items", .object, .array(let elements)):
            return elements.enumerated().flatMap { check($1, rule, at: "\(path)[\($0)]") }
        case ("maxItems", .integer(let limit), .array(let elements)):
            return elements.count <= limit ? [] : fail("\(elements.count) items")
        case ("minLength", .integer(let limit), .text(let text, _)):
            return text.unicodeScalars.count >= limit ? [] : fail("too short")
        case ("pattern", .text(let pattern, _), .text(let text, _)):
            guard let expression = try? Regex(pattern) else { return fail("no expression") }
            return text.contains(expression) ? [] : fail("'\(text)' does not match")
        case ("minimum", _, _), ("maximum", _, _):
            guard let limit = number(rule), let amount = number(value) else { return [] }
            return keyword == "minimum"
                ? (amount >= limit ? [] : fail("\(amount)"))
                : (amount <= limit ? [] : fail("\(amount)"))
        case ("required", _, _), ("properties", _, _), ("additionalProperties", _, _),
            ("propertyNames", _, _), ("items", _, _), ("maxItems", _, _), ("minLength", _, _),
            ("pattern", _, _):
            return []  // of another type, which `type` judges
        default: return fail("the validator does not know this keyword")
        }
    }

    private func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    private func isType(_ value: JSONValue, _ name: String) -> Bool {
        switch (value, name) {
        case (.object, "object"), (.array, "array"), (.text, "string"), (.flag, "boolean"),
            (.null, "null"), (.integer, "integer"), (.integer, "number"), (.number, "number"):
            true
        case (.number(let value), "integer"): value.rounded() == value
        default: false
        }
    }
}
