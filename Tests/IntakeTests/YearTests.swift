import SessionModel
import Testing

@testable import Intake

struct YearTests {
    private static func line(_ date: String) -> String {
        "\(date) 12:00:00 host sshd[1]: Invalid user u from 1.2.3.4\n"
    }

    /// Dates of the lines, when the file was last changed, and the days that come out.
    static let logs: [([String], (Int, Int, Int), [String])] = [
        (
            ["Dec 30", "Dec 31", "Jan  1", "Jan  2"], (2026, 1, 2),
            ["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"]
        ),
        (["Dec 30", "Dec 31"], (2026, 1, 5), ["2025-12-30", "2025-12-31"]),
        (["Dec 30", "Dec 31"], (2025, 12, 31), ["2025-12-30", "2025-12-31"]),
        // A clock or zone ahead by less than a day.
        (["Jan  1"], (2025, 12, 31), ["2026-01-01"]),
        (["Jan  2"], (2025, 12, 31), ["2025-01-02"]),
        // Late over New Year.
        (
            ["Dec 31", "Jan  1", "Dec 31", "Jan  1"], (2026, 1, 1),
            ["2025-12-31", "2026-01-01", "2025-12-31", "2026-01-01"]
        ),
        // Late within a year is not a turn.
        (
            ["Mar 20", "Mar 19", "Apr  1", "Mar 31"], (2026, 4, 1),
            ["2026-03-20", "2026-03-19", "2026-04-01", "2026-03-31"]
        ),
        // More than a year in one file.
        (
            ["Nov 10", "Mar  1", "Nov 10", "Mar  1"], (2026, 3, 1),
            ["2024-11-10", "2025-03-01", "2025-11-10", "2026-03-01"]
        ),
        (
            ["Feb 28", "Feb 29", "Mar  1"], (2024, 3, 1),
            ["2024-02-28", "2024-02-29", "2024-03-01"]
        ),
    ]

    @Test("the year comes from the file's time", arguments: logs)
    func year(dates: [String], changed: (Int, Int, Int), days: [String]) throws {
        let scratch = Scratch()
        let path = scratch.write("a", dates.map(YearTests.line).joined())
        scratch.touch("a", Timestamp(year: changed.0, month: changed.1, day: changed.2, hour: 13))
        for size in [1, 4 << 20] {
            let decoded = try readAll(path, maximumBytes: size, slices: 3, withPlaces: false)
            #expect(decoded.records.map { String($0.dropFirst(5).prefix(10)) } == days)
        }
    }

    @Test("--year is the first line's")
    func given() throws {
        let scratch = Scratch()
        let path = scratch.write("a", ["Dec 30", "Jan  2"].map(YearTests.line).joined())
        let options = IntakeOptions(now: testNow, year: 2019)
        let decoded = try readAll(path, options: options, withPlaces: false)
        #expect(
            decoded.records.map { String($0.dropFirst(5).prefix(10)) } == [
                "2019-12-30", "2020-01-02",
            ])
    }

    @Test("a log that grew for more than a year gives what it would give at once")
    func grown() throws {
        let scratch = Scratch()
        let dates = ["Nov 10", "Dec 31", "Jan  1", "Jun 30", "Dec 31", "Jan  1"]
        var positions: [SourcePosition] = []
        var seen: [String] = []
        for (i, date) in dates.enumerated() {
            scratch.append("a", YearTests.line(date))
            scratch.touch(
                "a",
                Timestamp(
                    year: [2024, 2024, 2025, 2025, 2025, 2026][i], month: [11, 12, 1, 6, 12, 1][i],
                    day: [10, 31, 1, 30, 31, 1][i], hour: 13))
            let reader = try SourceReader(
                input: .file(path: scratch.file("a")), format: .auto(), options: testOptions,
                resumeCandidates: positions)
            let decoder = try RecordDecoder(format: reader.format, options: testOptions)
            var decoded = Decoded()
            while let chunk = try reader.nextChunk() {
                decoded.take(chunk, decoder, withPlaces: false)
                positions = [chunk.position(afterOffset: chunk.endOffset, line: chunk.lastLine)]
            }
            #expect(decoded.records.count == 1)
            seen += decoded.records
        }
        #expect(seen == (try readAll(scratch.file("a"), withPlaces: false)).records)
        #expect(seen.last?.hasPrefix("time=2026-01-01") == true)
    }

    @Test("the note says which year was taken and how to change it")
    func note() throws {
        let scratch = Scratch()
        let path = scratch.write("a", YearTests.line("Dec 30"))
        scratch.touch("a", Timestamp(year: 2026, month: 1, day: 2))
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: testOptions, resumeCandidates: [])
        #expect(reader.notes.count == 1)
        #expect(reader.notes[0].contains("in 2025"))
        #expect(reader.notes[0].contains("--year"))
    }
}
