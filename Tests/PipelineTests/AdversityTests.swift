import Glibc
import SessionModel
import StateStore
import Testing

/// Full disks and bad states, met by the real program.
@Suite(.serialized)
struct AdversityTests {
    private let folder = Folder()
    private static let workload = Workload(seed: 4, records: 3000, users: 60)

    private func arguments(in place: String? = nil, state: String? = nil) -> [String] {
        let place = place ?? folder.path
        return [
            "analyze", folder.file("records.ndjson"), "--state", state ?? place + "/state.db",
            "--output", "ndjson:" + place + "/alerts.ndjson", "--batch", "200", "--wait", "0",
            "--max-rejects", "100",
        ] + Program.usual
    }

    private func writeRecords() throws {
        try folder.write(Self.workload.bytes, to: "records.ndjson")
    }

    // MARK: Full disks

    /// Whether a file system can be mounted in a namespace of one's own: not in every container.
    static let canMount: Bool = {
        let folder = Folder()
        let ended = try? Program.run(
            [], in: folder,
            shell: "exec unshare -rm /bin/sh -c 'mount -t tmpfs none \(folder.path)'")
        return ended?.status == 0
    }()

    /// What lies on the small disk, and a word of the complaint.
    static let full: [(what: String, status: Int32, word: String)] = [
        ("state", 74, "space"), ("feed", 74, "No space left"),
    ]

    /// Kilobytes that the disk has at first. (A page of 4 KiB is the least.)
    @Test(
        "a full disk is said, and after that a rerun ends as if there had been room",
        .enabled(if: canMount, "tmpfs cannot be mounted here"), arguments: full, [40, 300])
    func fullDisk(what: (what: String, status: Int32, word: String), kilobytes: Int) throws {
        try writeRecords()
        let whole = Folder()
        let arguments = self.arguments(in: whole.path)
        #expect(try Program.run(arguments, in: whole).status == 2)
        let disk = folder.file("disk")
        mkdir(disk, 0o700)
        let small =
            [
                "analyze", folder.file("records.ndjson"), "--state",
                what.what == "state" ? disk + "/state.db" : folder.state, "--output",
                "ndjson:" + (what.what == "feed" ? disk : folder.path) + "/alerts.ndjson",
            ] + arguments.dropFirst(6)
        // Twice with a full disk, then with room; what is on the disk goes away with its namespace.
        let script = """
            mount -t tmpfs -o size=\(kilobytes)k none \(disk) || exit 99
            "$@"; echo "first $?"
            "$@"; echo "second $?"
            mount -o remount,size=64m \(disk) || exit 98
            "$@"; echo "third $?"
            cp \(disk)/* \(folder.path)
            """
        try folder.write(Array(script.utf8), to: "script")
        let ended = try Program.run(
            small, in: folder,
            shell: "exec unshare -rm /bin/sh \(folder.file("script")) \"$@\"")
        #expect(ended.status == 0, "\(ended.complaints)")
        let said = ended.output.split(separator: "\n")
        #expect(said.prefix(2) == ["first \(what.status)", "second \(what.status)"])
        #expect(said.last == "third 2")
        #expect(ended.complaints.contains(what.word), "\(ended.complaints)")
        expectSame(folder.read("alerts.ndjson"), whole.read("alerts.ndjson"))
        let users = Self.workload.users
        let difference = try StateDump(folder.open(), users: users).difference(
            from: StateDump(whole.open(), users: users))
        #expect(difference == nil)
    }

    // MARK: Bad states

    @Test("a state that another process holds: 75, and who it is")
    func locked() throws {
        try writeRecords()
        let store = try StateStore(
            path: folder.state, waitSeconds: 0, holder: "lastseen watch, pid 4711")
        let ended = try Program.run(arguments(), in: folder)
        #expect(ended.status == 75)
        #expect(ended.complaints.contains("in use by lastseen watch, pid 4711"))
        #expect(!Files.exists(folder.file("alerts.ndjson")))
        store.close()
        #expect(try Program.run(arguments(), in: folder).status == 2)
    }

    /// What becomes of a sound state's bytes, the status that the program ends with, and a word of
    /// what it says.
    static let damages: [(name: String, harm: @Sendable (inout [UInt8]) -> Void, Int32, String)] = [
        ("garbage", { $0 = Array("user,time\nann,2026\n".utf8) }, 78, "not a state"),
        (
            "garbage of a whole page",
            { bytes in bytes = (0..<8192).map { UInt8(truncatingIfNeeded: $0 &* 37 ^ $0 >> 3) } },
            78,
            "not a state"
        ),
        ("half written", { $0.removeLast($0.count / 2) }, 74, "damaged"),
        ("zeros behind the first page", { for i in 8192..<$0.count { $0[i] = 0 } }, 74, "damaged"),
        ("newer", { $0.replaceSubrange(60..<64, with: [0, 0, 0, 99]) }, 78, "newer Lastseen"),
        (
            "another program's", { $0.replaceSubrange(68..<72, with: [0, 0, 0, 1]) }, 78,
            "another program"
        ),
    ]

    @Test(
        "a damaged or foreign state is refused with a clear word", arguments: damages.indices)
    func damaged(index: Int) throws {
        let (name, harm, status, word) = Self.damages[index]
        try writeRecords()
        #expect(try Program.run(arguments(), in: folder).status == 2)
        var bytes = folder.read("state.db")
        harm(&bytes)
        try folder.write(bytes, to: "state.db")
        let feed = folder.read("alerts.ndjson")
        // There is something to do, or else nobody would look at the pages.
        try folder.write(
            Self.workload.bytes + Workload(seed: 5, records: 500, users: 60).bytes,
            to: "records.ndjson")
        let ended = try Program.run(arguments(), in: folder)
        #expect(ended.status == status, "\(name): \(ended.complaints)")
        #expect(ended.complaints.contains(word), "\(name): \(ended.complaints)")
        #expect(ended.complaints.contains("state.db"), "\(name)")
        expectSame(folder.read("alerts.ndjson"), feed, name)
        if status == 78 { expectSame(folder.read("state.db"), bytes, name) }
    }

    /// Runs the program as nobody, when this is root.
    private static let asNobody =
        geteuid() == 0
        ? "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"" : "exec \"$@\""

    static let canBeNobody: Bool = {
        let ended = try? Program.run(["--version"], in: Folder(), shell: asNobody)
        return ended?.status == 0
    }()

    @Test(
        "a state folder that may not be written to: 73, and nothing else is touched",
        .enabled(if: canBeNobody, "an ordinary user cannot run the program here"))
    func readOnlyFolder() throws {
        try writeRecords()
        chmod(folder.path, 0o755)
        chmod(folder.file("records.ndjson"), 0o644)
        mkdir(folder.file("state"), 0o555)
        for state in ["state/state.db", "state/deeper/state.db"] {
            let ended = try Program.run(
                arguments(state: folder.file(state)), in: folder, shell: Self.asNobody)
            #expect(ended.status == 73, "\(ended.complaints)")
            #expect(ended.complaints.contains("cannot be opened"), "\(ended.complaints)")
        }
        #expect(!Files.exists(folder.file("alerts.ndjson")))
    }

    // MARK: Bad inputs and outputs

    @Test("a missing input is 66, an output that cannot be made 73, and no state comes of them")
    func missing() throws {
        let input = try Program.run(arguments(), in: folder)
        #expect(input.status == 66)
        #expect(input.complaints.contains("there is no such file"))
        #expect(!Files.exists(folder.state))
        try writeRecords()
        let output = try Program.run(
            arguments() + ["--output", "ndjson:" + folder.file("no/such/folder")], in: folder)
        #expect(output.status == 73)
        #expect(output.complaints.contains("Create the folder first"))
        // And once it can, all of it comes.
        mkdir(folder.file("no"), 0o700)
        mkdir(folder.file("no/such"), 0o700)
        let again = try Program.run(
            arguments() + ["--output", "ndjson:" + folder.file("no/such/folder")], in: folder)
        #expect(again.status == 2)
        expectSame(folder.read("no/such/folder"), folder.read("alerts.ndjson"))
    }

    @Test("a damaged archive gives what came before the damage, and the rest once it is whole")
    func damagedArchive() throws {
        let path = folder.file("records.ndjson")
        try Files.writeGzip(Self.workload.bytes, to: path)
        let whole = Files.read(path)
        try Files.write(whole[..<(whole.count * 2 / 3)], to: path)
        let cut = try Program.run(arguments() + ["--verbose"], in: folder)
        #expect(cut.status == 74)
        #expect(cut.complaints.contains("records.ndjson"))
        let early = folder.read("alerts.ndjson")
        try Files.write(whole, to: path)
        #expect(try Program.run(arguments(), in: folder).status == 2)
        #expect(folder.read("alerts.ndjson").starts(with: early))
        let other = Folder()
        #expect(try Program.run(arguments(in: other.path), in: other).status == 2)
        expectSame(folder.read("alerts.ndjson"), other.read("alerts.ndjson"))
    }
}
