internal import Foundation
internal import Mustache
internal import Response
public import Settings
internal import Yams

/// All languages and templates there are: those that come with the program, and over them a folder
/// of the user's.
///
/// A folder holds `<language>.yaml` with phrases and `owner.txt.mustache` and
/// `owner.html.mustache`. A file of the user's needs only what it changes.
public struct PhraseBook: Sendable {
    /// By language.
    private let phrases: [String: Phrases]
    let textTemplate: MustacheTemplate
    let htmlTemplate: MustacheTemplate
    /// What a person should mend, though the messages can be made without: a phrase that a
    /// translation lacks, a placeholder that nothing fills.
    public let warnings: [SettingsProblem]

    /// The languages there are, in order.
    public var languages: [String] { phrases.keys.sorted() }

    /// English when there is no such language. `de-AT` is `de` when it has no file of its own.
    public func phrases(_ language: String) -> Phrases {
        let wanted = language.lowercased()
        if let found = phrases[wanted] { return found }
        let base = String(wanted.prefix { $0 != "-" && $0 != "_" })
        return phrases[base] ?? phrases["en"]!
    }

    public func has(_ language: String) -> Bool { phrases[language.lowercased()] != nil }

    /// - Parameters:
    ///   - folder: What comes with the program; holds English.
    ///   - overrides: A folder of the user's; nil for none.
    /// - Throws: `SettingsError` with everything that is wrong with the files of phrases,
    ///   `MessagingError` for a template that cannot be read.
    public static func load(folder: String, overrides: String?) throws -> PhraseBook {
        var problems: [SettingsProblem] = []
        var warnings: [SettingsProblem] = []
        let shipped = languageFiles(in: folder)
        let own = overrides.map(languageFiles(in:)) ?? [:]
        guard let englishPath = shipped["en"] else {
            throw MessagingError.badFile(
                path: folder, reason: "it has no en.yaml",
                remedy: "Install the program's files (make install), or set LASTSEEN_SHARE.")
        }
        let english = read(englishPath, problems: &problems)
        var phrases: [String: Phrases] = [:]
        for language in Set(shipped.keys).union(own.keys) {
            var texts: [String: String] = [:]
            for path in [shipped[language], own[language]].compactMap({ $0 }) {
                let read = read(path, problems: &problems)
                warnings += check(read, path: path, english: english)
                texts.merge(read) { $1 }
            }
            if language != "en", let path = own[language] ?? shipped[language] {
                for key in english.keys.sorted() where texts[key] == nil {
                    warnings.append(
                        SettingsProblem(
                            file: path, message: "'\(key)' is missing, and is said in English."))
                }
            }
            var templates: [String: MustacheTemplate] = [:]
            for (key, text) in english.merging(texts, uniquingKeysWith: { $1 }) {
                do {
                    templates[key] = try Phrases.template(text)
                } catch {
                    problems.append(
                        SettingsProblem(
                            file: own[language] ?? shipped[language] ?? "",
                            message:
                                "'\(key)' is no Mustache text: \(plain("\(error)", limit: 200))."))
                }
            }
            phrases[language] = Phrases(language: language, templates: templates)
        }
        guard problems.isEmpty else { throw SettingsError(problems) }
        let (text, textWarnings) = try template("owner.txt.mustache", folder, overrides)
        let (html, htmlWarnings) = try template("owner.html.mustache", folder, overrides)
        return PhraseBook(
            phrases: phrases, textTemplate: text, htmlTemplate: html,
            warnings: (warnings + textWarnings + htmlWarnings).sorted())
    }

    private init(
        phrases: [String: Phrases], textTemplate: MustacheTemplate, htmlTemplate: MustacheTemplate,
        warnings: [SettingsProblem]
    ) {
        self.phrases = phrases
        self.textTemplate = textTemplate
        self.htmlTemplate = htmlTemplate
        self.warnings = warnings
    }

    /// The paths of `<language>.yaml`, by language.
    private static func languageFiles(in folder: String) -> [String: String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var files: [String: String] = [:]
        for name in names.sorted() where name.hasSuffix(".yaml") {
            let language = String(name.dropLast(5)).lowercased()
            guard (2...35).contains(language.utf8.count),
                language.utf8.allSatisfy({
                    (97...122).contains($0) || (48...57).contains($0) || $0 == 0x2D
                })
            else { continue }
            files[language] = "\(folder)/\(name)"
        }
        return files
    }

    /// The phrases of a file by key.
    private static func read(_ path: String, problems: inout [SettingsProblem]) -> [String: String]
    {
        let log = ProblemLog(file: path)
        defer { problems += log.problems }
        guard let text = SettingsFile.text(of: path, log: log),
            let root = YAMLDocument.root(of: text, content: "phrases", log: log),
            let reader = FieldReader(
                root, name: "the file", keys: ["language", "phrases"], log: log),
            let node = reader.required("phrases", because: "the texts by key")
        else { return [:] }
        guard case .mapping(let pairs) = node else {
            log.add("'phrases' must be a mapping of 'key: text' lines.", at: node)
            return [:]
        }
        var texts: [String: String] = [:]
        for (key, value) in pairs {
            guard case .scalar(let name) = key else { continue }
            if let text = reader.text(of: value, key: name.string, limit: 1000) {
                texts[name.string] = text
            }
        }
        return texts
    }

    private static func check(
        _ texts: [String: String], path: String, english: [String: String]
    ) -> [SettingsProblem] {
        var warnings: [SettingsProblem] = []
        func warn(_ message: String) {
            warnings.append(SettingsProblem(file: path, message: message))
        }
        for (key, text) in texts.sorted(by: { $0.key < $1.key }) {
            // A user's own rule may have its own words.
            guard let model = english[key] else {
                if !key.hasPrefix("seen."), !key.hasPrefix("rule.") {
                    warn(
                        "'\(shown(key))' is no key." + hint(for: key, among: english.keys.sorted()))
                }
                continue
            }
            let known = Set(placeholders(in: model))
            for name in placeholders(in: text) where !known.contains(name) {
                warn("'\(key)' has '{{\(shown(name))}}', which nothing fills.")
            }
        }
        return warnings
    }

    private static func template(
        _ name: String, _ folder: String, _ overrides: String?
    ) throws -> (MustacheTemplate, [SettingsProblem]) {
        let own = overrides.map { "\($0)/\(name)" }
        let path =
            own.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
            ?? "\(folder)/\(name)"
        let log = ProblemLog(file: path)
        guard let text = SettingsFile.text(of: path, log: log) else {
            throw SettingsError(log.problems)
        }
        var warnings: [SettingsProblem] = []
        for name in Set(placeholders(in: text)).sorted()
        where !OwnerMessage.names.contains(name) && name != "." {
            warnings.append(
                SettingsProblem(
                    file: path,
                    message: "'{{\(shown(name))}}' is filled by nothing."
                        + hint(for: name, among: OwnerMessage.names)))
        }
        do {
            return (try MustacheTemplate(string: text), warnings)
        } catch {
            throw MessagingError.badFile(
                path: path, reason: "it is no Mustache template: \(plain("\(error)", limit: 200))",
                remedy: "Mend it, or remove it to use the program's own.")
        }
    }
}
