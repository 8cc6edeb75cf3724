import ArgumentParser
import Intake
import Publishing

struct FormatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "format",
        abstract: "List the formats that are known, and write one of your own.",
        discussion: """
            A format says which path, column or named group of a record is which field. To read a log \
            that is not known yet, start from the built-in format that is most like it:

              lastseen format list
              lastseen format show native > mine.yaml
              lastseen format try log.json --format-file mine.yaml
              lastseen analyze log.json --format-file mine.yaml
            """,
        subcommands: [List.self, Show.self, Try.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the built-in formats, in the order in which 'auto' tries them.")

        func run() throws {
            var text = ""
            for format in FormatCatalog.builtIn {
                text += "\(padded(format.name, to: 14)) \(padded(format.decoder.rawValue, to: 5)) "
                let lines = wrapped(format.description, indent: 21)
                text += String(lines.dropFirst(21))
            }
            try put(text)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a built-in format, to start your own from.",
            discussion: "Exit statuses: 0, 64 no such format.")

        @Argument(help: "The format's name.") var name: String

        func run() throws {
            let text = try FormatCatalog.text(named: name)
            try put(text.hasSuffix("\n") ? text : text + "\n")
        }
    }

    struct Try: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a format makes of the first lines of a file.",
            discussion: """
                  lastseen format try auth.log
                  lastseen format try export.csv --format-file mine.yaml --count 50

                Exit statuses: 0 every line could be read, 65 some were refused, 64 misuse, 66 no such \
                file, 78 the format file is wrong.
                """)

        @Argument(help: "A file of records; '-' is standard input.") var file: String
        @Option(name: .long, help: "Lines to look at.") var count = 10
        @OptionGroup var format: FormatOptions

        func validate() throws {
            guard (1...10_000).contains(count) else {
                throw ValidationError("--count is \(count). Use 1 to 10000.")
            }
        }

        func run() throws {
            let trial = try FormatTrial.run(
                input: file == "-" ? .standardInput : .file(path: file),
                format: try format.choice(), count: count, options: try format.intake())
            for note in trial.notes { complain(note) }
            var refused = 0
            var text = ""
            for line in trial.lines {
                switch line.outcome {
                case .record(let values):
                    text += "line \(line.line): a record\n"
                    for value in values {
                        text +=
                            "    \(padded(value.field.rawValue, to: 12)) "
                            + SafeText.visible(value.text) + "\n"
                    }
                case .refused(let reason):
                    refused += 1
                    text += "line \(line.line): refused: \(SafeText.visible(reason))\n"
                case .skipped:
                    text += "line \(line.line): passed over: not of a kind that is judged\n"
                }
            }
            try put(text)
            if trial.lines.isEmpty { complain("\(file): there is no line in it") }
            if refused > 0 { throw ExitCode(65) }
        }
    }
}
