internal import Detection
internal import Settings

extension RuleBook {
    /// This book with the rule of a file that lies anywhere, as one that is being worked on: in the place
    /// of the rule with its id, else of the one with its detector, and enabled.
    ///
    /// - Throws: `RuleError` with every problem of the file.
    public func replacing(withFile path: String) throws(RuleError) -> (book: RuleBook, rule: Rule) {
        let log = ProblemLog(file: path)
        guard let text = SettingsFile.text(of: path, log: log),
            let result = RuleReader.read(text, family: "variant", fileName: nil, log: log),
            log.problems.isEmpty
        else { throw RuleError(log.problems) }
        var rule = result.rule
        rule.file = path
        rule.isEnabled = true
        // Of a team's own rules there are many with one detector.
        let old =
            self.rule(rule.id)
            ?? (rule.detector.isCustom ? nil : rules.first { $0.detector == rule.detector })
        if let old { rule.family = old.family }
        var all = rules.filter { $0.id != old?.id }
        all.append(rule)
        all.sort { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        return (RuleBook(folder: folder, rules: all), rule)
    }
}
