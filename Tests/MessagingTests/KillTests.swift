import Foundation
import Testing

@testable import Messaging

/// The built program, killed while a message is under way.
struct KillTests {
    /// Beside the test bundle.
    static let program: String = {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var folders = [own.deletingLastPathComponent()]
        for argument in CommandLine.arguments where argument.contains(".xctest") {
            folders.append(URL(fileURLWithPath: argument).deletingLastPathComponent())
        }
        return folders.map { $0.appendingPathComponent("lastseen").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) } ?? ""
    }()

    private func start(_ arguments: [String], in folder: Folder) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.environment = ["HOME": folder.path, "PATH": "/usr/bin:/bin"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test("kill -9 between sending and noting it: the next run sends it again, with the same key")
    func killed() throws {
        let server = try HTTPDouble { _, number in
            // The first is taken and never answered.
            if number == 1 { sleep(60) }
            return .init(status: 204)
        }
        let folder = try Folder()
        try folder.write(server.url("/hook"), to: "url")
        try folder.write("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", to: "secret")
        try folder.write(
            """
            channels:
              - name: siem
                kind: webhook
                url: {file: url}
                secret: {file: secret}
                allow_private: true
                maximum_age_days: 3660
            """, to: "channels.yaml")
        let options = ["--state", "s.db", "--channels", "channels.yaml"]
        let run = try start(
            ["analyze", House.root + "/samples/stolen-token/records.ndjson"] + options, in: folder)
        while server.requests.isEmpty, run.isRunning { usleep(10_000) }
        #expect(run.isRunning, "it waits for an answer")
        kill(run.processIdentifier, SIGKILL)
        run.waitUntilExit()
        for _ in 0..<2 {
            let again = try start(["notify", "send"] + options, in: folder)
            again.waitUntilExit()
            #expect(again.terminationStatus == 0)
        }
        let keys = server.requests.compactMap { $0.headers["webhook-id"] }
        #expect(keys.count == 2, "sent again once")
        #expect(Set(keys).count == 1)
        // Both tries say the same of the same alert.
        #expect(server.requests.first?.body == server.requests.last?.body)
        let status = try start(["notify", "status", "--state", "s.db"], in: folder)
        status.waitUntilExit()
        #expect(status.terminationStatus == 0)
    }

    @Test("a run without channels tells nobody, and one with them tells only of what comes then")
    func optIn() throws {
        let server = try HTTPDouble { _, _ in .init(status: 204) }
        let folder = try Folder()
        try folder.write(server.url("/hook"), to: "url")
        try folder.write("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", to: "secret")
        try folder.write(
            "channels:\n  - {name: siem, kind: webhook, url: {file: url}, secret: {file: secret},"
                + " allow_private: true, maximum_age_days: 3660}\n", to: "channels.yaml")
        let sample = House.root + "/samples/stolen-token/records.ndjson"
        try start(["analyze", sample, "--state", "s.db"], in: folder).waitUntilExit()
        #expect(server.requests.isEmpty)
        let options = ["--state", "s.db", "--channels", "channels.yaml"]
        try start(["analyze", sample] + options, in: folder).waitUntilExit()
        #expect(server.requests.isEmpty)
        let other = House.root + "/samples/impossible-trip/records.ndjson"
        try start(["analyze", other] + options, in: folder).waitUntilExit()
        #expect(!server.requests.isEmpty)
    }
}
