internal import Glibc
internal import SessionModel
internal import Yams

/// Reads uap-core's regexes.yaml.
///
/// The file is read at every start, and a YAML parser takes longer for it than a small run takes in
/// all (see `read`). It is written by one hand: `  - regex: '…'`, then `    key: '…'`, comments and
/// empty lines. Lines of that shape are taken as they are; a file with any other line goes through
/// Yams as a whole, with the same outcome.
enum UserAgentFile {
    static func exists(at path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whole file, at most `UserAgentRules.byteLimit`.
    static func bytes(at path: String) throws(UserAgentError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let n = Glibc.read(file, &block, block.count)
            if n == 0 { return bytes }
            if n < 0 {
                if errno == EINTR { continue }
                throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
            }
            bytes.append(contentsOf: block[..<n])
            guard bytes.count <= UserAgentRules.byteLimit else {
                throw .tooLarge(
                    path: path, bytes: bytes.count, limit: UserAgentRules.byteLimit)
            }
        }
    }

    static func rules(in bytes: [UInt8], path: String) throws(UserAgentError) -> UserAgentRules {
        if let rules = bytes.withUnsafeBufferPointer({ regularRules(in: $0) }) { return rules }
        return try anyRules(in: bytes, path: path)
    }

    // MARK: - The regular shape

    /// Nil when the file is not wholly of the regular shape, whatever is the matter with it.
    static func regularRules(in bytes: UnsafeBufferPointer<UInt8>) -> UserAgentRules? {
        let storage = UserAgentText(capacity: bytes.count)
        var rules: [UserAgentRule] = []
        rules.reserveCapacity(1280)
        var starts = [Int?](repeating: nil, count: UserAgentSection.allCases.count)
        var section: UserAgentSection?
        var keys: [StaticString] = []
        var line: Int32 = 0
        var position = 0
        while position < bytes.count {
            line += 1
            let rest = UnsafeBufferPointer(rebasing: bytes[position...])
            let length = rest.firstIndex(of: 0x0A) ?? rest.count
            position += length + 1
            var text = UnsafeBufferPointer(rebasing: rest[..<length])
            while let last = text.last, last == 0x20 || last == 0x0D {
                text = UnsafeBufferPointer(rebasing: text.dropLast())
            }
            guard let first = text.firstIndex(where: { $0 != 0x20 }) else { continue }
            if text[first] == 0x23 { continue }
            if text[first] == 0x09 { return nil }
            if first == 0 {
                // A section's head must follow the one before it, and only once each.
                let next = UserAgentSection(rawValue: (section?.rawValue ?? -1) + 1)
                guard let next, matches(text, next.key, then: ":"),
                    text.count
                        == next.key.utf8CodeUnitCount + 1
                else { return nil }
                section = next
                keys = next.replacementKeys
                starts[next.rawValue] = rules.count
            } else if matches(text, "  - regex", then: ": '") {
                guard section != nil, rules.count < UserAgentRules.ruleLimit,
                    let value = quoted(text, at: 11, into: storage)
                else { return nil }
                rules.append(UserAgentRule(pattern: value, line: line))
            } else {
                guard first == 4, let section, let start = starts[section.rawValue],
                    rules.count > start,
                    let colon = text.firstIndex(of: 0x3A), colon + 2 < text.count,
                    let value = quoted(text, at: colon + 2, into: storage)
                else { return nil }
                let key = UnsafeBufferPointer(rebasing: text[4...])
                let last = rules.count - 1
                if section == .device, matches(key, "regex_flag", then: ":") {
                    guard value == "i", !rules[last].ignoresCase else { return nil }
                    rules[last].ignoresCase = true
                } else if let slot = keys.firstIndex(where: { matches(key, $0, then: ":") }) {
                    guard rules[last][slot].base == nil else { return nil }
                    rules[last][slot] = value
                } else {
                    return nil
                }
            }
        }
        guard let agents = starts[0], let systems = starts[1], let devices = starts[2] else {
            return nil
        }
        return UserAgentRules(
            rules: rules,
            ranges: [agents..<systems, systems..<devices, devices..<rules.count],
            storage: storage)
    }

    /// Whether `text` begins with `key` and then `tail`.
    private static func matches(
        _ text: UnsafeBufferPointer<UInt8>, _ key: StaticString, then tail: StaticString
    ) -> Bool {
        let (n, m) = (key.utf8CodeUnitCount, tail.utf8CodeUnitCount)
        return text.count >= n + m && memcmp(text.baseAddress!, key.utf8Start, n) == 0
            && memcmp(text.baseAddress! + n, tail.utf8Start, m) == 0
    }

    /// The single-quoted scalar whose quote is at `start` and which must end the line.
    private static func quoted(
        _ text: UnsafeBufferPointer<UInt8>, at start: Int, into storage: UserAgentText
    ) -> TextView? {
        guard text.count > start + 1, text[start] == 0x27, text[start - 1] == 0x20,
            text.last == 0x27
        else { return nil }
        let inner = UnsafeBufferPointer(rebasing: text[(start + 1)..<(text.count - 1)])
        var i = 0
        while i < inner.count {
            if inner[i] == 0x27 {
                guard i + 1 < inner.count, inner[i + 1] == 0x27 else { return nil }
                i += 1
            }
            i += 1
        }
        return storage.add(inner, joiningApostrophes: true)
    }

    // MARK: - Any shape

    /// Through Yams: slower, and it can say what is wrong.
    static func anyRules(in bytes: [UInt8], path: String) throws(UserAgentError) -> UserAgentRules {
        let root: Node?
        do {
            root = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self))
        } catch let error as YamlError {
            throw .malformed(path: path, line: 0, problem: "is not YAML: \(error)")
        } catch {
            throw .malformed(path: path, line: 0, problem: "is not YAML")
        }
        guard let root, let top = root.mapping else {
            throw .malformed(path: path, line: 1, problem: "is not a mapping of the three sections")
        }
        // An alias can repeat a text, so the file's own size does not bound what is stored.
        var size = 0
        for section in UserAgentSection.allCases {
            for entry in top[Node(section.key.description)]?.sequence ?? [] {
                for (_, value) in entry.mapping ?? [:] {
                    size += value.scalar?.string.utf8.count ?? 0
                }
            }
        }
        guard size <= UserAgentRules.byteLimit else {
            throw .tooLarge(path: path, bytes: size, limit: UserAgentRules.byteLimit)
        }
        let storage = UserAgentText(capacity: size)
        var rules: [UserAgentRule] = []
        var ranges: [Range<Int>] = []
        for section in UserAgentSection.allCases {
            guard let entries = top[Node(section.key.description)]?.sequence else {
                throw .malformed(path: path, line: 1, problem: "has no list '\(section.key)'")
            }
            let start = rules.count
            for entry in entries {
                guard rules.count < UserAgentRules.ruleLimit else {
                    throw .malformed(
                        path: path, line: entry.mark?.line ?? 0,
                        problem: "has more than \(UserAgentRules.ruleLimit) expressions")
                }
                rules.append(try rule(of: entry, in: section, path: path, storage: storage))
            }
            ranges.append(start..<rules.count)
        }
        return UserAgentRules(rules: rules, ranges: ranges, storage: storage)
    }

    private static func rule(
        of entry: Node, in section: UserAgentSection, path: String, storage: UserAgentText
    ) throws(UserAgentError) -> UserAgentRule {
        let line = entry.mark?.line ?? 0
        guard let mapping = entry.mapping else {
            throw .malformed(path: path, line: line, problem: "is not a mapping with a 'regex'")
        }
        var rule = UserAgentRule(line: Int32(clamping: line))
        for (key, value) in mapping {
            guard let name = key.scalar?.string, let scalar = value.scalar else {
                throw .malformed(path: path, line: line, problem: "has a value that is not a text")
            }
            var string = scalar.string
            let text = string.withUTF8 { storage.add($0) }
            if name == "regex" {
                rule.pattern = text
            } else if name == "regex_flag", section == .device, text == "i" {
                rule.ignoresCase = true
            } else if let slot = section.replacementKeys.firstIndex(where: {
                $0.description == name
            }) {
                rule[slot] = text
            } else {
                throw .malformed(
                    path: path, line: value.mark?.line ?? line,
                    problem: "has the key '\(name)', whose meaning is not known here")
            }
        }
        guard rule.pattern.base != nil else {
            throw .malformed(path: path, line: line, problem: "has an entry without a 'regex'")
        }
        return rule
    }
}
