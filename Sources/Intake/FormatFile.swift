import Glibc
import Yams

extension Format {
    /// Reads a format file, at most 1 MiB of YAML. Errors name file, line and the nearest right word.
    public static func load(path: String) throws(IntakeError) -> Format {
        guard let file = fopen(path, "re") else { throw IntakeError.opening(path, errno) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: (1 << 20) + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw IntakeError.notReadable(path: path, reason: "it is no file of text")
        }
        guard count <= 1 << 20 else {
            throw IntakeError.badFormat(
                place: path, problem: "it is longer than 1 MiB. Is it a format?")
        }
        guard let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
            throw IntakeError.badFormat(place: path, problem: "it is not UTF-8. Save it as UTF-8.")
        }
        return try FormatFile.parse(text, file: path)
    }
}

/// The reader of format files.
struct FormatFile {
    private let file: String

    static func parse(_ text: String, file: String) throws(IntakeError) -> Format {
        try FormatFile(file: file).format(text)
    }

    private func wrong(_ node: Node?, _ problem: String) -> IntakeError {
        let place = node?.mark.map { "\(file):\($0.line):\($0.column)" } ?? file
        return .badFormat(place: place, problem: problem)
    }

    // MARK: - Pieces

    private func mapping(
        _ node: Node, _ what: String, keys: [String]? = nil
    ) throws(IntakeError) -> [(key: String, node: Node, value: Node)] {
        guard let mapping = node.mapping else {
            throw wrong(node, "\(what) is a list of 'key: value' pairs.")
        }
        var found: [(key: String, node: Node, value: Node)] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                throw wrong(key, "a key of \(what) is a word.")
            }
            if let keys, !keys.contains(name) {
                let hint =
                    Spelling.nearest(name, in: keys).map { "Did you mean '\($0)'?" }
                    ?? "Known: \(keys.joined(separator: ", "))."
                throw wrong(key, "unknown key '\(name)' in \(what). \(hint)")
            }
            if found.contains(where: { $0.key == name }) {
                throw wrong(key, "'\(name)' comes twice in \(what).")
            }
            found.append((name, key, value))
        }
        guard found.count <= 1000 else { throw wrong(node, "\(what) has more than 1000 entries.") }
        return found
    }

    private func text(_ node: Node, _ what: String) throws(IntakeError) -> String {
        guard let scalar = node.scalar, scalar.string.utf8.count <= 4096 else {
            throw wrong(node, "\(what) is one text of at most 4096 bytes.")
        }
        return scalar.string
    }

    /// One text, or a list of them.
    private func texts(_ node: Node, _ what: String, most: Int) throws(IntakeError) -> [String] {
        guard let sequence = node.sequence else { return [try text(node, what)] }
        guard sequence.count <= most else {
            throw wrong(node, "\(what) has more than \(most) entries.")
        }
        var found: [String] = []
        for entry in sequence { found.append(try text(entry, "an entry of \(what)")) }
        return found
    }

    private func word<T: RawRepresentable & CaseIterable>(
        _ node: Node, _ what: String, _ type: T.Type
    ) throws(IntakeError) -> T where T.RawValue == String {
        let name = try text(node, what)
        guard let value = T(rawValue: name) else {
            throw unknown(node, name, what, T.allCases.map(\.rawValue))
        }
        return value
    }

    private func unknown(_ node: Node, _ name: String, _ what: String, _ known: [String])
        -> IntakeError
    {
        let hint =
            Spelling.nearest(name, in: known).map { "Did you mean '\($0)'?" }
            ?? "Use one of \(known.joined(separator: ", "))."
        return wrong(node, "'\(name)' is no \(what). \(hint)")
    }

    // MARK: - The whole

    private func format(_ source: String) throws(IntakeError) -> Format {
        let root: Node?
        do {
            root = try Yams.compose(yaml: source)
        } catch {
            throw IntakeError.badFormat(place: file, problem: "it is not YAML: \(error)")
        }
        guard let root else {
            throw wrong(nil, "it is empty. Start from 'lastseen formats show native'.")
        }
        let keys = [
            "name", "description", "decoder", "envelope", "csv_cell", "delimiter", "detect", "keep",
            "fields", "time", "absent", "placeholders", "placeholder_user", "without_identity",
            "headers", "journal", "messages",
        ]
        let entries = try mapping(root, "a format", keys: keys)
        func entry(_ key: String) -> Node? { entries.first { $0.key == key }?.value }
        guard let nameNode = entry("name") else { throw wrong(root, "'name' is missing.") }
        guard let decoderNode = entry("decoder") else {
            throw wrong(root, "'decoder' is missing. Use json, csv or text.")
        }
        let name = try text(nameNode, "name")
        guard name.utf8.count <= 64, !name.isEmpty,
            name.utf8.allSatisfy({
                $0 == 0x2D || $0 == 0x5F || (0x30...0x39).contains($0)
                    || (0x61...0x7A).contains($0 | 0x20)
            })
        else { throw wrong(nameNode, "a name has letters, digits, '-' and '_', 64 at most.") }
        var format = Format(
            name: name,
            description: try entry("description").map { node throws(IntakeError) in
                try text(node, "description")
            } ?? "",
            decoder: try word(decoderNode, "decoder", Format.Decoder.self))
        for (key, keyNode, value) in entries {
            switch key {
            case "envelope": format.envelope = try texts(value, "envelope", most: 16)
            case "csv_cell": format.cell = try text(value, "csv_cell")
            case "delimiter":
                let delimiter = try text(value, "delimiter")
                guard delimiter.utf8.count == 1, let byte = delimiter.utf8.first, byte != 0x22,
                    byte != 0x0A
                else { throw wrong(value, "a delimiter is one byte, as ',', ';' or a tab.") }
                format.delimiter = byte
            case "detect":
                guard let lists = value.sequence, lists.count <= 8 else {
                    throw wrong(value, "detect is a list of at most 8 lists of paths or columns.")
                }
                for list in lists { format.detect.append(try texts(list, "detect", most: 16)) }
            case "keep":
                guard let conditions = value.sequence, conditions.count <= 16 else {
                    throw wrong(value, "keep is a list of at most 16 conditions.")
                }
                for node in conditions { format.keep.append(try condition(node)) }
            case "fields": try fields(value, into: &format)
            case "time":
                var times: [TimeFormat] = []
                for node in value.sequence.map(Array.init) ?? [value] {
                    times.append(try word(node, "time", TimeFormat.self))
                }
                format.times = times
            case "absent": format.absent = try texts(value, "absent", most: 64)
            case "placeholders": format.placeholders = try texts(value, "placeholders", most: 64)
            case "placeholder_user":
                format.placeholderUser = try word(value, "placeholder_user", Format.Treatment.self)
            case "without_identity":
                format.withoutIdentity = try word(value, "without_identity", Format.Treatment.self)
            case "headers", "journal", "messages":
                guard format.decoder == .text else {
                    throw wrong(keyNode, "'\(key)' is for 'decoder: text' only.")
                }
                try textPart(key, value, into: &format)
            default: break
            }
        }
        try check(format, root)
        return format
    }

    private func condition(_ node: Node) throws(IntakeError) -> Format.Condition {
        var condition = Format.Condition(field: "", isIn: [])
        for (key, _, value) in try mapping(node, "a condition of keep", keys: ["field", "in"]) {
            if key == "field" {
                condition.field = try text(value, "field")
            } else {
                condition.isIn = try texts(value, "in", most: 1000)
            }
        }
        guard !condition.field.isEmpty else {
            throw wrong(node, "a condition of keep needs 'field'.")
        }
        return condition
    }

    private func fields(_ node: Node, into format: inout Format) throws(IntakeError) {
        let known = Format.Field.allCases.map(\.rawValue)
        for (key, keyNode, value) in try mapping(node, "fields") {
            guard let field = Format.Field(rawValue: key) else {
                throw unknown(keyNode, key, "field of a record", known)
            }
            var rule = Format.Rule()
            if value.mapping == nil {
                rule.from = try texts(value, key, most: 8)
            } else {
                for (part, partNode, content) in try mapping(
                    value, key, keys: ["from", "constant", "values", "otherwise", "join"])
                {
                    switch part {
                    case "from": rule.from = try texts(content, "from", most: 8)
                    case "constant": rule.constant = try ours(content, field)
                    case "join": rule.join = try text(content, "join")
                    case "otherwise": rule.otherwise = try ours(content, field)
                    default:
                        guard [.event, .outcome, .authMethod].contains(field) else {
                            throw wrong(
                                partNode, "only event, outcome and auth.method have 'values'.")
                        }
                        for (word, _, meaning) in try mapping(content, "values") {
                            rule.values[word] = try ours(meaning, field)
                        }
                    }
                }
            }
            guard rule.constant != nil || !rule.from.isEmpty else {
                throw wrong(value, "'\(key)' needs a path, 'from' or 'constant'.")
            }
            guard field != .time && field != .ip || rule.join == nil else {
                throw wrong(value, "'\(key)' cannot be joined.")
            }
            format.rules[field] = rule
        }
    }

    /// A word of the native record for a field with a fixed vocabulary, any text for others.
    private func ours(_ node: Node, _ field: Format.Field) throws(IntakeError) -> String {
        let word = try text(node, field.rawValue)
        let known = Vocabulary.words(of: field)
        guard known.isEmpty || known.contains(word) else {
            throw unknown(node, word, field.rawValue, known)
        }
        return word
    }

    private func textPart(
        _ key: String, _ value: Node, into format: inout Format
    ) throws(IntakeError) {
        switch key {
        case "headers": format.headers = try texts(value, "headers", most: 16)
        case "journal":
            for (group, _, path) in try mapping(value, "journal") {
                format.journal[group] = try text(path, group)
            }
        default:
            guard let messages = value.sequence, messages.count <= 64 else {
                throw wrong(value, "messages is a list of at most 64 patterns.")
            }
            for node in messages {
                var message = Format.Message(pattern: "", set: [:])
                for (part, _, content) in try mapping(node, "a message", keys: ["pattern", "set"]) {
                    if part == "pattern" {
                        message.pattern = try text(content, "pattern")
                    } else {
                        for (name, nameNode, word) in try mapping(content, "set") {
                            guard let field = Format.Field(rawValue: name),
                                !Vocabulary.words(of: field).isEmpty
                            else {
                                throw unknown(
                                    nameNode, name, "field that can be set",
                                    ["event", "outcome", "auth.method"])
                            }
                            message.set[field] = try ours(word, field)
                        }
                    }
                }
                guard !message.pattern.isEmpty else {
                    throw wrong(node, "a message needs 'pattern'.")
                }
                format.messages.append(message)
            }
        }
    }

    /// What only the whole can show; patterns and paths are compiled once to see that they can be.
    private func check(_ format: Format, _ root: Node) throws(IntakeError) {
        for field in [Format.Field.time, .userID] where format.rules[field] == nil {
            throw wrong(root, "'fields' lacks '\(field.rawValue)', which every record needs.")
        }
        guard [.ip, .sessionID, .deviceID].contains(where: { format.rules[$0] != nil }) else {
            throw wrong(root, "'fields' needs one of ip, session.id and device.id.")
        }
        if format.decoder == .text, format.headers.isEmpty, format.journal.isEmpty {
            throw wrong(root, "'decoder: text' needs 'headers' or 'journal'.")
        }
        guard !format.times.isEmpty else { throw wrong(root, "'time' is empty.") }
        do {
            _ = try FormatPlan(format)
        } catch {
            throw wrong(root, error.problem)
        }
    }
}

/// The fixed words of the native record.
enum Vocabulary {
    static func words(of field: Format.Field) -> [String] {
        switch field {
        case .event: EventWords.names
        case .outcome: OutcomeWords.names
        case .authMethod: AuthWords.names
        default: []
        }
    }
}
