/// Why the state could not be opened, read or written.
///
/// Each says where, what is wrong and what to do. Texts that come from files are shown with their
/// control characters escaped.
public enum StateError: Error, Equatable, Sendable {
    /// Another run holds the state. `holder` is what it wrote of itself; empty when unknown.
    case locked(path: String, holder: String)
    /// No space left, or a quota or file size limit was reached. Nothing of the commit was kept.
    case diskFull(path: String)
    /// A read was asked for where there is no state yet.
    case missing(path: String)
    /// The file or its folder cannot be made or opened for what was asked.
    case cannotOpen(path: String, reason: String)
    /// There is a file, but it is not a state of Lastseen.
    case foreign(path: String, reason: String)
    /// Written by a newer Lastseen. Versions are those of the schema.
    case newerVersion(path: String, found: Int, supported: Int)
    /// Written by an older Lastseen and opened for reading only, so that it cannot be brought up.
    case olderVersion(path: String, found: Int, supported: Int)
    /// Truncated or overwritten by something else.
    case damaged(path: String, reason: String)
    /// The system refused a read or a write.
    case failed(path: String, reason: String)
    /// A value is above its limit of `StateLimit`.
    case tooLarge(what: String, bytes: Int, limit: Int)
    /// The caller broke a rule of the store, as using it after `close`: a mistake in the program.
    case refused(path: String, reason: String)
    /// The body of a commit, or of a read, threw an error of its own; nothing was kept.
    case abandoned(path: String, reason: String)

    /// The status to end with (sysexits.h): 66 no input, 70 a mistake of ours, 73 cannot create,
    /// 74 input or output, 75 try again, 78 configuration.
    public var exitCode: Int32 {
        switch self {
        case .locked: 75
        case .diskFull, .damaged, .failed: 74
        case .missing: 66
        case .cannotOpen: 73
        case .foreign, .newerVersion, .olderVersion: 78
        case .tooLarge, .refused, .abandoned: 70
        }
    }
}

extension StateError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .locked(let path, let holder):
            "\(printable(path)): the state is in use by "
                + "\(holder.isEmpty ? "another run" : printable(holder)). "
                + "Wait for it to end, or use another --state."
        case .diskFull(let path):
            "\(printable(path)): no space left to write the state. Free some space and run again: "
                + "nothing of this commit was kept, and a rerun goes on from the one before."
        case .missing(let path):
            "\(printable(path)): there is no state yet. Run 'lastseen analyze' first, "
                + "or name the right file with --state."
        case .cannotOpen(let path, let reason):
            "\(printable(path)): the state cannot be opened: \(printable(reason))."
        case .foreign(let path, let reason):
            "\(printable(path)): not a state of Lastseen: \(printable(reason)). "
                + "It was left as it is. Name another file with --state."
        case .newerVersion(let path, let found, let supported):
            "\(printable(path)): written by a newer Lastseen (state version \(found), this program "
                + "knows up to \(supported)). It was left as it is. Use the newer program, or "
                + "another --state."
        case .olderVersion(let path, let found, let supported):
            "\(printable(path)): written by an older Lastseen (state version \(found), this "
                + "program reads \(supported)). Any run that writes, as 'lastseen analyze', brings "
                + "it up."
        case .damaged(let path, let reason):
            "\(printable(path)): the state is damaged: \(printable(reason)). Restore it from a "
                + "copy, or move it away (with the -wal file beside it) and run over the records "
                + "again."
        case .failed(let path, let reason):
            "\(printable(path)): the state cannot be read or written: \(printable(reason)). "
                + "Check the disk and run again: what was committed is kept."
        case .tooLarge(let what, let bytes, let limit):
            "\(what) has \(bytes) bytes, the state takes \(limit) at most. Please report this."
        case .refused(let path, let reason):
            "\(printable(path)): \(printable(reason)). Please report this."
        case .abandoned(let path, let reason):
            "\(printable(path)): the commit was given up: \(printable(reason))"
                + (reason.hasSuffix(".") ? "" : ".") + " Nothing of it was kept."
        }
    }
}

/// A text with its control characters (terminals obey them) written as `\u{…}`, and cut to 1024
/// characters.
func printable(_ text: String) -> String {
    var out = ""
    var count = 0
    for scalar in text.unicodeScalars {
        count += 1
        if count > 1024 { return out + "…" }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            out += "\\u{\(String(scalar.value, radix: 16))}"
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out
}
