package import Yams

/// Reads one YAML document into nodes, bounded and without anchors.
package enum YAMLDocument {
    /// The root node, or nil after logging why there is none. `content` says what an empty file
    /// lacks: `a rule`.
    ///
    /// libyaml refuses more than 1000 levels by itself, before anything here recurses; what is
    /// deeper than `SettingsLimit.depth` is refused then. An alias is refused before it is composed,
    /// since a mapping's keys are hashed on the way and a few lines of aliases make a key of
    /// billions of nodes.
    package static func root(
        of text: String, content: String, log: ProblemLog
    ) -> Node? {
        if let name = aliasedAnchor(in: text) {
            let place = position(of: "*\(name)", in: text)
            log.add(
                "YAML anchors and aliases are not taken here ('&\(shown(name))', "
                    + "'*\(shown(name))'). Write the value out.",
                line: place.line, column: place.column)
            return nil
        }
        do {
            let parser = try Parser(yaml: text, encoding: .utf8)
            guard let root = try parser.singleRoot() else {
                log.add("The file is empty. Write \(content), or remove the file.")
                return nil
            }
            // Nodes hold their anchors weakly, and the parser owns them.
            return withExtendedLifetime(parser) {
                isAcceptable(root, depth: 1, log: log) ? root : nil
            }
        } catch let error as YamlError {
            report(error, text: text, log: log)
        } catch {
            log.add("This is not YAML: \(shown("\(error)")).")
        }
        return nil
    }

    private static func isAcceptable(_ node: Node, depth: Int, log: ProblemLog) -> Bool {
        if let anchor = node.anchor {
            log.add(
                "YAML anchors are not taken here ('&\(shown(anchor.rawValue))'). Remove it.",
                at: node)
            return false
        }
        guard depth <= SettingsLimit.depth else {
            log.add(
                "Nested deeper than \(SettingsLimit.depth) levels. None needs that many; "
                    + "look for a stray '[' or '{', or an indentation.", at: node)
            return false
        }
        switch node {
        case .scalar: return true
        case .sequence(let items):
            return items.allSatisfy { isAcceptable($0, depth: depth + 1, log: log) }
        case .mapping(let pairs):
            return pairs.allSatisfy {
                isAcceptable($0.key, depth: depth + 1, log: log)
                    && isAcceptable($0.value, depth: depth + 1, log: log)
            }
        case .alias:
            log.add("YAML aliases are not taken here. Write the value out.", at: node)
            return false
        }
    }

    /// The first name that stands in the text both as `&name` and as `*name`.
    ///
    /// Prose hardly does that, and no aliased document does without; so nothing needs to be known
    /// of quotes and comments. Linear in the text.
    private static func aliasedAnchor(in text: String) -> String? {
        let bytes = Array(text.utf8)
        /// libyaml's names: letters, digits, `_` and `-`.
        func name(from start: Int) -> ArraySlice<UInt8> {
            var end = start
            while end < bytes.count,
                (48...57).contains(bytes[end]) || (65...90).contains(bytes[end])
                    || (97...122).contains(bytes[end]) || bytes[end] == 0x5F || bytes[end] == 0x2D
            {
                end += 1
            }
            return bytes[start..<end]
        }
        var anchors: Set<ArraySlice<UInt8>> = []
        for i in bytes.indices where bytes[i] == 0x26 { anchors.insert(name(from: i + 1)) }
        anchors.remove([])
        guard !anchors.isEmpty else { return nil }
        for i in bytes.indices where bytes[i] == 0x2A {
            let alias = name(from: i + 1)
            if anchors.contains(alias) { return String(decoding: alias, as: UTF8.self) }
        }
        return nil
    }

    /// Where `needle` first stands, or (0, 0).
    private static func position(
        of needle: String, in text: String
    ) -> (line: Int, column: Int) {
        let (text, needle) = (Array(text.utf8), Array(needle.utf8))
        var line = 1
        var lineStart = 0
        for i in text.indices {
            if text[i...].starts(with: needle) {
                let before = String(decoding: text[lineStart..<i], as: UTF8.self)
                return (line, before.unicodeScalars.count + 1)
            }
            if text[i] == 0x0A { (line, lineStart) = (line + 1, i + 1) }
        }
        return (0, 0)
    }

    private static func report(_ error: YamlError, text: String, log: ProblemLog) {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let context = context.map { " \($0.text) that begins in line \($0.mark.line)" } ?? ""
            log.add(
                "This is not YAML:\(context): \(problem). Look for wrong indentation, a missing "
                    + "quote, or a ': ' inside a text that has none.", at: mark)
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.prefix(5).map { "'\(shown($0))'" }.joined(separator: ", ")
            log.add("The same key twice in one mapping: \(names). Keep one.", at: context.mark)
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
                .split(separator: "\n", omittingEmptySubsequences: false)
            log.add(
                "A character that YAML does not allow: \(problem). Remove it.",
                line: offset == nil ? 0 : before.count,
                column: offset == nil ? 0 : (before.last?.unicodeScalars.count ?? 0) + 1)
        default:
            log.add("This is not YAML: \(shown("\(error)")).")
        }
    }
}
