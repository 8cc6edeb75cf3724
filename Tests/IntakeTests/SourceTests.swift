import Glibc
import SessionModel
import Testing

@testable import Intake

struct SourceTests {
    static let text = (1...300).map { native($0) + "\n" }.joined()
    static let bytes = Array(text.utf8)

    /// Names and bytes of the same text in other wrappings.
    static let wrappings: [(String, [UInt8])] = [
        ("gzip", gzip(bytes)),
        (
            "gzip of several members",
            gzip(Array(bytes[..<1000])) + gzip([]) + gzip(Array(bytes[1000...]))
        ),
        ("gzip with zeros after it", gzip(bytes) + [UInt8](repeating: 0, count: 700_000)),
        ("zstd", zstd(bytes)),
        (
            "zstd of several frames",
            zstd(Array(bytes[..<1000])) + zstd([]) + zstd(Array(bytes[1000...]))
        ),
        (
            "zstd after a skippable frame",
            [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3] + zstd(bytes)
        ),
    ]

    @Test("compressed files read as what is in them", arguments: wrappings)
    func compressed(name: String, bytes: [UInt8]) throws {
        let scratch = Scratch()
        let plain = try readAll(scratch.write("plain", SourceTests.text))
        let path = scratch.write("compressed", bytes)
        for size in [100, 5000, 4 << 20] {
            var decoded = try readAll(path, maximumBytes: size)
            for i in decoded.rejects.indices { decoded.rejects[i].source = "" }
            #expect(decoded == plain)
            #expect(decoded.records.count == 300)
        }
    }

    @Test(
        "a text that a decompressor cannot hand out at once is whole", arguments: ["gzip", "zstd"])
    func large(kind: String) throws {
        let scratch = Scratch()
        let text = Array(String(repeating: native(5) + "\n", count: 40_000).utf8)
        let path = scratch.write("a", kind == "gzip" ? gzip(text) : zstd(text))
        #expect(try readAll(path, maximumBytes: 1 << 20, withPlaces: false).records.count == 40_000)
    }

    @Test(
        "of a cut or broken compressed file what came before is kept, and said so",
        arguments: [true, false], [true, false])
    func damaged(isGzip: Bool, isCut: Bool) throws {
        let scratch = Scratch()
        var generator = Seeded(state: 5)
        // Text that does not compress away, so that a part of it is there.
        let lines = (1...3000).map { native($0, rest: #","x":"\#(generator.next())""#) + "\n" }
            .joined()
        var bytes = isGzip ? gzip(Array(lines.utf8)) : zstd(Array(lines.utf8))
        let whole = bytes
        if isCut {
            bytes.removeLast(bytes.count / 4)
        } else {
            for i in (bytes.count * 3 / 4)..<(bytes.count * 3 / 4 + 50) { bytes[i] ^= 0x5A }
        }
        let path = scratch.write("a", bytes)
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        let decoder = try RecordDecoder(format: reader.format, options: testOptions)
        var decoded = Decoded()
        var position: SourcePosition?
        while let chunk = try reader.nextChunk(maximumBytes: 10_000) {
            decoded.take(chunk, decoder, withPlaces: false)
            position = chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine)
        }
        #expect(reader.isDamaged)
        #expect(reader.notes.count == 1)
        #expect(reader.notes[0].contains(isCut ? "ends early" : "damaged"), "\(reader.notes)")
        if isCut {
            // Broken bytes may come out as text before the check fails; cut ones may not.
            #expect(decoded.rejects == [], "half a line is no line")
            #expect(decoded.records.count > 0 || !isGzip)
        }
        #expect(position?.isComplete != true)
        // The whole file goes on where the cut one ended.
        if isCut, let position {
            scratch.write("a", whole)
            let rest = try readAll(path, from: [position], withPlaces: false)
            #expect(rest.records.count + decoded.records.count == 3000)
        }
    }

    @Test("what follows a gzip file is passed over with a note")
    func trailing() throws {
        let scratch = Scratch()
        let path = scratch.write("a", gzip(SourceTests.bytes) + Array("garbage".utf8))
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        var count = 0
        while let chunk = try reader.nextChunk() { count += chunk.count }
        #expect(count == SourceTests.bytes.count)
        #expect(!reader.isDamaged)
        #expect(reader.notes.first?.contains("were passed over") == true)
    }

    @Test("what cannot be opened is told with 66")
    func notThere() throws {
        let scratch = Scratch()
        #expect(throws: IntakeError.missing(path: scratch.file("no"))) {
            _ = try readAll(scratch.file("no"))
        }
        #expect(IntakeError.missing(path: "").exitCode == 66)
        do {
            _ = try readAll(scratch.path)
            Issue.record("a folder was read")
        } catch let error as IntakeError { #expect(error.exitCode == 66) }
        #expect(throws: IntakeError.missing(path: scratch.file("no"))) {
            try InputList.resolve([scratch.file("no")])
        }
    }

    @Test("a file that may not be read is told with 66", .enabled(if: getuid() != 0))
    func notPermitted() throws {
        let scratch = Scratch()
        let path = scratch.write("a", "x")
        chmod(path, 0)
        #expect(throws: IntakeError.notPermitted(path: path)) { _ = try readAll(path) }
        #expect(IntakeError.opening("a", EACCES).exitCode == 66)
    }

    @Test("an empty file has no records")
    func empty() throws {
        let scratch = Scratch()
        for (i, bytes) in [[], [0xEF, 0xBB, 0xBF], [0x0A], gzip([])].enumerated() {
            #expect(try readAll(scratch.write("\(i)", bytes)) == Decoded())
        }
    }

    @Test("UTF-16 is told")
    func utf16() throws {
        let scratch = Scratch()
        do {
            _ = try readAll(scratch.write("a", [0xFF, 0xFE, 0x7B, 0x00]))
            Issue.record("it was taken")
        } catch let error as IntakeError { #expect(error.description.contains("UTF-16")) }
    }

    @Test("a folder stands for its files, sorted, hidden ones left out")
    func folder() throws {
        let scratch = Scratch()
        for name in ["b", "a", ".hidden", "C"] { scratch.write(name, "") }
        #expect(
            try InputList.resolve([scratch.path, "-", scratch.file("a"), "-"]).inputs
                == ["C", "a", "b"].map { .file(path: scratch.file($0)) } + [.standardInput])
    }

    @Test("folders are searched through, without hidden ones and links to folders")
    func foldersBelow() throws {
        let scratch = Scratch()
        for folder in ["b", "b/deep", "b/.git", "empty"] { mkdir(scratch.file(folder), 0o700) }
        for name in ["c", "a", "b/deep/x", "b/.git/x", "b/1"] { scratch.write(name, "") }
        #expect(symlink(scratch.path, scratch.file("b/loop")) == 0)
        #expect(symlink(scratch.file("a"), scratch.file("link")) == 0)
        let found = try InputList.resolve([scratch.path, scratch.file("c")])
        #expect(
            found.inputs
                == ["a", "b/1", "b/deep/x", "c", "link"].map { .file(path: scratch.file($0)) })
        // The one that was named as well is not among those that may be passed over.
        #expect(found.unnamed == Set(found.inputs).subtracting([.file(path: scratch.file("c"))]))
        let error = #expect(throws: IntakeError.self) {
            try InputList.resolve([scratch.file("empty")])
        }
        #expect(error?.exitCode == 66)
        #expect(error?.description.contains("there is no file in this folder") == true)
    }

    // MARK: - The same however it is cut

    /// A text of each framing with bad parts in it.
    static func messy(_ kind: String, _ generator: inout Seeded) -> String {
        var lines: [String] = []
        for i in 0..<200 {
            let roll = Int.random(in: 0..<20, using: &generator)
            switch kind {
            case "lines":
                switch roll {
                case 0: lines.append("")
                case 1: lines.append(#"{"broken":"#)
                case 2: lines.append(#"{"a":"unclosed}"#)
                case 3: lines.append(native(i, rest: #","x":"\u00e9\n""#) + "\r")
                case 4:
                    lines.append(
                        #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u\/\#(i)"},"ip":"1.2.3.4"}"#)
                case 5: lines.append("\u{0}\u{1}")
                default: lines.append(native(i))
                }
            case "array":
                switch roll {
                case 0: lines.append(#"{"a":[1,{"b":"]}\"["}]}"#)
                case 1: lines.append("17")
                case 2: lines.append(native(i).replacing(",", with: " ,\n "))
                default: lines.append(native(i))
                }
            case "csv":
                switch roll {
                case 0: lines.append("")
                case 1: lines.append("2026-03-01T00:00:00Z,u,\"1.2.3.4\"x,b")
                case 2: lines.append("2026-03-01T00:00:00Z,u,1.2.3.4,\"a,\r\n\"\"b\"\"\"")
                case 3: lines.append("2026-03-01T00:00:00Z,u,1.2.3.4")
                case 4: lines.append("\"2026-03-01T00:00:00Z\",u\(i),1.2.3.4,\"\"\r")
                default: lines.append("2026-03-01T00:00:00Z,u\(i),1.2.3.4,UA \(i)")
                }
            default:
                let month = ["Nov", "Dec", "Jan", "Feb"][i / 50]
                let day = i % 25 + 1
                lines.append(
                    roll == 0
                        ? "hello"
                        : "\(month) \(day < 10 ? " " : "")\(day) 00:00:0\(i % 10) h sshd[\(i)]: Invalid user u\(i) from 1.2.3.4"
                )
            }
        }
        switch kind {
        case "array":
            return #"{"x":{"records":[1]},"Records":["# + lines.joined(separator: ",\n")
                + #"],"y":"]"}"#
        case "csv": return "t,u,i,a\r\n" + lines.joined(separator: "\n") + "\n"
        default: return lines.joined(separator: "\n")
        }
    }

    static func format(of kind: String) throws -> Format {
        switch kind {
        case "csv":
            try FormatFile.parse(
                "name: t\ndecoder: csv\nfields: {time: t, user.id: u, ip: i, user_agent: a}",
                file: "t")
        case "text": try FormatCatalog.named("sshd")
        default: try FormatCatalog.named("native")
        }
    }

    @Test(
        "cutting and going on after any record changes nothing",
        arguments: ["lines", "array", "csv", "text"], [1, 2, 3] as [UInt64])
    func anyCut(kind: String, seed: UInt64) throws {
        print("seed \(seed)")
        var generator = Seeded(state: seed)
        let scratch = Scratch()
        let format = FormatChoice.fixed(try SourceTests.format(of: kind))
        let text = SourceTests.messy(kind, &generator)
        let plain = scratch.write("a", text)
        scratch.touch("a", Timestamp(year: 2026, month: 3, day: 1))
        let whole = try readAll(plain, format: format)
        #expect(whole.records.count > 100)
        #expect(whole.rejects.count > 0)
        for _ in 0..<12 {
            let size = Int.random(in: 1..<6000, using: &generator)
            let slices = Int.random(in: 1..<9, using: &generator)
            #expect(try readAll(plain, format: format, maximumBytes: size, slices: slices) == whole)
        }
        // Stopping after a chunk or in the middle of one, then going on in a copy, compressed or not.
        let packed = scratch.write("b.gz", gzip(Array(text.utf8)))
        scratch.touch("b.gz", Timestamp(year: 2026, month: 3, day: 1))
        for path in [plain, packed] {
            for _ in 0..<12 {
                let size = Int.random(in: 1..<9000, using: &generator)
                var decoded = Decoded()
                var positions: [SourcePosition] = []
                var runs = 0
                while runs < 50 {
                    runs += 1
                    let reader = try SourceReader(
                        input: .file(path: path), format: format, options: testOptions,
                        resumeCandidates: positions)
                    let decoder = try RecordDecoder(format: reader.format, options: testOptions)
                    #expect((reader.resumed != nil) == !positions.isEmpty)
                    var chunks = 0
                    let most = runs < 10 ? 2 : Int.max
                    while chunks < most,
                        let chunk = try reader.nextChunk(maximumBytes: runs < 10 ? size : 4 << 20)
                    {
                        decoded.take(chunk, decoder)
                        positions.append(
                            chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine))
                        chunks += 1
                    }
                    if most == Int.max { break }
                }
                for i in decoded.rejects.indices { decoded.rejects[i].source = plain }
                #expect(decoded == whole)
            }
        }
    }

    @Test(
        "a last line without its newline is alone in its chunk, also across a place to cut at",
        arguments: [1 << 16, 2 << 16])
    func lastLineAcrossCut(place: Int) throws {
        let scratch = Scratch()
        var text = ""
        var ends: [Int] = []
        while text.utf8.count < place + 2000 {
            text += native(ends.count) + "\n"
            ends.append(text.utf8.count)
        }
        let bytes = Array(text.utf8)
        for count in stride(from: place - 300, to: place + 600, by: 13) {
            let path = scratch.write("input", Array(bytes[..<count]))
            let reader = try SourceReader(
                input: .file(path: path), format: .fixed(FormatCatalog.named("native")),
                options: testOptions, resumeCandidates: [])
            var taken: [(end: Int, isUnterminated: Bool)] = []
            while let chunk = try reader.nextChunk() {
                taken.append((Int(chunk.endOffset), chunk.isUnterminated))
            }
            let whole = ends.last { $0 <= count }
            #expect(taken.first { !$0.isUnterminated }?.end == whole, "\(count) bytes")
            #expect(taken.last?.isUnterminated == (whole != count), "\(count) bytes")
        }
    }

    @Test("a checkpoint lies after any record, not only at a chunk's end")
    func middle() throws {
        let scratch = Scratch()
        let path = scratch.write("a", SourceTests.text)
        let all = try readAll(path)
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        let chunk = try #require(try reader.nextChunk())
        let decoder = try RecordDecoder(format: reader.format, options: testOptions)
        var out = DecodedRecords()
        decoder.decode(chunk.slices(1)[0], into: &out)
        for i in [0, 1, 10, 20, 150, 298, 299] {
            let record = out.records[i]
            let position = reader.position(afterOffset: record.endOffset, line: record.line)
            let rest = try readAll(path, from: [position])
            #expect(rest.records == Array(all.records[(i + 1)...]))
        }
    }

    @Test("a replaced, shrunk or changed file is read from its start, and said so")
    func replaced() throws {
        let scratch = Scratch()
        let path = scratch.write("a", SourceTests.text)
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        let chunk = try #require(try reader.nextChunk())
        let position = chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine)
        let half = SourceTests.text.utf8.count / 2
        let start = SourceTests.bytes[
            ..<(half + SourceTests.bytes[half...].firstIndex(of: 0x0A)! - half + 1)]
        func notes() throws -> (Bool, [String]) {
            let reader = try SourceReader(
                input: .file(path: path), format: .auto(), options: testOptions,
                resumeCandidates: [position])
            return (reader.resumed != nil, reader.notes)
        }
        #expect(try notes() == (true, []))
        scratch.append("a", native(301) + "\n")
        #expect(try notes() == (true, []))
        scratch.write("a", Array(start))
        #expect(
            try notes() == (
                false,
                [
                    "\(path) shrank from at least \(SourceTests.bytes.count) to \(start.count) bytes: read from the start."
                ]
            ))
        var changed = SourceTests.bytes
        changed[10] ^= 1
        scratch.write("a", changed)
        #expect(
            try notes() == (false, ["\(path) has other content than before: read from the start."]))
        changed = SourceTests.bytes
        changed[changed.count - 10] ^= 1
        scratch.write("a", changed)
        #expect(try notes().0 == false)
        // Under another name, and compressed, it goes on.
        let copy = scratch.write("b", SourceTests.text + native(301))
        #expect(try readAll(copy, from: [position], withPlaces: false).records.count == 1)
        let packed = scratch.write("c", zstd(Array((SourceTests.text + native(301)).utf8)))
        #expect(try readAll(packed, from: [position], withPlaces: false).records.count == 1)
    }

    @Test("a compressed file that was read to its end is not read again until it changes")
    func complete() throws {
        let scratch = Scratch()
        let path = scratch.write("a.gz", gzip(SourceTests.bytes))
        func read(_ positions: [SourcePosition]) throws -> (chunks: [Chunk], consumed: UInt64) {
            let reader = try SourceReader(
                input: .file(path: path), format: .auto(), options: testOptions,
                resumeCandidates: positions)
            var chunks: [Chunk] = []
            while let chunk = try reader.nextChunk() { chunks.append(chunk) }
            #expect((reader.resumed != nil) == !positions.isEmpty)
            return (chunks, reader.consumedBytes)
        }
        let last = try #require(try read([]).chunks.last)
        let position = last.position(afterOffset: last.endOffset, line: last.lastLine)
        #expect(position.isComplete)
        #expect(!last.position(afterOffset: last.endOffset - 1, line: 1).isComplete)
        #expect(try read([position]).chunks.isEmpty)
        // Another member at its end.
        scratch.write("a.gz", gzip(SourceTests.bytes) + gzip(Array((native(301) + "\n").utf8)))
        #expect(try read([position]).chunks.map(\.lastLine) == [301])
    }

    @Test("a last line that was taken before it was whole is not taken twice")
    func unterminated() throws {
        let scratch = Scratch()
        let path = scratch.write("a", native(1) + "\n" + native(2))
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        let first = try #require(try reader.nextChunk())
        #expect(!first.isUnterminated)
        let last = try #require(try reader.nextChunk())
        #expect(last.isUnterminated)
        #expect(try reader.nextChunk() == nil)
        let position = last.position(afterOffset: last.endOffset, line: last.lastLine)
        scratch.append("a", "\n" + native(3) + "\n")
        #expect(try readAll(path, from: [position]).records.map { $0.prefix(2) } == ["3@"])
        scratch.write("a", native(1) + "\n" + native(2) + " rest\n" + native(3) + "\n")
        let rest = try readAll(path, from: [position])
        #expect(rest.rejects == [])
        #expect(rest.records.count == 1)
        #expect(rest.records.first?.hasPrefix("3@") == true)
        // Refused and not committed: the next run has it whole.
        let before = first.position(afterOffset: first.endOffset, line: first.lastLine)
        #expect(try readAll(path, from: [before]).records.count == 1)
    }

    // MARK: - Arrays and CSV

    @Test(
        "JSON that is not one object a line",
        arguments: [
            ("[\(native(1)),\(native(2))]", ["1", "2"]),
            ("\n [ \(native(1)) ,\n\(native(2)) ]\n[\(native(3))]", ["1", "2", "3"]),
            (
                "{\"a\":\"]\",\"value\":[\(native(1)),\(native(2))],\"b\":[\(native(3))]}\n{\"value\":[\(native(4))]}",
                ["1", "2", "3"]
            ),
            (
                native(1).replacing(",", with: ",\n") + "\n"
                    + native(2).replacing("{", with: "{\n"), ["1", "2"]
            ),
            ("[]", []), ("{\"value\":[]}", []),
            ("[\(native(1)),5,{\"a\":1},\(native(2))]", ["1", "4"]),
            ("[\(native(1)),{\"a\":", ["1"]),
        ])
    func documents(text: String, numbers: [String]) throws {
        let scratch = Scratch()
        for size in [1, 100, 1 << 20] {
            let decoded = try readAll(
                scratch.write("a", text), format: .fixed(try FormatCatalog.named("native")),
                maximumBytes: size)
            #expect(decoded.records.map { String($0.prefix { $0 != "@" }) } == numbers)
        }
    }

    @Test(
        "an element over 1 MiB is refused and the next taken", arguments: [1000, 1 << 20, 8 << 20])
    func longElement(size: Int) throws {
        let scratch = Scratch()
        let long = native(2, rest: ",\"x\":\"\(String(repeating: "]", count: 3 << 19))\"")
        let path = scratch.write("a", "{\"Records\":[\(native(1)),\(long),\(native(3))]}")
        let decoded = try readAll(
            path, format: .fixed(try FormatCatalog.named("native")), maximumBytes: size)
        #expect(decoded.records.map { $0.prefix { $0 != "@" } } == ["1", "3"])
        #expect(decoded.rejects.map(\.line) == [2])
        #expect(decoded.rejects.first?.reason.contains("1 MiB") == true)
        #expect(decoded.rejects.first?.text.utf8.count == 4096)
    }

    @Test("a stray quote costs its line, however far it would reach", arguments: [10, 40_000])
    func strayQuote(rows: Int) throws {
        let scratch = Scratch()
        let row = "2026-03-01T00:00:00Z,u,1.2.3.4,some user agent\n"
        let text =
            "t,u,i,a\n" + row + "2026-03-01T00:00:00Z,u,1.2.3.4,\"open\n"
            + String(repeating: row, count: rows)
        let decoded = try readAll(
            scratch.write("a", text), format: .fixed(try SourceTests.format(of: "csv")),
            maximumBytes: 100_000)
        #expect(decoded.records.count == rows + 1)
        #expect(decoded.rejects.map(\.line) == [3])
    }

    @Test("many lines with hostile quotes are done in little time")
    func hostileQuotes() throws {
        let scratch = Scratch()
        let text = "t,u,i,a\n" + String(repeating: "\"g\"g,\"\n\",z\"z,\"\n", count: 30_000)
        let decoded = try readAll(
            scratch.write("a", text), format: .fixed(try SourceTests.format(of: "csv")))
        #expect(decoded.records.isEmpty)
        #expect(decoded.lines > 20_000)
    }

    @Test("a chunk has a bounded number of lines, whatever their length")
    func shortLines() throws {
        let scratch = Scratch()
        let path = scratch.write("a", native(1) + "\n" + String(repeating: "x\n", count: 150_000))
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        var lines: UInt64 = 0
        while let chunk = try reader.nextChunk() {
            #expect(chunk.lastLine - chunk.firstLine < 100_000)
            lines = chunk.lastLine
        }
        #expect(lines == 150_001)
    }
}
