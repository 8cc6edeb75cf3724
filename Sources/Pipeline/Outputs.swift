import Glibc
import Publishing
import SessionModel
import StateStore

/// Where alerts go.
public struct OutputTarget: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// For a person.
        case text
        /// One JSON object a line, as Publishing's schema says.
        case ndjson
    }

    public var kind: Kind
    /// `-` is standard output.
    public var path: String

    public init(kind: Kind, path: String) { (self.kind, self.path) = (kind, path) }

    var name: String { path == "-" ? "stdout" : "\(kind.rawValue):\(path)" }
}

/// The outputs of a run, kept in step with the state.
///
/// A file gets its bytes before the transaction, which stores the file's new length: a run that dies
/// between leaves bytes that the next one cuts off. Standard output cannot be cut, so it gets its
/// bytes after the transaction, and the state remembers up to where: what a dying run did not print
/// is printed by the next.
final class Outputs {
    /// An alert in its written forms.
    struct Published {
        let alert: Alert
        let json: [UInt8]

        init(_ alert: Alert) {
            self.alert = alert
            json = AlertJSON.bytes(alert)
        }
    }

    private struct Sink {
        let target: OutputTarget
        let writer: FeedWriter
    }

    private var sinks: [Sink] = []
    private let style: TextStyle
    /// Alerts of this commit, for standard output.
    private var pending: [Published] = []
    private(set) var lastSequence: Int64
    private(set) var printedSequence: Int64
    /// Where refused lines go.
    private var rejects: FeedWriter?
    private let rejectsName: String
    /// What was wrong but does not stop the run.
    private(set) var notes: [String] = []
    private(set) var printedCount = 0

    init(
        _ targets: [OutputTarget], rejectsPath: String?, store: StateStore, style: TextStyle
    ) throws {
        self.style = style
        lastSequence = try store.lastRevisionSequence()
        printedSequence = lastSequence
        let rows = try store.outputs()
        func length(_ name: String) -> UInt64 {
            UInt64(max(0, rows.first { $0.name == name }?.committedLength ?? 0))
        }
        for target in targets {
            let known = rows.first { $0.name == target.name }
            // A file that is new to this state may hold another state's alerts: it is added to.
            let writer =
                try known == nil && target.path != "-"
                ? FeedWriter(path: target.path, committedLength: Outputs.size(target.path))
                : FeedWriter(path: target.path, committedLength: length(target.name))
            if writer.wasReplaced {
                notes.append(
                    "\(target.path): shorter than this state left it; adding to what is there.")
            }
            sinks.append(Sink(target: target, writer: writer))
        }
        rejectsName = "rejects:\(rejectsPath ?? "")"
        if let rejectsPath {
            let name = rejectsName
            let known = rows.contains { $0.name == name }
            rejects = try FeedWriter(
                path: rejectsPath,
                committedLength: known ? length(rejectsName) : Outputs.size(rejectsPath))
        }
        try notePresentLengths(rows, store)
        if sinks.contains(where: { $0.target.path == "-" }),
            let row = rows.first(where: { $0.name == "stdout" })
        {
            try printLeftOver(after: row.lastSequence, store)
        }
    }

    /// Puts how long files are that the state does not know, or knows as longer, before anything is
    /// written to them: else a run that dies before its first commit would leave its alerts there
    /// for good.
    private func notePresentLengths(_ rows: [OutputRow], _ store: StateStore) throws {
        var present: [OutputRow] = []
        func note(_ name: String, _ writer: FeedWriter, _ sequence: Int64) {
            let length = Int64(writer.length)
            let row = rows.first { $0.name == name }
            guard row?.committedLength != length else { return }
            present.append(
                OutputRow(
                    name: name, committedLength: length, lastSequence: row?.lastSequence ?? sequence
                ))
        }
        for sink in sinks where sink.target.path != "-" {
            note(sink.target.name, sink.writer, lastSequence)
        }
        if let rejects { note(rejectsName, rejects, 0) }
        guard !present.isEmpty else { return }
        try store.commit(isPreparation: true) { transaction in
            for row in present { try transaction.putOutput(row) }
        }
    }

    private static func size(_ path: String) -> UInt64 {
        var status = stat()
        return stat(path, &status) == 0 && status.st_size > 0 ? UInt64(status.st_size) : 0
    }

    /// What a run that died had committed and not printed.
    private func printLeftOver(after sequence: Int64, _ store: StateStore) throws {
        var from = sequence
        while true {
            let rows = try store.revisions(afterSequence: from, limit: 1000)
            if rows.isEmpty { return }
            for row in rows {
                pending.append(Published(try AlertJSON.read(row.json)))
                from = row.sequence
            }
            try printPending()
        }
    }

    /// Writes the alerts of a commit to the files.
    func take(_ alerts: [Published]) throws {
        for alert in alerts { try append(alert, toFiles: true) }
        for sink in sinks where sink.target.path != "-" { try sink.writer.flush() }
        _ = try rejects?.flush()
        if sinks.contains(where: { $0.target.path == "-" }) { pending = alerts }
    }

    private func append(_ alert: Published, toFiles: Bool) throws {
        for sink in sinks where (sink.target.path != "-") == toFiles {
            switch sink.target.kind {
            case .ndjson:
                try sink.writer.append(alert.json)
                if alert.json.last != 0x0A { try sink.writer.append(CollectionOfOne<UInt8>(0x0A)) }
            case .text:
                guard alert.alert.isMaterial else { continue }
                // That an alert is closed is good news, and no reason for a run to end otherwise.
                if !toFiles, alert.alert.status != .closed { printedCount += 1 }
                try sink.writer.append(AlertText.render(alert.alert, style: style).utf8)
            }
        }
    }

    func reject(_ reject: Reject) throws {
        guard let rejects else { return }
        try rejects.append(RejectLine.json(reject))
    }

    /// Puts the lengths into the transaction.
    func store(_ transaction: inout StateTransaction, sequence: Int64) throws {
        lastSequence = sequence
        for sink in sinks {
            let isStdout = sink.target.path == "-"
            try transaction.putOutput(
                OutputRow(
                    name: sink.target.name,
                    committedLength: isStdout ? 0 : Int64(sink.writer.length),
                    lastSequence: isStdout ? printedSequence : sequence))
        }
        if let rejects {
            try transaction.putOutput(
                OutputRow(
                    name: rejectsName, committedLength: Int64(rejects.length), lastSequence: 0))
        }
    }

    /// After the transaction: prints.
    func committed() throws {
        try printPending()
        // What a reader who went away did not take is printed by the next run.
        if readerIsGone == nil { printedSequence = lastSequence }
    }

    private func printPending() throws {
        for alert in pending { try append(alert, toFiles: false) }
        pending.removeAll()
        for sink in sinks where sink.target.path == "-" { try sink.writer.flush() }
    }

    /// Set when standard output is the only output and its reader has gone: there is nobody left to
    /// tell.
    var readerIsGone: OutputError? {
        !sinks.isEmpty && sinks.allSatisfy { $0.target.path == "-" && $0.writer.isReaderGone }
            ? .readerIsGone(path: "standard output") : nil
    }

    /// Opens files anew that were renamed or removed (logrotate), between two commits; what was done,
    /// for a person. The next commit stores the new file's length.
    func followRotation() throws -> [String] {
        var notes: [String] = []
        for writer in sinks.filter({ $0.target.path != "-" }).map(\.writer)
            + [rejects].compactMap({ $0 })
        where try writer.reopenIfMoved() {
            notes.append("\(writer.path) was rotated: going on in a new file.")
        }
        return notes
    }

    /// At the end of a run: nothing is left to print.
    func finish(_ store: StateStore) throws {
        guard sinks.contains(where: { $0.target.path == "-" }), readerIsGone == nil else { return }
        try store.commit { transaction in try transaction.removeOutput("stdout") }
    }
}
