import Foundation
import Testing

@Suite(.serialized)
struct RespondTests {
    /// A folder whose state holds the alert of one sample.
    private func alerted() throws -> Folder {
        let folder = try Folder()
        let result = try folder.run("analyze", "--state", "s.db", Program.sample("impossible-trip"))
        #expect(result.status == 2)
        return folder
    }

    private func program(_ body: String, in folder: Folder) throws {
        try folder.write("#!/bin/sh\ncat >> \(folder.path)/got.ndjson\n\(body)\n", to: "end")
        chmod("\(folder.path)/end", 0o700)
    }

    @Test("a dry run sends nothing; acting sends each step once")
    func once() throws {
        let folder = try alerted()
        try program("exit 0", in: folder)
        let plan = try folder.run("respond", "plan", "--state", "s.db")
        #expect(
            plan.output.contains(
                "log-out-session: session gus-x1 of gus@example.com: could be done\n"))
        #expect(
            plan.output.contains(
                "1 step could be done, once you say how: lastseen respond apply --act --exec PROGRAM"
                    + " (or --webhook URL)."))
        let how = try folder.run("respond", "plan", "--state", "s.db", "--exec", "./end")
        #expect(how.output.contains("would be sent by exec"))
        #expect(how.output.contains("1 step would be sent."))
        let dry = try folder.run("respond", "apply", "--state", "s.db", "--exec", "./end")
        #expect(dry.status == 0 && dry.output.contains("A dry run"))
        #expect(folder.read("got.ndjson").isEmpty)
        let act = ["respond", "apply", "--state", "s.db", "--act", "--exec", "./end"]
        for _ in 0..<2 {
            #expect(try Program.Run(act, input: nil, in: folder).result().status == 0)
        }
        let got = folder.read("got.ndjson").split(separator: "\n")
        #expect(got.count == 1)
        #expect(got.first?.contains(#""type":"session.logout_requested""#) == true)
        let status = try folder.run("respond", "status", "--state", "s.db")
        #expect(status.status == 0)
        #expect(
            status.output.contains("done         1") && status.output.contains("3 steps, whole"))
        let list = try folder.run("alerts", "list", "--state", "s.db", "--json")
        let id = String(list.output.dropFirst(7).prefix(18))
        let show = try folder.run("alerts", "show", id, "--state", "s.db")
        #expect(show.output.contains("(done)"))
        for (word, status) in [
            (id, Int32(0)), (String(id.prefix(8)), 0), ("a-ffffff", 66), ("a-", 66),
        ] {
            #expect(try folder.run("respond", "plan", word, "--state", "s.db").status == status)
        }
    }

    @Test(
        "how a program ends decides",
        arguments: [
            (0, Int32(0), "done"), (75, 75, "retrying"), (1, 1, "failed"),
        ])
    func endings(exit: Int, status: Int32, state: String) throws {
        let folder = try alerted()
        try program("exit \(exit)", in: folder)
        let result = try folder.run(
            "respond", "apply", "--state", "s.db", "--act", "--exec", "./end")
        #expect(result.status == status, "\(result.output) \(result.errors)")
        #expect(result.output.contains(state))
        let again = try folder.run(
            "respond", "apply", "--state", "s.db", "--act", "--exec", "./end")
        #expect(again.status == status, "\(again.output) \(again.errors)")
        #expect(
            again.output.contains("1 earlier action FAILED and needs a person")
                == (state == "failed"))
        #expect(again.output.contains("Nothing is to be done.") == (state == "done"))
    }

    @Test(
        "a target that fails changes nothing of an analysis, and is told of",
        arguments: [
            ("exit 1", "1 action FAILED and needs a person"),
            ("exit 75", "nothing of that is lost"),
            ("exit 0", ""),
        ])
    func failing(_ body: String, says: String) throws {
        let folder = try Folder()
        try program(body, in: folder)
        let result = try folder.run(
            "analyze", "--state", "s.db", "--act", "--exec", "./end",
            Program.sample("impossible-trip"))
        #expect(result.status == 2)
        #expect(
            says.isEmpty ? result.errors.isEmpty : result.errors.contains(says), "\(result.errors)")
        let done = "Done: logged out session gus-x1 of gus@example.com\n"
        #expect(result.output.hasSuffix(done) == says.isEmpty)
        #expect(result.output.contains("gus-x1"))
    }

    @Test("a protected user is left alone")
    func protected() throws {
        let folder = try alerted()
        try program("exit 0", in: folder)
        try folder.write("# nobody touches these\nGUS\n", to: "protected")
        let result = try folder.run(
            "respond", "apply", "--state", "s.db", "--act", "--exec", "./end", "--protect-file",
            "protected")
        #expect(result.status == 0)
        #expect(folder.read("got.ndjson").isEmpty)
    }

    @Test("watch acts as alerts come")
    func watching() throws {
        let folder = try Folder()
        try program("exit 0", in: folder)
        try folder.write(try sampleText("impossible-trip"), to: "log.ndjson")
        let run = try folder.start(
            "watch", "log.ndjson", "--state", "s.db", "--act", "--exec", "./end")
        #expect(try run.wait { folder.read("got.ndjson").contains("gus-x1") })
        run.process.terminate()
        #expect(try run.result().status == 0)
        #expect(folder.read("got.ndjson").split(separator: "\n").count == 1)
    }
}
