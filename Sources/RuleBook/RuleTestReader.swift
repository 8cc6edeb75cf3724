internal import SessionModel
internal import Yams
internal import Settings

/// Reads the `tests:` of a rule's file.
struct RuleTestReader {
    let rule: String
    /// The ids of the whole book, for `rule:` in an expectation; checked when all files are read.
    let log: ProblemLog
    /// Where expectations name other rules.
    private(set) var references: [(rule: String, node: Node)] = []

    init(rule: String, log: ProblemLog) { (self.rule, self.log) = (rule, log) }

    mutating func read(_ node: Node, reader: FieldReader) -> [RuleTest]? {
        guard let items = reader.items(of: node, key: "tests", limit: RuleLimit.testsPerRule)
        else { return nil }
        var names: Set<String> = []
        var tests: [RuleTest] = []
        for item in items {
            guard let test = readTest(item) else { continue }
            if !names.insert(test.name).inserted {
                log.add("Two tests are named '\(shown(test.name))'. Name what differs.", at: item)
            }
            tests.append(test)
        }
        return tests
    }

    private mutating func readTest(_ node: Node) -> RuleTest? {
        let keys = ["name", "common", "networks", "records", "expect"]
        guard let reader = FieldReader(node, name: "the test", keys: keys, log: log) else {
            return nil
        }
        let name = reader.text(
            "name", limit: RuleLimit.titleBytes, because: "it says what happens in the test")
        let networks = readNetworks(reader)
        let records = readRecords(reader)
        var isSilent = false
        if case .scalar(let word)? = reader.value("expect") { isSilent = word.string == "silent" }
        let expectations = readExpectations(reader, records: records ?? [])
        guard let name, let networks, let records, let expectations else { return nil }
        return RuleTest(
            rule: rule, name: name, lines: records.map(\.json), networks: networks.lists,
            providers: networks.providers, expectations: expectations, isSilent: isSilent,
            line: node.mark?.line ?? 0)
    }

    // MARK: - Records

    private func readRecords(_ reader: FieldReader) -> [TestRecord]? {
        guard
            let node = reader.required(
                "records", because: "the native records that the test is about"),
            let items = reader.items(of: node, key: "records", limit: RuleLimit.recordsPerTest)
        else { return nil }
        if items.isEmpty {
            log.add("'records' is empty. Add the records that the test is about.", at: node)
            return nil
        }
        var common: TestRecord?
        if let node = reader.value("common") {
            common = TestRecord(node, name: "'common'", log: log)
            guard common != nil else { return nil }
        }
        var records: [TestRecord] = []
        var isSound = true
        for (index, item) in items.enumerated() {
            guard var record = TestRecord(item, name: "the record", log: log) else {
                isSound = false
                continue
            }
            record.complete(with: common, number: index + 1)
            guard record.checkIdentity(at: item, log: log) else {
                isSound = false
                continue
            }
            guard records.count + record.count <= RuleLimit.recordsPerTest else {
                log.add(
                    "With what is repeated the test has more than \(RuleLimit.recordsPerTest) "
                        + "records. Repeat less.", at: item)
                return nil
            }
            records += record.repetitions
        }
        guard isSound else { return nil }
        // A test of what comes late writes its records out; repeated ones take their places in time.
        if records.count > items.count {
            records = records.enumerated().sorted {
                (TestRecord.time($0.element), $0.offset) < (TestRecord.time($1.element), $1.offset)
            }
            .map(\.element)
        }
        return records
    }

    /// `203.0.113.0/24 vpn`, `203.0.113.0/24 AS64500 Example Telecom`, or both.
    private func readNetworks(
        _ reader: FieldReader
    ) -> (lists: [String], providers: [RuleTest.Provider])? {
        guard let node = reader.value("networks") else { return ([], []) }
        guard
            let items = reader.items(of: node, key: "networks", limit: RuleLimit.networksPerTest)
        else { return nil }
        var lists: [String] = []
        var providers: [RuleTest.Provider] = []
        var isSound = true
        for item in items {
            guard let line = reader.text(of: item, key: "networks"),
                let entry = network(line, at: item)
            else {
                isSound = false
                continue
            }
            if let kind = entry.kind { lists.append("\(entry.text) \(kind)") }
            if let provider = entry.provider { providers.append(provider) }
        }
        return isSound ? (lists, providers) : nil
    }

    private func network(
        _ line: String, at node: Node
    ) -> (text: String, kind: String?, provider: RuleTest.Provider?)? {
        let words = line.split(separator: " ", maxSplits: 3).map(String.init)
        guard words.count >= 2, let (network, length) = parsedNetwork(words[0]) else {
            log.add(
                "'\(shown(line))' is not a network and its kind, as '203.0.113.0/24 vpn'.", at: node
            )
            return nil
        }
        let kinds = NetworkKind.allCases.map(\.name)
        var rest = words.dropFirst()
        let kind = systemNumber(words[1]) == nil ? rest.removeFirst() : nil
        if let kind, !kinds.contains(kind) {
            log.add(
                "Unknown kind of network '\(shown(kind))'." + hint(for: kind, among: kinds),
                at: node)
            return nil
        }
        guard let word = rest.first else { return (words[0], kind, nil) }
        guard let number = systemNumber(word) else {
            log.add(
                "'\(shown(word))' is no autonomous system, as 'AS64500'. Write it behind the network "
                    + "and its kind, and its name behind that.", at: node)
            return nil
        }
        return (
            words[0], kind,
            RuleTest.Provider(
                network: network, length: length, asn: number,
                organization: rest.dropFirst().joined(separator: " "))
        )
    }

    /// `AS64500`; nil for 0, which stands for no provider.
    private func systemNumber(_ word: String) -> UInt32? {
        guard word.hasPrefix("AS"), word.utf8.count <= 12,
            word.utf8.dropFirst(2).allSatisfy({ (48...57).contains($0) }),
            let number = UInt32(word.dropFirst(2)), number > 0
        else { return nil }
        return number
    }

    /// An address, or a prefix with zeros behind it: a slip there would cover other networks. The
    /// length is of 32 bits for IPv4, of 128 else.
    private func parsedNetwork(_ text: String) -> (IPAddress, Int)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
        let widest = address.isV4 ? 32 : 128
        guard parts.count == 2 else { return (address, widest) }
        guard let length = Int(parts[1]), (0...widest).contains(length) else { return nil }
        let bits = address.isV4 ? length + 96 : length
        let highMask = bits >= 64 ? UInt64.max : ~(UInt64.max >> bits)
        let lowMask = bits <= 64 ? 0 : bits == 128 ? UInt64.max : ~(UInt64.max >> (bits - 64))
        guard address.high & ~highMask == 0, address.low & ~lowMask == 0 else { return nil }
        return (address, length)
    }

    // MARK: - Expectations

    private mutating func readExpectations(
        _ reader: FieldReader, records: [TestRecord]
    ) -> [RuleTest.Expectation]? {
        guard
            let node = reader.required(
                "expect", because: "the alerts that the records must make, or 'none'")
        else { return nil }
        if case .scalar(let scalar) = node {
            if ["none", "silent"].contains(scalar.string) { return [] }
            log.add(
                "'expect' is '\(shown(scalar.string))'. Write 'none', 'silent' or a list.", at: node
            )
            return nil
        }
        guard let items = reader.items(of: node, key: "expect") else { return nil }
        if items.isEmpty {
            log.add("'expect' is empty. Write 'none' when there must be no alert.", at: node)
            return nil
        }
        var expectations: [RuleTest.Expectation] = []
        for item in items {
            if let expectation = readExpectation(item, records: records) {
                expectations.append(expectation)
            }
        }
        return expectations.count == items.count ? expectations : nil
    }

    private mutating func readExpectation(
        _ node: Node, records: [TestRecord]
    ) -> RuleTest.Expectation? {
        let keys = ["rule", "confidence", "session", "device", "at", "severity", "about"]
        guard let reader = FieldReader(node, name: "the expectation", keys: keys, log: log) else {
            return nil
        }
        var expectation = RuleTest.Expectation(rule: rule)
        var isSound = true
        if let node = reader.value("rule") {
            if let text = reader.text(of: node, key: "rule") {
                expectation.rule = text
                references.append((text, node))
            } else {
                isSound = false
            }
        }
        if let node = reader.value("confidence") {
            expectation.confidence = reader.word(
                "confidence", of: node, among: Confidence.allCases.map(\.name),
                make: Confidence.init(name:))
            isSound = isSound && expectation.confidence != nil
        }
        if let node = reader.value("severity") {
            expectation.severity = reader.word(
                "severity", of: node, among: Severity.allCases.map(\.name),
                make: Severity.init(name:))
            isSound = isSound && expectation.severity != nil
        }
        if let node = reader.value("about") {
            let about = reader.word("about", of: node, among: ["source"]) {
                $0 == "source" ? $0 : nil
            }
            expectation.isAboutSource = about != nil
            isSound = isSound && about != nil
        }
        /// A reference to what one of the records has.
        func reference(_ key: String, _ known: [String]) -> String? {
            guard let node = reader.value(key) else { return nil }
            guard let text = reader.text(of: node, key: key) else {
                isSound = false
                return nil
            }
            if !records.isEmpty, !known.contains(text) {
                log.add(
                    "No record of the test has the \(key == "at" ? "id" : key) '\(shown(text))'."
                        + hint(for: text, among: Array(Set(known)).sorted()), at: node)
                isSound = false
            }
            return text
        }
        expectation.at = reference("at", records.compactMap(\.id))
        expectation.session = reference("session", records.compactMap(\.session))
        expectation.device = reference("device", records.compactMap(\.device))
        return isSound ? expectation : nil
    }
}
