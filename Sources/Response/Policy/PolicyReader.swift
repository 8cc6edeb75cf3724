internal import SessionModel
internal import Settings
internal import Yams

/// Reads the parts of `policy.yaml`; what is wrong goes to the log.
struct PolicyReader {
    let log: ProblemLog
    /// The family of each rule's id; nil when rules are not known.
    let families: [String: String]?

    // MARK: - Entries

    func entry(_ node: Node, number: Int) -> PolicyEntry? {
        let keys = ["name", "match", "rung", "at_most", "widen"]
        guard let fields = FieldReader(node, name: "the entry", keys: keys, log: log) else {
            return nil
        }
        let name = fields.value("name").flatMap { fields.text(of: $0, key: "name", limit: 200) }
        let rung = fields.required(
            "rung", because: "how far to go, or 'asked' for what the rules ask"
        )
        .flatMap { policyRung("rung", of: $0, fields) }
        let condition = fields.value("match").map { self.condition($0) } ?? PolicyCondition()
        var entry = PolicyEntry(
            name: name ?? "entry \(number)", line: node.mark?.line ?? 0,
            column: node.mark?.column ?? 0, condition: condition, rung: rung ?? .rung(.notify))
        if let most = fields.value("at_most") {
            entry.atMost = self.rung("at_most", of: most, fields)
            if rung != .asked, rung != nil {
                fields.log.add("'at_most' belongs to 'rung: asked'. Remove it.", at: most)
            }
        }
        if fields.value("widen") != nil { entry.widens = fields.flag("widen", absent: false) }
        return rung == nil ? nil : entry
    }

    func policyRung(_ key: String, of node: Node, _ fields: FieldReader) -> PolicyRung? {
        fields.word(key, of: node, among: PolicyRung.words, make: PolicyRung.init(name:))
    }

    private func rung(_ key: String, of node: Node, _ fields: FieldReader) -> Rung? {
        fields.word(key, of: node, among: Rung.allCases.map(\.name), make: Rung.init(name:))
    }

    private func condition(_ node: Node) -> PolicyCondition {
        var condition = PolicyCondition()
        let keys = [
            "rule", "family", "severity", "confidence", "risk", "asks", "user", "group",
            "application", "tenant", "time",
        ]
        guard let fields = FieldReader(node, name: "'match'", keys: keys, log: log) else {
            return condition
        }
        condition.rules = patterns("rule", fields, known: families.map { Array($0.keys) })
        condition.families = patterns("family", fields, known: families.map { Array($0.values) })
        condition.users = patterns("user", fields)
        condition.groups = patterns("group", fields)
        condition.applications = patterns("application", fields)
        condition.tenants = patterns("tenant", fields)
        condition.severity = fields.value("severity").flatMap {
            severity("severity", of: $0, fields)
        }
        condition.confidence = fields.value("confidence").flatMap {
            confidence("confidence", of: $0, fields)
        }
        condition.asks = fields.value("asks").flatMap { rung("asks", of: $0, fields) }
        condition.risk = fields.value("risk").flatMap { risk($0, fields) }
        if let time = fields.value("time") { condition.times = windows(time, "time", fields) }
        return condition
    }

    private func severity(_ key: String, of node: Node, _ fields: FieldReader) -> Severity? {
        fields.word(
            key, of: node, among: Severity.allCases.map(\.name), make: Severity.init(name:))
    }

    private func confidence(_ key: String, of node: Node, _ fields: FieldReader) -> Confidence? {
        fields.word(
            key, of: node, among: Confidence.allCases.map(\.name), make: Confidence.init(name:))
    }

    /// One name or a list. `known`: what there is; a name that matches none of it is a slip.
    private func patterns(
        _ key: String, _ fields: FieldReader, known: [String]? = nil
    ) -> [NamePattern] {
        guard let node = fields.value(key) else { return [] }
        var items = [node]
        if case .sequence = node {
            items = fields.items(of: node, key: key, limit: 1000) ?? []
            if items.isEmpty { log.add("'\(key)' is empty. Name some, or remove it.", at: node) }
        }
        let names = known.map { Set($0).sorted() }
        return items.compactMap { item in
            guard let text = fields.text(of: item, key: key, limit: 512) else { return nil }
            let pattern = NamePattern(text)
            if let names, !names.contains(where: { pattern.matches($0) }) {
                log.add(
                    "'\(key)' is '\(shown(text))', and no rule has that."
                        + hint(for: text, among: names),
                    at: item)
            }
            return pattern
        }
    }

    /// `80` (at least), `70-89`.
    private func risk(_ node: Node, _ fields: FieldReader) -> ClosedRange<Int>? {
        guard let text = fields.text(of: node, key: "risk", limit: 20) else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            .map { Int(trimmed(String($0))) }
        let bounds: (Int, Int)? =
            switch parts.count {
            case 1: parts[0].map { ($0, 100) }
            case 2: parts[0].flatMap { low in parts[1].map { (low, $0) } }
            default: nil
            }
        guard let bounds, (0...100).contains(bounds.0), (bounds.0...100).contains(bounds.1) else {
            log.add(
                "'risk' is '\(shown(text))'. Write the least, as 80, or a range, as 70-89; from 0 to "
                    + "100.", at: node)
            return nil
        }
        return bounds.0...bounds.1
    }

    // MARK: - Times

    func windows(_ node: Node, _ key: String, _ fields: FieldReader) -> [TimeWindow] {
        if case .sequence = node {
            return (fields.items(of: node, key: key) ?? []).compactMap { window($0, key) }
        }
        return window(node, key).map { [$0] } ?? []
    }

    private static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    private func window(_ node: Node, _ key: String) -> TimeWindow? {
        guard
            let fields = FieldReader(
                node, name: "'\(key)'", keys: ["days", "from", "until", "zone"], log: log)
        else { return nil }
        var days = Set(1...7)
        if let list = fields.value("days") {
            days = []
            var items = [list]
            if case .sequence = list { items = fields.items(of: list, key: "days") ?? [] }
            for item in items {
                guard let text = fields.text(of: item, key: "days", limit: 20) else { continue }
                days.formUnion(self.days(asciiLowered(text), at: item))
            }
        }
        let from = fields.value("from").flatMap { minutes($0, "from", fields) } ?? 0
        let until = fields.value("until").flatMap { minutes($0, "until", fields) } ?? 24 * 60
        let zone = fields.value("zone").flatMap { fields.text(of: $0, key: "zone", limit: 64) }
        if from == until {
            log.add("'from' and 'until' are the same. Leave both out for the whole day.", at: node)
        }
        guard let window = TimeWindow(days: days, from: from, until: until, zone: zone ?? "UTC")
        else {
            log.add(
                "There is no time zone '\(shown(zone ?? ""))'. Use a name as Europe/Berlin.",
                at: fields.place("zone"))
            return nil
        }
        return window
    }

    /// `mon`, `mon-fri`, `fri-mon`.
    private func days(_ text: String, at node: Node) -> Set<Int> {
        let ends = text.split(separator: "-").map { word in
            PolicyReader.days.firstIndex { word.hasPrefix($0) }.map { $0 + 1 }
        }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1]
        else {
            log.add(
                "'days' is '\(shown(text))'. Write mon, tue, wed, thu, fri, sat, sun, or mon-fri.",
                at: node)
            return []
        }
        return first <= last ? Set(first...last) : Set(first...7).union(1...last)
    }

    /// `22:00`; `24:00` is the day's end.
    private func minutes(_ node: Node, _ key: String, _ fields: FieldReader) -> Int? {
        guard let text = fields.text(of: node, key: key, limit: 10) else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }),
            let hours = Int(parts[0]), let minutes = Int(parts[1]), (0...59).contains(minutes),
            (0...24).contains(hours), hours * 60 + minutes <= 24 * 60
        else {
            log.add("'\(key)' is '\(shown(text))'. Write a time as \"22:00\", in quotes.", at: node)
            return nil
        }
        return hours * 60 + minutes
    }

    // MARK: - Settings

    func settings(_ node: Node) -> PolicySettings {
        var settings = PolicySettings()
        let keys = [
            "act_risk", "password_risk", "confidence", "highest_rung", "widen", "protected_users",
            "protected_groups", "service_accounts", "service_account_groups", "caps",
            "cool_down_minutes", "approvals", "approval_hours", "breaker", "quiet",
            "maximum_age_hours",
        ]
        guard let fields = FieldReader(node, name: "'settings'", keys: keys, log: log) else {
            return settings
        }
        settings.actRisk = whole("act_risk", fields, 0...100)
        settings.passwordRisk = whole("password_risk", fields, 0...100)
        settings.confidence = fields.value("confidence").flatMap {
            confidence("confidence", of: $0, fields)
        }
        settings.highestRung = fields.value("highest_rung").flatMap {
            rung("highest_rung", of: $0, fields)
        }
        if fields.value("widen") != nil { settings.widens = fields.flag("widen", absent: false) }
        settings.protectedUsers = names("protected_users", fields)
        settings.serviceAccounts = names("service_accounts", fields)
        settings.protectedGroups = names("protected_groups", fields)
        settings.serviceAccountGroups = names("service_account_groups", fields)
        if let node = fields.value("caps") {
            let keys = [
                "per_run", "per_hour", "per_day", "per_user_and_hour", "per_application_and_hour",
            ]
            if let caps = FieldReader(node, name: "'caps'", keys: keys, log: log) {
                settings.perRun = whole("per_run", caps, 0...100_000)
                settings.perHour = whole("per_hour", caps, 0...100_000)
                settings.perDay = whole("per_day", caps, 0...100_000)
                settings.perUserPerHour = whole("per_user_and_hour", caps, 0...100_000)
                settings.perApplicationPerHour = whole(
                    "per_application_and_hour", caps, 0...100_000)
            }
        }
        settings.coolDownMinutes = byRung("cool_down_minutes", fields, 0...10_080)
        settings.approvals = byRung("approvals", fields, 0...10)
        settings.approvalHours = whole("approval_hours", fields, 1...720)
        settings.maximumAgeHours = whole("maximum_age_hours", fields, 1...87_600)
        if let node = fields.value("breaker") {
            let keys = ["users_per_hour", "share_of_users", "least_users"]
            if let breaker = FieldReader(node, name: "'breaker'", keys: keys, log: log) {
                settings.breakerUsers = whole("users_per_hour", breaker, 0...1_000_000)
                settings.breakerLeast = whole("least_users", breaker, 0...1_000_000)
                settings.breakerShare = breaker.value("share_of_users").flatMap {
                    breaker.number("share_of_users", of: $0, in: 0...1, unit: "", isWhole: false)
                }
            }
        }
        if let node = fields.value("quiet") { settings.quiet = windows(node, "quiet", fields) }
        return settings
    }

    private func whole(_ key: String, _ fields: FieldReader, _ range: ClosedRange<Int>) -> Int? {
        fields.value(key).flatMap { node in
            fields.number(
                key, of: node, in: Double(range.lowerBound)...Double(range.upperBound),
                unit: "count",
                isWhole: true
            ).map { Int($0) }
        }
    }

    private func names(_ key: String, _ fields: FieldReader) -> [String] {
        guard let node = fields.value(key) else { return [] }
        return (fields.items(of: node, key: key, limit: 10_000) ?? []).compactMap { item in
            guard let text = fields.text(of: item, key: key, limit: 256) else { return nil }
            guard !text.utf8.allSatisfy({ $0 == 0x2A }) else {
                log.add(
                    "'\(key)' has '*', which is everybody. Do not switch acting on instead.",
                    at: item)
                return nil
            }
            return text
        }
    }

    private func byRung(
        _ key: String, _ fields: FieldReader, _ range: ClosedRange<Int>
    ) -> [Rung: Int]? {
        guard let node = fields.value(key) else { return nil }
        let steps = Rung.allCases.filter { $0 != .notify }
        guard let inner = FieldReader(node, name: "'\(key)'", keys: steps.map(\.name), log: log)
        else {
            return nil
        }
        var found: [Rung: Int] = [:]
        for step in steps { found[step] = whole(step.name, inner, range) }
        return found
    }

    // MARK: - Tests

    func test(_ node: Node, number: Int, file: PolicyFile) -> PolicyTest? {
        let keys = ["name", "alert", "rung", "entry", "steps"]
        guard let fields = FieldReader(node, name: "the test", keys: keys, log: log) else {
            return nil
        }
        let name = fields.value("name").flatMap { fields.text(of: $0, key: "name", limit: 200) }
        let sketch = fields.required("alert", because: "what the policy is asked about")
            .flatMap { self.sketch($0) }
        let rung = fields.required("rung", because: "what the policy has to say").flatMap {
            self.rung("rung", of: $0, fields)
        }
        guard let sketch, let rung else { return nil }
        var test = PolicyTest(
            name: name ?? "test \(number)", line: node.mark?.line ?? 0, sketch: sketch, rung: rung)
        if let entry = fields.value("entry"), let text = fields.text(of: entry, key: "entry") {
            test.entry = text
            let names = file.entries.map(\.name) + ["default"]
            if !names.contains(text) {
                log.add(
                    "There is no entry '\(shown(text))'." + hint(for: text, among: names), at: entry
                )
            }
        }
        if let steps = fields.value("steps"), let items = fields.items(of: steps, key: "steps") {
            test.steps = items.compactMap { item -> PolicyTest.Step? in
                guard let text = fields.text(of: item, key: "steps", limit: 100) else { return nil }
                guard let step = PolicyTest.Step(text) else {
                    log.add(
                        "'steps' has '\(shown(text))'. Write a rung, or one with what becomes of it: "
                            + "'suspend: waiting', 'log-out-session: notify-only'.", at: item)
                    return nil
                }
                return step
            }
        }
        return test
    }

    private func sketch(_ node: Node) -> PolicyTest.Sketch? {
        let keys = [
            "rule", "family", "risk", "confidence", "asks", "user", "name", "group", "application",
            "tenant", "time", "session",
        ]
        guard let fields = FieldReader(node, name: "'alert'", keys: keys, log: log) else {
            return nil
        }
        func texts(_ key: String) -> [String] {
            guard let node = fields.value(key) else { return [] }
            if case .sequence = node { return fields.texts(key) ?? [] }
            guard let text = fields.text(of: node, key: key) else { return [] }
            return [text]
        }
        var sketch = PolicyTest.Sketch()
        if fields.value("rule") != nil { sketch.rules = texts("rule") }
        if let families, fields.value("rule") != nil, fields.value("family") == nil,
            let unknown = sketch.rules.first(where: { families[$0] == nil })
        {
            log.add(
                "No rule has the id '\(shown(unknown))'."
                    + hint(for: unknown, among: families.keys.sorted()), at: fields.place("rule"))
        }
        sketch.family = texts("family").first ?? ""
        sketch.groups = texts("group")
        sketch.sessions = fields.value("session") == nil ? ["s1"] : texts("session")
        sketch.user = texts("user").first ?? "u1"
        sketch.userName = texts("name").first ?? ""
        sketch.application = texts("application").first ?? ""
        sketch.tenant = texts("tenant").first ?? ""
        sketch.risk = whole("risk", fields, 0...100) ?? 50
        if let node = fields.value("confidence"),
            let value = confidence("confidence", of: node, fields)
        {
            sketch.confidence = value
        }
        if let node = fields.value("asks"), let value = rung("asks", of: node, fields) {
            sketch.asks = value
        }
        if let node = fields.value("time"), let text = fields.text(of: node, key: "time") {
            if let time = Timestamp(text) {
                sketch.time = time
            } else {
                log.add(
                    "'time' is '\(shown(text))'. Write it as 2026-03-01T22:15:00+01:00.", at: node)
            }
        }
        return sketch
    }
}
