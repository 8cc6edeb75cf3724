internal import Foundation

/// Where account owners are reached: a file of the organization's, which whoever is in an account
/// cannot change.
///
/// CSV (RFC 4180) in UTF-8 with the columns `user`, `mail` and, as you like, `language` and
/// `timezone`, in any order under a line that names them. `user` is an id or a name.
public struct PeopleDirectory: Sendable {
    public struct Person: Sendable, Equatable {
        public var mail: MailAddress
        /// Empty for the channel's.
        public var language: String
        public var zone: Zone?
    }

    /// By user in lower case.
    private var people: [String: Person] = [:]

    public static let empty = PeopleDirectory()

    /// The most bytes and lines of a file.
    static let byteLimit = 64 << 20
    static let lineLimit = 1_000_000

    public var count: Int { people.count }

    /// By id, else by name.
    public func person(id: String, name: String) -> Person? {
        people[id.lowercased()] ?? (name.isEmpty ? nil : people[name.lowercased()])
    }

    private init() {}

    public init(path: String) throws(MessagingError) {
        func bad(_ line: Int, _ reason: String, _ remedy: String) -> MessagingError {
            .badFile(path: line == 0 ? path : "\(path):\(line)", reason: reason, remedy: remedy)
        }
        let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
        guard let size, size <= Self.byteLimit,
            let data = FileManager.default.contents(atPath: path)
        else {
            throw bad(
                0, "it cannot be read, or is larger than 64 MiB", "Give a CSV file of people.")
        }
        guard var text = String(validating: data, as: UTF8.self) else {
            throw bad(0, "it is not UTF-8", "Save it as UTF-8.")
        }
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        var columns: (user: Int, mail: Int, language: Int?, zone: Int?)?
        var line = 0
        for row in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            line += 1
            if row.allSatisfy({ $0 == " " }) || row.first == "#" { continue }
            guard line <= Self.lineLimit else {
                throw bad(line, "it has more than a million lines", "Split or shorten it.")
            }
            guard let fields = Self.fields(row) else {
                throw bad(line, "a quotation mark is not closed", "Close it, in the same line.")
            }
            guard let known = columns else {
                let names = fields.map { $0.lowercased() }
                guard let user = names.firstIndex(of: "user"),
                    let mail = names.firstIndex(of: "mail")
                else {
                    throw bad(
                        line, "its first line does not name the columns",
                        "Begin it with: user,mail,language,timezone")
                }
                columns = (
                    user, mail, names.firstIndex(of: "language"), names.firstIndex(of: "timezone")
                )
                continue
            }
            func field(_ index: Int?) -> String {
                guard let index, index < fields.count else { return "" }
                return fields[index]
            }
            let user = field(known.user)
            guard !user.isEmpty else {
                throw bad(
                    line, "the user is empty", "Write the user's id or name, or remove the line.")
            }
            guard let mail = MailAddress(field(known.mail)) else {
                throw bad(
                    line, "'\(field(known.mail))' is no mail address of plain ASCII",
                    "Write one, as ann@example.com, or remove the line.")
            }
            let zoneName = field(known.zone)
            let zone = zoneName.isEmpty ? nil : Zone(zoneName)
            guard zoneName.isEmpty || zone != nil else {
                throw bad(
                    line, "'\(zoneName)' is no time zone", "Write one, as Europe/Berlin.")
            }
            people[user.lowercased()] = Person(
                mail: mail, language: field(known.language), zone: zone)
        }
    }

    /// The fields of one line; nil when a quotation mark is not closed.
    private static func fields(_ row: Substring) -> [String]? {
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        var rest = row[...]
        while let character = rest.popFirst() {
            if isQuoted {
                if character != "\"" {
                    field.append(character)
                } else if rest.first == "\"" {
                    field.append(rest.removeFirst())
                } else {
                    isQuoted = false
                }
            } else if character == "\"", field.allSatisfy({ $0 == " " }) {
                field = ""
                isQuoted = true
            } else if character == "," {
                fields.append(stripped(field))
                field = ""
            } else {
                field.append(character)
            }
        }
        guard !isQuoted else { return nil }
        return fields + [stripped(field)]
    }

    private static func stripped(_ text: String) -> String {
        text.trimmingCharacters(in: .whitespaces)
    }
}
