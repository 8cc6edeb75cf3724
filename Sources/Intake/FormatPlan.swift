import CRE2
import CSimdJSON
import SessionModel

/// A format with its names turned into numbers: which value goes to which slot.
struct FormatPlan {
    struct Problem: Error {
        var problem: String
    }

    let format: Format
    /// What the slots are of: paths, columns or groups.
    private(set) var sources: [String] = []
    private(set) var paths: [JSONPath] = []
    /// Slots of each field's alternatives.
    private(set) var slots: [Format.Field: [Int]] = [:]
    private(set) var keep: [(slot: Int, words: WordList)] = []
    private(set) var headers: [TextPattern] = []
    private(set) var messages: [(pattern: TextPattern, set: [Format.Field: String])] = []
    /// Text: path of each slot in a line that is JSON.
    private(set) var journal: [(slot: Int, path: JSONPath)] = []
    /// Slots that are put together from others.
    private(set) var joins: [(slot: Int, parts: [Int], separator: [UInt8])] = []
    private(set) var messageSlot = 0
    private(set) var repeatSlot = 0
    var slotCount: Int { sources.count + joins.count }

    init(_ format: Format) throws(Problem) {
        self.format = format
        for field in Format.Field.allCases {
            guard let rule = format.rules[field] else { continue }
            slots[field] = rule.from.map { slot(of: $0) }
        }
        for condition in format.keep {
            keep.append((slot(of: condition.field), WordList(condition.isIn)))
        }
        if format.decoder == .text {
            messageSlot = slot(of: "message")
            repeatSlot = slot(of: "repeat")
        }
        for field in Format.Field.allCases {
            guard let separator = format.rules[field]?.join, let parts = slots[field] else {
                continue
            }
            let slot = sources.count + joins.count
            joins.append((slot, parts, Array(separator.utf8)))
            slots[field] = [slot]
        }
        guard sources.count <= 128 else { throw Problem(problem: "more than 128 paths are used.") }
        if format.decoder == .json || !format.cell.isEmpty {
            for source in sources { paths.append(try FormatPlan.path(source)) }
        }
        if format.decoder == .text { try planText() }
    }

    private mutating func slot(of source: String) -> Int {
        if let found = sources.firstIndex(of: source) { return found }
        sources.append(source)
        return sources.count - 1
    }

    static func path(_ text: String) throws(Problem) -> JSONPath {
        guard let path = JSONPath(text) else {
            throw Problem(
                problem:
                    "'\(text)' is no path. Write it as user.id, list[0].id or list[Name=X].Value.")
        }
        return path
    }

    private mutating func planText() throws(Problem) {
        var known: Set<String> = []
        for header in format.headers {
            let pattern = try TextPattern(header, sources)
            known.formUnion(pattern.names)
            headers.append(pattern)
        }
        for (group, path) in format.journal.sorted(by: { $0.key < $1.key }) {
            known.insert(group)
            guard let slot = sources.firstIndex(of: group) else { continue }
            journal.append((slot, try FormatPlan.path(path)))
        }
        for message in format.messages {
            let pattern = try TextPattern(message.pattern, sources)
            known.formUnion(pattern.names)
            messages.append((pattern, message.set))
        }
        for source in sources
        where source != "message" && source != "repeat" && !known.contains(source) {
            let hint =
                Spelling.nearest(source, in: known.sorted()).map { " Did you mean '\($0)'?" } ?? ""
            throw Problem(problem: "no pattern has a group '\(source)'.\(hint)")
        }
    }
}

/// A compiled pattern and where its groups go.
final class TextPattern {
    private let expression: OpaquePointer
    /// Pairs of group and slot.
    let groups: [(group: Int, slot: Int)]
    let names: Set<String>
    private static let most = 32

    init(_ pattern: String, _ sources: [String]) throws(FormatPlan.Problem) {
        var reason = [CChar](repeating: 0, count: 256)
        // 8 MiB: RE2's own default for one expression.
        guard
            let expression = ls_re2_new(
                pattern, pattern.utf8.count, 0, 8 << 20, &reason, reason.count)
        else {
            let text = String(
                decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw FormatPlan.Problem(problem: "the pattern '\(pattern)' is not RE2: \(text).")
        }
        self.expression = expression
        var groups: [(Int, Int)] = []
        var names: Set<String> = []
        let count = Int(ls_re2_group_count(expression))
        for group in 0..<count {
            guard let name = ls_re2_group_name(expression, Int32(group + 1)) else { continue }
            let text = String(cString: name)
            names.insert(text)
            if let slot = sources.firstIndex(of: text) { groups.append((group + 1, slot)) }
        }
        self.groups = groups
        self.names = names
        guard count < TextPattern.most else {
            throw FormatPlan.Problem(problem: "the pattern '\(pattern)' has more than 31 groups.")
        }
    }

    deinit { ls_re2_free(expression) }

    /// Fills the slots of the groups that took part.
    func match(_ text: TextView, _ fields: UnsafeMutablePointer<ls_field>) -> Bool {
        withUnsafeTemporaryAllocation(of: ls_span.self, capacity: TextPattern.most) { spans in
            let isMatch = UnsafeRawPointer(text.base ?? UnsafePointer(bitPattern: 1)!)
                .withMemoryRebound(to: CChar.self, capacity: text.count) {
                    ls_re2_match(
                        expression, $0, text.count, spans.baseAddress!, Int32(TextPattern.most))
                }
            guard isMatch != 0 else { return false }
            for (group, slot) in groups {
                guard let data = spans[group].data else { continue }
                fields[slot] = ls_field(
                    data: UnsafeRawPointer(data).assumingMemoryBound(to: UInt8.self),
                    length: UInt32(spans[group].length), kind: UInt32(LS_UNESCAPED))
            }
            return true
        }
    }
}
