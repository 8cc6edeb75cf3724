import CZlib
import CZstd
import Detection
import Enrichment
import Glibc
import Intake
import Pipeline
import Publishing
import Response
import RuleBook
import SessionModel
import StateStore
import Testing

/// What every run here shares: the rules of the repository, the bundled database and no other that
/// this machine may have, the system's uap-core.
enum House {
    /// The repository.
    static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    static let city = root + "/Sources/Enrichment/Resources/city-lite.mmdb"
    static let book = Result { try RuleBook.load(folder: root + "/rules") }
    static let userAgents = Result { try UserAgentParser.usual() }
    static let databases = Result { try GeoDatabases(paths: [city]) }

    static func databases(networks: String?) throws -> GeoDatabases {
        guard let networks else { return try databases.get() }
        return try GeoDatabases(paths: [city], lists: NetworkLists(paths: [networks]))
    }

    /// 2026-06-01T00:00:00Z: the tests' now.
    static let now = Timestamp(year: 2026, month: 6, day: 1)
}

/// How a run is cut and spread; what comes of it must not depend on any of this.
struct Cutting: Sendable, CustomStringConvertible {
    var name: String
    var threads = 1
    /// About so many records are judged, and committed, at a time; nil for all.
    var batch: Int?
    /// Profiles are let go of after each commit, and read again.
    var forgets = false

    var description: String { name }

    /// Of the records that `Workload` makes: on average, and the longest. (Where a chunk cannot hold
    /// a line, the reader takes many lines more.)
    private static let recordBytes = 330
    private static let lineBytes = 520

    func apply(to options: inout AnalysisOptions) {
        options.threads = threads
        options.chunkBytes = 64 << 20
        options.commitSeconds = 1e9
        if let batch {
            options.commitRecords = batch
            // A chunk has this for each worker.
            options.chunkBytes = max(Self.lineBytes, batch * Self.recordBytes) / threads
        }
        if forgets { options.profileBudget = 1 }
    }
}

/// One run over files, in this process.
struct Run {
    var cutting = Cutting(name: "at once")
    var networks: String?
    var rules: [DetectionRule]?
    var format: FormatChoice?
    /// NDJSON of the alerts.
    var feed: String?
    var rejects: String?
    var measuresDetectors = false
    var history: HistoryOptions?
    var budget: AlertBudget?

    @discardableResult
    func callAsFunction(_ paths: [String], in store: StateStore) throws -> AnalysisResult {
        let analysis = try Analysis(try options(), store: store, now: { House.now })
        try analysis.analyze(paths.map { .file(path: $0) })
        return analysis.result
    }

    /// Judges what a state has kept.
    @discardableResult
    func replay(_ kept: StateStore, in store: StateStore) throws -> AnalysisResult {
        let analysis = try Analysis(try options(), store: store, now: { House.now })
        try analysis.replay(HistoryReader(kept))
        return analysis.result
    }

    func options() throws -> AnalysisOptions {
        var options = AnalysisOptions(
            intake: IntakeOptions(now: House.now),
            rules: try rules ?? House.book.get().detection,
            databases: try House.databases(networks: networks),
            userAgents: try House.userAgents.get(), policy: try ResponsePolicy())
        options.format = try format ?? .fixed(FormatCatalog.named("native"))
        if let feed { options.outputs = [OutputTarget(kind: .ndjson, path: feed)] }
        options.rejectsPath = rejects
        options.measuresDetectors = measuresDetectors
        options.history = history
        options.budget = budget
        cutting.apply(to: &options)
        return options
    }
}

/// A folder that goes away with the value.
final class Folder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/lastseen-pipeline-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit { system("rm -rf '\(path)'") }

    func file(_ name: String) -> String { path + "/" + name }
    var state: String { file("state.db") }

    /// - Parameter path: of the state; nil for the usual one in this folder.
    func open(at path: String? = nil) throws -> StateStore {
        try StateStore(path: path ?? state, waitSeconds: 0, holder: "a test")
    }

    @discardableResult
    func write(_ bytes: some Collection<UInt8>, to name: String) throws -> String {
        try Files.write(bytes, to: file(name))
        return file(name)
    }

    func read(_ name: String) -> [UInt8] { Files.read(file(name)) }
    func text(_ name: String) -> String { String(decoding: read(name), as: UTF8.self) }
}

enum Files {
    static func write(_ bytes: some Collection<UInt8>, to path: String) throws {
        let file = try #require(fopen(path, "w"), "\(path) cannot be written")
        let array = Array(bytes)
        let count = fwrite(array, 1, array.count, file)
        try #require(fclose(file) == 0 && count == array.count)
    }

    /// Empty when there is no such file.
    static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&part, 1, part.count, file), count > 0 {
            bytes += part[..<count]
        }
        return bytes
    }

    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Lines without their newlines.
    static func lines(_ bytes: [UInt8]) -> [String] {
        bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }

    static func writeGzip(_ bytes: [UInt8], to path: String) throws {
        let file = try #require(gzopen(path, "wb"))
        try #require(gzwrite(file, bytes, UInt32(bytes.count)) == Int32(bytes.count))
        try #require(gzclose(file) == Z_OK)
    }

    static func writeZstd(_ bytes: [UInt8], to path: String) throws {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        let count = ZSTD_compress(&output, output.count, bytes, bytes.count, 3)
        try #require(ZSTD_isError(count) == 0)
        try write(output[..<count], to: path)
    }
}

/// A generator that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &self) < share }
    mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }
}
