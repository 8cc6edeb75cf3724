/// How records of one kind of log are read: data, built in or from a file of the user's
/// (`Format.load(path:)`; BuiltInFormats.swift shows the form).
///
/// What becomes of bad input, for every format:
///
/// | input | what happens |
/// | --- | --- |
/// | blank line, byte order mark, CR before LF, last line without LF | passed over, taken |
/// | line, CSV record or array element over 1 MiB | refused; reading goes on at the next line or element |
/// | CSV record with a stray or unclosed quote, or another number of columns | refused: its first line |
/// | nesting deeper than 64, syntax error, text after the document, not an object | refused |
/// | invalid UTF-8, raw control character or half a surrogate pair in JSON | refused |
/// | a wanted key twice in one object, a wanted text that is an object or array | refused |
/// | time missing, unreadable, before 2000, more than 24 h after now | refused |
/// | user id missing, blank or a placeholder ("-", "unknown", "Not Available", …) | refused (`placeholder_user: skip`: skipped) |
/// | placeholder as session, device, record id or address | taken as absent |
/// | address that is none, whatever else the record has | refused |
/// | `0.0.0.0` and `::` | taken as absent |
/// | no address, session id or device id left | refused (`without_identity: skip`: skipped) |
/// | user, session, device, record id or tenant too long (`TextLimit`) | refused |
/// | name, user agent, application too long | cut at a character |
/// | control character (below U+0020) in an identity | refused |
/// | control character in a name, user agent, application | becomes a space |
/// | word for event or outcome that no table has | refused |
/// | word for the authentication method that no table has | unknown |
/// | record that `keep` does not want, text line of another program | skipped and counted |
public struct Format: Sendable, Equatable {
    public enum Decoder: String, Sendable, CaseIterable {
        case json, csv, text
    }

    /// A field of the native record.
    public enum Field: String, Sendable, CaseIterable {
        case time
        case id
        case tenant
        case userID = "user.id"
        case userName = "user.name"
        case sessionID = "session.id"
        case deviceID = "device.id"
        case ip
        case userAgent = "user_agent"
        case application
        case event
        case outcome
        case authMethod = "auth.method"
    }

    /// What to do with a record that is sound but cannot be judged.
    public enum Treatment: String, Sendable, CaseIterable {
        case refuse, skip
    }

    /// Where a field's value comes from.
    public struct Rule: Sendable, Equatable {
        /// JSON paths, CSV columns or pattern groups; the first that is not empty counts.
        public var from: [String] = []
        /// The value itself; `from` is then empty.
        public var constant: String?
        /// Words of the source and ours, compared without regard to ASCII case.
        public var values: [String: String] = [:]
        /// For a word that `values` has not.
        public var otherwise: String?
        /// `from` joined by this, when all of them are there.
        public var join: String?

        public init() {}
    }

    /// A condition that a record must meet.
    public struct Condition: Sendable, Equatable {
        public var field: String
        /// Any of these, as written; empty: the field must be there.
        public var isIn: [String]
    }

    /// A kind of message of a text log.
    public struct Message: Sendable, Equatable {
        /// RE2, with groups named as the rules name them. A group `message` is matched again, a group
        /// `repeat` says how many times.
        public var pattern: String
        public var set: [Field: String]
    }

    public var name: String
    public var description: String
    public var decoder: Decoder
    /// Keys whose array holds the records.
    public var envelope: [String] = []
    /// The CSV column with a JSON record in each cell; the paths are then of that. Empty: none.
    public var cell = ""
    public var delimiter: UInt8 = 0x2C
    /// A record or header that has all of one of these lists is of this format.
    public var detect: [[String]] = []
    public var keep: [Condition] = []
    public var rules: [Field: Rule] = [:]
    public var times: [TimeFormat] = [.rfc3339]
    /// Values that mean there is none, besides the placeholders.
    public var absent: [String] = []
    /// Words that are no user, compared without regard to case.
    public var placeholders: [String] = Format.standardPlaceholders
    public var placeholderUser = Treatment.refuse
    public var withoutIdentity = Treatment.refuse
    /// Text: patterns of a line's beginning, the first that matches counts.
    public var headers: [String] = []
    /// Text: for lines that are JSON (journald), the path of each group.
    public var journal: [String: String] = [:]
    public var messages: [Message] = []

    public init(name: String, description: String, decoder: Decoder) {
        self.name = name
        self.description = description
        self.decoder = decoder
    }

    /// What logs write when they do not know; "na" is not here, since it is a name.
    public static let standardPlaceholders = [
        "-", "--", "?", "null", "(null)", "<null>", "nil", "none", "n/a", "unknown", "(unknown)",
        "<unknown>", "undefined", "not available", "00000000-0000-0000-0000-000000000000",
    ]

    /// Whether a source's times may lack the year.
    var hasYearlessTimes: Bool { decoder == .text && times.contains(.syslog) }
}

/// How a time is written. Without a zone it is UTC, or `IntakeOptions.zoneOffsetMinutes`.
public enum TimeFormat: String, Sendable, CaseIterable {
    /// `2026-03-01T08:15:30.120Z`, `2026-03-01 08:15:30`: see `Timestamp(rfc3339:)`.
    case rfc3339
    /// Seconds since 1970, a fraction allowed.
    case unixSeconds = "unix_s"
    case unixMilliseconds = "unix_ms"
    case unixMicroseconds = "unix_us"
    case unixNanoseconds = "unix_ns"
    /// `3/24/2021 2:39:56 AM`.
    case monthDayYear = "M/d/yyyy h:mm:ss a"
    /// `Dec 10 06:55:46`: RFC 3164; the year by `YearRule`.
    case syslog
}
