public import SessionModel
internal import Settings

/// A test in a rule's file: records, and the alerts that they must make.
///
/// The records run through the whole pipeline with all enabled rules and the bundled database on an
/// empty state; `check(alerts:)` then compares.
public struct RuleTest: Sendable, Equatable {
    /// The id of the rule that it is a test of.
    public var rule: String
    /// Says what happens: `Oslo to Lagos in an hour`.
    public var name: String
    /// Native records, one JSON object each, in the order of the file.
    public var lines: [String]
    /// Lists of networks by kind, as `networks.txt` has them: `185.199.108.0/22 vpn`.
    public var networks: [String]
    /// Providers by network, as an ASN database has them; the bundled database knows none.
    public var providers: [Provider]
    /// Empty when the records must make no alert.
    public var expectations: [Expectation]
    /// Whether the rule must find nothing at all: with no expectations a finding that is only possible
    /// may else be in an alert of other rules.
    public var isSilent: Bool
    /// Where it stands in the rule's file, from 1.
    public var line: Int

    /// The lines as a native source holds them.
    public var ndjson: String { lines.map { $0 + "\n" }.joined() }

    /// A network and the autonomous system that announces it.
    public struct Provider: Sendable, Equatable {
        public var network: IPAddress
        /// Of 32 bits for IPv4, of 128 else.
        public var length: Int
        /// From 1.
        public var asn: UInt32
        /// May be empty.
        public var organization: String

        public init(network: IPAddress, length: Int, asn: UInt32, organization: String) {
            self.network = network
            self.length = length
            self.asn = asn
            self.organization = organization
        }
    }

    /// What one alert must be like; what is nil may be anything.
    public struct Expectation: Sendable, Equatable {
        /// The rule that must be among the alert's findings.
        public var rule: String
        /// The highest confidence of that rule's findings.
        public var confidence: Confidence?
        /// The session that the alert names.
        public var session: String?
        /// The device that the alert names.
        public var device: String?
        /// The record that decides one of that rule's findings (of that confidence, when given).
        public var at: String?
        /// The alert's severity.
        public var severity: Severity?
        /// Whether it must be about the source of a spray, and of no user; else it must be a user's or a
        /// key's.
        public var isAboutSource = false

        public init(
            rule: String, confidence: Confidence? = nil, session: String? = nil,
            device: String? = nil, at: String? = nil, severity: Severity? = nil,
            isAboutSource: Bool = false
        ) {
            self.rule = rule
            self.confidence = confidence
            self.session = session
            self.device = device
            self.at = at
            self.severity = severity
            self.isAboutSource = isAboutSource
        }
    }

    public init(
        rule: String, name: String, lines: [String], networks: [String] = [],
        providers: [Provider] = [], expectations: [Expectation], isSilent: Bool = false,
        line: Int = 0
    ) {
        self.rule = rule
        self.name = name
        self.lines = lines
        self.networks = networks
        self.providers = providers
        self.expectations = expectations
        self.isSilent = isSilent
        self.line = line
    }

    // MARK: - Checking

    /// What is different from what the test expects, a sentence each; empty when it passes.
    ///
    /// Alerts that were retracted do not count; closed ones do: they were right to be raised. Each
    /// expectation needs an alert of its own, and no alert of this rule (one with a finding of it that
    /// is at least likely) may be left over; alerts that only other rules made are ignored unless an
    /// expectation names them.
    public func check(alerts: [Alert]) -> [String] {
        let standing = alerts.filter { $0.status != .retracted }
        let match = matchExpectations(to: standing)
        var mismatches: [String] = []
        for (index, expectation) in expectations.enumerated() where match[index] == nil {
            var sentence = "Expected an alert: \(expectation)."
            if let nearest = standing.first(where: { alert in
                !match.contains { $0 == alert.id }
                    && alert.findings.contains { $0.rule == expectation.rule }
            }) {
                sentence +=
                    " There is \(Self.describe(nearest)), which differs in "
                    + expectation.differences(from: nearest).joined(separator: " and ") + "."
            }
            mismatches.append(sentence)
        }
        for alert in standing where !match.contains(where: { $0 == alert.id }) {
            guard
                alert.findings.contains(where: {
                    $0.rule == rule && (isSilent || $0.confidence >= .likely)
                })
            else { continue }
            mismatches.append(
                (isSilent
                    ? "Expected that the rule finds nothing"
                    : expectations.isEmpty ? "Expected no alert" : "Expected no further alert")
                    + ", but there is \(Self.describe(alert)).")
        }
        return mismatches
    }

    /// For each expectation the id of the alert that meets it: the largest such pairing (augmenting
    /// paths), so that a loose expectation does not take the only alert that meets a strict one.
    private func matchExpectations(to alerts: [Alert]) -> [String?] {
        var owner = [Int?](repeating: nil, count: alerts.count)
        func place(_ expectation: Int, visited: inout Set<Int>) -> Bool {
            for (index, alert) in alerts.enumerated()
            where !visited.contains(index) && expectations[expectation].isMet(by: alert) {
                visited.insert(index)
                let current = owner[index]
                if current == nil || place(current!, visited: &visited) {
                    owner[index] = expectation
                    return true
                }
            }
            return false
        }
        for index in expectations.indices {
            var visited: Set<Int> = []
            _ = place(index, visited: &visited)
        }
        var match = [String?](repeating: nil, count: expectations.count)
        for (alert, expectation) in owner.enumerated() {
            if let expectation { match[expectation] = alerts[alert].id }
        }
        return match
    }

    private static func describe(_ alert: Alert) -> String {
        let findings = alert.findings.map { finding in
            "\(finding.rule) \(finding.confidence.name) at \(shown(finding.records.last ?? "?"))"
        }
        return "alert \(alert.id) "
            + (alert.isAboutSource ? "about a source" : "on session '\(shown(alert.sessionID))'")
            + " ("
            + findings.joined(separator: ", ") + ")"
    }
}

extension RuleTest.Expectation {
    /// Whether the alert is as expected.
    public func isMet(by alert: Alert) -> Bool { differences(from: alert).isEmpty }

    /// The names of what differs, in the order of the file's keys.
    func differences(from alert: Alert) -> [String] {
        let findings = alert.findings.filter { $0.rule == rule }
        guard !findings.isEmpty else { return ["rule"] }
        var result: [String] = []
        if let confidence, findings.map(\.confidence).max() != confidence {
            result.append("confidence")
        }
        if let session, alert.sessionID != session { result.append("session") }
        if let device, alert.deviceID != device { result.append("device") }
        let deciding = findings.filter { confidence == nil || $0.confidence == confidence }
        if let at, !deciding.contains(where: { $0.records.last == at }) { result.append("at") }
        if let severity, alert.severity != severity { result.append("severity") }
        if alert.isAboutSource != isAboutSource { result.append("about") }
        return result
    }
}

extension Alert {
    /// Whether it is about the source of a spray: records have a user, always.
    fileprivate var isAboutSource: Bool { userID.isEmpty }
}

extension RuleTest.Expectation: CustomStringConvertible {
    public var description: String {
        var parts = [rule]
        if let confidence { parts.append("confidence \(confidence.name)") }
        if let session { parts.append("session '\(session)'") }
        if let device { parts.append("device '\(device)'") }
        if let at { parts.append("at \(at)") }
        if let severity { parts.append("severity \(severity.name)") }
        if isAboutSource { parts.append("about the source") }
        return parts.joined(separator: ", ")
    }
}
