/// The formats that are known by name.
public enum FormatCatalog {
    /// All that are built in, in the order in which `auto` tries them.
    public static var builtIn: [Format] { BuiltInFormats.all.map { parsed($0.name, $0.text) } }

    public static var names: [String] { BuiltInFormats.all.map(\.name) }

    public static func named(_ name: String) throws(IntakeError) -> Format {
        guard let found = BuiltInFormats.all.first(where: { $0.name == name }) else {
            throw IntakeError.noSuchFormat(
                name: name, nearest: Spelling.nearest(name, in: names) ?? "native", known: names)
        }
        return parsed(found.name, found.text)
    }

    /// The text of a built-in format, to start one's own from.
    public static func text(named name: String) throws(IntakeError) -> String {
        _ = try named(name)
        return BuiltInFormats.all.first { $0.name == name }?.text ?? ""
    }

    private static func parsed(_ name: String, _ text: String) -> Format {
        do {
            return try FormatFile.parse(text, file: "built-in/\(name).yaml")
        } catch {
            preconditionFailure("a built-in format is wrong: \(error)")
        }
    }
}

/// Words that were meant.
enum Spelling {
    /// The word with the least edit distance (Levenshtein), nil when none is near.
    static func nearest(_ word: String, in known: [String]) -> String? {
        let ranked = known.map { (distance(word.lowercased(), $0.lowercased()), $0) }
        guard let best = ranked.min(by: { $0.0 < $1.0 }) else { return nil }
        return best.0 <= max(3, word.count / 2) ? best.1 : nil
    }

    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8.prefix(64)))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let cost = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(cost, min(row[j], diagonal) + 1)
            }
        }
        return row[b.count]
    }
}
