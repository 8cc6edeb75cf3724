internal import Foundation

/// Finds the rules that come with the program, from wherever it is run.
public enum RuleFolder {
    /// Where rules are looked for, first to last: `LASTSEEN_RULES`; beside an installed program
    /// (`<prefix>/bin/lastseen` has `<prefix>/share/lastseen/rules`); and `rules` beside a
    /// `.build` folder above the program, for one that was built in a checkout.
    ///
    /// Never the working folder: an analysis started in a folder of somebody else's must not run by
    /// somebody else's rules.
    ///
    /// - Parameters:
    ///   - executable: The running program's absolute path, links resolved (`/proc/self/exe`).
    ///   - environment: The process's.
    public static func candidates(executable: String, environment: [String: String]) -> [String] {
        if let chosen = environment["LASTSEEN_RULES"], !chosen.isEmpty { return [chosen] }
        var parts = executable.split(separator: "/").map(String.init)
        guard executable.hasPrefix("/"), !parts.isEmpty else { return [] }
        parts.removeLast()
        func joined(_ parts: [String]) -> String { "/" + parts.joined(separator: "/") }
        var result = [joined(parts.dropLast() + ["share", "lastseen", "rules"])]
        // SwiftPM builds into .build/<triple>/<configuration>/; nothing deeper is a checkout of ours.
        var above = parts
        for _ in 0..<5 where !above.isEmpty {
            if above.last == ".build" || above.last?.hasPrefix(".build-") == true {
                result.append(joined(above.dropLast() + ["rules"]))
            }
            above.removeLast()
        }
        return result
    }

    /// The first candidate that is a folder; nil when there is none.
    public static func find(executable: String, environment: [String: String]) -> String? {
        candidates(executable: executable, environment: environment).first { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }
}
