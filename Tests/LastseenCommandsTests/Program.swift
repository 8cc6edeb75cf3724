import Foundation
import Testing

/// The built program, run as a user would.
struct Program {
    /// Beside the test bundle.
    static let path: String = {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var folders = [own.deletingLastPathComponent()]
        // SwiftPM may run the bundle by a helper; its path is then among the arguments.
        for argument in CommandLine.arguments where argument.contains(".xctest") {
            folders.append(URL(fileURLWithPath: argument).deletingLastPathComponent())
        }
        for folder in folders {
            let path = folder.appendingPathComponent("lastseen").path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        return ""
    }()

    /// The checkout that the tests were compiled in.
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    static func sample(_ name: String) -> String { "\(checkout)/samples/\(name)/records.ndjson" }

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// A running program.
    final class Run {
        let process = Process()
        private let folder: Folder
        private let name = UUID().uuidString

        /// `input` is the path of a file, nothing when nil.
        init(_ arguments: [String], input: String?, in folder: Folder) throws {
            self.folder = folder
            process.executableURL = URL(fileURLWithPath: Program.path)
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            process.environment = [
                "HOME": folder.path, "PATH": "/usr/bin:/bin", "TMPDIR": folder.path,
            ]
            process.standardOutput = try file("out")
            process.standardError = try file("err")
            if let input {
                process.standardInput = try FileHandle(
                    forReadingFrom: URL(fileURLWithPath: input))
            } else {
                process.standardInput = FileHandle.nullDevice
            }
            try process.run()
        }

        private func url(_ kind: String) -> URL {
            URL(fileURLWithPath: "\(folder.path)/.\(name).\(kind)")
        }

        private func file(_ kind: String) throws -> FileHandle {
            FileManager.default.createFile(atPath: url(kind).path, contents: nil)
            return try FileHandle(forWritingTo: url(kind))
        }

        /// Waits until `condition` holds, for a minute at most.
        func wait(until condition: () throws -> Bool) throws -> Bool {
            for _ in 0..<3000 {
                if try condition() { return true }
                if !process.isRunning { return try condition() }
                usleep(20_000)
            }
            return false
        }

        /// What it has printed so far.
        var output: String { (try? String(contentsOf: url("out"), encoding: .utf8)) ?? "" }
        var errors: String { (try? String(contentsOf: url("err"), encoding: .utf8)) ?? "" }

        func result() throws -> Result {
            process.waitUntilExit()
            return Result(
                status: process.terminationReason == .exit
                    ? process.terminationStatus : -process.terminationStatus,
                output: try String(contentsOf: url("out"), encoding: .utf8), errors: errors)
        }
    }
}

/// A folder of a test's own, gone with it.
final class Folder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/lastseen-commands-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func run(_ arguments: String...) throws -> Program.Result {
        try Program.Run(arguments, input: nil, in: self).result()
    }

    func start(_ arguments: String...) throws -> Program.Run {
        try Program.Run(arguments, input: nil, in: self)
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func append(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        if !FileManager.default.fileExists(atPath: url.path) {
            try write(text, to: name)
            return
        }
        let file = try FileHandle(forWritingTo: url)
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    func read(_ name: String) -> String {
        (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
    }
}

func sampleText(_ name: String) throws -> String {
    try String(contentsOfFile: Program.sample(name), encoding: .utf8)
}
