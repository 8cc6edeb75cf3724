import Glibc
import SessionModel

/// Where reading goes on.
extension SourceReader {
    func resume(_ candidates: [SourcePosition]) throws(IntakeError) {
        guard source.isRegularFile else { return }
        let own = candidates.first { $0.path == facts.positionPath && $0.offset > 0 }
        let usable = candidates.filter { candidate in
            candidate.offset > 0 && Int(candidate.headLength) <= head.count
                && SourceReader.hash(head.prefix(Int(candidate.headLength))) == candidate.headHash
        }
        let found = source.isPlainFile ? resumePlain(usable) : try resumeCompressed(usable)
        if let found {
            resumed = found
            // What comes after a line without a newline is still of that line.
            let isInLine = framing == .lines && dropUntil == 0 && history.last != 0x0A
            line = isInLine ? max(1, found.line) : found.line + 1
        } else if let own {
            source.refresh()
            let size = UInt64(max(0, source.information.st_size))
            notes.append(
                source.isPlainFile && size < own.offset
                    ? "\(source.name) shrank from at least \(own.offset) to \(size) bytes: read from the start."
                    : "\(source.name) has other content than before: read from the start.")
        }
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBufferPointer { TextView($0).hash(domain: HashDomain.text) }
    }

    private func resumePlain(_ candidates: [SourcePosition]) -> SourcePosition? {
        source.refresh()
        let size = UInt64(max(0, source.information.st_size))
        for candidate in candidates.sorted(by: { $0.offset > $1.offset }) {
            let window = Int(min(candidate.offset, UInt64(SourcePosition.window)))
            guard candidate.offset <= size else { continue }
            let tail = source.bytes(at: candidate.offset - UInt64(window), count: window)
            guard tail.count == window, SourceReader.hash(tail[...]) == candidate.tailHash else {
                continue
            }
            if framing == .document {
                dropUntil = candidate.offset
                return candidate
            }
            source.seek(to: candidate.offset)
            carry = []
            offset = candidate.offset
            history = tail
            passRestOfLine(source.bytes(at: candidate.offset, count: 2))
            return candidate
        }
        return nil
    }

    /// A last line without a newline was taken as it was. Did it go on since?
    private func passRestOfLine(_ next: [UInt8]) {
        guard framing == .lines, history.last != 0x0A, let byte = next.first, byte != 0x0A,
            !(byte == 0x0D && next.count > 1 && next[1] == 0x0A), byte != 0x0D || next.count > 1
        else { return }
        notes.append(
            "\(source.name): the last line was taken before it was whole; its rest is passed over.")
        isSkippingLine = true
    }

    /// Reads on to each candidate's offset in turn; when the last one that fits was passed, again.
    private func resumeCompressed(_ candidates: [SourcePosition]) throws(IntakeError)
        -> SourcePosition?
    {
        // Read to its end before and not touched since: it need not be unpacked to see that.
        if let done = candidates.first(where: { $0.isComplete && isUntouched(since: $0) }) {
            isFinished = true
            return done
        }
        let sorted = candidates.sorted { $0.offset < $1.offset }
        guard !sorted.isEmpty else { return nil }
        let start = (carry: carry, offset: offset, history: history)
        var best: SourcePosition?
        for candidate in sorted where candidate.offset >= offset {
            guard try advance(to: candidate.offset) else { break }
            let window = Int(min(candidate.offset, UInt64(SourcePosition.window)))
            if SourceReader.hash(history.suffix(window)) == candidate.tailHash { best = candidate }
        }
        if let best, offset == best.offset, framing != .document {
            passRestOfLine(Array(carry.prefix(2)))
            return best
        }
        // Back to the start, and to the best.
        try source.rewind()
        let (first, _) = try SourceReader.read(source, upTo: Probe.size)
        (carry, offset, history) = start
        carry = Array(first[min(Int(start.offset), first.count)...])
        guard let best else { return nil }
        if framing == .document {
            dropUntil = best.offset
        } else {
            _ = try advance(to: best.offset)
            passRestOfLine(Array(carry.prefix(2)))
        }
        return best
    }

    private func isUntouched(since position: SourcePosition) -> Bool {
        position.inode == facts.inode && position.device == facts.device
            && position.compressedSize == totalBytes
            && position.modified == source.modifiedNanoseconds
    }

    /// Passes over bytes up to `target`; false when the source ends before.
    private func advance(to target: UInt64) throws(IntakeError) -> Bool {
        while offset < target {
            if carry.isEmpty {
                let (more, _) = try SourceReader.read(source, upTo: 1 << 20)
                if more.isEmpty { return false }
                carry = more
            }
            let step = Int(min(UInt64(carry.count), target - offset))
            history = Array(
                (history.suffix(SourcePosition.window) + carry[..<step]).suffix(
                    SourcePosition.window))
            carry.removeFirst(step)
            offset += UInt64(step)
        }
        if carry.isEmpty { carry = try SourceReader.read(source, upTo: Probe.size).bytes }
        return true
    }
}
