internal import CRE2
public import SessionModel

/// What uap-core's expressions say of one user agent, as its specification puts it.
public struct UserAgentParse: Equatable, Sendable {
    /// A family and up to four parts of a version, each nil when not told.
    public struct Product: Equatable, Sendable {
        /// `Other` when no expression matched.
        public var family = "Other"
        public var major: String?
        public var minor: String?
        public var patch: String?
        public var patchMinor: String?

        public init() {}
    }

    public struct Device: Equatable, Sendable {
        /// `Other` when no expression matched.
        public var family = "Other"
        public var brand: String?
        public var model: String?

        public init() {}
    }

    public var agent = Product()
    public var system = Product()
    public var device = Device()

    public init() {}
}

/// uap-core's expressions on RE2: what kind of client, system and device a user agent names.
///
/// Reading a file takes some 7 ms. An expression is compiled when a text first has the words
/// without which it cannot match, so a run that sees a hundred user agents compiles a few dozen of
/// the 1162. Safe to share between threads.
///
/// Texts are matched as bytes, not characters: a `{0,200}` in an expression counts bytes. Linear
/// time, whatever the text: user agents are written by attackers.
public final class UserAgentParser: @unchecked Sendable {
    /// Where Debian's package uap-core puts its expressions, and a local copy.
    public static let usualPaths = [
        "/usr/local/share/uap-core/regexes.yaml", "/usr/share/uap-core/regexes.yaml",
    ]

    /// The most that one compiled expression takes for its program and automata, in bytes, but for
    /// the few whose program alone needs more.
    static let expressionMemory: Int64 = 1 << 16

    /// Expressions tried on one text in each section, at most; then it is `Other`. Of the 30 667
    /// user agents in uap-core's cases none needs more than 9, 9 and 78. Only a text made of the
    /// expressions' own words comes to the limit.
    static let candidateLimits = [20, 20, 100]

    /// Bytes of a text that are looked at. The longest in uap-core's cases has 492.
    public static let textLimit = 1024

    let rules: UserAgentRules
    let filter: UserAgentPrefilter
    /// Rules of devices whose family is `Spider`.
    private let spiders: [Int]
    private let expressions: OpaquePointer

    /// Reads a regexes.yaml.
    public convenience init(path: String) throws(UserAgentError) {
        try self.init(yaml: try UserAgentFile.bytes(at: path), path: path)
    }

    /// Reads the first of `usualPaths` that there is.
    public static func usual() throws(UserAgentError) -> UserAgentParser {
        for path in usualPaths where UserAgentFile.exists(at: path) {
            return try UserAgentParser(path: path)
        }
        throw .notFound(paths: usualPaths)
    }

    /// Takes the contents of a regexes.yaml; `path` is for errors only.
    public init(yaml: [UInt8], path: String) throws(UserAgentError) {
        rules = try UserAgentFile.rules(in: yaml, path: path)
        let devices = rules.range(.device)
        spiders = devices.filter { [rules] in rules.rules[$0].replacement0 == "Spider" }
        filter = UserAgentPrefilter(patterns: rules.rules.map(\.pattern))
        guard let list = ls_re2_list_new(rules.rules.count, Self.expressionMemory) else {
            throw .cannotRead(path: path, reason: "no memory for its expressions")
        }
        expressions = list
        for rule in rules.rules {
            rule.pattern.withCharacters { pattern, count in
                _ = ls_re2_list_add(list, pattern, count, rule.ignoresCase ? 1 : 0)
            }
        }
    }

    deinit { ls_re2_list_free(expressions) }

    /// How many expressions there are.
    public var expressionCount: Int { rules.rules.count }

    /// How many have been compiled so far.
    public var compiledCount: Int { ls_re2_list_compiled(expressions) }

    /// The expressions that RE2 cannot express (back references, look-around), which are taken as
    /// never matching: `line 12: pattern: reason`. Compiles every expression, some 200 ms.
    public func inexpressible() -> [String] {
        var reason = [CChar](repeating: 0, count: 256)
        var found: [String] = []
        for (index, rule) in rules.rules.enumerated()
        where ls_re2_list_check(expressions, index, &reason, reason.count) == 0 {
            let text = String(
                decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            found.append("line \(rule.line): \(rule.pattern.string): \(text)")
        }
        return found
    }

    // MARK: - Matching

    /// Whether a rule whose device is `Spider` is among the candidates. Without one there is no
    /// need to try the devices, which are most of the rules, to know that a client is no robot.
    func maySpider(_ scratch: UserAgentPrefilter.Scratch) -> Bool {
        spiders.contains { scratch.candidates[$0 >> 6] >> UInt64($0 & 63) & 1 != 0 }
    }

    /// A match: which rule, and the groups' places in the text (0 is the whole match).
    struct Match {
        var rule: Int
        var groups:
            (
                ls_span, ls_span, ls_span, ls_span, ls_span, ls_span, ls_span, ls_span, ls_span,
                ls_span
            )

        /// Empty for a group that took no part.
        func group(_ number: Int) -> UnsafeBufferPointer<UInt8> {
            let span: ls_span
            switch number {
            case 1: span = groups.1
            case 2: span = groups.2
            case 3: span = groups.3
            case 4: span = groups.4
            case 5: span = groups.5
            case 6: span = groups.6
            case 7: span = groups.7
            case 8: span = groups.8
            case 9: span = groups.9
            default: span = groups.0
            }
            return UnsafeBufferPointer(
                start: UnsafeRawPointer(span.data)?.assumingMemoryBound(to: UInt8.self),
                count: span.data == nil ? 0 : span.length)
        }
    }

    /// The first expression of the section that matches, among the candidates in `scratch`.
    func firstMatch(
        _ section: UserAgentSection, _ text: TextView, _ scratch: UserAgentPrefilter.Scratch
    ) -> Match? {
        let range = rules.range(section)
        let none = ls_span(data: nil, length: 0)
        var match = Match(
            rule: 0, groups: (none, none, none, none, none, none, none, none, none, none))
        var remaining = Self.candidateLimits[section.rawValue]
        var at = range.lowerBound
        while at < range.upperBound {
            let rest = scratch.candidates[at &>> 6] &>> UInt64(at & 63)
            guard rest != 0 else {
                at = (at | 63) &+ 1
                continue
            }
            at &+= rest.trailingZeroBitCount
            guard at < range.upperBound, remaining > 0 else { return nil }
            remaining &-= 1
            let index = at
            let isFound = text.withCharacters { characters, count in
                withUnsafeMutableBytes(of: &match.groups) { groups in
                    ls_re2_list_match(
                        expressions, index, characters, count,
                        groups.assumingMemoryBound(to: ls_span.self).baseAddress, 10)
                }
            }
            if isFound == 1 {
                match.rule = index
                return match
            }
            at &+= 1
        }
        return nil
    }

    /// Whether the rule matches, whatever the prefilter says.
    func matches(rule: Int, _ text: TextView) -> Bool {
        text.withCharacters { ls_re2_list_match(expressions, rule, $0, $1, nil, 0) == 1 }
    }

    /// A replacement's text, or nil when it comes to nothing: `$1` to `$9` become groups, spaces at
    /// the ends go.
    func expand(_ template: TextView, _ match: Match) -> String? {
        guard template.base != nil else { return nil }
        let bytes = template.bytes
        guard bytes.contains(UInt8(ascii: "$")) else { return trimmed(bytes) }
        var made: [UInt8] = []
        made.reserveCapacity(64)
        var i = 0
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "$"), i + 1 < bytes.count,
                (0x31...0x39).contains(bytes[i + 1])
            {
                made.append(contentsOf: match.group(Int(bytes[i + 1] - 0x30)))
                i += 2
            } else {
                made.append(bytes[i])
                i += 1
            }
        }
        return made.withUnsafeBufferPointer(trimmed)
    }

    /// The slot's replacement where the rule has one, else the group.
    func value(_ slot: Int, orGroup group: Int, _ match: Match) -> String? {
        let template = rules.rules[match.rule][slot]
        return template.base == nil ? trimmed(match.group(group)) : expand(template, match)
    }

    private func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return nil }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    // MARK: - The whole answer

    /// Everything that the expressions say. Some 15 µs; `ClientRecognizer` is the quick way to
    /// what Lastseen needs. Texts longer than `textLimit` bytes are cut.
    public func parse(_ userAgent: TextView) -> UserAgentParse {
        let scratch = UserAgentPrefilter.Scratch(for: filter)
        let text = userAgent.prefix(Self.textLimit)
        var parse = UserAgentParse()
        filter.scan(text, scratch)
        if let match = firstMatch(.agent, text, scratch) { parse.agent = product(match) }
        if let match = firstMatch(.system, text, scratch) { parse.system = product(match) }
        if let match = firstMatch(.device, text, scratch) {
            parse.device.family = value(0, orGroup: 1, match) ?? "Other"
            parse.device.brand = expand(rules.rules[match.rule][1], match)
            parse.device.model = value(2, orGroup: 1, match)
        }
        return parse
    }

    /// As `parse(_:)` of the string's UTF-8.
    public func parse(_ userAgent: String) -> UserAgentParse {
        var userAgent = userAgent
        return userAgent.withUTF8 { parse(TextView($0)) }
    }

    private func product(_ match: Match) -> UserAgentParse.Product {
        var product = UserAgentParse.Product()
        product.family = value(0, orGroup: 1, match) ?? "Other"
        product.major = value(1, orGroup: 2, match)
        product.minor = value(2, orGroup: 3, match)
        product.patch = value(3, orGroup: 4, match)
        product.patchMinor = value(4, orGroup: 5, match)
        return product
    }
}

extension TextView {
    /// The bytes as C's characters; never nil.
    @inline(__always) func withCharacters<T>(
        _ body: (UnsafePointer<CChar>, Int) -> T
    ) -> T {
        guard let base else {
            var nothing: CChar = 0
            return body(&nothing, 0)
        }
        return body(UnsafeRawPointer(base).assumingMemoryBound(to: CChar.self), count)
    }
}
