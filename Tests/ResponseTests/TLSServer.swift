import Foundation

/// `openssl s_server`, which sends what it has on its standard input: one answer.
final class TLSServer {
    let port: UInt16
    let certificate: String
    private let folder: String
    private let process = Process()
    /// Kept open, since it ends with its standard input.
    private let answers = Pipe()

    init(name: String) throws {
        folder = NSTemporaryDirectory() + "lastseen-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        certificate = folder + "/cert.pem"
        let make = Process()
        make.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        make.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", "/CN=test", "-addext", "subjectAltName=\(name)",
            "-keyout", folder + "/key.pem", "-out", certificate,
        ]
        make.standardError = FileHandle.nullDevice
        try make.run()
        make.waitUntilExit()
        // A port that was free a moment ago: s_server cannot say which one it took.
        let probe = try HTTPServer { _, _ in .hangUp }
        port = probe.port
        probe.stop()
        usleep(20_000)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = [
            "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key",
            folder + "/key.pem", "-quiet",
        ]
        process.standardInput = answers
        answers.fileHandleForWriting.write(
            Data("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".utf8))
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func stop() {
        // Not SIGTERM: a child inherits what the thread that started it blocks.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
