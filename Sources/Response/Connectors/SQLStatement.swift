internal import SessionModel

/// A statement of the user's with named parameters, checked when it is read.
///
/// Values are bound, never put into the text: session ids, names and user agents are whatever an
/// attacker wrote.
struct SQLStatement: Sendable, Equatable {
    enum Parameter: String, CaseIterable, Sendable {
        case sessionID = "session_id"
        case userID = "user_id"
        case userName = "user_name"
        case alertID = "alert_id"
        case tenant
    }

    /// The first word, in capitals.
    let verb: String
    /// Once each, in the order of their first use: the first is `$1`.
    let parameters: [Parameter]
    /// With `$1`, `$2` … for PostgreSQL.
    let numbered: String
    /// As SQLite takes it: `?1`, `?2` … .
    let marked: String

    /// Verbs whose rows can be counted by doing it and taking it back.
    static let changing: Set = ["DELETE", "UPDATE", "INSERT", "WITH"]
    /// The most bytes of a statement.
    static let limit = 8_192

    /// Throws `badSetting` unless `text` is one statement that changes or reads rows, with at least
    /// one of `needed` and no unknown parameter.
    init(_ text: String, key: String, needs needed: [Parameter]) throws(ResponseError) {
        func bad(_ allowed: String) -> ResponseError {
            .badSetting(name: "'\(key)'", value: text, allowed: allowed)
        }
        guard text.utf8.count <= SQLStatement.limit, !text.utf8.contains(0) else {
            throw bad("at most \(SQLStatement.limit) bytes without a zero byte")
        }
        var scanner = SQLScanner(text)
        var numbered: [UInt8] = []
        var marked: [UInt8] = []
        var parameters: [Parameter] = []
        var verb = ""
        var isEnded = false
        while let piece = scanner.next() {
            switch piece {
            case .open(let what):
                throw bad("a statement whose \(what) is closed")
            case .parameter(let name):
                guard let parameter = Parameter(rawValue: name) else {
                    throw bad(
                        "of parameters only "
                            + Parameter.allCases.map { ":\($0.rawValue)" }.joined(separator: ", "))
                }
                let index = parameters.firstIndex(of: parameter) ?? parameters.count
                if index == parameters.count { parameters.append(parameter) }
                numbered += "$\(index + 1)".utf8
                marked += "?\(index + 1)".utf8
                guard !isEnded else { throw bad("one statement") }
            case .placeholder:
                throw bad("named parameters, as :session_id, and no others")
            case .end:
                isEnded = true
            case .blank(let bytes):
                if !isEnded {
                    numbered += bytes
                    marked += bytes
                }
            case .word(let bytes), .other(let bytes):
                guard !isEnded else { throw bad("one statement") }
                if verb.isEmpty, case .word = piece {
                    verb = String(decoding: bytes, as: UTF8.self).uppercased()
                } else if verb.isEmpty {
                    throw bad("a statement that begins with a word, as DELETE")
                }
                numbered += bytes
                marked += bytes
            }
        }
        guard SQLStatement.changing.contains(verb) || verb == "SELECT" else {
            throw bad("a statement that begins with DELETE, UPDATE, INSERT, WITH or SELECT")
        }
        guard parameters.contains(where: needed.contains) else {
            throw bad(
                "one with "
                    + needed.map { ":\($0.rawValue)" }.joined(separator: " or ")
                    + " in it, or it would be about everybody")
        }
        self.verb = verb
        self.parameters = parameters
        self.numbered = String(decoding: numbered, as: UTF8.self)
        self.marked = String(decoding: marked, as: UTF8.self)
    }

    /// The values in the order of `parameters`; nil with the name of one that the action lacks.
    func values(for action: PlannedAction) -> Result<[String], SQLMissing> {
        var values: [String] = []
        for parameter in parameters {
            let value =
                switch parameter {
                case .sessionID: action.sessionID
                case .userID: action.userID
                case .userName: action.userName
                case .alertID: action.alertID
                case .tenant: action.tenant
                }
            // An empty tenant is a tenant; an empty id would be about nobody or everybody.
            guard !value.isEmpty || parameter == .tenant else {
                return .failure(SQLMissing(what: ":\(parameter.rawValue) is empty"))
            }
            guard !value.utf8.contains(0), value.utf8.count <= 8_192 else {
                return .failure(
                    SQLMissing(what: ":\(parameter.rawValue) holds a zero byte or is too long"))
            }
            values.append(value)
        }
        return .success(values)
    }
}

/// What an action lacks for a statement.
struct SQLMissing: Error, Equatable { let what: String }

/// Splits SQL into pieces, so far that parameters in texts, names and comments are left alone.
///
/// Knows both databases' ways: `'…'` with doubled quotes, `E'…'` with backslashes, `"…"`, `$tag$…$tag$`,
/// `` `…` ``, `[…]` after no operand is left to SQLite, `--` and `/* */` (nested, as PostgreSQL has it),
/// and `::` casts.
struct SQLScanner {
    enum Piece: Equatable {
        case word([UInt8])
        case parameter(String)
        /// `?`, `$1`, `@name`: another kind of parameter.
        case placeholder
        case end
        case blank([UInt8])
        case other([UInt8])
        /// A text, name or comment that is not closed.
        case open(String)
    }

    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    private func byte(_ offset: Int = 0) -> UInt8 {
        at + offset < bytes.count ? bytes[at + offset] : 0
    }

    mutating func next() -> Piece? {
        guard at < bytes.count else { return nil }
        let start = at
        switch byte() {
        case 0x09, 0x0A, 0x0C, 0x0D, 0x20:
            at += 1
            return .blank([bytes[start]])
        case 0x3B:
            at += 1
            return .end
        case 0x27:
            return quoted(0x27, escapes: false, "text", from: start)
        case 0x22:
            return quoted(0x22, escapes: false, "name", from: start)
        case 0x60:
            return quoted(0x60, escapes: false, "name", from: start)
        case 0x2D where byte(1) == 0x2D:
            while at < bytes.count, bytes[at] != 0x0A { at += 1 }
            return .blank([0x20])
        case 0x2F where byte(1) == 0x2A:
            return comment()
        case 0x3A where byte(1) == 0x3A:
            at += 2
            return .other([0x3A, 0x3A])
        case 0x3A where isWord(byte(1)):
            at += 1
            return .parameter(String(decoding: takeWord(), as: UTF8.self))
        case 0x24:
            return dollar(from: start)
        case 0x3F:
            at += 1
            return .placeholder
        case 0x40 where isWord(byte(1)):
            return .placeholder
        case let first where isWord(first):
            let word = takeWord()
            if (word == [0x45] || word == [0x65]), byte() == 0x27 {
                return quoted(0x27, escapes: true, "text", from: start)
            }
            return .word(word)
        default:
            at += 1
            return .other([bytes[start]])
        }
    }

    private func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x80...0xFF: true
        default: false
        }
    }

    private mutating func takeWord() -> [UInt8] {
        let start = at
        // A dollar within a word belongs to it (PostgreSQL).
        while at < bytes.count, isWord(bytes[at]) || bytes[at] == 0x24 { at += 1 }
        return Array(bytes[start..<at])
    }

    private mutating func quoted(
        _ quote: UInt8, escapes: Bool, _ what: String, from start: Int
    ) -> Piece {
        at += 1
        while at < bytes.count {
            if escapes, bytes[at] == 0x5C {
                at += 2
            } else if bytes[at] == quote {
                at += 1
                if byte() != quote { return .other(Array(bytes[start..<at])) }
                at += 1
            } else {
                at += 1
            }
        }
        at = bytes.count
        return .open(what)
    }

    /// Comments are left out: SQLite's do not nest and PostgreSQL's do.
    private mutating func comment() -> Piece {
        var depth = 0
        while at < bytes.count {
            if byte() == 0x2F, byte(1) == 0x2A {
                depth += 1
                at += 2
            } else if byte() == 0x2A, byte(1) == 0x2F {
                depth -= 1
                at += 2
                if depth == 0 { return .blank([0x20]) }
            } else {
                at += 1
            }
        }
        return .open("comment")
    }

    /// `$1` or `$tag$ … $tag$`.
    private mutating func dollar(from start: Int) -> Piece {
        at += 1
        if (0x30...0x39).contains(byte()) {
            _ = takeWord()
            return .placeholder
        }
        while at < bytes.count, isWord(bytes[at]) { at += 1 }
        guard byte() == 0x24 else { return .placeholder }
        at += 1
        let tag = Array(bytes[start..<at])
        while at + tag.count <= bytes.count {
            if bytes[at] == 0x24, bytes[at..<(at + tag.count)].elementsEqual(tag) {
                at += tag.count
                return .other(Array(bytes[start..<at]))
            }
            at += 1
        }
        at = bytes.count
        return .open("text")
    }
}
