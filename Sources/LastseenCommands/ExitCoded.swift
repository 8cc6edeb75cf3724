public import ArgumentParser
import Detection
import Enrichment
import Evaluation
import Glibc
import Intake
import Messaging
import Pipeline
import Publishing
import Response
import RuleBook
import Settings
import StateStore

/// An error that says with which status the program ends.
protocol ExitCoded: Error, CustomStringConvertible {
    var exitCode: Int32 { get }
}

extension StateError: ExitCoded {}
extension IntakeError: ExitCoded {}
extension OutputError: ExitCoded {}
extension EvaluationError: ExitCoded {}
extension HistoryError: ExitCoded {}

// A bad database, rule or expression file stops a run before it starts: EX_CONFIG.
extension GeoError: ExitCoded { var exitCode: Int32 { 78 } }
extension RuleError: ExitCoded { var exitCode: Int32 { 78 } }
extension SettingsError: ExitCoded { var exitCode: Int32 { 78 } }
extension UserAgentError: ExitCoded { var exitCode: Int32 { 78 } }

// What is set up wrongly is misuse; what the state or the system does not let us do is not.
extension ResponseError: ExitCoded {
    var exitCode: Int32 {
        switch self {
        case .badSetting, .unknownConnector: 64
        case .badFile, .badSecret: 78
        case .outbox, .journalBroken: 74
        case .system: 71
        }
    }
}

// Phrases, templates and directories are settings; a channel that is not there is misuse.
extension MessagingError: ExitCoded {
    var exitCode: Int32 {
        if case .unknownChannel = self { return 64 }
        return 78
    }
}

// A row of the state that cannot be read.
extension ProfileError: ExitCoded { var exitCode: Int32 { 74 } }
extension AlertJSONError: ExitCoded { var exitCode: Int32 { 74 } }

/// A mistake in how the program was called, found after the arguments were read.
struct Misuse: ExitCoded {
    let description: String
    let exitCode: Int32

    init(_ description: String, exitCode: Int32 = 64) {
        self.description = description
        self.exitCode = exitCode
    }
}

/// `lastseen: what` on standard error. What comes from elsewhere (names of files, for one) cannot
/// steer the terminal.
func complain(_ text: String) {
    let shown = text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { SafeText.visible(String($0), limit: 4096) }
    var line = "lastseen: \(shown.joined(separator: "\n"))\n"
    line.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}

/// A reader that goes away shows as EPIPE, which the writers handle.
func ignorePipeSignal() { unsafe signal(SIGPIPE, SIG_IGN) }

/// A closed standard input, output or error would give its number to the next file that is opened.
func occupyStandardDescriptors() {
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 {
        _ = open("/dev/null", O_RDWR)
    }
}
