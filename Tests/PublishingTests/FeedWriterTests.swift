import Foundation
import Glibc
import Testing

@testable import Publishing

struct FeedWriterTests {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appending(path: "lastseen-feed-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func path(_ name: String = "alerts.ndjson") -> String {
        folder.appending(path: name).path()
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    @Test("a new file is private, and the length is what was written")
    func create() throws {
        let writer = try FeedWriter(path: path())
        try writer.append("one\n".utf8)
        #expect(writer.length == 0)
        #expect(try writer.flush() == 4)
        try writer.append("two\n".utf8)
        #expect(try writer.flush(sync: true) == 8)
        #expect(try text(path()) == "one\ntwo\n")
        var status = stat()
        #expect(stat(path(), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(!writer.wasReplaced)
    }

    @Test("what is beyond the committed length is cut, at every length", arguments: 0...12)
    func cutsTheTail(kept: Int) throws {
        try "one\ntwo\nthree".write(toFile: path(), atomically: false, encoding: .utf8)
        let writer = try FeedWriter(path: path(), committedLength: UInt64(kept))
        try writer.append("!\n".utf8)
        #expect(try writer.flush() == UInt64(kept) + 2)
        #expect(try text(path()) == String("one\ntwo\nthree".prefix(kept)) + "!\n")
    }

    @Test("a file that became shorter goes on behind its last whole line")
    func replaced() throws {
        try "one\nto".write(toFile: path(), atomically: false, encoding: .utf8)
        let writer = try FeedWriter(path: path(), committedLength: 100)
        #expect(writer.wasReplaced)
        #expect(writer.length == 4)
        try writer.append("new\n".utf8)
        #expect(try writer.flush() == 8)
        #expect(try text(path()) == "one\nnew\n")
    }

    @Test("a file that is gone is begun anew")
    func gone() throws {
        let writer = try FeedWriter(path: path(), committedLength: 100)
        #expect(writer.wasReplaced)
        #expect(writer.length == 0)
    }

    @Test("many bytes go out before the flush and stay below the buffer's limit")
    func large() throws {
        let writer = try FeedWriter(path: path())
        let line = [UInt8](repeating: 0x61, count: 99_999) + [0x0A]
        for _ in 0..<30 { try writer.append(line) }
        #expect(writer.length >= 2_000_000)
        #expect(try writer.flush() == 3_000_000)
        #expect(try Data(contentsOf: URL(filePath: path())).count == 3_000_000)
    }

    @Test("a rotated file is left and a new one begun")
    func rotation() throws {
        let writer = try FeedWriter(path: path())
        try writer.append("old\n".utf8)
        try writer.flush()
        #expect(try !writer.reopenIfMoved())
        #expect(rename(path(), path("old")) == 0)
        try writer.append("old too\n".utf8)
        #expect(try writer.reopenIfMoved())
        #expect(writer.length == 0)
        try writer.append("new\n".utf8)
        #expect(try writer.flush() == 4)
        #expect(try text(path()) == "new\n")
        #expect(try text(path("old")) == "old\nold too\n")
    }

    @Test("a folder, a missing folder and a pipe without a reader are refused, with 73")
    func refused() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        let cases = [
            (folder.path(), "a folder"), (path("no/such"), "Create the folder"),
            (path("fifo"), "reads from the pipe"),
        ]
        for (path, words) in cases {
            let error = #expect(throws: OutputError.self) { _ = try FeedWriter(path: path) }
            #expect(error?.exitCode == 73)
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        }
    }

    @Test("no right to write is refused, with 73", .enabled(if: geteuid() != 0))
    func forbidden() throws {
        #expect(chmod(folder.path(), 0o500) == 0)
        defer { chmod(folder.path(), 0o700) }
        let error = #expect(throws: OutputError.self) { _ = try FeedWriter(path: path()) }
        #expect(error == .cannotOpen(path: path(), code: EACCES))
    }

    @Test("a full disk is an error, with 74 and what to do")
    func fullDisk() throws {
        let writer = try FeedWriter(path: "/dev/full")
        try writer.append("x\n".utf8)
        let error = #expect(throws: OutputError.self) { try writer.flush() }
        #expect(error == .cannotWrite(path: "/dev/full", code: ENOSPC))
        #expect(error?.exitCode == 74)
        #expect(error?.description.contains("Make room") == true)
    }

    @Test("a file at its size limit keeps whole lines, and goes on when there is room again")
    func sizeLimit() async throws {
        // In a process of its own: the limit is the process's, and other tests run beside this one.
        await #expect(processExitsWith: .exitCode(7)) {
            let path = NSTemporaryDirectory() + "lastseen-limit-\(getpid())"
            defer { unlink(path) }
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit)
            limit.rlim_cur = 10
            setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit)
            let writer = try FeedWriter(path: path)
            try writer.append("12345\n".utf8)
            try writer.flush()
            try writer.append("67890\n".utf8)
            do throws(OutputError) {
                try writer.flush()
                exit(1)
            } catch {
                guard error == OutputError.cannotWrite(path: path, code: EFBIG) else { exit(2) }
            }
            guard try String(contentsOfFile: path, encoding: .utf8) == "12345\n" else { exit(3) }
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit)
            guard try writer.flush() == 12 else { exit(4) }
            guard try String(contentsOfFile: path, encoding: .utf8) == "12345\n67890\n" else {
                exit(5)
            }
            unlink(path)
            exit(7)
        }
    }

    @Test("a pipe whose reader goes away is an error, not a signal")
    func brokenPipe() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        let reader = open(path("fifo"), O_RDONLY | O_NONBLOCK)
        #expect(reader >= 0)
        let writer = try FeedWriter(path: path("fifo"), committedLength: 1000)
        try writer.append("one\n".utf8)
        #expect(try writer.flush() == 4)
        close(reader)
        try writer.append("two\n".utf8)
        let error = #expect(throws: OutputError.self) { try writer.flush() }
        #expect(error == .readerIsGone(path: path("fifo")))
        #expect(error?.exitCode == 74)
    }

    @Test("standard output whose reader goes away is quiet")
    func quietStandardOutput() async {
        await #expect(processExitsWith: .exitCode(7)) {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0, dup2(ends[1], STDOUT_FILENO) >= 0 else { exit(1) }
            close(ends[1])
            let writer = try FeedWriter(path: "-", committedLength: 5)
            try writer.append("one\n".utf8)
            guard try writer.flush() == 4, !writer.isReaderGone else { exit(2) }
            close(ends[0])
            try writer.append("two\n".utf8)
            try writer.flush()
            guard writer.isReaderGone else { exit(3) }
            try writer.append([UInt8](repeating: 0x61, count: 3 << 20))
            try writer.flush()
            exit(7)
        }
    }

    @Test("a whole file is replaced at once, its mode kept, through a link too")
    func replace() throws {
        try OutputFile.replace(path(), with: Array("one".utf8))
        var status = stat()
        #expect(stat(path(), &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(chmod(path(), 0o644) == 0)
        #expect(symlink(path(), path("link")) == 0)
        try OutputFile.replace(path("link"), with: Array("two".utf8))
        #expect(try text(path()) == "two")
        #expect(stat(path(), &status) == 0 && status.st_mode & 0o777 == 0o644)
        #expect(lstat(path("link"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path()).count == 2)
        #expect(throws: OutputError.notAFile(path: folder.path(), kind: "a folder")) {
            try OutputFile.replace(folder.path(), with: [])
        }
        let error = #expect(throws: OutputError.self) {
            try OutputFile.replace(path("no/such"), with: [])
        }
        #expect(error?.exitCode == 73)
        #expect(throws: OutputError.cannotWrite(path: "/dev/full", code: ENOSPC)) {
            try OutputFile.replace("/dev/full", with: [1])
        }
    }
}
