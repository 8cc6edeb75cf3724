import CZlib
import CZstd
import Glibc

/// Uncompressed bytes, in order. Knows gzip and zstd by their first bytes.
///
/// Memory: 256 KiB of input and the decompressor's window (zstd: at most 128 MiB, its own default
/// limit). A bomb costs time, not memory.
final class ByteSource {
    enum Compression { case none, gzip, zstd }

    let name: String
    let compression: Compression
    /// What is known of the file now.
    private(set) var information = stat()
    /// Bytes taken from the file itself.
    private(set) var consumed: UInt64 = 0
    /// Why the rest cannot be had: the compressed data is damaged or ends early.
    private(set) var damage: String?
    private(set) var note: String?
    /// Whether an end of input is final.
    private(set) var hasEnded = false
    /// Do not wait for standard input.
    let isStreaming: Bool
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private var ahead: [UInt8] = []
    private var aheadStart = 0
    private var inflater: Inflater?
    private var input: UnsafeMutableRawPointer?
    private var inputStart = 0
    private var inputCount = 0
    /// The decompressor filled all it was given, and may have more without more input.
    private var mayHoldOutput = false
    private static let inputSize = 256 << 10

    /// `ahead` is what somebody read from the descriptor before.
    init(_ source: Input, isStreaming: Bool, ahead: [UInt8] = []) throws(IntakeError) {
        name = source.name
        self.isStreaming = isStreaming
        switch source {
        case .standardInput:
            descriptor = 0
            ownsDescriptor = false
        case .file(let path):
            descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
            guard descriptor >= 0 else { throw IntakeError.opening(path, errno) }
            ownsDescriptor = true
        }
        fstat(descriptor, &information)
        guard information.st_mode & S_IFMT != S_IFDIR else {
            if ownsDescriptor { close(descriptor) }
            throw IntakeError.notReadable(path: name, reason: "it is a folder")
        }
        self.ahead = ahead
        // Four bytes tell; a pipe may bring them one at a time.
        while self.ahead.count < 4, ownsDescriptor || !isStreaming {
            var bytes: [UInt8] = [0, 0, 0, 0]
            let count = Glibc.read(descriptor, &bytes, 4 - self.ahead.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            self.ahead += bytes.prefix(count)
            consumed += UInt64(count)
        }
        let first = self.ahead
        if first.starts(with: [0x1F, 0x8B]) {
            compression = .gzip
        } else if first.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
            || first.count >= 4 && first[0] & 0xF0 == 0x50 && first[1...3] == [0x2A, 0x4D, 0x18]
        {
            compression = .zstd
        } else {
            compression = .none
        }
        if compression != .none {
            input = .allocate(byteCount: ByteSource.inputSize, alignment: 16)
            inflater = try Inflater(compression == .gzip)
        }
    }

    deinit {
        if ownsDescriptor { close(descriptor) }
        input?.deallocate()
    }

    var isPlainFile: Bool {
        compression == .none && ownsDescriptor && information.st_mode & S_IFMT == S_IFREG
    }
    var isRegularFile: Bool { ownsDescriptor && information.st_mode & S_IFMT == S_IFREG }
    /// Of the file now, compressed or not.
    func refresh() { fstat(descriptor, &information) }

    var modifiedNanoseconds: Int64 {
        Int64(information.st_mtim.tv_sec) * 1_000_000_000 + Int64(information.st_mtim.tv_nsec)
    }

    /// Goes to a place of a plain file.
    func seek(to offset: UInt64) {
        lseek(descriptor, off_t(offset), SEEK_SET)
        ahead = []
        aheadStart = 0
        consumed = offset
        hasEnded = false
    }

    /// Starts over.
    func rewind() throws(IntakeError) {
        seek(to: 0)
        (inputStart, inputCount, mayHoldOutput, damage, note) = (0, 0, false, nil, nil)
        if compression != .none { inflater = try Inflater(compression == .gzip) }
    }

    /// Bytes of a plain file, wherever reading is. Fewer at the end.
    func bytes(at offset: UInt64, count: Int) -> [UInt8] {
        var found = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let n = found.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + have, count - have, off_t(offset) + off_t(have))
            }
            if n < 0, errno == EINTR { continue }
            if n <= 0 { break }
            have += n
        }
        return Array(found.prefix(have))
    }

    /// Up to `count` bytes; 0 when there are none now, and none ever when `hasEnded`.
    func read(into target: UnsafeMutableRawPointer, count: Int) throws(IntakeError) -> Int {
        guard compression != .none else { return try readFile(target, count) }
        guard damage == nil, !hasEnded, let inflater, let input else { return 0 }
        while true {
            if inputStart == inputCount, !mayHoldOutput {
                inputCount = try readFile(input, ByteSource.inputSize)
                inputStart = 0
                if inputCount == 0 {
                    if hasEnded, !inflater.isBetweenMembers {
                        damage =
                            "\(name): the compressed data ends early. What came before is kept; "
                            + "run again when the file is whole."
                    }
                    return 0
                }
            }
            switch inflater.step(input + inputStart, inputCount - inputStart, target, count) {
            case .progress(let used, let made):
                inputStart += used
                mayHoldOutput = made == count
                if made > 0 { return made }
            case .trailing:
                note = "\(name): bytes after the compressed data were passed over."
                hasEnded = true
                return 0
            case .failed(let reason):
                damage =
                    "\(name): the compressed data is damaged (\(reason)). What came before is kept; "
                    + "get the file again."
                return 0
            }
        }
    }

    private func readFile(_ target: UnsafeMutableRawPointer, _ count: Int) throws(IntakeError)
        -> Int
    {
        if aheadStart < ahead.count {
            let n = min(count, ahead.count - aheadStart)
            ahead.withUnsafeBytes {
                target.copyMemory(from: $0.baseAddress! + aheadStart, byteCount: n)
            }
            aheadStart += n
            if aheadStart == ahead.count { (ahead, aheadStart) = ([], 0) }
            return n
        }
        if hasEnded, !isRegularFile { return 0 }
        while true {
            if isStreaming, !isRegularFile {
                var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let ready = poll(&request, 1, 0)
                if ready == 0 || (ready < 0 && errno == EINTR) { return 0 }
            }
            let n = Glibc.read(descriptor, target, count)
            if n > 0 {
                consumed += UInt64(n)
                hasEnded = false
                return n
            }
            if n == 0 {
                hasEnded = true
                return 0
            }
            if errno == EINTR { continue }
            if errno == EAGAIN { return 0 }
            throw IntakeError.readFailed(path: name, reason: String(cString: strerror(errno)))
        }
    }
}

/// One decompressor: several gzip members or zstd frames follow each other as one text.
private final class Inflater {
    enum Step {
        case progress(used: Int, made: Int)
        case trailing
        case failed(String)
    }

    private let isGzip: Bool
    private var stream = z_stream()
    private var context: OpaquePointer?
    /// Nothing of a member was read yet, and at least one is done.
    private(set) var isBetweenMembers = false

    init(_ isGzip: Bool) throws(IntakeError) {
        self.isGzip = isGzip
        if isGzip {
            // 15 + 16: the largest window, gzip's wrapping (zlib.h, inflateInit2).
            guard
                inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
            else { throw IntakeError.unavailable(reason: "There is no memory for gzip") }
        } else {
            context = ZSTD_createDStream()
            guard context != nil else {
                throw IntakeError.unavailable(reason: "There is no memory for zstd")
            }
        }
    }

    deinit {
        if isGzip { inflateEnd(&stream) } else { ZSTD_freeDStream(context) }
    }

    func step(
        _ input: UnsafeMutableRawPointer, _ inputCount: Int,
        _ output: UnsafeMutableRawPointer, _ outputCount: Int
    ) -> Step {
        isGzip
            ? gzip(input, inputCount, output, outputCount)
            : zstd(input, inputCount, output, outputCount)
    }

    private func gzip(
        _ input: UnsafeMutableRawPointer, _ inputCount: Int,
        _ output: UnsafeMutableRawPointer, _ outputCount: Int
    ) -> Step {
        if isBetweenMembers {
            guard inputCount > 0 else { return .progress(used: 0, made: 0) }
            // Zeros pad the last block of a tape or a disk image; anything else is not ours.
            let bytes = input.assumingMemoryBound(to: UInt8.self)
            var zeros = 0
            while zeros < inputCount, bytes[zeros] == 0 { zeros += 1 }
            if zeros > 0 { return .progress(used: zeros, made: 0) }
            if bytes[0] != 0x1F || inputCount > 1 && bytes[1] != 0x8B { return .trailing }
            inflateReset(&stream)
            isBetweenMembers = false
        }
        stream.next_in = input.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = UInt32(inputCount)
        stream.next_out = output.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(min(outputCount, 1 << 30))
        let offered = Int(stream.avail_out)
        let status = inflate(&stream, Z_NO_FLUSH)
        let used = inputCount - Int(stream.avail_in)
        let made = offered - Int(stream.avail_out)
        switch status {
        case Z_STREAM_END:
            isBetweenMembers = true
            return .progress(used: used, made: made)
        case Z_OK, Z_BUF_ERROR:
            return .progress(used: used, made: made)
        default:
            // What a failing call wrote before the bad place is sound only up to the last check.
            return .failed(stream.msg.map { String(cString: $0) } ?? "zlib error \(status)")
        }
    }

    private func zstd(
        _ input: UnsafeMutableRawPointer, _ inputCount: Int,
        _ output: UnsafeMutableRawPointer, _ outputCount: Int
    ) -> Step {
        var source = ZSTD_inBuffer(src: input, size: inputCount, pos: 0)
        var target = ZSTD_outBuffer(dst: output, size: outputCount, pos: 0)
        let status = ZSTD_decompressStream(context, &target, &source)
        guard ZSTD_isError(status) == 0 else {
            return .failed(String(cString: ZSTD_getErrorName(status)))
        }
        // 0: a frame is done and all of it was handed out.
        if source.pos > 0 || target.pos > 0 { isBetweenMembers = status == 0 }
        return .progress(used: source.pos, made: target.pos)
    }
}
