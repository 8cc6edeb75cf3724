public import Detection
internal import Foundation
internal import Yams
public import Settings

/// The rules of a folder, all read and sound.
public struct RuleBook: Sendable, Equatable {
    /// As it was given.
    public let folder: String
    /// By id, in the order of its bytes.
    public let rules: [Rule]

    /// What the enabled rules tell Detection, in the order of their ids.
    public var detection: [DetectionRule] { rules.filter(\.isEnabled).map(\.detection) }

    public func rule(_ id: String) -> Rule? { rules.first { $0.id == id } }

    /// Reads `folder/<family>/<id>.yaml`, all of it.
    ///
    /// Other files are ignored when their names begin with `.` or end with `.md`; anything else is
    /// a problem, so that a misnamed rule is not silently without effect. A folder without one
    /// rule is a problem too.
    ///
    /// - Throws: `RuleError` with every problem of every file.
    /// - Cost: reads at most `RuleLimit.rules` files of `RuleLimit.fileBytes`; some milliseconds
    ///   for the rules that come with the program.
    /// - Parameter own: Folders of a team's own rules, which are in force beside those of `folder`.
    public static func load(
        folder: String, own: [String] = []
    ) throws(RuleError) -> RuleBook {
        let check = RuleCheck(folder: folder, own: own)
        guard check.problems.isEmpty else { throw RuleError(check.problems) }
        return RuleBook(folder: folder, rules: check.rules)
    }

    /// The id that a person most likely meant by one that no rule has; nil when none is close.
    public func nearestID(to id: String) -> String? {
        nearestWord(to: id, among: rules.map(\.id))
    }
}

/// What `rules check` tells of a folder: what there is and everything that is wrong with it.
public struct RuleCheck: Sendable, Equatable {
    public let folder: String
    /// Files that were read.
    public private(set) var fileCount = 0
    /// The rules that could be read, by id; some may have problems.
    public private(set) var rules: [Rule] = []
    /// In the order of files, lines and columns; at most `RuleLimit.problems` and one that says so.
    public private(set) var problems: [RuleProblem] = []

    public var isSound: Bool { problems.isEmpty }

    /// `5 rules with 31 tests in rules: no problems`.
    public var summary: String {
        let tests = rules.reduce(0) { $0 + $1.tests.count }
        return "\(counted(rules.count, "rule")) with \(counted(tests, "test")) in \(folder): "
            + (problems.isEmpty ? "no problems" : counted(problems.count, "problem"))
    }

    /// Reads and checks the folder. Never throws: what cannot be read is a problem of its own.
    ///
    /// - Parameters:
    ///   - own: Folders of a team's own rules beside it.
    ///   - isStrict: Limits without tests on both of their sides are problems too.
    public init(folder: String, own: [String] = [], isStrict: Bool = false) {
        self.folder = ([folder] + own).joined(separator: ", ")
        var files = RuleFiles(folder: folder)
        problems = files.problems
        for folder in own {
            let more = RuleFiles(folder: folder)
            files.files += more.files
            problems += more.problems
        }
        fileCount = files.files.count
        if fileCount > RuleLimit.rules {
            problems.append(
                RuleProblem(
                    file: folder,
                    message: "The folder has \(fileCount) rules. Use at most \(RuleLimit.rules)."))
            files.files.removeLast(fileCount - RuleLimit.rules)
        }
        if fileCount == 0, problems.isEmpty {
            problems.append(
                RuleProblem(
                    file: folder,
                    message: "The folder has no rules. They lie in <family>/<id>.yaml within it."))
        }
        var results: [(result: RuleReader.Result, log: ProblemLog)] = []
        var logs: [ProblemLog] = []
        for file in files.files {
            let log = ProblemLog(file: file.path)
            logs.append(log)
            guard let text = SettingsFile.text(of: file.path, log: log) else { continue }
            let result = RuleReader.read(
                text, family: file.family, fileName: file.name, log: log)
            if let result { results.append((result, log)) }
        }
        Self.checkAcross(results)
        if isStrict { for (result, log) in results { StrictCheck.check(result, log: log) } }
        rules = results.map(\.result.rule).sorted {
            $0.id.utf8.lexicographicallyPrecedes($1.id.utf8)
        }
        problems += logs.flatMap(\.problems)
        problems.sort()
        if problems.count > RuleLimit.problems {
            problems.removeLast(problems.count - RuleLimit.problems)
            problems.append(
                RuleProblem(file: folder, message: "There are more problems. Mend these first."))
        }
    }

    /// What only shows when all files are read: what is there twice, and rules that tests name.
    private static func checkAcross(_ results: [(result: RuleReader.Result, log: ProblemLog)]) {
        var ids: [String: String] = [:]
        var uuids: [String: String] = [:]
        var detectors: [DetectorKind: String] = [:]
        var hashes: [UInt32: String] = [:]
        var (customCount, keyCount) = (0, 0)
        func claim<Key>(
            _ key: Key, _ what: String, in owners: inout [Key: String], _ node: Node,
            _ log: ProblemLog, _ remedy: String
        ) {
            if let owner = owners[key] {
                log.add("\(what) is already in \(owner). \(remedy)", at: node)
            } else {
                owners[key] = log.file
            }
        }
        for (result, log) in results {
            let rule = result.rule
            claim(
                rule.id, "The id '\(rule.id)'", in: &ids, result.idNode, log,
                "Give one of them another.")
            claim(
                rule.uuid, "The uuid '\(rule.uuid)'", in: &uuids, result.uuidNode, log,
                "A copied rule needs one of its own.")
            if rule.detector.isCustom {
                if rule.isEnabled { customCount += 1 }
                if rule.isEnabled, rule.custom?.isOfKey == true {
                    keyCount += 1
                    if keyCount == CustomRule.keyRuleLimit + 1 {
                        log.add(
                            "There are more than \(CustomRule.keyRuleLimit) rules that count by "
                                + "something else than user.id. Remove some.",
                            at: result.detectorNode)
                    }
                }
                if rule.isEnabled, customCount == CustomRule.limit + 1 {
                    log.add(
                        "There are more than \(CustomRule.limit) rules of the detectors match, threshold "
                            + "and first-seen. Remove some.", at: result.detectorNode)
                }
                claim(
                    rule.detection.customHash, "The hash of the id '\(rule.id)'", in: &hashes,
                    result.idNode, log, "By chance: rename one of them.")
                continue
            }
            claim(
                rule.detector, "The detector '\(rule.detector.rawValue)'", in: &detectors,
                result.detectorNode, log, "One rule sets the limits of a detector; remove one.")
        }
        let known = ids.keys.sorted()
        for (result, log) in results {
            for (rule, node) in result.references where ids[rule] == nil {
                log.add(
                    "No rule has the id '\(shown(rule))'." + hint(for: rule, among: known),
                    at: node)
            }
        }
    }
}

/// `1 rule`, `5 rules`.
func counted(_ count: Int, _ noun: String) -> String {
    count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
}
