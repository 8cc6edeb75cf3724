import Glibc
import SessionModel

/// Several GeoIP databases and the user's own lists of networks, as one source of answers.
///
/// Which ones: the files and folders that are named, else those of the usual folders
/// (`searchFolders`). The bundled reduced database joins when none of them tells places. Of each
/// kind the newest build is asked, the others are listed by `info` as not used.
///
/// How they are merged: point, radius, city, region and time zone always come from one database, the
/// first in the order of `GeoDatabaseKind` that has a place there, and never from one whose country
/// contradicts a better one's. Autonomous system and organisation come from the first that has them;
/// what the databases say of anonymity adds up.
public final class GeoDatabases: Sendable {
    /// Those that are asked, best first.
    let used: [GeoDatabase]
    public let lists: NetworkLists
    /// All that were found, those that are asked first.
    public let info: [GeoDatabaseInfo]

    /// Files in all; a folder of every product of every maker has fewer.
    static let fileLimit = 64

    /// - Parameters:
    ///   - paths: `.mmdb` files and folders of them. Empty: the usual folders.
    ///   - lists: asked before the databases.
    ///   - bundled: the reduced database; nil for none.
    public init(
        paths: [String] = [], lists: NetworkLists = .none,
        bundled: String? = BundledFiles.locate(.cityDatabase)
    ) throws(GeoError) {
        let files = try paths.isEmpty ? Self.usualFiles() : Self.files(in: paths)
        var opened: [GeoDatabase] = []
        for file in files {
            let database = try GeoDatabase(path: file)
            // In a folder there may be other things; what is named must be of use.
            if database.kind == .other, paths.contains(file) {
                throw .notOfUse(path: file, type: database.metadata.databaseType)
            }
            opened.append(database)
        }
        var skipped: [GeoDatabaseInfo] = []
        var (chosen, superseded) = Self.newestOfEachKind(opened)
        skipped += superseded
        if let bundled, !files.contains(bundled), !chosen.contains(where: { $0.contents.hasPoint })
        {
            chosen.append(try GeoDatabase(path: bundled))
        }
        used = chosen.sorted { $0.rank < $1.rank }
        self.lists = lists
        info =
            used.map { database in
                var info = database.info
                info.isBundled = database.path == bundled
                return info
            } + skipped
    }

    /// For tests and tools: these and no others.
    init(_ databases: [GeoDatabase], lists: NetworkLists = .none) {
        used = databases.sorted { $0.rank < $1.rank }
        self.lists = lists
        info = used.map(\.info)
    }

    /// Whether places come from the bundled reduced database.
    public var isCoarse: Bool { used.first(where: { $0.contents.hasPoint })?.isCoarse ?? false }

    /// The lines that showing these data asks for, each once.
    public var attributions: [String] {
        var lines: [String] = []
        for database in used where !database.attribution.isEmpty {
            if !lines.contains(database.attribution) { lines.append(database.attribution) }
        }
        return lines
    }

    /// Throws when a file was changed in place since it was opened. A microsecond each: call it once
    /// a chunk.
    public func checkUnchanged() throws(GeoError) {
        for database in used { try database.checkUnchanged() }
    }

    /// Whether a newer file stands where one of these was opened: time to open them anew.
    public var areReplaced: Bool { used.contains(where: \.isReplaced) }

    // MARK: Finding

    /// Where databases are looked for when none are named, in this order.
    public static var searchFolders: [String] {
        var folders = ["/usr/share/GeoIP", "/var/lib/GeoIP", "/usr/local/share/GeoIP"]
        if let data = environment("XDG_DATA_HOME") {
            folders += ["\(data)/GeoIP", "\(data)/lastseen/geo"]
        } else if let home = environment("HOME") {
            folders += ["\(home)/.local/share/GeoIP", "\(home)/.local/share/lastseen/geo"]
        }
        return folders
    }

    private static func usualFiles() throws(GeoError) -> [String] {
        var files: [String] = []
        for folder in searchFolders {
            files += (try? databases(in: folder)) ?? []
        }
        guard files.count <= fileLimit else {
            throw .badFolder(
                path: searchFolders.joined(separator: ", "),
                reason: "more than \(fileLimit) .mmdb files")
        }
        return files
    }

    private static func files(in paths: [String]) throws(GeoError) -> [String] {
        var files: [String] = []
        for path in paths {
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                if !files.contains(path) { files.append(path) }
                continue
            }
            let found = try databases(in: path)
            guard !found.isEmpty else {
                throw .badFolder(path: path, reason: "no .mmdb file in it")
            }
            files += found.filter { !files.contains($0) }
            guard files.count <= fileLimit else {
                throw .badFolder(path: path, reason: "more than \(fileLimit) .mmdb files")
            }
        }
        return files
    }

    /// The `.mmdb` files right in a folder, by name.
    private static func databases(in folder: String) throws(GeoError) -> [String] {
        guard let directory = opendir(folder) else {
            throw .cannotRead(path: folder, reason: String(cString: strerror(errno)))
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name.hasSuffix(".mmdb"), !name.hasPrefix(".") { names.append(name) }
            guard names.count <= fileLimit else {
                throw .badFolder(path: folder, reason: "more than \(fileLimit) .mmdb files")
            }
        }
        let separator = folder.hasSuffix("/") ? "" : "/"
        return names.sorted().map { "\(folder)\(separator)\($0)" }
    }

    private static func newestOfEachKind(
        _ databases: [GeoDatabase]
    ) -> (chosen: [GeoDatabase], skipped: [GeoDatabaseInfo]) {
        var chosen: [GeoDatabase] = []
        var skipped: [GeoDatabaseInfo] = []
        func skip(_ database: GeoDatabase, _ reason: String) {
            var info = database.info
            info.isUsed = false
            info.reason = reason
            skipped.append(info)
        }
        for database in databases {
            guard database.kind != .other else {
                skip(database, "it holds nothing that is of use here")
                continue
            }
            // Two mixed files complete each other unless they are the same product.
            let rival = chosen.firstIndex {
                $0.kind == database.kind
                    && (database.kind != .mixed
                        || $0.metadata.databaseType == database.metadata.databaseType)
                    && $0.metadata.ipVersion == database.metadata.ipVersion
            }
            guard let rival else {
                chosen.append(database)
                continue
            }
            let old = chosen[rival]
            let isNewer = (database.buildTime, old.buildTime)
            if isNewer.0 > isNewer.1 {
                skip(old, "\(database.path) is newer")
                chosen[rival] = database
            } else {
                skip(database, "\(old.path) is \(isNewer.0 == isNewer.1 ? "as new" : "newer")")
            }
        }
        return (chosen, skipped)
    }
}

extension GeoDatabase {
    fileprivate var buildTime: Timestamp { metadata.buildTime ?? .distantPast }

    /// Better answers first; a coarse database after all that know a country.
    fileprivate var rank: Int {
        let order: [GeoDatabaseKind] = [
            .enterprise, .city, .mixed, .isp, .asn, .country, .connectionType, .anonymousIP, .other,
        ]
        return isCoarse ? order.count : order.firstIndex(of: kind) ?? order.count
    }
}
