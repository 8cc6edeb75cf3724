import Glibc
import SessionModel

/// Reads a file of lines piece by piece; `-` is standard input.
final class LineFile {
    /// The longest line, in bytes.
    static let lineLimit = 4 << 20

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private(set) var line = 0

    /// Nil when it cannot be opened; `errno` says why.
    init?(path: String) {
        descriptor = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// The next line that is not blank, without its newline.
    func next() -> ArraySlice<UInt8>? {
        while let line = nextLine() {
            if line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) { return line }
        }
        return nil
    }

    private func nextLine() -> ArraySlice<UInt8>? {
        var from = start
        while true {
            if let end = buffer[from...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                line += 1
                return buffer[start..<end]
            }
            if isAtEnd || buffer.count - start > Self.lineLimit {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                line += 1
                return buffer[start...]
            }
            buffer.removeFirst(start)
            start = 0
            from = buffer.count
            fill()
        }
    }

    private func fill() {
        var piece = [UInt8](repeating: 0, count: 1 << 18)
        let count = unsafe piece.withUnsafeMutableBytes {
            unsafe read(descriptor, $0.baseAddress, $0.count)
        }
        if count > 0 { buffer += piece[..<count] } else { isAtEnd = true }
    }
}
