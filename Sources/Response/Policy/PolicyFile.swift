public import SessionModel
public import Settings
internal import Yams

/// What `policy.yaml` says: settings, entries, a default, and tests of its own.
///
/// ```yaml
/// settings:
///   protected_users: [break-glass]
///   approvals: {suspend: 2}
/// policy:
///   - name: admins
///     match: {group: admins, risk: 70, confidence: likely}
///     rung: log-out-everywhere
/// default: notify
/// tests:
///   - name: an admin abroad
///     alert: {rule: impossible-travel, risk: 80, group: admins}
///     rung: log-out-everywhere
/// ```
public struct PolicyFile: Sendable, Equatable {
    public var path: String
    public var settings = PolicySettings()
    public var entries: [PolicyEntry] = []
    public var defaultRung = PolicyRung.rung(.notify)
    public var tests: [PolicyTest] = []

    public static let entryLimit = 1000
    public static let testLimit = 1000

    /// Reads and checks it; throws everything that is wrong with it.
    ///
    /// - Parameter families: the family of each rule's id: a name that none has is a problem then. Nil
    ///   leaves that out.
    public static func read(
        _ path: String, families: [String: String]? = nil
    ) throws(SettingsError) -> PolicyFile {
        let log = ProblemLog(file: path)
        var file = PolicyFile(path: path)
        if let text = SettingsFile.text(of: path, log: log) {
            file = PolicyFile.parse(text, path: path, families: families, log: log)
        }
        guard log.isClean else { throw SettingsError(log.problems) }
        return file
    }

    static func parse(
        _ text: String, path: String, families: [String: String]?, log: ProblemLog
    ) -> PolicyFile {
        var file = PolicyFile(path: path)
        let keys = ["settings", "policy", "default", "tests"]
        guard let root = YAMLDocument.root(of: text, content: "'policy:'", log: log),
            let fields = FieldReader(root, name: "the file", keys: keys, log: log)
        else { return file }
        let reader = PolicyReader(log: log, families: families)
        if let node = fields.value("settings") { file.settings = reader.settings(node) }
        if let node = fields.required("policy", because: "a list of entries, first match wins"),
            let items = fields.items(of: node, key: "policy", limit: entryLimit)
        {
            var names: Set<String> = []
            for (index, item) in items.enumerated() {
                guard let entry = reader.entry(item, number: index + 1) else { continue }
                if !names.insert(entry.name).inserted {
                    log.add("There are two entries named '\(shown(entry.name))'.", at: item)
                }
                file.entries.append(entry)
            }
        }
        if let node = fields.value("default") {
            file.defaultRung = reader.policyRung("default", of: node, fields) ?? .rung(.notify)
        }
        if let node = fields.value("tests"),
            let items = fields.items(of: node, key: "tests", limit: testLimit)
        {
            for (index, item) in items.enumerated() {
                guard let test = reader.test(item, number: index + 1, file: file) else { continue }
                file.tests.append(test)
            }
        }
        return file
    }

    /// Entries that no alert can ever meet, and why: an earlier one takes them all, or they contradict
    /// themselves. Only what is sure is named.
    public var unreachable: [SettingsProblem] {
        var problems: [SettingsProblem] = []
        for (index, entry) in entries.enumerated() {
            if let why = entry.condition.contradiction {
                problems.append(problem(entry, "can never match: \(why). Mend its 'match'."))
            } else if let earlier = entries[..<index].first(where: {
                $0.condition.covers(entry.condition)
            }) {
                problems.append(
                    problem(
                        entry,
                        "can never match: '\(earlier.name)' in line \(earlier.line) takes all that it "
                            + "would. Put it before that one, or remove it."))
            }
        }
        return problems
    }

    private func problem(_ entry: PolicyEntry, _ text: String) -> SettingsProblem {
        SettingsProblem(
            file: path, line: entry.line, column: entry.column,
            message: "The entry '\(shown(entry.name))' \(text)")
    }

    /// A policy with what the file says; what it does not say is as in `base`, and what `options` say
    /// comes before it.
    public func applied(to base: ResponsePolicy) throws(ResponseError) -> ResponsePolicy {
        var policy = try settings.applied(to: base)
        policy.entries = entries
        policy.defaultRung = defaultRung
        return policy
    }
}

/// The file's settings; nil for what it does not say.
public struct PolicySettings: Sendable, Equatable {
    public var actRisk: Int?
    public var passwordRisk: Int?
    public var confidence: Confidence?
    public var highestRung: Rung?
    public var widens: Bool?
    public var protectedUsers: [String] = []
    public var protectedGroups: [String] = []
    /// Protected too; under a name of their own since they are found otherwise.
    public var serviceAccounts: [String] = []
    public var serviceAccountGroups: [String] = []
    public var perRun: Int?
    public var perHour: Int?
    public var perDay: Int?
    public var perUserPerHour: Int?
    public var perApplicationPerHour: Int?
    public var coolDownMinutes: [Rung: Int]?
    public var approvals: [Rung: Int]?
    public var approvalHours: Int?
    public var maximumAgeHours: Int?
    public var breakerUsers: Int?
    public var breakerShare: Double?
    public var breakerLeast: Int?
    public var quiet: [TimeWindow] = []

    public init() {}

    func applied(to base: ResponsePolicy) throws(ResponseError) -> ResponsePolicy {
        var policy = base
        policy.actRisk = actRisk ?? base.actRisk
        policy.passwordRisk = passwordRisk ?? base.passwordRisk
        policy.confidence = confidence ?? base.confidence
        // A file that names rungs has said how far to go.
        policy.highestRung = highestRung ?? .suspend
        policy.widens = widens ?? base.widens
        policy.protectedUsers = try base.protectedUsers.adding(protectedUsers + serviceAccounts)
        policy.protectedGroups += (protectedGroups + serviceAccountGroups).map { NamePattern($0) }
        policy.caps = try ActionCaps(
            perRun: perRun ?? base.caps.perRun, perHour: perHour ?? base.caps.perHour,
            perDay: perDay ?? base.caps.perDay,
            perUserPerHour: perUserPerHour ?? base.caps.perUserPerHour,
            perApplicationPerHour: perApplicationPerHour ?? base.caps.perApplicationPerHour)
        if let coolDownMinutes {
            for (rung, minutes) in coolDownMinutes { policy.coolDownSeconds[rung] = minutes * 60 }
        }
        for (rung, persons) in approvals ?? [:] { policy.approvals.persons[rung] = persons }
        policy.approvals.hours = approvalHours ?? base.approvals.hours
        policy.breaker = UserBreakerLimits(
            usersPerHour: breakerUsers ?? base.breaker.usersPerHour,
            shareOfUsers: breakerShare ?? base.breaker.shareOfUsers,
            leastUsers: breakerLeast ?? base.breaker.leastUsers)
        policy.maximumAgeHours = maximumAgeHours ?? base.maximumAgeHours
        policy.quiet += quiet
        return policy
    }
}
