import Glibc
import SessionModel

/// Years for times that carry none.
extension SourceReader {
    func startYears(_ yearsAfter: Int64) throws(IntakeError) {
        if let resumed, resumed.lastTime != 0 {
            years = YearRule(after: resumed.lastTime)
            return
        }
        if yearsAfter != 0 {
            years = YearRule(after: yearsAfter)
            return
        }
        if let year = options.year {
            years = YearRule(year: year)
            return
        }
        let end =
            source.isRegularFile
            ? Timestamp(milliseconds: source.modifiedNanoseconds / 1_000_000) : options.now
        var rule = YearRule(year: 0)
        var last = (hour: 0, minute: 0)
        if source.isRegularFile {
            try scanYears(&rule, &last)
        } else {
            // Only the beginning can be seen before it is needed.
            carry.withUnsafeBufferPointer { SourceReader.takeDates($0, &rule, &last, 1) }
        }
        let year = rule.firstYear(endingBefore: end, hour: last.hour, minute: last.minute)
        years = YearRule(year: year)
        if rule.month != 0 {
            notes.append(
                "\(source.name): its times carry no year; the first is taken to be in \(year), since "
                    + (source.isRegularFile ? "the file was last changed" : "it is now")
                    + " \(end.humanReadable). Use --year when that is wrong.")
        }
    }

    /// Looks through the whole file once for the turns of years.
    private func scanYears(
        _ rule: inout YearRule, _ last: inout (hour: Int, minute: Int)
    ) throws(IntakeError) {
        let other = try ByteSource(.file(path: source.name), isStreaming: false)
        // Another file may have taken the name since.
        guard other.information.st_ino == source.information.st_ino else { return }
        var rest: [UInt8] = []
        while true {
            var (bytes, isWhole) = try SourceReader.read(other, upTo: 1 << 20)
            if bytes.isEmpty { break }
            if !rest.isEmpty { bytes = rest + bytes }
            let end =
                isWhole ? bytes.count : (bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count)
            bytes[..<end].withUnsafeBufferPointer {
                SourceReader.takeDates($0, &rule, &last, .max)
            }
            rest = Array(bytes[end...])
            if isWhole { break }
        }
    }

    private static func takeDates(
        _ bytes: UnsafeBufferPointer<UInt8>, _ rule: inout YearRule,
        _ last: inout (hour: Int, minute: Int), _ most: Int
    ) {
        guard let p = bytes.baseAddress else { return }
        var at = 0
        var taken = 0
        while at < bytes.count, taken < most {
            if let (month, day) = YearRule.date(p + at, bytes.count - at) {
                _ = rule.take(month: month, day: day)
                last = (
                    Int(p[at + 7] &- 48) * 10 + Int(p[at + 8] &- 48),
                    Int(p[at + 10] &- 48) * 10 + Int(p[at + 11] &- 48)
                )
                taken += 1
            }
            guard let newline = memchr(p + at, 0x0A, bytes.count - at) else { break }
            at = newline.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: p) + 1
        }
    }

    /// Gives each line its year: a run for each day.
    func takeYears(_ data: UnsafePointer<UInt8>, _ count: Int) -> [YearRun] {
        guard var rule = years else { return [] }
        var runs: [YearRun] = [YearRun(offset: 0, year: rule.year, time: rule.time)]
        var seen = (rule.year, rule.month, rule.day)
        var at = 0
        while at < count {
            if let (month, day) = YearRule.date(data + at, count - at) {
                let year = rule.take(month: month, day: day)
                if (year, month, day) != seen {
                    seen = (year, month, day)
                    runs.append(YearRun(offset: at, year: year, time: rule.time))
                }
            }
            guard let newline = memchr(data + at, 0x0A, count - at) else { break }
            at =
                newline.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: data)
                + 1
        }
        years = rule
        return runs
    }
}
