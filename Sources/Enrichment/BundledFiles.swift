import Glibc

/// The files that come with the program: found beside it, from anywhere it is run.
///
/// Looked for in this order: the folder named by `LASTSEEN_SHARE`; `../share/lastseen` beside the
/// program's folder (so that `make install PREFIX=…` needs no setting); for a development build the
/// source tree above the program; `/usr/local/share/lastseen`; `/usr/share/lastseen`. SwiftPM's own
/// resource bundles are not used, as they need Foundation and an absolute path.
public enum BundledFiles {
    public enum Kind: Sendable, CaseIterable {
        /// The folder of rules.
        case rules
        /// The reduced City database.
        case cityDatabase
        /// uap-core's `regexes.yaml`.
        case userAgentExpressions
        /// The folder of what people are told: phrases and templates.
        case messages

        /// Below `share/lastseen`.
        var sharePath: String {
            switch self {
            case .rules: "rules"
            case .cityDatabase: "geo/city-lite.mmdb"
            case .userAgentExpressions: "uap-core/regexes.yaml"
            case .messages: "messages"
            }
        }

        /// Below the source tree; nil when it is not kept there.
        var sourcePath: String? {
            switch self {
            case .rules: "rules"
            case .cityDatabase: "Sources/Enrichment/Resources/city-lite.mmdb"
            case .userAgentExpressions: nil
            case .messages: "Sources/Messaging/Resources"
            }
        }

        /// Where the distribution's own package has it.
        var systemPath: String? {
            switch self {
            case .rules, .cityDatabase, .messages: nil
            case .userAgentExpressions: "/usr/share/uap-core/regexes.yaml"
            }
        }
    }

    /// The path of a file or folder that exists, or nil. A few `access` calls.
    public static func locate(_ kind: Kind) -> String? {
        locate(kind, share: environment("LASTSEEN_SHARE"), program: programPath())
    }

    static func locate(_ kind: Kind, share: String?, program: String?) -> String? {
        if let share, let found = existing("\(share)/\(kind.sharePath)") { return found }
        if let program {
            let folder = parent(program)
            if let found = existing("\(parent(folder))/share/lastseen/\(kind.sharePath)") {
                return found
            }
            if let sourcePath = kind.sourcePath, let tree = sourceTree(above: folder),
                let found = existing("\(tree)/\(sourcePath)")
            {
                return found
            }
        }
        for folder in ["/usr/local/share/lastseen", "/usr/share/lastseen"] {
            if let found = existing("\(folder)/\(kind.sharePath)") { return found }
        }
        return kind.systemPath.flatMap(existing)
    }

    /// The nearest folder above that holds `Package.swift` and `Sources`.
    private static func sourceTree(above folder: String) -> String? {
        var folder = folder
        for _ in 0..<32 {
            if existing("\(folder)/Package.swift") != nil, existing("\(folder)/Sources") != nil {
                return folder
            }
            if folder == "/" || folder.isEmpty { return nil }
            folder = parent(folder)
        }
        return nil
    }

    /// The program's real path, links resolved.
    private static func programPath() -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes {
            readlink(
                "/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func existing(_ path: String) -> String? {
        access(path, R_OK) == 0 ? path : nil
    }
}

/// A variable of the environment; nil when it is unset or empty.
func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
