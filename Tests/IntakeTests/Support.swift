import CZlib
import CZstd
import Glibc
import SessionModel

@testable import Intake

/// A folder that goes away with its owner.
final class Scratch {
    let path: String

    init() {
        var template = Array("/tmp/lastseen-intake-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
    }

    deinit { Scratch.remove(path) }

    private static func remove(_ folder: String) {
        for name in names(folder) where unlink("\(folder)/\(name)") != 0 {
            remove("\(folder)/\(name)")
        }
        rmdir(folder)
    }

    private static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        let path = file(name)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        Scratch.put(descriptor, bytes)
        return path
    }

    @discardableResult
    func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

    func append(_ name: String, _ text: String) {
        Scratch.put(open(file(name), O_WRONLY | O_APPEND | O_CREAT, 0o600), Array(text.utf8))
    }

    private static func put(_ descriptor: Int32, _ bytes: [UInt8]) {
        var at = 0
        while at < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + at, bytes.count - at)
            }
            precondition(count > 0, "writing a test's file failed")
            at += count
        }
        close(descriptor)
    }

    /// Sets the time of last change.
    func touch(_ name: String, _ time: Timestamp) {
        let seconds = Int(time.milliseconds / 1000)
        var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        utimensat(AT_FDCWD, file(name), &times, 0)
    }
}

func gzip(_ text: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = text
    var output = [UInt8](repeating: 0, count: text.count + text.count / 1000 + 256)
    let count = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target -> Int in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
            return target.count - Int(stream.avail_out)
        }
    }
    return Array(output.prefix(count))
}

func zstd(_ text: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(text.count))
    let count = ZSTD_compress(&output, output.count, text, text.count, 3)
    precondition(ZSTD_isError(count) == 0)
    return Array(output.prefix(count))
}

/// 2026-11-23T12:00:00Z: the tests' now.
let testNow = Timestamp(year: 2026, month: 11, day: 23, hour: 12)
let testOptions = IntakeOptions(now: testNow)

/// A record with everything that a reader sees, as text that outlives its chunk.
func describe(_ record: Record) -> String {
    FormatTrial.values(record).map { "\($0.field.rawValue)=\($0.text)" }.joined(separator: " ")
}

/// All that came of an input.
struct Decoded: Equatable {
    var records: [String] = []
    var rejects: [Reject] = []
    var skipped: UInt64 = 0
    var lines: UInt64 = 0

    mutating func take(
        _ chunk: Chunk, _ decoder: RecordDecoder, slices: Int = 1, withPlaces: Bool = true
    ) {
        for slice in chunk.slices(slices) {
            var out = DecodedRecords()
            decoder.decode(slice, into: &out)
            records += out.records.records.map {
                withPlaces
                    ? "\($0.line)@\($0.endOffset)#\($0.contentHash) \(describe($0))" : describe($0)
            }
            rejects += out.rejects
            skipped += out.skipped
            lines += out.lines
            decoder.reset()
        }
    }
}

/// Reads an input whole.
func readAll(
    _ path: String, format: FormatChoice = .auto(), options: IntakeOptions = testOptions,
    from candidates: [SourcePosition] = [], maximumBytes: Int = 4 << 20, slices: Int = 1,
    withPlaces: Bool = true
) throws -> Decoded {
    let reader = try SourceReader(
        input: .file(path: path), format: format, options: options, resumeCandidates: candidates)
    let decoder = try RecordDecoder(format: reader.format, options: options)
    var decoded = Decoded()
    while let chunk = try reader.nextChunk(maximumBytes: maximumBytes) {
        decoded.take(chunk, decoder, slices: slices, withPlaces: withPlaces)
    }
    return decoded
}

/// Decodes text as a file of a format.
func decode(
    _ text: String, as format: String = "native", options: IntakeOptions = testOptions,
    withPlaces: Bool = false
) throws -> Decoded {
    let scratch = Scratch()
    return try readAll(
        scratch.write("input", text), format: .fixed(try FormatCatalog.named(format)),
        options: options,
        withPlaces: withPlaces)
}

/// A native record that lacks nothing.
func native(
    _ i: Int = 1, time: String = "2026-03-01T08:15:30.120Z", rest: String = ""
) -> String {
    #"{"id":"e\#(i)","time":"\#(time)","user":{"id":"u\#(i % 7)","name":"ann"},"session":{"id":"s\#(i % 11)"},"event":"login","outcome":"success","ip":"81.2.69.\#(i % 250)","device":{"id":"d1"},"user_agent":"Mozilla/5.0"\#(rest)}"#
}

/// Numbers that repeat themselves, so that a failing case can be run again (Steele et al., SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
