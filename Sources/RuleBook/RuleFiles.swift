internal import Foundation

/// The rule files of a folder.
struct RuleFiles {
    struct File {
        var path: String
        var family: String
        /// Without `.yaml`.
        var name: String
    }

    /// In the order of their paths' bytes, so that messages do not depend on the file system.
    var files: [File] = []
    private(set) var problems: [RuleProblem] = []

    init(folder: String) {
        guard let families = entries(of: folder) else { return }
        for family in families {
            let path = folder.hasSuffix("/") ? folder + family : folder + "/" + family
            guard Self.isFolder(path) else {
                refuse(
                    path,
                    isRuleLike(family)
                        ? "A rule lies in a folder of its family, as travel/\(shown(family)). "
                            + "Move it there." : "This is no rule. Remove it.")
                continue
            }
            guard RuleReader.isName(family) else {
                refuse(path, "A family's name must be lower-case words joined by '-'. Rename it.")
                continue
            }
            for name in entries(of: path) ?? [] {
                let file = path + "/" + name
                if Self.isFolder(file) {
                    refuse(file, "A family has no folders in it. Move the rules up.")
                } else if name.hasSuffix(".yaml") {
                    files.append(
                        File(path: file, family: family, name: String(name.dropLast(5))))
                } else {
                    refuse(
                        file,
                        isRuleLike(name)
                            ? "A rule's file ends with '.yaml'. Rename it."
                            : "This is no rule. Remove it.")
                }
            }
        }
    }

    private func isRuleLike(_ name: String) -> Bool {
        [".yaml", ".yml", ".YAML", ".YML"].contains { name.hasSuffix($0) }
    }

    private mutating func refuse(_ path: String, _ message: String) {
        problems.append(RuleProblem(file: path, message: message))
    }

    /// Sorted names, without those that are no business of ours. Nil after a problem.
    private mutating func entries(of folder: String) -> [String]? {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".md") }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            refuse(
                folder,
                Self.isFolder(folder)
                    ? "The folder cannot be read. Check its permissions."
                    : "There is no such folder of rules. Name one with --rules.")
            return nil
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        let values = try? URL(fileURLWithPath: path).resourceValues(forKeys: [.isDirectoryKey])
        if values?.isDirectory == true { return true }
        // A linked folder is a folder.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        return (try? target.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
    }

    /// The file's text, without a byte order mark. Nil after logging.
    static func text(of path: String, log: ProblemLog) -> String? {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        let attributes = try? FileManager.default.attributesOfItem(atPath: target.path)
        // A pipe or device could keep us waiting for ever.
        guard let type = attributes?[.type] as? FileAttributeType, type == .typeRegular else {
            log.add("This is no regular file. Replace or remove it.")
            return nil
        }
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: target)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: RuleLimit.fileBytes + 1) ?? Data()
        } catch {
            log.add("The file cannot be read. Check its permissions.")
            return nil
        }
        guard bytes.count <= RuleLimit.fileBytes else {
            log.add("The file is larger than \(RuleLimit.fileBytes >> 10) KiB. Shorten it.")
            return nil
        }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            log.add("The file is not UTF-8. Save it as UTF-8.")
            return nil
        }
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return text
    }
}
