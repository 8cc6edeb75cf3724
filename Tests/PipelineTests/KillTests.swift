import Glibc
import SessionModel
import StateStore
import Testing

/// `kill -9` at any moment, then a rerun: everything is as in a run that was never killed.
@Suite(.serialized)
struct KillTests {
    /// `LASTSEEN_KILL_SEEDS` asks for more.
    static let seeds: ClosedRange<UInt64> =
        1...(getenv("LASTSEEN_KILL_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 50)

    private static let workload = Workload(seed: 9, records: 1500, users: 40)

    /// Arguments for a run whose files are in `folder`.
    private func arguments(_ source: String, _ folder: Folder, batch: Int) -> [String] {
        [
            "analyze", source, "--state", folder.state, "--batch", "\(batch)", "--threads", "2",
            "--output", "ndjson:" + folder.file("alerts.ndjson"), "--output",
            "text:" + folder.file("alerts.txt"), "--rejects", folder.file("rejects.ndjson"),
            "--max-rejects", "100",
        ] + Program.usual
    }

    /// All that a run leaves.
    private struct Trace {
        var feed: [UInt8]
        var text: [UInt8]
        var rejects: [UInt8]
        var state: StateDump

        init(_ folder: Folder) throws {
            feed = folder.read("alerts.ndjson")
            text = folder.read("alerts.txt")
            rejects = folder.read("rejects.ndjson")
            let store = try folder.open()
            defer { store.close() }
            state = try StateDump(store, users: KillTests.workload.users)
        }

        func difference(from other: Trace) -> String? {
            if feed != other.feed { return "feed " + firstDifference(feed, other.feed) }
            if text != other.text { return "text " + firstDifference(text, other.text) }
            if rejects != other.rejects {
                return "rejects " + firstDifference(rejects, other.rejects)
            }
            return state.difference(from: other.state)
        }
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }

    @Test("kill -9 at any moment and a rerun are as one run")
    func kill() throws {
        let base = Folder()
        let source = try base.write(Self.workload.bytes, to: "records.ndjson")
        let start = Self.now()
        let whole = try Program.run(arguments(source, base, batch: 50), in: base)
        let duration = Self.now() - start
        #expect(whole.status == 2, "\(whole.complaints)")
        let expected = try Trace(base)
        #expect(!expected.feed.isEmpty && !expected.rejects.isEmpty)
        #expect(expected.state.profiles == 40)

        var killed = 0
        for seed in Self.seeds {
            var random = SeededGenerator(seed: seed)
            let folder = Folder()
            // Once or twice; batches may differ from run to run.
            for _ in 0...random.below(2) {
                let batch = [20, 50, 200][random.below(3)]
                let program = try Program(
                    arguments(source, folder, batch: batch), output: folder.file("program"))
                // Half of them while it writes, the others at any moment of a run.
                if seed % 2 == 0 { waitForAlerts(folder, while: program) }
                usleep(UInt32(random.below(seed % 2 == 0 ? duration / 3 : duration)))
                program.kill()
                if program.wait().status == 128 + SIGKILL { killed += 1 }
            }
            let rerun = try Program.run(arguments(source, folder, batch: 50), in: folder)
            #expect([0, 2].contains(rerun.status), "seed \(seed): \(rerun.complaints)")
            let difference = try Trace(folder).difference(from: expected)
            #expect(difference == nil, "seed \(seed)")
        }
        print("kill -9: seeds \(Self.seeds), \(killed) runs killed")
        #expect(killed > Self.seeds.count / 2, "they ended before they could be killed")
    }

    private func waitForAlerts(_ folder: Folder, while program: Program) {
        let before = size(folder.file("alerts.ndjson"))
        for _ in 0..<10_000 where size(folder.file("alerts.ndjson")) == before {
            if program.hasEnded { return }
            usleep(500)
        }
    }

    private func size(_ path: String) -> Int {
        var information = stat()
        return stat(path, &information) == 0 ? information.st_size : 0
    }

    @Test("the same file twice changes nothing and says nothing")
    func twice() throws {
        let folder = Folder()
        let source = try folder.write(Self.workload.bytes, to: "records.ndjson")
        let first = try Program.run(arguments(source, folder, batch: 500), in: folder)
        #expect(first.status == 2)
        let trace = try Trace(folder)
        // Also with standard output, as cron has it.
        for more in [[], ["--output", "text"]] {
            let again = try Program.run(arguments(source, folder, batch: 50) + more, in: folder)
            #expect(again.status == 0)
            #expect(again.output.isEmpty)
            #expect(again.complaints.isEmpty)
            #expect(try Trace(folder).difference(from: trace) == nil)
        }
    }
}
