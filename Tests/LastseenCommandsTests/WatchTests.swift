import Foundation
import Testing

@Suite(.serialized)
struct WatchTests {
    static let samples: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(Program.checkout)/samples")) ?? [])
        .filter { FileManager.default.fileExists(atPath: Program.sample($0)) }.sorted()

    /// `bad-lines` ends in a line without an end, which watch holds for its rest.
    @Test("watch and analyze give the same alerts over every sample", arguments: samples)
    func sameAlerts(_ name: String) throws {
        let folder = try Folder()
        let networks = "\(Program.checkout)/samples/\(name)/networks.txt"
        let lists =
            FileManager.default.fileExists(atPath: networks) ? ["--networks=\(networks)"] : []
        func arguments(_ command: String, _ input: String) -> [String] {
            [command, "--state", "\(command).db", "--output", "ndjson:\(command).ndjson", input]
                + lists
        }
        _ = try Program.Run(
            arguments("analyze", Program.sample(name)), input: nil, in: folder
        ).result()
        let result = try Program.Run(
            arguments("watch", "-"), input: Program.sample(name), in: folder
        ).result()
        #expect(result.status == 0, "\(result.errors)")
        #expect(folder.read("watch.ndjson") == folder.read("analyze.ndjson"))
    }

    @Test("a log that is waited for, grows, is renamed and cut is read once, also over a kill")
    func growing() throws {
        let folder = try Folder()
        let lines = try sampleText("impossible-trip").split(separator: "\n")
            .map { "\($0)\n" }
        try folder.run(
            "analyze", "--state", "a.db", "--output", "ndjson:a.ndjson",
            Program.sample("impossible-trip"))
        func watch() throws -> Program.Run {
            try folder.start(
                "watch", "log.ndjson", "--state", "w.db", "--output", "ndjson:w.ndjson", "--verbose"
            )
        }
        var run = try watch()
        #expect(try run.wait { run.errors.contains("waiting for it") })
        for (i, line) in lines.enumerated() {
            switch i {
            case 8: rename("\(folder.path)/log.ndjson", "\(folder.path)/log.ndjson.1")
            case 14:
                kill(run.process.processIdentifier, SIGKILL)
                run.process.waitUntilExit()
            case 16: run = try watch()
            default: break
            }
            try folder.append(line, to: "log.ndjson")
            usleep(10_000)
        }
        let all = folder.read("a.ndjson")
        #expect(!all.isEmpty)
        #expect(try run.wait { folder.read("w.ndjson") == all }, "\(run.errors)")
        run.process.terminate()
        #expect(try run.result().status == 0)
        // What came after the restart only, and nothing twice.
        #expect(folder.read("w.ndjson") == all)
    }

    @Test("a signal ends it in good order", arguments: [SIGTERM, SIGINT, SIGHUP])
    func signals(_ number: Int32) throws {
        let folder = try Folder()
        try folder.write(try sampleText("impossible-trip"), to: "log.ndjson")
        let run = try folder.start(
            "watch", "log.ndjson", "--state", "s.db", "--output", "ndjson:w.ndjson")
        #expect(try run.wait { !folder.read("w.ndjson").isEmpty })
        kill(run.process.processIdentifier, number)
        #expect(try run.result().status == 0)
        // All of it was committed: nothing is left for another run.
        let again = try folder.run("analyze", "log.ndjson", "--state", "s.db", "--verbose")
        #expect(again.status == 0)
        #expect(
            again.errors.contains("Read 0 records") || again.errors.contains("no record"),
            "\(again.errors)")
    }

    @Test("what was printed is not printed again, by a verdict beside it or after a kill")
    func printedOnce() throws {
        let folder = try Folder()
        try folder.write(try sampleText("impossible-trip"), to: "log.ndjson")
        let run = try folder.start("watch", "log.ndjson", "--state", "s.db")
        #expect(try run.wait { run.output.contains("Impossible travel") })
        // What was printed is noted within a second.
        usleep(3_000_000)
        try folder.run("alerts", "dismiss", "--state", "s.db", "a-51f4849a0ab0fa34")
        #expect(try run.wait { run.output.contains("DISMISSED") })
        #expect(run.output.components(separatedBy: "CRITICAL  risk").count == 2, "\(run.output)")
        usleep(3_000_000)
        kill(run.process.processIdentifier, SIGKILL)
        run.process.waitUntilExit()
        let again = try folder.run("analyze", "log.ndjson", "--state", "s.db")
        #expect(again.output.isEmpty && again.status == 0, "\(again.output)")
    }

    @Test("a verdict beside a watch that began its state makes it forget nobody")
    func verdictOnNewState() throws {
        let theft = try sampleText("stolen-token").split(separator: "\n").map { "\($0)\n" }
        let folder = try Folder()
        try folder.write("", to: "log.ndjson")
        let run = try folder.start(
            "watch", "log.ndjson", "--state", "s.db", "--output", "ndjson:w.ndjson")
        try folder.append(try sampleText("impossible-trip"), to: "log.ndjson")
        #expect(try run.wait { folder.read("w.ndjson").contains("a-51f4849a0ab0fa34") })
        try folder.append(theft.dropLast(5).joined(), to: "log.ndjson")
        #expect(try run.wait { folder.read("w.ndjson").contains("a-9d72120eb0d935eb") })
        // About another user than the one whose records go on.
        try folder.run("alerts", "dismiss", "--state", "s.db", "a-51f4849a0ab0fa34")
        #expect(try run.wait { folder.read("w.ndjson").contains("dismissed") })
        try folder.append(theft.suffix(5).joined(), to: "log.ndjson")
        let whole = try Folder()
        try whole.write(theft.joined(), to: "log.ndjson")
        try whole.run("analyze", "log.ndjson", "--state", "s.db", "--output", "ndjson:w.ndjson")
        func risks(_ feed: String) -> [Substring] {
            feed.split(separator: "\n").filter { $0.contains("a-9d72120eb0d935eb") }
                .compactMap { $0.split(separator: "\"risk\":").last?.prefix(2) }
        }
        let expected = risks(whole.read("w.ndjson"))
        #expect(!expected.isEmpty)
        #expect(
            try run.wait { risks(folder.read("w.ndjson")).last == expected.last }, "\(run.errors)")
        run.process.terminate()
        #expect(try run.result().status == 0, "\(run.errors)")
    }

    @Test("alerts that go to a renamed file go on in a new one")
    func outputRotation() throws {
        let folder = try Folder()
        try folder.write(try sampleText("impossible-trip"), to: "log.ndjson")
        let run = try folder.start(
            "watch", "log.ndjson", "--state", "s.db", "--output", "ndjson:w.ndjson")
        #expect(try run.wait { !folder.read("w.ndjson").isEmpty })
        rename("\(folder.path)/w.ndjson", "\(folder.path)/w.old")
        #expect(try run.wait { run.errors.contains("was rotated") })
        try folder.append(try sampleText("stolen-token"), to: "log.ndjson")
        #expect(try run.wait { !folder.read("w.ndjson").isEmpty })
        run.process.terminate()
        #expect(try run.result().status == 0)
        #expect(folder.read("w.old").split(separator: "\n").count == 1)
        // Opened, and amended by what the thief does next.
        #expect(folder.read("w.ndjson").split(separator: "\n").count == 2)
    }
}
