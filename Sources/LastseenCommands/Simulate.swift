import ArgumentParser
import Enrichment
import Evaluation
import Glibc
import Publishing
import SessionModel

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a labelled world of made-up users and intruders, to try things on.",
        discussion: """
            Native records in time order, and the truth about each: people who travel, lose cookies \
            and sit behind VPNs, and intruders in every way that is known. The same seed and GeoIP \
            databases give the same bytes.

              lastseen simulate --users 2000 --days 30 --output records.ndjson --truth truth.ndjson \
            --networks networks.txt
              lastseen analyze records.ndjson --networks networks.txt --state :memory: --output \
            ndjson:alerts.ndjson
              lastseen evaluate --truth truth.ndjson --alerts alerts.ndjson

            Exit statuses: 0, 64 misuse, 73 a file cannot be made, 74 writing failed, 78 the GeoIP \
            databases place too little.
            """)

    @Option(name: .long, help: "People.") var users = 2000
    @Option(name: .long, help: "Days.") var days = 30
    @Option(name: .long, help: "Another seed is another world.") var seed: UInt64 = 1
    @Option(
        name: .customLong("attacks-per-1000-users"),
        help: ArgumentHelp("Takeovers for each 1000 users.", valueName: "count"))
    var attacksPer1000Users = 150.0
    @Option(
        name: .long,
        help: ArgumentHelp("The day (UTC) on which it begins, as 2025-10-01.", valueName: "date"))
    var start = "2025-10-01"
    @Option(
        name: .long,
        help: ArgumentHelp("Where records go; '-' is standard output.", valueName: "file"))
    var output: String
    @Option(name: .long, help: ArgumentHelp("Where the truth goes.", valueName: "file"))
    var truth: String
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where the kinds of the world's networks go, for 'analyze --networks'.",
            valueName: "file"))
    var networks: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A GeoIP database (.mmdb) or a folder of them; may be repeated. Default: as for analyze.",
            valueName: "path"))
    var geo: [String] = []

    func validate() throws {
        guard (1...10_000_000).contains(users), (2...3660).contains(days) else {
            throw ValidationError("--users is 1 to 10000000, --days 2 to 3660")
        }
        guard (0...1000).contains(attacksPer1000Users) else {
            throw ValidationError("--attacks-per-1000-users is 0 to 1000")
        }
        guard let first = Timestamp(start + "T00:00:00Z"), first.milliseconds >= 946_684_800_000,
            first.milliseconds < 4_102_444_800_000
        else {
            throw ValidationError(
                "--start '\(start)' is no date from 2000 to 2099. Write it as 2025-10-01.")
        }
    }

    func run() throws {
        guard let start = Timestamp(start + "T00:00:00Z") else { return }
        let databases = try GeoDatabases(paths: geo)
        var world = try World(
            World.Options(
                users: users, days: days, seed: seed, attacksPer1000Users: attacksPer1000Users,
                start: start), databases: databases)
        let records = try PlainFile(output)
        let labels = try PlainFile(truth)
        let size = try world.write(records: records.write, truth: labels.write)
        try records.close()
        try labels.close()
        if let networks {
            try OutputFile.replace(networks, with: Array(world.networks.utf8))
        }
        guard output != "-" else { return }
        try put(
            "\(counted(size.records, "record")) of \(counted(users, "user")), of them"
                + " \(size.attackRecords) of \(counted(size.attacks, "attack")) with"
                + " \(counted(size.takeovers, "takeover"))\n")
    }
}

/// A file that is written from its start; `-` is standard output.
private final class PlainFile {
    private let path: String
    private var descriptor: Int32

    init(_ path: String) throws(OutputError) {
        self.path = path
        descriptor =
            path == "-"
            ? dup(STDOUT_FILENO)
            : unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    func write(_ bytes: borrowing [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw OutputError.cannotWrite(path: path, code: errno) }
            done += count
        }
    }

    func close() throws {
        let status = Glibc.close(descriptor)
        descriptor = -1
        guard status == 0 else { throw OutputError.cannotWrite(path: path, code: errno) }
    }
}
