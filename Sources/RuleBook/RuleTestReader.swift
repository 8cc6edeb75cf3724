internal import SessionModel
internal import Yams

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
        let expectations = readExpectations(reader, records: records ?? [])
        guard let name, let networks, let records, let expectations else { return nil }
        return RuleTest(
            rule: rule, name: name, lines: records.map(\.json), networks: networks,
            expectations: expectations, line: node.mark?.line ?? 0)
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
        for (index, item) in items.enumerated() {
            guard var record = TestRecord(item, name: "the record", log: log) else { continue }
            record.complete(with: common, number: index + 1)
            if record.checkIdentity(at: item, log: log) { records.append(record) }
        }
        return records.count == items.count ? records : nil
    }

    private func readNetworks(_ reader: FieldReader) -> [String]? {
        guard let node = reader.value("networks") else { return [] }
        guard
            let items = reader.items(of: node, key: "networks", limit: RuleLimit.networksPerTest)
        else { return nil }
        let kinds = NetworkKind.allCases.map(\.name)
        var lines: [String] = []
        for item in items {
            guard let line = reader.text(of: item, key: "networks") else { continue }
            let parts = line.split(separator: " ").map(String.init)
            guard parts.count == 2, isNetwork(parts[0]) else {
                log.add(
                    "'\(shown(line))' is not a network and its kind, as '203.0.113.0/24 vpn'.",
                    at: item)
                continue
            }
            guard kinds.contains(parts[1]) else {
                log.add(
                    "Unknown kind of network '\(shown(parts[1]))'."
                        + hint(for: parts[1], among: kinds), at: item)
                continue
            }
            lines.append(parts.joined(separator: " "))
        }
        return lines.count == items.count ? lines : nil
    }

    /// An address, or a prefix with zeros behind it: a slip there would cover other networks.
    private func isNetwork(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return false }
        guard parts.count == 2 else { return true }
        guard let length = Int(parts[1]), (0...(address.isV4 ? 32 : 128)).contains(length) else {
            return false
        }
        let bits = address.isV4 ? length + 96 : length
        let highMask = bits >= 64 ? UInt64.max : ~(UInt64.max >> bits)
        let lowMask = bits <= 64 ? 0 : bits == 128 ? UInt64.max : ~(UInt64.max >> (bits - 64))
        return address.high & ~highMask == 0 && address.low & ~lowMask == 0
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
            if scalar.string == "none" { return [] }
            log.add("'expect' is '\(shown(scalar.string))'. Write 'none' or a list.", at: node)
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
        let keys = ["rule", "confidence", "session", "device", "at", "severity"]
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
