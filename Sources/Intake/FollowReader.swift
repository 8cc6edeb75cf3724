import Glibc
import SessionModel

/// An input that grows: a file that is followed by its name, as `tail -F` does, or standard input.
/// One thread at a time.
///
/// When the file is renamed and a new one takes its name, the old one is read to its end first; when it
/// is cut short or its beginning changes, reading starts anew; when it is missing, it is waited for. On
/// a restart a position that lies in a rotated file (`auth.log.1`, `auth.log-20261123.gz` beside
/// `auth.log`) is found there, and that file and those between are read first. A last line without its
/// newline is held until that comes, or until its file is given up for the next. Two rotations between
/// two looks (a second, at most) lose what was written to the file in the middle.
public final class FollowReader: @unchecked Sendable {
    public let input: Input
    /// Known when the first chunk came.
    public private(set) var format: Format?
    /// Standard input was closed: nothing will come any more.
    public private(set) var isEnded = false
    private let options: IntakeOptions
    private var choice: FormatChoice
    private var candidates: [SourcePosition]
    private var current: SourceReader?
    private var pendingNotes: [String] = []
    /// Opened, and without a whole line yet, so that its format cannot be told.
    private var waiting: ByteSource?
    /// Rotated files to be read before the file itself.
    private var earlier: [String]?
    private var ahead: [UInt8] = []
    private var yearsAfter: Int64 = 0
    private var isMissing = false
    private var isReplacement = false
    private var checked: (size: Int64, seconds: Int, nanoseconds: Int) = (-1, 0, 0)

    /// Does not open the file yet.
    public init(
        input: Input, format: FormatChoice, options: IntakeOptions,
        resumeCandidates: [SourcePosition]
    ) {
        self.input = input
        choice = format
        self.options = options
        candidates = resumeCandidates
        if case .fixed(let given) = format { self.format = given }
    }

    /// What a person should know, since the last call: what was taken, rotations, truncations.
    public func takeNotes() -> [String] {
        defer { pendingNotes = [] }
        return pendingNotes
    }

    /// Whole records that came; nil when there are no more now. Waits for nothing.
    public func nextChunk(maximumBytes: Int = 4 << 20) throws(IntakeError) -> Chunk? {
        switch input {
        case .standardInput: return try nextOfStandardInput(maximumBytes)
        case .file(let path): return try nextOfFile(path, maximumBytes)
        }
    }

    /// A checkpoint in the newest chunk. For older ones ask the chunk itself.
    public func position(afterOffset offset: UInt64, line: UInt64) -> SourcePosition? {
        current?.position(afterOffset: offset, line: line)
    }

    private func begin(
        _ source: ByteSource, isFollowing: Bool, _ candidates: [SourcePosition]
    ) throws(IntakeError) -> SourceReader {
        let reader = try SourceReader(
            source: source, format: choice, options: options, resumeCandidates: candidates,
            isFollowing: isFollowing, yearsAfter: yearsAfter, positionPath: input.name)
        if format == nil, !reader.formatNote.isEmpty { pendingNotes.append(reader.formatNote) }
        format = reader.format
        choice = .fixed(reader.format)
        // That a new file is another one was said already.
        pendingNotes +=
            isReplacement ? reader.notes.filter { !$0.hasSuffix("from the start.") } : reader.notes
        isReplacement = false
        return reader
    }

    // MARK: - Standard input

    private func nextOfStandardInput(_ maximumBytes: Int) throws(IntakeError) -> Chunk? {
        if isEnded { return nil }
        if current == nil {
            // Its format is told by its first line, which may be a while in coming.
            var isOver = false
            while ahead.count < Probe.size, !ahead.contains(0x0A), !isOver {
                var request = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
                guard poll(&request, 1, 0) > 0 else { return nil }
                var bytes = [UInt8](repeating: 0, count: Probe.size)
                let count = read(0, &bytes, bytes.count)
                if count < 0, errno == EINTR || errno == EAGAIN { return nil }
                if count <= 0 { isOver = true } else { ahead += bytes.prefix(count) }
            }
            let source = try ByteSource(.standardInput, isStreaming: true, ahead: ahead)
            ahead = []
            current = try begin(source, isFollowing: true, [])
        }
        guard let current else { return nil }
        if let chunk = try current.nextChunk(maximumBytes: maximumBytes, isFinal: false) {
            return chunk
        }
        guard current.source.hasEnded || current.source.damage != nil else { return nil }
        if let chunk = try current.nextChunk(maximumBytes: maximumBytes, isFinal: true) {
            return chunk
        }
        pendingNotes += current.notes.filter { !pendingNotes.contains($0) }
        isEnded = true
        return nil
    }

    // MARK: - Files

    private func nextOfFile(_ path: String, _ maximumBytes: Int) throws(IntakeError) -> Chunk? {
        if earlier == nil { earlier = try rotatedFiles(path) }
        while true {
            if current == nil, try !openNext(path) { return nil }
            guard let reader = current else { return nil }
            if reader.isFollowing, hasChanged(reader, path) {
                yearsAfter = reader.yearsTime
                candidates = []
                current = nil
                continue
            }
            let known = reader.notes.count
            if let chunk = try reader.nextChunk(maximumBytes: maximumBytes) { return chunk }
            pendingNotes += reader.notes.dropFirst(known)
            if reader.source.name != path {
                // A rotated file is done.
                yearsAfter = reader.yearsTime
                candidates = []
                current = nil
                continue
            }
            var now = stat()
            guard stat(path, &now) == 0 else {
                if !isMissing { pendingNotes.append("\(path) is gone: waiting for it.") }
                isMissing = true
                return nil
            }
            isMissing = false
            guard
                now.st_ino != reader.source.information.st_ino
                    || now.st_dev != reader.source.information.st_dev
            else { return nil }
            // Another file has the name: what was written to the old one until then comes first.
            if let chunk = try reader.nextChunk(maximumBytes: maximumBytes, isFinal: true) {
                return chunk
            }
            isReplacement = true
            pendingNotes.append("\(path) was replaced: going on with the new file.")
            yearsAfter = reader.yearsTime
            candidates =
                reader.newest.map {
                    [$0.position(afterOffset: $0.endOffset, line: $0.lastLine)]
                } ?? candidates
            current = nil
        }
    }

    /// Opens the next file to read; false when there is none that can be read yet.
    private func openNext(_ path: String) throws(IntakeError) -> Bool {
        if let rotated = earlier?.first {
            earlier?.removeFirst()
            do {
                let source = try ByteSource(.file(path: rotated), isStreaming: false)
                current = try begin(source, isFollowing: false, candidates)
            } catch {
                pendingNotes.append("\(error)")
            }
            return current != nil ? true : try openNext(path)
        }
        var now = stat()
        if let source = waiting {
            source.refresh()
            let isSame =
                stat(path, &now) == 0 && now.st_ino == source.information.st_ino
                && now.st_dev == source.information.st_dev
            guard SourceIsReady.check(source) || !isSame && source.information.st_size > 0 else {
                if !isSame { waiting = nil }
                return isSame ? false : try openNext(path)
            }
            waiting = nil
            // Opened again when it is still there: compression is told by the first bytes.
            guard isSame else { return try start(source) }
        }
        let source: ByteSource
        do {
            source = try ByteSource(.file(path: path), isStreaming: true)
        } catch {
            guard case .missing = error else { throw error }
            if !isMissing { pendingNotes.append("\(path) is not there yet: waiting for it.") }
            isMissing = true
            return false
        }
        isMissing = false
        guard source.isRegularFile else {
            throw IntakeError.notReadable(
                path: path, reason: "it is no regular file; pipe it in as '-'")
        }
        guard SourceIsReady.check(source) else {
            waiting = source
            return false
        }
        return try start(source)
    }

    private func start(_ source: ByteSource) throws(IntakeError) -> Bool {
        try source.rewind()
        current = try begin(source, isFollowing: source.compression == .none, candidates)
        checked = (-1, 0, 0)
        return true
    }

    /// Whether the file was cut short or written anew in place.
    private func hasChanged(_ reader: SourceReader, _ path: String) -> Bool {
        let source = reader.source
        source.refresh()
        let now = source.information
        let seen = (Int64(now.st_size), Int(now.st_mtim.tv_sec), Int(now.st_mtim.tv_nsec))
        guard seen != checked else { return false }
        checked = (seen.0, seen.1, seen.2)
        if UInt64(max(0, now.st_size)) < source.consumed {
            pendingNotes.append("\(path) was cut to \(now.st_size) bytes: read from the start.")
            return true
        }
        if source.bytes(at: 0, count: reader.head.count) != reader.head {
            pendingNotes.append("\(path) was written anew: read from the start.")
            return true
        }
        return false
    }

    // MARK: - Rotated files

    /// Files that took the place of this one since the position: the one that the position lies in,
    /// and those changed later, oldest first. Empty when the position lies in the file itself.
    private func rotatedFiles(_ path: String) throws(IntakeError) -> [String] {
        guard let own = candidates.first(where: { $0.path == path && $0.offset > 0 }) else {
            return []
        }
        if try holds(path, own) { return [] }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "./"
        let base = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let files: [String]
        do {
            files = try InputList.files(in: folder)
        } catch {
            return []
        }
        var found: [(path: String, modified: Int64)] = []
        for other in files where found.count < 64 {
            let name = other.dropFirst(folder.count)
            guard name.hasPrefix(base), name != base else { continue }
            var information = stat()
            guard stat(other, &information) == 0 else { continue }
            let modified =
                Int64(information.st_mtim.tv_sec) * 1_000_000_000
                + Int64(information.st_mtim.tv_nsec)
            // gzip keeps the time to the second only.
            if modified >= own.modified - 2_000_000_000 { found.append((other, modified)) }
        }
        found.sort { ($0.modified, $1.path) < ($1.modified, $0.path) }
        for (i, file) in found.enumerated() where try holds(file.path, own) {
            let files = found[i...].map(\.path)
            pendingNotes.append(
                "\(path) was rotated: going on in \(files.joined(separator: ", ")) first.")
            return files
        }
        return []
    }

    private func holds(_ path: String, _ position: SourcePosition) throws(IntakeError) -> Bool {
        do {
            let source = try ByteSource(.file(path: path), isStreaming: false)
            let format: FormatChoice =
                switch choice {
                case .fixed: choice
                case .auto:
                    FormatCatalog.names.contains(position.formatName)
                        ? .fixed(try FormatCatalog.named(position.formatName)) : choice
                }
            return try SourceReader(
                source: source, format: format, options: options, resumeCandidates: [position],
                isFollowing: false
            ).resumed != nil
        } catch {
            return false
        }
    }

    /// For `Follower`.
    var isWaitingForStandardInput: Bool { input == .standardInput && !isEnded }
}

/// Whether enough of a file is there to tell its format.
private enum SourceIsReady {
    static func check(_ source: ByteSource) -> Bool {
        source.compression != .none
            || source.bytes(at: 0, count: Probe.size).contains(0x0A)
            || source.information.st_size >= Int64(Probe.size)
    }
}
