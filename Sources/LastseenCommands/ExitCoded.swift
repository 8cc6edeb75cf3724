public import ArgumentParser
import Enrichment
import Glibc
import Intake
import Publishing
import Response
import RuleBook
import StateStore

/// An error that says with which status the program ends.
protocol ExitCoded: Error, CustomStringConvertible {
    var exitCode: Int32 { get }
}

extension StateError: ExitCoded {}
extension IntakeError: ExitCoded {}
extension OutputError: ExitCoded {}

// A bad database, rule or expression file stops a run before it starts: EX_CONFIG.
extension GeoError: ExitCoded { var exitCode: Int32 { 78 } }
extension RuleError: ExitCoded { var exitCode: Int32 { 78 } }
extension UserAgentError: ExitCoded { var exitCode: Int32 { 78 } }
extension ResponseError: ExitCoded { var exitCode: Int32 { 78 } }

/// A mistake in how the program was called, found after the arguments were read.
struct Misuse: ExitCoded {
    let description: String
    let exitCode: Int32

    init(_ description: String, exitCode: Int32 = 64) {
        self.description = description
        self.exitCode = exitCode
    }
}

/// `lastseen: what` on standard error.
func complain(_ text: String) {
    var line = "lastseen: \(text)\n"
    line.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}

/// A reader that goes away shows as EPIPE, which the writers handle.
func ignorePipeSignal() { unsafe signal(SIGPIPE, SIG_IGN) }
