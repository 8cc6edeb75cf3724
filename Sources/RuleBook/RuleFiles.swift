internal import Foundation
internal import Settings

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
}
