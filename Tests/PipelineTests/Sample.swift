import Glibc

/// A scenario of `samples/`.
struct Sample: Sendable, CustomStringConvertible {
    var name: String

    static let folder = House.root + "/samples"
    static let all = Files.names(in: folder).map { Sample(name: $0) }

    var description: String { name }
    var path: String { Sample.folder + "/" + name }
    /// `records.` and what kind of file it is.
    var records: String {
        path + "/" + (Files.names(in: path).first { $0.hasPrefix("records.") } ?? "records.ndjson")
    }
    /// Native, or what the story names: "the format `sshd`".
    var format: String {
        guard !records.hasSuffix(".ndjson") else { return "native" }
        let words = story.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let rest = words.firstRange(of: "format `").map { words[$0.upperBound...] } ?? ""
        return String(rest.prefix { $0 != "`" })
    }
    /// The alerts on record.
    var alerts: String { path + "/alerts.ndjson" }
    var networks: String? {
        let file = path + "/networks.txt"
        return Files.exists(file) ? file : nil
    }
    /// A team's own rules, where the sample has some.
    var ownRules: [String] {
        let folder = path + "/rules"
        return Files.exists(folder) ? [folder] : []
    }
    var story: String { String(decoding: Files.read(path + "/README.md"), as: UTF8.self) }

    /// What the story promises: its words between `**Expected:` and `**`.
    var expectation: String? {
        let words = story.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard let start = words.firstRange(of: "**Expected: ") else { return nil }
        let rest = words[start.upperBound...]
        guard let end = rest.firstRange(of: "**") else { return nil }
        return String(rest[..<end.lowerBound])
    }
}

enum Golden {
    static let isRecording = getenv("RECORD_GOLDEN") != nil
}
