/// Reads groups from an LDIF export (RFC 2849) of a directory: entries with `member` (groupOfNames),
/// `uniqueMember` or `memberUid` name their members, entries with `memberOf` their groups (RFC 4519
/// and what directories add to it).
///
/// A group goes by its `cn` (else the first part of its name), a user by `uid`, `sAMAccountName`,
/// `userPrincipalName` and `mail`, as far as the entry has them. A member that is named by a DN and
/// has no entry of its own goes by that name's first part.
struct LDIFReader {
    let path: String

    /// The most bytes of one logical line, folded parts together.
    private static let lineLimit = 1 << 20
    private static let entryLimit = 2_000_000

    private struct Entry {
        var dn = ""
        var line = 0
        var names: [String] = []
        var commonName = ""
        var memberDNs: [String] = []
        var memberIDs: [String] = []
        var groupDNs: [String] = []
    }

    func groups(in text: String) throws(ResponseError) -> UserGroups {
        let entries = try entries(in: text)
        // Names by DN: a member is told by what its own entry says.
        var users: [String: [String]] = [:]
        var groupNames: [String: String] = [:]
        for entry in entries {
            let dn = LDIFReader.normalized(entry.dn)
            if !entry.names.isEmpty { users[dn] = entry.names }
            if !entry.commonName.isEmpty { groupNames[dn] = entry.commonName }
        }
        var groups = UserGroups()
        func add(_ user: String, _ group: String, _ line: Int) throws(ResponseError) {
            guard GroupsFile.isName(user), GroupsFile.isName(group) else {
                throw GroupsFile.bad(
                    path, line, "a user or group has no name, or one over 256 bytes",
                    "Export it with its cn and uid.")
            }
            // A star in a directory is a star, and not a pattern.
            guard !user.utf8.contains(0x2A), !user.utf8.contains(0x3F) else { return }
            guard groups.add(user, to: group) else {
                throw GroupsFile.bad(path, line, "is one too many", GroupsFile.tooMany)
            }
        }
        for entry in entries {
            let own = entry.commonName.isEmpty ? LDIFReader.firstValue(entry.dn) : entry.commonName
            for member in entry.memberDNs {
                let names = users[LDIFReader.normalized(member)] ?? [LDIFReader.firstValue(member)]
                for name in names where !name.isEmpty { try add(name, own, entry.line) }
            }
            for member in entry.memberIDs { try add(member, own, entry.line) }
            for dn in entry.groupDNs {
                let group = groupNames[LDIFReader.normalized(dn)] ?? LDIFReader.firstValue(dn)
                let names = entry.names.isEmpty ? [LDIFReader.firstValue(entry.dn)] : entry.names
                for name in names { try add(name, group, entry.line) }
            }
        }
        return groups
    }

    private func entries(in text: String) throws(ResponseError) -> [Entry] {
        var entries: [Entry] = []
        var entry: Entry?
        var logical: [UInt8] = []
        var (number, start) = (0, 0)

        func take() throws(ResponseError) {
            defer { logical.removeAll(keepingCapacity: true) }
            if logical.isEmpty || logical[0] == 0x23 { return }
            let (name, value) = try attribute(logical, line: start)
            if name == "version" && entry == nil { return }
            if name == "dn" {
                guard entry == nil else {
                    throw GroupsFile.bad(
                        path, start, "a second 'dn' in one entry",
                        "Put an empty line between entries.")
                }
                entry = Entry(dn: value, line: start)
                return
            }
            guard entry != nil else {
                throw GroupsFile.bad(
                    path, start, "'\(plain(name, limit: 60))' comes before a 'dn'",
                    "An entry begins with 'dn:'.")
            }
            switch name {
            case "uid", "samaccountname", "userprincipalname", "mail": entry?.names.append(value)
            case "cn": if entry?.commonName.isEmpty == true { entry?.commonName = value }
            case "member", "uniquemember": entry?.memberDNs.append(value)
            case "memberuid": entry?.memberIDs.append(value)
            case "memberof": entry?.groupDNs.append(value)
            default: break
            }
        }
        func end() throws(ResponseError) {
            try take()
            if let done = entry { entries.append(done) }
            entry = nil
            guard entries.count <= LDIFReader.entryLimit else {
                throw GroupsFile.bad(
                    path, number, "is entry \(LDIFReader.entryLimit + 1)",
                    "Export groups and users only.")
            }
        }
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let line = line.last == 0x0D ? line.dropLast() : line
            if line.first == 0x20 {
                guard !logical.isEmpty else {
                    throw GroupsFile.bad(
                        path, number, "a folded line follows nothing", "Remove the space before it."
                    )
                }
                logical += line.dropFirst()
                guard logical.count <= LDIFReader.lineLimit else {
                    throw GroupsFile.bad(path, start, "the line is over 1 MiB", "Leave it out.")
                }
            } else if line.isEmpty {
                try end()
            } else {
                try take()
                start = number
                logical += line
            }
        }
        try end()
        return entries
    }

    /// `cn: Ann`, `cn:: QW5u`. Options (`cn;lang-de`) are passed over; `<` names a file or URL, which
    /// is never opened.
    private func attribute(
        _ line: [UInt8], line number: Int
    ) throws(ResponseError) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: 0x3A), colon > 0 else {
            throw GroupsFile.bad(path, number, "the line has no ':'", "Write 'name: value'.")
        }
        let description = line[..<colon].prefix { $0 != 0x3B }
        let name = asciiLowered(String(decoding: description, as: UTF8.self))
        var rest = line[(colon + 1)...]
        let marker = rest.first
        if marker == 0x3A || marker == 0x3C { rest = rest.dropFirst() }
        rest = rest.drop { $0 == 0x20 }
        if marker == 0x3C { return ("", "") }
        guard marker == 0x3A else { return (name, String(decoding: rest, as: UTF8.self)) }
        let text = trimmed(String(decoding: rest, as: UTF8.self))
        guard let bytes = Digest.bytes(base64: text) else {
            throw GroupsFile.bad(
                path, number, "what follows '::' is not base64", "Export it again.")
        }
        // A photograph or a password is no text and none of ours.
        return (name, String(validating: bytes, as: UTF8.self) ?? "")
    }

    /// A DN in lower case, without the spaces beside commas and equal signs (RFC 4514 writes none).
    static func normalized(_ dn: String) -> String {
        parts(of: dn).map { part in
            guard let equals = part.utf8.firstIndex(of: 0x3D) else {
                return asciiLowered(trimmed(part))
            }
            let value = part[part.utf8.index(after: equals)...]
            return asciiLowered(trimmed(String(part[..<equals])) + "=" + trimmed(String(value)))
        }.joined(separator: ",")
    }

    /// `ann` of `uid=ann,ou=people,dc=example,dc=com`, its escapes undone (RFC 4514, 2.4).
    static func firstValue(_ dn: String) -> String {
        guard let first = parts(of: dn).first, let equals = first.utf8.firstIndex(of: 0x3D) else {
            return trimmed(dn)
        }
        let bytes = Array(trimmed(String(first[first.utf8.index(after: equals)...])).utf8)
        var value: [UInt8] = []
        var i = 0
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46: byte - 0x37
            case 0x61...0x66: byte - 0x57
            default: nil
            }
        }
        while i < bytes.count {
            if bytes[i] == 0x5C, i + 1 < bytes.count {
                if i + 2 < bytes.count, let high = digit(bytes[i + 1]),
                    let low = digit(bytes[i + 2])
                {
                    value.append(high << 4 | low)
                    i += 3
                } else {
                    value.append(bytes[i + 1])
                    i += 2
                }
            } else {
                value.append(bytes[i])
                i += 1
            }
        }
        return String(decoding: value, as: UTF8.self)
    }

    /// The parts between commas that are not escaped.
    private static func parts(of dn: String) -> [String] {
        var parts: [String] = []
        var part: [UInt8] = []
        var isEscaped = false
        for byte in dn.utf8 {
            if byte == 0x2C, !isEscaped {
                parts.append(String(decoding: part, as: UTF8.self))
                part.removeAll()
                continue
            }
            isEscaped = byte == 0x5C && !isEscaped
            part.append(byte)
        }
        parts.append(String(decoding: part, as: UTF8.self))
        return parts
    }
}
