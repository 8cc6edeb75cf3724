internal import Glibc
internal import Settings
internal import Yams

/// Reads a file of user groups: CSV (`user,group` lines), YAML (`group: [users]`) or LDIF as
/// directories export it. Told by the file's ending (`.csv`, `.yaml`, `.yml`, `.ldif`), else by its
/// first lines.
public enum GroupsFile {
    /// The most bytes of a file.
    public static let byteLimit = 256 << 20

    /// Throws `badFile` with the line of the first thing that is wrong: who is in which group decides
    /// what is done to them, so nothing is guessed.
    public static func read(_ path: String) throws(ResponseError) -> UserGroups {
        try parse(try bytes(of: path), path: path)
    }

    static func parse(_ bytes: [UInt8], path: String) throws(ResponseError) -> UserGroups {
        guard var text = String(validating: bytes, as: UTF8.self) else {
            throw .badFile(path: path, reason: "it is not UTF-8", remedy: "Save it as UTF-8.")
        }
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        switch form(of: text, path: path) {
        case .csv: return try csv(text, path: path)
        case .yaml: return try yaml(text, path: path)
        case .ldif: return try LDIFReader(path: path).groups(in: text)
        }
    }

    private enum Form { case csv, yaml, ldif }

    private static func form(of text: String, path: String) -> Form {
        let name = asciiLowered(path)
        if name.hasSuffix(".csv") { return .csv }
        if name.hasSuffix(".yaml") || name.hasSuffix(".yml") { return .yaml }
        if name.hasSuffix(".ldif") || name.hasSuffix(".ldf") { return .ldif }
        for line in text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let line = asciiLowered(String(line) ?? "")
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("version:") || line.hasPrefix("dn:") { return .ldif }
            return line.contains(",") && !line.contains(": ") && !line.hasSuffix(":") ? .csv : .yaml
        }
        return .csv
    }

    static func bad(_ path: String, _ line: Int, _ what: String, _ remedy: String) -> ResponseError
    {
        .badFile(path: "\(path):\(line)", reason: what, remedy: remedy)
    }

    static let tooMany =
        "Use at most \(UserGroups.memberLimit) memberships in \(UserGroups.groupLimit) groups, 10000 "
        + "of them patterns."

    // MARK: - CSV

    /// RFC 4180, one membership a line; a first line of the words `user` and `group` says which column
    /// is which.
    private static func csv(_ text: String, path: String) throws(ResponseError) -> UserGroups {
        var groups = UserGroups()
        var columns = (user: 0, group: 1)
        var number = 0
        var isFirst = true
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let content = trimmed(String(line) ?? "")
            if content.isEmpty || content.hasPrefix("#") { continue }
            guard let fields = csvFields(content) else {
                throw bad(path, number, "a quote does not end", "Write \"a, b\" or a,b.")
            }
            if isFirst {
                isFirst = false
                let words = fields.map { asciiLowered($0) }
                if let user = words.firstIndex(where: {
                    ["user", "user_id", "member", "uid"].contains($0)
                }),
                    let group = words.firstIndex(where: { ["group", "group_name"].contains($0) })
                {
                    columns = (user, group)
                    continue
                }
            }
            guard fields.count > max(columns.user, columns.group) else {
                throw bad(path, number, "the line has no group", "Write user,group.")
            }
            let (user, group) = (fields[columns.user], fields[columns.group])
            guard isName(user), isName(group) else {
                throw bad(
                    path, number, "the user or the group is empty or over 256 bytes",
                    "Write user,group.")
            }
            guard groups.add(user, to: group) else {
                throw bad(path, number, "is one too many", tooMany)
            }
        }
        return groups
    }

    private static func csvFields(_ line: String) -> [String]? {
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var bytes = Array(line.utf8)[...]
        while let byte = bytes.popFirst() {
            switch byte {
            case 0x22 where isQuoted && bytes.first == 0x22:
                field.append(0x22)
                bytes.removeFirst()
            case 0x22 where isQuoted: isQuoted = false
            case 0x22 where field.allSatisfy({ $0 == 0x20 }):
                field.removeAll()
                isQuoted = true
            case 0x2C where !isQuoted:
                fields.append(trimmed(String(decoding: field, as: UTF8.self)))
                field.removeAll()
            default: field.append(byte)
            }
        }
        if isQuoted { return nil }
        fields.append(trimmed(String(decoding: field, as: UTF8.self)))
        return fields
    }

    static func isName(_ text: String) -> Bool { (1...256).contains(text.utf8.count) }

    // MARK: - YAML

    private static func yaml(_ text: String, path: String) throws(ResponseError) -> UserGroups {
        guard text.utf8.count <= 16 << 20 else {
            throw .badFile(
                path: path, reason: "it is larger than 16 MiB, too much for YAML",
                remedy: "Use CSV or LDIF.")
        }
        let log = ProblemLog(file: path)
        var groups = UserGroups()
        if let root = YAMLDocument.root(of: text, content: "'group: [users]'", log: log) {
            read(root, into: &groups, log: log)
        }
        if let first = log.problems.min() {
            throw .badFile(
                path: first.line == 0 ? path : "\(path):\(first.line)", reason: first.message,
                remedy: "Mend the file.")
        }
        return groups
    }

    private static func read(_ root: Node, into groups: inout UserGroups, log: ProblemLog) {
        guard case .mapping(let pairs) = root else {
            log.add("The file must be a mapping of 'group: [users]' lines.", at: root)
            return
        }
        for (key, value) in pairs {
            guard case .scalar(let group) = key, isName(group.string) else {
                log.add("A group must be a plain name of at most 256 bytes.", at: key)
                continue
            }
            guard case .sequence(let items) = value else {
                log.add("'\(shown(group.string))' must be a list of users.", at: value)
                continue
            }
            for item in items {
                guard case .scalar(let user) = item, isName(user.string) else {
                    log.add("A user must be a plain name of at most 256 bytes.", at: item)
                    continue
                }
                guard groups.add(user.string, to: group.string) else {
                    log.add(tooMany, at: item)
                    return
                }
            }
        }
    }

    // MARK: - Bytes

    private static func bytes(of path: String) throws(ResponseError) -> [UInt8] {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else {
            throw .badFile(
                path: path, reason: errorText(errno), remedy: "Give a file of user groups.")
        }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw .badFile(
                path: path, reason: "it is no regular file", remedy: "Give a file of user groups.")
        }
        guard facts.st_size <= byteLimit else {
            throw .badFile(
                path: path, reason: "it is larger than 256 MiB",
                remedy: "Leave out what is not used.")
        }
        guard let file = unsafe fopen(path, "re") else {
            throw .badFile(path: path, reason: errorText(errno), remedy: "Check its permissions.")
        }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(facts.st_size))
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= byteLimit {
            let count = unsafe fread(&part, 1, part.count, file)
            if count == 0 { break }
            bytes += part[..<count]
        }
        guard unsafe ferror(file) == 0, bytes.count <= byteLimit else {
            throw .badFile(path: path, reason: "it cannot be read", remedy: "Check the file.")
        }
        return bytes
    }
}
