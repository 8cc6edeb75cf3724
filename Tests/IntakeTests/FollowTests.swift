import Glibc
import SessionModel
import Testing

@testable import Intake

@Suite(.serialized) struct FollowTests {
    /// A reader with its decoder, as a stream has them.
    final class Watch {
        let reader: FollowReader
        var decoded = Decoded()
        var notes: [String] = []
        var position: SourcePosition?

        init(_ path: String, from candidates: [SourcePosition] = []) {
            reader = FollowReader(
                input: .file(path: path), format: .auto(), options: testOptions,
                resumeCandidates: candidates)
        }

        /// The ids that came since the last look.
        func look() throws -> [String] {
            let before = decoded.records.count
            while let chunk = try reader.nextChunk() {
                let decoder = try RecordDecoder(format: reader.format!, options: testOptions)
                decoded.take(chunk, decoder, withPlaces: false)
                position = chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine)
            }
            notes += reader.takeNotes()
            return decoded.records[before...].map {
                String($0.split(separator: " ")[1].dropFirst(3))
            }
        }
    }

    private static func lines(_ numbers: ClosedRange<Int>) -> String {
        numbers.map { native($0) + "\n" }.joined()
    }

    @Test("lines come as they are written, an incomplete one when its newline comes")
    func growing() throws {
        let scratch = Scratch()
        let watch = Watch(scratch.file("a"))
        #expect(try watch.look() == [])
        #expect(watch.notes == ["\(scratch.file("a")) is not there yet: waiting for it."])
        scratch.write("a", "")
        #expect(try watch.look() == [])
        scratch.append("a", String(native(1).prefix(50)))
        #expect(try watch.look() == [])
        scratch.append("a", String(native(1).dropFirst(50)))
        #expect(try watch.look() == [])
        scratch.append("a", "\n" + native(2))
        #expect(try watch.look() == ["e1"])
        scratch.append("a", "\nbad\n\n" + native(3) + "\n")
        #expect(try watch.look() == ["e2", "e3"])
        #expect(watch.decoded.rejects.map(\.line) == [3])
    }

    @Test("a renamed file is read to its end, then the new one")
    func renamed() throws {
        let scratch = Scratch()
        scratch.write("a", FollowTests.lines(1...2))
        let watch = Watch(scratch.file("a"))
        #expect(try watch.look() == ["e1", "e2"])
        rename(scratch.file("a"), scratch.file("a.1"))
        #expect(try watch.look() == [])
        // The writer still has the old one open.
        scratch.append("a.1", native(3) + "\n" + native(4))
        scratch.write("a", FollowTests.lines(5...5))
        #expect(try watch.look() == ["e3", "e4", "e5"])
        scratch.append("a", FollowTests.lines(6...6))
        #expect(try watch.look() == ["e6"])
        #expect(watch.decoded.rejects == [])
    }

    @Test("copy and truncate starts anew, also when the file has grown beyond since")
    func truncated() throws {
        let scratch = Scratch()
        scratch.write("a", FollowTests.lines(1...5))
        let watch = Watch(scratch.file("a"))
        #expect(try watch.look().count == 5)
        scratch.write("a", FollowTests.lines(6...7))  // O_TRUNC keeps the inode
        #expect(try watch.look() == ["e6", "e7"])
        #expect(watch.notes.last?.contains("was cut to") == true)
        scratch.write("a", FollowTests.lines(10...40))
        #expect(try watch.look().count == 31)
        #expect(watch.notes.last?.contains("was written anew") == true)
    }

    @Test("a copy that takes the file's place goes on, another content starts anew")
    func replaced() throws {
        let scratch = Scratch()
        scratch.write("a", FollowTests.lines(1...3))
        let watch = Watch(scratch.file("a"))
        #expect(try watch.look().count == 3)
        scratch.write("b", FollowTests.lines(1...4))
        rename(scratch.file("b"), scratch.file("a"))
        #expect(try watch.look() == ["e4"])
        scratch.write("b", FollowTests.lines(7...8))
        rename(scratch.file("b"), scratch.file("a"))
        #expect(try watch.look() == ["e7", "e8"])
    }

    @Test(
        "a restart goes on where it was, also in files that were rotated since",
        arguments: [false, true])
    func restart(isCompressed: Bool) throws {
        let scratch = Scratch()
        scratch.write("a.log", FollowTests.lines(1...3))
        let first = Watch(scratch.file("a.log"))
        #expect(try first.look().count == 3)
        let position = try #require(first.position)
        let again = Watch(scratch.file("a.log"), from: [position])
        #expect(try again.look() == [])
        scratch.append("a.log", FollowTests.lines(4...4))
        #expect(try again.look() == ["e4"])
        // Two rotations while nobody looked.
        scratch.append("a.log", FollowTests.lines(5...5))
        if isCompressed {
            scratch.write("a.log.2.gz", gzip(Array(FollowTests.lines(1...5).utf8)))
            unlink(scratch.file("a.log"))
        } else {
            rename(scratch.file("a.log"), scratch.file("a.log.2"))
        }
        scratch.write("a.log.1", FollowTests.lines(6...7))
        scratch.write("a.log", FollowTests.lines(8...8))
        let late = Watch(scratch.file("a.log"), from: [position])
        #expect(try late.look() == ["e4", "e5", "e6", "e7", "e8"])
        #expect(late.position?.path == scratch.file("a.log"))
        scratch.append("a.log", FollowTests.lines(9...9))
        #expect(try late.look() == ["e9"])
        let last = try #require(late.position)
        #expect(try Watch(scratch.file("a.log"), from: [last]).look() == [])
    }

    @Test("years go on over a rotation")
    func years() throws {
        let scratch = Scratch()
        func line(_ date: String) -> String {
            "\(date) 12:00:00 h sshd[1]: Invalid user u from 1.2.3.4\n"
        }
        scratch.write("a", line("Dec 31"))
        scratch.touch("a", Timestamp(year: 2020, month: 12, day: 31, hour: 13))
        let watch = Watch(scratch.file("a"))
        _ = try watch.look()
        rename(scratch.file("a"), scratch.file("a.1"))
        scratch.write("a", line("Jan  1"))
        _ = try watch.look()
        #expect(
            watch.decoded.records.map { $0.dropFirst(5).prefix(10) } == [
                "2020-12-31", "2021-01-01",
            ])
    }

    @Test("a wait ends when a file grows, appears, or the wake descriptor can be read")
    func waiting() throws {
        let scratch = Scratch()
        scratch.write("a", FollowTests.lines(1...1))
        let watches = [Watch(scratch.file("a")), Watch(scratch.file("b"))]
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let follower = Follower(readers: watches.map(\.reader), wakeDescriptor: ends[0])
        #expect(follower.wait(timeoutMilliseconds: 0) == .look, "new watches ask for a look")
        for watch in watches { _ = try watch.look() }
        #expect(follower.wait(timeoutMilliseconds: 1) == .timeout)
        scratch.append("a", FollowTests.lines(2...2))
        #expect(follower.wait(timeoutMilliseconds: 60_000) == .look)
        #expect(try watches[0].look() == ["e2"])
        while follower.wait(timeoutMilliseconds: 0) == .look {}
        scratch.write("other", "x")
        #expect(follower.wait(timeoutMilliseconds: 1) == .timeout)
        scratch.write("b", FollowTests.lines(3...3))
        #expect(follower.wait(timeoutMilliseconds: 60_000) == .look)
        #expect(try watches[1].look() == ["e3"])
        var byte: UInt8 = 1
        write(ends[1], &byte, 1)
        #expect(follower.wait(timeoutMilliseconds: 60_000) == .interrupted)
    }

    @Test("standard input is a stream: what is there comes, what is incomplete waits")
    func standardInput() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let saved = dup(0)
        dup2(ends[0], 0)
        defer {
            dup2(saved, 0)
            close(saved)
            close(ends[0])
        }
        func put(_ text: String) {
            let bytes = Array(text.utf8)
            _ = bytes.withUnsafeBytes { write(ends[1], $0.baseAddress!, bytes.count) }
        }
        let reader = FollowReader(
            input: .standardInput, format: .auto(), options: testOptions, resumeCandidates: [])
        #expect(try reader.nextChunk() == nil)
        put(String(native(1).prefix(10)))
        #expect(try reader.nextChunk() == nil)
        put(String(native(1).dropFirst(10)) + "\n" + native(2))
        let chunk = try #require(try reader.nextChunk())
        #expect(chunk.lastLine == 1)
        #expect(try reader.nextChunk() == nil)
        #expect(!reader.isEnded)
        let follower = Follower(readers: [reader])
        #expect(follower.wait(timeoutMilliseconds: 0) == .timeout)
        put("\n" + native(3))
        #expect(follower.wait(timeoutMilliseconds: 1000) == .look)
        #expect(try reader.nextChunk()?.lastLine == 2)
        close(ends[1])
        #expect(follower.wait(timeoutMilliseconds: 1000) == .look)
        #expect(try reader.nextChunk()?.lastLine == 3)
        #expect(try reader.nextChunk() == nil)
        #expect(reader.isEnded)
    }
}
