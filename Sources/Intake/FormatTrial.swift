public import SessionModel

/// Shows what a format makes of the first lines of an input, for somebody who writes a mapping.
public struct FormatTrial: Sendable {
    public enum Outcome: Sendable, Equatable {
        /// The record's fields that are not empty, in the order of the native record.
        case record([Value])
        case refused(reason: String)
        /// Sound, and not wanted by the format.
        case skipped
    }

    public struct Value: Sendable, Equatable {
        public var field: Format.Field
        public var text: String
    }

    public struct Line: Sendable, Equatable {
        public var line: UInt64
        public var outcome: Outcome
    }

    public var format: Format
    /// What `auto` took, and the reader's notes.
    public var notes: [String]
    public var lines: [Line]

    /// Decodes up to `count` lines (records, elements) that are not blank.
    public static func run(
        input: Input, format: FormatChoice, count: Int, options: IntakeOptions
    ) throws(IntakeError) -> FormatTrial {
        let reader = try SourceReader(
            input: input, format: format, options: options, resumeCandidates: [])
        let decoder = try RecordDecoder(format: reader.format, options: options)
        var lines: [Line] = []
        var out = DecodedRecords()
        while lines.count < count, let chunk = try reader.nextChunk(maximumBytes: 64 << 10) {
            for slice in chunk.slicePerRecord() where lines.count < count {
                out.removeAll()
                decoder.reset()
                decoder.decode(slice, into: &out)
                for reject in out.rejects {
                    lines.append(Line(line: reject.line, outcome: .refused(reason: reject.reason)))
                }
                for record in out.records.records {
                    lines.append(Line(line: record.line, outcome: .record(values(record))))
                }
                if out.skipped > 0 {
                    let number =
                        slice.spans.isEmpty ? slice.line : chunk.spans[slice.spans.lowerBound].line
                    lines.append(Line(line: number, outcome: .skipped))
                }
            }
        }
        let notes = (reader.formatNote.isEmpty ? [] : [reader.formatNote]) + reader.notes
        return FormatTrial(
            format: reader.format, notes: notes, lines: Array(lines.prefix(max(0, count))))
    }

    /// A record's fields as texts; control characters cannot be in them, other odd ones can.
    public static func values(_ record: Record) -> [Value] {
        var values: [Value] = []
        func add(_ field: Format.Field, _ text: String) {
            if !text.isEmpty { values.append(Value(field: field, text: text)) }
        }
        add(.time, record.time.rfc3339)
        add(.id, record.id.string)
        add(.tenant, record.tenant.string)
        add(.userID, record.userID.string)
        add(.userName, record.userName.string)
        add(.sessionID, record.sessionID.string)
        add(.deviceID, record.deviceID.string)
        add(.ip, record.address.isNone ? "" : record.address.description)
        add(.userAgent, record.userAgent.string)
        add(.application, record.application.string)
        add(.event, record.event.name)
        add(.outcome, record.outcome.name)
        add(.authMethod, record.auth == .unknown ? "" : record.auth.name)
        return values
    }
}
