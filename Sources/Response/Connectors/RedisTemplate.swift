internal import SessionModel

/// A key, or a pattern of keys, with places for what an action names: `sess:{session.id}`.
///
/// What is put in is put in as bytes. In a pattern its glob characters are escaped, because session
/// and user ids are whatever an attacker wrote. `{{` and `}}` are the braces themselves.
struct RedisTemplate: Sendable, Equatable {
    enum Field: String, CaseIterable, Sendable {
        case sessionID = "session.id"
        case userID = "user.id"
        case userName = "user.name"
        case tenant
    }

    private enum Part: Sendable, Equatable {
        case literal([UInt8])
        case field(Field)
    }

    /// The most bytes of a key.
    static let keyLimit = 8_192

    let text: String
    private let parts: [Part]

    /// Throws `badSetting` for a place that is none, and braces left open.
    init(_ text: String, key: String) throws(ResponseError) {
        let known = Field.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
        func bad() -> ResponseError {
            .badSetting(
                name: "'\(key)'", value: text,
                allowed: "a key with \(known) in it; {{ and }} for braces of its own")
        }
        var parts: [Part] = []
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x7B || byte == 0x7D else {
                literal.append(byte)
                continue
            }
            if rest.first == byte {
                rest.removeFirst()
                literal.append(byte)
                continue
            }
            guard byte == 0x7B, let end = rest.firstIndex(of: 0x7D),
                let field = Field(rawValue: String(decoding: rest[..<end], as: UTF8.self))
            else { throw bad() }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = []
            parts.append(.field(field))
            rest = rest[(end + 1)...]
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        guard !parts.isEmpty, text.utf8.count <= 1024 else { throw bad() }
        (self.text, self.parts) = (text, parts)
    }

    func uses(_ field: Field) -> Bool { parts.contains(.field(field)) }

    /// Whether each place of a pattern has a plain character, or nothing, on both sides. With
    /// `*{user.id}*` the user `1` would be every user with a 1 in the id.
    var isDelimited: Bool {
        for (index, part) in parts.enumerated() {
            guard case .field = part else { continue }
            if index > 0 {
                guard case .literal(let before) = parts[index - 1], !isGlob(before.last!) else {
                    return false
                }
            }
            if index + 1 < parts.count {
                guard case .literal(let after) = parts[index + 1], !isGlob(after[0]) else {
                    return false
                }
            }
        }
        return true
    }

    /// The key's bytes. Throws `refused` when the action does not name a field, or the key is longer
    /// than any is.
    func key(
        for action: PlannedAction, session: [UInt8]? = nil
    ) throws(RedisFailure) -> [UInt8] {
        try fill(action, session: session, isPattern: false)
    }

    /// As an argument of MATCH.
    func pattern(for action: PlannedAction) throws(RedisFailure) -> [UInt8] {
        try fill(action, session: nil, isPattern: true)
    }

    private func fill(
        _ action: PlannedAction, session: [UInt8]?, isPattern: Bool
    ) throws(RedisFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            switch part {
            case .literal(let literal): bytes += literal
            case .field(let field):
                let value = RedisTemplate.value(of: field, in: action, session: session)
                guard !value.isEmpty else {
                    throw RedisFailure.refused("the action names no \(field.rawValue)")
                }
                if isPattern, index + 1 < parts.count, case .literal(let next) = parts[index + 1],
                    value.contains(next[0])
                {
                    throw RedisFailure.refused(
                        "the \(field.rawValue) holds the character that ends it in '\(text)': the "
                            + "pattern could match the keys of others")
                }
                for byte in value {
                    if isPattern, isGlob(byte) { bytes.append(0x5C) }
                    bytes.append(byte)
                }
            }
        }
        guard bytes.count <= RedisTemplate.keyLimit else {
            throw RedisFailure.refused("the key is longer than \(RedisTemplate.keyLimit) bytes")
        }
        return bytes
    }

    private static func value(
        of field: Field, in action: PlannedAction, session: [UInt8]?
    ) -> [UInt8] {
        switch field {
        case .sessionID: session ?? Array(action.sessionID.utf8)
        case .userID: Array(action.userID.utf8)
        case .userName: Array(action.userName.utf8)
        case .tenant: Array(action.tenant.utf8)
        }
    }
}

/// The characters that Redis's `stringmatchlen` gives a meaning: `* ? [ ] \`, and inside brackets
/// `^` and `-`.
private func isGlob(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x2A, 0x3F, 0x5B, 0x5C, 0x5D: true
    default: false
    }
}
