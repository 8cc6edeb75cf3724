import ArgumentParser
import Pipeline

/// Whether the records that are judged are kept.
struct HistoryFlags: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep the judged records in the state for so long (90d, 12h), so that 'rules backtest' and 'rules explain' can look back. Default: keep none.",
            valueName: "age"))
    var historyFor: Age?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The most bytes that kept records may take (500M, 4G); the oldest go first.",
            valueName: "size"))
    var historyLimit: ByteCount = ByteCount(bytes: 4_000_000_000)

    var options: HistoryOptions? {
        historyFor.map {
            HistoryOptions(
                retentionMilliseconds: $0.milliseconds, limitBytes: historyLimit.bytes)
        }
    }
}

/// A length of time as `30m`, `12h`, `90d`, `4w`.
struct Age: ExpressibleByArgument, Equatable {
    var milliseconds: Int64

    init?(argument: String) {
        guard case .age(let milliseconds)? = Since(argument: argument), milliseconds > 0 else {
            return nil
        }
        self.milliseconds = milliseconds
    }
}

/// A size as `500M` or `4G`: powers of 1000.
struct ByteCount: ExpressibleByArgument, Equatable, CustomStringConvertible {
    var bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    init?(argument: String) {
        let units: [Character: Int] = [
            "K": 1000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000,
        ]
        guard let last = argument.last else { return nil }
        let unit = units[last] ?? 1
        let digits = units[last] == nil ? argument[...] : argument.dropLast()
        guard let number = Int(digits), number > 0, number <= Int.max / unit else { return nil }
        bytes = number * unit
    }

    var description: String {
        for (unit, name) in [(1_000_000_000, "G"), (1_000_000, "M"), (1000, "K")]
        where bytes % unit == 0 { return "\(bytes / unit)\(name)" }
        return "\(bytes)"
    }

    var defaultValueDescription: String { description }
}
