import Detection
public import Enrichment
import Glibc
import Intake
import Publishing
import Response
public import RuleBook
import SessionModel
import StateStore

/// Runs the tests that rules carry in their files through the real pipeline: each on an empty state,
/// with all enabled rules and the rule under test, and the bundled database.
///
/// About 5 ms a test in a release build.
public final class RuleTestRunner {
    /// What came of one test.
    public struct Outcome: Sendable, Equatable {
        public var rule: String
        public var test: RuleTest
        /// The file that the test is in.
        public var file: String
        /// What differs, a sentence each; empty when it passed.
        public var mismatches: [String]

        public var isPassed: Bool { mismatches.isEmpty }
    }

    private let book: RuleBook
    private let userAgents: UserAgentParser
    private let database: String
    private let shared: GeoDatabases
    /// Records of tests may be of any time.
    private static let now = Timestamp(year: 2200, month: 1, day: 1)

    /// - Parameter database: The City database that places the records' addresses; the bundled one, so
    ///   that a test means the same on every machine.
    /// - Throws: `GeoError` when it cannot be opened.
    public init(book: RuleBook, userAgents: UserAgentParser, database: String) throws(GeoError) {
        self.book = book
        self.userAgents = userAgents
        self.database = database
        shared = try GeoDatabases(paths: [database], bundled: nil)
    }

    /// Runs every test of a rule, in the order of its file.
    public func run(_ rule: Rule) throws -> [Outcome] {
        try rule.tests.map { test in
            Outcome(
                rule: rule.id, test: test, file: rule.file, mismatches: try mismatches(test, rule))
        }
    }

    private func mismatches(_ test: RuleTest, _ rule: Rule) throws -> [String] {
        let file = try NamelessFile(Array(test.ndjson.utf8))
        var rules = book.detection
        if !rule.isEnabled { rules.append(rule.detection) }
        let providers = try providerFile(test)
        let databases =
            try test.networks.isEmpty && providers == nil
            ? shared
            : GeoDatabases(
                paths: [database] + (providers.map { [$0.path] } ?? []),
                lists: NetworkLists(
                    text: test.networks.map { $0 + "\n" }.joined(),
                    path: "\(rule.file):\(test.line): networks"),
                bundled: nil)
        let intake = IntakeOptions(now: RuleTestRunner.now)
        let native = try FormatCatalog.named("native")
        var options = AnalysisOptions(
            intake: intake, rules: rules, databases: databases, userAgents: userAgents,
            policy: try ResponsePolicy())
        options.format = .fixed(native)
        options.chunkBytes = 64 << 10
        let store = try StateStore(path: ":memory:", waitSeconds: 0, holder: "rules test")
        defer { store.close() }
        let analysis = try Analysis(options, store: store) { RuleTestRunner.now }
        // Databases are looked at again while records are read.
        try withExtendedLifetime(providers) { try analysis.analyze([.file(path: file.path)]) }
        var alerts: [Alert] = []
        for row in try store.alerts() { alerts.append(try AlertJSON.read(row.json)) }
        var mismatches = test.check(alerts: alerts)
        if analysis.result.summary.rejected > 0 {
            mismatches += try refusals(file.path, .fixed(native), intake)
        }
        return mismatches
    }

    /// The ASN database of the providers that a test names.
    private func providerFile(_ test: RuleTest) throws -> NamelessFile? {
        if test.providers.isEmpty { return nil }
        return try NamelessFile(
            ProviderDatabase.bytes(
                test.providers.map { ($0.network, $0.length, $0.asn, $0.organization) }))
    }

    /// A record that intake refuses is a mistake in the test.
    private func refusals(
        _ path: String, _ format: FormatChoice, _ intake: IntakeOptions
    ) throws -> [String] {
        let trial = try FormatTrial.run(
            input: .file(path: path), format: format, count: RuleLimit.recordsPerTest,
            options: intake)
        return trial.lines.compactMap { line in
            guard case .refused(let reason) = line.outcome else { return nil }
            return "Record \(line.line) was refused: \(reason)."
        }
    }
}

/// A file without a name, which ends with this object.
private final class NamelessFile {
    private let descriptor: Int32
    var path: String { "/proc/self/fd/\(descriptor)" }

    init(_ bytes: [UInt8]) throws {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var name = Array("\(folder)/lastseen-rule-test.XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else {
            throw IntakeError.unavailable(
                reason:
                    "no temporary file can be made in \(folder): \(String(cString: strerror(errno)))"
            )
        }
        unlink(name)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                write(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else {
                close(descriptor)
                throw IntakeError.unavailable(
                    reason: "writing in \(folder) failed: \(String(cString: strerror(errno)))")
            }
            done += count
        }
    }

    deinit { close(descriptor) }
}
